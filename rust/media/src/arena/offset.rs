//! Where allocations lie.

use super::ARENA_BYTES_MAX;

/// Where an allocation lies in its arena: a multiple of eight, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Offset(pub(super) u64);

impl Offset {
    /// The offset of a position, unless it cannot be one.
    pub const fn new(position: u64) -> Option<Offset> {
        if position != 0 && position.is_multiple_of(8) && position < ARENA_BYTES_MAX {
            Some(Offset(position))
        } else {
            None
        }
    }

    /// The offset as it is stored in records: in units of eight bytes. Zero stands for none.
    pub const fn from_link(link: u32) -> Option<Offset> {
        Offset::new(link as u64 * 8)
    }

    /// See [`Offset::from_link`].
    pub const fn link(self) -> u32 {
        (self.0 / 8) as u32
    }

    /// Bytes from the arena's start.
    pub const fn get(self) -> u64 {
        self.0
    }
}
