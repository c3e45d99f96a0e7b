//! `fork` in a process with several threads: the child gets the locks of the library as they were at that instant, also
//! those held by threads that it does not get. The thread that forks therefore takes them all before and gives them back
//! after, in both processes.

use std::cell::RefCell;
use std::sync::Once;

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

/// Makes forks safe from now on.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // SAFETY: the handlers are functions of this library, which is not unloaded (it is linked with -z nodelete).
        let failed = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
        if failed != 0 {
            daos_env::log!(
                Warn,
                "libdaos",
                "pthread_atfork failed ({failed}): fork while calls run may hang the child"
            );
        }
    });
}
