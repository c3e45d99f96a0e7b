//! How a thread waits that has nothing to do: the rule, without a clock or a thread of its own.
//!
//! To spin costs processor time, to sleep costs a wake-up, during which whoever waits for the thread waits too. When two threads talk in turns
//! and both sleep, each of them finds the other slow because it sleeps; so the rule must not only say which is cheaper, it must also get both
//! out of there. It looks at the time between having nothing to do and the next event (the gap, without the own wake-up):
//!
//! * A gap is worth what spinning through it costs: its length, or when it is longer than the longest spin, that spin and a wake-up. The average
//!   of the last few decides. Spinning begins when it is below two wake-ups, which is where two threads arrive that do short work for each other
//!   and both sleep (a gap is one wake-up and the work), and ends when it is above three.
//! * A spin is bounded by three wake-ups, so that a thread which waits in vain loses no more than that, and only a few times before it
//!   sleeps at once: an idle thread uses no processor time.
//! * What the own wake-up costs is measured where gaps are short enough for it to matter (`wake_cost`).
//! * After a fifth of a wake-up the thread yields in each round: when there are more threads than cores, the one that is waited for may be
//!   ready to run on this very core. Where that was so, with an event right after it yielded, it does not spin first the next time: two threads on one core
//!   would spend most of their time spinning in turns. A yield from which it comes back at once says that it has the core to itself.
//! * When time passes between two rounds that had nothing to do, somebody else was given the core. Where that is half of the time, there is no core
//!   to spin on, and the thread sleeps at once for a while; for longer each time that it happens again soon. Gaps that it slept through for this
//!   reason say nothing about how long gaps are. Among busy processes a thread that sleeps is preferred when it is woken, while
//!   one that spins or yields waits for all of them.

mod wake_cost;

use std::time::Duration;
use wake_cost::WakeCost;

/// What waking a thread costs, from the system call of the waker until the other one runs: 15 to 30 microseconds between cores that are awake, 60
/// and more when the core has to be woken, too, and 8 to 25 for the waker (measured in a virtual machine of two cores, `eventfd` and `poll`).
pub const WAKE_COST: Duration = Duration::from_micros(50);

/// The longest spin, in wake-ups.
const SPIN_MAX: u32 = 3;
/// Spinning begins when the average gap costs less than so many wake-ups.
const BEGIN_BELOW: u32 = 2;
/// Spinning ends when the average gap costs more.
const END_ABOVE: u32 = 3;
/// The share of the newest gap in the average: one of so many.
const NEWEST: u32 = 4;
/// The part of a wake-up after which a spinning thread yields.
const YIELD_AFTER: u32 = 5;
/// Who yields and is back within this part of a wake-up was alone on the core: to another thread and back takes longer than that.
const ALONE: u32 = 25;
/// The time that others must have had the core, in wake-ups, before it counts: a virtual machine loses its own for a moment now and then.
const LOST_MIN: u32 = 4;
/// The time that is looked back at, in wake-ups.
const LOOK_BACK: u32 = 100;
/// How long a thread sleeps at once after its core was given to others, in wake-ups: at first, and at most.
const CROWDED_MIN: u32 = 20;
const CROWDED_MAX: u32 = 20 * 64;
/// The next loss of the core is a new one after so many times as long.
const CROWDED_AGAIN: u32 = 8;

/// What a thread does that has nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// Look again at once.
    Spin,
    /// Let another thread run that waits for this core, then look again.
    Yield,
    /// Sleep until an event.
    Sleep,
}

/// What a waiting thread has done since it began.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct WaitStatistics {
    /// Rounds that had nothing to do and were followed by another one at once.
    pub spins: u64,
    /// The same, after letting others run.
    pub yields: u64,
    /// Sleeps.
    pub sleeps: u64,
    /// How often others were given the core.
    pub crowded: u64,
}

/// A time without events.
#[derive(Clone, Copy, Debug)]
struct Gap {
    since: Duration,
    /// The last round that had nothing to do.
    last: Duration,
    /// How long it spun, once it has slept.
    spun: Option<Duration>,
}

/// Decides for one thread whether it spins or sleeps; see the [module](self).
#[derive(Debug)]
pub struct Waiting {
    /// The usual one.
    wake_cost: Duration,
    own: WakeCost,
    gap: Option<Gap>,
    /// What spinning through a gap costs on average.
    average: Duration,
    spins: bool,
    /// The last round was followed by a yield.
    yielded: bool,
    /// Who is waited for runs on this core: it can do nothing while this thread spins.
    shares_core: bool,
    /// Time that it spun lately, and in which others had the core meanwhile.
    spun: Duration,
    lost: Duration,
    /// Until then there is no core to spin on.
    crowded_until: Duration,
    crowded_for: Duration,
    statistics: WaitStatistics,
}

impl Waiting {
    /// For a thread whose wake-ups cost so much; nothing means that it always sleeps. In the beginning it spins: who starts has company.
    pub fn new(wake_cost: Duration) -> Waiting {
        Waiting {
            wake_cost,
            own: WakeCost::new(wake_cost),
            gap: None,
            average: wake_cost,
            spins: !wake_cost.is_zero(),
            yielded: false,
            shares_core: false,
            spun: Duration::ZERO,
            lost: Duration::ZERO,
            crowded_until: Duration::ZERO,
            crowded_for: Duration::ZERO,
            statistics: WaitStatistics::default(),
        }
    }

    /// A round had something to do.
    pub fn event(&mut self) {
        self.shares_core |= std::mem::take(&mut self.yielded);
        let Some(gap) = self.gap.take() else { return };
        let length = gap.last.saturating_sub(gap.since);
        if !self.spins {
            self.own.gap(length, gap.spun.is_some(), gap.last);
        }
        if gap.spun.is_some() && gap.since < self.crowded_until {
            return;
        }
        self.learn(match gap.spun {
            None => length,
            // The own wake-up is no part of the gap, which lasted for as long as it spun at least.
            Some(spun) => length.saturating_sub(self.own.get()).max(spun),
        });
        if self.spins {
            self.own.spins(gap.last);
        }
    }

    /// The thread did something else: what lies between now and the last round is no gap.
    pub fn forget(&mut self) {
        self.gap = None;
        self.yielded = false;
    }

    /// A round had nothing to do; says what to do before the next one. After [`Rest::Sleep`], [`Waiting::woke`] says when it ended.
    pub fn nothing(&mut self, now: Duration) -> Rest {
        if self.wake_cost.is_zero() {
            self.statistics.sleeps += 1;
            return Rest::Sleep;
        }
        let gap = self.gap.get_or_insert(Gap { since: now, last: now, spun: None });
        let round = now.saturating_sub(gap.last);
        gap.last = now;
        if std::mem::take(&mut self.yielded) && round < self.wake_cost / ALONE {
            self.shares_core = false;
        }
        let waited = now.saturating_sub(gap.since);
        if gap.spun.is_none() {
            self.spent(round, now);
        }
        let limit = if self.spins { Some(self.own.get() * SPIN_MAX) } else { self.own.trial() };
        let may_spin = now >= self.crowded_until && limit.is_some_and(|limit| waited < limit);
        if may_spin && waited < self.wake_cost / YIELD_AFTER && !self.shares_core {
            self.statistics.spins += 1;
            Rest::Spin
        } else if may_spin {
            self.statistics.yields += 1;
            self.yielded = true;
            Rest::Yield
        } else {
            self.statistics.sleeps += 1;
            Rest::Sleep
        }
    }

    /// A sleep has ended. When nothing has happened after all, the gap goes on.
    pub fn woke(&mut self, now: Duration) {
        if let Some(gap) = &mut self.gap {
            let spun = gap.last.saturating_sub(gap.since);
            gap.spun.get_or_insert(spun);
            gap.last = now;
        }
    }

    /// What was done so far.
    pub fn statistics(&self) -> WaitStatistics {
        self.statistics
    }

    fn learn(&mut self, gap: Duration) {
        let wake_cost = self.own.get();
        let longest = wake_cost * SPIN_MAX;
        let cost = if gap <= longest { gap } else { longest + wake_cost };
        self.average = (self.average * (NEWEST - 1) + cost) / NEWEST;
        let limit = wake_cost * if self.spins { END_ABOVE } else { BEGIN_BELOW };
        self.spins = self.average < limit;
    }

    /// Takes note of a round that had nothing to do.
    fn spent(&mut self, round: Duration, now: Duration) {
        if round <= self.wake_cost {
            self.spun += round;
        } else {
            self.lost += round;
        }
        if self.lost >= self.wake_cost * LOST_MIN && self.lost >= self.spun {
            self.lost_core(now);
        } else if self.spun + self.lost > self.wake_cost * LOOK_BACK {
            (self.spun, self.lost) = (self.spun / 2, self.lost / 2);
        }
    }

    fn lost_core(&mut self, now: Duration) {
        (self.spun, self.lost) = (Duration::ZERO, Duration::ZERO);
        self.statistics.crowded += 1;
        let is_new = now > self.crowded_until + self.crowded_for * CROWDED_AGAIN;
        let longer = if is_new { self.wake_cost * CROWDED_MIN } else { self.crowded_for * 2 };
        self.crowded_for = longer.min(self.wake_cost * CROWDED_MAX);
        self.crowded_until = now + self.crowded_for;
    }
}

#[cfg(test)]
mod tests;
