//! Values on their way to the data device.

use crate::Data;
use crate::checksums::{Checksums, Computed, has_word};
use daos_env::{IoBuffer, Spawner};
use daos_media::{
    BlockDevice, BlockRange, CarriedValue, CarryRoom, ExtentAllocator, IoFuture, Region, blocks_checksum,
};
use daos_status::Result;
use std::ops::Deref;
use std::slice;

/// The pieces of a value that is being written: one is the rule, and takes no memory of its own.
pub(crate) enum Ranges {
    One(BlockRange),
    Many(Vec<BlockRange>),
}

impl Deref for Ranges {
    type Target = [BlockRange];
    fn deref(&self) -> &[BlockRange] {
        match self {
            Ranges::One(range) => slice::from_ref(range),
            Ranges::Many(ranges) => ranges,
        }
    }
}

/// Where the next bytes of a value go.
struct Places<'a> {
    ranges: slice::Iter<'a, BlockRange>,
    /// What is left of the range before those.
    offset: u64,
    left: usize,
}

impl Places<'_> {
    /// A place for at most so many bytes; none when there is no more, or nothing to be placed.
    fn take(&mut self, bytes: usize) -> Option<(u64, usize)> {
        if self.left == 0 {
            let range = self.ranges.next()?;
            (self.offset, self.left) = (range.offset(), range.bytes() as usize);
        }
        let (offset, count) = (self.offset, bytes.min(self.left));
        self.offset += count as u64;
        self.left -= count;
        (count > 0).then_some((offset, count))
    }

    /// The place of so many bytes, if they lie in one range.
    fn take_whole(&mut self, bytes: usize) -> Option<u64> {
        let left = if self.left == 0 { self.ranges.as_slice().first()?.bytes() as usize } else { self.left };
        if left < bytes { None } else { self.take(bytes).map(|(offset, _)| offset) }
    }
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
    /// Of each range, what the log is told about its bytes; none when they lie in memory.
    pub(super) written: Vec<u64>,
    /// Of each range, the bytes for the log to carry, when they were not written.
    pub(super) carried: Vec<CarriedValue>,
}

impl Placed {
    /// Blocks that were reserved, and into which nothing was written.
    pub(super) fn new(ranges: Ranges, length: usize, extents: &ExtentAllocator, spawner: &Spawner) -> Placed {
        Placed {
            ranges,
            length,
            checksums: Computed::NONE,
            extents: extents.clone(),
            spawner: spawner.clone(),
            in_flight: None,
            is_kept: false,
            is_published: false,
            written: Vec::new(),
            carried: Vec::new(),
        }
    }

    /// The blocks are in use already, with bytes of these checksums.
    pub(super) fn adopted(self, checksums: Computed) -> Placed {
        let mut placed = self;
        placed.checksums = checksums;
        (placed.is_kept, placed.is_published) = (true, true);
        placed
    }

    /// Whether the blocks are in use already.
    pub(super) fn is_published(&self) -> bool {
        self.is_published
    }

    /// The transaction that published the blocks was committed.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }

    /// Writes to a device that is memory: each chunk is copied while its checksum is computed, or has it in the cache.
    pub(super) fn write_now(&mut self, memory: &Region, data: &[u8], checksums: Checksums) -> Result<()> {
        self.checksums = Computed::begin(checksums, data.len());
        let kind = self.checksums.kind;
        let mut places = Places { ranges: self.ranges.iter(), offset: 0, left: 0 };
        for bytes in data.chunks(self.checksums.chunk) {
            if has_word(kind)
                && let Some(offset) = places.take_whole(bytes.len())
            {
                self.checksums.words.push(memory.write_with_word(offset, bytes, kind)?);
                continue;
            }
            self.checksums.push(bytes);
            let mut rest = bytes;
            while let Some((offset, count)) = places.take(rest.len()) {
                let (now, later) = rest.split_at(count);
                memory.write(offset, now)?;
                rest = later;
            }
        }
        Ok(())
    }

    /// Keeps the bytes for the log.
    pub(super) fn carry(&mut self, room: &CarryRoom, data: Data) {
        if let (Data::Buffer(buffer), [_]) = (&data, &self.ranges[..])
            && buffer.len() == self.length
            && let Data::Buffer(buffer) = data
        {
            return self.carried.push(room.value(buffer));
        }
        let mut rest = &data[..];
        for range in self.ranges.iter() {
            let (now, later) = rest.split_at(rest.len().min(range.bytes() as usize));
            self.carried.push(room.value(IoBuffer::copy_of(now)));
            rest = later;
        }
    }

    /// Writes to any device.
    pub(super) async fn write(&mut self, device: &dyn BlockDevice, data: Data) -> Result<()> {
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
        self.written.push(blocks_checksum(&buffer));
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
