//! What a transaction changed, as a log keeps it.
//!
//! ```text
//! for each range, by position:  gap LEB128, length LEB128, bytes
//! ```
//! The gap counts from the end of the range before (from zero for the first). Ranges are in order and do not overlap. The
//! log that holds the record frames it and checks its checksum.

use super::Arena;
use crate::transaction::{BlockChange, Change, Scratch};
use daos_status::{Code, Result, Status};
use std::cell::RefCell;

/// Ranges so close are written as one: the header of a range costs about as much.
const GAP_JOINED: u64 = 4;

/// The ranges that a committed transaction changed; their bytes are read from the arena when it is encoded.
///
/// It must be encoded before the next transaction begins; it is free for those who need no log.
pub struct Redo<'a> {
    arena: &'a Arena,
    generation: u64,
    scratch: RefCell<Option<Box<Scratch>>>,
    blocks: Vec<BlockChange>,
}

impl<'a> Redo<'a> {
    pub(crate) fn new(arena: &'a Arena, mut scratch: Box<Scratch>) -> Redo<'a> {
        let blocks = std::mem::take(&mut scratch.blocks);
        Redo { arena, generation: arena.generation(), scratch: RefCell::new(Some(scratch)), blocks }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.scratch.borrow().as_ref().is_none_or(|scratch| scratch.changes.is_empty())
    }

    fn with_ranges<T>(&self, use_them: impl FnOnce(&[Change]) -> T) -> T {
        assert_eq!(self.generation, self.arena.generation(), "a redo record is encoded before the next transaction");
        let mut scratch = self.scratch.borrow_mut();
        let Some(scratch) = scratch.as_mut() else {
            return use_them(&[]);
        };
        if !scratch.is_merged {
            merge(&mut scratch.changes);
            scratch.is_merged = true;
        }
        use_them(&scratch.changes)
    }

    /// What the transaction did to blocks of the data device, in order.
    pub(crate) fn block_changes(&self) -> &[BlockChange] {
        &self.blocks
    }

    /// How many bytes [`Redo::encode_into`] appends.
    pub fn encoded_len(&self) -> usize {
        self.with_ranges(|ranges| {
            let mut end = 0;
            let mut total = 0;
            for range in ranges {
                total += varint_len(range.position - end) + varint_len(u64::from(range.length)) + range.length as usize;
                end = range.position + u64::from(range.length);
            }
            total
        })
    }

    /// Appends the record.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        self.with_ranges(|ranges| {
            let mut end = 0;
            for range in ranges {
                put_varint(range.position - end, out);
                put_varint(u64::from(range.length), out);
                self.arena
                    .append_to(range.position, range.length as usize, out)
                    .expect("a range that was written lies within the arena");
                end = range.position + u64::from(range.length);
            }
        });
    }

    /// Applies an encoded record, all of it or, when any part of it is malformed, nothing.
    pub fn replay(bytes: &[u8], arena: &Arena) -> Result<()> {
        for_each_range(bytes, arena.capacity(), |_, _| Ok(()))?;
        for_each_range(bytes, arena.capacity(), |position, bytes| {
            arena.restore(position, bytes)?;
            arena.mark_range_dirty(position, bytes.len());
            Ok(())
        })
    }
}

impl Drop for Redo<'_> {
    fn drop(&mut self) {
        if let Some(mut scratch) = self.scratch.take() {
            scratch.blocks = std::mem::take(&mut self.blocks);
            self.arena.keep_scratch(scratch);
        }
    }
}

/// Sorts ranges and joins those that overlap or nearly touch.
fn merge(changes: &mut Vec<Change>) {
    changes.sort_unstable_by_key(|change| change.position);
    let mut kept: usize = 0;
    for index in 0..changes.len() {
        let next = changes[index];
        if kept > 0 {
            let last = &mut changes[kept - 1];
            let end = last.position + u64::from(last.length);
            if next.position <= end + GAP_JOINED {
                let joined = end.max(next.position + u64::from(next.length)) - last.position;
                if let Ok(joined) = u32::try_from(joined) {
                    last.length = joined;
                    continue;
                }
            }
        }
        changes[kept] = next;
        kept += 1;
    }
    changes.truncate(kept);
}

/// Calls `visit` with the position and the bytes of each range of a record of an arena of `capacity` bytes.
pub(crate) fn for_each_range(
    mut bytes: &[u8],
    capacity: u64,
    mut visit: impl FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut end = 0u64;
    while !bytes.is_empty() {
        let gap = take_varint(&mut bytes)?;
        let length = take_varint(&mut bytes)?;
        let position = end.checked_add(gap).ok_or_else(malformed)?;
        end = position.checked_add(length).filter(|end| *end <= capacity).ok_or_else(malformed)?;
        let data;
        (data, bytes) = usize::try_from(length).ok().and_then(|l| bytes.split_at_checked(l)).ok_or_else(malformed)?;
        visit(position, data)?;
    }
    Ok(())
}

#[cold]
fn malformed() -> Status {
    Status::new(Code::DfInval, "a redo record is malformed")
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(malformed)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Err(malformed());
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(malformed())
}
