//! Everything mixed: changes with conditions, snapshots, aggregation, discarding, prepared transactions, scrubbing and reopening, against the
//! plain model; also with the power cut, or a call of a device failing, anywhere in it.
//!
//! `DAOS_MIXED_SEEDS=n` runs n seeds of each test, `DAOS_MIXED_FIRST_SEED=n` starts at one, for instance to replay a failure, and
//! `DAOS_MIXED_CUTS=n` bounds the cuts, or failing calls, of one seed (0: all).

#[path = "../model/generate.rs"]
mod generate;
#[path = "../model/model.rs"]
mod model;

#[path = "../aggregation/compare.rs"]
mod compare;
#[expect(dead_code, reason = "the tests of aggregation use all of it")]
#[path = "../aggregation/history.rs"]
mod history;

mod actions;
mod known;
mod power;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The seeds to run, so many unless the caller of the test says otherwise.
fn seeds(default: u64) -> std::ops::Range<u64> {
    let first = variable("DAOS_MIXED_FIRST_SEED", 1);
    first..first + variable("DAOS_MIXED_SEEDS", default)
}

/// At most so many numbers of `1..=last`, spread evenly, from an offset that the seed decides.
fn places(seed: u64, last: u64, default: u64) -> impl Iterator<Item = u64> {
    let wanted = match variable("DAOS_MIXED_CUTS", default) {
        0 => last,
        wanted => wanted.min(last),
    };
    let step = last.div_ceil(wanted.max(1)).max(1);
    (1 + seed % step..=last).step_by(step as usize)
}

/// Runs a check, and says how to replay it when it fails.
fn replayable(seed: u64, what: &str, check: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    assert!(outcome.is_ok(), "replay with DAOS_MIXED_FIRST_SEED={seed} DAOS_MIXED_SEEDS=1 DAOS_MIXED_CUTS=0: {what}");
}
