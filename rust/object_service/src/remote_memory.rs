//! Memory of a client as one stream of bytes.

use daos_env::IoBuffer;
use daos_env::sync::join_all;
use daos_rpc::{BulkDescriptor, Request};
use daos_status::{Code, Result, fail};
use daos_wire::{Blob, REGIONS_MAX, TRANSFER_BYTES_MAX};

/// Pieces of memory that the client exposed, one behind the other.
pub(crate) struct RemoteMemory {
    /// Where each begins in the stream, and the piece.
    regions: Vec<(u64, BulkDescriptor)>,
    length: u64,
}

/// A part of the stream that lies in one piece.
#[derive(Debug)]
struct Part<'a> {
    region: &'a BulkDescriptor,
    /// Offset within the piece.
    offset: u64,
    length: usize,
}

impl RemoteMemory {
    /// The memory that a request names.
    pub fn parse(descriptors: &[Blob]) -> Result<RemoteMemory> {
        if descriptors.len() > REGIONS_MAX {
            fail!(Code::Inval, "a request names {} pieces of memory, more than {REGIONS_MAX}", descriptors.len());
        }
        let (mut regions, mut length) = (Vec::with_capacity(descriptors.len()), 0u64);
        for descriptor in descriptors {
            let region = BulkDescriptor::decode(&descriptor.0)?;
            regions.push((length, region));
            length = match length.checked_add(region.length()) {
                Some(length) => length,
                None => fail!(Code::Overflow, "the memory that a request names exceeds 64 bits"),
            };
        }
        Ok(RemoteMemory { regions, length })
    }

    /// All of its bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The pieces of a range of the stream; callers stay within [`RemoteMemory::length`] and [`TRANSFER_BYTES_MAX`].
    fn parts(&self, offset: u64, length: usize) -> Vec<Part<'_>> {
        debug_assert!(length as u64 <= TRANSFER_BYTES_MAX && offset + length as u64 <= self.length);
        let first = self.regions.partition_point(|(start, region)| start + region.length() <= offset);
        let (mut position, mut left) = (offset, length);
        let mut parts = Vec::new();
        for (start, region) in &self.regions[first..] {
            if left == 0 {
                break;
            }
            let within = position - start;
            let count = left.min(usize::try_from(region.length() - within).unwrap_or(usize::MAX));
            if count > 0 {
                parts.push(Part { region, offset: within, length: count });
            }
            position += count as u64;
            left -= count;
        }
        parts
    }

    /// A range of the stream, in one buffer.
    pub async fn pull(&self, request: &Request, offset: u64, length: usize) -> Result<IoBuffer> {
        let parts = self.parts(offset, length);
        let pull = |part: &Part<'_>| {
            let (region, offset, length) = (*part.region, part.offset, part.length);
            async move {
                let (buffer, result) = request.pull(&region, offset, IoBuffer::zeroed(length)).await;
                result.map(|()| buffer)
            }
        };
        if let [only] = &parts[..] {
            return pull(only).await;
        }
        let buffers = join_all(parts.iter().map(pull)).await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(IoBuffer::gathered(length, buffers.iter().map(|buffer| &**buffer)))
    }

    /// Writes a buffer to a range of the stream.
    pub async fn push(&self, request: &Request, offset: u64, buffer: IoBuffer) -> Result<()> {
        let parts = self.parts(offset, buffer.len());
        if let [only] = &parts[..] {
            return request.push(only.region, only.offset, buffer).await.1;
        }
        let mut done = 0;
        let pushes = parts.iter().map(|part| {
            let piece = IoBuffer::copy_of(&buffer[done..done + part.length]);
            done += part.length;
            async move { request.push(part.region, part.offset, piece).await.1 }
        });
        let pushes: Vec<_> = pushes.collect();
        join_all(pushes).await.into_iter().collect()
    }
}
