//! The state of the service, built from rows.

use crate::handles::{ContainerHandle, PoolHandle};
use crate::ranks::System;
use crate::rows::{AttributeRow, ContainerRow, PoolRow, Row, RowKey, parse};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, HandleId, PoolId, Reference};
use std::collections::BTreeMap;

/// Rows to be stored and, once they are durable, what to answer.
#[derive(Debug)]
pub struct Decision<T> {
    /// To be stored all or none; empty when nothing changes.
    pub rows: Vec<Row>,
    /// The answer.
    pub reply: T,
}

/// Where a pool is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PoolState {
    /// Its targets are being made.
    Creating = 0,
    /// In use.
    Ready = 1,
    /// Its targets are being removed.
    Destroying = 2,
}

impl PoolState {
    /// The word that tools print.
    pub fn word(self) -> &'static str {
        match self {
            PoolState::Creating => "Creating",
            PoolState::Ready => "Ready",
            PoolState::Destroying => "Destroying",
        }
    }
}

/// Work that a crash interrupted and that must be finished at the next start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfinished {
    /// A pool that was being created or destroyed: remove what there is of it.
    Pool(PoolId),
    /// A container that was being destroyed.
    Container(PoolId, ContainerId),
}

pub(crate) struct Container {
    pub row: ContainerRow,
    pub attributes: BTreeMap<String, Vec<u8>>,
    pub handles: BTreeMap<HandleId, ContainerHandle>,
    pub open_time: u64,
}

pub(crate) struct Pool {
    pub row: PoolRow,
    pub attributes: BTreeMap<String, Vec<u8>>,
    pub containers: BTreeMap<ContainerId, Container>,
    pub handles: BTreeMap<HandleId, PoolHandle>,
}

impl Pool {
    pub(crate) fn state(&self) -> PoolState {
        match self.row.state {
            0 => PoolState::Creating,
            1 => PoolState::Ready,
            _ => PoolState::Destroying,
        }
    }

    /// Closes every handle on the pool and its containers.
    fn close_all(&mut self) {
        self.handles.clear();
        self.containers.values_mut().for_each(|container| container.handles.clear());
    }
}

/// The pool service of a system.
#[derive(Default)]
pub struct PoolService {
    pub(crate) system: System,
    pub(crate) pools: BTreeMap<PoolId, Pool>,
}

impl PoolService {
    /// A service without pools.
    pub fn new() -> PoolService {
        PoolService::default()
    }

    /// Takes in a row that is stored. Rows of a pool come before those of its containers, and these before their
    /// attributes, as their keys do when sorted by kind `p`, `c`, `q`, `d`.
    pub fn apply(&mut self, row: &Row) -> Result<()> {
        match (&row.key, &row.value) {
            (RowKey::System, value) => {
                let row = value.as_ref().map(|value| parse(&row.key, value)).transpose()?;
                self.system.set_row(row);
            }
            (RowKey::Rank(rank), value) => {
                let row = value.as_ref().map(|value| parse(&row.key, value)).transpose()?;
                self.system.set_rank(*rank, row);
            }
            (RowKey::Pool(id), None) => {
                self.pools.remove(id);
            }
            (RowKey::Pool(id), Some(value)) => self.apply_pool(*id, parse(&row.key, value)?),
            (RowKey::Container(pool, id), None) => {
                self.pool_entry(*pool)?.containers.remove(id);
            }
            (RowKey::Container(pool, id), Some(value)) => {
                let value = parse(&row.key, value)?;
                self.apply_container(*pool, *id, value)?;
            }
            (RowKey::PoolAttribute(pool, name), value) => {
                let value = attribute_value(&row.key, value.as_deref())?;
                set(&mut self.pool_entry(*pool)?.attributes, name, value);
            }
            (RowKey::ContainerAttribute(pool, id, name), value) => {
                let value = attribute_value(&row.key, value.as_deref())?;
                set(&mut self.container_entry(*pool, *id)?.attributes, name, value);
            }
        }
        Ok(())
    }

    fn apply_pool(&mut self, id: PoolId, row: PoolRow) {
        match self.pools.get_mut(&id) {
            Some(pool) => {
                pool.row = row;
                if pool.state() == PoolState::Destroying {
                    pool.close_all();
                }
            }
            None => {
                let pool =
                    Pool { row, attributes: BTreeMap::new(), containers: BTreeMap::new(), handles: BTreeMap::new() };
                self.pools.insert(id, pool);
            }
        }
    }

    fn apply_container(&mut self, pool: PoolId, id: ContainerId, row: ContainerRow) -> Result<()> {
        let containers = &mut self.pool_entry(pool)?.containers;
        match containers.get_mut(&id) {
            Some(container) => {
                container.row = row;
                if container.row.destroying {
                    container.handles.clear();
                }
            }
            None => {
                let (attributes, handles) = (BTreeMap::new(), BTreeMap::new());
                containers.insert(id, Container { row, attributes, handles, open_time: 0 });
            }
        }
        Ok(())
    }

    /// What a crash interrupted; to be asked once, after all stored rows were applied.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let mut list = Vec::new();
        for (pool_id, pool) in &self.pools {
            if pool.state() != PoolState::Ready {
                list.push(Unfinished::Pool(*pool_id));
                continue;
            }
            let destroying = pool.containers.iter().filter(|(_, container)| container.row.destroying);
            list.extend(destroying.map(|(id, _)| Unfinished::Container(*pool_id, *id)));
        }
        list
    }

    fn pool_entry(&mut self, id: PoolId) -> Result<&mut Pool> {
        self.pools.get_mut(&id).ok_or_else(|| Status::new(Code::DfInval, format!("a row belongs to unknown pool {id}")))
    }

    fn container_entry(&mut self, pool: PoolId, id: ContainerId) -> Result<&mut Container> {
        let containers = &mut self.pool_entry(pool)?.containers;
        containers
            .get_mut(&id)
            .ok_or_else(|| Status::new(Code::DfInval, format!("a row belongs to unknown container {id}")))
    }

    /// The identifier of a pool that is named by label or identifier, whatever its state.
    pub fn find_pool(&self, pool: &Reference) -> Result<PoolId> {
        let found = match pool {
            Reference::Id(id) => Some(PoolId(*id)).filter(|id| self.pools.contains_key(id)),
            Reference::Label(label) => self.pools.iter().find(|(_, pool)| pool.row.label == *label).map(|(id, _)| *id),
        };
        found.ok_or_else(|| {
            Status::new(Code::Nonexist, format!("pool '{pool}' does not exist; 'daos pool list' shows those that do"))
        })
    }

    /// A pool that is ready for use.
    pub(crate) fn ready_pool(&self, id: PoolId) -> Result<&Pool> {
        match self.pools.get(&id) {
            Some(pool) if pool.state() == PoolState::Ready => Ok(pool),
            Some(pool) => fail!(Code::Busy, "pool {id} is {}", pool.state().word().to_lowercase()),
            None => fail!(Code::Nonexist, "pool {id} does not exist"),
        }
    }

    /// The identifier of a container that is named by label or identifier.
    pub(crate) fn find_container(&self, pool_id: PoolId, container: &Reference) -> Result<ContainerId> {
        let pool = self.ready_pool(pool_id)?;
        let found = match container {
            Reference::Id(id) => Some(ContainerId(*id)).filter(|id| pool.containers.contains_key(id)),
            Reference::Label(label) => {
                pool.containers.iter().find(|(_, c)| c.row.properties.label == *label).map(|(id, _)| *id)
            }
        };
        let name = if pool.row.label.is_empty() { pool_id.to_string() } else { pool.row.label.clone() };
        match found {
            Some(id) if pool.containers[&id].row.destroying => {
                fail!(Code::ContDestroying, "container '{container}' of pool '{name}' is being destroyed")
            }
            Some(id) => Ok(id),
            None => fail!(Code::Nonexist, "container '{container}' does not exist in pool '{name}'"),
        }
    }
}

fn attribute_value(key: &RowKey, value: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    value.map(|value| Ok(parse::<AttributeRow>(key, value)?.value.0)).transpose()
}

fn set(attributes: &mut BTreeMap<String, Vec<u8>>, name: &str, value: Option<Vec<u8>>) {
    match value {
        Some(value) => attributes.insert(name.to_owned(), value),
        None => attributes.remove(name),
    };
}
