//! Checksums of data in flight and at rest.
//!
//! * [`crc32c`]: CRC-32C (Castagnoli), for records, pages and headers.
//! * [`crc64`]: CRC-64/NVME, for whole batches and tables, where 32 bits would let too many damages through.
//! * [`ChecksumKind`]: what a container may keep beside its values.
//!
//! All are part of the media formats: the values in the tests are golden and never change.

mod kind;
mod long_crc64;
mod short_crc32c;
mod short_crc64;
#[cfg(test)]
mod tests;

pub use kind::{CHECKSUM_BYTES_MAX, Checksum, ChecksumKind, adler32, crc16};

use crc_fast::{CrcAlgorithm, Digest};
use long_crc64::Way;

/// The CRC-32C (polynomial 0x1EDC6F41, reflected, as in iSCSI and SSE 4.2) of bytes.
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    if bytes.len() <= short_crc32c::LENGTH_MAX
        && let Some(crc) = short_crc32c::crc32c(bytes)
    {
        return crc;
    }
    // A CRC of 32 bits comes in the low half of the result.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The CRC-64/NVME (polynomial 0xAD93D23594C93659, reflected, all ones in and out) of bytes.
#[inline]
pub fn crc64(bytes: &[u8]) -> u64 {
    if bytes.len() <= short_crc64::LENGTH_MAX
        && let Some(crc) = short_crc64::crc64(bytes)
    {
        return crc;
    }
    long_crc64::crc64(bytes).unwrap_or_else(|| crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes))
}

/// Copies bytes, and gives the [`crc64`] of what was copied: on a processor that can, in one pass over them.
///
/// # Panics
/// When the target has another length than the source.
#[inline]
pub fn crc64_of_copy(source: &[u8], target: &mut [u8]) -> u64 {
    if let Some(crc) = long_crc64::crc64_of_copy(source, target, Way::Cached) {
        return crc;
    }
    copied_in_pieces(source, target)
}

/// What is copied and then summed at a time: with its copy, it lies in the nearest cache meanwhile.
const COPIED_AT_ONCE: usize = 8 << 10;

/// As [`crc64_of_copy`], where it cannot be done in one pass.
fn copied_in_pieces(source: &[u8], target: &mut [u8]) -> u64 {
    assert_eq!(source.len(), target.len(), "a copy is as long as its source");
    if source.len() <= COPIED_AT_ONCE {
        target.copy_from_slice(source);
        return crc64(target);
    }
    let mut crc = Crc64::new();
    for (source, target) in source.chunks(COPIED_AT_ONCE).zip(target.chunks_mut(COPIED_AT_ONCE)) {
        target.copy_from_slice(source);
        crc.update(target);
    }
    crc.finish()
}

/// As [`crc64_of_copy`], with the copy written past the caches, for what is not read again soon. `None`, with nothing copied, when
/// it cannot be done in one pass.
///
/// # Panics
/// When the target has another length than the source.
#[inline]
pub fn crc64_of_copy_past_caches(source: &[u8], target: &mut [u8]) -> Option<u64> {
    long_crc64::crc64_of_copy(source, target, Way::PastCaches)
}

/// The [`crc64`] of bytes that come in parts.
pub struct Crc64(Digest);

impl Crc64 {
    /// Of no bytes yet.
    pub fn new() -> Crc64 {
        Crc64(Digest::new(CrcAlgorithm::Crc64Nvme))
    }

    /// Takes in the bytes that follow.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all of them.
    pub fn finish(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for Crc64 {
    fn default() -> Crc64 {
        Crc64::new()
    }
}
