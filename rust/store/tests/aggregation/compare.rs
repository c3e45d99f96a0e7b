//! Compares what can be asked with the model. Of arrays it is what each record holds: where extents begin and end, and which epoch they have, is not
//! kept for what was aggregated, and punched records become holes.

use crate::generate::{CONTAINER, EPOCHS, Generator, akeys, dkeys, objects};
use crate::history::{History, record_size};
use crate::model::RECORDS;
use daos_status::Code;
use daos_store::{
    AkeyFetch, Anchor, Conditions, Content, Direction, FetchRequest, FetchWhat, Fetched, Few, Limits, Store,
};
use daos_types::{Epoch, Extent, Key, ObjectId};
use std::collections::BTreeSet;

const ALL: Limits = Limits { count: 1000, bytes: usize::MAX };

/// Compares all pinned epochs, and some others.
pub async fn compare(store: &Store, history: &History, generator: &Generator) {
    let mut epochs = history.pins.clone();
    epochs.extend([history.aggregated, u64::MAX, history.aggregated + generator.below(EPOCHS)]);
    for epoch in epochs {
        compare_at(store, history, epoch, generator).await;
    }
    let old = generator.below(history.aggregated + 1);
    if !history.is_readable(old) {
        let request = fetch(objects()[0], &dkeys(objects()[0])[0], &akeys(objects()[0])[0], old, FetchWhat::Single);
        assert_eq!(store.fetch(request).await.expect_err("too old").code(), Code::EpOld);
        let listed = store.list_objects(CONTAINER, Epoch(old), &Anchor::Start, ALL).await;
        assert_eq!(listed.expect_err("too old").code(), Code::EpOld);
    }
}

pub async fn compare_at(store: &Store, history: &History, epoch: u64, generator: &Generator) {
    let model = &history.model;
    let found = store.list_objects(CONTAINER, Epoch(epoch), &Anchor::Start, ALL).await.expect("list").entries;
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), model.objects(epoch), "objects at {epoch}");
    for object in objects() {
        let found = store.list_dkeys(CONTAINER, object, Epoch(epoch), &Anchor::Start, ALL).await.expect("list");
        let found: BTreeSet<Key> = found.entries.into_iter().collect();
        assert_eq!(found, model.dkeys(object, epoch), "dkeys of {object} at {epoch}");
        if let Some(newest) = model.max_epoch(object).filter(|newest| *newest > history.aggregated) {
            let found = store.max_epoch(CONTAINER, object).await.expect("max epoch");
            assert_eq!(found, Some(Epoch(newest)));
        }
        for dkey in dkeys(object) {
            if generator.one_in(2) {
                continue;
            }
            let found = store.list_akeys(CONTAINER, object, &dkey, Epoch(epoch), &Anchor::Start, ALL).await;
            let found: BTreeSet<Key> = found.expect("list").entries.into_iter().collect();
            let expected = model.akeys(object, &dkey, epoch);
            assert_eq!(found, expected, "{object} {dkey:?} at {epoch}: {}", model.history(object, &dkey));
            for akey in akeys(object) {
                if generator.one_in(2) {
                    continue;
                }
                compare_value(store, history, (object, &dkey, &akey), epoch).await;
            }
        }
    }
}

fn fetch(object: ObjectId, dkey: &Key, akey: &Key, epoch: u64, what: FetchWhat) -> FetchRequest {
    let conditions = Conditions::NONE;
    let akeys = vec![AkeyFetch { akey: akey.clone(), what, conditions }];
    let (epoch, dkey) = (Epoch(epoch), dkey.clone());
    FetchRequest { container: CONTAINER, object, epoch, dkey, akeys: akeys.into(), size_only: false, conditions }
}

async fn compare_value(store: &Store, history: &History, (object, dkey, akey): (ObjectId, &Key, &Key), epoch: u64) {
    let model = &history.model;
    let kind = record_size(object, akey);
    let whole = Extent::new(0, RECORDS).expect("valid");
    let what = if kind.is_some() { FetchWhat::Array(Few::from([whole])) } else { FetchWhat::Single };
    let reply = store
        .fetch(fetch(object, dkey, akey, epoch, what))
        .await
        .unwrap_or_else(|status| panic!("{status} {kind:?}: {}", model.history(object, dkey)));
    let name = || format!("{object} {dkey:?} {akey:?} at {epoch}: {}", model.history(object, dkey));
    let exists = model.akey_exists(object, dkey, akey, epoch);
    match &reply.akeys[0] {
        Fetched::Missing => assert!(!exists, "{}", name()),
        Fetched::Single { data, .. } => {
            let expected = model.single(object, dkey, akey, epoch).map(|(_, bytes)| bytes);
            assert_eq!(Some(data.to_vec()), expected, "{}", name());
        }
        Fetched::Array { record_size, pieces } => {
            assert!(exists, "{}", name());
            let mut found = vec![None; RECORDS as usize];
            for piece in pieces {
                let Content::Data(data) = &piece.content else { continue };
                let records = data.chunks(*record_size as usize);
                for (index, record) in (piece.extent.start()..piece.extent.end()).zip(records) {
                    found[index as usize] = Some(record.to_vec());
                }
            }
            let mut expected = vec![None; RECORDS as usize];
            for run in model.runs(object, dkey, akey, epoch) {
                let Some(bytes) = &run.bytes else { continue };
                let records = bytes.chunks(*record_size as usize);
                for (index, record) in (run.extent.start()..run.extent.end()).zip(records) {
                    expected[index as usize] = Some(record.to_vec());
                }
            }
            assert!(found == expected, "{}", name());
            compare_extents(store, (object, dkey, akey), epoch, &expected).await;
        }
    }
}

async fn compare_extents(
    store: &Store,
    (object, dkey, akey): (ObjectId, &Key, &Key),
    epoch: u64,
    expected: &[Option<Vec<u8>>],
) {
    for direction in [Direction::Forward, Direction::Backward] {
        let listed =
            store.list_extents(CONTAINER, object, dkey, akey, Epoch(epoch), direction, &Anchor::Start, ALL).await;
        let mut found = vec![false; expected.len()];
        for entry in listed.expect("list").entries.iter().filter(|entry| !entry.punched) {
            for index in entry.extent.start()..entry.extent.end() {
                found[index as usize] = true;
            }
        }
        assert_eq!(found, expected.iter().map(Option::is_some).collect::<Vec<_>>());
    }
}
