//! Requests and replies that do not fit a message.

use crate::harness::*;
use daos_client::{AkeyFetch, AkeyUpdate, Anchor, ListLimits};
use daos_client::{Conditions, Destination, FetchKind, PieceState, Source, UpdateValue};
use daos_status::Code;
use daos_types::{Epoch, Key, ObjectClass, ObjectType};

const HASHED: ObjectType = ObjectType::MULTI_HASHED;

#[test]
fn the_longest_keys_are_stored_found_and_listed() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S2);
    rig.run(move |client| async move {
        let long = |byte: u8| Key::new(&[byte; 64 * 1024]).unwrap();
        let akey = |byte: u8, value: &[u8]| AkeyUpdate {
            akey: long(byte),
            value: UpdateValue::Single(Source::Owned(value.to_vec())),
        };
        let akeys = vec![akey(1, b"one"), akey(2, b"two"), akey(3, &pattern(100_000, 3))];
        object.update(&client, Conditions::NONE, long(9), akeys).await.unwrap();
        let wanted = [1, 2, 3].map(|byte| AkeyFetch {
            akey: long(byte),
            kind: FetchKind::Single,
            destination: Some(Destination::Owned(100_000)),
        });
        let found = object.fetch(&client, Epoch::MAX, Conditions::NONE, long(9), wanted.into()).await.unwrap();
        assert_eq!(found[0].bytes, b"one");
        assert_eq!(found[1].bytes, b"two");
        assert!(found[2].bytes == pattern(100_000, 3));
        let (mut anchor, mut akeys) = (Anchor::default(), Vec::new());
        while !anchor.end {
            let limits = ListLimits { count: 10, bytes: 64 * 1024 };
            akeys.extend(object.list_akeys(&client, Epoch::MAX, long(9), &mut anchor, limits).await.unwrap());
        }
        akeys.sort();
        assert_eq!(akeys, [long(1), long(2), long(3)]);
        object.punch_akeys(&client, Conditions::PUNCH, long(9), vec![long(1), long(2)]).await.unwrap();
        let small = ListLimits { count: 10, bytes: 64 * 1024 - 1 };
        let listed = object.list_dkeys(&client, Epoch::MAX, &mut Anchor::default(), small).await;
        assert_eq!(code(listed), Some(Code::KeyTooBig));
    });
}

#[test]
fn thousands_of_extents_are_written_and_read_with_their_map() {
    let rig = Rig::inside();
    let object = rig.object(1, HASHED, ObjectClass::S1);
    rig.run(move |client| async move {
        let extents: Vec<_> = (0..20_000).map(|number| extent(number * 3, 2)).collect();
        let bytes = pattern(40_000, 1);
        update(&client, &object, "d", vec![array("a", 1, extents.clone(), &bytes)]).await.unwrap();
        let found = fetch(&client, &object, "d", fetch_array("a", extents, Some(40_000))).await.unwrap();
        assert!(found.bytes == bytes);
        // One extent asked for, forty thousand pieces in the answer.
        let whole =
            fetch(&client, &object, "d", fetch_array("a", vec![extent(0, 60_000)], Some(60_000))).await.unwrap();
        assert_eq!((whole.map.len(), whole.map[39_999].state), (40_000, PieceState::Hole));
        let data = whole.bytes.chunks(3).flat_map(|cell| cell[..cell.len().min(2)].to_vec());
        assert!(data.eq(bytes));
    });
}

#[test]
#[ignore = "slow: it writes and reads more than half a gigabyte"]
fn updates_and_fetches_beyond_one_transfer_go_in_parts() {
    let rig = Rig::inside_with(4 << 30);
    let object = rig.object(1, HASHED, ObjectClass::S1);
    rig.run(move |client| async move {
        let length = 300usize << 20;
        let bytes = pattern(length, 9);
        let value = UpdateValue::Array {
            record_size: 1 << 10,
            extents: vec![extent(5, length as u64 >> 10)],
            source: Source::Owned(bytes.clone()),
        };
        update(&client, &object, "d", vec![AkeyUpdate { akey: key("a"), value }]).await.unwrap();
        let wanted = fetch_array("a", vec![extent(5, length as u64 >> 10)], Some(length as u64));
        let found = fetch(&client, &object, "d", wanted).await.unwrap();
        assert!(found.bytes == bytes);
        let single = UpdateValue::Single(Source::Owned(bytes));
        let large = update(&client, &object, "d", vec![AkeyUpdate { akey: key("s"), value: single }]).await;
        assert_eq!(code(large), Some(Code::RecordTooBig));
    });
}
