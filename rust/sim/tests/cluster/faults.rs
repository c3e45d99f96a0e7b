//! What goes wrong, and when.

use crate::story::Conductor;
use crate::world::World;
use daos_client::RankAction;
use daos_sim::fabric::Cut;
use daos_sim::media::Fault;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How much faster or slower a clock may go, in millionths: far more than those of machines do.
const DRIFT_MAX: u64 = 30_000;

/// How long an administrator waits for ranks to stop or to start: other things go wrong meanwhile.
const ORDER_LIMIT: Duration = Duration::from_secs(8);

/// Which kinds of faults a seed has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    pub has_storms: bool,
    pub has_cuts: bool,
    pub has_kills: bool,
    pub has_power_cuts: bool,
    pub has_stops: bool,
    pub has_freezes: bool,
    pub has_jumps: bool,
    pub has_disk_errors: bool,
    pub has_client_kills: bool,
    pub has_full_disks: bool,
    pub has_drift: bool,
    pub has_late_engine: bool,
    /// An administrator stops ranks and starts them.
    pub has_orders: bool,
    /// Some of its orders exclude ranks, and let them back.
    pub has_exclusions: bool,
}

impl Faults {
    /// None in every tenth seed, and a few kinds together in the others.
    pub fn choose(world: &World, has_more: bool) -> Faults {
        if world.below(10) == 0 {
            return Faults::default();
        }
        let some = |parts: u64| world.below(parts) == 0;
        Faults {
            has_storms: some(2),
            has_cuts: some(3),
            has_kills: some(2),
            has_power_cuts: some(2),
            has_stops: some(4),
            has_freezes: some(4),
            has_jumps: some(3),
            has_disk_errors: some(5),
            has_client_kills: some(4),
            has_full_disks: has_more && some(4),
            has_drift: has_more && some(4),
            has_late_engine: has_more && some(3),
            has_orders: false,
            has_exclusions: false,
        }
    }

    pub fn any(&self) -> bool {
        *self != Faults::default()
    }

    fn kinds(&self) -> Vec<Kind> {
        let all = [
            (self.has_cuts, Kind::Cut),
            (self.has_kills, Kind::Kill),
            (self.has_power_cuts, Kind::PowerCut),
            (self.has_stops, Kind::Stop),
            (self.has_freezes, Kind::Freeze),
            (self.has_jumps, Kind::Jump),
            (self.has_disk_errors, Kind::DiskError),
            (self.has_client_kills, Kind::ClientKill),
            (self.has_full_disks, Kind::FullDisk),
            (self.has_drift, Kind::Drift),
            (self.has_late_engine, Kind::LateEngine),
            (self.has_orders, Kind::Order),
            (self.has_exclusions, Kind::Exclusion),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, kind)| kind).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Cut,
    Kill,
    PowerCut,
    Stop,
    Freeze,
    Jump,
    DiskError,
    ClientKill,
    FullDisk,
    Drift,
    LateEngine,
    Order,
    Exclusion,
}

/// Lets things go wrong, one after the other, until it is over.
pub async fn disturb(conductor: &Conductor, faults: Faults, mut clients: Vec<u64>, is_over: &Cell<bool>) {
    let world = &conductor.world;
    let kinds = faults.kinds();
    while !is_over.get() && !kinds.is_empty() {
        conductor.spawner.sleep(Duration::from_micros(world.below(800_000))).await;
        if is_over.get() {
            return;
        }
        let kind = kinds[world.below(kinds.len() as u64) as usize];
        daos_env::log!(Info, "sim", "{kind:?}");
        happen(conductor, kind, &mut clients).await;
    }
}

/// How long something that is down stays so: mostly short, sometimes long enough to be excluded, and longer than anything is waited for.
fn absence(world: &World) -> Duration {
    if world.shape.has_long_absences && world.below(24) == 0 {
        return Duration::from_millis(15_000 + world.below(45_000));
    }
    match world.below(6) {
        0 => Duration::from_millis(8000 + world.below(5000)),
        1 | 2 => Duration::from_millis(world.below(4000)),
        _ => Duration::from_millis(world.below(600)),
    }
}

async fn happen(conductor: &Conductor, kind: Kind, clients: &mut Vec<u64>) {
    let world = &conductor.world;
    let node = world.below(world.shape.engines);
    let pause = |time: Duration| conductor.spawner.sleep(time);
    match kind {
        Kind::Cut => {
            world.tally.borrow_mut().cuts += 1;
            world.set_cut(Some(some_cut(world, clients)));
            pause(absence(world)).await;
            world.set_cut(None);
        }
        Kind::Kill => {
            world.tally.borrow_mut().kills += 1;
            world.kill_engine(node);
            pause(absence(world)).await;
            world.restart(node);
        }
        Kind::PowerCut => {
            let media = &world.engine(node).media;
            media.cut_power_at(media.persists() + 1 + world.below(40));
            pause(Duration::from_millis(world.below(1500))).await;
            media.forget_plans();
            if !world.engine(node).is_alive() {
                pause(absence(world)).await;
                world.restart(node);
            }
        }
        Kind::Stop => {
            world.tally.borrow_mut().stops += 1;
            world.stop_engine(node);
            pause(absence(world)).await;
            world.restart(node);
        }
        Kind::Freeze => {
            world.tally.borrow_mut().freezes += 1;
            let time = absence(world);
            world.freeze(node, time);
            pause(time).await;
        }
        Kind::Jump => {
            world.tally.borrow_mut().jumps += 1;
            let nanoseconds = world.below(20_000_000_000) as i64 - 10_000_000_000;
            world.engine(node).clock.set_skew(nanoseconds);
        }
        Kind::DiskError => {
            world.tally.borrow_mut().disk_errors += 1;
            let media = &world.engine(node).media;
            let fault = [Fault::InputOutput, Fault::NoSpace, Fault::Short][world.below(3) as usize];
            media.fail_call(media.calls() + 1 + world.below(40), fault);
            pause(Duration::from_millis(world.below(2000))).await;
            media.forget_plans();
            // A machine with a device that has failed is not trusted: what is not durable is lost.
            world.cut_power(node);
            pause(absence(world)).await;
            world.restart(node);
        }
        Kind::FullDisk => {
            world.tally.borrow_mut().full_disks += 1;
            let media = &world.engine(node).media;
            media.limit_space(Some(media.blocks_used() + world.below(64)));
            pause(absence(world)).await;
            media.limit_space(None);
            pause(Duration::from_millis(world.below(500))).await;
            if !world.engine(node).is_alive() {
                world.restart(node);
            }
        }
        Kind::Drift => {
            world.tally.borrow_mut().drifts += 1;
            let millionths = world.below(2 * DRIFT_MAX) as i64 - DRIFT_MAX as i64;
            match world.below(3) {
                0 => world.drift_client(clients[world.below(clients.len() as u64) as usize], millionths),
                _ => world.engine(node).clock.set_drift(millionths),
            }
        }
        Kind::LateEngine => {
            let late = world.shape.engines - 1;
            if world.shape.has_late_engine && !world.engine(late).is_alive() {
                world.tally.borrow_mut().late_joins += 1;
                world.restart(late);
            }
        }
        Kind::Order => {
            world.tally.borrow_mut().orders += 1;
            order(conductor, RankAction::Stop, None).await;
        }
        Kind::Exclusion => {
            world.tally.borrow_mut().exclusions += 1;
            // Often one that cannot hear it, nor those clients that are cut off with it.
            let has_cut = world.below(2) == 0;
            if has_cut {
                world.set_cut(Some(some_cut(world, clients)));
            }
            order(conductor, RankAction::Exclude, Some(RankAction::ClearExclude)).await;
            if has_cut {
                world.set_cut(None);
            }
        }
        Kind::ClientKill => {
            // One stays.
            if clients.len() > 1 {
                world.tally.borrow_mut().client_kills += 1;
                world.kill_client(clients.swap_remove(world.below(clients.len() as u64) as usize));
            }
        }
    }
}

/// An administrator takes a rank away; some time later, all that are taken away are to serve again.
async fn order(conductor: &Conductor, away: RankAction, back: Option<RankAction>) {
    let world = &conductor.world;
    let (admin, rank, force) = (world.add_client(), world.below(world.shape.engines) as u32, world.below(2) == 0);
    let act = async |action, ranks: &[u32]| {
        // What becomes of it is seen at the end, when all have to be there.
        let acting = admin.client.act_on_ranks(action, ranks, force);
        let outcome = conductor.spawner.timeout(ORDER_LIMIT, acting).await;
        daos_env::log!(Info, "sim", "{action:?} of ranks {ranks:?}: {outcome:?}");
    };
    act(away, &[rank]).await;
    conductor.spawner.sleep(absence(world)).await;
    if let Some(back) = back {
        act(back, &[rank]).await;
    }
    act(RankAction::Start, &[]).await;
}

/// Some nodes are cut off from the others, in both directions or in one.
fn some_cut(world: &World, clients: &[u64]) -> Cut {
    let all: Vec<u64> = (0..world.shape.engines).chain(clients.iter().copied()).collect();
    let side: BTreeSet<u64> = all.iter().copied().filter(|_| world.below(3) == 0).collect();
    let side = if side.is_empty() { BTreeSet::from([world.below(world.shape.engines)]) } else { side };
    match world.below(4) {
        0 => Arc::new(move |from, to| side.contains(&from) && !side.contains(&to)),
        _ => Arc::new(move |from, to| side.contains(&from) != side.contains(&to)),
    }
}
