//! Power cuts, kills and failing devices: what was acknowledged is there after a reopen, and nothing else half.
//!
//! One workload, decided by a seed: a few tasks commit transactions, each of which rewrites several records of a table with one
//! number, and now and then puts a value on the data device; checkpoints and the log's wrap-around happen in between. A run without
//! a cut counts the persist operations; then the power is cut at every one of them, or at many, and what comes after a reopen is cut
//! again. [`workload::Shape`] says how the log and the records are made.
//!
//! `DAOS_CRASH_SEEDS=n` runs n seeds of each test, `DAOS_CRASH_FIRST_SEED=n` starts at one, for instance to replay a failure, and
//! `DAOS_CRASH_CUTS=n` bounds the cuts of one seed (0: all).

mod faults;
mod power;
mod workload;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The seeds to run, so many unless the caller of the test says otherwise.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let first = variable("DAOS_CRASH_FIRST_SEED", 1);
    first..first + variable("DAOS_CRASH_SEEDS", default)
}

/// At most so many numbers of `1..=last`, spread evenly, from an offset that the seed decides.
fn places(seed: u64, last: u64, default: u64) -> impl Iterator<Item = u64> {
    let wanted = match variable("DAOS_CRASH_CUTS", default) {
        0 => last,
        wanted => wanted.min(last),
    };
    let step = last.div_ceil(wanted.max(1)).max(1);
    (1 + seed % step..=last).step_by(step as usize)
}

/// Runs a check, and says how to replay it when it fails.
fn replayable(seed: u64, what: &str, check: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    assert!(outcome.is_ok(), "replay with DAOS_CRASH_FIRST_SEED={seed} DAOS_CRASH_SEEDS=1 DAOS_CRASH_CUTS=0: {what}");
}
