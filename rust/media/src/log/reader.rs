//! Reading a ring from some place on, with reads ahead.

use crate::device::{BlockDevice, IoFuture};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

/// How much one operation reads.
pub(super) const CHUNK_BYTES: u64 = 1 << 20;

/// Operations under way at once: what a disk needs for its full speed, and bounded memory.
const CHUNKS_AHEAD: usize = 8;

/// Bytes that are behind the reader stay until so many can be moved away at once.
const WASTE_BYTES: usize = 4 << 20;

enum Chunk {
    Running(IoFuture<Result<IoBuffer>>),
    Done(Result<IoBuffer>),
}

/// Gives ranges of a region of a device, which mostly come one behind the other.
pub(super) struct Reader {
    device: Rc<dyn BlockDevice>,
    /// Where the region lies on the device.
    base: u64,
    length: u64,
    /// Where `bytes` begin in the region.
    start: u64,
    bytes: Vec<u8>,
    /// Reads under way, in order; the first continues `bytes`.
    ahead: VecDeque<Chunk>,
    /// Where the next read begins.
    next: u64,
}

impl Reader {
    pub fn new(device: Rc<dyn BlockDevice>, base: u64, length: u64) -> Reader {
        Reader { device, base, length, start: 0, bytes: Vec::new(), ahead: VecDeque::new(), next: 0 }
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// `length` bytes from `start`; both are multiples of a block and lie in the region.
    pub async fn get(&mut self, start: u64, length: u64) -> Result<&[u8]> {
        if start < self.start || start > self.end() {
            self.bytes.clear();
            self.ahead.clear();
            (self.start, self.next) = (start, start);
        }
        while start + length > self.end() {
            self.begin_reads();
            let chunk = self.first_chunk().await?;
            if chunk.is_empty() {
                let context = format!("reading {}: {length} bytes at offset {start} are not there", self.device.name());
                return Err(Status::new(Code::Io, context));
            }
            self.bytes.extend_from_slice(&chunk);
        }
        let from = (start - self.start) as usize;
        Ok(&self.bytes[from..from + length as usize])
    }

    /// What lies before `start` is not asked for again.
    pub fn release(&mut self, start: u64) {
        let waste = start.saturating_sub(self.start).min(self.bytes.len() as u64) as usize;
        if waste >= WASTE_BYTES {
            self.bytes.drain(..waste);
            self.start += waste as u64;
        }
    }

    fn begin_reads(&mut self) {
        while self.ahead.len() < CHUNKS_AHEAD && self.next < self.length {
            let length = CHUNK_BYTES.min(self.length - self.next);
            self.ahead.push_back(Chunk::Running(self.device.read(self.base + self.next, length as usize)));
            self.next += length;
        }
    }

    /// The next chunk; the others are kept going.
    async fn first_chunk(&mut self) -> Result<IoBuffer> {
        poll_fn(|context| self.poll_chunks(context)).await;
        match self.ahead.pop_front() {
            Some(Chunk::Done(result)) => result,
            // There is nothing left to read.
            _ => Ok(IoBuffer::zeroed(0)),
        }
    }

    fn poll_chunks(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for chunk in &mut self.ahead {
            if let Chunk::Running(read) = chunk
                && let Poll::Ready(result) = read.as_mut().poll(context)
            {
                *chunk = Chunk::Done(result);
            }
        }
        match self.ahead.front() {
            Some(Chunk::Running(_)) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{BLOCK_SIZE, Media};
    use crate::memory::MemoryMedia;
    use daos_env::{Executor, ManualClock};
    use std::sync::Arc;
    use std::time::Duration;

    const BLOCKS: u64 = 3000;

    /// A device whose blocks hold their own numbers.
    fn device() -> (Executor, Rc<dyn BlockDevice>) {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        let device = MemoryMedia::new().create("numbers", BLOCKS * BLOCK_SIZE as u64).expect("create");
        let bytes: Vec<u8> = (0..BLOCKS).flat_map(|block| block.to_le_bytes().repeat(BLOCK_SIZE / 8)).collect();
        let write = device.write(0, IoBuffer::copy_of(&bytes));
        executor.block_on(async move { write.await.1 }).expect("ends").expect("write");
        (executor, device)
    }

    #[test]
    fn ranges_are_those_of_the_region_in_any_order() {
        let (executor, device) = device();
        let block = BLOCK_SIZE as u64;
        let read = async move {
            let mut reader = Reader::new(device, 4 * block, 2900 * block);
            let ranges = [(0, 1), (1, 600), (601, 1), (300, 900), (1200, 1), (2899, 1), (0, 2900), (2000, 900), (5, 1)];
            for (start, count) in ranges {
                reader.release(start * block);
                let bytes = reader.get(start * block, count * block).await?;
                assert_eq!(bytes.len() as u64, count * block);
                for (index, bytes) in bytes.chunks_exact(BLOCK_SIZE).enumerate() {
                    let number = u64::from_le_bytes(*bytes.first_chunk().expect("long enough"));
                    assert_eq!(number, 4 + start + index as u64);
                }
            }
            assert_eq!(reader.get(2899 * block, 2 * block).await.expect_err("beyond").code(), Code::Io);
            Ok(())
        };
        let outcome: Result<()> = executor.block_on(read).expect("ends");
        outcome.expect("read");
    }
}
