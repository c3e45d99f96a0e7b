//! Running engines against bytes and connections that no program of ours makes: whatever comes in, they stay, their memory and
//! descriptors stay bounded, and other clients do not notice.
//!
//! Everything is decided by a seed: `DAOS_HOSTILE_FIRST_SEED=n DAOS_HOSTILE_SEEDS=1` has it again, more seeds go on for longer
//! (`cargo xtask soak wire`).
#![allow(
    unsafe_code,
    reason = "sockets with descriptors in their messages have no safe wrapper in the standard library"
)]

mod chance;
#[path = "../system/cluster.rs"]
#[allow(dead_code, reason = "shared with the tests of systems")]
mod cluster;
mod images;
mod local;
mod messages;
mod ports;
mod rings;
#[path = "../support/mod.rs"]
mod support;
mod victim;
#[path = "../system/wire.rs"]
#[allow(dead_code, reason = "shared with the tests of systems")]
mod wire;

use daos_testkit::seeds::Seeds;

/// The seeds of all tests here.
const SEEDS: Seeds = Seeds::new("DAOS_HOSTILE");
