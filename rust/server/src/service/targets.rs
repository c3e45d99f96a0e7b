//! The targets of pools: which a new pool is on, how one grows, and which are in use.

use super::Service;
use super::clients::Asked;
use crate::ranks::TargetName;
use daos_env::sync::join_all;
use daos_pool_service::{MapVersions, PoolPlan};
use daos_status::{Code, Result, fail};
use daos_types::{PoolId, Rank};
use daos_wire::{
    Opcode, PoolCreate, PoolTargetQuery, PoolTargetReply, PoolTargetsAction, PoolTargetsChange, PoolTargetsChanged,
    RankState, Space, TargetPoolCreate, TargetSpace,
};

impl Service {
    /// The targets of a new pool.
    pub(super) fn targets_for(&self, request: &PoolCreate) -> Result<Vec<TargetName>> {
        let replicas = self.journal.replicas().len();
        if request.replicas as usize > replicas {
            fail!(
                Code::Inval,
                "the metadata of all pools has {replicas} replicas in this system, not {}: 'daos_server start' decides how many",
                request.replicas
            );
        }
        let known = self.peers.known()?;
        let mut serving: Vec<Rank> = known.targets().into_iter().map(|target| target.0).collect();
        serving.dedup();
        let ranks = self.journal.state().choose_ranks(&request.ranks, request.rank_count, &serving)?;
        Ok(known.targets().into_iter().filter(|target| ranks.contains(&target.0)).collect())
    }

    /// Changes targets of a pool, and lets every target that serves know.
    pub(super) async fn change_targets(&self, asked: &Asked<PoolTargetsChange>) -> Result<PoolTargetsChanged> {
        let request = &asked.request;
        // Nothing of the state may be borrowed while something is awaited.
        let found = self.journal.state().find_pool(&request.pool);
        let id = match (self.recalled(asked).await?, found) {
            (Some(answer), _) => return answer,
            (None, Ok(id)) => id,
            (None, Err(refusal)) => return self.refuse(asked, refusal).await,
        };
        let _guard = self.pool_locks.lock(id).await;
        let changed = if request.action == PoolTargetsAction::Extend as u8 {
            self.extend(asked).await?
        } else {
            let known = self.peers.known()?;
            let serves = |rank| known.state(rank) == Some(RankState::Joined);
            self.once(asked, |state| state.change_targets(request, &asked.caller, serves)).await?
        };
        self.announce(&vec![(id, changed.map_version)]).await;
        let (PoolTargetsChanged { map_version, targets, .. }, user) = (&changed, &asked.caller.credentials.user);
        let what = PoolTargetsAction::from_number(request.action);
        daos_env::log!(Info, "pool", "{user}: {what:?} of {targets} targets of pool {id}: map version {map_version}");
        Ok(changed)
    }

    /// Lets a pool grow: first its parts on the new targets and those of its containers, then the map.
    async fn extend(&self, asked: &Asked<PoolTargetsChange>) -> Result<PoolTargetsChanged> {
        if let Some(answer) = self.recalled(asked).await? {
            return answer;
        }
        let serving = self.peers.known()?.targets();
        let planned = self.journal.state().plan_extension(&asked.request, &asked.caller, &serving);
        let (id, plan) = match planned {
            Ok(planned) => planned,
            Err(refusal) => return self.refuse(asked, refusal).await,
        };
        if let Err(status) = self.prepare_targets(id, &plan).await {
            let removed = self.order_all::<_, ()>(&plan.targets, Opcode::TargetPoolDestroy, &id).await;
            if let Err(status) = removed {
                daos_env::log!(Warn, "pool", "parts of pool {id} are left until their rank starts again: {status}");
            }
            return self.refuse(asked, status.while_doing(format_args!("extending pool {id}"))).await;
        }
        let changed = self.once(asked, |state| state.extend(id, &plan.targets)).await?;
        // Containers that came between do not use the new targets; they have their parts there as all others. What fails is done when
        // the rank serves again.
        for target in &plan.targets {
            if let Err(status) = self.settle_containers_on(id, *target).await {
                daos_env::log!(Warn, "pool", "containers of pool {id} miss parts on rank {}: {status}", target.0.0);
            }
        }
        if let Err(status) = self.tell_properties_to(id, &plan.targets).await {
            daos_env::log!(Warn, "pool", "new targets of pool {id} do not know its properties: {status}");
        }
        Ok(changed)
    }

    async fn prepare_targets(&self, id: PoolId, plan: &PoolPlan) -> Result<()> {
        let offer = self.offer(&plan.targets).await?;
        offer.check(plan)?;
        self.make_parts_on(id, plan, &plan.targets).await?;
        join_all(plan.targets.iter().map(|target| self.settle_containers_on(id, *target))).await.into_iter().collect()
    }

    /// What a target is good for, and how full it is.
    pub(super) async fn query_target(&self, request: &PoolTargetQuery) -> Result<PoolTargetReply> {
        let id = self.journal.state().routed_pool(&request.request)?;
        let map = self.journal.state().pool_map(id)?;
        let (rank, index) = (request.rank, request.target);
        let found = map.position(rank, index).and_then(|position| map.target(position));
        let Some(target) = found else {
            fail!(Code::Nonexist, "the pool has no target {} of rank {}", index.0, rank.0);
        };
        let serves = self.peers.known()?.state(rank) == Some(RankState::Joined);
        let space = match serves {
            true => self.order((rank, index), Opcode::TargetPoolQuery, &id).await?,
            false => TargetSpace { meta: Space { total: 0, free: 0 }, data: Space { total: 0, free: 0 } },
        };
        Ok(PoolTargetReply { state: target.state as u8, meta: space.meta, data: space.data })
    }

    /// Makes the parts of a pool on targets.
    pub(super) async fn make_parts_on(&self, pool: PoolId, plan: &PoolPlan, targets: &[TargetName]) -> Result<()> {
        let part = TargetPoolCreate {
            pool,
            meta_bytes: plan.meta_bytes,
            data_bytes: plan.data_bytes,
            log_bytes: plan.log_bytes,
            durability: plan.durability.clone(),
        };
        self.order_all::<_, ()>(targets, Opcode::TargetPoolCreate, &part).await.map(|_| ())
    }

    /// Makes newer pool maps known to the targets that serve: they refuse requests by older ones. One that does not hear of it goes on
    /// to accept them until it serves again.
    pub(super) async fn announce(&self, versions: &MapVersions) {
        if versions.is_empty() {
            return;
        }
        let Ok(known) = self.peers.known() else { return };
        let told = known.targets().into_iter().map(|target| async move {
            self.order::<_, ()>(target, Opcode::TargetMapVersions, versions).await.err().map(|why| (target, why))
        });
        for ((rank, index), why) in join_all(told).await.into_iter().flatten() {
            daos_env::log!(Warn, "system", "target {} of rank {} missed versions of pool maps: {why}", index.0, rank.0);
        }
    }
}
