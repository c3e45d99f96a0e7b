//! Containers that are brought back to their newest snapshot, on the targets: once that is decided it will be done, whatever becomes of the engine
//! that leads and of the client.

use super::Service;
use super::clients::Asked;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, HandleId, PoolId, Rank};
use daos_wire::{ContainerEpoch, ContainerRequest, Opcode, TargetContainerEpoch, TargetSnapshotHold};
use std::rc::Rc;
use std::time::Duration;

/// How long a rollback may take, as orders of two seconds.
const ROLLBACK_ORDERS_MAX: u32 = 1 << 20;
/// Between two orders, when something is in the way.
const ROLLBACK_REST: Duration = Duration::from_millis(20);
/// Between two attempts to finish a rollback that was cut off.
const ROLLBACK_PAUSE: Duration = Duration::from_secs(2);

impl Service {
    /// Brings a container back to its newest snapshot. From the moment its row says so, nobody is let in, and it will be done, whatever becomes of
    /// this engine or of the client: so that moment is when the client's request is remembered as done. It is answered when it is.
    pub(super) async fn roll_back(self: &Rc<Self>, asked: &Asked<ContainerEpoch>) -> Result<()> {
        let ContainerRequest { pool, container, .. } = asked.request.request;
        let guard = self.container_locks.lock((pool, container)).await;
        self.once(asked, |state| {
            let decision = state.begin_rollback(&asked.request)?;
            self.check_all_serve(pool)?;
            Ok(decision)
        })
        .await?;
        drop(guard);
        if self.try_finish_rollback(pool, container).await {
            return Ok(());
        }
        self.finish_rollback_later(pool, container);
        fail!(Code::Again, "container {container} is still being brought back to epoch {}", asked.request.epoch.0)
    }

    /// A rank that is away would come back with what is to go.
    fn check_all_serve(&self, pool: PoolId) -> Result<()> {
        let serving = self.serving_targets_of(pool)?;
        match self.targets_of(pool).into_iter().find(|target| !serving.contains(target)) {
            None => Ok(()),
            Some((rank, _)) => {
                fail!(Code::Oog, "rank {} does not serve, and has to go back as well; start its engine", rank.0)
            }
        }
    }

    /// Lets every target go back; gives an epoch that is newer than everything that was read or written before. One that is away is waited for
    /// by those who use the container: see [`Service::finish_rollbacks`].
    async fn roll_back_parts(&self, pool: PoolId, container: ContainerId) -> Result<Epoch> {
        let Some(epoch) = self.journal.state().rolling_back(pool, container) else { return Ok(Epoch::ZERO) };
        self.check_all_serve(pool)?;
        self.tell_snapshots(pool, container).await?;
        let targets = self.targets_of(pool);
        // All handles: one that is used afterwards is asked for, and not let in.
        self.ask_serving::<_, ()>(&targets, Opcode::HandlesRevoke, &Vec::<HandleId>::new()).await?;
        // Nobody is let in any more, so their clocks are ahead of what those have seen who were let in before.
        let look = TargetSnapshotHold { pool, container, attempt: self.now(), hold_ms: 0 };
        let readings: Vec<Epoch> = self.ask_serving(&targets, Opcode::TargetSnapshotHold, &look).await?;
        let newer = readings.into_iter().fold(Epoch(self.now()), Epoch::max);
        self.clock.observe(newer.0);
        let order = TargetContainerEpoch { pool, container, epoch };
        for _ in 0..ROLLBACK_ORDERS_MAX {
            self.check_all_serve(pool)?;
            let done: Vec<bool> = self.ask_serving(&targets, Opcode::TargetRollback, &order).await?;
            if done.len() == targets.len() && !done.contains(&false) {
                return Ok(newer);
            }
            if self.closed.get() {
                fail!(Code::Again, "the metadata service is led elsewhere");
            }
            // It may be a snapshot that failed, whose last order came late: nobody knows of it but that target.
            self.spawner.sleep(ROLLBACK_REST).await;
            self.tell_snapshots(pool, container).await?;
        }
        fail!(Code::Timedout, "container {container} of pool {pool} takes too long to go back to epoch {}", epoch.0)
    }

    /// Finishes rollbacks that a crash has interrupted, of the containers of which a rank has parts.
    pub(super) async fn finish_rollbacks(self: &Rc<Self>, rank: Rank) {
        let pools = self.journal.state().pool_ids();
        for pool in pools.into_iter().filter(|pool| !self.targets_on(*pool, rank).is_empty()) {
            let containers = self.journal.state().containers_with_snapshots(pool);
            for container in containers {
                if self.journal.state().rolling_back(pool, container).is_none() {
                    continue;
                }
                if !self.try_finish_rollback(pool, container).await {
                    self.finish_rollback_later(pool, container);
                }
            }
        }
    }

    /// Finishes a rollback that a failure has cut off; whether there is nothing left to do.
    async fn try_finish_rollback(&self, pool: PoolId, container: ContainerId) -> bool {
        // Whoever is at it has the lock, and finishes it.
        let _guard = self.container_locks.lock((pool, container)).await;
        if self.journal.state().rolling_back(pool, container).is_none() {
            return true;
        }
        let result = match self.roll_back_parts(pool, container).await {
            Ok(newer) => self.change(|state| Ok(state.finish_rollback(pool, container, newer))).await,
            Err(status) => Err(status),
        };
        match &result {
            Ok(()) => {
                daos_env::log!(Info, "pool", "container {container} of pool {pool} was brought back to its snapshot")
            }
            Err(status) => {
                daos_env::log!(Error, "pool", "container {container} of pool {pool} is not back yet: {status}");
            }
        }
        result.is_ok()
    }

    /// Goes on with a rollback until it is done, or another engine leads: a disk may have been full, or an engine may have been away.
    fn finish_rollback_later(self: &Rc<Self>, pool: PoolId, container: ContainerId) {
        if !self.rolling_back.borrow_mut().insert((pool, container)) {
            return;
        }
        let (service, spawner) = (Rc::downgrade(self), self.spawner.clone());
        self.spawner.spawn(async move {
            loop {
                spawner.sleep(ROLLBACK_PAUSE).await;
                let Some(service) = service.upgrade().filter(|service| !service.closed.get()) else { return };
                if service.try_finish_rollback(pool, container).await {
                    service.rolling_back.borrow_mut().remove(&(pool, container));
                    return;
                }
            }
        });
    }
}
