//! Events from the start of a call to its completion.
//!
//! An event with callbacks completes in two steps: the call that ended puts it in a list, and a thread that waits
//! for anything takes it from there, runs the callbacks and publishes the completion. At that moment the thread does not
//! hold the client, so that a callback may call any function of the library, also one that waits.

use core::ffi::c_int;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use daos_status::{Code, Result, fail};

use crate::abi::{DAOS_EVS_COMPLETED, DAOS_EVS_READY, DAOS_EVS_RUNNING, daos_event_t};
use crate::event_state::{CALLBACKS_MAX, Callback, Event, Lock, children, lock};
use crate::pointer::Caller;
use crate::task;

/// Events whose calls have ended and whose callbacks were not run yet. There are at most as many as the caller has events.
static FINISHED: Mutex<VecDeque<(Event, c_int)>> = Mutex::new(VecDeque::new());

/// Its length, to be looked at without the lock.
static FINISHED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Events that wait for their callbacks.
pub(crate) type Finished = MutexGuard<'static, VecDeque<(Event, c_int)>>;

/// Takes the lock of the list of events that wait for their callbacks.
pub(crate) fn finished() -> Finished {
    crate::fork::take(&FINISHED)
}

/// An event that a call has taken: nobody else can. Given back when it is dropped.
pub struct Reserved(Option<Event>);

impl Reserved {
    /// The call goes on by itself from now on.
    pub fn launch(mut self) -> Launched {
        Launched(self.0.take())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let Some(event) = self.0.take() else { return };
        let mut lock = lock();
        stop_running(event, &mut lock);
        if let Some(queue) = event.queue(&mut lock) {
            queue.abandoned(event);
        }
        event.set_status(DAOS_EVS_READY);
    }
}

/// A call that will complete an event; completes it as cancelled when it is dropped before.
pub struct Launched(Option<Event>);

impl Launched {
    /// Tells the result of the call.
    pub fn complete(mut self, number: c_int) {
        if let Some(event) = self.0.take() {
            complete(event, number);
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if let Some(event) = self.0.take() {
            complete(event, -(Code::Canceled as c_int));
        }
    }
}

/// Takes the event at a pointer for a call.
pub fn reserve(caller: Caller, pointer: *mut daos_event_t) -> Result<Reserved> {
    let event = Event::at(caller, pointer)?;
    let mut lock = lock();
    start(event, &mut lock)?;
    let parent = event.body(&mut lock).parent;
    if !parent.is_null() {
        Event::kept(parent).body(&mut lock).children_running += 1;
    }
    Ok(Reserved(Some(event)))
}

fn start(event: Event, lock: &mut Lock) -> Result<()> {
    match event.status() {
        DAOS_EVS_RUNNING => fail!(Code::Busy, "the event is in use by another call"),
        DAOS_EVS_COMPLETED => fail!(Code::Busy, "the event has completed and its result was not taken"),
        _ => {}
    }
    let is_child = !event.body(lock).parent.is_null();
    let queue = event.queue(lock);
    if queue.is_none() && event.queue_cookie(lock) != 0 {
        fail!(Code::NoHdl, "the event queue of the event was destroyed");
    }
    event.set_result(0);
    event.set_aborted(false);
    event.set_status(DAOS_EVS_RUNNING);
    lock.insert(event.address(), None);
    if let (false, Some(queue)) = (is_child, queue) {
        queue.started(event);
    }
    Ok(())
}

/// Makes the parent complete when its children have.
pub fn barrier(event: Event) -> Result<()> {
    let mut lock = lock();
    if event.body(&mut lock).children == 0 {
        fail!(Code::Inval, "the event has no child events");
    }
    start(event, &mut lock)?;
    let body = event.body(&mut lock);
    body.barrier = true;
    let done = body.children_running == 0;
    drop(lock);
    if done {
        complete(event, 0);
    }
    Ok(())
}

/// Goes on with the work of an event until it ends, or nobody wants it any more: then `None` is what is left. `is_known` is false at
/// first, and true once who aborts the event can wake the work.
pub(crate) fn unless_aborted<T>(
    launched: &Launched,
    is_known: &mut bool,
    context: &mut Context<'_>,
    go_on: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<Option<T>> {
    let Some(event) = launched.0 else { return go_on(context).map(Some) };
    if event.is_aborted() {
        return Poll::Ready(None);
    }
    if let Poll::Ready(value) = go_on(context) {
        return Poll::Ready(Some(value));
    }
    if !*is_known {
        *is_known = true;
        if let Some(waker) = lock().get_mut(&event.address()) {
            *waker = Some(context.waker().clone());
        }
    }
    // It may have been aborted between the two.
    if event.is_aborted() { Poll::Ready(None) } else { Poll::Pending }
}

/// Ends the call that an event runs for, and those of its children; an error when there is none.
pub(crate) fn abort(event: Event) -> Result<()> {
    let mut lock = lock();
    // A parent may run for a call of its own, too. For a barrier it does no harm: that waits for the children all the same.
    let mut wanted = children(event, &mut lock);
    wanted.push(event);
    let mut count = 0;
    for event in wanted {
        count += usize::from(abort_running(event, &mut lock));
    }
    if count == 0 {
        fail!(Code::NoPerm, "no call runs for the event");
    }
    Ok(())
}

/// Ends the call of a running event; false when it does not run.
pub(crate) fn abort_running(event: Event, lock: &mut Lock) -> bool {
    let Some(waker) = lock.get_mut(&event.address()) else { return false };
    event.set_aborted(true);
    if let Some(waker) = waker.take() {
        waker.wake();
    }
    true
}

/// The call of an event has ended with this number. Publishes it, or leaves that to the next thread that runs callbacks.
fn complete(event: Event, number: c_int) {
    let is_plain = {
        let mut lock = lock();
        let body = event.body(&mut lock);
        body.callback_count == 0 && !body.owned
    };
    if is_plain {
        publish(event, number);
        return;
    }
    let mut finished = finished();
    finished.push_back((event, number));
    FINISHED_COUNT.fetch_add(1, Ordering::Release);
}

/// Whether an event waits for its callbacks.
pub(crate) fn has_finished() -> bool {
    FINISHED_COUNT.load(Ordering::Acquire) > 0
}

/// Runs the callbacks of the events that wait for it now, and publishes their completions; gives their count.
pub(crate) fn run_callbacks() -> usize {
    let waiting = FINISHED_COUNT.load(Ordering::Acquire);
    let mut count = 0;
    while count < waiting {
        let Some((event, number)) = finished().pop_front() else { break };
        FINISHED_COUNT.fetch_sub(1, Ordering::AcqRel);
        call_back(event, number);
        count += 1;
    }
    count
}

fn call_back(event: Event, number: c_int) {
    let (callbacks, count) = {
        let mut lock = lock();
        let body = event.body(&mut lock);
        if body.owned {
            stop_running(event, &mut lock);
            drop(lock);
            task::call::ended(event.as_ptr(), number);
            return;
        }
        (body.callbacks, core::mem::take(&mut body.callback_count) as usize)
    };
    let mut number = number;
    for callback in &callbacks[..count.min(CALLBACKS_MAX)] {
        if let Callback { function: Some(function), argument } = *callback {
            // SAFETY: function and argument were registered for this; no lock is held, so it may use the library.
            let result = unsafe { function(argument, event.as_ptr(), number) };
            if number == 0 {
                number = result;
            }
        }
    }
    publish(event, number);
}

fn stop_running(event: Event, lock: &mut Lock) {
    lock.remove(&event.address());
    let parent = event.body(lock).parent;
    if !parent.is_null() {
        let body = Event::kept(parent).body(lock);
        body.children_running = body.children_running.saturating_sub(1);
    }
}

/// Makes the completion visible; its owner may end the use of the event at once.
fn publish(event: Event, number: c_int) {
    let mut lock = lock();
    stop_running(event, &mut lock);
    let body = event.body(&mut lock);
    body.barrier = false;
    let child_error = core::mem::take(&mut body.child_error);
    let number = if number == 0 { child_error } else { number };
    let parent = body.parent;
    event.set_result(number);
    if parent.is_null() {
        match event.queue(&mut lock) {
            Some(queue) => queue.completed(event),
            None => event.mark_completed(),
        }
        return;
    }
    let parent = Event::kept(parent);
    let body = parent.body(&mut lock);
    if body.child_error == 0 {
        body.child_error = number;
    }
    let parent_done = body.barrier && body.children_running == 0;
    event.mark_completed();
    drop(lock);
    if parent_done {
        complete(parent, 0);
    }
}

#[cfg(test)]
mod tests;
