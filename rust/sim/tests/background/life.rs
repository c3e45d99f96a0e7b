//! A store from its opening to its end, with writers and all its background work, on one executor.

use crate::model::{Model, Name};
use crate::writer::{Writer, below, pause, read};
use daos_env::sync::join_all;
use daos_env::{Clock, Env, Executor, HybridClock, ManualClock, Random, SeededRandom, Spawner};
use daos_media::{DurableArena, Media};
use daos_rebuild::{Aggregator, ReclaimMode, ReclaimSettings, ScrubMode, ScrubSettings, Scrubber};
use daos_sim::media::SimMedia;
use daos_status::{Result, Status};
use daos_store::{ChecksumKind, Durability, Store, StoreSettings};
use daos_types::{ContainerId, Epoch};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

pub const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
/// Writers at a time.
const WRITERS: u64 = 3;
/// Snapshots that are kept at a time, at most.
const PINS_MAX: usize = 4;
/// The most by which the clock goes on in a round in which something was done, in nanoseconds.
const ROUND_TIME: u64 = 60_000;

/// What the tasks of a life share.
pub struct Shared {
    pub model: Rc<RefCell<Model>>,
    pub media: SimMedia,
    pub spawner: Spawner,
    pub epochs: Arc<HybridClock>,
    is_over: Cell<bool>,
}

impl Shared {
    /// The result; nobody sees one once the power is off, and there are no errors before.
    pub async fn check<T>(&self, result: Result<T>) -> T {
        match result {
            Ok(value) => value,
            Err(_) if self.media.is_off() => std::future::pending().await,
            Err(status) => panic!("{status}"),
        }
    }
}

pub struct Life {
    media: SimMedia,
    seed: u64,
    durability: Durability,
    model: Rc<RefCell<Model>>,
}

impl Life {
    pub fn new(media: &SimMedia, seed: u64, durability: Durability, model: &Rc<RefCell<Model>>) -> Life {
        Life { media: media.clone(), seed, durability, model: model.clone() }
    }

    /// Lives until the writers are done, or the power is cut: `true` then.
    pub fn run(self, number: u64) -> bool {
        let random = SeededRandom::new(self.seed);
        let clock = Arc::new(ManualClock::starting_at((1_700_000_000 + 100 * number) * 1_000_000_000));
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let epochs = Arc::new(HybridClock::new(clock.clone()));
        let (media, model) = (self.media.clone(), self.model.clone());
        let shared = Rc::new(Shared { model, media, spawner: spawner.clone(), epochs, is_over: Cell::new(false) });
        let env = Env { clock: clock.clone(), random: Arc::new(SeededRandom::new(random.next_u64())) };
        let (done, store) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Weak::new())));
        let (told, opened, durability, seed) = (done.clone(), store.clone(), self.durability, random.next_u64());
        let known = shared.clone();
        spawner.spawn(async move {
            live(known, opened, env, durability, seed).await;
            told.set(true);
        });
        loop {
            let is_busy = executor.run_once();
            if self.media.is_off() || done.get() {
                break;
            }
            clock.advance(Duration::from_nanos(below(&random, ROUND_TIME)));
            if !is_busy {
                let next = executor.next_timer().expect("somebody waits for a time, or the store is stuck");
                clock.advance(next.saturating_sub(clock.monotonic()));
            }
        }
        if let Some(store) = store.borrow().upgrade() {
            take_counts(&self.model, &store);
        }
        self.media.is_off()
    }
}

fn take_counts(model: &RefCell<Model>, store: &Store) {
    let counts = store.statistics();
    assert_eq!(counts.checksum_errors, 0, "nothing was damaged");
    let tally = &mut model.borrow_mut().tally;
    tally.freed += counts.records_freed;
    tally.scrubbed += counts.scrubbed_values;
}

fn settings(durability: Durability) -> StoreSettings {
    StoreSettings {
        data_bytes: 16 << 20,
        arena_bytes: 8 << 20,
        // So small that it gets full.
        log_bytes: 256 << 10,
        durability,
        checksum: ChecksumKind::Crc32c,
    }
}

async fn open(shared: &Shared, env: Env, durability: Durability) -> Result<Rc<Store>> {
    let media: Rc<dyn Media> = Rc::new(shared.media.clone());
    if shared.model.borrow().is_made {
        return Store::open(media, env, &shared.spawner).await;
    }
    // What was cut off while it was made is made anew.
    DurableArena::remove(&*media)?;
    Store::create(media, settings(durability), env, &shared.spawner).await
}

async fn live(shared: Rc<Shared>, opened: Rc<RefCell<Weak<Store>>>, env: Env, durability: Durability, seed: u64) {
    let random = SeededRandom::new(seed);
    let store = open(&shared, env, durability).await;
    let store = shared.check(store).await;
    opened.replace(Rc::downgrade(&store));
    if !shared.model.borrow().is_made {
        let made = store.container_create(CONTAINER, store.container_defaults()).await;
        shared.check(made).await;
        shared.model.borrow_mut().is_made = true;
    }
    verify(&shared, &store).await;
    let aggregator = Aggregator::new(&store, "the store".to_owned(), shared.epochs.clone(), &shared.spawner);
    aggregator.set(ReclaimSettings { mode: ReclaimMode::Time, gap: Duration::from_micros(below(&random, 10_000)) });
    let scrubber = Scrubber::new(&store, "the store".to_owned(), &shared.spawner);
    let frequency = Duration::from_millis(1 + below(&random, 200));
    scrubber.set(ScrubSettings { mode: ScrubMode::Timed, frequency, threshold: 0 });
    let fresh = || SeededRandom::new(random.next_u64());
    let beside = [
        shared.spawner.spawn(write_checkpoints(shared.clone(), store.clone(), fresh())),
        shared.spawner.spawn(keep_snapshots(shared.clone(), store.clone(), fresh())),
    ];
    let writers = (0..WRITERS).map(|number| {
        let writer = Writer { number, random: fresh(), store: store.clone(), shared: shared.clone() };
        shared.spawner.spawn(writer.work())
    });
    join_all(writers.collect::<Vec<_>>()).await;
    shared.is_over.set(true);
    join_all(beside).await;
    verify(&shared, &store).await;
    assert_eq!(scrubber.total().errors, 0, "nothing was damaged");
    drop((aggregator, scrubber));
    let closed = store.close().await;
    shared.check(closed).await;
    take_counts(&shared.model, &store);
    opened.replace(Weak::new());
}

async fn write_checkpoints(shared: Rc<Shared>, store: Rc<Store>, random: SeededRandom) {
    while !shared.is_over.get() {
        shared.spawner.sleep(Duration::from_micros(below(&random, 30_000))).await;
        let written = store.checkpoint().await;
        shared.check(written).await;
        shared.model.borrow_mut().tally.checkpoints += 1;
    }
}

/// Pins the present, and gives up what is pinned, now and then.
async fn keep_snapshots(shared: Rc<Shared>, store: Rc<Store>, random: SeededRandom) {
    while !shared.is_over.get() {
        pause(&random, &shared.spawner).await;
        shared.spawner.sleep(Duration::from_micros(below(&random, 30_000))).await;
        let pins: Vec<u64> = shared.model.borrow().pins.iter().copied().collect();
        let is_full = pins.len() >= PINS_MAX || (!pins.is_empty() && below(&random, 3) == 0);
        let epoch = if is_full { pins[below(&random, pins.len() as u64) as usize] } else { shared.epochs.next() };
        shared.model.borrow_mut().pin_under_way = Some(epoch);
        let result = match is_full {
            true => store.snapshot_destroy(CONTAINER, Epoch(epoch)).await,
            false => store.snapshot_create(CONTAINER, Epoch(epoch)).await,
        };
        shared.check(result).await;
        let mut model = shared.model.borrow_mut();
        model.pin_under_way = None;
        match is_full {
            true => model.pins.remove(&epoch),
            false => model.pins.insert(epoch),
        };
    }
}

/// Reads everything at every epoch that can be read, at those of changes and at pinned ones.
async fn verify(shared: &Shared, store: &Store) {
    let now = shared.epochs.next();
    let pins = store.snapshot_list(CONTAINER).await;
    let pins: Vec<u64> = shared.check(pins).await.iter().map(|epoch| epoch.0).collect();
    {
        let mut model = shared.model.borrow_mut();
        let doubt = model.pin_under_way.take();
        let known: Vec<u64> = model.pins.iter().copied().filter(|pin| Some(*pin) != doubt).collect();
        let seen: Vec<u64> = pins.iter().copied().filter(|pin| Some(*pin) != doubt).collect();
        assert_eq!(seen, known, "pinned epochs");
        model.pins = pins.iter().copied().collect();
    }
    let names: Vec<Name> = shared.model.borrow().keys.keys().copied().collect();
    for name in names {
        settle(shared, store, name, now).await;
        let aggregated = store.aggregated(CONTAINER).await;
        let aggregated = shared.check(aggregated).await.0;
        let mut epochs: Vec<u64> = shared.model.borrow().keys[&name].epochs().collect();
        epochs.retain(|epoch| *epoch >= aggregated);
        epochs.extend(pins.iter().copied().chain([aggregated.max(1), now]));
        for epoch in epochs {
            match read(store, name, epoch).await {
                Ok(seen) => assert_eq!(seen, shared.model.borrow().keys[&name].shown_at(epoch), "{name:?} at {epoch}"),
                // An aggregator that is at work may have come further meanwhile.
                Err(status) if status.code() == daos_status::Code::EpOld && epoch != now && !pins.contains(&epoch) => {}
                Err(status) => shared.check(Err::<(), Status>(status)).await,
            }
        }
    }
}

/// What was cut off was made or not; from now on that is known.
async fn settle(shared: &Shared, store: &Store, name: Name, now: u64) {
    if !shared.model.borrow().keys[&name].is_pending() {
        return;
    }
    let seen = read(store, name, now).await;
    let seen = shared.check(seen).await;
    let mut model = shared.model.borrow_mut();
    let Some(versions) = model.keys.get_mut(&name) else { return };
    if seen == versions.shown_with_pending() {
        versions.acknowledge();
    } else {
        assert_eq!(seen, versions.shown_at(now), "{name:?} after a crash");
        versions.forget();
    }
}
