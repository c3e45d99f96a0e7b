//! Whether an engine is part of the system, as far as it can tell: what grants of handles hang on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long the last look at the other engines counts. An engine that has not looked for longer was stopped, or its machine was; it may have been
/// excluded meanwhile, which takes twice as long at least, and handles may have been closed and snapshots made without it.
pub(crate) const LOOK_MAX: Duration = Duration::from_secs(3);

/// The standing of an engine, shared between its targets. One of them looks at the others of the system about once in a second.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Odd while the engine is cut off from most of the system.
    number: AtomicU64,
    /// When somebody looked last, in nanoseconds of the monotonic clock; 0 where nobody does.
    looked: AtomicU64,
}

impl Standing {
    /// A number that is odd while the engine is cut off from most of the system, and greater after each change, and after each time that the
    /// engine was not awake. What was granted under another number is to be asked for again.
    pub fn number(&self, now: Duration) -> u64 {
        self.wake(now);
        self.number.load(Ordering::Acquire)
    }

    /// Notes a look at the others, and whether the engine is cut off; tells whether that is news.
    pub fn note(&self, now: Duration, is_cut_off: bool) -> bool {
        self.wake(now);
        self.looked.store(nanoseconds(now), Ordering::Release);
        let change = |number: u64| ((number % 2 == 1) != is_cut_off).then_some(number + 1);
        self.number.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }

    /// The others take this engine for dead: whether it is excluded, the answers about its grants tell, for all of which it asks again.
    pub fn ask_again(&self) {
        self.number.fetch_add(2, Ordering::AcqRel);
    }

    /// Moves the number on, once, if the last look was too long ago.
    fn wake(&self, now: Duration) {
        let (looked, now) = (self.looked.load(Ordering::Acquire), nanoseconds(now));
        let is_old = looked != 0 && now.saturating_sub(looked) > nanoseconds(LOOK_MAX);
        if is_old {
            // The number moves first: who sees the new time sees the new number. That two threads move it does no harm.
            self.number.fetch_add(2, Ordering::AcqRel);
            let _another_thread_was_first =
                self.looked.compare_exchange(looked, now, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_number_is_odd_while_the_engine_is_cut_off() {
        let standing = Standing::default();
        let seen: Vec<(bool, u64)> = [false, true, true, false, false, true]
            .into_iter()
            .map(|is_cut_off| (standing.note(SECOND, is_cut_off), standing.number(SECOND)))
            .collect();
        assert_eq!(seen, [(false, 0), (true, 1), (false, 1), (true, 2), (false, 2), (true, 3)]);
    }

    #[test]
    fn who_did_not_look_for_long_asks_again_whether_a_request_or_a_look_comes_first() {
        for is_look_first in [false, true] {
            let standing = Standing::default();
            let news = standing.note(SECOND, false);
            assert!(!news);
            assert_eq!(standing.number(SECOND + LOOK_MAX), 0, "it was awake");
            let later = 2 * SECOND + LOOK_MAX;
            if is_look_first {
                assert!(!standing.note(later, false), "it is not cut off, as before");
            }
            assert_eq!(standing.number(later), 2);
            assert_eq!(standing.number(later), 2, "once is enough");
        }
    }

    #[test]
    fn who_is_taken_for_dead_asks_again() {
        for is_cut_off in [false, true] {
            let standing = Standing::default();
            standing.note(SECOND, is_cut_off);
            let before = standing.number(SECOND);
            standing.ask_again();
            let after = standing.number(SECOND);
            assert!(after > before && after % 2 == u64::from(is_cut_off));
        }
    }

    #[test]
    fn nothing_changes_where_nobody_looks() {
        let standing = Standing::default();
        assert_eq!([SECOND, 100 * SECOND].map(|now| standing.number(now)), [0, 0]);
    }
}
