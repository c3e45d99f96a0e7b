//! Decisions about pools.

use crate::access::{self, Kind, check_admin};
use crate::containers::container_rows;
use crate::handles::Caller;
use crate::holders::ROWS_PER_STEP;
use crate::maps::{map_of, map_row};
use crate::properties;
use crate::rows::{AccessRow, PoolRow, Row, RowKey, Trailing};
use crate::space::{Promise, SpaceOffer};
use crate::state::{Decision, PoolService, PoolState};
use daos_placement::{PoolMap, Runs, runs_of};
use daos_status::{Code, Result, fail};
use daos_types::{HandleId, PoolId, Rank, Reference, TargetIndex, check_label};
use daos_wire::{
    PoolCreate, PoolEntry, PoolManage, PoolManaged, PoolQueryReply, PoolRequest, PoolSetProperties, Space, take_page,
};
use std::collections::BTreeSet;
use std::ops::Bound;

/// Durability classes by their words.
const DURABILITY: &[&str] = &["log", "pmem", "ram"];

/// The most pools of a system: each has an arena, a log and files on every target.
const POOLS_MAX: usize = 1000;

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
        caller: &Caller,
    ) -> Result<Decision<PoolPlan>> {
        check_admin(caller)?;
        if let Some(pool) = self.pools.get(&request.id) {
            if pool.row.label != request.label {
                fail!(Code::Exist, "pool {} exists with the label '{}'", request.id, pool.row.label);
            }
            if pool.state() == PoolState::Destroying {
                fail!(Code::Busy, "pool {} is being destroyed", request.id);
            }
            return Ok(Decision::nothing(plan_of(&pool.row)));
        }
        let row = self.new_pool_row(request, targets, offer)?;
        let access: AccessRow = access::new_row(Kind::Pool, &request.access, &caller.credentials)?;
        let map = self.new_map(&row.targets)?;
        let rows = vec![
            Row::put(RowKey::Pool(request.id), &row),
            Row::put(RowKey::PoolAccess(request.id), &access),
            map_row(request.id, &map, Vec::new()),
        ];
        Ok(Decision { reply: plan_of(&row), rows })
    }

    fn new_pool_row(
        &self,
        request: &PoolCreate,
        targets: Vec<(Rank, TargetIndex)>,
        offer: &SpaceOffer,
    ) -> Result<PoolRow> {
        self.check_pool_label(&request.label)?;
        properties::check_pool(&request.numbers, true)?;
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
            numbers: Trailing(sorted(&request.numbers)),
        })
    }

    fn check_pool_label(&self, label: &str) -> Result<()> {
        if label.is_empty() {
            return Ok(());
        }
        check_label(label)?;
        if self.pools.values().any(|pool| pool.row.label == *label) {
            fail!(Code::Exist, "a pool with the label '{label}' exists");
        }
        Ok(())
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
    pub fn finish_pool_create(&self, id: PoolId) -> Result<Decision<PoolId>> {
        Ok(Decision { rows: self.set_state(id, PoolState::Ready)?, reply: id })
    }

    /// A pool as lists show it.
    pub fn pool_entry_of(&self, id: PoolId) -> Result<PoolEntry> {
        self.ready_pool(id).map(|_| self.entry(id))
    }

    /// Begins the end of a pool. Its handles are void from then on; the container handles among them are given, and the rows
    /// go with the others of the pool.
    pub fn begin_pool_destroy(&self, pool: &Reference, force: bool, caller: &Caller) -> Result<Decision<PoolId>> {
        check_admin(caller)?;
        let id = self.find_pool(pool)?;
        let handles = self.pools[&id].handles.open.len();
        if handles > 0 && !force {
            fail!(Code::Busy, "pool '{pool}' has {handles} open handles; close them, evict them, or use force");
        }
        Ok(Decision { rows: self.set_state(id, PoolState::Destroying)?, reply: id })
    }

    /// The pool of a label, and whether it is being made, and may not come to be.
    pub fn pool_of_label(&self, label: &str) -> Option<(PoolId, bool)> {
        let mut named = self.pools.iter().filter(|(_, pool)| !label.is_empty() && pool.row.label == label);
        named.next().map(|(id, pool)| (*id, pool.state() == PoolState::Creating))
    }

    /// Whether a pool is being made, or was when its maker ended.
    pub fn is_creating_pool(&self, id: PoolId) -> bool {
        self.pools.get(&id).is_some_and(|pool| pool.state() == PoolState::Creating)
    }

    /// Whether somebody may destroy pools.
    pub fn check_pool_destroy(&self, caller: &Caller) -> Result<()> {
        check_admin(caller)
    }

    /// Whether a pool is being destroyed.
    pub fn is_destroying_pool(&self, id: PoolId) -> bool {
        self.pools.get(&id).is_some_and(|pool| pool.state() == PoolState::Destroying)
    }

    /// Container handles that are open in a pool.
    pub fn container_handles(&self, id: PoolId) -> Vec<HandleId> {
        let containers = self.pools.get(&id).into_iter().flat_map(|pool| pool.containers.values());
        containers.flat_map(|container| container.handles.open.keys().copied()).collect()
    }

    /// A step of forgetting a pool whose targets are removed, and whether there is more to forget.
    pub fn finish_pool_destroy(&self, id: PoolId) -> Decision<bool> {
        let Some(pool) = self.pools.get(&id) else { return Decision::nothing(false) };
        let mut rows = Vec::new();
        for (container_id, container) in &pool.containers {
            if rows.len() >= ROWS_PER_STEP || !container_rows(id, *container_id, container, &mut rows) {
                return Decision { rows, reply: true };
            }
        }
        let handles = pool.handles.open.keys().map(|handle| RowKey::PoolHandle(id, *handle));
        let attributes = pool.attributes.keys().map(|name| RowKey::PoolAttribute(id, name.clone()));
        let left = ROWS_PER_STEP.saturating_sub(rows.len());
        let keys: Vec<RowKey> = handles.chain(attributes).take(left + 1).collect();
        let more = keys.len() > left;
        rows.extend(keys.into_iter().take(left).map(Row::remove));
        if !more {
            let keys = [RowKey::PoolMap(id), RowKey::PoolAccess(id), RowKey::Pool(id)];
            rows.extend(keys.into_iter().map(Row::remove));
        }
        Decision { rows, reply: more }
    }

    fn set_state(&self, id: PoolId, state: PoolState) -> Result<Vec<Row>> {
        let Some(pool) = self.pools.get(&id) else { fail!(Code::Nonexist, "pool {id} does not exist") };
        if pool.row.state == state as u8 {
            return Ok(Vec::new());
        }
        let row = PoolRow { state: state as u8, ..pool.row.clone() };
        Ok(vec![Row::put(RowKey::Pool(id), &row)])
    }

    fn entry(&self, id: PoolId) -> PoolEntry {
        let pool = &self.pools[&id];
        PoolEntry {
            id,
            label: pool.row.label.clone(),
            state: pool.state().word().to_owned(),
            service_ranks: Vec::new(),
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

    /// A step of what a new engine does about a pool whose contents ended with the last one: it is made anew, and its
    /// containers are forgotten. Says whether there are more of them.
    pub fn renew_volatile_pool(&self, id: PoolId) -> Result<Decision<(PoolPlan, bool)>> {
        let pool = self.ready_pool(id)?;
        let mut rows = Vec::new();
        let mut all = pool.containers.iter();
        let more = all
            .any(|(container, entry)| rows.len() >= ROWS_PER_STEP || !container_rows(id, *container, entry, &mut rows));
        Ok(Decision { rows, reply: (plan_of(&pool.row), more) })
    }

    /// The targets of a pool in any state.
    pub fn pool_targets(&self, id: PoolId) -> Vec<(Rank, TargetIndex)> {
        self.pools.get(&id).map(|pool| pool.row.targets.clone()).unwrap_or_default()
    }

    /// What a query answers; the space is what its targets report. Without a handle, it is for an administrator.
    pub fn query_pool(
        &self,
        id: PoolId,
        handle: Option<HandleId>,
        caller: &Caller,
        meta: Space,
        data: Space,
    ) -> Result<PoolQueryReply> {
        match handle {
            Some(handle) => self.check_pool_handle(id, handle, false)?,
            None => check_admin(caller)?,
        }
        let pool = self.ready_pool(id)?;
        let mut engines: Vec<Rank> = pool.row.targets.iter().map(|target| target.0).collect();
        engines.sort_unstable();
        engines.dedup();
        let map = map_of(pool)?;
        Ok(PoolQueryReply {
            label: pool.row.label.clone(),
            map_version: map.version(),
            targets: map.target_count(),
            targets_disabled: map.targets_out_of_use(),
            engines: engines.len() as u32,
            meta,
            data,
            handles: pool.handles.open.len() as u32,
            containers: pool.containers.len() as u64,
            durability: pool.row.durability.clone(),
            numbers: properties::all_of_pool(&pool.row.numbers.0),
            access: access::told(pool.access.as_ref(), true),
            ranks: ranks_with(&map, true),
            ranks_disabled: ranks_with(&map, false),
        })
    }

    /// Changes properties by an open handle; those not named stay.
    pub fn set_pool_properties(&self, request: &PoolSetProperties, caller: &Caller) -> Result<Decision<PoolId>> {
        let PoolRequest { pool: id, handle } = request.request;
        self.check_pool_handle(id, handle, true)?;
        check_admin(caller)?;
        self.change_pool(id, "", &request.numbers)
    }

    /// What an administrator is told about a pool.
    pub fn managed_pool(&self, pool: &Reference, caller: &Caller) -> Result<PoolManaged> {
        check_admin(caller)?;
        let id = self.find_pool(pool)?;
        let pool = self.ready_pool(id)?;
        Ok(PoolManaged {
            id,
            label: pool.row.label.clone(),
            numbers: properties::all_of_pool(&pool.row.numbers.0),
            access: access::told(pool.access.as_ref(), true),
        })
    }

    /// Changes label and properties as an administrator.
    pub fn manage_pool(&self, request: &PoolManage, caller: &Caller) -> Result<Decision<PoolId>> {
        check_admin(caller)?;
        self.change_pool(self.find_pool(&request.pool)?, &request.label, &request.numbers)
    }

    fn change_pool(&self, id: PoolId, label: &str, numbers: &[(u32, u64)]) -> Result<Decision<PoolId>> {
        properties::check_pool(numbers, false)?;
        let before = &self.ready_pool(id)?.row;
        let mut row = before.clone();
        if !label.is_empty() && label != row.label {
            self.check_pool_label(label)?;
            row.label = label.to_owned();
        }
        row.numbers.0.retain(|(known, _)| numbers.iter().all(|(kind, _)| kind != known));
        row.numbers.0 = sorted(&[&row.numbers.0, numbers].concat());
        if row == *before {
            return Ok(Decision::nothing(id));
        }
        Ok(Decision { rows: vec![Row::put(RowKey::Pool(id), &row)], reply: id })
    }

    /// The properties of a pool that were ever set; none for one that is not there.
    pub fn pool_properties(&self, id: PoolId) -> Vec<(u32, u64)> {
        self.pools.get(&id).map(|pool| pool.row.numbers.0.clone()).unwrap_or_default()
    }
}

/// The ranks that have a target in use, or one that is not, as runs.
fn ranks_with(map: &PoolMap, in_use: bool) -> Runs {
    let targets = map.targets().filter(|target| target.state.is_reachable() == in_use);
    let ranks: BTreeSet<u32> = targets.map(|target| target.rank.0).collect();
    runs_of(ranks)
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

/// Numbers by property; of one that is there twice, the last counts.
fn sorted(numbers: &[(u32, u64)]) -> Vec<(u32, u64)> {
    numbers.iter().copied().collect::<std::collections::BTreeMap<u32, u64>>().into_iter().collect()
}
