//! Clocks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Time since a fixed moment in the past; never goes back.
    fn monotonic(&self) -> Duration;
    /// Nanoseconds since the Unix epoch by the machine's calendar; may jump.
    fn wall_nanoseconds(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        read(libc::CLOCK_MONOTONIC)
    }

    fn wall_nanoseconds(&self) -> u64 {
        read(libc::CLOCK_REALTIME).as_nanos() as u64
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanoseconds: AtomicU64,
}

impl ManualClock {
    /// A clock that shows so many nanoseconds, on both its faces.
    pub fn starting_at(nanoseconds: u64) -> ManualClock {
        ManualClock { nanoseconds: AtomicU64::new(nanoseconds) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.nanoseconds.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::SeqCst))
    }

    fn wall_nanoseconds(&self) -> u64 {
        self.nanoseconds.load(Ordering::SeqCst)
    }
}
