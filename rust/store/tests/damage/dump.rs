//! Every answer that a store gives, one by one.

use crate::sample::{CHANGES, DKEYS, KINDS, container, object};
use daos_status::{Code, Result, Status};
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};
use std::collections::BTreeMap;

/// Answers by their questions.
pub type Dump = BTreeMap<String, Result<String>>;

const ALL: Limits = Limits { count: 100, bytes: 1 << 20 };

fn text(answer: Result<impl std::fmt::Debug>) -> Result<String> {
    answer.map(|answer| format!("{answer:?}"))
}

/// What damage may be answered with.
pub fn is_damage(status: &Status) -> bool {
    [Code::Csum, Code::DfInval, Code::DfIncompt, Code::Mismatch].contains(&status.code())
}

async fn dump_object(store: &Store, dump: &mut Dump, container: ContainerId, object: ObjectId, epoch: Epoch) {
    let place = format!("{container} {object} at {}", epoch.0);
    let dkeys = store.list_dkeys(container, object, epoch, &Anchor::Start, ALL).await;
    dump.insert(format!("{place}: dkeys"), text(dkeys));
    let request = TreeRequest { container, object, epoch, count: 1000, bytes: 1 << 20, embed: 64 };
    dump.insert(format!("{place}: tree"), text(store.list_tree(&request, &TreeAnchor::Start).await));
    for dkey in (0..DKEYS).map(Key::from_u64) {
        let akeys = store.list_akeys(container, object, &dkey, epoch, &Anchor::Start, ALL).await;
        dump.insert(format!("{place}: akeys of {dkey:?}"), text(akeys));
        for number in 0..4 {
            let akey = Key::from_u64(number);
            let what = match number % 2 {
                0 => FetchWhat::Single,
                _ => FetchWhat::Array(Few::from([Extent::new(0, 50_000).expect("valid")])),
            };
            let conditions = Conditions::NONE;
            let akeys = vec![AkeyFetch { akey, what, conditions }];
            let (dkey, size_only) = (dkey.clone(), false);
            let request = FetchRequest { container, object, epoch, dkey, akeys: akeys.into(), size_only, conditions };
            let question = format!("{place}: value of {:?} {number}", request.dkey);
            dump.insert(question, text(store.fetch(request).await));
        }
    }
}

/// Asks for everything at some epochs.
pub async fn dump(store: &Store) -> Dump {
    let mut dump = Dump::new();
    dump.insert("containers".into(), text(store.container_list().await));
    dump.insert("prepared".into(), text(store.prepared_list().await));
    for (container, object) in (0..KINDS.len()).map(|number| (container(number), object(number))) {
        dump.insert(format!("{container}: snapshots"), text(store.snapshot_list(container).await));
        dump.insert(format!("{container}: aggregated"), text(store.aggregated(container).await));
        dump.insert(format!("{container}: settings"), text(store.container_settings(container).await));
        for epoch in [CHANGES / 3, CHANGES + 1].map(Epoch) {
            let objects_there = store.list_objects(container, epoch, &Anchor::Start, ALL).await;
            dump.insert(format!("{container} at {}: objects", epoch.0), text(objects_there));
            dump_object(store, &mut dump, container, object, epoch).await;
        }
    }
    dump
}
