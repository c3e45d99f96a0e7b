//! What every implementation of [`Clock`] and [`Random`] must do, and the executor over any clock.

use daos_env::{Clock, Executor, HybridClock, Random};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Nobody waits for this in a test.
const FAR: Duration = Duration::from_secs(1 << 30);

/// Checks a clock. `pass` lets so much time pass at least: it waits, or moves a clock that stands still.
///
/// # Panics
/// When the implementation does not do what it must.
pub fn check_clock(clock: &Arc<dyn Clock>, pass: &dyn Fn(Duration)) {
    let step = Duration::from_micros(50);
    let mut last = clock.monotonic();
    for _ in 0..1000 {
        let now = clock.monotonic();
        assert!(now >= last, "it goes back from {last:?} to {now:?}");
        last = now;
    }
    let (before, wall) = (clock.monotonic(), clock.wall_nanoseconds());
    pass(step);
    assert!(clock.monotonic() >= before + step, "time passes");
    assert!(clock.wall_nanoseconds() > wall, "on the calendar, too");
    check_threads(clock);
    check_hybrid(clock);
    check_timers(clock, pass);
}

/// All threads see one clock.
fn check_threads(clock: &Arc<dyn Clock>) {
    let before = clock.monotonic();
    let theirs = clock.clone();
    let there = std::thread::spawn(move || theirs.monotonic()).join().expect("the thread ends");
    assert!(before <= there && there <= clock.monotonic());
}

/// Epochs over it never repeat, however fast they are taken.
fn check_hybrid(clock: &Arc<dyn Clock>) {
    let hybrid = HybridClock::new(clock.clone());
    let readings: BTreeSet<u64> = (0..1000).map(|_| hybrid.next()).collect();
    assert_eq!(readings.len(), 1000, "a reading came twice");
    let ahead = readings.last().expect("there are some") + 1_000_000_000;
    hybrid.observe(ahead);
    assert_eq!(hybrid.next(), ahead + 1);
}

/// Timers fire in the order of their deadlines, none before its time, and those given up not at all.
fn check_timers(clock: &Arc<dyn Clock>, pass: &dyn Fn(Duration)) {
    let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner();
    let fired = Rc::new(RefCell::new(Vec::new()));
    let start = clock.monotonic();
    for micros in [300, 100, 200, 0] {
        let (inner, fired) = (spawner.clone(), fired.clone());
        spawner.spawn(async move {
            let deadline = start + Duration::from_micros(micros);
            inner.sleep_until(deadline).await;
            assert!(inner.clock().monotonic() >= deadline, "before its time");
            fired.borrow_mut().push(micros);
        });
    }
    let inner = spawner.clone();
    let given_up = spawner.spawn(async move { inner.timeout(Duration::ZERO, inner.sleep(FAR)).await.is_none() });
    executor.run_until_stalled();
    // On a busy machine all deadlines may have passed before the tasks ran first: then the order is that of their start.
    let were_all_waiting = clock.monotonic() < start + Duration::from_micros(100);
    for _ in 0..4 {
        pass(Duration::from_micros(100));
        executor.run_until_stalled();
    }
    let mut fired = fired.take();
    assert!(!were_all_waiting || fired.is_sorted(), "{fired:?}");
    fired.sort_unstable();
    assert_eq!(fired, [0, 100, 200, 300]);
    assert_eq!(executor.block_on(given_up).flatten(), Some(true));
    assert_eq!(executor.next_timer(), None, "no timer is left");
}

/// Checks random numbers.
///
/// # Panics
/// When the implementation does not do what it must. By chance that happens less often than machines fail.
pub fn check_random(random: &dyn Random) {
    for length in [0, 1, 7, 8, 9, 300] {
        let mut filled = vec![0u8; length];
        // A byte stays zero sixteen times in a row with a chance of 2^-128.
        let mut touched = vec![false; length];
        for _ in 0..16 {
            random.fill(&mut filled);
            touched.iter_mut().zip(&filled).for_each(|(touched, byte)| *touched |= *byte != 0);
        }
        assert!(touched.iter().all(|touched| *touched), "all {length} bytes are filled");
    }
    let numbers: BTreeSet<u64> = (0..1000).map(|_| random.next_u64()).collect();
    assert_eq!(numbers.len(), 1000, "a number came twice");
    let ones: u32 = numbers.iter().map(|number| number.count_ones()).sum();
    assert!((31_000..33_000).contains(&ones), "{ones} of 64000 bits are set");
    let (first, second) = (random.uuid(), random.uuid());
    assert_ne!(first, second);
    assert_eq!((first.get_version_num(), second.get_version_num()), (4, 4));
}
