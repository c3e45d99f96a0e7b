//! Management of the system: creating, listing and destroying pools.

use crate::Client;
use daos_status::Result;
use daos_types::{PoolId, Reference};

/// A pool to be created.
#[derive(Clone, Debug, Default)]
pub struct PoolCreate {
    /// Label; empty for none.
    pub label: String,
    /// Bytes for all targets together, metadata and data; 0 lets the engine choose by the free space of its file system.
    pub size: u64,
    /// Durability class: `log` (default when empty), `pmem` or `ram`.
    pub durability: String,
}

/// An entry of the list of pools.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolListEntry {
    /// Identifier.
    pub id: PoolId,
    /// Label; empty for none.
    pub label: String,
    /// `Ready`, `Creating` or `Destroying`.
    pub state: String,
    /// Ranks of the pool service's replicas.
    pub service_ranks: Vec<u32>,
}

/// What the system is.
#[derive(Clone, Debug, Default)]
pub struct SystemInfo {
    /// Name of the system.
    pub name: String,
    /// Provider of the fabric.
    pub provider: String,
    /// Process of the (local) engine.
    pub engine_process: u32,
    /// Directory of the local engine.
    pub directory: String,
    /// Addresses of the targets.
    pub targets: Vec<String>,
}

impl Client {
    /// Creates a pool; durable when it returns.
    pub async fn pool_create(&self, request: PoolCreate) -> Result<PoolListEntry> {
        todo!()
    }

    /// Destroys a pool; one with open handles only by `force`.
    pub async fn pool_destroy(&self, pool: &Reference, force: bool) -> Result<()> {
        todo!()
    }

    /// Every pool of the system.
    pub async fn pool_list(&self) -> Result<Vec<PoolListEntry>> {
        todo!()
    }

    /// What the system is.
    pub async fn system_info(&self) -> Result<SystemInfo> {
        todo!()
    }
}
