//! Calls made as tasks with dependencies.

use core::ffi::{c_int, c_uint, c_void};

use super::not_there;
use crate::abi::*;

/// Makes a task of a call.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_create(
    _opc: daos_opc_t,
    _sched: *mut tse_sched_t,
    _num_deps: c_uint,
    _dep_tasks: *mut *mut tse_task_t,
    _taskp: *mut *mut tse_task_t,
) -> c_int {
    not_there("daos_task_create")
}

/// Makes a completed task a task of another call.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_reset(_task: *mut tse_task_t, _opc: daos_opc_t) -> c_int {
    not_there("daos_task_reset")
}

/// The arguments of the call of a task, to be filled in.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_get_args(_task: *mut tse_task_t) -> *mut c_void {
    not_there("daos_task_get_args");
    core::ptr::null_mut()
}

/// The private pointer of a task.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_get_priv(_task: *mut tse_task_t) -> *mut c_void {
    not_there("daos_task_get_priv");
    core::ptr::null_mut()
}

/// Sets the private pointer of a task; gives the former one.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_set_priv(_task: *mut tse_task_t, _priv: *mut c_void) -> *mut c_void {
    not_there("daos_task_set_priv");
    core::ptr::null_mut()
}

/// Runs what is ready in a scheduler.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_progress(_sched: *mut tse_sched_t, _timeout: i64, _is_empty: *mut bool) -> c_int {
    not_there("daos_progress")
}
