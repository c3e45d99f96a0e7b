//! What lies in the room of its parent: one allocation for a new key and its value, reuse of the room, and rollback.

use crate::{
    AkeyFetch, AkeyUpdate, ChecksumKind, Conditions, Data, Durability, FetchRequest, FetchWhat, Fetched, Operation,
    PunchRequest, PunchTarget, Store, StoreSettings, UpdateRequest, UpdateValue,
};
use daos_env::{Env, Executor, ManualClock, SeededRandom};
use daos_media::MemoryMedia;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };

fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(Rc<Store>) -> F + 'static) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let env = Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) };
    let settings = StoreSettings {
        data_bytes: 1 << 20,
        arena_bytes: 4 << 20,
        log_bytes: 1 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc64,
    };
    let work = async move {
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        test(store).await;
    };
    executor.block_on(work).expect("it ends");
}

fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

fn request(epoch: u64, dkey: &str, akey: &str, value: UpdateValue) -> UpdateRequest {
    let (container, object, conditions) = (CONTAINER, OBJECT, Conditions::NONE);
    let akeys = vec![AkeyUpdate { akey: key(akey), value, conditions }];
    UpdateRequest { container, object, epoch: Epoch(epoch), dkey: key(dkey), conditions, akeys: akeys.into() }
}

fn single(length: usize, byte: u8) -> UpdateValue {
    UpdateValue::Single(Data::Bytes(vec![byte; length]))
}

fn array(start: u64, length: usize, byte: u8) -> UpdateValue {
    let extent = Extent::new(start, length as u64).expect("valid");
    UpdateValue::Array { record_size: 1, pieces: vec![(extent, Data::Bytes(vec![byte; length]))].into() }
}

async fn fetched(store: &Store, epoch: u64, dkey: &str, akey: &str) -> Option<Vec<u8>> {
    let conditions = Conditions::NONE;
    let akeys = vec![AkeyFetch { akey: key(akey), what: FetchWhat::Single, conditions }];
    let (dkey, epoch) = (key(dkey), Epoch(epoch));
    let (container, object, size_only) = (CONTAINER, OBJECT, false);
    let request = FetchRequest { container, object, epoch, dkey, akeys: akeys.into(), size_only, conditions };
    match store.fetch(request).await.expect("fetch").akeys.pop().expect("one akey was asked for") {
        Fetched::Single { data, .. } => Some(data.to_vec()),
        _ => None,
    }
}

fn used(store: &Store) -> u64 {
    store.durable.arena().space().expect("space").used
}

/// A dkey of 16 bytes, an akey of one and a value of 64 take 136 bytes, of the class of 144: 12 + 16 + 4, 12 + 1 + 3, 24 + 64.
#[test]
fn a_new_key_and_its_value_are_one_allocation() {
    run(async |store| {
        store.update(request(1, "the first of all", "a", single(64, 1))).await.expect("update");
        let before = used(&store);
        store.update(request(1, "sixteen bytes ->", "v", single(64, 7))).await.expect("update");
        // The object's tree of two dkeys, too: its head, and a leaf.
        assert_eq!(used(&store) - before, 144 + 32 + 32);
        let before = used(&store);
        store.update(request(1, "seventeen bytes >", "v", array(5, 64, 7))).await.expect("update");
        // 12 + 17 + 3, 12 + 1 + 3, 24 + 64, of the same class; the leaf of two entries becomes one of five: 72 instead of 32.
        assert_eq!(used(&store) - before, 144 + 72 - 32);
        let before = used(&store);
        let sevens = UpdateValue::Array {
            record_size: 2,
            pieces: vec![(Extent::new(5, 32).expect("valid"), Data::Bytes(vec![7; 64]))].into(),
        };
        store.update(request(1, "seventeen bytes 2", "v", sevens)).await.expect("update");
        // With records of two bytes nothing is brief: 16 + 24, 16 + 8, 40 + 64 is 168, of the class of 176.
        assert_eq!(used(&store) - before, 176);
        assert_eq!(fetched(&store, 9, "sixteen bytes ->", "v").await, Some(vec![7; 64]));
    });
}

/// A file of 4 KiB as `libdfs` makes it: what a directory keeps of it, its object, and where its bytes are.
#[test]
fn a_small_file_takes_less_than_300_bytes_of_metadata() {
    run(async |store| {
        let name = |number: u64| format!("file.mdtest.0.{number:05}");
        let put = async |number: u64| {
            let entry = request(1 + number, &name(number), "DFS_INODE", array(0, 72, 7));
            store.update(entry).await.expect("the entry");
            let content = request(1 + number, "\x01\0\0\0\0\0\0\0", "0", array(0, 4096, 7));
            let object = ObjectId { hi: 0, lo: 1 << 32 | number };
            store.update(UpdateRequest { object, ..content }).await.expect("the content");
        };
        // As many as the data device has room for, behind those that make the trees.
        for number in 0..40 {
            put(number).await;
        }
        let before = used(&store);
        for number in 40..240 {
            put(number).await;
        }
        let each = (used(&store) - before) as f64 / 200.0;
        assert!(each < 300.0, "{each} bytes");
    });
}

#[test]
fn room_is_used_again_by_what_fits() {
    run(async |store| {
        store.update(request(5, "dkey", "akey", single(100, 1))).await.expect("update");
        let before = used(&store);
        // Replaced at its own epoch by what is shorter, and by what is as long as the first was.
        for (length, byte) in [(10, 2), (100, 3), (0, 4), (99, 5)] {
            store.update(request(5, "dkey", "akey", single(length, byte))).await.expect("update");
            assert_eq!(fetched(&store, 5, "dkey", "akey").await, Some(vec![byte; length]));
            assert_eq!(used(&store), before, "{length} bytes");
        }
        // What does not fit lies elsewhere, and the room is free for the next one.
        store.update(request(5, "dkey", "akey", single(500, 6))).await.expect("update");
        assert_eq!(fetched(&store, 5, "dkey", "akey").await, Some(vec![6; 500]));
        assert!(used(&store) > before + 500);
        store.update(request(5, "dkey", "akey", single(100, 7))).await.expect("update");
        assert_eq!((fetched(&store, 5, "dkey", "akey").await, used(&store)), (Some(vec![7; 100]), before));
        // A second version does not: the first one is still there.
        store.update(request(6, "dkey", "akey", single(10, 8))).await.expect("update");
        assert_eq!(fetched(&store, 5, "dkey", "akey").await, Some(vec![7; 100]));
        assert_eq!(fetched(&store, 6, "dkey", "akey").await, Some(vec![8; 10]));
    });
}

#[test]
fn room_of_a_punched_value_is_used_again() {
    run(async |store| {
        for value in [single(64, 1), array(3, 64, 1)] {
            let akey = if matches!(value, UpdateValue::Single(_)) { "single" } else { "array" };
            store.update(request(5, akey, akey, value)).await.expect("update");
            let what = PunchTarget::Akeys { dkey: key(akey), akeys: vec![key(akey)] };
            let (container, object, conditions) = (CONTAINER, OBJECT, Conditions::NONE);
            let punch = PunchRequest { container, object, epoch: Epoch(5), what, conditions };
            store.punch(punch).await.expect("punch");
            assert_eq!(fetched(&store, 9, "single", "single").await, None);
            let before = used(&store);
            let value = if akey == "single" { single(60, 2) } else { array(8, 60, 2) };
            store.update(request(6, akey, akey, value)).await.expect("update");
            assert_eq!(used(&store), before, "{akey}");
            if akey == "single" {
                assert_eq!(fetched(&store, 9, akey, akey).await, Some(vec![2; 60]));
                // For the next round, nothing is to be seen of it.
                store
                    .punch(PunchRequest {
                        container,
                        object,
                        epoch: Epoch(6),
                        what: PunchTarget::Dkeys(vec![key(akey)]),
                        conditions,
                    })
                    .await
                    .expect("punch");
            }
        }
    });
}

/// A change that puts something into used room and is then refused leaves what was there.
#[test]
fn what_was_in_the_room_comes_back() {
    run(async |store| {
        store.update(request(5, "dkey", "akey", single(100, 1))).await.expect("update");
        let before = used(&store);
        let replaced = request(5, "dkey", "akey", single(90, 2));
        let mut refused = request(5, "dkey", "other", single(1, 3));
        refused.conditions = Conditions::AKEY_UPDATE;
        let operations = vec![Operation::Update(replaced), Operation::Update(refused)];
        store.apply(operations).await.expect_err("there is no such akey");
        assert_eq!((fetched(&store, 5, "dkey", "akey").await, used(&store)), (Some(vec![1; 100]), before));
    });
}

/// Everything that lay in rooms goes with its container.
#[test]
fn rooms_go_with_their_container() {
    run(async |store| {
        let before = used(&store);
        for round in 0..50u64 {
            let dkey = format!("dkey {}", round % 10);
            for (akey, value) in [("single", single(40, 1)), ("array", array(round * 7, 40, 2))] {
                store.update(request(1 + round % 3, &dkey, akey, value)).await.expect("update");
            }
        }
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.wait_until_reclaimed().await;
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        assert_eq!(used(&store), before);
    });
}
