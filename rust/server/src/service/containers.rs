//! Containers: what the pool service decides, done on the targets.

use super::Service;
use super::startup::part_of;
use crate::ranks::TargetName;
use daos_pool_service::ClientId;
use daos_status::Result;
use daos_types::{ContainerId, PoolId};
use daos_wire::{
    AllocateObjectIds, ContainerCreate, ContainerDestroy, ContainerOpen, ContainerOpened, ContainerRequest,
    ContainerSetProperties, Opcode, TargetContainer,
};

impl Service {
    /// The targets of a pool.
    pub(super) fn targets_of(&self, pool: PoolId) -> Vec<TargetName> {
        self.state.borrow().pool_targets(pool)
    }

    /// A new container: first its parts on the targets, then its row, so that a container that is known is complete.
    pub(super) async fn create_container(&self, request: &ContainerCreate) -> Result<()> {
        let (pool, container) = (request.pool, request.container);
        let _guard = self.container_locks.lock((pool, container)).await;
        let checked = self.state.borrow().create_container(request, self.now())?;
        if checked.rows.is_empty() {
            return Ok(());
        }
        let part = part_of(pool, container, &request.properties)?;
        let targets = self.serving_targets_of(pool)?;
        let made = self.peers.call_all::<_, ()>(&targets, Opcode::TargetContainerCreate, &part).await;
        let result = match made {
            // Decided again: another container may have taken the label meanwhile. When the row cannot be stored, it may be
            // there all the same: the parts stay, and the next start sees whose they are.
            Ok(_) => self.try_change(|state| state.create_container(request, self.now())).await?,
            Err(status) => Err(status),
        };
        match &result {
            Ok(()) => {
                let label = &request.properties.label;
                daos_env::log!(Info, "pool", "container {container} '{label}' of pool {pool} was created");
            }
            Err(_) if !self.state.borrow().has_container(pool, container) => self.remove_parts(pool, container).await,
            Err(_) => {}
        }
        result
    }

    /// Takes back the parts of a container that did not come to be. One that stays is empty, and removed at the next start.
    async fn remove_parts(&self, pool: PoolId, container: ContainerId) {
        let part = TargetContainer { pool, container };
        let removed = match self.serving_targets_of(pool) {
            Ok(targets) => self.peers.call_all::<_, ()>(&targets, Opcode::TargetContainerDestroy, &part).await,
            Err(status) => Err(status),
        };
        if let Err(status) = removed {
            daos_env::log!(Warn, "pool", "parts of container {container} of pool {pool} are left: {status}");
        }
    }

    /// Destroys a container: from the moment its row says so nobody can open it, and a crash finishes it at the next start.
    pub(super) async fn destroy_container(&self, request: &ContainerDestroy) -> Result<()> {
        let pool = request.pool;
        let (container, handles) = self.change(|state| state.begin_container_destroy(request)).await?;
        self.revoke(handles).await;
        let _guard = self.container_locks.lock((pool, container)).await;
        self.finish_container(pool, container).await?;
        daos_env::log!(Info, "pool", "container {container} of pool {pool} was destroyed");
        Ok(())
    }

    /// Removes the parts of a container that is being destroyed, and its rows.
    pub(super) async fn finish_container(&self, pool: PoolId, container: ContainerId) -> Result<()> {
        let part = TargetContainer { pool, container };
        let targets = self.serving_targets_of(pool)?;
        self.peers.call_all::<_, ()>(&targets, Opcode::TargetContainerDestroy, &part).await?;
        self.change(|state| Ok(state.finish_container_destroy(pool, container))).await
    }

    pub(super) fn open_container(&self, request: &ContainerOpen, client: ClientId) -> Result<ContainerOpened> {
        // Nothing waits between the check of the session and this: the handle belongs to a client that is still there.
        let now = self.now();
        self.state.borrow_mut().open_container(request, client, now)
    }

    pub(super) async fn close_container(&self, request: &ContainerRequest) -> Result<()> {
        let ContainerRequest { pool, container, handle } = *request;
        self.state.borrow_mut().close_container(pool, container, handle)?;
        self.revoke(vec![handle]).await;
        Ok(())
    }

    pub(super) async fn set_properties(&self, request: &ContainerSetProperties) -> Result<()> {
        let now = self.now();
        self.change(|state| state.set_container_properties(request, now)).await
    }

    pub(super) async fn allocate_objects(&self, request: &AllocateObjectIds) -> Result<u64> {
        self.change(|state| state.allocate_objects(request)).await
    }
}
