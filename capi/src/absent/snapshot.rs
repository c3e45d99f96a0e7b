//! Tables of the objects of snapshots.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

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
