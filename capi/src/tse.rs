//! Schedulers of tasks: units of work of the caller, and calls of the library, that wait for each other.
//!
//! * [`task`]: the functions for tasks; [`list`]: those for lists of tasks.
//! * [`graph`]: what is known of all tasks. `run`: their course. `place`: the caller's structures.

use core::ffi::{c_int, c_void};

use daos_env::log;
use daos_status::{Code, Result, fail};

use crate::abi::{tse_sched_comp_cb_t, tse_sched_t};
use crate::guard::{guard, guard_value};
use crate::pointer::Caller;

pub(crate) mod graph;
pub mod list;
pub(crate) mod place;
pub(crate) mod run;
pub mod task;

use graph::{SchedulerId, graph};
use place::SchedulerPlace;

/// A scheduler of the caller.
pub(crate) fn scheduler_at(caller: Caller, pointer: *mut tse_sched_t) -> Result<(SchedulerPlace, SchedulerId)> {
    let place = SchedulerPlace::at(caller, pointer)?;
    let id = place.id()?;
    // The mark may stand in memory that was copied, or in that of a scheduler of a process before fork.
    if graph().scheduler(id)?.place != place {
        fail!(Code::Inval, "the scheduler is a copy of another one");
    }
    Ok((place, id))
}

/// Prepares a scheduler.
///
/// @sched it must stay where it is until tse_sched_fini
/// @comp_cb called by tse_sched_complete, or NULL
/// @udata handed to comp_cb; in ds_udata
///
/// @return zero, -DER_INVAL
///
/// Any thread may use a scheduler, and several may at once. It needs no daos_init as long as it has no calls of the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_init(
    sched: *mut tse_sched_t,
    comp_cb: tse_sched_comp_cb_t,
    udata: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_sched_init", |caller| {
            let place = SchedulerPlace::at(caller, sched)?;
            let mut graph = graph();
            let id = graph.add_scheduler(place);
            if comp_cb.is_some() {
                graph.scheduler(id)?.callbacks.push((comp_cb, udata.expose_provenance()));
            }
            place.initialise(id, udata);
            Ok(())
        })
    }
}

/// Ends the use of a scheduler. It should have nothing to do; what it has is cancelled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_fini(sched: *mut tse_sched_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_fini", (), |caller| {
            let (place, id) = scheduler_at(caller, sched)?;
            finish(place, id)
        });
    }
}

fn finish(place: SchedulerPlace, id: SchedulerId) -> Result<()> {
    {
        let mut graph = graph();
        let scheduler = graph.scheduler(id)?;
        if !scheduler.is_idle() {
            log!(Warn, "libdaos", "a scheduler ends with unfinished tasks: they are cancelled");
            scheduler.cancelling = true;
        }
    }
    run::run_to_end(id)?;
    graph().remove_scheduler(id);
    place.end();
    Ok(())
}

/// Keeps a scheduler for one more user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_addref(sched: *mut tse_sched_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_addref", (), |caller| {
            let (_, id) = scheduler_at(caller, sched)?;
            let mut graph = graph();
            let scheduler = graph.scheduler(id)?;
            scheduler.references = scheduler.references.saturating_add(1);
            Ok(())
        });
    }
}

/// Lets go of a scheduler; the last one ends it, as tse_sched_fini does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_decref(sched: *mut tse_sched_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_decref", (), |caller| {
            let (place, id) = scheduler_at(caller, sched)?;
            release(place, id)
        });
    }
}

fn release(place: SchedulerPlace, id: SchedulerId) -> Result<()> {
    let is_last = {
        let mut graph = graph();
        let scheduler = graph.scheduler(id)?;
        scheduler.references = scheduler.references.saturating_sub(1);
        scheduler.references == 0
    };
    if is_last { finish(place, id) } else { Ok(()) }
}

/// Runs a scheduler to its end, calls its callbacks (the newest first), and ends its use.
///
/// @ret the result when no task has failed
/// @cancel whether tasks that have not completed are completed with -DER_CANCELED; without, they are waited for
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_complete(sched: *mut tse_sched_t, ret: c_int, cancel: bool) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_complete", (), |caller| {
            let (place, id) = scheduler_at(caller, sched)?;
            place.fail_with(ret);
            {
                let mut graph = graph();
                let scheduler = graph.scheduler(id)?;
                if scheduler.cancelling || scheduler.completing {
                    return Ok(());
                }
                scheduler.cancelling = cancel;
                scheduler.completing = !cancel;
            }
            run::run_to_end(id)?;
            loop {
                let Some((callback, argument)) = graph().scheduler(id)?.callbacks.pop() else { break };
                if let Some(function) = callback {
                    let argument = core::ptr::with_exposed_provenance_mut(argument);
                    place.fail_with(function(argument, place.result()));
                }
            }
            release(place, id)
        });
    }
}

/// Registers one more function for tse_sched_complete to call.
///
/// @return zero, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_register_comp_cb(
    sched: *mut tse_sched_t,
    comp_cb: tse_sched_comp_cb_t,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("tse_sched_register_comp_cb", |caller| {
            let (_, id) = scheduler_at(caller, sched)?;
            if comp_cb.is_none() {
                fail!(Code::Inval, "comp_cb is NULL");
            }
            graph().scheduler(id)?.callbacks.push((comp_cb, arg.expose_provenance()));
            Ok(())
        })
    }
}

/// Runs what is ready, on this thread, and does not wait; daos_progress does, and drives the calls of the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_progress(sched: *mut tse_sched_t) {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_progress", (), |caller| {
            let (_, id) = scheduler_at(caller, sched)?;
            run::progress(id);
            Ok(())
        });
    }
}

/// Whether all tasks of a scheduler have completed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tse_sched_check_complete(sched: *mut tse_sched_t) -> bool {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("tse_sched_check_complete", true, |caller| {
            let (_, id) = scheduler_at(caller, sched)?;
            Ok(graph().scheduler(id)?.is_idle())
        })
    }
}
