//! Snapshots of containers, on the targets.
//!
//! # How the epoch of a snapshot is chosen
//!
//! All targets of the pool that serve hold changes of the container back, wait for those that are under way, and say what their clocks show. The
//! greatest reading is the epoch: every change that was answered before is older on its target. Then each target takes note of it, pins it
//! durably, and lets changes go on: all of them are newer. So a snapshot is what the container was at a moment between the first
//! and the last of these orders, on all targets alike; who sees a change in it sees all that had been answered before that change
//! was asked for. When a target does not answer in time, or its gate opened by itself, changes go on, and another epoch is chosen after a while.
//!
//! A rank that was lost may serve clients all the same: the connection between it and this engine may have broken, or this engine may have come to
//! lead a moment ago. Its clock may be ahead of all others, so a snapshot waits for it until it is back or excluded; not for ever, since not
//! every dead rank may be excluded. The same is true of a rank that is noted as stopped and has not said that it has ended, and for some
//! seconds of one that was excluded.
//!
//! The row is stored last: a snapshot that is known is pinned everywhere. What a failure leaves pinned is unpinned when it is noticed, or
//! by the next look ([`Service::settle_snapshots`]), which comes at the latest before a target frees something.
//!
//! A rank that does not serve is told when it does. Before a target frees anything, it asks whether it knows all snapshots, also when
//! it has been cut off: [`Service::confirm_snapshots`]. It learns the newest snapshot also from the first answer about a
//! handle, before it carries anything out by it: so what is changed there afterwards is newer, too.

use super::Service;
use super::clients::Asked;
use super::going::LOST_LIMIT;
use crate::ranks::TargetName;
use crate::target::AHEAD_NANOSECONDS_MAX;
use daos_env::sync::{Signal, join_all};
use daos_pool_service::Decision;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, PoolId, Rank};
use daos_wire::{
    ContainerEpoch, ContainerRequest, Opcode, RankState, SnapshotCreate, SnapshotDestroy, SnapshotEntry, SnapshotMark,
    SnapshotWait, SnapshotsConfirm, TargetContainerEpoch, TargetContainerList, TargetSnapshotHold, TargetSnapshotPin,
    TargetSnapshots,
};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long changes are held back at most.
const HOLD: Duration = Duration::from_secs(5);
/// Between two attempts to make a snapshot, at first and at most: changes go on meanwhile, those for which an attempt waits among them.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// For how long it is attempted: a rank that died without a word is taken for dead long before, and what has to wait for the snapshot of a
/// container, as a target does that is full, goes on then.
const ATTEMPTS_LIMIT: Duration = Duration::from_secs(60);
/// How long a request waits for a snapshot before the client is told to ask again: it keeps the engine from ending.
const WAIT: Duration = Duration::from_secs(1);
/// The most requests that wait for snapshots.
const WAITING_MAX: usize = 10_000;
/// Parts of pools of which is remembered that they know all snapshots; others are told again.
const SETTLED_MAX: usize = 1 << 17;

/// Who waits for snapshots.
#[derive(Default)]
pub(super) struct Waits {
    made: Signal,
    count: Cell<usize>,
    is_over: Cell<bool>,
}

impl Waits {
    /// The service ends.
    pub fn end(&self) {
        self.is_over.set(true);
        self.made.wake_all();
    }
}

struct OneLess<'a>(&'a Cell<usize>);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Service {
    pub(super) async fn create_snapshot(&self, asked: &Asked<SnapshotCreate>) -> Result<Epoch> {
        let ContainerRequest { pool, container, .. } = asked.request.request;
        let _guard = self.container_locks.lock((pool, container)).await;
        if let Some(answer) = self.recalled(asked).await? {
            return answer;
        }
        let checked = self.journal.state().check_snapshot(&asked.request);
        if let Err(refusal) = checked {
            return self.refuse(asked, refusal).await;
        }
        let made = match self.pin_somewhere(pool, container).await {
            Ok((epoch, attempts, _missing)) => {
                if attempts > 1 {
                    self.forget_settled_in(pool);
                }
                let now = self.now();
                // When the row cannot be stored, it may be there all the same: the next engine that leads sees to it.
                self.try_once(asked, |state| {
                    let decision = state.create_snapshot(&asked.request, epoch, now)?;
                    Ok(state.dated(decision, pool, container, now))
                })
                .await?
            }
            Err(status) => Err(status),
        };
        match &made {
            Ok(epoch) => {
                self.waits.made.wake_all();
                let name = &asked.request.name;
                daos_env::log!(
                    Info,
                    "pool",
                    "snapshot '{name}' of container {container} of pool {pool} is at epoch {}",
                    epoch.0
                );
            }
            Err(_) => self.unpin_others(pool, container).await,
        }
        made
    }

    /// Pins an epoch on all targets of a pool that serve; tells also how many attempts that took, each of which may have left pins.
    async fn pin_somewhere(&self, pool: PoolId, container: ContainerId) -> Result<(Epoch, u32, OneLess<'_>)> {
        let clock = self.spawner.clock();
        let begin = clock.monotonic();
        let deadline = begin.saturating_add(ATTEMPTS_LIMIT);
        let (mut attempts, mut pause) = (0, PAUSES.0);
        loop {
            attempts += 1;
            let waits_for_lost = clock.monotonic() < begin.saturating_add(LOST_LIMIT);
            let failure = match self.try_pin(pool, container, waits_for_lost).await {
                Ok((epoch, missing)) => return Ok((epoch, attempts, missing)),
                Err(failure) => failure,
            };
            if clock.monotonic() >= deadline || self.closed.get() || !super::spread::may_be_lost(&failure) {
                return Err(failure.while_doing(format_args!("choosing the epoch of a snapshot")));
            }
            if attempts == 2 {
                // Half a minute and more is long for who is told nothing.
                daos_env::log!(Info, "pool", "a snapshot of container {container} of pool {pool} waits: {failure}");
            }
            self.spawner.sleep(pause).await;
            pause = (2 * pause).min(PAUSES.1);
        }
    }

    async fn try_pin(
        &self,
        pool: PoolId,
        container: ContainerId,
        waits_for_lost: bool,
    ) -> Result<(Epoch, OneLess<'_>)> {
        let known = self.peers.known()?;
        let is_lost = |target: &TargetName| known.state(target.0) == Some(RankState::Unresponsive);
        if waits_for_lost && let Some((rank, _)) = self.targets_of(pool).into_iter().find(is_lost) {
            fail!(Code::Again, "rank {} was lost, and may serve all the same; try again", rank.0);
        }
        let goes = |target: &TargetName| {
            let is_gone = matches!(
                known.state(target.0),
                Some(RankState::Stopped | RankState::Excluded | RankState::AdminExcluded)
            );
            is_gone && self.may_serve(target.0)
        };
        if let Some((rank, _)) = self.targets_of(pool).into_iter().find(goes) {
            fail!(
                Code::Again,
                "rank {} was stopped or excluded a moment ago, and serves until it knows; try again",
                rank.0
            );
        }
        let targets = self.serving_targets_of(pool)?;
        // No two are the same, and none is the greatest one.
        let attempt = self.now();
        let hold = TargetSnapshotHold { pool, container, attempt, hold_ms: HOLD.as_millis() as u32 };
        let pinned = self.hold_and_pin(&targets, &hold).await;
        if pinned.is_err() {
            // Those that did not hear of the failure hold changes back to no purpose.
            let release = TargetSnapshotHold { hold_ms: 0, ..hold };
            let _they_open_soon = self.tell_all::<_, Epoch>(&targets, Opcode::TargetSnapshotHold, &release).await;
        }
        pinned
    }

    async fn hold_and_pin(&self, targets: &[TargetName], hold: &TargetSnapshotHold) -> Result<(Epoch, OneLess<'_>)> {
        let TargetSnapshotHold { pool, container, attempt, .. } = *hold;
        let readings: Vec<Epoch> = self.tell_all(targets, Opcode::TargetSnapshotHold, hold).await?;
        let epoch = readings.into_iter().fold(Epoch(self.now()), Epoch::max);
        if self.serving_targets_of(pool)? != targets {
            fail!(Code::Again, "the engines of pool {pool} come and go; try again");
        }
        self.clock.observe(epoch.0);
        // Nobody who misses it is told that it knows all, until its row is there.
        let missing = self.note_missing(pool, targets);
        let pin = TargetSnapshotPin { pool, container, attempt, epoch };
        self.tell_all::<_, ()>(targets, Opcode::TargetSnapshotPin, &pin).await?;
        Ok((epoch, missing))
    }

    /// Orders something of all targets, once; the gates that they close open soon.
    async fn tell_all<Q: daos_wire::Wire, R: daos_wire::Wire>(
        &self,
        targets: &[TargetName],
        opcode: Opcode,
        request: &Q,
    ) -> Result<Vec<R>> {
        let told = targets.iter().map(|target| self.order_within(*target, opcode, request, HOLD.min(self.limit)));
        join_all(told).await.into_iter().collect()
    }

    /// Takes back what was pinned for a snapshot that did not come to be.
    async fn unpin_others(&self, pool: PoolId, container: ContainerId) {
        if let Err(status) = self.tell_snapshots(pool, container).await {
            daos_env::log!(Warn, "pool", "container {container} of pool {pool} keeps more than it has to: {status}");
            self.forget_settled_in(pool);
        }
    }

    /// Lets all targets that serve know which snapshots a container has.
    pub(super) async fn tell_snapshots(&self, pool: PoolId, container: ContainerId) -> Result<()> {
        let epochs = self.journal.state().snapshot_epochs(pool, container);
        let targets = self.serving_targets_of(pool)?;
        self.spread(&targets, Opcode::TargetSnapshots, &TargetSnapshots { pool, container, epochs }).await
    }

    pub(super) async fn destroy_snapshots(&self, asked: &Asked<SnapshotDestroy>) -> Result<u32> {
        let ContainerRequest { pool, container, .. } = asked.request.request;
        let _guard = self.container_locks.lock((pool, container)).await;
        let (mut so_far, now) = (0, self.now());
        let count = loop {
            let done = self.change(|state| {
                if let Some(answer) = state.recall(&asked.id, asked.opcode)? {
                    return Ok(Decision { rows: Vec::new(), reply: (answer, false) });
                }
                let decided = state.destroy_snapshots(&asked.request, so_far);
                let decided = decided.map(|decision| state.dated(decision, pool, container, now));
                if let Ok(Decision { reply: (count, true), .. }) = &decided {
                    let reply = (Ok(*count), true);
                    return Ok(Decision { rows: decided.map(|decision| decision.rows).unwrap_or_default(), reply });
                }
                let decided = decided.map(|Decision { rows, reply }| Decision { rows, reply: reply.0 });
                let decision = state.remember(&asked.id, asked.opcode, &asked.place, decided)?;
                Ok(Decision { rows: decision.rows, reply: (decision.reply, false) })
            });
            let (answer, more) = done.await?;
            so_far = answer?;
            if !more {
                break so_far;
            }
        };
        if count > 0 {
            // The rows are gone: what stays pinned is unpinned when a target asks next.
            self.unpin_others(pool, container).await;
            daos_env::log!(Info, "pool", "{count} snapshots of container {container} of pool {pool} were destroyed");
        }
        Ok(count)
    }

    pub(super) async fn mark_snapshot(&self, asked: &Asked<SnapshotMark>) -> Result<()> {
        self.once(asked, |state| state.mark_snapshot(&asked.request)).await
    }

    /// Waits for a snapshot, for a while.
    pub(super) async fn wait_snapshot(&self, request: &SnapshotWait) -> Result<Option<SnapshotEntry>> {
        if self.waits.count.get() >= WAITING_MAX {
            fail!(Code::Busy, "{WAITING_MAX} clients wait for snapshots");
        }
        self.waits.count.set(self.waits.count.get() + 1);
        let _one = OneLess(&self.waits.count);
        let found = || self.journal.state().snapshot_from(request);
        // An error is told at once, too.
        let is_known = || self.waits.is_over.get() || !matches!(found(), Ok(None));
        self.spawner.timeout(WAIT, self.waits.made.wait_until(is_known)).await;
        found()
    }

    /// Aggregates a container up to an epoch: zero when that is done, otherwise the epoch to ask for again.
    pub(super) async fn aggregate(&self, request: &ContainerEpoch) -> Result<Epoch> {
        self.journal.state().check_aggregation(&request.request)?;
        let ContainerRequest { pool, container, .. } = request.request;
        let now = Epoch(self.now());
        let epoch = if request.epoch == Epoch::ZERO { now } else { request.epoch.min(now) };
        let targets = self.serving_targets_of(pool)?;
        let order = TargetContainerEpoch { pool, container, epoch };
        let done: Vec<bool> = self.ask_serving(&targets, Opcode::TargetAggregate, &order).await?;
        Ok(if done.contains(&false) { epoch } else { Epoch::ZERO })
    }

    /// Lets a target of a pool know all snapshots that there are: those that were made while it was away, and those that a failure left
    /// pinned.
    pub(super) async fn settle_snapshots(&self, pool: PoolId, target: TargetName) -> Result<()> {
        let mut containers: BTreeSet<ContainerId> = BTreeSet::new();
        let mut request = TargetContainerList { pool, after: None };
        loop {
            let (some, more): (Vec<ContainerId>, bool) =
                self.order(target, Opcode::TargetSnapshotList, &request).await?;
            request.after = some.last().copied();
            containers.extend(some);
            if !more || request.after.is_none() {
                break;
            }
        }
        containers.extend(self.journal.state().containers_with_snapshots(pool));
        for container in containers {
            // Whoever makes a snapshot has it pinned before its row is there.
            let _guard = self.container_locks.lock((pool, container)).await;
            if !self.journal.state().has_container(pool, container)
                || self.journal.state().is_destroying(pool, container)
            {
                continue;
            }
            let epochs = self.journal.state().snapshot_epochs(pool, container);
            self.order::<_, ()>(target, Opcode::TargetSnapshots, &TargetSnapshots { pool, container, epochs }).await?;
        }
        Ok(())
    }

    /// Answers when a target knows all snapshots of a pool. Those that are made afterwards are newer than the epoch that it names.
    pub async fn confirm_snapshots(&self, request: &SnapshotsConfirm) -> Result<()> {
        let SnapshotsConfirm { pool, epoch, .. } = *request;
        let target = (request.rank, request.target);
        if !self.targets_of(pool).contains(&target) {
            fail!(Code::Again, "target {} of rank {} is not one of pool {pool}", target.1.0, target.0.0);
        }
        if self.clock.ahead_of_calendar(epoch.0) > AHEAD_NANOSECONDS_MAX {
            fail!(
                Code::Inval,
                "the clock of target {} of rank {} is hours ahead of the calendar here: set the calendars",
                target.1.0,
                target.0.0
            );
        }
        self.clock.observe(epoch.0);
        if !self.settled.borrow().contains(&(pool, target)) {
            let missed = self.missed.get();
            let is_made = self.being_made.get() > 0;
            self.settle_snapshots(pool, target).await?;
            if is_made || self.being_made.get() > 0 || self.missed.get() != missed {
                fail!(Code::Again, "snapshots were made while target {} of rank {} was told", target.1.0, target.0.0);
            }
            let mut settled = self.settled.borrow_mut();
            if settled.len() >= SETTLED_MAX {
                settled.clear();
            }
            settled.insert((pool, target));
        }
        // Another engine that leads may have made snapshots.
        self.journal.settle().await?;
        match self.settled.borrow().contains(&(pool, target)) {
            true => Ok(()),
            false => fail!(Code::Again, "a snapshot was made without target {} of rank {}", target.1.0, target.0.0),
        }
    }

    /// A rank has begun anew: it may have lost what it was told.
    pub(super) fn forget_settled(&self, rank: Rank) {
        self.settled.borrow_mut().retain(|(_, target)| target.0 != rank);
    }

    /// Targets of a pool may have pins that nobody needs: they are told again before they free anything.
    fn forget_settled_in(&self, pool: PoolId) {
        self.settled.borrow_mut().retain(|(other, _)| *other != pool);
    }

    /// A snapshot is made that these targets alone know.
    fn note_missing(&self, pool: PoolId, told: &[TargetName]) -> OneLess<'_> {
        self.being_made.set(self.being_made.get() + 1);
        let missing: Vec<TargetName> =
            self.targets_of(pool).into_iter().filter(|target| !told.contains(target)).collect();
        if !missing.is_empty() {
            self.missed.set(self.missed.get() + 1);
            let mut settled = self.settled.borrow_mut();
            for target in missing {
                settled.remove(&(pool, target));
            }
        }
        OneLess(&self.being_made)
    }
}
