//! Simulated media, fabric, control ports and clock: one seed decides everything.
//!
#![doc = include_str!("../docs/cluster.md")]

pub mod control;
pub mod fabric;
pub mod life;
pub mod linear;
pub mod media;
mod quick_hash;

pub use quick_hash::QuickHasher;
