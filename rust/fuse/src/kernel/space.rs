//! How much room there is.

use super::Kernel;
use crate::inodes::What;
use daos_dfs::{NAME_LENGTH_MAX, Result};

/// Bytes of a block in which room is counted.
pub(super) const BLOCK: u32 = 4096;

/// Room, in blocks.
pub(super) struct Space {
    /// All of it.
    pub total: u64,
    /// What can still be written.
    pub free: u64,
    /// The longest name.
    pub name_length: u32,
}

impl Kernel {
    /// The room of the pool that an entry is in; none for the directory of pools.
    pub(super) fn space(&self, number: u64) -> Result<Space> {
        let inode = self.inodes.get(number)?;
        let name_length = NAME_LENGTH_MAX as u32;
        let pool = match &inode.what {
            What::System => return Ok(Space { total: 0, free: 0, name_length }),
            What::Pool(pool) => pool.clone(),
            What::Entry(entry) => entry.volume.file_system.container().pool().clone(),
        };
        let found = self.run(move |client| async move { pool.query(&client).await })?;
        let blocks = |bytes: u64| bytes / u64::from(BLOCK);
        Ok(Space {
            total: blocks(found.meta.total.saturating_add(found.data.total)),
            free: blocks(found.meta.free.saturating_add(found.data.free)),
            name_length,
        })
    }
}
