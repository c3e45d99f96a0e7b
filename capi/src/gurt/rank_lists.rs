//! Lists of ranks in the caller's structures, of libc's memory.

use core::ffi::{c_char, c_int};

use daos_status::{Code, Result, fail};

use super::memory;
use crate::abi::{d_rank_list_t, d_rank_t, d_string_t};
use crate::guard::{guard, guard_value};
use crate::pointer::{ARRAY_ARGUMENT_LENGTH_MAX, Caller};

/// The ranks of a list, as a copy; none for NULL.
fn ranks(caller: Caller, list: *const d_rank_list_t) -> Result<Vec<d_rank_t>> {
    let Some(list) = caller.read_optional(list, "the list")? else { return Ok(Vec::new()) };
    caller.array(list.rl_ranks, u64::from(list.rl_nr), "the ranks of the list")
}

/// Refuses more ranks than the functions here take.
fn check_count(count: usize) -> Result<()> {
    if count as u64 > ARRAY_ARGUMENT_LENGTH_MAX {
        fail!(Code::Inval, "{count} ranks; at most {ARRAY_ARGUMENT_LENGTH_MAX} are taken");
    }
    Ok(())
}

/// Puts ranks into a list in the place of those that it has.
fn store(caller: Caller, list: *mut d_rank_list_t, ranks: &[d_rank_t]) -> Result<()> {
    check_count(ranks.len())?;
    let place = caller.out(list, "the list")?;
    let old = place.get().rl_ranks;
    if ranks.is_empty() {
        // SAFETY: the caller promises that the ranks of a list are NULL or of libc's memory.
        unsafe { libc::free(old.cast()) };
        place.set(d_rank_list_t { rl_ranks: core::ptr::null_mut(), rl_nr: 0 });
        return Ok(());
    }
    // SAFETY: as above; what is written is as long as what was asked for, and checked.
    unsafe {
        let new = libc::realloc(old.cast(), size_of_val(ranks)).cast::<d_rank_t>();
        if new.is_null() {
            fail!(Code::Nomem, "no memory for {} ranks", ranks.len());
        }
        core::ptr::copy_nonoverlapping(ranks.as_ptr(), new, ranks.len());
        place.set(d_rank_list_t { rl_ranks: new, rl_nr: ranks.len() as u32 });
    }
    Ok(())
}

/// Changes the ranks of a list in their places: as many as there are.
fn overwrite(caller: Caller, list: *mut d_rank_list_t, ranks: &[d_rank_t]) -> Result<()> {
    let found = caller.read(list, "the list")?;
    let places = caller.out_array(found.rl_ranks, u64::from(found.rl_nr), "the ranks of the list")?;
    ranks.iter().enumerate().for_each(|(index, rank)| places.set(index, *rank));
    Ok(())
}

/// Where a rank is in a list.
fn position(caller: Caller, list: *const d_rank_list_t, rank: d_rank_t) -> Result<Option<usize>> {
    Ok(ranks(caller, list)?.iter().position(|found| *found == rank))
}

/// Makes a list of the ranks 0 to `size` - 1.
///
/// @return a list that d_rank_list_free() frees; NULL when there is no memory, and for more than 2^20 ranks
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_alloc(size: u32) -> *mut d_rank_list_t {
    // SAFETY: no pointer of the caller is involved.
    unsafe {
        guard_value("d_rank_list_alloc", core::ptr::null_mut(), |_| {
            check_count(size as usize)?;
            memory::rank_list(&(0..size).collect::<Vec<_>>())
        })
    }
}

/// Makes a copy of a list.
///
/// @dst [out] a list that d_rank_list_free() frees; NULL when src is
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_dup(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_dup", |caller| {
            let place = caller.out(dst, "dst")?;
            place.set(if src.is_null() { core::ptr::null_mut() } else { memory::rank_list(&ranks(caller, src)?)? });
            Ok(())
        })
    }
}

/// Makes a copy of a list in ascending order, with each rank once.
///
/// @dst [out] a list that d_rank_list_free() frees; NULL when src is
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_dup_sort_uniq(dst: *mut *mut d_rank_list_t, src: *const d_rank_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_dup_sort_uniq", |caller| {
            let place = caller.out(dst, "dst")?;
            let mut ranks = ranks(caller, src)?;
            ranks.sort_unstable();
            ranks.dedup();
            place.set(if src.is_null() { core::ptr::null_mut() } else { memory::rank_list(&ranks)? });
            Ok(())
        })
    }
}

/// Takes ranks out of a list: those that are in another (`exclude`), or those that are not.
///
/// @src_set the other list
/// @dst_set [in,out] the list; its memory stays as large as it is
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_filter(src_set: *mut d_rank_list_t, dst_set: *mut d_rank_list_t, exclude: bool) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_filter", |caller| {
            if src_set.is_null() || dst_set.is_null() {
                return Ok(());
            }
            let place = caller.out(dst_set, "dst_set")?;
            let others = ranks(caller, src_set)?;
            let mut kept = ranks(caller, dst_set)?;
            kept.retain(|rank| others.contains(rank) != exclude);
            overwrite(caller, dst_set, &kept)?;
            place.set(d_rank_list_t { rl_nr: kept.len() as u32, ..place.get() });
            Ok(())
        });
    }
}

/// Puts the ranks of another list, as far as they are not there, at the end of a list.
///
/// @src_set [in,out] the list
/// @merge_set the other list; NULL is an empty one
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_merge(src_set: *mut d_rank_list_t, merge_set: *mut d_rank_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_merge", |caller| {
            caller.out(src_set, "src_set")?;
            let mut all = ranks(caller, src_set)?;
            let new: Vec<_> = ranks(caller, merge_set)?.into_iter().filter(|rank| !all.contains(rank)).collect();
            if new.is_empty() {
                return Ok(());
            }
            all.extend(new);
            store(caller, src_set, &all)
        })
    }
}

/// Makes a list longer, with ranks 0 at its end, or shorter.
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_resize(ptr: *mut d_rank_list_t, size: u32) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_resize", |caller| {
            check_count(size as usize)?;
            let mut all = ranks(caller, ptr)?;
            all.resize(size as usize, 0);
            store(caller, ptr, &all)
        })
    }
}

/// Copies the ranks of a list into another in the place of those that it has.
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_copy(dst: *mut d_rank_list_t, src: *mut d_rank_list_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_copy", |caller| {
            caller.out(src, "src")?;
            store(caller, dst, &ranks(caller, src)?)
        })
    }
}

/// Puts a list into a random order; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_shuffle(rank_list: *mut d_rank_list_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_shuffle", |caller| {
            if rank_list.is_null() {
                return Ok(());
            }
            let mut all = ranks(caller, rank_list)?;
            for last in (1..all.len()).rev() {
                all.swap(last, super::random::d_rand() as usize % (last + 1));
            }
            overwrite(caller, rank_list, &all)
        });
    }
}

/// Puts a list into ascending order; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_sort(rank_list: *mut d_rank_list_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_sort", |caller| {
            if rank_list.is_null() {
                return Ok(());
            }
            let mut all = ranks(caller, rank_list)?;
            all.sort_unstable();
            overwrite(caller, rank_list, &all)
        });
    }
}

/// Whether a rank is in a list that is in ascending order.
///
/// @idx [out] where, when it is there; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_bsearch(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_rank_list_bsearch", false, |caller| {
            let found = ranks(caller, rank_list)?.binary_search(&rank).ok();
            if let (Some(index), Some(place)) = (found, caller.out_optional(idx, "idx")?) {
                place.set(index as c_int);
            }
            Ok(found.is_some())
        })
    }
}

/// Whether a rank is in a list; it is not in NULL.
///
/// @idx [out] where it is first, when it is there; may be NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_find(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut c_int) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_rank_list_find", false, |caller| {
            let found = position(caller, rank_list, rank)?;
            if let (Some(index), Some(place)) = (found, caller.out_optional(idx, "idx")?) {
                place.set(index as c_int);
            }
            Ok(found.is_some())
        })
    }
}

/// Whether a rank is in a list; it is not in NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> bool {
    // SAFETY: the caller's promise is the same.
    unsafe { d_rank_list_find(rank_list, rank, core::ptr::null_mut()) }
}

/// Where a rank is in a list.
///
/// @idx [out] where it is first
///
/// @return zero, -DER_NONEXIST, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_idx_in_rank_list(rank_list: *mut d_rank_list_t, rank: d_rank_t, idx: *mut u32) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_idx_in_rank_list", |caller| {
            caller.out(rank_list, "rank_list")?;
            let place = caller.out(idx, "idx")?;
            let Some(index) = position(caller, rank_list, rank)? else {
                fail!(Code::Nonexist, "rank {rank} is not in the list");
            };
            place.set(index as u32);
            Ok(())
        })
    }
}

/// Takes the rank at a place out of a list, if there is one; the memory stays as large as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_del_at(list: *mut d_rank_list_t, idx: c_int) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_del_at", |caller| {
            let place = caller.out(list, "list")?;
            let mut all = ranks(caller, list)?;
            match usize::try_from(idx) {
                Ok(index) if index < all.len() => all.remove(index),
                _ => fail!(Code::Inval, "place {idx} is not in a list of {} ranks", all.len()),
            };
            overwrite(caller, list, &all)?;
            place.set(d_rank_list_t { rl_nr: all.len() as u32, ..place.get() });
            Ok(())
        });
    }
}

/// Takes a rank out of a list, where it is first; one that is not there is fine.
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_del(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_del", |caller| {
            caller.out(rank_list, "rank_list")?;
            let Some(index) = position(caller, rank_list, rank)? else { return Ok(()) };
            let mut all = ranks(caller, rank_list)?;
            all.remove(index);
            store(caller, rank_list, &all)
        })
    }
}

/// Puts a rank at the end of a list.
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_append(rank_list: *mut d_rank_list_t, rank: d_rank_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_append", |caller| {
            let mut all = ranks(caller, rank_list)?;
            all.push(rank);
            store(caller, rank_list, &all)
        })
    }
}

/// Whether two lists have the same ranks; the lists are in ascending order afterwards. NULL is the same as NULL alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_identical(rank_list1: *mut d_rank_list_t, rank_list2: *mut d_rank_list_t) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("d_rank_list_identical", false, |caller| {
            if rank_list1.is_null() || rank_list2.is_null() {
                return Ok(rank_list1 == rank_list2);
            }
            d_rank_list_sort(rank_list1);
            d_rank_list_sort(rank_list2);
            Ok(ranks(caller, rank_list1)? == ranks(caller, rank_list2)?)
        })
    }
}

/// Writes a list to the log, where nobody sees it.
///
/// @name what comes before it
/// @name_len the most characters that it may have
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_dump(rank_list: *mut d_rank_list_t, name: d_string_t, name_len: c_int) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_dump", |caller| {
            let name = caller.text(name, "name")?;
            if name.len() > usize::try_from(name_len).unwrap_or(0) {
                fail!(Code::Inval, "'{name}' has more than {name_len} characters");
            }
            caller.out(rank_list, "rank_list")?;
            daos_env::log!(Debug, "libgurt", "{name}: {:?}", ranks(caller, rank_list)?);
            Ok(())
        })
    }
}

/// A list as a text such as "[0-2,5]", in ascending order; the list is too afterwards.
///
/// @rank_str [out] memory to be given back with D_FREE(); NULL when the list is
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_rank_list_to_str(rank_list: *mut d_rank_list_t, rank_str: *mut *mut c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("d_rank_list_to_str", |caller| {
            let place = caller.out(rank_str, "rank_str")?;
            if rank_list.is_null() {
                place.set(core::ptr::null_mut());
                return Ok(());
            }
            d_rank_list_sort(rank_list);
            let copy = memory::duplicate(super::rank_ranges::text(&ranges(&ranks(caller, rank_list)?)).as_bytes());
            if copy.is_null() {
                fail!(Code::Nomem, "no memory for a list as a text");
            }
            place.set(copy);
            Ok(())
        })
    }
}

/// The ranges of ranks in ascending order, first and last of each.
pub fn ranges(ranks: &[d_rank_t]) -> Vec<(d_rank_t, d_rank_t)> {
    let mut found: Vec<(d_rank_t, d_rank_t)> = Vec::new();
    for rank in ranks {
        match found.last_mut() {
            Some((_, last)) if *rank == *last || last.checked_add(1) == Some(*rank) => *last = *rank,
            _ => found.push((*rank, *rank)),
        }
    }
    found
}
