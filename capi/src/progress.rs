//! Driving the client on a thread that waits, and running what callers want to be called back for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use daos_client::Context;
use daos_env::{Clock, SystemClock, log};
use daos_status::{Code, Result, fail};

use crate::event_run;
use crate::guard::words_of;

/// How deep callbacks can be within each other: one that waits runs others meanwhile, each on top of it on the stack.
const CALLBACK_DEPTH_MAX: u32 = 16;

/// After so many faults of the library in one wait, the wait ends with an error.
const FAULTS_MAX: u32 = 8;

std::thread_local! {
    /// How many callbacks this thread is in: known to no other thread, and passed on by no caller.
    static CALLBACK_DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One more callback on this thread's stack.
struct Deeper;

impl Deeper {
    fn enter() -> Option<Deeper> {
        CALLBACK_DEPTH.with(|depth| {
            (depth.get() < CALLBACK_DEPTH_MAX).then(|| {
                depth.set(depth.get() + 1);
                Deeper
            })
        })
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        CALLBACK_DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Drives the client until `done` holds or `limit` has passed (`None`: no limit; zero: one round), and runs callbacks
/// meanwhile. Returns what `done` gave last.
pub fn drive(context: &Context, limit: Option<Duration>, mut done: impl FnMut() -> bool) -> Result<bool> {
    let deadline = limit.filter(|limit| !limit.is_zero()).map(|limit| SystemClock.monotonic().saturating_add(limit));
    let mut faults = 0;
    loop {
        let deeper = Deeper::enter();
        let left = match deadline {
            Some(deadline) => Some(deadline.saturating_sub(SystemClock.monotonic())),
            None => limit,
        };
        let mut is_done = false;
        let round = catch_unwind(AssertUnwindSafe(|| {
            context.drive(left, || {
                is_done = done();
                is_done || (deeper.is_some() && event_run::has_finished())
            })
        }));
        let something = round.unwrap_or_else(|payload| {
            // Somebody's task is gone; ours may be well. Leaving now would let it write to memory of a call that returned.
            log!(Error, "libdaos", "a fault inside the library: {}", words_of(&*payload));
            faults += 1;
            true
        });
        if is_done {
            return Ok(true);
        }
        if faults >= FAULTS_MAX {
            fail!(Code::Misc, "the library has failed inside {FAULTS_MAX} times during one call");
        }
        if deeper.is_some() && event_run::has_finished() {
            if event_run::run_callbacks() > 0 {
                wake(context);
            }
        } else if !something {
            return Ok(false);
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(done());
        }
    }
}

/// Refuses to wait for events without a limit where callbacks can no longer run on this thread: it might wait for one.
pub fn check_depth(timeout_microseconds: i64) -> Result<()> {
    if timeout_microseconds < 0 && CALLBACK_DEPTH.with(Cell::get) >= CALLBACK_DEPTH_MAX {
        fail!(Code::Busy, "{CALLBACK_DEPTH_MAX} callbacks wait within each other: this one may not");
    }
    Ok(())
}

/// Makes threads that wait look again.
pub fn wake(context: &Context) {
    context.spawn(|_client| async {});
}
