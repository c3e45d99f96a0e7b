//! Compares everything that a store can be asked with the model.

use crate::check_tree;
use crate::generate::{CONTAINER, EPOCHS, Generator, akeys, dkeys, objects};
use crate::model::{Kind, Model, Run};
use daos_status::Code;
use daos_store::{
    AkeyFetch, Anchor, Conditions, Content, Direction, End, FetchRequest, FetchWhat, Fetched, FetchedPiece, KeyChoice,
    Limits, Listing, QueryReply, QueryRequest, Store,
};
use daos_types::{Epoch, Extent, Key, KeyKind, ObjectId};
use std::collections::BTreeSet;

/// Compares a part of everything, chosen by the generator.
pub async fn check(store: &Store, model: &Model, generator: &Generator) {
    let epoch = if generator.one_in(3) { u64::MAX } else { generator.below(EPOCHS + 2) };
    check_objects(store, model, generator, epoch).await;
    for object in objects() {
        if generator.one_in(2) {
            continue;
        }
        let max = store.max_epoch(CONTAINER, object).await.expect("max epoch");
        assert_eq!(max.map(|epoch| epoch.0), model.max_epoch(object));
        check_dkeys(store, model, generator, object, epoch).await;
        check_query(store, model, generator, object, epoch).await;
        check_tree::check(store, model, generator, object, epoch).await;
        for dkey in dkeys(object) {
            check_akeys(store, model, generator, object, &dkey, epoch).await;
            for akey in akeys(object) {
                if generator.one_in(2) {
                    check_value(store, model, generator, (object, &dkey, &akey), epoch).await;
                }
            }
        }
    }
}

/// Lists everything, a few entries at a time, and hands each anchor over in its bytes.
async fn list_all<T, F: Future<Output = daos_status::Result<Listing<T>>>>(
    generator: &Generator,
    list: impl Fn(Anchor, Limits) -> F,
) -> Vec<T> {
    let mut all = Vec::new();
    let mut anchor = Anchor::Start;
    while anchor != Anchor::End {
        let limits = Limits { count: generator.below(4) as usize, bytes: generator.below(200) as usize };
        let listing = list(anchor, limits).await.expect("list");
        assert!(listing.entries.len() <= limits.count.max(1));
        assert!(!listing.entries.is_empty() || listing.next == Anchor::End, "nothing was listed, but more is there");
        all.extend(listing.entries);
        anchor = Anchor::decode(&listing.next.encode()).expect("valid");
    }
    all
}

async fn check_objects(store: &Store, model: &Model, generator: &Generator, epoch: u64) {
    let list = |anchor, limits| async move { store.list_objects(CONTAINER, Epoch(epoch), &anchor, limits).await };
    let found = list_all(generator, list).await;
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "an object is listed twice");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), model.objects(epoch));
}

/// Keys of integer and lexical kind come in their order.
pub fn check_keys(kind: KeyKind, found: Vec<Key>, expected: BTreeSet<Key>) {
    let mut expected: Vec<Key> = expected.into_iter().collect();
    let mut found = found;
    match kind {
        KeyKind::Lexical => {}
        KeyKind::Integer => expected.sort_by_key(|key| key.to_u64()),
        KeyKind::Hashed => found.sort(),
    }
    assert_eq!(found, expected);
}

async fn check_dkeys(store: &Store, model: &Model, generator: &Generator, object: ObjectId, epoch: u64) {
    let list = |anchor, limits| async move { store.list_dkeys(CONTAINER, object, Epoch(epoch), &anchor, limits).await };
    let found = list_all(generator, list).await;
    let expected = model.dkeys(object, epoch);
    if let Some(dkey) =
        found.iter().find(|key| !expected.contains(*key)).or(expected.iter().find(|key| !found.contains(key)))
    {
        panic!("{object:?} {dkey:?} epoch {epoch}:\n{}", model.history(object, dkey));
    }
    check_keys(object.object_type().dkey_kind(), found, expected);
}

async fn check_akeys(store: &Store, model: &Model, generator: &Generator, object: ObjectId, dkey: &Key, epoch: u64) {
    let list =
        |anchor, limits| async move { store.list_akeys(CONTAINER, object, dkey, Epoch(epoch), &anchor, limits).await };
    let found = list_all(generator, list).await;
    let expected = model.akeys(object, dkey, epoch);
    let differs = found.len() != expected.len();
    assert!(!differs, "{object:?} {dkey:?} at {epoch}: {found:?}, not {expected:?}\n{}", model.history(object, dkey));
    check_keys(object.object_type().akey_kind(), found, expected);
}

async fn check_value(
    store: &Store,
    model: &Model,
    generator: &Generator,
    (object, dkey, akey): (ObjectId, &Key, &Key),
    epoch: u64,
) {
    let kind = model.kind(object, dkey, akey);
    let extents: Vec<Extent> = (0..1 + generator.below(3)).map(|_| generator.extent()).collect();
    let what = match kind {
        Kind::Array(_) => FetchWhat::Array(extents.clone().into()),
        _ => FetchWhat::Single,
    };
    let conditions =
        if generator.one_in(3) { Conditions::AKEY_FETCH | Conditions::DKEY_FETCH } else { Conditions::NONE };
    let akeys = vec![AkeyFetch { akey: akey.clone(), what, conditions }];
    let (epoch, dkey, size_only) = (Epoch(epoch), dkey.clone(), generator.one_in(4));
    let request =
        FetchRequest { container: CONTAINER, object, epoch, dkey, akeys: akeys.into(), size_only, conditions };
    let exists = model.akey_exists(object, &request.dkey, akey, epoch.0);
    let reply = match store.fetch(request.clone()).await {
        Ok(reply) => reply,
        Err(status) => {
            assert_eq!((status.code(), exists), (Code::Nonexist, false), "{status}");
            assert_ne!(conditions, Conditions::NONE);
            return;
        }
    };
    assert!(exists || conditions == Conditions::NONE, "the condition was not looked at");
    let expected = match kind {
        _ if !exists => Fetched::Missing,
        Kind::Array(record_size) => {
            let runs = model.runs(object, &request.dkey, akey, epoch.0);
            let pieces = extents.iter().flat_map(|extent| pieces(&runs, *extent, record_size, size_only)).collect();
            Fetched::Array { record_size, pieces }
        }
        _ => {
            let (_, bytes) = model.single(object, &request.dkey, akey, epoch.0).expect("it exists");
            let size = bytes.len() as u64;
            Fetched::Single { size, data: if size_only { Vec::new() } else { bytes }.into() }
        }
    };
    assert_eq!(reply.akeys, [expected], "object {object}, dkey {:?}, akey {akey:?}, epoch {epoch:?}", request.dkey);
    if let Kind::Array(record_size) = kind {
        check_extents(store, model, generator, (object, &request.dkey, akey), epoch, record_size).await;
    }
}

/// What a fetch of an extent gives.
fn pieces(runs: &[Run], extent: Extent, record_size: u64, size_only: bool) -> Vec<FetchedPiece> {
    let mut out = Vec::new();
    let mut at = extent.start();
    let hole = |from, to| {
        let extent = Extent::from_bounds(from, to)?;
        Some(FetchedPiece { extent, epoch: Epoch::ZERO, content: Content::Hole })
    };
    for run in runs {
        let Some(part) = run.extent.intersect(extent) else { continue };
        out.extend(hole(at, part.start()));
        at = part.end();
        let content = match &run.bytes {
            None => Content::Punched,
            Some(_) if size_only => Content::Data(Vec::new().into()),
            Some(bytes) => {
                let start = ((part.start() - run.extent.start()) * record_size) as usize;
                Content::Data(bytes[start..start + (part.count() * record_size) as usize].to_vec().into())
            }
        };
        out.push(FetchedPiece { extent: part, epoch: Epoch(run.epoch), content });
    }
    out.extend(hole(at, extent.end()));
    out
}

async fn check_extents(
    store: &Store,
    model: &Model,
    generator: &Generator,
    (object, dkey, akey): (ObjectId, &Key, &Key),
    epoch: Epoch,
    record_size: u64,
) {
    let mut expected: Vec<_> = model.runs(object, dkey, akey, epoch.0);
    for direction in [Direction::Forward, Direction::Backward] {
        let list = |anchor, limits| async move {
            store.list_extents(CONTAINER, object, dkey, akey, epoch, direction, &anchor, limits).await
        };
        let found = list_all(generator, list).await;
        let plain = |run: &Run| (run.extent, run.epoch, run.bytes.is_none());
        let found_plain: Vec<_> = found.iter().map(|entry| (entry.extent, entry.epoch.0, entry.punched)).collect();
        assert_eq!(found_plain, expected.iter().map(plain).collect::<Vec<_>>(), "{direction:?}");
        assert!(found.iter().all(|entry| entry.record_size == record_size));
        expected.reverse();
    }
}

async fn check_query(store: &Store, model: &Model, generator: &Generator, object: ObjectId, epoch: u64) {
    let (dkey_kind, akey_kind) = (object.object_type().dkey_kind(), object.object_type().akey_kind());
    let choose = |kind: KeyKind, keys: Vec<Key>| {
        let asks = kind != KeyKind::Hashed && !generator.one_in(3);
        if asks { KeyChoice::Ask } else { KeyChoice::Given(generator.pick(&keys).clone()) }
    };
    let dkey = choose(dkey_kind, dkeys(object));
    let akey = (!generator.one_in(3)).then(|| choose(akey_kind, akeys(object)));
    let extent = akey.is_some() && generator.one_in(2);
    let end = if generator.one_in(2) { End::Max } else { End::Min };
    let request =
        QueryRequest { container: CONTAINER, object, epoch: Epoch(epoch), end, dkey, akey: akey.clone(), extent };
    let expected = query(model, &request);
    // Asked again, the store may remember where it found the answer.
    let again = store.query_key(request.clone()).await;
    assert_eq!(again.ok(), expected, "{request:?}");
    match store.query_key(request.clone()).await {
        Ok(reply) => assert_eq!(Some(reply), expected, "{request:?}"),
        Err(status) => assert_eq!((status.code(), expected), (Code::Nonexist, None), "{request:?}"),
    }
}

fn from_end(kind: KeyKind, end: End, keys: BTreeSet<Key>) -> Vec<Key> {
    let mut keys: Vec<Key> = keys.into_iter().collect();
    if kind == KeyKind::Integer {
        keys.sort_by_key(|key| key.to_u64());
    }
    if end == End::Max {
        keys.reverse();
    }
    keys
}

fn query(model: &Model, request: &QueryRequest) -> Option<QueryReply> {
    let (object, epoch, kind) = (request.object, request.epoch.0, request.object.object_type());
    let dkeys = match &request.dkey {
        KeyChoice::Given(key) => vec![key.clone()],
        KeyChoice::Ask => from_end(kind.dkey_kind(), request.end, model.dkeys(object, epoch)),
    };
    for dkey in dkeys {
        let Some(choice) = &request.akey else {
            if model.dkey_exists(object, &dkey, epoch) {
                return Some(QueryReply { dkey, akey: None, extent: None, record_size: 0 });
            }
            continue;
        };
        let akeys = match choice {
            KeyChoice::Given(key) => vec![key.clone()],
            KeyChoice::Ask => from_end(kind.akey_kind(), request.end, model.akeys(object, &dkey, epoch)),
        };
        for akey in akeys {
            let record_size = match model.kind(object, &dkey, &akey) {
                Kind::Array(size) => size,
                _ => 0,
            };
            let mut runs = model.runs(object, &dkey, &akey, epoch);
            runs.retain(|run| run.bytes.is_some());
            let run = if request.end == End::Max { runs.last() } else { runs.first() };
            let extent = run.map(|run| run.extent);
            if request.extent && extent.is_none() || !model.akey_exists(object, &dkey, &akey, epoch) {
                continue;
            }
            let extent = extent.filter(|_| request.extent);
            return Some(QueryReply { dkey, akey: Some(akey), extent, record_size });
        }
    }
    None
}
