//! Trees of several levels: thousands of keys in every order of their coming, thousands of overlapping extents.

mod common;

use common::*;
use daos_env::{Random, SeededRandom};
use daos_status::Code;
use daos_store::*;
use daos_types::{Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const KEYS: u64 = 4000;
const EVERYTHING: Limits = Limits { count: 100, bytes: 1 << 20 };

fn object(kind: u8) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: 77 }, ObjectType(kind), ObjectClass::S1)
}

fn key_of(kind: u8, number: u64) -> Key {
    match kind {
        2 => Key::from_u64(number << 7),
        _ => Key::new(format!("{:0width$}", number, width = 1 + (number % 3) as usize * 6).as_bytes()).expect("short"),
    }
}

async fn put(store: &Store, object: ObjectId, epoch: u64, dkey: Key) {
    let request = UpdateRequest { object, dkey, ..update(epoch, "", "a", single(b"x")) };
    store.update(request).await.expect("update");
}

async fn list(store: &Store, object: ObjectId, epoch: u64) -> Vec<Key> {
    let mut all = Vec::new();
    let mut anchor = Anchor::Start;
    while anchor != Anchor::End {
        let listing = store.list_dkeys(CONTAINER, object, Epoch(epoch), &anchor, EVERYTHING).await.expect("list");
        all.extend(listing.entries);
        anchor = listing.next;
    }
    all
}

/// As `assert_eq`, but says only where long lists begin to differ.
fn assert_same<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T], what: &str) {
    if found != expected {
        let at = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
        let (lengths, here) = ((found.len(), expected.len()), (found.get(at), expected.get(at)));
        panic!("{what}: found and expected differ at {at} of {lengths:?}: {here:?}");
    }
}

async fn end_of(store: &Store, object: ObjectId, epoch: u64, end: End) -> Option<Key> {
    let dkey = KeyChoice::Ask;
    let request =
        QueryRequest { container: CONTAINER, object, epoch: Epoch(epoch), end, dkey, akey: None, extent: false };
    match store.query_key(request).await {
        Ok(reply) => Some(reply.dkey),
        Err(status) => {
            assert_eq!(status.code(), Code::Nonexist);
            None
        }
    }
}

async fn fill_and_check(store: &Store, kind: u8, order: Vec<u64>) {
    let object = object(kind);
    // When each key was put, and when it was punched.
    let mut model: BTreeMap<Key, (u64, u64)> = BTreeMap::new();
    for (step, number) in order.iter().enumerate() {
        let epoch = step as u64 + 1;
        put(store, object, epoch, key_of(kind, *number)).await;
        model.entry(key_of(kind, *number)).or_insert((epoch, u64::MAX));
    }
    let last = order.len() as u64 + 1;
    let punched: Vec<Key> = model.keys().filter(|key| key.len() % 2 == 0 || key[0] > 90).cloned().collect();
    for keys in punched.chunks(100) {
        let request = PunchRequest { object, ..punch(last, PunchTarget::Dkeys(keys.to_vec())) };
        store.punch(request).await.expect("punch");
        keys.iter().for_each(|key| model.get_mut(key).expect("there").1 = last);
    }
    for epoch in [0, 1, last / 2, last - 1, last, u64::MAX] {
        let there = |(_, (from, to)): &(&Key, &(u64, u64))| *from <= epoch && (epoch < *to || *to == u64::MAX);
        let mut expected: Vec<Key> = model.iter().filter(there).map(|(key, _)| key.clone()).collect();
        let mut found = list(store, object, epoch).await;
        match kind {
            0 => found.sort(),
            2 => expected.sort_by_key(|key| key.to_u64()),
            _ => {}
        }
        assert_same(&found, &expected, &format!("kind {kind}, epoch {epoch}"));
        if kind != 0 {
            assert_eq!(end_of(store, object, epoch, End::Min).await.as_ref(), expected.first());
            assert_eq!(end_of(store, object, epoch, End::Max).await.as_ref(), expected.last());
        }
    }
}

fn shuffled(count: u64, seed: u64) -> Vec<u64> {
    let random = SeededRandom::new(seed);
    let mut order: Vec<u64> = (0..count).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, (random.next_u64() % (at as u64 + 1)) as usize);
    }
    order
}

#[test]
fn keys_of_every_kind_come_in_every_order() {
    with_store(|store, _| async move {
        for kind in [0, 2, 5] {
            fill_and_check(&store, kind, shuffled(KEYS, u64::from(kind))).await;
        }
    });
}

#[test]
fn keys_come_rising_and_falling() {
    with_store(|store, _| async move {
        fill_and_check(&store, 2, (0..KEYS).collect()).await;
        fill_and_check(&store, 5, (0..KEYS).rev().collect()).await;
    });
}

/// Each record with the version that wrote it last, per epoch of the past that is looked at.
struct Cells {
    versions: Vec<(u64, Extent, bool)>,
}

impl Cells {
    fn runs(&self, epoch: u64) -> Vec<(Extent, u64, bool)> {
        let mut cells: BTreeMap<u64, (u64, usize, bool)> = BTreeMap::new();
        for (number, (at, extent, punched)) in
            self.versions.iter().enumerate().filter(|(_, version)| version.0 <= epoch)
        {
            for index in extent.start()..extent.end() {
                let cell = cells.entry(index).or_insert((0, 0, false));
                if (*at, number) >= (cell.0, cell.1) {
                    *cell = (*at, number, *punched);
                }
            }
        }
        let mut runs: Vec<(Extent, u64, bool, usize)> = Vec::new();
        for (index, (at, number, punched)) in cells {
            match runs.last_mut() {
                Some(run) if run.3 == number && run.0.end() == index => {
                    run.0 = Extent::from_bounds(run.0.start(), index + 1).expect("grows");
                }
                _ => runs.push((Extent::new(index, 1).expect("one"), at, punched, number)),
            }
        }
        runs.into_iter().map(|(extent, at, punched, _)| (extent, at, punched)).collect()
    }
}

async fn list_extents(store: &Store, epoch: u64, direction: Direction, count: usize) -> Vec<(Extent, u64, bool)> {
    let mut all = Vec::new();
    let mut anchor = Anchor::Start;
    while anchor != Anchor::End {
        let limits = Limits { count, bytes: 0 };
        let (dkey, akey) = (key("d"), key("a"));
        let listing = store.list_extents(CONTAINER, OBJECT, &dkey, &akey, Epoch(epoch), direction, &anchor, limits);
        let listing = listing.await.expect("list");
        all.extend(listing.entries.into_iter().map(|entry| (entry.extent, entry.epoch.0, entry.punched)));
        anchor = listing.next;
    }
    all
}

async fn check_array(store: &Store, cells: &Cells, epoch: u64) {
    let mut runs = cells.runs(epoch);
    let reply =
        store.fetch(fetch(epoch, "d", "a", FetchWhat::Array(Few::from([extent(0, 1 << 40)])))).await.expect("fetch");
    let found = match &reply.akeys[0] {
        Fetched::Array { pieces, .. } => {
            for piece in pieces {
                if let Content::Data(data) = &piece.content {
                    assert!(data.iter().all(|byte| *byte == piece.epoch.0 as u8));
                    assert_eq!(data.len() as u64, piece.extent.count());
                }
            }
            let shows = pieces.iter().filter(|piece| piece.content != Content::Hole);
            shows.map(|piece| (piece.extent, piece.epoch.0, piece.content == Content::Punched)).collect()
        }
        Fetched::Missing => Vec::new(),
        Fetched::Single { .. } => panic!("an array"),
    };
    assert_same(&found, &runs, &format!("fetched at epoch {epoch}"));
    assert_same(&list_extents(store, epoch, Direction::Forward, 50).await, &runs, &format!("forward at {epoch}"));
    runs.reverse();
    assert_same(&list_extents(store, epoch, Direction::Backward, 77).await, &runs, &format!("backward at {epoch}"));
}

fn with_array(seed: u64, count: u64, width: u64, epoch_of: fn(u64, u64) -> u64) {
    with_store(move |store: Rc<Store>, _| async move {
        let random = SeededRandom::new(seed);
        let mut cells = Cells { versions: Vec::new() };
        let mut epochs = BTreeSet::from([0, u64::MAX]);
        for step in 0..count {
            let range = extent(random.next_u64() % width, 1 + random.next_u64() % 60);
            let epoch = epoch_of(step, random.next_u64());
            let punched = random.next_u64().is_multiple_of(9);
            let value = match punched {
                true => UpdateValue::PunchExtents(vec![range]),
                false => {
                    let bytes = Data::Bytes(vec![epoch as u8; range.count() as usize]);
                    UpdateValue::Array { record_size: 1, pieces: Few::from([(range, bytes)]) }
                }
            };
            store.update(update(epoch, "d", "a", value)).await.expect("update");
            cells.versions.push((epoch, range, punched));
            if step.is_multiple_of(count / 5) {
                epochs.insert(epoch);
            }
        }
        for epoch in epochs {
            check_array(&store, &cells, epoch).await;
        }
    });
}

#[test]
fn extents_that_overlap_with_rising_epochs() {
    with_array(1, 3000, 20_000, |step, _| step + 1);
}

#[test]
fn extents_that_overlap_with_epochs_out_of_order() {
    with_array(2, 3000, 5_000, |_, random| 1 + random % 500);
}

#[test]
fn extents_with_many_versions_of_few_ranges() {
    with_array(3, 2000, 10, |step, _| step + 1);
}

#[test]
fn extents_of_one_epoch() {
    with_array(4, 600, 300, |_, random| 1 + random % 2);
}
