//! An arena on persistent memory: its image, and the journal of what the image does not have yet.
//!
//! ```text
//! 0, 4096        headers A and B: magic "daospmem", version u32, CRC u32 (of the header with this field zero), id [16],
//!                arena bytes u64, data bytes u64, ring bytes u64, image offset u64, reserved [64]
//! 8192, 12288    marks A and B, where the journal begins: magic u32, CRC u32, id u64 (the first half), generation u64, offset u64,
//!                sequence u64, chain u64, LSN u64, reserved u64
//! 16384          acknowledged: the sequence number of an entry that is durable u64, its complement u64
//! 20480          intent, which entries are being brought to the image: magic u32, CRC u32, id u64 (the first half), sequence of the mark u64,
//!                sequence of the first that is not among them u64, reserved [32]
//! 65536          the ring: entries, each from a cache line's start, none across the ring's end
//! behind it      since version 3: checksums of the image, for each 512 bytes of it now u32, and at the end of the step that is under way u32
//! image offset   the image, at the next multiple of 2 MiB: the arena as it was made, with all entries before the mark and perhaps later ones
//! entry          header of 64 bytes, payload (for each record: length u32, bytes)
//! header         magic u32, CRC u32 (of the header with this field zero), id u64 (the first half), sequence u64, first LSN u64,
//!                chain u64, records u32, payload length u32, payload CRC-64 u64, reserved u64
//! ```
//! `chain` is the CRC-64 of the header before it. The byte range that makes a change count is its entry, which is stored in one piece and
//! drained; a torn one is known by its checksums. An entry is begun when the one before it is durable. The whole argument stands in
//! `docs/persistent_memory.md`.

mod clean;
mod layout;
mod recovery;
mod ring;
mod sums;

pub(crate) use layout::{ENTRY_HEADER, Layout, is_made, ring_bytes_for};
pub(crate) use ring::Journal;
