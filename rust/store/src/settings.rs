//! What a store is created with.

use daos_checksum::ChecksumKind;
use daos_media::Durability;

/// Sizes and choices of a store; they are kept on its media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreSettings {
    /// Bytes of the data device that values may take.
    pub data_bytes: u64,
    /// Bytes of memory that metadata and small values may take; rounded down to whole mebibytes.
    pub arena_bytes: u64,
    /// Bytes of the redo log.
    pub log_bytes: u64,
    /// What "done" means.
    pub durability: Durability,
    /// The checksum kept beside every value.
    pub checksum: ChecksumKind,
}
