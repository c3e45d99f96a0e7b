//! Calls of the library made as tasks with dependencies.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::null_mut;

use daos_env::{Clock, SystemClock};
use daos_status::{Code, fail};

use crate::abi::{DAOS_OPC_INVALID, DAOS_OPC_MAX, daos_opc_t, tse_sched_t, tse_task_t};
use crate::event_queue::limit_of;
use crate::guard::{guard, guard_count, guard_value};
use crate::process;
use crate::progress;
use crate::tse::graph::graph;
use crate::tse::place::TaskPlace;
use crate::tse::task::{create, depend_on_all, renew};
use crate::tse::{run, scheduler_at};

pub(crate) mod call;
mod only;
mod spread;

fn check(opc: daos_opc_t) -> daos_status::Result<()> {
    if opc <= DAOS_OPC_INVALID || opc >= DAOS_OPC_MAX {
        fail!(Code::Nosys, "{opc} is the number of no call");
    }
    Ok(())
}

/// Makes a task of a call. It is scheduled with tse_task_schedule; its arguments are read just before it runs.
///
/// @opc which call
/// @num_deps,@dep_tasks tasks to wait for, see tse_task_register_deps; zero and NULL when there are none
/// @taskp [out] the task
///
/// @return zero, -DER_INVAL, -DER_NOSYS, -DER_NOMEM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_create(
    opc: daos_opc_t,
    sched: *mut tse_sched_t,
    num_deps: c_uint,
    dep_tasks: *mut *mut tse_task_t,
    taskp: *mut *mut tse_task_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_task_create", |caller| {
            if dep_tasks.is_null() != (num_deps == 0) {
                fail!(Code::Inval, "{num_deps} tasks to wait for at {dep_tasks:p}");
            }
            let out = caller.out(taskp, "taskp")?;
            check(opc)?;
            let place = create(caller, Some(call::run), sched, null_mut())?;
            graph().task(place)?.call = Some(opc);
            let count = c_int::try_from(num_deps).unwrap_or(c_int::MAX);
            if let Err(status) = depend_on_all(caller, place, count, dep_tasks) {
                run::give_back(place);
                return Err(status);
            }
            out.set(place.as_ptr());
            Ok(())
        })
    }
}

/// Makes a completed task, kept with tse_task_addref, a task of another call. Its arguments stay as they are.
///
/// @return zero, -DER_INVAL, -DER_NOSYS, -DER_NO_PERM when it has not completed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_reset(task: *mut tse_task_t, opc: daos_opc_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_task_reset", |_| {
            check(opc)?;
            let place = TaskPlace::of(task);
            renew(place, Some(call::run), null_mut())?;
            graph().task(place)?.call = Some(opc);
            Ok(())
        })
    }
}

/// The arguments of the call of a task, to be filled in: a daos_pool_connect_t and so on. They are zero at first, and read
/// just before the call, so that a callback before it (tse_task_register_cbs) may fill them; what they point to must stay
/// until the task has completed.
///
/// @return NULL when it is no task of a call
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_get_args(task: *mut tse_task_t) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_task_get_args", null_mut(), |_| {
            let place = TaskPlace::of(task);
            if graph().task(place)?.call.is_none() {
                fail!(Code::Inval, "the task is not one of a call");
            }
            Ok(place.buffer())
        })
    }
}

/// The private pointer of a task; NULL at first, and when it is no task.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_get_priv(task: *mut tse_task_t) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { crate::tse::task::tse_task_get_priv(task) }
}

/// Sets the private pointer of a task; gives the former one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_task_set_priv(task: *mut tse_task_t, r#priv: *mut c_void) -> *mut c_void {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { crate::tse::task::tse_task_set_priv(task, r#priv) }
}

/// Runs the tasks of a scheduler, and drives the calls among them, until all have completed or the time has run out.
///
/// @timeout in microseconds: DAOS_EQ_NOWAIT to look once, DAOS_EQ_WAIT to wait without limit
/// @is_empty [out] whether all tasks of the scheduler have completed
///
/// @return zero when they have, -DER_TIMEDOUT when some have not, -DER_INVAL, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_progress(sched: *mut tse_sched_t, timeout: i64, is_empty: *mut bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_count("daos_progress", |caller| {
            let (_, id) = scheduler_at(caller, sched)?;
            let is_empty = caller.out(is_empty, "is_empty")?;
            is_empty.set(false);
            process::context()?;
            progress::check_depth(timeout)?;
            let deadline = limit_of(timeout).map(|limit| SystemClock.monotonic().saturating_add(limit));
            let mut left = limit_of(timeout);
            loop {
                run::progress(id);
                if graph().scheduler(id)?.is_idle() {
                    is_empty.set(true);
                    return Ok(0);
                }
                run::wait(id, left)?;
                if left.is_some_and(|left| left.is_zero()) {
                    break;
                }
                left = deadline.map(|deadline| deadline.saturating_sub(SystemClock.monotonic()));
            }
            run::progress(id);
            is_empty.set(graph().scheduler(id)?.is_idle());
            // Programs poll: that something is left to do is no failure to be logged.
            Ok(if is_empty.get() { 0 } else { -(Code::Timedout as c_int) })
        })
    }
}
