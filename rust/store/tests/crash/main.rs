//! Power cuts, kills and failing devices under a store: every acknowledged request is there after a reopen, every other one is there
//! entirely or not at all, and nothing that a reader was told is taken back.
//!
//! Several tasks work at once, each on keys of its own, as one seed decides: random requests of every kind, compared with the plain
//! model of the model test; updates of several akeys with values in the arena and on the device and overlapping array extents;
//! containers that come and go; and a reader. After a cut what is there is compared, and the work goes on in the next life.
//!
//! `DAOS_CRASH_SEEDS=n` runs n seeds of each test, `DAOS_CRASH_FIRST_SEED=n` starts at one, for instance to replay a failure, and
//! `DAOS_CRASH_CUTS=n` bounds the cuts of one seed (0: all).

#[path = "../model/check.rs"]
mod check;
#[path = "../model/check_tree.rs"]
mod check_tree;
#[path = "../model/generate.rs"]
mod generate;
#[path = "../model/model.rs"]
mod model;

mod faults;
mod life;
mod power;
mod random_requests;
mod readers;
mod scratch;
mod table;

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
