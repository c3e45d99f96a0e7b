//! Owners and access lists of containers, and their health.

use core::ffi::c_int;

use libc::{gid_t, uid_t};

use super::not_there;
use crate::abi::*;

/// Reads the access control list of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_get_acl(
    _coh: daos_handle_t,
    _acl_prop: *mut *mut daos_prop_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_get_acl")
}

/// Replaces the access control list of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_overwrite_acl(
    _coh: daos_handle_t,
    _acl: *mut daos_acl,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_overwrite_acl")
}

/// Adds entries to the access control list of a container, or changes them.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_update_acl(
    _coh: daos_handle_t,
    _acl: *mut daos_acl,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_update_acl")
}

/// Removes an entry of the access control list of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_delete_acl(
    _coh: daos_handle_t,
    _type: daos_acl_principal_type,
    _name: d_string_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_delete_acl")
}

/// Changes the owner of a container to a user and a group that exist.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_set_owner(
    _coh: daos_handle_t,
    _user: d_string_t,
    _group: d_string_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_set_owner")
}

/// Changes the owner of a container to any user and group.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_set_owner_no_check(
    _coh: daos_handle_t,
    _user: d_string_t,
    _group: d_string_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_set_owner_no_check")
}

/// Tells what a user may do with a container by its properties.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_get_perms(
    _cont_prop: *mut daos_prop_t,
    _uid: uid_t,
    _gids: *mut gid_t,
    _nr_gids: usize,
    _perms: *mut u64,
) -> c_int {
    not_there("daos_cont_get_perms")
}

/// Marks a container as healthy.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_status_clear(_coh: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_cont_status_clear")
}
