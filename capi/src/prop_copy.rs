//! Property lists: copies and merges. Their memory is libc's.

use core::ffi::{c_int, c_void};

use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::guard::{guard, guard_value};
use crate::gurt::memory;
use crate::pointer::Caller;
use crate::prop::{self, daos_prop_alloc, daos_prop_entry_set_ptr, daos_prop_free};

/// A list that is freed unless it is given out.
struct Made(*mut daos_prop_t);

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: the list was made here and nobody else has it.
        unsafe { daos_prop_free(self.0) }
    }
}

/// The beginning of a `daos_acl`, which cannot be copied itself as its length varies.
#[repr(C)]
#[derive(Clone, Copy)]
struct AclHead {
    version: u16,
    reserved: u16,
    length: u32,
}

const _: () = assert!(size_of::<AclHead>() == size_of::<daos_acl>());

/// A copy of an entry, its memory included.
fn copy(caller: Caller, entry: &daos_prop_entry) -> Result<daos_prop_entry> {
    let mut copy = *entry;
    // SAFETY: all members of the union are of one size; which one is meant follows from the type.
    let pointer = unsafe { entry.anonymous.dpe_val_ptr };
    if pointer.is_null() || !prop::has_memory(entry.dpe_type) {
        return Ok(copy);
    }
    let memory: *mut c_void = if prop::has_string(entry.dpe_type) {
        memory::duplicate(caller.text(pointer.cast(), "dpe_str")?.as_bytes()).cast()
    } else if entry.dpe_type == DAOS_PROP_PO_SVC_LIST {
        let list = caller.read(pointer.cast::<d_rank_list_t>().cast_const(), "dpe_val_ptr")?;
        let ranks = caller.array(list.rl_ranks.cast_const(), u64::from(list.rl_nr), "rl_ranks")?;
        memory::rank_list(&ranks)?.cast()
    } else {
        let size = match entry.dpe_type {
            DAOS_PROP_CO_ROOTS => size_of::<daos_prop_co_roots>(),
            // The entries of an access list follow its head, `dal_len` bytes of them.
            _ => {
                size_of::<daos_acl>()
                    + caller.read(pointer.cast::<AclHead>().cast_const(), "dpe_val_ptr")?.length as usize
            }
        };
        memory::duplicate(&caller.bytes(pointer, size, "dpe_val_ptr")?).cast()
    };
    if memory.is_null() {
        fail!(Code::Nomem, "no memory for a copy of property {}", entry.dpe_type);
    }
    copy.anonymous = AnonymousPropertyValue { dpe_val_ptr: memory };
    Ok(copy)
}

/// The entries of both lists; where both have a type, the new one at the place of the old: programs go by the places, as mpiFileUtils does.
fn merged(caller: Caller, old: *const daos_prop_t, new: *const daos_prop_t) -> Result<*mut daos_prop_t> {
    let entries = |list: *const daos_prop_t| {
        if list.is_null() { Ok(Vec::new()) } else { crate::property::entries(caller, list) }
    };
    let (old, new) = (entries(old)?, entries(new)?);
    let mut all: Vec<_> = old.iter().collect();
    for entry in &new {
        match all.iter_mut().find(|kept| kept.dpe_type == entry.dpe_type) {
            Some(kept) => *kept = entry,
            None => all.push(entry),
        }
    }
    if all.len() > DAOS_PROP_ENTRIES_MAX_NR as usize {
        fail!(Code::Inval, "both lists together have {} properties", all.len());
    }
    // SAFETY: any count may be asked for.
    let list = Made(unsafe { daos_prop_alloc(all.len() as u32) });
    if list.0.is_null() {
        fail!(Code::Nomem, "no memory for {} properties", all.len());
    }
    for (index, entry) in all.into_iter().enumerate() {
        let copy = copy(caller, entry)?;
        // SAFETY: the list was made with so many entries.
        unsafe { (*list.0).dpp_entries.add(index).write(copy) };
    }
    let result = list.0;
    core::mem::forget(list);
    Ok(result)
}

/// Makes a list of the entries of two; where both have an entry of a type, that of the new list at the place of the old. Other new ones follow.
///
/// @old_prop a list, or NULL
/// @new_prop a list, or NULL
///
/// @return a list that daos_prop_free frees; NULL on errors
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_merge(old_prop: *mut daos_prop_t, new_prop: *mut daos_prop_t) -> *mut daos_prop_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_value("daos_prop_merge", core::ptr::null_mut(), |caller| merged(caller, old_prop, new_prop)) }
}

/// As daos_prop_merge, with an error number.
///
/// @out_prop [out] a list that daos_prop_free frees
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_merge2(
    old_prop: *mut daos_prop_t,
    new_prop: *mut daos_prop_t,
    out_prop: *mut *mut daos_prop_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_merge2", |caller| {
            let place = caller.out(out_prop, "out_prop")?;
            place.set(merged(caller, old_prop, new_prop)?);
            Ok(())
        })
    }
}

/// Sets what the entry of a type in a list points to, for properties that are pointers; the former memory is freed.
///
/// @ptr what is copied
/// @size its size in bytes
///
/// @return zero, -DER_INVAL, -DER_NONEXIST when the list has no such entry, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_set_ptr(
    prop: *mut daos_prop_t,
    r#type: u32,
    ptr: *const c_void,
    size: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        let mut entry = core::ptr::null_mut();
        let found = guard("daos_prop_set_ptr", |caller| {
            entry = match prop::find(caller, prop, r#type)? {
                Some(place) => place.as_ptr(),
                None => fail!(Code::Nonexist, "the list has no property {}", r#type),
            };
            Ok(())
        });
        if found != 0 { found } else { daos_prop_entry_set_ptr(entry, ptr, size) }
    }
}

/// Sets what an entry points to, to a copy of what another one points to.
///
/// @len how many bytes are copied
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_dup_ptr(
    entry_dst: *mut daos_prop_entry,
    entry_src: *mut daos_prop_entry,
    len: usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_dup_ptr", |caller| {
            let source = caller.read(entry_src.cast_const(), "entry_src")?;
            let place = caller.out(entry_dst, "entry_dst")?;
            let copy =
                memory::duplicate(&caller.bytes(source.anonymous.dpe_val_ptr.cast_const(), len, "dpe_val_ptr")?);
            if copy.is_null() {
                fail!(Code::Nomem, "no memory for {len} bytes of a property");
            }
            let mut changed = place.get();
            changed.anonymous = AnonymousPropertyValue { dpe_val_ptr: copy.cast() };
            place.set(changed);
            Ok(())
        })
    }
}
