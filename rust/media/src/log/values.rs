//! The values on the data device that a batch's records point at.

use crate::device::BLOCK_SIZE;
use crate::durable_arena::CarriedValue;
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

/// Blocks that records gave up, as a batch names them.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct ReleasedEntry {
    start: U64,
    blocks: U64,
}

pub(super) const RELEASED_BYTES: usize = 16;
const _: () = assert!(size_of::<ReleasedEntry>() == RELEASED_BYTES);

impl ReleasedEntry {
    /// The blocks.
    pub fn range(&self) -> BlockRange {
        BlockRange { start: self.start.get(), count: self.blocks.get() }
    }
}

/// How long the lists of a batch are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counts {
    pub values: u32,
    pub carried: u32,
    pub released: u32,
}

/// What a payload holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists<'a> {
    pub records: &'a [u8],
    /// Values that were written to the data device.
    pub values: &'a [ValueEntry],
    /// Values whose blocks follow the payload.
    pub carried: &'a [ValueEntry],
    pub released: &'a [ReleasedEntry],
}

/// The last `count` entries of a payload, and what is before them.
fn split_list<T: FromBytes + Immutable + KnownLayout + Unaligned>(bytes: &[u8], count: u32) -> Result<(&[u8], &[T])> {
    let malformed = || Status::new(Code::DfInval, "a log batch is shorter than its lists of values");
    let length =
        (count as usize).checked_mul(size_of::<T>()).filter(|length| *length <= bytes.len()).ok_or_else(malformed)?;
    let (before, list) = bytes.split_at(bytes.len() - length);
    Ok((before, <[T]>::ref_from_bytes(list).map_err(|_| malformed())?))
}

/// A payload: records, then the lists.
pub(super) fn split(payload: &[u8], counts: Counts) -> Result<Lists<'_>> {
    let (rest, released) = split_list(payload, counts.released)?;
    let (rest, carried) = split_list(rest, counts.carried)?;
    let (records, values) = split_list(rest, counts.values)?;
    Ok(Lists { records, values, carried, released })
}

/// What the records of one batch point at in the end, and was written for them.
#[derive(Default)]
pub(crate) struct BatchValues {
    /// By their first block: how many, and their checksum.
    ranges: BTreeMap<u64, (u64, u64)>,
    is_cut: bool,
    /// Those whose bytes the batch carries.
    carried: Vec<(BlockRange, CarriedValue)>,
    carried_bytes: usize,
    released: Vec<BlockRange>,
    /// Blocks that were written.
    blocks: u64,
}

impl BatchValues {
    /// Takes in what a record of the batch does, in the order of the records.
    pub fn note(&mut self, change: &BlockChange) {
        match change {
            BlockChange::Written(range, crc) => {
                self.ranges.insert(range.start, (range.count, *crc));
                self.blocks += range.count;
            }
            BlockChange::Carried(range, value) => {
                self.carried_bytes += value.blocks().len();
                self.carried.push((*range, value.clone()));
            }
            // As soon as the batch is durable, the blocks may be written again: what they hold proves nothing, and what an earlier batch
            // carries for them must not be written there.
            BlockChange::Released(range) => {
                self.remove(*range);
                self.released.push(*range);
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

    /// Whether the batch points at anything that was written to the data device for it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.is_cut
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.blocks * BLOCK_SIZE as u64
    }

    /// How long the lists are.
    pub fn counts(&self) -> Counts {
        // Each has a record of some bytes: all are bounded by the size of the ring, which is below 4 GiB.
        let (values, carried) = (self.ranges.len() as u32, self.carried.len() as u32);
        Counts { values, carried, released: self.released.len() as u32 }
    }

    /// Bytes of the lists.
    pub fn list_bytes(&self) -> usize {
        (self.ranges.len() + self.carried.len()) * ENTRY_BYTES + self.released.len() * RELEASED_BYTES
    }

    /// Appends the lists.
    pub fn encode_lists(&self, out: &mut Vec<u8>) {
        let carried = self.carried.iter().map(|(range, value)| entry_of(*range, value.checksum()));
        self.entries().chain(carried).for_each(|entry| out.extend_from_slice(entry.as_bytes()));
        for range in &self.released {
            let entry = ReleasedEntry { start: range.start.into(), blocks: range.count.into() };
            out.extend_from_slice(entry.as_bytes());
        }
    }

    /// The bytes that the batch carries, whole blocks each.
    pub fn carried(&self) -> impl Iterator<Item = &[u8]> {
        self.carried.iter().map(|(_, value)| value.blocks())
    }

    /// How many they are.
    pub fn carried_bytes(&self) -> usize {
        self.carried_bytes
    }

    /// The batch is on its way: what it carries need not be kept for it any more.
    pub fn drop_carried(&mut self) {
        self.carried = Vec::new();
        self.carried_bytes = 0;
    }

    /// The values on the data device are durable already.
    pub fn clear(&mut self) {
        self.ranges.clear();
        self.is_cut = false;
    }

    pub fn entries(&self) -> impl Iterator<Item = ValueEntry> {
        self.ranges.iter().map(|(&start, &(count, crc))| entry_of(BlockRange { start, count }, crc))
    }
}

fn entry_of(range: BlockRange, crc: u64) -> ValueEntry {
    ValueEntry { start: range.start.into(), blocks: range.count.into(), crc: crc.into() }
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
        changes.iter().for_each(|change| values.note(change));
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
        [written(4, 4), released(4, 1)].iter().for_each(|change| values.note(change));
        assert!(!values.is_empty());
        values.clear();
        assert!(values.is_empty());
    }

    #[test]
    fn lists_are_checked_before_they_are_read() {
        let payload = vec![1u8; 60];
        let counts = |values, carried, released| Counts { values, carried, released };
        let lists = split(&payload, counts(2, 0, 0)).expect("two of them fit");
        assert_eq!((lists.records.len(), lists.values.len()), (12, 2));
        assert_eq!(split(&payload, Counts::default()).expect("none").records.len(), 60);
        let all = split(&payload, counts(1, 0, 2)).expect("they fit");
        assert_eq!((all.records.len(), all.values.len(), all.released.len()), (4, 1, 2));
        for counts in
            [counts(3, 0, 0), counts(0, 3, 0), counts(0, 0, 4), counts(1, 1, 1), counts(u32::MAX, 0, u32::MAX)]
        {
            assert_eq!(split(&payload, counts).expect_err("too many").code(), Code::DfInval);
        }
        assert_eq!(lists.values[0].offset(), None, "it is beyond every device");
    }
}
