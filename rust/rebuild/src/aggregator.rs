//! Aggregating one store, for as long as it is open.

use crate::reclaim_plan::{POLL, Sight, Watch, gap, is_fruitless, pace};
use crate::{ReclaimMode, ReclaimSettings};
use daos_env::sync::{Signal, yield_now};
use daos_env::{HybridClock, Spawner, log};
use daos_status::{Code, Result};
use daos_store::{AggregationRun, Reclaimer, StepBudget, Store};
use daos_types::{ContainerId, Epoch};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Frees what nobody can read any more, as settings say. Dropped, it ends.
pub struct Aggregator(Rc<State>);

struct State {
    /// For messages.
    name: String,
    clock: Arc<HybridClock>,
    spawner: Spawner,
    settings: Cell<ReclaimSettings>,
    /// Counts changes of the settings.
    generation: Cell<u64>,
    changed: Signal,
    is_stopped: Cell<bool>,
    rounds: Cell<u64>,
    /// Asked before anything is freed.
    permit: RefCell<Option<Permit>>,
    /// Containers that somebody wants aggregated, up to which epoch, and up to which that was done.
    wishes: RefCell<BTreeMap<ContainerId, Wish>>,
}

/// Tells whether what was visible at epochs up to some epoch may be freed, but for what snapshots show that the store knows.
pub type Permit = Rc<dyn Fn(Epoch) -> Pin<Box<dyn Future<Output = Result<()>>>>>;

/// The most containers whose wishes are remembered: the oldest names are forgotten, and done again when they are asked for.
const WISHES_MAX: usize = 1024;

/// What somebody wants of a container.
#[derive(Clone, Copy, Default)]
struct Wish {
    wanted: u64,
    done: u64,
}

impl Aggregator {
    /// An aggregator of a store. Epochs come from `clock`; `name` says which store it is, in messages.
    pub fn new(store: &Rc<Store>, name: String, clock: Arc<HybridClock>, spawner: &Spawner) -> Aggregator {
        let state = Rc::new(State {
            name,
            clock,
            spawner: spawner.clone(),
            settings: Cell::new(ReclaimSettings::default()),
            generation: Cell::new(0),
            changed: Signal::new(),
            is_stopped: Cell::new(false),
            rounds: Cell::new(0),
            permit: RefCell::default(),
            wishes: RefCell::default(),
        });
        spawner.spawn(run(state.clone(), store.attach_reclaimer()));
        Aggregator(state)
    }

    /// Changes the settings.
    pub fn set(&self, settings: ReclaimSettings) {
        if self.0.settings.replace(settings) != settings {
            self.0.generation.set(self.0.generation.get() + 1);
            self.0.changed.wake_all();
        }
    }

    /// Asks from now on, before it frees what no epoch up to some epoch needs, whether the store knows all snapshots of such epochs. Without
    /// permission nothing is freed.
    pub fn ask(&self, permit: Permit) {
        self.0.permit.replace(Some(permit));
    }

    /// Aggregates a container up to an epoch, at once and whatever the settings say; waits for its end as long as `limit`, and tells whether
    /// it has come. Asked again, it waits again.
    pub async fn aggregate(&self, container: ContainerId, up_to: Epoch, limit: Duration) -> bool {
        let state = &self.0;
        {
            let mut wishes = state.wishes.borrow_mut();
            if wishes.len() >= WISHES_MAX && !wishes.contains_key(&container) {
                wishes.retain(|_, wish| wish.wanted > wish.done);
                if wishes.len() >= WISHES_MAX {
                    return false;
                }
            }
            let wish = wishes.entry(container).or_default();
            wish.wanted = wish.wanted.max(up_to.0);
        }
        let is_done = || state.wishes.borrow().get(&container).is_none_or(|wish| wish.done >= up_to.0);
        if !is_done() {
            state.generation.set(state.generation.get() + 1);
            state.changed.wake_all();
        }
        state.spawner.timeout(limit, state.changed.wait_until(|| is_done() || state.is_stopped.get())).await.is_some()
    }

    /// Rounds over all containers that have come to their end.
    pub fn rounds(&self) -> u64 {
        self.0.rounds.get()
    }
}

impl Drop for Aggregator {
    fn drop(&mut self) {
        self.0.is_stopped.set(true);
        self.0.changed.wake_all();
    }
}

/// What is seen of a store.
fn sight(store: &Store, reclaimer: &Reclaimer, is_fruitless: bool) -> Sight {
    let (requests, is_wanted) = (store.statistics().requests(), reclaimer.is_wanted());
    // Space that cannot be told is not short.
    let Ok([arena, data]) = store.tiers() else {
        return Sight { requests, is_wanted, free: 1, total: 1, is_fruitless };
    };
    let share =
        |tier: daos_store::TierSpace| u128::from(tier.free) * u128::from(u32::MAX) / u128::from(tier.total.max(1));
    let tier = if share(arena) < share(data) { arena } else { data };
    Sight { requests, is_wanted, free: tier.free, total: tier.total, is_fruitless }
}

async fn run(state: Rc<State>, reclaimer: Reclaimer) {
    let mut done = BTreeMap::new();
    let (mut watch, mut in_vain) = (Watch::default(), false);
    loop {
        let generation = state.generation.get();
        let has_news = || state.generation.get() != generation || state.is_stopped.get();
        let news = async {
            let wanted = std::pin::pin!(reclaimer.wait_wanted());
            let changed = std::pin::pin!(state.changed.wait_until(has_news));
            either(wanted, changed).await;
        };
        state.spawner.timeout(POLL, news).await;
        if state.is_stopped.get() {
            return;
        }
        let Some(store) = reclaimer.store() else { return };
        fulfil(&state, &store).await;
        let now = sight(&store, &reclaimer, in_vain);
        reclaimer.begin_round();
        if !watch.begins(&state.settings.get(), state.spawner.clock().monotonic(), &now) {
            // Who waits for space gets none.
            reclaimer.end_round();
            continue;
        }
        let begun = store.statistics();
        let result = round(&state, &store, &reclaimer, &mut done, &now).await;
        let ended = store.statistics();
        let steps = ended.aggregation_steps - begun.aggregation_steps;
        in_vain = is_fruitless(steps, ended.records_freed - begun.records_freed);
        watch.note_end(state.spawner.clock().monotonic());
        reclaimer.end_round();
        state.rounds.set(state.rounds.get() + 1);
        match result {
            Err(status) if status.code() == Code::Shutdown => return,
            Err(status) => {
                log!(Error, "reclaim", "{}: {status}; aggregation ends until the next start", state.name);
                return;
            }
            Ok(()) => {}
        }
    }
}

async fn permission(state: &Rc<State>, up_to: Epoch) -> Result<()> {
    let permit = state.permit.borrow().clone();
    match permit {
        Some(permit) => permit(up_to).await,
        None => Ok(()),
    }
}

/// Aggregates what somebody has asked for.
async fn fulfil(state: &Rc<State>, store: &Rc<Store>) {
    loop {
        let next =
            state.wishes.borrow().iter().find(|(_, wish)| wish.wanted > wish.done).map(|(id, wish)| (*id, *wish));
        let Some((container, wish)) = next else { return };
        if let Err(status) = aggregate(state, store, container, Epoch(wish.wanted)).await {
            match status.code() {
                Code::Shutdown => return,
                Code::ContNonexist | Code::Nonexist => {}
                // It is walked over by somebody else, or nobody says that it may be.
                Code::Busy | Code::Again => return,
                _ => log!(Error, "reclaim", "{}, container {container}: {status}", state.name),
            }
        }
        if let Some(known) = state.wishes.borrow_mut().get_mut(&container) {
            known.done = known.done.max(wish.wanted);
        }
        state.changed.wake_all();
        if state.is_stopped.get() {
            return;
        }
    }
}

async fn aggregate(state: &Rc<State>, store: &Rc<Store>, container: ContainerId, up_to: Epoch) -> Result<()> {
    permission(state, up_to).await?;
    let mut run = store.aggregation_begin(container, up_to).await?.with_budget(StepBudget::LARGEST);
    while !state.is_stopped.get() && run.step().await? {
        yield_now().await;
    }
    Ok(())
}

/// Waits for the first of two.
async fn either<A: Future<Output = ()> + Unpin, B: Future<Output = ()> + Unpin>(mut one: A, mut other: B) {
    std::future::poll_fn(|context| {
        let is_over = std::pin::Pin::new(&mut one).poll(context).is_ready();
        match is_over || std::pin::Pin::new(&mut other).poll(context).is_ready() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

/// One walk over each container that has changed since the last one.
async fn round(
    state: &Rc<State>,
    store: &Rc<Store>,
    reclaimer: &Reclaimer,
    done: &mut BTreeMap<ContainerId, Done>,
    begun: &Sight,
) -> Result<()> {
    let containers = store.containers_now()?;
    done.retain(|container, _| containers.binary_search(container).is_ok() || containers.contains(container));
    let mut permitted = None;
    for container in containers {
        let gap = gap(&state.settings.get(), begun);
        let now = state.clock.next();
        let bound = permitted.unwrap_or(now);
        let up_to = now.saturating_sub(u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX)).min(bound);
        let changes = store.changes_of(container);
        if up_to == 0 || done.get(&container).is_some_and(|done| done.is_enough(changes, up_to)) {
            continue;
        }
        if permitted.is_none() {
            if let Err(status) = permission(state, Epoch(now)).await {
                log!(Debug, "reclaim", "{}: nothing is freed for the moment: {status}", state.name);
                return Ok(());
            }
            permitted = Some(now);
        }
        let seen = done.get(&container).filter(|done| done.changes == changes).map_or(now, |done| done.seen);
        match walk(state, store, reclaimer, container, Epoch(up_to), begun.is_fruitless).await {
            Ok(true) => {
                done.insert(container, Done { changes, seen, up_to });
            }
            Ok(false) => return Ok(()),
            // Destroyed meanwhile, or somebody else is at it.
            Err(status) if matches!(status.code(), Code::ContNonexist | Code::Busy) => {}
            Err(status) if status.code() == Code::Shutdown => return Err(status),
            Err(status) => {
                log!(Error, "reclaim", "{}, container {container}: {status}; its space is not got back", state.name);
                done.insert(container, Done { changes, seen: 0, up_to });
            }
        }
    }
    Ok(())
}

/// What was done with a container.
struct Done {
    /// The state of it.
    changes: u64,
    /// When that state was first seen: all changes are older.
    seen: u64,
    /// How far it was aggregated.
    up_to: u64,
}

impl Done {
    /// Whether another walk would find nothing.
    fn is_enough(&self, changes: u64, up_to: u64) -> bool {
        // What was too young the last time has become old enough, once.
        self.changes == changes && (self.up_to >= self.seen || up_to < self.seen)
    }
}

/// Walks over one container; `false` when the aggregator was stopped.
async fn walk(
    state: &Rc<State>,
    store: &Rc<Store>,
    reclaimer: &Reclaimer,
    container: ContainerId,
    up_to: Epoch,
    is_fruitless: bool,
) -> Result<bool> {
    let mut run: AggregationRun = store.aggregation_begin(container, up_to).await?;
    let mut requests = store.statistics().requests();
    let mut asked = None;
    loop {
        if state.is_stopped.get() || state.settings.get().mode == ReclaimMode::Disabled {
            return Ok(false);
        }
        let begun = state.spawner.clock().monotonic();
        if !run.step().await? {
            return Ok(true);
        }
        let ended = state.spawner.clock().monotonic();
        let now = sight(store, reclaimer, is_fruitless);
        if now.requests != requests {
            (requests, asked) = (now.requests, Some(ended));
        }
        let quiet = asked.map_or(StepBudget::QUIET, |asked| ended.saturating_sub(asked));
        let (budget, rest) = pace(run.budget(), &now, quiet, ended.saturating_sub(begun));
        run.set_budget(budget);
        if rest.is_zero() {
            yield_now().await;
        } else {
            state.spawner.sleep(rest).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Env, Executor, ManualClock, SeededRandom};
    use daos_media::{Durability, MemoryMedia};
    use daos_store::{AkeyUpdate, ChecksumKind, Conditions, Data, Few, StoreSettings, UpdateRequest, UpdateValue};
    use daos_types::{Key, ObjectId};
    use std::time::Duration;

    const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);

    /// Runs a test with a store of four mebibytes of data.
    fn with_store<F: Future<Output = ()> + 'static>(
        test: impl FnOnce(Rc<Store>, Arc<HybridClock>, Arc<ManualClock>, Spawner) -> F + 'static,
    ) {
        let clock = Arc::new(ManualClock::default());
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let work = async move {
            let env = Env { clock: clock.clone(), random: Arc::new(SeededRandom::new(1)) };
            let settings = StoreSettings {
                data_bytes: 4 << 20,
                arena_bytes: 4 << 20,
                log_bytes: 2 << 20,
                durability: Durability::Log,
                checksum: ChecksumKind::Crc64,
            };
            let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
            store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
            let epochs = Arc::new(HybridClock::new(clock.clone()));
            test(store.clone(), epochs, clock, spawner).await;
            store.close().await.expect("close");
        };
        executor.block_on(work).expect("it ends");
    }

    async fn put(store: &Store, epochs: &HybridClock, number: u64, bytes: usize) -> Result<()> {
        let value = UpdateValue::Single(Data::Bytes(vec![number as u8; bytes]));
        let akeys = Few::from([AkeyUpdate { akey: Key::from_u64(1), value, conditions: Conditions::NONE }]);
        let (object, dkey, conditions) = (ObjectId { hi: 0, lo: 1 }, Key::from_u64(number), Conditions::NONE);
        let epoch = Epoch(epochs.next());
        store.update(UpdateRequest { container: CONTAINER, object, epoch, dkey, conditions, akeys }).await
    }

    /// Lets the clock run, and tasks with it.
    async fn pass_time(clock: &ManualClock, seconds: u64) {
        for _ in 0..seconds * 10 {
            clock.advance(Duration::from_millis(100));
            for _ in 0..50 {
                yield_now().await;
            }
        }
    }

    /// Far more is written than there is room for, but never more than that shows.
    #[test]
    fn writers_wait_for_what_they_have_overwritten() {
        for bytes in [8 << 10, 1 << 10] {
            with_store(move |store, epochs, _, spawner| async move {
                let aggregator = Aggregator::new(&store, "pool p".to_owned(), epochs.clone(), &spawner);
                for number in 0..12_000u64 {
                    put(&store, &epochs, number % 300, bytes).await.expect("what was overwritten gives room");
                }
                assert!(store.statistics().records_freed > 6_000);
                aggregator.set(ReclaimSettings { mode: ReclaimMode::Disabled, ..ReclaimSettings::default() });
                let mut refused = None;
                for number in 0..12_000u64 {
                    refused = put(&store, &epochs, number % 300, bytes).await.err();
                    if refused.is_some() {
                        break;
                    }
                }
                assert_eq!(refused.map(|status| status.code()), Some(Code::Nospace), "it is disabled");
            });
        }
    }

    #[test]
    fn space_comes_back_in_idle_time() {
        with_store(|store, epochs, clock, spawner| async move {
            let aggregator = Aggregator::new(&store, "pool p".to_owned(), epochs.clone(), &spawner);
            for number in 0..100 {
                put(&store, &epochs, number % 20, 8 << 10).await.expect("update");
            }
            let before = store.space().expect("space").data.free;
            pass_time(&clock, 20).await;
            assert_eq!(store.space().expect("space").data.free, before + 80 * (8 << 10));
            let (rounds, steps) = (aggregator.rounds(), store.statistics().aggregation_steps);
            pass_time(&clock, 20).await;
            assert!(aggregator.rounds() > rounds);
            assert_eq!(store.statistics().aggregation_steps, steps, "what has not changed is not walked over");
        });
    }
}
