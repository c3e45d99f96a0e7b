//! The values on the data device that a batch's records point at.

use crate::device::BLOCK_SIZE;
use crate::extent_allocator::BlockRange;
use crate::transaction::BlockChange;
use daos_checksum::crc64;
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use std::collections::BTreeMap;
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The CRC-64 of what a buffer brings to a device: its bytes and the padding of its last block.
pub fn blocks_checksum(buffer: &IoBuffer) -> u64 {
    crc64(buffer.padded())
}

/// Blocks and the checksum of their bytes, as a batch names them.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct ValueEntry {
    start: U64,
    blocks: U64,
    crc: U64,
}

pub(super) const ENTRY_BYTES: usize = 24;
const _: () = assert!(size_of::<ValueEntry>() == ENTRY_BYTES);

impl ValueEntry {
    /// Where the bytes begin on the device.
    pub fn offset(&self) -> Option<u64> {
        self.start.get().checked_mul(BLOCK_SIZE as u64)
    }

    /// How many there are.
    pub fn bytes(&self) -> Option<u64> {
        self.blocks.get().checked_mul(BLOCK_SIZE as u64).filter(|bytes| *bytes > 0)
    }

    /// What their checksum was.
    pub fn crc(&self) -> u64 {
        self.crc.get()
    }
}

/// The entries at the end of a payload, after its records.
pub(super) fn split(payload: &[u8], values: u32) -> Result<(&[u8], &[ValueEntry])> {
    let malformed = || Status::new(Code::DfInval, "a log batch is shorter than its list of values");
    let length = (values as usize).checked_mul(ENTRY_BYTES).filter(|l| *l <= payload.len()).ok_or_else(malformed)?;
    let (records, list) = payload.split_at(payload.len() - length);
    let entries = <[ValueEntry]>::ref_from_bytes(list).map_err(|_| malformed())?;
    Ok((records, entries))
}

/// What the records of one batch point at in the end, and was written for them.
#[derive(Default)]
pub(crate) struct BatchValues {
    /// By their first block: how many, and their checksum.
    ranges: BTreeMap<u64, (u64, u64)>,
    is_cut: bool,
    released: Vec<BlockRange>,
    /// Blocks that were written.
    blocks: u64,
}

impl BatchValues {
    /// Takes in what a record of the batch does, in the order of the records.
    pub fn note(&mut self, change: BlockChange) {
        match change {
            BlockChange::Written(range, crc) => {
                self.ranges.insert(range.start, (range.count, crc));
                self.blocks += range.count;
            }
            // As soon as the batch is durable, the blocks may be written again: what they hold proves nothing.
            BlockChange::Released(range) => {
                self.remove(range);
                self.released.push(range);
            }
        }
    }

    /// Whether the records release blocks that those of another batch point at. That one must be durable before this is begun: from
    /// then on its blocks may be written anew, and do not prove it any more.
    pub fn releases_of(&self, other: &BatchValues) -> bool {
        !other.ranges.is_empty() && self.released.iter().any(|range| other.holds_part_of(*range))
    }

    fn holds_part_of(&self, range: BlockRange) -> bool {
        let last = self.ranges.range(..range.start + range.count).next_back();
        last.is_some_and(|(start, (count, _))| start + count > range.start)
    }

    fn remove(&mut self, range: BlockRange) {
        let end = range.start + range.count;
        while let Some((&start, &(count, _))) = self.ranges.range(..end).next_back() {
            if start + count <= range.start {
                return;
            }
            self.is_cut |= start < range.start || start + count > end;
            self.ranges.remove(&start);
        }
    }

    /// Whether records point at a part of what was written, which has no checksum: it must be durable before the batch is written.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the batch points at anything that was written for it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.is_cut
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.blocks * BLOCK_SIZE as u64
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The values are durable already.
    pub fn clear(&mut self) {
        self.ranges.clear();
        self.is_cut = false;
    }

    pub fn entries(&self) -> impl Iterator<Item = ValueEntry> {
        let entry = |(&start, &(blocks, crc)): (&u64, &(u64, u64))| ValueEntry {
            start: start.into(),
            blocks: blocks.into(),
            crc: crc.into(),
        };
        self.ranges.iter().map(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(start: u64, count: u64) -> BlockChange {
        BlockChange::Written(BlockRange { start, count }, start * 7)
    }

    fn released(start: u64, count: u64) -> BlockChange {
        BlockChange::Released(BlockRange { start, count })
    }

    fn values(changes: &[BlockChange]) -> (Vec<u64>, bool) {
        let mut values = BatchValues::default();
        changes.iter().for_each(|change| values.note(*change));
        (values.entries().map(|entry| entry.start.get()).collect(), values.is_cut())
    }

    #[test]
    fn what_is_released_in_the_same_batch_proves_nothing() {
        assert_eq!(values(&[written(4, 2), written(8, 1), released(8, 1)]), (vec![4], false));
        assert_eq!(values(&[written(4, 2), written(6, 2), written(8, 2), released(4, 6)]), (vec![], false));
        assert_eq!(values(&[released(4, 2), written(4, 2), released(6, 1), released(3, 1)]), (vec![4], false));
    }

    #[test]
    fn what_is_released_in_part_must_be_durable_first() {
        for part in [released(4, 1), released(5, 1), released(3, 2), released(7, 9)] {
            assert_eq!(values(&[written(4, 4), written(20, 1), part]), (vec![20], true));
        }
        let mut values = BatchValues::default();
        [written(4, 4), released(4, 1)].into_iter().for_each(|change| values.note(change));
        assert!(!values.is_empty());
        values.clear();
        assert!(values.is_empty());
    }

    #[test]
    fn lists_are_checked_before_they_are_read() {
        let payload = vec![1u8; 60];
        let (records, entries) = split(&payload, 2).expect("two of them fit");
        assert_eq!((records.len(), entries.len()), (12, 2));
        assert_eq!(split(&payload, 0).expect("none").0.len(), 60);
        for values in [3, u32::MAX] {
            assert_eq!(split(&payload, values).expect_err("too many").code(), Code::DfInval);
        }
        assert_eq!(entries[0].offset(), None, "it is beyond every device");
    }
}
