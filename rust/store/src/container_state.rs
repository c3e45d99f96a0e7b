//! What a container keeps behind its key: 64 bytes.
//!
//! ```text
//! 0 aggregated u64   8 scanned u64   16 checksum kind u8   17 flags u8 (1: verify on update)   18 reserved u16   20 chunk bytes u32   24 zeros
//! ```

use crate::tree::damaged;
use crate::{ChecksumKind, ContainerSettings};
use daos_media::{Arena, Transaction};
use daos_status::Result;

/// Bytes of the state.
pub(crate) const STATE_SIZE: usize = 64;

const AGGREGATED: u64 = 0;
const SCANNED: u64 = 8;
const CHECKSUM: u64 = 16;

/// A flag: checksums that come with an update are verified.
const VERIFY_ON_UPDATE: u8 = 1;

/// The place of a container's state; see [`crate::level::Level::state`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContainerState {
    position: u64,
}

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

    /// How its values are protected.
    #[inline]
    pub(crate) fn settings(&self, arena: &Arena) -> Result<ContainerSettings> {
        let bytes: [u8; 8] = arena.read_value(self.position + CHECKSUM)?;
        let [kind, flags, _, _, chunk @ ..] = bytes;
        let is_damaged = || damaged("a container's settings", self.position + CHECKSUM);
        let settings = ContainerSettings {
            checksum: ChecksumKind::from_number(u64::from(kind)).ok_or_else(is_damaged)?,
            chunk_bytes: u32::from_le_bytes(chunk),
            verify_on_update: flags & VERIFY_ON_UPDATE != 0,
        };
        settings.check().map_err(|_| is_damaged())?;
        Ok(settings)
    }

    pub(crate) fn set_settings(&self, transaction: &mut Transaction<'_>, settings: &ContainerSettings) -> Result<()> {
        let flags = if settings.verify_on_update { VERIFY_ON_UPDATE } else { 0 };
        let [a, b, c, d] = settings.chunk_bytes.to_le_bytes();
        transaction.write(self.position + CHECKSUM, &[settings.checksum.number(), flags, 0, 0, a, b, c, d])
    }
}
