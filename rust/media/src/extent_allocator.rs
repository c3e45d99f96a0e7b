//! Which blocks of the data device hold data.
//!
//! ```text
//! root    magic u32, version u32, blocks u64, chunks u32, reserved u32, then for each chunk its offset in the arena (link u32,
//!         zero while all its blocks are free)
//! chunk   32 KiB: a bit for each of 262144 blocks (1 GiB), set when the block holds data
//! ```
//! The bitmap is changed by transactions only; which blocks are free is also kept in memory, where it is found quickly. A block
//! is free, being discarded or written ahead, reserved (data is being written to it), in use (its bit is set), or released: its bit is cleared, but the transaction
//! that cleared it is not durable yet, or a reader may still be reading it.

mod ahead;
mod bitmap;
mod free_index;
mod trim;

use crate::arena::Offset;
use crate::device::BLOCK_SIZE;
use crate::durable_arena::{CarriedValue, CommitObserver, DurableArena, Lsn};
use crate::transaction::{BlockChange, Transaction};
use bitmap::Bitmap;
use daos_env::sync::Signal;
use daos_status::{Code, Result, fail};
use free_index::FreeIndex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
pub use trim::Trim;

/// The most pieces that a reservation is split into: each costs a record of metadata and an operation of the device.
pub const PIECES_MAX: usize = 16;

/// Releases that have become durable are taken to what is free by what comes next, each so many and as many as it releases itself: a batch of the
/// log may hold hundreds, each of which takes half a microsecond.
const COLLECTED_AT_ONCE: usize = 8;

/// Blocks of the data device, one behind the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct BlockRange {
    /// The first block.
    pub start: u64,
    /// How many there are.
    pub count: u64,
}

impl BlockRange {
    /// The first byte on the device.
    pub fn offset(self) -> u64 {
        self.start * BLOCK_SIZE as u64
    }

    /// Bytes.
    pub fn bytes(self) -> u64 {
        self.count * BLOCK_SIZE as u64
    }
}

/// How the blocks of a data device are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtentSpace {
    /// All blocks.
    pub total: u64,
    /// Blocks that can be reserved, those included that will be free as soon as their release is durable.
    pub free: u64,
    /// Blocks that are kept for [`ExtentAllocator::reserve_from_headroom`].
    pub headroom: u64,
    /// Blocks reserved and not yet published.
    pub reserved: u64,
    /// Blocks that hold data.
    pub used: u64,
    /// Runs of free blocks; the more of them share what is free, the more pieces large values have.
    pub free_runs: u64,
    /// Blocks of the longest of them.
    pub longest_free_run: u64,
}

struct Released {
    range: BlockRange,
    lsn: Lsn,
    /// Readers that were there before, with this number or a lower one, may still read the blocks.
    stamp: u64,
}

#[derive(Default)]
struct State {
    free: FreeIndex,
    reserved: u64,
    released: VecDeque<Released>,
    released_blocks: u64,
    /// Blocks whose space is being given back, or that are being written ahead.
    discarding: u64,
    /// Blocks that became free since space was last given back.
    freed: u64,
    /// How many pins were taken at each stamp, and are still there; the oldest first, which is there.
    pins: VecDeque<(u64, u64)>,
    stamp: u64,
    /// What the open transaction does to blocks, with its number in the arena.
    changes: Vec<(u64, Change)>,
}

/// What is true of blocks once their transaction is committed.
#[derive(Clone, Copy)]
enum Change {
    Published(u64),
    Released(BlockRange),
}

struct Inner {
    durable: DurableArena,
    bitmap: Bitmap,
    headroom: u64,
    state: RefCell<State>,
    /// Woken when a pin is dropped.
    unpinned: Signal,
    /// Woken when a discard has ended.
    discarded: Signal,
}

/// See the documentation of the module. A handle; clones share the state.
///
/// A value's way: [`ExtentAllocator::reserve`], write the data, and in the transaction that points at it
/// [`ExtentAllocator::publish_written`]. When it comes to nothing, [`ExtentAllocator::abort`]. In the transaction that drops
/// the last pointer, [`ExtentAllocator::release`].
#[derive(Clone)]
pub struct ExtentAllocator(Rc<Inner>);

/// While it lives, blocks that are released are not used again.
pub struct ReaderPin {
    inner: Rc<Inner>,
    stamp: u64,
}

impl Drop for ReaderPin {
    fn drop(&mut self) {
        let mut state = self.inner.state.borrow_mut();
        let Ok(index) = state.pins.binary_search_by_key(&self.stamp, |(stamp, _)| *stamp) else { return };
        state.pins[index].1 -= 1;
        let mut is_freed = false;
        while state.pins.front().is_some_and(|(_, count)| *count == 0) {
            state.pins.pop_front();
            is_freed = true;
        }
        drop(state);
        if is_freed {
            self.inner.unpinned.wake_all();
        }
    }
}

impl ExtentAllocator {
    /// Writes the root of an empty bitmap for so many blocks into the arena.
    pub fn format(transaction: &mut Transaction<'_>, blocks: u64) -> Result<Offset> {
        Bitmap::format(transaction, blocks)
    }

    /// Reads the bitmap. `headroom` blocks are kept from [`ExtentAllocator::reserve`].
    pub fn open(durable: &DurableArena, root: Offset, headroom: u64) -> Result<ExtentAllocator> {
        let bitmap = Bitmap::open(durable.arena(), root)?;
        let capacity = durable.data().capacity() / BLOCK_SIZE as u64;
        if bitmap.blocks() > capacity {
            fail!(Code::DfInval, "the bitmap has {} blocks, the data device {capacity}", bitmap.blocks());
        }
        let mut free = FreeIndex::default();
        bitmap.for_each_free(durable.arena(), |range| free.insert(range))?;
        let state = RefCell::new(State { free, ..State::default() });
        let inner = Rc::new(Inner {
            durable: durable.clone(),
            bitmap,
            headroom,
            state,
            unpinned: Signal::new(),
            discarded: Signal::new(),
        });
        let observer: Rc<dyn CommitObserver> = inner.clone();
        durable.observe_commits(&observer);
        Ok(ExtentAllocator(inner))
    }

    /// Takes free blocks in as few pieces as possible, at most [`PIECES_MAX`].
    ///
    /// # Errors
    /// [`Code::Nospace`] when there are too few, or too scattered ones; [`Code::Again`] when there will be enough once what was
    /// released is durable and no longer read: see [`ExtentAllocator::reserve_or_wait`].
    pub fn reserve(&self, blocks: u64) -> Result<Vec<BlockRange>> {
        self.reserve_above(blocks, self.0.headroom)
    }

    /// As [`ExtentAllocator::reserve`], from the last blocks: for what makes space in the end, such as aggregation.
    pub fn reserve_from_headroom(&self, blocks: u64) -> Result<Vec<BlockRange>> {
        self.reserve_above(blocks, 0)
    }

    /// As [`ExtentAllocator::reserve`], but waits for released blocks when they are needed.
    pub async fn reserve_or_wait(&self, blocks: u64) -> Result<Vec<BlockRange>> {
        loop {
            match self.reserve(blocks) {
                Err(status) if status.code() == Code::Again => self.wait_for_release().await?,
                other => return other,
            }
        }
    }

    /// Waits until the oldest of the released blocks are free, or those that are being discarded.
    async fn wait_for_release(&self) -> Result<()> {
        if self.0.state.borrow().discarding > 0 {
            self.0.discarded.wait_until(|| self.0.state.borrow().discarding == 0).await;
            return Ok(());
        }
        let oldest = self.0.state.borrow().released.front().map(|oldest| (oldest.lsn, oldest.stamp, oldest.range));
        let Some((lsn, stamp, range)) = oldest else { return Ok(()) };
        self.0.durable.wait_durable(lsn).await?;
        self.0.unpinned.wait_until(|| self.0.state.borrow().is_unpinned(stamp)).await;
        self.0.durable.wait_until_written(range).await;
        Ok(())
    }

    /// As [`ExtentAllocator::reserve`], in one piece, of blocks that are free now; `None` when there is no such piece.
    #[inline]
    pub fn reserve_one(&self, blocks: u64) -> Option<BlockRange> {
        self.0.collect_some(COLLECTED_AT_ONCE);
        let mut state = self.0.state.borrow_mut();
        if blocks == 0 || blocks > state.free.total().saturating_sub(self.0.headroom) {
            return None;
        }
        let range = state.free.take_one(blocks)?;
        state.reserved += blocks;
        Some(range)
    }

    fn reserve_above(&self, blocks: u64, headroom: u64) -> Result<Vec<BlockRange>> {
        self.collect();
        let mut state = self.0.state.borrow_mut();
        let available = state.free.total().saturating_sub(headroom);
        if blocks <= available
            && let Some(ranges) = state.free.take(blocks, PIECES_MAX)
        {
            state.reserved += blocks;
            return Ok(ranges);
        }
        let coming = state.released_blocks + state.discarding;
        // The headroom counts those that are coming, too.
        if coming > 0 && blocks <= (state.free.total() + coming).saturating_sub(headroom) {
            fail!(Code::Again, "{blocks} blocks of data will be free when {coming} that were released are durable");
        }
        if blocks <= available {
            fail!(Code::Nospace, "{blocks} blocks of data are free, but in more than {PIECES_MAX} pieces");
        }
        fail!(Code::Nospace, "{blocks} blocks of data were asked for, {available} are free");
    }

    /// Gives a reservation back that was not published.
    pub fn abort(&self, ranges: &[BlockRange]) {
        let mut state = self.0.state.borrow_mut();
        for range in ranges {
            state.reserved -= range.count;
            state.free.insert(*range);
        }
    }

    /// Marks reserved blocks as used, whose bytes were written to the data device before: the transaction is durable only with them.
    /// `checksum` is [`crate::blocks_checksum`] of all their bytes. When the transaction is rolled back, they stay reserved.
    pub fn publish_written(&self, transaction: &mut Transaction<'_>, range: BlockRange, checksum: u64) -> Result<()> {
        self.publish(transaction, range)?;
        transaction.note_blocks(BlockChange::Written(range, checksum));
        Ok(())
    }

    /// As [`ExtentAllocator::publish_written`], of blocks to which nothing was written: the log carries their bytes, and they come there later. What
    /// is read is to be read by [`DurableArena::read_value`].
    pub fn publish_carried(
        &self,
        transaction: &mut Transaction<'_>,
        range: BlockRange,
        value: &CarriedValue,
    ) -> Result<()> {
        if value.blocks().len() as u64 != range.bytes() {
            fail!(Code::Inval, "a value of {} bytes for blocks of {}", value.blocks().len(), range.bytes());
        }
        self.publish(transaction, range)?;
        transaction.note_blocks(BlockChange::Carried(range, value.clone()));
        Ok(())
    }

    /// As [`ExtentAllocator::publish_written`], of blocks whose bytes need no sync: those of memory, or of no interest.
    pub fn publish(&self, transaction: &mut Transaction<'_>, range: BlockRange) -> Result<()> {
        self.0.bitmap.set(transaction, range)?;
        self.0.note(transaction, Change::Published(range.count));
        Ok(())
    }

    /// Marks used blocks as not used any more. They are free once that is durable, and every reader that was there is gone.
    pub fn release(&self, transaction: &mut Transaction<'_>, range: BlockRange) -> Result<()> {
        self.0.bitmap.clear(transaction, range)?;
        if self.0.durable.checks_values() {
            transaction.note_blocks(BlockChange::Released(range));
        }
        self.0.note(transaction, Change::Released(range));
        Ok(())
    }

    /// Keeps what is released from now on from being used again: to be held while data is read that was found in the arena.
    pub fn pin_readers(&self) -> ReaderPin {
        let mut state = self.0.state.borrow_mut();
        let stamp = state.stamp;
        match state.pins.back_mut() {
            Some((last, count)) if *last == stamp => *count += 1,
            _ => state.pins.push_back((stamp, 1)),
        }
        drop(state);
        ReaderPin { inner: self.0.clone(), stamp }
    }

    /// Blocks that [`ExtentAllocator::reserve_or_wait`] can give in all; cheap at any time.
    pub fn free_blocks(&self) -> u64 {
        self.0.state.borrow().unused().saturating_sub(self.0.headroom)
    }

    /// All blocks.
    pub fn blocks(&self) -> u64 {
        self.0.bitmap.blocks()
    }

    /// How the blocks are used.
    pub fn space(&self) -> ExtentSpace {
        self.collect();
        let state = self.0.state.borrow();
        let unused = state.unused();
        let total = self.0.bitmap.blocks();
        let (free_runs, longest_free_run) = state.free.runs();
        ExtentSpace {
            total,
            free: unused.saturating_sub(self.0.headroom),
            headroom: self.0.headroom.min(unused),
            reserved: state.reserved,
            used: total - unused - state.reserved,
            free_runs,
            longest_free_run,
        }
    }

    fn collect(&self) {
        self.0.collect();
    }
}

impl Inner {
    /// Makes released blocks free that have become so. The first two conditions are met in the order of the releases, the third soon.
    fn collect(&self) {
        self.collect_some(usize::MAX);
    }

    fn collect_some(&self, most: usize) {
        let durable = self.durable.durable();
        let mut state = self.state.borrow_mut();
        for _ in 0..most {
            let Some(oldest) = state.released.front() else { return };
            let range = oldest.range;
            if oldest.lsn > durable || !state.is_unpinned(oldest.stamp) || !self.durable.let_go(range) {
                return;
            }
            state.released.pop_front();
            state.released_blocks -= range.count;
            state.freed += range.count;
            state.free.insert(range);
        }
    }

    fn note(&self, transaction: &Transaction<'_>, change: Change) {
        let generation = self.durable.generation_of(transaction);
        let changes = &mut self.state.borrow_mut().changes;
        // Those of a transaction that was rolled back are of no use any more.
        if changes.first().is_some_and(|(of, _)| *of != generation) {
            changes.clear();
        }
        changes.push((generation, change));
    }
}

impl CommitObserver for Inner {
    fn committed(&self, generation: u64, lsn: Lsn) {
        let changes = self.state.borrow().changes.len();
        self.collect_some(COLLECTED_AT_ONCE + changes);
        let state = &mut *self.state.borrow_mut();
        for (_, change) in state.changes.drain(..).filter(|(of, _)| *of == generation) {
            match change {
                Change::Published(count) => state.reserved -= count,
                Change::Released(range) => {
                    state.released_blocks += range.count;
                    state.released.push_back(Released { range, lsn, stamp: state.stamp });
                    state.stamp += 1;
                }
            }
        }
    }
}

impl State {
    /// Blocks that are free, or will be.
    fn unused(&self) -> u64 {
        self.free.total() + self.released_blocks + self.discarding
    }

    /// Whether every reader that was there when something was released with this stamp is gone.
    fn is_unpinned(&self, stamp: u64) -> bool {
        self.pins.front().is_none_or(|(oldest, _)| *oldest > stamp)
    }
}

#[cfg(test)]
mod tests;
