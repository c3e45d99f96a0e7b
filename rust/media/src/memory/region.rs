//! The memory of a device: the only place that touches its bytes through pointers.
#![allow(unsafe_code, reason = "mmap, copies to memory that is shared by interior mutability, and views of it")]

use super::touch::{Ahead, Toucher};
use super::{Plenty, Taking};
use crate::persistent_memory::CACHE_LINE;
use crate::prefetch::prefetch;
use daos_checksum::{ChecksumKind, crc64_of_copy_past_caches};
use daos_status::{Code, Result, fail};
use std::cell::RefCell;
use std::ops::Deref;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What the kernel maps as one: with pages of this size a copy meets no page table, and a fault comes once in 512 blocks.
pub(super) const HUGE_PAGE: usize = 2 << 20;

/// What the kernel maps at least: where it has no huge pages to give, each of these is touched.
const PAGE: usize = 4096;

/// Bytes given back at a time: a fraction of a millisecond.
const GIVEN_BACK: usize = 8 * HUGE_PAGE;

/// Views alive at once; beyond them, readers copy. Writes look at each, so that they stay few.
const VIEWS_MAX: usize = 256;

/// Bytes that [`Region::prefetch`] asks for: measured with values of 4 KiB that are in no cache; fewer and more of them gained less.
const PREFETCHED: usize = 8 * CACHE_LINE as usize;

/// Address space of one device or arena. Pages are taken when they are first written, or touched ahead, and given back by discards.
pub(crate) struct Mapping {
    /// What `mmap` gave, and how much.
    mapped: (NonNull<u8>, usize),
    /// The first byte of the device, at the start of a huge page.
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping is an address range; whoever copies to or from it sees to order by itself, and `touch`, which other
// threads call, changes no byte.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Reserves zeros, which start at a huge page.
    pub(crate) fn reserve(length: u64) -> Result<Mapping> {
        let sizes = usize::try_from(length).ok().and_then(|length| {
            let whole = if length < HUGE_PAGE { length } else { length.checked_next_multiple_of(HUGE_PAGE)? };
            Some((length, whole.checked_add(HUGE_PAGE)?))
        });
        let Some((length, bytes)) = sizes.filter(|(length, _)| *length > 0) else {
            fail!(Code::Nomem, "{length} bytes of memory do not fit the address space");
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory of ours.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        let Some(start) = NonNull::new(start.cast::<u8>()).filter(|_| start != libc::MAP_FAILED) else {
            let error = std::io::Error::last_os_error();
            fail!(Code::Nomem, "reserving {length} bytes of address space: {error}");
        };
        // At most a huge page less one byte, of which there is one more than the device needs.
        let skipped = start.as_ptr().align_offset(HUGE_PAGE).min(HUGE_PAGE);
        // SAFETY: within the mapping, as said above.
        let base = unsafe { start.add(skipped) };
        let mapping = Mapping { mapped: (start, bytes), base, length };
        if length >= HUGE_PAGE {
            // A kernel without huge pages says no, and everything works with small ones.
            let _refused = mapping.advise(0, length.next_multiple_of(HUGE_PAGE), libc::MADV_HUGEPAGE);
        }
        Ok(mapping)
    }

    /// Gives the kernel advice about a range within the mapping; whether it was taken.
    fn advise(&self, offset: usize, length: usize, advice: libc::c_int) -> bool {
        // SAFETY: the callers stay within the mapping; of the advice they give, only `MADV_DONTNEED` changes bytes, and
        // `Region::discard` sees to it that nobody holds a view of them.
        unsafe { libc::madvise(self.base.as_ptr().add(offset).cast(), length, advice) == 0 }
    }

    /// Bytes of the device or arena.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The first of them.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Has the kernel back a range with memory; bytes stay what they are. `false` when it cannot.
    pub(super) fn populate(&self, from: usize, to: usize) -> bool {
        let to = to.min(self.length);
        from >= to || self.advise(from, to - from, libc::MADV_POPULATE_WRITE)
    }

    /// Gives all memory back, in steps between which others get some: unmapping it at once locks the address space for as long as it takes. What is read
    /// afterwards is zero.
    pub(super) fn give_back(&self) {
        for offset in (0..self.length).step_by(GIVEN_BACK) {
            let _kept = self.advise(offset, GIVEN_BACK.min(self.length - offset), libc::MADV_DONTNEED);
        }
    }

    /// As [`Mapping::populate`], for a thread beside the one that reads and writes: a fault locks this mapping only, while advice locks the address
    /// space of the process until the kernel has found and cleared the memory, which is milliseconds for a huge page. All that time the
    /// process gets no memory of any kind, and whoever copies from it waits behind that.
    pub(super) fn touch(&self, from: usize, to: usize) {
        for offset in (from..to.min(self.length)).step_by(PAGE) {
            // SAFETY: within the mapping. The byte stays what it is, whoever writes it meanwhile: it is replaced in one step, by zero, if it is zero.
            let byte = unsafe { AtomicU8::from_ptr(self.base.as_ptr().add(offset)) };
            // One that is not zero has been written, and has its memory.
            let _was = byte.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// Lets the calling thread stand back where others want the processor: it works ahead, and they are waited for. It runs where a core has nothing else
/// to do. With two cores, a client and a target that spin for each other, a low priority was not enough: a target that yielded lost its core
/// for milliseconds, and both began to sleep for each request. Such a thread must hold nothing that others wait for.
pub(super) fn stand_back() {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: on Linux, 0 is the calling thread, and the parameter is only read. Nobody is kept from standing back, and without it the thread works,
    // too.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) };
}

#[cfg(test)]
pub(super) fn policy_of_this_thread() -> i32 {
    // SAFETY: asks about the calling thread.
    unsafe { libc::sched_getscheduler(0) }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `reserve`; nobody refers to it any more.
        unsafe { libc::munmap(self.mapped.0.as_ptr().cast(), self.mapped.1) };
    }
}

/// Memory that is read and written in place. It belongs to one thread.
pub struct Region {
    mapping: Arc<Mapping>,
    toucher: Toucher,
    /// Of a region that keeps its memory while there is plenty.
    plenty: Option<Plenty>,
    /// The ranges of all views alive: first byte, and the one behind the last.
    views: RefCell<Vec<(usize, usize)>>,
}

impl Region {
    /// Reserves `length` bytes of zeros.
    pub(super) fn reserve(length: u64, taking: Taking) -> Result<Region> {
        let mapping = Arc::new(Mapping::reserve(length)?);
        let (ahead, plenty) = match taking {
            Taking::AsNeeded => (Ahead::DEVICE, None),
            Taking::Ahead => (Ahead::WHOLE, Some(Plenty::default())),
        };
        Ok(Region { toucher: Toucher::new(mapping.clone(), ahead), mapping, plenty, views: RefCell::default() })
    }

    fn check(&self, what: &str, offset: u64, length: usize) -> Result<usize> {
        match offset.checked_add(length as u64) {
            // Fits, as the length of the mapping does.
            Some(end) if end <= self.mapping.length as u64 => Ok(offset as usize),
            _ => {
                let all = self.mapping.length;
                fail!(Code::Inval, "{what} of {length} bytes at offset {offset} of a device of {all} bytes of memory")
            }
        }
    }

    /// Whether somebody looks at a part of a range.
    fn is_viewed(&self, start: usize, end: usize) -> bool {
        self.views.borrow().iter().any(|(first, behind)| *first < end && start < *behind)
    }

    /// Copies bytes to their place, past the caches, which have better uses than what is read again much later, if at all.
    ///
    /// # Errors
    /// Outside the device; [`Code::Busy`] when a view of these bytes is alive.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = self.start_of_write(offset, bytes.len())?;
        // SAFETY: the range was checked, and no view of it is alive, so that nobody refers to these bytes: `bytes` neither.
        unsafe { copy_past_caches(self.mapping.base.as_ptr().add(start), bytes) };
        Ok(())
    }

    /// As [`Region::write`]; gives the [`ChecksumKind::word`] of the bytes, computed on their way where the processor can.
    ///
    /// # Errors
    /// As there.
    pub fn write_with_word(&self, offset: u64, bytes: &[u8], kind: ChecksumKind) -> Result<u64> {
        let start = self.start_of_write(offset, bytes.len())?;
        if kind == ChecksumKind::Crc64 {
            // SAFETY: the range was checked, its bytes are initialised by the kernel, and as no view of it is alive, nobody refers
            // to them.
            let target = unsafe { std::slice::from_raw_parts_mut(self.mapping.base.as_ptr().add(start), bytes.len()) };
            if let Some(word) = crc64_of_copy_past_caches(bytes, target) {
                return Ok(word);
            }
        }
        let word = kind.word(bytes);
        // SAFETY: as in `write`.
        unsafe { copy_past_caches(self.mapping.base.as_ptr().add(start), bytes) };
        Ok(word)
    }

    fn start_of_write(&self, offset: u64, length: usize) -> Result<usize> {
        let start = self.check("write", offset, length)?;
        if self.is_viewed(start, start + length) {
            fail!(Code::Busy, "write of {length} bytes at offset {offset} of memory that is being read");
        }
        self.toucher.note_write(start + length);
        Ok(start)
    }

    /// A view of bytes; while it lives, they cannot be written. `None` when too many are alive: copy instead.
    ///
    /// # Errors
    /// Outside the device.
    pub fn view(self: &Rc<Self>, offset: u64, length: usize) -> Result<Option<RegionView>> {
        let start = self.check("read", offset, length)?;
        let mut views = self.views.borrow_mut();
        if views.len() >= VIEWS_MAX {
            return Ok(None);
        }
        views.push((start, start + length));
        Ok(Some(RegionView { region: self.clone(), start, length }))
    }

    /// Calls `look` with bytes, which cannot be written meanwhile.
    ///
    /// # Errors
    /// Outside the device.
    pub fn read<T>(&self, offset: u64, length: usize, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let start = self.check("read", offset, length)?;
        self.views.borrow_mut().push((start, start + length));
        // Also when `look` panics, which at worst keeps these bytes from being written again.
        let result = look(self.bytes(start, length));
        self.forget_view(start, length);
        Ok(result)
    }

    /// Copies bytes out; gives the [`ChecksumKind::word`] of what was copied, computed on the way where the processor can.
    ///
    /// # Errors
    /// Outside the device.
    #[inline]
    pub fn read_with_word(&self, offset: u64, target: &mut [u8], kind: ChecksumKind) -> Result<u64> {
        let start = self.check("read", offset, target.len())?;
        // SAFETY: the range was checked, and its bytes are initialised by the kernel. This thread, to which the region belongs, writes
        // nothing to it before the copy is made, and `target` is no part of it: it is only lent for reading.
        let source = unsafe { std::slice::from_raw_parts(self.mapping.base.as_ptr().add(start), target.len()) };
        Ok(kind.word_of_copy(source, target))
    }

    /// Asks the processor for the first lines of a range that is about to be read: what comes behind them it then asks for by itself.
    #[inline]
    pub fn prefetch(&self, offset: u64, length: usize) {
        let length = length.min(PREFETCHED);
        if offset.checked_add(length as u64).is_some_and(|end| end <= self.mapping.length as u64) {
            for line in (offset as usize..offset as usize + length).step_by(CACHE_LINE as usize) {
                // SAFETY: within the mapping, as was just looked at; the reference is gone before anything is written.
                prefetch(unsafe { &*self.mapping.base.as_ptr().add(line) });
            }
        }
    }

    /// Only for ranges that are noted as a view, and not for longer.
    fn bytes(&self, start: usize, length: usize) -> &[u8] {
        // SAFETY: the range was checked when the view was noted; as long as it is, nothing writes to it or discards it.
        unsafe { std::slice::from_raw_parts(self.mapping.base.as_ptr().add(start), length) }
    }

    fn forget_view(&self, start: usize, length: usize) {
        let mut views = self.views.borrow_mut();
        if let Some(index) = views.iter().rposition(|view| *view == (start, start + length)) {
            views.swap_remove(index);
        }
    }

    /// Whether what is discarded now would be kept, so that giving back what is free is work for nothing.
    pub(crate) fn keeps_memory(&self) -> bool {
        self.plenty.as_ref().is_some_and(Plenty::is_there)
    }

    /// Gives the whole huge pages of a range back; they read as zeros then. What somebody looks at stays, and all of it stays in a region that keeps
    /// its memory while there is plenty.
    pub(super) fn discard(&self, offset: u64, length: u64) {
        if self.keeps_memory() {
            return;
        }
        let page = HUGE_PAGE as u64;
        let (start, end) = (offset.next_multiple_of(page), (offset + length) / page * page);
        let (start, end) = (start as usize, end as usize);
        if start < end && end <= self.mapping.length && !self.is_viewed(start, end) {
            // What is not given back is kept, which is allowed.
            let _kept = self.mapping.advise(start, end - start, libc::MADV_DONTNEED);
        }
    }

    /// Takes the memory of the first `bytes` now, instead of when they are first written; `false` when the kernel cannot.
    pub fn populate(&self, bytes: u64) -> bool {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.mapping.length);
        let done = self.mapping.populate(0, bytes);
        self.toucher.note_populated(bytes);
        done
    }
}

#[cfg(test)]
impl Region {
    pub(super) fn mapping(&self) -> std::sync::Weak<Mapping> {
        Arc::downgrade(&self.mapping)
    }

    pub(super) fn desk(&self) -> Arc<super::touch::Desk> {
        self.toucher.desk()
    }
}

/// Bytes of a [`Region`], which cannot change while this lives.
pub struct RegionView {
    region: Rc<Region>,
    start: usize,
    length: usize,
}

impl Deref for RegionView {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.region.bytes(self.start, self.length)
    }
}

impl Drop for RegionView {
    fn drop(&mut self) {
        self.region.forget_view(self.start, self.length);
    }
}

impl std::fmt::Debug for RegionView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegionView({} bytes)", self.length)
    }
}

/// Copies without reading the target's cache lines first, which costs a third of the traffic, and without evicting others.
///
/// # Safety
/// `target` is valid for `bytes.len()` bytes that nobody refers to.
#[cfg(target_arch = "x86_64")]
unsafe fn copy_past_caches(target: *mut u8, bytes: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_sfence, _mm_stream_si128};
    const STEP: usize = 64;
    let streamed = if target.addr().is_multiple_of(STEP) { bytes.len() / STEP * STEP } else { 0 };
    for at in (0..streamed).step_by(STEP) {
        // SAFETY: `at + STEP` is within both; loads may be unaligned, stores are aligned as `target` and `at` are. Vectors
        // of 16 bytes are part of the architecture.
        unsafe {
            let from = bytes.as_ptr().add(at).cast::<__m128i>();
            let to = target.add(at).cast::<__m128i>();
            let (a, b, c, d) = (
                _mm_loadu_si128(from),
                _mm_loadu_si128(from.add(1)),
                _mm_loadu_si128(from.add(2)),
                _mm_loadu_si128(from.add(3)),
            );
            _mm_stream_si128(to, a);
            _mm_stream_si128(to.add(1), b);
            _mm_stream_si128(to.add(2), c);
            _mm_stream_si128(to.add(3), d);
        }
    }
    // Streamed stores are not ordered with others: what a thread is told afterwards must not overtake them.
    // SAFETY: the fence is part of the architecture.
    unsafe { _mm_sfence() };
    // SAFETY: the rest of both ranges, which do not overlap as nobody refers to the target's.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr().add(streamed), target.add(streamed), bytes.len() - streamed);
    }
}

/// Copies.
///
/// # Safety
/// `target` is valid for `bytes.len()` bytes that nobody refers to.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy_past_caches(target: *mut u8, bytes: &[u8]) {
    // SAFETY: as the caller promises.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_memory_is_there_and_keeps_its_bytes() {
        let mapping = Mapping::reserve(3 * HUGE_PAGE as u64).unwrap();
        let is_there = |offset: usize| {
            let mut state = 0u8;
            // SAFETY: within the mapping, and the state is of one page.
            let result = unsafe { libc::mincore(mapping.base().as_ptr().add(offset).cast(), PAGE, &raw mut state) };
            assert_eq!(result, 0);
            state & 1 == 1
        };
        // SAFETY: within the mapping, which nobody else uses.
        let byte = unsafe { mapping.base().add(HUGE_PAGE + PAGE) };
        // SAFETY: as above.
        unsafe { byte.write(7) };
        assert!(!is_there(0));
        mapping.touch(0, 2 * HUGE_PAGE);
        assert!((0..2 * HUGE_PAGE).step_by(PAGE).all(is_there));
        assert!(!is_there(2 * HUGE_PAGE));
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read() }, 7);
    }

    #[test]
    fn every_length_and_place_is_copied() {
        let region = Rc::new(Region::reserve(8 << 20, Taking::AsNeeded).unwrap());
        let source: Vec<u8> = (0..70_000u32).map(|n| (n * 7 / 3) as u8).collect();
        for (offset, length) in [(0, 0), (0, 1), (1, 63), (64, 64), (4096, 4097), (12_345, 65_536), (8 << 20, 0)] {
            for start in [0, 1, 17] {
                let bytes = &source[start..start + length];
                region.write(offset, bytes).unwrap();
                assert_eq!(&*region.view(offset, length).unwrap().unwrap(), bytes);
                assert!(region.read(offset, length, |seen| seen == bytes).unwrap());
                region.write(offset, &vec![0; length]).unwrap();
                for kind in ChecksumKind::ALL.into_iter().filter(|kind| kind.fits_word()) {
                    assert_eq!(region.write_with_word(offset, bytes, kind).unwrap(), kind.word(bytes));
                    assert!(region.read(offset, length, |seen| seen == bytes).unwrap());
                }
            }
        }
        assert_eq!(region.read(3 << 20, 9, |bytes| bytes.to_vec()).unwrap(), [0; 9]);
        let mut copy = [1; 4096];
        for (kind, length) in ChecksumKind::ALL.into_iter().zip([0, 1, 63, 64, 300, 4096, 4096, 4095]) {
            region.write(12_345, &source[..length]).unwrap();
            region.prefetch(12_345, length);
            assert_eq!(region.read_with_word(12_345, &mut copy[..length], kind).unwrap(), kind.word(&source[..length]));
            assert_eq!(copy[..length], source[..length]);
        }
        region.prefetch(u64::MAX, 2);
        assert!(region.read_with_word((8 << 20) - 1, &mut copy[..2], ChecksumKind::Crc64).is_err());
        assert!(region.write((8 << 20) - 1, &[1, 2]).is_err());
        assert!(region.write_with_word((8 << 20) - 1, &[1, 2], ChecksumKind::Crc64).is_err());
        assert!(region.view(u64::MAX, 2).is_err());
    }

    #[test]
    fn what_is_looked_at_does_not_change() {
        let region = Rc::new(Region::reserve(8 << 20, Taking::AsNeeded).unwrap());
        region.write(2 << 20, &[1; 8192]).unwrap();
        let view = region.view((2 << 20) + 4096, 4096).unwrap().unwrap();
        assert_eq!(region.write(2 << 20, &[2; 4097]).unwrap_err().code(), Code::Busy);
        assert_eq!(region.write_with_word(2 << 20, &[2; 4097], ChecksumKind::Crc64).unwrap_err().code(), Code::Busy);
        region.write(2 << 20, &[2; 4096]).unwrap();
        region.discard(0, 8 << 20);
        assert_eq!(&*view, [1; 4096]);
        drop(view);
        region.write((2 << 20) + 4096, &[3]).unwrap();
        region.discard((2 << 20) + 1, (2 << 20) - 1);
        assert_eq!(region.read(2 << 20, 1, |bytes| bytes[0]).unwrap(), 2, "a part of a huge page stays");
        region.discard((2 << 20) - 1, (4 << 20) + 1);
        assert_eq!(region.read(2 << 20, 8192, |bytes| bytes.to_vec()).unwrap(), [0; 8192]);
    }

    #[test]
    fn views_are_bounded() {
        let region = Rc::new(Region::reserve(4096, Taking::AsNeeded).unwrap());
        let views: Vec<_> = (0..VIEWS_MAX).map(|_| region.view(0, 10).unwrap().unwrap()).collect();
        assert!(region.view(0, 10).unwrap().is_none());
        assert_eq!(region.read(0, 10, |bytes| bytes.len()).unwrap(), 10);
        drop(views);
        assert!(region.view(0, 10).unwrap().is_some());
        region.write(0, &[1]).unwrap();
    }
}
