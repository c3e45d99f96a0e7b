//! Buffers that are used for a moment, again and again.

use crate::{IO_ALIGNMENT, IoBuffer};
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// Buffers are kept by their size: 4 KiB times a power of two, in so many classes. Longer ones are not kept.
const CLASSES: usize = 9;
/// Bytes of buffers that are kept in each class: enough for a burst of replies, little against what a store takes anyway.
const KEPT_BYTES: usize = 1 << 20;

const fn class_size(class: usize) -> usize {
    IO_ALIGNMENT << class
}

const _: () = assert!(class_size(CLASSES - 1) <= KEPT_BYTES);

/// The class of the least buffer for so many bytes.
#[inline]
fn class_of(length: usize) -> Option<usize> {
    let pages_less_one = length.saturating_sub(1) / IO_ALIGNMENT;
    let class = (usize::BITS - pages_less_one.leading_zeros()) as usize;
    (class < CLASSES).then_some(class)
}

/// Where the bytes begin: half a page behind the beginning of one. What is copied here mostly lies at the beginning of pages, and a processor
/// confuses places whose addresses differ by pages: it gives them the same few lines of its cache, and has a load wait for a store to the
/// other one. (Measured: a copy of 64 KiB with its checksum took 4.9 us instead of 2.8.)
const SKEW: usize = IO_ALIGNMENT / 2;

/// Keeps buffers that were given back for those who want one next. An allocator looks for memory of this size, puts it together with its
/// neighbours when it is freed, gives some of it to the kernel and faults it in again; here it is handed over while it is still in
/// the cache. The one that came last goes first.
#[derive(Default)]
pub struct BufferPool {
    kept: RefCell<[Vec<IoBuffer>; CLASSES]>,
}

impl BufferPool {
    /// A pool without buffers.
    pub fn new() -> Rc<BufferPool> {
        Rc::default()
    }

    /// A buffer of `length` bytes, whatever they are: what was written to it before, or zeros.
    #[inline]
    pub fn take(self: &Rc<Self>, length: usize) -> PooledBuffer {
        let class = class_of(length);
        let kept = class.and_then(|class| self.kept.borrow_mut()[class].pop());
        let buffer = kept.unwrap_or_else(|| IoBuffer::zeroed(SKEW + class.map_or(length, class_size)));
        PooledBuffer { buffer: Some(buffer), length, pool: self.clone() }
    }

    #[inline]
    fn give_back(&self, length: usize, buffer: IoBuffer) {
        let Some(class) = class_of(length) else { return };
        let kept = &mut self.kept.borrow_mut()[class];
        if kept.len() < KEPT_BYTES / class_size(class) {
            kept.push(buffer);
        }
    }
}

/// A buffer that goes back to its [`BufferPool`] when it is dropped. Only its own bytes can be seen, not what lies behind them.
pub struct PooledBuffer {
    /// Taken when it is dropped.
    buffer: Option<IoBuffer>,
    length: usize,
    pool: Rc<BufferPool>,
}

impl Deref for PooledBuffer {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.buffer.as_deref().map_or(&[], |bytes| &bytes[SKEW..SKEW + self.length])
    }
}

impl DerefMut for PooledBuffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        let length = self.length;
        self.buffer.as_deref_mut().map_or(&mut [], |bytes| &mut bytes[SKEW..SKEW + length])
    }
}

impl Drop for PooledBuffer {
    #[inline]
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.pool.give_back(self.length, buffer);
        }
    }
}

impl fmt::Debug for PooledBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PooledBuffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gets_a_buffer_of_its_class() {
        let pool = BufferPool::new();
        for length in [0, 1, 4095, 4096, 4097, 8192, 8193, 1 << 20, (1 << 20) + 1, 3 << 20] {
            let buffer = pool.take(length);
            assert_eq!(buffer.len(), length);
            assert!(buffer.iter().all(|byte| *byte == 0));
        }
        assert_eq!(class_of(0), Some(0));
        assert_eq!(
            (class_of(4096), class_of(4097), class_of(8192), class_of(8193)),
            (Some(0), Some(1), Some(1), Some(2))
        );
        assert_eq!(class_of(class_size(CLASSES - 1) + 1), None);
    }

    #[test]
    fn the_buffer_that_came_last_goes_first_and_shows_its_own_length() {
        let pool = BufferPool::new();
        let (first, mut second) = (pool.take(5000), pool.take(8192));
        second.fill(7);
        let address = second.as_ptr();
        drop(first);
        drop(second);
        let again = pool.take(4097);
        assert_eq!((again.as_ptr(), again.len()), (address, 4097));
        assert_ne!(pool.take(100).as_ptr(), address);
    }

    #[test]
    fn no_more_is_kept_than_the_bound_says() {
        let pool = BufferPool::new();
        let count = KEPT_BYTES / class_size(4) + 3;
        let all: Vec<_> = (0..count).map(|_| pool.take(class_size(4))).collect();
        drop(all);
        assert_eq!(pool.kept.borrow()[4].len(), KEPT_BYTES / class_size(4));
        // A buffer outlives the owner of its pool.
        let last = pool.take(10);
        drop(pool);
        assert_eq!(last.len(), 10);
    }
}
