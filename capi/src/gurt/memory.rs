//! Memory of libc: what crosses the boundary is allocated and freed with it.

use core::ffi::{c_char, c_void};

use daos_status::{Code, Result, fail};

use crate::abi::{d_rank_list_t, d_rank_t};

/// A copy of bytes with a zero behind them; NULL when there is no memory.
pub fn duplicate(bytes: &[u8]) -> *mut c_char {
    // SAFETY: the memory is as long as what is written to it, and checked.
    unsafe {
        let copy = libc::malloc(bytes.len() + 1).cast::<u8>();
        if !copy.is_null() {
            core::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
            copy.add(bytes.len()).write(0);
        }
        copy.cast()
    }
}

/// A list of ranks that `d_rank_list_free` frees.
pub fn rank_list(ranks: &[d_rank_t]) -> Result<*mut d_rank_list_t> {
    // SAFETY: both pieces of memory are as long as what is written to them, and checked.
    unsafe {
        let list = libc::calloc(1, size_of::<d_rank_list_t>()).cast::<d_rank_list_t>();
        let copy = libc::calloc(ranks.len().max(1), size_of::<d_rank_t>()).cast::<d_rank_t>();
        if list.is_null() || copy.is_null() {
            libc::free(list.cast());
            libc::free(copy.cast());
            fail!(Code::Nomem, "no memory for a list of {} ranks", ranks.len());
        }
        core::ptr::copy_nonoverlapping(ranks.as_ptr(), copy, ranks.len());
        list.write(d_rank_list_t { rl_ranks: copy, rl_nr: ranks.len() as u32 });
        Ok(list)
    }
}

/// Memory of `size` bytes, as malloc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_malloc(size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { libc::malloc(size) }
}

/// Zeroed memory for `nmemb` elements of `size` bytes, as calloc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_calloc(nmemb: usize, size: usize) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { libc::calloc(nmemb, size) }
}

/// Changes the size of memory, as realloc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_realloc(ptr: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller promises that the pointer is NULL or of libc's memory.
    unsafe { libc::realloc(ptr, size) }
}

/// Frees memory, as free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_free(ptr: *mut c_void) {
    // SAFETY: the caller promises that the pointer is NULL or of libc's memory.
    unsafe { libc::free(ptr) }
}

/// Memory at an address that is a multiple of `alignment`, a power of two; zeroed when `zero` is set.
///
/// @return NULL when there is none or the alignment is not a power of two
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_aligned_alloc(alignment: usize, size: usize, zero: bool) -> *mut c_void {
    let mut memory = core::ptr::null_mut();
    // SAFETY: the place for the pointer is ours; what is zeroed is what was allocated.
    unsafe {
        if libc::posix_memalign(&raw mut memory, alignment.max(size_of::<usize>()), size) != 0 {
            return core::ptr::null_mut();
        }
        if zero {
            core::ptr::write_bytes(memory.cast::<u8>(), 0, size);
        }
    }
    memory
}

/// A copy of at most `n` bytes of a string, as strndup.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_strndup(s: *const c_char, n: usize) -> *mut c_char {
    if s.is_null() {
        return core::ptr::null_mut();
    }
    // SAFETY: the caller promises a zero-terminated string or `n` bytes.
    unsafe { libc::strndup(s, n) }
}

/// The path without links, dots and double slashes, as realpath.
///
/// @resolved_path [out] room for PATH_MAX bytes; NULL: in memory to be given back with d_free
///
/// @return NULL and errno when there is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_realpath(path: *const c_char, resolved_path: *mut c_char) -> *mut c_char {
    // SAFETY: the caller promises a text and the room; NULL as the path is an error of libc's.
    unsafe { libc::realpath(path, resolved_path) }
}

/// Frees a list of ranks that a query gave; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_free(rank_list: *mut d_rank_list_t) {
    if rank_list.is_null() {
        return;
    }
    // SAFETY: the caller promises that the list came from this library and is not used afterwards.
    unsafe {
        libc::free((*rank_list).rl_ranks.cast());
        libc::free(rank_list.cast());
    }
}
