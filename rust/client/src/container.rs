//! Open containers.

use crate::attach::Connection;
use crate::attributes::{self, Attributed};
use crate::pool::Route;
use crate::repeat::{WhenBusy, WhenLost, repeat};
use crate::{Client, Pool};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, Reference};
use daos_wire::{
    AllocateObjectIds, AttributeOwner, ContainerCreate, ContainerDestroy, ContainerOpen, ContainerOpened,
    ContainerQueryReply, ContainerRequest, ContainerSetProperties, Opcode, Properties, Wire, decode, encode,
};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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

impl ContainerProperties {
    fn to_wire(&self) -> Properties {
        let Self { label, kind, numbers, texts } = self.clone();
        Properties { label, kind: kind.0, numbers, texts }
    }

    fn from_wire(properties: Properties) -> ContainerProperties {
        let Properties { label, kind, numbers, texts } = properties;
        ContainerProperties { label, kind: ContainerType(kind), numbers, texts }
    }
}

#[derive(Debug)]
struct ContainerInner {
    pool: Pool,
    id: ContainerId,
    handle: HandleId,
    flags: ContainerFlags,
    properties: ContainerProperties,
    /// The connection on which the handle is open; zero when it was closed.
    generation: AtomicU64,
    closed: AtomicBool,
}

/// An open container. Clones are the same handle.
#[derive(Clone, Debug)]
pub struct Container(Arc<ContainerInner>);

/// First bytes of a handle in global form.
const GLOBAL_MAGIC: u64 = 0x3130_6e6f_4364_5344; // "DSdCon01"

impl Container {
    /// Creates a container; `id` `None` lets the system choose one. Durable when it returns.
    pub async fn create(
        client: &Client,
        pool: &Pool,
        id: Option<ContainerId>,
        properties: ContainerProperties,
    ) -> Result<ContainerId> {
        let container = id.unwrap_or_else(|| ContainerId(client.env().random.uuid()));
        let properties = properties.to_wire();
        let request = ContainerCreate { pool: pool.id(), handle: pool.handle(), container, properties };
        // The same request again finds the container that it made.
        pool.ask::<_, ()>(client, WhenLost::Repeat, Opcode::ContainerCreate, &request).await?;
        Ok(container)
    }

    /// Destroys a container; one with open handles only by `force`.
    pub async fn destroy(client: &Client, pool: &Pool, container: &Reference, force: bool) -> Result<()> {
        let container = container.clone();
        let request = ContainerDestroy { pool: pool.id(), handle: pool.handle(), container, force };
        pool.ask(client, WhenLost::Fail, Opcode::ContainerDestroy, &request).await
    }

    /// Opens a container.
    pub async fn open(client: &Client, pool: &Pool, container: &Reference, flags: ContainerFlags) -> Result<Container> {
        let handle = HandleId(client.env().random.uuid());
        // The same handle again changes nothing.
        let opened = repeat(client, WhenLost::Repeat, WhenBusy::Fail, async || {
            let (connection, _) = pool.route(client).await?;
            let opened = open(client, &connection, pool, container.clone(), handle, flags).await?;
            Ok((opened, connection.generation()))
        });
        let (opened, generation) = opened.await?;
        Ok(Container(Arc::new(ContainerInner {
            pool: pool.clone(),
            id: opened.id,
            handle,
            flags,
            properties: ContainerProperties::from_wire(opened.properties),
            generation: AtomicU64::new(generation),
            closed: AtomicBool::new(false),
        })))
    }

    /// Its identifier.
    pub fn id(&self) -> ContainerId {
        self.0.id
    }

    /// Its pool.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// How it was opened.
    pub fn flags(&self) -> ContainerFlags {
        self.0.flags
    }

    /// Its properties as they were when it was opened.
    pub fn properties(&self) -> &ContainerProperties {
        &self.0.properties
    }

    pub(crate) fn request(&self) -> ContainerRequest {
        ContainerRequest { pool: self.0.pool.id(), container: self.0.id, handle: self.0.handle }
    }

    /// The connection and where the targets are on it; opens the handle again on a connection that is new.
    pub(crate) async fn route(&self, client: &Client) -> Result<(Rc<Connection>, Arc<Route>)> {
        if self.0.closed.load(Ordering::Acquire) {
            fail!(Code::NoHdl, "the handle of container {} was closed", self.0.id);
        }
        let (connection, route) = self.0.pool.route(client).await?;
        if self.0.generation.load(Ordering::Acquire) != connection.generation() {
            let reference = Reference::Id(self.0.id.0);
            open(client, &connection, &self.0.pool, reference, self.0.handle, self.0.flags).await?;
            self.0.generation.store(connection.generation(), Ordering::Release);
        }
        Ok((connection, route))
    }

    /// Asks the pool service by this handle, which is opened again on a connection that is new.
    async fn ask<Q: Wire, R: Wire>(
        &self,
        client: &Client,
        when_lost: WhenLost,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        repeat(client, when_lost, WhenBusy::Fail, async || {
            let (connection, _) = self.route(client).await?;
            client.call_at(&connection, connection.service(), opcode, request).await
        })
        .await
    }

    /// Closes the handle. An engine that has ended has closed it already.
    pub async fn close(&self, client: &Client) -> Result<()> {
        if self.0.closed.swap(true, Ordering::AcqRel) {
            fail!(Code::NoHdl, "the handle of container {} was closed", self.0.id);
        }
        let generation = self.0.generation.load(Ordering::Acquire);
        client.close_handle(generation, Opcode::ContainerClose, &self.request()).await
    }

    /// What the container is.
    pub async fn query(&self, client: &Client) -> Result<ContainerInfo> {
        let reply: ContainerQueryReply =
            self.ask(client, WhenLost::Repeat, Opcode::ContainerQuery, &self.request()).await?;
        Ok(ContainerInfo {
            id: self.0.id,
            properties: ContainerProperties::from_wire(reply.properties),
            handles: reply.handles,
            snapshots: reply.snapshots,
            open_time: reply.open_time,
            modify_time: reply.modify_time,
        })
    }

    /// Changes properties; those not named stay.
    pub async fn set_properties(&self, client: &Client, properties: ContainerProperties) -> Result<()> {
        let request = ContainerSetProperties { request: self.request(), properties: properties.to_wire() };
        self.ask(client, WhenLost::Repeat, Opcode::ContainerSetProperties, &request).await
    }

    /// Reserves `count` object identifiers (lower halves) and gives the first; nobody else gets them.
    pub async fn allocate_object_ids(&self, client: &Client, count: u64) -> Result<u64> {
        let request = AllocateObjectIds { request: self.request(), count };
        // Done twice, it leaves out some identifiers.
        self.ask(client, WhenLost::Repeat, Opcode::AllocateObjectIds, &request).await
    }

    /// Sets user attributes.
    pub async fn set_attributes(&self, client: &Client, attributes: Vec<(String, Vec<u8>)>) -> Result<()> {
        attributes::set(self, client, attributes).await
    }

    /// Reads user attributes; `None` for a name that is not there.
    pub async fn get_attributes(&self, client: &Client, names: Vec<String>) -> Result<Vec<Option<Vec<u8>>>> {
        attributes::get(self, client, names).await
    }

    /// Names of the user attributes.
    pub async fn list_attributes(&self, client: &Client) -> Result<Vec<String>> {
        attributes::list(self, client).await
    }

    /// Deletes user attributes.
    pub async fn delete_attributes(&self, client: &Client, names: Vec<String>) -> Result<()> {
        attributes::delete(self, client, names).await
    }

    /// The handle as bytes that another process of this system can open.
    pub fn to_global(&self) -> Vec<u8> {
        encode(&(GLOBAL_MAGIC, (self.0.id, self.0.flags.0)))
    }

    /// A container handle from the bytes of [`Container::to_global`], within a pool handle of this process.
    pub async fn from_global(client: &Client, pool: &Pool, bytes: &[u8]) -> Result<Container> {
        match decode::<(u64, (ContainerId, u32))>(bytes) {
            Ok((GLOBAL_MAGIC, (id, flags))) => {
                Container::open(client, pool, &Reference::Id(id.0), ContainerFlags(flags)).await
            }
            _ => fail!(Code::Inval, "these bytes are no container handle of this release"),
        }
    }
}

impl Attributed for Container {
    fn attribute_owner(&self) -> (AttributeOwner, HandleId) {
        (AttributeOwner::Container((self.0.pool.id(), self.0.id)), self.0.handle)
    }

    async fn ask<Q: Wire, R: Wire>(
        &self,
        client: &Client,
        when_lost: WhenLost,
        opcode: Opcode,
        request: &Q,
    ) -> Result<R> {
        Container::ask(self, client, when_lost, opcode, request).await
    }
}

async fn open(
    client: &Client,
    connection: &Connection,
    pool: &Pool,
    container: Reference,
    handle: HandleId,
    flags: ContainerFlags,
) -> Result<ContainerOpened> {
    let doing = format!("opening container '{container}'");
    let request = ContainerOpen { pool: pool.id(), pool_handle: pool.handle(), container, handle, flags: flags.0 };
    let reply = client.call_at(connection, connection.service(), Opcode::ContainerOpen, &request).await;
    reply.map_err(|error| error.while_doing(doing))
}
