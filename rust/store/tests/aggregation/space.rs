//! What is gone gives its space back: after aggregation a store is as large as one that was only ever told what shows.

use crate::common::*;
use daos_status::Code;
use daos_store::*;
use daos_types::Epoch;
use std::cell::Cell;
use std::rc::Rc;

const KEYS: u64 = 600;
const VERSIONS: u64 = 5;

fn name(number: u64) -> String {
    format!("key {number:06}")
}

/// Small values, values on the device, and one that is all punched in the end.
fn value(number: u64, version: u64) -> UpdateValue {
    let length = if number.is_multiple_of(5) { 5000 + version as usize * 4096 } else { 20 + version as usize };
    single(&vec![version as u8; length])
}

async fn put(store: &Store, version: u64) {
    for number in 0..KEYS {
        store.update(update(version, &name(number), "a", value(number, version))).await.expect("update");
    }
}

/// Of a store that never had anything else.
fn space_of_visible() -> StoreSpace {
    let space = Rc::new(Cell::new(StoreSpace::default()));
    let result = space.clone();
    with_store(|store, _| async move {
        for number in (0..KEYS).filter(|number| !number.is_multiple_of(3)) {
            store.update(update(VERSIONS, &name(number), "a", value(number, VERSIONS))).await.expect("update");
        }
        result.set(store.space().expect("space"));
    });
    space.get()
}

async fn overwrite_and_punch(store: &Store) {
    for version in 1..=VERSIONS {
        put(store, version).await;
    }
    let punched = (0..KEYS).filter(|number| number.is_multiple_of(3)).map(|number| key(&name(number))).collect();
    store.punch(punch(VERSIONS + 1, PunchTarget::Dkeys(punched))).await.expect("punch");
}

#[test]
fn space_comes_back() {
    let expected = space_of_visible();
    with_store(move |store: Rc<Store>, _| async move {
        overwrite_and_punch(&store).await;
        let full = store.space().expect("space");
        store.snapshot_create(CONTAINER, Epoch(1)).await.expect("pin");
        store.aggregate(CONTAINER, Epoch(VERSIONS + 1)).await.expect("aggregate");
        assert_eq!(fetch_single(&store, 1, &name(0), "a").await.map(|bytes| bytes.len()), Some(5000 + 4096));
        let pinned = store.space().expect("space");
        assert!(pinned.data.free > full.data.free);
        store.snapshot_destroy(CONTAINER, Epoch(1)).await.expect("unpin");
        store.aggregate(CONTAINER, Epoch(1)).await.expect("aggregate");
        let after = store.space().expect("space");
        assert_eq!(after.data, expected.data);
        // A page of each size class may be used in part.
        assert!(after.arena.free + 8 * (16 << 10) >= expected.arena.free, "{after:?} {expected:?}");
        assert!(after.arena.free > full.arena.free);
        assert!(after.data.free > pinned.data.free);
        let refused = store.fetch(fetch(VERSIONS, &name(0), "a", FetchWhat::Single)).await.expect_err("too old");
        assert_eq!(refused.code(), Code::EpOld);
        let late = store.update(update(VERSIONS + 1, &name(0), "a", single(b"late"))).await.expect_err("too late");
        assert_eq!(late.code(), Code::EpOld);
        // Nothing is left of what was punched: it may become something else.
        let array = UpdateValue::Array { record_size: 1, pieces: Few::from([(extent(0, 1), Data::copy_of(b"x"))]) };
        store.update(update(VERSIONS + 2, &name(0), "a", array)).await.expect("another kind");
    });
}

async fn akeys_at(store: &Store, epoch: u64) -> usize {
    let limits = Limits { count: 10, bytes: 1000 };
    let listed = store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch(epoch), &Anchor::Start, limits).await;
    listed.expect("list").entries.len()
}

/// Punching all records of an array does not unmake it, and neither does it when their space comes back.
#[test]
fn an_emptied_array_still_exists() {
    with_store(|store: Rc<Store>, _| async move {
        let free = store.space().expect("space").data.free;
        let write = |epoch| {
            let pieces = vec![(extent(0, 50_000), Data::copy_of(&[1; 50_000]))];
            update(epoch, "d", "a", UpdateValue::Array { record_size: 1, pieces: pieces.into() })
        };
        let empty = |epoch| update(epoch, "d", "a", UpdateValue::PunchExtents(vec![extent(0, 60_000)]));
        store.update(write(1)).await.expect("update");
        store.update(empty(2)).await.expect("empties");
        assert_eq!(akeys_at(&store, 2).await, 1);
        store.aggregate(CONTAINER, Epoch(3)).await.expect("aggregate");
        assert_eq!(store.space().expect("space").data.free, free);
        assert_eq!(akeys_at(&store, 3).await, 1);
        let reply = store.fetch(fetch(3, "d", "a", FetchWhat::Array(Few::from([extent(0, 10)])))).await.expect("fetch");
        let Fetched::Array { pieces, .. } = &reply.akeys[0] else { panic!("an array") };
        assert!(pieces.iter().all(|piece| !matches!(piece.content, Content::Data(_))));
        store.update(write(4)).await.expect("update");
        store.update(empty(5)).await.expect("empties");
        store.aggregate(CONTAINER, Epoch(6)).await.expect("aggregate");
        assert_eq!(akeys_at(&store, 6).await, 1);
        store.punch(punch(7, PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("a")] })).await.expect("punch");
        assert_eq!(akeys_at(&store, 7).await, 0);
        store.aggregate(CONTAINER, Epoch(8)).await.expect("aggregate");
        assert_eq!(store.max_epoch(CONTAINER, OBJECT).await.expect("asked"), None, "nothing is left");
        assert_eq!(store.space().expect("space").data.free, free);
    });
}
