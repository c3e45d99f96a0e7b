//! A change of an arena that happens entirely or not at all.

use crate::arena::{Arena, Offset, Redo};
use crate::durable_arena::CarriedValue;
use crate::extent_allocator::BlockRange;
use daos_status::{Code, Result, Status};
use std::collections::HashSet;
use zerocopy::{Immutable, IntoBytes};

/// A range that was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub position: u64,
    pub length: u32,
    undo: Undo,
}

/// What a range held before.
#[derive(Clone, Copy, Debug)]
enum Undo {
    /// It is part of a fresh allocation: its old bytes are of no interest.
    Nothing,
    /// At most eight bytes, as most writes are.
    Word([u8; 8]),
    /// The next bytes of [`Scratch::undo`], counted from its end.
    Bytes,
}

/// What a transaction does to blocks of the data device.
#[derive(Clone)]
pub(crate) enum BlockChange {
    /// It points at blocks that were written and may not be durable yet; the CRC-64 is that of all their bytes.
    Written(BlockRange, u64),
    /// It points at blocks whose bytes the log carries.
    Carried(BlockRange, CarriedValue),
    /// It points at them no more.
    Released(BlockRange),
}

/// The vectors of a transaction, reused from one to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    pub changes: Vec<Change>,
    /// In their order.
    pub blocks: Vec<BlockChange>,
    pub is_merged: bool,
    undo: Vec<u8>,
    allocated: Vec<(u64, usize)>,
    freed: Vec<(u64, usize)>,
    /// The positions in `freed`, once they are many.
    freed_index: HashSet<u64>,
    structural: bool,
    /// Slots that are taken already and may be given out, by their class.
    reusable: Vec<(usize, u64)>,
    /// Those that were given out.
    reused: Vec<u64>,
}

/// Two numbers of a redo record's range.
const RANGE_HEADER_MAX: u64 = 20;

/// What the allocator writes for one free, generously: a bitmap's word, and the headers of a run and its neighbours.
const FREE_BYTES_MAX: u64 = 256;

/// Up to so many frees of one transaction are searched one by one.
const FREED_SEARCHED: usize = 16;

impl Scratch {
    /// Notes that a slot is to be freed; `false` when it was noted before.
    fn note_freed(&mut self, position: u64, class: usize) -> bool {
        let is_new = if self.freed.len() < FREED_SEARCHED {
            self.freed.iter().all(|(freed, _)| *freed != position)
        } else {
            if self.freed_index.is_empty() {
                self.freed_index.extend(self.freed.iter().map(|(freed, _)| *freed));
            }
            self.freed_index.insert(position)
        };
        if is_new {
            self.freed.push((position, class));
        }
        is_new
    }

    fn clear(&mut self) {
        self.changes.clear();
        self.blocks.clear();
        self.is_merged = false;
        self.undo.clear();
        self.allocated.clear();
        self.freed.clear();
        self.freed_index.clear();
        self.structural = false;
        self.reusable.clear();
        self.reused.clear();
    }
}

/// Writes to an arena, in place; dropped without [`Transaction::commit`], it puts everything back.
///
/// Space that is freed stays as it is until the commit, so it is not handed out again by the same transaction.
pub struct Transaction<'a> {
    arena: &'a Arena,
    scratch: Option<Box<Scratch>>,
    privileged: bool,
}

impl<'a> Transaction<'a> {
    #[inline]
    pub(crate) fn new(arena: &'a Arena, privileged: bool) -> Transaction<'a> {
        let mut scratch = arena.enter();
        scratch.clear();
        Transaction { arena, scratch: Some(scratch), privileged }
    }

    /// The arena, which shows what this transaction has written so far.
    #[inline]
    pub fn arena(&self) -> &'a Arena {
        self.arena
    }

    pub(crate) fn is_privileged(&self) -> bool {
        self.privileged
    }

    /// The change is one that the allocator cannot take back by itself.
    pub(crate) fn note_structural(&mut self) {
        self.scratch().structural = true;
    }

    #[inline]
    fn scratch(&mut self) -> &mut Scratch {
        self.scratch.as_mut().expect("a transaction has its vectors until it ends")
    }

    /// Notes what becomes of blocks of the data device.
    pub(crate) fn note_blocks(&mut self, change: BlockChange) {
        self.scratch().blocks.push(change);
    }

    fn note(&mut self, position: u64, length: usize) -> Result<()> {
        let arena = self.arena;
        let scratch = self.scratch();
        if let Some(last) = scratch.changes.last_mut()
            && matches!(last.undo, Undo::Bytes)
            && position >= last.position
        {
            let end = last.position + u64::from(last.length);
            if position + length as u64 <= end {
                return Ok(());
            }
            if position == end && (u64::from(last.length) + length as u64) < u64::from(u32::MAX) {
                arena.append_to(position, length, &mut scratch.undo)?;
                last.length += length as u32;
                return Ok(());
            }
        }
        let short = short_length(length)?;
        arena.append_to(position, length, &mut scratch.undo)?;
        scratch.changes.push(Change { position, length: short, undo: Undo::Bytes });
        Ok(())
    }

    #[inline]
    fn check(&self, position: u64, length: usize) -> Result<()> {
        match position.checked_add(length as u64) {
            Some(end) if end <= self.arena.capacity() => Ok(()),
            _ => Err(self.outside(position, length)),
        }
    }

    #[cold]
    fn outside(&self, position: u64, length: usize) -> Status {
        let context = format!("write {position}+{length} is outside the arena of {} bytes", self.arena.capacity());
        Status::new(Code::DfInval, context)
    }

    /// Writes bytes.
    #[inline]
    pub fn write(&mut self, position: u64, bytes: &[u8]) -> Result<()> {
        self.check(position, bytes.len())?;
        if bytes.len() <= size_of::<u64>() {
            let mut old = [0; size_of::<u64>()];
            self.arena.read_into(position, &mut old[..bytes.len()])?;
            let change = Change { position, length: bytes.len() as u32, undo: Undo::Word(old) };
            self.scratch().changes.push(change);
        } else {
            self.note(position, bytes.len())?;
        }
        self.arena.apply(position, bytes)
    }

    /// Writes a value.
    #[inline]
    pub fn write_value<T: IntoBytes + Immutable>(&mut self, position: u64, value: &T) -> Result<()> {
        self.write(position, value.as_bytes())
    }

    /// Writes to space that this transaction has allocated: its old bytes are not kept.
    #[inline]
    pub fn fill(&mut self, position: u64, bytes: &[u8]) -> Result<()> {
        self.note_fill(position, bytes.len())?;
        self.arena.apply(position, bytes)
    }

    /// As [`Transaction::fill`], with several parts one behind the other.
    #[inline]
    pub fn fill_parts<const PARTS: usize>(&mut self, position: u64, parts: [&[u8]; PARTS]) -> Result<()> {
        self.note_fill(position, parts.iter().map(|part| part.len()).sum())?;
        self.arena.apply_parts(position, parts)
    }

    #[inline]
    fn note_fill(&mut self, position: u64, length: usize) -> Result<()> {
        self.check(position, length)?;
        debug_assert!(
            self.scratch().allocated.iter().rev().any(|(start, _)| *start <= position)
                || self.scratch().reused.iter().any(|start| *start <= position),
            "only what this transaction allocated is filled"
        );
        let short = short_length(length)?;
        match self.scratch().changes.last_mut() {
            Some(Change { position: start, length, undo: Undo::Nothing })
                if *start + u64::from(*length) == position && length.checked_add(short).is_some() =>
            {
                *length += short;
            }
            _ => self.scratch().changes.push(Change { position, length: short, undo: Undo::Nothing }),
        }
        Ok(())
    }

    /// Moves bytes; the ranges may overlap.
    #[inline]
    pub fn shift(&mut self, from: u64, to: u64, length: usize) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        self.check(from, length)?;
        self.check(to, length)?;
        self.note(to, length)?;
        self.arena.apply_shift(from, to, length)
    }

    /// Writes bytes where others are, of which `behind` move up.
    #[inline]
    pub fn push_in(&mut self, position: u64, bytes: &[u8], behind: usize) -> Result<()> {
        if behind == 0 {
            return self.write(position, bytes);
        }
        let all = bytes.len().saturating_add(behind);
        self.check(position, all)?;
        self.note(position, all)?;
        self.arena.apply_push(position, bytes, behind)
    }

    /// Sets a root offset of the arena's header.
    pub fn set_root(&mut self, index: usize, value: u64) -> Result<()> {
        let position = Arena::root_position(index)?;
        self.write(position, &value.to_le_bytes())
    }

    /// Allocates `size` bytes, at most [`crate::arena::ALLOCATION_SIZE_MAX`], of undefined content.
    #[inline]
    pub fn allocate(&mut self, size: usize) -> Result<Offset> {
        let arena = self.arena;
        if !self.scratch().reusable.is_empty()
            && let Some(offset) = self.take_reusable(size)
        {
            return Ok(offset);
        }
        let (position, class) = arena.allocate(size, self)?;
        self.scratch().allocated.push((position, class));
        Offset::new(position).ok_or_else(|| Status::new(Code::DfInval, "the arena's allocator gave a misplaced offset"))
    }

    /// Lets this transaction give out what was allocated with this size by an earlier one, for nothing but its size: that is how space
    /// is kept for a change to come. What is not given out is freed at the commit.
    pub fn reuse(&mut self, offset: Offset, size: usize) -> Result<()> {
        let class = self.arena.check_taken(offset.get(), size)?;
        self.scratch().reusable.push((class, offset.get()));
        Ok(())
    }

    #[cold]
    fn take_reusable(&mut self, size: usize) -> Option<Offset> {
        let class = crate::arena::class_of(size)?;
        let scratch = self.scratch();
        let index = scratch.reusable.iter().rposition(|(other, _)| *other == class)?;
        let (_, position) = scratch.reusable.swap_remove(index);
        scratch.reused.push(position);
        Offset::new(position)
    }

    /// Gives back what was allocated with this size (or one of the same class), at the commit.
    pub fn free(&mut self, offset: Offset, size: usize) -> Result<()> {
        let class = self.arena.check_taken(offset.get(), size)?;
        if !self.scratch().note_freed(offset.get(), class) {
            let context = format!("offset {} of the arena is freed twice by one transaction", offset.get());
            return Err(Status::new(Code::DfInval, context));
        }
        Ok(())
    }

    /// At most so many bytes has the redo record of what was done so far, frees included.
    pub(crate) fn redo_bytes_max(&self) -> u64 {
        let Some(scratch) = &self.scratch else { return 0 };
        let written: u64 = scratch.changes.iter().map(|change| u64::from(change.length) + RANGE_HEADER_MAX).sum();
        written + scratch.freed.len() as u64 * FREE_BYTES_MAX
    }

    /// Makes the change final in memory; the redo record is for the log, if there is one.
    pub fn commit(mut self) -> Redo<'a> {
        self.free_reusable();
        self.apply_frees();
        let scratch = self.scratch.take().expect("a transaction has its vectors until it ends");
        self.arena.leave();
        Redo::new(self.arena, scratch)
    }

    fn free_reusable(&mut self) {
        let scratch = self.scratch();
        if scratch.reusable.is_empty() {
            return;
        }
        for (class, position) in std::mem::take(&mut scratch.reusable) {
            let is_new = scratch.note_freed(position, class);
            debug_assert!(is_new, "a slot is kept once: {position}");
        }
    }

    fn apply_frees(&mut self) {
        let arena = self.arena;
        let mut freed = std::mem::take(&mut self.scratch().freed);
        for (position, class) in freed.drain(..) {
            // Each was checked when it was noted, and a transaction frees nothing before its end.
            let result = arena.free(class, position, self);
            debug_assert!(result.is_ok(), "a slot that was taken is not: {position}");
        }
        self.scratch().freed = freed;
    }
}

#[inline]
fn short_length(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| Status::new(Code::Inval, format!("a write of {length} bytes to an arena")))
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        let Some(scratch) = self.scratch.take() else {
            return;
        };
        let mut end = scratch.undo.len();
        for change in scratch.changes.iter().rev() {
            let length = change.length as usize;
            let old = match &change.undo {
                Undo::Nothing => continue,
                Undo::Word(old) => &old[..length],
                Undo::Bytes => {
                    let start = end - length;
                    let old = &scratch.undo[start..end];
                    end = start;
                    old
                }
            };
            self.arena.apply(change.position, old).expect("a range that was written lies within the arena");
        }
        self.arena.undo_allocations(&scratch.allocated, scratch.structural);
        self.arena.leave();
        self.arena.keep_scratch(scratch);
    }
}
