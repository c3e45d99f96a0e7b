//! Views of an arena's bytes.
#![allow(unsafe_code, reason = "a view is a reference into memory that is written through interior mutability")]

use super::Arena;
use daos_status::Result;
use std::ops::Deref;

/// Bytes of an arena; while it lives, writing to the arena panics, as with a borrowed `RefCell`.
pub struct ArenaBytes<'a> {
    bytes: &'a [u8],
    arena: &'a Arena,
}

impl<'a> ArenaBytes<'a> {
    #[inline]
    pub(super) fn new(arena: &'a Arena, position: u64, length: usize) -> Result<ArenaBytes<'a>> {
        // SAFETY: while the guard lives it is counted, and every write first asserts that the count is zero.
        let bytes = unsafe { arena.memory.slice(position, length) }?;
        arena.guards.set(arena.guards.get() + 1);
        Ok(ArenaBytes { bytes, arena })
    }
}

impl Deref for ArenaBytes<'_> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

impl Drop for ArenaBytes<'_> {
    #[inline]
    fn drop(&mut self) {
        self.arena.guards.set(self.arena.guards.get() - 1);
    }
}
