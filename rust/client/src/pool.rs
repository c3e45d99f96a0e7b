//! Connected pools.

use crate::{Client, Container};
use daos_status::Result;
use daos_types::{PoolId, Reference};

/// How a pool is connected (`DAOS_PC_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolFlags(pub u32);

impl PoolFlags {
    /// Read only.
    pub const READ_ONLY: PoolFlags = PoolFlags(1);
    /// Read and write.
    pub const READ_WRITE: PoolFlags = PoolFlags(2);
    /// Exclusive.
    pub const EXCLUSIVE: PoolFlags = PoolFlags(4);
}

/// Space of one tier, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SpaceInfo {
    /// All of it.
    pub total: u64,
    /// What can still be written.
    pub free: u64,
}

/// What a pool query tells.
#[derive(Clone, Debug)]
pub struct PoolInfo {
    /// Identifier.
    pub id: PoolId,
    /// Label; empty when it has none.
    pub label: String,
    /// Version of the pool map.
    pub map_version: u32,
    /// Targets, all and disabled.
    pub targets: u32,
    /// Targets that are not used.
    pub targets_disabled: u32,
    /// Engines.
    pub engines: u32,
    /// Metadata and small values.
    pub meta: SpaceInfo,
    /// Large values.
    pub data: SpaceInfo,
    /// Open handles.
    pub handles: u32,
    /// Containers.
    pub containers: u64,
    /// Durability class: `log`, `pmem` or `ram`.
    pub durability: String,
}

/// A connected pool.
#[derive(Clone, Debug)]
pub struct Pool {}

impl Pool {
    /// Connects to a pool.
    pub async fn connect(client: &Client, pool: &Reference, flags: PoolFlags) -> Result<Pool> {
        todo!()
    }

    /// Its identifier.
    pub fn id(&self) -> PoolId {
        todo!()
    }

    /// Closes the handle; containers opened through it are closed as well.
    pub async fn disconnect(&self, client: &Client) -> Result<()> {
        todo!()
    }

    /// What the pool is and holds.
    pub async fn query(&self, client: &Client) -> Result<PoolInfo> {
        todo!()
    }

    /// Its containers: identifier and label.
    pub async fn list_containers(&self, client: &Client) -> Result<Vec<crate::ContainerListEntry>> {
        todo!()
    }

    /// Sets user attributes.
    pub async fn set_attributes(&self, client: &Client, attributes: Vec<(String, Vec<u8>)>) -> Result<()> {
        todo!()
    }

    /// Reads user attributes; `None` for a name that is not there.
    pub async fn get_attributes(&self, client: &Client, names: Vec<String>) -> Result<Vec<Option<Vec<u8>>>> {
        todo!()
    }

    /// Names of the user attributes.
    pub async fn list_attributes(&self, client: &Client) -> Result<Vec<String>> {
        todo!()
    }

    /// Deletes user attributes.
    pub async fn delete_attributes(&self, client: &Client, names: Vec<String>) -> Result<()> {
        todo!()
    }

    /// The handle as bytes that another process of this system can open, and back.
    pub fn to_global(&self) -> Vec<u8> {
        todo!()
    }

    /// A pool handle from the bytes of [`Pool::to_global`].
    pub async fn from_global(client: &Client, bytes: &[u8]) -> Result<Pool> {
        todo!()
    }
}
