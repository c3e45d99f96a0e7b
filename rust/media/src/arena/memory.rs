//! The reserved address range behind an arena: the only place that touches its bytes through pointers.
#![allow(unsafe_code, reason = "mmap of files, and copies from and to memory that is shared by interior mutability")]

use crate::memory::{Ahead, Mapping, Toucher};
use daos_status::{Code, Result, fail};
use std::cmp::Ordering;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use zerocopy::FromBytes;

/// Bytes that the processor moves at once.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;

/// More lines than this under way at once make the processor wait for the first of them.
#[cfg(target_arch = "x86_64")]
const PREFETCH_MAX: usize = 1024;

/// Anonymous memory that is reserved at once and backed by pages as they are touched, or ahead of that. It never moves.
///
/// Every function copies, or compares, and returns: none hands out a reference, except [`Memory::slice`], which says what
/// its caller must promise.
///
/// It starts at a huge page and asks for more of them: the first touch of memory and lookups in large arenas cost a fraction then.
pub(super) struct Memory {
    base: NonNull<u8>,
    length: u64,
    backing: Backing,
}

/// What is behind the addresses.
enum Backing {
    Memory {
        /// Kept for as long as the addresses are used.
        _mapping: Arc<Mapping>,
        toucher: Toucher,
    },
    /// A private mapping of a file.
    File { start: NonNull<libc::c_void>, bytes: usize },
}

impl Memory {
    /// Reserves `length` bytes of zeros.
    pub(super) fn reserve(length: u64) -> Result<Memory> {
        let mapping = Arc::new(Mapping::reserve(length)?);
        let (base, toucher) = (mapping.base(), Toucher::new(mapping.clone(), Ahead::ARENA));
        Ok(Memory { base, length, backing: Backing::Memory { _mapping: mapping, toucher } })
    }

    /// Everything before this position is, or will soon be, written to: memory behind it is taken meanwhile.
    pub(super) fn note_use(&self, end: u64) {
        if let Backing::Memory { toucher, .. } = &self.backing {
            toucher.note_write(end as usize);
        }
    }

    /// Maps `length` bytes of a file privately: what is written here never reaches it. Pages that nobody wrote to show the file as it is.
    pub(super) fn map_private(file: &File, offset: u64, length: u64) -> Result<Memory> {
        let (Ok(bytes), Ok(offset)) = (usize::try_from(length), i64::try_from(offset)) else {
            fail!(Code::Nomem, "an arena of {length} bytes does not fit the address space");
        };
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_NORESERVE);
        // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory of ours.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, file.as_raw_fd(), offset) };
        if start == libc::MAP_FAILED {
            let error = std::io::Error::last_os_error();
            fail!(Code::Nomem, "mapping {length} bytes for an arena: {error}");
        }
        match (NonNull::new(start), NonNull::new(start.cast())) {
            (Some(start), Some(base)) => Ok(Memory { base, length, backing: Backing::File { start, bytes } }),
            _ => fail!(Code::Nomem, "mapping {length} bytes for an arena"),
        }
    }

    #[inline]
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Checks a range once, for all the copies below.
    #[inline]
    fn pointer(&self, position: u64, length: usize) -> Result<*mut u8> {
        match position.checked_add(length as u64) {
            Some(end) if end <= self.length => {
                // SAFETY: the range lies within the mapping.
                Ok(unsafe { self.base.as_ptr().add(position as usize) })
            }
            _ => Err(self.outside(position, length)),
        }
    }

    #[cold]
    fn outside(&self, position: u64, length: usize) -> daos_status::Status {
        let context = format!("range {position}+{length} is outside the arena of {} bytes", self.length);
        daos_status::Status::new(Code::DfInval, context)
    }

    #[inline]
    pub(super) fn read_value<T: FromBytes>(&self, position: u64) -> Result<T> {
        let pointer = self.pointer(position, size_of::<T>())?;
        // SAFETY: checked range; any bytes are a `T`; nothing is writing, as the type is not `Sync`.
        Ok(unsafe { pointer.cast::<T>().read_unaligned() })
    }

    #[inline]
    pub(super) fn read_into(&self, position: u64, out: &mut [u8]) -> Result<()> {
        let pointer = self.pointer(position, out.len())?;
        // SAFETY: checked range; `out` is borrowed exclusively, so it is not part of the mapping, of which no
        // exclusive reference exists.
        unsafe { std::ptr::copy_nonoverlapping(pointer, out.as_mut_ptr(), out.len()) };
        Ok(())
    }

    pub(super) fn append_to(&self, position: u64, length: usize, out: &mut Vec<u8>) -> Result<()> {
        let pointer = self.pointer(position, length)?;
        // SAFETY: checked range; the slice lives only for this copy, during which nothing writes to the mapping.
        out.extend_from_slice(unsafe { std::slice::from_raw_parts(pointer, length) });
        Ok(())
    }

    #[inline]
    pub(super) fn compare(&self, position: u64, length: usize, bytes: &[u8]) -> Result<Ordering> {
        let pointer = self.pointer(position, length)?;
        // SAFETY: as in `append_to`.
        Ok(unsafe { std::slice::from_raw_parts(pointer, length) }.cmp(bytes))
    }

    /// Whether the bytes of a place are these.
    #[inline]
    pub(super) fn equals(&self, position: u64, bytes: &[u8]) -> Result<bool> {
        let pointer = self.pointer(position, bytes.len())?;
        // SAFETY: as in `append_to`.
        Ok(is_same(unsafe { std::slice::from_raw_parts(pointer, bytes.len()) }, bytes))
    }

    /// How many of the little-endian words of a place, which rise, lie before one, or, with `or_equal`, not behind it.
    #[inline]
    pub(super) fn words_before(&self, position: u64, count: usize, word: u64, or_equal: bool) -> Result<usize> {
        let pointer = self.pointer(position, count * 8)?;
        // SAFETY: as in `append_to`; an array of bytes needs no alignment.
        let words = unsafe { std::slice::from_raw_parts(pointer.cast::<[u8; 8]>(), count) };
        let is_before = |other: &[u8; 8]| u64::from_le_bytes(*other) < word;
        let is_not_behind = |other: &[u8; 8]| u64::from_le_bytes(*other) <= word;
        Ok(if or_equal { words.partition_point(is_not_behind) } else { words.partition_point(is_before) })
    }

    /// Asks the processor to bring a range near, up to [`PREFETCH_MAX`] bytes of it; of no effect but on time.
    #[inline]
    pub(super) fn prefetch(&self, position: u64, length: usize) {
        #[cfg(target_arch = "x86_64")]
        if position.checked_add(length as u64).is_some_and(|end| end <= self.length) {
            // SAFETY: the range lies within the mapping.
            let pointer = unsafe { self.base.as_ptr().add(position as usize) };
            // Without an iterator: where the length is known, this becomes a few instructions in a row.
            let length = length.min(PREFETCH_MAX);
            let mut offset = 0;
            while offset < length {
                // SAFETY: the address lies within the mapping.
                unsafe { prefetch_line(pointer.add(offset)) };
                offset += CACHE_LINE;
            }
            // What does not start at a line ends in one more.
            // SAFETY: as above.
            unsafe { prefetch_line(pointer.add(length.saturating_sub(1))) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (position, length);
    }

    /// A view of a range.
    ///
    /// # Safety
    /// Nothing may write to the mapping while the view lives.
    #[inline]
    pub(super) unsafe fn slice(&self, position: u64, length: usize) -> Result<&[u8]> {
        let pointer = self.pointer(position, length)?;
        // SAFETY: checked range; the caller promises the rest.
        Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
    }

    #[inline]
    pub(super) fn write(&self, position: u64, bytes: &[u8]) -> Result<()> {
        let pointer = self.pointer(position, bytes.len())?;
        // SAFETY: checked range; no view is alive (the arena asserts it before it writes), and `copy` allows `bytes` to
        // be anything.
        unsafe { std::ptr::copy(bytes.as_ptr(), pointer, bytes.len()) };
        Ok(())
    }

    /// Writes bytes where others are, of which `behind` move up.
    #[inline]
    pub(super) fn push_in(&self, position: u64, bytes: &[u8], behind: usize) -> Result<()> {
        let pointer = self.pointer(position, bytes.len().saturating_add(behind))?;
        // SAFETY: the range, in which both copies stay, was checked; no view is alive, and `copy` allows overlaps.
        unsafe {
            std::ptr::copy(pointer, pointer.add(bytes.len()), behind);
            std::ptr::copy(bytes.as_ptr(), pointer, bytes.len());
        }
        Ok(())
    }

    #[inline]
    pub(super) fn shift(&self, from: u64, to: u64, length: usize) -> Result<()> {
        let source = self.pointer(from, length)?;
        let target = self.pointer(to, length)?;
        // SAFETY: both ranges are checked; `copy` allows them to overlap.
        unsafe { std::ptr::copy(source, target, length) };
        Ok(())
    }
}

/// Asks for the line of an address.
///
/// # Safety
/// None is needed: it is not read as far as the program can tell.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn prefetch_line(pointer: *const u8) {
    // SAFETY: the instruction is part of the architecture, and never fails.
    unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(pointer.cast()) };
}

/// Whether two byte strings of one length are the same. Up to 32 bytes, as nearly all keys have, it takes two loads of each, which
/// overlap, and no call.
#[inline]
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let same = if left.len() == 1 {
        same_ends::<1>(left, right)
    } else if (8..=16).contains(&left.len()) {
        same_ends::<8>(left, right)
    } else {
        None
    };
    same.unwrap_or_else(|| is_same_of_other_lengths(left, right))
}

/// Whether the first and the last so many bytes are the same; nothing when there are not so many.
#[inline]
fn same_ends<const BYTES: usize>(left: &[u8], right: &[u8]) -> Option<bool> {
    let is_first_same = left.first_chunk::<BYTES>()? == right.first_chunk::<BYTES>()?;
    let is_last_same = left.last_chunk::<BYTES>()? == right.last_chunk::<BYTES>()?;
    Some(is_first_same & is_last_same)
}

/// Kept apart, so that the usual lengths are compared where they are asked about.
#[inline(never)]
fn is_same_of_other_lengths(left: &[u8], right: &[u8]) -> bool {
    let same = match left.len() {
        17..=32 => same_ends::<16>(left, right),
        4..=7 => same_ends::<4>(left, right),
        2..=3 => same_ends::<2>(left, right),
        _ => None,
    };
    same.unwrap_or_else(|| left == right)
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Backing::File { start, bytes } = self.backing {
            // SAFETY: the mapping was made by `map_private` with this length and nobody refers to it any more.
            unsafe { libc::munmap(start.as_ptr(), bytes) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_only_when_every_one_is() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length).map(|index: u8| index.wrapping_mul(7)).collect();
            assert!(is_same(&bytes, &bytes.clone()), "{length}");
            for index in 0..bytes.len() {
                let mut other = bytes.clone();
                other[index] ^= 0x80;
                assert!(!is_same(&bytes, &other), "byte {index} of {length}");
                assert!(!is_same(&other, &bytes), "byte {index} of {length}");
            }
        }
    }

    #[test]
    fn words_before_one_are_counted_within_the_arena_only() {
        let memory = Memory::reserve(1 << 20).expect("address space");
        let words: [u64; 5] = [3, 5, 5, 1 << 63, u64::MAX];
        for (index, word) in words.iter().enumerate() {
            memory.write(4 + index as u64 * 8, &word.to_le_bytes()).expect("inside");
        }
        for count in 0..=words.len() {
            for word in [0, 3, 4, 5, 6, 1 << 63, u64::MAX - 1, u64::MAX] {
                for or_equal in [false, true] {
                    let is_before = |other: &&u64| **other < word || or_equal && **other == word;
                    let expected = words[..count].iter().filter(is_before).count();
                    assert_eq!(memory.words_before(4, count, word, or_equal).expect("inside"), expected);
                }
            }
        }
        assert!(memory.words_before((1 << 20) - 8, 1, 0, false).is_ok());
        assert!(memory.words_before((1 << 20) - 8, 2, 0, false).is_err());
        assert!(memory.equals((1 << 20) - 4, &[0; 4]).is_ok_and(|same| same));
        assert!(memory.equals((1 << 20) - 4, &[0; 5]).is_err());
    }
}
