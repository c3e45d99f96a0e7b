//! Media of one target: devices, the arena in memory, its redo log and checkpoints, and the extents of the data device.
//!
#![doc = include_str!("../docs/log.md")]
#![doc = include_str!("../docs/persistent_memory.md")]
#![doc = include_str!("../docs/spdk.md")]

pub mod arena;
mod checkpoint;
mod device;
mod durable_arena;
mod extent_allocator;
mod file;
mod journal;
mod log;
mod memory;
mod persistent_memory;
mod prefetch;
#[cfg(feature = "spdk")]
mod spdk;
mod transaction;

pub use arena::{ARENA_BYTES_MAX, Arena, ArenaBytes, ArenaSpace, Offset, PAGE_SIZE, ROOTS, Redo, allocation_size};
pub use device::{BLOCK_SIZE, BlockDevice, IoFuture, MAX_TRANSFER, Media, check_name, check_range};
pub use durable_arena::{
    ArenaSettings, ArenaStatistics, CARRIED_BYTES_MAX, CarriedValue, CarryRoom, Durability, DurableArena, Lsn,
    ValueUnderWay,
};
pub use extent_allocator::{BlockRange, ExtentAllocator, ExtentSpace, PIECES_MAX, ReaderPin, Trim};
pub use file::{FileMedia, IoEngine};
pub use log::blocks_checksum;
pub use memory::{MemoryMedia, Region, RegionView};
pub use persistent_memory::{CACHE_LINE, PersistWay, PersistentMemory, ViewSource, check_memory_range};
pub use prefetch::prefetch;
#[cfg(feature = "spdk")]
pub use spdk::SpdkDevice;
pub use transaction::Transaction;
