//! What a container keeps behind its key: 64 bytes.
//!
//! ```text
//! 0 aggregated u64   8 scanned u64   16 checksum kind u8   17 flags u8   18 reserved u16   20 chunk bytes u32   24 zeros
//! ```

use daos_media::{Arena, Transaction};
use daos_status::Result;

/// Bytes of the state.
pub(crate) const STATE_SIZE: usize = 64;

const AGGREGATED: u64 = 0;
const SCANNED: u64 = 8;
const CHECKSUM: u64 = 16;
const FLAGS: u64 = 17;
const CHUNK: u64 = 20;

/// The place of a container's state; see [`crate::level::Level::state`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContainerState {
    position: u64,
}

#[allow(dead_code, reason = "the fields are there before all of their users")]
impl ContainerState {
    pub(crate) fn at(position: u64) -> ContainerState {
        ContainerState { position }
    }

    /// Versions at or below this epoch which nobody needs are gone; zero before the first aggregation.
    pub(crate) fn aggregated(&self, arena: &Arena) -> Result<u64> {
        arena.read_value(self.position + AGGREGATED)
    }

    pub(crate) fn set_aggregated(&self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<()> {
        transaction.write(self.position + AGGREGATED, &epoch.to_le_bytes())
    }

    /// The epoch up to which a walk has looked for versions that can go.
    pub(crate) fn scanned(&self, arena: &Arena) -> Result<u64> {
        arena.read_value(self.position + SCANNED)
    }

    pub(crate) fn set_scanned(&self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<()> {
        transaction.write(self.position + SCANNED, &epoch.to_le_bytes())
    }

    /// The kind of checksums of values written from now on, as a number of the format.
    pub(crate) fn checksum_kind(&self, arena: &Arena) -> Result<u8> {
        arena.read_value(self.position + CHECKSUM)
    }

    pub(crate) fn set_checksum_kind(&self, transaction: &mut Transaction<'_>, kind: u8) -> Result<()> {
        transaction.write(self.position + CHECKSUM, &[kind])
    }

    /// Flags of the container's checksums.
    pub(crate) fn flags(&self, arena: &Arena) -> Result<u8> {
        arena.read_value(self.position + FLAGS)
    }

    pub(crate) fn set_flags(&self, transaction: &mut Transaction<'_>, flags: u8) -> Result<()> {
        transaction.write(self.position + FLAGS, &[flags])
    }

    /// Bytes of an array extent under one checksum; zero for the store's own choice.
    pub(crate) fn chunk_bytes(&self, arena: &Arena) -> Result<u32> {
        arena.read_value(self.position + CHUNK)
    }

    pub(crate) fn set_chunk_bytes(&self, transaction: &mut Transaction<'_>, bytes: u32) -> Result<()> {
        transaction.write(self.position + CHUNK, &bytes.to_le_bytes())
    }
}
