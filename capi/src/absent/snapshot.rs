//! Snapshots of containers, and what goes back to them.

use core::ffi::{c_char, c_int};

use super::not_there;
use crate::abi::*;

/// Makes a snapshot of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create_snap(
    _coh: daos_handle_t,
    _epoch: *mut daos_epoch_t,
    _name: *mut c_char,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_create_snap")
}

/// Makes a snapshot of a container, with a table of its objects if that is asked for.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_create_snap_opt(
    _coh: daos_handle_t,
    _epoch: *mut daos_epoch_t,
    _name: *mut c_char,
    _opts: daos_snapshot_opts,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_create_snap_opt")
}

/// Deletes the snapshots of a range of epochs.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_destroy_snap(
    _coh: daos_handle_t,
    _epr: daos_epoch_range_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_destroy_snap")
}

/// Lists the snapshots of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_list_snap(
    _coh: daos_handle_t,
    _nr: *mut c_int,
    _epochs: *mut daos_epoch_t,
    _names: *mut *mut c_char,
    _anchor: *mut daos_anchor_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_list_snap")
}

/// Makes the table of the objects of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_snap_oit_create(
    _coh: daos_handle_t,
    _epoch: daos_epoch_t,
    _name: *mut c_char,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_snap_oit_create")
}

/// Deletes the table of the objects of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_snap_oit_destroy(
    _coh: daos_handle_t,
    _oh: daos_handle_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_snap_oit_destroy")
}

/// Brings a container back to a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_rollback(
    _coh: daos_handle_t,
    _epoch: daos_epoch_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_rollback")
}

/// Waits for the next snapshot of a container.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_subscribe(
    _coh: daos_handle_t,
    _epoch: *mut daos_epoch_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_subscribe")
}

/// Merges what no snapshot needs apart, up to an epoch.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_cont_aggregate(
    _coh: daos_handle_t,
    _epoch: daos_epoch_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_cont_aggregate")
}
