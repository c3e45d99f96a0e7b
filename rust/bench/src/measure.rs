//! Repetitions and what they give.

use daos_env::{Clock, SystemClock};
use daos_status::Result;
use std::time::Duration;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Repetitions of each figure.
    pub repetitions: usize,
    /// How long each repetition lasts, at least one batch.
    pub slice: Duration,
    /// The same, of what waits for a disk.
    pub disk_slice: Duration,
    /// How many records a store holds.
    pub records: Vec<u64>,
    /// No more bytes of values than these in one store.
    pub bytes_max: u64,
    /// Bytes of a store's log, where it has one, and of files that are written beside it.
    pub log_bytes: u64,
    /// Whether everything is measured that can be, however long it takes.
    pub is_full: bool,
}

impl Plan {
    /// Figures to quote.
    pub fn full() -> Plan {
        Plan {
            repetitions: 5,
            slice: Duration::from_millis(500),
            disk_slice: Duration::from_millis(500),
            records: vec![10_000, 1_000_000, 10_000_000],
            bytes_max: 2 << 30,
            log_bytes: 64 << 20,
            is_full: true,
        }
    }

    /// Within a minute.
    pub fn quick() -> Plan {
        Plan {
            repetitions: 5,
            slice: Duration::from_millis(25),
            disk_slice: Duration::from_millis(100),
            records: vec![10_000],
            bytes_max: 64 << 20,
            log_bytes: 64 << 20,
            is_full: false,
        }
    }

    /// Whether it is only to be shown that everything runs.
    pub fn is_smoke(&self) -> bool {
        self.repetitions == 1
    }

    /// Shows that everything runs.
    pub fn smoke() -> Plan {
        Plan {
            repetitions: 1,
            slice: Duration::from_millis(1),
            disk_slice: Duration::from_millis(1),
            records: vec![200],
            bytes_max: 8 << 20,
            log_bytes: 4 << 20,
            is_full: false,
        }
    }
}

/// Median, least and greatest of the repetitions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Figures {
    /// The one in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Figures {
    /// Of values in any order; zeros when there are none.
    pub fn of(mut values: Vec<f64>) -> Figures {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
        Figures { median: at(values.len() / 2), min: at(0), max: at(values.len().saturating_sub(1)) }
    }
}

/// Times something.
pub struct Watch(Duration);

impl Watch {
    /// Starts.
    pub fn start() -> Watch {
        Watch(SystemClock.monotonic())
    }

    /// The time since.
    pub fn elapsed(&self) -> Duration {
        SystemClock.monotonic().saturating_sub(self.0)
    }

    /// Operations a second, when so many were done since.
    pub fn rate(&self, operations: u64) -> f64 {
        operations as f64 / self.elapsed().as_secs_f64().max(1e-9)
    }
}

/// Times work of this thread that never waits: by the time that the processor gave to it, so that whoever else wants the
/// processor does not count. On a quiet machine it is the time that passes.
pub struct BusyWatch(Duration);

fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl BusyWatch {
    /// Starts.
    pub fn start() -> BusyWatch {
        BusyWatch(processor_time())
    }

    /// The time since.
    pub fn elapsed(&self) -> Duration {
        processor_time().saturating_sub(self.0)
    }

    /// Operations a second, when so many were done since.
    pub fn rate(&self, operations: u64) -> f64 {
        operations as f64 / self.elapsed().as_secs_f64().max(1e-9)
    }
}

/// Operations a second: `batch` does some and says how many.
pub fn rate(plan: &Plan, mut batch: impl FnMut() -> Result<u64>) -> Result<Figures> {
    // The first batch warms caches and is not counted.
    batch()?;
    let mut rates = Vec::with_capacity(plan.repetitions);
    for _ in 0..plan.repetitions {
        let watch = Watch::start();
        let mut operations = 0;
        while operations == 0 || watch.elapsed() < plan.slice {
            operations += batch()?;
        }
        rates.push(watch.rate(operations));
    }
    Ok(Figures::of(rates))
}

/// As [`rate`], of work that never waits, by the time of the processor.
pub fn busy_rate(plan: &Plan, mut batch: impl FnMut() -> u64) -> Figures {
    batch();
    let mut rates = Vec::with_capacity(plan.repetitions);
    for _ in 0..plan.repetitions {
        let watch = BusyWatch::start();
        let mut operations = 0;
        while operations == 0 || watch.elapsed() < plan.slice {
            operations += batch();
        }
        rates.push(watch.rate(operations));
    }
    Figures::of(rates)
}

/// As [`rate`], for work that waits.
pub async fn rate_async(plan: &Plan, mut batch: impl AsyncFnMut() -> Result<u64>) -> Result<Figures> {
    batch().await?;
    let mut rates = Vec::with_capacity(plan.repetitions);
    for _ in 0..plan.repetitions {
        let watch = Watch::start();
        let mut operations = 0;
        while operations == 0 || watch.elapsed() < plan.slice {
            operations += batch().await?;
        }
        rates.push(watch.rate(operations));
    }
    Ok(Figures::of(rates))
}

/// Numbers below `limit` in an order without pattern; the same at every run.
pub struct Shuffle {
    state: u64,
    limit: u64,
}

impl Shuffle {
    /// Below `limit`, which is not zero.
    pub fn below(limit: u64) -> Shuffle {
        Shuffle { state: 0x9e37_79b9_7f4a_7c15, limit: limit.max(1) }
    }

    /// Another order: each number gives one of its own.
    pub fn from(number: u64, limit: u64) -> Shuffle {
        let mut shuffle = Shuffle::below(limit);
        shuffle.state ^= (number + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        shuffle.next();
        shuffle
    }

    /// The next one.
    pub fn next(&mut self) -> u64 {
        // xorshift64*: cheap against what is measured.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) % self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_sorted_values() {
        assert_eq!(Figures::of(vec![3.0, 1.0, 2.0]), Figures { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Figures::of(Vec::new()), Figures { median: 0.0, min: 0.0, max: 0.0 });
    }

    #[test]
    fn shuffled_numbers_stay_below_the_limit() {
        let mut shuffle = Shuffle::below(10);
        let drawn: Vec<u64> = (0..1000).map(|_| shuffle.next()).collect();
        assert!((0..10).all(|number| drawn.contains(&number)) && drawn.iter().all(|number| *number < 10));
    }
}
