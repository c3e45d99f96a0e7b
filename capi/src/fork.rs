//! `fork` in a process with several threads: the child gets the locks of the library as they were at that instant, also
//! those held by threads that it does not get. The thread that forks therefore takes them all before and gives them back
//! after, in both processes.

use std::cell::RefCell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::tse::graph;
use crate::{event_run, event_state, handle_table, process};

/// All locks of the library's global state, in the order in which the library takes them.
type Locks = (process::StateGuard, event_state::Lock, handle_table::TableGuard, event_run::Finished, graph::GraphGuard);

std::thread_local! {
    /// Held between the two handlers, which run on the thread that forks.
    static HELD: RefCell<Option<Locks>> = const { RefCell::new(None) };
}

extern "C" fn before() {
    let locks = (process::state(), event_state::lock(), handle_table::table(), event_run::finished(), graph::graph());
    // A thread whose own variables are gone is about to end and forks no more; then nothing is held.
    let _gone = HELD.try_with(|held| held.replace(Some(locks)));
}

extern "C" fn after() {
    let _gone = HELD.try_with(|held| held.take());
}

extern "C" fn after_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    after();
}

/// How many forks lead from the process that began to use the library to this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Whether forks are counted: the handlers are in place.
static COUNTS: AtomicBool = AtomicBool::new(false);

/// A number that stands for this process among those that were forked from each other: looked at in every call, where asking the
/// system would cost more than the rest. What makes processes without telling the C library (`clone` itself) is not counted.
pub fn process() -> u32 {
    if COUNTS.load(Ordering::Relaxed) { FORKS.load(Ordering::Relaxed) } else { std::process::id() }
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
    });
}
