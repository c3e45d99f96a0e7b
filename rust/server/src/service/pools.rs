//! Pools: what the pool service decides, done on the targets.

use super::Service;
use super::clients::Asked;
use crate::ranks::TargetName;
use daos_env::sync::join_all;
use daos_pool_service::{Caller, PoolPlan, SpaceOffer};
use daos_rebuild::{ReclaimSettings, ScrubSettings};
use daos_status::{Code, Result, Status, fail};
use daos_types::{HandleId, PoolId, Rank, Reference};
use daos_wire::{
    Opcode, PoolConnect, PoolConnected, PoolCreate, PoolDestroy, PoolEntry, PoolEvict, PoolManage, PoolQueryReply,
    PoolRequest, PoolSetProperties, Space, TargetPoolProperties, TargetSpace,
};
use std::rc::Rc;

/// How many pools of one label that are being made are waited for by the next.
const LABEL_ATTEMPTS_MAX: usize = 8;

impl Service {
    pub(super) async fn create_pool(&self, asked: &Asked<PoolCreate>) -> Result<PoolEntry> {
        let request = &asked.request;
        let _guard = self.pool_locks.lock(request.id).await;
        if let Some(answer) = self.recalled::<_, PoolId>(asked).await? {
            return self.entry_of(answer?);
        }
        let plan = match self.begin_pool_when_decided(asked).await {
            Ok(plan) => plan,
            Err(status) => return self.refuse(asked, naming(status, "creating pool", request)).await,
        };
        if !plan.ready
            && let Err(status) = self.make_parts(request.id, &plan).await
        {
            self.give_up_pool(request.id, &status).await;
            return self.refuse(asked, naming(status, "creating pool", request)).await;
        }
        let id = match self.try_once(asked, |state| state.finish_pool_create(request.id)).await? {
            Ok(id) => id,
            Err(refusal) => {
                // Whoever wanted it may be gone: it would stay half made, and its label taken.
                if !plan.ready {
                    self.give_up_pool(request.id, &refusal).await;
                }
                return Err(refusal);
            }
        };
        self.tell_properties_of(id).await?;
        let entry = self.entry_of(id)?;
        if !plan.ready {
            daos_env::log!(
                Info,
                "pool",
                "pool {} '{}' was created: {} targets, {} bytes of metadata and {} of data each, class {}",
                request.id,
                request.label,
                plan.targets.len(),
                plan.meta_bytes,
                plan.data_bytes,
                plan.durability
            );
        }
        Ok(entry)
    }

    /// Removes a pool that cannot be made.
    async fn give_up_pool(&self, id: PoolId, why: &Status) {
        daos_env::log!(Error, "pool", "pool {id} could not be created: {why}");
        if let Err(error) = self.finish_pool(id).await {
            daos_env::log!(Error, "pool", "what is left of pool {id} is removed at the next start: {error}");
        }
    }

    /// As [`Service::begin_pool`]. Another pool that is being made has the label only if it comes to be: that is waited for.
    async fn begin_pool_when_decided(&self, asked: &Asked<PoolCreate>) -> Result<PoolPlan> {
        for _ in 0..LABEL_ATTEMPTS_MAX {
            let refusal = match self.begin_pool(asked).await {
                Err(status) if status.code() == Code::Exist => status,
                begun => return begun,
            };
            let label = &asked.request.label;
            let other = self.journal.state().pool_of_label(label);
            let other = match other {
                Some((other, true)) if other != asked.request.id => other,
                Some(_) => return Err(refusal),
                // It is gone since.
                None if self.journal.state().pool_ids().contains(&asked.request.id) => return Err(refusal),
                None => continue,
            };
            let _guard = self.pool_locks.lock(other).await;
            let now = self.journal.state().pool_of_label(label);
            if now == Some((other, true)) {
                // Nobody makes it any more: a crash came between.
                self.finish_pool(other).await?;
            }
        }
        fail!(Code::Busy, "pools with the label '{}' come and go; try again", asked.request.label)
    }

    async fn begin_pool(&self, asked: &Asked<PoolCreate>) -> Result<PoolPlan> {
        ScrubSettings::of(&asked.request.numbers)?;
        ReclaimSettings::of(&asked.request.numbers)?;
        let targets = self.targets_for(&asked.request)?;
        let offer = self.offer(&targets).await?;
        self.change(|state| state.begin_pool_create(&asked.request, targets, &offer, &asked.caller)).await
    }

    /// What the machine offers to a new pool, the promises made to others subtracted.
    pub(super) async fn offer(&self, targets: &[TargetName]) -> Result<SpaceOffer> {
        let offer = if self.identity.is_system { self.offer_of(targets).await? } else { self.capacity.offer()? };
        let ids = self.journal.state().pool_ids();
        let spaces = join_all(ids.iter().map(|id| self.space_of(*id))).await;
        let state = self.journal.state();
        // A pool that cannot be asked keeps its promise of memory; its storage is what it has.
        let free = spaces.into_iter().map(|space| space.map_or(0, |(meta, data)| meta.free.saturating_add(data.free)));
        Ok(offer.after(ids.iter().zip(free).map(|(id, free)| state.promise(*id, free))))
    }

    pub(super) async fn make_parts(&self, pool: PoolId, plan: &PoolPlan) -> Result<()> {
        self.make_parts_on(pool, plan, &self.targets_of(pool)).await
    }

    /// A pool as lists show it.
    fn entry_of(&self, id: PoolId) -> Result<PoolEntry> {
        let entry = self.journal.state().pool_entry_of(id)?;
        Ok(PoolEntry { service_ranks: self.journal.replicas(), ..entry })
    }

    /// A part of the list of pools, and whether there are more.
    pub(super) fn list_pools(&self, after: Option<PoolId>) -> (Vec<PoolEntry>, bool) {
        let replicas = self.journal.replicas();
        let (mut entries, more) = self.journal.state().list_pools(after);
        entries.iter_mut().for_each(|entry| entry.service_ranks.clone_from(&replicas));
        (entries, more)
    }

    /// Destroys a pool: from the moment its row says so nobody can use it, and a crash finishes it at the next start. The
    /// answer is remembered with that row, and given when the pool is gone.
    pub(super) async fn destroy_pool(self: &Rc<Self>, asked: &Asked<PoolDestroy>) -> Result<()> {
        let PoolDestroy { pool, force } = &asked.request;
        // Nothing of the state may be borrowed while something is awaited.
        let found = self.journal.state().find_pool(pool);
        let id = match (self.recalled(asked).await?, found) {
            (Some(answer), _) => answer?,
            (None, Ok(id)) => id,
            (None, Err(refusal)) => return self.refuse(asked, refusal).await,
        };
        let _guard = self.pool_locks.lock(id).await;
        if self.journal.state().is_creating_pool(id) {
            // Nobody is at it, or the lock would be taken: an engine ended meanwhile. Whoever asked for the pool may ask again and get it,
            // so that this is no end of a pool.
            self.journal.state().check_pool_destroy(&asked.caller)?;
            self.finish_pool(id).await?;
            let refusal = Status::new(
                Code::Nonexist,
                format!(
                    "pool '{pool}' does not exist: it was being created when an engine ended; what was left of it is removed"
                ),
            );
            return self.refuse(asked, refusal).await;
        }
        let id = self.once(asked, |state| state.begin_pool_destroy(pool, *force, &asked.caller)).await?;
        if !self.journal.state().is_destroying_pool(id) {
            // It is gone since the change came first, and may have been made anew.
            return Ok(());
        }
        let handles = self.journal.state().container_handles(id);
        self.revoke(&handles).await;
        self.finish_pool(id).await?;
        daos_env::log!(Info, "pool", "pool {id} was destroyed");
        Ok(())
    }

    /// Removes the parts of a pool on its targets, and its rows.
    pub(super) async fn finish_pool(&self, id: PoolId) -> Result<()> {
        self.spread(&self.serving_targets_of(id)?, Opcode::TargetPoolDestroy, &id).await?;
        while self.change(|state| Ok(state.finish_pool_destroy(id))).await? {}
        Ok(())
    }

    pub(super) async fn connect(&self, asked: &Asked<PoolConnect>) -> Result<PoolConnected> {
        let id = self.once(asked, |state| state.connect(&asked.request, &asked.caller)).await?;
        let route = self.route_of(id, &asked.request.known, 0, 0)?;
        Ok(PoolConnected { id, route })
    }

    pub(super) async fn disconnect(self: &Rc<Self>, asked: &Asked<PoolRequest>) -> Result<()> {
        self.close_in_steps(asked, |state| state.disconnect(&asked.request)).await.map(|_| ())
    }

    /// Closes handles whoever holds them.
    pub(super) async fn evict(self: &Rc<Self>, asked: &Asked<PoolEvict>) -> Result<u32> {
        let PoolEvict { pool, handles } = &asked.request;
        let now = self.now();
        let count = self.close_in_steps(asked, |state| state.evict(pool, handles, now, &asked.caller)).await?;
        daos_env::log!(
            Info,
            "pool",
            "{count} handles of pool '{pool}' were evicted by {}",
            asked.caller.credentials.user
        );
        Ok(count)
    }

    pub(super) async fn query_pool(&self, request: &PoolRequest, caller: &Caller) -> Result<PoolQueryReply> {
        self.query(request.pool, Some(request.handle), caller).await
    }

    pub(super) async fn query_managed_pool(&self, pool: &Reference, caller: &Caller) -> Result<PoolQueryReply> {
        let id = self.journal.state().find_pool(pool)?;
        self.query(id, None, caller).await
    }

    async fn query(&self, id: PoolId, handle: Option<HandleId>, caller: &Caller) -> Result<PoolQueryReply> {
        let nothing = Space { total: 0, free: 0 };
        // Checked before the targets are asked: a stranger costs nothing.
        self.journal.state().query_pool(id, handle, caller, nothing.clone(), nothing)?;
        let (meta, data) = self.space_of(id).await?;
        let mut reply = self.journal.state().query_pool(id, handle, caller, meta, data)?;
        let serving = self.serving_targets_of(id)?.len() as u32;
        reply.targets_disabled = reply.targets_disabled.max(reply.targets.saturating_sub(serving));
        Ok(reply)
    }

    /// Lets another engine lead the service: one keeps the metadata of all pools. The answer goes out before that, as nobody who
    /// asks twice is to move it twice.
    pub(super) async fn stop_leading(self: &Rc<Self>, request: &PoolRequest) -> Result<()> {
        self.journal.state().check_pool_handle(request.pool, request.handle, false)?;
        self.journal.settle().await?;
        let service = self.clone();
        self.spawner.spawn(async move {
            match service.journal.hand_over().await {
                Ok(()) => daos_env::log!(Info, "pool", "a client had the metadata service led by another engine"),
                Err(why) => {
                    daos_env::log!(Warn, "pool", "a client wanted the metadata service led by another engine: {why}")
                }
            }
        });
        Ok(())
    }

    /// Changes properties by a handle, and tells the targets.
    pub(super) async fn set_pool_properties(&self, asked: &Asked<PoolSetProperties>) -> Result<()> {
        let PoolSetProperties { request, numbers } = &asked.request;
        // What the targets could not follow is not stored.
        ScrubSettings::of(numbers)?;
        ReclaimSettings::of(numbers)?;
        let _guard = self.pool_locks.lock(request.pool).await;
        self.once(asked, |state| state.set_pool_properties(&asked.request, &asked.caller)).await?;
        self.tell_properties_of(request.pool).await
    }

    /// Changes label and properties as an administrator, and tells the targets.
    pub(super) async fn manage_pool(&self, asked: &Asked<PoolManage>) -> Result<()> {
        let PoolManage { pool, numbers, .. } = &asked.request;
        ScrubSettings::of(numbers)?;
        ReclaimSettings::of(numbers)?;
        let id = match self.recalled(asked).await? {
            Some(answer) => answer?,
            None => self.journal.state().find_pool(pool)?,
        };
        let _guard = self.pool_locks.lock(id).await;
        let id = self.once(asked, |state| state.manage_pool(&asked.request, &asked.caller)).await?;
        self.tell_properties_of(id).await
    }

    /// Tells the targets of every pool on a rank what its properties are; for a new engine.
    pub(super) async fn tell_properties(&self, rank: Rank) {
        let pools = self.journal.state().pool_ids();
        for pool in pools {
            let targets = self.targets_on(pool, rank);
            if let Err(status) = self.tell_properties_to(pool, &targets).await {
                daos_env::log!(Error, "pool", "pool {pool}: its properties could not be made known: {status}");
            }
        }
    }

    async fn tell_properties_of(&self, pool: PoolId) -> Result<()> {
        self.tell_properties_to(pool, &self.serving_targets_of(pool)?).await
    }

    pub(super) async fn tell_properties_to(&self, pool: PoolId, targets: &[TargetName]) -> Result<()> {
        let numbers = self.journal.state().pool_properties(pool);
        if numbers.is_empty() {
            return Ok(());
        }
        let told = TargetPoolProperties { pool, numbers };
        self.spread(targets, Opcode::TargetPoolProperties, &told).await
    }

    /// The space of a pool over all its targets that serve: metadata and data.
    async fn space_of(&self, pool: PoolId) -> Result<(Space, Space)> {
        let targets = self.serving_targets_of(pool)?;
        let spaces: Vec<TargetSpace> = self.ask_serving(&targets, Opcode::TargetPoolQuery, &pool).await?;
        let sum = |tier: fn(&TargetSpace) -> &Space| Space {
            total: spaces.iter().map(|space| tier(space).total).fold(0, u64::saturating_add),
            free: spaces.iter().map(|space| tier(space).free).fold(0, u64::saturating_add),
        };
        Ok((sum(|space| &space.meta), sum(|space| &space.data)))
    }
}

fn naming(status: Status, doing: &str, request: &PoolCreate) -> Status {
    match request.label.as_str() {
        "" => status.while_doing(format_args!("{doing} {}", request.id)),
        label => status.while_doing(format_args!("{doing} '{label}'")),
    }
}
