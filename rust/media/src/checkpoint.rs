//! Checkpoints: the image of an arena on its own device.
//!
//! ```text
//! block 0, 1     headers A and B: magic "daosckpt", version u32, CRC u32 (of the header with this field zero), id [16],
//!                generation u64, arena bytes u64, data bytes u64, pages in the table u64, table CRC-64 u64, and the place
//!                in the log to replay from: offset u64, sequence u64, chain u64, LSN u64
//! then           page tables A and B: for each page of the arena, CRC-32C u32 and slot u32 (0 none, 1 A, 2 B)
//! then           for each page of the arena, slots A and B of 16 KiB
//! ```
//! Generation n is in header and table A when n is even, else in B. A checkpoint writes changed pages to the slots that the last
//! one does not use, and the table of the next generation; syncs; writes the header of that generation, and syncs: that second sync
//! is the commit point. Then it writes table and header once more, as the generation after, so that no damaged block of headers or
//! tables makes anything unreadable; only then the log before its place is released. Pages without a slot are as in an empty arena.
//!
//! The highest generation that is intact counts. When its table or its pages are not, the other header is tried: it is the same
//! checkpoint, or, after an attempt that failed or was interrupted, the one before, and the log still has everything since. It
//! counts if the log leads from there to where the highest one stands; otherwise something is lost, and opening is an error.

mod header;
mod store;

pub(crate) use store::{Candidate, CheckpointStore, Contents, PageImage, device_bytes};
