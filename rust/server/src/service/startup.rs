//! What is done about what an engine's last life left: its own when the service starts, that of another rank when it serves
//! again. What cannot be done now is tried at the next start of that rank.

use super::Service;
use crate::ranks::TargetName;
use daos_pool_service::{ContainerChecksums, Unfinished};
use daos_status::Result;
use daos_types::{ContainerId, PoolId, Rank};
use daos_wire::{
    Opcode, Properties, RankState, TargetContainer, TargetContainerCreate, TargetContainerList, TargetPoolCreate,
};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// How often it is looked for ranks that should be in the maps of pools.
const MAPS_INTERVAL: Duration = Duration::from_secs(5);

impl Service {
    /// Does what waited for a rank.
    pub(super) async fn catch_up(self: &Rc<Self>, rank: Rank) {
        self.catching_up.borrow_mut().push(rank);
        self.do_what_waited(rank).await;
        let mut ranks = self.catching_up.borrow_mut();
        if let Some(place) = ranks.iter().position(|other| *other == rank) {
            ranks.swap_remove(place);
        }
    }

    async fn do_what_waited(self: &Rc<Self>, rank: Rank) {
        self.forget_settled(rank);
        self.finish_interrupted(rank).await;
        if self.identity.is_system {
            self.remove_stray_pools(rank).await;
            self.renew_volatile_parts(rank).await;
        } else {
            self.renew_volatile_pools().await;
        }
        self.settle_containers(rank).await;
        self.finish_rollbacks(rank).await;
        self.tell_properties(rank).await;
        self.return_to_maps(rank).await;
    }

    /// Looks from time to time for ranks that serve and are out of the maps of pools nevertheless: their return could not be stored, or
    /// what they said got lost when the service went from one engine to another.
    pub(super) fn look_after_maps(self: &Rc<Self>) {
        let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
        self.spawner.spawn(async move {
            loop {
                spawner.sleep(MAPS_INTERVAL).await;
                let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
                let ranks = service.journal.state().ranks_to_return();
                for rank in ranks {
                    if service.serves_unnoticed(rank).await {
                        daos_env::log!(
                            Warn,
                            "system",
                            "rank {} serves, and is out of its pools: it comes back",
                            rank.0
                        );
                        service.catch_up(rank).await;
                    }
                }
            }
        });
    }

    /// Whether a rank that has joined answers on all of its targets, and nobody does anything about it.
    async fn serves_unnoticed(&self, rank: Rank) -> bool {
        let Ok(known) = self.peers.known() else { return false };
        if known.state(rank) != Some(RankState::Joined) || self.catching_up.borrow().contains(&rank) {
            return false;
        }
        let targets: Vec<TargetName> = known.targets().into_iter().filter(|target| target.0 == rank).collect();
        let lists = self.order_all::<_, Vec<PoolId>>(&targets, Opcode::TargetPoolList, &()).await;
        lists.is_ok() && !self.closed.get() && !self.catching_up.borrow().contains(&rank)
    }

    /// The targets of a pool on one rank.
    pub(super) fn targets_on(&self, pool: PoolId, rank: Rank) -> Vec<TargetName> {
        self.targets_of(pool).into_iter().filter(|target| target.0 == rank).collect()
    }

    /// The targets of a pool on ranks that serve. What the others miss, they are told when they serve again.
    pub(super) fn serving_targets_of(&self, pool: PoolId) -> Result<Vec<TargetName>> {
        let known = self.peers.known()?;
        let serves = |target: &TargetName| known.state(target.0) == Some(RankState::Joined);
        Ok(self.targets_of(pool).into_iter().filter(serves).collect())
    }

    /// Finishes what a crash interrupted.
    async fn finish_interrupted(&self, rank: Rank) {
        let list = self.journal.state().unfinished();
        for unfinished in list {
            let (Unfinished::Pool(pool) | Unfinished::Container(pool, _)) = unfinished;
            if self.targets_on(pool, rank).is_empty() {
                continue;
            }
            // Whoever is making or removing it right now has the lock, and finishes it.
            let (what, result) = match unfinished {
                Unfinished::Pool(pool) => {
                    let _guard = self.pool_locks.lock(pool).await;
                    if !self.journal.state().unfinished().contains(&unfinished) {
                        continue;
                    }
                    (format!("pool {pool}"), self.finish_pool(pool).await)
                }
                Unfinished::Container(pool, container) => {
                    let _guard = self.container_locks.lock((pool, container)).await;
                    if !self.journal.state().unfinished().contains(&unfinished) {
                        continue;
                    }
                    (format!("container {container} of pool {pool}"), self.finish_container(pool, container).await)
                }
            };
            match result {
                Ok(()) => daos_env::log!(Warn, "pool", "{what} was being made or removed in a crash; it is removed"),
                Err(status) => daos_env::log!(Error, "pool", "{what} cannot be removed: {status}"),
            }
        }
    }

    /// Removes parts of pools that were destroyed while the rank was away.
    async fn remove_stray_pools(&self, rank: Rank) {
        let Ok(known) = self.peers.known() else { return };
        for target in known.targets().into_iter().filter(|target| target.0 == rank) {
            let pools: Result<Vec<PoolId>> = self.order(target, Opcode::TargetPoolList, &()).await;
            let pools = match pools {
                Ok(pools) => pools,
                Err(status) => {
                    daos_env::log!(Error, "pool", "target {} of rank {} lists no pools: {status}", target.1.0, rank.0);
                    continue;
                }
            };
            let strays = pools.into_iter().filter(|pool| !self.targets_of(*pool).contains(&target));
            for pool in strays.collect::<Vec<PoolId>>() {
                let _guard = self.pool_locks.lock(pool).await;
                if self.targets_of(pool).contains(&target) {
                    continue;
                }
                match self.order::<_, ()>(target, Opcode::TargetPoolDestroy, &pool).await {
                    Ok(()) => daos_env::log!(
                        Info,
                        "pool",
                        "pool {pool} was destroyed while rank {} was away; target {} has removed it",
                        rank.0,
                        target.1.0
                    ),
                    Err(status) => daos_env::log!(Error, "pool", "pool {pool} is left on rank {}: {status}", rank.0),
                }
            }
        }
    }

    /// Makes the rank's parts of pools of class `ram` anew: what was in them ended with the engine.
    async fn renew_volatile_parts(&self, rank: Rank) {
        let pools = self.journal.state().volatile_pools();
        self.sessions.set_volatile_pools(pools.len());
        for pool in pools {
            let Some(plan) = self.journal.state().pool_plan(pool) else { continue };
            let part = TargetPoolCreate {
                pool,
                meta_bytes: plan.meta_bytes,
                data_bytes: plan.data_bytes,
                log_bytes: plan.log_bytes,
                durability: plan.durability,
            };
            let targets = self.targets_on(pool, rank);
            if let Err(status) = self.order_all::<_, ()>(&targets, Opcode::TargetPoolCreate, &part).await {
                daos_env::log!(Error, "pool", "pool {pool} of class ram is not made on rank {}: {status}", rank.0);
            }
        }
    }

    /// Lets each target of a rank have exactly the containers that there are: those of which a crash came between the parts
    /// and the row, and those destroyed while the rank was away, are removed; those made meanwhile are made.
    async fn settle_containers(&self, rank: Rank) {
        let pools = self.journal.state().pool_ids();
        for pool in pools {
            for target in self.targets_on(pool, rank) {
                let settled = match self.settle_containers_on(pool, target).await {
                    Ok(()) => self.settle_snapshots(pool, target).await,
                    Err(status) => Err(status),
                };
                if let Err(status) = settled {
                    daos_env::log!(
                        Error,
                        "pool",
                        "the containers of pool {pool} on target {} of rank {} are not as they should be: {status}",
                        target.1.0,
                        rank.0
                    );
                }
            }
        }
    }

    pub(super) async fn settle_containers_on(&self, pool: PoolId, target: TargetName) -> Result<()> {
        let (mut found, mut removed) = (BTreeSet::new(), 0);
        let mut request = TargetContainerList { pool, after: None };
        loop {
            let (containers, more): (Vec<ContainerId>, bool) =
                self.order(target, Opcode::TargetContainerList, &request).await?;
            request.after = containers.last().copied();
            for container in containers {
                // Whoever is making it has its parts before its row.
                let _guard = self.container_locks.lock((pool, container)).await;
                if self.journal.state().has_container(pool, container) {
                    found.insert(container);
                    continue;
                }
                let part = TargetContainer { pool, container };
                self.order::<_, ()>(target, Opcode::TargetContainerDestroy, &part).await?;
                removed += 1;
            }
            if !more || request.after.is_none() {
                break;
            }
        }
        if removed > 0 {
            daos_env::log!(
                Warn,
                "pool",
                "{removed} containers of pool {pool} were being made in a crash, or destroyed since; target {} of rank {} has \
                 removed them",
                target.1.0,
                target.0.0
            );
        }
        let missing = self.journal.state().containers_except(pool, &found);
        for (container, properties) in missing {
            let _guard = self.container_locks.lock((pool, container)).await;
            if !self.journal.state().has_container(pool, container) {
                continue;
            }
            let part = part_of(pool, container, &properties)?;
            self.order::<_, ()>(target, Opcode::TargetContainerCreate, &part).await?;
            daos_env::log!(
                Info,
                "pool",
                "container {container} of pool {pool} is made on target {} of rank {}",
                target.1.0,
                target.0.0
            );
        }
        Ok(())
    }

    /// Looks once more for parts of containers that nobody has, when every request that was under way has ended: one of an engine that led
    /// before, or one whose answer was lost, may have been carried out after the last look.
    pub(super) fn settle_later(self: &Rc<Self>, limit: Duration) {
        let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
        self.spawner.spawn(async move {
            spawner.sleep(limit).await;
            let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
            service.settling.set(false);
            let Ok(known) = service.peers.known() else { return };
            let ranks: BTreeSet<Rank> = known.targets().into_iter().map(|(rank, _)| rank).collect();
            for rank in ranks {
                service.remove_stray_pools(rank).await;
                service.settle_containers(rank).await;
            }
        });
    }

    /// Makes the pools of class `ram` of a local engine anew, without containers: their contents ended with the last engine.
    async fn renew_volatile_pools(&self) {
        let pools = self.journal.state().volatile_pools();
        self.sessions.set_volatile_pools(pools.len());
        for pool in pools {
            match self.renew(pool).await {
                Ok(()) => daos_env::log!(
                    Warn,
                    "pool",
                    "pool {pool} of class ram is empty: the last engine took its contents along"
                ),
                Err(status) => daos_env::log!(Error, "pool", "pool {pool} of class ram cannot be made again: {status}"),
            }
        }
    }

    async fn renew(&self, pool: PoolId) -> Result<()> {
        loop {
            let (plan, more) = self.change(|state| state.renew_volatile_pool(pool)).await?;
            if !more {
                return self.make_parts(pool, &plan).await;
            }
        }
    }
}

/// The part of a container on one target, by the container's properties.
pub(super) fn part_of(pool: PoolId, container: ContainerId, properties: &Properties) -> Result<TargetContainerCreate> {
    let checksums = ContainerChecksums::of(properties)?;
    Ok(TargetContainerCreate {
        pool,
        container,
        checksum: u32::from(checksums.kind.number()),
        chunk_bytes: checksums.chunk_bytes,
        verify_on_update: checksums.verify_on_update,
    })
}
