//! When a store is aggregated, and how fast: decided from what was seen, without doing anything.

use crate::{ReclaimMode, ReclaimSettings};
use daos_store::StepBudget;
use std::time::Duration;

/// How often it is looked whether there is something to do: a writer at full speed fills some ten mebibytes in that time.
pub const POLL: Duration = Duration::from_millis(20);

/// Nobody asks for anything when nobody has for so long.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// Where there is no pressure, a round begins after the last one when this part of the time has passed for which changes stay apart.
const ROUND_PART: u32 = 5;

/// All of what is counted in parts.
const WHOLE: u64 = 64;

/// Space gets short when a quarter is free, and is as short as it may get without writers waiting at a sixteenth. The pressure grows evenly in
/// between.
const PRESSURE_FROM: u64 = 16;
const PRESSURE_FULL: u64 = 4;

/// The part of the time that aggregation takes while requests run: a thirteenth without pressure, which costs requests about as much of their
/// speed, and five eighths under full pressure: then it frees as much as writers can write in the rest of the time, which they are slowed down
/// to. Steps stay as small as they are without pressure, so that requests wait more often but not longer.
const SHARE_USUAL: u64 = 5;
const SHARE_MOST: u64 = 40;

/// Under full pressure, changes stay apart for an eighth of the usual time.
const GAP_DIVISOR: u32 = 8;

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
    /// The last round has found next to nothing to free, so that hurry is in vain: it is full of what is needed.
    pub is_fruitless: bool,
}

impl Sight {
    /// How short space is, from 0 to the difference of the two bounds.
    fn pressure(&self) -> u64 {
        if self.is_fruitless {
            return 0;
        }
        let free = u128::from(self.free) * u128::from(WHOLE) / u128::from(self.total.max(1));
        let free = u64::try_from(free).unwrap_or(WHOLE);
        PRESSURE_FROM - free.clamp(PRESSURE_FULL, PRESSURE_FROM)
    }

    fn is_short(&self) -> bool {
        self.is_wanted || self.pressure() > 0
    }

    /// A number between two, by the pressure.
    fn between(&self, usual: u64, most: u64) -> u64 {
        usual + (most - usual) * self.pressure() / (PRESSURE_FROM - PRESSURE_FULL)
    }
}

/// Fewer than one record freed in so many steps is next to nothing.
const FRUITLESS_STEPS: u64 = 16;

/// Whether a round of so many steps that freed so many records was in vain. A short one tells nothing.
pub fn is_fruitless(steps: u64, freed: u64) -> bool {
    steps >= FRUITLESS_STEPS && freed < steps / FRUITLESS_STEPS
}

/// What is remembered between two looks. Times are those of a monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watch {
    /// How many requests there were when there was another one the last time, and when that was seen.
    requests: u64,
    asked: Duration,
    /// When a round has ended.
    ended: Option<Duration>,
}

impl Watch {
    /// Whether a round over the containers begins.
    pub fn begins(&mut self, settings: &ReclaimSettings, now: Duration, sight: &Sight) -> bool {
        if sight.requests != self.requests {
            (self.requests, self.asked) = (sight.requests, now);
        }
        let is_due = self.ended.is_none_or(|ended| now >= ended + settings.gap / ROUND_PART);
        match settings.mode {
            ReclaimMode::Disabled => false,
            _ if sight.is_short() => true,
            ReclaimMode::Lazy => is_due && now >= self.asked + IDLE_AFTER,
            ReclaimMode::Time => is_due,
        }
    }

    /// A round has ended.
    pub fn note_end(&mut self, now: Duration) {
        self.ended = Some(now);
    }
}

/// Changes of this age and older are aggregated.
pub fn gap(settings: &ReclaimSettings, now: &Sight) -> Duration {
    if now.is_wanted {
        return Duration::ZERO;
    }
    let eighths = now.between(0, u64::from(GAP_DIVISOR - 1));
    settings.gap / GAP_DIVISOR * (GAP_DIVISOR - u32::try_from(eighths).unwrap_or(0))
}

/// How the next step of a round is done after one with this budget, which took so long, when nobody has asked for anything for as long as
/// `quiet`: its budget, and how long others run before it.
pub fn pace(budget: StepBudget, now: &Sight, quiet: Duration, took: Duration) -> (StepBudget, Duration) {
    let rest = match quiet.is_zero() && !now.is_wanted {
        true => {
            let share = now.between(SHARE_USUAL, SHARE_MOST);
            took.mul_f64((WHOLE - share) as f64 / share as f64)
        }
        false => Duration::ZERO,
    };
    // Who waits for space is helped by few large steps more than others are by small ones.
    let least = if now.is_wanted { StepBudget::IDLE } else { StepBudget::BESIDE_REQUESTS };
    (budget.next(quiet).max(least), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: ReclaimMode) -> ReclaimSettings {
        ReclaimSettings { mode, gap: Duration::from_secs(8) }
    }

    const CALM: Sight = Sight { requests: 5, is_wanted: false, free: 320, total: 640, is_fruitless: false };
    const BUSY: Sight = Sight { requests: 6, ..CALM };

    #[test]
    fn rounds_begin_by_mode() {
        let second = Duration::from_secs;
        let begins = |mode, now, sight| {
            let mut watch = Watch { requests: CALM.requests, asked: second(1), ended: Some(second(9)) };
            watch.begins(&settings(mode), now, &sight)
        };
        let wanted = Sight { is_wanted: true, ..BUSY };
        assert!(!begins(ReclaimMode::Disabled, second(20), CALM));
        assert!(!begins(ReclaimMode::Disabled, second(20), wanted));
        assert!(begins(ReclaimMode::Lazy, second(9), wanted));
        assert!(begins(ReclaimMode::Lazy, second(11), CALM));
        assert!(!begins(ReclaimMode::Lazy, second(10), CALM), "one round has just ended");
        assert!(!begins(ReclaimMode::Lazy, second(20), BUSY));
        assert!(begins(ReclaimMode::Lazy, second(9), Sight { free: 159, ..BUSY }));
        assert!(!begins(ReclaimMode::Lazy, second(9), Sight { free: 160, ..BUSY }));
        assert!(begins(ReclaimMode::Time, second(11), BUSY));
        assert!(!begins(ReclaimMode::Time, second(10), BUSY));
    }

    #[test]
    fn steps_are_small_while_requests_run_and_more_under_pressure() {
        let took = Duration::from_micros(40);
        let small = StepBudget::BESIDE_REQUESTS;
        let (idle, quiet) = (StepBudget::IDLE, StepBudget::QUIET);
        assert_eq!(pace(small, &CALM, quiet, took), (StepBudget::new(8), Duration::ZERO));
        assert_eq!(pace(idle, &CALM, quiet, took), (idle, Duration::ZERO));
        assert_eq!(
            pace(idle, &CALM, quiet / 2, took),
            (small, Duration::ZERO),
            "another request may follow the last one"
        );
        let rest = |free| pace(idle, &Sight { free, ..BUSY }, Duration::ZERO, took);
        assert_eq!(rest(320), (small, Duration::from_micros(40 * 59 / 5)));
        assert_eq!(rest(40), (small, Duration::from_micros(24)));
        assert_eq!(rest(0), rest(40));
        let rests: Vec<Duration> = (0..64).rev().map(|free| rest(10 * free).1).collect();
        assert!(rests.is_sorted_by(|before, after| before >= after), "{rests:?}");
        let wanted = Sight { is_wanted: true, ..BUSY };
        assert_eq!(pace(small, &wanted, Duration::ZERO, took), (idle, Duration::ZERO));
        assert_eq!(pace(idle, &wanted, quiet, took), (idle, Duration::ZERO));
    }

    #[test]
    fn pressure_makes_younger_changes_go() {
        let gap = |now: Sight| gap(&settings(ReclaimMode::Lazy), &now);
        assert_eq!(gap(CALM), Duration::from_secs(8));
        assert_eq!(gap(Sight { free: 100, ..CALM }), Duration::from_secs(5));
        assert_eq!(gap(Sight { free: 0, ..CALM }), Duration::from_secs(1));
        assert_eq!(gap(Sight { is_wanted: true, ..CALM }), Duration::ZERO);
    }

    #[test]
    fn rounds_that_free_nothing_are_in_vain() {
        assert!(!is_fruitless(0, 0) && !is_fruitless(15, 0));
        assert!(is_fruitless(16, 0) && is_fruitless(1600, 99));
        assert!(!is_fruitless(1600, 100));
    }

    #[test]
    fn a_store_without_a_size_is_under_full_pressure_and_a_huge_one_is_not() {
        assert!(Sight::default().is_short());
        assert!(!Sight { is_fruitless: true, ..Sight::default() }.is_short());
        assert!(!Sight { free: u64::MAX, total: u64::MAX, ..CALM }.is_short());
    }
}
