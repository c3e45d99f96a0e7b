//! Decisions about containers.

use crate::checksums::ContainerChecksums;
use crate::rows::{ContainerRow, Row, RowKey};
use crate::state::{Container, Decision, PoolService};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, PoolId, check_label};
use daos_wire::{
    AllocateObjectIds, ContainerCreate, ContainerDestroy, ContainerEntry, ContainerList, ContainerQueryReply,
    ContainerRequest, ContainerSetProperties, Properties, encode, take_page,
};
use std::ops::Bound;

/// The first object identifier (lower half) that is given out; those below belong to layouts such as dfs.
const FIRST_OBJECT: u64 = 1 << 8;
/// The most that one request reserves.
const OBJECTS_PER_REQUEST_MAX: u64 = 1 << 40;
/// All properties of a container together, encoded: they fit every message they travel in.
const PROPERTIES_BYTES_MAX: usize = 32 << 10;

impl PoolService {
    /// A new container; its part on every target is made before the rows are stored.
    pub fn create_container(&self, request: &ContainerCreate, now: u64) -> Result<Decision<()>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let pool = self.ready_pool(request.pool)?;
        let label = &request.properties.label;
        let mut properties = request.properties.clone();
        ContainerChecksums::of(&properties)?.fill(&mut properties);
        if let Some(container) = pool.containers.get(&request.container) {
            if container.row.properties == properties && !container.row.destroying {
                return Ok(Decision { rows: Vec::new(), reply: () });
            }
            fail!(Code::Exist, "container {} exists", request.container);
        }
        self.check_container_label(request.pool, label)?;
        check_properties(&properties)?;
        let row = ContainerRow { destroying: false, properties, next_object: FIRST_OBJECT, modify_time: now };
        let key = RowKey::Container(request.pool, request.container);
        Ok(Decision { rows: vec![Row::put(key, &row)], reply: () })
    }

    fn check_container_label(&self, pool: PoolId, label: &str) -> Result<()> {
        if label.is_empty() {
            return Ok(());
        }
        check_label(label)?;
        let pool = self.ready_pool(pool)?;
        if pool.containers.values().any(|container| container.row.properties.label == label) {
            fail!(Code::Exist, "a container with the label '{label}' exists");
        }
        Ok(())
    }

    /// Begins the end of a container; the handles that close with it are given.
    pub fn begin_container_destroy(
        &self,
        request: &ContainerDestroy,
    ) -> Result<Decision<(ContainerId, Vec<HandleId>)>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let id = self.find_container(request.pool, &request.container)?;
        let container = &self.ready_pool(request.pool)?.containers[&id];
        let handles: Vec<HandleId> = container.handles.keys().copied().collect();
        if !handles.is_empty() && !request.force {
            let (name, count) = (&request.container, handles.len());
            fail!(Code::Busy, "container '{name}' has {count} open handles; close them, or use force");
        }
        let row = ContainerRow { destroying: true, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(request.pool, id), &row)], reply: (id, handles) })
    }

    /// Forgets a container whose parts on the targets are gone.
    pub fn finish_container_destroy(&self, pool_id: PoolId, id: ContainerId) -> Decision<()> {
        let container = self.pools.get(&pool_id).and_then(|pool| pool.containers.get(&id));
        Decision { rows: container.map_or(Vec::new(), |entry| container_rows(pool_id, id, entry)), reply: () }
    }

    /// Whether the service knows a container, in whatever state.
    pub fn has_container(&self, pool: PoolId, id: ContainerId) -> bool {
        self.pools.get(&pool).is_some_and(|pool| pool.containers.contains_key(&id))
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

    /// What a container is.
    pub fn query_container(&self, request: &ContainerRequest) -> Result<ContainerQueryReply> {
        let container = self.open_container_entry(request.pool, request.container, request.handle)?;
        Ok(ContainerQueryReply {
            properties: container.row.properties.clone(),
            handles: container.handles.len() as u32,
            snapshots: 0,
            open_time: container.open_time,
            modify_time: container.row.modify_time,
        })
    }

    /// Changes properties; those not named stay.
    pub fn set_container_properties(&self, request: &ContainerSetProperties, now: u64) -> Result<Decision<()>> {
        let ContainerRequest { pool, container: id, handle } = request.request;
        let container = self.check_container_write(pool, id, handle)?;
        let mut properties = container.row.properties.clone();
        let new = &request.properties;
        if !new.label.is_empty() && new.label != properties.label {
            self.check_container_label(pool, &new.label)?;
            properties.label.clone_from(&new.label);
        }
        let checksums = ContainerChecksums::of(&properties)?;
        merge(&mut properties, new);
        if ContainerChecksums::of(&properties)? != checksums {
            fail!(Code::NoPerm, "the checksums of a container are chosen when it is made, and stay as they are");
        }
        check_properties(&properties)?;
        let row = ContainerRow { properties, modify_time: now, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(pool, id), &row)], reply: () })
    }

    /// Reserves object identifiers.
    pub fn allocate_objects(&self, request: &AllocateObjectIds) -> Result<Decision<u64>> {
        let ContainerRequest { pool, container: id, handle } = request.request;
        let container = self.check_container_write(pool, id, handle)?;
        let first = container.row.next_object;
        let next = first.checked_add(request.count).filter(|_| request.count <= OBJECTS_PER_REQUEST_MAX);
        let Some(next) = next.filter(|_| request.count > 0) else {
            fail!(Code::Inval, "{} object identifiers cannot be reserved at once", request.count);
        };
        let row = ContainerRow { next_object: next, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(pool, id), &row)], reply: first })
    }
}

/// What removes a container with its attributes.
pub(crate) fn container_rows(pool: PoolId, id: ContainerId, container: &Container) -> Vec<Row> {
    let names = container.attributes.keys().cloned();
    let mut rows: Vec<Row> = names.map(|name| Row::remove(RowKey::ContainerAttribute(pool, id, name))).collect();
    rows.push(Row::remove(RowKey::Container(pool, id)));
    rows
}

/// Refuses properties that would make the answers which carry them too long.
fn check_properties(properties: &Properties) -> Result<()> {
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
