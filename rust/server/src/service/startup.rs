//! What a new engine does about what the last one left.

use super::Service;
use crate::ranks::TargetName;
use daos_pool_service::Unfinished;
use daos_status::Result;
use daos_types::{ContainerId, PoolId, Rank};
use daos_wire::{Opcode, RankState, TargetContainer, TargetContainerList};

impl Service {
    /// Does what waited for a rank: for its own when the service starts, for another when that engine serves.
    pub(super) async fn catch_up(&self, rank: Rank) {
        self.finish_interrupted(rank).await;
        self.renew_volatile_pools(rank).await;
        self.remove_strays(rank).await;
        self.tell_properties(rank).await;
    }

    /// Whether all ranks of a pool serve.
    fn is_whole(&self, pool: PoolId) -> bool {
        let Ok(known) = self.peers.known() else { return false };
        self.targets_of(pool).iter().all(|(rank, _)| known.state(*rank) == Some(RankState::Joined))
    }

    /// The targets of a pool on one rank.
    pub(super) fn targets_on(&self, pool: PoolId, rank: Rank) -> Vec<TargetName> {
        self.targets_of(pool).into_iter().filter(|target| target.0 == rank).collect()
    }

    /// Finishes what a crash interrupted. What cannot be finished now is tried again at the next start.
    async fn finish_interrupted(&self, rank: Rank) {
        let list = self.state.borrow().unfinished();
        for unfinished in list {
            let (Unfinished::Pool(pool) | Unfinished::Container(pool, _)) = unfinished;
            if self.targets_on(pool, rank).is_empty() || !self.is_whole(pool) {
                continue;
            }
            let (what, result) = match unfinished {
                Unfinished::Pool(pool) => (format!("pool {pool}"), self.finish_pool(pool).await),
                Unfinished::Container(pool, container) => {
                    (format!("container {container} of pool {pool}"), self.finish_container(pool, container).await)
                }
            };
            match result {
                Ok(()) => daos_env::log!(Warn, "pool", "{what} was being made or removed in a crash; it is removed"),
                Err(status) => daos_env::log!(Error, "pool", "{what} cannot be removed: {status}"),
            }
        }
    }

    /// Removes parts of containers that nobody knows: a crash came between them and the row.
    async fn remove_strays(&self, rank: Rank) {
        let pools = self.state.borrow().pool_ids();
        for pool in pools {
            for target in self.targets_on(pool, rank) {
                match self.remove_strays_on(pool, target).await {
                    Ok(0) => {}
                    Ok(count) => {
                        daos_env::log!(
                            Warn,
                            "pool",
                            "{count} containers of pool {pool} were being made in a crash; they are removed"
                        );
                    }
                    Err(status) => {
                        daos_env::log!(
                            Error,
                            "pool",
                            "target {} of rank {} cannot list the containers of pool {pool}: {status}",
                            target.1.0,
                            target.0.0
                        );
                    }
                }
            }
        }
    }

    async fn remove_strays_on(&self, pool: PoolId, target: TargetName) -> Result<usize> {
        let (mut removed, mut request) = (0, TargetContainerList { pool, after: None });
        loop {
            let (containers, more): (Vec<ContainerId>, bool) =
                self.peers.call(target, Opcode::TargetContainerList, &request).await?;
            request.after = containers.last().copied();
            for container in containers {
                if self.state.borrow().has_container(pool, container) {
                    continue;
                }
                let part = TargetContainer { pool, container };
                self.peers.call::<_, ()>(target, Opcode::TargetContainerDestroy, &part).await?;
                removed += 1;
            }
            if !more || request.after.is_none() {
                return Ok(removed);
            }
        }
    }

    /// Makes pools of class `ram` anew, without containers: their contents ended with the last engine.
    async fn renew_volatile_pools(&self, rank: Rank) {
        let pools = self.state.borrow().volatile_pools();
        self.sessions.set_volatile_pools(pools.len());
        for pool in pools {
            if self.targets_on(pool, rank).is_empty() || !self.is_whole(pool) {
                continue;
            }
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
        let plan = self.change(|state| state.renew_volatile_pool(pool)).await?;
        self.make_parts(pool, &plan).await
    }
}
