//! What readers may see, and what is left after a process was killed.

mod common;

use common::*;
use daos_env::{Env, Executor, JoinHandle, ManualClock, SeededRandom};
use daos_media::{Media, MemoryMedia};
use daos_sim::media::{Fault, SimMedia};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{ContainerId, Epoch};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

/// A store on simulated media with a container.
fn store_on(executor: &Executor, media: Rc<dyn Media>, settings: StoreSettings) -> Rc<Store> {
    let spawner = executor.spawner().clone();
    let made = executor.block_on(async move {
        let store = Store::create(media, settings, environment(1), &spawner).await?;
        store.container_create(CONTAINER, store.container_defaults()).await?;
        Ok::<_, daos_status::Status>(store)
    });
    made.expect("done").expect("create")
}

/// Runs a request as far as it comes by itself; its result, if it has one.
fn outcome<T: 'static>(executor: &Executor, request: impl Future<Output = T> + 'static) -> Option<T> {
    let result = Rc::new(RefCell::new(None));
    let place = result.clone();
    let task: JoinHandle<()> = executor.spawner().spawn(async move {
        let value = request.await;
        place.replace(Some(value));
    });
    executor.run_until_stalled();
    drop(task);
    result.take()
}

fn settings_with(data_bytes: u64) -> StoreSettings {
    StoreSettings { data_bytes, arena_bytes: 8 << 20, log_bytes: 1 << 20, ..settings() }
}

/// Invariant 2: a change that a power cut could take back is shown to nobody.
#[test]
fn readers_wait_for_the_log() {
    let executor = executor();
    let media = SimMedia::new(7);
    let store = store_on(&executor, Rc::new(media.clone()), settings_with(4 << 20));
    let put = |epoch, dkey: &'static str, conditions| {
        let store = store.clone();
        let request = UpdateRequest { conditions, ..update(epoch, dkey, "a", single(b"x")) };
        async move { store.update(request).await }
    };
    let get = |dkey: &'static str| {
        let store = store.clone();
        async move { fetch_single(&store, u64::MAX, dkey, "a").await }
    };
    outcome(&executor, put(1, "old", Conditions::NONE)).expect("done").expect("update");
    // The next write of the log never ends: the power is gone.
    media.cut_power_at(media.persists() + 1);
    assert!(outcome(&executor, put(2, "new", Conditions::NONE)).is_none(), "it cannot be durable");
    assert_eq!(outcome(&executor, get("old")), Some(Some(b"x".to_vec())), "what is durable is shown");
    assert_eq!(outcome(&executor, get("new")), None, "what is not durable was shown");
    let refused = outcome(&executor, put(3, "new", Conditions::DKEY_INSERT));
    assert!(refused.is_none(), "a refusal tells that it is there: {refused:?}");
    let listing = {
        let store = store.clone();
        let limits = Limits { count: 10, bytes: 1000 };
        async move { store.list_dkeys(CONTAINER, OBJECT, Epoch::MAX, &Anchor::Start, limits).await }
    };
    assert!(outcome(&executor, listing).is_none());
    let max = {
        let store = store.clone();
        async move { store.max_epoch(CONTAINER, OBJECT).await }
    };
    assert!(outcome(&executor, max).is_none());
    let destroy = {
        let store = store.clone();
        async move { store.container_destroy(CONTAINER).await }
    };
    assert!(outcome(&executor, destroy).is_none());
    let list = {
        let store = store.clone();
        async move { store.container_list().await }
    };
    assert!(outcome(&executor, list).is_none(), "that the container is gone is not durable");
    assert!(store.statistics().waits_for_log >= 5);
}

/// When the log cannot be written, the change is refused, and those who saw it hear of it; what is durable can be read.
#[test]
fn a_failed_log_refuses_changes() {
    let executor = executor();
    let media = SimMedia::new(3);
    let store = store_on(&executor, Rc::new(media.clone()), settings_with(4 << 20));
    let put = |epoch, dkey: &'static str| {
        let store = store.clone();
        async move { store.update(update(epoch, dkey, "a", single(b"x"))).await }
    };
    outcome(&executor, put(1, "old")).expect("done").expect("update");
    // The note of what was acknowledged may be written first; nobody waits for that.
    (1..=3).for_each(|next| media.fail_call(media.calls() + next, Fault::InputOutput));
    assert!(outcome(&executor, put(2, "new")).expect("an answer").is_err());
    assert!(outcome(&executor, put(3, "more")).expect("an answer").is_err());
    let fetch_of = |dkey: &'static str| {
        let store = store.clone();
        async move { store.fetch(fetch(u64::MAX, dkey, "a", FetchWhat::Single)).await }
    };
    assert!(outcome(&executor, fetch_of("old")).expect("an answer").is_ok());
    assert!(outcome(&executor, fetch_of("new")).expect("an answer").is_err());
}

/// A write of the data device that fails, or finds the disk full, is refused and leaves nothing.
#[test]
fn a_failed_write_of_data_leaves_nothing() {
    for fault in [Fault::InputOutput, Fault::NoSpace, Fault::Short] {
        let executor = executor();
        let media = SimMedia::new(5);
        let store = store_on(&executor, Rc::new(media.clone()), settings_with(4 << 20));
        let before = store.space().expect("space").data;
        let put = |epoch: u64, bytes: usize| {
            let store = store.clone();
            async move { store.update(update(epoch, "d", "a", single(&vec![9; bytes]))).await }
        };
        media.fail_call(media.calls() + 1, fault);
        let expected = if fault == Fault::NoSpace { Code::Nospace } else { Code::Io };
        assert_eq!(outcome(&executor, put(1, 100_000)).expect("an answer").expect_err("failed").code(), expected);
        assert_eq!(store.space().expect("space").data, before);
        outcome(&executor, put(2, 100_000)).expect("an answer").expect("the device works again");
    }
}

/// Damaged data is told by its checksum, and counted.
#[test]
fn damaged_data_is_noticed() {
    let executor = executor();
    let media = SimMedia::new(5);
    let store = store_on(&executor, Rc::new(media.clone()), settings_with(4 << 20));
    let put = {
        let store = store.clone();
        let pieces = vec![(extent(0, 100_000), Data::Bytes(vec![1; 100_000]))];
        async move { store.update(update(1, "d", "a", UpdateValue::Array { record_size: 1, pieces: pieces.into() })).await }
    };
    outcome(&executor, put).expect("done").expect("update");
    // The value was written to the first free blocks. Its checksums cover 32 KiB each.
    media.flip_bit("data", 40_000 * 8).expect("there is such a bit");
    let get = |start, count| {
        let store = store.clone();
        let what = FetchWhat::Array(Few::from([extent(start, count)]));
        async move { store.fetch(fetch(1, "d", "a", what)).await }
    };
    assert!(outcome(&executor, get(0, 32 * 1024)).expect("done").is_ok(), "another chunk is whole");
    assert!(outcome(&executor, get(65_536, 10)).expect("done").is_ok(), "another chunk is whole");
    let damaged = outcome(&executor, get(33_000, 5)).expect("done").expect_err("damaged");
    assert_eq!(damaged.code(), Code::Csum);
    assert!(damaged.to_string().contains("dkey \"d\""), "{damaged}");
    assert_eq!(store.statistics().checksum_errors, 1);
}

/// A request that is dropped while the data device writes for it gives its blocks back when that has ended, not before.
#[test]
fn dropped_requests_give_their_blocks_back() {
    for rounds in 0..40 {
        let executor = executor();
        let media = SimMedia::new(rounds);
        let store = store_on(&executor, Rc::new(media.clone()), settings_with(4 << 20));
        let before = store.space().expect("space").data;
        let mut request = {
            let store = store.clone();
            Box::pin(async move { store.update(update(1, "d", "a", single(&[3; 50_000]))).await })
        };
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for _ in 0..rounds {
            if request.as_mut().poll(&mut context).is_ready() {
                break;
            }
            executor.run_once();
        }
        drop(request);
        executor.run_until_stalled();
        let space = store.space().expect("space").data;
        let there = outcome(&executor, {
            let store = store.clone();
            async move { fetch_single(&store, u64::MAX, "d", "a").await }
        });
        match there.expect("done") {
            None => assert_eq!(space, before, "after {rounds} rounds"),
            Some(bytes) => assert_eq!((bytes, before.free - space.free), (vec![3; 50_000], 13 * 4096)),
        }
    }
}

async fn open(media: &MemoryMedia, executor: &daos_env::Spawner) -> Result<Rc<Store>> {
    Store::open(Rc::new(media.clone()), environment(1), executor).await
}

/// A process that is killed while a destroyed container is freed goes on after the next start, as often as it takes.
#[test]
fn freeing_goes_on_after_a_kill() {
    let media = MemoryMedia::new();
    let (empty, arena) = {
        let executor = executor();
        let store = store_on(&executor, Rc::new(media.clone()), settings_with(16 << 20));
        let empty = store.space().expect("space");
        let fill = {
            let store = store.clone();
            async move {
                for number in 0..3000u64 {
                    let (dkey, akey) = (format!("dkey {}", number % 700), format!("akey {}", number % 3));
                    let bytes = if number % 4 == 0 { 5000 } else { 50 };
                    store.update(update(number + 1, &dkey, &akey, single(&vec![1; bytes]))).await.expect("update");
                }
                store.close().await.expect("close");
            }
        };
        executor.block_on(fill).expect("done");
        (empty.data, empty.arena)
    };
    for kill in 0.. {
        let executor = executor();
        let spawner = executor.spawner().clone();
        let opened = media.clone();
        let store = executor.block_on(async move { open(&opened, &spawner).await }).expect("done").expect("open");
        if kill == 0 {
            let store = store.clone();
            drop(executor.spawner().spawn(async move { store.container_destroy(CONTAINER).await }));
        }
        if store.space().expect("space").data == empty && kill > 1 {
            executor.run_until_stalled();
            break;
        }
        // A few steps, then the process is gone.
        (0..12).for_each(|_| {
            executor.run_once();
        });
        assert!(kill < 1000, "it makes progress");
    }
    let executor = executor();
    let spawner = executor.spawner().clone();
    let check = async move {
        let store = open(&media, &spawner).await.expect("open");
        assert_eq!(store.container_list().await.expect("list"), Vec::<ContainerId>::new());
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        let space = store.space().expect("space");
        assert_eq!(space.data, empty);
        // Slabs keep a page for each size that was in use.
        assert!(arena.free - space.arena.free < 2 << 20, "{} of {} are free", space.arena.free, arena.free);
    };
    executor.block_on(check).expect("done");
}

/// A transaction had read at an epoch ahead of the calendar, the engine was started anew, and another transaction wrote what the first one had not seen at
/// an earlier epoch.
#[test]
fn epochs_at_which_transactions_read_are_remembered_after_a_close_and_a_kill() {
    for is_closed in [true, false] {
        let media = MemoryMedia::new();
        {
            let executor = executor();
            let store = store_on(&executor, Rc::new(media.clone()), settings_with(16 << 20));
            let read = async move {
                store.update(update(10, "d", "a", single(b"x"))).await.expect("update");
                for epoch in [7_000_000_000, 9_000_000_000, 9_000_000_001, 20] {
                    store.remember_read(Epoch(epoch)).await.expect("noted");
                    assert!(store.newest_epoch() >= Epoch(epoch));
                }
                if is_closed {
                    store.close().await.expect("close");
                }
            };
            executor.block_on(read).expect("done");
        }
        let executor = executor();
        let spawner = executor.spawner().clone();
        let check = async move {
            let store = open(&media, &spawner).await.expect("open");
            assert!(store.newest_epoch() >= Epoch(9_000_000_001), "{:?}, closed {is_closed}", store.newest_epoch());
        };
        executor.block_on(check).expect("done");
    }
}
