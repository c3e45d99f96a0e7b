use super::*;
use proptest::prelude::*;

fn header() -> Header {
    Header { version: 3, opcode: 0x0102, flags: 0x0304, status: -1011, ..Header::of(Kind::Request) }
}

/// The header of every version, byte for byte. Never change it: without it, releases cannot say that they differ.
const GOLDEN: &[u8] = &[
    b'D', b'M', b'S', b'G', 0x77, 0x88, 0xd6, 0xed, 3, 0, 1, 1, 0x02, 0x01, 0x04, 0x03, // magic to flags
    3, 0, 0, 0, 0x0d, 0xfc, 0xff, 0xff, // length of the body, status
    8, 7, 6, 5, 4, 3, 2, 1, // head
    b'a', b'b', b'c', // body
];

#[test]
fn the_header_has_these_bytes_for_ever() {
    let bytes = seal(header(), &[8, 7, 6, 5, 4, 3, 2, 1], b"abc");
    assert_eq!(bytes, GOLDEN, "{bytes:02x?}");
    assert_eq!(check(GOLDEN), Ok(Header { head_length: 8, body_length: 3, ..header() }));
}

#[test]
fn every_flipped_bit_is_found() {
    for position in 0..GOLDEN.len() * 8 {
        let mut bytes = GOLDEN.to_vec();
        bytes[position / 8] ^= 1 << (position % 8);
        assert!(check(&bytes).is_err(), "bit {position}");
    }
    for length in 0..GOLDEN.len() {
        assert!(check(&GOLDEN[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_body_without_checksum_has_its_length_and_its_head_checked() {
    let whole = seal(Header { flags: FLAG_BODY_UNCHECKED, ..header() }, &[7; 16], b"body");
    let body_start = HEADER_LENGTH + 16;
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x41;
        assert_eq!(check(&bytes).is_ok(), position >= body_start, "{position}");
    }
    assert_eq!(check(&whole[..whole.len() - 1]), Err(HeaderError::Length));
    let mut protected = whole;
    set_flags(&mut protected, 0);
    assert_eq!(check(&protected).map(|header| header.flags), Ok(0));
    *protected.last_mut().expect("a body") ^= 1;
    assert_eq!(check(&protected), Err(HeaderError::Checksum));
}

#[test]
fn messages_of_other_versions_and_kinds_say_so() {
    let newer = seal(Header { version: 10, ..Header::of(Kind::Greeting) }, &[], b"x");
    assert_eq!(open(&newer, &[Kind::Greeting]), Err(HeaderError::Version(10)));
    let status = HeaderError::Version(10).status("this client", "the engine");
    assert_eq!(status.code(), Code::Proto);
    let sentence = format!(
        "this client speaks protocol version {PROTOCOL_VERSION}, the engine speaks version 10: use the same release on both sides"
    );
    assert_eq!(status.context(), sentence);
    let other = seal(Header::of(Kind::Greeting), &[], b"x");
    assert_eq!(open(&other, &[Kind::Replica]), Err(HeaderError::Kind(16)));
    assert_eq!(open(&other, &[Kind::Replica, Kind::Greeting]).map(|(_, body)| body), Ok(&b"x"[..]));
    let flagged = seal(Header { flags: 4, ..Header::of(Kind::Greeting) }, &[], b"x");
    assert_eq!(open(&flagged, &[Kind::Greeting]), Err(HeaderError::Flags(4)));
    let headed = seal(Header::of(Kind::Greeting), &[0; 8], b"x");
    assert_eq!(open(&headed, &[Kind::Greeting]), Err(HeaderError::Length));
    assert_eq!(HeaderError::Checksum.status("a", "b").code(), Code::Csum);
    assert_eq!(open_plain(&other, Kind::Greeting), Ok(&b"x"[..]));
    for header in
        [Header { opcode: 1, ..Header::of(Kind::Greeting) }, Header { status: -1, ..Header::of(Kind::Greeting) }]
    {
        assert_eq!(open_plain(&seal(header, &[], b"x"), Kind::Greeting), Err(HeaderError::Meaning));
    }
}

#[test]
fn what_is_no_message_is_left_alone() {
    for other in [&b""[..], &[7; 100], b"DMSG"] {
        let mut bytes = other.to_vec();
        finish(&mut bytes);
        assert_eq!(bytes, other);
    }
    // A head that is longer than the message.
    let mut bytes = Header { flags: FLAG_BODY_UNCHECKED, head_length: 80, ..header() }.to_bytes();
    let before = bytes;
    finish(&mut bytes);
    assert_eq!(bytes, before);
    assert!(check(&bytes).is_err());
}

proptest! {
    #[test]
    fn what_is_sealed_opens(kind in 0..Kind::ALL.len(), opcode: u16, status: i32, unchecked: bool, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let flags = u16::from(unchecked) * FLAG_BODY_UNCHECKED;
        let header = Header { opcode, status, flags, body_length: body.len() as u32, ..Header::of(Kind::ALL[kind]) };
        let bytes = seal(header, &[], &body);
        prop_assert_eq!(check(&bytes), Ok(header));
        prop_assert_eq!(&bytes[HEADER_LENGTH..], &body[..]);
    }

    #[test]
    fn random_bytes_behind_a_good_start_are_refused(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
        let bytes = [&MAGIC[..], &tail].concat();
        prop_assert!(check(&bytes).is_err());
    }
}
