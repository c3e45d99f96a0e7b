//! Real and simulated clocks and random numbers pass the suite of their seams.

use daos_env::{Clock, ManualClock, SeededRandom, SystemClock, SystemRandom};
use daos_testkit::env_suite::{check_clock, check_random};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn the_machines_clock_passes_the_suite() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pass = |time: Duration| {
        let end = clock.monotonic() + time;
        while clock.monotonic() < end {
            std::hint::spin_loop();
        }
    };
    check_clock(&clock, &pass);
}

#[test]
fn a_manual_clock_passes_the_suite() {
    let manual = Arc::new(ManualClock::starting_at(1_000_000_000));
    let clock: Arc<dyn Clock> = manual.clone();
    check_clock(&clock, &|time| manual.advance(time));
}

#[test]
fn the_kernels_random_numbers_pass_the_suite() {
    check_random(&SystemRandom);
}

#[test]
fn seeded_random_numbers_pass_the_suite() {
    for seed in [0, 1, u64::MAX] {
        check_random(&SeededRandom::new(seed));
    }
}
