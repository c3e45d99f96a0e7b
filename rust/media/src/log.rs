//! The redo log: a ring of batches on one device.
//!
//! ```text
//! block 0, 1   header of the log, twice: magic "daosrlog", version u32, CRC u32, id [16], ring bytes u64
//! block 2, 3   how far batches were acknowledged, in turn: magic "daosackn", version u32, CRC u32, id [16], sequence u64
//! block 4..    the ring: batches, each from a block's start, none across the ring's end
//! batch        header of 96 bytes, payload, zeros up to the next block
//!              then the blocks of the carried values, in their order
//! payload      for each record: length u32, bytes; then for each value: first block u64, blocks u64, CRC-64 of their bytes u64; the same for
//!              each carried value; then for each range of blocks that was released: first block u64, blocks u64
//! header       magic "daosbtch", version u32, CRC u32 (of the header with this field zero), id [16], sequence u64,
//!              first LSN u64, records u32, payload length u32, payload CRC-64 u64, chain u64, values u32, behind u32,
//!              carried values u32, released ranges u32, blocks of the carried values u32, reserved [4]
//! ```
//! `chain` is the CRC-64 of the header before it. A few batches may be under way at once, and are acknowledged in their order. `behind` is how many
//! of those right before a batch were not durable yet when it was begun: all others were, with their values. So a batch that cannot be
//! read is a torn tail, and those behind it, which may be whole, do not count and are wiped; unless one says that it was durable: that is damage.
//! The values of a batch are blocks of the data device that were written for its records. They become durable while the batch does, in
//! no order: it counts when they are as their checksums say. Only batches that no later one says were durable, and that are not known to
//! have been acknowledged, are looked at so. A batch whose records release blocks that another points at is begun when that one is durable.
//! And when batches up to a higher number are known to have been acknowledged: each eighth batch, and after a second without any, the log notes
//! that in a block of its own, without a sync. So damage of the last few batches looks torn, and damage of more than those is found.
//! A *carried* value is a value of the data device whose bytes are in the batch. It comes to its place at any time after the commit, and must be
//! there before a checkpoint releases the batch. Recovery writes it there, unless a later batch has released the blocks: then they may hold
//! something else by now. So every batch says what it releases. (Batches of version 2 carry nothing, and do not say it.)
//! A batch that does not fit behind the one before it lies at the ring's start. The commit point of a batch is the sync that
//! follows its write, and that of the data device beside it.

mod batch;
mod reader;
mod recovery;
mod ring;
mod unplaced;
mod values;

pub(crate) use batch::{Segment, for_each_record};
pub(crate) use recovery::Recovered;
pub(crate) use ring::{Begun, LogCounters, LogPosition, Note, RedoLog, usable_bytes};
pub(crate) use values::BatchValues;
pub use values::blocks_checksum;
