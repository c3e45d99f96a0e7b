//! What a target does for snapshots of a container, as the metadata service says.

use crate::ObjectService;
use daos_env::sync::yield_now;
use daos_status::{Code, Result, fail};
use daos_store::StepBudget;
use daos_types::{ContainerId, Epoch, PoolId};
use std::time::Duration;

/// A gate is closed for so long at most.
const HOLD_MAX: Duration = Duration::from_secs(30);

/// The attempt by which a rollback closes a gate: no other one has this number.
const ROLLBACK: u64 = u64::MAX;

impl ObjectService {
    /// Holds changes of a container back, waits for those that are under way, and gives an epoch that is newer than all of them. With a limit of
    /// zero, changes that the same attempt holds back go on.
    pub async fn hold_changes(
        &self,
        pool: PoolId,
        container: ContainerId,
        attempt: u64,
        limit: Duration,
    ) -> Result<Epoch> {
        if limit.is_zero() {
            self.gates.open((pool, container), attempt);
            return Ok(Epoch(self.clock.next()));
        }
        let limit = limit.min(HOLD_MAX);
        let now = self.spawner.clock().monotonic();
        let store = self.context.store(pool)?;
        self.gates.close((pool, container), attempt, now.saturating_add(limit), now)?;
        let reading = Epoch(self.clock.next());
        if self.spawner.timeout(limit, store.wait_changes(reading)).await.is_none() {
            self.gates.open((pool, container), attempt);
            fail!(
                Code::Again,
                "changes of pool {pool} have been under way for {limit:?}; a snapshot waits for their end"
            );
        }
        Ok(reading)
    }

    /// Makes a snapshot of a container whose changes are held back, and lets them go on.
    pub async fn pin(&self, pool: PoolId, container: ContainerId, attempt: u64, epoch: Epoch) -> Result<()> {
        let place = (pool, container);
        self.gates.check(place, attempt, self.spawner.clock().monotonic())?;
        // Before the gate is opened, whoever does that.
        self.clock.observe(epoch.0);
        let pinned = self.context.store(pool)?.snapshot_create(container, epoch).await;
        // The commit of a transaction, which is at an epoch of before, may have come in first if it has opened by itself meanwhile.
        let is_held = self.gates.check(place, attempt, self.spawner.clock().monotonic());
        self.gates.open(place, attempt);
        pinned.and(is_held)
    }

    /// Lets a container have exactly these snapshots.
    pub async fn set_snapshots(&self, pool: PoolId, container: ContainerId, epochs: &[Epoch]) -> Result<()> {
        let store = self.context.store(pool)?;
        if let Some(newest) = epochs.iter().max() {
            self.clock.observe(newest.0);
        }
        let there = store.snapshot_list(container).await?;
        for epoch in there.iter().filter(|epoch| !epochs.contains(epoch)) {
            match store.snapshot_destroy(container, *epoch).await {
                Err(status) if status.code() != Code::Nonexist => return Err(status),
                _ => {}
            }
        }
        for epoch in epochs.iter().filter(|epoch| there.binary_search(epoch).is_err()) {
            match store.snapshot_create(container, *epoch).await {
                Err(status) if status.code() == Code::EpOld => {
                    // The clock here was ahead of all others when the target got lost. What it held is not told apart any more.
                    daos_env::log!(Error, "pool", "a snapshot of pool {pool} is not complete: {status}");
                }
                done => done?,
            }
        }
        Ok(())
    }

    /// The containers of a pool that have snapshots here.
    pub async fn containers_with_snapshots(&self, pool: PoolId) -> Result<Vec<ContainerId>> {
        let store = self.context.store(pool)?;
        let mut found = Vec::new();
        for container in store.container_list().await? {
            match store.snapshot_list(container).await {
                Ok(epochs) if !epochs.is_empty() => found.push(container),
                Err(status) if status.code() != Code::ContNonexist => return Err(status),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Brings a container back to its newest snapshot, for so long at most; whether it is done. What is changed by who was let in before
    /// waits for the end, and is newer.
    pub async fn roll_back(&self, pool: PoolId, container: ContainerId, epoch: Epoch, limit: Duration) -> Result<bool> {
        let (place, clock) = ((pool, container), self.spawner.clock());
        let store = self.context.store(pool)?;
        // One whose sender has given up may still be waiting: it must not go on when others are let in again.
        if !self.going_back.borrow_mut().insert(place) {
            return Ok(false);
        }
        let _going_back = GoingBack(self, place);
        let deadline = clock.monotonic().saturating_add(limit);
        // Who reads and writes by a handle asks the service first, and is not let in: the gate is for those that were let in before.
        self.gates.close(place, ROLLBACK, deadline.saturating_add(limit), clock.monotonic())?;
        let _gate = OpenAtEnd(self, place);
        let reading = Epoch(self.clock.next());
        // A transaction that was let in before waits at the gate, and may have read what goes.
        self.rolled_back.set(self.rolled_back.get().max(reading));
        store.raise_read_floor(reading);
        if self.spawner.timeout(limit, store.wait_changes(reading)).await.is_none() {
            return Ok(false);
        }
        let mut run = match store.rollback_begin(container, epoch) {
            Ok(run) => run.with_budget(StepBudget::LARGEST),
            // It is being aggregated.
            Err(status) if status.code() == Code::Busy => return Ok(false),
            Err(status) => return Err(status),
        };
        while run.step().await? {
            if clock.monotonic() >= deadline {
                return Ok(false);
            }
            yield_now().await;
        }
        Ok(true)
    }
}

struct GoingBack<'a>(&'a ObjectService, (PoolId, ContainerId));

impl Drop for GoingBack<'_> {
    fn drop(&mut self) {
        self.0.going_back.borrow_mut().remove(&self.1);
    }
}

struct OpenAtEnd<'a>(&'a ObjectService, (PoolId, ContainerId));

impl Drop for OpenAtEnd<'_> {
    fn drop(&mut self) {
        self.0.gates.open(self.1, ROLLBACK);
    }
}
