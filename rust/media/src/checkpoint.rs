//! Checkpoints: the image of an arena on its own device.
//!
//! ```text
//! block 0, 1     headers A and B: magic "daosckpt", version u32, CRC u32 (of the header with this field zero), id [16],
//!                generation u64, arena bytes u64, data bytes u64, pages in the table u64, table CRC-64 u64, and the place
//!                in the log to replay from: offset u64, sequence u64, chain u64, LSN u64
//! then           page tables A and B: for each page of the arena, CRC-32C u32 and slot u32 (0 none, 1 A, 2 B)
//! then           for each page of the arena, slots A and B of 16 KiB
//! ```
//! Generation n is in header and table A when n is even, else in B; the highest generation whose header and table are intact
//! counts. A checkpoint writes changed pages to the slot that the last one does not use, syncs, writes the other table and
//! header, and syncs: that second sync is the commit point. Pages without a slot are as in an empty arena.

mod header;
mod store;

pub(crate) use store::{CheckpointStore, Contents, PageImage, device_bytes};
