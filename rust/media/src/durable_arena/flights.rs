//! Batches of the log that are under way: several at a time, and acknowledged in their order.
//!
//! A second batch is begun beside the first only when it is large, so that the disk has bytes to move while the thread copies others. Small
//! ones share a flush instead: each flush takes the processor a hundred microseconds, and half as many changes in each bring nothing (measured).

use super::Lsn;
use super::shared::{Persistence, Shared};
use crate::device::IoFuture;
use crate::log::{BatchValues, Begun, Note, RedoLog, Segment};
use daos_env::IoBuffer;
use daos_status::{Result, Status};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// An operation of a device, or how it ended.
enum Operation<T> {
    Running(IoFuture<T>),
    Ended(Result<()>),
}

impl<T> Operation<T> {
    /// Whether it has ended.
    fn poll(&mut self, context: &mut Context<'_>, result: impl FnOnce(T) -> Result<()>) -> bool {
        if let Operation::Running(future) = self {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *self = Operation::Ended(result(value)),
                Poll::Pending => return false,
            }
        }
        true
    }

    fn failure(&self) -> Option<&Status> {
        if let Operation::Ended(Err(status)) = self { Some(status) } else { None }
    }
}

/// A batch under way, and the sync of the values that it points at.
struct Flight {
    sequence: u64,
    last: Lsn,
    records: u32,
    values: BatchValues,
    write: Operation<(IoBuffer, Result<()>)>,
    /// Side by side: recovery compares the values with what the batch says about them.
    sync: Operation<Result<()>>,
    /// The sync makes durable what commits up to this one point at; none when there is none.
    covered: Lsn,
    note: Option<Note>,
}

impl Flight {
    /// Whether all of it has ended.
    fn poll(&mut self, log: &RedoLog, context: &mut Context<'_>) -> bool {
        let is_written = self.write.poll(context, |(_, result)| result);
        let is_synced = self.sync.poll(context, |result| result);
        if let Some(note) = &mut self.note
            && let Poll::Ready((_, result)) = note.write.as_mut().poll(context)
        {
            log.end_note(note.sequence, &result);
            self.note = None;
        }
        is_written && is_synced && self.note.is_none()
    }

    fn has_ended(&self) -> bool {
        matches!((&self.write, &self.sync, &self.note), (Operation::Ended(_), Operation::Ended(_), None))
    }
}

/// A batch that is durable, with its values.
pub(super) struct Landed {
    pub sequence: u64,
    pub last: Lsn,
    pub records: u32,
    /// See [`Flight::covered`].
    pub covered: Lsn,
}

/// See the module.
#[derive(Default)]
pub(super) struct Flights {
    under_way: RefCell<VecDeque<Flight>>,
    /// Nothing may be begun beside what the log writer is doing.
    is_paused: Cell<bool>,
    /// How many changes were under way when a batch was last acknowledged.
    crowd: Cell<u64>,
}

/// At most so many batches are under way.
const FLIGHTS_MAX: usize = 4;

/// Bytes of records and values that are worth a batch beside another: moving them takes a disk several times as long as a flush.
pub(super) const LARGE_BYTES: u64 = 1 << 20;

impl Flights {
    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.under_way.borrow().is_empty()
    }

    /// Gives up waiting for what is under way.
    pub fn clear(&self) {
        self.under_way.take();
    }

    /// Keeps others from beginning batches as long as the log writer has one in its hands, or none may be begun.
    pub fn pause(&self, is_paused: bool) {
        self.is_paused.set(is_paused);
    }

    /// Drives all of them; whether the oldest has ended, or any has failed.
    pub fn poll(&self, log: &RedoLog, context: &mut Context<'_>) -> bool {
        let mut under_way = self.under_way.borrow_mut();
        for flight in under_way.iter_mut() {
            flight.poll(log, context);
        }
        let has_failed = |flight: &Flight| flight.write.failure().or(flight.sync.failure()).is_some();
        under_way.front().is_some_and(Flight::has_ended) || under_way.iter().any(has_failed)
    }

    /// Waits until all of them have ended, and takes them away; the last record of them.
    pub async fn drain(&self, log: &RedoLog) -> Result<Option<Lsn>> {
        poll_fn(|context| {
            self.poll(log, context);
            if self.under_way.borrow().iter().all(Flight::has_ended) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.values_failure().map_or(Ok(()), Err)?;
        let under_way = self.under_way.take();
        under_way.iter().for_each(|flight| log.end(flight.sequence, false));
        Ok(under_way.back().map(|flight| flight.last))
    }

    /// Why a sync of values has failed, if one has.
    pub fn values_failure(&self) -> Option<Status> {
        self.under_way.borrow().iter().find_map(|flight| flight.sync.failure().cloned())
    }

    /// Why a batch could not be written, if that is so. Then all that are under way are in doubt, those before it too: a sync that fails may
    /// have forgotten what others wrote, whose own syncs do not notice.
    pub fn batch_failure(&self) -> Option<Status> {
        self.under_way.borrow().iter().find_map(|flight| flight.write.failure().cloned())
    }

    /// Takes the oldest, when it has ended. None has failed.
    pub fn take_landed(&self) -> Option<Landed> {
        let mut under_way = self.under_way.borrow_mut();
        under_way.front().filter(|flight| flight.has_ended())?;
        let Flight { sequence, last, records, covered, .. } = under_way.pop_front()?;
        Some(Landed { sequence, last, records, covered })
    }

    fn records(&self) -> u64 {
        self.under_way.borrow().iter().map(|flight| u64::from(flight.records)).sum()
    }

    /// How many are under way when a batch of so many records has just ended.
    pub fn count(&self, shared: &Shared, persistence: &Persistence, landed: u32) {
        let values = shared.values_begun.get() - shared.values_ended.get();
        self.crowd.set(u64::from(landed) + self.records() + persistence.pending_records() + values);
    }

    /// Begins a batch of what waits for the log when that is enough for one.
    pub fn begin_due(&self, shared: &Shared, persistence: &Persistence) {
        while self.is_due(persistence) && !shared.is_stopping.get() && !shared.has_failed() {
            let Some(segment) = persistence.take_pending() else { return };
            self.begin(shared, persistence, segment);
        }
    }

    fn is_due(&self, persistence: &Persistence) -> bool {
        let under_way = self.under_way.borrow();
        let is_enough = match under_way.len() {
            // Everybody who was there has come.
            0 => persistence.pending_records() >= self.crowd.get().max(1) || persistence.has_large_batch(LARGE_BYTES),
            count => count < FLIGHTS_MAX && persistence.has_large_batch(LARGE_BYTES),
        };
        if self.is_paused.get() || !is_enough {
            return false;
        }
        let pending = persistence.pending.borrow();
        let Some(segment) = pending.front() else { return false };
        let releases = under_way.iter().any(|flight| segment.values.releases_of(&flight.values));
        !segment.values.is_cut() && !releases && persistence.log.has_room(segment)
    }

    /// Begins a batch that the log has room for, whose values that are not durable have checksums.
    pub fn begin(&self, shared: &Shared, persistence: &Persistence, mut segment: Segment) {
        persistence.carried.crowd.begin_batch(segment.values.bytes() + segment.values.carried_bytes() as u64);
        if segment.last <= persistence.data_synced.get() {
            segment.values.clear();
        }
        let (last, records) = (segment.last, segment.records());
        let begun = persistence.log.begin(&segment);
        // The batch has a copy: when it is written to its place, nobody else shall have it.
        segment.values.drop_carried();
        let sync = if segment.values.is_empty() || begun.is_err() {
            Operation::Ended(Ok(()))
        } else {
            Operation::Running(shared.data.sync())
        };
        let (sequence, write, note) = match begun {
            Ok(Begun { sequence, write, note }) => (sequence, Operation::Running(write), note),
            Err(status) => (0, Operation::Ended(Err(status)), None),
        };
        let covered = if matches!(sync, Operation::Running(_)) { shared.committed.get() } else { Lsn(0) };
        let mut flight = Flight { sequence, last, records, values: segment.values, write, sync, covered, note };
        // Operations start when they are looked at; the log writer, which is woken, goes on looking.
        flight.poll(&persistence.log, &mut Context::from_waker(Waker::noop()));
        self.under_way.borrow_mut().push_back(flight);
        shared.work.wake_all();
    }
}
