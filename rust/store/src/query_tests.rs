//! Queries for the greatest and least walk down to their answer: they do not scan what is there.

use crate::tree::visits;
use crate::{
    AkeyUpdate, Conditions, Data, Durability, End, KeyChoice, PunchRequest, PunchTarget, QueryReply, QueryRequest,
    Store, StoreSettings, UpdateRequest, UpdateValue,
};
use daos_checksum::ChecksumKind;
use daos_env::{Env, Executor, ManualClock, SeededRandom};
use daos_media::MemoryMedia;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);

/// Keys, or extents.
const COUNT: u64 = 100_000;

/// Nodes that a walk may visit: a few trees of a few levels.
const FEW: u64 = 40;

/// Dkeys and akeys are integers.
pub(crate) fn object() -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: 1 }, ObjectType(4), ObjectClass::S1)
}

pub(crate) fn with_store(test: impl AsyncFnOnce(Rc<Store>) + 'static) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let settings = StoreSettings {
        data_bytes: 16 << 20,
        arena_bytes: 256 << 20,
        log_bytes: 1 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc32c,
    };
    let work = async move {
        let env = Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) };
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        test(store).await;
    };
    executor.block_on(work).expect("it ends");
}

pub(crate) async fn update(store: &Store, epoch: u64, dkey: u64, akeys: Vec<(u64, UpdateValue)>) {
    let akey = |(akey, value)| AkeyUpdate { akey: Key::from_u64(akey), value, conditions: Conditions::NONE };
    let request = UpdateRequest {
        container: CONTAINER,
        object: object(),
        epoch: Epoch(epoch),
        dkey: Key::from_u64(dkey),
        conditions: Conditions::NONE,
        akeys: akeys.into_iter().map(akey).collect(),
    };
    store.update(request).await.expect("update");
}

pub(crate) async fn punch(store: &Store, epoch: u64, dkeys: impl Iterator<Item = u64>) {
    let what = PunchTarget::Dkeys(dkeys.map(Key::from_u64).collect());
    let (container, object, epoch, conditions) = (CONTAINER, object(), Epoch(epoch), Conditions::NONE);
    store.punch(PunchRequest { container, object, epoch, what, conditions }).await.expect("punch");
}

pub(crate) fn single() -> UpdateValue {
    UpdateValue::Single(Data::copy_of(b"x"))
}

/// An answer, and how many nodes were visited for it.
async fn ask(store: &Store, end: End, dkey: KeyChoice, akey: Option<KeyChoice>, extent: bool) -> (QueryReply, u64) {
    let before = visits();
    let (container, object, epoch) = (CONTAINER, object(), Epoch::MAX);
    let reply = store.query_key(QueryRequest { container, object, epoch, end, dkey, akey, extent }).await;
    (reply.expect("there is one"), visits() - before)
}

async fn dkey_at(store: &Store, end: End) -> (u64, u64) {
    let (reply, visits) = ask(store, end, KeyChoice::Ask, None, false).await;
    (reply.dkey.to_u64().expect("an integer"), visits)
}

#[test]
fn the_ends_of_many_dkeys_are_found_by_a_walk() {
    with_store(async |store: Rc<Store>| {
        for dkey in 0..COUNT {
            update(&store, 1, dkey * 7919 % COUNT, vec![(dkey % 3, single())]).await;
        }
        for (end, expected) in [(End::Min, 0), (End::Max, COUNT - 1)] {
            let (found, visits) = dkey_at(&store, end).await;
            assert_eq!(found, expected);
            assert!(visits <= FEW, "{visits} nodes were visited");
        }
    });
}

#[test]
fn a_punched_tail_is_passed_over_once() {
    with_store(async |store: Rc<Store>| {
        for dkey in 0..COUNT {
            update(&store, 1, dkey, vec![(0, single())]).await;
        }
        let tail = COUNT / 2;
        for dkeys in (tail..COUNT).collect::<Vec<_>>().chunks(1000) {
            punch(&store, 2, dkeys.iter().copied()).await;
        }
        let (found, first) = dkey_at(&store, End::Max).await;
        assert_eq!(found, tail - 1);
        assert!(first > tail / 50, "they are there, and none of them shows");
        let (found, visits) = dkey_at(&store, End::Max).await;
        assert_eq!(found, tail - 1);
        assert!(visits <= FEW, "{visits} nodes were visited");
        // The tail grows, as that of a queue: each answer begins at the one before.
        for dkey in (tail - 300..tail).rev() {
            punch(&store, 3, std::iter::once(dkey)).await;
            let (found, visits) = dkey_at(&store, End::Max).await;
            assert_eq!(found, dkey - 1);
            assert!(visits <= 4 * FEW, "{visits} nodes were visited");
        }
        // What is written beyond is seen, and the other end is not in the way.
        update(&store, 4, COUNT - 5, vec![(0, single())]).await;
        assert_eq!(dkey_at(&store, End::Max).await.0, COUNT - 5);
        punch(&store, 5, std::iter::once(COUNT - 5)).await;
        assert_eq!(dkey_at(&store, End::Max).await.0, tail - 301);
        assert_eq!(dkey_at(&store, End::Min).await.0, 0);
        // Below the newest epoch the tail is there.
        let (container, object, end) = (CONTAINER, object(), End::Max);
        let old =
            QueryRequest { container, object, epoch: Epoch(1), end, dkey: KeyChoice::Ask, akey: None, extent: false };
        assert_eq!(store.query_key(old).await.expect("there").dkey, Key::from_u64(COUNT - 1));
    });
}

/// What a discarded punch has hidden is found again, and what aggregation has freed is not missed.
#[test]
fn ends_are_found_anew_after_a_discard_and_after_aggregation() {
    with_store(async |store: Rc<Store>| {
        for dkey in 0..50 {
            update(&store, 1, dkey, vec![(0, single())]).await;
        }
        punch(&store, 2, 30..40).await;
        punch(&store, 3, 40..50).await;
        assert_eq!(dkey_at(&store, End::Max).await.0, 29);
        store.discard(CONTAINER, None, Epoch(3)..=Epoch(3)).await.expect("discard");
        assert_eq!(dkey_at(&store, End::Max).await.0, 49);
        punch(&store, 4, 40..50).await;
        assert_eq!(dkey_at(&store, End::Max).await.0, 29);
        punch(&store, 5, 29..30).await;
        store.aggregate(CONTAINER, Epoch(6)).await.expect("aggregate");
        assert_eq!(dkey_at(&store, End::Max).await.0, 28);
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        update(&store, 1, 45, vec![(0, single())]).await;
        assert_eq!(dkey_at(&store, End::Max).await.0, 45);
    });
}

#[test]
fn the_ends_of_many_akeys_are_found_by_a_walk() {
    with_store(async |store: Rc<Store>| {
        for akeys in (0..COUNT).collect::<Vec<_>>().chunks(500) {
            update(&store, 1, 5, akeys.iter().map(|akey| (*akey, single())).collect()).await;
        }
        for (end, expected) in [(End::Min, 0), (End::Max, COUNT - 1)] {
            let (reply, visits) = ask(&store, end, KeyChoice::Ask, Some(KeyChoice::Ask), false).await;
            assert_eq!(reply.akey, Some(Key::from_u64(expected)));
            assert!(visits <= FEW, "{visits} nodes were visited");
        }
    });
}

#[test]
fn the_ends_of_many_extents_are_found_by_a_walk() {
    with_store(async |store: Rc<Store>| {
        for starts in (0..COUNT).collect::<Vec<_>>().chunks(500) {
            let piece = |start: &u64| (Extent::new(*start * 3, 2).expect("valid"), Data::copy_of(b"xy"));
            let pieces = starts.iter().map(piece).collect();
            update(&store, 1, 5, vec![(7, UpdateValue::Array { record_size: 1, pieces })]).await;
        }
        for (end, expected) in [(End::Min, 0), (End::Max, (COUNT - 1) * 3)] {
            for akey in [KeyChoice::Ask, KeyChoice::Given(Key::from_u64(7))] {
                let (reply, visits) = ask(&store, end, KeyChoice::Ask, Some(akey), true).await;
                assert_eq!(reply.extent, Extent::new(expected, 2));
                assert!(visits <= 3 * FEW, "{visits} nodes were visited");
            }
        }
    });
}
