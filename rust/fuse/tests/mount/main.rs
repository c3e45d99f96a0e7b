//! `dfuse` on real mounts of a local engine.
//!
//! Where `/dev/fuse` cannot be opened every test says so and does nothing.

mod calls;
mod coherence;
mod failures;
mod files;
mod killed;
mod listing;
mod model;
mod moments;
mod names;
mod ownership;
mod places;
mod rig;
mod traffic;
mod tree;
mod users;
