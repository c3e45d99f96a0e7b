//! Decisions about containers.

use crate::rows::{ContainerRow, Row, RowKey};
use crate::state::{Decision, PoolService};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, HandleId, PoolId, check_label};
use daos_wire::{
    AllocateObjectIds, ContainerCreate, ContainerDestroy, ContainerEntry, ContainerQueryReply, ContainerRequest,
    ContainerSetProperties, Properties,
};

/// The first object identifier (lower half) that is given out; those below belong to layouts such as dfs.
const FIRST_OBJECT: u64 = 1 << 8;
/// The most that one request reserves.
const OBJECTS_PER_REQUEST_MAX: u64 = 1 << 40;

impl PoolService {
    /// A new container; its part on every target is made before the rows are stored.
    pub fn create_container(&self, request: &ContainerCreate, now: u64) -> Result<Decision<()>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let pool = self.ready_pool(request.pool)?;
        let label = &request.properties.label;
        if let Some(container) = pool.containers.get(&request.container) {
            if container.row.properties == request.properties && !container.row.destroying {
                return Ok(Decision { rows: Vec::new(), reply: () });
            }
            fail!(Code::Exist, "container {} exists", request.container);
        }
        self.check_container_label(request.pool, label)?;
        let row = ContainerRow {
            destroying: false,
            properties: request.properties.clone(),
            next_object: FIRST_OBJECT,
            modify_time: now,
        };
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

    /// Begins the end of a container.
    pub fn begin_container_destroy(&self, request: &ContainerDestroy) -> Result<Decision<ContainerId>> {
        self.check_pool_handle(request.pool, request.handle, true)?;
        let id = self.find_container(request.pool, &request.container)?;
        let container = &self.ready_pool(request.pool)?.containers[&id];
        let handles = container.handles.len();
        if handles > 0 && !request.force {
            fail!(Code::Busy, "container '{}' has {handles} open handles; close them, or use force", request.container);
        }
        let row = ContainerRow { destroying: true, ..container.row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Container(request.pool, id), &row)], reply: id })
    }

    /// Forgets a container whose parts on the targets are gone; gives the handles that were open.
    pub fn finish_container_destroy(&self, pool_id: PoolId, id: ContainerId) -> Decision<Vec<HandleId>> {
        let container = self.pools.get(&pool_id).and_then(|pool| pool.containers.get(&id));
        let Some(container) = container else { return Decision { rows: Vec::new(), reply: Vec::new() } };
        let names = container.attributes.keys().cloned();
        let mut rows: Vec<Row> = names.map(|name| Row::remove(RowKey::ContainerAttribute(pool_id, id, name))).collect();
        rows.push(Row::remove(RowKey::Container(pool_id, id)));
        Decision { rows, reply: container.handles.keys().copied().collect() }
    }

    /// The containers of a pool.
    pub fn list_containers(&self, pool_id: PoolId, handle: HandleId) -> Result<Vec<ContainerEntry>> {
        self.check_pool_handle(pool_id, handle, false)?;
        let containers = self.ready_pool(pool_id)?.containers.iter().filter(|(_, entry)| !entry.row.destroying);
        Ok(containers
            .map(|(id, entry)| ContainerEntry { id: *id, label: entry.row.properties.label.clone() })
            .collect())
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
        merge(&mut properties, new);
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
