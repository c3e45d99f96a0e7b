//! Arena, write-ahead log, checkpoint, block extents, and the devices they live on.

pub mod arena;
mod transaction;

pub use arena::{Arena, ArenaBytes, ArenaSpace, Offset, PAGE_SIZE, Redo};
pub use transaction::Transaction;
