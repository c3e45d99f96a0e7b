//! A store of an older version is opened and becomes one of the present version when there is hardly room for it: with a full arena, and
//! with a full log. Power cuts while it happens are in `tests/damage/upgrade.rs`.

use crate::{
    AkeyFetch, AkeyUpdate, ChecksumKind, Conditions, Data, Durability, FetchRequest, FetchWhat, Fetched, Store,
    StoreSettings, UpdateRequest, UpdateValue,
};
use daos_env::{Env, Executor, ManualClock, SeededRandom, Spawner};
use daos_media::{DurableArena, Media};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };
/// Where the superblock has its version.
const VERSION_AT: u64 = 8;

fn environment() -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) }
}

/// Runs one life of a process. What it leaves under way when `work` ends is never done, as when it is killed.
fn live<T: 'static, F: Future<Output = T> + 'static>(work: impl FnOnce(Spawner) -> F) -> T {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    executor.block_on(work(spawner)).expect("it ends")
}

async fn create(media: Rc<dyn Media>, durability: Durability, spawner: &Spawner) -> Rc<Store> {
    let checksum = ChecksumKind::Crc64;
    let settings =
        StoreSettings { data_bytes: 1 << 20, arena_bytes: 2 << 20, log_bytes: 256 << 10, durability, checksum };
    let store = Store::create(media, settings, environment(), spawner).await.expect("create");
    store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
    store
}

fn key(number: u64) -> Key {
    Key::from_u64(number)
}

async fn put(store: &Store, number: u64, bytes: usize) -> Result<()> {
    let (container, object, conditions) = (CONTAINER, OBJECT, Conditions::NONE);
    let value = UpdateValue::Single(Data::Bytes(vec![number as u8; bytes]));
    let akeys = vec![AkeyUpdate { akey: key(0), value, conditions }].into();
    let (epoch, dkey) = (Epoch(number + 1), key(number));
    store.update(UpdateRequest { container, object, epoch, dkey, conditions, akeys }).await
}

async fn get(store: &Store, number: u64) -> Option<Vec<u8>> {
    let (container, object, conditions) = (CONTAINER, OBJECT, Conditions::NONE);
    let akeys = vec![AkeyFetch { akey: key(0), what: FetchWhat::Single, conditions }].into();
    let (epoch, dkey, size_only) = (Epoch::MAX, key(number), false);
    let request = FetchRequest { container, object, epoch, dkey, akeys, size_only, conditions };
    match store.fetch(request).await.expect("fetch").akeys.pop().expect("one akey was asked for") {
        Fetched::Single { data, .. } => Some(data.to_vec()),
        _ => None,
    }
}

/// Makes it a store of version 2, as far as its superblock tells.
async fn make_older(durable: &DurableArena) {
    let at = durable.arena().root(0).expect("header") + VERSION_AT;
    let mut transaction = durable.arena().begin();
    transaction.write(at, &2u32.to_le_bytes()).expect("in the arena");
    let lsn = durable.commit(transaction).expect("it has not failed");
    durable.wait_durable(lsn).await.expect("durable");
}

/// The version of the store in an arena.
fn version(durable: &DurableArena) -> u32 {
    let arena = durable.arena();
    arena.read_value(arena.root(0).expect("header") + VERSION_AT).expect("in the arena")
}

async fn open_arena(media: &SimMedia, spawner: &Spawner) -> DurableArena {
    DurableArena::open(Rc::new(media.clone()), environment(), spawner).await.expect("opens")
}

/// Not even what is kept for deleting is left in the arena.
fn fill_with_what_is_kept(durable: &DurableArena) {
    for bytes in [1024, 64, 16] {
        loop {
            let mut transaction = durable.arena().begin_privileged();
            match transaction.allocate(bytes) {
                Ok(_) => drop(durable.commit(transaction).expect("it has not failed")),
                Err(status) => break assert_eq!(status.code(), Code::Nospace, "{status}"),
            }
        }
    }
}

#[test]
fn a_store_with_a_full_arena_is_brought_up_to_date() {
    for durability in [Durability::Log, Durability::Pmem] {
        let media = SimMedia::new(1);
        let folder: Rc<dyn Media> = Rc::new(media.clone());
        let count = live(|spawner| async move {
            let store = create(folder, durability, &spawner).await;
            let mut count = 0;
            let refused = loop {
                match put(&store, count, 200).await {
                    Ok(()) => count += 1,
                    Err(status) => break status,
                }
            };
            assert!(refused.code() == Code::Nospace && count > 1000, "{count} values, then {refused}");
            make_older(&store.durable).await;
            store.durable.checkpoint().await.expect("checkpoint");
            fill_with_what_is_kept(&store.durable);
            store.close().await.expect("close");
            count
        });
        media.power_cycle();
        let folder = media.clone();
        live(|spawner| async move {
            assert_eq!(version(&open_arena(&folder, &spawner).await), 2);
            let store = Store::open(Rc::new(folder), environment(), &spawner).await.expect("opens");
            assert_eq!(version(&store.durable), 3);
            for number in 0..count {
                assert_eq!(get(&store, number).await, Some(vec![number as u8; 200]), "value {number} of {count}");
            }
            let status = put(&store, count, 200).await.expect_err("it is as full as before");
            assert_eq!(status.code(), Code::Nospace, "{status}");
        });
        // It was durable when the open ended, though nothing was closed.
        media.power_cycle();
        live(|spawner| async move { assert_eq!(version(&open_arena(&media, &spawner).await), 3) });
    }
}

const SMALL: u64 = 50;

/// Writes to a place again and again until everything of the log was written once.
async fn go_around(durable: &DurableArena) {
    let mut place = None;
    for _ in 0..durable.statistics().log_capacity / 2048 {
        durable.admission().await.expect("there is room");
        let mut transaction = durable.arena().begin();
        let place = *place.get_or_insert_with(|| transaction.allocate(4000).expect("the arena has room"));
        transaction.write(place.get(), &[1; 4000]).expect("in the arena");
        let lsn = durable.commit(transaction).expect("it has not failed");
        durable.wait_durable(lsn).await.expect("durable");
    }
}

/// A store of version 2 whose log or journal is so full that nothing is admitted before there is room: its process ended just when the
/// last change was durable. What that change needs of a checkpoint has no room on a full disk.
fn store_with_a_full_log(durability: Durability, is_disk_full: bool) -> SimMedia {
    let media = SimMedia::new(2);
    let folder = media.clone();
    live(|spawner| async move {
        let media = folder.clone();
        let folder: Rc<dyn Media> = Rc::new(folder);
        let store = create(folder, durability, &spawner).await;
        for number in 0..SMALL {
            put(&store, number, 100).await.expect("there is room");
        }
        make_older(&store.durable).await;
        go_around(&store.durable).await;
        store.durable.checkpoint().await.expect("checkpoint");
        if is_disk_full {
            media.limit_space(Some(media.blocks_used()));
        }
        let statistics = store.durable.statistics();
        let mut last = None;
        for number in 0..(statistics.log_capacity - statistics.log_used) * 4 / 5 / 4096 {
            let mut transaction = store.durable.arena().begin();
            let place = transaction.allocate(4000).expect("the arena has room");
            transaction.fill(place.get(), &[number as u8; 4000]).expect("in the arena");
            last = Some(store.durable.commit(transaction).expect("it has not failed"));
        }
        store.durable.wait_durable(last.expect("some")).await.expect("durable");
    });
    media.restart_process();
    media
}

async fn check_small(store: &Store) {
    for number in 0..SMALL {
        assert_eq!(get(store, number).await, Some(vec![number as u8; 100]), "value {number}");
    }
}

#[test]
fn a_store_with_a_full_log_is_brought_up_to_date() {
    for durability in [Durability::Log, Durability::Pmem] {
        let media = store_with_a_full_log(durability, false);
        let folder = media.clone();
        live(|spawner| async move {
            let durable = open_arena(&folder, &spawner).await;
            assert_eq!(version(&durable), 2);
            assert!(!durable.admits_now(), "{durability:?}: {:?}", durable.statistics());
        });
        media.power_cycle();
        let folder = media.clone();
        live(|spawner| async move {
            let store = Store::open(Rc::new(folder), environment(), &spawner).await.expect("opens");
            assert_eq!(version(&store.durable), 3);
            check_small(&store).await;
        });
        media.power_cycle();
        live(|spawner| async move {
            let store = Store::open(Rc::new(media), environment(), &spawner).await.expect("opens");
            assert_eq!(version(&store.durable), 3);
            check_small(&store).await;
        });
    }
}

/// When the log is full and no checkpoint can be written, the store is refused for that reason, stays one of version 2, and opens when there is
/// space again.
#[test]
fn a_store_with_a_full_log_on_a_full_disk_stays_as_it_is() {
    let media = store_with_a_full_log(Durability::Log, true);
    let folder = media.clone();
    live(|spawner| async move {
        let opened = Store::open(Rc::new(folder), environment(), &spawner).await;
        let status = opened.err().expect("there is no room for the transaction that names the version");
        assert_eq!(status.code(), Code::Nospace, "{status}");
        assert!(status.to_string().contains("the log is full and no checkpoint can be written"), "{status}");
    });
    media.power_cycle();
    let folder = media.clone();
    live(|spawner| async move { assert_eq!(version(&open_arena(&folder, &spawner).await), 2) });
    media.limit_space(None);
    live(|spawner| async move {
        let store = Store::open(Rc::new(media), environment(), &spawner).await.expect("opens");
        assert_eq!(version(&store.durable), 3);
        check_small(&store).await;
        put(&store, SMALL, 100).await.expect("it goes on");
    });
}
