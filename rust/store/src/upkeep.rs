//! Work that a store does by itself, asked for at a moment of the caller's choice.

use crate::Store;
use daos_status::Result;

impl Store {
    /// Writes a checkpoint now, so that opening the store after a crash is quick; does nothing in class `ram`.
    pub async fn checkpoint(&self) -> Result<()> {
        self.durable.checkpoint().await
    }
}
