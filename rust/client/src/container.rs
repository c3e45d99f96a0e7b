//! Open containers.

use crate::{Client, Pool};
use daos_status::Result;
use daos_types::{ContainerId, Reference};

/// How a container is opened (`DAOS_COO_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerFlags(pub u32);

impl ContainerFlags {
    /// Read only.
    pub const READ_ONLY: ContainerFlags = ContainerFlags(1);
    /// Read and write.
    pub const READ_WRITE: ContainerFlags = ContainerFlags(2);
}

/// What a container is used for (`DAOS_PROP_CO_LAYOUT_*`, same values).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContainerType(pub u16);

impl ContainerType {
    /// Not said.
    pub const UNKNOWN: ContainerType = ContainerType(0);
    /// A POSIX namespace.
    pub const POSIX: ContainerType = ContainerType(1);
    /// HDF5 files.
    pub const HDF5: ContainerType = ContainerType(2);
    /// Python objects.
    pub const PYTHON: ContainerType = ContainerType(3);
}

/// Properties of a container: numbers by upstream's property types (`DAOS_PROP_CO_*`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerProperties {
    /// Label; empty for none.
    pub label: String,
    /// What it is used for.
    pub kind: ContainerType,
    /// Other properties with a number as value, by property type.
    pub numbers: Vec<(u32, u64)>,
    /// Other properties with a text as value, by property type.
    pub texts: Vec<(u32, String)>,
}

/// An entry of a pool's list of containers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContainerListEntry {
    /// Identifier.
    pub id: ContainerId,
    /// Label; empty for none.
    pub label: String,
}

/// What a container query tells.
#[derive(Clone, Debug)]
pub struct ContainerInfo {
    /// Identifier.
    pub id: ContainerId,
    /// Properties, the label among them.
    pub properties: ContainerProperties,
    /// Open handles.
    pub handles: u32,
    /// Snapshots.
    pub snapshots: u32,
    /// Time of the last open, as an epoch.
    pub open_time: u64,
    /// Time of the last change of metadata, as an epoch.
    pub modify_time: u64,
}

/// An open container.
#[derive(Clone, Debug)]
pub struct Container {}

impl Container {
    /// Creates a container; `id` `None` lets the system choose one. Durable when it returns.
    pub async fn create(
        client: &Client,
        pool: &Pool,
        id: Option<ContainerId>,
        properties: ContainerProperties,
    ) -> Result<ContainerId> {
        todo!()
    }

    /// Destroys a container; one with open handles only by `force`.
    pub async fn destroy(client: &Client, pool: &Pool, container: &Reference, force: bool) -> Result<()> {
        todo!()
    }

    /// Opens a container.
    pub async fn open(client: &Client, pool: &Pool, container: &Reference, flags: ContainerFlags) -> Result<Container> {
        todo!()
    }

    /// Its identifier.
    pub fn id(&self) -> ContainerId {
        todo!()
    }

    /// Its pool.
    pub fn pool(&self) -> &Pool {
        todo!()
    }

    /// Its properties as they were when it was opened.
    pub fn properties(&self) -> &ContainerProperties {
        todo!()
    }

    /// Closes the handle.
    pub async fn close(&self, client: &Client) -> Result<()> {
        todo!()
    }

    /// What the container is.
    pub async fn query(&self, client: &Client) -> Result<ContainerInfo> {
        todo!()
    }

    /// Changes properties.
    pub async fn set_properties(&self, client: &Client, properties: ContainerProperties) -> Result<()> {
        todo!()
    }

    /// Reserves `count` object identifiers (lower halves) and gives the first; nobody else gets them.
    pub async fn allocate_object_ids(&self, client: &Client, count: u64) -> Result<u64> {
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

    /// The handle as bytes that another process of this system can open.
    pub fn to_global(&self) -> Vec<u8> {
        todo!()
    }

    /// A container handle from the bytes of [`Container::to_global`].
    pub async fn from_global(client: &Client, pool: &Pool, bytes: &[u8]) -> Result<Container> {
        todo!()
    }
}
