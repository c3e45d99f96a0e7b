//! Events over work that needs no system: each test has events of its own, and none ends the library, so that they can
//! run in one process.

use std::future::pending;
use std::sync::Once;
use std::sync::atomic::AtomicU32;

use daos_client::Client;

use core::ffi::c_void;

use super::*;
use crate::abi::{DAOS_EQR_ALL, daos_handle_t};
use crate::completion;
use crate::event::*;
use crate::event_queue::*;

const NO_QUEUE: daos_handle_t = daos_handle_t { cookie: 0 };

fn start_library() {
    static STARTED: Once = Once::new();
    // SAFETY: there is no pointer.
    STARTED.call_once(|| assert_eq!(unsafe { crate::library::daos_init() }, 0));
}

fn caller() -> Caller {
    // SAFETY: the tests pass pointers to events that stay where they are.
    unsafe { Caller::promised() }
}

fn memory() -> Box<daos_event_t> {
    // SAFETY: numbers alone.
    unsafe { Box::new(core::mem::zeroed()) }
}

fn queue() -> daos_handle_t {
    let mut queue = NO_QUEUE;
    // SAFETY: the place is ours.
    assert_eq!(unsafe { daos_eq_create(&raw mut queue) }, 0);
    queue
}

fn event(queue: daos_handle_t, parent: *mut daos_event_t) -> Box<daos_event_t> {
    start_library();
    let mut event = memory();
    // SAFETY: the events are ours and stay in their boxes.
    assert_eq!(unsafe { daos_event_init(&raw mut *event, queue, parent) }, 0);
    event
}

/// Starts a call that gives `code`, or never ends.
fn launch(event: &mut daos_event_t, end: Option<Result<()>>) -> Result<()> {
    completion::run(caller(), "test", event, move |_client: Client| async move {
        match end {
            Some(result) => result,
            None => pending().await,
        }
    })
}

fn test(event: &mut daos_event_t, timeout: i64) -> bool {
    let mut flag = false;
    // SAFETY: both are ours.
    assert_eq!(unsafe { daos_event_test(event, timeout, &raw mut flag) }, 0);
    flag
}

fn poll(queue: daos_handle_t, timeout: i64) -> c_int {
    let mut events = [core::ptr::null_mut(); 8];
    // SAFETY: the array has so many places.
    unsafe { daos_eq_poll(queue, 0, timeout, 8, events.as_mut_ptr()) }
}

fn failure() -> Result<()> {
    fail!(Code::Nospace, "on purpose")
}

#[test]
fn an_event_is_used_by_one_call_at_a_time() {
    let mut event = event(NO_QUEUE, core::ptr::null_mut());
    launch(&mut event, None).expect("it is free");
    assert_eq!(launch(&mut event, None).map_err(|e| e.code()), Err(Code::Busy));
    // SAFETY: the event is ours.
    unsafe {
        assert_eq!(daos_event_init(&raw mut *event, NO_QUEUE, core::ptr::null_mut()), -(Code::Busy as c_int));
        assert_eq!(daos_event_fini(&raw mut *event), -(Code::Busy as c_int));
    }
    assert!(!test(&mut event, 0));
    assert!(!test(&mut event, 1000));
    // The call still runs, and will write to the event.
    core::mem::forget(event);
}

#[test]
fn results_are_told_and_the_event_can_be_used_again() {
    let mut event = event(NO_QUEUE, core::ptr::null_mut());
    launch(&mut event, Some(failure())).expect("it is free");
    assert!(test(&mut event, -1));
    assert_eq!(event.ev_error, -(Code::Nospace as c_int));
    launch(&mut event, Some(Ok(()))).expect("it is free again");
    assert!(test(&mut event, -1));
    assert_eq!(event.ev_error, 0);
    // SAFETY: the event is ours.
    assert_eq!(unsafe { daos_event_fini(&raw mut *event) }, 0);
}

#[test]
fn a_panic_in_a_call_is_an_error_of_that_call() {
    start_library();
    let mut event = event(NO_QUEUE, core::ptr::null_mut());
    async fn work(_client: Client) -> Result<()> {
        panic!("on purpose")
    }
    completion::run(caller(), "test", &raw mut *event, work).expect("it is free");
    assert!(test(&mut event, -1));
    assert_eq!(event.ev_error, -(Code::Misc as c_int));
    let result = completion::run(caller(), "test", core::ptr::null_mut(), work);
    assert_eq!(result.map_err(|e| e.code()), Err(Code::Misc));
}

#[test]
fn a_parent_tells_of_children_that_failed_before_the_barrier() {
    let mut parent = event(NO_QUEUE, core::ptr::null_mut());
    let mut one = event(NO_QUEUE, &raw mut *parent);
    let mut other = event(NO_QUEUE, &raw mut *parent);
    launch(&mut one, Some(failure())).expect("it is free");
    assert!(test(&mut one, -1));
    launch(&mut other, Some(Ok(()))).expect("it is free");
    // SAFETY: the events are ours.
    unsafe {
        assert_eq!(daos_event_fini(&raw mut *parent), -(Code::Busy as c_int));
        assert_eq!(daos_event_parent_barrier(&raw mut *parent), 0);
        assert!(test(&mut parent, -1));
        assert_eq!(parent.ev_error, -(Code::Nospace as c_int));
        assert!(test(&mut other, -1));
        for event in [&mut one, &mut other, &mut parent] {
            assert_eq!(daos_event_fini(&raw mut **event), 0);
        }
    }
}

unsafe extern "C" fn call_and_wait(argument: *mut c_void, _event: *mut daos_event_t, number: c_int) -> c_int {
    assert_eq!(number, 0);
    // A call that waits, inside a callback.
    let result: Result<()> = completion::run(caller(), "inner", core::ptr::null_mut(), |_client| async { Ok(()) });
    result.expect("nothing refuses it");
    // SAFETY: the argument is the counter that was registered.
    unsafe { &*argument.cast::<AtomicU32>() }.fetch_add(1, Ordering::SeqCst);
    -(Code::Exist as c_int)
}

#[test]
fn callbacks_may_wait_and_change_the_result() {
    start_library();
    static CALLED: AtomicU32 = AtomicU32::new(0);
    let queue = queue();
    let mut events: Vec<_> = (0..100).map(|_| event(queue, core::ptr::null_mut())).collect();
    for event in &mut events {
        let counter = (&raw const CALLED).cast_mut().cast();
        // SAFETY: the event is ours and the counter stays.
        assert_eq!(unsafe { daos_event_register_comp_cb(&raw mut **event, Some(call_and_wait), counter) }, 0);
        launch(event, Some(Ok(()))).expect("it is free");
    }
    let mut taken = 0;
    while taken < events.len() as c_int {
        taken += poll(queue, -1);
    }
    assert_eq!(CALLED.load(Ordering::SeqCst), 100);
    for event in &mut events {
        assert_eq!(event.ev_error, -(Code::Exist as c_int));
        // SAFETY: the event is ours.
        assert_eq!(unsafe { daos_event_fini(&raw mut **event) }, 0);
    }
    // SAFETY: there is no pointer.
    assert_eq!(unsafe { daos_eq_destroy(queue, 0) }, 0);
}

#[test]
fn a_queue_in_use_is_destroyed_by_force_alone() {
    start_library();
    let queue = queue();
    let mut running = event(queue, core::ptr::null_mut());
    let mut idle = event(queue, core::ptr::null_mut());
    launch(&mut running, None).expect("it is free");
    // SAFETY: there is no pointer.
    unsafe {
        assert_eq!(daos_eq_query(queue, DAOS_EQR_ALL, 0, core::ptr::null_mut()), 1);
        assert_eq!(daos_eq_destroy(queue, 0), -(Code::Busy as c_int));
        let waiter = std::thread::spawn(move || poll(queue, -1));
        assert_eq!(daos_eq_destroy(queue, 1), 0);
        assert_eq!(waiter.join().expect("it does not panic"), -(Code::NoHdl as c_int));
        assert_eq!(daos_eq_destroy(queue, 1), -(Code::NoHdl as c_int));
    }
    assert_eq!(poll(queue, 0), -(Code::NoHdl as c_int));
    assert_eq!(launch(&mut idle, Some(Ok(()))).map_err(|e| e.code()), Err(Code::NoHdl));
    assert!(!test(&mut running, 0));
    core::mem::forget(running);
}

#[test]
fn many_threads_share_a_queue() {
    start_library();
    const THREADS: usize = 8;
    const EVENTS: usize = 200;
    let queue = queue();
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            std::thread::spawn(move || {
                let mut events: Vec<_> = (0..EVENTS).map(|_| event(queue, core::ptr::null_mut())).collect();
                for event in &mut events {
                    launch(event, Some(Ok(()))).expect("it is free");
                    TAKEN.fetch_add(poll(queue, 0) as u32, Ordering::SeqCst);
                }
                while (TAKEN.load(Ordering::SeqCst) as usize) < THREADS * EVENTS {
                    TAKEN.fetch_add(poll(queue, 1000) as u32, Ordering::SeqCst);
                }
                events
            })
        })
        .collect();
    for thread in threads {
        for mut event in thread.join().expect("it does not panic") {
            assert_eq!(event.ev_error, 0);
            // SAFETY: the event is ours.
            assert_eq!(unsafe { daos_event_fini(&raw mut *event) }, 0);
        }
    }
    // SAFETY: there is no pointer.
    assert_eq!(unsafe { daos_eq_destroy(queue, 0) }, 0);
}
