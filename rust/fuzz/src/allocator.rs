//! An allocator that counts, so that a decoder which allocates more than its input is worth shows itself.
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What no target asks for at a time: it is refused, which ends the process, after the line that says where it happened.
const REFUSED: usize = 1 << 30;

thread_local! {
    /// Bytes that this thread has asked for less those that it has given back, also of others' memory, and the most there were.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}
static IS_REFUSING: AtomicBool = AtomicBool::new(false);

/// The system's allocator, counted.
pub struct Counting;

fn added(bytes: usize) {
    let live = LIVE.get().wrapping_add_unsigned(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

fn removed(bytes: usize) {
    LIVE.set(LIVE.get().wrapping_sub_unsigned(bytes));
}

/// Whether so much may be asked for; what may not is said before the process ends.
fn is_allowed(bytes: usize) -> bool {
    let allowed = bytes < REFUSED;
    if !allowed && !IS_REFUSING.swap(true, Relaxed) {
        crate::report::last_words();
        IS_REFUSING.store(false, Relaxed);
    }
    allowed
}

// SAFETY: every call goes to the system's allocator with the same arguments, or gives the null pointer, which says that there is no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        added(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_allowed(layout.size()) {
            return std::ptr::null_mut();
        }
        added(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        removed(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_allowed(size) {
            return std::ptr::null_mut();
        }
        removed(layout.size());
        added(size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// The most bytes that an action had at a time, beyond what there was before it. Threads that it starts do not count.
pub fn peak_of<T>(action: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = action();
    (result, PEAK.get().saturating_sub(before).unsigned_abs())
}
