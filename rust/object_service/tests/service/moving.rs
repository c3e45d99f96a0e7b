//! A move of a name after a look at both places, with what the other one named.

use crate::harness::*;
use daos_status::Code;
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};
use daos_wire::*;

/// Where the identifier stands in the record, behind four bytes that say what it is; and where a time does.
const AT: u32 = 4;
const TIME_AT: u32 = 20;
const LENGTH: u64 = 40;
const FILE: u32 = 0x8000;
const DIRECTORY: u32 = 0x4000;

fn file(number: u64) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: number }, ObjectType::ARRAY_BYTE, ObjectClass::S1)
}

fn folder() -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: 5 }, address(WRITER).object.object_type(), ObjectClass::S1)
}

fn record(kind: u32, object: ObjectId, rest: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &object.lo.to_le_bytes(), &object.hi.to_le_bytes(), rest].concat()
}

fn address_of(object: ObjectId) -> ObjectAddress {
    ObjectAddress { object, ..address(WRITER) }
}

/// A name in a directory with this record, and other akeys.
async fn put(bench: &Bench, (directory, name): (ObjectId, &str), record: &[u8], others: &[(&str, &[u8])]) {
    let mut akeys = vec![akey_update("a", array(1, vec![extent(0, record.len() as u64)]))];
    let mut bytes = record.to_vec();
    for (akey, value) in others {
        akeys.push(akey_update(akey, UpdateKind::Single(value.len() as u64)));
        bytes.extend_from_slice(value);
    }
    let mut update = update_of(akeys, Payload::Inline(Blob(bytes)));
    (update.address, update.dkey) = (address_of(directory), key(name));
    let _written: Epoch = bench.call(Opcode::Update, &update).await.unwrap();
}

async fn put_content(bench: &Bench, object: ObjectId) {
    let akeys = vec![akey_update("0", array(1, vec![extent(5, 6)]))];
    let mut update = update_of(akeys, Payload::Inline(Blob(vec![1; 6])));
    (update.address, update.dkey) = (address_of(object), Key::from_u64(3));
    let _written: Epoch = bench.call(Opcode::Update, &update).await.unwrap();
}

async fn keys(bench: &Bench, object: ObjectId, dkey: Option<&str>) -> Vec<Key> {
    let (address, dkey) = (address_of(object), dkey.map(key));
    let list = ListKeys { address, epoch: Epoch::MAX, dkey, anchor: Blob(vec![]), count: 99, bytes: 9999 };
    let listed: ListKeysReply = bench.call(Opcode::ListKeys, &list).await.unwrap();
    listed.keys
}

async fn has_content(bench: &Bench, object: ObjectId) -> bool {
    !keys(bench, object, None).await.is_empty()
}

/// The record, and the value of another akey.
async fn get(bench: &Bench, (directory, name): (ObjectId, &str), other: &str) -> (Vec<u8>, Vec<u8>) {
    let whole = FetchKind::Array(vec![extent(0, LENGTH)]);
    let mut values = Vec::new();
    for akey in [akey_fetch("a", whole, Some(LENGTH)), akey_fetch(other, FetchKind::Single, Some(100))] {
        let fetch = Fetch { address: address_of(directory), dkey: key(name), ..fetch_of(vec![akey], vec![]) };
        let reply: FetchReply = bench.call(Opcode::Fetch, &fetch).await.unwrap();
        values.push(reply.inline.0);
    }
    let other = values.remove(1);
    (values.remove(0), other)
}

fn request(sequence: u64, to: (ObjectId, &str)) -> FetchThenMove {
    let whole = FetchKind::Array(vec![extent(0, LENGTH)]);
    let akeys = vec![akey_fetch("a", whole, Some(LENGTH)), akey_fetch("trace", FetchKind::Single, Some(40))];
    let fetch = Fetch { address: address(WRITER), dkey: key("old"), ..fetch_of(akeys, vec![]) };
    let is_file = BytesAre { at: 0, mask: FILE, value: FILE };
    FetchThenMove {
        fetch,
        name: ChangeName { client: 6, sequence, is_repeat: false },
        to_object: to.0,
        to_dkey: key(to.1),
        only_if: is_file.clone(),
        only_named: None,
        over_if: Some(is_file.clone()),
        only_over: None,
        without: vec![1],
        dropped: vec![],
        at: AT,
        changed: vec![(TIME_AT, Blob(vec![9, 9]))],
        object_if: Some(is_file),
        only_object: None,
    }
}

async fn ask(bench: &Bench, request: &FetchThenMove) -> daos_status::Result<FetchThenMoveReply> {
    bench.call(Opcode::FetchThenMove, request).await
}

fn old() -> (ObjectId, &'static str) {
    (address(WRITER).object, "old")
}

#[test]
fn a_name_moves_with_all_that_it_has() {
    with_service(|bench| async move {
        let value = record(FILE | 1, file(1), &[7; 6]);
        for to in [(old().0, "new"), (folder(), "new"), (folder(), "old")] {
            put(&bench, old(), &value, &[("x", b"attribute"), ("y", b"")]).await;
            put_content(&bench, file(1)).await;
            let reply = ask(&bench, &request(1, to)).await.unwrap();
            assert!(reply.moved.is_some() && !reply.with_object);
            assert_eq!((&reply.fetched.inline.0, reply.over.inline.0.len()), (&value, 0));
            let changed = record(FILE | 1, file(1), &[9, 9, 7, 7, 7, 7]);
            assert_eq!(get(&bench, to, "x").await, (changed, b"attribute".to_vec()), "no more bytes than there were");
            assert_eq!(keys(&bench, to.0, Some(to.1)).await.len(), 3);
            assert_eq!(keys(&bench, old().0, Some("old")).await, []);
            assert!(has_content(&bench, file(1)).await);
            let nothing = ask(&bench, &request(2, to)).await.unwrap();
            assert_eq!((nothing.moved, nothing.fetched.akeys[0].size), (None, 0), "it is gone");
        }
    });
}

#[test]
fn what_stood_there_is_replaced_whole() {
    with_service(|bench| async move {
        let to = (folder(), "new");
        for (sequence, object_if, only, goes) in [
            (1, true, None, true),
            (2, true, Some(file(2)), true),
            (3, true, Some(file(3)), false),
            (4, false, None, false),
        ] {
            put(&bench, old(), &record(FILE, file(1), &[]), &[("x", b"mine")]).await;
            put(&bench, to, &record(FILE | 3, file(2), &[5; 20]), &[("x", b"others"), ("z", b"gone")]).await;
            put_content(&bench, file(2)).await;
            let mut asked = FetchThenMove { only_object: only, ..request(sequence, to) };
            asked.object_if = asked.object_if.filter(|_| object_if);
            let reply = ask(&bench, &asked).await.unwrap();
            assert_eq!((reply.moved.is_some(), reply.with_object), (true, goes), "{sequence}");
            assert_eq!(reply.over.inline.0, record(FILE | 3, file(2), &[5; 20]));
            let (bytes, x) = get(&bench, to, "x").await;
            assert_eq!(
                bytes,
                record(FILE, file(1), &[&[9, 9][..], &[0; 18]].concat()),
                "nothing of the other one shows"
            );
            assert_eq!((x, keys(&bench, to.0, Some(to.1)).await.len()), (b"mine".to_vec(), 2));
            assert_eq!(has_content(&bench, file(2)).await, !goes);
        }
        // What is to be dropped is gone at both.
        put(&bench, old(), &record(FILE, file(1), &[]), &[("x", b"mine"), ("trace", b"1")]).await;
        put(&bench, to, &record(FILE, file(2), &[]), &[("trace", b"2")]).await;
        let reply =
            ask(&bench, &FetchThenMove { without: vec![], dropped: vec![1, 9], ..request(5, to) }).await.unwrap();
        assert!(reply.moved.is_some() && reply.over.inline.0.ends_with(b"2"));
        assert_eq!(
            (keys(&bench, to.0, Some(to.1)).await.len(), keys(&bench, old().0, Some("old")).await.len()),
            (2, 0)
        );
        // Two names of one object are a move that was cut short: its content stays.
        put(&bench, old(), &record(FILE, file(1), &[]), &[]).await;
        put_content(&bench, file(1)).await;
        let reply = ask(&bench, &request(6, to)).await.unwrap();
        assert_eq!((reply.moved.is_some(), reply.with_object), (true, false));
        assert!(has_content(&bench, file(1)).await);
    });
}

#[test]
fn what_is_not_as_it_must_be_stays() {
    with_service(|bench| async move {
        let to = (folder(), "new");
        let both = (record(FILE, file(1), &[1]), record(FILE, file(2), &[2]));
        put(&bench, old(), &both.0, &[]).await;
        put(&bench, to, &both.1, &[]).await;
        put_content(&bench, file(2)).await;
        let stays = async |request: FetchThenMove, what: &str| {
            let reply = ask(&bench, &request).await.unwrap();
            assert_eq!((reply.moved, reply.with_object), (None, false), "{what}");
            // Behind the record there may be a trace.
            assert!(reply.fetched.inline.0.starts_with(&get(&bench, old(), "x").await.0), "{what}");
            assert!(reply.over.inline.0.starts_with(&get(&bench, to, "x").await.0), "{what}");
            assert!(has_content(&bench, file(2)).await);
        };
        let test = |value| BytesAre { at: 0, mask: 0xf000, value };
        stays(FetchThenMove { only_if: test(DIRECTORY), ..request(1, to) }, "another kind").await;
        stays(FetchThenMove { over_if: None, ..request(2, to) }, "the name is taken").await;
        stays(FetchThenMove { over_if: Some(test(DIRECTORY)), ..request(3, to) }, "both of another kind").await;
        stays(FetchThenMove { only_named: Some(file(2)), ..request(4, to) }, "another object").await;
        stays(FetchThenMove { only_over: Some(file(1)), ..request(5, to) }, "another object there").await;
        stays(FetchThenMove { without: vec![2], ..request(6, to) }, "an akey that is not read").await;
        stays(FetchThenMove { at: u32::MAX, ..request(7, to) }, "no identifier").await;
        put(&bench, to, &record(DIRECTORY, file(2), &[]), &[]).await;
        stays(request(8, to), "over a directory").await;
        put(&bench, to, &both.1, &[("trace", b"1")]).await;
        stays(request(9, to), "a trace there").await;
        put(&bench, (folder(), "free"), &both.0, &[]).await;
        put(&bench, old(), &both.0, &[("trace", b"1")]).await;
        stays(request(10, to), "a trace here").await;
        let many: Vec<String> = (0..70).map(|number| format!("x{number}")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (&name[..], &b"1"[..])).collect();
        let large = vec![3; 9000];
        for (number, others) in [&many[..], &[("x", &large[..])]].into_iter().enumerate() {
            let name = format!("much{number}");
            put(&bench, (old().0, &name), &both.0, others).await;
            let much = request(11 + number as u64, (folder(), "elsewhere"));
            let much = FetchThenMove { fetch: Fetch { dkey: key(&name), ..much.fetch }, ..much };
            let reply = ask(&bench, &much).await.unwrap();
            assert_eq!((reply.moved, reply.fetched.inline.0), (None, both.0.clone()), "too much for one change");
        }
    });
}

/// Values may be of any size, and the look is taken again and again while something has to be waited for.
#[test]
fn values_that_are_too_large_are_not_read() {
    with_service(|bench| async move {
        let value = vec![3; 12_000];
        for akey in ["x", "y", "z"] {
            put(&bench, old(), &record(FILE, file(1), &[1]), &[(akey, &value)]).await;
        }
        let before = bench.store.statistics().bytes_read;
        let reply = ask(&bench, &request(1, (folder(), "new"))).await.unwrap();
        assert_eq!(reply.moved, None);
        assert!(bench.store.statistics().bytes_read - before < 1000, "the records of both names");
    });
}

#[test]
fn requests_without_sense_are_refused() {
    with_service(|bench| async move {
        put(&bench, old(), &record(FILE, file(1), &[]), &[]).await;
        let to = (folder(), "new");
        let integers = ObjectId::generate(ObjectId { hi: 0, lo: 8 }, ObjectType::ARRAY_BYTE, ObjectClass::S1);
        let of = |akeys, epoch| Fetch { akeys, epoch, ..request(1, to).fetch };
        let reads = |extents| vec![akey_fetch("a", FetchKind::Array(extents), Some(5000))];
        let refused = [
            FetchThenMove { to_object: old().0, to_dkey: key("old"), ..request(1, to) },
            FetchThenMove { to_object: integers, ..request(1, to) },
            FetchThenMove { to_object: integers, to_dkey: Key::from_u64(1), ..request(1, to) },
            FetchThenMove { dropped: vec![0], ..request(1, to) },
            FetchThenMove { changed: vec![(39, Blob(vec![1, 2]))], ..request(1, to) },
            FetchThenMove { changed: vec![(u32::MAX, Blob(vec![1, 2]))], ..request(1, to) },
            FetchThenMove { fetch: of(request(1, to).fetch.akeys, Epoch(1)), ..request(1, to) },
            FetchThenMove { fetch: of(reads(vec![extent(1, 40)]), Epoch::MAX), ..request(1, to) },
            FetchThenMove { fetch: of(reads(vec![extent(0, 9), extent(9, 31)]), Epoch::MAX), ..request(1, to) },
            FetchThenMove { fetch: of(reads(vec![extent(0, 5000)]), Epoch::MAX), ..request(1, to) },
            FetchThenMove { fetch: of(vec![], Epoch::MAX), ..request(1, to) },
        ];
        for request in refused {
            assert_eq!(ask(&bench, &request).await.unwrap_err().code(), Code::Inval, "{request:?}");
        }
        let mut reader = request(1, to);
        reader.fetch.address = address(READER);
        assert_eq!(ask(&bench, &reader).await.unwrap_err().code(), Code::NoPerm);
        assert_eq!(get(&bench, old(), "x").await.0, record(FILE, file(1), &[]));
    });
}

/// A reply that is lost must not make the move fail, nor move what came to the old name after it.
#[test]
fn what_is_asked_for_again_is_done_once() {
    with_service(|bench| async move {
        bench.store.remember_changes().await.unwrap();
        let to = (folder(), "new");
        let (first, replaced) = (record(FILE, file(1), &[]), record(FILE, file(2), &[]));
        put(&bench, old(), &first, &[]).await;
        put(&bench, to, &replaced, &[]).await;
        let asked = request(1, to);
        let done = ask(&bench, &asked).await.unwrap();
        assert!(done.moved.is_some() && done.with_object);
        put(&bench, old(), &record(FILE, file(3), &[]), &[]).await;
        put_content(&bench, file(2)).await;
        let again = FetchThenMove { name: ChangeName { is_repeat: true, ..asked.name.clone() }, ..asked };
        assert_eq!(ask(&bench, &again).await.unwrap(), done);
        assert_eq!(get(&bench, old(), "x").await.0, record(FILE, file(3), &[]), "what came later stays");
        assert!(has_content(&bench, file(2)).await);

        // When what was there is aggregated, that it was done is still known.
        bench.store.aggregate(CONTAINER, done.moved.unwrap()).await.unwrap();
        let forgotten = ask(&bench, &again).await.unwrap();
        assert_eq!((forgotten.moved, forgotten.fetched.akeys.len()), (done.moved, 0));
        assert_eq!(get(&bench, old(), "x").await.0, record(FILE, file(3), &[]));
    });
}
