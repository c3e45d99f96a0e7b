//! Aligned memory that devices and the fabric read and write.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Alignment of every buffer: what direct I/O asks for on any block device in use.
pub const IO_ALIGNMENT: usize = 4096;

/// Memory, aligned for direct I/O, that is handed to an operation and handed back by it.
///
/// Operations own their buffers while they run, so that a dropped future can never leave a device writing to memory
/// that was given away.
pub struct IoBuffer {
    memory: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the buffer owns its memory like a `Box<[u8]>`.
unsafe impl Send for IoBuffer {}
// SAFETY: shared access only reads.
unsafe impl Sync for IoBuffer {}

impl IoBuffer {
    /// `length` zeroed bytes; the memory behind them reaches to the next multiple of [`IO_ALIGNMENT`].
    pub fn zeroed(length: usize) -> IoBuffer {
        let capacity = length.max(1).next_multiple_of(IO_ALIGNMENT);
        let layout = Self::layout(capacity);
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        IoBuffer { memory, capacity, length }
    }

    /// A copy of bytes, with zeros behind them.
    pub fn copy_of(bytes: &[u8]) -> IoBuffer {
        IoBuffer::gathered(bytes.len(), [bytes])
    }

    /// A copy of bytes of which the first `length` count; the others are the padding.
    pub fn padded_copy_of(bytes: &[u8], length: usize) -> IoBuffer {
        let mut buffer = IoBuffer::gathered(bytes.len(), [bytes]);
        buffer.length = length.min(buffer.length);
        buffer
    }

    /// `length` bytes, copied from parts one behind the other, as far as they reach, with zeros behind them. Only those zeros
    /// are written twice.
    pub fn gathered<'a>(length: usize, parts: impl IntoIterator<Item = &'a [u8]>) -> IoBuffer {
        let capacity = length.max(1).next_multiple_of(IO_ALIGNMENT);
        let layout = Self::layout(capacity);
        // SAFETY: the layout's size is not zero.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        // Made first, so that the memory is freed whatever the iterator does. Nobody sees it before it is filled.
        let buffer = IoBuffer { memory, capacity, length };
        let mut filled = 0;
        for part in parts {
            let count = part.len().min(length - filled);
            // SAFETY: `filled + count` is at most `length`; what was just allocated overlaps nothing else.
            unsafe { std::ptr::copy_nonoverlapping(part.as_ptr(), memory.as_ptr().add(filled), count) };
            filled += count;
        }
        // SAFETY: the rest of what was allocated.
        unsafe { std::ptr::write_bytes(memory.as_ptr().add(filled), 0, capacity - filled) };
        buffer
    }

    fn layout(capacity: usize) -> Layout {
        Layout::from_size_align(capacity, IO_ALIGNMENT).expect("a buffer is smaller than the address space")
    }

    /// The bytes and the zeros or leftovers behind them up to the next multiple of [`IO_ALIGNMENT`].
    pub fn padded(&self) -> &[u8] {
        // SAFETY: `capacity` bytes were allocated and written before the buffer was given out.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.capacity) }
    }

    /// As [`IoBuffer::padded`], to write.
    pub fn padded_mut(&mut self) -> &mut [u8] {
        // SAFETY: `capacity` bytes were allocated and written before the buffer was given out, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_ptr(), self.capacity) }
    }
}

impl Deref for IoBuffer {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.padded()[..self.length]
    }
}

impl DerefMut for IoBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        let length = self.length;
        &mut self.padded_mut()[..length]
    }
}

impl Drop for IoBuffer {
    fn drop(&mut self) {
        // SAFETY: allocated by `zeroed` or `gathered` with this layout.
        unsafe { dealloc(self.memory.as_ptr(), Self::layout(self.capacity)) }
    }
}

impl fmt::Debug for IoBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IoBuffer({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_padded() {
        for length in [0, 1, 4095, 4096, 4097] {
            let buffer = IoBuffer::copy_of(&vec![7; length]);
            assert_eq!(buffer.as_ptr() as usize % IO_ALIGNMENT, 0);
            assert_eq!(buffer.len(), length);
            assert_eq!(buffer.padded().len() % IO_ALIGNMENT, 0);
            assert!(buffer.padded()[length..].iter().all(|b| *b == 0));
        }
    }

    #[test]
    fn parts_are_gathered_and_cut() {
        let gathered =
            |length, parts: &[&[u8]]| IoBuffer::gathered(length, parts.iter().copied()).padded()[..6].to_vec();
        assert_eq!(gathered(5, &[b"ab", b"", b"cdefg"]), *b"abcde\0");
        assert_eq!(gathered(5, &[b"ab"]), *b"ab\0\0\0\0");
        assert_eq!(gathered(0, &[]), [0; 6]);
        let buffer = IoBuffer::padded_copy_of(&[9; 4096], 10);
        assert_eq!((buffer.len(), buffer.padded()), (10, &[9; 4096][..]));
    }
}
