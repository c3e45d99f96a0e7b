//! Offset-addressed memory for everything that a store keeps: metadata and small values.
//!
//! An [`Arena`] is one reserved range of addresses that never moves. It is read through typed and bounds-checked copies, or
//! through [`ArenaBytes`] guards, and changed only by a [`Transaction`], one at a time, which applies its writes in place,
//! can take them back, and yields the [`Redo`] that a log keeps.
//!
//! ```text
//! page 0      magic "daosarna", version u32, page size u32, chunks u32, reserved u32, ROOTS x u64
//! pages 1..   runs of 1, 4, 16 or 64 pages; 64 pages are a chunk; the header counts the chunks made so far
//! run         magic u8, kind u8 (1 free, 2 slab), class u8, order u8, reserved u32
//! slab        run header, bitmap of slots taken (u64 words), slots
//! ```

mod allocator;
mod bytes;
mod memory;
mod offset;
mod redo;
mod size_class;
#[cfg(test)]
mod tests;
mod writing;

pub use bytes::ArenaBytes;
pub use offset::Offset;
pub use redo::Redo;
pub(crate) use redo::for_each_range;
pub use size_class::ALLOCATION_SIZE_MAX;
pub(crate) use size_class::class_of;

use crate::persistent_memory::{PersistentMemory, ViewSource, check_memory_range};
use crate::transaction::{Scratch, Transaction};
use allocator::Allocator;
use daos_status::{Code, Result, Status, fail};
use memory::Memory;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use zerocopy::FromBytes;

/// The unit of dirtiness, of checkpoints and of slabs.
pub const PAGE_SIZE: usize = 16 * 1024;

/// How many root offsets an arena's header holds.
pub const ROOTS: usize = 16;

/// The largest arena: an offset in units of eight bytes fits 32 bits.
pub const ARENA_BYTES_MAX: u64 = 32 << 30;

const CHUNK_PAGES: u32 = 64;
const MAGIC: [u8; 8] = *b"daosarna";
/// 1 was never released; 2 has finer size classes, and slots of whole cache lines start at one.
const VERSION: u32 = 2;
const HEADER_VERSION: u64 = 8;
const HEADER_PAGE_SIZE: u64 = 12;
const HEADER_CHUNKS: u64 = 16;
const HEADER_ROOTS: u64 = 24;

/// One page in so many is kept for privileged transactions: deleting must work when the arena is full.
const RESERVE_SHARE: u64 = 32;

/// How an arena's bytes are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArenaSpace {
    /// All bytes.
    pub capacity: u64,
    /// Bytes allocated, as rounded to size classes.
    pub used: u64,
    /// Bytes of pages that hold nothing and may be taken by any transaction.
    pub free: u64,
    /// Bytes of pages that hold nothing and are kept for privileged transactions.
    pub reserved: u64,
}

/// See the [module](self).
pub struct Arena {
    memory: Memory,
    dirty: Vec<Cell<u64>>,
    guards: Cell<u32>,
    open: Cell<bool>,
    /// Counts transactions, so that a [`Redo`] knows that no other one came after it.
    generation: Cell<u64>,
    scratch: RefCell<Option<Box<Scratch>>>,
    allocator: RefCell<Allocator>,
}

impl Arena {
    /// Reserves addresses for an empty arena of `capacity` bytes, rounded down to whole mebibytes.
    ///
    /// Memory is taken as it is touched. The empty arena is a function of nothing but the format, so a log can be replayed
    /// over it from the first record.
    pub fn reserve(capacity: u64) -> Result<Arena> {
        let capacity = Arena::check_capacity(capacity)?;
        let arena = Arena::of(Memory::reserve(capacity)?);
        arena.restore(0, &MAGIC)?;
        arena.restore(HEADER_VERSION, &VERSION.to_le_bytes())?;
        arena.restore(HEADER_PAGE_SIZE, &(PAGE_SIZE as u32).to_le_bytes())?;
        arena.restore(HEADER_CHUNKS, &1u32.to_le_bytes())?;
        for (position, header) in allocator::first_chunk() {
            arena.restore(position, &header)?;
        }
        Ok(arena)
    }

    /// An arena whose bytes are those of persistent memory from `position` on, which it never writes to.
    pub(crate) fn view_of(memory: &dyn PersistentMemory, position: u64, capacity: u64) -> Result<Arena> {
        if Arena::check_capacity(capacity)? != capacity {
            fail!(Code::DfInval, "{} holds an arena of {capacity} bytes: no whole mebibytes", memory.name());
        }
        check_memory_range(memory.name(), memory.length(), "view", position, capacity)?;
        match memory.view(position)? {
            ViewSource::File { file, offset } => Ok(Arena::of(Memory::map_private(&file, offset, capacity)?)),
            ViewSource::Copy => {
                let arena = Arena::of(Memory::reserve(capacity)?);
                let mut page = vec![0; PAGE_SIZE];
                for start in (0..capacity).step_by(PAGE_SIZE) {
                    memory.read(position + start, &mut page)?;
                    arena.restore(start, &page)?;
                }
                Ok(arena)
            }
        }
    }

    /// How many pages of an empty arena may hold something but zeros.
    pub(crate) const fn pages_of_empty() -> u32 {
        CHUNK_PAGES
    }

    /// A capacity rounded down to whole chunks.
    fn check_capacity(capacity: u64) -> Result<u64> {
        let chunk = u64::from(CHUNK_PAGES) * PAGE_SIZE as u64;
        let rounded = capacity / chunk * chunk;
        if !(chunk..=ARENA_BYTES_MAX).contains(&rounded) {
            fail!(Code::Inval, "an arena holds from {chunk} to {ARENA_BYTES_MAX} bytes, not {capacity}");
        }
        Ok(rounded)
    }

    fn of(memory: Memory) -> Arena {
        let pages = memory.length() / PAGE_SIZE as u64;
        Arena {
            memory,
            dirty: vec![Cell::new(0); pages.div_ceil(64) as usize],
            guards: Cell::new(0),
            open: Cell::new(false),
            generation: Cell::new(0),
            scratch: RefCell::default(),
            allocator: RefCell::new(Allocator::new()),
        }
    }

    /// All bytes.
    #[inline]
    pub fn capacity(&self) -> u64 {
        self.memory.length()
    }

    /// How many pages the arena has.
    pub fn page_count(&self) -> u32 {
        (self.capacity() / PAGE_SIZE as u64) as u32
    }

    /// Opens a transaction.
    ///
    /// # Panics
    /// When another is open: a transaction is never held across an `await`.
    #[inline]
    pub fn begin(&self) -> Transaction<'_> {
        Transaction::new(self, false)
    }

    /// Opens a transaction that may use the space kept for deleting and for housekeeping.
    #[inline]
    pub fn begin_privileged(&self) -> Transaction<'_> {
        Transaction::new(self, true)
    }

    /// Checks the format, and reads the state of the allocator: to be called after recovery.
    pub fn verify(&self) -> Result<()> {
        let mut allocator = self.allocator.borrow_mut();
        allocator.invalidate();
        allocator.refresh(self)
    }

    fn check_header(&self) -> Result<u32> {
        if self.read_value::<[u8; 8]>(0)? != MAGIC {
            fail!(Code::DfInval, "the arena does not start with its magic");
        }
        let version: u32 = self.read_value(HEADER_VERSION)?;
        if version != VERSION {
            return Err(Status::unknown_format("the arena", version, VERSION..=VERSION));
        }
        let page_size: u32 = self.read_value(HEADER_PAGE_SIZE)?;
        let chunks: u32 = self.read_value(HEADER_CHUNKS)?;
        if page_size as usize != PAGE_SIZE || chunks == 0 || chunks > self.page_count() / CHUNK_PAGES {
            fail!(Code::DfInval, "the arena's header names {chunks} chunks of pages of {page_size} bytes");
        }
        Ok(chunks)
    }

    /// Bytes from the beginning on that hold anything: of the chunks that were made.
    pub(crate) fn made_bytes(&self) -> Result<u64> {
        Ok(u64::from(self.check_header()?) * u64::from(CHUNK_PAGES) * PAGE_SIZE as u64)
    }

    fn reserve_pages(&self) -> u64 {
        u64::from(self.page_count()) / RESERVE_SHARE
    }

    fn pages_not_in_chunks(&self, pages_in_chunks: u64) -> u64 {
        u64::from(self.page_count()).saturating_sub(pages_in_chunks)
    }

    /// How the bytes are used.
    pub fn space(&self) -> Result<ArenaSpace> {
        let mut allocator = self.allocator.borrow_mut();
        allocator.refresh(self)?;
        let chunks = self.check_header()?;
        let left = allocator.free_pages() + self.pages_not_in_chunks(u64::from(chunks * CHUNK_PAGES));
        let reserved = left.min(self.reserve_pages());
        let page = PAGE_SIZE as u64;
        let (free, reserved) = ((left - reserved) * page, reserved * page);
        Ok(ArenaSpace { capacity: self.capacity(), used: allocator.used(), free, reserved })
    }

    /// A root offset of the header; zero until one is set.
    pub fn root(&self, index: usize) -> Result<u64> {
        self.read_value(Arena::root_position(index)?)
    }

    /// A view of bytes. While it lives, nothing can be written.
    #[inline]
    pub fn read(&self, position: u64, length: usize) -> Result<ArenaBytes<'_>> {
        ArenaBytes::new(self, position, length)
    }

    /// A view of a page. While it lives, nothing can be written.
    ///
    /// # Panics
    /// When there is no such page.
    pub fn page(&self, page: u32) -> ArenaBytes<'_> {
        self.read(u64::from(page) * PAGE_SIZE as u64, PAGE_SIZE).expect("the caller names a page of this arena")
    }

    /// A copy of a value.
    #[inline]
    pub fn read_value<T: FromBytes>(&self, position: u64) -> Result<T> {
        self.memory.read_value(position)
    }

    /// Copies bytes out.
    #[inline]
    pub fn read_into(&self, position: u64, out: &mut [u8]) -> Result<()> {
        self.memory.read_into(position, out)
    }

    /// Appends a copy of bytes.
    pub fn append_to(&self, position: u64, length: usize, out: &mut Vec<u8>) -> Result<()> {
        self.memory.append_to(position, length, out)
    }

    /// Asks the processor to bring a range near that is about to be read; of no effect but on time.
    #[inline]
    pub fn prefetch(&self, position: u64, length: usize) {
        self.memory.prefetch(position, length);
    }

    /// Compares bytes of the arena, on the left, with others.
    #[inline]
    pub fn compare(&self, position: u64, length: usize, bytes: &[u8]) -> Result<Ordering> {
        self.memory.compare(position, length, bytes)
    }

    /// Whether the bytes of a place are these.
    #[inline]
    pub fn equals(&self, position: u64, bytes: &[u8]) -> Result<bool> {
        self.memory.equals(position, bytes)
    }

    /// How many of `count` little-endian words of eight bytes lie before `word`, or, with `or_equal`, not behind it. They rise; if they do
    /// not, it is any number up to `count`.
    #[inline]
    pub fn words_before(&self, position: u64, count: usize, word: u64, or_equal: bool) -> Result<usize> {
        self.memory.words_before(position, count, word, or_equal)
    }

    /// Puts back bytes of a checkpoint: outside of transactions, without marking anything dirty.
    pub fn restore(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.assert_writable();
        assert!(!self.open.get(), "nothing is restored while a transaction is open");
        self.allocator.borrow_mut().invalidate();
        self.memory.write(position, bytes)
    }

    /// Marks a page as changed since the last checkpoint.
    #[inline]
    pub fn mark_dirty(&self, page: u32) {
        if let Some(word) = self.dirty.get(page as usize / 64) {
            word.set(word.get() | 1 << (page % 64));
        }
    }

    #[inline]
    fn mark_range_dirty(&self, position: u64, length: usize) {
        let first = (position / PAGE_SIZE as u64) as u32;
        let last = ((position + (length as u64).max(1) - 1) / PAGE_SIZE as u64) as u32;
        self.mark_dirty(first);
        (first + 1..=last).for_each(|page| self.mark_dirty(page));
    }

    /// The pages changed since the last call, in order, which are from now on not dirty.
    pub fn take_dirty_pages(&self) -> Vec<u32> {
        let mut pages = Vec::new();
        for (index, word) in self.dirty.iter().enumerate() {
            let mut bits = word.take();
            while bits != 0 {
                pages.push(index as u32 * 64 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        pages
    }

    #[inline]
    fn assert_writable(&self) {
        assert!(self.guards.get() == 0, "no view of the arena may be alive while it is written");
    }
}

/// Bytes that an allocation of `size` takes, or `None` when it is too large.
pub fn allocation_size(size: usize) -> Option<usize> {
    size_class::class_of(size).map(|class| size_class::CLASSES[class].slot as usize)
}
