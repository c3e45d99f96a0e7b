//! Property lists: bytes, roots of containers, comparing access control lists. In this version of the API no property has bytes
//! (`struct daos_prop_byteval`) as its value.

use core::ffi::{c_int, c_void};

use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::guard::{guard, guard_value};
use crate::gurt::memory;
use crate::pointer::{Caller, Out};
use crate::prop;
use crate::security_list::list_at;

/// Whether the value of an entry is a string of bytes.
///
/// @return false: no property of this version has such a value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_has_byteval(entry: *mut daos_prop_entry) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_value("daos_prop_has_byteval", false, |caller| caller.out(entry, "entry").map(|_| false)) }
}

fn refuse_bytes(kind: u32) -> Result<()> {
    fail!(Code::Inval, "property {kind} is no string of bytes: no property of this version is")
}

/// Sets the bytes of an entry.
///
/// @return -DER_INVAL: no property of this version has such a value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_set_byteval(
    entry: *mut daos_prop_entry,
    _data: *const c_void,
    _len: usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_set_byteval", |caller| refuse_bytes(caller.read(entry.cast_const(), "entry")?.dpe_type))
    }
}

/// Sets the bytes of the property of a type in a list.
///
/// @return -DER_INVAL: no property of this version has such a value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_set_byteval(
    prop: *mut daos_prop_t,
    r#type: u32,
    _data: *const c_void,
    _len: usize,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_set_byteval", |caller| {
            prop::find(caller, prop, r#type)?;
            refuse_bytes(r#type)
        })
    }
}

/// Copies the bytes of an entry.
///
/// @return -DER_INVAL: no property of this version has such a value
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_dup_byteval(
    entry_dst: *mut daos_prop_entry,
    entry_src: *mut daos_prop_entry,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_dup_byteval", |caller| {
            caller.out(entry_dst, "entry_dst")?;
            refuse_bytes(caller.read(entry_src.cast_const(), "entry_src")?.dpe_type)
        })
    }
}

/// Gives an entry a copy of memory in the place of a value that is not looked at.
fn put_copy(place: Out<daos_prop_entry>, bytes: &[u8]) -> Result<()> {
    let copy = memory::duplicate(bytes);
    if copy.is_null() {
        fail!(Code::Nomem, "no memory for {} bytes of a property", bytes.len());
    }
    let mut changed = place.get();
    changed.anonymous = AnonymousPropertyValue { dpe_val_ptr: copy.cast() };
    place.set(changed);
    Ok(())
}

/// Copies the roots of a container to an entry, whose former value is not looked at.
///
/// @dst [out] gets a copy that daos_prop_free frees
/// @src an entry of type DAOS_PROP_CO_ROOTS
///
/// @return zero, -DER_INVAL, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_dup_co_roots(dst: *mut daos_prop_entry, src: *mut daos_prop_entry) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_dup_co_roots", |caller| {
            let source = caller.read(src.cast_const(), "src")?;
            let place = caller.out(dst, "dst")?;
            let pointer = source.anonymous.dpe_val_ptr.cast_const();
            put_copy(place, &caller.bytes(pointer, size_of::<daos_prop_co_roots>(), "dpe_val_ptr")?)
        })
    }
}

fn list_of(caller: Caller, entry: *const daos_prop_entry, name: &str) -> Result<Vec<u8>> {
    let entry = caller.read(entry, name)?;
    if !matches!(entry.dpe_type, DAOS_PROP_PO_ACL | DAOS_PROP_CO_ACL) {
        fail!(Code::Inval, "property {} is no access control list", entry.dpe_type);
    }
    // SAFETY: all members of the union are of one size; which one is meant follows from the type.
    let pointer = unsafe { entry.anonymous.dpe_val_ptr };
    Ok(list_at(caller, pointer.cast())?.to_bytes())
}

/// Compares the access control lists of two entries.
///
/// @return zero when they are the same, -DER_MISMATCH when not, -DER_INVAL when one is no valid list
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_cmp_acl(entry1: *mut daos_prop_entry, entry2: *mut daos_prop_entry) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_prop_entry_cmp_acl", |caller| {
            let one = list_of(caller, entry1.cast_const(), "entry1")?;
            if one != list_of(caller, entry2.cast_const(), "entry2")? {
                fail!(Code::Mismatch, "the access control lists are not the same");
            }
            Ok(())
        })
    }
}
