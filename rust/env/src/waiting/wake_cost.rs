//! What the own wake-up costs, found out by the thread itself.
//!
//! A thread that sleeps cannot tell its own wake-up from the time that it was waited for, and in a virtual machine whose cores are halted it
//! takes several times as long as elsewhere. Two threads that talk in turns and both sleep then never look fast enough to each other to spin.
//! So a thread that sleeps through short gaps spins through a few of them now and then, every other one of a window: if even the shortest gap with
//! a sleep was longer than the longest one without, the difference is its wake-up, or less. Gaps of changing length show no difference, and the usual cost stands.

use std::time::Duration;

/// Longer gaps, in usual wake-ups, are not looked at: nobody gains by a wake-up less.
const FAR: u32 = 10;
/// The most that a wake-up is taken to cost, in usual ones.
const COST_MAX: u32 = 5;
/// Gaps of a window; every other one is spun through.
const WINDOW: u32 = 8;
/// Short sleeps between two windows: at least, and at most after some that showed nothing new.
const BETWEEN_MIN: u32 = 64;
const BETWEEN_MAX: u32 = 4096;

/// The cost, and what is known for the next time.
#[derive(Debug)]
pub(super) struct WakeCost {
    usual: Duration,
    cost: Duration,
    /// Short sleeps until the next window, and about how many there are between two.
    until: u32,
    between: u32,
    /// Gaps that the window still has.
    left: u32,
    least_asleep: Duration,
    most_spun: Duration,
}

impl WakeCost {
    /// In the beginning, the usual one.
    pub fn new(usual: Duration) -> WakeCost {
        WakeCost {
            usual,
            cost: usual,
            until: BETWEEN_MIN,
            between: BETWEEN_MIN,
            left: 0,
            least_asleep: Duration::MAX,
            most_spun: Duration::ZERO,
        }
    }

    /// What a wake-up costs.
    pub fn get(&self) -> Duration {
        self.cost
    }

    /// For how long this gap is to be spun through though the thread sleeps otherwise, if it is.
    pub fn trial(&self) -> Option<Duration> {
        (!self.left.is_multiple_of(2)).then_some(self.usual * FAR)
    }

    /// A gap of the thread, which sleeps through gaps otherwise, has ended; its length is with the wake-up, if it slept.
    pub fn gap(&mut self, length: Duration, slept: bool, now: Duration) {
        if length >= self.usual * FAR || slept == self.trial().is_some() {
            // Nothing can be learnt, or the core was given to others meanwhile.
            return self.wait(now);
        }
        if self.left == 0 {
            self.until = self.until.saturating_sub(1);
            if self.until == 0 {
                (self.left, self.least_asleep, self.most_spun) = (WINDOW, Duration::MAX, Duration::ZERO);
            }
            return;
        }
        if slept {
            self.least_asleep = self.least_asleep.min(length);
        } else {
            self.most_spun = self.most_spun.max(length);
        }
        self.left -= 1;
        if self.left == 0 {
            let found = self.least_asleep.saturating_sub(self.most_spun).clamp(self.usual, self.usual * COST_MAX);
            self.between = if found > self.cost { BETWEEN_MIN } else { (self.between * 2).min(BETWEEN_MAX) };
            self.cost = found;
            self.wait(now);
        }
    }

    /// The thread spins again.
    pub fn spins(&mut self, now: Duration) {
        self.between = BETWEEN_MIN;
        self.wait(now);
    }

    /// Not after the same number each time: of two threads that count the same gaps, each would measure what the other tries out.
    fn wait(&mut self, now: Duration) {
        self.left = 0;
        self.until = self.between + now.subsec_nanos() % self.between;
    }
}
