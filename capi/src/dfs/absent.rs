//! Functions that programs may be linked with and that are not there yet: each says so and gives ENOSYS.

use core::ffi::{c_char, c_int};

use super::mounted::fail;
use crate::abi::*;
use crate::guard::guard_errno;

fn not_there(function: &str) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { guard_errno(function, |_| fail!(libc::ENOSYS, "this function is not there yet")) }
}

/// Mounts a snapshot of a container.
///
/// @return ENOSYS: there are no snapshots yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_mount_snap(
    _poh: daos_handle_t,
    _coh: daos_handle_t,
    _flags: c_int,
    _epoch: daos_epoch_t,
    _name: *const c_char,
    _dfs: *mut *mut dfs_t,
) -> c_int {
    not_there("dfs_mount_snap")
}

/// Connects to a pool, opens a container and mounts a snapshot of it.
///
/// @return ENOSYS: there are no snapshots yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_connect_snap(
    _pool: *const c_char,
    _sys: *const c_char,
    _cont: *const c_char,
    _flags: c_int,
    _epoch: daos_epoch_t,
    _name: *const c_char,
    _dfs: *mut *mut dfs_t,
) -> c_int {
    not_there("dfs_connect_snap")
}
