//! When the next step of a scrub is due.

use crate::{ScrubMode, ScrubSettings};
use std::time::Duration;

/// How often somebody who waits for idleness looks.
const IDLE_CHECK: Duration = Duration::from_millis(100);

/// The longest time between two steps of a timed pass, so that an estimate that was wrong is noticed.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The least time between two steps: requests have the rest of it, and a pass verifies at most some hundred megabytes a second.
const PAUSE_MIN: Duration = Duration::from_micros(200);

/// What a scrubber needs to remember to decide when it goes on. Times are those of a monotonic clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScrubPlan {
    /// When the pass began; before the first one, `None`.
    started: Option<Duration>,
    /// Steps of it so far.
    steps: u64,
    /// Steps that it will probably take.
    expected: u64,
    /// Whether it has come to its end.
    is_done: bool,
    /// Requests that were counted at the last look, and when it was.
    seen: (u64, Duration),
}

impl ScrubPlan {
    /// A plan for a first pass of probably so many steps.
    pub fn new(expected_steps: u64) -> ScrubPlan {
        ScrubPlan {
            started: None,
            steps: 0,
            expected: expected_steps.max(1),
            is_done: false,
            seen: (u64::MAX, Duration::ZERO),
        }
    }

    /// How long to wait before the next step; zero for now. `requests` counts those of others since the target was started.
    pub fn pause(&mut self, settings: &ScrubSettings, now: Duration, requests: u64) -> Duration {
        let Some(started) = self.started else { return self.pause_in_pass(settings, now, requests, now) };
        let next = started.saturating_add(settings.frequency);
        if self.is_done && now < next {
            return next - now;
        }
        self.pause_in_pass(settings, now, requests, started)
    }

    fn pause_in_pass(&mut self, settings: &ScrubSettings, now: Duration, requests: u64, started: Duration) -> Duration {
        match settings.mode {
            ScrubMode::Off => PAUSE_MAX,
            ScrubMode::Lazy if self.seen.0 == requests && now >= self.seen.1.saturating_add(IDLE_CHECK) => {
                Duration::ZERO
            }
            ScrubMode::Lazy => {
                if self.seen.0 != requests {
                    self.seen = (requests, now);
                }
                IDLE_CHECK
            }
            ScrubMode::Timed if self.steps == 0 => Duration::ZERO,
            ScrubMode::Timed => {
                let share = self.steps as f64 / self.expected.max(self.steps) as f64;
                let due = started.saturating_add(settings.frequency.mul_f64(share.min(1.0)));
                due.saturating_sub(now).clamp(Duration::ZERO, PAUSE_MAX)
            }
        }
    }

    /// A step begins: `true` when it is the first of a pass.
    pub fn begin_step(&mut self, now: Duration) -> bool {
        let is_first = self.started.is_none() || self.is_done;
        if is_first {
            (self.started, self.steps, self.is_done) = (Some(now), 0, false);
        }
        is_first
    }

    /// A step has ended, and the pass with it if `is_done`; how long the scrubber rests at least.
    pub fn end_step(&mut self, is_done: bool) -> Duration {
        self.steps += 1;
        self.expected = match is_done {
            true => self.steps,
            // There is more than was thought: it catches up.
            false if self.steps >= self.expected => self.expected.saturating_mul(2),
            false => self.expected,
        };
        self.is_done = is_done;
        PAUSE_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn settings(mode: ScrubMode, frequency: u64) -> ScrubSettings {
        ScrubSettings { mode, frequency: seconds(frequency), threshold: 0 }
    }

    /// Steps and their times until `end`, of passes of `length` steps.
    fn run(settings: &ScrubSettings, length: u64, end: u64, requests: impl Fn(Duration) -> u64) -> Vec<Duration> {
        let (mut plan, mut now, mut times, mut left) = (ScrubPlan::new(10), seconds(5), Vec::new(), length);
        while now < seconds(end) {
            let pause = plan.pause(settings, now, requests(now));
            if !pause.is_zero() {
                now += pause;
                continue;
            }
            if plan.begin_step(now) {
                left = length;
            }
            times.push(now);
            left -= 1;
            now += plan.end_step(left == 0);
        }
        times
    }

    #[test]
    fn a_timed_pass_is_spread_over_its_time() {
        let times = run(&settings(ScrubMode::Timed, 100), 10, 5 + 300, |_| 0);
        assert_eq!(times.len(), 30, "three passes of ten steps");
        for (index, time) in times.iter().enumerate() {
            let expected = seconds(5 + 10 * index as u64);
            assert!(*time >= expected && *time < expected + seconds(1), "step {index} at {time:?}");
        }
    }

    #[test]
    fn a_longer_pass_than_expected_is_spread_from_the_second_one_on() {
        let times = run(&settings(ScrubMode::Timed, 1000), 40, 5 + 3000, |_| 0);
        let second: Vec<_> = times.iter().filter(|time| **time >= seconds(1005) && **time < seconds(2005)).collect();
        assert_eq!(second.len(), 40);
        assert!(*second[20] > seconds(1480) && *second[20] < seconds(1530), "half of it in half of the time");
    }

    #[test]
    fn a_lazy_pass_runs_while_nobody_asks() {
        // Somebody asks all the time until second 20.
        let busy = |now: Duration| now.min(seconds(20)).as_millis() as u64;
        let times = run(&settings(ScrubMode::Lazy, 50), 10, 120, busy);
        assert!(times.iter().all(|time| *time > seconds(20)), "{times:?}");
        assert_eq!(times.len(), 20, "two passes, the second 50 seconds after the first: {times:?}");
        assert!(times[9] < seconds(22) && times[10] >= seconds(70));
    }

    #[test]
    fn what_is_off_does_nothing() {
        assert_eq!(run(&settings(ScrubMode::Off, 1), 10, 1000, |_| 0), []);
    }
}
