#![doc = include_str!("../docs/fuzzing.md")]

mod allocator;
mod corpus;
mod coverage;
mod engine;
mod mutate;
mod random;
mod report;
mod round;
mod target;
pub mod targets;

pub use coverage::is_measured;
pub use engine::{Failure, Progress, Run, Settings, replay};
pub use round::round;
pub use target::Target;

/// Counts what decoders allocate, in every program that uses this crate.
#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;
