//! What the handles of a durable arena and its background tasks share.

use super::Lsn;
use super::carried::Carried;
use super::flights::Flights;
use super::journaled::Journaled;
use crate::arena::{Arena, Redo};
use crate::checkpoint::CheckpointStore;
use crate::device::BlockDevice;
use crate::log::{RedoLog, Segment};
use crate::transaction::{BlockChange, Transaction};
use daos_env::sync::Signal;
use daos_status::{Code, Result, Status};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};

/// Records gathered for one batch: more would only make the first of them wait longer.
const BATCH_BYTES: u64 = 1 << 20;

/// Memory of records that wait for the log; beyond it, no new transaction is admitted.
const PENDING_BYTES_MAX: u64 = 16 << 20;

type Callback = Box<dyn FnOnce()>;

/// Is told of every commit, before [`super::DurableArena::commit`] returns.
pub(crate) trait CommitObserver {
    /// The transaction that had this number in the arena was committed.
    fn committed(&self, generation: u64, lsn: Lsn);
}

/// Log and checkpoints, in the class that has them.
pub(super) struct Persistence {
    pub log: RedoLog,
    pub checkpoints: CheckpointStore,
    pub pending: RefCell<VecDeque<Segment>>,
    pending_bytes: Cell<u64>,
    pending_records: Cell<u64>,
    /// Batches that are being written.
    pub flights: Flights,
    /// Values in the log that are not at their places yet.
    pub carried: Carried,
    /// The log writer holds a segment that the log has no room for; only a checkpoint of everything helps.
    pub is_starved: Cell<bool>,
    /// That checkpoint is under way: until it is written, nothing may go into the log behind the place that it names.
    pub is_log_held: Cell<bool>,
    /// How many checkpoints were asked for, and the count up to which attempts were made.
    pub requested: Cell<u64>,
    pub attempted: Cell<u64>,
    /// Why the last attempt failed, if it did.
    pub checkpoint_failure: RefCell<Option<Status>>,
    pub checkpoints_done: Cell<u64>,
    /// Which part of its pages the checkpoint under way has written.
    pub progress: Cell<Option<f64>>,
    /// The data of commits up to this one is durable.
    pub data_synced: Cell<Lsn>,
}

impl Persistence {
    pub fn new(log: RedoLog, checkpoints: CheckpointStore) -> Persistence {
        Persistence {
            carried: Carried::new(log.ring_bytes()),
            log,
            checkpoints,
            pending: RefCell::default(),
            pending_bytes: Cell::new(0),
            pending_records: Cell::new(0),
            flights: Flights::default(),
            is_starved: Cell::new(false),
            is_log_held: Cell::new(false),
            requested: Cell::new(0),
            attempted: Cell::new(0),
            checkpoint_failure: RefCell::default(),
            checkpoints_done: Cell::new(0),
            progress: Cell::new(None),
            data_synced: Cell::new(Lsn(0)),
        }
    }

    /// How many records wait for the log.
    pub fn pending_records(&self) -> u64 {
        self.pending_records.get()
    }

    /// Whether what waits fills a batch.
    pub fn has_full_batch(&self) -> bool {
        self.pending_bytes.get() >= self.batch_bytes()
    }

    /// Whether what waits for a batch comes to so many bytes, with its values, or to as many as a batch takes.
    pub fn has_large_batch(&self, bytes: u64) -> bool {
        let of = |segment: &Segment| segment.bytes() as u64 + segment.values.bytes();
        self.has_full_batch() || self.pending.borrow().front().is_some_and(|segment| of(segment) >= bytes)
    }

    /// An eighth of the ring for a batch, a quarter for a record: a batch and the gap at the ring's end always fit.
    fn batch_bytes(&self) -> u64 {
        BATCH_BYTES.min(self.log.ring_bytes() / 8)
    }

    fn push(&self, lsn: Lsn, redo: &Redo<'_>) {
        let mut pending = self.pending.borrow_mut();
        if pending.back().is_none_or(|last| last.sealed || last.bytes() as u64 >= self.batch_bytes()) {
            pending.push_back(Segment::starting_at(lsn));
        }
        let Some(segment) = pending.back_mut() else { return };
        let before = segment.bytes() as u64;
        let record_bytes_max = (self.log.ring_bytes() / 4) as usize;
        segment.push(lsn, record_bytes_max, redo.block_changes(), |out| redo.encode_into(out));
        self.pending_records.set(self.pending_records.get() + 1);
        // An oversized record empties its segment.
        self.pending_bytes.set((self.pending_bytes.get() + segment.bytes() as u64).saturating_sub(before));
    }

    pub fn take_pending(&self) -> Option<Segment> {
        let segment = self.pending.borrow_mut().pop_front()?;
        self.pending_bytes.set(self.pending_bytes.get() - segment.bytes() as u64);
        self.pending_records.set(self.pending_records.get() - u64::from(segment.records()));
        Some(segment)
    }

    /// What is committed from now on goes into another batch than what was before.
    pub fn seal(&self) {
        if let Some(last) = self.pending.borrow_mut().back_mut() {
            last.sealed = true;
        }
    }

    /// Whether no more transactions may begin: a quarter of the ring stays for those that were let in already. While a checkpoint is under
    /// way, the quarter before that is given away as it proceeds: changes are slowed down for a while, not stopped until it ends.
    fn is_log_full(&self) -> bool {
        let quarter = self.log.ring_bytes() / 4;
        let given = self.progress.get().map_or(quarter, |part| (quarter as f64 * part) as u64);
        self.log.used() + self.pending_bytes.get() >= 2 * quarter + given || self.is_starved.get()
    }

    fn has_room(&self) -> bool {
        self.pending_bytes.get() < PENDING_BYTES_MAX.min(self.log.ring_bytes() / 4) && !self.is_log_full()
    }

    /// Whether the log is so full that a checkpoint should begin.
    pub fn wants_checkpoint(&self) -> bool {
        self.log.used() > self.log.ring_bytes() / 8 * 3 || self.is_starved.get()
    }
}

/// A small value is being written: the log waits a moment for the change that will point at it.
pub struct ValueUnderWay(Rc<Shared>);

impl ValueUnderWay {
    pub(super) fn begin(shared: &Rc<Shared>) -> ValueUnderWay {
        shared.values_begun.set(shared.values_begun.get() + 1);
        ValueUnderWay(shared.clone())
    }
}

impl Drop for ValueUnderWay {
    fn drop(&mut self) {
        self.0.values_ended.set(self.0.values_ended.get() + 1);
        self.0.work.wake_all();
    }
}

/// What keeps an arena's changes, by its class.
#[expect(clippy::large_enum_variant, reason = "there is one for each arena")]
pub(super) enum Keeper {
    /// Nothing: class `ram`.
    Nothing,
    /// Class `log`.
    Log(Persistence),
    /// Class `pmem`.
    Journal(Journaled),
}

pub(super) struct Shared {
    pub arena: Arena,
    pub data: Rc<dyn BlockDevice>,
    keeper: Keeper,
    pub committed: Cell<Lsn>,
    pub durable: Cell<Lsn>,
    /// Commits point at values that were written since the last sync of the data device began.
    pub data_written: Cell<bool>,
    /// Small values whose writing to the data device has begun, and has ended.
    pub values_begun: Cell<u64>,
    pub values_ended: Cell<u64>,
    /// No more changes: the arena is being closed, or its handles are gone.
    pub is_closed: Cell<bool>,
    /// Background tasks end as soon as they can.
    pub is_stopping: Cell<bool>,
    /// Why nothing can be changed any more.
    failure: RefCell<Option<Status>>,
    callbacks: RefCell<BTreeMap<Lsn, Vec<Callback>>>,
    observers: RefCell<Vec<Weak<dyn CommitObserver>>>,
    /// Wakes those who wait for durability, room or a checkpoint.
    pub changed: Signal,
    /// Wakes the background tasks.
    pub work: Signal,
}

impl Shared {
    pub fn new(arena: Arena, data: Rc<dyn BlockDevice>, keeper: Keeper, last: Lsn) -> Shared {
        Shared {
            arena,
            data,
            keeper,
            committed: Cell::new(last),
            durable: Cell::new(last),
            data_written: Cell::new(false),
            values_begun: Cell::new(0),
            values_ended: Cell::new(0),
            is_closed: Cell::new(false),
            is_stopping: Cell::new(false),
            failure: RefCell::default(),
            callbacks: RefCell::default(),
            observers: RefCell::default(),
            changed: Signal::new(),
            work: Signal::new(),
        }
    }

    /// Log and checkpoints, in class `log`.
    pub fn persistence(&self) -> Option<&Persistence> {
        if let Keeper::Log(persistence) = &self.keeper { Some(persistence) } else { None }
    }

    /// The journal, in class `pmem`.
    pub fn journaled(&self) -> Option<&Journaled> {
        if let Keeper::Journal(journaled) = &self.keeper { Some(journaled) } else { None }
    }

    /// The reason why nothing can be changed any more.
    pub fn failure(&self) -> Option<Status> {
        self.failure.borrow().clone()
    }

    #[inline]
    pub fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    #[inline]
    pub fn check_failure(&self) -> Result<()> {
        if self.has_failed() { self.failure().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Whether changes are accepted.
    #[inline]
    pub fn check(&self) -> Result<()> {
        self.check_failure()?;
        if self.is_closed.get() {
            return Err(Status::new(Code::Shutdown, "the arena was closed"));
        }
        Ok(())
    }

    /// Nothing can be made durable any more: what is not acknowledged never will be.
    pub fn fail(&self, status: Status) {
        if self.has_failed() {
            return;
        }
        daos_env::log!(Error, "media", "no more changes are accepted, reads go on: {status}");
        self.failure.replace(Some(status));
        self.callbacks.take();
        self.wake_placing();
        self.changed.wake_all();
        self.work.wake_all();
    }

    pub fn commit(&self, transaction: Transaction<'_>) -> Result<Lsn> {
        assert!(std::ptr::eq(transaction.arena(), &self.arena), "a transaction is committed to its own arena");
        self.check()?;
        if let Keeper::Journal(journaled) = &self.keeper {
            journaled.check_size(transaction.redo_bytes_max())?;
        }
        let redo = transaction.commit();
        if redo.is_empty() {
            self.tell_observers(self.committed.get());
            return Ok(self.committed.get());
        }
        let lsn = Lsn(self.committed.get().0 + 1);
        self.committed.set(lsn);
        self.tell_observers(lsn);
        if redo.block_changes().iter().any(|change| matches!(change, BlockChange::Written(..))) {
            self.data_written.set(true);
        }
        match &self.keeper {
            Keeper::Log(persistence) => {
                for change in redo.block_changes() {
                    if let BlockChange::Carried(range, value) = change {
                        persistence.carried.note(*range, lsn, value);
                    }
                }
                persistence.push(lsn, &redo);
                persistence.flights.begin_due(self, persistence);
                self.work.wake_all();
            }
            Keeper::Journal(journaled) => journaled.commit(self, lsn, &redo),
            Keeper::Nothing => self.set_durable(lsn),
        }
        Ok(lsn)
    }

    pub fn observe_commits(&self, observer: &Rc<dyn CommitObserver>) {
        let mut observers = self.observers.borrow_mut();
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Rc::downgrade(observer));
    }

    fn tell_observers(&self, lsn: Lsn) {
        let generation = self.arena.generation();
        for observer in self.observers.borrow().iter().filter_map(Weak::upgrade) {
            observer.committed(generation, lsn);
        }
    }

    #[inline]
    pub fn set_durable(&self, lsn: Lsn) {
        self.durable.set(lsn.max(self.durable.get()));
        if !self.callbacks.borrow().is_empty() {
            self.call_back(lsn);
        }
        self.changed.wake_all();
    }

    fn call_back(&self, lsn: Lsn) {
        let mut callbacks = self.callbacks.borrow_mut();
        let later = callbacks.split_off(&Lsn(lsn.0 + 1));
        let due = std::mem::replace(&mut *callbacks, later);
        drop(callbacks);
        due.into_values().flatten().for_each(|callback| callback());
    }

    pub fn on_durable(&self, lsn: Lsn, callback: Callback) {
        if lsn <= self.durable.get() {
            return callback();
        }
        if !self.has_failed() {
            self.callbacks.borrow_mut().entry(lsn).or_default().push(callback);
        }
    }

    pub async fn wait_durable(&self, lsn: Lsn) -> Result<()> {
        self.changed.wait_until(|| self.durable.get() >= lsn || self.has_failed() || self.is_stopping.get()).await;
        if self.durable.get() >= lsn { Ok(()) } else { self.check() }
    }

    #[inline]
    pub fn admits_now(&self) -> bool {
        let has_room = match &self.keeper {
            Keeper::Nothing => true,
            Keeper::Log(persistence) => persistence.has_room(),
            Keeper::Journal(journaled) => journaled.has_room(),
        };
        has_room && !self.has_failed() && !self.is_closed.get()
    }

    pub async fn admission(&self) -> Result<()> {
        let persistence = match &self.keeper {
            Keeper::Nothing => return self.check(),
            Keeper::Journal(journaled) => {
                self.changed.wait_until(|| journaled.has_room() || self.check().is_err()).await;
                return self.check();
            }
            Keeper::Log(persistence) => persistence,
        };
        loop {
            self.check()?;
            if persistence.has_room() {
                return Ok(());
            }
            if !persistence.is_log_full() {
                // The log writer is behind; nothing but its progress helps, which may fill the log.
                let progress = || persistence.has_room() || persistence.is_log_full() || self.check().is_err();
                self.changed.wait_until(progress).await;
                continue;
            }
            let under_way = persistence.requested.get() > persistence.attempted.get();
            let attempt = if under_way { persistence.requested.get() } else { self.request_checkpoint(persistence) };
            let attempted = || persistence.attempted.get() >= attempt;
            self.changed.wait_until(|| persistence.has_room() || self.check().is_err() || attempted()).await;
            let failure = persistence.checkpoint_failure.borrow().clone();
            if let Some(failure) = failure
                && persistence.is_log_full()
            {
                return Err(failure.while_doing("the log is full and no checkpoint can be written"));
            }
        }
    }

    /// Asks for a checkpoint that begins from now on; the count that [`Persistence::attempted`] then reaches.
    pub fn request_checkpoint(&self, persistence: &Persistence) -> u64 {
        persistence.requested.set(persistence.requested.get() + 1);
        self.work.wake_all();
        persistence.requested.get()
    }

    pub async fn checkpoint(&self) -> Result<()> {
        self.check_failure()?;
        let persistence = match &self.keeper {
            Keeper::Nothing => return Ok(()),
            Keeper::Journal(journaled) => return journaled.clean_all(self).await,
            Keeper::Log(persistence) => persistence,
        };
        let attempt = self.request_checkpoint(persistence);
        let done = || persistence.attempted.get() >= attempt || self.has_failed() || self.is_stopping.get();
        self.changed.wait_until(done).await;
        if persistence.attempted.get() < attempt {
            return self.check();
        }
        persistence.checkpoint_failure.borrow().clone().map_or(Ok(()), Err)
    }

    pub async fn close(&self) -> Result<()> {
        if self.is_closed.replace(true) {
            return Ok(());
        }
        self.changed.wake_all();
        let durable = self.wait_durable(self.committed.get()).await;
        let result = match durable {
            Ok(()) => self.checkpoint().await,
            Err(status) => Err(status),
        };
        self.stop();
        result
    }

    fn wake_placing(&self) {
        if let Some(persistence) = self.persistence() {
            persistence.carried.wake();
        }
    }

    pub fn stop(&self) {
        self.is_closed.set(true);
        self.is_stopping.set(true);
        self.wake_placing();
        // Nobody calls them any more; what they hold must not hold this.
        self.callbacks.take();
        self.changed.wake_all();
        self.work.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use crate::{ArenaSettings, Durability, DurableArena, MemoryMedia};
    use daos_env::{Env, Executor};
    use daos_status::Code;
    use std::rc::Rc;
    use std::time::Duration;

    /// Class `ram` has no checkpoint to write, and its close once took that for a failure.
    #[test]
    fn a_volatile_arena_closes_cleanly_and_once() {
        let env = Env::system();
        let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let settings =
            ArenaSettings { arena_capacity: 1 << 20, log_bytes: 0, data_bytes: 4096, durability: Durability::Ram };
        let closed = executor.block_on(async move {
            let media = Rc::new(MemoryMedia::new());
            let durable = DurableArena::create(media, settings, env, &spawner).await?;
            durable.checkpoint().await?;
            durable.close().await?;
            durable.close().await?;
            Ok::<_, daos_status::Status>(durable.admission().await.expect_err("it is closed").code())
        });
        assert_eq!(closed.expect("the task ran").expect("it closes"), Code::Shutdown);
    }
}
