//! Connected pools.

use crate::access::AccessInfo;
use crate::attach::Connection;
use crate::attributes::{self, Attributed};
use crate::global;
use crate::repeat::{WhenBusy, repeat};
use crate::route::{self, Route};
use crate::{Client, ContainerInfo, ContainerListEntry};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, PoolId, Rank, Reference, TargetIndex};
pub use daos_wire::ContainerCondition;
use daos_wire::{
    AttributeOwner, ContainerEntry, ContainerFilter, ContainerFound, ContainerList, Opcode, PoolConnect, PoolConnected,
    PoolQueryReply, PoolRequest, PoolSetProperties, PoolTargetQuery, PoolTargetReply, RouteKnown, Space, Wire,
};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// All properties with a number as value, by upstream's property types (`DAOS_PROP_PO_*`).
    pub numbers: Vec<(u32, u64)>,
    /// Owner and access control list.
    pub access: AccessInfo,
    /// Ranks that have a target in use.
    pub ranks: Vec<u32>,
    /// Ranks that have a target out of use.
    pub ranks_disabled: Vec<u32>,
}

/// What one target of a pool is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TargetInfo {
    /// `daos_target_state_t`.
    pub state: u8,
    /// Metadata and small values; nothing of a target whose engine does not serve.
    pub meta: SpaceInfo,
    /// Large values.
    pub data: SpaceInfo,
}

/// The most ranks of a pool: bounds what an answer can ask for.
const RANKS_MAX: usize = 1 << 20;

/// The numbers in runs.
fn numbers_of(runs: &[(u32, u32)]) -> Vec<u32> {
    runs.iter().flat_map(|(first, count)| (*first..).take(*count as usize)).take(RANKS_MAX).collect()
}

impl PoolInfo {
    pub(crate) fn from_wire(id: PoolId, reply: PoolQueryReply) -> Result<PoolInfo> {
        let space = |space: Space| SpaceInfo { total: space.total, free: space.free };
        Ok(PoolInfo {
            id,
            label: reply.label,
            map_version: reply.map_version,
            targets: reply.targets,
            targets_disabled: reply.targets_disabled,
            engines: reply.engines,
            meta: space(reply.meta),
            data: space(reply.data),
            handles: reply.handles,
            containers: reply.containers,
            durability: reply.durability,
            numbers: reply.numbers,
            access: AccessInfo::from_wire(reply.access)?,
            ranks: numbers_of(&reply.ranks),
            ranks_disabled: numbers_of(&reply.ranks_disabled),
        })
    }
}

#[derive(Debug)]
struct PoolInner {
    id: PoolId,
    handle: HandleId,
    flags: PoolFlags,
    /// The handle is that of another client, which gave it away as bytes: it is used and not owned.
    is_shared: bool,
    /// The system that it is of.
    system: String,
    closed: AtomicBool,
    route: Mutex<Arc<Route>>,
}

/// A connected pool. Clones are the same handle.
///
/// When the engine is restarted while the handle is open, the next call opens the same handle again.
#[derive(Clone, Debug)]
pub struct Pool(Arc<PoolInner>);

/// What the bytes of a pool handle say: system, pool, handle, flags.
type Global = (String, (PoolId, (HandleId, u32)));

impl Pool {
    /// Connects to a pool.
    pub async fn connect(client: &Client, pool: &Reference, flags: PoolFlags) -> Result<Pool> {
        let handle = HandleId(client.env().random.uuid());
        Pool::open(client, pool.clone(), handle, flags).await
    }

    async fn open(client: &Client, pool: Reference, handle: HandleId, flags: PoolFlags) -> Result<Pool> {
        let change = client.new_change().await;
        let known = RouteKnown::default();
        let request = PoolConnect { pool, handle, flags: flags.0, again: false, known };
        let route = repeat(client, WhenBusy::Fail, async || {
            let connection = client.connection().await?;
            let reply = client.call_service_at(&connection, Opcode::PoolConnect, &request, Some(&change)).await;
            let reply = reply.map_err(|error| client.named_place(error).while_doing(connecting(&request.pool)));
            let reply: PoolConnected = reply?;
            let opened = PoolRequest { pool: reply.id, handle };
            let route = route::read(client, &connection, &opened, None, Some(reply.route)).await?;
            Ok((connection.system().to_owned(), reply.id, route))
        });
        let (system, id, route) = route.await?;
        let (closed, route) = (AtomicBool::new(false), Mutex::new(route));
        Ok(Pool(Arc::new(PoolInner { id, handle, flags, is_shared: false, system, closed, route })))
    }

    /// Its identifier.
    pub fn id(&self) -> PoolId {
        self.0.id
    }

    /// How it was connected.
    pub fn flags(&self) -> PoolFlags {
        self.0.flags
    }

    pub(crate) fn handle(&self) -> HandleId {
        self.0.handle
    }

    /// The connection and where the pool's targets are on it; opens the handle again on a connection that is new, and asks for what
    /// has changed when something has.
    pub(crate) async fn route(&self, client: &Client) -> Result<(Rc<Connection>, Arc<Route>)> {
        if self.0.closed.load(Ordering::Acquire) {
            fail!(Code::NoHdl, "the handle of pool {} was closed", self.0.id);
        }
        let connection = client.connection().await?;
        let known = self.0.route.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.is_current(&connection) {
            return Ok((connection, known));
        }
        Box::pin(repeat(client, WhenBusy::Fail, async || {
            let connection = client.connection().await?;
            let known = self.0.route.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let route = self.read_route(client, &connection, &known).await;
            let route = route.map_err(|error| error.while_doing(connecting(&Reference::Id(self.0.id.0))))?;
            *self.0.route.lock().unwrap_or_else(PoisonError::into_inner) = route.clone();
            Ok((connection, route))
        }))
        .await
    }

    /// Asks where the targets are; on a connection that is new, opens the handle again.
    async fn read_route(&self, client: &Client, connection: &Connection, known: &Route) -> Result<Arc<Route>> {
        let mut first = None;
        if !self.0.is_shared && !known.is_of(connection) {
            let (pool, handle, flags) = (Reference::Id(self.0.id.0), self.0.handle, self.0.flags.0);
            let request = PoolConnect { pool, handle, flags, again: true, known: known.known() };
            let change = client.new_change_at_once();
            let reply: PoolConnected =
                client.call_service_at(connection, Opcode::PoolConnect, &request, Some(&change)).await?;
            first = Some(reply.route);
        }
        route::read(client, connection, &self.request(), Some(known), first).await
    }

    /// Lets the next call ask where the targets are: some are elsewhere now.
    pub(crate) fn forget_route(&self) {
        self.0.route.lock().unwrap_or_else(PoisonError::into_inner).set_behind();
    }

    pub(crate) fn request(&self) -> PoolRequest {
        PoolRequest { pool: self.0.id, handle: self.0.handle }
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

    /// Closes the handle; containers opened through it are closed as well. A handle that another client gave away as bytes
    /// stays open for that client and all others that it was given to.
    pub async fn disconnect(&self, client: &Client) -> Result<()> {
        if self.0.closed.swap(true, Ordering::AcqRel) {
            fail!(Code::NoHdl, "the handle of pool {} was closed", self.0.id);
        }
        if self.0.is_shared {
            return Ok(());
        }
        client.close_handle(Opcode::PoolDisconnect, &self.request()).await
    }

    /// In how many fault domains it has engines, by the map that this client has of it.
    pub async fn fault_domains(&self, client: &Client) -> Result<u32> {
        let (_, route) = self.route(client).await?;
        Ok(route.fault_domains())
    }

    /// What the pool is and holds.
    pub async fn query(&self, client: &Client) -> Result<PoolInfo> {
        let reply: PoolQueryReply = self.ask(client, Opcode::PoolQuery, &self.request()).await?;
        PoolInfo::from_wire(self.0.id, reply)
    }

    /// Lets another engine lead the service that keeps the pool's metadata, soon after this returns; where no other keeps it,
    /// nothing changes. For tests of what follows: calls that are under way wait for the next one.
    pub async fn stop_service(&self, client: &Client) -> Result<()> {
        self.ask(client, Opcode::PoolServiceStop, &self.request()).await
    }

    /// What one of its targets is good for, and how full it is.
    pub async fn query_target(&self, client: &Client, rank: u32, target: u32) -> Result<TargetInfo> {
        let (rank, target) = (Rank(rank), TargetIndex(target));
        let request = PoolTargetQuery { request: self.request(), rank, target };
        let reply: PoolTargetReply = self.ask(client, Opcode::PoolTargetQuery, &request).await?;
        let space = |space: Space| SpaceInfo { total: space.total, free: space.free };
        Ok(TargetInfo { state: reply.state, meta: space(reply.meta), data: space(reply.data) })
    }

    /// Its containers that conditions let through, with what the conditions are about: all of them if there is none; where `any`, one
    /// that holds is enough.
    pub async fn filter_containers(
        &self,
        client: &Client,
        any: bool,
        conditions: Vec<ContainerCondition>,
    ) -> Result<Vec<ContainerInfo>> {
        let (pool, handle) = (self.0.id, self.0.handle);
        let mut request = ContainerFilter { pool, handle, after: None, any, conditions };
        let mut all = Vec::new();
        loop {
            let (some, last): (Vec<ContainerFound>, Option<ContainerId>) =
                self.ask(client, Opcode::ContainerFilter, &request).await?;
            all.extend(some.into_iter().map(ContainerInfo::from_found));
            if last.is_none() || last <= request.after {
                return Ok(all);
            }
            request.after = last;
        }
    }

    /// Sets properties by upstream's property types; durable when it returns, and followed by all targets.
    pub async fn set_properties(&self, client: &Client, numbers: Vec<(u32, u64)>) -> Result<()> {
        let request = PoolSetProperties { request: self.request(), numbers };
        self.ask(client, Opcode::PoolSetProperties, &request).await
    }

    /// Its containers: identifier and label.
    pub async fn list_containers(&self, client: &Client) -> Result<Vec<ContainerListEntry>> {
        let mut containers: Vec<ContainerListEntry> = Vec::new();
        loop {
            let after = containers.last().map(|container| container.id);
            let request = ContainerList { pool: self.0.id, handle: self.0.handle, after };
            let (some, more): (Vec<ContainerEntry>, bool) = self.ask(client, Opcode::ContainerList, &request).await?;
            let is_last = !more || some.is_empty();
            containers.extend(some.into_iter().map(|entry| ContainerListEntry { id: entry.id, label: entry.label }));
            if is_last {
                return Ok(containers);
            }
        }
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
        let content: Global = (self.0.system.clone(), (self.0.id, (self.0.handle, self.0.flags.0)));
        global::seal(global::Kind::Pool, &content)
    }

    /// The pool handle of the bytes of [`Pool::to_global`]: the same one, which ends when the client that connected it
    /// closes it or ends.
    pub async fn from_global(client: &Client, bytes: &[u8]) -> Result<Pool> {
        let (system, (id, (handle, flags))): Global = global::open(global::Kind::Pool, bytes)?;
        let request = PoolRequest { pool: id, handle };
        let route = repeat(client, WhenBusy::Fail, async || {
            let connection = client.connection().await?;
            if connection.system() != system {
                fail!(Code::Inval, "the handle is one of system '{system}', not of '{}'", connection.system());
            }
            route::read(client, &connection, &request, None, None).await
        });
        let (closed, route) = (AtomicBool::new(false), Mutex::new(route.await?));
        let flags = PoolFlags(flags);
        Ok(Pool(Arc::new(PoolInner { id, handle, flags, is_shared: true, system, closed, route })))
    }
}

impl Attributed for Pool {
    fn attribute_owner(&self) -> (AttributeOwner, HandleId) {
        (AttributeOwner::Pool(self.0.id), self.0.handle)
    }

    async fn ask<Q: Wire, R: Wire>(&self, client: &Client, opcode: Opcode, request: &Q) -> Result<R> {
        Pool::ask(self, client, opcode, request).await
    }
}

fn connecting(pool: &Reference) -> String {
    format!("connecting to pool '{pool}'")
}
