//! Which records of arrays transactions have read.
//!
//! A table of a fixed size, in sets of a few marks: the set is that of the dkey. What has no place in its set any more counts as a read of all of
//! its akey, see [`super::Timestamps`]: more is in the way then, never less.

use super::Reader;
use crate::recent::MIX;
use daos_types::Extent;
use std::cell::RefCell;

/// Sets of marks, together 192 KiB.
const SETS: usize = 1 << 10;
/// Marks of one set.
pub(super) const MARKS: usize = 4;

/// Records of an akey were read, at an epoch; there is no mark where that is zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct RangeMark {
    pub dkey: u64,
    pub akey: u64,
    pub start: u64,
    pub end: u64,
    pub epoch: u64,
    pub reader: u64,
}

impl RangeMark {
    pub(super) fn new((dkey, akey): (u64, u64), extent: Extent, epoch: u64, reader: Reader) -> RangeMark {
        RangeMark { dkey, akey, start: extent.start(), end: extent.end(), epoch, reader: reader.0 }
    }

    fn is_of(&self, other: &RangeMark) -> bool {
        self.epoch != 0 && (self.dkey, self.akey) == (other.dkey, other.akey)
    }

    /// Takes another mark of the same akey in, when nothing is made larger or later by it.
    fn takes(&mut self, other: &RangeMark) -> bool {
        let is_one_read = (self.epoch, self.reader) == (other.epoch, other.reader);
        if is_one_read && self.start <= other.end && other.start <= self.end {
            (self.start, self.end) = (self.start.min(other.start), self.end.max(other.end));
            return true;
        }
        if (self.start, self.end) != (other.start, other.end) {
            return false;
        }
        if other.epoch > self.epoch {
            (self.epoch, self.reader) = (other.epoch, other.reader);
        } else if other.epoch == self.epoch {
            // Of the same epoch, and yet another one's.
            self.reader = Reader::NOBODY.0;
        }
        true
    }
}

/// See the [module](self).
pub(super) struct RangeMarks(RefCell<Vec<[RangeMark; MARKS]>>);

fn set_of(dkey: u64) -> usize {
    (dkey.wrapping_mul(MIX) >> (64 - SETS.trailing_zeros())) as usize
}

impl RangeMarks {
    /// No marks; the table is made with the first of them.
    pub(super) fn new() -> RangeMarks {
        RangeMarks(RefCell::default())
    }

    /// Whether nothing was ever marked.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Puts a mark in; gives the one that has no place any more.
    pub(super) fn mark(&self, mark: RangeMark) -> Option<RangeMark> {
        if mark.epoch == 0 {
            return None;
        }
        let mut sets = self.0.borrow_mut();
        if sets.is_empty() {
            sets.resize(SETS, Default::default());
        }
        let marks = &mut sets[set_of(mark.dkey)];
        if marks.iter_mut().any(|known| known.is_of(&mark) && known.takes(&mark)) {
            return None;
        }
        // The oldest goes: what is written is mostly newer than that.
        let oldest = marks.iter_mut().min_by_key(|known| known.epoch)?;
        if oldest.epoch > mark.epoch {
            return Some(mark);
        }
        let gone = std::mem::replace(oldest, mark);
        (gone.epoch != 0).then_some(gone)
    }

    /// The greatest epoch of a read, from `epoch` on, of some of these records of an akey or of any, or of any akey.
    pub(super) fn later_than(
        &self,
        dkey: u64,
        akey: Option<u64>,
        extents: Option<&[Extent]>,
        epoch: u64,
        writer: Reader,
    ) -> u64 {
        let sets = self.0.borrow();
        let Some(marks) = sets.get(set_of(dkey)) else { return 0 };
        let is_met = |mark: &&RangeMark| {
            let is_own = mark.epoch == epoch && mark.reader == writer.0;
            let overlaps = |extent: &Extent| extent.start() < mark.end && mark.start < extent.end();
            mark.epoch >= epoch
                && !is_own
                && mark.dkey == dkey
                && akey.is_none_or(|akey| akey == mark.akey)
                && extents.is_none_or(|extents| extents.iter().any(overlaps))
        };
        marks.iter().filter(is_met).map(|mark| mark.epoch).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_types::TransactionId;

    fn extent(start: u64, end: u64) -> Extent {
        Extent::from_bounds(start, end).expect("not empty")
    }

    fn reader(number: u8) -> Reader {
        Reader::of(TransactionId::from_bytes([number; 16]))
    }

    fn mark(start: u64, end: u64, epoch: u64, number: u8) -> RangeMark {
        RangeMark::new((7, 8), extent(start, end), epoch, reader(number))
    }

    #[test]
    fn records_that_were_read_are_told_from_others() {
        let marks = RangeMarks::new();
        assert_eq!(marks.later_than(7, None, None, 1, reader(9)), 0);
        assert_eq!(marks.mark(mark(10, 20, 5, 1)), None);
        let of = |start, end, epoch, number| {
            marks.later_than(7, Some(8), Some(&[extent(start, end)]), epoch, reader(number))
        };
        assert_eq!((of(0, 10, 4, 2), of(20, 30, 4, 2)), (0, 0));
        assert_eq!((of(0, 11, 4, 2), of(19, 30, 4, 2), of(10, 20, 5, 2)), (5, 5, 5));
        assert_eq!((of(10, 20, 5, 1), of(10, 20, 6, 2)), (0, 0), "its own, or later");
        assert_eq!(marks.later_than(7, Some(8), None, 4, reader(2)), 5);
        assert_eq!(marks.later_than(7, None, None, 4, reader(2)), 5);
        assert_eq!(
            (marks.later_than(7, Some(9), None, 4, reader(2)), marks.later_than(6, None, None, 4, reader(2))),
            (0, 0)
        );
        // One more who reads the same at the same epoch: both are in the way of each other.
        assert_eq!(marks.mark(mark(10, 20, 5, 2)), None);
        assert_eq!((of(10, 20, 5, 1), of(10, 20, 5, 2)), (5, 5));
    }

    #[test]
    fn a_read_that_goes_on_is_one_mark() {
        let marks = RangeMarks::new();
        for part in 0..100 {
            assert_eq!(marks.mark(mark(part * 10, part * 10 + 10, 5, 1)), None);
        }
        assert_eq!(marks.later_than(7, Some(8), Some(&[extent(999, 1000)]), 4, reader(2)), 5);
        assert_eq!(marks.later_than(7, Some(8), Some(&[extent(1000, 1001)]), 4, reader(2)), 0);
    }

    #[test]
    fn the_oldest_gives_way_and_is_told() {
        let marks = RangeMarks::new();
        for number in 0..4 {
            assert_eq!(marks.mark(mark(number * 100, number * 100 + 1, 10 + number, 1)), None);
        }
        assert_eq!(marks.mark(mark(900, 901, 20, 1)), Some(mark(0, 1, 10, 1)));
        assert_eq!(marks.mark(mark(950, 951, 3, 1)), Some(mark(950, 951, 3, 1)), "older than all that are there");
    }
}
