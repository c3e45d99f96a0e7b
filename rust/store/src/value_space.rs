//! Values on the data device: reserved and written before anything points at them, published and released by the transaction that
//! makes or drops the pointer.
//!
//! A record names the blocks of its value by a list of pieces: `start block << 24 | blocks`, one word each, in the order of the
//! value's bytes, until all of them are covered. One piece is the rule; a device whose free blocks are scattered gives more.

use crate::Data;
use crate::checksums::{Checksums, Computed};
use crate::stored::{Origin, StoredRange};
use crate::tree::damaged;
use daos_env::{IoBuffer, Spawner};
use daos_media::{
    Arena, BLOCK_SIZE, BlockDevice, BlockRange, DurableArena, ExtentAllocator, IoFuture, Offset, PIECES_MAX,
    Transaction,
};
use daos_status::{Code, Result, fail};
use std::rc::Rc;

const COUNT_BITS: u32 = 24;

const _: () = assert!(crate::stored::VALUE_MAX / BLOCK_SIZE < 1 << COUNT_BITS);

/// The most pieces of one value, so that its record is one allocation with room to spare.
const PIECE_LIST_MAX: usize = 8 * 1024;

/// One block in so many is kept for what makes space in the end, such as aggregation, but never more than the bound.
const HEADROOM_SHARE: u64 = 64;
const HEADROOM_BLOCKS_MAX: u64 = 4096;

/// Blocks of a value.
fn blocks_of(length: usize) -> u64 {
    length.div_ceil(BLOCK_SIZE) as u64
}

/// The pieces of a value as a record names them.
pub(crate) struct Pieces<'a> {
    arena: &'a Arena,
    position: u64,
    blocks_left: u64,
}

impl<'a> Pieces<'a> {
    /// The list at a position of the arena, for a value of `length` bytes.
    pub(crate) fn new(arena: &'a Arena, position: u64, length: usize) -> Pieces<'a> {
        Pieces { arena, position, blocks_left: blocks_of(length) }
    }

    fn next_piece(&mut self) -> Result<BlockRange> {
        let word: u64 = self.arena.read_value(self.position)?;
        let (start, count) = (word >> COUNT_BITS, word & ((1 << COUNT_BITS) - 1));
        if count == 0 || count > self.blocks_left {
            return Err(damaged("the blocks of a value", self.position));
        }
        self.position += 8;
        self.blocks_left -= count;
        Ok(BlockRange { start, count })
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<BlockRange>;

    fn next(&mut self) -> Option<Result<BlockRange>> {
        if self.blocks_left == 0 {
            return None;
        }
        let piece = self.next_piece();
        if piece.is_err() {
            self.blocks_left = 0;
        }
        Some(piece)
    }
}

/// A piece as it is stored.
pub(crate) fn piece_word(range: BlockRange) -> u64 {
    range.start << COUNT_BITS | range.count
}

/// A value that was written to the data device. Dropped without [`Placed::keep`], its blocks are free again.
pub(crate) struct Placed {
    /// Where it lies.
    pub ranges: Vec<BlockRange>,
    /// Its bytes in number.
    pub length: usize,
    /// The checksums of its chunks.
    pub checksums: Computed,
    extents: ExtentAllocator,
    spawner: Spawner,
    /// A write that was started and has not ended. The device may still be writing when a request is dropped.
    in_flight: Option<IoFuture<(IoBuffer, Result<()>)>>,
    is_kept: bool,
}

impl Placed {
    /// The transaction that published the blocks was committed.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }

    async fn write(&mut self, device: &dyn BlockDevice, data: Data) -> Result<()> {
        let data = match (data, &self.ranges[..]) {
            (Data::Buffer(buffer), [range]) => {
                let offset = range.offset();
                return self.write_range(device, offset, buffer).await;
            }
            (data, _) => data,
        };
        let mut done = 0;
        for index in 0..self.ranges.len() {
            let range = self.ranges[index];
            let end = data.len().min(done + range.bytes() as usize);
            let buffer = IoBuffer::copy_of(&data[done..end]);
            self.write_range(device, range.offset(), buffer).await?;
            done = end;
        }
        Ok(())
    }

    async fn write_range(&mut self, device: &dyn BlockDevice, offset: u64, buffer: IoBuffer) -> Result<()> {
        let write = self.in_flight.insert(device.write(offset, buffer));
        let (_, result) = write.await;
        self.in_flight = None;
        result
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let ranges = std::mem::take(&mut self.ranges);
        match self.in_flight.take() {
            None => self.extents.abort(&ranges),
            Some(write) => {
                let extents = self.extents.clone();
                self.spawner.spawn(async move {
                    // The outcome does not matter: the value came to nothing.
                    let _outcome = write.await;
                    extents.abort(&ranges);
                });
            }
        }
    }
}

/// A part of a value that is to be read, with all that must be known when its metadata may be gone.
pub(crate) struct ReadPlan {
    /// Where the bytes lie, in their order: offset on the device and bytes.
    ranges: Vec<(u64, usize)>,
    /// Where these bytes begin within the value.
    first: usize,
    start: usize,
    length: usize,
    expected: Computed,
}

impl ReadPlan {
    /// Bytes that will be read.
    fn total(&self) -> usize {
        self.ranges.iter().map(|(_, bytes)| bytes).sum()
    }
}

/// See the [module](self).
pub(crate) struct ValueSpace {
    durable: DurableArena,
    extents: ExtentAllocator,
    spawner: Spawner,
}

impl ValueSpace {
    /// The space whose bitmap has its root at an offset of the arena.
    pub(crate) fn open(durable: &DurableArena, root: Offset, blocks: u64, spawner: &Spawner) -> Result<ValueSpace> {
        let headroom = (blocks / HEADROOM_SHARE).min(HEADROOM_BLOCKS_MAX);
        let extents = ExtentAllocator::open(durable, root, headroom)?;
        Ok(ValueSpace { durable: durable.clone(), extents, spawner: spawner.clone() })
    }

    /// The blocks and their use.
    pub(crate) fn extents(&self) -> &ExtentAllocator {
        &self.extents
    }

    /// Takes free blocks for a value of `length` bytes.
    pub(crate) async fn reserve(&self, length: usize) -> Result<Placed> {
        let mut placed = Placed {
            ranges: Vec::new(),
            length,
            checksums: Computed::NONE,
            extents: self.extents.clone(),
            spawner: self.spawner.clone(),
            in_flight: None,
            is_kept: false,
        };
        self.reserve_blocks(&mut placed, blocks_of(length)).await?;
        Ok(placed)
    }

    /// Writes a value of the length that was reserved.
    pub(crate) async fn fill(&self, placed: &mut Placed, data: Data, checksums: Checksums) -> Result<()> {
        placed.checksums = checksums.of(&data);
        placed.write(&*self.durable.data(), data).await?;
        self.durable.note_data_write();
        Ok(())
    }

    /// Takes free blocks in as few pieces as there are. What is free can be reserved, however scattered it is.
    async fn reserve_blocks(&self, placed: &mut Placed, blocks: u64) -> Result<()> {
        match self.extents.reserve_or_wait(blocks).await {
            Ok(ranges) => {
                placed.ranges = ranges;
                Ok(())
            }
            Err(status) if status.code() == Code::Nospace && blocks <= self.extents.free_blocks() => {
                self.reserve_scattered(placed, blocks).await
            }
            Err(status) => Err(status),
        }
    }

    async fn reserve_scattered(&self, placed: &mut Placed, blocks: u64) -> Result<()> {
        let mut left = blocks;
        let mut step = blocks;
        while left > 0 {
            if placed.ranges.len() + PIECES_MAX > PIECE_LIST_MAX {
                fail!(Code::Nospace, "{blocks} blocks of data are free, but in more than {PIECE_LIST_MAX} pieces");
            }
            match self.extents.reserve_or_wait(step.min(left)).await {
                Ok(more) => {
                    left -= more.iter().map(|range| range.count).sum::<u64>();
                    placed.ranges.extend(more);
                }
                Err(status) if status.code() == Code::Nospace && step > 1 => step = step.min(left).div_ceil(2),
                Err(status) => return Err(status),
            }
        }
        Ok(())
    }

    /// Marks a value's blocks as used.
    pub(crate) fn publish(&self, transaction: &mut Transaction<'_>, placed: &Placed) -> Result<()> {
        placed.ranges.iter().try_for_each(|range| self.extents.publish(transaction, *range))
    }

    /// Gives the blocks of a value back that nothing points at any more; the bytes of its list of pieces.
    pub(crate) fn free(&self, transaction: &mut Transaction<'_>, position: u64, length: usize) -> Result<usize> {
        let mut bytes = 0;
        for piece in Pieces::new(transaction.arena(), position, length) {
            self.extents.release(transaction, piece?)?;
            bytes += 8;
        }
        Ok(bytes)
    }

    /// What to read for a part of a value on the device.
    pub(crate) fn plan(&self, range: &StoredRange) -> Result<ReadPlan> {
        let arena = self.durable.arena();
        // Without checksums, chunks are blocks: there is no reason to read more than those of the part.
        let expected = range.expected(arena)?;
        let chunk = expected.chunk;
        let first = range.start / chunk * chunk;
        let end = (range.start + range.length).next_multiple_of(chunk).min(range.value_length);
        let mut ranges = Vec::with_capacity(1);
        let mut at = 0;
        for piece in Pieces::new(arena, range.address, range.value_length) {
            let piece = piece?;
            let (from, to) = (first.max(at), end.min(at + piece.bytes() as usize));
            if from < to {
                ranges.push((piece.offset() + (from - at) as u64, to - from));
            }
            at += piece.bytes() as usize;
        }
        Ok(ReadPlan { ranges, first, start: range.start, length: range.length, expected })
    }

    /// Reads a part and verifies its chunks.
    pub(crate) async fn read(&self, plan: ReadPlan, origin: &Origin<'_>) -> Result<Data> {
        let device = self.durable.data();
        let buffer = match plan.ranges[..] {
            [(offset, bytes)] => device.read(offset, bytes).await?,
            _ => {
                let mut whole = IoBuffer::zeroed(plan.total());
                let mut at = 0;
                for (offset, bytes) in &plan.ranges {
                    whole[at..at + bytes].copy_from_slice(&device.read(*offset, *bytes).await?);
                    at += bytes;
                }
                whole
            }
        };
        plan.expected.verify(plan.first, &buffer, origin)?;
        let start = plan.start - plan.first;
        if start == 0 && plan.length == buffer.len() {
            return Ok(Data::Buffer(buffer));
        }
        Ok(Data::Part { buffer: Rc::new(buffer), range: start..start + plan.length })
    }
}
