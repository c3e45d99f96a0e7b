//! Bytes of any kind get an answer.

use crate::harness::*;
use daos_env::{Random, SeededRandom};
use daos_rpc::Access;
use daos_types::{Epoch, TransactionId};
use daos_wire::*;

const OPCODES: [Opcode; 16] = [
    Opcode::Indirect,
    Opcode::Update,
    Opcode::Fetch,
    Opcode::Punch,
    Opcode::ListKeys,
    Opcode::ListExtents,
    Opcode::QueryKey,
    Opcode::QueryEpoch,
    Opcode::ListObjects,
    Opcode::KeyAnchor,
    Opcode::FetchThenQuery,
    Opcode::FetchThenPunch,
    Opcode::FetchThenMove,
    Opcode::Moment,
    Opcode::TransactionRead,
    Opcode::TransactionCommit,
];

fn random_bytes(random: &SeededRandom, length: usize) -> Vec<u8> {
    (0..length).map(|_| random.next_u64() as u8).collect()
}

#[test]
fn random_bytes_are_answered() {
    with_service(|bench| async move {
        let random = SeededRandom::new(1);
        for round in 0..400usize {
            for opcode in OPCODES {
                let length = random.next_u64() as usize % (round + 1);
                let _answer = bench.call_bytes(opcode, random_bytes(&random, length)).await;
            }
        }
        bench.update(&single(b"still here")).await.unwrap();
    });
}

/// Valid requests of every kind.
fn requests(memory: Blob, room: Blob) -> Vec<(Opcode, Vec<u8>)> {
    let values = vec![
        akey_update("s", UpdateKind::Single(40_000)),
        akey_update("r", array(8, vec![extent(0, 5), extent(100, 495)])),
        akey_update("p", UpdateKind::PunchExtents(vec![extent(3, 4)])),
    ];
    let update = update_of(values, Payload::Memory(vec![memory]));
    let akeys = vec![
        akey_fetch("s", FetchKind::Single, Some(40_000)),
        akey_fetch("r", FetchKind::Array(vec![extent(0, 500)]), Some(4000)),
    ];
    let fetch = fetch_of(akeys, vec![room.clone()]);
    let address = || address(WRITER);
    let (dkey, akey, epoch) = (key("d"), key("r"), Epoch::MAX);
    let anchor = Blob(vec![]);
    let list =
        ListKeys { address: address(), epoch, dkey: Some(dkey.clone()), anchor: anchor.clone(), count: 9, bytes: 99 };
    let mut query = QueryKey { address: address(), epoch, what: 1 | 4 | 8 | 16, dkey: None, akey: None };
    query.address.object.hi |= 4 << 56;
    let transaction = TransactionId::from_bytes([7; 16]);
    let read = TransactionRead {
        address: address(),
        transaction,
        epoch: Epoch(1_000_000),
        opcode: Opcode::ListKeys as u16,
        request: Blob(encode(&list)),
    };
    let changes = [
        TransactionChange::Update((dkey.clone(), vec![akey_update("t", UpdateKind::Single(5))])),
        TransactionChange::Punch(PunchKind::Akeys((dkey.clone(), vec![key("u")]))),
    ];
    let object = address().object;
    let commit = TransactionCommit {
        address: address(),
        transaction,
        epoch: Epoch::ZERO,
        operations: changes.into_iter().map(|change| TransactionOperation { object, change }).collect(),
        payload: Payload::Inline(Blob(vec![7; 5])),
    };
    let named = akey_fetch("r", FetchKind::Array(vec![extent(0, 500)]), Some(4000));
    let then = FetchThenQuery { fetch: fetch_of(vec![named], vec![]), at: 4, akey: key("0") };
    let named = akey_fetch("r", FetchKind::Array(vec![extent(0, 500)]), Some(4000));
    let test = |at| BytesAre { at, mask: 1, value: 1 };
    let punch = FetchThenPunch {
        fetch: Fetch { address: address(), ..fetch_of(vec![named], vec![]) },
        name: ChangeName::ONCE,
        only_if: test(0),
        without: vec![0],
        at: 4,
        object_if: Some(test(0)),
        only_object: Some(address().object),
    };
    let moved = FetchThenMove {
        fetch: punch.fetch.clone(),
        name: ChangeName::ONCE,
        to_object: address().object,
        to_dkey: key("e"),
        only_if: test(0),
        only_named: Some(address().object),
        over_if: Some(test(4)),
        only_over: Some(address().object),
        without: vec![0],
        dropped: vec![1],
        at: 4,
        changed: vec![(8, Blob(vec![1, 2, 3]))],
        object_if: Some(test(0)),
        only_object: None,
    };
    let indirect = Indirect {
        opcode: Opcode::Fetch as u16,
        request: IndirectRequest::Inline(Blob(encode(&fetch))),
        reply: vec![room],
    };
    let extents = ListExtents {
        address: address(),
        epoch,
        dkey: dkey.clone(),
        akey: akey.clone(),
        increasing: true,
        anchor,
        count: 3,
    };
    vec![
        (Opcode::Update, encode(&update)),
        (Opcode::Fetch, encode(&fetch)),
        (
            Opcode::Punch,
            encode(&Punch {
                address: address(),
                name: ChangeName::ONCE,
                conditions: 0,
                what: PunchKind::Dkeys(vec![dkey]),
            }),
        ),
        (Opcode::ListKeys, encode(&list)),
        (Opcode::ListExtents, encode(&extents)),
        (Opcode::QueryKey, encode(&query)),
        (Opcode::QueryEpoch, encode(&QueryEpoch { address: address() })),
        (Opcode::ListObjects, encode(&ListObjects { address: address(), epoch, after: None, count: 2 })),
        (Opcode::Moment, encode(&address())),
        (Opcode::TransactionRead, encode(&read)),
        (Opcode::TransactionCommit, encode(&commit)),
        (Opcode::KeyAnchor, encode(&KeyAnchor { address: address(), dkey: key("d"), akey: None })),
        (Opcode::FetchThenQuery, encode(&then)),
        (Opcode::FetchThenPunch, encode(&punch)),
        (Opcode::FetchThenMove, encode(&moved)),
        (Opcode::Indirect, encode(&indirect)),
    ]
}

#[test]
fn damaged_requests_are_answered() {
    with_service(|bench| async move {
        let random = SeededRandom::new(2);
        let (mut memory, mut room) = (vec![7; 44_000], vec![0; 44_000]);
        let exposed = bench.expose(&mut memory, Access::Read);
        let exposed_room = bench.expose(&mut room, Access::Write);
        let valid = requests(descriptor(&exposed), descriptor(&exposed_room));
        for (opcode, body) in &valid {
            // A query of integer keys finds none; every other one of them is carried out.
            let answer = bench.call_bytes(*opcode, body.clone()).await;
            assert!(answer.is_ok() || *opcode == Opcode::QueryKey, "{opcode:?}: {answer:?}");
        }
        for _ in 0..250 {
            for (opcode, body) in &valid {
                let mut body = body.clone();
                for _ in 0..=random.next_u64() % 4 {
                    // Seldom in the identifiers: a wrong one is refused before anything else is looked at.
                    let first = if random.next_u64().is_multiple_of(4) { 0 } else { 64.min(body.len() - 1) };
                    let position = first + random.next_u64() as usize % (body.len() - first);
                    body[position] = match random.next_u64() % 3 {
                        0 => 0xff,
                        1 => 0,
                        _ => random.next_u64() as u8,
                    };
                }
                let _answer = bench.call_bytes(*opcode, body).await;
            }
        }
        drop((exposed, exposed_room));
        bench.update(&single(b"still here")).await.unwrap();
    });
}
