//! `fork` in a process with several threads: the child gets the locks of the library as they were at that instant, also
//! those held by threads that it does not get. The thread that forks therefore takes them all before and gives them back
//! after, in both processes.
//!
//! `_Fork`, and `clone` itself, run no handlers. Such a child is known by a page that the kernel empties in every child with memory of its own. It
//! is a child like others as long as no thread of the parent was inside the library; where it needs a lock that was held, the call fails instead
//! of waiting for a thread that is not there.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, Once, TryLockError};

use daos_status::{Code, Status};

use crate::tse::graph;
use crate::{dfs, event_run, event_state, gurt, handle_table, process};

/// All locks of the library's global state, in the order in which the library takes them.
type Locks = (
    dfs::mount::Users,
    process::StateGuard,
    process::Abandoned,
    event_state::Lock,
    handle_table::TableGuard,
    event_run::Finished,
    graph::GraphGuard,
    gurt::environment::Held,
);

std::thread_local! {
    /// Held between the two handlers, which run on the thread that forks.
    static HELD: RefCell<Option<Locks>> = const { RefCell::new(None) };
}

extern "C" fn before() {
    // A thread whose own variables are gone is about to end and forks no more; then nothing is held. Nor is anything where a lock is held for ever:
    // no call can end here with an error, and the child is one like its parent.
    let _gone = HELD.try_with(|held| held.replace(catch_unwind(AssertUnwindSafe(all_locks)).ok()));
}

fn all_locks() -> Locks {
    (
        dfs::mount::users(),
        process::state(),
        take(&process::ABANDONED),
        event_state::lock(),
        handle_table::table(),
        event_run::finished(),
        graph::graph(),
        gurt::environment::held(),
    )
}

extern "C" fn after() {
    let _gone = HELD.try_with(|held| held.take());
}

extern "C" fn after_in_child() {
    let page = PAGE.load(Ordering::Relaxed);
    if page.is_null() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    } else {
        // The kernel did so already, or only said that it would.
        // SAFETY: the page is never given back.
        unsafe { &*page }.store(0, Ordering::Relaxed);
    }
    let number = process();
    if let Ok(Some(held)) = HELD.try_with(|held| held.take()) {
        KNOWN.store(number, Ordering::Relaxed);
        drop(held);
    }
}

/// How many forks lead from the process that began to use the library to this one, and one.
static FORKS: AtomicU32 = AtomicU32::new(1);

/// Whether forks are counted: the handlers are in place.
static COUNTS: AtomicBool = AtomicBool::new(false);

/// A page with the same number, which is zero in a child that did not look yet. NULL where the kernel does not empty pages for children.
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(null_mut());

/// The process whose locks were given back after its fork, or are its own from the start; zero as long as the library was not begun with, and no
/// lock is known to be stuck.
static KNOWN: AtomicU32 = AtomicU32::new(0);

/// A number that stands for this process among those that were forked from each other: looked at in every call, where asking the
/// system would cost more than the rest.
pub fn process() -> u32 {
    let page = PAGE.load(Ordering::Relaxed);
    if page.is_null() {
        return if COUNTS.load(Ordering::Relaxed) { FORKS.load(Ordering::Relaxed) } else { std::process::id() };
    }
    // SAFETY: the page is never given back.
    let number = unsafe { &*page };
    match number.load(Ordering::Relaxed) {
        0 => count_this(number, &FORKS),
        known => known,
    }
}

/// The first look in a child: of several threads at once, one counts.
#[cold]
fn count_this(number: &AtomicU32, forks: &AtomicU32) -> u32 {
    let parent = forks.load(Ordering::Acquire);
    match number.compare_exchange(0, parent + 1, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {
            forks.store(parent + 1, Ordering::Release);
            parent + 1
        }
        Err(counted) => counted,
    }
}

/// Whether this process was made without the handlers, so that locks may be held by threads that it does not have.
fn is_unknown() -> bool {
    differs(KNOWN.load(Ordering::Relaxed), process())
}

fn differs(known: u32, process: u32) -> bool {
    known != 0 && known != process
}

/// Takes a lock of the library's global state. In a child that was made without the handlers a lock that is held stays so: the call that needs it ends
/// there, with an error.
pub(crate) fn take<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    take_if_possible(mutex).unwrap_or_else(|| resume_unwind(Box::new(held_for_ever())))
}

/// The same where no call can end: nothing when the lock stays held.
pub(crate) fn take_if_possible<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    take_unless(mutex, is_unknown)
}

fn take_unless<T>(mutex: &Mutex<T>, is_stuck: impl FnOnce() -> bool) -> Option<MutexGuard<'_, T>> {
    // Every change under these locks is complete when something could panic.
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) if is_stuck() => None,
        Err(TryLockError::WouldBlock) => Some(mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)),
    }
}

fn held_for_ever() -> Status {
    let sentence = "this process was made by _Fork or clone while another thread was inside the library: it cannot use it; use fork";
    Status::new(Code::Uninit, sentence)
}

/// Makes the locks this process's own: from now on one that is held is held by a thread of it.
pub(crate) fn adopt() {
    if is_unknown() {
        drop(all_locks());
        KNOWN.store(process(), Ordering::Relaxed);
    }
}

/// An advice that there is not.
const NO_ADVICE: libc::c_int = -1;

/// A page that the kernel empties in every child; NULL where it does not.
fn page_for_one_process() -> *mut AtomicU32 {
    // Long enough on every machine: the kernel takes whole pages.
    let length = size_of::<AtomicU32>();
    // SAFETY: a new mapping touches no memory that is used.
    let page = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if page == libc::MAP_FAILED {
        return null_mut();
    }
    // A kernel that does not know the advice (before 4.14) refuses it. What takes any advice, as emulators do, does not follow it.
    // SAFETY: the mapping is ours.
    let advise = |advice| unsafe { libc::madvise(page, length, advice) } == 0;
    if advise(NO_ADVICE) || !advise(libc::MADV_WIPEONFORK) {
        // SAFETY: nobody else knows of it.
        unsafe { libc::munmap(page, length) };
        return null_mut();
    }
    let number: *mut AtomicU32 = page.cast();
    // SAFETY: the mapping is long enough, and aligned to a page.
    unsafe { (*number).store(FORKS.load(Ordering::Relaxed), Ordering::Relaxed) };
    number
}

/// Makes forks safe from now on.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // SAFETY: the handlers are functions of this library, which is not unloaded (it is linked with -z nodelete).
        let failed = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_child)) };
        COUNTS.store(failed == 0, Ordering::Relaxed);
        if failed != 0 {
            daos_env::log!(
                Warn,
                "libdaos",
                "pthread_atfork failed ({failed}): fork while calls run may hang the child"
            );
        }
        PAGE.store(page_for_one_process(), Ordering::Release);
        // Without a page and handlers a process is its number, and no lock is known to be stuck.
        KNOWN.store(process(), Ordering::Relaxed);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_look_in_a_child_counts_it_once() {
        let (page, forks) = (AtomicU32::new(0), AtomicU32::new(7));
        assert_eq!((count_this(&page, &forks), forks.load(Ordering::Relaxed)), (8, 8));
        assert_eq!((count_this(&page, &forks), forks.load(Ordering::Relaxed)), (8, 8));
    }

    #[test]
    fn before_the_library_is_begun_with_no_lock_is_stuck() {
        // A process is its number then, whatever that is.
        assert!(!differs(0, 1) && !differs(0, 4711) && !differs(3, 3));
        assert!(differs(3, 4));
        let (lock, is_held) = (Mutex::new(0), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                is_held.wait();
                *take_unless(&lock, || differs(0, 4711)).expect("it is not stuck")
            });
            let mut held = take(&lock);
            is_held.wait();
            *held = 1;
            drop(held);
            assert_eq!(waiting.join().expect("it waits for the lock"), 1);
        });
    }

    #[test]
    fn a_lock_that_a_thread_of_the_parent_held_is_an_error() {
        let lock = Mutex::new(());
        let held = take(&lock);
        assert!(take_unless(&lock, || true).is_none(), "nobody gives it back");
        drop(held);
        assert!(take_unless(&lock, || true).is_some());
        let ended = catch_unwind(AssertUnwindSafe(|| resume_unwind(Box::new(held_for_ever()))));
        let payload = ended.map(|never: std::convert::Infallible| never).expect_err("it ends the call");
        assert_eq!(crate::guard::fault("daos_init", &*payload).code(), Code::Uninit);
    }
}
