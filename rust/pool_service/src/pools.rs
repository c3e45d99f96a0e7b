//! Decisions about pools.

use crate::rows::{PoolRow, Row, RowKey};
use crate::state::{Decision, PoolService, PoolState};
use daos_status::{Code, Result, fail};
use daos_types::{HandleId, PoolId, Rank, Reference, TargetIndex, check_label};
use daos_wire::{PoolCreate, PoolEntry, PoolQueryReply, Space};

/// Durability classes by their words.
const DURABILITY: &[&str] = &["log", "pmem", "ram"];
/// The least of a pool on one target: room for its own metadata and a few values.
const TARGET_BYTES_MIN: u64 = 64 << 20;
/// The part of a pool's bytes that holds metadata and small values.
const META_SHARE: u64 = 4;

/// What a new pool is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolPlan {
    /// Its targets, in the order of the pool map.
    pub targets: Vec<(Rank, TargetIndex)>,
    /// Metadata on each target.
    pub meta_bytes: u64,
    /// Data on each target.
    pub data_bytes: u64,
    /// Durability class.
    pub durability: String,
    /// The pool is there already and ready: nothing is left to do.
    pub ready: bool,
}

impl PoolService {
    /// Begins a pool over `targets`; `default_size` is what an unspecified size means.
    pub fn begin_pool_create(
        &self,
        request: &PoolCreate,
        targets: Vec<(Rank, TargetIndex)>,
        default_size: u64,
    ) -> Result<Decision<PoolPlan>> {
        if let Some(pool) = self.pools.get(&request.id) {
            if pool.row.label != request.label {
                fail!(Code::Exist, "pool {} exists with the label '{}'", request.id, pool.row.label);
            }
            return Ok(Decision { rows: Vec::new(), reply: plan_of(&pool.row) });
        }
        let row = self.new_pool_row(request, targets, default_size)?;
        Ok(Decision { reply: plan_of(&row), rows: vec![Row::put(RowKey::Pool(request.id), &row)] })
    }

    fn new_pool_row(
        &self,
        request: &PoolCreate,
        targets: Vec<(Rank, TargetIndex)>,
        default_size: u64,
    ) -> Result<PoolRow> {
        if !request.label.is_empty() {
            check_label(&request.label)?;
            if self.pools.values().any(|pool| pool.row.label == request.label) {
                fail!(Code::Exist, "a pool with the label '{}' exists", request.label);
            }
        }
        let durability = if request.durability.is_empty() { "log" } else { request.durability.as_str() };
        if !DURABILITY.contains(&durability) {
            fail!(Code::Inval, "durability class '{durability}' is unknown; it is one of {}", DURABILITY.join(", "));
        }
        let size = if request.size == 0 { default_size } else { request.size };
        let per_target = size / targets.len().max(1) as u64;
        if per_target < TARGET_BYTES_MIN {
            fail!(
                Code::Inval,
                "a pool over {} targets needs {} bytes at least, not {size}",
                targets.len(),
                TARGET_BYTES_MIN * targets.len() as u64
            );
        }
        let meta = (per_target / META_SHARE).next_multiple_of(1 << 20);
        Ok(PoolRow {
            label: request.label.clone(),
            state: PoolState::Creating as u8,
            meta_bytes_per_target: meta,
            data_bytes_per_target: (per_target - meta) & !4095,
            durability: durability.to_owned(),
            map_version: 1,
            targets,
        })
    }

    /// Declares a pool ready, its targets being made.
    pub fn finish_pool_create(&self, id: PoolId) -> Result<Decision<PoolEntry>> {
        let rows = self.set_state(id, PoolState::Ready)?;
        let mut reply = self.entry(id);
        reply.state = PoolState::Ready.word().to_owned();
        Ok(Decision { rows, reply })
    }

    /// Begins the end of a pool.
    pub fn begin_pool_destroy(&self, pool: &Reference, force: bool) -> Result<Decision<PoolId>> {
        let id = self.find_pool(pool)?;
        let handles = self.pools[&id].handles.len();
        if handles > 0 && !force {
            fail!(Code::Busy, "pool '{pool}' has {handles} open handles; close them, or use force");
        }
        Ok(Decision { rows: self.set_state(id, PoolState::Destroying)?, reply: id })
    }

    /// Forgets a pool, its targets being removed.
    pub fn finish_pool_destroy(&self, id: PoolId) -> Decision<()> {
        let Some(pool) = self.pools.get(&id) else { return Decision { rows: Vec::new(), reply: () } };
        let mut rows = Vec::new();
        for (container_id, container) in &pool.containers {
            let names = container.attributes.keys().cloned();
            rows.extend(names.map(|name| Row::remove(RowKey::ContainerAttribute(id, *container_id, name))));
            rows.push(Row::remove(RowKey::Container(id, *container_id)));
        }
        rows.extend(pool.attributes.keys().map(|name| Row::remove(RowKey::PoolAttribute(id, name.clone()))));
        rows.push(Row::remove(RowKey::Pool(id)));
        Decision { rows, reply: () }
    }

    fn set_state(&self, id: PoolId, state: PoolState) -> Result<Vec<Row>> {
        let Some(pool) = self.pools.get(&id) else { fail!(Code::Nonexist, "pool {id} does not exist") };
        let row = PoolRow { state: state as u8, ..pool.row.clone() };
        Ok(vec![Row::put(RowKey::Pool(id), &row)])
    }

    fn entry(&self, id: PoolId) -> PoolEntry {
        let pool = &self.pools[&id];
        PoolEntry {
            id,
            label: pool.row.label.clone(),
            state: pool.state().word().to_owned(),
            service_ranks: vec![Rank(0)],
        }
    }

    /// Every pool.
    pub fn list_pools(&self) -> Vec<PoolEntry> {
        self.pools.keys().map(|id| self.entry(*id)).collect()
    }

    /// The pool's targets and the version of that list.
    pub fn pool_map(&self, id: PoolId) -> Result<(u32, Vec<(Rank, TargetIndex)>)> {
        let pool = self.ready_pool(id)?;
        Ok((pool.row.map_version, pool.row.targets.clone()))
    }

    /// The targets of a pool in any state.
    pub fn pool_targets(&self, id: PoolId) -> Vec<(Rank, TargetIndex)> {
        self.pools.get(&id).map(|pool| pool.row.targets.clone()).unwrap_or_default()
    }

    /// What a query answers; the space is what its targets report.
    pub fn query_pool(&self, id: PoolId, handle: HandleId, meta: Space, data: Space) -> Result<PoolQueryReply> {
        self.check_pool_handle(id, handle, false)?;
        let pool = self.ready_pool(id)?;
        let mut engines: Vec<Rank> = pool.row.targets.iter().map(|target| target.0).collect();
        engines.sort_unstable();
        engines.dedup();
        Ok(PoolQueryReply {
            label: pool.row.label.clone(),
            map_version: pool.row.map_version,
            targets: pool.row.targets.len() as u32,
            targets_disabled: 0,
            engines: engines.len() as u32,
            meta,
            data,
            handles: pool.handles.len() as u32,
            containers: pool.containers.len() as u64,
            durability: pool.row.durability.clone(),
        })
    }
}

fn plan_of(row: &PoolRow) -> PoolPlan {
    PoolPlan {
        targets: row.targets.clone(),
        meta_bytes: row.meta_bytes_per_target,
        data_bytes: row.data_bytes_per_target,
        durability: row.durability.clone(),
        ready: row.state == PoolState::Ready as u8,
    }
}
