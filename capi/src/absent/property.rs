//! Rarely used properties.

use core::ffi::{c_char, c_int, c_void};

use super::not_there;
use crate::abi::*;

/// Whether the value of an entry is a string of bytes.
///
/// @return false: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_has_byteval(_entry: *mut daos_prop_entry) -> bool {
    not_there("daos_prop_has_byteval");
    false
}

/// Compares the access control lists of two entries.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_cmp_acl(
    _entry1: *mut daos_prop_entry,
    _entry2: *mut daos_prop_entry,
) -> c_int {
    not_there("daos_prop_entry_cmp_acl")
}

/// Copies the bytes of an entry.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_dup_byteval(
    _entry_dst: *mut daos_prop_entry,
    _entry_src: *mut daos_prop_entry,
) -> c_int {
    not_there("daos_prop_entry_dup_byteval")
}

/// Sets the bytes of an entry.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_set_byteval(
    _entry: *mut daos_prop_entry,
    _data: *const c_void,
    _len: usize,
) -> c_int {
    not_there("daos_prop_entry_set_byteval")
}

/// Sets the bytes of the property of a type in a list.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_set_byteval(
    _prop: *mut daos_prop_t,
    _type: u32,
    _data: *const c_void,
    _len: usize,
) -> c_int {
    not_there("daos_prop_set_byteval")
}

/// Copies the roots of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_entry_dup_co_roots(_dst: *mut daos_prop_entry, _src: *mut daos_prop_entry) -> c_int {
    not_there("daos_prop_entry_dup_co_roots")
}

/// Makes a list of properties from a text of names and values.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_prop_from_str(
    _str: *const c_char,
    _len: daos_size_t,
    _prop: *mut *mut daos_prop_t,
) -> c_int {
    not_there("daos_prop_from_str")
}
