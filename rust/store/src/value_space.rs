//! Values on the data device: reserved and written before anything points at them, published and released by the transaction that
//! makes or drops the pointer.
//!
//! A record names the blocks of its value by a list of pieces: `start block << 24 | blocks`, one word each, in the order of the
//! value's bytes, until all of them are covered. One piece is the rule; a device whose free blocks are scattered gives more.

use crate::Data;
use crate::checksums::{Checksums, Computed};
use crate::data::ValueView;
use crate::stored::{Origin, StoredRange};
use crate::tree::damaged;
use daos_env::sync::Signal;
use daos_env::{IoBuffer, JoinHandle, Spawner};
use daos_media::{
    Arena, BLOCK_SIZE, BlockDevice, BlockRange, DurableArena, ExtentAllocator, IoFuture, Offset, PIECES_MAX, Region,
    Transaction, Trim,
};
use daos_status::{Code, Result, fail};
use std::cell::Cell;
use std::ops::{Deref, Range};
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

/// The pieces of a value that is being written: one is the rule, and takes no memory of its own.
pub(crate) enum Ranges {
    One(BlockRange),
    Many(Vec<BlockRange>),
}

impl Deref for Ranges {
    type Target = [BlockRange];
    fn deref(&self) -> &[BlockRange] {
        match self {
            Ranges::One(range) => std::slice::from_ref(range),
            Ranges::Many(ranges) => ranges,
        }
    }
}

/// See [`piece_word`].
pub(crate) fn piece_range(word: u64) -> BlockRange {
    BlockRange { start: word >> COUNT_BITS, count: word & ((1 << COUNT_BITS) - 1) }
}

/// A value that was written to the data device. Dropped without [`Placed::keep`], its blocks are free again.
pub(crate) struct Placed {
    /// Where it lies.
    pub ranges: Ranges,
    /// Its bytes in number.
    pub length: usize,
    /// The checksums of its chunks.
    pub checksums: Computed,
    extents: ExtentAllocator,
    spawner: Spawner,
    /// A write that was started and has not ended. The device may still be writing when a request is dropped.
    in_flight: Option<IoFuture<(IoBuffer, Result<()>)>>,
    is_kept: bool,
    /// Its blocks are in use already.
    is_published: bool,
}

impl Placed {
    /// The transaction that published the blocks was committed.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }

    /// Writes to a device that is memory: each chunk is copied while its checksum has it in the cache.
    fn write_now(&mut self, memory: &Region, data: &[u8], checksums: Checksums) -> Result<()> {
        self.checksums = Computed::begin(checksums, data.len());
        let (mut done, mut at) = (0, 0);
        let mut ranges = self.ranges.iter();
        let mut room = ranges.next().copied();
        for bytes in data.chunks(self.checksums.chunk) {
            self.checksums.push(bytes);
            let end = done + bytes.len();
            while let Some(range) = room.filter(|_| done < end) {
                let count = (end - done).min((range.bytes() - at) as usize);
                memory.write(range.offset() + at, &data[done..done + count])?;
                done += count;
                at += count as u64;
                if at == range.bytes() {
                    (room, at) = (ranges.next().copied(), 0);
                }
            }
        }
        Ok(())
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
        let ranges = std::mem::replace(&mut self.ranges, Ranges::Many(Vec::new()));
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
    /// The device's memory, when it is memory.
    memory: Option<Rc<Region>>,
    extents: ExtentAllocator,
    spawner: Spawner,
    trimming: Rc<Trimming>,
}

/// At most one task gives space back at a time.
#[derive(Default)]
struct Trimming {
    is_running: Cell<bool>,
    ended: Signal,
}

impl ValueSpace {
    /// The space whose bitmap has its root at an offset of the arena.
    pub(crate) fn open(durable: &DurableArena, root: Offset, blocks: u64, spawner: &Spawner) -> Result<ValueSpace> {
        let headroom = (blocks / HEADROOM_SHARE).min(HEADROOM_BLOCKS_MAX);
        let extents = ExtentAllocator::open(durable, root, headroom)?;
        let memory = durable.data().direct();
        let trimming = Rc::default();
        Ok(ValueSpace { durable: durable.clone(), memory, extents, spawner: spawner.clone(), trimming })
    }

    /// The blocks and their use.
    pub(crate) fn extents(&self) -> &ExtentAllocator {
        &self.extents
    }

    /// Takes free blocks for a value of `length` bytes.
    pub(crate) async fn reserve(&self, length: usize) -> Result<Placed> {
        let blocks = blocks_of(length);
        if let Some(range) = self.extents.reserve_one(blocks) {
            return Ok(self.placed(Ranges::One(range), length));
        }
        let mut placed = self.placed(Ranges::Many(Vec::new()), length);
        self.reserve_blocks(&mut placed, blocks).await?;
        Ok(placed)
    }

    fn placed(&self, ranges: Ranges, length: usize) -> Placed {
        Placed {
            ranges,
            length,
            checksums: Computed::NONE,
            extents: self.extents.clone(),
            spawner: self.spawner.clone(),
            in_flight: None,
            is_kept: false,
            is_published: false,
        }
    }

    /// As [`ValueSpace::reserve`] and [`ValueSpace::fill`], at once: only when the device is memory, and has the blocks in one piece.
    pub(crate) fn place_now(&self, data: &[u8], checksums: Checksums) -> Result<Option<Placed>> {
        let Some(memory) = &self.memory else { return Ok(None) };
        let Some(range) = self.extents.reserve_one(blocks_of(data.len())) else { return Ok(None) };
        let mut placed = self.placed(Ranges::One(range), data.len());
        placed.write_now(memory, data, checksums)?;
        Ok(Some(placed))
    }

    /// Writes a value of the length that was reserved.
    pub(crate) async fn fill(&self, placed: &mut Placed, data: Data, checksums: Checksums) -> Result<()> {
        if let Some(memory) = &self.memory {
            return placed.write_now(memory, &data, checksums);
        }
        placed.checksums = checksums.of(&data);
        placed.write(&*self.durable.data(), data).await?;
        self.durable.note_data_write();
        Ok(())
    }

    /// Takes free blocks in as few pieces as there are. What is free can be reserved, however scattered it is.
    async fn reserve_blocks(&self, placed: &mut Placed, blocks: u64) -> Result<()> {
        match self.extents.reserve_or_wait(blocks).await {
            Ok(ranges) => {
                placed.ranges = Ranges::Many(ranges);
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
                    match &mut placed.ranges {
                        Ranges::Many(ranges) => ranges.extend(more),
                        one => *one = Ranges::Many(more),
                    }
                }
                Err(status) if status.code() == Code::Nospace && step > 1 => step = step.min(left).div_ceil(2),
                Err(status) => return Err(status),
            }
        }
        Ok(())
    }

    /// A value whose blocks are in use already, by something that gives them away with it.
    pub(crate) fn adopt(&self, ranges: Vec<BlockRange>, length: usize, checksums: Computed) -> Placed {
        let mut placed = self.placed(Ranges::Many(ranges), length);
        placed.checksums = checksums;
        (placed.is_kept, placed.is_published) = (true, true);
        placed
    }

    /// Marks a value's blocks as used, unless they are.
    pub(crate) fn publish(&self, transaction: &mut Transaction<'_>, placed: &Placed) -> Result<()> {
        if placed.is_published {
            return Ok(());
        }
        placed.ranges.iter().try_for_each(|range| self.extents.publish(transaction, *range))
    }

    /// Gives the space of free blocks back to what holds the device; the blocks that were given back.
    pub(crate) async fn trim(&self, what: Trim) -> Result<u64> {
        while self.trimming.is_running.get() {
            self.wait_for_trim().await;
        }
        // A task, so that it goes on when nobody waits for it any more.
        match self.start_trim(what).await {
            Some(result) => result,
            None => fail!(Code::Canceled, "giving space back was cut short"),
        }
    }

    fn start_trim(&self, what: Trim) -> JoinHandle<Result<u64>> {
        self.trimming.is_running.set(true);
        let (extents, trimming) = (self.extents.clone(), self.trimming.clone());
        self.spawner.spawn(async move {
            let result = extents.trim(what).await;
            trimming.is_running.set(false);
            trimming.ended.wake_all();
            if let Err(status) = &result {
                daos_env::log!(Warn, "store", "space of free blocks stays taken: {status}");
            }
            result
        })
    }

    /// Waits until nothing is being given back.
    pub(crate) async fn wait_for_trim(&self) {
        self.trimming.ended.wait_until(|| !self.trimming.is_running.get()).await;
    }

    /// Gives the blocks of a value back that was adopted.
    pub(crate) fn release(&self, transaction: &mut Transaction<'_>, placed: &Placed) -> Result<()> {
        placed.ranges.iter().try_for_each(|range| self.extents.release(transaction, *range))
    }

    /// Gives the blocks of a value back that nothing points at any more; the bytes of its list of pieces.
    pub(crate) fn free(&self, transaction: &mut Transaction<'_>, position: u64, length: usize) -> Result<usize> {
        if !self.trimming.is_running.get() && self.extents.is_worth_trimming() {
            // It tells the log how it ends.
            drop(self.start_trim(Trim::Surplus));
        }
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

    /// As [`ValueSpace::plan`] and [`ValueSpace::read`], at once: only when the device is memory. In place when that is asked for
    /// and the bytes lie in one piece, else as a copy.
    pub(crate) fn read_now(&self, range: &StoredRange, in_place: bool, origin: &Origin<'_>) -> Result<Option<Data>> {
        let Some(memory) = &self.memory else { return Ok(None) };
        let plan = self.plan(range)?;
        let start = plan.start - plan.first;
        let part = start..start + plan.length;
        let [(offset, bytes)] = plan.ranges[..] else { return gather_now(memory, &plan, part, origin).map(Some) };
        if in_place && let Some(view) = memory.view(offset, bytes)? {
            plan.expected.verify(plan.first, &view, origin)?;
            return Ok(Some(Data::View(ValueView::new(view, part, self.extents.pin_readers()))));
        }
        let copy = |bytes: &[u8]| plan.expected.verify(plan.first, bytes, origin).map(|()| bytes[part].to_vec());
        Ok(Some(Data::Bytes(memory.read(offset, bytes, copy)??)))
    }

    /// Reads a part and verifies its chunks.
    pub(crate) async fn read(&self, plan: ReadPlan, origin: &Origin<'_>) -> Result<Data> {
        let device = self.durable.data();
        let buffer = match plan.ranges[..] {
            [(offset, bytes)] => device.read(offset, bytes).await?,
            _ => {
                let mut parts = Vec::with_capacity(plan.ranges.len());
                for (offset, bytes) in &plan.ranges {
                    parts.push(device.read(*offset, *bytes).await?);
                }
                IoBuffer::gathered(plan.total(), parts.iter().map(|part| &**part))
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

/// Reads a part that lies in several pieces of memory.
fn gather_now(memory: &Region, plan: &ReadPlan, part: Range<usize>, origin: &Origin<'_>) -> Result<Data> {
    let mut whole = Vec::with_capacity(plan.total());
    for (offset, bytes) in &plan.ranges {
        memory.read(*offset, *bytes, |bytes| whole.extend_from_slice(bytes))?;
    }
    plan.expected.verify(plan.first, &whole, origin)?;
    whole.truncate(part.end);
    whole.drain(..part.start);
    Ok(Data::Bytes(whole))
}
