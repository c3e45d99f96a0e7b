//! Scrubbing one store, for as long as it is open.

use crate::{ScrubMode, ScrubPlan, ScrubSettings};
use daos_env::sync::Signal;
use daos_env::{Spawner, log};
use daos_status::Code;
use daos_store::{Scrub, ScrubLimits, ScrubProgress, Store};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Verifies what a store holds, as settings say. Dropped, it ends.
pub struct Scrubber(Rc<State>);

struct State {
    /// For messages.
    name: String,
    settings: Cell<ScrubSettings>,
    /// Counts changes of the settings.
    generation: Cell<u64>,
    changed: Signal,
    is_stopped: Cell<bool>,
    /// Of all passes since the start.
    total: Cell<ScrubProgress>,
    passes: Cell<u64>,
    /// The threshold was passed, and that was said.
    is_unfit: Cell<bool>,
    current: RefCell<Option<Scrub>>,
}

impl Scrubber {
    /// A scrubber of a store, which is off until [`Scrubber::set`] says otherwise. `name` says which store it is, in messages.
    pub fn new(store: &Rc<Store>, name: String, spawner: &Spawner) -> Scrubber {
        let state = Rc::new(State {
            name,
            settings: Cell::new(ScrubSettings::default()),
            generation: Cell::new(0),
            changed: Signal::new(),
            is_stopped: Cell::new(false),
            total: Cell::default(),
            passes: Cell::new(0),
            is_unfit: Cell::new(false),
            current: RefCell::new(None),
        });
        spawner.spawn(run(state.clone(), Rc::downgrade(store), spawner.clone()));
        Scrubber(state)
    }

    /// Changes the settings; a pass that is under way goes on by them.
    pub fn set(&self, settings: ScrubSettings) {
        if self.0.settings.replace(settings) != settings {
            self.0.is_unfit.set(false);
            self.0.generation.set(self.0.generation.get() + 1);
            self.0.changed.wake_all();
        }
    }

    /// What it has done since the start.
    pub fn total(&self) -> ScrubProgress {
        self.0.total.get()
    }

    /// Passes that have come to their end.
    pub fn passes(&self) -> u64 {
        self.0.passes.get()
    }

    /// Whether more errors were found than the threshold allows.
    pub fn is_unfit(&self) -> bool {
        self.0.is_unfit.get()
    }
}

impl Drop for Scrubber {
    fn drop(&mut self) {
        self.0.is_stopped.set(true);
        self.0.changed.wake_all();
    }
}

/// Steps that a first pass over a store takes at most, probably: one per part of what is in use.
fn expected_steps(store: &Store, limits: &ScrubLimits) -> u64 {
    let Ok(space) = store.space() else { return 1 };
    let data = space.data.total.saturating_sub(space.data.free) / limits.bytes.max(1);
    // An entry takes some hundred bytes of the arena with all that belongs to it.
    let entries = space.arena.total.saturating_sub(space.arena.free) / (128 * limits.entries.max(1) as u64);
    data.saturating_add(entries).max(1)
}

async fn run(state: Rc<State>, store: Weak<Store>, spawner: Spawner) {
    let limits = ScrubLimits::default();
    let mut plan: Option<ScrubPlan> = None;
    loop {
        let settings = state.settings.get();
        let generation = state.generation.get();
        let changed = || state.changed.wait_until(|| state.generation.get() != generation || state.is_stopped.get());
        if state.is_stopped.get() {
            return;
        }
        if settings.mode == ScrubMode::Off {
            plan = None;
            state.current.replace(None);
            changed().await;
            continue;
        }
        let Some(open) = store.upgrade() else { return };
        let now = spawner.clock().monotonic();
        let plan = plan.get_or_insert_with(|| ScrubPlan::new(expected_steps(&open, &limits)));
        let pause = plan.pause(&settings, now, open.statistics().requests());
        if !pause.is_zero() {
            drop(open);
            spawner.timeout(pause, changed()).await;
            continue;
        }
        let mut pass =
            if plan.begin_step(now) { None } else { state.current.take() }.unwrap_or_else(|| Scrub::new(None));
        let before = pass.progress();
        match open.scrub_step(&mut pass, limits).await {
            Ok(more) => {
                state.note(&before, &pass.progress());
                if !more {
                    state.note_pass(&pass.progress());
                }
                let rest = plan.end_step(!more);
                state.current.replace(more.then_some(pass));
                drop(open);
                spawner.timeout(rest, changed()).await;
            }
            Err(status) if status.code() == Code::Shutdown => return,
            Err(status) => {
                log!(Error, "scrub", "{}: {status}; scrubbing ends until the next start", state.name);
                return;
            }
        }
    }
}

impl State {
    /// Takes a step into account.
    fn note(&self, before: &ScrubProgress, after: &ScrubProgress) {
        let mut total = self.total.get();
        total.values += after.values - before.values;
        total.bytes += after.bytes - before.bytes;
        total.errors += after.errors - before.errors;
        total.steps += after.steps - before.steps;
        self.total.set(total);
        let threshold = self.settings.get().threshold;
        if threshold > 0 && after.errors >= threshold && !self.is_unfit.replace(true) {
            log!(
                Error,
                "scrub",
                "{}: {} ERRORS WERE FOUND, which reaches the threshold of {threshold}: the storage of this target is failing. Copy its \
                 data elsewhere, and replace the device",
                self.name,
                after.errors
            );
        }
    }

    fn note_pass(&self, progress: &ScrubProgress) {
        self.passes.set(self.passes.get() + 1);
        let ScrubProgress { values, bytes, errors, .. } = progress;
        let name = &self.name;
        match errors {
            0 => log!(Info, "scrub", "{name}: {values} values of {bytes} bytes were verified"),
            _ => log!(Warn, "scrub", "{name}: {values} values of {bytes} bytes were verified, {errors} errors found"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::{Env, Executor, ManualClock, SeededRandom};
    use daos_media::{Durability, MemoryMedia};
    use daos_store::{AkeyUpdate, ChecksumKind, Conditions, Data, Few, StoreSettings, UpdateRequest, UpdateValue};
    use daos_types::{ContainerId, Epoch, Key, ObjectId};
    use std::sync::Arc;
    use std::time::Duration;

    async fn store(spawner: &Spawner, clock: &Arc<ManualClock>) -> Rc<Store> {
        let env = Env { clock: clock.clone(), random: Arc::new(SeededRandom::new(1)) };
        let settings = StoreSettings {
            data_bytes: 64 << 20,
            arena_bytes: 8 << 20,
            log_bytes: 2 << 20,
            durability: Durability::Ram,
            checksum: ChecksumKind::Crc64,
        };
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, spawner).await.expect("create");
        let container = ContainerId::from_bytes([1; 16]);
        store.container_create(container, store.container_defaults()).await.expect("create");
        for number in 0..600u64 {
            let value = UpdateValue::Single(Data::Bytes(vec![number as u8; 10 * number as usize]));
            let akeys = Few::from([AkeyUpdate { akey: Key::from_u64(1), value, conditions: Conditions::NONE }]);
            let (object, dkey, conditions) = (ObjectId { hi: 0, lo: 1 }, Key::from_u64(number), Conditions::NONE);
            let update = UpdateRequest { container, object, epoch: Epoch(1 + number), dkey, conditions, akeys };
            store.update(update).await.expect("update");
        }
        store
    }

    /// Lets the clock run, and tasks with it.
    async fn pass_time(clock: &ManualClock, seconds: u64) {
        for _ in 0..seconds * 100 {
            clock.advance(Duration::from_millis(10));
            for _ in 0..20 {
                daos_env::sync::yield_now().await;
            }
        }
    }

    #[test]
    fn a_scrubber_follows_its_settings() {
        let clock = Arc::new(ManualClock::default());
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let work = async move {
            let store = store(&spawner, &clock).await;
            let scrubber = Scrubber::new(&store, "pool p".to_owned(), &spawner);
            pass_time(&clock, 10).await;
            assert_eq!(scrubber.total(), ScrubProgress::default(), "it is off at first");
            let timed = ScrubSettings { mode: ScrubMode::Timed, frequency: Duration::from_secs(10), threshold: 1 };
            scrubber.set(timed);
            pass_time(&clock, 25).await;
            assert!((2..=3).contains(&scrubber.passes()), "{} passes", scrubber.passes());
            assert_eq!(scrubber.total().errors, 0);
            assert!(scrubber.total().values >= 2 * 600);
            scrubber.set(ScrubSettings { mode: ScrubMode::Lazy, ..timed });
            let before = scrubber.passes();
            pass_time(&clock, 25).await;
            assert!(scrubber.passes() > before + 1, "nobody asks for anything");
            assert!(!scrubber.is_unfit());
            scrubber.set(ScrubSettings::default());
            let before = scrubber.total();
            pass_time(&clock, 25).await;
            assert_eq!(scrubber.total(), before);
            drop(scrubber);
            store.close().await.expect("close");
        };
        executor.block_on(work).expect("it ends");
    }
}
