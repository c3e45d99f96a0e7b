//! What the own wake-up costs, found out by the thread itself.
//!
//! A thread that sleeps cannot tell its own wake-up from the time that it was waited for, and in a virtual machine whose cores are halted it
//! takes several times as long as elsewhere. Two threads that talk in turns and both sleep then never look fast enough to each other to spin.
//! So a thread that sleeps through short gaps spins through a few of them now and then, every other one of a window: if three quarters of the gaps with
//! a sleep were longer than three quarters of those without, the difference of the medians is its wake-up. Gaps of changing length show no
//! such difference, and the usual cost stands. Wake-ups, of which a gap without a sleep still has the other thread's, change as well: where the host
//! has more to do than cores, they were between 7 and 1400 microseconds, with a median of 150, and the shortest and the longest told nothing.

use std::time::Duration;

/// Longer gaps, in usual wake-ups, are not looked at: nobody gains by a wake-up less.
const FAR: u32 = 10;
/// The most that a wake-up is taken to cost, in usual ones.
const COST_MAX: u32 = 5;
/// Gaps of a window; every other one is spun through.
const WINDOW: u32 = 16;
/// Gaps of each kind in a window.
const EACH: usize = WINDOW as usize / 2;
/// The most gaps that a window leaves out, from which nothing can be learnt.
const LEFT_OUT_MAX: u32 = WINDOW;
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
    /// Gaps that the window still has, and how many it has left out.
    left: u32,
    left_out: u32,
    /// Those that it had: the ones that the thread slept through, and the others.
    asleep: [Duration; EACH],
    spun: [Duration; EACH],
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
            left_out: 0,
            asleep: [Duration::ZERO; EACH],
            spun: [Duration::ZERO; EACH],
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
            self.left_out += 1;
            if self.left == 0 || self.left_out > LEFT_OUT_MAX {
                self.wait(now);
            }
            return;
        }
        if self.left == 0 {
            self.until = self.until.saturating_sub(1);
            if self.until == 0 {
                (self.left, self.left_out) = (WINDOW, 0);
            }
            return;
        }
        self.left -= 1;
        let place = self.left as usize / 2;
        if slept {
            self.asleep[place] = length;
        } else {
            self.spun[place] = length;
        }
        if self.left == 0 {
            let found = self.found();
            self.between = if found > self.cost { BETWEEN_MIN } else { (self.between * 2).min(BETWEEN_MAX) };
            self.cost = found;
            self.wait(now);
        }
    }

    /// What the gaps of a window say.
    fn found(&mut self) -> Duration {
        self.asleep.sort_unstable();
        self.spun.sort_unstable();
        if self.asleep[EACH / 4] <= self.spun[EACH - 1 - EACH / 4] {
            return self.usual;
        }
        let difference = self.asleep[EACH / 2].saturating_sub(self.spun[EACH / 2]);
        difference.clamp(self.usual, self.usual * COST_MAX)
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
