//! Access control lists as values.

use core::ffi::{c_char, c_int};

use libc::{FILE, gid_t, uid_t};

use super::not_there;
use crate::abi::*;

/// Makes an entry of an access control list.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_create(
    _type: daos_acl_principal_type,
    _principal_name: *const c_char,
) -> *mut daos_ace {
    not_there("daos_ace_create");
    core::ptr::null_mut()
}

/// Frees an entry; NULL is fine.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_free(_ace: *mut daos_ace) {
    not_there("daos_ace_free");
}

/// The size of an entry in bytes.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_get_size(_ace: *mut daos_ace) -> isize {
    not_there("daos_ace_get_size") as isize
}

/// Whether an entry is well formed.
///
/// @return false: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_is_valid(_ace: *mut daos_ace) -> bool {
    not_there("daos_ace_is_valid");
    false
}

/// The name of whom an entry is about.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_get_principal_str(_ace: *mut daos_ace) -> *const c_char {
    not_there("daos_ace_get_principal_str");
    core::ptr::null()
}

/// Makes an entry from its text.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_from_str(_str: *const c_char, _ace: *mut *mut daos_ace) -> c_int {
    not_there("daos_ace_from_str")
}

/// Writes an entry as text.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_to_str(_ace: *mut daos_ace, _buf: *mut c_char, _buf_len: usize) -> c_int {
    not_there("daos_ace_to_str")
}

/// Writes the text of an entry in words.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_str_get_verbose(
    _ace_str: *const c_char,
    _buf: *mut c_char,
    _buf_len: usize,
) -> c_int {
    not_there("daos_ace_str_get_verbose")
}

/// Prints an entry.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_ace_dump(_ace: *mut daos_ace, _tabs: u32) {
    not_there("daos_ace_dump");
}

/// Makes an access control list of entries.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_create(_aces: *mut *mut daos_ace, _num_aces: u16) -> *mut daos_acl {
    not_there("daos_acl_create");
    core::ptr::null_mut()
}

/// Copies an access control list.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_dup(_acl: *mut daos_acl) -> *mut daos_acl {
    not_there("daos_acl_dup");
    core::ptr::null_mut()
}

/// Frees an access control list; NULL is fine.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_free(_acl: *mut daos_acl) {
    not_there("daos_acl_free");
}

/// The size of an access control list in bytes.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_size(_acl: *mut daos_acl) -> isize {
    not_there("daos_acl_get_size") as isize
}

/// Tells whether an access control list is well formed.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_validate(_acl: *mut daos_acl) -> c_int {
    not_there("daos_acl_validate")
}

/// Goes over the entries of an access control list.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_next_ace(_acl: *mut daos_acl, _current_ace: *mut daos_ace) -> *mut daos_ace {
    not_there("daos_acl_get_next_ace");
    core::ptr::null_mut()
}

/// The entry about somebody.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_get_ace_for_principal(
    _acl: *mut daos_acl,
    _type: daos_acl_principal_type,
    _principal: *const c_char,
    _ace: *mut *mut daos_ace,
) -> c_int {
    not_there("daos_acl_get_ace_for_principal")
}

/// Adds an entry to an access control list, or changes it.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_add_ace(_acl: *mut *mut daos_acl, _new_ace: *mut daos_ace) -> c_int {
    not_there("daos_acl_add_ace")
}

/// Removes an entry of an access control list.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_remove_ace(
    _acl: *mut *mut daos_acl,
    _type: daos_acl_principal_type,
    _principal_name: *const c_char,
) -> c_int {
    not_there("daos_acl_remove_ace")
}

/// Makes an access control list from texts of entries.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_from_strs(
    _ace_strs: *mut *const c_char,
    _ace_nr: usize,
    _acl: *mut *mut daos_acl,
) -> c_int {
    not_there("daos_acl_from_strs")
}

/// Writes an access control list as texts of entries.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_to_strs(
    _acl: *mut daos_acl,
    _ace_strs: *mut *mut *mut c_char,
    _ace_nr: *mut usize,
) -> c_int {
    not_there("daos_acl_to_strs")
}

/// Writes an access control list to a stream.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_to_stream(_stream: *mut FILE, _acl: *mut daos_acl, _verbose: bool) -> c_int {
    not_there("daos_acl_to_stream")
}

/// Prints an access control list.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_dump(_acl: *mut daos_acl) {
    not_there("daos_acl_dump");
}

/// Takes the text of a principal apart.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_from_str(
    _principal_str: *const c_char,
    _type: *mut daos_acl_principal_type,
    _name: *mut *mut c_char,
) -> c_int {
    not_there("daos_acl_principal_from_str")
}

/// Whether a text can name a user or group.
///
/// @return false: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_is_valid(_name: *const c_char) -> bool {
    not_there("daos_acl_principal_is_valid");
    false
}

/// The number of a user.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_to_uid(_principal: *const c_char, _uid: *mut uid_t) -> c_int {
    not_there("daos_acl_principal_to_uid")
}

/// The number of a group.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_principal_to_gid(_principal: *const c_char, _gid: *mut gid_t) -> c_int {
    not_there("daos_acl_principal_to_gid")
}

/// The name of a user by number.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_uid_to_principal(_uid: uid_t, _name: *mut *mut c_char) -> c_int {
    not_there("daos_acl_uid_to_principal")
}

/// The name of a group by number.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_acl_gid_to_principal(_gid: gid_t, _name: *mut *mut c_char) -> c_int {
    not_there("daos_acl_gid_to_principal")
}
