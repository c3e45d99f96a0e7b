//! Values on the data device: reserved and written before anything points at them, published and released by the transaction that
//! makes or drops the pointer.
//!
//! A record names the blocks of its value by a list of pieces: `start block << 24 | blocks`, one word each, in the order of the
//! value's bytes, until all of them are covered. One piece is the rule; a device whose free blocks are scattered gives more.

mod ahead;
mod placed;
mod read;

use crate::Data;
use crate::checksums::{Checksums, Computed};
use crate::tree::damaged;
use ahead::Ahead;
use daos_env::sync::Signal;
use daos_env::{BufferPool, JoinHandle, Spawner};
use daos_media::{
    Arena, BLOCK_SIZE, BlockRange, DurableArena, ExtentAllocator, Offset, PIECES_MAX, Region, Transaction, Trim,
};
use daos_status::{Code, Result, fail};
pub(crate) use placed::{Placed, Ranges};
pub(crate) use read::ReadPlan;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const COUNT_BITS: u32 = 24;

const _: () = assert!(crate::stored::VALUE_MAX / BLOCK_SIZE < 1 << COUNT_BITS);

/// The most pieces of one value, so that its record is one allocation with room to spare.
const PIECE_LIST_MAX: usize = 8 * 1024;

/// Space of much that was freed is given back when nothing was written for so long, or after so many times that: file systems write down with
/// the next sync what was given back, and whoever waits for that sync waits for it, too.
const QUIET: Duration = Duration::from_millis(50);
const QUIET_LOOKS: usize = 100;

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

    /// The only piece, if one holds all of the value.
    #[inline]
    fn only(&mut self) -> Result<Option<BlockRange>> {
        let blocks = self.blocks_left;
        Ok(Some(self.next_piece()?).filter(|piece| piece.count == blocks))
    }

    #[inline]
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

/// See [`piece_word`].
pub(crate) fn piece_range(word: u64) -> BlockRange {
    BlockRange { start: word >> COUNT_BITS, count: word & ((1 << COUNT_BITS) - 1) }
}

/// See the [module](self).
pub(crate) struct ValueSpace {
    durable: DurableArena,
    /// The device's memory, when it is memory.
    memory: Option<Rc<Region>>,
    /// What is copied from it.
    buffers: Rc<BufferPool>,
    extents: ExtentAllocator,
    spawner: Spawner,
    trimming: Rc<Background>,
    ahead: Rc<Ahead>,
    /// Bytes of the device for which space was asked for since the store was opened.
    prepared: Cell<u64>,
}

/// A task beside requests: one that gives space back, or one that writes it ahead; at most one of each at a time.
#[derive(Default)]
struct Background {
    is_running: Cell<bool>,
    /// Somebody waits for the end.
    is_wanted: Cell<bool>,
    /// The store is gone, without having been closed: what it has left behind may be somebody else's by now.
    is_gone: Cell<bool>,
    changed: Signal,
}

impl Background {
    /// Waits until nothing is written, or somebody wants an end; whether it became quiet.
    async fn wait_for_quiet(&self, durable: &DurableArena, spawner: &Spawner) -> bool {
        for _ in 0..QUIET_LOOKS {
            let before = durable.committed();
            let is_over = spawner.timeout(QUIET, self.changed.wait_until(|| self.is_over())).await.is_some();
            if is_over || durable.committed() == before {
                return !is_over;
            }
        }
        false
    }

    fn is_over(&self) -> bool {
        self.is_wanted.get() || self.is_gone.get()
    }

    /// It has ended.
    fn end(&self) {
        self.is_running.set(false);
        self.is_wanted.set(false);
        self.changed.wake_all();
    }

    /// The store is gone.
    fn leave(&self) {
        self.is_gone.set(true);
        self.changed.wake_all();
    }

    /// Has it end soon, and waits for that.
    async fn wait_for_end(&self) {
        if self.is_running.get() {
            self.is_wanted.set(true);
            self.changed.wake_all();
        }
        self.changed.wait_until(|| !self.is_running.get()).await;
    }
}

impl Drop for ValueSpace {
    fn drop(&mut self) {
        self.trimming.leave();
        self.ahead.task.leave();
    }
}

impl ValueSpace {
    /// The space whose bitmap has its root at an offset of the arena.
    pub(crate) fn open(durable: &DurableArena, root: Offset, blocks: u64, spawner: &Spawner) -> Result<ValueSpace> {
        let headroom = (blocks / HEADROOM_SHARE).min(HEADROOM_BLOCKS_MAX);
        let extents = ExtentAllocator::open(durable, root, headroom)?;
        let memory = durable.data().direct();
        let trimming = Rc::default();
        Ok(ValueSpace {
            durable: durable.clone(),
            memory,
            buffers: BufferPool::new(),
            extents,
            spawner: spawner.clone(),
            trimming,
            ahead: Rc::default(),
            prepared: Cell::new(0),
        })
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

    /// As [`ValueSpace::reserve`], for what gives space back in the end: from the last blocks, too. `None` when there are not enough.
    pub(crate) async fn reserve_from_headroom(&self, length: usize) -> Result<Option<Placed>> {
        let blocks = blocks_of(length);
        if let Some(range) = self.extents.reserve_one(blocks) {
            return Ok(Some(self.placed(Ranges::One(range), length)));
        }
        for is_last in [false, true] {
            match self.extents.reserve_from_headroom(blocks) {
                Ok(ranges) => return Ok(Some(self.placed(Ranges::Many(ranges), length))),
                // Not for readers: they may take any time.
                Err(status) if status.code() == Code::Again && !is_last => {
                    self.durable.wait_durable(self.durable.committed()).await?;
                }
                Err(status) if matches!(status.code(), Code::Again | Code::Nospace) => break,
                Err(status) => return Err(status),
            }
        }
        Ok(None)
    }

    fn placed(&self, ranges: Ranges, length: usize) -> Placed {
        Placed::new(ranges, length, &self.extents, &self.spawner)
    }

    /// As [`ValueSpace::reserve`] and [`ValueSpace::fill`], at once: only when the device is memory, and has the blocks in one piece.
    pub(crate) fn place_now(&self, data: &[u8], checksums: Checksums) -> Result<Option<Placed>> {
        let Some(memory) = &self.memory else { return Ok(None) };
        let Some(range) = self.extents.reserve_one(blocks_of(data.len())) else { return Ok(None) };
        let mut placed = self.placed(Ranges::One(range), data.len());
        placed.write_now(memory, data, checksums)?;
        Ok(Some(placed))
    }

    /// Writes a value of the length that was reserved, or has the log carry it.
    pub(crate) async fn fill(&self, placed: &mut Placed, data: Data, checksums: Checksums) -> Result<()> {
        if let Some(memory) = &self.memory {
            return placed.write_now(memory, &data, checksums);
        }
        if let Some(last) = placed.ranges.last() {
            self.prepare_behind(last);
        }
        placed.checksums = checksums.of(&data);
        // With the bytes in the log, the change is durable with one write, and nothing is waited for here.
        if let Some(room) = self.durable.room_to_carry(data.len()) {
            placed.carry(&room, data);
            return Ok(());
        }
        // Dropped when the write has ended: what is left until the commit waits for nothing but the log.
        let _under_way = self.durable.begin_value(data.len());
        placed.write(&*self.durable.data(), data).await
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
        self.placed(Ranges::Many(ranges), length).adopted(checksums)
    }

    /// Marks a value's blocks as used, unless they are.
    pub(crate) fn publish(&self, transaction: &mut Transaction<'_>, placed: &Placed) -> Result<()> {
        if placed.is_published() {
            return Ok(());
        }
        placed.ranges.iter().enumerate().try_for_each(|(index, range)| {
            match (placed.carried.get(index), placed.written.get(index)) {
                (Some(value), _) => self.extents.publish_carried(transaction, *range, value),
                (None, Some(checksum)) => self.extents.publish_written(transaction, *range, *checksum),
                (None, None) => self.extents.publish(transaction, *range),
            }
        })
    }

    /// Gives the space of free blocks back to what holds the device; the blocks that were given back.
    pub(crate) async fn trim(&self, what: Trim) -> Result<u64> {
        // What is written ahead would be given back at once, or be taken again.
        self.wait_for_ahead().await;
        while self.trimming.is_running.get() {
            self.wait_for_trim().await;
        }
        // A task, so that it goes on when nobody waits for it any more.
        match self.start_trim(what).await {
            Some(result) => result,
            None => fail!(Code::Canceled, "giving space back was cut short"),
        }
    }

    /// Gives the space of much that was freed back, in the background.
    fn trim_surplus(&self) {
        if !self.trimming.is_running.get() && self.extents.is_worth_trimming() {
            // It tells the log how it ends.
            drop(self.start_trim(Trim::Surplus));
        }
    }

    /// Much was freed, and perhaps nothing will be for a long time: looks once more when all of it is durable.
    pub(crate) fn settle(self: &Rc<Self>) {
        let (space, lsn) = (Rc::downgrade(self), self.durable.committed());
        self.durable.on_durable(lsn, move || {
            if let Some(space) = space.upgrade() {
                // The report takes what was released to what is free.
                let _report = space.extents.space();
                space.trim_surplus();
            }
        });
    }

    fn start_trim(&self, what: Trim) -> JoinHandle<Result<u64>> {
        self.trimming.is_running.set(true);
        let (extents, trimming) = (self.extents.clone(), self.trimming.clone());
        let (durable, spawner) = (self.durable.clone(), self.spawner.clone());
        let waits = what == Trim::Surplus && self.memory.is_none();
        self.spawner.spawn(async move {
            if waits {
                trimming.wait_for_quiet(&durable, &spawner).await;
                if trimming.is_gone.get() {
                    return Ok(0);
                }
            }
            let result = extents.trim(what).await;
            trimming.end();
            if let Err(status) = &result {
                daos_env::log!(Warn, "store", "space of free blocks stays taken: {status}");
            }
            result
        })
    }

    /// Waits until nothing is being given back.
    pub(crate) async fn wait_for_trim(&self) {
        self.trimming.wait_for_end().await;
    }

    /// Waits until no blocks are being written ahead.
    pub(crate) async fn wait_for_ahead(&self) {
        self.ahead.task.wait_for_end().await;
    }

    /// Gives the blocks of a value back that was adopted.
    pub(crate) fn release(&self, transaction: &mut Transaction<'_>, placed: &Placed) -> Result<()> {
        placed.ranges.iter().try_for_each(|range| self.extents.release(transaction, *range))
    }

    /// Gives the blocks of a value back that nothing points at any more; the bytes of its list of pieces.
    pub(crate) fn free(&self, transaction: &mut Transaction<'_>, position: u64, length: usize) -> Result<usize> {
        self.trim_surplus();
        let mut bytes = 0;
        for piece in Pieces::new(transaction.arena(), position, length) {
            self.extents.release(transaction, piece?)?;
            bytes += 8;
        }
        Ok(bytes)
    }
}
