//! Lists of ranges of ranks, of libc's memory.

use core::ffi::{c_char, c_int};

use daos_status::{Code, Result, fail};

use super::memory;
use super::rank_lists::{d_rank_list_sort, ranges};
use crate::abi::{d_rank_list_t, d_rank_range_list_t, d_rank_range_t, d_rank_t};
use crate::guard::{guard, guard_value};

/// Ranges as a text.
pub fn text(ranges: &[(d_rank_t, d_rank_t)]) -> String {
    let word = |(first, last): &(d_rank_t, d_rank_t)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    format!("[{}]", ranges.iter().map(word).collect::<Vec<_>>().join(","))
}

/// A list with room for `size` ranges, all of them 0 to 0.
fn make(size: u32) -> Result<*mut d_rank_range_list_t> {
    // SAFETY: what is written is what was asked for, and checked.
    unsafe {
        let list = libc::calloc(1, size_of::<d_rank_range_list_t>()).cast::<d_rank_range_list_t>();
        let room = libc::calloc((size as usize).max(1), size_of::<d_rank_range_t>()).cast::<d_rank_range_t>();
        if list.is_null() || room.is_null() {
            libc::free(list.cast());
            libc::free(room.cast());
            fail!(Code::Nomem, "no memory for {size} ranges of ranks");
        }
        list.write(d_rank_range_list_t { rrl_ranges: room, rrl_nr: size });
        Ok(list)
    }
}

/// Makes a list of `size` ranges, all of them 0 to 0.
///
/// @return a list that d_rank_range_list_free() frees; NULL when there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_range_list_alloc(size: u32) -> *mut d_rank_range_list_t {
    // SAFETY: no pointer of the caller is involved.
    unsafe { guard_value("d_rank_range_list_alloc", core::ptr::null_mut(), |_| make(size)) }
}

/// Makes a list longer, with ranges 0 to 0 at its end, or shorter.
///
/// @return the list, or a new one when it is NULL; NULL when there is no memory, and the list is as it was, or when size is zero, and the
///         list was freed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_range_list_realloc(
    range_list: *mut d_rank_range_list_t,
    size: u32,
) -> *mut d_rank_range_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's; what is written is what was asked for.
    unsafe {
        guard_value("d_rank_range_list_realloc", core::ptr::null_mut(), |caller| {
            let Some(list) = caller.read_optional(range_list, "range_list")? else { return make(size) };
            if size == 0 {
                d_rank_range_list_free(range_list);
                return Ok(core::ptr::null_mut());
            }
            let bytes = size as usize * size_of::<d_rank_range_t>();
            let room = libc::realloc(list.rrl_ranges.cast(), bytes).cast::<d_rank_range_t>();
            if room.is_null() {
                fail!(Code::Nomem, "no memory for {size} ranges of ranks");
            }
            for index in list.rrl_nr..size {
                room.add(index as usize).write(d_rank_range_t { lo: 0, hi: 0 });
            }
            range_list.write(d_rank_range_list_t { rrl_ranges: room, rrl_nr: size });
            Ok(range_list)
        })
    }
}

/// The ranges of the ranks of a list; the list is in ascending order afterwards.
///
/// @return a list that d_rank_range_list_free() frees, an empty one for NULL; NULL when there is no memory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_range_list_create_from_ranks(
    rank_list: *mut d_rank_list_t,
) -> *mut d_rank_range_list_t {
    // SAFETY: the documentation makes the promises about pointers the caller's; what is written is what was asked for.
    unsafe {
        guard_value("d_rank_range_list_create_from_ranks", core::ptr::null_mut(), |caller| {
            d_rank_list_sort(rank_list);
            let ranks = match caller.read_optional(rank_list, "rank_list")? {
                Some(list) => caller.array(list.rl_ranks, u64::from(list.rl_nr), "the ranks of the list")?,
                None => Vec::new(),
            };
            let ranges = ranges(&ranks);
            let list = make(ranges.len() as u32)?;
            for (index, (lo, hi)) in ranges.into_iter().enumerate() {
                (*list).rrl_ranges.add(index).write(d_rank_range_t { lo, hi });
            }
            Ok(list)
        })
    }
}

/// A list of ranges as a text such as "[0-2,5]".
///
/// @ranks_str [out] memory to be given back with D_FREE()
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_range_list_str(list: *mut d_rank_range_list_t, ranks_str: *mut *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_range_list_str", |caller| {
            let place = caller.out(ranks_str, "ranks_str")?;
            let list = caller.read(list, "list")?;
            let ranges = caller.elements(list.rrl_ranges, u64::from(list.rrl_nr), "the ranges of the list")?;
            let ranges: Vec<_> = ranges.map(|range| (range.lo, range.hi)).collect();
            if let Some((lo, hi)) = ranges.iter().find(|(lo, hi)| lo > hi) {
                fail!(Code::Inval, "a range from {lo} to {hi} has no ranks");
            }
            let copy = memory::duplicate(text(&ranges).as_bytes());
            if copy.is_null() {
                fail!(Code::Nomem, "no memory for a list as a text");
            }
            place.set(copy);
            Ok(())
        })
    }
}

/// Frees a list of ranges; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_range_list_free(range_list: *mut d_rank_range_list_t) {
    if range_list.is_null() {
        return;
    }
    // SAFETY: the caller promises that the list came from this library and is not used afterwards.
    unsafe {
        libc::free((*range_list).rrl_ranges.cast());
        libc::free(range_list.cast());
    }
}
