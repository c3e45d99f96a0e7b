//! The free blocks in memory, by place and by length.

use super::BlockRange;
use std::collections::{BTreeMap, BTreeSet};

/// A range so many times longer than what is taken from it becomes the one that is taken from without the trees.
const FRONT_SHARE: u64 = 16;

/// Free ranges, none touching another.
#[derive(Default)]
pub(super) struct FreeIndex {
    by_start: BTreeMap<u64, u64>,
    by_count: BTreeSet<(u64, u64)>,
    /// One more, or an empty one: blocks are taken from its start with nothing but an addition.
    front: BlockRange,
    total: u64,
}

impl FreeIndex {
    /// All free blocks.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many ranges there are, and the length of the longest.
    pub fn runs(&self) -> (u64, u64) {
        let count = self.by_start.len() as u64 + u64::from(self.front.count > 0);
        let longest = self.by_count.last().map_or(0, |(count, _)| *count);
        (count, longest.max(self.front.count))
    }

    /// The first range that ends behind a block, of all there are.
    pub fn first_behind(&self, block: u64) -> Option<BlockRange> {
        let around = self.by_start.range(..=block).next_back().filter(|(start, count)| *start + *count > block);
        let next = around.or_else(|| self.by_start.range(block..).next());
        let next = next.map(|(&start, &count)| BlockRange { start, count });
        let front = Some(self.front).filter(|front| front.count > 0 && front.start + front.count > block);
        match (next, front) {
            (Some(next), Some(front)) => Some(if front.start < next.start { front } else { next }),
            (next, front) => next.or(front),
        }
    }

    /// Whether a free range is the one that is taken from without the trees.
    pub fn is_front(&self, start: u64) -> bool {
        self.front.count > 0 && self.front.start == start
    }

    /// Takes exactly this range, all of which is free.
    pub fn take_range(&mut self, range: BlockRange) {
        let holder = self.first_behind(range.start).filter(|holder| holder.start <= range.start);
        let end = range.start + range.count;
        let Some(holder) = holder.filter(|holder| holder.start + holder.count >= end) else {
            panic!("blocks {}+{} are not free", range.start, range.count);
        };
        let before = BlockRange { start: holder.start, count: range.start - holder.start };
        let behind = BlockRange { start: end, count: holder.start + holder.count - end };
        if self.is_front(holder.start) {
            // What was next stays next.
            let (front, other) = if before.count > 0 { (before, behind) } else { (behind, before) };
            self.front = front;
            self.add(other);
        } else {
            self.remove(holder.start, holder.count);
            self.add(before);
            self.add(behind);
        }
        self.total -= range.count;
    }

    /// Adds a range that is not free yet.
    pub fn insert(&mut self, range: BlockRange) {
        if range.count == 0 {
            return;
        }
        self.total += range.count;
        self.join(range);
    }

    /// Adds a range to the trees, joined with its neighbours; joined with the front, it stays the front.
    fn join(&mut self, range: BlockRange) {
        let (mut start, mut end) = (range.start, range.start + range.count);
        let mut is_front = false;
        if self.front.count > 0 {
            let (front, front_end) = (self.front.start, self.front.start + self.front.count);
            assert!(end <= front || front_end <= start, "blocks {start}+{} are freed twice", range.count);
            is_front = end == front || front_end == start;
            if is_front {
                (start, end) = (start.min(front), end.max(front_end));
            }
        }
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
        let whole = BlockRange { start, count: end - start };
        if is_front {
            self.front = whole;
        } else {
            self.add(whole);
        }
    }

    fn add(&mut self, range: BlockRange) {
        if range.count > 0 {
            self.by_start.insert(range.start, range.count);
            self.by_count.insert((range.count, range.start));
        }
    }

    fn remove(&mut self, start: u64, count: u64) {
        self.by_start.remove(&start);
        self.by_count.remove(&(count, start));
    }

    /// Takes blocks from the start of a range of the trees; the rest stays there.
    fn take_from(&mut self, start: u64, available: u64, wanted: u64) -> BlockRange {
        self.remove(start, available);
        self.add(BlockRange { start: start + wanted, count: available - wanted });
        self.total -= wanted;
        BlockRange { start, count: wanted }
    }

    fn take_from_front(&mut self, wanted: u64) -> BlockRange {
        let taken = BlockRange { start: self.front.start, count: wanted };
        self.front = BlockRange { start: self.front.start + wanted, count: self.front.count - wanted };
        self.total -= wanted;
        taken
    }

    /// Takes at least one block, from the smallest range that holds them all.
    #[inline]
    pub fn take_one(&mut self, blocks: u64) -> Option<BlockRange> {
        let fits = self.by_count.range((blocks, 0)..).next().copied();
        match fits {
            Some((count, start)) if self.front.count < blocks || count < self.front.count => {
                if count / FRONT_SHARE < blocks {
                    return Some(self.take_from(start, count, blocks));
                }
                // The front is the shortest of the long ranges, so that the two are not changed for each other again and again.
                self.remove(start, count);
                let old = std::mem::replace(&mut self.front, BlockRange { start, count });
                self.add(old);
                Some(self.take_from_front(blocks))
            }
            _ if self.front.count >= blocks => Some(self.take_from_front(blocks)),
            _ => None,
        }
    }

    /// Takes blocks: from the smallest range that holds them all, else from the largest ones, at most `pieces`; nothing when that
    /// is not enough.
    pub fn take(&mut self, blocks: u64, pieces: usize) -> Option<Vec<BlockRange>> {
        if blocks == 0 {
            return Some(Vec::new());
        }
        if let Some(range) = self.take_one(blocks) {
            return Some(vec![range]);
        }
        let front = std::mem::take(&mut self.front);
        self.add(front);
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

    #[test]
    fn a_long_range_is_taken_from_without_the_trees_and_holes_come_first() {
        let mut index = FreeIndex::default();
        index.insert(range(0, 1000));
        assert_eq!(index.take_one(4), Some(range(0, 4)));
        assert_eq!((index.front, index.by_start.len()), (range(4, 996), 0));
        index.insert(range(2, 2));
        assert_eq!((index.front, index.by_start.len()), (range(2, 998), 0), "a neighbour of the front joins it");
        assert_eq!(index.take_one(98), Some(range(2, 98)));
        index.insert(range(10, 5));
        assert_eq!(index.take_one(6), Some(range(100, 6)));
        assert_eq!(index.take_one(5), Some(range(10, 5)), "what just fits comes first");
        index.insert(range(2000, 500));
        assert_eq!(index.take_one(1), Some(range(2000, 1)), "the shorter of two long ranges");
        assert_eq!(index.take_one(1), Some(range(2001, 1)));
        assert_eq!(index.front, range(2002, 498));
        assert_eq!(index.take_one(600), Some(range(106, 600)));
        assert_eq!((index.total(), index.runs()), (294 + 498, (2, 498)));
        assert_eq!(index.take_one(499), None);
        assert_eq!(index.take(499, 2).map(|taken| taken.len()), Some(2));
        assert_eq!((index.total(), index.front), (293, range(0, 0)));
        index.insert(range(3000, 1));
        let behind = |block| index.first_behind(block).map(|range| range.start);
        assert_eq!(
            (behind(0), behind(999), behind(1000), behind(3000), behind(3001)),
            (Some(707), Some(707), Some(3000), Some(3000), None)
        );
    }

    #[test]
    fn a_range_is_taken_out_of_the_middle_and_comes_back() {
        for has_front in [false, true] {
            let mut index = FreeIndex::default();
            index.insert(range(0, 100));
            if has_front {
                index.take_one(1);
            }
            let first = u64::from(has_front);
            for (start, count) in [(first, 10), (40, 20), (90, 10), (first, 100 - first)] {
                index.take_range(range(start, count));
                assert_eq!(index.total(), 100 - first - count);
                let seen = index.first_behind(start);
                assert!(seen.is_none_or(|seen| seen.start >= start + count), "{seen:?}");
                index.insert(range(start, count));
                assert_eq!((index.total(), index.runs()), (100 - first, (1, 100 - first)));
            }
        }
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn a_block_of_the_front_is_not_freed_again() {
        let mut index = FreeIndex::default();
        index.insert(range(0, 1000));
        index.take_one(1);
        index.insert(range(500, 1));
    }
}
