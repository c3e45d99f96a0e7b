//! Containers: what the pool service decides, done on the targets.

use super::Service;
use super::clients::Asked;
use super::startup::part_of;
use crate::ranks::TargetName;
use daos_pool_service::PoolService;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, PoolId, Rank};
use daos_wire::{
    AllocateObjectIds, ContainerCreate, ContainerDestroy, ContainerOpen, ContainerOpened, ContainerRequest,
    ContainerSetProperties, Opcode, TargetContainer, TargetContainerCreate,
};
use std::rc::Rc;

/// How often the parts of a container are made because the engines of its pool have changed meanwhile.
const PART_ATTEMPTS_MAX: usize = 8;

impl Service {
    /// The targets of a pool.
    pub(super) fn targets_of(&self, pool: PoolId) -> Vec<TargetName> {
        self.journal.state().pool_targets(pool)
    }

    /// A new container: first its parts on the targets, then its row, so that a container that is known is complete.
    pub(super) async fn create_container(self: &Rc<Self>, asked: &Asked<ContainerCreate>) -> Result<()> {
        let request = &asked.request;
        let (pool, container) = (request.pool, request.container);
        let _guard = self.container_locks.lock((pool, container)).await;
        if let Some(answer) = self.recalled(asked).await? {
            return answer;
        }
        let checked = self.journal.state().create_container(request, &asked.caller, self.now(), &[]);
        match checked {
            Ok(decision) if decision.rows.is_empty() => return self.once(asked, |_| Ok(decision)).await,
            Ok(_) => {}
            Err(refusal) => return self.refuse(asked, refusal).await,
        }
        let part = part_of(pool, container, &request.properties)?;
        let result = match self.make_container_parts(&part).await {
            // Decided again: another container may have taken the label meanwhile. When the row cannot be stored, it may be
            // there all the same: the parts stay, and the next start sees whose they are.
            Ok(absent) => {
                let decide = |state: &PoolService| state.create_container(request, &asked.caller, self.now(), &absent);
                self.try_once(asked, decide).await?
            }
            Err(status) => Err(status),
        };
        match &result {
            Ok(()) => {
                let label = &request.properties.label;
                daos_env::log!(Info, "pool", "container {container} '{label}' of pool {pool} was created");
            }
            Err(_) if !self.journal.state().has_container(pool, container) => self.remove_parts(pool, container).await,
            Err(_) => {}
        }
        result
    }

    /// Makes the parts of a container on all targets of its pool that serve; gives the ranks that do not. It uses none but those on
    /// which there are parts: so they are made again when the pool has grown meanwhile, or a rank has come back.
    async fn make_container_parts(&self, part: &TargetContainerCreate) -> Result<Vec<Rank>> {
        for _ in 0..PART_ATTEMPTS_MAX {
            let targets = self.serving_targets_of(part.pool)?;
            self.spread(&targets, Opcode::TargetContainerCreate, part).await?;
            if self.serving_targets_of(part.pool)? == targets {
                let mut absent: Vec<Rank> = self.targets_of(part.pool).into_iter().map(|target| target.0).collect();
                absent.retain(|rank| !targets.iter().any(|target| target.0 == *rank));
                absent.dedup();
                return Ok(absent);
            }
        }
        fail!(Code::Again, "the engines of pool {} come and go; try again", part.pool)
    }

    /// Takes back the parts of a container that did not come to be. One that stays is empty, and removed later.
    async fn remove_parts(self: &Rc<Self>, pool: PoolId, container: ContainerId) {
        let part = TargetContainer { pool, container };
        let removed = match self.serving_targets_of(pool) {
            Ok(targets) => self.spread(&targets, Opcode::TargetContainerDestroy, &part).await,
            Err(status) => Err(status),
        };
        if let Err(status) = removed {
            daos_env::log!(Warn, "pool", "parts of container {container} of pool {pool} are left: {status}");
            if !self.settling.replace(true) {
                self.settle_later(self.limit);
            }
        }
    }

    /// Destroys a container: from the moment its row says so nobody can open it, and a crash finishes it at the next start.
    /// The answer is remembered with that row, and given when the container is gone.
    pub(super) async fn destroy_container(self: &Rc<Self>, asked: &Asked<ContainerDestroy>) -> Result<()> {
        let pool = asked.request.pool;
        let container = self.once(asked, |state| state.begin_container_destroy(&asked.request, &asked.caller)).await?;
        let handles = self.journal.state().handles_of_container(pool, container);
        self.revoke(&handles).await;
        let _guard = self.container_locks.lock((pool, container)).await;
        self.finish_container(pool, container).await?;
        daos_env::log!(Info, "pool", "container {container} of pool {pool} was destroyed");
        Ok(())
    }

    /// Removes the parts of a container that is being destroyed, and its rows. One that is not is left alone: it was made
    /// anew, or there is none.
    pub(super) async fn finish_container(&self, pool: PoolId, container: ContainerId) -> Result<()> {
        if !self.journal.state().is_destroying(pool, container) {
            return Ok(());
        }
        let part = TargetContainer { pool, container };
        let targets = self.serving_targets_of(pool)?;
        self.spread(&targets, Opcode::TargetContainerDestroy, &part).await?;
        while self.change(|state| Ok(state.finish_container_destroy(pool, container))).await? {}
        Ok(())
    }

    pub(super) async fn open_container(self: &Rc<Self>, asked: &Asked<ContainerOpen>) -> Result<ContainerOpened> {
        let request = &asked.request;
        while self.recalled::<_, ContainerId>(asked).await?.is_none() {
            let evicted = self.change(|state| state.evict_for_open(request, &asked.caller)).await;
            match evicted {
                Ok(revoked) => {
                    self.revoke(&revoked.containers).await;
                    if !revoked.more {
                        break;
                    }
                }
                Err(refusal) => return self.refuse(asked, refusal).await,
            }
        }
        let now = self.now();
        let container = self.once(asked, |state| state.open_container(request, &asked.caller, now)).await?;
        let opened = ContainerRequest { pool: request.pool, container, handle: request.handle };
        self.journal.state().just_opened_container(&opened)
    }

    pub(super) async fn close_container(self: &Rc<Self>, asked: &Asked<ContainerRequest>) -> Result<()> {
        let ContainerRequest { pool, container, handle } = asked.request;
        let now = self.now();
        let handle = self.once(asked, |state| state.close_container(pool, container, handle, now)).await?;
        self.revoke(&[handle]).await;
        Ok(())
    }

    pub(super) async fn set_properties(&self, asked: &Asked<ContainerSetProperties>) -> Result<()> {
        let now = self.now();
        self.once(asked, |state| state.set_container_properties(&asked.request, now)).await
    }

    pub(super) async fn allocate_objects(&self, asked: &Asked<AllocateObjectIds>) -> Result<u64> {
        self.once(asked, |state| state.allocate_objects(&asked.request)).await
    }
}
