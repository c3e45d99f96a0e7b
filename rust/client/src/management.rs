//! Management of the system: creating, listing and destroying pools.

use crate::Client;
use crate::repeat::WhenLost;
use daos_status::Result;
use daos_types::{PoolId, Reference};
use daos_wire::{Opcode, PoolDestroy, PoolEntry};

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

impl PoolListEntry {
    fn from_wire(entry: PoolEntry) -> PoolListEntry {
        let service_ranks = entry.service_ranks.into_iter().map(|rank| rank.0).collect();
        PoolListEntry { id: entry.id, label: entry.label, state: entry.state, service_ranks }
    }
}

impl Client {
    /// Creates a pool; durable when it returns.
    pub async fn pool_create(&self, request: PoolCreate) -> Result<PoolListEntry> {
        let request = daos_wire::PoolCreate {
            id: PoolId(self.env().random.uuid()),
            label: request.label,
            size: request.size,
            durability: request.durability,
        };
        // The same request again finds the pool that it made.
        self.call_service(WhenLost::Repeat, Opcode::PoolCreate, &request).await.map(PoolListEntry::from_wire)
    }

    /// Destroys a pool; one with open handles only by `force`.
    pub async fn pool_destroy(&self, pool: &Reference, force: bool) -> Result<()> {
        self.call_service(WhenLost::Fail, Opcode::PoolDestroy, &PoolDestroy { pool: pool.clone(), force }).await
    }

    /// Every pool of the system.
    pub async fn pool_list(&self) -> Result<Vec<PoolListEntry>> {
        let mut pools: Vec<PoolListEntry> = Vec::new();
        loop {
            let after = pools.last().map(|pool| pool.id);
            let (some, more): (Vec<PoolEntry>, bool) =
                self.call_service(WhenLost::Repeat, Opcode::PoolList, &after).await?;
            let is_last = !more || some.is_empty();
            pools.extend(some.into_iter().map(PoolListEntry::from_wire));
            if is_last {
                return Ok(pools);
            }
        }
    }

    /// What the system is.
    pub async fn system_info(&self) -> Result<SystemInfo> {
        let connection = self.connection().await?;
        Ok(SystemInfo {
            name: connection.system().to_owned(),
            provider: connection.provider().to_owned(),
            engine_process: connection.process(),
            directory: self.0.settings.local_directory.display().to_string(),
            targets: connection.targets().iter().map(ToString::to_string).collect(),
        })
    }
}
