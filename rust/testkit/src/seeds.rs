//! Seeds of random tests: taken from the environment, and named when a test fails.
//!
//! The variables of a test begin alike, for instance with `DAOS_CRASH`: `DAOS_CRASH_SEEDS=n` runs n seeds of each of its tests,
//! `DAOS_CRASH_FIRST_SEED=n` starts at one, for instance to replay a failure, and `DAOS_CRASH_CUTS=n` bounds what is tried of one seed
//! (0: everything).

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A number from the environment, or what stands for it.
pub fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Where a test takes its seeds from.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    prefix: &'static str,
}

impl Seeds {
    /// The variables that begin so.
    pub const fn new(prefix: &'static str) -> Seeds {
        Seeds { prefix }
    }

    /// The number in the variable that begins as all of these do.
    pub fn variable(&self, name: &str, default: u64) -> u64 {
        variable(&format!("{}_{name}", self.prefix), default)
    }

    /// The seeds to run, so many unless the caller of the test says otherwise.
    pub fn range(&self, default: u64) -> Range<u64> {
        let first = self.variable("FIRST_SEED", 1);
        first..first + self.variable("SEEDS", default)
    }

    /// As [`Seeds::range`], of a test that has seeds of its own.
    pub fn range_of(&self, default: Range<u64>) -> Range<u64> {
        let first = self.variable("FIRST_SEED", default.start);
        first..first + self.variable("SEEDS", default.end.saturating_sub(default.start))
    }

    /// Runs a check with each of the seeds, and says how to replay it when it fails.
    pub fn for_each(&self, default: u64, check: impl Fn(u64)) {
        self.range(default).for_each(|seed| self.replayable(seed, "this seed", || check(seed)));
    }

    /// At most so many numbers of `1..=last`, spread evenly, from an offset that the seed decides.
    pub fn places(&self, seed: u64, last: u64, default: u64) -> impl Iterator<Item = u64> + use<> {
        spread(seed, last, self.variable("CUTS", default))
    }

    /// Runs a check, and says how to replay it when it fails.
    pub fn replayable(&self, seed: u64, what: &str, check: impl FnOnce()) {
        let outcome = catch_unwind(AssertUnwindSafe(check));
        let prefix = self.prefix;
        assert!(outcome.is_ok(), "replay with {prefix}_FIRST_SEED={seed} {prefix}_SEEDS=1 {prefix}_CUTS=0: {what}");
    }
}

/// At most `wanted` numbers of `1..=last`, or all of them for zero.
fn spread(seed: u64, last: u64, wanted: u64) -> impl Iterator<Item = u64> {
    let wanted = if wanted == 0 { last } else { wanted.min(last) };
    let step = last.div_ceil(wanted.max(1)).max(1);
    (1 + seed % step..=last).step_by(step as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_all_or_spread() {
        assert_eq!(spread(5, 7, 0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(spread(5, 7, 100).count(), 7);
        assert_eq!(spread(0, 0, 10).count(), 0);
        for seed in 0..50 {
            let some: Vec<u64> = spread(seed, 100, 7).collect();
            assert!((6..=7).contains(&some.len()) && some.iter().all(|place| (1..=100).contains(place)), "{some:?}");
        }
        let all: std::collections::BTreeSet<u64> = (0..50).flat_map(|seed| spread(seed, 100, 7)).collect();
        assert_eq!(all.len(), 100, "each place is tried by some seed");
    }

    #[test]
    fn what_fails_says_how_to_have_it_again() {
        let failed = catch_unwind(|| Seeds::new("DAOS_SOME").replayable(7, "cut 3", || panic!("a failure")));
        let text = failed.expect_err("it fails");
        let text = text.downcast_ref::<String>().expect("a text");
        assert!(text.contains("DAOS_SOME_FIRST_SEED=7") && text.contains("cut 3"), "{text}");
    }
}
