//! Power cuts, kills and failing devices: what was acknowledged is there after a reopen, and nothing else half.
//!
//! One workload, decided by a seed: a few tasks commit transactions, each of which rewrites several records of a table with one
//! number, and now and then puts a value on the data device; checkpoints and the log's wrap-around happen in between. A run without
//! a cut counts the persist operations; then the power is cut at every one of them, or at many, and what comes after a reopen is cut
//! again. [`workload::Shape`] says how the log and the records are made.
//!
//! `DAOS_CRASH_SEEDS=n` runs n seeds of each test, `DAOS_CRASH_FIRST_SEED=n` starts at one, for instance to replay a failure, and
//! `DAOS_CRASH_CUTS=n` bounds the cuts of one seed (0: all).

mod carried;
mod faults;
mod power;
mod under_way;
mod workload;

use daos_testkit::seeds::Seeds;

const SEEDS: Seeds = Seeds::new("DAOS_CRASH");
