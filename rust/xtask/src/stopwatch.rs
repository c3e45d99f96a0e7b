//! Time for progress messages: the one door of xtask to the clock.
//!
//! xtask may not depend on `daos-env` (see Cargo.toml), and nothing it does is simulated.

use std::time::{Duration, Instant};

/// Measures how long a step took.
pub struct Stopwatch {
    start: Instant,
}

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "xtask is outside the product and cannot depend on daos-env")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Seconds since the start, as text.
    pub fn seconds(&self) -> String {
        format!("{:.1} s", self.elapsed().as_secs_f64())
    }
}

/// Waits until `condition` holds, looking every `interval`; false when it never did within `limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "polls another process, which offers nothing to wait on; bounded by `limit`"
)]
pub fn wait_until(limit: Duration, interval: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    loop {
        if condition() {
            return true;
        }
        if watch.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(interval);
    }
}

/// A figure per second as text, in the unit that keeps it short.
pub fn bytes_per_second(bytes: u64, elapsed: Duration) -> String {
    let rate = bytes as f64 / elapsed.as_secs_f64().max(1e-9);
    format!("{:.1} MB/s", rate / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_until_ends_when_the_condition_holds_and_when_it_never_does() {
        let mut looks = 0;
        assert!(wait_until(Duration::from_secs(60), Duration::ZERO, || {
            looks += 1;
            looks == 3
        }));
        assert!(!wait_until(Duration::ZERO, Duration::ZERO, || false));
    }

    #[test]
    fn rate_is_in_decimal_megabytes() {
        assert_eq!(bytes_per_second(5_000_000, Duration::from_secs(2)), "2.5 MB/s");
    }
}
