//! Values of 4 KiB and more on a data device that is memory: in place or copied, whole or in part, in one piece or many.

mod common;

use common::*;
use daos_env::sync::{join_all, yield_now};
use daos_env::{Executor, ManualClock};
use daos_media::{FileMedia, IoEngine};
use daos_status::Code;
use daos_store::*;
use daos_types::Epoch;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

fn bytes(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 251 + seed) as u8).collect()
}

/// The data of an only akey.
fn data_of(reply: FetchReply) -> Data {
    match reply.akeys.into_iter().next().expect("one") {
        Fetched::Single { data, .. } => data,
        Fetched::Array { mut pieces, .. } => match pieces.pop().expect("one piece").content {
            Content::Data(data) => data,
            other => panic!("{other:?}"),
        },
        Fetched::Missing => panic!("missing"),
    }
}

async fn put(store: &Store, name: &str, seed: usize, length: usize) -> daos_status::Result<()> {
    store.update(update(1, name, "a", single(&bytes(seed, length)))).await
}

async fn view(store: &Store, name: &str) -> Data {
    data_of(store.fetch_in_place(fetch(u64::MAX, name, "a", FetchWhat::Single)).await.expect("fetch"))
}

#[test]
fn sizes_around_blocks_and_chunks_come_back() {
    for durability in [Durability::Ram, Durability::Log] {
        with_settings(
            StoreSettings { durability, checksum: ChecksumKind::Crc64, ..settings() },
            |store, _| async move {
                for length in [4095, 4096, 4097, 8191, 32_767, 32_768, 32_769, 65_536, 1 << 20, (1 << 20) + 5] {
                    let name = length.to_string();
                    put(&store, &name, length, length).await.expect("update");
                    assert!(*view(&store, &name).await == bytes(length, length)[..], "{length} in place");
                    let copied = fetch_single(&store, u64::MAX, &name, "a").await;
                    assert!(copied == Some(bytes(length, length)), "{length} copied");
                }
            },
        );
    }
}

#[test]
fn parts_of_an_extent_are_found_in_place() {
    with_settings(StoreSettings { durability: Durability::Ram, ..settings() }, |store, _| async move {
        let whole = bytes(3, 100_000);
        let pieces = vec![(extent(500, 100_000), Data::copy_of(&whole))];
        store
            .update(update(1, "d", "a", UpdateValue::Array { record_size: 1, pieces: pieces.into() }))
            .await
            .expect("update");
        for (start, count) in [(0, 1), (0, 100_000), (4095, 2), (32_767, 2), (32_768, 32_768), (99_999, 1)] {
            let what = FetchWhat::Array(Few::from([extent(500 + start, count)]));
            let part = &whole[start as usize..(start + count) as usize];
            let request = fetch(u64::MAX, "d", "a", what);
            let seen = data_of(store.fetch_in_place(request.clone()).await.expect("fetch"));
            assert!(matches!(seen, Data::View(_)) && *seen == *part, "{start}+{count}");
            let copied = data_of(store.fetch(request).await.expect("fetch"));
            assert!(!matches!(copied, Data::View(_)) && *copied == *part, "{start}+{count}");
        }
    });
}

/// Replacing a value frees its blocks, which the next value would take.
#[test]
fn what_is_looked_at_is_not_written_to() {
    with_settings(StoreSettings { durability: Durability::Ram, ..settings() }, |store, _| async move {
        put(&store, "d", 1, 50_000).await.expect("update");
        let old = view(&store, "d").await;
        for seed in 2..50 {
            put(&store, "d", seed, 50_000).await.expect("update");
            assert!(*view(&store, "d").await == bytes(seed, 50_000)[..]);
        }
        assert!(*old == bytes(1, 50_000)[..]);
    });
}

/// A full device has blocks for a new value once those who look at the freed ones have gone: not before, and then at once.
#[test]
fn a_full_device_waits_for_views_to_end() {
    with_settings(
        StoreSettings { durability: Durability::Ram, data_bytes: 2 << 20, ..settings() },
        |store, reopen| async move {
            let count = store.space().expect("space").data.free / 8192;
            for number in 0..count {
                put(&store, &number.to_string(), number as usize, 8192).await.expect("update");
            }
            assert_eq!(put(&store, "one more", 0, 8192).await.expect_err("full").code(), Code::Nospace);
            let seen = view(&store, "0").await;
            store.punch(punch(2, PunchTarget::Dkeys(vec![key("1")]))).await.expect("punch");
            // At its own epoch a value goes away when it is punched.
            store.punch(punch(1, PunchTarget::Akeys { dkey: key("0"), akeys: vec![key("a")] })).await.expect("punch");
            assert_eq!(store.space().expect("space").data.free, 8192);
            let waiting = store.clone();
            let waiter = reopen.spawner.spawn(async move { put(&waiting, "one more", 9, 8192).await });
            // It cannot end: the blocks are looked at. Requests that need none go on.
            for _ in 0..10 {
                view(&store, "2").await;
            }
            assert!(*seen == bytes(0, 8192)[..]);
            drop(seen);
            waiter.await.expect("the task runs").expect("there is space now");
            assert!(*view(&store, "one more").await == bytes(9, 8192)[..]);
        },
    );
}

/// More views than there may be: the others are copies, and nothing else changes.
#[test]
fn many_views_at_once() {
    with_settings(StoreSettings { durability: Durability::Ram, ..settings() }, |store, _| async move {
        put(&store, "d", 1, 5000).await.expect("update");
        let all = join_all((0..1000).map(|_| view(&store, "d"))).await;
        let in_place = all.iter().filter(|data| matches!(data, Data::View(_))).count();
        assert!(in_place > 0 && in_place < 1000);
        assert!(all.iter().all(|data| **data == bytes(1, 5000)[..]));
        put(&store, "d", 2, 5000).await.expect("update");
        drop(all);
        assert!(*view(&store, "d").await == bytes(2, 5000)[..]);
        assert!(matches!(view(&store, "d").await, Data::View(_)));
    });
}

#[test]
fn scattered_blocks_hold_a_value_and_space_says_so() {
    with_settings(
        StoreSettings { durability: Durability::Ram, data_bytes: 4 << 20, ..settings() },
        |store, _| async move {
            let count = store.space().expect("space").data.free / 4096;
            for number in 0..count {
                put(&store, &number.to_string(), number as usize, 4096).await.expect("update");
            }
            for number in (0..count).step_by(2) {
                let gone = PunchTarget::Akeys { dkey: key(&number.to_string()), akeys: vec![key("a")] };
                store.punch(punch(1, gone)).await.expect("punch");
            }
            let space = store.space().expect("space");
            assert_eq!(space.data.free, count.div_ceil(2) * 4096);
            assert!(space.free_runs > count / 3, "{space:?}");
            let length = space.data.free as usize;
            put(&store, "scattered", 5, length).await.expect("what is free can be written");
            assert!(*view(&store, "scattered").await == bytes(5, length)[..]);
            assert_eq!(store.space().expect("space").data.free, 0);
            let part = FetchRequest { epoch: Epoch::MAX, ..fetch(1, "scattered", "a", FetchWhat::Single) };
            let store: Rc<Store> = store;
            assert!(*data_of(store.fetch(part).await.expect("fetch")) == bytes(5, length)[..]);
        },
    );
}

/// Runs a test with a store that has a container, in files of its own: its clock, and the file of the data device.
fn with_files<F: Future<Output = ()> + 'static>(
    data_bytes: u64,
    test: impl FnOnce(Rc<Store>, Arc<ManualClock>, PathBuf) -> F + 'static,
) {
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().to_path_buf();
    let clock = Arc::new(ManualClock::default());
    let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let done = executor.block_on(async move {
        let data = place.join("data");
        let media = Rc::new(FileMedia::create(place, IoEngine::Automatic, &spawner).expect("media"));
        let settings = StoreSettings { data_bytes, ..settings() };
        let store = Store::create(media, settings, environment(), &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        test(store, clock, data).await;
    });
    done.expect("the test ends");
}

/// Bytes of the file system that a file takes.
fn taken_by(file: &Path) -> u64 {
    std::fs::metadata(file).expect("the file").blocks() * 512
}

/// The space of a large container goes back to the file system by itself, but for what will be written next; all of it when asked for.
#[test]
fn files_shrink_when_values_are_freed() {
    const VALUE: usize = 4 << 20;
    with_files(256 << 20, |store, clock, data| async move {
        let taken = || taken_by(&data);
        for number in 0..24 {
            put(&store, &number.to_string(), number, VALUE).await.expect("update");
        }
        let full = taken();
        assert!(full >= 24 * VALUE as u64, "{full} bytes are taken");
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.wait_until_reclaimed().await;
        // The pass runs in a task of its own, which nothing here waits for, when nothing was written for a while.
        while taken() > 72 << 20 {
            clock.advance(Duration::from_millis(1));
            yield_now().await;
        }
        assert!(store.trim().await.expect("trim") > 200 << 20);
        assert!(taken() < 1 << 20, "{} bytes are still taken", taken());
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        put(&store, "again", 3, VALUE).await.expect("update");
        assert!(fetch_single(&store, u64::MAX, "again", "a").await == Some(bytes(3, VALUE)));
        store.close().await.expect("close");
    });
}

/// Giving space back waits until nothing is written, but not longer than its store lives: then the files are somebody else's.
#[test]
fn a_store_that_is_gone_leaves_its_files_alone() {
    const VALUE: usize = 4 << 20;
    with_files(256 << 20, |store, clock, data| async move {
        let taken = || taken_by(&data);
        for number in 0..24 {
            put(&store, &number.to_string(), number, VALUE).await.expect("update");
        }
        store.container_destroy(CONTAINER).await.expect("destroy");
        store.wait_until_reclaimed().await;
        // When this is durable, what was freed before is, too, and is to be given back when the clock goes on.
        store.container_create(CONTAINER, store.container_defaults()).await.expect("container");
        for _ in 0..100 {
            yield_now().await;
        }
        let before = taken();
        drop(store);
        for _ in 0..1000 {
            clock.advance(Duration::from_millis(10));
            yield_now().await;
        }
        assert_eq!(taken(), before, "nothing was given back by a store that is gone");
    });
}

/// Blocks that come next are written when the store is idle, and as many as it is told; what others hold stays as it is.
#[test]
fn free_blocks_are_written_ahead() {
    const VALUE: usize = 40_000;
    with_files(64 << 20, |store, clock, data| async move {
        // A mark in the blocks that come next: who has written them is seen.
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&data).expect("the data device");
        file.write_all_at(&[7; 1 << 20], 2 << 20).expect("write");
        let is_marked = || {
            let mut bytes = vec![0; 1 << 20];
            file.read_exact_at(&mut bytes, 2 << 20).expect("read");
            bytes.contains(&7)
        };
        put(&store, "first", 3, VALUE).await.expect("update");
        for _ in 0..100 {
            yield_now().await;
        }
        assert!(is_marked(), "not before the store is idle");
        while is_marked() {
            clock.advance(Duration::from_millis(10));
            yield_now().await;
        }
        file.write_all_at(&[7; 1 << 20], 2 << 20).expect("write");
        put(&store, "second", 4, VALUE).await.expect("update");
        let space = store.space().expect("space");
        store.write_ahead(u64::MAX).await.expect("written");
        assert!(!is_marked(), "again, as it was told");
        assert_eq!(store.space().expect("space"), space);
        for (dkey, epoch) in [("first", 3), ("second", 4)] {
            assert!(fetch_single(&store, u64::MAX, dkey, "a").await == Some(bytes(epoch, VALUE)), "{dkey}");
        }
        let taken = taken_by(&data);
        assert!(taken >= 64 << 20, "{taken} bytes are taken: all of it is written");
        store.close().await.expect("close");
    });
}
