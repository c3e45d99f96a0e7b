//! What a [`Transaction`] does to its arena: it writes, allocates and frees.

use super::{ALLOCATION_SIZE_MAX, Arena, HEADER_ROOTS, ROOTS, class_of};
use crate::transaction::{Scratch, Transaction};
use daos_status::{Code, Result, fail};

impl Arena {
    pub(crate) fn root_position(index: usize) -> Result<u64> {
        if index >= ROOTS {
            fail!(Code::Inval, "an arena has {ROOTS} roots, not {}", index + 1);
        }
        Ok(HEADER_ROOTS + index as u64 * 8)
    }

    #[inline]
    pub(crate) fn apply(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.assert_writable();
        self.memory.write(position, bytes)?;
        self.mark_range_dirty(position, bytes.len());
        Ok(())
    }

    #[inline]
    pub(crate) fn apply_parts<const PARTS: usize>(&self, position: u64, parts: [&[u8]; PARTS]) -> Result<()> {
        self.assert_writable();
        let mut end = position;
        for part in parts {
            self.memory.write(end, part)?;
            end += part.len() as u64;
        }
        self.mark_range_dirty(position, (end - position) as usize);
        Ok(())
    }

    #[inline]
    pub(crate) fn apply_shift(&self, from: u64, to: u64, length: usize) -> Result<()> {
        self.assert_writable();
        self.memory.shift(from, to, length)?;
        self.mark_range_dirty(to, length);
        Ok(())
    }

    #[inline]
    pub(crate) fn apply_push(&self, position: u64, bytes: &[u8], behind: usize) -> Result<()> {
        self.assert_writable();
        self.memory.push_in(position, bytes, behind)?;
        self.mark_range_dirty(position, bytes.len() + behind);
        Ok(())
    }

    pub(crate) fn enter(&self) -> Box<Scratch> {
        assert!(!self.open.replace(true), "one transaction at a time");
        self.generation.set(self.generation.get() + 1);
        self.scratch.take().unwrap_or_default()
    }

    pub(crate) fn leave(&self) {
        self.open.set(false);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.get()
    }

    pub(crate) fn keep_scratch(&self, scratch: Box<Scratch>) {
        self.scratch.replace(Some(scratch));
    }

    pub(crate) fn allocate(&self, size: usize, transaction: &mut Transaction<'_>) -> Result<(u64, usize)> {
        let Some(class) = class_of(size) else {
            fail!(Code::Inval, "an arena allocates at most {ALLOCATION_SIZE_MAX} bytes at once, not {size}");
        };
        let mut allocator = self.allocator.borrow_mut();
        allocator.refresh(self)?;
        Ok((allocator.allocate(class, transaction)?, class))
    }

    pub(crate) fn check_taken(&self, position: u64, size: usize) -> Result<usize> {
        let Some(class) = class_of(size) else {
            fail!(Code::DfInval, "an allocation of {size} bytes cannot exist");
        };
        let mut allocator = self.allocator.borrow_mut();
        allocator.refresh(self)?;
        allocator.check_taken(class, position, self)?;
        Ok(class)
    }

    pub(crate) fn free(&self, class: usize, position: u64, transaction: &mut Transaction<'_>) -> Result<()> {
        self.allocator.borrow_mut().free(class, position, transaction)
    }

    pub(crate) fn undo_allocations(&self, allocated: &[(u64, usize)], structural: bool) {
        let mut allocator = self.allocator.borrow_mut();
        if structural {
            allocator.invalidate();
        }
        allocated.iter().for_each(|(position, class)| allocator.undo_allocate(*class, *position));
    }
}
