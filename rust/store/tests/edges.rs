//! The edges of what can be asked for: lengths of keys and values, sizes, places and overlaps of records.

mod common;

use common::*;
use daos_status::Code;
use daos_store::*;
use daos_types::{Epoch, Extent, Key, ObjectClass, ObjectId, ObjectType};
use std::rc::Rc;

/// The longest key.
const LONGEST: usize = 64 * 1024;

const EVERYTHING: Limits = Limits { count: 1000, bytes: 64 << 20 };

fn object(kind: u8) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: 40 + u64::from(kind) }, ObjectType(kind), ObjectClass::S1)
}

fn bytes_of(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed) >> 40) as u8).collect()
}

/// Keys of every length at which something changes, and pairs that differ in their last byte only.
fn keys_of_all_lengths() -> Vec<Key> {
    let lengths = [0, 1, 2, 7, 8, 9, 15, 16, 63, 64, 65, 255, 256, 4095, 4096, 4097, LONGEST - 1, LONGEST];
    let mut keys = Vec::new();
    for length in lengths {
        let mut bytes = vec![b'k'; length];
        keys.push(Key::new(&bytes).expect("not too long"));
        if let Some(last) = bytes.last_mut() {
            *last = b'j';
            keys.push(Key::new(&bytes).expect("not too long"));
        }
    }
    keys
}

async fn put(store: &Store, object: ObjectId, epoch: u64, dkey: &Key, akey: &Key, bytes: &[u8]) {
    let akeys = vec![AkeyUpdate { akey: akey.clone(), value: single(bytes), conditions: Conditions::NONE }];
    let request =
        UpdateRequest { object, dkey: dkey.clone(), akeys: akeys.into(), ..update(epoch, "", "", single(b"")) };
    store.update(request).await.expect("update");
}

async fn get(store: &Store, object: ObjectId, epoch: u64, dkey: &Key, akey: &Key) -> Fetched {
    let akeys = vec![AkeyFetch { akey: akey.clone(), what: FetchWhat::Single, conditions: Conditions::NONE }];
    let request =
        FetchRequest { object, dkey: dkey.clone(), akeys: akeys.into(), ..fetch(epoch, "", "", FetchWhat::Single) };
    store.fetch(request).await.expect("fetch").akeys.pop().expect("one akey was asked for")
}

fn is_value(fetched: &Fetched, bytes: &[u8]) -> bool {
    matches!(fetched, Fetched::Single { size, data } if *size == bytes.len() as u64 && data[..] == *bytes)
}

#[test]
fn keys_of_every_length_to_64_kib_are_kept_apart() {
    assert_eq!(Key::new(&vec![0; LONGEST + 1]).expect_err("one too many").code(), Code::KeyTooBig);
    with_store(|store: Rc<Store>, reopen| async move {
        let keys = keys_of_all_lengths();
        // Dkeys and akeys hashed, and lexical.
        for kind in [0, 7] {
            let object = object(kind);
            for (number, key) in keys.iter().enumerate() {
                put(&store, object, 1 + number as u64, key, key, &bytes_of(number as u64, 5)).await;
                put(&store, object, 100, &keys[0], key, &bytes_of(number as u64, 6)).await;
            }
        }
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        for kind in [0, 7] {
            let object = object(kind);
            let start = Anchor::Start;
            let listing = store.list_dkeys(CONTAINER, object, Epoch::MAX, &start, EVERYTHING).await.expect("list");
            let akeys = store.list_akeys(CONTAINER, object, &keys[0], Epoch::MAX, &start, EVERYTHING).await;
            for mut found in [listing.entries, akeys.expect("list").entries] {
                found.sort();
                let mut expected = keys.clone();
                expected.sort();
                assert!(found == expected, "kind {kind}: {} keys instead of {}", found.len(), expected.len());
            }
            for (number, key) in keys.iter().enumerate() {
                let found = get(&store, object, 50, key, key).await;
                assert!(is_value(&found, &bytes_of(number as u64, 5)), "a key of {} bytes", key.len());
                let found = get(&store, object, 100, &keys[0], key).await;
                assert!(is_value(&found, &bytes_of(number as u64, 6)), "an akey of {} bytes", key.len());
            }
        }
        ends_of_lexical_keys(&store, &keys).await;
        let longest = keys.last().expect("some").clone();
        let request = PunchRequest { object: object(7), ..punch(200, PunchTarget::Dkeys(vec![longest.clone()])) };
        store.punch(request).await.expect("punch");
        assert_eq!(get(&store, object(7), 200, &longest, &longest).await, Fetched::Missing);
        assert!(matches!(get(&store, object(7), 199, &longest, &longest).await, Fetched::Single { .. }));
    });
}

async fn ends_of_lexical_keys(store: &Store, keys: &[Key]) {
    for (end, expected) in [(End::Min, keys.iter().min()), (End::Max, keys.iter().max())] {
        let (dkey, akey) = (KeyChoice::Ask, Some(KeyChoice::Ask));
        let (container, object, epoch) = (CONTAINER, object(7), Epoch(50));
        let request = QueryRequest { container, object, epoch, end, dkey, akey, extent: false };
        let reply = store.query_key(request).await.expect("there are keys");
        assert!(Some(&reply.dkey) == expected && reply.akey.as_ref() == expected, "{end:?}");
    }
}

#[test]
fn single_values_from_nothing_to_many_mebibytes() {
    let settings = StoreSettings { data_bytes: 128 << 20, ..settings() };
    with_settings(settings, |store: Rc<Store>, reopen| async move {
        let sizes = [0, 1, 23, 24, 25, 4095, 4096, 4097, 8192, 32_767, 32_768, 32_769, 1 << 20, (17 << 20) + 3];
        for (number, size) in sizes.into_iter().enumerate() {
            put(&store, OBJECT, 1 + number as u64, &key("d"), &key("a"), &bytes_of(number as u64, size)).await;
        }
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        for (number, size) in sizes.into_iter().enumerate() {
            let epoch = 1 + number as u64;
            let found = get(&store, OBJECT, epoch, &key("d"), &key("a")).await;
            assert!(is_value(&found, &bytes_of(number as u64, size)), "{size} bytes");
            let request = FetchRequest { size_only: true, ..fetch(epoch, "d", "a", FetchWhat::Single) };
            let reply = store.fetch(request).await.expect("fetch");
            assert_eq!(reply.akeys, [Fetched::Single { size: size as u64, data: Vec::new().into() }]);
        }
        assert_eq!(get(&store, OBJECT, 0, &key("d"), &key("a")).await, Fetched::Missing);
    });
}

/// What an array holds, kept as one version of one record after the other.
struct Shadow {
    record_size: u64,
    first: u64,
    records: Vec<Option<Vec<u8>>>,
}

impl Shadow {
    fn write(&mut self, extent: Extent, bytes: &[u8]) {
        for (index, record) in bytes.chunks_exact(self.record_size as usize).enumerate() {
            self.records[(extent.start() - self.first) as usize + index] = Some(record.to_vec());
        }
    }

    fn check(&self, range: Extent, pieces: &[FetchedPiece]) {
        let mut at = range.start();
        for piece in pieces {
            assert_eq!(piece.extent.start(), at);
            at = piece.extent.end();
            let start = (piece.extent.start() - self.first) as usize;
            let records = &self.records[start..start + piece.extent.count() as usize];
            match &piece.content {
                Content::Hole => assert!(records.iter().all(Option::is_none), "a hole at {:?}", piece.extent),
                Content::Data(data) => {
                    assert_eq!(data.len() as u64, piece.extent.count() * self.record_size);
                    let found = data.chunks_exact(self.record_size as usize);
                    assert!(found.eq(records.iter().flatten().map(|record| &record[..])), "{:?}", piece.extent);
                }
                Content::Punched => panic!("nothing was punched"),
            }
        }
        assert_eq!(at, range.end());
    }
}

#[test]
fn records_of_any_size_at_any_place_overlap() {
    let settings = StoreSettings { data_bytes: 256 << 20, arena_bytes: 64 << 20, ..settings() };
    with_settings(settings, |store: Rc<Store>, reopen| async move {
        let sizes = [1u64, 3, 8, 512, 4095, 4096, 4097, 100_000];
        let firsts = [0u64, 1, 4095, (1 << 32) - 7, u64::MAX - 40];
        let mut shadows = Vec::new();
        for (kind, record_size) in sizes.into_iter().enumerate() {
            for (place, first) in firsts.into_iter().enumerate() {
                let mut shadow = Shadow { record_size, first, records: vec![None; 40] };
                let akey = format!("{kind} {place}");
                // Overlapping, touching, within each other, and a gap; several pieces in one update, the later one counting.
                for (step, ranges) in
                    [vec![(3, 7)], vec![(0, 5), (4, 2), (20, 1)], vec![(8, 9), (1, 30)], vec![(30, 1), (38, 2)]]
                        .into_iter()
                        .enumerate()
                {
                    let pieces: Vec<(Extent, Data)> = ranges
                        .into_iter()
                        .map(|(start, count): (u64, u64)| {
                            let bytes = bytes_of(step as u64 * 100 + start, (count * record_size) as usize);
                            let range = extent(first + start, count);
                            shadow.write(range, &bytes);
                            (range, Data::Bytes(bytes))
                        })
                        .collect();
                    let value = UpdateValue::Array { record_size, pieces: pieces.into() };
                    store.update(update(1 + step as u64, "d", &akey, value)).await.expect("update");
                }
                shadows.push((akey, shadow));
            }
        }
        store.close().await.expect("close");
        drop(store);
        let store = reopen.open().await.expect("open");
        for (akey, shadow) in &shadows {
            let ranges = [(0, 40), (0, 1), (4, 3), (31, 9), (2, 25)];
            let ranges: Vec<Extent> =
                ranges.into_iter().map(|(start, count)| extent(shadow.first + start, count)).collect();
            for range in ranges {
                let reply =
                    store.fetch(fetch(u64::MAX, "d", akey, FetchWhat::Array(Few::from([range])))).await.expect("fetch");
                let Fetched::Array { record_size, pieces } = &reply.akeys[0] else { panic!("an array") };
                assert_eq!(*record_size, shadow.record_size);
                shadow.check(range, pieces);
            }
        }
    });
}

#[test]
fn holes_punched_ranges_and_misses_are_told_apart() {
    with_store(|store: Rc<Store>, _| async move {
        let array = |start, bytes: &[u8]| UpdateValue::Array {
            record_size: 2,
            pieces: Few::from([(extent(start, bytes.len() as u64 / 2), Data::copy_of(bytes))]),
        };
        store.update(update(1, "d", "a", array(10, b"aabbccdd"))).await.expect("update");
        store
            .update(update(2, "d", "a", UpdateValue::PunchExtents(vec![extent(11, 1), extent(20, 5)])))
            .await
            .expect("punch");
        store.update(update(3, "d", "a", array(13, b"DD"))).await.expect("update");
        let whole = || FetchWhat::Array(Few::from([extent(8, 10), extent(19, 2)]));
        let piece =
            |start, count, epoch, content| FetchedPiece { extent: extent(start, count), epoch: Epoch(epoch), content };
        let data = |bytes: &[u8]| Content::Data(Data::copy_of(bytes));
        let expected = |size_only: bool| Fetched::Array {
            record_size: 2,
            pieces: Few::from([
                piece(8, 2, 0, Content::Hole),
                piece(10, 1, 1, data(if size_only { b"" } else { b"aa" })),
                piece(11, 1, 2, Content::Punched),
                piece(12, 1, 1, data(if size_only { b"" } else { b"cc" })),
                piece(13, 1, 3, data(if size_only { b"" } else { b"DD" })),
                piece(14, 4, 0, Content::Hole),
                piece(19, 1, 0, Content::Hole),
                piece(20, 1, 2, Content::Punched),
            ]),
        };
        for size_only in [false, true] {
            let request = FetchRequest { size_only, ..fetch(9, "d", "a", whole()) };
            assert_eq!(store.fetch(request).await.expect("fetch").akeys, [expected(size_only)]);
        }
        // A range without data of an array that has some is no miss: its record size is known.
        let reply =
            store.fetch(fetch(9, "d", "a", FetchWhat::Array(Few::from([extent(100, 2)])))).await.expect("fetch");
        assert_eq!(
            reply.akeys,
            [Fetched::Array { record_size: 2, pieces: Few::from([piece(100, 2, 0, Content::Hole)]) }]
        );
        for (epoch, dkey, akey) in [(9, "d", "b"), (9, "e", "a"), (0, "d", "a")] {
            let reply = store.fetch(fetch(epoch, dkey, akey, whole())).await.expect("fetch");
            assert_eq!(reply.akeys, [Fetched::Missing], "{dkey} {akey} at {epoch}");
        }
        // With its key gone nothing shows, not even the punched range; what comes again comes alone.
        let akeys = PunchTarget::Akeys { dkey: key("d"), akeys: vec![key("a")] };
        store.punch(punch(4, akeys)).await.expect("punch");
        assert_eq!(store.fetch(fetch(9, "d", "a", whole())).await.expect("fetch").akeys, [Fetched::Missing]);
        store.update(update(5, "d", "a", array(12, b"zz"))).await.expect("update");
        let reply = store.fetch(fetch(9, "d", "a", FetchWhat::Array(Few::from([extent(10, 4)])))).await.expect("fetch");
        let pieces = vec![piece(10, 2, 0, Content::Hole), piece(12, 1, 5, data(b"zz")), piece(13, 1, 0, Content::Hole)];
        assert_eq!(reply.akeys, [Fetched::Array { record_size: 2, pieces: pieces.into() }]);
    });
}

#[test]
fn an_update_of_many_akeys_is_all_or_nothing() {
    with_store(|store: Rc<Store>, _| async move {
        let akeys = |count: u64, last: UpdateValue| {
            let mut akeys: Vec<AkeyUpdate> = (0..count)
                .map(|number| AkeyUpdate {
                    akey: key(&format!("a{number}")),
                    value: if number % 2 == 0 {
                        single(&bytes_of(number, (number * 97) as usize))
                    } else {
                        let bytes = Data::Bytes(bytes_of(number, 9));
                        UpdateValue::Array { record_size: 3, pieces: Few::from([(extent(number, 3), bytes)]) }
                    },
                    conditions: Conditions::NONE,
                })
                .collect();
            akeys.push(AkeyUpdate { akey: key("last"), value: last, conditions: Conditions::NONE });
            akeys
        };
        store.update(update(1, "other", "last", single(b"x"))).await.expect("update");
        store.update(update(1, "d", "last", single(b"x"))).await.expect("update");
        let space = store.space().expect("space");
        let array = UpdateValue::Array { record_size: 1, pieces: Few::from([(extent(0, 1), Data::copy_of(b"y"))]) };
        let refused = UpdateRequest { akeys: akeys(200, array).into(), ..update(2, "d", "", single(b"")) };
        assert_eq!(store.update(refused).await.expect_err("a single value").code(), Code::NoPerm);
        let listing = store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch::MAX, &Anchor::Start, EVERYTHING).await;
        assert_eq!(listing.expect("list").entries, [key("last")]);
        assert_eq!(store.space().expect("space"), space);
        let request = UpdateRequest { akeys: akeys(200, single(b"z")).into(), ..update(2, "d", "", single(b"")) };
        store.update(request).await.expect("update");
        let listing = store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch::MAX, &Anchor::Start, EVERYTHING).await;
        assert_eq!(listing.expect("list").entries.len(), 201);
        assert_eq!(fetch_single(&store, 1, "d", "a4").await, None);
        assert_eq!(fetch_single(&store, 2, "d", "a4").await, Some(bytes_of(4, 4 * 97)));
    });
}

/// As upstream has it: a range that was punched makes its keys exist, until they are punched themselves.
#[test]
fn a_punched_range_makes_its_keys_exist() {
    with_store(|store, _| async move {
        let all = Limits { count: 10, bytes: 1000 };
        let value = || UpdateValue::PunchExtents(vec![extent(3, 2)]);
        store.update(update(5, "d", "a", value())).await.expect("punch");
        for epoch in [4, 5, 9] {
            let listed = |keys: KeyListing| keys.entries.len();
            let dkeys = store.list_dkeys(CONTAINER, OBJECT, Epoch(epoch), &Anchor::Start, all).await.expect("list");
            let akeys = store.list_akeys(CONTAINER, OBJECT, &key("d"), Epoch(epoch), &Anchor::Start, all).await;
            assert_eq!((listed(dkeys), listed(akeys.expect("list"))), (usize::from(epoch > 4), usize::from(epoch > 4)));
        }
        let insert = |epoch| {
            let mut insert = update(epoch, "d", "a", value());
            insert.conditions = Conditions::AKEY_INSERT;
            insert
        };
        assert_eq!(store.update(insert(6)).await.expect_err("it exists").code(), Code::Exist);
        for up_to in [7, 8] {
            store.aggregate(CONTAINER, Epoch(up_to)).await.expect("aggregate");
            let reply = store.fetch(fetch(up_to, "d", "a", FetchWhat::Array(Few::from([extent(0, 10)])))).await;
            let Fetched::Array { pieces, .. } = &reply.expect("fetch").akeys[0] else { panic!("it exists") };
            assert!(pieces.iter().all(|piece| !matches!(piece.content, Content::Data(_))));
        }
        let akeys = vec![key("a")];
        store.punch(punch(9, PunchTarget::Akeys { dkey: key("d"), akeys })).await.expect("punch");
        let reply = store.fetch(fetch(9, "d", "a", FetchWhat::Array(Few::from([extent(0, 10)])))).await.expect("fetch");
        assert!(matches!(reply.akeys[0], Fetched::Missing));
        store.update(insert(10)).await.expect("it does not exist");
        store.aggregate(CONTAINER, Epoch(20)).await.expect("aggregate");
        let reply =
            store.fetch(fetch(20, "d", "a", FetchWhat::Array(Few::from([extent(0, 10)])))).await.expect("fetch");
        assert!(matches!(reply.akeys[0], Fetched::Array { .. }));
    });
}
