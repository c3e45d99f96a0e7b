//! Decisions about pools.

use crate::containers::container_rows;
use crate::rows::{PoolRow, Row, RowKey, Trailing};
use crate::space::{Promise, SpaceOffer};
use crate::state::{Decision, PoolService, PoolState};
use daos_status::{Code, Result, fail};
use daos_types::{HandleId, PoolId, Rank, Reference, TargetIndex, check_label};
use daos_wire::{PoolCreate, PoolEntry, PoolQueryReply, PoolRequest, PoolSetProperties, Space, take_page};
use std::ops::Bound;

/// Durability classes by their words.
const DURABILITY: &[&str] = &["log", "pmem", "ram"];

/// The most pools of a system: each has an arena, a log and files on every target.
const POOLS_MAX: usize = 1000;

/// The most properties of a pool: more than upstream has.
const PROPERTIES_MAX: usize = 64;

/// What a new pool is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolPlan {
    /// Its targets, in the order of the pool map.
    pub targets: Vec<(Rank, TargetIndex)>,
    /// Metadata on each target.
    pub meta_bytes: u64,
    /// Data on each target.
    pub data_bytes: u64,
    /// The redo log on each target.
    pub log_bytes: u64,
    /// Durability class.
    pub durability: String,
    /// The pool is there already and ready: nothing is left to do.
    pub ready: bool,
}

impl PoolService {
    /// Begins a pool over `targets`, in what the machine has to offer.
    pub fn begin_pool_create(
        &self,
        request: &PoolCreate,
        targets: Vec<(Rank, TargetIndex)>,
        offer: &SpaceOffer,
    ) -> Result<Decision<PoolPlan>> {
        if let Some(pool) = self.pools.get(&request.id) {
            if pool.row.label != request.label {
                fail!(Code::Exist, "pool {} exists with the label '{}'", request.id, pool.row.label);
            }
            if pool.state() == PoolState::Destroying {
                fail!(Code::Busy, "pool {} is being destroyed", request.id);
            }
            return Ok(Decision { rows: Vec::new(), reply: plan_of(&pool.row) });
        }
        let row = self.new_pool_row(request, targets, offer)?;
        Ok(Decision { reply: plan_of(&row), rows: vec![Row::put(RowKey::Pool(request.id), &row)] })
    }

    fn new_pool_row(
        &self,
        request: &PoolCreate,
        targets: Vec<(Rank, TargetIndex)>,
        offer: &SpaceOffer,
    ) -> Result<PoolRow> {
        if !request.label.is_empty() {
            check_label(&request.label)?;
            if self.pools.values().any(|pool| pool.row.label == request.label) {
                fail!(Code::Exist, "a pool with the label '{}' exists", request.label);
            }
        }
        if self.pools.len() >= POOLS_MAX {
            fail!(Code::Busy, "the system has {POOLS_MAX} pools; destroy one first");
        }
        let durability = if request.durability.is_empty() { "log" } else { request.durability.as_str() };
        if !DURABILITY.contains(&durability) {
            fail!(Code::Inval, "durability class '{durability}' is unknown; it is one of {}", DURABILITY.join(", "));
        }
        let sizes = match durability {
            "ram" => offer.plan_in_memory(request.size, targets.len() as u64)?,
            // A journal takes what a log takes, an image less than the pages of a checkpoint.
            _ => offer.plan_on_storage(request.size, targets.len() as u64)?,
        };
        Ok(PoolRow {
            label: request.label.clone(),
            state: PoolState::Creating as u8,
            meta_bytes_per_target: sizes.meta_bytes,
            data_bytes_per_target: sizes.data_bytes,
            log_bytes_per_target: sizes.log_bytes,
            durability: durability.to_owned(),
            map_version: 1,
            targets,
            numbers: Trailing::default(),
        })
    }

    /// What the pools may still write of what they were promised, given what their targets report.
    pub fn promise(&self, id: PoolId, free: u64) -> Promise {
        let Some(pool) = self.pools.get(&id) else { return Promise::default() };
        let targets = pool.row.targets.len() as u64;
        let memory = pool.row.meta_bytes_per_target.saturating_mul(targets);
        let ram = pool.row.is_volatile();
        let data = pool.row.data_bytes_per_target.saturating_mul(targets);
        Promise { storage: if ram { 0 } else { free }, memory: if ram { memory.saturating_add(data) } else { memory } }
    }

    /// Declares a pool ready, its targets being made.
    pub fn finish_pool_create(&self, id: PoolId) -> Result<Decision<PoolEntry>> {
        let rows = self.set_state(id, PoolState::Ready)?;
        let mut reply = self.entry(id);
        reply.state = PoolState::Ready.word().to_owned();
        Ok(Decision { rows, reply })
    }

    /// Begins the end of a pool; its handles close with it, and the container handles among them are given.
    pub fn begin_pool_destroy(&self, pool: &Reference, force: bool) -> Result<Decision<(PoolId, Vec<HandleId>)>> {
        let id = self.find_pool(pool)?;
        let handles = self.pools[&id].handles.len();
        if handles > 0 && !force {
            fail!(Code::Busy, "pool '{pool}' has {handles} open handles; close them, or use force");
        }
        let containers = self.pools[&id].containers.values();
        let revoked = containers.flat_map(|container| container.handles.keys().copied()).collect();
        Ok(Decision { rows: self.set_state(id, PoolState::Destroying)?, reply: (id, revoked) })
    }

    /// Forgets a pool, its targets being removed.
    pub fn finish_pool_destroy(&self, id: PoolId) -> Decision<()> {
        let Some(pool) = self.pools.get(&id) else { return Decision { rows: Vec::new(), reply: () } };
        let mut rows = Vec::new();
        for (container_id, container) in &pool.containers {
            rows.extend(container_rows(id, *container_id, container));
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

    /// The identifiers of all pools.
    pub fn pool_ids(&self) -> Vec<PoolId> {
        self.pools.keys().copied().collect()
    }

    /// A part of the list of pools, from behind the one that is known, and whether there are more.
    pub fn list_pools(&self, after: Option<PoolId>) -> (Vec<PoolEntry>, bool) {
        let ids = self.pools.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let mut entries = ids.map(|(id, _)| self.entry(*id)).peekable();
        (take_page(&mut entries), entries.peek().is_some())
    }

    /// The pools whose contents end with the engine.
    pub fn volatile_pools(&self) -> Vec<PoolId> {
        self.pools.iter().filter(|(_, pool)| pool.row.is_volatile()).map(|(id, _)| *id).collect()
    }

    /// What a new engine does about a pool whose contents ended with the last one: it is made anew, and its containers
    /// are forgotten.
    pub fn renew_volatile_pool(&self, id: PoolId) -> Result<Decision<PoolPlan>> {
        let pool = self.ready_pool(id)?;
        let rows =
            pool.containers.iter().flat_map(|(container, entry)| container_rows(id, *container, entry)).collect();
        Ok(Decision { rows, reply: plan_of(&pool.row) })
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
            numbers: self.pool_properties(id),
        })
    }

    /// Changes properties; those not named stay. The answer is all of them.
    pub fn set_pool_properties(&self, request: &PoolSetProperties) -> Result<Decision<Vec<(u32, u64)>>> {
        let PoolRequest { pool: id, handle } = request.request;
        self.check_pool_handle(id, handle, true)?;
        let mut row = self.ready_pool(id)?.row.clone();
        for (kind, number) in &request.numbers {
            row.numbers.0.retain(|(known, _)| known != kind);
            row.numbers.0.push((*kind, *number));
        }
        row.numbers.0.sort_unstable();
        if row.numbers.0.len() > PROPERTIES_MAX {
            fail!(Code::Inval, "a pool has at most {PROPERTIES_MAX} properties");
        }
        let reply = row.numbers.0.clone();
        Ok(Decision { rows: vec![Row::put(RowKey::Pool(id), &row)], reply })
    }

    /// The properties of a pool that were ever set; none for one that is not there.
    pub fn pool_properties(&self, id: PoolId) -> Vec<(u32, u64)> {
        self.pools.get(&id).map(|pool| pool.row.numbers.0.clone()).unwrap_or_default()
    }
}

impl PoolRow {
    pub(crate) fn is_volatile(&self) -> bool {
        self.durability == "ram"
    }
}

pub(crate) fn plan_of(row: &PoolRow) -> PoolPlan {
    PoolPlan {
        targets: row.targets.clone(),
        meta_bytes: row.meta_bytes_per_target,
        data_bytes: row.data_bytes_per_target,
        log_bytes: row.log_bytes_per_target,
        durability: row.durability.clone(),
        ready: row.state == PoolState::Ready as u8,
    }
}
