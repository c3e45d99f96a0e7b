//! POSIX containers: where the tools meet the namespace.

use crate::failure::{Failure, Result};
use daos_client::{Client, Container, ContainerProperties, Pool};
use daos_status::Code;
use daos_types::{ContainerId, ObjectClass};

/// What a new namespace is told; `None` leaves the choice to it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Attributes {
    /// Bytes of a chunk.
    pub chunk_size: Option<u64>,
    /// Class of files and directories.
    pub class: Option<ObjectClass>,
    /// Class of directories.
    pub directory_class: Option<ObjectClass>,
    /// Class of files.
    pub file_class: Option<ObjectClass>,
}

/// Defaults of a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Bytes of a chunk.
    pub chunk_size: u64,
    /// Class of what has no class of its own.
    pub class: ObjectClass,
    /// Class of directories.
    pub directory_class: ObjectClass,
    /// Class of files.
    pub file_class: ObjectClass,
}

/// Creates a container with an empty namespace.
pub async fn create(
    _client: &Client,
    _pool: &Pool,
    _properties: ContainerProperties,
    _attributes: &Attributes,
) -> Result<ContainerId> {
    Err(Failure::new(Code::Nosys, "POSIX containers cannot be created yet"))
}

/// The defaults of a container's namespace.
pub async fn layout(_client: &Client, _container: &Container) -> Result<Layout> {
    Err(Failure::new(Code::Nosys, "POSIX containers cannot be looked into yet"))
}
