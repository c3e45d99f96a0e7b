//! What log and checkpoints do for a store, and asking them to.

use crate::Store;
use daos_media::ArenaStatistics;
use daos_status::Result;

impl Store {
    /// Counters of log and checkpoints since the store was opened; zeros in class `ram`.
    pub fn media_statistics(&self) -> ArenaStatistics {
        self.durable.statistics()
    }

    /// Writes a checkpoint now, so that opening the store after a crash is quick; does nothing in class `ram`.
    pub async fn checkpoint(&self) -> Result<()> {
        self.durable.checkpoint().await
    }
}
