//! Events.

use core::ffi::{c_int, c_void};
use std::time::Duration;

use daos_status::{Code, fail};

use crate::abi::{DAOS_EVS_RUNNING, daos_event_comp_cb_t, daos_event_t, daos_handle_t};
use crate::event_queue::limit_of;
use crate::event_run;
use crate::event_state::{self, Event};
use crate::guard::{guard, guard_value};
use crate::process;
use crate::progress;

/// Prepares an event for use.
///
/// @ev the event; it must stay where it is until daos_event_fini
/// @eqh the queue that gets its completions, or DAOS_HDL_INVAL
/// @parent an event that completes when its children have (see daos_event_parent_barrier), or NULL
///
/// @return zero, -DER_INVAL, -DER_NO_HDL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_init(
    ev: *mut daos_event_t,
    eqh: daos_handle_t,
    parent: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_event_init", |caller| event_state::initialise(caller, ev, eqh, parent)) }
}

/// Takes an event from its parent, and its completion out of its queue; a parent after its children. It may be done again, and the
/// event be used again: its queue, as long as there is one, gets its completions.
///
/// @return zero, -DER_INVAL when it was never initialised, -DER_BUSY when it is running or has children
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_fini(ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_event_fini", |caller| event_state::finalise(Event::at(caller, ev)?)) }
}

/// Goes over the children of an event.
///
/// @child the child before, or NULL for the first
///
/// @return a child, or NULL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_next(parent: *mut daos_event_t, child: *mut daos_event_t) -> *mut daos_event_t {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_value("daos_event_next", core::ptr::null_mut(), |caller| {
            let parent = Event::at(caller, parent)?;
            let child = if child.is_null() { None } else { Some(Event::at(caller, child)?) };
            event_state::next_child(parent, child)
        })
    }
}

/// Waits for an event; the calling thread drives running calls meanwhile.
///
/// @timeout in microseconds: DAOS_EQ_NOWAIT to look once, DAOS_EQ_WAIT to wait without limit
/// @flag [out] whether the event has completed; its result is in ev_error, and it can be used again
///
/// @return zero, -DER_INVAL, -DER_UNINIT
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_test(ev: *mut daos_event_t, timeout: i64, flag: *mut bool) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_event_test", |caller| {
            let event = Event::at(caller, ev)?;
            let flag = caller.out(flag, "flag")?;
            let mut done = event.status() != DAOS_EVS_RUNNING;
            if !done {
                progress::check_depth(timeout)?;
                let context = process::context()?;
                done = progress::drive(&context, limit_of(timeout), || event.status() != DAOS_EVS_RUNNING)?;
            }
            if done {
                event.forget_in_queue();
                event.acknowledge();
            }
            flag.set(done);
            Ok(())
        })
    }
}

/// Makes a parent event complete when all its children have; its ev_error is that of the first child that failed.
///
/// @return zero, -DER_INVAL when it has no children, -DER_BUSY when it is running
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_parent_barrier(ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard("daos_event_parent_barrier", |caller| event_run::barrier(Event::at(caller, ev)?)) }
}

/// Registers a function for the next completion of an event. It is called once, on a thread that waits for something in the
/// library, before the completion can be seen; it may use the library, and what it returns becomes the result of a call
/// that succeeded. Up to five can be registered.
///
/// @return zero, -DER_INVAL when it is running or cb is NULL, -DER_NOMEM when there are too many
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_register_comp_cb(
    ev: *mut daos_event_t,
    cb: daos_event_comp_cb_t,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_event_register_comp_cb", |caller| {
            let event = Event::at(caller, ev)?;
            if cb.is_none() {
                fail!(Code::Inval, "cb is NULL");
            }
            event_state::register(event, cb, arg)
        })
    }
}

/// Ends the call that an event runs for, and the calls of its children: the event completes with -DER_CANCELED (as any event
/// does: it is polled or tested, and its callbacks are called), unless the call has ended by itself before. A change that is
/// aborted may have been made or not; memory that was lent to the call is the caller's again when the event has completed.
///
/// @return zero, -DER_INVAL when it is not initialised, -DER_NO_PERM when no call runs for it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_abort(ev: *mut daos_event_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_event_abort", |caller| {
            event_run::abort(Event::at(caller, ev)?)?;
            // One round lets the call learn it.
            let context = process::context()?;
            progress::drive(&context, Some(Duration::ZERO), || false)?;
            Ok(())
        })
    }
}
