//! Decisions about snapshots of containers, and about going back to one.
//!
//! The row of a snapshot is stored when its epoch is pinned on the targets: a snapshot that is known is complete. What a crash leaves pinned
//! without a row is unpinned later; see [`PoolService::snapshot_epochs`].

use crate::holders::ROWS_PER_STEP;
use crate::rows::{RollbackRow, Row, RowKey, SnapshotRow, Trailing};
use crate::state::{Container, Decision, PoolService};
use daos_security::Permissions;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, PoolId};
use daos_wire::{
    ContainerEpoch, ContainerRequest, SNAPSHOT_NAME_LENGTH_MAX, SNAPSHOTS_MAX, SnapshotCreate, SnapshotDestroy,
    SnapshotEntry, SnapshotList, SnapshotMark, SnapshotWait, take_page,
};
use std::ops::Bound;

/// `DAOS_PROP_CO_SNAPSHOT_MAX`.
const PROPERTY_MAX: u32 = 0x1009;

/// Everything that may go with a snapshot (`DAOS_SNAP_OPT_CR`, `DAOS_SNAP_OPT_OIT`).
const OPTIONS: u32 = 1 | 2;

/// What the owner has set, and what there is room for.
fn bound_of(container: &Container) -> usize {
    let set = container.row.properties.numbers.iter().find(|(kind, _)| *kind == PROPERTY_MAX);
    let set = set.and_then(|(_, most)| usize::try_from(*most).ok()).filter(|most| *most > 0);
    set.map_or(SNAPSHOTS_MAX, |most| most.min(SNAPSHOTS_MAX))
}

fn entry(epoch: Epoch, row: &SnapshotRow) -> SnapshotEntry {
    SnapshotEntry { epoch, name: row.name.clone(), time: row.time, options: row.options }
}

impl Container {
    pub(crate) fn apply_snapshot(&mut self, epoch: Epoch, row: Option<SnapshotRow>) {
        if let Some(before) = self.snapshots.remove(&epoch)
            && !before.name.is_empty()
        {
            self.snapshot_names.remove(&before.name);
        }
        if let Some(row) = row {
            if !row.name.is_empty() {
                self.snapshot_names.insert(row.name.clone());
            }
            self.snapshots.insert(epoch, row);
        }
    }

    pub(crate) fn newest_snapshot(&self) -> Epoch {
        self.snapshots.last_key_value().map_or(Epoch::ZERO, |(epoch, _)| *epoch)
    }
}

impl PoolService {
    /// Whether a snapshot may be made, before anything is pinned for it.
    pub fn check_snapshot(&self, request: &SnapshotCreate) -> Result<()> {
        let container = self.writable(&request.request)?;
        let ContainerRequest { container: id, .. } = request.request;
        let SnapshotCreate { name, options, .. } = request;
        if name.len() > SNAPSHOT_NAME_LENGTH_MAX || name.contains('\0') {
            let length = name.len();
            fail!(Code::Inval, "the name of a snapshot has at most {SNAPSHOT_NAME_LENGTH_MAX} bytes, not {length}");
        }
        if options & !OPTIONS != 0 {
            fail!(Code::Inval, "options {options:#x} of snapshots are not known");
        }
        if container.snapshot_names.contains(name) {
            fail!(Code::Exist, "container {id} has a snapshot '{name}'");
        }
        let most = bound_of(container);
        if container.snapshots.len() >= most {
            fail!(
                Code::Nospace,
                "container {id} has {most} snapshots; destroy one, or raise its property max_snapshot"
            );
        }
        Ok(())
    }

    /// A snapshot whose epoch is pinned on the targets.
    pub fn create_snapshot(&self, request: &SnapshotCreate, epoch: Epoch, now: u64) -> Result<Decision<Epoch>> {
        self.check_snapshot(request)?;
        let ContainerRequest { pool, container, .. } = request.request;
        let row = SnapshotRow { name: request.name.clone(), time: now, options: request.options & !1 };
        Ok(Decision { rows: vec![Row::put(RowKey::Snapshot(pool, container, epoch), &row)], reply: epoch })
    }

    /// A step of destroying the snapshots of a range of epochs: how many, and whether there are more.
    pub fn destroy_snapshots(&self, request: &SnapshotDestroy, so_far: u32) -> Result<Decision<(u32, bool)>> {
        let container = self.writable(&request.request)?;
        let ContainerRequest { pool, container: id, .. } = request.request;
        let SnapshotDestroy { first, last, .. } = *request;
        if first > last || last == Epoch::ZERO {
            fail!(Code::Inval, "there are no epochs from {} to {}", first.0, last.0);
        }
        let epochs: Vec<Epoch> = container.snapshots.range(first..=last).map(|(epoch, _)| *epoch).collect();
        if epochs.is_empty() && first == last && so_far == 0 {
            fail!(Code::Nonexist, "container {id} has no snapshot at epoch {}", first.0);
        }
        let some = epochs.iter().take(ROWS_PER_STEP);
        let rows: Vec<Row> = some.map(|epoch| Row::remove(RowKey::Snapshot(pool, id, *epoch))).collect();
        let reply = (so_far + rows.len() as u32, epochs.len() > rows.len());
        Ok(Decision { rows, reply })
    }

    /// A part of the snapshots of a container, from behind the one that is known, and whether there are more.
    pub fn list_snapshots(&self, request: &SnapshotList) -> Result<(Vec<SnapshotEntry>, bool)> {
        let container = self.readable(&request.request)?;
        let behind = request.after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = container.snapshots.range((behind, Bound::Unbounded));
        let mut entries = all.map(|(epoch, row)| entry(*epoch, row)).peekable();
        let page = take_page(&mut entries);
        Ok((page, entries.peek().is_some()))
    }

    /// The oldest snapshot from an epoch on.
    pub fn snapshot_from(&self, request: &SnapshotWait) -> Result<Option<SnapshotEntry>> {
        let container = self.readable(&request.request)?;
        Ok(container.snapshots.range(request.from..).next().map(|(epoch, row)| entry(*epoch, row)))
    }

    /// Changes what goes with a snapshot.
    pub fn mark_snapshot(&self, request: &SnapshotMark) -> Result<Decision<()>> {
        let container = self.writable(&request.request)?;
        let ContainerRequest { pool, container: id, .. } = request.request;
        let row = snapshot(container, id, request.epoch)?;
        let options = request.options & OPTIONS & !1;
        if row.options == options {
            return Ok(Decision::nothing(()));
        }
        let row = SnapshotRow { options, ..row.clone() };
        Ok(Decision { rows: vec![Row::put(RowKey::Snapshot(pool, id, request.epoch), &row)], reply: () })
    }

    /// The snapshots of a container that is there, rising: what its targets have to pin.
    pub fn snapshot_epochs(&self, pool: PoolId, id: ContainerId) -> Vec<Epoch> {
        let container = self.pools.get(&pool).and_then(|pool| pool.containers.get(&id));
        container.map(|container| container.snapshots.keys().copied().collect()).unwrap_or_default()
    }

    /// The containers of a pool that have snapshots.
    pub fn containers_with_snapshots(&self, pool: PoolId) -> Vec<ContainerId> {
        let Ok(pool) = self.ready_pool(pool) else { return Vec::new() };
        let with = pool.containers.iter().filter(|(_, entry)| !entry.row.destroying && !entry.snapshots.is_empty());
        with.map(|(id, _)| *id).collect()
    }

    /// Begins to bring a container back to a snapshot: nobody reads or changes it until [`PoolService::finish_rollback`].
    pub fn begin_rollback(&self, request: &ContainerEpoch) -> Result<Decision<()>> {
        let ContainerRequest { pool, container: id, handle } = request.request;
        let container = self.check_container(pool, id, handle, Permissions::WRITE)?;
        if container.rolling_back == Some(request.epoch) {
            return Ok(Decision::nothing(()));
        }
        check_not_rolling_back(container, id)?;
        snapshot(container, id, request.epoch)?;
        let newest = container.newest_snapshot();
        if newest != request.epoch {
            fail!(
                Code::Busy,
                "container {id} has snapshots that are newer than {}, the newest at epoch {}; destroy them first",
                request.epoch.0,
                newest.0
            );
        }
        let row = RollbackRow { epoch: request.epoch.0, done: Trailing(0) };
        Ok(Decision { rows: vec![Row::put(RowKey::Rollback(pool, id), &row)], reply: () })
    }

    /// The targets have gone back; `newer` is newer than everything that was read or written before. Handles are granted with it from now
    /// on, as with a snapshot: a transaction that is older may have read what is gone.
    pub fn finish_rollback(&self, pool: PoolId, id: ContainerId, newer: Epoch) -> Decision<()> {
        match self.rolling_back(pool, id) {
            Some(epoch) => {
                let row = RollbackRow { epoch: epoch.0, done: Trailing(newer.0.max(1)) };
                Decision { rows: vec![Row::put(RowKey::Rollback(pool, id), &row)], reply: () }
            }
            None => Decision::nothing(()),
        }
    }

    /// The epoch to which a container is being brought back.
    pub fn rolling_back(&self, pool: PoolId, id: ContainerId) -> Option<Epoch> {
        let container = self.pools.get(&pool).and_then(|pool| pool.containers.get(&id))?;
        container.rolling_back.filter(|_| !container.row.destroying)
    }

    /// Accepts a handle that may aggregate.
    pub fn check_aggregation(&self, request: &ContainerRequest) -> Result<()> {
        self.writable(request).map(|_| ())
    }

    fn readable(&self, request: &ContainerRequest) -> Result<&Container> {
        let ContainerRequest { pool, container, handle } = *request;
        self.open_container_entry(pool, container, handle).map(|(container, _)| container)
    }

    fn writable(&self, request: &ContainerRequest) -> Result<&Container> {
        let ContainerRequest { pool, container: id, handle } = *request;
        let container = self.check_container(pool, id, handle, Permissions::WRITE)?;
        check_not_rolling_back(container, id)?;
        Ok(container)
    }
}

/// Refuses, for the moment, what has to wait for the end of a rollback.
pub(crate) fn check_not_rolling_back(container: &Container, id: ContainerId) -> Result<()> {
    match container.rolling_back {
        Some(epoch) => fail!(Code::Again, "container {id} is being brought back to its snapshot at epoch {}", epoch.0),
        None => Ok(()),
    }
}

fn snapshot(container: &Container, id: ContainerId, epoch: Epoch) -> Result<&SnapshotRow> {
    match container.snapshots.get(&epoch) {
        Some(row) => Ok(row),
        None => fail!(Code::Nonexist, "container {id} has no snapshot at epoch {}", epoch.0),
    }
}
