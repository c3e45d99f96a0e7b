//! The scheduler of tasks.

use core::ffi::{c_int, c_void};

use super::not_there;
use crate::abi::*;

/// Prepares a scheduler.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_init(
    _sched: *mut tse_sched_t,
    _comp_cb: tse_sched_comp_cb_t,
    _udata: *mut c_void,
) -> c_int {
    not_there("tse_sched_init")
}

/// Ends the use of a scheduler.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_fini(_sched: *mut tse_sched_t) {
    not_there("tse_sched_fini");
}

/// Makes a task of a function.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_create(
    _task_func: tse_task_func_t,
    _sched: *mut tse_sched_t,
    _priv: *mut c_void,
    _taskp: *mut *mut tse_task_t,
) -> c_int {
    not_there("tse_task_create")
}

/// Hands a task over to its scheduler.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_schedule(_task: *mut tse_task_t, _instant: bool) -> c_int {
    not_there("tse_task_schedule")
}

/// Tells the result of a task.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_complete(_task: *mut tse_task_t, _ret: c_int) {
    not_there("tse_task_complete");
}

/// Makes a task wait for others.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_deps(
    _task: *mut tse_task_t,
    _num_deps: c_int,
    _dep_tasks: *mut *mut tse_task_t,
) -> c_int {
    not_there("tse_task_register_deps")
}

/// Registers functions to be called before and after a task.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_register_cbs(
    _task: *mut tse_task_t,
    _prep_cb: tse_task_cb_t,
    _prep_data: *mut c_void,
    _prep_data_size: usize,
    _comp_cb: tse_task_cb_t,
    _comp_data: *mut c_void,
    _comp_data_size: usize,
) -> c_int {
    not_there("tse_task_register_cbs")
}

/// Lets a task run again from one of its callbacks.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_reinit(_task: *mut tse_task_t) -> c_int {
    not_there("tse_task_reinit")
}

/// Makes a completed task a task of another function.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_reset(
    _task: *mut tse_task_t,
    _task_func: tse_task_func_t,
    _priv: *mut c_void,
) -> c_int {
    not_there("tse_task_reset")
}

/// Keeps a task for one more user.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_addref(_task: *mut tse_task_t) {
    not_there("tse_task_addref");
}

/// Lets go of a task.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_decref(_task: *mut tse_task_t) {
    not_there("tse_task_decref");
}

/// The private pointer of a task.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_get_priv(_task: *mut tse_task_t) -> *mut c_void {
    not_there("tse_task_get_priv");
    core::ptr::null_mut()
}

/// Sets the private pointer of a task; gives the former one.
///
/// @return NULL: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_task_set_priv(_task: *mut tse_task_t, _priv: *mut c_void) -> *mut c_void {
    not_there("tse_task_set_priv");
    core::ptr::null_mut()
}
