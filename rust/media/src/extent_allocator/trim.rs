//! Space of free blocks given back to what holds the data device.
//!
//! A block may be discarded when it may be written by somebody else: when the transaction that released it is durable and every
//! reader that was there is gone. What is recovered from then on, from whichever checkpoint, replays that transaction, since the
//! log is replayed up to its last intact batch and a damage before that refuses to open; and a recovery looks at the arena only. So
//! nothing that can ever be recovered refers to the block.
//!
//! While it is being discarded, a block is neither free nor reserved: nobody can write to it before the discard has ended, whether or
//! not the one who asked for it still waits. A process that is killed meanwhile leaves free blocks, of one content or another.

use super::{BlockRange, ExtentAllocator, Inner};
use daos_env::sync::yield_now;
use daos_status::Result;
use std::rc::Rc;

/// Blocks of one step, 64 MiB: file systems give back an extent of that size in a few milliseconds, during which these blocks cannot be
/// reserved.
const STEP_BLOCKS: u64 = 16 << 10;

/// Blocks of one step where the device is memory, a huge page, which the kernel takes back in a few microseconds: it does so within the call,
/// and requests wait for it.
const MEMORY_STEP_BLOCKS: u64 = 512;

/// After each step there, others run so many times, so that most requests meet none.
const MEMORY_STEP_TURNS: usize = 8;

/// Trimming begins when an eighth of the used blocks was freed, but not for less than 64 MiB: what is freed is mostly used again soon,
/// and then its space would have to be found anew.
const FREED_SHARE: u64 = 8;
const FREED_MIN: u64 = 16 << 10;

/// So many blocks at the start of the run that is written next are not given back unless everything is: 64 MiB.
const NEXT_BLOCKS: u64 = 16 << 10;

/// The shortest run that is worth an operation when not everything is to be given back: 2 MiB, which is a huge page, too.
const RUN_MIN: u64 = 512;

/// What is to be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trim {
    /// Every free block.
    All,
    /// Long runs, but not what will be written next.
    Surplus,
}

/// Blocks that are being discarded or written ahead; they are free again when it is dropped.
pub(super) struct Discard {
    inner: Rc<Inner>,
    pub range: BlockRange,
}

impl Drop for Discard {
    fn drop(&mut self) {
        let mut state = self.inner.state.borrow_mut();
        state.discarding -= self.range.count;
        state.free.insert(self.range);
        drop(state);
        self.inner.discarded.wake_all();
    }
}

impl ExtentAllocator {
    /// Whether so much was freed since the last time that giving space back is worth the work.
    #[inline]
    pub fn is_worth_trimming(&self) -> bool {
        let state = self.0.state.borrow();
        let is_much = state.freed >= FREED_MIN && {
            let used = self.0.bitmap.blocks() - state.free.total().min(self.0.bitmap.blocks());
            state.freed >= used / FREED_SHARE
        };
        drop(state);
        is_much && !self.is_kept()
    }

    /// Whether the device would keep what it is given back; it is asked again when as much was freed once more.
    #[cold]
    fn is_kept(&self) -> bool {
        let is_kept = self.0.durable.data().direct().is_some_and(|memory| memory.keeps_memory());
        if is_kept {
            self.0.state.borrow_mut().freed = 0;
        }
        is_kept
    }

    /// Gives space back, in steps between which others run, and until the arena is closed; the blocks given back.
    ///
    /// To be run by a task of its own: when its future is dropped, blocks become free that may still be discarded.
    pub async fn trim(&self, what: Trim) -> Result<u64> {
        self.0.state.borrow_mut().freed = 0;
        let device = self.0.durable.data();
        let (mut position, mut given) = (0, 0);
        let (most, turns) = match device.direct() {
            Some(_) => (MEMORY_STEP_BLOCKS, MEMORY_STEP_TURNS),
            None => (STEP_BLOCKS, 1),
        };
        while !self.0.durable.is_closed()
            && let Some(discard) = self.take_run(position, u64::MAX, what, most)
        {
            let range = discard.range;
            device.discard(range.offset(), range.bytes()).await?;
            drop(discard);
            position = range.start + range.count;
            given += range.count;
            for _ in 0..turns {
                yield_now().await;
            }
        }
        Ok(given)
    }

    /// The next run to be discarded or written at or behind a block, and before another, of so many blocks at most.
    pub(super) fn take_run(&self, mut position: u64, limit: u64, what: Trim, most: u64) -> Option<Discard> {
        self.collect();
        let mut state = self.0.state.borrow_mut();
        loop {
            let run = state.free.first_behind(position)?;
            let end = run.start + run.count;
            let kept = if what == Trim::Surplus && state.free.is_front(run.start) { NEXT_BLOCKS } else { 0 };
            let start = run.start.saturating_add(kept).max(position);
            let least = if what == Trim::Surplus { RUN_MIN } else { 1 };
            if start.saturating_add(least) > end {
                position = end;
                continue;
            }
            // Up to a multiple of the step, so that a huge page is not divided.
            let end = end.min((start / most + 1).saturating_mul(most)).min(limit);
            if start >= end {
                return None;
            }
            let range = BlockRange { start, count: end - start };
            state.free.take_range(range);
            state.discarding += range.count;
            return Some(Discard { inner: self.0.clone(), range });
        }
    }
}
