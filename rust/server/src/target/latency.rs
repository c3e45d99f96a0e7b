//! How long requests took, by operation.

use super::measures::{PLACES, place};
use daos_wire::Opcode;
use std::cell::{OnceCell, RefCell};
use std::time::Duration;

/// Bounds of times in a histogram: powers of two, from a microsecond to 16.8 seconds. What took longer is counted beyond all.
pub(crate) const LATENCY_BOUNDS: usize = 25;

/// The times of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    /// How many took at most `2^index` microseconds and more than half of that; the last ones took longer than every bound.
    pub counts: [u64; LATENCY_BOUNDS + 1],
    /// All together, in nanoseconds.
    pub sum: u64,
    /// The last, the shortest, the longest one, in nanoseconds.
    pub last: u64,
    pub least: u64,
    pub most: u64,
    /// The sum of the squares, in microseconds.
    squares: f64,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { counts: [0; LATENCY_BOUNDS + 1], sum: 0, last: 0, least: u64::MAX, most: 0, squares: 0.0 }
    }
}

impl Latency {
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        let microseconds = nanoseconds.div_ceil(1000);
        let bound = (u64::BITS - microseconds.saturating_sub(1).leading_zeros()) as usize;
        self.counts[bound.min(LATENCY_BOUNDS)] += 1;
        self.sum = self.sum.saturating_add(nanoseconds);
        self.last = nanoseconds;
        self.least = self.least.min(nanoseconds);
        self.most = self.most.max(nanoseconds);
        self.squares += (nanoseconds as f64 / 1000.0).powi(2);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, in nanoseconds.
    pub fn mean(&self) -> u64 {
        self.sum / self.count().max(1)
    }

    /// By how much times differ from the mean, in microseconds.
    pub fn deviation(&self) -> f64 {
        let count = self.count().max(1) as f64;
        let mean = self.sum as f64 / 1000.0 / count;
        (self.squares / count - mean * mean).max(0.0).sqrt()
    }
}

/// The times of all operations. Of one thread; an operation that was never asked for takes no memory but a pointer.
pub(crate) struct Latencies([OnceCell<Box<RefCell<Latency>>>; PLACES]);

impl Default for Latencies {
    fn default() -> Self {
        Latencies(std::array::from_fn(|_| OnceCell::new()))
    }
}

impl Latencies {
    /// A request took so long.
    pub fn add(&self, opcode: Opcode, time: Duration) {
        let latency = self.0[place(opcode)].get_or_init(Box::default);
        latency.borrow_mut().add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Of those that were ever asked for.
    pub fn read(&self) -> Vec<(String, Latency)> {
        let latency = |opcode: &Opcode| {
            let latency = self.0[place(*opcode)].get()?.borrow().clone();
            Some((format!("{opcode:?}"), latency))
        };
        Opcode::ALL.iter().filter_map(latency).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_by_their_bounds() {
        let latencies = Latencies::default();
        let nanoseconds = [0, 1, 1000, 1001, 2000, 2001, 4000, 16_777_216_000, 16_777_216_001, u64::MAX];
        for time in nanoseconds {
            latencies.add(Opcode::Fetch, Duration::from_nanos(time));
        }
        let read = latencies.read();
        let (name, latency) = &read[0];
        assert_eq!((name.as_str(), read.len(), latency.count()), ("Fetch", 1, 10));
        assert_eq!(latency.counts[..4], [3, 2, 2, 0]);
        assert_eq!(latency.counts[LATENCY_BOUNDS - 1..], [1, 2]);
        assert_eq!((latency.last, latency.least, latency.most, latency.sum), (u64::MAX, 0, u64::MAX, u64::MAX));
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_times() {
        let mut latency = Latency::default();
        [2000, 4000, 4000, 4000, 5000, 5000, 7000, 9000].into_iter().for_each(|time| latency.add(time));
        assert_eq!(latency.mean(), 5000);
        assert!((latency.deviation() - 2.0).abs() < 1e-9, "{}", latency.deviation());
        assert_eq!(Latency::default().deviation(), 0.0);
    }
}
