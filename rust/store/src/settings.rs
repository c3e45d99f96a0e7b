//! What a store is created with.

use crate::checksums::Checksums;
use daos_checksum::ChecksumKind;
use daos_media::Durability;
use daos_status::{Code, Result, fail};

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
    /// The checksum of containers that are made with [`crate::Store::container_defaults`].
    pub checksum: ChecksumKind,
}

/// Bytes of a value under one checksum, unless a container says otherwise: small enough that a read of a part verifies little more
/// than that part.
pub const CHUNK_BYTES_DEFAULT: u32 = 32 * 1024;

/// The most bytes of a value under one checksum that a container may ask for: the longest value.
pub const CHUNK_BYTES_MAX: u32 = 1 << 30;

/// How the values of a container are protected; kept with it, and the same for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerSettings {
    /// The checksum kept beside every value.
    pub checksum: ChecksumKind,
    /// Bytes of a value under one checksum; values on the data device use the next multiple of 4 KiB, and more for very long ones.
    pub chunk_bytes: u32,
    /// Whether checksums that come with an update are compared with its bytes before anything is kept.
    pub verify_on_update: bool,
}

impl Default for ContainerSettings {
    fn default() -> ContainerSettings {
        ContainerSettings {
            checksum: ChecksumKind::default(),
            chunk_bytes: CHUNK_BYTES_DEFAULT,
            verify_on_update: false,
        }
    }
}

impl ContainerSettings {
    /// Settings that a container can have.
    pub(crate) fn check(&self) -> Result<()> {
        if self.chunk_bytes == 0 || self.chunk_bytes > CHUNK_BYTES_MAX {
            fail!(Code::Inval, "{} bytes under one checksum: use 1 to {CHUNK_BYTES_MAX}", self.chunk_bytes);
        }
        Ok(())
    }

    /// What new values need to know.
    pub(crate) fn checksums(&self) -> Checksums {
        Checksums { kind: self.checksum, chunk: self.chunk_bytes }
    }
}
