//! The free blocks in memory, by place and by length.

use super::BlockRange;
use std::collections::{BTreeMap, BTreeSet};

/// Free ranges, none touching another.
#[derive(Default)]
pub(super) struct FreeIndex {
    by_start: BTreeMap<u64, u64>,
    by_count: BTreeSet<(u64, u64)>,
    total: u64,
}

impl FreeIndex {
    /// All free blocks.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds a range that is not free yet.
    pub fn insert(&mut self, range: BlockRange) {
        if range.count == 0 {
            return;
        }
        let (mut start, mut end) = (range.start, range.start + range.count);
        if let Some((&before, &count)) = self.by_start.range(..=start).next_back() {
            assert!(before + count <= start, "blocks {start}+{} are freed twice", range.count);
            if before + count == start {
                self.remove(before, count);
                start = before;
            }
        }
        if let Some((&after, &count)) = self.by_start.range(start..).next() {
            assert!(after >= end, "blocks {start}+{} are freed twice", range.count);
            if after == end {
                self.remove(after, count);
                end += count;
            }
        }
        self.by_start.insert(start, end - start);
        self.by_count.insert((end - start, start));
        self.total += end - start;
    }

    fn remove(&mut self, start: u64, count: u64) {
        self.by_start.remove(&start);
        self.by_count.remove(&(count, start));
        self.total -= count;
    }

    fn take_from(&mut self, start: u64, available: u64, wanted: u64) -> BlockRange {
        self.remove(start, available);
        self.insert(BlockRange { start: start + wanted, count: available - wanted });
        BlockRange { start, count: wanted }
    }

    /// Takes blocks: from the smallest range that holds them all, else from the largest ones, at most `pieces`; nothing when that
    /// is not enough.
    pub fn take(&mut self, blocks: u64, pieces: usize) -> Option<Vec<BlockRange>> {
        if blocks == 0 {
            return Some(Vec::new());
        }
        if let Some(&(count, start)) = self.by_count.range((blocks, 0)..).next() {
            return Some(vec![self.take_from(start, count, blocks)]);
        }
        let largest: u64 = self.by_count.iter().rev().take(pieces).map(|(count, _)| count).sum();
        if largest < blocks {
            return None;
        }
        let mut left = blocks;
        let mut taken = Vec::new();
        while left > 0 {
            let &(count, start) = self.by_count.last()?;
            let piece = count.min(left);
            taken.push(self.take_from(start, count, piece));
            left -= piece;
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, count: u64) -> BlockRange {
        BlockRange { start, count }
    }

    #[test]
    fn neighbours_are_joined_and_pieces_are_few() {
        let mut index = FreeIndex::default();
        for start in [0, 20, 10, 40] {
            index.insert(range(start, 5));
        }
        index.insert(range(5, 5));
        assert_eq!(index.take(15, 1), Some(vec![range(0, 15)]), "0..10 and 10..15 became one");
        assert_eq!(index.total(), 10);
        assert_eq!(index.take(8, 1), None);
        assert_eq!(index.total(), 10, "nothing was taken");
        let taken = index.take(8, 2).expect("two pieces");
        assert_eq!((taken.len(), taken.iter().map(|piece| piece.count).sum::<u64>()), (2, 8));
        assert_eq!(index.take(3, 16), None);
        assert_eq!(index.take(2, 16).map(|pieces| pieces.len()), Some(1));
        assert_eq!(index.total(), 0);
    }
}
