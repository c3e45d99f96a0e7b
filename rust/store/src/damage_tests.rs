//! Damaged metadata gives errors: never a panic, never a walk without end.
//!
//! Pages and log records have checksums, so what is tried here is what a fault of this program, or a well-made forgery, would leave.
//! `DAOS_STORE_DAMAGES=n` tries n of them, `DAOS_STORE_FIRST_DAMAGE=n` starts at one.

mod forged;

use crate::{
    AkeyFetch, AkeyUpdate, Anchor, ChangeName, ChecksumKind, Conditions, Data, Direction, Durability, End,
    FetchRequest, FetchWhat, Few, KeyChoice, Limits, Operation, PunchRequest, PunchTarget, QueryRequest, Scrub,
    ScrubLimits, Store, StoreSettings, TransactionRequest, TreeAnchor, TreeRequest, UpdateRequest, UpdateValue,
};
use daos_env::{Env, Executor, ManualClock, Random, SeededRandom, Spawner};
use daos_media::{Arena, DurableArena, MemoryMedia};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType, TransactionId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const CONTAINERS: [ContainerId; 2] = [ContainerId::from_bytes([1; 16]), ContainerId::from_bytes([2; 16])];
const ARENA_BYTES: u64 = 2 << 20;
const LIMITS: Limits = Limits { count: 1000, bytes: 1 << 20 };

fn objects() -> [ObjectId; 3] {
    [0, 4, 7].map(|kind| ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType(kind), ObjectClass::S1))
}

fn key(number: u64) -> Key {
    Key::from_u64(number)
}

fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).expect("valid")
}

fn value(number: u64) -> UpdateValue {
    match number % 5 {
        0 => UpdateValue::Single(Data::Bytes(vec![1; 30])),
        2 => UpdateValue::Single(Data::Bytes(vec![1; 9000])),
        4 => UpdateValue::PunchExtents(vec![extent(number, 5)]),
        _ => {
            let bytes = Data::Bytes(vec![2; if number % 10 == 1 { 70_000 } else { 20 }]);
            UpdateValue::Array { record_size: 1, pieces: Few::from([(extent(number, bytes.len() as u64), bytes)]) }
        }
    }
}

fn update(container: ContainerId, object: ObjectId, number: u64, conditions: Conditions) -> UpdateRequest {
    // Kinds of values that fit together share an akey.
    let akey = key([0, 1, 0, 1, 1][(number % 5) as usize]);
    let akeys = vec![AkeyUpdate { akey, value: value(number), conditions }];
    UpdateRequest {
        container,
        object,
        epoch: Epoch(number + 1),
        dkey: key(number % 60),
        conditions,
        akeys: akeys.into(),
    }
}

fn name(sequence: u64, is_repeat: bool) -> ChangeName {
    ChangeName { client: 5, sequence, is_repeat }
}

async fn build(store: &Store) {
    store.remember_changes().await.expect("room");
    for container in CONTAINERS {
        store.container_create(container, store.container_defaults()).await.expect("create");
        for object in objects() {
            for number in 0..250 {
                let request = update(container, object, number, Conditions::NONE);
                store.update_once(request, name(number, false)).await.expect("update");
                if number % 17 == 0 {
                    let what = PunchTarget::Dkeys(vec![key(number % 60)]);
                    let (epoch, conditions) = (Epoch(number + 1), Conditions::NONE);
                    store.punch(PunchRequest { container, object, epoch, what, conditions }).await.expect("punch");
                }
            }
        }
    }
}

fn transaction(number: u8) -> TransactionId {
    TransactionId::from_bytes([number; 16])
}

/// Prepared changes, which stay, and the outcome of one.
async fn prepare_some(store: &Store) {
    for number in 0..4 {
        let (container, epoch) = (CONTAINERS[usize::from(number % 2)], Epoch(1000 + u64::from(number)));
        let update = |at: u64| {
            let mut update = update(container, objects()[0], 300 + at, Conditions::NONE);
            update.epoch = epoch;
            update.dkey = key(1000 + u64::from(number));
            Operation::Update(update)
        };
        let operations = (0..5).map(update).collect();
        let transaction = transaction(number);
        let request = TransactionRequest { transaction, epoch, container, operations, reads: Vec::new() };
        store.prepare(request).await.expect("prepared");
    }
    store.commit(transaction(3), Epoch(1003)).await.expect("committed");
}

/// Ends what is prepared.
async fn end_some(store: &Store) {
    let _answer = store.prepared_list().await;
    let _answer = store.commit(transaction(0), Epoch(1000)).await;
    let _answer = store.abort(transaction(1), Epoch(1001)).await;
    let _answer = store.transaction_outcome(transaction(3), Epoch(1003)).await;
}

/// Asks for everything; the answers may be anything.
async fn read_all(store: &Store) {
    let _answer = store.space();
    let _answer = store.container_list().await;
    let dkey_and_akeys = [(key(1), key(0)), (key(1), key(1)), (key(51), key(1))];
    for container in CONTAINERS {
        let _answer = store.list_objects(container, Epoch::MAX, &Anchor::Start, LIMITS).await;
        for object in objects() {
            let _answer = store.max_epoch(container, object).await;
            let request = TreeRequest { container, object, epoch: Epoch::MAX, count: 1000, bytes: 1 << 20, embed: 64 };
            let _answer = store.list_tree(&request, &TreeAnchor::Start).await;
            for epoch in [Epoch(100), Epoch::MAX] {
                let _answer = store.list_dkeys(container, object, epoch, &Anchor::Start, LIMITS).await;
                for (dkey, akey) in &dkey_and_akeys {
                    let _answer = store.list_akeys(container, object, dkey, epoch, &Anchor::Start, LIMITS).await;
                    for direction in [Direction::Forward, Direction::Backward] {
                        let start = Anchor::Start;
                        let list = store.list_extents(container, object, dkey, akey, epoch, direction, &start, LIMITS);
                        let _answer = list.await;
                    }
                    let array = FetchWhat::Array(Few::from([extent(0, 1 << 20), extent(1 << 40, 5)]));
                    let what = if *akey == key(0) { FetchWhat::Single } else { array };
                    let conditions = Conditions::NONE;
                    let akeys = vec![AkeyFetch { akey: akey.clone(), what, conditions }];
                    let (dkey, size_only) = (dkey.clone(), false);
                    let request =
                        FetchRequest { container, object, epoch, dkey, akeys: akeys.into(), size_only, conditions };
                    let _answer = store.fetch(request).await;
                }
            }
            for end in [End::Min, End::Max] {
                let (dkey, akey, extent) = (KeyChoice::Ask, Some(KeyChoice::Ask), true);
                let request = QueryRequest { container, object, epoch: Epoch::MAX, end, dkey, akey, extent };
                let _answer = store.query_key(request).await;
            }
        }
    }
}

/// Changes something; what comes of it may be anything.
async fn write_some(store: &Rc<Store>, random: &SeededRandom) {
    let pick = |count: usize| (random.next_u64() % count as u64) as usize;
    for _ in 0..6 {
        let (container, object) = (CONTAINERS[pick(2)], objects()[pick(3)]);
        let number = random.next_u64() % 400;
        let conditions = [Conditions::NONE, Conditions::DKEY_UPDATE, Conditions::AKEY_INSERT][pick(3)];
        let is_repeat = pick(2) == 0;
        let _answer = store.update_once(update(container, object, number, conditions), name(number, is_repeat)).await;
        let what = match pick(3) {
            0 => PunchTarget::Object,
            1 => PunchTarget::Dkeys(vec![key(number % 60)]),
            _ => PunchTarget::Akeys { dkey: key(number % 60), akeys: vec![key(0), key(1)] },
        };
        let _answer = store.punch(PunchRequest { container, object, epoch: Epoch(number + 1), what, conditions }).await;
    }
    let _answer = store.container_destroy(CONTAINERS[pick(2)]).await;
    let _answer = store.container_create(ContainerId::from_bytes([9; 16]), store.container_defaults()).await;
}

/// What runs in the background: scrubbing, aggregation, and freeing of what was destroyed.
async fn tidy_up(store: &Rc<Store>) {
    let mut scrub = Scrub::new(None);
    while store.scrub_step(&mut scrub, ScrubLimits::default()).await.is_ok_and(|goes_on| goes_on) {}
    for container in CONTAINERS {
        let _answer = store.snapshot_create(container, Epoch(120)).await;
        let _answer = store.aggregate(container, Epoch(200)).await;
        let _answer = store.discard(container, None, Epoch(210)..=Epoch(230)).await;
    }
    store.wait_until_reclaimed().await;
}

/// Puts something else into a few bytes of the part of the arena that is in use.
fn damage(arena: &Arena, used: u64, random: &SeededRandom) -> String {
    let position = random.next_u64() % (used - 8) / 4 * 4;
    let mut bytes = [0; 8];
    arena.read_into(position, &mut bytes).expect("in the arena");
    let before = bytes;
    let other = random.next_u64() % (used / 8);
    match random.next_u64() % 5 {
        0 => bytes[random.next_u64() as usize % 8] ^= 1 << (random.next_u64() % 8),
        1 => bytes[..4].copy_from_slice(&(other as u32).to_le_bytes()),
        2 => bytes = random.next_u64().to_le_bytes(),
        3 => bytes[..4].copy_from_slice(&[[0; 4], [255; 4]][(random.next_u64() % 2) as usize]),
        _ => bytes = arena.read_value(other * 8).expect("in the arena"),
    }
    arena.restore(position, &bytes).expect("in the arena");
    format!("{before:?} at {position} became {bytes:?}")
}

/// A store that has something of everything, left as a killed process leaves it.
async fn sample(spawner: &Spawner) -> DurableArena {
    let env = Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) };
    let settings = StoreSettings {
        data_bytes: 64 << 20,
        arena_bytes: ARENA_BYTES,
        log_bytes: 1 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc32c,
    };
    let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, spawner).await.expect("create");
    build(&store).await;
    prepare_some(&store).await;
    store.durable.clone()
}

/// Opens a store and does everything with it: whatever it answers, it answers. Whether it opened.
async fn exercise(durable: &DurableArena, random: &SeededRandom, spawner: &Spawner, what: &str) -> bool {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Store::start(durable.clone(), spawner)));
    let store = match outcome {
        Ok(Ok(store)) => store,
        Ok(Err(_)) => return false,
        Err(_) => panic!("{what}"),
    };
    let mut work = Box::pin(async {
        read_all(&store).await;
        end_some(&store).await;
        write_some(&store, random).await;
        tidy_up(&store).await;
        read_all(&store).await;
    });
    let guarded = std::future::poll_fn(|context| {
        let poll = || work.as_mut().poll(context);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)).unwrap_or_else(|_| panic!("{what}"))
    });
    guarded.await;
    drop(work);
    // What frees containers in the background ends with its store.
    drop(store);
    daos_env::sync::yield_now().await;
    true
}

async fn run(seeds: std::ops::Range<u64>, spawner: Spawner) {
    let durable = sample(&spawner).await;
    let arena = durable.arena();
    let image = arena.read(0, ARENA_BYTES as usize).expect("all of it").to_vec();
    let used = ARENA_BYTES - arena.space().expect("sound").free - arena.space().expect("sound").reserved;
    let count = seeds.end - seeds.start;
    let mut refused = 0;
    for seed in seeds {
        let random = SeededRandom::new(seed);
        arena.restore(0, &image).expect("all of it");
        let what = damage(arena, used, &random);
        let is_open = exercise(&durable, &random, &spawner, &format!("seed {seed}: {what}")).await;
        refused += u64::from(!is_open);
    }
    assert!(refused < count, "some damages are found only later");
}

#[test]
fn damaged_metadata_gives_errors() {
    let variable = |name, default| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    let first = variable("DAOS_STORE_FIRST_DAMAGE", 0);
    let seeds = first..first + variable("DAOS_STORE_DAMAGES", 60);
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    executor.block_on(run(seeds, spawner)).expect("it ends");
}
