//! Which commits a reader must wait for: what was changed by commits that are not durable yet.
//!
//! Tables of a fixed size hold, for whatever falls into a slot, the number of the last commit that touched it. Two things that
//! share a slot make a reader wait for one more log write at worst; nothing is ever missed, and nothing must be cleaned up.

use crate::place::word_of_dkey;
use daos_media::Lsn;
use daos_types::{ContainerId, ObjectId};
use std::cell::Cell;

/// Slots of a table: more than changes are ever under way at once.
const SLOTS: usize = 4096;
const SLOT_BITS: u32 = SLOTS.ilog2();

/// An odd constant without pattern (digits of the golden ratio).
pub(crate) const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

struct Table(Box<[Cell<Lsn>]>);

impl Table {
    fn new() -> Table {
        Table(vec![Cell::new(Lsn(0)); SLOTS].into())
    }

    fn slot(&self, word: u64) -> &Cell<Lsn> {
        // The upper bits of the product, of which there are so many as the table has slots.
        &self.0[(word.wrapping_mul(MIX) >> (64 - SLOT_BITS)) as usize]
    }

    fn mark(&self, word: u64, lsn: Lsn) {
        self.slot(word).set(lsn);
    }

    fn of(&self, word: u64) -> Lsn {
        self.slot(word).get()
    }
}

pub(crate) fn word_of_container(container: ContainerId) -> u64 {
    let (high, low) = container.0.as_u64_pair();
    high.wrapping_mul(MIX) ^ low
}

pub(crate) fn word_of_object(container: ContainerId, object: ObjectId) -> u64 {
    let word = (word_of_container(container) ^ object.hi).wrapping_mul(MIX).rotate_left(32);
    (word ^ object.lo).wrapping_mul(MIX).rotate_left(32)
}

/// See the [module](self).
pub(crate) struct Recent {
    /// Anything in the container.
    containers: Table,
    /// Anything below the object.
    objects: Table,
    /// Anything below the dkey.
    dkeys: Table,
    /// The object as a whole was punched.
    punches: Table,
    /// Containers came or went.
    structure: Cell<Lsn>,
}

impl Recent {
    pub(crate) fn new() -> Recent {
        let (containers, objects, dkeys, punches) = (Table::new(), Table::new(), Table::new(), Table::new());
        Recent { containers, objects, dkeys, punches, structure: Cell::new(Lsn(0)) }
    }

    /// A commit changed something below a dkey; `order` is the dkey's order word.
    pub(crate) fn mark_dkey(&self, container: ContainerId, object: ObjectId, order: u64, lsn: Lsn) {
        let word = word_of_object(container, object);
        self.dkeys.mark(word_of_dkey(word, order), lsn);
        self.objects.mark(word, lsn);
        self.containers.mark(word_of_container(container), lsn);
    }

    /// A commit punched an object.
    pub(crate) fn mark_object(&self, container: ContainerId, object: ObjectId, lsn: Lsn) {
        let word = word_of_object(container, object);
        self.punches.mark(word, lsn);
        self.objects.mark(word, lsn);
        self.containers.mark(word_of_container(container), lsn);
    }

    /// A commit that is durable at once changed something in a container.
    #[inline]
    pub(crate) fn mark_container(&self, container: ContainerId, lsn: Lsn) {
        self.containers.mark(word_of_container(container), lsn);
    }

    /// A commit made a container or marked one as destroyed.
    pub(crate) fn mark_structure(&self, lsn: Lsn) {
        self.structure.set(lsn);
    }

    /// The last commit that what is read below a dkey may depend on, by the words of the object and of the dkey.
    #[inline]
    pub(crate) fn of_words(&self, object: u64, dkey: u64) -> Lsn {
        self.dkeys.of(dkey).max(self.punches.of(object)).max(self.structure.get())
    }

    /// The last commit that what is read below a dkey may depend on.
    #[cfg(test)]
    fn of_dkey(&self, container: ContainerId, object: ObjectId, order: u64) -> Lsn {
        let word = word_of_object(container, object);
        self.of_words(word, word_of_dkey(word, order))
    }

    /// The last commit that what is read below an object may depend on.
    pub(crate) fn of_object(&self, container: ContainerId, object: ObjectId) -> Lsn {
        self.objects.of(word_of_object(container, object)).max(self.structure.get())
    }

    /// The last commit that what is read in a container may depend on.
    pub(crate) fn of_container(&self, container: ContainerId) -> Lsn {
        self.containers.of(word_of_container(container)).max(self.structure.get())
    }

    /// The last commit that changed something in a container.
    pub(crate) fn changes_of(&self, container: ContainerId) -> Lsn {
        self.containers.of(word_of_container(container))
    }

    /// The last commit that made or marked a container.
    pub(crate) fn of_structure(&self) -> Lsn {
        self.structure.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_is_never_missed() {
        let recent = Recent::new();
        let container = ContainerId::from_bytes([7; 16]);
        for number in 1..20_000u64 {
            let object = ObjectId { hi: number % 7, lo: number % 1000 };
            let lsn = Lsn(number);
            if number.is_multiple_of(13) {
                recent.mark_object(container, object, lsn);
            } else {
                recent.mark_dkey(container, object, number, lsn);
                assert_eq!(
                    recent.of_dkey(container, object, number).max(lsn),
                    recent.of_dkey(container, object, number)
                );
            }
            assert_eq!(recent.of_object(container, object), lsn);
            assert_eq!(recent.of_container(container), lsn);
        }
        let other = ObjectId { hi: 99, lo: 99 };
        assert!(recent.of_dkey(container, other, 1) < Lsn(20_000));
        assert_eq!(recent.of_structure(), Lsn(0));
        recent.mark_structure(Lsn(30_000));
        assert_eq!(recent.of_dkey(container, other, 1), Lsn(30_000));
    }
}
