//! Functions of libgurt.

pub mod environment;
pub mod format;
pub mod hash;
mod hash_chain;
mod hash_lock;
pub mod hash_record;
pub mod hash_table;
pub mod log;
pub mod memory;
pub mod signal;
