//! The state of the service, built from rows.

use crate::holders::{Held, Holder};
use crate::ranks::System;
use crate::rows::{
    AccessRow, AttributeRow, ContainerHandleRow, ContainerRow, PoolHandleRow, PoolMapRow, PoolRow, RollbackRow, Row,
    RowKey, SnapshotRow, parse,
};
use daos_placement::{PoolMap, Runs};
use daos_security::{AccessList, Ownership};
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, Epoch, HandleId, HolderId, PoolId, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// Rows to be stored and, once they are durable, what to answer.
#[derive(Debug)]
pub struct Decision<T> {
    /// To be stored all or none; empty when nothing changes.
    pub rows: Vec<Row>,
    /// The answer.
    pub reply: T,
}

impl<T> Decision<T> {
    /// Nothing changes.
    pub(crate) fn nothing(reply: T) -> Decision<T> {
        Decision { rows: Vec::new(), reply }
    }
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

/// Owner and list of a pool or container.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Guarded {
    pub owner: Ownership,
    pub list: AccessList,
}

impl Guarded {
    fn of_row(row: AccessRow) -> Result<Guarded> {
        let owner = Ownership { user: row.user, group: row.group };
        Ok(Guarded { owner, list: AccessList::from_bytes(&row.list.0)? })
    }
}

/// Open handles by identifier, and how many of them are exclusive.
pub(crate) struct Handles<H> {
    pub open: BTreeMap<HandleId, H>,
    pub exclusive: usize,
}

impl<H> Default for Handles<H> {
    fn default() -> Self {
        Handles { open: BTreeMap::new(), exclusive: 0 }
    }
}

/// A pool handle, and the containers that were opened through it.
pub(crate) struct PoolHandle {
    pub row: PoolHandleRow,
    pub opened: BTreeSet<(ContainerId, HandleId)>,
}

pub(crate) struct Container {
    pub row: ContainerRow,
    /// `None` when the container was made before there were access control lists: everyone may do everything.
    pub access: Option<Guarded>,
    pub attributes: BTreeMap<String, Vec<u8>>,
    pub handles: Handles<ContainerHandleRow>,
    pub open_time: u64,
    pub snapshots: BTreeMap<Epoch, SnapshotRow>,
    pub snapshot_names: BTreeSet<String>,
    /// The snapshot to which it is being brought back.
    pub rolling_back: Option<Epoch>,
    /// Newer than everything that was there before it was brought back; 0 when it was not.
    pub rolled_back: Epoch,
}

impl Container {
    fn new(row: ContainerRow) -> Container {
        Container {
            row,
            access: None,
            attributes: BTreeMap::new(),
            handles: Handles::default(),
            open_time: 0,
            snapshots: BTreeMap::new(),
            snapshot_names: BTreeSet::new(),
            rolling_back: None,
            rolled_back: Epoch::ZERO,
        }
    }
}

pub(crate) struct Pool {
    pub row: PoolRow,
    /// As [`Container::access`].
    pub access: Option<Guarded>,
    pub attributes: BTreeMap<String, Vec<u8>>,
    pub containers: BTreeMap<ContainerId, Container>,
    pub labels: BTreeMap<String, ContainerId>,
    pub handles: Handles<PoolHandle>,
    /// `None` in a pool that was made before there were maps: it is read from the row's list.
    pub map: Option<PoolMap>,
    /// Targets that an administrator has taken out: they stay out when their engines come back.
    pub kept_out: Runs,
}

impl Pool {
    pub(crate) fn state(&self) -> PoolState {
        match self.row.state {
            0 => PoolState::Creating,
            1 => PoolState::Ready,
            _ => PoolState::Destroying,
        }
    }

    /// Its label, or its identifier when it has none.
    pub(crate) fn name(&self, id: PoolId) -> String {
        if self.row.label.is_empty() { id.to_string() } else { self.row.label.clone() }
    }
}

/// The pool service of a system.
#[derive(Default)]
pub struct PoolService {
    pub(crate) system: System,
    pub(crate) pools: BTreeMap<PoolId, Pool>,
    pub(crate) holders: BTreeMap<HolderId, Holder>,
    pub(crate) evicted: BTreeMap<HandleId, u64>,
}

impl PoolService {
    /// A service without pools.
    pub fn new() -> PoolService {
        PoolService::default()
    }

    /// Takes in a row that is stored. Rows of a pool come before those of its containers, and these before all others of
    /// both, as [`RowKey`] orders them.
    pub fn apply(&mut self, row: &Row) -> Result<()> {
        let value = row.value.as_deref();
        match &row.key {
            RowKey::System => {
                let row = self.parsed(row)?;
                self.system.set_row(row);
            }
            RowKey::Rank(rank) => {
                let value = self.parsed(row)?;
                self.system.set_rank(*rank, value);
            }
            RowKey::Pool(id) => self.apply_pool(*id, self.parsed(row)?),
            RowKey::Container(pool, id) => {
                let value = self.parsed(row)?;
                self.apply_container(*pool, *id, value)?;
            }
            RowKey::PoolAttribute(pool, name) => {
                let value = attribute_value(&row.key, value)?;
                set(&mut self.pool_entry(*pool)?.attributes, name, value);
            }
            RowKey::ContainerAttribute(pool, id, name) => {
                let value = attribute_value(&row.key, value)?;
                set(&mut self.container_entry(*pool, *id)?.attributes, name, value);
            }
            RowKey::PoolAccess(pool) => {
                let access = self.parsed(row)?.map(Guarded::of_row).transpose()?;
                self.pool_entry(*pool)?.access = access;
            }
            RowKey::ContainerAccess(pool, id) => {
                let access = self.parsed(row)?.map(Guarded::of_row).transpose()?;
                self.container_entry(*pool, *id)?.access = access;
            }
            RowKey::Holder(holder) => self.apply_holder(*holder, self.parsed(row)?),
            RowKey::Operation(holder, sequence) => self.apply_operation(*holder, *sequence, self.parsed(row)?),
            RowKey::PoolHandle(pool, handle) => {
                let value = self.parsed(row)?;
                self.apply_pool_handle(*pool, *handle, value)?;
            }
            RowKey::ContainerHandle(pool, id, handle) => {
                let value = self.parsed(row)?;
                self.apply_container_handle(*pool, *id, *handle, value)?;
            }
            RowKey::PoolMap(pool) => {
                let value: Option<PoolMapRow> = self.parsed(row)?;
                let entry = self.pool_entry(*pool)?;
                entry.kept_out = value.as_ref().map(|value| value.kept_out.0.clone()).unwrap_or_default();
                entry.map = value.map(|value| PoolMap::decode(&value.map.0)).transpose()?;
            }
            RowKey::Snapshot(pool, id, epoch) => {
                let value = self.parsed(row)?;
                self.container_entry(*pool, *id)?.apply_snapshot(*epoch, value);
            }
            RowKey::Rollback(pool, id) => {
                let value: Option<RollbackRow> = self.parsed(row)?;
                let container = self.container_entry(*pool, *id)?;
                let (epoch, done) = value.map_or((0, 0), |value| (value.epoch, value.done.0));
                container.rolling_back = (epoch > 0 && done == 0).then_some(Epoch(epoch));
                container.rolled_back = Epoch(done);
            }
            RowKey::Evicted(handle) => match self.parsed::<crate::rows::EvictedRow>(row)? {
                Some(value) => drop(self.evicted.insert(*handle, value.time)),
                None => drop(self.evicted.remove(handle)),
            },
        }
        Ok(())
    }

    /// The value of a row; `None` for one that is removed.
    fn parsed<T: daos_wire::Wire>(&self, row: &Row) -> Result<Option<T>> {
        row.value.as_deref().map(|value| parse(&row.key, value)).transpose()
    }

    fn apply_pool(&mut self, id: PoolId, row: Option<PoolRow>) {
        let Some(row) = row else {
            self.pools.remove(&id);
            return;
        };
        match self.pools.get_mut(&id) {
            Some(pool) => pool.row = row,
            None => {
                let pool = Pool {
                    row,
                    access: None,
                    attributes: BTreeMap::new(),
                    containers: BTreeMap::new(),
                    labels: BTreeMap::new(),
                    handles: Handles::default(),
                    map: None,
                    kept_out: Runs::new(),
                };
                self.pools.insert(id, pool);
            }
        }
    }

    fn apply_container(&mut self, pool: PoolId, id: ContainerId, row: Option<ContainerRow>) -> Result<()> {
        let pool = self.pool_entry(pool)?;
        if let Some(before) = pool.containers.get(&id)
            && !before.row.properties.label.is_empty()
        {
            pool.labels.remove(&before.row.properties.label);
        }
        let Some(row) = row else {
            pool.containers.remove(&id);
            return Ok(());
        };
        if !row.properties.label.is_empty() {
            pool.labels.insert(row.properties.label.clone(), id);
        }
        match pool.containers.get_mut(&id) {
            Some(container) => container.row = row,
            None => drop(pool.containers.insert(id, Container::new(row))),
        }
        Ok(())
    }

    fn apply_pool_handle(&mut self, id: PoolId, handle: HandleId, row: Option<PoolHandleRow>) -> Result<()> {
        let pool = self.pools.get_mut(&id).ok_or_else(|| unknown_pool(id))?;
        let before = pool.handles.open.remove(&handle);
        let mut opened = BTreeSet::new();
        if let Some(before) = before {
            pool.handles.exclusive -= usize::from(before.row.is_exclusive());
            drop_held(&mut self.holders, before.row.holder, Held::Pool(id, handle));
            opened = before.opened;
        }
        if let Some(row) = row {
            pool.handles.exclusive += usize::from(row.is_exclusive());
            self.holders.entry(row.holder).or_default().handles.insert(Held::Pool(id, handle));
            pool.handles.open.insert(handle, PoolHandle { row, opened });
        }
        Ok(())
    }

    fn apply_container_handle(
        &mut self,
        pool_id: PoolId,
        id: ContainerId,
        handle: HandleId,
        row: Option<ContainerHandleRow>,
    ) -> Result<()> {
        let pool = self.pools.get_mut(&pool_id).ok_or_else(|| unknown_pool(pool_id))?;
        let container = pool.containers.get_mut(&id).ok_or_else(|| unknown_container(id))?;
        let held = Held::Container(pool_id, id, handle);
        if let Some(before) = container.handles.open.remove(&handle) {
            container.handles.exclusive -= usize::from(before.is_exclusive());
            if let Some(through) = pool.handles.open.get_mut(&before.pool_handle) {
                through.opened.remove(&(id, handle));
            }
            drop_held(&mut self.holders, before.holder, held.clone());
        }
        if let Some(row) = row {
            container.handles.exclusive += usize::from(row.is_exclusive());
            container.open_time = container.open_time.max(row.opened);
            if let Some(through) = pool.handles.open.get_mut(&row.pool_handle) {
                through.opened.insert((id, handle));
            }
            self.holders.entry(row.holder).or_default().handles.insert(held);
            container.handles.open.insert(handle, row);
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
        self.pools.get_mut(&id).ok_or_else(|| unknown_pool(id))
    }

    fn container_entry(&mut self, pool: PoolId, id: ContainerId) -> Result<&mut Container> {
        self.pool_entry(pool)?.containers.get_mut(&id).ok_or_else(|| unknown_container(id))
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
            // That passes by itself: clients ask again for a while.
            Some(pool) if pool.state() == PoolState::Creating => {
                fail!(Code::Again, "pool {id} is being created; try again")
            }
            // What was open in it is void since its end has begun.
            Some(_) => fail!(Code::Nonexist, "pool {id} is being destroyed"),
            None => fail!(Code::Nonexist, "pool {id} does not exist"),
        }
    }

    /// The identifier of a container that is named by label or identifier.
    pub(crate) fn find_container(&self, pool_id: PoolId, container: &Reference) -> Result<ContainerId> {
        let pool = self.ready_pool(pool_id)?;
        let found = match container {
            Reference::Id(id) => Some(ContainerId(*id)).filter(|id| pool.containers.contains_key(id)),
            Reference::Label(label) => pool.labels.get(label).copied(),
        };
        let name = pool.name(pool_id);
        match found {
            Some(id) if pool.containers[&id].row.destroying => {
                fail!(Code::ContDestroying, "container '{container}' of pool '{name}' is being destroyed")
            }
            Some(id) => Ok(id),
            None => fail!(Code::Nonexist, "container '{container}' does not exist in pool '{name}'"),
        }
    }
}

fn unknown_pool(id: PoolId) -> Status {
    Status::new(Code::DfInval, format!("a row belongs to unknown pool {id}"))
}

fn unknown_container(id: ContainerId) -> Status {
    Status::new(Code::DfInval, format!("a row belongs to unknown container {id}"))
}

fn drop_held(holders: &mut BTreeMap<HolderId, Holder>, holder: HolderId, held: Held) {
    if let Some(entry) = holders.get_mut(&holder) {
        entry.handles.remove(&held);
        if entry.is_empty() {
            holders.remove(&holder);
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
