//! Objects over their targets.
#![expect(unsafe_code, reason = "memory of the caller is lent to the client")]

use crate::harness::*;
use daos_client::{AkeyFetch, AkeyUpdate, Destination, FetchKind};
use daos_client::{Anchor, Conditions, ListLimits, MapPiece, PieceState, QueryWhat, ScatterList, Source, UpdateValue};
use daos_status::Code;
use daos_types::{Epoch, Key, ObjectClass, ObjectType};
use std::collections::BTreeSet;

const HASHED: ObjectType = ObjectType::MULTI_HASHED;
/// `DAOS_OT_MULTI_UINT64`: both levels are integers.
const INTEGERS: ObjectType = ObjectType(4);

#[test]
fn values_of_every_size_come_back_also_after_a_restart() {
    let rig = Rig::inside();
    let sizes = [1usize, 100, 4095, 4096, 4097, 16 << 10, (16 << 10) + 1, 100_000, 1 << 20, (9 << 20) + 5];
    let object = rig.object(1, HASHED, ObjectClass::S2);
    let writer = object.clone();
    rig.run(move |client| async move {
        for (number, size) in sizes.into_iter().enumerate() {
            let bytes = pattern(size, number as u64);
            let akeys = vec![single("s", &bytes), array("a", 1, vec![extent(7, size as u64)], &bytes)];
            update(&client, &writer, &size.to_string(), akeys).await.unwrap();
        }
    });
    let rig = rig.restart();
    let object = rig.object(1, HASHED, ObjectClass::S2);
    rig.run(move |client| async move {
        for (number, size) in sizes.into_iter().enumerate() {
            let (dkey, bytes) = (size.to_string(), pattern(size, number as u64));
            let found = fetch(&client, &object, &dkey, fetch_single("s", Some(size as u64))).await.unwrap();
            assert_eq!((found.size, found.bytes == bytes), (size as u64, true), "single value of {size}");
            let wanted = fetch_array("a", vec![extent(0, size as u64 + 20)], Some(size as u64 + 20));
            let found = fetch(&client, &object, &dkey, wanted).await.unwrap();
            assert_eq!((found.size, found.length), (1, size as u64 + 7), "array of {size}");
            assert_eq!(found.bytes[..7], [0; 7]);
            assert!(found.bytes[7..] == bytes, "array of {size}");
            let states: Vec<_> = found.map.iter().map(|piece| (piece.extent.count(), piece.state)).collect();
            let (hole, data) = (PieceState::Hole, PieceState::Data);
            assert_eq!(states, [(7, hole), (size as u64, data), (13, hole)]);
        }
    });
}

#[test]
fn sizes_are_told_and_too_little_room_is_an_error() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S1);
    rig.run(|client| async move {
        for size in [10usize, 100_000] {
            let bytes = pattern(size, 3);
            update(&client, &object, "d", vec![single("s", &bytes), array("a", 2, vec![extent(0, 5)], &bytes[..10])])
                .await
                .unwrap();
            let sized = fetch(&client, &object, "d", fetch_single("s", None)).await.unwrap();
            assert_eq!((sized.size, sized.bytes.len()), (size as u64, 0));
            let small = fetch(&client, &object, "d", fetch_single("s", Some(size as u64 - 1))).await;
            assert_eq!(code(small), Some(Code::RecordTooBig));
        }
        let small = fetch(&client, &object, "d", fetch_array("a", vec![extent(0, 5)], Some(9))).await;
        assert_eq!(code(small), Some(Code::RecordTooBig));
        let map = fetch(&client, &object, "d", fetch_array("a", vec![extent(3, 5)], None)).await.unwrap();
        let expected = [
            MapPiece { extent: extent(3, 2), state: PieceState::Data },
            MapPiece { extent: extent(5, 3), state: PieceState::Hole },
        ];
        assert_eq!((map.size, &map.map[..]), (2, &expected[..]));
        let missing = fetch(&client, &object, "d", fetch_single("nothing", Some(100_000))).await.unwrap();
        assert_eq!((missing.size, missing.length), (0, 0));
        let missing = fetch(&client, &object, "nothing", fetch_array("a", vec![extent(0, 50_000)], Some(50_000))).await;
        assert_eq!(missing.unwrap().length, 0);
    });
}

/// Memory of the caller, as many pieces of different lengths.
struct Pieces(Vec<Vec<u8>>);

impl Pieces {
    fn of(bytes: &[u8], lengths: &[usize]) -> Pieces {
        let (mut rest, mut pieces) = (bytes, Vec::new());
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, tail) = rest.split_at((*length).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = tail;
        }
        Pieces(pieces)
    }

    fn list(&mut self) -> ScatterList {
        let pieces = self.0.iter_mut().map(|piece| (piece.as_mut_ptr(), piece.len())).collect();
        // SAFETY: the tests keep the pieces until the operation has ended, and do not look at them before.
        unsafe { ScatterList::new(pieces) }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.concat()
    }
}

#[test]
fn the_callers_memory_is_read_and_written_in_place() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S1);
    for lengths in [&[8192usize][..], &[1 << 20], &[100, 0, 3000], &[5000, 100_000], &[1]] {
        let bytes = pattern(300_000, lengths[0] as u64);
        let mut source = Pieces::of(&bytes, lengths);
        let mut destination = Pieces::of(&vec![0xee; 300_000 + 20], lengths);
        let (from, to, object) = (source.list(), destination.list(), object.clone());
        rig.run(move |client| async move {
            let extents = vec![extent(10, 100_000), extent(200_010, 200_000)];
            let value = UpdateValue::Array { record_size: 1, extents: extents.clone(), source: Source::Memory(from) };
            update(&client, &object, "d", vec![AkeyUpdate { akey: key("a"), value }]).await.unwrap();
            let wanted = vec![extent(0, 100_020), extent(200_010, 200_000)];
            let kind = FetchKind::Array(wanted);
            let akey = AkeyFetch { akey: key("a"), kind, destination: Some(Destination::Memory(to)) };
            let found = fetch(&client, &object, "d", akey).await.unwrap();
            assert_eq!((found.size, found.length, found.bytes.len()), (1, 300_020, 0));
        });
        assert!(source.bytes() == bytes, "the source is as it was");
        let got = destination.bytes();
        assert!(got[..10] == [0xee; 10] && got[100_010..100_020] == [0xee; 10], "holes are left alone ({lengths:?})");
        assert!(got[10..100_010] == bytes[..100_000] && got[100_020..] == bytes[100_000..], "{lengths:?}");
    }
}

#[test]
fn many_akeys_share_one_request() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S1);
    rig.run(|client| async move {
        let name = |number: usize| format!("akey {number}");
        let akeys = (0..300).map(|number| single(&name(number), &pattern(number * 7, number as u64))).collect();
        update(&client, &object, "d", akeys).await.unwrap();
        let wanted = (0..300).map(|number| fetch_single(&name(number), Some(4000))).collect();
        let found = object.fetch(&client, Epoch::MAX, Conditions::NONE, key("d"), wanted).await.unwrap();
        for (number, found) in found.into_iter().enumerate() {
            assert_eq!(found.bytes, pattern(number * 7, number as u64), "akey {number}");
        }
    });
}

fn collect(rig: &Rig, lo: u64, class: ObjectClass, limits: ListLimits) -> Vec<Key> {
    let object = rig.object(lo, HASHED, class);
    rig.run(move |client| async move {
        let (mut anchor, mut keys) = (Anchor::default(), Vec::new());
        while !anchor.end {
            let step = object.list_dkeys(&client, Epoch::MAX, &mut anchor, limits).await.unwrap();
            assert!(step.len() <= limits.count as usize);
            assert!(step.iter().map(|key| key.len() as u64).sum::<u64>() <= limits.bytes);
            assert!(anchor.position.len() <= 104);
            keys.extend(step);
        }
        keys
    })
}

#[test]
fn keys_of_all_targets_are_listed_once() {
    let rig = Rig::inside();
    for (lo, class) in [(1, ObjectClass::S1), (2, ObjectClass::SX)] {
        let object = rig.object(lo, HASHED, class);
        let expected: BTreeSet<Key> = (0..300).map(|number| key(format!("dkey {number:04}"))).collect();
        let dkeys = expected.clone();
        rig.run(move |client| async move {
            for dkey in dkeys {
                object
                    .update(&client, Conditions::NONE, dkey, vec![single("a", b"x"), single("b", b"y")])
                    .await
                    .unwrap();
            }
            let (mut anchor, mut akeys) = (Anchor::default(), Vec::new());
            while !anchor.end {
                let limits = ListLimits { count: 1, bytes: 100 };
                let dkey = key("dkey 0007");
                akeys.extend(object.list_akeys(&client, Epoch::MAX, dkey, &mut anchor, limits).await.unwrap());
            }
            akeys.sort();
            assert_eq!(akeys, [key("a"), key("b")]);
        });
        for (count, bytes) in [(1, 9), (7, 1000), (1000, 25), (10_000, 1 << 30)] {
            let keys = collect(&rig, lo, class, ListLimits { count, bytes });
            assert_eq!(keys.len(), 300, "no key twice");
            assert_eq!(keys.into_iter().collect::<BTreeSet<Key>>(), expected);
        }
    }
    let object = rig.object(2, HASHED, ObjectClass::SX);
    rig.run(move |client| async move {
        let limits = ListLimits { count: 10, bytes: 8 };
        let small = object.list_dkeys(&client, Epoch::MAX, &mut Anchor::default(), limits).await;
        assert_eq!(code(small), Some(Code::KeyTooBig));
        let nothing = ListLimits { count: 0, bytes: 100 };
        assert_eq!(
            code(object.list_dkeys(&client, Epoch::MAX, &mut Anchor::default(), nothing).await),
            Some(Code::Inval)
        );
    });
}

#[test]
fn punches_reach_every_target() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::SX);
    rig.run(move |client| async move {
        let dkeys: Vec<Key> = (0..40).map(|number| key(format!("{number}"))).collect();
        for dkey in &dkeys {
            let akeys = vec![single("a", b"x"), single("b", b"y"), array("r", 1, vec![extent(0, 10)], &[1; 10])];
            object.update(&client, Conditions::NONE, dkey.clone(), akeys).await.unwrap();
        }
        let list = async || {
            let (mut anchor, mut keys) = (Anchor::default(), Vec::new());
            let limits = ListLimits { count: 1000, bytes: 1 << 20 };
            while !anchor.end {
                keys.extend(object.list_dkeys(&client, Epoch::MAX, &mut anchor, limits).await.unwrap());
            }
            keys.len()
        };
        object.punch_dkeys(&client, Conditions::PUNCH, dkeys[..30].to_vec()).await.unwrap();
        assert_eq!(list().await, 10);
        assert_eq!(
            code(object.punch_dkeys(&client, Conditions::PUNCH, dkeys[..1].to_vec()).await),
            Some(Code::Nonexist)
        );
        object.punch_dkeys(&client, Conditions::NONE, dkeys[..1].to_vec()).await.unwrap();

        object.punch_akeys(&client, Conditions::NONE, key("35"), vec![key("a")]).await.unwrap();
        assert_eq!(fetch(&client, &object, "35", fetch_single("a", Some(10))).await.unwrap().size, 0);
        assert_eq!(fetch(&client, &object, "35", fetch_single("b", Some(10))).await.unwrap().bytes, b"y");

        let value = UpdateValue::PunchExtents(vec![extent(2, 3)]);
        update(&client, &object, "35", vec![AkeyUpdate { akey: key("r"), value }]).await.unwrap();
        let found = fetch(&client, &object, "35", fetch_array("r", vec![extent(0, 10)], Some(10))).await.unwrap();
        assert_eq!(found.bytes, [1, 1, 0, 0, 0, 1, 1, 1, 1, 1]);
        assert_eq!(found.map[1].state, PieceState::Punched);

        let before = object.max_epoch(&client).await.unwrap();
        assert!(before > Epoch::ZERO);
        object.punch(&client, Conditions::PUNCH).await.unwrap();
        assert_eq!(list().await, 0);
        assert!(object.max_epoch(&client).await.unwrap() > before);
        assert_eq!(code(object.punch(&client, Conditions::PUNCH).await), Some(Code::Nonexist));
        object.punch(&client, Conditions::NONE).await.unwrap();
        let old = object.fetch(&client, before, Conditions::NONE, key("35"), vec![fetch_single("b", Some(10))]).await;
        assert_eq!(old.unwrap()[0].bytes, b"y", "what was there before is still there then");
    });
}

#[test]
fn conditions_decide_between_callers() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S2);
    rig.run(move |client| async move {
        let write = async |conditions, dkey: &str, akey: &str| {
            code(object.update(&client, conditions, key(dkey), vec![single(akey, b"v")]).await)
        };
        assert_eq!(write(Conditions::DKEY_UPDATE, "d", "a").await, Some(Code::Nonexist));
        assert_eq!(write(Conditions::DKEY_INSERT, "d", "a").await, None);
        assert_eq!(write(Conditions::DKEY_INSERT, "d", "b").await, Some(Code::Exist));
        assert_eq!(write(Conditions::AKEY_INSERT, "d", "b").await, None);
        assert_eq!(write(Conditions::AKEY_INSERT, "d", "b").await, Some(Code::Exist));
        assert_eq!(write(Conditions::AKEY_UPDATE, "d", "c").await, Some(Code::Nonexist));
        let read = |conditions, dkey: &str, akey: &str| {
            object.fetch(&client, Epoch::MAX, conditions, key(dkey), vec![fetch_single(akey, Some(10))])
        };
        assert_eq!(code(read(Conditions::DKEY_FETCH, "e", "a").await), Some(Code::Nonexist));
        assert_eq!(code(read(Conditions::AKEY_FETCH, "d", "c").await), Some(Code::Nonexist));
        assert_eq!(code(read(Conditions(1 << 20), "d", "a").await), Some(Code::Inval));
        let wins = daos_env::sync::join_all((0..50).map(|_| write(Conditions::DKEY_INSERT, "race", "a"))).await;
        assert_eq!(wins.iter().filter(|result| result.is_none()).count(), 1);
    });
}

#[test]
fn the_ends_of_integer_keys_are_found_over_all_targets() {
    let rig = Rig::inside();
    let object = rig.object(1, INTEGERS, ObjectClass::SX);
    rig.run(move |client| async move {
        let numbers = [5u64, 7, 300, 90_000, u64::MAX - 1];
        for (index, number) in numbers.into_iter().enumerate() {
            let value = UpdateValue::Array {
                record_size: 1,
                extents: vec![extent(index as u64, 3)],
                source: Source::Owned(vec![1; 3]),
            };
            let akeys = vec![AkeyUpdate { akey: Key::from_u64(number / 2), value }];
            object.update(&client, Conditions::NONE, Key::from_u64(number), akeys).await.unwrap();
        }
        let query = async |bits: u64, dkey: Option<u64>, akey: Option<u64>| {
            let (dkey, akey) = (dkey.map(Key::from_u64), akey.map(Key::from_u64));
            object.query_key(&client, Epoch::MAX, QueryWhat(bits), dkey, akey).await
        };
        let (max, min) = (QueryWhat::MAX.0, QueryWhat::MIN.0);
        let all = QueryWhat::DKEY.0 | QueryWhat::AKEY.0 | QueryWhat::RECX.0;
        let found = query(max | all, None, None).await.unwrap();
        assert_eq!(
            (found.dkey, found.akey, found.extent),
            (Some(u64::MAX - 1), Some(u64::MAX / 2), Some(extent(4, 3)))
        );
        let found = query(min | all, None, None).await.unwrap();
        assert_eq!((found.dkey, found.akey, found.extent), (Some(5), Some(2), Some(extent(0, 3))));
        let found = query(max | QueryWhat::AKEY.0, Some(300), None).await.unwrap();
        assert_eq!((found.dkey, found.akey, found.extent), (Some(300), Some(150), None));
        assert_eq!(code(query(max | QueryWhat::AKEY.0, Some(301), None).await), Some(Code::Nonexist));
        assert_eq!(code(query(max | min | all, None, None).await), Some(Code::Inval));
        assert_eq!(code(query(max | QueryWhat::AKEY.0, None, None).await), Some(Code::Inval));
        assert_eq!(code(query(max | QueryWhat::RECX.0, Some(5), None).await), Some(Code::Inval));
    });
    let hashed = rig.object(2, HASHED, ObjectClass::S1);
    rig.run(move |client| async move {
        update(&client, &hashed, "d", vec![single("a", b"v")]).await.unwrap();
        let what = QueryWhat(QueryWhat::MAX.0 | QueryWhat::DKEY.0);
        assert_eq!(code(hashed.query_key(&client, Epoch::MAX, what, None, None).await), Some(Code::Inval));
    });
}

#[test]
fn extents_are_listed_in_both_directions() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S4);
    rig.run(move |client| async move {
        let extents: Vec<_> = (0..100).map(|number| extent(number * 10, 4)).collect();
        for part in &extents {
            update(&client, &object, "d", vec![array("a", 2, vec![*part], &[7; 8])]).await.unwrap();
        }
        let value = UpdateValue::PunchExtents(vec![extent(0, 500)]);
        update(&client, &object, "d", vec![AkeyUpdate { akey: key("a"), value }]).await.unwrap();
        for (increasing, count) in [(true, 7), (false, 1), (true, 1000)] {
            let (mut anchor, mut found) = (Anchor::default(), Vec::new());
            while !anchor.end {
                let limits = ListLimits { count, bytes: 0 };
                let (size, some) = object
                    .list_extents(&client, Epoch::MAX, key("d"), key("a"), increasing, &mut anchor, limits)
                    .await
                    .unwrap();
                assert!(some.len() <= count as usize && (size == 2 || some.is_empty()));
                found.extend(some);
            }
            if !increasing {
                found.reverse();
            }
            let epochs: Vec<_> = found.iter().map(|(_, epoch)| *epoch).collect();
            assert!(epochs.is_sorted() && epochs[0] < epochs[49], "each has that of its own update: {epochs:?}");
            let found: Vec<_> = found.into_iter().map(|(extent, _)| extent).collect();
            assert_eq!(found, extents[50..]);
        }
    });
}
