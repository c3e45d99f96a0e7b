//! One seed from beginning to end.

use super::client::CLIENTS;
use super::disk::{Rows, apply_entry};
use super::world::{Event, MILLISECOND, SECOND, World};
use crate::core::{Base, Broken, StoredState};
use daos_wire::replicated::{LogIndex, Membership, Term};

/// How long things go wrong.
const FAULTS: u64 = 6 * SECOND;
/// How long it may take to agree again when nothing goes wrong any more.
const PEACE: u64 = 30 * SECOND;

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub trace: u64,
    pub steps: u64,
    pub operations: u64,
    pub acknowledged: u64,
    pub entries: u64,
    pub terms: u64,
    pub snapshots: u64,
    pub crashes: u64,
    pub membership_changes: u64,
    pub runs: u64,
}

impl Outcome {
    pub fn add(&mut self, other: &Outcome) {
        self.trace ^= other.trace;
        self.steps += other.steps;
        self.operations += other.operations;
        self.acknowledged += other.acknowledged;
        self.entries += other.entries;
        self.terms += other.terms;
        self.snapshots += other.snapshots;
        self.crashes += other.crashes;
        self.membership_changes += other.membership_changes;
        self.runs += 1;
    }

    /// A run in which nothing happens proves nothing.
    pub fn check_that_much_happened(&self) {
        assert!(self.acknowledged > 20 * self.runs, "{self:?}");
        assert!(self.runs < 100 || (self.snapshots > self.runs && self.membership_changes > self.runs), "{self:?}");
    }
}

/// The group begins with one replica that has rows already, as when a service becomes replicated.
fn begin(seed: u64, broken: Broken) -> Result<World, String> {
    let mut world = World::new(seed, 6, broken);
    let membership = World::members([1]);
    let base = Base { index: LogIndex(1), term: Term(1), membership: membership.clone() };
    world.nodes[0].disk.state =
        StoredState { term: Term(1), vote: None, base, last: LogIndex(1), applied: LogIndex(1) };
    world.checks.first = LogIndex(1);
    for number in 0..7 {
        world.nodes[0].disk.rows.insert(format!("row {number:02}").into_bytes(), b"old".to_vec());
    }
    for index in 0..world.nodes.len() {
        world.start_node(index);
        world.advance(index)?;
    }
    for client in 0..CLIENTS {
        world.schedule(MILLISECOND * client as u64, Event::Client(client));
    }
    Ok(world)
}

/// Lets things happen until a condition holds; whether it came to hold before the time was over.
fn until(world: &mut World, end: u64, holds: impl Fn(&World) -> bool) -> Result<bool, String> {
    while world.now < end {
        if !world.step()? {
            return Ok(false);
        }
        if holds(world) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn wish(world: &mut World, members: impl IntoIterator<Item = u64>) {
    if let Some(index) = world.leader()
        && let Some(core) = &mut world.nodes[index].core
    {
        let _when_it_leads = core.want_members(World::members(members));
    }
}

pub fn run(seed: u64, broken: Broken) -> Result<Outcome, String> {
    let mut world = begin(seed, broken)?;
    until(&mut world, SECOND, |world| world.leader().is_some())?;
    wish(&mut world, [1, 2, 3]);
    let end = world.now + SECOND / 2;
    until(&mut world, end, |_| false)?;
    world.schedule(0, Event::Fault);
    let end = world.now + FAULTS;
    until(&mut world, end, |_| false)?;
    heal(&mut world)?;
    let end = world.now + PEACE;
    let began = world.clients.acknowledged();
    let agrees = |world: &World| world.clients.acknowledged() > began + 10 && is_agreed(world);
    if !until(&mut world, end, agrees)? {
        let members = |core: &crate::Core| -> Vec<String> {
            core.membership().members.iter().map(|m| format!("{}{}", m.id, if m.voter { "" } else { "?" })).collect()
        };
        let state = |node: &super::node::Node| {
            let members = node.core.as_ref().map(members);
            format!("{:?} {members:?} writing {} dead {}", node.core, node.writing.is_some(), node.is_dead)
        };
        let nodes: Vec<String> = world.nodes.iter().map(state).collect();
        return Err(format!("no agreement after the faults stopped: {nodes:#?}"));
    }
    check_rows(&world)?;
    world.clients.check_order(world.checks.log.values().map(|entry| &**entry))?;
    let is_change = |entry: &&std::rc::Rc<crate::LogEntry>| matches!(entry.payload, crate::EntryPayload::Membership(_));
    Ok(Outcome {
        trace: world.trace,
        steps: world.steps,
        operations: world.clients.count(),
        acknowledged: world.clients.acknowledged(),
        entries: world.checks.log.len() as u64,
        terms: world.checks.log.values().next_back().map_or(0, |entry| entry.term.0),
        snapshots: world.snapshots,
        crashes: world.crashes,
        membership_changes: world.checks.log.values().filter(is_change).count() as u64,
        runs: 1,
    })
}

fn heal(world: &mut World) -> Result<(), String> {
    world.is_healed = true;
    world.cut.clear();
    let weather = &mut world.weather;
    (weather.lost, weather.doubled, weather.late, weather.slow_writes) = (0, 0, 0, 0);
    for index in 0..world.nodes.len() {
        world.nodes[index].refuses_until = 0;
        if world.nodes[index].is_broken {
            world.crash(index)?;
        }
        world.restart(index)?;
    }
    Ok(())
}

fn current(world: &World) -> Option<(usize, Membership)> {
    let leader = world.leader()?;
    let core = world.nodes[leader].core.as_ref()?;
    core.is_membership_committed().then(|| (leader, core.membership().clone()))
}

/// Whether every living member has everything that is committed.
fn is_agreed(world: &World) -> bool {
    let Some((_, membership)) = current(world) else { return false };
    let last = world.checks.last();
    world.nodes.iter().filter(|node| !node.is_dead).all(|node| {
        let is_member = membership.members.iter().any(|member| member.id == node.id);
        !is_member || node.core.as_ref().is_some_and(|core| core.applied_index() == last)
    })
}

/// The rows are those of the committed entries in order, at every member.
fn check_rows(world: &World) -> Result<(), String> {
    let mut rows: Rows = (0..7).map(|number| (format!("row {number:02}").into_bytes(), b"old".to_vec())).collect();
    world.checks.log.values().for_each(|entry| apply_entry(&mut rows, entry));
    let Some((_, membership)) = current(world) else { return Err("no leader".into()) };
    for node in world.nodes.iter().filter(|node| !node.is_dead) {
        if membership.members.iter().any(|member| member.id == node.id) && node.disk.rows != rows {
            return Err(format!("{} has other rows than are committed: {:?}, {rows:?}", node.id, node.disk.rows));
        }
    }
    Ok(())
}
