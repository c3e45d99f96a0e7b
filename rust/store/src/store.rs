//! The store itself: how it is made, opened and closed, and what it tells about itself. `calls.rs` has the requests to it.

use crate::aggregate::Aggregation;
use crate::change::{Looks, Pause, Watches};
use crate::changes::Changes;
use crate::damage::DamageLog;
use crate::ends::Ends;
use crate::prepared::PreparedTable;
use crate::punch::LOOKED_AT_ONCE;
use crate::recent::Recent;
use crate::reclaim::Reclaim;
use crate::superblock::Superblock;
use crate::timestamps::Timestamps;
use crate::value_space::ValueSpace;
use crate::{ContainerSettings, Statistics, StoreSettings, StoreSpace, TierSpace};
use daos_env::{Env, Spawner};
use daos_media::{ArenaSettings, ArenaStatistics, BLOCK_SIZE, DurableArena, Lsn, Media, Trim};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, Epoch};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One target's part of one pool. See the [crate].
pub struct Store {
    pub(crate) durable: DurableArena,
    pub(crate) values: Rc<ValueSpace>,
    pub(crate) superblock: Superblock,
    pub(crate) recent: Recent,
    pub(crate) ends: Ends,
    pub(crate) timestamps: Timestamps,
    pub(crate) prepared: PreparedTable,
    pub(crate) changes: Changes,
    pub(crate) reclaim: Reclaim,
    pub(crate) aggregation: Aggregation,
    pub(crate) spawner: Spawner,
    statistics: Cell<Statistics>,
    /// The newest epoch that was written, or a bound of it after opening.
    pub(crate) newest: Cell<u64>,
    /// The newest epoch at which a transaction has read; not that of what is newest here, which others read when they ask for that.
    newest_read: Cell<u64>,
    /// Reads up to this epoch are remembered after a crash.
    read_bound: Cell<u64>,
    is_closed: Cell<bool>,
    /// The container that was found last, with the link of its record; zero when that is gone.
    pub(crate) last_container: Cell<(ContainerId, u32)>,
    damages: RefCell<DamageLog>,
    /// What the conditions of the change that is being made have looked at, and who has to be told of changes meanwhile.
    pub(crate) looks: RefCell<Looks>,
    pub(crate) watches: Rc<Watches>,
    /// Entries that a punch looks at for values of its own epoch.
    pub(crate) punch_looks: Cell<usize>,
    /// What the change that was refused last has to wait for.
    pub(crate) pause: Cell<Option<Box<Pause>>>,
}

impl Store {
    /// Makes an empty store on media that hold none. What an interrupted call has left behind is replaced.
    pub async fn create(
        media: Rc<dyn Media>,
        settings: StoreSettings,
        env: Env,
        spawner: &Spawner,
    ) -> Result<Rc<Store>> {
        let arena_settings = ArenaSettings {
            arena_capacity: settings.arena_bytes,
            log_bytes: settings.log_bytes,
            data_bytes: settings.data_bytes,
            durability: settings.durability,
        };
        if settings.data_bytes < BLOCK_SIZE as u64 {
            fail!(Code::Inval, "a data device of {} bytes: at least {BLOCK_SIZE} are needed", settings.data_bytes);
        }
        if is_left_over(&media, &env, spawner).await? {
            DurableArena::remove(&*media)?;
        }
        let durable = DurableArena::create(media, arena_settings, env, spawner).await?;
        let mut transaction = durable.arena().begin();
        Superblock::format(&mut transaction, &settings)?;
        let lsn = durable.commit(transaction)?;
        durable.wait_durable(lsn).await?;
        Store::start(durable, spawner)
    }

    /// Opens the store of media, with everything that was acknowledged before.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner) -> Result<Rc<Store>> {
        let place = media.describe();
        let durable = DurableArena::open(media, env, spawner).await?;
        if !Superblock::exists(durable.arena())? {
            fail!(Code::Nonexist, "{place} holds a store that was never completely made; create it again");
        }
        let opened = async {
            let store = Store::start(durable, spawner)?;
            store.bring_up_to_date().await?;
            Ok(store)
        };
        opened.await.map_err(|status: Status| status.while_doing(format!("opening the store in {place}")))
    }

    /// Makes a store of an older version one of the present version: older programs refuse it from then on.
    pub(crate) async fn bring_up_to_date(&self) -> Result<()> {
        if !self.superblock.is_older(self.durable.arena())? {
            return Ok(());
        }
        self.durable.admission().await?;
        let mut transaction = self.durable.arena().begin_privileged();
        self.superblock.bring_up_to_date(&mut transaction)?;
        let lsn = self.durable.commit(transaction)?;
        self.durable.wait_durable(lsn).await
    }

    /// Removes a store that is not open, and what an interrupted [`Store::create`] has left behind.
    pub fn remove(media: &dyn Media) -> Result<()> {
        DurableArena::remove(media)
    }

    pub(crate) fn start(durable: DurableArena, spawner: &Spawner) -> Result<Rc<Store>> {
        let superblock = Superblock::open(durable.arena())?;
        let values = Rc::new(ValueSpace::open(&durable, superblock.bitmap, superblock.blocks, spawner)?);
        let newest = Cell::new(superblock.epoch_bound(durable.arena())?);
        let store = Rc::new(Store {
            durable,
            values,
            superblock,
            recent: Recent::new(),
            ends: Ends::default(),
            timestamps: Timestamps::new(newest.get()),
            prepared: PreparedTable::default(),
            changes: Changes::default(),
            reclaim: Reclaim::default(),
            aggregation: Aggregation::default(),
            spawner: spawner.clone(),
            statistics: Cell::default(),
            newest_read: Cell::new(0),
            read_bound: newest.clone(),
            newest,
            is_closed: Cell::new(false),
            last_container: Cell::new((ContainerId::from_bytes([0; 16]), 0)),
            damages: RefCell::default(),
            punch_looks: Cell::new(LOOKED_AT_ONCE),
            pause: Cell::default(),
            looks: RefCell::default(),
            watches: Rc::default(),
        });
        store.load_all_prepared()?;
        store.changes.load(store.durable.arena(), &store.superblock)?;
        if store.has_destroyed(store.durable.arena())? {
            store.start_reclaim();
        }
        Ok(store)
    }

    /// Waits until everything that destroyed containers held is free.
    pub async fn wait_until_reclaimed(&self) {
        self.reclaim.wait_idle().await;
    }

    /// Waits until everything is durable and ends the background work; the store refuses requests from then on.
    pub async fn close(&self) -> Result<()> {
        if self.is_closed.replace(true) {
            return Ok(());
        }
        self.aggregation.demand.note_closed();
        self.reclaim.wait_idle().await;
        let written = self.write_newest_epoch().await;
        let closed = self.durable.close().await;
        self.values.wait_for_trim().await;
        self.values.wait_for_ahead().await;
        written.and(closed)
    }

    /// Replaces the bound of epochs by the newest one.
    async fn write_newest_epoch(&self) -> Result<()> {
        let newest = self.newest_epoch().0;
        if self.superblock.epoch_bound(self.durable.arena())? == newest {
            return Ok(());
        }
        self.durable.admission().await?;
        let mut transaction = self.durable.arena().begin_privileged();
        self.superblock.set_epoch_bound(&mut transaction, newest)?;
        self.durable.commit(transaction).map(|_| ())
    }

    /// What the store was created with.
    pub fn settings(&self) -> &StoreSettings {
        &self.superblock.settings
    }

    /// No epoch in the store is newer, and none at which a transaction has read. After a close it is the newest one itself; after a crash it may be up to about a second,
    /// in nanoseconds, above it. A clock that gives epochs must be set past it.
    pub fn newest_epoch(&self) -> Epoch {
        Epoch(self.newest.get().max(self.newest_read.get()))
    }

    /// Takes note that a transaction will read at an epoch: when the store is opened again, also after a crash, [`Store::newest_epoch`] is no older, so a
    /// clock that is set past it gives nobody an epoch at which the read would have seen more. That takes a write for about one read in each
    /// second of epochs.
    pub async fn remember_read(&self, epoch: Epoch) -> Result<()> {
        self.newest_read.set(self.newest_read.get().max(epoch.0));
        if epoch.0 <= self.read_bound.get() {
            return Ok(());
        }
        self.durable.admission().await?;
        let mut transaction = self.durable.arena().begin_privileged();
        self.superblock.note_epoch(&mut transaction, epoch.0)?;
        let bound = self.superblock.epoch_bound(transaction.arena())?;
        let lsn = self.durable.commit(transaction)?;
        self.durable.wait_durable(lsn).await?;
        self.read_bound.set(self.read_bound.get().max(bound));
        Ok(())
    }

    /// The settings of a container that nobody has wishes about: the store's checksum, in chunks of 32 KiB.
    pub fn container_defaults(&self) -> ContainerSettings {
        ContainerSettings { checksum: self.settings().checksum, ..ContainerSettings::default() }
    }

    /// Takes everything as read at an epoch: transactions at this one and below come too late from now on.
    ///
    /// What was read before a store was opened is not known any more. The bound of what was written, and of what was noted as read
    /// ([`Store::remember_read`]), counts as read then, but reads may have been newer than that: whoever opens a store tells it the newest
    /// epoch that may have been read, which is what its clock says at that moment, set past [`Store::newest_epoch`].
    pub fn raise_read_floor(&self, epoch: Epoch) {
        self.timestamps.raise_floor(epoch.0);
    }

    /// Lets punches look at so many entries for values of their own epoch, and not at the 512 that they may: so that tests of small stores
    /// meet what punches of large objects do.
    #[doc(hidden)]
    pub fn limit_punches(&self, entries: usize) {
        self.punch_looks.set(entries.min(LOOKED_AT_ONCE));
    }

    /// Totals and free space, exactly.
    pub fn space(&self) -> Result<StoreSpace> {
        let arena = self.durable.arena().space()?;
        let data = self.values.extents().space();
        let block = BLOCK_SIZE as u64;
        Ok(StoreSpace {
            arena: TierSpace { total: arena.capacity, free: arena.free },
            data: TierSpace { total: data.total * block, free: data.free * block },
            free_runs: data.free_runs,
            longest_free_run: data.longest_free_run * block,
        })
    }

    /// Of metadata and small values, and of large ones: totals and free space as [`Store::space`] has them, cheap at any time.
    pub fn tiers(&self) -> Result<[TierSpace; 2]> {
        let (arena, extents) = (self.durable.arena().space()?, self.values.extents());
        let block = BLOCK_SIZE as u64;
        let data = TierSpace { total: extents.blocks() * block, free: extents.free_blocks() * block };
        Ok([TierSpace { total: arena.capacity, free: arena.free }, data])
    }

    /// Gives the space of all free blocks of the data device back to what holds it: a file system, or the memory of the machine; the bytes
    /// given back. Long runs are given back in the background without this, once much was freed.
    pub async fn trim(&self) -> Result<u64> {
        self.counted(|_| {}, self.values.trim(Trim::All)).await.map(|blocks| blocks * BLOCK_SIZE as u64)
    }

    /// Takes all memory of a data device that is memory now, instead of when it is first written: requests then never wait until
    /// the kernel has found and cleared some. `false` when the device is something else, or the kernel has not enough.
    pub fn populate(&self) -> bool {
        self.durable.data().direct().is_some_and(|memory| memory.populate(u64::MAX))
    }

    /// Writes the free blocks among the first `bytes` of the data device, so that values which come there find their space taken and written: without
    /// that, a file system writes down with each of them that it is. A store does so by itself for what comes next, whenever it is idle.
    pub async fn write_ahead(&self, bytes: u64) -> Result<()> {
        self.counted(|_| {}, self.values.write_ahead(bytes)).await
    }

    /// Counters of the media since the store was opened.
    pub fn media_statistics(&self) -> ArenaStatistics {
        self.durable.statistics()
    }

    /// Counters since the store was opened.
    pub fn statistics(&self) -> Statistics {
        self.statistics.get()
    }
}

/// Whether media hold what an interrupted create has left: an arena without a superblock.
async fn is_left_over(media: &Rc<dyn Media>, env: &Env, spawner: &Spawner) -> Result<bool> {
    if !DurableArena::exists(&**media).await? {
        return Ok(false);
    }
    let durable = DurableArena::open(media.clone(), env.clone(), spawner).await?;
    Ok(!Superblock::exists(durable.arena())?)
}

/// What the public calls are made of.
impl Store {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Says in the log that something is damaged: once for each.
    pub(crate) fn note_damage(&self, damage: &Status) {
        self.damages.borrow_mut().note(damage);
    }

    #[inline]
    pub(crate) fn count(&self, note: impl FnOnce(&mut Statistics)) {
        let mut statistics = self.statistics.get();
        note(&mut statistics);
        self.statistics.set(statistics);
    }

    /// Runs a request unless the store is closed, and counts how it ends.
    pub(crate) async fn counted<T>(
        &self,
        note: impl FnOnce(&mut Statistics),
        request: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result =
            if self.is_closed() { Err(Status::new(Code::Shutdown, "the store was closed")) } else { request.await };
        match &result {
            Ok(_) => self.count(note),
            Err(status) => {
                self.count(|statistics| {
                    statistics.failures += 1;
                    statistics.checksum_errors += u64::from(status.code() == Code::Csum);
                });
                if status.code() == Code::Csum {
                    self.note_damage(status);
                }
            }
        }
        result
    }

    /// Waits until a commit is durable that a reader has seen.
    pub(crate) async fn wait_for(&self, lsn: Lsn) -> Result<()> {
        if lsn <= self.durable.durable() {
            return Ok(());
        }
        self.count(|statistics| statistics.waits_for_log += 1);
        self.durable.wait_durable(lsn).await
    }
}
