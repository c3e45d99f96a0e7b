//! When a store is aggregated, and how fast: decided from what was seen, without doing anything.

use crate::{ReclaimMode, ReclaimSettings};
use std::time::Duration;

/// How often it is looked whether there is something to do.
pub const POLL: Duration = Duration::from_secs(1);

/// Space is short when less than one part in so many is free.
const SHORT_SHARE: u64 = 8;

/// While requests run, steps are so small that one of them takes little longer than a request: entries looked at, records freed.
const SMALL_STEP: (usize, usize) = (8, 2);
/// When space is short, so that writers do not have to wait for it.
const MEDIUM_STEP: (usize, usize) = (48, 12);
const LARGE_STEP: (usize, usize) = (512, 128);

/// While requests run, one part in so many of the time goes into aggregation; when space is short, one in so many.
const BUSY_SHARE: u32 = 12;
const SHORT_TIME_SHARE: u32 = 3;

/// What was seen of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// Requests since it was opened.
    pub requests: u64,
    /// A writer waits for space.
    pub is_wanted: bool,
    /// Bytes free of all, of the tier that is fuller.
    pub free: u64,
    /// All bytes of that tier.
    pub total: u64,
}

impl Sight {
    fn is_short(&self) -> bool {
        self.is_wanted || self.free < self.total / SHORT_SHARE
    }
}

/// Whether a round over the containers begins.
pub fn begins(settings: &ReclaimSettings, before: &Sight, now: &Sight) -> bool {
    match settings.mode {
        ReclaimMode::Disabled => false,
        ReclaimMode::Lazy => now.requests == before.requests || now.is_short(),
        ReclaimMode::Time => true,
    }
}

/// How the next step of a round is done: entries looked at, records freed, and how long others run after it, when it took so long.
pub fn pace(before: &Sight, now: &Sight, took: Duration) -> ((usize, usize), Duration) {
    if now.is_wanted || now.requests == before.requests {
        return (LARGE_STEP, Duration::ZERO);
    }
    match now.is_short() {
        true => (MEDIUM_STEP, took * (SHORT_TIME_SHARE - 1)),
        false => (SMALL_STEP, took * (BUSY_SHARE - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_begin_by_mode() {
        let settings = |mode| ReclaimSettings { mode, gap: Duration::ZERO };
        let before = Sight { requests: 5, is_wanted: false, free: 50, total: 100 };
        let busy = Sight { requests: 6, ..before };
        let [disabled, lazy, time] = [ReclaimMode::Disabled, ReclaimMode::Lazy, ReclaimMode::Time].map(settings);
        assert!(!begins(&disabled, &before, &before));
        assert!(!begins(&disabled, &before, &Sight { is_wanted: true, ..busy }));
        assert!(begins(&lazy, &before, &Sight { is_wanted: true, ..busy }));
        assert!(begins(&lazy, &before, &before));
        assert!(!begins(&lazy, &before, &busy));
        assert!(begins(&lazy, &before, &Sight { free: 11, ..busy }));
        assert!(!begins(&lazy, &before, &Sight { free: 12, ..busy }));
        assert!(begins(&time, &before, &busy));
    }

    #[test]
    fn steps_are_small_while_requests_run() {
        let before = Sight { requests: 5, is_wanted: false, free: 50, total: 100 };
        let busy = Sight { requests: 6, ..before };
        let took = Duration::from_micros(10);
        assert_eq!(pace(&before, &before, took), (LARGE_STEP, Duration::ZERO));
        assert_eq!(pace(&before, &busy, took), (SMALL_STEP, Duration::from_micros(110)));
        assert_eq!(pace(&before, &Sight { free: 1, ..busy }, took), (MEDIUM_STEP, Duration::from_micros(20)));
        assert_eq!(pace(&before, &Sight { is_wanted: true, ..busy }, took), (LARGE_STEP, Duration::ZERO));
    }
}
