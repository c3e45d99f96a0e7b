//! Property lists: making, filling and freeing them. Their memory is libc's.

use core::ffi::{c_char, c_int, c_void};

use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::guard::{guard, guard_value};
use crate::gurt::memory::duplicate;
use crate::pointer::{Caller, Out};

/// Makes a list of properties, all zero.
///
/// @entries_nr how many, up to DAOS_PROP_ENTRIES_MAX_NR; zero leaves dpp_entries NULL
///
/// @return a list that daos_prop_free frees; NULL when there is no memory or there are too many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_alloc(entries_nr: u32) -> *mut daos_prop_t {
    if entries_nr > DAOS_PROP_ENTRIES_MAX_NR as u32 {
        return core::ptr::null_mut();
    }
    // SAFETY: both pieces of memory are checked, and as long as what is written to them.
    unsafe {
        let list = libc::calloc(1, size_of::<daos_prop_t>()).cast::<daos_prop_t>();
        if list.is_null() || entries_nr == 0 {
            return list;
        }
        let entries = libc::calloc(entries_nr as usize, size_of::<daos_prop_entry>()).cast::<daos_prop_entry>();
        if entries.is_null() {
            libc::free(list.cast());
            return core::ptr::null_mut();
        }
        list.write(daos_prop_t { dpp_nr: entries_nr, dpp_reserv: 0, dpp_entries: entries });
        list
    }
}

/// Whether the value of a property is a string.
pub(crate) fn has_string(kind: u32) -> bool {
    matches!(
        kind,
        DAOS_PROP_PO_LABEL
            | DAOS_PROP_PO_OWNER
            | DAOS_PROP_PO_OWNER_GROUP
            | DAOS_PROP_CO_LABEL
            | DAOS_PROP_CO_OWNER
            | DAOS_PROP_CO_OWNER_GROUP
    )
}

/// Whether the value of a property is a pointer to one piece of memory.
fn has_pointer(kind: u32) -> bool {
    matches!(kind, DAOS_PROP_PO_ACL | DAOS_PROP_CO_ACL | DAOS_PROP_CO_ROOTS)
}

/// Whether the value of a property is in memory of its own.
pub(crate) fn has_memory(kind: u32) -> bool {
    has_string(kind) || has_pointer(kind) || kind == DAOS_PROP_PO_SVC_LIST
}

/// Frees what a list holds, and leaves it empty; the list itself stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_fini(prop: *mut daos_prop_t) {
    // SAFETY: the caller promises a list whose strings and pointers are libc's memory.
    unsafe {
        guard_value("daos_prop_fini", (), |caller| {
            if prop.is_null() {
                return Ok(());
            }
            for entry in crate::property::entries(caller, prop)? {
                if has_string(entry.dpe_type) || has_pointer(entry.dpe_type) {
                    libc::free(entry.anonymous.dpe_val_ptr);
                } else if entry.dpe_type == DAOS_PROP_PO_SVC_LIST {
                    crate::gurt::memory::d_rank_list_free(entry.anonymous.dpe_val_ptr.cast());
                }
            }
            libc::free((*prop).dpp_entries.cast());
            prop.write(daos_prop_t { dpp_nr: 0, dpp_reserv: 0, dpp_entries: core::ptr::null_mut() });
            Ok(())
        });
    }
}

/// Frees a list with all that it holds; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_free(prop: *mut daos_prop_t) {
    // SAFETY: the caller promises that the list came from this library or from malloc.
    unsafe {
        daos_prop_fini(prop);
        libc::free(prop.cast());
    }
}

/// The entry of a type.
pub(crate) fn find(caller: Caller, prop: *mut daos_prop_t, kind: u32) -> Result<Option<Out<daos_prop_entry>>> {
    let list = caller.read(prop.cast_const(), "prop")?;
    let entries = crate::property::entries(caller, prop)?;
    match entries.iter().position(|entry| entry.dpe_type == kind) {
        // SAFETY: the entry was just read from this place.
        Some(index) => caller.out(unsafe { list.dpp_entries.add(index) }, "entry").map(Some),
        None => Ok(None),
    }
}

/// The entry of a type in a list.
///
/// @return a pointer into the list; NULL when there is none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_get(prop: *mut daos_prop_t, r#type: u32) -> *mut daos_prop_entry {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_prop_entry_get", core::ptr::null_mut(), |caller| {
            Ok(find(caller, prop, r#type)?.map_or(core::ptr::null_mut(), |entry| entry.as_ptr()))
        })
    }
}

/// Sets the string of an entry; the former one is freed.
///
/// @str the string, copied
/// @len its length without the zero
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_set_str(
    entry: *mut daos_prop_entry,
    str: *const c_char,
    len: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_prop_entry_set_str", |caller| set_string(caller, caller.out(entry, "entry")?, str, len)) }
}

fn set_string(caller: Caller, entry: Out<daos_prop_entry>, text: *const c_char, length: u64) -> Result<()> {
    let mut changed = entry.get();
    if !has_string(changed.dpe_type) {
        fail!(Code::Inval, "property {} is not a string", changed.dpe_type);
    }
    let copy = if text.is_null() {
        core::ptr::null_mut()
    } else {
        let longest = match changed.dpe_type {
            DAOS_PROP_PO_LABEL | DAOS_PROP_CO_LABEL => DAOS_PROP_LABEL_MAX_LEN,
            _ => DAOS_ACL_MAX_PRINCIPAL_LEN,
        };
        if length > longest as u64 {
            fail!(Code::Inval, "property {} has at most {longest} bytes, not {length}", changed.dpe_type);
        }
        let copy = duplicate(&caller.bytes(text.cast(), length as usize, "str")?);
        if copy.is_null() {
            fail!(Code::Nomem, "no memory for a property");
        }
        copy
    };
    // SAFETY: the value of this type is a string of libc's memory, by the caller's promise.
    unsafe { libc::free(changed.anonymous.dpe_val_ptr) };
    changed.anonymous = AnonymousPropertyValue { dpe_str: copy };
    entry.set(changed);
    Ok(())
}

/// Sets the string of the property of a type in a list; the former one is freed.
///
/// @str the string, copied
/// @len its length without the zero
///
/// @return zero, -DER_INVAL, -DER_NONEXIST when the list has no such entry, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_set_str(
    prop: *mut daos_prop_t,
    r#type: u32,
    str: *const c_char,
    len: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_set_str", |caller| match find(caller, prop, r#type)? {
            Some(entry) => set_string(caller, entry, str, len),
            None => fail!(Code::Nonexist, "the list has no property {}", r#type),
        })
    }
}

/// Sets what an entry points to, for properties that are pointers; the former memory is freed.
///
/// @ptr what is copied
/// @size its size in bytes
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_set_ptr(
    entry: *mut daos_prop_entry,
    ptr: *const c_void,
    size: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_set_ptr", |caller| {
            let entry = caller.out(entry, "entry")?;
            let mut changed = entry.get();
            if !has_pointer(changed.dpe_type) || size > u64::from(u32::MAX) {
                fail!(Code::Inval, "property {} is not a pointer, or {size} bytes are too many", changed.dpe_type);
            }
            let copy = if ptr.is_null() {
                core::ptr::null_mut()
            } else {
                duplicate(&caller.bytes(ptr, size as usize, "ptr")?)
            };
            libc::free(changed.anonymous.dpe_val_ptr);
            changed.anonymous = AnonymousPropertyValue { dpe_val_ptr: copy.cast() };
            entry.set(changed);
            Ok(())
        })
    }
}

/// Whether the value of an entry is a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_has_str(entry: *mut daos_prop_entry) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_prop_has_str", false, |caller| {
            Ok(has_string(caller.read(entry.cast_const(), "entry")?.dpe_type))
        })
    }
}

/// Whether the value of an entry is a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_has_ptr(entry: *mut daos_prop_entry) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_prop_has_ptr", false, |caller| {
            let kind = caller.read(entry.cast_const(), "entry")?.dpe_type;
            Ok(has_pointer(kind) || kind == DAOS_PROP_PO_SVC_LIST)
        })
    }
}
