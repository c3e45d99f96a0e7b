//! How much work of its own a store does at once, and how much of requests comes between two pieces of it.

use crate::{StepBudget, Store};
use daos_env::sync::yield_now;
use std::cell::Cell;
use std::time::Duration;

/// Beside requests, others have so many times as long as a step took before the next one.
const OTHERS_SHARE: u32 = 12;

/// But no more turns than these: a step may seem long because the thread did not run.
const TURNS_MAX: u32 = 32;

/// The pace of one task that works in steps. Times are those of a monotonic clock.
pub(crate) struct Pace {
    budget: StepBudget,
    /// How many requests there were when there was another one the last time, and when that was seen, if it was.
    requests: u64,
    asked: Option<Duration>,
    /// When the step that is done next, or was done last, has begun.
    begun: Duration,
}

/// The rest between two steps.
struct Rest {
    ended: Duration,
    others: Duration,
    turns: u32,
}

impl Pace {
    /// Of a task whose first step begins now.
    pub(crate) fn new(store: &Store) -> Pace {
        Pace::starting(store.spawner.clock().monotonic(), store.statistics().requests())
    }

    fn starting(now: Duration, requests: u64) -> Pace {
        Pace { budget: StepBudget::BESIDE_REQUESTS, requests, asked: None, begun: now }
    }

    /// What the next step may do.
    pub(crate) fn budget(&self) -> StepBudget {
        self.budget
    }

    /// After a step: lets others run, for long when they ask for something, but one turn only while `is_urgent`.
    pub(crate) async fn rest(&mut self, store: &Store, is_urgent: impl Fn() -> bool) {
        let clock = store.spawner.clock();
        let mut rest = self.end_step(clock.monotonic());
        loop {
            yield_now().await;
            if self.end_turn(&mut rest, clock.monotonic(), store.statistics().requests()) || is_urgent() {
                break;
            }
        }
        self.budget = self.budget.next(self.quiet());
    }

    /// How long nobody has asked for anything.
    fn quiet(&self) -> Duration {
        self.asked.map_or(StepBudget::QUIET, |asked| self.begun.saturating_sub(asked))
    }

    fn end_step(&self, now: Duration) -> Rest {
        Rest { ended: now, others: now.saturating_sub(self.begun) * OTHERS_SHARE, turns: 0 }
    }

    /// Others had a turn; whether the next step begins now.
    fn end_turn(&mut self, rest: &mut Rest, now: Duration, requests: u64) -> bool {
        if self.requests != requests {
            (self.requests, self.asked) = (requests, Some(now));
        }
        self.begun = now;
        rest.turns += 1;
        self.quiet() >= StepBudget::QUIET || rest.turns >= TURNS_MAX || now.saturating_sub(rest.ended) >= rest.others
    }
}

/// Counts one who waits for what a task does.
pub(crate) struct Waiting<'a>(&'a Cell<usize>);

impl Waiting<'_> {
    pub(crate) fn new(count: &Cell<usize>) -> Waiting<'_> {
        count.set(count.get() + 1);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    /// Steps of two microseconds, and turns of one in which requests come or not; the turns between two steps.
    fn turns(pace: &mut Pace, now: &mut Duration, requests: &mut u64, come: u64) -> u32 {
        *now += 2 * MICROSECOND;
        let mut rest = pace.end_step(*now);
        loop {
            *now += MICROSECOND;
            *requests += come;
            if pace.end_turn(&mut rest, *now, *requests) {
                break;
            }
        }
        pace.budget = pace.budget.next(pace.quiet());
        rest.turns
    }

    #[test]
    fn most_turns_between_requests_have_no_step_and_steps_stay_small() {
        let (mut now, mut requests) = (MICROSECOND, 5);
        let mut pace = Pace::starting(now, requests);
        for _ in 0..100 {
            assert_eq!(turns(&mut pace, &mut now, &mut requests, 1), 24);
            assert_eq!(pace.budget(), StepBudget::BESIDE_REQUESTS);
        }
        // For a while after the last request one may still follow it.
        let last = now;
        while now < last + StepBudget::QUIET - 30 * MICROSECOND {
            assert_eq!(turns(&mut pace, &mut now, &mut requests, 0), 24);
            assert_eq!(pace.budget(), StepBudget::BESIDE_REQUESTS);
        }
        for _ in 0..5 {
            turns(&mut pace, &mut now, &mut requests, 0);
        }
        assert_eq!((turns(&mut pace, &mut now, &mut requests, 0), pace.budget()), (1, StepBudget::IDLE));
        assert_eq!((turns(&mut pace, &mut now, &mut requests, 1), pace.budget()), (24, StepBudget::BESIDE_REQUESTS));
    }

    #[test]
    fn a_step_that_seemed_long_is_not_waited_for_for_long() {
        let mut pace = Pace::starting(Duration::ZERO, 0);
        let mut rest = pace.end_step(Duration::from_millis(4));
        let mut now = rest.ended;
        let turns = (1..).find(|turn| {
            now += MICROSECOND;
            pace.end_turn(&mut rest, now, *turn)
        });
        assert_eq!(turns, Some(u64::from(TURNS_MAX)));
    }

    #[test]
    fn a_clock_that_stands_still_gives_others_one_turn() {
        let mut pace = Pace::starting(Duration::ZERO, 0);
        let mut rest = pace.end_step(Duration::ZERO);
        assert!(pace.end_turn(&mut rest, Duration::ZERO, 1));
    }
}
