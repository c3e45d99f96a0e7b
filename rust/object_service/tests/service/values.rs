//! Values, in messages and by memory.

use crate::harness::*;
use daos_checksum::crc32c;
use daos_rpc::Access;
use daos_status::Code;
use daos_types::Epoch;
use daos_wire::*;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 256) as u8).collect()
}

#[test]
fn small_values_travel_in_the_messages() {
    with_service(|bench| async move {
        let akeys = vec![
            akey_update("a", UpdateKind::Single(3)),
            akey_update("b", array(2, vec![extent(1, 2), extent(5, 1)])),
            akey_update("e", UpdateKind::Single(0)),
        ];
        bench.update(&update_of(akeys, Payload::Inline(Blob(b"abc112255".to_vec())))).await.unwrap();
        let akeys = vec![
            akey_fetch("a", FetchKind::Single, Some(3)),
            akey_fetch("b", FetchKind::Array(vec![extent(0, 6)]), Some(12)),
            akey_fetch("e", FetchKind::Single, Some(10)),
            akey_fetch("missing", FetchKind::Single, None),
        ];
        let reply = bench.fetch(&fetch_of(akeys, vec![])).await.unwrap();
        assert_eq!(reply.inline.0, b"abc112255");
        let pieces: Vec<_> =
            reply.akeys[1].pieces.iter().map(|p| (p.extent.start(), p.extent.count(), p.state)).collect();
        assert_eq!(pieces, [(0, 1, 1), (1, 2, 0), (3, 2, 1), (5, 1, 0)]);
        assert_eq!(reply.akeys.iter().map(|akey| akey.size).collect::<Vec<_>>(), [3, 2, 0, 0]);
    });
}

#[test]
fn large_values_come_and_go_by_memory_in_any_pieces() {
    with_service(|bench| async move {
        let (head, tail) = (150_000usize, 10 << 20);
        let bytes = pattern(head + tail);
        let mut memory = bytes.clone();
        let (one, two) = memory.split_at_mut(70_001);
        let exposed = [bench.expose(one, Access::Read), bench.expose(two, Access::Read)];
        // Two values whose border is not that of the two pieces of memory.
        let akeys = vec![
            akey_update("a", UpdateKind::Single(head as u64)),
            akey_update("b", array(1, vec![extent(0, 100), extent(1000, tail as u64 - 100)])),
        ];
        let memory_of = |exposed: &[daos_rpc::Exposed]| exposed.iter().map(descriptor).collect::<Vec<_>>();
        bench.update(&update_of(akeys, Payload::Memory(memory_of(&exposed)))).await.unwrap();
        drop(exposed);

        let room = head + 900 + tail;
        let mut got = vec![0xee; room];
        let (one, two) = got.split_at_mut(5_000_000);
        let exposed = [bench.expose(one, Access::Write), bench.expose(two, Access::Write)];
        let akeys = vec![
            akey_fetch("a", FetchKind::Single, Some(head as u64)),
            akey_fetch("b", FetchKind::Array(vec![extent(0, 900 + tail as u64)]), Some(900 + tail as u64)),
        ];
        let reply = bench.fetch(&fetch_of(akeys, memory_of(&exposed))).await.unwrap();
        drop(exposed);
        assert!(reply.inline.0.is_empty());
        assert!(got[..head + 100] == bytes[..head + 100]);
        assert!(got[head + 100..head + 1000] == [0xee; 900], "the hole is left alone");
        assert!(got[head + 1000..] == bytes[head + 100..]);
    });
}

#[test]
fn short_answers_to_long_rooms_come_inline() {
    with_service(|bench| async move {
        bench.update(&single(b"short")).await.unwrap();
        let mut memory = vec![0xee; 32 << 20];
        let exposed = bench.expose(&mut memory, Access::Write);
        let akeys = vec![akey_fetch("a", FetchKind::Single, Some(32 << 20))];
        let reply = bench.fetch(&fetch_of(akeys, vec![descriptor(&exposed)])).await.unwrap();
        drop(exposed);
        assert_eq!(reply.inline.0, b"short");
        assert!(memory.iter().all(|byte| *byte == 0xee));
    });
}

#[test]
fn what_does_not_fit_is_told_by_its_size() {
    with_service(|bench| async move {
        let akeys = vec![akey_update("a", UpdateKind::Single(5)), akey_update("b", array(4, vec![extent(0, 2)]))];
        bench.update(&update_of(akeys, Payload::Inline(Blob(vec![1; 13])))).await.unwrap();
        let akeys = vec![
            akey_fetch("a", FetchKind::Single, Some(4)),
            akey_fetch("b", FetchKind::Array(vec![extent(0, 2)]), Some(7)),
            akey_fetch("b", FetchKind::Array(vec![extent(0, u64::MAX)]), Some(7)),
        ];
        let reply = bench.fetch(&fetch_of(akeys, vec![])).await.unwrap();
        assert_eq!(reply.akeys.iter().map(|akey| akey.size).collect::<Vec<_>>(), [5, 4, 4]);
        assert!(reply.inline.0.is_empty());
    });
}

#[test]
fn requests_and_replies_that_do_not_fit_a_message_go_by_memory() {
    with_service(|bench| async move {
        let keys: Vec<String> = (0..3000).map(|number| format!("{number:0>60}")).collect();
        let akeys = keys.iter().map(|name| akey_update(name, UpdateKind::Single(1))).collect();
        let mut body = encode(&update_of(akeys, Payload::Inline(Blob(vec![1; 3000]))));
        assert!(body.len() > 200_000);
        let checksum = crc32c(&body);
        let exposed = bench.expose(&mut body, Access::Read);
        let request = IndirectRequest::Memory((vec![descriptor(&exposed)], checksum ^ 1));
        let mut indirect = Indirect { opcode: Opcode::Update as u16, request, reply: vec![] };
        assert_eq!(code(bench.call::<IndirectReply>(Opcode::Indirect, &indirect).await), Some(Code::Csum));
        indirect.request = IndirectRequest::Memory((vec![descriptor(&exposed)], checksum));
        let reply: IndirectReply = bench.call(Opcode::Indirect, &indirect).await.unwrap();
        let IndirectReply::Inline(version) = reply else { panic!("the version fits the reply: {reply:?}") };
        assert!(decode::<Epoch>(&version.0).unwrap() > Epoch::ZERO);
        drop(exposed);

        let extents: Vec<_> = (0..9000).map(|number| extent(number * 2, 1)).collect();
        let akeys = vec![akey_update("holes", array(1, extents))];
        let mut body = encode(&update_of(akeys, Payload::Inline(Blob(vec![1; 9000]))));
        let checksum = crc32c(&body);
        let exposed = bench.expose(&mut body, Access::Read);
        let request = IndirectRequest::Memory((vec![descriptor(&exposed)], checksum));
        let indirect = Indirect { request, ..indirect };
        bench.call::<IndirectReply>(Opcode::Indirect, &indirect).await.unwrap();

        let akeys = vec![akey_fetch("holes", FetchKind::Array(vec![extent(0, 18_000)]), None)];
        let fetch = encode(&fetch_of(akeys, vec![]));
        assert_eq!(code(bench.call_bytes(Opcode::Fetch, fetch.clone()).await), Some(Code::Overflow));
        let mut room = vec![0; 1 << 20];
        let exposed_room = bench.expose(&mut room, Access::Write);
        let request = IndirectRequest::Inline(Blob(fetch));
        let mut indirect = Indirect { opcode: Opcode::Fetch as u16, request, reply: vec![] };
        let IndirectReply::TooLong(needed) = bench.call(Opcode::Indirect, &indirect).await.unwrap() else {
            panic!("there is no room for the reply");
        };
        indirect.reply = vec![descriptor(&exposed_room)];
        let reply: IndirectReply = bench.call(Opcode::Indirect, &indirect).await.unwrap();
        drop(exposed_room);
        assert_eq!(reply, IndirectReply::Memory((needed, crc32c(&room[..needed as usize]))));
        let reply: FetchReply = decode(&room[..needed as usize]).unwrap();
        assert_eq!(reply.akeys[0].pieces.len(), 18_000);

        for opcode in [Opcode::Indirect as u16, Opcode::PoolCreate as u16, 0] {
            let indirect = Indirect { opcode, request: IndirectRequest::Inline(Blob::default()), reply: vec![] };
            assert_eq!(code(bench.call::<IndirectReply>(Opcode::Indirect, &indirect).await), Some(Code::Proto));
        }
    });
}
