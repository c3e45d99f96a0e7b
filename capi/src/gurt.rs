//! Functions of libgurt.

pub mod environment;
pub mod memory;
