//! What happens in a seed, from the first start to the last look.

use crate::actor::{ATTRIBUTES, Actor, DKEYS, LABELS, OBJECTS, Open, POOL, POOLS, SHARED, Shared, pool_label};
use crate::faults::{Faults, disturb};
use crate::world::{ClientNode, World};
use daos_client::{Client, Container, ContainerProperties, Pool, PoolCreate, PoolFlags, RankAction, SpaceInfo};
use daos_env::sync::join_all;
use daos_env::{JoinHandle, Random, SeededRandom, Spawner};
use daos_sim::fabric::Weather;
use daos_status::{Code, Result, Status};
use daos_types::Reference;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A pool gets so much on each target: the least that it takes.
pub const BYTES_PER_TARGET: u64 = 16 << 20;
/// How long starting, and doing anything in a calm system, may take.
pub const CALM_LIMIT: Duration = Duration::from_secs(60);
/// How long what is under way when the faults stop may go on: some attempts, each as long as a call may last.
const SETTLE_LIMIT: Duration = Duration::from_secs(200);
/// How long space may stay taken: requests that are under way last for two minutes at most, and then it is looked for.
const SPACE_LIMIT: Duration = Duration::from_secs(200);
/// How long handles of clients that are gone may stay: the service gives them time to come back.
const HANDLES_LIMIT: Duration = Duration::from_secs(400);

/// What a target's metadata keeps once it has held a large value: pages for the bitmap of its data device.
const BITMAP_BYTES: u64 = 1 << 20;
/// What it keeps once a transaction has ended there: room to remember how the last ones ended.
const OUTCOMES_BYTES: u64 = 16 << 10;

/// Who leads through a seed.
#[derive(Clone)]
pub struct Conductor {
    pub world: Rc<World>,
    pub shared: Rc<Shared>,
    pub spawner: Spawner,
}

impl Conductor {
    /// The result of a future that has to end in time; otherwise that is a violation.
    pub async fn within<T>(&self, limit: Duration, what: &str, future: impl Future<Output = T>) -> Option<T> {
        let ended = self.spawner.timeout(limit, future).await;
        if ended.is_none() {
            self.world.violate(format!("{what} has not ended after {} s", limit.as_secs()));
        }
        ended
    }

    /// Asks until the answer is what it should be, or for too long.
    pub async fn until<T>(
        &self,
        limit: Duration,
        what: &str,
        mut ask: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Option<T> {
        let last = Rc::new(Cell::new(String::new()));
        let told = last.clone();
        let asking = async {
            let mut pause = Duration::from_millis(20);
            loop {
                match ask().await {
                    Ok(Some(found)) => return found,
                    Ok(None) => {}
                    Err(status) => told.set(status.to_string()),
                }
                self.spawner.sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
        };
        let found = self.spawner.timeout(limit, asking).await;
        if found.is_none() {
            self.world.violate(format!("{what}: not after {} s; {}", limit.as_secs(), last.take()));
        }
        found
    }

    pub async fn all_joined(&self, client: &Client, engines: u64, limit: Duration) -> Option<()> {
        let count = engines as usize;
        let joined = async || {
            for machine in &self.world.engines()[..count] {
                if !machine.is_alive() {
                    let why = machine.ended.take().map_or(String::new(), |status| status.to_string());
                    self.world.violate(format!("engine {} has ended though nothing was wrong: {why}", machine.node));
                    self.world.restart(machine.node);
                }
            }
            let ranks = client.system_ranks().await?;
            let joined = ranks.iter().filter(|rank| rank.state == "joined").count();
            if joined == count {
                return Ok(Some(()));
            }
            let states: Vec<String> = ranks.iter().map(|rank| format!("{} {}", rank.rank, rank.state)).collect();
            Err(Status::new(Code::Again, states.join(", ")))
        };
        self.until(limit, "all ranks are joined", joined).await
    }

    /// Ranks that an administrator has excluded or stopped serve again.
    pub async fn all_started(&self, client: &Client) -> Option<()> {
        let started = async || {
            let mut excluded = client.system_ranks().await?;
            excluded.retain(|info| info.state == "adminexcluded");
            if !excluded.is_empty() {
                let ranks: Vec<u32> = excluded.iter().map(|info| info.rank).collect();
                client.act_on_ranks(RankAction::ClearExclude, &ranks, false).await?;
            }
            let outcomes = client.act_on_ranks(RankAction::Start, &[], false).await?;
            match outcomes.into_iter().find(|outcome| !outcome.error.is_empty()) {
                None => Ok(Some(())),
                Some(failed) => Err(Status::new(Code::Again, format!("rank {}: {}", failed.rank, failed.error))),
            }
        };
        self.until(SETTLE_LIMIT, "all ranks are started", started).await
    }

    /// A rank that was excluded is back in the map of the pool some time after it has joined: when it serves, and has what it missed.
    async fn all_in_use(&self, client: &Client) -> Option<()> {
        let in_use = async || {
            let info = client.pool_query(&Reference::Label(POOL.into())).await?;
            match info.targets_disabled {
                0 => Ok(Some(())),
                some => Err(Status::new(Code::Again, format!("{some} are not"))),
            }
        };
        self.until(SETTLE_LIMIT, "all targets are in use", in_use).await
    }

    /// Brings the system up; gives the space that the pool has to begin with.
    pub async fn begin(&self, admin: &Client) -> Option<(SpaceInfo, SpaceInfo)> {
        let engines = self.world.shape.first_engines();
        for node in 0..engines {
            self.world.start_engine(node);
            self.spawner.sleep(Duration::from_micros(self.world.below(50_000))).await;
        }
        self.all_joined(admin, engines, CALM_LIMIT).await?;
        let targets = engines * u64::from(self.world.shape.targets);
        let create = PoolCreate {
            label: POOL.to_owned(),
            size: BYTES_PER_TARGET * targets,
            durability: "log".to_owned(),
            ..PoolCreate::default()
        };
        let created = self.within(CALM_LIMIT, "pool create", admin.pool_create(create)).await?;
        if let Err(status) = created {
            self.world.violate(format!("the pool cannot be made: {status}"));
            return None;
        }
        let before = self.space(admin).await?;
        let made = self.within(CALM_LIMIT, "the first container", async {
            let label = Reference::Label(POOL.into());
            let pool = Pool::connect(admin, &label, PoolFlags::READ_WRITE).await?;
            let properties = ContainerProperties { label: SHARED.to_owned(), ..ContainerProperties::default() };
            Container::create(admin, &pool, None, properties).await?;
            pool.disconnect(admin).await
        });
        if let Err(status) = made.await? {
            self.world.violate(format!("the first container cannot be made: {status}"));
            return None;
        }
        Some(before)
    }

    async fn space(&self, admin: &Client) -> Option<(SpaceInfo, SpaceInfo)> {
        let query = async || {
            let info = admin.pool_query(&Reference::Label(POOL.into())).await?;
            Ok(Some((info.meta, info.data)))
        };
        self.until(CALM_LIMIT, "pool query", query).await
    }

    pub fn actor(&self, client: &ClientNode) -> Actor {
        let random = SeededRandom::new(self.world.random.next_u64());
        Actor { shared: self.shared.clone(), client: client.client.clone(), random }
    }

    fn start_actor(&self, client: &ClientNode, operations: u64) -> JoinHandle<()> {
        let actor = self.actor(client);
        client.executor.spawner().spawn(async move { actor.act(operations).await })
    }

    /// Another one: transactions from one engine to another, whose clock is eight seconds ahead.
    pub async fn lead_across_clocks(self) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        self.world.engine(1).clock.set_skew(8_000_000_000);
        let actor = self.actor(&admin);
        let crossed = self.within(CALM_LIMIT, "transactions between engines", async {
            let open = actor.open().await?;
            actor.transact_across(&open).await?;
            actor.leave(open).await;
            Ok::<(), Status>(())
        });
        if let Some(Err(status)) = crossed.await {
            self.world.violate(format!("transactions between engines: {status}"));
        }
    }

    /// The whole story.
    pub async fn lead(self, plan: Plan) {
        self.shared.is_calm.set(!plan.faults.any());
        if plan.planted == Some(Planted::LyingDevices) {
            self.world.engines().iter().for_each(|machine| machine.media.ignore_syncs());
        }
        let admin = self.world.add_client();
        let Some(before) = self.begin(&admin.client).await else { return };
        if plan.faults.has_storms {
            self.world.tally.borrow_mut().storms += 1;
            self.world.set_weather(plan.weather.clone());
        }
        let (mut clients, mut running) = (Vec::new(), Vec::new());
        for _ in 0..plan.clients {
            // Only the world holds it, so that it ends when it is killed.
            let client = self.world.add_client();
            running.extend((0..plan.actors).map(|_| self.start_actor(&client, plan.operations)));
            clients.push(client.node);
        }
        let is_over = Rc::new(Cell::new(false));
        let trouble = {
            let (conductor, faults, over) = (self.clone(), plan.faults, is_over.clone());
            self.spawner.spawn(async move { disturb(&conductor, faults, clients, &over).await })
        };
        // The faults go on as long as somebody works, but not for ever.
        let working = join_all(running);
        let mut working = Box::pin(working);
        let ended = self.spawner.timeout(plan.trouble_limit, &mut working).await;
        is_over.set(true);
        trouble.await;
        self.calm_down();
        if plan.planted == Some(Planted::LastingCut) {
            self.world.set_cut(Some(Arc::new(|from, to| (from == 0) != (to == 0))));
        }
        let starting = {
            // What needs a rank that is excluded waits until the administrator lets it back.
            let (conductor, client) = (self.clone(), admin.client.clone());
            self.spawner.spawn(async move {
                if plan.faults.has_exclusions {
                    conductor.all_started(&client).await;
                }
            })
        };
        let settled = self.within(SETTLE_LIMIT, "what was under way when the faults stopped", async {
            if ended.is_none() {
                working.await;
            }
            starting.await.expect("the task ends");
        });
        if settled.await.is_none() {
            return;
        }
        if (plan.faults.has_orders || plan.faults.has_exclusions) && self.all_started(&admin.client).await.is_none()
            || self.all_joined(&admin.client, self.world.shape.engines, SETTLE_LIMIT).await.is_none()
            || self.all_in_use(&admin.client).await.is_none()
        {
            return;
        }
        self.shared.is_calm.set(true);
        if self.look_at_everything().await.is_none() {
            return;
        }
        // What a client could not close, since nobody answered, is closed when its process ends.
        self.world.end_other_clients(admin.node);
        self.tidy_up(&admin.client, before, plan.planted).await;
    }

    /// No faults any more.
    fn calm_down(&self) {
        self.world.set_cut(None);
        self.world.set_weather(Weather::default());
        for machine in self.world.engines() {
            machine.media.forget_plans();
            machine.media.limit_space(None);
            self.world.freeze(machine.node, Duration::ZERO);
            if !machine.is_alive() {
                self.world.restart(machine.node);
            }
        }
    }

    /// A new client reads all that there may be.
    async fn look_at_everything(&self) -> Option<()> {
        let observer = self.world.add_client();
        let actor = self.actor(&observer);
        let open: Open = self.until(CALM_LIMIT, "a new client opens", async || actor.open().await.map(Some)).await?;
        let read = self.within(CALM_LIMIT * 4, "the last look", async {
            for object in 0..OBJECTS {
                for dkey in 0..DKEYS {
                    actor.read(&open, object, dkey).await?;
                }
            }
            for name in 0..ATTRIBUTES {
                actor.get_attribute(&open, name).await?;
            }
            if self.world.shape.has_snapshots {
                actor.look_at_snapshots(&open).await?;
            }
            for label in 0..LABELS {
                self.when_decided("no container is being destroyed", async || actor.look(&open, label).await).await?;
            }
            if self.world.shape.has_pools {
                for number in 0..POOLS {
                    self.when_decided("no pool is being made or destroyed", async || actor.look_for_pool(number).await)
                        .await?;
                }
            }
            Ok::<(), Status>(())
        });
        if let Err(status) = read.await? {
            self.world.violate(format!("a calm system does not answer: {status}"));
        }
        self.within(CALM_LIMIT, "the observer leaves", actor.leave(open)).await
    }

    /// Asks until nothing is in the midst of being made or destroyed: somebody may have been killed who wanted it. That ends by itself.
    async fn when_decided(&self, what: &str, mut ask: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        let decided = async || match ask().await {
            Err(status) if matches!(status.code(), Code::ContDestroying | Code::Busy) => Ok(None),
            other => Ok(Some(other)),
        };
        self.until(SETTLE_LIMIT, what, decided).await.unwrap_or(Ok(()))
    }

    /// No handles are left, and when everything is destroyed, no space is taken.
    async fn tidy_up(&self, admin: &Client, before: (SpaceInfo, SpaceInfo), planted: Option<Planted>) -> Option<()> {
        let pool = || Reference::Label(POOL.into());
        if planted == Some(Planted::OpenHandle) {
            let _stays = Pool::connect(admin, &pool(), PoolFlags::READ_WRITE).await;
        }
        let handles = async || {
            let handles = admin.pool_query(&pool()).await?.handles;
            if handles == 0 {
                return Ok(Some(()));
            }
            Err(Status::new(Code::Again, format!("{handles} handles are left")))
        };
        self.until(HANDLES_LIMIT, "no handle is left", handles).await?;
        let destroyed = self.within(CALM_LIMIT, "destroying all containers", async {
            let open = Pool::connect(admin, &pool(), PoolFlags::READ_WRITE).await?;
            let containers = open.list_containers(admin).await?;
            let forgotten = usize::from(planted == Some(Planted::ForgottenContainer));
            for container in containers.into_iter().skip(forgotten) {
                Container::destroy(admin, &open, &Reference::Id(container.id.0), false).await?;
            }
            open.disconnect(admin).await
        });
        if let Err(status) = destroyed.await? {
            self.world.violate(format!("a container cannot be destroyed: {status}"));
            return None;
        }
        let same = async || {
            let info = admin.pool_query(&pool()).await?;
            let lost = before.0.free.saturating_sub(info.meta.free);
            let targets = self.world.shape.engines * u64::from(self.world.shape.targets);
            let (bitmaps, rest) = (lost / BITMAP_BYTES, lost % BITMAP_BYTES);
            let outcomes = if self.world.shape.has_transactions { rest / OUTCOMES_BYTES } else { 0 };
            let is_kept = rest == outcomes * OUTCOMES_BYTES && bitmaps.max(outcomes) <= targets;
            if info.data == before.1 && is_kept {
                return Ok(Some(()));
            }
            Err(Status::new(Code::Again, format!("{:?} now, {before:?} before", (info.meta, info.data))))
        };
        if self.until(SPACE_LIMIT, "the space of what was destroyed is free", same).await.is_none() {
            // Whether it is lost for good.
            for machine in self.world.engines() {
                self.world.kill_engine(machine.node);
                self.world.restart(machine.node);
            }
            self.all_joined(admin, self.world.shape.engines, CALM_LIMIT).await?;
            self.until(CALM_LIMIT, "not after a restart either", same).await?;
            return None;
        }
        let gone = self.within(CALM_LIMIT, "destroying the pool", admin.pool_destroy(&pool(), false)).await?;
        if let Err(status) = gone {
            self.world.violate(format!("the pool cannot be destroyed: {status}"));
        }
        for other in (0..POOLS).map(|number| Reference::Label(pool_label(number))) {
            match self.within(CALM_LIMIT, "destroying another pool", admin.pool_destroy(&other, true)).await? {
                Err(status) if status.code() != Code::Nonexist => {
                    self.world.violate(format!("{other:?} cannot be destroyed: {status}"));
                }
                _ => {}
            }
        }
        let list = self.within(CALM_LIMIT, "listing pools", admin.pool_list()).await?;
        match list {
            Ok(list) if list.is_empty() => {}
            other => self.world.violate(format!("the pool was destroyed, and the list is {other:?}")),
        }
        Some(())
    }
}

/// Something wrong that a test wants to be found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Planted {
    /// Devices say that a sync is done and do nothing: engines acknowledge what a power cut takes back.
    LyingDevices,
    /// A handle stays open.
    OpenHandle,
    /// A container is not destroyed.
    ForgottenContainer,
    /// The network stays cut.
    LastingCut,
}

/// What a seed decides about what happens.
#[derive(Clone, Debug)]
pub struct Plan {
    pub planted: Option<Planted>,
    pub faults: Faults,
    pub weather: Weather,
    pub clients: u64,
    pub actors: u64,
    pub operations: u64,
    pub trouble_limit: Duration,
}

impl Plan {
    pub fn new(world: &World, faults: Faults) -> Plan {
        let delays = [100, 100, 2_000, 20_000];
        let longest = Duration::from_micros(delays[world.below(4) as usize]);
        Plan {
            planted: None,
            faults,
            weather: Weather {
                delay: Duration::from_micros(1)..=longest,
                loss_per_mille: [0, 5, 40][world.below(3) as usize],
                doubling_per_mille: [0, 20][world.below(2) as usize],
            },
            clients: 2,
            actors: 1 + world.below(2),
            operations: 12 + world.below(16),
            trouble_limit: Duration::from_secs(20 + world.below(20)),
        }
    }
}
