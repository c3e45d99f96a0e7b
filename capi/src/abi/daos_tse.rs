//! `daos/tse.h`: task scheduler engine.

use core::ffi::{c_char, c_int, c_void};

/// One unit of work of a scheduler.
pub type tse_task_t = tse_task;
/// The body of a task.
pub type tse_task_func_t = Option<unsafe extern "C" fn(task: *mut tse_task_t) -> c_int>;
/// Called before a task runs or after it completed, with a copy of the data given at registration.
pub type tse_task_cb_t = Option<unsafe extern "C" fn(task: *mut tse_task_t, arg: *mut c_void) -> c_int>;
/// Called when a scheduler has completed.
pub type tse_sched_comp_cb_t = Option<unsafe extern "C" fn(args: *mut c_void, rc: c_int) -> c_int>;

/// A task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tse_task {
    pub dt_result: c_int,
    pub dt_pad32: c_int,
    pub dt_private: AnonymousTaskPrivate,
}

/// The library's own part of a task.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnonymousTaskPrivate {
    pub dt_space: [c_char; 1016],
}

/// A scheduler of tasks.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tse_sched_t {
    pub ds_result: c_int,
    pub ds_udata: *mut c_void,
    pub ds_private: AnonymousSchedulerPrivate,
}

/// The library's own part of a scheduler.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnonymousSchedulerPrivate {
    pub ds_space: [u64; 48],
}
