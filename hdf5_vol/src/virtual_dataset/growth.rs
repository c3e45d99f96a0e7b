//! Selections without an end: how many slices of one are within an extent, and how large an extent has as many. Pure.
//!
//! A slice is all that is selected at one coordinate of the dimension without an end. Selections of a virtual dataset and of its source have
//! slices of as many elements, and the n-th of one is that of the other. Numbers come from containers: nothing here overflows.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Slab, UNLIMITED};

/// Blocks of one mapping. Few bytes can name a source for every number there is, so there is an end to it.
const BLOCKS_MAX: u64 = 1 << 20;

/// How many blocks have a source, or stand before one that does, with no more missing in a row than the gap.
pub fn count_blocks(gap: u64, is_there: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    let (mut many, mut block) = (0_u64, 0_u64);
    while block <= many.saturating_add(gap) && block < u64::MAX {
        if is_there(block)? {
            many = block + 1;
        }
        if many > BLOCKS_MAX {
            let sentence = format!("a mapping of a virtual dataset has more than {BLOCKS_MAX} sources");
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        block += 1;
    }
    Ok(many)
}

/// A selection in its dimension without an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Growth {
    pub dimension: usize,
    start: u64,
    stride: u64,
    /// Slices of a block; none where one block has no end, or blocks have no gaps between them.
    block: Option<u64>,
    /// Slices of a block as it was said.
    said: u64,
}

impl Growth {
    /// None of a selection that has an end.
    pub fn of(slab: &Slab) -> Option<Self> {
        let dimension = slab.unlimited()?;
        let (stride, said) = (slab.stride[dimension].max(1), slab.block[dimension].max(1));
        let block = (said != UNLIMITED && said < stride).then_some(said);
        Some(Self { dimension, start: slab.start[dimension], stride, block, said })
    }

    /// Whether it consists of blocks, of which each can have a source of its own.
    pub fn has_blocks(&self) -> bool {
        self.said != UNLIMITED
    }

    /// Slices within an extent.
    pub fn slices(&self, extent: u64) -> u64 {
        let Some(length) = extent.checked_sub(self.start) else { return 0 };
        match self.block {
            None => length,
            Some(block) => {
                (length / self.stride).saturating_mul(block).saturating_add((length % self.stride).min(block))
            }
        }
    }

    /// The extent that has as many slices and ends with the last one, or, when that is wanted, before the next one.
    pub fn extent(&self, slices: u64, to_next: bool) -> u64 {
        if slices == 0 {
            return if to_next { self.start } else { 0 };
        }
        let length = match self.block {
            None => slices,
            Some(block) => {
                let (whole, rest) = (slices / block, slices % block);
                let before = |blocks: u64| blocks.saturating_mul(self.stride);
                match rest {
                    0 if to_next => before(whole),
                    0 => before(whole - 1).saturating_add(block),
                    rest => before(whole).saturating_add(rest),
                }
            }
        };
        self.start.saturating_add(length)
    }

    /// The selection, ended after as many slices.
    pub fn ended(&self, slab: &Slab, slices: u64) -> Vec<Slab> {
        let part = |start: u64, count: u64, block: u64| {
            let mut part = slab.clone();
            let dimension = self.dimension;
            part.start[dimension] = start;
            part.count[dimension] = count;
            part.block[dimension] = block;
            part
        };
        let Some(block) = self.block else {
            return if slices == 0 { Vec::new() } else { vec![part(self.start, 1, slices)] };
        };
        let (whole, rest) = (slices / block, slices % block);
        let mut parts = Vec::new();
        if whole > 0 {
            parts.push(part(self.start, whole, block));
        }
        if rest > 0 {
            parts.push(part(self.block_start(whole), 1, rest));
        }
        parts
    }

    /// Where a block begins.
    pub fn block_start(&self, number: u64) -> u64 {
        self.start.saturating_add(number.saturating_mul(self.stride))
    }

    /// Where a block ends.
    pub fn block_end(&self, number: u64) -> u64 {
        self.block_start(number).saturating_add(self.said)
    }

    /// The selection of one block, ended at an extent; none when nothing of it is within.
    pub fn block(&self, slab: &Slab, number: u64, extent: u64) -> Option<Slab> {
        let start = self.block_start(number);
        let length = extent.checked_sub(start).filter(|length| *length > 0)?.min(self.said);
        let mut part = slab.clone();
        part.start[self.dimension] = start;
        part.count[self.dimension] = 1;
        part.block[self.dimension] = length;
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slab(start: u64, stride: u64, count: u64, block: u64) -> Slab {
        Slab { start: vec![3, start], stride: vec![1, stride], count: vec![1, count], block: vec![2, block] }
    }

    fn growth(slab: &Slab) -> Growth {
        Growth::of(slab).expect("it has no end")
    }

    /// The coordinates that are selected below an end, by a plain walk.
    fn walk(start: u64, stride: u64, block: u64, end: u64) -> Vec<u64> {
        let is_selected = |at: &u64| *at >= start && (block >= stride || (at - start) % stride < block);
        (0..end).filter(is_selected).collect()
    }

    #[test]
    fn slices_are_those_that_a_plain_walk_finds() {
        for (start, stride, count, block) in [
            (0, 1, UNLIMITED, 1),
            (2, 3, UNLIMITED, 1),
            (1, 4, UNLIMITED, 3),
            (5, 4, UNLIMITED, 4),
            (3, 1, 1, UNLIMITED),
        ] {
            let selected = slab(start, stride, count, block);
            let growth = growth(&selected);
            for extent in 0..40 {
                let expected = walk(start, stride, block, extent);
                let slices = growth.slices(extent);
                assert_eq!(slices, expected.len() as u64, "{selected:?} {extent}");
                let ended = growth.ended(&selected, slices);
                let found: Vec<u64> = ended
                    .iter()
                    .flat_map(|part| {
                        let (start, stride) = (part.start[1], part.stride[1]);
                        let (count, block) = (part.count[1], part.block[1]);
                        (0..count).flat_map(move |number| {
                            let begin = start + number * stride;
                            begin..begin + block
                        })
                    })
                    .collect();
                assert_eq!(found, expected, "{selected:?} {extent}");
                let end = growth.extent(slices, false);
                assert_eq!(end, expected.last().map_or(0, |last| last + 1), "{selected:?} {extent}");
                let next = walk(start, stride, block, extent + 40)[slices as usize];
                assert_eq!(growth.extent(slices, true), next, "{selected:?} {extent}");
            }
        }
        assert_eq!(Growth::of(&slab(0, 1, 4, 2)), None);
    }

    #[test]
    fn blocks_end_at_the_extent() {
        let selected = slab(1, 10, UNLIMITED, 4);
        let growth = growth(&selected);
        let block = |number, extent| growth.block(&selected, number, extent).map(|part| (part.start[1], part.block[1]));
        assert_eq!(block(0, 100), Some((1, 4)));
        assert_eq!(block(2, 24), Some((21, 3)));
        assert_eq!(block(2, 21), None);
        assert_eq!((growth.block_start(3), growth.block_end(3)), (31, 35));
        assert!(growth.has_blocks() && !self::growth(&slab(0, 1, 1, UNLIMITED)).has_blocks());
    }

    #[test]
    fn blocks_are_counted_to_an_end() {
        let count = |gap, there: &'static [u64]| count_blocks(gap, |block| Ok(there.contains(&block))).expect("few");
        assert_eq!((count(0, &[]), count(0, &[0, 1, 3]), count(1, &[0, 1, 3]), count(9, &[3])), (0, 2, 4, 4));
        assert_eq!(count_blocks(0, |block| Ok(block < BLOCKS_MAX)).expect("as many as there may be"), BLOCKS_MAX);
        assert!(count_blocks(u64::MAX, |_| Ok(true)).is_err());
    }

    #[test]
    fn no_numbers_overflow() {
        let numbers = [0, 1, 2, 7, 1 << 40, u64::MAX - 1, u64::MAX];
        for start in numbers {
            for stride in numbers {
                for block in numbers {
                    let selected = slab(start, stride, UNLIMITED, block);
                    let growth = growth(&selected);
                    for many in numbers {
                        let _any = (growth.slices(many), growth.extent(many, true), growth.extent(many, false));
                        let _any = (growth.ended(&selected, many), growth.block(&selected, many, u64::MAX));
                        let _any = (growth.block_end(many), growth.has_blocks());
                    }
                }
            }
        }
    }
}
