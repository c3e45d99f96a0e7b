//! Functions of libgurt.

pub mod environment;
pub mod fault;
pub mod format;
pub mod hash;
mod hash_chain;
mod hash_lock;
pub mod hash_record;
pub mod hash_table;
pub mod log;
pub mod log_assert;
pub mod log_setup;
pub mod memory;
pub mod random;
pub mod rank_lists;
pub mod rank_ranges;
pub mod signal;
pub mod telemetry;
