//! Systems of several engines, each a process of its own on this machine: they find each other, serve together, are killed,
//! stopped and started again.

mod cluster;
mod engines;
mod files;
mod five;
mod full;
mod handles;
mod leader;
mod life;
mod load;
mod membership;
mod ranks;
mod replicas;
mod storms;
#[path = "../support/mod.rs"]
mod support;
mod targets;
mod telemetry;
mod wire;
