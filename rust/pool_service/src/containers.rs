//! Decisions about containers.

use crate::access::{self, Kind};
use crate::checksums::ContainerChecksums;
use crate::handles::Caller;
use crate::holders::ROWS_PER_STEP;
use crate::properties;
use crate::rows::{ContainerRow, Row, RowKey, Trailing};
use crate::state::{Container, Decision, PoolService};
use crate::targets::new_placement;
use daos_security::{Permissions, pool_handle_may_delete};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, HandleId, PoolId, Rank, Reference, check_label};
use daos_wire::{
    AllocateObjectIds, ContainerCreate, ContainerDestroy, ContainerEntry, ContainerList, ContainerOpened,
    ContainerQueryReply, ContainerRequest, ContainerSetProperties, Properties, encode, take_page,
};
use std::ops::Bound;

/// The first object identifier (lower half) that is given out; those below belong to layouts such as dfs.
const FIRST_OBJECT: u64 = 1 << 8;
/// The most that one request reserves.
const OBJECTS_PER_REQUEST_MAX: u64 = 1 << 40;
/// All properties of a container together, encoded: they fit every message they travel in.
const PROPERTIES_BYTES_MAX: usize = 32 << 10;

impl PoolService {
    /// A new container; its part on every target is made before the rows are stored. It does not use the targets of ranks that
    /// are absent, unless these are most.
    pub fn create_container(
        &self,
        request: &ContainerCreate,
        caller: &Caller,
        now: u64,
        absent: &[Rank],
    ) -> Result<Decision<()>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let rights = Permissions(self.pool_handle(request.pool, request.handle)?.rights);
        if !rights.contains(Permissions::CREATE_CONTAINER) {
            fail!(Code::NoPerm, "the pool handle does not permit to create containers ('c' in 'dmg pool get-acl')");
        }
        let pool = self.ready_pool(request.pool)?;
        let label = &request.properties.label;
        let mut properties = request.properties.clone();
        ContainerChecksums::of(&properties)?.fill(&mut properties);
        let next_object = properties::take_first_object(&mut properties).unwrap_or_default().max(FIRST_OBJECT);
        if let Some(container) = pool.containers.get(&request.container) {
            if container.row.properties == properties && !container.row.destroying {
                return Ok(Decision::nothing(()));
            }
            fail!(Code::Exist, "container {} exists", request.container);
        }
        self.check_container_label(request.pool, label)?;
        properties::check_container(&request.properties, None)?;
        check_size(&properties)?;
        let access = access::new_row(Kind::Container, &request.access, &caller.credentials)?;
        let placement = Trailing(new_placement(pool, absent)?);
        let row = ContainerRow { destroying: false, properties, next_object, modify_time: now, placement };
        let key = RowKey::Container(request.pool, request.container);
        let access_key = RowKey::ContainerAccess(request.pool, request.container);
        Ok(Decision { rows: vec![Row::put(key, &row), Row::put(access_key, &access)], reply: () })
    }

    fn check_container_label(&self, pool: PoolId, label: &str) -> Result<()> {
        if label.is_empty() {
            return Ok(());
        }
        check_label(label)?;
        if self.ready_pool(pool)?.labels.contains_key(label) {
            fail!(Code::Exist, "a container with the label '{label}' exists");
        }
        Ok(())
    }

    /// Begins the end of a container. Its handles are void from then on; they are given, and their rows go with the others
    /// of the container.
    pub fn begin_container_destroy(
        &self,
        request: &ContainerDestroy,
        caller: &Caller,
    ) -> Result<Decision<ContainerId>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let rights = Permissions(self.pool_handle(request.pool, request.handle)?.rights);
        let id = self.find_container(request.pool, &request.container)?;
        let (name, container) = (&request.container, &self.ready_pool(request.pool)?.containers[&id]);
        if let Some(guarded) = &container.access
            && !pool_handle_may_delete(rights, &guarded.list, &guarded.owner, &caller.credentials)
        {
            fail!(Code::NoPerm, "user '{}' may not destroy container '{name}'", caller.credentials.user);
        }
        let count = container.handles.open.len();
        if count > 0 && !request.force {
            fail!(Code::Busy, "container '{name}' has {count} open handles; close them, or use force");
        }
        let row = ContainerRow { destroying: true, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(request.pool, id), &row)], reply: id })
    }

    /// The handles of a container, also of one that is being destroyed.
    pub fn handles_of_container(&self, pool: PoolId, id: ContainerId) -> Vec<HandleId> {
        let container = self.pools.get(&pool).and_then(|pool| pool.containers.get(&id));
        container.map(|container| container.handles.open.keys().copied().collect()).unwrap_or_default()
    }

    /// A step of forgetting a container whose parts on the targets are gone, and whether there is more to forget.
    pub fn finish_container_destroy(&self, pool_id: PoolId, id: ContainerId) -> Decision<bool> {
        let container = self.pools.get(&pool_id).and_then(|pool| pool.containers.get(&id));
        let mut rows = Vec::new();
        let done = container.is_none_or(|entry| container_rows(pool_id, id, entry, &mut rows));
        Decision { rows, reply: !done }
    }

    /// Whether the service knows a container, in whatever state.
    pub fn has_container(&self, pool: PoolId, id: ContainerId) -> bool {
        self.pools.get(&pool).is_some_and(|pool| pool.containers.contains_key(&id))
    }

    /// Whether a container is being destroyed.
    pub fn is_destroying(&self, pool: PoolId, id: ContainerId) -> bool {
        let container = self.pools.get(&pool).and_then(|pool| pool.containers.get(&id));
        container.is_some_and(|container| container.row.destroying)
    }

    /// A part of the list of a pool's containers, from behind the one that is known, and whether there are more.
    pub fn list_containers(&self, request: &ContainerList) -> Result<(Vec<ContainerEntry>, bool)> {
        self.check_pool_handle(request.pool, request.handle, false)?;
        let behind = request.after.map_or(Bound::Unbounded, Bound::Excluded);
        let containers = self.ready_pool(request.pool)?.containers.range((behind, Bound::Unbounded));
        let listed = containers.filter(|(_, entry)| !entry.row.destroying);
        let mut entries =
            listed.map(|(id, entry)| ContainerEntry { id: *id, label: entry.row.properties.label.clone() }).peekable();
        let page = take_page(&mut entries);
        Ok((page, entries.peek().is_some()))
    }

    /// What the client is told that has opened a container, or was given its handle by another client.
    pub fn opened_container(&self, request: &ContainerRequest) -> Result<ContainerOpened> {
        let (container, row) = self.open_container_entry(request.pool, request.container, request.handle)?;
        let properties = container.row.properties.clone();
        let placement = container.row.placement.0.clone();
        Ok(ContainerOpened { id: request.container, properties, rights: row.rights, placement })
    }

    /// As [`PoolService::opened_container`], for a handle that was opened just now. When it is void already, since the container
    /// was destroyed right behind it, the client is told so, as if it had come later.
    pub fn just_opened_container(&self, request: &ContainerRequest) -> Result<ContainerOpened> {
        self.opened_container(request).or_else(|void| {
            self.find_container(request.pool, &Reference::Id(request.container.0))?;
            Err(void)
        })
    }

    /// What a container is.
    pub fn query_container(&self, request: &ContainerRequest) -> Result<ContainerQueryReply> {
        let (container, row) = self.open_container_entry(request.pool, request.container, request.handle)?;
        let mut all = container.row.properties.clone();
        properties::fill_container(&mut all, container.row.next_object);
        Ok(ContainerQueryReply {
            properties: all,
            rights: row.rights,
            access: access::told(container.access.as_ref(), row.may(Permissions::GET_LIST)),
            handles: container.handles.open.len() as u32,
            snapshots: container.snapshots.len() as u32,
            newest_snapshot: container.newest_snapshot(),
            open_time: container.open_time,
            modify_time: container.row.modify_time,
        })
    }

    /// Changes properties; those not named stay.
    pub fn set_container_properties(&self, request: &ContainerSetProperties, now: u64) -> Result<Decision<()>> {
        let ContainerRequest { pool, container: id, handle } = request.request;
        let container = self.check_container(pool, id, handle, Permissions::SET_PROPERTIES)?;
        let mut properties = container.row.properties.clone();
        let new = &request.properties;
        properties::check_container(new, Some(&properties))?;
        if !new.label.is_empty() && new.label != properties.label {
            self.check_container_label(pool, &new.label)?;
            properties.label.clone_from(&new.label);
        }
        merge(&mut properties, new);
        check_size(&properties)?;
        let row = ContainerRow { properties, modify_time: now, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(pool, id), &row)], reply: () })
    }

    /// A change of what belongs to a container, with the time of the change. A change of nothing does not count.
    pub fn dated<T>(&self, decision: Decision<T>, pool: PoolId, id: ContainerId, now: u64) -> Decision<T> {
        let Decision { mut rows, reply } = decision;
        let container = self.pools.get(&pool).and_then(|pool| pool.containers.get(&id));
        if let Some(container) = container.filter(|_| !rows.is_empty()) {
            let row = ContainerRow { modify_time: now, ..container.row.clone() };
            rows.push(Row::put(RowKey::Container(pool, id), &row));
        }
        Decision { rows, reply }
    }

    /// Reserves object identifiers.
    pub fn allocate_objects(&self, request: &AllocateObjectIds) -> Result<Decision<u64>> {
        let ContainerRequest { pool, container: id, handle } = request.request;
        let container = self.check_container(pool, id, handle, Permissions::WRITE)?;
        let first = container.row.next_object;
        let next = first.checked_add(request.count).filter(|_| request.count <= OBJECTS_PER_REQUEST_MAX);
        let Some(next) = next.filter(|_| request.count > 0) else {
            fail!(Code::Inval, "{} object identifiers cannot be reserved at once", request.count);
        };
        let row = ContainerRow { next_object: next, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(pool, id), &row)], reply: first })
    }
}

/// A step of what removes a container with all that belongs to it; `true` when it is the last one.
pub(crate) fn container_rows(pool: PoolId, id: ContainerId, container: &Container, rows: &mut Vec<Row>) -> bool {
    let handles = container.handles.open.keys().map(|handle| RowKey::ContainerHandle(pool, id, *handle));
    let attributes = container.attributes.keys().map(|name| RowKey::ContainerAttribute(pool, id, name.clone()));
    let snapshots = container.snapshots.keys().map(|epoch| RowKey::Snapshot(pool, id, *epoch));
    let was_rolled_back = container.rolling_back.is_some() || container.rolled_back > Epoch::ZERO;
    let rollback = was_rolled_back.then_some(RowKey::Rollback(pool, id));
    for key in handles.chain(attributes).chain(snapshots).chain(rollback) {
        if rows.len() >= ROWS_PER_STEP {
            return false;
        }
        rows.push(Row::remove(key));
    }
    rows.extend([Row::remove(RowKey::ContainerAccess(pool, id)), Row::remove(RowKey::Container(pool, id))]);
    true
}

/// Refuses properties that would make the answers which carry them too long.
fn check_size(properties: &Properties) -> Result<()> {
    let bytes = encode(properties).len();
    if bytes > PROPERTIES_BYTES_MAX {
        fail!(Code::Inval, "the properties of a container take {bytes} bytes; {PROPERTIES_BYTES_MAX} are allowed");
    }
    Ok(())
}

fn merge(properties: &mut Properties, new: &Properties) {
    for (kind, value) in &new.numbers {
        properties.numbers.retain(|(known, _)| known != kind);
        properties.numbers.push((*kind, *value));
    }
    for (kind, value) in &new.texts {
        properties.texts.retain(|(known, _)| known != kind);
        properties.texts.push((*kind, value.clone()));
    }
}
