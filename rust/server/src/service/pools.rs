//! Pools: what the pool service decides, done on the targets.

use super::Service;
use crate::ranks::TargetName;
use daos_env::sync::join_all;
use daos_pool_service::{ClientId, PoolPlan, SpaceOffer};
use daos_rebuild::{ReclaimSettings, ScrubSettings};
use daos_status::{Result, Status};
use daos_types::{PoolId, Rank};
use daos_wire::{
    Opcode, PoolConnect, PoolConnected, PoolCreate, PoolDestroy, PoolEntry, PoolMapTarget, PoolQueryReply, PoolRequest,
    PoolSetProperties, Space, TargetPoolCreate, TargetPoolProperties, TargetSpace,
};

/// `PoolMapTarget::state`: up and in use.
const UP_IN: u8 = 1;

impl Service {
    pub(super) async fn create_pool(&self, request: &PoolCreate) -> Result<PoolEntry> {
        let _guard = self.pool_locks.lock(request.id).await;
        let targets = self.peers.known()?.targets();
        let offer = self.offer(&targets).await?;
        let begun = self.change(|state| state.begin_pool_create(request, targets, &offer)).await;
        let plan = begun.map_err(|status| naming(status, "creating pool", request))?;
        if !plan.ready
            && let Err(status) = self.make_parts(request.id, &plan).await
        {
            daos_env::log!(Error, "pool", "pool {} could not be created: {status}", request.id);
            if let Err(error) = self.finish_pool(request.id).await {
                daos_env::log!(
                    Error,
                    "pool",
                    "what is left of pool {} is removed at the next start: {error}",
                    request.id
                );
            }
            return Err(naming(status, "creating pool", request));
        }
        let entry = self.change(|state| state.finish_pool_create(request.id)).await?;
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

    /// What the machine offers to a new pool, the promises made to others subtracted.
    async fn offer(&self, targets: &[TargetName]) -> Result<SpaceOffer> {
        let offer = if self.identity.is_system { self.offer_of(targets).await? } else { self.capacity.offer()? };
        let ids = self.state.borrow().pool_ids();
        let spaces = join_all(ids.iter().map(|id| self.space_of(*id))).await;
        let state = self.state.borrow();
        // A pool that cannot be asked keeps its promise of memory; its storage is what it has.
        let free = spaces.into_iter().map(|space| space.map_or(0, |(meta, data)| meta.free.saturating_add(data.free)));
        Ok(offer.after(ids.iter().zip(free).map(|(id, free)| state.promise(*id, free))))
    }

    pub(super) async fn make_parts(&self, pool: PoolId, plan: &PoolPlan) -> Result<()> {
        let part = TargetPoolCreate {
            pool,
            meta_bytes: plan.meta_bytes,
            data_bytes: plan.data_bytes,
            log_bytes: plan.log_bytes,
            durability: plan.durability.clone(),
        };
        let targets = self.targets_of(pool);
        self.peers.call_all::<_, ()>(&targets, Opcode::TargetPoolCreate, &part).await.map(|_| ())
    }

    pub(super) async fn destroy_pool(&self, request: &PoolDestroy) -> Result<()> {
        let id = self.find_pool(&request.pool)?;
        let _guard = self.pool_locks.lock(id).await;
        let (id, handles) = self.change(|state| state.begin_pool_destroy(&request.pool, request.force)).await?;
        self.revoke(handles).await;
        self.finish_pool(id).await?;
        daos_env::log!(Info, "pool", "pool {id} was destroyed");
        Ok(())
    }

    /// Removes the parts of a pool on its targets, and its rows.
    pub(super) async fn finish_pool(&self, id: PoolId) -> Result<()> {
        self.peers.call_all::<_, ()>(&self.serving_targets_of(id)?, Opcode::TargetPoolDestroy, &id).await?;
        self.change(|state| Ok(state.finish_pool_destroy(id))).await
    }

    pub(super) fn connect(&self, request: &PoolConnect, client: ClientId) -> Result<PoolConnected> {
        // Nothing waits between the check of the session and this: the handle belongs to a client that is still there.
        let mut state = self.state.borrow_mut();
        let id = state.connect(request, client)?;
        let (map_version, targets) = state.pool_map(id)?;
        let known = self.peers.known()?;
        let targets = targets.into_iter().map(|(rank, index)| {
            let address = known.address((rank, index)).map(ToString::to_string).unwrap_or_default();
            PoolMapTarget { rank, index, address, state: UP_IN }
        });
        Ok(PoolConnected { id, map_version, targets: targets.collect() })
    }

    pub(super) async fn disconnect(&self, request: &PoolRequest) -> Result<()> {
        let handles = self.state.borrow_mut().disconnect(request.pool, request.handle)?;
        self.revoke(handles).await;
        Ok(())
    }

    pub(super) async fn query_pool(&self, request: &PoolRequest) -> Result<PoolQueryReply> {
        let nothing = Space { total: 0, free: 0 };
        // Checked before the targets are asked: a stranger costs nothing.
        self.state.borrow().query_pool(request.pool, request.handle, nothing.clone(), nothing)?;
        let (meta, data) = self.space_of(request.pool).await?;
        let mut reply = self.state.borrow().query_pool(request.pool, request.handle, meta, data)?;
        let serving = self.serving_targets_of(request.pool)?.len() as u32;
        reply.targets_disabled = reply.targets_disabled.max(reply.targets.saturating_sub(serving));
        Ok(reply)
    }

    /// Changes properties, and tells the targets.
    pub(super) async fn set_pool_properties(&self, request: &PoolSetProperties) -> Result<()> {
        let pool = request.request.pool;
        // What the targets could not follow is not stored.
        ScrubSettings::of(&request.numbers)?;
        ReclaimSettings::of(&request.numbers)?;
        let _guard = self.pool_locks.lock(pool).await;
        let numbers = self.change(|state| state.set_pool_properties(request)).await?;
        let targets = self.serving_targets_of(pool)?;
        let told = TargetPoolProperties { pool, numbers };
        self.peers.call_all::<_, ()>(&targets, Opcode::TargetPoolProperties, &told).await.map(|_| ())
    }

    /// Tells the targets of every pool on a rank what its properties are; for a new engine.
    pub(super) async fn tell_properties(&self, rank: Rank) {
        let pools = self.state.borrow().pool_ids();
        for pool in pools {
            let numbers = self.state.borrow().pool_properties(pool);
            if numbers.is_empty() {
                continue;
            }
            let targets = self.targets_on(pool, rank);
            let told = TargetPoolProperties { pool, numbers };
            if let Err(status) = self.peers.call_all::<_, ()>(&targets, Opcode::TargetPoolProperties, &told).await {
                daos_env::log!(Error, "pool", "pool {pool}: its properties could not be made known: {status}");
            }
        }
    }

    /// The space of a pool over all its targets that serve: metadata and data.
    async fn space_of(&self, pool: PoolId) -> Result<(Space, Space)> {
        let targets = self.serving_targets_of(pool)?;
        let spaces: Vec<TargetSpace> = self.peers.call_all(&targets, Opcode::TargetPoolQuery, &pool).await?;
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
