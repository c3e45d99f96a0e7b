//! The stores of a target: its part of each pool.

use super::confirm::Confirm;
use super::measures::RequestCounts;
use crate::locks::KeyedLocks;
use daos_env::sync::join_all;
use daos_env::{Env, HybridClock, Spawner};
use daos_media::{Media, MemoryMedia};
use daos_rebuild::{Aggregator, ReclaimSettings, ScrubSettings, Scrubber};
use daos_status::{Code, Result, Status, fail};
use daos_store::{ChecksumKind, Durability, ScrubProgress, Store, StoreSettings, TierSpace};
use daos_types::{ContainerId, Epoch, PoolId};
use daos_wire::{Opcode, Space, TargetPoolCreate, TargetSpace};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How far the clock of another engine may be ahead of the calendar here: wrong calendars are followed, nonsense is not.
pub(crate) const AHEAD_NANOSECONDS_MAX: u64 = 3_600_000_000_000;

/// What the folders of pools begin with.
const FOLDER_PREFIX: &str = "pool-";

/// A target's part of a pool.
enum Part {
    Open(Rc<Store>, Box<Background>),
    /// It is there and could not be opened: every request is answered with the reason, and the data stays for repair.
    Broken(Status),
    /// Its folder is there and holds no whole store: a crash came while it was made or removed, or files are missing.
    Missing(Status),
}

/// What is done for a store while nobody asks for it.
struct Background {
    scrubber: Scrubber,
    aggregator: Rc<Aggregator>,
    /// Requests about its objects.
    requests: RequestCounts,
}

/// What is done for a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct PoolWork {
    /// Requests about its objects, by operation.
    pub requests: Vec<(String, u64)>,
    /// What scrubbing has looked at, and how often it has looked at everything.
    pub scrub: ScrubProgress,
    pub scrub_passes: u64,
    /// How often old versions were given back.
    pub aggregation_rounds: u64,
}

/// The pools of one target; clones are the same.
#[derive(Clone)]
pub(crate) struct Pools(Rc<Inner>);

struct Inner {
    media: Rc<dyn Media>,
    env: Env,
    spawner: Spawner,
    clock: Arc<HybridClock>,
    parts: RefCell<BTreeMap<PoolId, Part>>,
    /// The newest version of each pool's map that the metadata service has told.
    map_versions: RefCell<BTreeMap<PoolId, u32>>,
    locks: KeyedLocks<PoolId>,
    /// Who is asked whether snapshots are known.
    confirm: RefCell<Option<Rc<Confirm>>>,
}

fn folder_name(pool: PoolId) -> String {
    format!("{FOLDER_PREFIX}{pool}")
}

impl Pools {
    /// Opens every pool that the media hold a part of. One that is damaged does not keep the others from being used.
    pub async fn open_all(media: Rc<dyn Media>, env: Env, spawner: Spawner, clock: Arc<HybridClock>) -> Result<Pools> {
        let folders = media.folders()?;
        let ids = folders.iter().filter_map(|name| Uuid::try_parse(name.strip_prefix(FOLDER_PREFIX)?).ok());
        let ids: Vec<PoolId> = ids.map(PoolId).collect();
        let (parts, map_versions, locks) = (RefCell::default(), RefCell::default(), KeyedLocks::default());
        let confirm = RefCell::default();
        let inner = Inner { media, env, spawner, clock, parts, map_versions, locks, confirm };
        let pools = Pools(Rc::new(inner));
        join_all(ids.iter().map(|id| pools.open(*id))).await;
        Ok(pools)
    }

    async fn open(&self, pool: PoolId) {
        let inner = &self.0;
        let opened = match inner.media.folder(&folder_name(pool)) {
            Ok(folder) => Store::open(folder, inner.env.clone(), &inner.spawner).await,
            Err(status) => Err(status),
        };
        let part = match opened {
            Ok(store) => self.opened(pool, store).await,
            Err(status) if status.code() == Code::Nonexist => Part::Missing(status),
            Err(status) => {
                daos_env::log!(Error, "engine", "pool {pool} cannot be opened: {status}");
                Part::Broken(status)
            }
        };
        inner.parts.borrow_mut().insert(pool, part);
    }

    /// Takes a store into use: epochs from now on are newer than all that it has seen, also when the calendar lags behind.
    async fn opened(&self, pool: PoolId, store: Rc<Store>) -> Part {
        if let Err(status) = store.remember_changes().await {
            daos_env::log!(Warn, "engine", "pool {pool} can not be written: {status}");
        }
        self.0.clock.observe(store.newest_epoch().0);
        // Before this moment, somebody may have read anything.
        store.raise_read_floor(Epoch(self.0.clock.next()));
        let name = format!("pool {pool} in {}", self.0.media.describe());
        let inner = &self.0;
        let scrubber = Scrubber::new(&store, name.clone(), &inner.spawner);
        let aggregator = Rc::new(Aggregator::new(&store, name, inner.clock.clone(), &inner.spawner));
        let weak = Rc::downgrade(inner);
        aggregator.ask(Rc::new(move |epoch| {
            let confirm = weak.upgrade().and_then(|inner| inner.confirm.borrow().clone());
            Box::pin(async move {
                match confirm {
                    Some(confirm) => confirm.confirm(pool, epoch).await,
                    None => fail!(Code::Again, "the target is starting or ending"),
                }
            })
        }));
        let requests = RequestCounts::default();
        Part::Open(store, Box::new(Background { scrubber, aggregator, requests }))
    }

    /// The store of a pool.
    pub fn store(&self, pool: PoolId) -> Result<Rc<Store>> {
        match self.0.parts.borrow().get(&pool) {
            Some(Part::Open(store, _)) => Ok(store.clone()),
            Some(Part::Broken(status)) => {
                Err(status.clone().while_doing(format_args!("pool {pool} could not be opened when the engine started")))
            }
            Some(Part::Missing(status)) => {
                fail!(Code::DfInval, "files of pool {pool} are missing on this target: {}", status.context())
            }
            None => fail!(Code::Nonexist, "pool {pool} has no part on this target"),
        }
    }

    /// Counts a request about an object of a pool.
    pub fn count(&self, pool: PoolId, opcode: Opcode) {
        if let Some(Part::Open(_, background)) = self.0.parts.borrow().get(&pool) {
            background.requests.add(opcode);
        }
    }

    /// What is done for a pool; `None` for one that cannot be used.
    pub fn work(&self, pool: PoolId) -> Option<PoolWork> {
        let parts = self.0.parts.borrow();
        let Some(Part::Open(_, background)) = parts.get(&pool) else { return None };
        Some(PoolWork {
            requests: background.requests.read(),
            scrub: background.scrubber.total(),
            scrub_passes: background.scrubber.passes(),
            aggregation_rounds: background.aggregator.rounds(),
        })
    }

    /// The newest version of a pool's map that was told here; 0 when none was.
    pub fn map_version(&self, pool: PoolId) -> u32 {
        self.0.map_versions.borrow().get(&pool).copied().unwrap_or(0)
    }

    /// Refuses requests by older maps from now on. Pools that have no part here are not remembered.
    pub fn set_map_versions(&self, versions: &[(PoolId, u32)]) {
        let (parts, mut known) = (self.0.parts.borrow(), self.0.map_versions.borrow_mut());
        for (pool, version) in versions.iter().filter(|(pool, _)| parts.contains_key(pool)) {
            let newest = known.entry(*pool).or_default();
            *newest = (*newest).max(*version);
        }
    }

    /// Does background work by the properties of a pool from now on.
    pub fn set_properties(&self, pool: PoolId, numbers: &[(u32, u64)]) -> Result<()> {
        let (scrub, reclaim) = (ScrubSettings::of(numbers)?, ReclaimSettings::of(numbers)?);
        if let Some(Part::Open(_, background)) = self.0.parts.borrow().get(&pool) {
            background.scrubber.set(scrub);
            background.aggregator.set(reclaim);
        }
        Ok(())
    }

    /// Aggregates a container up to an epoch; whether it is done within the limit.
    pub async fn aggregate(&self, pool: PoolId, container: ContainerId, up_to: Epoch, limit: Duration) -> Result<bool> {
        let store = self.store(pool)?;
        // Fails when there is no such container.
        store.aggregated(container).await?;
        // What is changed from now on is newer.
        self.observe(up_to);
        let aggregator = match self.0.parts.borrow().get(&pool) {
            Some(Part::Open(_, background)) => background.aggregator.clone(),
            _ => return Ok(true),
        };
        Ok(aggregator.aggregate(container, up_to, limit).await)
    }

    /// Who is asked from now on whether snapshots are known; nothing is freed before.
    pub fn set_confirm(&self, confirm: Confirm) {
        self.0.confirm.replace(Some(Rc::new(confirm)));
    }

    /// Epochs from now on are newer than this one.
    pub fn observe(&self, epoch: Epoch) {
        self.0.clock.observe(epoch.0);
    }

    /// As [`Pools::observe`], of what another engine says; `false` when that is so far ahead that nobody should follow.
    pub fn observe_other(&self, epoch: Epoch) -> bool {
        self.0.clock.follow(epoch.0, AHEAD_NANOSECONDS_MAX)
    }

    /// Makes the target's part of a pool; one that is there already will do.
    pub async fn create(&self, request: &TargetPoolCreate) -> Result<()> {
        let pool = request.pool;
        let _guard = self.0.locks.lock(pool).await;
        let is_there = !matches!(self.0.parts.borrow().get(&pool), None | Some(Part::Missing(_)));
        if is_there {
            return self.store(pool).map(|_| ());
        }
        let durability = match request.durability.as_str() {
            "log" => Durability::Log,
            "pmem" => Durability::Pmem,
            "ram" => Durability::Ram,
            other => fail!(Code::Notsupported, "durability class '{other}' is not part of this release"),
        };
        let settings = StoreSettings {
            data_bytes: request.data_bytes,
            arena_bytes: request.meta_bytes,
            log_bytes: request.log_bytes,
            durability,
            checksum: ChecksumKind::default(),
        };
        let media: Rc<dyn Media> = match durability {
            Durability::Ram => Rc::new(MemoryMedia::taken_ahead()),
            _ => self.0.media.folder(&folder_name(pool))?,
        };
        let made = Store::create(media, settings, self.0.env.clone(), &self.0.spawner).await;
        let doing = || format!("making the part of pool {pool} in {}", self.0.media.describe());
        match made {
            Ok(store) => {
                let part = self.opened(pool, store).await;
                self.0.parts.borrow_mut().insert(pool, part);
                Ok(())
            }
            Err(status) => {
                if let Err(error) = self.remove_folder(pool) {
                    daos_env::log!(Warn, "engine", "what is left of pool {pool} could not be removed: {error}");
                }
                Err(status.while_doing(doing()))
            }
        }
    }

    /// Removes the target's part of a pool, if it has one.
    pub async fn destroy(&self, pool: PoolId) -> Result<()> {
        let _guard = self.0.locks.lock(pool).await;
        let part = self.0.parts.borrow_mut().remove(&pool);
        self.0.map_versions.borrow_mut().remove(&pool);
        if let Some(Part::Open(store, _)) = part
            && let Err(status) = store.close().await
        {
            daos_env::log!(Warn, "engine", "pool {pool}, which is destroyed, did not close: {status}");
        }
        self.remove_folder(pool)
    }

    fn remove_folder(&self, pool: PoolId) -> Result<()> {
        let name = folder_name(pool);
        if self.0.media.folders()?.contains(&name) {
            self.0.media.remove_folder(&name)?;
        }
        Ok(())
    }

    /// The pools of which it has a part, in whatever state.
    pub fn ids(&self) -> Vec<PoolId> {
        self.0.parts.borrow().keys().copied().collect()
    }

    /// The space of the target's part of a pool.
    pub fn space(&self, pool: PoolId) -> Result<TargetSpace> {
        let space = self.store(pool)?.space()?;
        let wire = |tier: TierSpace| Space { total: tier.total, free: tier.free };
        Ok(TargetSpace { meta: wire(space.arena), data: wire(space.data) })
    }

    /// Closes every store with a checkpoint; gives the first error after all were closed.
    pub async fn close_all(&self) -> Result<()> {
        self.0.confirm.take();
        let parts = std::mem::take(&mut *self.0.parts.borrow_mut());
        let stores = parts.into_iter().filter_map(|(pool, part)| match part {
            Part::Open(store, _) => Some((pool, store)),
            Part::Broken(_) | Part::Missing(_) => None,
        });
        let closed = stores.map(|(pool, store)| async move {
            let result = store.close().await;
            if let Err(status) = &result {
                daos_env::log!(Error, "engine", "pool {pool} did not close cleanly: {status}");
            }
            result
        });
        join_all(closed).await.into_iter().collect()
    }
}
