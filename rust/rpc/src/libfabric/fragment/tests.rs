use super::*;
use proptest::prelude::*;

const MAX: usize = 128 << 10;

fn fragments(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let mut fragments = Vec::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let (bytes, following) = fragment_at(message, number, offset);
        fragments.push(bytes);
        next = following;
    }
    fragments
}

fn message(length: usize) -> Vec<u8> {
    (0..length).map(|position| ((position * 31) >> 3) as u8).collect()
}

/// What an assembler makes of a fragment that is one.
fn add(assembler: &mut Assembler, fragment: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    assembler.add(fragment, |message| messages.push(message)).unwrap();
    messages
}

fn refused(fragment: &[u8]) -> FragmentError {
    Assembler::new(MAX).add(fragment, |_| panic!("nothing is delivered")).unwrap_err()
}

#[test]
fn golden_bytes() {
    assert_eq!(fragments(b"abc", 9), [b"\x01\x01\0\0\x03\0\0\0abc".to_vec()]);
    let parts = fragments(&message(20_000), 0x0102);
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[1][..PART_HEADER], *b"\x02\x01\0\0\x20\x4e\0\0\x02\x01\0\0\0\0\0\0\xe8\x3f\0\0\0\0\0\0");
    let several = fragment_of([&b"abc"[..], b"", b"d"].into_iter());
    assert_eq!(several, b"\x04\x01\0\0\x10\0\0\0\x03\0\0\0abc\0\0\0\0\x01\0\0\0d");
}

#[test]
fn messages_of_every_length_come_together() {
    let mut assembler = Assembler::new(MAX);
    let edge = FRAGMENT_MAX - WHOLE_HEADER;
    for length in [0, 1, edge - 1, edge, edge + 1, PART_BODY_MAX * 2, PART_BODY_MAX * 2 + 1, MAX] {
        let fragments = fragments(&message(length), length as u64);
        assert!(fragments.iter().all(|fragment| fragment.len() <= FRAGMENT_MAX));
        let mut whole: Vec<_> = fragments.iter().flat_map(|fragment| add(&mut assembler, fragment)).collect();
        assert_eq!(whole.len(), 1);
        assert!(whole.remove(0) == message(length));
    }
    assert_eq!((assembler.bytes, assembler.unfinished.len(), assembler.by_age.len()), (0, 0, 0));
    assert!(add(&mut assembler, &NOTHING).is_empty());
}

#[test]
fn what_fits_travels_together() {
    let (mut room, mut messages) = (Room::default(), Vec::new());
    while room.take(&message(1000 + messages.len())) {
        messages.push(message(1000 + messages.len()));
    }
    let fragment = fragment_of(messages.iter().map(Vec::as_slice));
    assert!(fragment.len() <= FRAGMENT_MAX && fragment.len() + LENGTH_HEADER + 1000 + messages.len() > FRAGMENT_MAX);
    assert!(add(&mut Assembler::new(MAX), &fragment) == messages);
    let last = FRAGMENT_MAX - fragment.len() - LENGTH_HEADER;
    assert!(room.take(&message(last)) && !room.take(&[]));
}

#[test]
fn damage_is_named() {
    assert_eq!(refused(b"\x01\x01\0"), FragmentError::TooShort(3));
    assert_eq!(refused(b"\x09\x01\0\0\0\0\0\0"), FragmentError::Kind(9));
    assert_eq!(refused(b"\x01\x02\0\0\0\0\0\0"), FragmentError::Version(2));
    assert_eq!(refused(b"\x01\x01\x01\0\0\0\0\0"), FragmentError::Reserved);
    assert_eq!(refused(b"\x01\x01\0\0\x05\0\0\0abc"), FragmentError::Length(5, 3));
    assert_eq!(refused(b"\x04\x01\0\0\0\0\0\0"), FragmentError::Several);
    assert_eq!(refused(b"\x04\x01\0\0\x05\0\0\0\x02\0\0\0a"), FragmentError::Several);
    // Nothing of several is delivered when the last does not fit.
    assert_eq!(refused(b"\x04\x01\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0"), FragmentError::Several);
    let mut part = fragments(&message(20_000), 1).remove(1);
    part[16] = 0xff;
    assert_eq!(refused(&part), FragmentError::Outside);
    assert_eq!(refused(&part[..PART_HEADER]), FragmentError::Outside);
    assert_eq!(refused(&part[..PART_HEADER - 1]), FragmentError::TooShort(PART_HEADER - 1));
    assert_eq!(FragmentError::Kind(9).to_string(), "a fragment is of the unknown kind 9");
}

#[test]
fn messages_with_missing_parts_are_dropped() {
    let mut assembler = Assembler::new(MAX);
    let (one, two) = (fragments(&message(50_000), 1), fragments(&message(60_000), 2));
    let received: Vec<_> = [&one[0], &two[0], &one[1], &two[2], &one[2], &two[3], &one[3]]
        .into_iter()
        .flat_map(|fragment| add(&mut assembler, fragment))
        .collect();
    assert!(received.len() == 1 && received[0] == message(50_000));
    assert_eq!(assembler.bytes, 0);
}

#[test]
fn unfinished_messages_are_bounded() {
    let mut assembler = Assembler::new(MAX);
    let message = message(MAX);
    for number in 0..1000 {
        assert!(add(&mut assembler, &fragment_at(&message, number, 0).0).is_empty());
        assert!(assembler.bytes <= UNFINISHED_BYTES_MAX);
    }
    // The newest is still there.
    let rest: Vec<_> = fragments(&message, 999)[1..].iter().flat_map(|part| add(&mut assembler, part)).collect();
    assert_eq!(rest.len(), 1);
}

proptest! {
    #[test]
    fn hostile_fragments_never_panic(
        kind in 0u8..6,
        version in 0u8..3,
        rest in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..60),
    ) {
        let mut assembler = Assembler::new(MAX);
        let bytes = [&[kind, version][..], &rest].concat();
        for _ in 0..3 {
            let mut delivered = 0;
            let outcome = assembler.add(&bytes, |message| delivered += message.len());
            prop_assert!(delivered <= bytes.len() && (outcome.is_ok() || delivered == 0));
            prop_assert!(assembler.bytes <= UNFINISHED_BYTES_MAX);
        }
        let _short = assembler.add(&bytes[..bytes.len() / 2], |_| ());
    }

    #[test]
    fn several_messages_come_apart_as_they_were(lengths in proptest::collection::vec(0usize..900, 1..16), cut in any::<u16>(), flip in any::<u8>()) {
        let messages: Vec<_> = lengths.into_iter().map(message).collect();
        let fragment = fragment_of(messages.iter().map(Vec::as_slice));
        prop_assert!(add(&mut Assembler::new(MAX), &fragment) == messages);
        // Damage gives an error or other messages, never more bytes than there are.
        let mut damaged = fragment.clone();
        let place = usize::from(cut) % damaged.len();
        damaged[place] ^= flip;
        let mut delivered = 0;
        let _outcome = Assembler::new(MAX).add(&damaged, |message| delivered += message.len());
        prop_assert!(delivered <= damaged.len());
        prop_assert!(Assembler::new(MAX).add(&fragment[..place], |_| ()).is_err());
    }
}
