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
mod faults;
mod known;
mod power;

use daos_testkit::seeds::Seeds;

const SEEDS: Seeds = Seeds::new("DAOS_MIXED");
