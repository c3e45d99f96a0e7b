//! The library's part of a `daos_event_t`: it lives in the caller's 160 bytes.
//!
//! All changes are made under one lock of the process; the status alone can be read without it. Events are rare compared
//! with the work they stand for, so that one lock is enough until a measurement says otherwise.

use core::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daos_status::{Code, Result, fail};

use crate::abi::{
    DAOS_EVS_COMPLETED, DAOS_EVS_READY, DAOS_EVS_RUNNING, daos_event_comp_cb_t, daos_event_t, daos_handle_t,
};
use crate::event_queue::EventQueue;
use crate::handle_table;
use crate::pointer::Caller;

/// The most completion callbacks of one event; they live inside the event.
pub const CALLBACKS_MAX: usize = 5;

/// Marks memory that `daos_event_init` has prepared.
const INITIALISED: u64 = 0xda05_e7e7_5eed_0001;

#[derive(Clone, Copy)]
struct Callback {
    function: daos_event_comp_cb_t,
    argument: *mut c_void,
}

/// What stands in the private bytes of an event.
#[repr(C)]
pub struct EventState {
    mark: u64,
    status: AtomicU32,
    callback_count: u32,
    queue: u64,
    parent: *mut daos_event_t,
    first_child: *mut daos_event_t,
    next_sibling: *mut daos_event_t,
    children: u32,
    children_running: u32,
    callbacks: [Callback; CALLBACKS_MAX],
    barrier: bool,
}

const _: () = assert!(size_of::<EventState>() <= 160 && align_of::<EventState>() <= 8);

static LOCK: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An initialised event, known to be where it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event(*mut daos_event_t);

// SAFETY: an event stays where it is until `daos_event_fini`, by the caller's promise; its state is changed under `LOCK`.
unsafe impl Send for Event {}
// SAFETY: as for `Send`.
unsafe impl Sync for Event {}

impl Event {
    /// The event at a pointer; an error when it was not initialised.
    pub fn at(caller: Caller, pointer: *mut daos_event_t) -> Result<Event> {
        let place = caller.out(pointer, "event")?;
        let event = Event(place.as_ptr());
        // SAFETY: the pointer was checked; the mark may be read before initialisation as all event memory is 8-byte words.
        if unsafe { (*event.state()).mark } != INITIALISED {
            fail!(Code::Inval, "the event was not initialised with daos_event_init, or was finalised");
        }
        Ok(event)
    }

    fn state(self) -> *mut EventState {
        // SAFETY: the field lies within the event; no reference is made.
        unsafe { (&raw mut (*self.0).ev_private).cast() }
    }

    /// What it is doing.
    pub fn status(self) -> u32 {
        // SAFETY: the state is there until `daos_event_fini`.
        unsafe { (*self.state()).status.load(Ordering::Acquire) }
    }

    fn set_status(self, status: u32) {
        // SAFETY: as for `status`.
        unsafe { (*self.state()).status.store(status, Ordering::Release) }
    }

    /// The event itself, for lists given to the caller.
    pub fn as_ptr(self) -> *mut daos_event_t {
        self.0
    }

    /// Makes a completed event ready for the next call: its result has been given out.
    pub fn acknowledge(self) {
        if self.status() == DAOS_EVS_COMPLETED {
            self.set_status(DAOS_EVS_READY);
        }
    }

    /// Publishes the completion; its owner may end the use of the event at once.
    pub(crate) fn mark_completed(self) {
        self.set_status(DAOS_EVS_COMPLETED);
    }

    fn queue(self) -> Option<Arc<EventQueue>> {
        // SAFETY: the state is there until `daos_event_fini`.
        let cookie = unsafe { (*self.state()).queue };
        if cookie == 0 { None } else { handle_table::get(daos_handle_t { cookie }).ok() }
    }

    /// Takes a completed event off its queue's list, when it is tested rather than polled.
    pub fn forget_in_queue(self) {
        if let Some(queue) = self.queue() {
            queue.take(self);
        }
    }
}

/// Prepares an event.
pub fn initialise(
    caller: Caller,
    pointer: *mut daos_event_t,
    queue: daos_handle_t,
    parent: *mut daos_event_t,
) -> Result<()> {
    let place = caller.out(pointer, "event")?;
    if queue.cookie != 0 {
        handle_table::get::<EventQueue>(queue)?;
    }
    let parent = if parent.is_null() { None } else { Some(Event::at(caller, parent)?) };
    let event = Event(place.as_ptr());
    let _guard = lock();
    let next_sibling = match parent {
        None => core::ptr::null_mut(),
        Some(parent) if parent == event => fail!(Code::Inval, "an event cannot be its own parent"),
        // SAFETY: the parent is initialised and the lock is held.
        Some(parent) => unsafe {
            let state = &mut *parent.state();
            if !state.parent.is_null() {
                fail!(Code::Inval, "a child event cannot have children");
            }
            if parent.status() == DAOS_EVS_RUNNING {
                fail!(Code::Inval, "the parent event is running");
            }
            state.children += 1;
            core::mem::replace(&mut state.first_child, event.0)
        },
    };
    // SAFETY: the place is the caller's; nothing else knows the event yet.
    unsafe {
        (*event.0).ev_error = 0;
        (*event.0).ev_debug = 0;
        event.state().write(EventState {
            mark: INITIALISED,
            status: AtomicU32::new(DAOS_EVS_READY),
            callback_count: 0,
            queue: queue.cookie,
            parent: parent.map_or(core::ptr::null_mut(), |parent| parent.0),
            first_child: core::ptr::null_mut(),
            next_sibling,
            children: 0,
            children_running: 0,
            callbacks: [Callback { function: None, argument: core::ptr::null_mut() }; CALLBACKS_MAX],
            barrier: false,
        });
    }
    Ok(())
}

/// Ends the use of an event; children go before their parent.
pub fn finalise(event: Event) -> Result<()> {
    if event.status() == DAOS_EVS_RUNNING {
        fail!(Code::Busy, "the event is running");
    }
    event.forget_in_queue();
    let _guard = lock();
    // SAFETY: the event is initialised and the lock is held.
    let state = unsafe { &mut *event.state() };
    if state.children > 0 {
        fail!(Code::Busy, "the event has {} child events", state.children);
    }
    if !state.parent.is_null() {
        unlink(Event(state.parent), event, state.next_sibling);
    }
    state.mark = 0;
    Ok(())
}

fn unlink(parent: Event, child: Event, next_sibling: *mut daos_event_t) {
    // SAFETY: the lock is held, and all members of the list are initialised children of the parent.
    unsafe {
        let state = &mut *parent.state();
        state.children = state.children.saturating_sub(1);
        let mut link = &raw mut state.first_child;
        while !(*link).is_null() {
            if *link == child.0 {
                *link = next_sibling;
                return;
            }
            link = &raw mut (*Event(*link).state()).next_sibling;
        }
    }
}

/// The first child of an event, or the one after `child`.
pub fn next_child(parent: Event, child: Option<Event>) -> *mut daos_event_t {
    let _guard = lock();
    // SAFETY: the lock is held and the events are initialised.
    unsafe {
        match child {
            None => (*parent.state()).first_child,
            Some(child) => (*child.state()).next_sibling,
        }
    }
}

/// Adds a callback for the next completion.
pub fn register(event: Event, function: daos_event_comp_cb_t, argument: *mut c_void) -> Result<()> {
    let _guard = lock();
    if event.status() == DAOS_EVS_RUNNING {
        fail!(Code::Inval, "callbacks are registered before the call is made");
    }
    // SAFETY: the lock is held and the event is initialised.
    let state = unsafe { &mut *event.state() };
    let Some(place) = state.callbacks.get_mut(state.callback_count as usize) else {
        fail!(Code::Nomem, "an event has room for {CALLBACKS_MAX} callbacks");
    };
    *place = Callback { function, argument };
    state.callback_count += 1;
    Ok(())
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

/// Marks an event as running.
pub fn launch(caller: Caller, pointer: *mut daos_event_t) -> Result<Launched> {
    let event = Event::at(caller, pointer)?;
    let _guard = lock();
    start(event)?;
    // SAFETY: the lock is held and the event is initialised.
    let parent = unsafe { (*event.state()).parent };
    if !parent.is_null() {
        // SAFETY: a parent outlives its children, see `finalise`.
        unsafe { (*Event(parent).state()).children_running += 1 };
    }
    Ok(Launched(Some(event)))
}

fn start(event: Event) -> Result<()> {
    match event.status() {
        DAOS_EVS_RUNNING => fail!(Code::Busy, "the event is in use by another call"),
        DAOS_EVS_COMPLETED => fail!(Code::Busy, "the event has completed and its result was not taken"),
        _ => {}
    }
    // SAFETY: the lock is held and the event is initialised.
    unsafe { (*event.0).ev_error = 0 };
    event.set_status(DAOS_EVS_RUNNING);
    let is_child = {
        // SAFETY: as above.
        unsafe { !(*event.state()).parent.is_null() }
    };
    if let (false, Some(queue)) = (is_child, event.queue()) {
        queue.started();
    }
    Ok(())
}

/// Makes the parent complete when its children have.
pub fn barrier(event: Event) -> Result<()> {
    let guard = lock();
    // SAFETY: the lock is held and the event is initialised.
    let state = unsafe { &mut *event.state() };
    if state.children == 0 {
        fail!(Code::Inval, "the event has no child events");
    }
    start(event)?;
    state.barrier = true;
    let done = state.children_running == 0;
    drop(guard);
    if done {
        complete(event, 0);
    }
    Ok(())
}

/// Runs the callbacks, then publishes the completion.
fn complete(event: Event, number: c_int) {
    let mut number = number;
    let (callbacks, count) = {
        let _guard = lock();
        // SAFETY: the lock is held; the event is running and so initialised.
        let state = unsafe { &mut *event.state() };
        (state.callbacks, core::mem::take(&mut state.callback_count) as usize)
    };
    for callback in &callbacks[..count.min(CALLBACKS_MAX)] {
        if let Callback { function: Some(function), argument } = *callback {
            // SAFETY: function and argument were registered for this; no lock is held, so it may use the library.
            let result = unsafe { function(argument, event.0, number) };
            if number == 0 {
                number = result;
            }
        }
    }
    let guard = lock();
    // SAFETY: the lock is held; the event is running and so initialised.
    let (parent, queue) = unsafe {
        if (*event.0).ev_error == 0 {
            (*event.0).ev_error = number;
        }
        (*event.state()).barrier = false;
        ((*event.state()).parent, event.queue())
    };
    if parent.is_null() {
        match queue {
            Some(queue) => queue.completed(event),
            None => event.mark_completed(),
        }
        return;
    }
    // SAFETY: a parent outlives its children, see `finalise`.
    let parent_done = unsafe {
        let state = &mut *Event(parent).state();
        state.children_running = state.children_running.saturating_sub(1);
        if (*parent).ev_error == 0 {
            (*parent).ev_error = number;
        }
        state.barrier && state.children_running == 0
    };
    event.set_status(DAOS_EVS_COMPLETED);
    drop(guard);
    if parent_done {
        complete(Event(parent), 0);
    }
}
