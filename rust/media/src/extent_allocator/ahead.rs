//! Free blocks written ahead, so that the first value in them costs no more than the second.
//!
//! A file system takes space for a file without writing it, and then has to write down with each first write that the space is
//! written by now. What was written before is free of that: values go there in two thirds of the time (measured, 4 KiB and 64 KiB).
//!
//! Blocks are written when nobody else may write them, as they are when they are [given back](super::trim): neither free nor
//! reserved until the zeros are there. That they were free means that nothing which can ever be recovered refers to them.

use super::{BlockRange, ExtentAllocator, Trim};
use crate::device::BLOCK_SIZE;
use daos_env::IoBuffer;
use daos_env::sync::yield_now;
use daos_status::Result;

/// Blocks of one step, 1 MiB: a disk writes it in less than a millisecond, and nothing much waits for these blocks meanwhile.
const STEP_BLOCKS: u64 = 256;

impl ExtentAllocator {
    /// Writes zeros to the free blocks of a range, in steps between which others run, until the arena is closed or `is_over`;
    /// the block that it came to. A device that is memory needs none of it.
    ///
    /// To be run by a task of its own: when its future is dropped, blocks become free that may still be written.
    pub async fn write_ahead(&self, range: BlockRange, is_over: impl Fn() -> bool) -> Result<u64> {
        let device = self.0.durable.data();
        let (mut position, end) = (range.start, range.start.saturating_add(range.count));
        if device.direct().is_some() {
            return Ok(end);
        }
        let mut zeros = IoBuffer::zeroed(STEP_BLOCKS as usize * BLOCK_SIZE);
        while position < end && !is_over() && !self.0.durable.is_closed() {
            let Some(taken) = self.take_run(position, end, Trim::All, STEP_BLOCKS) else { return Ok(end) };
            let run = taken.range;
            if run.bytes() != zeros.len() as u64 {
                zeros = IoBuffer::zeroed(run.bytes() as usize);
            }
            let result;
            (zeros, result) = device.write(run.offset(), zeros).await;
            drop(taken);
            result?;
            position = run.start + run.count;
            yield_now().await;
        }
        Ok(position)
    }
}
