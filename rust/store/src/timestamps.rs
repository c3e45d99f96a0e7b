//! Which epochs were read where: what a transaction must not change any more.
//!
//! Reads and writes of a transaction are one moment, its epoch. A write at an epoch `e` comes too late when somebody has read
//! what it changes at a later epoch, and did not see it: the transaction must take a newer epoch and start again. No lock is needed
//! for that, only the greatest epoch at which each thing was read.
//!
//! Tables of a fixed size hold it for whatever falls into a slot. Two things that share a slot make a transaction start again in
//! vain at worst; nothing is ever missed, and nothing must be cleaned up.
//!
//! | what is read | marks | is in the way of |
//! |---|---|---|
//! | values of an akey, or whether it exists | the akey | updates and punches of the akey, punches of the dkey and the object |
//! | akeys of a dkey, or whether it exists | the dkey | anything below the dkey, and punches of it and of the object |
//! | dkeys of an object, or whether it exists | the object | anything below the object, and its punch |
//! | objects of a container | the container | anything in the container |
//!
//! All of a dkey is in one cache line: a mark for the dkey as a whole and [`AKEY_STAMPS`] for akeys by their hash. A fetch writes there and to
//! the line of the object, where it says that something below was read.
//!
//! Of an array, a transaction marks the records that it has read (`timestamps/ranges.rs`), unless there was nothing: then it has read that, or they
//! are in more than a few places. Plain fetches do the same once a transaction has; before that they mark the akey, which costs less.
//!
//! A slot knows which transaction made its mark, unless there were several: what a transaction has read itself is not in its way.
//!
//! The tables live in memory. After opening, everything counts as read at the floor: the bound of the epochs of the store, or what
//! [`Timestamps::raise_floor`] is told.

mod ranges;

use crate::place::{Place, Scope};
use crate::prepared::intents::Part;
use crate::recent::MIX;
use daos_media::prefetch;
use daos_types::{Extent, TransactionId};
use ranges::{RangeMark, RangeMarks};
use std::cell::Cell;

/// Lines of dkeys: 1 MiB. A transaction that takes a millisecond meets some thousand reads of others meanwhile; of these, one in
/// so many is taken for one of what it writes.
const DKEYS: usize = 1 << 14;
/// Lines of objects: 128 KiB.
const OBJECTS: usize = 1 << 12;
/// Slots of containers.
const CONTAINERS: usize = 1 << 8;

/// Marks for akeys in the line of their dkey.
const AKEY_STAMPS: usize = 3;

/// Who reads: plain requests and several transactions are [`Reader::NOBODY`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reader(u64);

impl Reader {
    pub(crate) const NOBODY: Reader = Reader(0);

    /// A transaction. Two of them with the same word and the same epoch would not see each other: one chance in 2^63.
    pub(crate) fn of(transaction: TransactionId) -> Reader {
        let (high, low) = transaction.0.as_u64_pair();
        Reader((high.wrapping_mul(MIX).rotate_left(32) ^ low).wrapping_mul(MIX) | 1)
    }
}

impl From<Option<TransactionId>> for Reader {
    #[inline]
    fn from(transaction: Option<TransactionId>) -> Reader {
        transaction.map_or(Reader::NOBODY, Reader::of)
    }
}

#[derive(Default)]
struct Stamp {
    epoch: Cell<u64>,
    reader: Cell<u64>,
}

impl Stamp {
    #[inline]
    fn mark(&self, epoch: u64, reader: Reader) {
        let known = self.epoch.get();
        if epoch > known {
            self.epoch.set(epoch);
            self.reader.set(reader.0);
        } else if epoch == known && reader.0 != self.reader.get() {
            self.reader.set(Reader::NOBODY.0);
        }
    }

    /// The epoch of a read that a write at `epoch` comes too late for.
    fn later_than(&self, epoch: u64, writer: Reader) -> u64 {
        let known = self.epoch.get();
        let is_own = known == epoch && self.reader.get() == writer.0;
        if known >= epoch && !is_own { known } else { 0 }
    }
}

#[derive(Default)]
#[repr(align(64))]
struct DkeyLine {
    whole: Stamp,
    akeys: [Stamp; AKEY_STAMPS],
}

#[derive(Default)]
#[repr(align(32))]
struct ObjectLine {
    whole: Stamp,
    below: Stamp,
}

#[inline]
fn slot<T, const LENGTH: usize>(table: &[T; LENGTH], word: u64) -> &T {
    const { assert!(LENGTH.is_power_of_two() && LENGTH > 1) };
    // The upper bits of the product, of which there are so many as the table has slots.
    &table[(word.wrapping_mul(MIX) >> (64 - LENGTH.trailing_zeros())) as usize]
}

fn table<T: Default, const LENGTH: usize>() -> Box<[T; LENGTH]> {
    let slots: Box<[T]> = std::iter::repeat_with(T::default).take(LENGTH).collect();
    match slots.try_into() {
        Ok(table) => table,
        Err(_) => unreachable!("as many slots were made as the table has"),
    }
}

#[inline]
fn akey_index(order: u64) -> usize {
    // A word of 32 bits, scaled to the number of stamps.
    (((order.wrapping_mul(MIX) >> 32) * AKEY_STAMPS as u64) >> 32) as usize
}

/// See the [module](self).
pub(crate) struct Timestamps {
    dkeys: Box<[DkeyLine; DKEYS]>,
    objects: Box<[ObjectLine; OBJECTS]>,
    containers: Box<[Stamp; CONTAINERS]>,
    ranges: RangeMarks,
    floor: Cell<u64>,
}

impl Timestamps {
    /// Everything was read at the floor.
    pub(crate) fn new(floor: u64) -> Timestamps {
        let (dkeys, objects, containers, ranges) = (table(), table(), table(), RangeMarks::new());
        Timestamps { dkeys, objects, containers, ranges, floor: Cell::new(floor) }
    }

    /// Everything was read at this epoch, too.
    pub(crate) fn raise_floor(&self, epoch: u64) {
        self.floor.set(self.floor.get().max(epoch));
    }

    /// A dkey is about to be marked, by its word: its line is one of many, and comes from far.
    #[inline]
    pub(crate) fn prefetch(&self, dkey: u64) {
        prefetch(slot(&self.dkeys, dkey));
    }

    /// Values of an akey, or whether it exists, were read: by the words of the object and the dkey, and the akey's order word.
    #[inline]
    pub(crate) fn mark_akey(&self, object: u64, dkey: u64, akey: u64, epoch: u64, reader: Reader) {
        slot(&self.dkeys, dkey).akeys[akey_index(akey)].mark(epoch, reader);
        slot(&self.objects, object).below.mark(epoch, reader);
    }

    /// Records of an akey, which has some, were read: as [`Timestamps::mark_akey`], but others are not in the way of anybody.
    pub(crate) fn mark_records(
        &self,
        object: u64,
        (dkey, akey): (u64, u64),
        extents: &[Extent],
        epoch: u64,
        reader: Reader,
    ) {
        if extents.len() > ranges::MARKS {
            // There is no room for all of them.
            return self.mark_akey(object, dkey, akey, epoch, reader);
        }
        for extent in extents {
            if let Some(gone) = self.ranges.mark(RangeMark::new((dkey, akey), *extent, epoch, reader)) {
                slot(&self.dkeys, gone.dkey).akeys[akey_index(gone.akey)].mark(gone.epoch, Reader(gone.reader));
            }
        }
        slot(&self.objects, object).below.mark(epoch, reader);
    }

    /// Whether records are told apart: from the first transaction on that has read some.
    #[inline]
    pub(crate) fn knows_records(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// The akeys of a dkey, or whether it exists, were read.
    pub(crate) fn mark_dkey(&self, object: u64, dkey: u64, epoch: u64, reader: Reader) {
        slot(&self.dkeys, dkey).whole.mark(epoch, reader);
        slot(&self.objects, object).below.mark(epoch, reader);
    }

    /// What a place holds was read.
    pub(crate) fn mark(&self, place: &Place, epoch: u64, reader: Reader) {
        match place.scope {
            Scope::Container => slot(&self.containers, place.container).mark(epoch, reader),
            Scope::Object => slot(&self.objects, place.object).whole.mark(epoch, reader),
            Scope::Dkey => self.mark_dkey(place.object, place.dkey, epoch, reader),
            Scope::Akey => self.mark_akey(place.object, place.dkey, place.akey, epoch, reader),
        }
    }

    /// The epoch of a read that a change of a place, or of a part of it, at `epoch` comes too late for, if there is one.
    pub(crate) fn read_after(&self, place: &Place, part: &Part, epoch: u64, writer: Reader) -> Option<u64> {
        let of = |stamp: &Stamp| stamp.later_than(epoch, writer);
        let floor = if self.floor.get() >= epoch { self.floor.get() } else { 0 };
        let mut found = floor.max(of(slot(&self.containers, place.container)));
        if place.scope >= Scope::Object {
            let line = slot(&self.objects, place.object);
            found = found.max(of(&line.whole));
            if place.scope == Scope::Object {
                found = found.max(of(&line.below));
            }
        }
        if place.scope >= Scope::Dkey {
            let line = slot(&self.dkeys, place.dkey);
            found = found.max(of(&line.whole));
            let akey = (place.scope == Scope::Akey).then_some(place.akey);
            let extents = match part {
                Part::Records { extents, .. } => Some(&extents[..]),
                Part::All => None,
            };
            found = found.max(self.ranges.later_than(place.dkey, akey, extents, epoch, writer));
            if place.scope == Scope::Dkey {
                found = line.akeys.iter().map(of).fold(found, u64::max);
            } else {
                found = found.max(of(&line.akeys[akey_index(place.akey)]));
            }
        }
        (found != 0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_types::{ContainerId, Key, ObjectId};

    const CONTAINER: ContainerId = ContainerId::from_bytes([5; 16]);

    fn places(object: u64, dkey: &str, akey: &str) -> [Place; 4] {
        let id = ObjectId { hi: 0, lo: object };
        let key = |text: &str| Key::new(text.as_bytes()).expect("short");
        let object = Place::of_object(CONTAINER, id);
        let dkey = object.dkey(id, &key(dkey)).expect("hashed");
        [Place::of_container(CONTAINER), object, dkey, dkey.akey(id, &key(akey)).expect("hashed")]
    }

    #[test]
    fn a_read_is_in_the_way_of_what_changes_it_and_of_nothing_else() {
        let reader = Reader::NOBODY;
        let here = places(1, "d", "a");
        // Read: container, object, dkey, akey. Written: object, dkey, akey, all of them below.
        for (read, place) in here.iter().enumerate() {
            let timestamps = Timestamps::new(0);
            timestamps.mark(place, 10, reader);
            for written in &here[1..] {
                assert_eq!(
                    timestamps.read_after(written, &Part::All, 9, reader),
                    Some(10),
                    "read {read}, written {written:?}"
                );
                assert_eq!(timestamps.read_after(written, &Part::All, 10, Reader(1)), Some(10));
                assert_eq!(timestamps.read_after(written, &Part::All, 11, reader), None);
            }
            let elsewhere = places(2, "e", "b");
            let is_there = timestamps.read_after(&elsewhere[3], &Part::All, 9, reader).is_some();
            assert_eq!(is_there, read == 0, "only the container takes in another object");
        }
    }

    #[test]
    fn an_enumeration_is_in_the_way_of_new_keys_and_a_read_of_one_key_is_not() {
        let timestamps = Timestamps::new(0);
        let [_, object, dkey, akey] = places(1, "d", "a");
        timestamps.mark(&akey, 10, Reader::NOBODY);
        let others: Vec<Place> = (0..64).map(|number| places(1, "d", &format!("a{number}"))[3]).collect();
        let free =
            others.iter().filter(|place| timestamps.read_after(place, &Part::All, 5, Reader::NOBODY).is_none()).count();
        assert!(free > 20, "only {free} of 64 other akeys are free");
        timestamps.mark(&dkey, 10, Reader::NOBODY);
        assert!(others.iter().all(|place| timestamps.read_after(place, &Part::All, 5, Reader::NOBODY) == Some(10)));
        let other = places(1, "e", "a")[3];
        assert_eq!(timestamps.read_after(&other, &Part::All, 5, Reader::NOBODY), None);
        timestamps.mark(&object, 12, Reader::NOBODY);
        assert_eq!(timestamps.read_after(&other, &Part::All, 5, Reader::NOBODY), Some(12));
    }

    #[test]
    fn a_transaction_is_not_in_its_own_way_until_another_reads_at_its_epoch() {
        let timestamps = Timestamps::new(0);
        let own = Reader::of(TransactionId::from_bytes([1; 16]));
        let other = Reader::of(TransactionId::from_bytes([2; 16]));
        let akey = places(1, "d", "a")[3];
        timestamps.mark(&akey, 7, other);
        timestamps.mark(&akey, 10, own);
        assert_eq!(timestamps.read_after(&akey, &Part::All, 10, own), None);
        assert_eq!(timestamps.read_after(&akey, &Part::All, 10, other), Some(10));
        timestamps.mark(&akey, 10, other);
        assert_eq!(timestamps.read_after(&akey, &Part::All, 10, own), Some(10));
        assert_eq!(timestamps.read_after(&akey, &Part::All, 10, other), Some(10));
    }

    #[test]
    fn after_opening_everything_counts_as_read() {
        let timestamps = Timestamps::new(100);
        let akey = places(1, "d", "a")[3];
        let writer = Reader::of(TransactionId::from_bytes([1; 16]));
        assert_eq!(timestamps.read_after(&akey, &Part::All, 100, writer), Some(100));
        assert_eq!(timestamps.read_after(&akey, &Part::All, 101, writer), None);
        timestamps.raise_floor(200);
        assert_eq!(timestamps.read_after(&akey, &Part::All, 101, writer), Some(200));
    }
}
