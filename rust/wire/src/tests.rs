mod golden;

use super::*;
use daos_status::Code;
use daos_types::{ContainerId, Epoch, Extent, HandleId, Key, ObjectId, PoolId};
use proptest::prelude::*;

fn address() -> ObjectAddress {
    ObjectAddress {
        map_version: 9,
        pool: PoolId::from_bytes([1; 16]),
        container: ContainerId::from_bytes([2; 16]),
        handle: HandleId::from_bytes([3; 16]),
        object: ObjectId { hi: 4, lo: 5 },
    }
}

fn update() -> Update {
    let extent = Extent::new(7, 8).expect("valid");
    let array = ArrayUpdate { record_size: 1, extents: vec![extent] };
    Update {
        address: address(),
        name: ChangeName { client: 7, sequence: 8, is_repeat: true },
        conditions: 6,
        dkey: Key::new(b"d").expect("short"),
        akeys: vec![
            AkeyUpdate { akey: Key::new(b"a").expect("short"), conditions: 16, value: UpdateKind::Array(array) },
            AkeyUpdate {
                akey: Key::new(b"").expect("short"),
                conditions: 0,
                value: UpdateKind::PunchExtents(vec![extent]),
            },
        ],
        payload: Payload::Inline(Blob(b"12345678".to_vec())),
    }
}

#[test]
fn the_map_version_of_an_encoded_request_can_be_set() {
    let mut request = QueryEpoch { address: address() };
    let mut bytes = encode(&request);
    set_map_version(&mut bytes, 0x0102_0304);
    request.address.map_version = 0x0102_0304;
    assert_eq!(bytes, encode(&request));
    set_map_version(&mut [1, 2], 7);
}

#[test]
fn an_update_has_these_bytes() {
    let mut golden = [vec![9u8, 0, 0, 0], vec![1; 16], vec![2; 16], vec![3; 16]].concat();
    golden.extend(4u64.to_le_bytes());
    golden.extend(5u64.to_le_bytes());
    golden.extend(7u64.to_le_bytes());
    golden.extend(8u64.to_le_bytes());
    golden.push(1);
    golden.extend(6u64.to_le_bytes());
    golden.extend(b"\x01\0\0\0d\x02\0\0\0");
    golden.extend(b"\x01\0\0\0a\x10\0\0\0\0\0\0\0\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0");
    golden.extend(b"\0\0\0\0\0\0\0\0\0\0\0\0\x02\x01\0\0\0\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0");
    golden.extend(b"\0\x08\0\0\x0012345678");
    assert_eq!(encode(&update()), golden);
    assert_eq!(decode::<Update>(&golden), Ok(update()));
}

/// The same bytes and the same answers as with values inside, for an update and a reply that has some.
fn check_apart(bytes: &[u8]) {
    let inside = decode::<Update>(bytes);
    match Update::decode_apart(bytes) {
        Ok((mut update, values)) => {
            let mut whole = update.clone();
            if let Payload::Inline(blob) = &mut whole.payload {
                blob.0 = bytes[values.clone()].to_vec();
                let before = update.encode_before(values.len());
                assert_eq!([&before, &bytes[values]].concat(), bytes);
            }
            assert_eq!(inside.expect("as well"), whole);
        }
        Err(status) => assert_eq!(inside.unwrap_err().code(), status.code()),
    }
    let inside = decode::<FetchReply>(bytes);
    match FetchReply::decode_apart(bytes) {
        Ok((mut reply, inline)) => {
            assert_eq!([&reply.encode_before(inline.len()), inline].concat(), bytes);
            reply.inline.0 = inline.to_vec();
            assert_eq!(inside.expect("as well"), reply);
        }
        Err(status) => assert_eq!(inside.unwrap_err().code(), status.code()),
    }
}

fn values_inside(length: usize) -> [Vec<u8>; 2] {
    let values = || Blob((0..length).map(|index| index as u8).collect());
    let update = Update { payload: Payload::Inline(values()), ..update() };
    let akeys = vec![AkeyReply { size: 9, pieces: Vec::new() }];
    [encode(&update), encode(&FetchReply { akeys, inline: values() })]
}

#[test]
fn values_that_are_kept_apart_are_the_same_bytes() {
    check_apart(&encode(&update()));
    for bytes in [0, 1, 16, 300].into_iter().flat_map(values_inside) {
        check_apart(&bytes);
        (0..bytes.len()).for_each(|cut| check_apart(&bytes[..cut]));
        check_apart(&[&bytes[..], b"x"].concat());
    }
}

#[test]
fn every_cut_is_an_error() {
    let bytes = encode(&update());
    for length in 0..bytes.len() {
        assert_eq!(decode::<Update>(&bytes[..length]).map_err(|e| e.code()), Err(Code::Proto), "{length}");
    }
    assert!(decode::<Update>(&[&bytes[..], b"x"].concat()).is_err());
}

#[test]
fn opcodes_round_trip() {
    for opcode in Opcode::ALL {
        assert_eq!(Opcode::from_number(*opcode as u16), Some(*opcode));
    }
    assert_eq!(Opcode::from_number(0), None);
}

fn decode_as_everything(bytes: &[u8]) {
    let _ = decode::<Update>(bytes);
    let _ = decode::<Fetch>(bytes);
    let _ = decode::<FetchReply>(bytes);
    let _ = decode::<Punch>(bytes);
    let _ = decode::<ListKeys>(bytes);
    let _ = decode::<ListKeysReply>(bytes);
    let _ = decode::<QueryKey>(bytes);
    let _ = decode::<PoolConnected>(bytes);
    let _ = decode::<RouteQuery>(bytes);
    let _ = decode::<PoolTargetQuery>(bytes);
    let _ = decode::<ContainerFilter>(bytes);
    let _ = decode::<Vec<ContainerFound>>(bytes);
    let _ = decode::<ContainerCreate>(bytes);
    let _ = decode::<ContainerOpened>(bytes);
    let _ = decode::<AttributesSet>(bytes);
    let _ = decode::<PoolCreate>(bytes);
    let _ = decode::<PoolTargetsChange>(bytes);
    let _ = decode::<PoolTargetsChanged>(bytes);
    let _ = decode::<Vec<()>>(bytes);
    let _ = replicated::ReplicaMessage::from_bytes(bytes);
    let _ = decode::<replicated::ReplicaMessage>(bytes);
    let _ = decode::<replicated::ReplicaPart>(bytes);
}

proptest! {
    #[test]
    fn damaged_values_apart_are_as_inside(position in 0usize..400, value in any::<u8>(), length in 0usize..200) {
        for mut bytes in values_inside(length) {
            let position = position % bytes.len();
            bytes[position] = value;
            check_apart(&bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode_as_everything(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(position in 0usize..200, value in any::<u8>()) {
        let mut bytes = encode(&update());
        let position = position % bytes.len();
        bytes[position] = value;
        decode_as_everything(&bytes);
    }

    #[test]
    fn fetches_round_trip(epoch in any::<u64>(), key in proptest::collection::vec(any::<u8>(), 0..50), capacity in any::<Option<u64>>()) {
        let key = Key::new(&key).expect("short");
        let fetch = Fetch {
            address: address(), epoch: Epoch(epoch), conditions: 0, dkey: key.clone(),
            akeys: vec![AkeyFetch { akey: key, conditions: 0, kind: FetchKind::Single, capacity }], memory: vec![Blob(vec![9; 24])],
        };
        prop_assert_eq!(decode::<Fetch>(&encode(&fetch)), Ok(fetch));
    }
}

/// A message of a replica with everything in it.
fn replica_message() -> Vec<u8> {
    use replicated::*;
    let rows = vec![RowChange { key: vec![1; 9], value: Some(vec![2; 40]) }, RowChange { key: vec![3], value: None }];
    let member = Member { id: ReplicaId(4), address: "address".into(), voter: true };
    let payloads = [EntryPayload::Rows(rows), EntryPayload::Membership(Membership { members: vec![member] })];
    let entry = |payload| LogEntry { term: Term(5), index: LogIndex(6), payload }.into();
    let entries = payloads.into_iter().map(entry).collect();
    let append = Append { previous_index: LogIndex(5), previous_term: Term(5), commit: LogIndex(5), entries };
    let body = ReplicaBody::Append(append);
    ReplicaMessage { group: 7, from: ReplicaId(8), to: ReplicaId(9), term: Term(5), body }.to_bytes()
}

#[test]
fn damaged_messages_of_replicas_never_panic() {
    let whole = replica_message();
    for position in 0..whole.len() {
        assert!(replicated::ReplicaMessage::from_bytes(&whole[..position]).is_err());
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[position] = value;
            decode_as_everything(&bytes);
        }
    }
}
