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

use daos_testkit::seeds::Seeds;

const SEEDS: Seeds = Seeds::new("DAOS_CRASH");
