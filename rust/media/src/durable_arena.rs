//! An arena whose changes survive: arena, redo log, checkpoints and data device put together.

mod background;
mod carried;
mod flights;
mod journaled;
mod recovery;
mod shared;

use crate::arena::Arena;
use crate::checkpoint::{self, CheckpointStore, Contents};
use crate::device::{BLOCK_SIZE, BlockDevice, Media};
use crate::journal::{self, Journal, Layout};
use crate::log::{self, RedoLog};
use crate::transaction::Transaction;
pub use carried::{CARRIED_BYTES_MAX, CarriedValue, CarryRoom};
use daos_env::{Env, Spawner};
use daos_status::{Code, Result, Status, fail};
use journaled::Journaled;
pub(crate) use shared::CommitObserver;
pub use shared::ValueUnderWay;
use shared::{Keeper, Persistence, Shared};
use std::rc::Rc;

/// The devices of an arena in its folder.
const CHECKPOINT: &str = "checkpoint";
const LOG: &str = "log";
const DATA: &str = "data";
const MEMORY: &str = "memory";

/// Values of at most so many bytes are waited for: writing them takes a small part of a flush.
const AWAITED_BYTES_MAX: usize = 256 << 10;

/// What an acknowledged change survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Power cuts: redo log and checkpoints on block devices or files.
    Log,
    /// Power cuts: the arena is persistent memory.
    Pmem,
    /// Nothing, on purpose: memory only.
    Ram,
}

/// How an arena is made.
#[derive(Clone, Debug)]
pub struct ArenaSettings {
    /// Bytes of the arena: metadata and small values.
    pub arena_capacity: u64,
    /// Bytes of the redo log's device.
    pub log_bytes: u64,
    /// Bytes of the data device.
    pub data_bytes: u64,
    /// What a change survives.
    pub durability: Durability,
}

/// The number of a committed transaction, counted from 1 for the life of the arena; 0 is before the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Lsn(pub u64);

/// See the documentation of the module. Handles are cheap to clone; all belong to one thread.
///
/// The order of a change: [`DurableArena::admission`], reads, writes to the data device, then without waiting in between
/// [`Arena::begin`], the writes, [`crate::ExtentAllocator::publish_written`] and [`DurableArena::commit`];
/// [`DurableArena::wait_durable`] before anybody is told.
#[derive(Clone)]
pub struct DurableArena {
    shared: Rc<Shared>,
    _guard: Rc<StopGuard>,
}

/// Ends the background tasks with the last handle. What is not durable by then is lost, as in a crash.
struct StopGuard(Rc<Shared>);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Counters of an arena since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArenaStatistics {
    /// Batches written to the log, or entries to the journal.
    pub log_batches: u64,
    /// Transactions in them.
    pub log_records: u64,
    /// Bytes in them, with headers and padding.
    pub log_bytes: u64,
    /// The most transactions that shared a batch.
    pub records_per_batch_max: u32,
    /// The most batches that were under way at once.
    pub batches_under_way_max: u32,
    /// Bytes of the log that no checkpoint covers yet.
    pub log_used: u64,
    /// Bytes of the log.
    pub log_capacity: u64,
    /// Checkpoints written, or times that the journal's space was released.
    pub checkpoints: u64,
    /// Pages written for them.
    pub checkpoint_pages: u64,
    /// Values of the data device that the log carried.
    pub values_carried: u64,
}

impl DurableArena {
    /// Whether a folder holds an arena that was completely made, be it damaged.
    pub async fn exists(media: &dyn Media) -> Result<bool> {
        recovery::exists(media).await
    }

    /// Makes an empty arena with its devices. What an interrupted call has left behind is replaced.
    pub async fn create(
        media: Rc<dyn Media>,
        settings: ArenaSettings,
        env: Env,
        spawner: &Spawner,
    ) -> Result<DurableArena> {
        let arena = Arena::reserve(settings.arena_capacity)?;
        let data_bytes = settings.data_bytes.max(1).div_ceil(BLOCK_SIZE as u64).saturating_mul(BLOCK_SIZE as u64);
        match settings.durability {
            Durability::Ram => {
                let data = media.create_volatile(DATA, data_bytes)?;
                return Ok(DurableArena::start(Shared::new(arena, data, Keeper::Nothing, Lsn(0)), spawner));
            }
            Durability::Pmem => {
                return DurableArena::create_on_memory(media, arena, settings, data_bytes, env, spawner).await;
            }
            Durability::Log => {}
        }
        log::usable_bytes(settings.log_bytes)?;
        DurableArena::clear(&*media).await?;
        let id = env.random.uuid().into_bytes();
        let data = media.create(DATA, data_bytes)?;
        let log = RedoLog::format(media.create(LOG, settings.log_bytes / BLOCK_SIZE as u64 * BLOCK_SIZE as u64)?, id);
        let log = log.await?;
        let device = media.create(CHECKPOINT, checkpoint::device_bytes(arena.capacity()))?;
        let contents = Contents { id, arena_bytes: arena.capacity(), data_bytes, position: log.head() };
        let checkpoints = CheckpointStore::format(device, contents).await?;
        let keeper = Keeper::Log(Persistence::new(log, checkpoints));
        Ok(DurableArena::start(Shared::new(arena, data, keeper, Lsn(0)), spawner))
    }

    /// As [`DurableArena::create`], in class `pmem`.
    async fn create_on_memory(
        media: Rc<dyn Media>,
        empty: Arena,
        settings: ArenaSettings,
        data_bytes: u64,
        env: Env,
        spawner: &Spawner,
    ) -> Result<DurableArena> {
        let ring_bytes = journal::ring_bytes_for(settings.log_bytes, data_bytes)?;
        DurableArena::clear(&*media).await?;
        let arena_bytes = empty.capacity();
        let layout = Layout { id: env.random.uuid().into_bytes(), arena_bytes, data_bytes, ring_bytes, has_sums: true };
        let data = media.create(DATA, data_bytes)?;
        let memory = media.create_memory(MEMORY, layout.device_bytes())?;
        let journal = Journal::format(memory, layout, &empty)?;
        journal.tell_how();
        let arena = journal.view()?;
        let keeper = Keeper::Journal(Journaled::new(journal));
        Ok(DurableArena::start(Shared::new(arena, data, keeper, Lsn(0)), spawner))
    }

    /// Removes what an interrupted call has left behind; an error when an arena is there.
    async fn clear(media: &dyn Media) -> Result<()> {
        if DurableArena::exists(media).await? {
            fail!(Code::Exist, "{} holds an arena already; remove it first", media.describe());
        }
        DurableArena::remove(media)
    }

    /// Looks at some bytes of what the arena was mapped from, from a place on: the place behind them, and what was found. `None` at the end, and in
    /// classes other than `pmem`, whose arenas lie in memory of their own.
    pub fn verify_image(&self, from: u64, bytes: u64) -> Option<(u64, Result<()>)> {
        self.shared.journaled()?.journal.verify_image(&self.shared.arena, from, bytes)
    }

    /// Opens an arena of class `log` or `pmem`: loads its checkpoint and replays its log, or maps its image and replays its journal.
    pub async fn open(media: Rc<dyn Media>, env: Env, spawner: &Spawner) -> Result<DurableArena> {
        let started = env.clock.monotonic();
        let place = media.describe();
        if recovery::is_on_memory(&*media)? {
            return DurableArena::open_on_memory(&*media, &env, spawner).await;
        }
        let opened = recovery::open(&*media).await?;
        let recovery::Opened { arena, checkpoints, log, data, pages, recovered, unplaced } = opened;
        // What was read may lie in a cache that a power cut empties, written by a process that was killed before it synced.
        data.sync().await?;
        let refused = log.settle().await?;
        checkpoints.sync().await?;
        let last = log.head().lsn;
        let milliseconds = env.clock.monotonic().saturating_sub(started).as_millis();
        daos_env::log!(
            Info,
            "media",
            "opened {place} in {milliseconds} ms: {pages} pages of its checkpoint, then {} transactions in {} log batches \
             of {} bytes, up to transaction {}",
            recovered.records,
            recovered.batches,
            recovered.bytes,
            last.0
        );
        let persistence = Persistence::new(log, checkpoints);
        persistence.carried.take_over(unplaced, last);
        let keeper = Keeper::Log(persistence);
        let shared = Shared::new(arena, data, keeper, last);
        if let Some(refused) = refused {
            // Nothing may follow the batches that did not count until they are gone. What is there can be read: nothing is lost.
            shared
                .fail(refused.while_doing(format!("opening {place}, which can only be read until it is opened again")));
        }
        Ok(DurableArena::start(shared, spawner))
    }

    async fn open_on_memory(media: &dyn Media, env: &Env, spawner: &Spawner) -> Result<DurableArena> {
        let started = env.clock.monotonic();
        let place = media.describe();
        let doing = || format!("opening {place}");
        let opened = Journal::open(media.open_memory(MEMORY)?).map_err(|status| status.while_doing(doing()))?;
        let (journal, arena, recovered) = opened;
        let data = recovery::open_data(media, journal.layout().data_bytes)?;
        // What was read may lie in a cache that a power cut empties, written by a process that was killed before it synced.
        data.sync().await?;
        journal.tell_how();
        let last = journal.last();
        let milliseconds = env.clock.monotonic().saturating_sub(started).as_millis();
        daos_env::log!(
            Info,
            "media",
            "opened {place} in {milliseconds} ms: {} bytes of persistent memory, then {} transactions in {} journal \
             entries of {} bytes, up to transaction {}",
            arena.capacity(),
            recovered.records,
            recovered.batches,
            recovered.bytes,
            last.0
        );
        let keeper = Keeper::Journal(Journaled::new(journal));
        Ok(DurableArena::start(Shared::new(arena, data, keeper, last), spawner))
    }

    /// Removes the devices of an arena that is not open.
    pub fn remove(media: &dyn Media) -> Result<()> {
        // What makes the arena exist goes first: without it the rest is what an interrupted `create` leaves.
        for name in [CHECKPOINT, MEMORY, LOG, DATA] {
            if media.exists(name)? {
                media.remove(name)?;
            }
        }
        Ok(())
    }

    fn start(shared: Shared, spawner: &Spawner) -> DurableArena {
        let shared = Rc::new(shared);
        if shared.persistence().is_some() {
            spawner.spawn(background::write_log(shared.clone(), spawner.clone()));
            spawner.spawn(background::write_checkpoints(shared.clone(), spawner.clone()));
            spawner.spawn(background::place_values(shared.clone()));
        }
        if shared.journaled().is_some() {
            spawner.spawn(journaled::write_journal(shared.clone()));
            spawner.spawn(journaled::clean_journal(shared.clone()));
        }
        DurableArena { _guard: Rc::new(StopGuard(shared.clone())), shared }
    }

    /// The arena.
    pub fn arena(&self) -> &Arena {
        &self.shared.arena
    }

    /// The device of large values, some of which the log carries and are not there yet: see [`DurableArena::read_value`].
    pub fn data(&self) -> Rc<dyn BlockDevice> {
        self.shared.data.clone()
    }

    /// Waits until there is room for one more change; to be called before each transaction, outside of it.
    ///
    /// # Errors
    /// Why the arena has failed; [`Code::Shutdown`] when it was closed; [`Code::Nospace`] or what else keeps a checkpoint from
    /// being written while the log is full.
    pub async fn admission(&self) -> Result<()> {
        self.shared.admission().await
    }

    /// Whether [`DurableArena::admission`] would end well at once.
    #[inline]
    pub fn admits_now(&self) -> bool {
        self.shared.admits_now()
    }

    /// Whether everything that was committed is durable.
    #[inline]
    pub fn is_all_durable(&self) -> bool {
        self.shared.durable.get() >= self.shared.committed.get()
    }

    /// Commits in memory and queues for the log, without waiting; the number tells when it is durable.
    ///
    /// # Errors
    /// The arena has failed before; the transaction is rolled back.
    ///
    /// # Panics
    /// When the transaction is of another arena.
    pub fn commit(&self, transaction: Transaction<'_>) -> Result<Lsn> {
        self.shared.commit(transaction)
    }

    /// Waits until a commit is durable.
    pub async fn wait_durable(&self, lsn: Lsn) -> Result<()> {
        self.shared.wait_durable(lsn).await
    }

    /// The last commit that is durable, with all before it.
    pub fn durable(&self) -> Lsn {
        self.shared.durable.get()
    }

    /// The last commit.
    pub fn committed(&self) -> Lsn {
        self.shared.committed.get()
    }

    /// Says that a value of `length` bytes is being written to the data device: changes that come out of such writes at about the same time
    /// shall share a flush. What comes back is to be dropped when the write has ended, before the commit.
    pub fn begin_value(&self, length: usize) -> Option<ValueUnderWay> {
        (length <= AWAITED_BYTES_MAX && self.checks_values()).then(|| ValueUnderWay::begin(&self.shared))
    }

    /// Whether the log keeps checksums of the values on the data device, so that both are written at the same time.
    pub(crate) fn checks_values(&self) -> bool {
        self.shared.persistence().is_some()
    }

    /// Calls back once a commit is durable; at once when it is already, and never when the arena fails before.
    pub fn on_durable(&self, lsn: Lsn, callback: impl FnOnce() + 'static) {
        self.shared.on_durable(lsn, Box::new(callback));
    }

    /// Has somebody told of every commit as long as it is there.
    pub(crate) fn observe_commits(&self, observer: &Rc<dyn CommitObserver>) {
        self.shared.observe_commits(observer);
    }

    /// The number in the arena of its open transaction.
    pub(crate) fn generation_of(&self, transaction: &Transaction<'_>) -> u64 {
        assert!(std::ptr::eq(transaction.arena(), self.arena()), "the transaction is one of this arena");
        self.arena().generation()
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.shared.is_closed.get()
    }

    /// Makes the log short: writes what has changed since the last checkpoint.
    pub async fn checkpoint(&self) -> Result<()> {
        self.shared.checkpoint().await
    }

    /// Waits until everything is durable, writes a last checkpoint and ends the background work.
    pub async fn close(&self) -> Result<()> {
        self.shared.close().await
    }

    /// Why nothing can be changed any more, if that is so. Reads may go on.
    pub fn failure(&self) -> Option<Status> {
        self.shared.failure()
    }

    /// What was done since the arena was opened; zeros in class `ram`.
    pub fn statistics(&self) -> ArenaStatistics {
        let (counters, log_used, log_capacity) = match (self.shared.persistence(), self.shared.journaled()) {
            (Some(Persistence { log, .. }), _) => (log.counters(), log.used(), log.ring_bytes()),
            (_, Some(Journaled { journal, .. })) => (journal.counters(), journal.used(), journal.ring_bytes()),
            _ => return ArenaStatistics::default(),
        };
        let checkpoints = match (self.shared.persistence(), self.shared.journaled()) {
            (Some(persistence), _) => persistence.checkpoints_done.get(),
            (_, Some(journaled)) => journaled.journal.marks(),
            _ => 0,
        };
        ArenaStatistics {
            log_batches: counters.batches,
            log_records: counters.records,
            log_bytes: counters.bytes,
            records_per_batch_max: counters.records_per_batch_max,
            batches_under_way_max: counters.under_way_max,
            log_used,
            log_capacity,
            checkpoints,
            checkpoint_pages: self.shared.persistence().map_or(0, |kept| kept.checkpoints.pages_written()),
            values_carried: self.shared.persistence().map_or(0, |kept| kept.carried.count()),
        }
    }
}
