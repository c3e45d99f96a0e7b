//! Open handles of pools and containers, and what they allow.

use crate::PoolService;
use crate::state::{Container, Pool};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, HandleId, PoolId};
use daos_wire::{ContainerOpen, ContainerOpened, HandleGrant, HandleQuery, PoolConnect};

/// A client process, as the engine that it is attached to counts them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClientId(pub u64);

/// The most handles of one pool: bounds what a client in a loop can take.
const HANDLES_MAX: usize = 100_000;

/// `DAOS_PC_RO`, `DAOS_COO_RO`.
const READ_ONLY: u32 = 1;
/// `DAOS_PC_RW`, `DAOS_COO_RW`.
const READ_WRITE: u32 = 2;
/// `DAOS_PC_EX`, `DAOS_COO_EX`.
const EXCLUSIVE: u32 = 4;

pub(crate) struct PoolHandle {
    client: ClientId,
    flags: u32,
}

pub(crate) struct ContainerHandle {
    client: ClientId,
    pool_handle: HandleId,
    flags: u32,
}

/// Exactly one of read-only, read-write and exclusive must be asked for.
fn check_flags(flags: u32) -> Result<()> {
    match flags & (READ_ONLY | READ_WRITE | EXCLUSIVE) {
        READ_ONLY | READ_WRITE | EXCLUSIVE => Ok(()),
        _ => fail!(Code::Inval, "flags {flags:#x} do not ask for one of read-only, read-write and exclusive"),
    }
}

/// An exclusive handle allows no other, and no other allows an exclusive one.
fn check_exclusive(flags: u32, mut open: impl Iterator<Item = u32>, what: &str) -> Result<()> {
    let exclusive = flags & EXCLUSIVE != 0;
    match open.find(|other| exclusive || other & EXCLUSIVE != 0) {
        None => Ok(()),
        Some(_) if exclusive => fail!(Code::Busy, "{what} cannot be opened exclusively: it is open"),
        Some(_) => fail!(Code::Busy, "{what} is open exclusively"),
    }
}

impl PoolService {
    /// Opens a pool handle; nothing is stored.
    pub fn connect(&mut self, request: &PoolConnect, client: ClientId) -> Result<PoolId> {
        check_flags(request.flags)?;
        let id = self.find_pool(&request.pool)?;
        let pool = self.ready_pool(id)?;
        if !pool.handles.contains_key(&request.handle) {
            check_exclusive(request.flags, pool.handles.values().map(|handle| handle.flags), "the pool")?;
            if pool.handles.len() >= HANDLES_MAX {
                fail!(Code::Busy, "pool {id} has {HANDLES_MAX} open handles");
            }
        }
        let handle = PoolHandle { client, flags: request.flags };
        self.pools.get_mut(&id).expect("found above").handles.insert(request.handle, handle);
        Ok(id)
    }

    /// Closes a pool handle and the container handles opened through it, which are returned.
    pub fn disconnect(&mut self, pool: PoolId, handle: HandleId) -> Result<Vec<HandleId>> {
        let pool = self.pools.get_mut(&pool).ok_or_else(|| no_handle("pool", handle))?;
        pool.handles.remove(&handle).ok_or_else(|| no_handle("pool", handle))?;
        Ok(close_where(pool, |container_handle| container_handle.pool_handle == handle))
    }

    /// Closes every handle of a client that is gone, and returns its container handles.
    pub fn revoke_client(&mut self, client: ClientId) -> Vec<HandleId> {
        let mut revoked = Vec::new();
        for pool in self.pools.values_mut() {
            pool.handles.retain(|_, handle| handle.client != client);
            revoked.extend(close_where(pool, |handle| handle.client == client));
        }
        revoked
    }

    /// Opens a container handle; nothing is stored.
    pub fn open_container(&mut self, request: &ContainerOpen, client: ClientId, now: u64) -> Result<ContainerOpened> {
        check_flags(request.flags)?;
        let write = request.flags & READ_ONLY == 0;
        self.check_pool_handle(request.pool, request.pool_handle, write)?;
        let id = self.find_container(request.pool, &request.container)?;
        let container = self.container_mut(request.pool, id)?;
        if !container.handles.contains_key(&request.handle) {
            check_exclusive(request.flags, container.handles.values().map(|handle| handle.flags), "the container")?;
            if container.handles.len() >= HANDLES_MAX {
                fail!(Code::Busy, "container {id} has {HANDLES_MAX} open handles");
            }
        }
        let handle = ContainerHandle { client, pool_handle: request.pool_handle, flags: request.flags };
        container.handles.insert(request.handle, handle);
        container.open_time = now;
        Ok(ContainerOpened { id, properties: container.row.properties.clone() })
    }

    /// Closes a container handle.
    pub fn close_container(&mut self, pool: PoolId, container: ContainerId, handle: HandleId) -> Result<()> {
        let container = self.container_mut(pool, container).map_err(|_| no_handle("container", handle))?;
        container.handles.remove(&handle).map(|_| ()).ok_or_else(|| no_handle("container", handle))
    }

    /// What an open container handle allows.
    pub fn query_handle(&self, query: &HandleQuery) -> Result<HandleGrant> {
        let container = self.open_container_entry(query.pool, query.container, query.handle)?;
        Ok(HandleGrant { write: container.handles[&query.handle].flags & READ_ONLY == 0 })
    }

    /// Accepts an open pool handle, one that allows writing if asked.
    pub(crate) fn check_pool_handle(&self, pool: PoolId, handle: HandleId, write: bool) -> Result<()> {
        match self.pools.get(&pool).and_then(|pool| pool.handles.get(&handle)) {
            None => Err(no_handle("pool", handle)),
            Some(open) if write && open.flags & READ_ONLY != 0 => {
                fail!(Code::NoPerm, "pool {pool} was connected read-only")
            }
            Some(_) => Ok(()),
        }
    }

    /// The container that an open handle belongs to.
    pub(crate) fn open_container_entry(
        &self,
        pool: PoolId,
        container: ContainerId,
        handle: HandleId,
    ) -> Result<&Container> {
        let entry = self.pools.get(&pool).and_then(|pool| pool.containers.get(&container));
        entry.filter(|entry| entry.handles.contains_key(&handle)).ok_or_else(|| no_handle("container", handle))
    }

    /// Accepts an open container handle that allows writing.
    pub(crate) fn check_container_write(&self, pool: PoolId, id: ContainerId, handle: HandleId) -> Result<&Container> {
        let container = self.open_container_entry(pool, id, handle)?;
        if container.handles[&handle].flags & READ_ONLY != 0 {
            fail!(Code::NoPerm, "container {id} was opened read-only");
        }
        Ok(container)
    }

    fn container_mut(&mut self, pool: PoolId, id: ContainerId) -> Result<&mut Container> {
        let container = self.pools.get_mut(&pool).and_then(|pool| pool.containers.get_mut(&id));
        container.ok_or_else(|| Status::new(Code::Nonexist, format!("container {id} does not exist")))
    }
}

fn no_handle(kind: &str, handle: HandleId) -> Status {
    Status::new(Code::NoHdl, format!("{kind} handle {handle} is not open: it was closed, or its client was lost"))
}

fn close_where(pool: &mut Pool, closes: impl Fn(&ContainerHandle) -> bool) -> Vec<HandleId> {
    let mut closed = Vec::new();
    for container in pool.containers.values_mut() {
        container.handles.retain(|id, handle| {
            let close = closes(handle);
            if close {
                closed.push(*id);
            }
            !close
        });
    }
    closed
}
