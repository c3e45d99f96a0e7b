//! Changes with names are made once: asked for again, also after a crash, they are answered as the first time.

mod common;

use common::*;
use daos_env::{Env, Executor, ManualClock, SeededRandom};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::Epoch;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How many changes are remembered.
const REMEMBERED: u64 = 4096;

fn first(sequence: u64) -> ChangeName {
    ChangeName { client: 7, sequence, is_repeat: false }
}

fn again(sequence: u64) -> ChangeName {
    ChangeName { is_repeat: true, ..first(sequence) }
}

async fn put(store: &Store, name: ChangeName, epoch: u64, dkey: &str, value: &[u8]) -> Result<Epoch> {
    store.update_once(update(epoch, dkey, "a", single(value)), name).await
}

/// A value under a key that must not be there yet.
async fn insert(store: &Store, name: ChangeName, epoch: u64, dkey: &str, value: &[u8]) -> Result<Epoch> {
    let request = UpdateRequest { conditions: Conditions::DKEY_INSERT, ..update(epoch, dkey, "a", single(value)) };
    store.update_once(request, name).await
}

async fn newest(store: &Store, dkey: &str) -> Option<Vec<u8>> {
    fetch_single(store, u64::MAX, dkey, "a").await
}

#[test]
fn a_repeat_is_answered_and_not_made() {
    with_store(|store, _| async move {
        store.remember_changes().await.expect("room");
        assert_eq!(put(&store, first(1), 10, "d", b"mine").await, Ok(Epoch(10)));
        assert_eq!(put(&store, first(2), 20, "d", b"another's").await, Ok(Epoch(20)));
        assert_eq!(put(&store, again(1), 30, "d", b"mine").await, Ok(Epoch(10)));
        assert_eq!(newest(&store, "d").await.as_deref(), Some(&b"another's"[..]));
        // Long values go another way.
        assert_eq!(put(&store, first(3), 40, "long", &[1; 70_000]).await, Ok(Epoch(40)));
        assert_eq!(put(&store, again(3), 50, "long", &[2; 70_000]).await, Ok(Epoch(40)));
        assert_eq!(newest(&store, "long").await, Some(vec![1; 70_000]));
        assert_eq!(insert(&store, first(4), 60, "new", b"n").await, Ok(Epoch(60)));
        assert_eq!(insert(&store, again(4), 70, "new", b"n").await, Ok(Epoch(60)));
        let refused = insert(&store, first(5), 80, "new", b"n").await;
        assert_eq!(refused.map_err(|status| status.code()), Err(Code::Exist), "another one finds the key");
        let dkeys = || PunchTarget::Dkeys(vec![key("d")]);
        let (request, repeat) = (punch(90, dkeys()), punch(110, dkeys()));
        assert_eq!(store.punch_once(request, first(6)).await, Ok(Epoch(90)));
        assert_eq!(put(&store, first(7), 100, "d", b"after").await, Ok(Epoch(100)));
        assert_eq!(store.punch_once(repeat, again(6)).await, Ok(Epoch(90)));
        assert_eq!(newest(&store, "d").await.as_deref(), Some(&b"after"[..]));
    });
}

#[test]
fn what_is_new_is_made_though_it_says_that_it_is_a_repeat() {
    with_store(|store, _| async move {
        store.remember_changes().await.expect("room");
        assert_eq!(put(&store, again(1), 10, "d", b"1").await, Ok(Epoch(10)));
        assert_eq!(newest(&store, "d").await.as_deref(), Some(&b"1"[..]));
        // The one that it repeats had waited for its turn: it is too late now.
        assert_eq!(put(&store, first(2), 20, "d", b"2").await, Ok(Epoch(20)));
        assert_eq!(put(&store, first(1), 30, "d", b"1").await, Ok(Epoch(10)));
        assert_eq!(newest(&store, "d").await.as_deref(), Some(&b"2"[..]));
        let same_number = ChangeName { client: 8, ..again(1) };
        assert_eq!(put(&store, same_number, 40, "d", b"other").await, Ok(Epoch(40)), "another client has its own");
    });
}

#[test]
fn a_refused_change_leaves_no_name() {
    with_store(|store, _| async move {
        store.remember_changes().await.expect("room");
        let update_only = |epoch, name| {
            let request =
                UpdateRequest { conditions: Conditions::DKEY_UPDATE, ..update(epoch, "d", "a", single(b"x")) };
            store.update_once(request, name)
        };
        let refused = update_only(10, first(1)).await;
        assert_eq!(refused.map_err(|status| status.code()), Err(Code::Nonexist));
        assert_eq!(put(&store, first(2), 20, "d", b"there").await, Ok(Epoch(20)));
        assert_eq!(update_only(30, again(1)).await, Ok(Epoch(30)));
    });
}

#[test]
fn names_outlive_a_restart_however_many_changes_follow() {
    with_store(|store, reopen| async move {
        store.remember_changes().await.expect("room");
        for number in 1..=REMEMBERED + 10 {
            put(&store, first(number), number, "d", b"early").await.expect("update");
        }
        assert_eq!(put(&store, again(11), 10_000, "e", b"x").await, Ok(Epoch(11)), "the oldest that is remembered");
        assert_eq!(put(&store, again(10), 10_001, "e", b"x").await, Ok(Epoch(10_001)), "older than what is remembered");
        drop(store);
        let store = reopen.open().await.expect("open");
        store.remember_changes().await.expect("room");
        for number in 0..REMEMBERED + 10 {
            put(&store, first(20_000 + number), 20_000 + number, "d", b"late").await.expect("update");
        }
        for number in [12, 10, REMEMBERED + 10] {
            let epoch = if number == 10 { 10_001 } else { number };
            assert_eq!(put(&store, again(number), 50_000, "d", b"x").await, Ok(Epoch(epoch)), "{number}");
        }
        assert_eq!(newest(&store, "d").await.as_deref(), Some(&b"late"[..]));
    });
}

#[test]
fn a_store_without_room_for_names_makes_changes_all_the_same() {
    let small = StoreSettings { data_bytes: 4 << 20, arena_bytes: 1 << 20, ..settings() };
    with_settings(small, |store, reopen| async move {
        let mut number = 0;
        while put(&store, first(number), number + 1, &format!("{number:08}"), &[1; 100]).await.is_ok() {
            number += 1;
        }
        store.remember_changes().await.expect("as many as there is room for");
        // Freeing works in a full store.
        let dkeys = PunchTarget::Dkeys(vec![key("00000000")]);
        assert_eq!(store.punch_once(punch(number + 1, dkeys), first(number)).await, Ok(Epoch(number + 1)));
        drop(store);
        let store = reopen.open().await.expect("open");
        store.remember_changes().await.expect("as many as there is room for");
        assert_eq!(newest(&store, "00000000").await, None);
    });
}

fn environment_of(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

/// Lets a future run until it ends or nothing goes on any more, as when the power is cut.
fn live(media: &SimMedia, life: impl AsyncFnOnce(Rc<Store>) + 'static, is_new: bool) {
    let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
    let (media, spawner): (Rc<dyn daos_media::Media>, _) = (Rc::new(media.clone()), executor.spawner().clone());
    let settings = StoreSettings { data_bytes: 8 << 20, arena_bytes: 4 << 20, log_bytes: 1 << 20, ..settings() };
    let task = executor.spawner().spawn(async move {
        let store = match is_new {
            true => Store::create(media, settings, environment_of(1), &spawner).await,
            false => Store::open(media, environment_of(2), &spawner).await,
        };
        if let Ok(store) = store {
            life(store).await;
        }
    });
    executor.run_until_stalled();
    drop(task);
}

/// Writes values that must not be there yet, some of them long; counts those that were acknowledged.
async fn insert_all(store: &Store, done: &Cell<u64>) -> Result<()> {
    store.container_create(CONTAINER, store.container_defaults()).await?;
    store.remember_changes().await?;
    for number in 0..12 {
        insert(store, first(number), number + 1, &number.to_string(), &value_of(number)).await?;
        done.set(number + 1);
    }
    Ok(())
}

fn value_of(number: u64) -> Vec<u8> {
    let length = [20, 3000, 70_000][number as usize % 3];
    vec![number as u8; length]
}

/// The power is cut at every persist: a change and its name are both there, or neither.
#[test]
fn crash_between_a_change_and_its_name_does_not_happen() {
    let whole = SimMedia::new(3);
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    live(&whole, async move |store| insert_all(&store, &counted).await.expect("no cut"), true);
    assert_eq!(count.get(), 12);
    let (mut made, mut not_made) = (0, 0);
    for cut in 1..=whole.persists() {
        let media = SimMedia::new(3 + cut);
        media.cut_power_at(cut);
        let done = Rc::new(Cell::new(0));
        let counted = done.clone();
        // It ends with an error, or not at all.
        live(&media, async move |store| drop(insert_all(&store, &counted).await), true);
        if done.get() == 0 || done.get() == 12 {
            continue;
        }
        media.power_cycle();
        let results = Rc::new(Cell::new((0, 0)));
        let told = results.clone();
        let acknowledged = done.get();
        let check = async move |store: Rc<Store>| {
            for number in 0..=acknowledged.min(11) {
                let (dkey, epoch) = (number.to_string(), 1000 + number);
                let answer = insert(&store, again(number), epoch, &dkey, &value_of(number)).await;
                let answer = answer.unwrap_or_else(|status| panic!("cut {cut}, change {number}: {status}"));
                assert!(answer == Epoch(number + 1) || (number == acknowledged && answer == Epoch(epoch)), "cut {cut}");
                assert_eq!(newest(&store, &dkey).await, Some(value_of(number)), "cut {cut}, change {number}");
                let (before, after) = told.get();
                told.set(if answer == Epoch(epoch) { (before, after + 1) } else { (before + 1, after) });
            }
        };
        live(&media, check, false);
        let (before, after) = results.get();
        assert_eq!(before + after, acknowledged + 1, "cut {cut}: all were asked for again");
        made += before - acknowledged;
        not_made += after;
    }
    assert!(made > 0 && not_made > 0, "cuts on both sides of a commit: {made} and {not_made}");
}
