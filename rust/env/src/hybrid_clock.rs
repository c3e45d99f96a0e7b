//! The hybrid logical clock that epochs are read from.

use crate::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock whose readings follow the calendar, never repeat and never go back, also when the calendar does.
///
/// A reading is in nanoseconds since the Unix epoch; when two fall together, or the calendar lags behind a reading that
/// was seen from elsewhere, the next reading is one more than the last.
pub struct HybridClock {
    clock: Arc<dyn Clock>,
    last: AtomicU64,
}

impl HybridClock {
    /// A clock over the calendar of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> HybridClock {
        HybridClock { clock, last: AtomicU64::new(0) }
    }

    /// A reading greater than every reading before it and every one observed.
    pub fn next(&self) -> u64 {
        let now = self.clock.wall_nanoseconds();
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = now.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(seen) => last = seen,
            }
        }
    }

    /// The greatest reading so far, or what was observed beyond it; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// How far a reading is ahead of the calendar here, whatever was observed.
    pub fn ahead_of_calendar(&self, reading: u64) -> u64 {
        reading.saturating_sub(self.clock.wall_nanoseconds())
    }

    /// As [`HybridClock::observe`], unless the reading is further ahead of the calendar than `limit` nanoseconds; whether it was followed.
    pub fn follow(&self, reading: u64, limit: u64) -> bool {
        let is_near = self.ahead_of_calendar(reading) <= limit;
        if is_near {
            self.observe(reading);
        }
        is_near
    }

    /// Takes note of a reading of another clock: later readings here will be greater.
    pub fn observe(&self, reading: u64) {
        self.last.fetch_max(reading.min(u64::MAX - 1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn readings_grow_when_the_calendar_stands_still_or_lags() {
        let clock = HybridClock::new(Arc::new(ManualClock::starting_at(100)));
        let (a, b) = (clock.next(), clock.next());
        assert_eq!((a, b), (100, 101));
        clock.observe(5000);
        assert_eq!(clock.next(), 5001);
        assert!(!clock.follow(6000, 5899) && clock.follow(6000, 5900));
        assert_eq!((clock.newest(), clock.next()), (6000, 6001));
        assert_eq!((clock.ahead_of_calendar(5001), clock.ahead_of_calendar(99)), (4901, 0));
    }
}
