//! How long operations took, with their rare long ones.
//!
//! Our own, and not a crate: it is a page, it needs one range and one precision, and counting costs two nanoseconds.

use std::time::Duration;

/// A power of two is divided into so many buckets: a figure is wrong by at most a thirty-second.
const STEPS_BITS: u32 = 5;
const STEPS: usize = 1 << STEPS_BITS;
const BUCKETS: usize = (64 - STEPS_BITS as usize + 1) * STEPS;

/// Counts of durations, in buckets that grow with them.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

fn bucket(nanoseconds: u64) -> usize {
    if nanoseconds < STEPS as u64 {
        return nanoseconds as usize;
    }
    let shift = nanoseconds.ilog2() - STEPS_BITS;
    (shift as usize + 1) * STEPS + (nanoseconds >> shift) as usize - STEPS
}

/// The greatest duration of a bucket.
fn end(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = (bucket / STEPS - 1) as u32;
    let next = u128::from((bucket % STEPS + STEPS + 1) as u64) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

impl Histogram {
    /// Of nothing yet.
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; BUCKETS], total: 0, max: 0 }
    }

    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// The microseconds within which this share of them ended.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                return end(index).min(self.max) as f64 / 1e3;
            }
        }
        self.max as f64 / 1e3
    }

    /// The longest, in microseconds.
    pub fn max(&self) -> f64 {
        self.max as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_durations() {
        let mut histogram = Histogram::new();
        for microseconds in 1..=1000 {
            histogram.add(Duration::from_micros(microseconds));
        }
        for (share, exact) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = histogram.quantile(share);
            assert!(found >= exact && found <= exact * (1.0 + 1.0 / 32.0), "{share}: {found}");
        }
        assert_eq!((histogram.max(), histogram.total), (1000.0, 1000));
    }

    #[test]
    fn every_duration_lies_in_its_bucket() {
        for nanoseconds in (0..64).map(|power| 1u64 << power).chain([0, 31, 33, 63, 65, 1000, 123_456_789, u64::MAX]) {
            let index = bucket(nanoseconds);
            assert!(index < BUCKETS && nanoseconds <= end(index), "{nanoseconds}");
            assert!(index == 0 || nanoseconds > end(index - 1), "{nanoseconds}");
        }
    }
}
