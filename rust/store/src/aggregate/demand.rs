//! Who waits for space, and who gets some: writers that find none, and the one who aggregates for them.

use crate::Store;
use crate::pace::Waiting;
use daos_env::sync::Signal;
use daos_types::Epoch;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// Rounds of aggregation that a writer waits for: one may have begun before what is to be freed became garbage.
const ROUNDS_MAX: u32 = 2;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Demand {
    is_wanted: Cell<bool>,
    has_reclaimer: Cell<bool>,
    /// Rounds that have come to their end.
    rounds: Cell<u64>,
    pub(super) changed: Signal,
    /// The epochs of changes that are under way, with their number: aggregation stays below them.
    under_way: RefCell<BTreeMap<u64, u32>>,
    /// Who waits for their end, and how many they are.
    ended: Signal,
    settling: Cell<usize>,
}

/// What a writer has waited for so far.
#[derive(Default)]
pub(crate) struct Patience {
    rounds: u32,
}

/// A change that is under way, until it is dropped.
pub(crate) struct UnderWay<'a> {
    demand: &'a Demand,
    epoch: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut epochs = self.demand.under_way.borrow_mut();
        if let Some(count) = epochs.get_mut(&self.epoch) {
            *count -= 1;
            if *count == 0 {
                epochs.remove(&self.epoch);
                drop(epochs);
                if self.demand.settling.get() > 0 {
                    self.demand.ended.wake_all();
                }
            }
        }
    }
}

impl Demand {
    /// Notes that a change is under way.
    pub(crate) fn begin(&self, epoch: u64) -> UnderWay<'_> {
        *self.under_way.borrow_mut().entry(epoch).or_insert(0) += 1;
        UnderWay { demand: self, epoch }
    }

    /// The store was closed: nobody waits any more.
    pub(crate) fn note_closed(&self) {
        self.rounds.set(self.rounds.get() + u64::from(ROUNDS_MAX));
        self.has_reclaimer.set(false);
        self.changed.wake_all();
    }

    /// Nothing that is under way is as old as this.
    pub(super) fn limit(&self) -> u64 {
        self.under_way.borrow().first_key_value().map_or(u64::MAX, |(epoch, _)| epoch.saturating_sub(1))
    }
}

impl Store {
    /// Waits until all changes have ended that have begun with an epoch up to this one. What they have changed is seen by readers, and durable
    /// before whatever is changed from now on.
    pub async fn wait_changes(&self, up_to: Epoch) {
        let demand = &self.aggregation.demand;
        let _settling = Waiting::new(&demand.settling);
        demand.ended.wait_until(|| demand.limit() >= up_to.0).await;
    }

    /// Waits until there may be more space; `false` when there is no hope. A writer that has found none calls it, and tries again.
    pub(crate) async fn wait_for_space(&self, patience: &mut Patience) -> bool {
        if self.reclaim.is_running() {
            self.reclaim.wait_step().await;
            return true;
        }
        let demand = &self.aggregation.demand;
        if !demand.has_reclaimer.get() {
            if self.aggregation.is_running() {
                self.aggregation.wait_step().await;
                return true;
            }
            return false;
        }
        if patience.rounds >= ROUNDS_MAX {
            return false;
        }
        demand.is_wanted.set(true);
        demand.changed.wake_all();
        let (rounds, freed) = (demand.rounds.get(), self.statistics().records_freed);
        let has_news = || {
            let is_over = demand.rounds.get() != rounds || !demand.has_reclaimer.get();
            is_over || self.statistics().records_freed != freed
        };
        demand.changed.wait_until(has_news).await;
        patience.rounds += u32::from(demand.rounds.get() != rounds);
        true
    }

    /// Becomes the one who aggregates when writers find no space: they wait for it from now on. There is one per store.
    pub fn attach_reclaimer(self: &Rc<Self>) -> Reclaimer {
        self.aggregation.demand.has_reclaimer.set(true);
        Reclaimer { store: Rc::downgrade(self), demand: self.aggregation.demand.clone() }
    }
}

/// Aggregates a store when writers find no space; see [`Store::attach_reclaimer`].
pub struct Reclaimer {
    store: Weak<Store>,
    demand: Rc<Demand>,
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        self.demand.has_reclaimer.set(false);
        self.demand.changed.wake_all();
    }
}

impl Reclaimer {
    /// The store, while it is open.
    pub fn store(&self) -> Option<Rc<Store>> {
        self.store.upgrade().filter(|store| !store.is_closed())
    }

    /// Whether a writer waits for space.
    pub fn is_wanted(&self) -> bool {
        self.demand.is_wanted.get()
    }

    /// Waits until a writer waits for space, or the store is closed.
    pub async fn wait_wanted(&self) {
        self.demand.changed.wait_until(|| self.demand.is_wanted.get() || self.store().is_none()).await;
    }

    /// A round over all containers begins: it is one for all who wait now.
    pub fn begin_round(&self) {
        self.demand.is_wanted.set(false);
    }

    /// The round has come to its end; who has no space now waits for one more at most.
    pub fn end_round(&self) {
        self.demand.rounds.set(self.demand.rounds.get() + 1);
        self.demand.changed.wake_all();
    }
}
