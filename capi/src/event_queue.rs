//! Event queues: completions of many calls, taken in the order of their completion.

use core::ffi::{c_int, c_uint};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daos_status::{Code, Result, fail};

use crate::abi::{
    DAOS_EQ_DESTROY_FORCE, DAOS_EQR_COMPLETED, DAOS_EQR_WAITING, daos_eq_query_t, daos_event_t, daos_handle_t,
};
use crate::event_state::Event;
use crate::guard::{guard, guard_count};
use crate::handle_table;
use crate::process;
use crate::progress;

/// An event queue.
#[derive(Default)]
pub struct EventQueue(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Addresses of the events that calls run for.
    running: BTreeSet<usize>,
    completed: VecDeque<Event>,
    destroyed: bool,
}

impl EventQueue {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more event is running.
    pub(crate) fn started(&self, event: Event) {
        self.inner().running.insert(event.address());
    }

    /// The call of an event was refused before it began.
    pub(crate) fn abandoned(&self, event: Event) {
        self.inner().running.remove(&event.address());
    }

    /// An event has completed.
    pub(crate) fn completed(&self, event: Event) {
        let mut inner = self.inner();
        inner.running.remove(&event.address());
        if !inner.destroyed {
            inner.completed.push_back(event);
        }
        // Under the lock of the list, so that whoever sees the completion also finds the event in the list.
        event.mark_completed();
    }

    /// Takes an event off the list of completed ones.
    pub(crate) fn take(&self, event: Event) {
        self.inner().completed.retain(|other| *other != event);
    }

    /// Ends the use of the queue, unless it is in use and that matters.
    fn destroy(&self, forced: bool) -> Result<()> {
        let mut inner = self.inner();
        let (running, completed) = (inner.running.len(), inner.completed.len());
        if !forced && (running > 0 || completed > 0) {
            fail!(Code::Busy, "the event queue has {running} running and {completed} completed events");
        }
        inner.completed.clear();
        inner.destroyed = true;
        Ok(())
    }
}

/// How long a call may drive the client; a negative number of microseconds is no limit.
pub(crate) fn limit_of(timeout: i64) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_micros)
}

/// Makes an event queue.
///
/// @eqh [out] its handle
///
/// @return zero, -DER_INVAL, -DER_UNINIT, -DER_NOMEM
///
/// Any number of threads may poll one queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_eq_create(eqh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard("daos_eq_create", |caller| {
            let out = caller.out(eqh, "eqh")?;
            process::context()?;
            out.set(handle_table::insert(EventQueue::default())?);
            Ok(())
        })
    }
}

/// Destroys an event queue. Its events must be finalised by their owner.
///
/// @flags DAOS_EQ_DESTROY_FORCE to destroy it although events are running or completions were not taken; the calls go on
///
/// @return zero, -DER_NO_HDL, -DER_BUSY when events are running or completions were not taken
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_eq_destroy(eqh: daos_handle_t, flags: c_int) -> c_int {
    // SAFETY: there is no pointer.
    unsafe {
        guard("daos_eq_destroy", |_| {
            let context = process::context()?;
            handle_table::get::<EventQueue>(eqh)?.destroy(flags & DAOS_EQ_DESTROY_FORCE != 0)?;
            handle_table::remove::<EventQueue>(eqh)?;
            // Threads that wait in daos_eq_poll must learn it.
            progress::wake(&context);
            Ok(())
        })
    }
}

/// Takes completed events off a queue; the calling thread drives running calls meanwhile.
///
/// @wait_running when not zero, return at once when no event is running
/// @timeout in microseconds: DAOS_EQ_NOWAIT to look once, DAOS_EQ_WAIT to wait without limit
/// @nevents length of events
/// @events [out] completed events; the result of each is in its ev_error
///
/// @return how many events were taken (zero when the time ran out), -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_eq_poll(
    eqh: daos_handle_t,
    wait_running: c_int,
    timeout: i64,
    nevents: c_uint,
    events: *mut *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_count("daos_eq_poll", |caller| {
            if nevents == 0 {
                fail!(Code::Inval, "nevents is zero");
            }
            let out = caller.out_array(events, u64::from(nevents), "events")?;
            let queue = handle_table::get::<EventQueue>(eqh)?;
            let context = process::context()?;
            progress::check_depth(timeout)?;
            // What is there is taken by the look that finds it: another thread that waits for the same queue finds it gone, and waits on.
            let mut taken = Vec::new();
            progress::drive(&context, limit_of(timeout), || {
                let mut inner = queue.inner();
                while !inner.destroyed
                    && taken.len() < out.count()
                    && let Some(event) = inner.completed.pop_front()
                {
                    event.acknowledge();
                    taken.push(event);
                }
                !taken.is_empty() || inner.destroyed || (wait_running != 0 && inner.running.is_empty())
            })?;
            if taken.is_empty() && queue.inner().destroyed {
                fail!(Code::NoHdl, "the event queue was destroyed");
            }
            let count = taken.len();
            for (index, event) in taken.into_iter().enumerate() {
                out.set(index, event.as_ptr());
            }
            Ok(count as c_int)
        })
    }
}

/// Tells about the events of a queue and takes none off.
///
/// @query DAOS_EQR_COMPLETED for completed, DAOS_EQR_WAITING for running events, DAOS_EQR_ALL for both
/// @nevents length of events; zero to get the count alone
/// @events [out] the events, completed ones first, as many as there is room for; NULL when nevents is zero
///
/// @return the count of events, -DER_NO_HDL, -DER_INVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_eq_query(
    eqh: daos_handle_t,
    query: daos_eq_query_t,
    nevents: c_uint,
    events: *mut *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_count("daos_eq_query", |caller| {
            let out = caller.out_array(events, u64::from(nevents), "events")?;
            let queue = handle_table::get::<EventQueue>(eqh)?;
            process::context()?;
            let inner = queue.inner();
            let mut found = Vec::new();
            if query & DAOS_EQR_COMPLETED != 0 {
                found.extend(inner.completed.iter().map(|event| event.as_ptr()));
            }
            if query & DAOS_EQR_WAITING != 0 {
                found.extend(inner.running.iter().map(|address| core::ptr::with_exposed_provenance_mut(*address)));
            }
            for (index, event) in found.iter().enumerate() {
                out.set(index, *event);
            }
            Ok(c_int::try_from(found.len()).unwrap_or(c_int::MAX))
        })
    }
}
