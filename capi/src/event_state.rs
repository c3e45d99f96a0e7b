//! The library's part of a `daos_event_t`: it lives in the caller's 160 bytes.
//!
//! The mark and the status can be read at any time; all else is changed under one lock of the process. Events are rare
//! compared with the work they stand for, so that one lock is enough until a measurement says otherwise.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

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

/// A function to call when an event completes, and what it is given.
#[derive(Clone, Copy)]
pub(crate) struct Callback {
    pub(crate) function: daos_event_comp_cb_t,
    pub(crate) argument: *mut c_void,
}

/// What stands in the private bytes of an event.
#[repr(C)]
struct EventMemory {
    mark: AtomicU64,
    status: AtomicU32,
    /// Not zero when the call that it runs for is not wanted any more.
    aborted: AtomicU32,
    body: UnsafeCell<Body>,
}

/// What only the holder of the lock may touch.
#[repr(C)]
pub(crate) struct Body {
    pub(crate) callback_count: u32,
    queue: u64,
    pub(crate) parent: *mut daos_event_t,
    first_child: *mut daos_event_t,
    next_sibling: *mut daos_event_t,
    pub(crate) children: u32,
    pub(crate) children_running: u32,
    pub(crate) callbacks: [Callback; CALLBACKS_MAX],
    /// What the first child that failed gave since the parent completed last.
    pub(crate) child_error: c_int,
    pub(crate) barrier: bool,
    /// The library's own: its end is told to a task, and nobody else looks at it.
    pub(crate) owned: bool,
}

impl Body {
    fn new(queue: u64, parent: *mut daos_event_t, next_sibling: *mut daos_event_t) -> Body {
        Body {
            callback_count: 0,
            queue,
            parent,
            first_child: core::ptr::null_mut(),
            next_sibling,
            children: 0,
            children_running: 0,
            callbacks: [Callback { function: None, argument: core::ptr::null_mut() }; CALLBACKS_MAX],
            child_error: 0,
            barrier: false,
            owned: false,
        }
    }
}

const _: () = assert!(size_of::<EventMemory>() <= 160 && align_of::<EventMemory>() <= 8);

/// The events that a call is running for, by address: memory that is prepared anew while a call will still write to it is
/// found here, without reading what may be uninitialised. With what makes the call look at its event, once it waits.
static RUNNING: Mutex<BTreeMap<usize, Option<Waker>>> = Mutex::new(BTreeMap::new());

/// The right to change events.
pub(crate) type Lock = MutexGuard<'static, BTreeMap<usize, Option<Waker>>>;

/// Takes the lock of all events.
pub(crate) fn lock() -> Lock {
    crate::fork::take(&RUNNING)
}

/// An initialised event, known to be where it should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event(*mut daos_event_t);

// SAFETY: an event stays where it is until `daos_event_fini`, by the caller's promise; what is shared in it is atomic or
// changed under the lock.
unsafe impl Send for Event {}
// SAFETY: as for `Send`.
unsafe impl Sync for Event {}

impl Event {
    /// The event at a pointer; an error when it was not initialised.
    pub fn at(caller: Caller, pointer: *mut daos_event_t) -> Result<Event> {
        let place = caller.out(pointer, "event")?;
        let event = Event(place.as_ptr());
        if event.memory().mark.load(Ordering::Relaxed) != INITIALISED {
            fail!(Code::Inval, "the event was not initialised with daos_event_init");
        }
        Ok(event)
    }

    /// An event that is kept in a list of the library, and so initialised.
    pub(crate) fn kept(pointer: *mut daos_event_t) -> Event {
        Event(pointer)
    }

    fn memory<'a>(self) -> &'a EventMemory {
        // SAFETY: the private bytes lie within the event, are long enough, and any bytes are a value of atomics and cells.
        unsafe { &*(&raw const (*self.0).ev_private).cast() }
    }

    /// What the lock protects.
    pub(crate) fn body(self, _lock: &mut Lock) -> &mut Body {
        // SAFETY: only holders of the lock come here, and they get one body at a time.
        unsafe { &mut *self.memory().body.get() }
    }

    /// What it is doing.
    pub fn status(self) -> u32 {
        self.memory().status.load(Ordering::Acquire)
    }

    pub(crate) fn set_status(self, status: u32) {
        self.memory().status.store(status, Ordering::Release);
    }

    /// Whether the call that it runs for is not wanted any more.
    pub(crate) fn is_aborted(self) -> bool {
        self.memory().aborted.load(Ordering::Acquire) != 0
    }

    /// Says so, or no longer.
    pub(crate) fn set_aborted(self, aborted: bool) {
        self.memory().aborted.store(u32::from(aborted), Ordering::Release);
    }

    /// The result of the call, for the caller to read after completion.
    pub(crate) fn set_result(self, number: c_int) {
        // SAFETY: the caller looks at it only after the completion was published.
        unsafe { (*self.0).ev_error = number }
    }

    /// The event itself, for lists given to the caller.
    pub fn as_ptr(self) -> *mut daos_event_t {
        self.0
    }

    /// Its address, by which it is known as running.
    pub(crate) fn address(self) -> usize {
        self.0.expose_provenance()
    }

    /// Makes a completed event ready for the next call: its result has been given out.
    pub fn acknowledge(self) {
        let status = &self.memory().status;
        let _other = status.compare_exchange(DAOS_EVS_COMPLETED, DAOS_EVS_READY, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Publishes the completion; the owner may end the use of the event at once.
    pub(crate) fn mark_completed(self) {
        self.set_status(DAOS_EVS_COMPLETED);
    }

    /// The handle of its queue; zero when it has none.
    pub(crate) fn queue_cookie(self, lock: &mut Lock) -> u64 {
        self.body(lock).queue
    }

    /// Its queue, unless it has none or that was destroyed.
    pub(crate) fn queue(self, lock: &mut Lock) -> Option<Arc<EventQueue>> {
        match self.queue_cookie(lock) {
            0 => None,
            cookie => handle_table::get(daos_handle_t { cookie }).ok(),
        }
    }

    /// Takes a completed event off its queue's list, when it is tested rather than polled.
    pub fn forget_in_queue(self) {
        let queue = self.queue(&mut lock());
        if let Some(queue) = queue {
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
    let event = Event(caller.out(pointer, "event")?.as_ptr());
    if queue.cookie != 0 {
        handle_table::get::<EventQueue>(queue)?;
    }
    let parent = if parent.is_null() { None } else { Some(Event::at(caller, parent)?) };
    let mut lock = lock();
    if lock.contains_key(&event.address()) {
        fail!(Code::Busy, "the event is running: it cannot be initialised anew");
    }
    let mut next_sibling = core::ptr::null_mut();
    if let Some(parent) = parent {
        if parent == event {
            fail!(Code::Inval, "an event cannot be its own parent");
        }
        if parent.status() == DAOS_EVS_RUNNING {
            fail!(Code::Inval, "the parent event is running");
        }
        let body = parent.body(&mut lock);
        if !body.parent.is_null() {
            fail!(Code::Inval, "a child event cannot have children");
        }
        body.children += 1;
        next_sibling = core::mem::replace(&mut body.first_child, event.0);
    }
    let memory = EventMemory {
        mark: AtomicU64::new(INITIALISED),
        status: AtomicU32::new(DAOS_EVS_READY),
        aborted: AtomicU32::new(0),
        body: UnsafeCell::new(Body::new(
            queue.cookie,
            parent.map_or(core::ptr::null_mut(), |parent| parent.0),
            next_sibling,
        )),
    };
    // SAFETY: the place is the caller's, long enough, and no call runs for it.
    unsafe {
        (*event.0).ev_error = 0;
        (*event.0).ev_debug = 0;
        (&raw mut (*event.0).ev_private).cast::<EventMemory>().write(memory);
    }
    Ok(())
}

/// Makes an initialised event one whose end is told to a task.
pub(crate) fn own(pointer: *mut daos_event_t) {
    Event(pointer).body(&mut lock()).owned = true;
}

/// Ends the use of an event; children go before their parent.
pub fn finalise(event: Event) -> Result<()> {
    if event.status() == DAOS_EVS_RUNNING {
        fail!(Code::Busy, "the event is running");
    }
    event.forget_in_queue();
    let mut lock = lock();
    if event.status() == DAOS_EVS_RUNNING {
        fail!(Code::Busy, "the event is running");
    }
    let body = event.body(&mut lock);
    if body.children > 0 {
        fail!(Code::Busy, "the event has {} child events", body.children);
    }
    let (parent, next_sibling) = (body.parent, body.next_sibling);
    if !parent.is_null() {
        unlink(&mut lock, Event(parent), event, next_sibling);
    }
    // What is left can be finalised again, and used as an event without parent of the same queue: programs do both.
    let queue = event.queue(&mut lock).map_or(0, |_| event.queue_cookie(&mut lock));
    *event.body(&mut lock) = Body::new(queue, core::ptr::null_mut(), core::ptr::null_mut());
    event.set_aborted(false);
    event.set_status(DAOS_EVS_READY);
    Ok(())
}

fn unlink(lock: &mut Lock, parent: Event, child: Event, next_sibling: *mut daos_event_t) {
    let body = parent.body(lock);
    let count = body.children;
    body.children = count.saturating_sub(1);
    if body.first_child == child.0 {
        body.first_child = next_sibling;
        return;
    }
    let mut before = body.first_child;
    for _ in 0..count {
        if before.is_null() {
            return;
        }
        let body = Event(before).body(lock);
        if body.next_sibling == child.0 {
            body.next_sibling = next_sibling;
            return;
        }
        before = body.next_sibling;
    }
}

/// The first child of an event, or the one after `child`.
pub fn next_child(parent: Event, child: Option<Event>) -> Result<*mut daos_event_t> {
    let mut lock = lock();
    let Some(child) = child else { return Ok(parent.body(&mut lock).first_child) };
    let body = child.body(&mut lock);
    if body.parent != parent.0 {
        fail!(Code::Inval, "child is not a child event of parent");
    }
    Ok(body.next_sibling)
}

/// The children of an event.
pub(crate) fn children(parent: Event, lock: &mut Lock) -> Vec<Event> {
    let mut found = Vec::new();
    let body = parent.body(lock);
    let (mut child, count) = (body.first_child, body.children as usize);
    // Where a child was initialised anew without daos_event_fini, the list may never end.
    while !child.is_null() && found.len() < count {
        found.push(Event(child));
        child = Event(child).body(lock).next_sibling;
    }
    found
}

/// Adds a callback for the next completion.
pub fn register(event: Event, function: daos_event_comp_cb_t, argument: *mut c_void) -> Result<()> {
    let mut lock = lock();
    if event.status() == DAOS_EVS_RUNNING {
        fail!(Code::Inval, "callbacks are registered before the call is made");
    }
    let body = event.body(&mut lock);
    let Some(place) = body.callbacks.get_mut(body.callback_count as usize) else {
        fail!(Code::Nomem, "an event has room for {CALLBACKS_MAX} callbacks");
    };
    *place = Callback { function, argument };
    body.callback_count += 1;
    Ok(())
}
