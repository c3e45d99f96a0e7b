//! The call of a task: its arguments are spread over the parameters of the function that it stands for, and its end is that
//! of an event of the library's own.

use core::ffi::c_int;
use core::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

use daos_status::Result;

use super::spread::begin;
use crate::abi::{AnonymousEventPrivate, DAOS_EVS_READY, DAOS_OPC_INVALID, daos_event_t, daos_handle_t, tse_task_t};
use crate::event_run;
use crate::event_state::{self, Event};
use crate::guard::guard;
use crate::pointer::Caller;
use crate::tse::graph::{Task, graph};
use crate::tse::place::TaskPlace;
use crate::tse::run::{self as tasks, give_back};

/// The event of a call that is a task's.
#[repr(C)]
struct TaskEvent {
    event: daos_event_t,
    task: TaskPlace,
    /// The call, and whoever starts it: the last to let go frees this.
    holders: AtomicU32,
}

/// A holder of the event of a call.
pub(crate) struct CallHolder(*mut TaskEvent);

impl CallHolder {
    /// Ends the call, if it still runs.
    pub(crate) fn abort(&self) {
        event_run::abort_running(Event::kept(self.0.cast()), &mut event_state::lock());
    }
}

impl Drop for CallHolder {
    fn drop(&mut self) {
        // SAFETY: the event was made by `start`, and each holder lets go once; the last one frees it.
        unsafe {
            if (*self.0).holders.fetch_sub(1, Ordering::AcqRel) == 1 {
                drop(Box::from_raw(self.0));
            }
        }
    }
}

/// The call that a task runs, if it does.
pub(crate) fn call_of(task: &Task) -> Option<CallHolder> {
    let event: *mut TaskEvent = core::ptr::with_exposed_provenance_mut(task.event);
    if event.is_null() {
        return None;
    }
    // SAFETY: a call takes its event out of its task, under the lock that the task is looked at with, before it lets go.
    unsafe { (*event).holders.fetch_add(1, Ordering::AcqRel) };
    Some(CallHolder(event))
}

/// Starts the call of a task: the function of every such task.
pub(super) unsafe extern "C" fn run(task: *mut tse_task_t) -> c_int {
    // SAFETY: the scheduler calls this with a task that it knows.
    unsafe { guard("a call of a task", |caller| start(caller, TaskPlace::of(task))) }
}

fn start(caller: Caller, place: TaskPlace) -> Result<()> {
    let event = Box::new(TaskEvent {
        event: daos_event_t { ev_error: 0, ev_debug: 0, ev_private: AnonymousEventPrivate { space: [0; 20] } },
        task: place,
        holders: AtomicU32::new(2),
    });
    let event = Box::into_raw(event);
    let starter = CallHolder(event);
    event_state::initialise(caller, event.cast(), daos_handle_t { cookie: 0 }, null_mut())?;
    event_state::own(event.cast());
    let opcode = {
        let mut graph = graph();
        let task = graph.task(place)?;
        task.references += 1;
        task.event = event.expose_provenance();
        task.call.unwrap_or(DAOS_OPC_INVALID)
    };
    // SAFETY: the arguments are of the type of the call, by its documentation, and the event is ours until it has ended.
    let number = unsafe { begin(opcode, place.buffer(), event.cast()) };
    // A call that needs nobody else may end without the event.
    let is_started = number == 0 && Event::kept(event.cast()).status() != DAOS_EVS_READY;
    if !is_started {
        ended(event.cast(), number);
    } else if tasks::is_cancelling(place) {
        // Who cancels what runs may have come before the call had begun.
        starter.abort();
    }
    Ok(())
}

/// The call of an event of a task has ended, or was refused. Called once for each, with no lock held.
pub(crate) fn ended(event: *mut daos_event_t, number: c_int) {
    let call = CallHolder(event.cast());
    // SAFETY: the event was made by `start`, and this is one of its holders.
    let place = unsafe { (*call.0).task };
    if let Ok(task) = graph().task(place)
        && task.event == event.expose_provenance()
    {
        task.event = 0;
    }
    drop(call);
    tasks::complete_quietly(place, number);
    give_back(place);
}
