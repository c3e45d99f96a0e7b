//! Open containers.

use crate::access::{AccessInfo, change_owner, new_access, overwrite_access};
use crate::attach::Connection;
use crate::attributes::{self, Attributed};
use crate::global;
use crate::repeat::{WhenBusy, repeat};
use crate::route::Route;
use crate::{Client, Pool};
use daos_placement::{Classes, Layout, Shape, View};
use daos_security::Permissions;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, HandleId, ObjectId, PoolId, Reference};
use daos_wire::{
    AccessChange, AccessGet, AccessOf, AccessSet, AllocateObjectIds, AttributeOwner, ContainerCreate, ContainerDestroy,
    ContainerFound, ContainerHandle, ContainerOpen, ContainerOpened, ContainerPlacement, ContainerQueryReply,
    ContainerRequest, ContainerSetProperties, Opcode, Properties, Wire,
};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a container is opened (`DAOS_COO_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerFlags(pub u32);

impl ContainerFlags {
    /// Read only.
    pub const READ_ONLY: ContainerFlags = ContainerFlags(1);
    /// Read and write.
    pub const READ_WRITE: ContainerFlags = ContainerFlags(2);
    /// Read and write, and nobody else has it open.
    pub const EXCLUSIVE: ContainerFlags = ContainerFlags(4);
    /// With [`ContainerFlags::EXCLUSIVE`]: the handles of others are closed first.
    pub const EVICT_ALL: ContainerFlags = ContainerFlags(64);
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
    /// Owner and access control list: of a new container what is chosen, of one that is there what may be read.
    pub access: AccessInfo,
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
    /// Epoch of the newest snapshot; zero when there are none.
    pub newest_snapshot: Epoch,
    /// Time of the last open, as an epoch.
    pub open_time: u64,
    /// Time of the last change of metadata, as an epoch.
    pub modify_time: u64,
}

impl ContainerInfo {
    /// What a filter tells: of the properties, the label alone.
    pub(crate) fn from_found(found: ContainerFound) -> ContainerInfo {
        let ContainerFound { entry, handles, snapshots, newest_snapshot, open_time, modify_time } = found;
        let properties = ContainerProperties { label: entry.label, ..ContainerProperties::default() };
        ContainerInfo { id: entry.id, properties, handles, snapshots, newest_snapshot, open_time, modify_time }
    }
}

impl ContainerProperties {
    fn to_wire(&self) -> Properties {
        let Self { label, kind, numbers, texts, access: _ } = self.clone();
        Properties { label, kind: kind.0, numbers, texts }
    }

    fn from_wire(properties: Properties) -> ContainerProperties {
        let Properties { label, kind, numbers, texts } = properties;
        let access = AccessInfo::default();
        ContainerProperties { label, kind: ContainerType(kind), numbers, texts, access }
    }
}

#[derive(Debug)]
struct ContainerInner {
    pool: Pool,
    id: ContainerId,
    handle: HandleId,
    flags: ContainerFlags,
    properties: ContainerProperties,
    rights: Permissions,
    /// Which targets of the pool it uses.
    placement: ContainerPlacement,
    /// The pool as the container sees it, by the newest map.
    view: Mutex<Option<(u32, View)>>,
    /// Object classes that users have registered, as far as they were met.
    classes: Mutex<Classes>,
    /// The handle is that of another client, which gave it away as bytes: it is used and not owned.
    is_shared: bool,
    /// The connection on which the handle is open; zero when it was closed.
    generation: AtomicU64,
    closed: AtomicBool,
}

/// An open container. Clones are the same handle.
#[derive(Clone, Debug)]
pub struct Container(Arc<ContainerInner>);

/// What the bytes of a container handle say: pool, container, handle, flags.
type Global = ((PoolId, ContainerId), (HandleId, u32));

impl Container {
    /// Creates a container; `id` `None` lets the system choose one. Durable when it returns.
    pub async fn create(
        client: &Client,
        pool: &Pool,
        id: Option<ContainerId>,
        properties: ContainerProperties,
    ) -> Result<ContainerId> {
        let container = id.unwrap_or_else(|| ContainerId(client.env().random.uuid()));
        let AccessInfo { owner, list } = &properties.access;
        let access = new_access(&owner.user, &owner.group, list.as_ref());
        let properties = properties.to_wire();
        let request = ContainerCreate { pool: pool.id(), handle: pool.handle(), container, properties, access };
        pool.ask::<_, ()>(client, Opcode::ContainerCreate, &request).await?;
        Ok(container)
    }

    /// Destroys a container; one with open handles only by `force`.
    pub async fn destroy(client: &Client, pool: &Pool, container: &Reference, force: bool) -> Result<()> {
        let container = container.clone();
        let request = ContainerDestroy { pool: pool.id(), handle: pool.handle(), container, force };
        pool.ask(client, Opcode::ContainerDestroy, &request).await
    }

    /// Opens a container.
    pub async fn open(client: &Client, pool: &Pool, container: &Reference, flags: ContainerFlags) -> Result<Container> {
        let handle = HandleId(client.env().random.uuid());
        let change = client.new_change().await;
        let (pool_id, pool_handle, container) = (pool.id(), pool.handle(), container.clone());
        let flags_number = flags.0;
        let request =
            ContainerOpen { pool: pool_id, pool_handle, container, handle, flags: flags_number, again: false };
        let opened = repeat(client, WhenBusy::Fail, async || {
            let (connection, _) = pool.route(client).await?;
            let opened = client.call_service_at(&connection, Opcode::ContainerOpen, &request, Some(&change)).await;
            let opened: ContainerOpened = opened.map_err(|error| error.while_doing(opening(&request.container)))?;
            Ok((opened, connection.generation()))
        });
        let (opened, generation) = opened.await?;
        Ok(Container::with(pool, handle, flags, opened, false, generation))
    }

    fn with(
        pool: &Pool,
        handle: HandleId,
        flags: ContainerFlags,
        opened: ContainerOpened,
        is_shared: bool,
        generation: u64,
    ) -> Container {
        Container(Arc::new(ContainerInner {
            pool: pool.clone(),
            id: opened.id,
            handle,
            flags,
            properties: ContainerProperties::from_wire(opened.properties),
            rights: Permissions(opened.rights),
            placement: opened.placement,
            view: Mutex::default(),
            classes: Mutex::default(),
            is_shared,
            generation: AtomicU64::new(generation),
            closed: AtomicBool::new(false),
        }))
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

    /// What the handle permits.
    pub fn rights(&self) -> Permissions {
        self.0.rights
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
        let (connection, route) = self.newest_route(client).await?;
        if self.0.generation.load(Ordering::Acquire) == connection.generation() {
            return Ok((connection, route));
        }
        Box::pin(repeat(client, WhenBusy::Fail, async || {
            let (connection, route) = self.newest_route(client).await?;
            if self.0.generation.load(Ordering::Acquire) != connection.generation() {
                self.open_again(client, &connection).await?;
                self.0.generation.store(connection.generation(), Ordering::Release);
            }
            Ok((connection, route))
        }))
        .await
    }

    /// The route of the pool, by a map that is not older than the container.
    async fn newest_route(&self, client: &Client) -> Result<(Rc<Connection>, Arc<Route>)> {
        let (connection, route) = self.0.pool.route(client).await?;
        if route.version() >= self.0.placement.version {
            return Ok((connection, route));
        }
        // It was made, by another client, when the pool had targets that the map here does not know.
        self.0.pool.forget_route();
        self.0.pool.route(client).await
    }

    /// The layout of an object by a map.
    pub(crate) fn layout(&self, route: &Route, object: ObjectId) -> Result<Layout> {
        let Some(shape) = self.shape_of(object) else {
            fail!(Code::Notype, "object {object} has no known object class ({:#x})", object.class().0);
        };
        let mut known = self.0.view.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some((version, view)) if *version == route.version() => view.place_as(object, shape),
            _ => {
                let view = route.view(&self.0.placement)?;
                let layout = view.place_as(object, shape);
                *known = Some((route.version(), view));
                layout
            }
        }
    }

    /// The shape of an object; `None` when its class is not known (yet).
    pub(crate) fn shape_of(&self, object: ObjectId) -> Option<Shape> {
        if let Ok(shape) = Shape::of(object) {
            return Some(shape);
        }
        self.registered().shape(object).ok()
    }

    /// The registered object classes that are known.
    pub(crate) fn registered(&self) -> MutexGuard<'_, Classes> {
        self.0.classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the handle is open on a connection that is new.
    async fn open_again(&self, client: &Client, connection: &Connection) -> Result<ContainerOpened> {
        let container = Reference::Id(self.0.id.0);
        let opened = if self.0.is_shared {
            client.call_service_at(connection, Opcode::ContainerShared, &self.request(), None).await
        } else {
            let change = client.new_change_at_once();
            let request = ContainerOpen {
                pool: self.0.pool.id(),
                pool_handle: self.0.pool.handle(),
                container: container.clone(),
                handle: self.0.handle,
                flags: self.0.flags.0,
                again: true,
            };
            client.call_service_at(connection, Opcode::ContainerOpen, &request, Some(&change)).await
        };
        opened.map_err(|error| error.while_doing(opening(&container)))
    }

    /// Asks the pool service by this handle, which is opened again on a connection that is new.
    pub(crate) async fn ask<Q: Wire, R: Wire>(&self, client: &Client, opcode: Opcode, request: &Q) -> Result<R> {
        let change = client.number(opcode).await;
        repeat(client, WhenBusy::Fail, async || {
            let (connection, _) = self.route(client).await?;
            client.call_service_at(&connection, opcode, request, change.as_ref()).await
        })
        .await
    }

    /// Closes the handle. One that another client gave away as bytes stays open for that client and the others.
    pub async fn close(&self, client: &Client) -> Result<()> {
        if self.0.closed.swap(true, Ordering::AcqRel) {
            fail!(Code::NoHdl, "the handle of container {} was closed", self.0.id);
        }
        if self.0.is_shared {
            return Ok(());
        }
        client.close_handle(Opcode::ContainerClose, &self.request()).await
    }

    /// What the container is.
    pub async fn query(&self, client: &Client) -> Result<ContainerInfo> {
        let reply: ContainerQueryReply = self.ask(client, Opcode::ContainerQuery, &self.request()).await?;
        let access = AccessInfo::from_wire(reply.access)?;
        Ok(ContainerInfo {
            id: self.0.id,
            properties: ContainerProperties { access, ..ContainerProperties::from_wire(reply.properties) },
            handles: reply.handles,
            snapshots: reply.snapshots,
            newest_snapshot: reply.newest_snapshot,
            open_time: reply.open_time,
            modify_time: reply.modify_time,
        })
    }

    /// Changes properties; those not named stay.
    pub async fn set_properties(&self, client: &Client, properties: ContainerProperties) -> Result<()> {
        let request = ContainerSetProperties { request: self.request(), properties: properties.to_wire() };
        self.ask(client, Opcode::ContainerSetProperties, &request).await
    }

    /// Owner and access control list.
    pub async fn access(&self, client: &Client) -> Result<AccessInfo> {
        let request = AccessGet { of: self.access_of() };
        AccessInfo::from_wire(self.ask(client, Opcode::AccessGet, &request).await?)
    }

    /// Changes owner or access control list.
    pub async fn change_access(&self, client: &Client, change: AccessChange) -> Result<()> {
        let request = AccessSet { of: self.access_of(), change };
        self.ask(client, Opcode::AccessSet, &request).await
    }

    /// Changes owner, group and access control list; what is empty stays. The list is last: it may take away the right to go on.
    pub async fn set_access(&self, client: &Client, new: &AccessInfo) -> Result<()> {
        if !new.owner.user.is_empty() || !new.owner.group.is_empty() {
            self.change_access(client, change_owner(&new.owner.user, &new.owner.group)).await?;
        }
        match &new.list {
            Some(list) => self.change_access(client, overwrite_access(list)).await,
            None => Ok(()),
        }
    }

    fn access_of(&self) -> AccessOf {
        let ContainerRequest { pool, container, handle } = self.request();
        AccessOf::Container(ContainerHandle { pool, container, handle })
    }

    /// Reserves `count` object identifiers (lower halves) and gives the first; nobody else gets them.
    pub async fn allocate_object_ids(&self, client: &Client, count: u64) -> Result<u64> {
        let request = AllocateObjectIds { request: self.request(), count };
        self.ask(client, Opcode::AllocateObjectIds, &request).await
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

    /// The handle as bytes by which other processes of this system can use it, on this node and on others.
    pub fn to_global(&self) -> Vec<u8> {
        let content: Global = ((self.0.pool.id(), self.0.id), (self.0.handle, self.0.flags.0));
        global::seal(global::Kind::Container, &content)
    }

    /// The container handle of the bytes of [`Container::to_global`], within a pool handle of this process: the same one,
    /// which ends when the client that opened it closes it or ends.
    pub async fn from_global(client: &Client, pool: &Pool, bytes: &[u8]) -> Result<Container> {
        let ((pool_id, container), (handle, flags)): Global = global::open(global::Kind::Container, bytes)?;
        if pool_id != pool.id() {
            fail!(Code::Inval, "the handle is one of a container of pool {pool_id}, not of {}", pool.id());
        }
        let request = ContainerRequest { pool: pool_id, container, handle };
        let opened = repeat(client, WhenBusy::Fail, async || {
            let (connection, _) = pool.route(client).await?;
            let opened = client.call_service_at(&connection, Opcode::ContainerShared, &request, None).await?;
            Ok((opened, connection.generation()))
        });
        let (opened, generation) = opened.await?;
        Ok(Container::with(pool, handle, ContainerFlags(flags), opened, true, generation))
    }
}

impl Attributed for Container {
    fn attribute_owner(&self) -> (AttributeOwner, HandleId) {
        (AttributeOwner::Container((self.0.pool.id(), self.0.id)), self.0.handle)
    }

    async fn ask<Q: Wire, R: Wire>(&self, client: &Client, opcode: Opcode, request: &Q) -> Result<R> {
        Container::ask(self, client, opcode, request).await
    }
}

fn opening(container: &Reference) -> String {
    format!("opening container '{container}'")
}
