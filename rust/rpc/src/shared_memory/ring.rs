//! A ring of records in shared memory, with one sender and one receiver.
//!
//! A record is a word (length in its lower half, kind above it) and the bytes, padded to a multiple of eight; it never goes
//! over the end of the ring, for which there are records that are nothing but padding. Both ends keep their own position
//! in memory of their own: what the peer writes is only ever the other end's position, and that is checked.

use super::layout::{RECORD_BYTES_MAX, REWIND_BYTES, RING_BYTES, Shared, Side, Words};
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

const WORD: usize = size_of::<u64>();
const SIZE: u64 = RING_BYTES as u64;
/// The kind of records that are skipped.
const PADDING: u8 = 0;

/// The peer wrote what no peer writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Violation {
    /// The position of the other end is behind or beyond what is possible.
    Position,
    /// A record that is longer than the ring has bytes, or than a record may be.
    Record,
}

/// Where a ring lies.
struct Place {
    words: NonNull<Words>,
    data: NonNull<u8>,
}

impl Place {
    /// # Safety
    /// The shared memory stays mapped as long as the place is used.
    unsafe fn of(shared: NonNull<Shared>, sender: Side) -> Place {
        // SAFETY: both lie in the mapping.
        unsafe {
            let words = NonNull::new_unchecked(&raw mut (*shared.as_ptr()).control.rings[sender as usize]);
            let data = NonNull::new_unchecked(&raw mut (*shared.as_ptr()).data[sender as usize]);
            Place { words, data: data.cast() }
        }
    }

    fn words(&self) -> &Words {
        // SAFETY: mapped by the contract of `of`; the words are atomic.
        unsafe { self.words.as_ref() }
    }

    fn at(position: u64) -> usize {
        (position % SIZE) as usize
    }

    /// The word at a position, which is a multiple of eight.
    fn word(&self, position: u64) -> &AtomicU64 {
        // SAFETY: within the data, aligned, mapped by the contract of `of`.
        unsafe { self.data.add(Place::at(position)).cast::<AtomicU64>().as_ref() }
    }

    fn bytes(&self, position: u64) -> NonNull<u8> {
        // SAFETY: within the data.
        unsafe { self.data.add(Place::at(position)) }
    }
}

const fn padded(length: usize) -> u64 {
    length.next_multiple_of(WORD) as u64
}

/// The end that puts records in.
pub(super) struct Sender {
    place: Place,
    head: Cell<u64>,
    /// The receiver's position when it was looked at last.
    tail: Cell<u64>,
}

impl Sender {
    /// # Safety
    /// The shared memory stays mapped as long as this is used, and nobody else of this process sends.
    pub unsafe fn new(shared: NonNull<Shared>, side: Side) -> Sender {
        // SAFETY: by the contract.
        Sender { place: unsafe { Place::of(shared, side) }, head: Cell::new(0), tail: Cell::new(0) }
    }

    fn look(&self) -> Result<(), Violation> {
        let tail = self.place.words().tail.0.load(Ordering::Acquire);
        if self.head.get().wrapping_sub(tail) > SIZE || !tail.is_multiple_of(WORD as u64) {
            return Err(Violation::Position);
        }
        self.tail.set(tail);
        Ok(())
    }

    /// How many bytes of padding go before a record of so many bytes, when there is room for both.
    fn fit(&self, need: u64) -> Result<Option<u64>, Violation> {
        let head = self.head.get();
        let position = Place::at(head) as u64;
        let left = SIZE - position;
        let mut padding = if need <= left { 0 } else { left };
        let crosses =
            position > 0 && position & !(REWIND_BYTES as u64 - 1) != (position + need) & !(REWIND_BYTES as u64 - 1);
        if crosses && padding == 0 {
            self.look()?;
            if self.tail.get() == head && need <= position {
                padding = left;
            }
        }
        let fits = |tail: u64| SIZE - (head - tail) >= padding + need;
        if !fits(self.tail.get()) {
            self.look()?;
        }
        Ok(fits(self.tail.get()).then_some(padding))
    }

    /// Puts a record in that consists of parts; `false` when there is no room for it.
    pub fn push(&self, kind: u8, parts: &[&[u8]]) -> Result<bool, Violation> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.push_all(kind, length, parts.iter().copied())
    }

    /// As [`Sender::push`], with parts of `length` bytes together; what they have more than that is left out.
    pub fn push_all<'a>(
        &self,
        kind: u8,
        length: usize,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Result<bool, Violation> {
        assert!(length <= RECORD_BYTES_MAX && kind != PADDING, "senders cut what is longer");
        let need = WORD as u64 + padded(length);
        let Some(padding) = self.fit(need)? else { return Ok(false) };
        let mut head = self.head.get();
        if padding > 0 {
            self.place.word(head).store(record_word(PADDING, padding as usize - WORD), Ordering::Relaxed);
            head += padding;
        }
        self.place.word(head).store(record_word(kind, length), Ordering::Relaxed);
        let mut at = self.place.bytes(head + WORD as u64);
        let mut left = length;
        for part in parts {
            let count = part.len().min(left);
            left -= count;
            // SAFETY: the record lies in the ring, where the receiver does not read before the position is published, and
            // what a hostile one does with it is its own.
            unsafe {
                at.copy_from_nonoverlapping(NonNull::from(part).cast(), count);
                at = at.add(count);
            }
        }
        head += need;
        self.head.set(head);
        self.place.words().head.0.store(head, Ordering::Release);
        Ok(true)
    }

    /// Whether the longest record would fit.
    pub fn has_room(&self) -> Result<bool, Violation> {
        Ok(self.fit(WORD as u64 + RECORD_BYTES_MAX as u64)?.is_some())
    }

    /// Whether the receiver sleeps and is to be woken for what was put in; says so once for each sleep.
    pub fn is_to_be_woken(&self) -> bool {
        // Between the position and the flag: the receiver sets the flag before it looks at the position a last time.
        fence(Ordering::SeqCst);
        let sleeping = &self.place.words().sleeping.0;
        sleeping.load(Ordering::Relaxed) != 0 && sleeping.swap(0, Ordering::SeqCst) != 0
    }

    /// Says whether the sender sleeps though it has more to send.
    pub fn set_starved(&self, starved: bool) {
        self.place.words().starved.0.store(starved.into(), Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

/// A record that the receiver has not taken yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub kind: u8,
    pub length: usize,
    start: u64,
}

/// The end that takes records out.
pub(super) struct Receiver {
    place: Place,
    tail: Cell<u64>,
    /// The sender's position when it was looked at last.
    head: Cell<u64>,
    /// The own position as the sender knows it.
    published: Cell<u64>,
}

impl Receiver {
    /// # Safety
    /// The shared memory stays mapped as long as this is used, and nobody else of this process receives.
    pub unsafe fn new(shared: NonNull<Shared>, sender: Side) -> Receiver {
        // SAFETY: by the contract.
        let place = unsafe { Place::of(shared, sender) };
        Receiver { place, tail: Cell::new(0), head: Cell::new(0), published: Cell::new(0) }
    }

    /// Whether there is anything, which costs one look at memory.
    pub fn is_empty(&self) -> bool {
        self.tail.get() == self.head.get() && self.place.words().head.0.load(Ordering::Acquire) == self.tail.get()
    }

    /// The oldest record, if there is one; it stays until [`Receiver::advance`].
    pub fn next(&self) -> Result<Option<Record>, Violation> {
        // Two, since one may be padding.
        for _ in 0..2 {
            let tail = self.tail.get();
            if tail == self.head.get() {
                let head = self.place.words().head.0.load(Ordering::Acquire);
                if head == tail {
                    return Ok(None);
                }
                if head.wrapping_sub(tail) > SIZE || !head.is_multiple_of(WORD as u64) {
                    return Err(Violation::Position);
                }
                self.head.set(head);
            }
            let word = self.place.word(tail).load(Ordering::Relaxed);
            let (length, kind, rest) = (word as u32 as usize, (word >> 32) as u8, word >> 40);
            let limit = if kind == PADDING { RING_BYTES } else { RECORD_BYTES_MAX };
            let left = (self.head.get() - tail).min(SIZE - Place::at(tail) as u64);
            if rest != 0 || length > limit || WORD as u64 + padded(length) > left {
                return Err(Violation::Record);
            }
            let record = Record { kind, length, start: tail + WORD as u64 };
            if kind != PADDING {
                return Ok(Some(record));
            }
            self.advance(record);
        }
        // No sender pads twice.
        Err(Violation::Record)
    }

    /// Copies bytes of a record, which lie within it.
    ///
    /// # Safety
    /// So many bytes can be written at `to`.
    pub unsafe fn copy(&self, record: Record, offset: usize, length: usize, to: NonNull<u8>) {
        assert!(offset <= record.length && length <= record.length - offset, "callers stay within the record");
        let from = self.place.bytes(record.start + offset as u64);
        // SAFETY: the record lies in the ring (`next` checked it). A hostile sender may change bytes meanwhile: then the
        // copy has some of both, and is checked like everything that comes in.
        unsafe { to.copy_from_nonoverlapping(from, length) };
    }

    /// The bytes of a record from an offset on.
    pub fn bytes(&self, record: Record, offset: usize) -> Vec<u8> {
        let length = record.length.saturating_sub(offset);
        let mut bytes = Vec::with_capacity(length);
        self.append(record, offset, &mut bytes);
        bytes
    }

    /// Appends the bytes of a record from an offset on.
    pub fn append(&self, record: Record, offset: usize, bytes: &mut Vec<u8>) {
        let length = record.length.saturating_sub(offset);
        bytes.reserve(length);
        let end = bytes.len();
        // SAFETY: room for them was reserved, and they are written before they count.
        unsafe {
            self.copy(record, offset, length, NonNull::new_unchecked(bytes.as_mut_ptr().add(end)));
            bytes.set_len(end + length);
        }
    }

    /// The first `N` bytes of a record that has as many.
    pub fn head_of<const N: usize>(&self, record: Record) -> Option<[u8; N]> {
        if record.length < N {
            return None;
        }
        let mut head = [0; N];
        // SAFETY: the array has as many bytes.
        unsafe { self.copy(record, 0, N, NonNull::from(&mut head).cast()) };
        Some(head)
    }

    /// Takes a record out. The sender learns of it by [`Receiver::publish`], or when it holds a good part of the ring.
    pub fn advance(&self, record: Record) {
        self.tail.set(record.start + padded(record.length));
        if self.tail.get() - self.published.get() >= SIZE / 4 {
            self.published.set(self.tail.get());
            self.place.words().tail.0.store(self.tail.get(), Ordering::Release);
        }
    }

    /// Tells the sender what was taken; `true` when it sleeps and waits for room, once for each sleep.
    pub fn publish(&self) -> bool {
        let tail = self.tail.get();
        if self.published.replace(tail) != tail {
            self.place.words().tail.0.store(tail, Ordering::Release);
        }
        // As in `Sender::is_to_be_woken`.
        fence(Ordering::SeqCst);
        let starved = &self.place.words().starved.0;
        starved.load(Ordering::Relaxed) != 0 && starved.swap(0, Ordering::SeqCst) != 0
    }

    /// Asks for the bell; `false` when there is something already.
    pub fn prepare_sleep(&self) -> bool {
        let words = self.place.words();
        words.sleeping.0.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let quiet = self.is_empty();
        if !quiet {
            words.sleeping.0.store(0, Ordering::Relaxed);
        }
        quiet
    }

    /// Says that the receiver is awake.
    pub fn awake(&self) {
        self.place.words().sleeping.0.store(0, Ordering::Relaxed);
    }
}

fn record_word(kind: u8, length: usize) -> u64 {
    // Lengths are below those of the ring.
    u64::from(kind) << 32 | length as u64
}

#[cfg(test)]
mod tests;
