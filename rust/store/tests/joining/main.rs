//! Cutting and joining extents: what can be read stays what it was, and the space and the number of extents come down.
//!
//! `DAOS_JOIN_SEEDS=n` runs n seeds, `DAOS_JOIN_FIRST_SEED=n` starts at one, for instance to replay a failure, and `DAOS_JOIN_CUTS=n` bounds the
//! cuts of one seed (0: all).

#[path = "../common/mod.rs"]
mod common;

mod array;
mod damage;
mod power;
mod random;
mod space;

use daos_testkit::seeds::Seeds;

const SEEDS: Seeds = Seeds::new("DAOS_JOIN");
