//! Values that the log carries: their bytes are in its batches, and come to their places on the data device afterwards, without anybody
//! waiting for that. Until they are there, they are read from memory.
//!
//! A change with such values is durable with one write and one flush. Their places must have them, durably, before the part of the log that
//! carries them is given up; so a checkpoint writes what is left, and syncs. What is released before that need not be written at all. A place
//! is not used again while it is being written, and after a crash recovery writes what the log carries and does not release.

mod crowd;

use super::{DurableArena, Lsn};
use crate::device::{BLOCK_SIZE, BlockDevice};
use crate::extent_allocator::BlockRange;
use crate::log::blocks_checksum;
use crowd::Crowd;
use daos_env::IoBuffer;
use daos_env::sync::{Signal, join_all};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Larger values go to their places at once, beside which one more flush is little.
pub const CARRIED_BYTES_MAX: usize = 16 << 10;

/// Memory of all values that the log carries and that are not at their places yet, together with those of changes that are not committed;
/// of a small log an eighth.
const ROOM_BYTES_MAX: u64 = 16 << 20;

/// So much is written to its places at once: the disk then takes little more than for a single value. A quarter of the room, if that is less.
const PLACED_AT_ONCE: u64 = 1 << 20;

/// Room for values of one change, taken until the last of them is at its place or comes to nothing.
pub struct CarryRoom(Rc<Room>);

struct Room {
    used: Rc<Cell<u64>>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.set(self.used.get() - self.bytes);
    }
}

/// The bytes of one value, or of one of its pieces, for the log to carry.
#[derive(Clone)]
pub struct CarriedValue {
    bytes: Rc<IoBuffer>,
    checksum: u64,
    _room: Rc<Room>,
}

impl CarryRoom {
    /// A value that has this room.
    pub fn value(&self, bytes: IoBuffer) -> CarriedValue {
        let checksum = blocks_checksum(&bytes);
        CarriedValue { bytes: Rc::new(bytes), checksum, _room: self.0.clone() }
    }
}

impl CarriedValue {
    /// Its bytes, and the padding of the last block.
    pub(crate) fn blocks(&self) -> &[u8] {
        self.bytes.padded()
    }

    /// The CRC-64 of [`CarriedValue::blocks`].
    pub(crate) fn checksum(&self) -> u64 {
        self.checksum
    }

    /// The part of it that lies in so many blocks from one on.
    fn part(&self, first: u64, count: u64) -> CarriedValue {
        let (start, end) = (first as usize * BLOCK_SIZE, (first + count) as usize * BLOCK_SIZE);
        let bytes = IoBuffer::copy_of(&self.blocks()[start..end]);
        CarriedValue { checksum: blocks_checksum(&bytes), bytes: Rc::new(bytes), _room: self._room.clone() }
    }
}

enum State {
    Waiting(CarriedValue),
    /// Its bytes are in the device's hands.
    Writing,
    /// A device that failed did not give the bytes back. Only the log has them.
    Gone(Status),
}

struct Entry {
    count: u64,
    lsn: Lsn,
    state: State,
}

/// What the log carries that is not at its places yet, by the first block of each.
pub(super) struct Carried {
    entries: RefCell<BTreeMap<u64, Entry>>,
    room_bytes: u64,
    /// Bytes of room that are taken.
    used: Rc<Cell<u64>>,
    waiting_bytes: Cell<u64>,
    /// Values that came to their places since the last sync of the data device began.
    pub is_unsynced: Cell<bool>,
    /// Writing one has failed: no more are carried before all are at their places.
    has_failed: Cell<bool>,
    count: Cell<u64>,
    /// How much shares a flush.
    pub crowd: Crowd,
    /// Wakes those who wait for a write.
    changed: Signal,
}

impl Carried {
    /// For a log of so many bytes.
    pub fn new(ring_bytes: u64) -> Carried {
        Carried {
            entries: RefCell::default(),
            room_bytes: ROOM_BYTES_MAX.min(ring_bytes / 8),
            used: Rc::default(),
            waiting_bytes: Cell::new(0),
            is_unsynced: Cell::new(false),
            has_failed: Cell::new(false),
            count: Cell::new(0),
            crowd: Crowd::default(),
            changed: Signal::new(),
        }
    }

    /// Room for so many bytes, if there is.
    pub fn room(&self, bytes: usize) -> Option<CarryRoom> {
        let bytes = bytes.next_multiple_of(BLOCK_SIZE) as u64;
        let used = self.used.get() + bytes;
        if bytes > CARRIED_BYTES_MAX as u64 || used > self.room_bytes || self.has_failed.get() {
            return None;
        }
        self.used.set(used);
        Some(CarryRoom(Rc::new(Room { used: self.used.clone(), bytes })))
    }

    /// Takes what recovery could not write; it is of commits up to `last`.
    pub fn take_over(&self, values: Vec<(BlockRange, IoBuffer)>, last: Lsn) {
        for (range, bytes) in values {
            self.used.set(self.used.get() + range.bytes());
            let room = CarryRoom(Rc::new(Room { used: self.used.clone(), bytes: range.bytes() }));
            self.note(range, last, &room.value(bytes));
            self.has_failed.set(true);
        }
    }

    /// Whether everything that the log carries is at its place.
    pub fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// How many values the log carried since it was opened.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// A commit points at a value that its record carries.
    pub fn note(&self, range: BlockRange, lsn: Lsn, value: &CarriedValue) {
        self.count.set(self.count.get() + 1);
        self.waiting_bytes.set(self.waiting_bytes.get() + range.bytes());
        let entry = Entry { count: range.count, lsn, state: State::Waiting(value.clone()) };
        self.entries.borrow_mut().insert(range.start, entry);
        if self.is_due() {
            self.changed.wake_all();
        }
    }

    /// Waits until enough waits to be written, or `is_over`.
    pub async fn wait_until_due(&self, is_over: impl Fn() -> bool) {
        self.changed.wait_until(|| is_over() || self.is_due()).await;
    }

    /// Lets those look again who wait.
    pub fn wake(&self) {
        self.changed.wake_all();
    }

    /// Whether enough waits to be written.
    pub fn is_due(&self) -> bool {
        self.waiting_bytes.get() >= PLACED_AT_ONCE.min(self.room_bytes / 4) && !self.has_failed.get()
    }

    /// The first blocks of what overlaps a range.
    fn overlapping(&self, range: BlockRange) -> Vec<u64> {
        let (entries, end) = (self.entries.borrow(), range.start + range.count);
        let behind = entries.range(..end).rev();
        // They do not overlap each other, so that all that do with this are the last ones.
        behind.take_while(|(start, entry)| **start + entry.count > range.start).map(|(start, _)| *start).collect()
    }

    fn is_writing(&self, starts: &[u64]) -> bool {
        let entries = self.entries.borrow();
        starts.iter().any(|start| entries.get(start).is_some_and(|entry| matches!(entry.state, State::Writing)))
    }

    /// Forgets what waits for a range whose release is durable and that nobody reads any more, so that it can be used again; `false` while it is
    /// being written.
    pub fn let_go(&self, range: BlockRange) -> bool {
        if self.entries.borrow().is_empty() {
            return true;
        }
        let starts = self.overlapping(range);
        if self.is_writing(&starts) {
            return false;
        }
        let end = range.start + range.count;
        let mut entries = self.entries.borrow_mut();
        for start in starts {
            let Some(Entry { count, lsn, state }) = entries.remove(&start) else { continue };
            let State::Waiting(value) = state else { continue };
            self.waiting_bytes.set(self.waiting_bytes.get() - count * BLOCK_SIZE as u64);
            let before = range.start.saturating_sub(start);
            let behind = (start + count).saturating_sub(end);
            for (first, count) in [(0, before), (count - behind, behind)].into_iter().filter(|(_, count)| *count > 0) {
                self.waiting_bytes.set(self.waiting_bytes.get() + count * BLOCK_SIZE as u64);
                let state = State::Waiting(value.part(first, count));
                entries.insert(start + first, Entry { count, lsn, state });
            }
        }
        true
    }

    /// Waits until nothing of a range is being written.
    pub async fn wait_until_written(&self, range: BlockRange) {
        self.changed.wait_until(|| !self.is_writing(&self.overlapping(range))).await;
    }

    /// What waits within a range: blocks that it begins at, and the values.
    fn waiting(&self, starts: &[u64]) -> Result<Vec<(u64, CarriedValue)>> {
        let entries = self.entries.borrow();
        let mut found = Vec::with_capacity(starts.len());
        for start in starts {
            match entries.get(start).map(|entry| &entry.state) {
                Some(State::Waiting(value)) => found.push((*start, value.clone())),
                Some(State::Gone(status)) => return Err(status.clone()),
                Some(State::Writing) | None => {}
            }
        }
        Ok(found)
    }

    /// Reads from the data device, and from memory what is not there yet. The reader keeps the blocks from being used again.
    pub async fn read(&self, device: &dyn BlockDevice, offset: u64, length: usize) -> Result<IoBuffer> {
        let (start, blocks) = (offset / BLOCK_SIZE as u64, length.div_ceil(BLOCK_SIZE) as u64);
        let range = BlockRange { start, count: blocks };
        let waiting = loop {
            let starts = self.overlapping(range);
            if !self.is_writing(&starts) {
                break self.waiting(&starts)?;
            }
            // What could not be written may be written once more by then.
            self.wait_until_written(range).await;
        };
        if let [(first, value)] = &waiting[..]
            && *first <= start
            && let from = (start - first) as usize * BLOCK_SIZE
            && let Some(bytes) = value.blocks().get(from..from + length)
        {
            return Ok(IoBuffer::copy_of(bytes));
        }
        let mut buffer = device.read(offset, length).await?;
        for (first, value) in waiting {
            let from = first.max(start);
            let end = (first + (value.blocks().len() / BLOCK_SIZE) as u64).min(start + blocks);
            let bytes = |from: u64, base: u64| (from - base) as usize * BLOCK_SIZE;
            let part = &value.blocks()[bytes(from, first)..bytes(end, first)];
            buffer.padded_mut()[bytes(from, start)..bytes(end, start)].copy_from_slice(part);
        }
        Ok(buffer)
    }

    /// Takes values of commits up to `last` that wait, of so many bytes and the one more, to be written.
    fn take(&self, last: Lsn, bytes: u64) -> Vec<(u64, CarriedValue)> {
        let mut taken = Vec::new();
        let mut left = bytes;
        for (start, entry) in self.entries.borrow_mut().iter_mut().filter(|(_, entry)| entry.lsn <= last) {
            if left == 0 {
                break;
            }
            match std::mem::replace(&mut entry.state, State::Writing) {
                State::Waiting(value) => {
                    let bytes = entry.count * BLOCK_SIZE as u64;
                    self.waiting_bytes.set(self.waiting_bytes.get() - bytes);
                    left = left.saturating_sub(bytes);
                    taken.push((*start, value));
                }
                other => entry.state = other,
            }
        }
        taken
    }

    /// Writes values to their places. What cannot be written waits again.
    async fn write(&self, device: &dyn BlockDevice, values: Vec<(u64, CarriedValue)>) -> Result<()> {
        let writes = values.into_iter().map(|(start, CarriedValue { bytes, checksum, _room })| async move {
            // A batch that was not begun yet has it, too, when a checkpoint is faster.
            let buffer = Rc::try_unwrap(bytes).unwrap_or_else(|shared| IoBuffer::copy_of(shared.padded()));
            let length = buffer.padded().len();
            let (buffer, result) = device.write(start * BLOCK_SIZE as u64, buffer).await;
            let is_back = buffer.padded().len() == length;
            self.written(start, CarriedValue { bytes: Rc::new(buffer), checksum, _room }, is_back, &result);
            result
        });
        let results = join_all(writes).await;
        self.changed.wake_all();
        results.into_iter().collect()
    }

    fn written(&self, start: u64, value: CarriedValue, is_back: bool, result: &Result<()>) {
        let mut entries = self.entries.borrow_mut();
        let Err(status) = result else {
            entries.remove(&start);
            self.is_unsynced.set(true);
            return;
        };
        self.has_failed.set(true);
        let Some(entry) = entries.get_mut(&start) else { return };
        if is_back {
            self.waiting_bytes.set(self.waiting_bytes.get() + entry.count * BLOCK_SIZE as u64);
            entry.state = State::Waiting(value);
        } else {
            entry.state = State::Gone(status.clone());
        }
    }

    /// Writes a part of what waits to its places, in the background.
    pub async fn place_some(&self, device: &dyn BlockDevice) {
        let values = self.take(Lsn(u64::MAX), PLACED_AT_ONCE);
        if let Err(status) = self.write(device, values).await {
            daos_env::log!(
                Warn,
                "media",
                "values that the log carries cannot be written to their places, and are tried again by the next checkpoint: {status}"
            );
        }
    }

    /// Writes to its place whatever commits up to `last` point at, and waits for what others write.
    pub async fn place(&self, device: &dyn BlockDevice, last: Lsn) -> Result<()> {
        let is_left = |state: fn(&State) -> bool| {
            self.entries.borrow().values().any(|entry| entry.lsn <= last && state(&entry.state))
        };
        loop {
            let values = self.take(last, PLACED_AT_ONCE);
            if !values.is_empty() {
                let result = self.write(device, values).await;
                result.map_err(|status| {
                    status.while_doing("values that the log carries cannot be written to their places")
                })?;
                continue;
            }
            self.changed.wait_until(|| !is_left(|state| matches!(state, State::Writing))).await;
            if is_left(|state| matches!(state, State::Gone(_))) {
                fail!(Code::Io, "only the log has values that were not written to their places: it must stay as it is");
            }
            if !is_left(|_| true) {
                self.has_failed.set(false);
                return Ok(());
            }
        }
    }
}

impl DurableArena {
    /// Room for the log to carry values of so many bytes; `None` when they are too large, when so many others share the flush that each byte is
    /// better written once, or when the log is short of room: then they are to be written to the data device before the commit. Each piece of blocks is a value of its own, for [`crate::ExtentAllocator::publish_carried`].
    pub fn room_to_carry(&self, bytes: usize) -> Option<CarryRoom> {
        let persistence = self.shared.persistence()?;
        if !persistence.carried.crowd.carries(bytes.next_multiple_of(BLOCK_SIZE) as u64) {
            return None;
        }
        // Each byte goes through the log: when that fills so fast that a checkpoint has to be made, it is better spared.
        if persistence.wants_checkpoint() || self.shared.has_failed() {
            return None;
        }
        persistence.carried.room(bytes)
    }

    /// Reads a value, or a part of one, from the data device, or from memory when the log carries it and it is not there yet. Its blocks must not be
    /// used again meanwhile: see [`crate::ExtentAllocator::pin_readers`].
    pub async fn read_value(&self, offset: u64, length: usize) -> Result<IoBuffer> {
        match self.shared.persistence() {
            Some(persistence) if !persistence.carried.is_empty() => {
                persistence.carried.read(&*self.shared.data, offset, length).await
            }
            _ => self.shared.data.read(offset, length).await,
        }
    }

    /// Whether blocks can be used again, whose release is durable and that nobody reads any more, as far as it is for the log to say.
    pub(crate) fn let_go(&self, range: BlockRange) -> bool {
        self.shared.persistence().is_none_or(|persistence| persistence.carried.let_go(range))
    }

    /// Waits until that may be.
    pub(crate) async fn wait_until_written(&self, range: BlockRange) {
        if let Some(persistence) = self.shared.persistence() {
            persistence.carried.wait_until_written(range).await;
        }
    }
}

#[cfg(test)]
mod tests;
