//! What recovery finds in the log that has to come to its place on the data device: values that batches carry, without the blocks that later
//! batches have given up, which may hold something else by now.

use super::values::{Lists, ValueEntry};
use crate::device::BLOCK_SIZE;
use crate::extent_allocator::BlockRange;
use std::collections::BTreeMap;

/// A part of a carried value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// Its first block on the data device, and how many there are.
    pub start: u64,
    pub count: u64,
    /// How many blocks of the value lie before it.
    pub skipped: u64,
    /// The value, and where its blocks begin in the log.
    pub entry: ValueEntry,
    pub at: u64,
}

/// Parts by their first blocks; they do not overlap.
#[derive(Default, Debug)]
pub(super) struct Unplaced(BTreeMap<u64, Part>);

impl Unplaced {
    /// Takes in a batch that counts, in the order of the log; its blocks begin at `at`. `false` when it names a place beyond the end of the device.
    pub fn note(&mut self, lists: Lists<'_>, at: u64, capacity: u64) -> bool {
        let mut at = at;
        for entry in lists.carried {
            let place = entry.offset().zip(entry.bytes());
            let is_there = |(offset, bytes): &(u64, u64)| offset.checked_add(*bytes).is_some_and(|end| end <= capacity);
            let Some((offset, bytes)) = place.filter(is_there) else { return false };
            let (start, count) = (offset / BLOCK_SIZE as u64, bytes / BLOCK_SIZE as u64);
            self.remove(BlockRange { start, count });
            self.0.insert(start, Part { start, count, skipped: 0, entry: *entry, at });
            at += bytes;
        }
        // Within a batch nothing is used again that it releases.
        lists.released.iter().for_each(|entry| self.remove(entry.range()));
        true
    }

    fn remove(&mut self, range: BlockRange) {
        let end = range.start.saturating_add(range.count);
        while let Some(part) = self.0.range(..end).next_back().map(|(_, part)| *part) {
            let part_end = part.start + part.count;
            if part_end <= range.start || range.count == 0 {
                return;
            }
            self.0.remove(&part.start);
            if part_end > end {
                let skipped = end - part.start;
                let rest = Part { start: end, count: part_end - end, skipped: part.skipped + skipped, ..part };
                self.0.insert(end, rest);
            }
            if part.start < range.start {
                self.0.insert(part.start, Part { count: range.start - part.start, ..part });
                return;
            }
        }
    }

    /// All parts, as they lie in the log.
    pub fn in_log_order(self) -> Vec<Part> {
        let mut parts: Vec<Part> = self.0.into_values().collect();
        parts.sort_unstable_by_key(|part| (part.at, part.skipped));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::{Counts, split};
    use super::*;

    /// First blocks, and how many.
    type Ranges<'a> = &'a [(u64, u64)];

    /// The parts that are left of batches, each of which carries and releases such ranges.
    fn left(batches: &[(Ranges<'_>, Ranges<'_>)]) -> Vec<(u64, u64, u64, u64)> {
        let mut unplaced = Unplaced::default();
        for (number, (carried, released)) in batches.iter().enumerate() {
            let words =
                |parts: &[&[u64]]| parts.concat().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
            let mut payload: Vec<u8> =
                carried.iter().flat_map(|(start, count)| words(&[&[*start, *count, 7]])).collect();
            payload.extend(released.iter().flat_map(|(start, count)| words(&[&[*start, *count]])));
            let counts = Counts { values: 0, carried: carried.len() as u32, released: released.len() as u32 };
            let lists = split(&payload, counts).expect("they fit");
            assert!(unplaced.note(lists, number as u64 * 1_000_000, 100 * 4096));
        }
        let parts = unplaced.in_log_order();
        parts.iter().map(|part| (part.start, part.count, part.skipped, part.at)).collect()
    }

    #[test]
    fn what_was_given_up_is_not_written() {
        assert_eq!(left(&[(&[(4, 4), (10, 1)], &[])]), [(4, 4, 0, 0), (10, 1, 0, 4 * 4096)]);
        assert_eq!(left(&[(&[(4, 4)], &[]), (&[], &[(4, 4)])]), []);
        assert_eq!(left(&[(&[(4, 4)], &[]), (&[], &[(5, 2)])]), [(4, 1, 0, 0), (7, 1, 3, 0)]);
        assert_eq!(left(&[(&[(4, 4)], &[]), (&[], &[(0, 5)]), (&[], &[(7, 90)])]), [(5, 2, 1, 0)]);
        assert_eq!(left(&[(&[(4, 1), (5, 1), (6, 1)], &[(5, 1)])]), [(4, 1, 0, 0), (6, 1, 0, 8192)]);
        assert_eq!(left(&[(&[(4, 1)], &[]), (&[], &[(0, 0), (u64::MAX, u64::MAX), (5, u64::MAX)])]), [(4, 1, 0, 0)]);
    }

    #[test]
    fn what_is_carried_later_counts() {
        assert_eq!(left(&[(&[(4, 4)], &[]), (&[], &[(4, 4)]), (&[(5, 1)], &[])]), [(5, 1, 0, 2_000_000)]);
        assert_eq!(left(&[(&[(4, 2)], &[]), (&[(5, 2)], &[])]), [(4, 1, 0, 0), (5, 2, 0, 1_000_000)]);
    }

    #[test]
    fn places_beyond_the_end_are_refused() {
        for words in [[100u64, 1, 0], [99, 2, 0], [u64::MAX, 1, 0], [1, u64::MAX, 0], [1, 0, 0]] {
            let payload: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let lists = split(&payload, Counts { values: 0, carried: 1, released: 0 }).expect("it fits");
            assert!(!Unplaced::default().note(lists, 0, 100 * 4096), "{words:?}");
        }
    }
}
