use super::*;
use daos_wire::{Blob, Piece};
use proptest::prelude::*;

fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).unwrap()
}

fn array(extents: Vec<Extent>, destination: Option<Destination>) -> AkeyFetch {
    AkeyFetch { akey: Key::new(b"a").unwrap(), kind: FetchKind::Array(extents), destination }
}

fn piece(start: u64, count: u64, state: u8) -> Piece {
    Piece { extent: extent(start, count), state }
}

fn reply(size: u64, pieces: Vec<Piece>, inline: &[u8]) -> FetchReply {
    FetchReply { akeys: vec![AkeyReply { size, pieces }], inline: Blob(inline.to_vec()) }
}

/// With the inline bytes that the reply has.
fn fetched(akeys: &[AkeyFetch], landings: Vec<Landing<'_>>, reply: FetchReply) -> Result<Vec<AkeyFetched>> {
    super::fetched(akeys, landings, &reply, &reply.inline.0)
}

fn landings(akeys: &[AkeyFetch]) -> Vec<Landing<'_>> {
    akeys.iter().map(|akey| Landing::new(akey).unwrap()).collect()
}

#[test]
fn inline_bytes_go_between_the_holes() {
    let mut memory = *b"xxxxxxxx";
    // SAFETY: the array outlives the list and is not touched while it writes.
    let list = unsafe { ScatterList::new(vec![(memory.as_mut_ptr(), 3), (memory[3..].as_mut_ptr(), 5)]) };
    let reply = || reply(2, vec![piece(5, 1, 0), piece(6, 1, 1), piece(9, 1, 0)], b"abcd");
    let akeys = [array(vec![extent(5, 2), extent(9, 1)], Some(Destination::Memory(list)))];
    let found = fetched(&akeys, landings(&akeys), reply()).unwrap().remove(0);
    assert_eq!((&memory, found.size, found.length), (b"abxxcdxx", 2, 6));
    assert!(found.bytes.is_empty());
    let akeys = [array(vec![extent(5, 2), extent(9, 1)], Some(Destination::Owned(100)))];
    let found = fetched(&akeys, landings(&akeys), reply()).unwrap().remove(0);
    assert_eq!((&found.bytes[..], found.length), (&b"ab\0\0cd"[..], 6));
}

#[test]
fn replies_that_do_not_fit_the_question_are_refused() {
    let akeys = [array(vec![extent(0, 2), extent(2, 2)], Some(Destination::Owned(4)))];
    let code = |reply: FetchReply| fetched(&akeys, landings(&akeys), reply).err().map(|status| status.code());
    assert_eq!(code(reply(1, vec![piece(0, 4, 0)], b"abcd")), None);
    assert_eq!(code(reply(1, vec![piece(0, 4, 0)], b"")), None);
    for bad in [
        reply(1, vec![piece(0, 4, 0)], b"abc"),
        reply(1, vec![piece(0, 4, 0)], b"abcde"),
        reply(1, vec![piece(0, 3, 0)], b"abc"),
        reply(1, vec![piece(0, 5, 0)], b"abcde"),
        reply(1, vec![piece(1, 3, 0)], b"abc"),
        reply(1, vec![piece(0, 4, 3)], b""),
        reply(1, vec![piece(0, 4, 0), piece(4, 1, 1)], b"abcd"),
        FetchReply { akeys: Vec::new(), inline: Blob::default() },
    ] {
        assert_eq!(code(bad.clone()), Some(Code::Proto), "{bad:?}");
    }
}

#[test]
fn values_that_are_too_large_are_named() {
    let single = |destination| AkeyFetch { akey: Key::new(b"s").unwrap(), kind: FetchKind::Single, destination };
    let large = |akey: AkeyFetch, reply: FetchReply| {
        let akeys = [akey];
        too_large(&akeys, &landings(&akeys), &reply).is_some()
    };
    assert!(!large(single(Some(Destination::Owned(3))), reply(3, vec![], b"abc")));
    assert!(large(single(Some(Destination::Owned(2))), reply(3, vec![], b"")));
    assert!(!large(single(None), reply(3, vec![], b"")));
    assert!(large(array(vec![extent(0, 2)], Some(Destination::Owned(5))), reply(3, vec![piece(0, 2, 0)], b"")));
    assert!(large(array(vec![extent(0, 2)], Some(Destination::Owned(5))), reply(u64::MAX, vec![], b"")));
    assert!(!large(array(vec![extent(0, 2)], Some(Destination::Owned(5))), reply(0, vec![piece(0, 2, 1)], b"")));
}

#[test]
fn large_arrays_are_cut_into_parts_and_put_together() {
    let size = 100 << 20;
    let found = AkeyFetched { size, ..AkeyFetched::default() };
    let akey = array(vec![extent(0, 3), extent(10, 2)], Some(Destination::Owned(u64::MAX)));
    let parts: Vec<_> = parts(akey, &found).unwrap();
    let shape: Vec<_> = parts
        .iter()
        .map(|part| match (&part.kind, &part.destination) {
            (FetchKind::Array(extents), Some(Destination::Owned(room))) => (extents.clone(), *room),
            _ => panic!("an array with room"),
        })
        .collect();
    assert_eq!(
        shape,
        [(vec![extent(0, 2)], 2 * size), (vec![extent(2, 1), extent(10, 1)], 2 * size), (vec![extent(11, 1)], size)]
    );
    let small = array(vec![extent(0, 3)], Some(Destination::Owned(3 * size - 1)));
    assert!(super::parts(small, &found).is_none());

    let mut whole = AkeyFetched::default();
    let part = |state, bytes: &[u8], at| AkeyFetched {
        size: 1,
        map: vec![MapPiece { extent: extent(at, 2), state }],
        bytes: bytes.to_vec(),
        length: bytes.len() as u64,
    };
    append(&mut whole, 0, part(PieceState::Data, b"ab", 0));
    append(&mut whole, 2, part(PieceState::Hole, b"", 2));
    append(&mut whole, 4, part(PieceState::Data, b"cd", 4));
    append(&mut whole, 6, part(PieceState::Data, b"e", 6));
    assert_eq!((&whole.bytes[..], whole.length, whole.map.len()), (&b"ab\0\0cde"[..], 7, 3));
}

proptest! {
    #[test]
    fn hostile_replies_never_panic(
        size in any::<u64>(),
        pieces in proptest::collection::vec((any::<u64>(), 1u64..100, 0u8..4), 0..6),
        inline in proptest::collection::vec(any::<u8>(), 0..50),
        capacity in 0u64..200,
    ) {
        let pieces = pieces.into_iter().filter_map(|(start, count, state)| {
            Some(Piece { extent: Extent::new(start, count)?, state })
        });
        let reply = reply(size, pieces.collect(), &inline);
        for kind in [FetchKind::Single, FetchKind::Array(vec![extent(0, 7), extent(9, 3)])] {
            let akeys = [AkeyFetch { akey: Key::new(b"a").unwrap(), kind, destination: Some(Destination::Owned(capacity)) }];
            let _ = too_large(&akeys, &landings(&akeys), &reply);
            let _ = fetched(&akeys, landings(&akeys), reply.clone());
        }
    }
}
