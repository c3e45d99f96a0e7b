//! Open handles of pools and containers, and what they allow. They are rows, so that they outlive the engine that gave them.

use crate::access::check_admin;
use crate::holders::{ROWS_PER_STEP, Revoked};
use crate::rows::{ContainerHandleRow, EvictedRow, PoolHandleRow, Row, RowKey};
use crate::snapshots::check_not_rolling_back;
use crate::state::{Container, Decision, Guarded, Handles, PoolService};
use daos_security::{Credentials, Permissions, container_capabilities, pool_capabilities};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, HandleId, HolderId, PoolId, Reference};
use daos_wire::{ContainerOpen, HandleGrant, HandleQuery, PoolConnect, PoolRequest};

/// A connection of a client process, as the engine that it is attached to counts them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClientId(pub u64);

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The client process.
    pub holder: HolderId,
    /// Its user.
    pub credentials: Credentials,
    /// It may manage pools: `dmg`.
    pub is_admin: bool,
}

/// The most handles of one pool: bounds what a client in a loop can take.
const HANDLES_MAX: usize = 100_000;
/// The most evicted handles that are remembered, and for how long (as the distance of epochs, whose unit is a nanosecond).
const EVICTED_MAX: usize = 10_000;
const EVICTED_AGE_MAX: u64 = 24 * 3600 * 1_000_000_000;

/// `DAOS_PC_RO`, `DAOS_COO_RO`.
const READ_ONLY: u32 = 1;
/// `DAOS_PC_RW`, `DAOS_COO_RW`.
const READ_WRITE: u32 = 2;
/// `DAOS_PC_EX`, `DAOS_COO_EX`.
const EXCLUSIVE: u32 = 4;
/// `DAOS_COO_EVICT`: handles of the same user close first; `DAOS_COO_EVICT_ALL`: all handles.
const EVICT: u32 = 1 << 5;
const EVICT_ALL: u32 = 1 << 6;
/// `DAOS_COO_RO_MDSTATS`: an open for reading that is not told by the times of the last open and of the last change.
const UNCOUNTED: u32 = 1 << 4;

fn is_uncounted(flags: u32) -> bool {
    flags & (READ_ONLY | UNCOUNTED) == READ_ONLY | UNCOUNTED
}

impl PoolHandleRow {
    pub(crate) fn is_exclusive(&self) -> bool {
        self.flags & EXCLUSIVE != 0
    }
}

impl ContainerHandleRow {
    pub(crate) fn is_exclusive(&self) -> bool {
        self.flags & EXCLUSIVE != 0
    }

    pub(crate) fn may(&self, permission: Permissions) -> bool {
        Permissions(self.rights).contains(permission)
    }
}

/// Exactly one of read-only, read-write and exclusive must be asked for.
fn check_flags(flags: u32) -> Result<()> {
    match flags & (READ_ONLY | READ_WRITE | EXCLUSIVE) {
        READ_ONLY | READ_WRITE | EXCLUSIVE => Ok(()),
        _ => fail!(Code::Inval, "flags {flags:#x} do not ask for one of read-only, read-write and exclusive"),
    }
}

/// An exclusive handle allows no other, and no other allows an exclusive one.
fn check_exclusive<H>(flags: u32, handles: &Handles<H>, what: &str) -> Result<()> {
    if handles.open.len() >= HANDLES_MAX {
        fail!(Code::Busy, "{what} has {HANDLES_MAX} open handles");
    }
    if flags & EXCLUSIVE != 0 && !handles.open.is_empty() {
        fail!(Code::Busy, "{what} cannot be opened exclusively: it is open");
    }
    if handles.exclusive > 0 {
        fail!(Code::Busy, "{what} is open exclusively");
    }
    Ok(())
}

/// What somebody may do; everything with what was made before there were access control lists.
fn capabilities(
    guarded: Option<&Guarded>,
    user: &Credentials,
    read_only: bool,
    of: fn(&daos_security::AccessList, &daos_security::Ownership, &Credentials, bool) -> Permissions,
) -> Permissions {
    match guarded {
        Some(guarded) => of(&guarded.list, &guarded.owner, user, read_only),
        None if read_only => Permissions::READ | Permissions::GET_PROPERTIES | Permissions::GET_LIST,
        None => Permissions::ALL,
    }
}

impl PoolService {
    /// Opens a pool handle. One that is open already goes over to the client that names it: only who was given its
    /// identifier knows it.
    pub fn connect(&self, request: &PoolConnect, caller: &Caller) -> Result<Decision<PoolId>> {
        check_flags(request.flags)?;
        let id = self.find_pool(&request.pool)?;
        if self.is_destroying_pool(id) {
            // Its label is taken until it is gone: clients ask again, and learn then whether there is a pool of that name.
            fail!(Code::Again, "pool '{}' is being destroyed; try again", request.pool);
        }
        let pool = self.ready_pool(id)?;
        if self.evicted.contains_key(&request.handle) {
            return Err(no_handle("pool", request.handle));
        }
        if let Some(open) = pool.handles.open.get(&request.handle) {
            if open.row.flags != request.flags {
                fail!(Code::Inval, "handle {} is open with other flags", request.handle);
            }
            if open.row.holder == caller.holder {
                return Ok(Decision::nothing(id));
            }
            let row = PoolHandleRow { holder: caller.holder, ..open.row.clone() };
            return Ok(Decision { rows: vec![Row::put(RowKey::PoolHandle(id, request.handle), &row)], reply: id });
        }
        check_exclusive(request.flags, &pool.handles, "the pool")?;
        let read_only = request.flags & READ_ONLY != 0;
        let rights = capabilities(pool.access.as_ref(), &caller.credentials, read_only, pool_capabilities);
        if rights == Permissions::NONE {
            let (user, pool) = (&caller.credentials.user, pool.name(id));
            fail!(Code::NoPerm, "user '{user}' may not connect to pool '{pool}' in this way; see 'dmg pool get-acl'");
        }
        let row = PoolHandleRow { holder: caller.holder, flags: request.flags, rights: rights.0 };
        Ok(Decision { rows: vec![Row::put(RowKey::PoolHandle(id, request.handle), &row)], reply: id })
    }

    /// A step of closing a pool handle and the container handles opened through it.
    pub fn disconnect(&self, request: &PoolRequest) -> Result<Decision<Revoked>> {
        self.check_pool_handle(request.pool, request.handle, false)?;
        let (mut rows, mut revoked) = (Vec::new(), Revoked::default());
        revoked.more = !self.close_pool_handle(request.pool, request.handle, &mut rows, &mut revoked);
        Ok(Decision { rows, reply: revoked })
    }

    /// A step of closing handles of a pool, whoever holds them: those that are named, or all. They cannot be opened again.
    pub fn evict(
        &self,
        pool: &Reference,
        handles: &[HandleId],
        now: u64,
        caller: &Caller,
    ) -> Result<Decision<Revoked>> {
        check_admin(caller)?;
        let id = self.find_pool(pool)?;
        let open = &self.ready_pool(id)?.handles.open;
        let (mut rows, mut revoked) = (Vec::new(), Revoked::default());
        let all = open.keys().filter(|_| handles.is_empty());
        let named = handles.iter().filter(|handle| open.contains_key(handle));
        for handle in all.chain(named) {
            if rows.len() >= ROWS_PER_STEP || !self.close_pool_handle(id, *handle, &mut rows, &mut revoked) {
                revoked.more = true;
                break;
            }
            rows.push(Row::put(RowKey::Evicted(*handle), &EvictedRow { time: now }));
        }
        let spare = (self.evicted.len() + revoked.pools as usize).saturating_sub(EVICTED_MAX);
        let mut oldest: Vec<(u64, HandleId)> = self.evicted.iter().map(|(handle, time)| (*time, *handle)).collect();
        oldest.sort_unstable();
        let old = oldest
            .iter()
            .enumerate()
            .take_while(|(index, (time, _))| *index < spare || now.saturating_sub(*time) > EVICTED_AGE_MAX);
        rows.extend(old.take(ROWS_PER_STEP).map(|(_, (_, handle))| Row::remove(RowKey::Evicted(*handle))));
        Ok(Decision { rows, reply: revoked })
    }

    /// Who may know where the targets of a pool are: whoever has a handle of it, be it that of another client.
    pub fn routed_pool(&self, request: &PoolRequest) -> Result<PoolId> {
        self.check_pool_handle(request.pool, request.handle, false)?;
        self.ready_pool(request.pool)?;
        Ok(request.pool)
    }

    /// A step of closing the handles that an open with `DAOS_COO_EVICT` or `DAOS_COO_EVICT_ALL` asks to close first.
    pub fn evict_for_open(&self, request: &ContainerOpen, caller: &Caller) -> Result<Decision<Revoked>> {
        let mut revoked = Revoked::default();
        if request.flags & (EVICT | EVICT_ALL) == 0 {
            return Ok(Decision::nothing(revoked));
        }
        let (all, exclusive) = (request.flags & EVICT_ALL != 0, request.flags & EXCLUSIVE != 0);
        if all != exclusive || (all && request.flags & EVICT != 0) {
            fail!(
                Code::Inval,
                "one's own handles are closed for an open that is not exclusive (DAOS_COO_EVICT), all for one that is (DAOS_COO_EVICT_ALL)"
            );
        }
        let id = self.find_container(request.pool, &request.container)?;
        // Who could not open it may not close it for others.
        self.container_rights(request, id, caller)?;
        let handles = &self.ready_pool(request.pool)?.containers[&id].handles.open;
        let user = &caller.credentials.user;
        let closing = handles.iter().filter(|(handle, row)| **handle != request.handle && (all || row.user == *user));
        let key = |handle: &HandleId| RowKey::ContainerHandle(request.pool, id, *handle);
        revoked.containers = closing.map(|(handle, _)| *handle).take(ROWS_PER_STEP).collect();
        revoked.more = revoked.containers.len() == ROWS_PER_STEP;
        let rows = revoked.containers.iter().map(|handle| Row::remove(key(handle))).collect();
        Ok(Decision { rows, reply: revoked })
    }

    fn container_rights(&self, request: &ContainerOpen, id: ContainerId, caller: &Caller) -> Result<Permissions> {
        let read_only = request.flags & READ_ONLY != 0;
        self.check_pool_handle(request.pool, request.pool_handle, false)?;
        let container = &self.ready_pool(request.pool)?.containers[&id];
        let rights = capabilities(container.access.as_ref(), &caller.credentials, read_only, container_capabilities);
        if rights == Permissions::NONE {
            let (user, name) = (&caller.credentials.user, &request.container);
            fail!(
                Code::NoPerm,
                "user '{user}' may not open container '{name}' in this way; see 'daos container get-acl'"
            );
        }
        Ok(rights)
    }

    /// Opens a container handle; see [`PoolService::connect`] for one that is open. What it allows is between the container and the user: as
    /// upstream's, it may be for changes although the pool was connected read-only, which is how upstream's Python client does it.
    pub fn open_container(&self, request: &ContainerOpen, caller: &Caller, now: u64) -> Result<Decision<ContainerId>> {
        check_flags(request.flags)?;
        self.check_pool_handle(request.pool, request.pool_handle, false)?;
        let id = self.find_container(request.pool, &request.container)?;
        let container = &self.ready_pool(request.pool)?.containers[&id];
        let key = RowKey::ContainerHandle(request.pool, id, request.handle);
        if let Some(open) = container.handles.open.get(&request.handle) {
            if open.flags != request.flags || open.pool_handle != request.pool_handle {
                fail!(Code::Inval, "handle {} is open with other flags, or through another handle", request.handle);
            }
            if open.holder == caller.holder {
                return Ok(Decision::nothing(id));
            }
            let row = ContainerHandleRow { holder: caller.holder, ..open.clone() };
            return Ok(Decision { rows: vec![Row::put(key, &row)], reply: id });
        }
        check_exclusive(request.flags, &container.handles, "the container")?;
        let rights = self.container_rights(request, id, caller)?;
        let row = ContainerHandleRow {
            holder: caller.holder,
            pool_handle: request.pool_handle,
            flags: request.flags,
            rights: rights.0,
            user: caller.credentials.user.clone(),
            opened: if is_uncounted(request.flags) { 0 } else { now },
        };
        Ok(Decision { rows: vec![Row::put(key, &row)], reply: id })
    }

    /// Closes a container handle. That counts as a change of the container, as it does upstream, unless the handle was one that
    /// is not told of.
    pub fn close_container(
        &self,
        pool: PoolId,
        container: ContainerId,
        handle: HandleId,
        now: u64,
    ) -> Result<Decision<HandleId>> {
        let (_, open) = self.open_container_entry(pool, container, handle)?;
        let rows = vec![Row::remove(RowKey::ContainerHandle(pool, container, handle))];
        let decision = Decision { rows, reply: handle };
        Ok(if is_uncounted(open.flags) { decision } else { self.dated(decision, pool, container, now) })
    }

    /// What an open container handle allows.
    pub fn query_handle(&self, query: &HandleQuery) -> Result<HandleGrant> {
        let (container, row) = self.open_container_entry(query.pool, query.container, query.handle)?;
        check_not_rolling_back(container, query.container)?;
        let (read, write) = (row.may(Permissions::READ), row.may(Permissions::WRITE));
        Ok(HandleGrant { read, write, snapshot: container.newest_snapshot().max(container.rolled_back) })
    }

    /// Accepts an open pool handle, one that allows changes if asked.
    pub fn check_pool_handle(&self, pool: PoolId, handle: HandleId, write: bool) -> Result<()> {
        match self.pool_handle(pool, handle) {
            Err(status) => Err(status),
            Ok(open) if write && open.flags & READ_ONLY != 0 => {
                fail!(Code::NoPerm, "pool {pool} was connected read-only")
            }
            Ok(_) => Ok(()),
        }
    }

    pub(crate) fn pool_handle(&self, pool: PoolId, handle: HandleId) -> Result<&PoolHandleRow> {
        let open = self.pools.get(&pool).filter(|pool| pool.state() == crate::PoolState::Ready);
        let open = open.and_then(|pool| pool.handles.open.get(&handle));
        open.map(|open| &open.row).ok_or_else(|| no_handle("pool", handle))
    }

    /// The container that an open handle belongs to, and the handle.
    pub(crate) fn open_container_entry(
        &self,
        pool: PoolId,
        container: ContainerId,
        handle: HandleId,
    ) -> Result<(&Container, &ContainerHandleRow)> {
        // What is being destroyed has no handles any more, though their rows go one step after the other.
        let pool = self.pools.get(&pool).filter(|pool| pool.state() == crate::PoolState::Ready);
        let entry = pool.and_then(|pool| pool.containers.get(&container)).filter(|entry| !entry.row.destroying);
        let open = entry.and_then(|entry| Some((entry, entry.handles.open.get(&handle)?)));
        open.ok_or_else(|| no_handle("container", handle))
    }

    /// Accepts an open container handle with a permission.
    pub(crate) fn check_container(
        &self,
        pool: PoolId,
        id: ContainerId,
        handle: HandleId,
        permission: Permissions,
    ) -> Result<&Container> {
        let (container, row) = self.open_container_entry(pool, id, handle)?;
        if !row.may(permission) {
            let how = if row.flags & READ_ONLY != 0 { " read-only" } else { "" };
            fail!(Code::NoPerm, "container {id} was opened{how} without the permission '{permission}'");
        }
        Ok(container)
    }
}

pub(crate) fn no_handle(kind: &str, handle: HandleId) -> Status {
    let sentence = format!("{kind} handle {handle} is not open: it was closed or evicted, or its client was lost");
    Status::new(Code::NoHdl, sentence)
}
