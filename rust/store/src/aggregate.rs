//! Getting space back: what no epoch that can be read needs is freed, and what a range of epochs wrote is discarded.
//!
//! Both are walks in bounded steps, see [`walk`]. Before anything is freed, the epoch up to which is aggregated stands durably in the container:
//! from then on older epochs are refused, but for pinned ones. Nothing else is remembered durably; after a restart a walk begins anew, and
//! passes over what was not touched since the last one that came to its end.

mod children;
mod demand;
mod extents;
mod joining;
mod merge;
mod rule;
mod searches;
mod step;
mod sweep;
mod versions;
mod walk;

use crate::level::Level;
use crate::pace::Pace;
use crate::snapshots::pinned;
use crate::{Statistics, Store};
pub(crate) use demand::Patience;
pub use demand::Reclaimer;
pub use step::StepBudget;

use crate::pace::Waiting;
use daos_env::sync::Signal;
use daos_media::Lsn;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, ObjectId};
use demand::Demand;
use rule::{Kept, Rule};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;
use step::Step;
use sweep::{JOINED_MAX, JoinLimits, PARTS_MAX};
use walk::Walk;

/// In the smallest steps, so many extents of so many bytes are joined at once: joining two at a time would copy each byte too often.
const PARTS_MIN: usize = 16;
const JOINED_MIN: u64 = 16 << 10;

/// The walks of a store.
#[derive(Default)]
pub(crate) struct Aggregation {
    /// The containers that are walked over.
    /// They are told when it is destroyed.
    walked: RefCell<BTreeMap<ContainerId, Rc<Cell<bool>>>>,
    /// Counts steps, so that those who wait for space notice.
    steps: Cell<u64>,
    /// Counts snapshots that were destroyed: a walk that began before one has kept more than is needed now.
    unpinned: Cell<u64>,
    changed: Signal,
    /// How many wait for a step.
    waiting: Cell<usize>,
    /// Who waits for what is freed.
    pub(crate) demand: Rc<Demand>,
}

impl Aggregation {
    pub(crate) fn note_unpinned(&self) {
        self.unpinned.set(self.unpinned.get() + 1);
    }

    /// A container is destroyed: a walk over it must not go on in another one of its name.
    pub(crate) fn end_walk(&self, container: ContainerId) {
        if let Some(is_destroyed) = self.walked.borrow_mut().remove(&container) {
            is_destroyed.set(true);
        }
    }

    /// Whether any container is walked over.
    pub(crate) fn is_running(&self) -> bool {
        !self.walked.borrow().is_empty()
    }

    /// Waits until a walk has done one more step, or all have ended.
    pub(crate) async fn wait_step(&self) {
        let before = self.steps.get();
        let _waiting = Waiting::new(&self.waiting);
        self.changed.wait_until(|| self.steps.get() != before || !self.is_running()).await;
    }

    fn note_step(&self) {
        self.steps.set(self.steps.get() + 1);
        self.changed.wake_all();
        self.demand.changed.wake_all();
    }
}

/// A walk over one container. Dropped before its end, it has freed what its steps freed.
pub struct AggregationRun {
    store: Rc<Store>,
    container: ContainerId,
    walk: Walk,
    unpinned: u64,
    budget: StepBudget,
    /// Whether extents are joined: not any more when there was no room to do so.
    joins: bool,
    is_done: bool,
    is_destroyed: Rc<Cell<bool>>,
}

impl Drop for AggregationRun {
    fn drop(&mut self) {
        if !self.is_destroyed.get() {
            self.store.aggregation.walked.borrow_mut().remove(&self.container);
        }
        self.store.aggregation.changed.wake_all();
    }
}

impl AggregationRun {
    fn begin(
        store: &Rc<Store>,
        (container, is_destroyed): (ContainerId, Rc<Cell<bool>>),
        only: Option<ObjectId>,
        rule: Rule,
    ) -> AggregationRun {
        let unpinned = store.aggregation.unpinned.get();
        let walk = Walk::new(container, only, rule);
        let budget = StepBudget::BESIDE_REQUESTS;
        let (store, joins, is_done) = (store.clone(), true, false);
        AggregationRun { store, container, walk, unpinned, budget, joins, is_done, is_destroyed }
    }

    /// Gives steps another budget than that of [`StepBudget::BESIDE_REQUESTS`], which they have at first.
    #[must_use]
    pub fn with_budget(mut self, budget: StepBudget) -> AggregationRun {
        self.set_budget(budget);
        self
    }

    /// As [`AggregationRun::with_budget`], between two steps.
    pub fn set_budget(&mut self, budget: StepBudget) {
        self.budget = budget;
    }

    /// The budget of the next step.
    pub fn budget(&self) -> StepBudget {
        self.budget
    }

    /// Does one step, in one transaction, as long as its budget says, or joins up to 512 extents of 1 MiB in all; `false` when there was nothing
    /// left to do. Other tasks should run between two steps. When the last step is done, all of them are durable.
    pub async fn step(&mut self) -> Result<bool> {
        if self.is_done {
            return Ok(false);
        }
        if self.store.is_closed() {
            fail!(Code::Shutdown, "the store was closed");
        }
        self.store.durable.admission().await?;
        if self.walk.wanted_join().is_some() {
            let joined = self.join().await;
            self.store.aggregation.note_step();
            return joined.map(|()| true);
        }
        let result = self.try_step();
        self.store.aggregation.note_step();
        let (is_done, lsn) = result?;
        self.is_done = is_done;
        if is_done {
            self.store.durable.wait_durable(lsn).await?;
        }
        Ok(!is_done)
    }

    /// What is joined in one step takes about as long as what is looked at and freed in one.
    fn join_limits(&self) -> JoinLimits {
        let units = self.budget.units() as usize;
        let bytes = units as u64 * (JOINED_MAX / u64::from(StepBudget::LARGEST.units()));
        JoinLimits { parts: units.clamp(PARTS_MIN, PARTS_MAX), bytes: bytes.clamp(JOINED_MIN, JOINED_MAX) }
    }

    fn try_step(&mut self) -> Result<(bool, Lsn)> {
        let store = self.store.clone();
        let arena = store.durable.arena();
        let mut container = store.container(arena, self.container)?;
        self.check_container()?;
        let mut transaction = arena.begin_privileged();
        let limits = self.join_limits();
        let mut step = Step::new(&mut transaction, &store.values, &store.recent, self.budget)
            .joining(limits, self.joins)
            .sparing(&store.prepared.intents);
        let is_done = self.walk.step(&mut step, &mut container)?;
        let done = step.done;
        if is_done {
            container.collapse(&mut transaction)?;
            self.note_scanned(&mut transaction, &container)?;
        }
        let lsn = store.durable.commit(transaction)?;
        if matches!(self.walk.rule, Rule::Discard(_)) {
            // A punch that went may have hidden something.
            store.ends.clear();
            store.watches.disturb_all();
            store.recent.mark_structure(lsn);
        }
        self.walk.note_committed(&store.recent);
        store.count(|statistics: &mut Statistics| {
            statistics.aggregation_steps += 1;
            statistics.records_freed += done.records;
            statistics.bytes_freed += done.bytes;
            statistics.extents_cut += done.cuts;
            statistics.aggregations += u64::from(is_done);
        });
        Ok((is_done, lsn))
    }

    /// A container that was destroyed and made anew is another one.
    fn check_container(&self) -> Result<()> {
        if self.is_destroyed.get() {
            fail!(Code::ContNonexist, "container {} was destroyed while it was walked over", self.container);
        }
        Ok(())
    }

    /// The next walk passes over what was not touched since.
    fn note_scanned(&self, transaction: &mut daos_media::Transaction<'_>, container: &Level) -> Result<()> {
        let Rule::Aggregate(kept) = &self.walk.rule else { return Ok(()) };
        let state = container.state()?;
        if self.unpinned == self.store.aggregation.unpinned.get() && state.scanned(transaction.arena())? < kept.bound()
        {
            state.set_scanned(transaction, kept.bound())?;
        }
        Ok(())
    }
}

impl Store {
    /// Begins to free what no epoch from `up_to` on and no snapshot sees of a container. From here on, reads of older epochs that are not
    /// pinned and changes at or below `up_to` are refused. An epoch that is older than that of an earlier call counts as that one, and one at which something
    /// is prepared, or a newer one, as the one before that.
    ///
    /// # Errors
    /// [`Code::Busy`] when the container is walked over already.
    pub async fn aggregation_begin(self: &Rc<Self>, container: ContainerId, up_to: Epoch) -> Result<AggregationRun> {
        crate::change::check_epoch(up_to)?;
        let claim = (container, self.claim(container)?);
        let mut run = AggregationRun::begin(self, claim, None, Rule::Discard(RangeInclusive::new(1, 0)));
        self.durable.admission().await?;
        let (kept, lsn) = self.raise(container, up_to.0)?;
        run.walk = Walk::new(container, None, Rule::Aggregate(kept));
        run.unpinned = self.aggregation.unpinned.get();
        self.durable.wait_durable(lsn).await?;
        Ok(run)
    }

    /// One walk of a container at a time.
    fn claim(&self, container: ContainerId) -> Result<Rc<Cell<bool>>> {
        if self.is_closed() {
            fail!(Code::Shutdown, "the store was closed");
        }
        let mut walked = self.aggregation.walked.borrow_mut();
        if walked.contains_key(&container) {
            fail!(Code::Busy, "container {container} is being aggregated already; try again when that is done");
        }
        let is_destroyed = Rc::new(Cell::new(false));
        walked.insert(container, is_destroyed.clone());
        Ok(is_destroyed)
    }

    /// Raises the epoch up to which a container is aggregated.
    fn raise(&self, container: ContainerId, up_to: u64) -> Result<(Kept, Lsn)> {
        let arena = self.durable.arena();
        let level = self.container(arena, container)?;
        let state = level.state()?;
        let before = state.aggregated(arena)?;
        let bound = up_to.min(self.aggregation_limit(container)).max(before);
        let kept = Kept::new(&pinned(arena, &level)?, bound, state.scanned(arena)?);
        if bound == before {
            return Ok((kept, Lsn(0)));
        }
        let mut transaction = arena.begin_privileged();
        state.set_aggregated(&mut transaction, bound)?;
        self.superblock.note_epoch(&mut transaction, bound)?;
        let lsn = self.durable.commit(transaction)?;
        self.newest.set(self.newest.get().max(bound));
        self.recent.mark_structure(lsn);
        Ok((kept, lsn))
    }

    /// Aggregation goes no further: what is under way, or prepared, is still to come at its epoch.
    fn aggregation_limit(&self, container: ContainerId) -> u64 {
        let prepared = self.lowest_prepared_epoch(container).map_or(u64::MAX, |epoch| epoch.0 - 1);
        self.aggregation.demand.limit().min(prepared)
    }

    /// A number that is another one when something in a container was changed since it was asked for, or snapshots were destroyed. It
    /// may also be another one without that.
    pub fn changes_of(&self, container: ContainerId) -> u64 {
        self.recent.changes_of(container).0.wrapping_add(self.aggregation.unpinned.get())
    }

    /// Frees what no epoch from `up_to` on and no snapshot sees of a container; see [`Store::aggregation_begin`].
    pub async fn aggregate(self: &Rc<Self>, container: ContainerId, up_to: Epoch) -> Result<()> {
        let run = self.aggregation_begin(container, up_to).await?;
        finish(run).await
    }

    /// Takes away all changes that were made to a container, or to one of its objects, at some epochs, as if they had never been. A
    /// crash leaves some of it done; it is done again then.
    ///
    /// # Errors
    /// [`Code::EpOld`] when the container was aggregated up to one of the epochs: they cannot be told apart any more.
    /// [`Code::Busy`] when the container is walked over already.
    pub async fn discard(
        self: &Rc<Self>,
        container: ContainerId,
        object: Option<ObjectId>,
        epochs: RangeInclusive<Epoch>,
    ) -> Result<()> {
        finish(self.discard_begin(container, object, epochs)?).await
    }

    /// Begins a [`Store::discard`] that is done step by step.
    pub fn discard_begin(
        self: &Rc<Self>,
        container: ContainerId,
        object: Option<ObjectId>,
        epochs: RangeInclusive<Epoch>,
    ) -> Result<AggregationRun> {
        let (first, last) = (epochs.start().0.max(1), epochs.end().0);
        let claim = (container, self.claim(container)?);
        let run = AggregationRun::begin(self, claim, object, Rule::Discard(first..=last));
        let arena = self.durable.arena();
        crate::snapshots::check_writable(arena, &self.container(arena, container)?, first)?;
        Ok(run)
    }
}

impl Store {
    /// Begins to bring a container back to its newest snapshot: whatever was changed at newer epochs goes, as if it had never been, also what
    /// was aggregated since. A crash leaves some of it done; it is done again then. Until it is done, readers see something of both.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when the epoch is not pinned, [`Code::Busy`] when a newer one is, when something newer is prepared, and when the
    /// container is walked over already.
    pub fn rollback_begin(self: &Rc<Self>, container: ContainerId, epoch: Epoch) -> Result<AggregationRun> {
        let claim = (container, self.claim(container)?);
        let newer = epoch.0.saturating_add(1)..=Epoch::MAX.0 - 1;
        let run = AggregationRun::begin(self, claim, None, Rule::Discard(newer));
        let arena = self.durable.arena();
        let pins = pinned(arena, &self.container(arena, container)?)?;
        if pins.binary_search(&epoch.0).is_err() {
            fail!(Code::Nonexist, "container {container} has no snapshot at epoch {}", epoch.0);
        }
        if let Some(newest) = pins.last().filter(|newest| **newest > epoch.0) {
            fail!(Code::Busy, "container {container} has a snapshot at epoch {newest}, newer than {}", epoch.0);
        }
        if self.lowest_prepared_epoch(container).is_some() {
            fail!(Code::Busy, "changes of container {container} are prepared; try again when they are decided");
        }
        Ok(run)
    }
}

/// Walks to the end, at a pace that leaves most of the time to those who ask for something.
async fn finish(mut run: AggregationRun) -> Result<()> {
    let store = run.store.clone();
    let mut pace = Pace::new(&store);
    let is_urgent = || store.is_closed() || store.aggregation.waiting.get() > 0;
    while run.step().await? {
        pace.rest(&store, is_urgent).await;
        run.set_budget(pace.budget());
    }
    Ok(())
}
