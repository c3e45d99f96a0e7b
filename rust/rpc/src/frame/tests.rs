use super::*;
use proptest::prelude::*;

fn head() -> Head {
    Head {
        opcode: 0x0102,
        is_repeatable: true,
        call_id: 0x1122_3344_5566_7788,
        session: 9,
        status: -1011,
        token: 0x0a0b,
        behind: 5,
        mark: Mark::from_bytes([0x31, 0x32, 0x33]),
        ..Head::of(Kind::Request)
    }
}

/// A frame, byte for byte. Header and head never change.
const GOLDEN: &[u8] = &[
    b'D', b'M', b'S', b'G', 0xfc, 0x51, 0x67, 0x4f, 9, 0, 1, 6, 0x02, 0x01, 2, 0, // magic to flags
    3, 0, 0, 0, 0x0d, 0xfc, 0xff, 0xff, // length of the body, status
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 0, 0, 0, 0, 0, 0, 0, // call id, session
    0x0b, 0x0a, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 10, b'1', b'2', b'3', // token, distance, length of the source, mark
    b'i', b'n', b'p', b'r', b'o', b'c', b':', b'/', b'/', b'7', 0, 0, 0, 0, 0, 0, // source
    b'a', b'b', b'c', // body
];

/// The same in this release's version.
fn golden() -> Vec<u8> {
    encode(&head(), "inproc://7", b"abc", false)
}

fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
    Frame::decode(bytes.to_vec()).map_err(|(error, same)| {
        assert_eq!(same, bytes);
        error
    })
}

#[test]
fn a_frame_has_these_bytes() {
    let bytes = encode_as(9, &head(), "inproc://7", Parts::one(b"abc"), false);
    assert_eq!(bytes, GOLDEN, "{bytes:02x?}");
    let frame = decode(&golden()).unwrap();
    assert_eq!((frame.head, frame.source(), frame.body()), (head(), "inproc://7", &b"abc"[..]));
    assert_eq!(peek(GOLDEN), Some((Kind::Request, head().call_id)));
}

#[test]
fn kinds_have_their_numbers() {
    for (number, kind) in Kind::ALL[..7].iter().enumerate() {
        let mark = if *kind == Kind::Request { head().mark } else { Mark::NONE };
        let bytes = encode(&Head { kind: *kind, mark, ..head() }, "inproc://3", b"", false);
        assert_eq!(usize::from(bytes[10]), number + 1);
        assert_eq!(decode(&bytes).unwrap().head.kind, *kind);
    }
    let other = encode(&Head { kind: Kind::Greeting, ..head() }, "inproc://3", b"", false);
    assert_eq!(decode(&other), Err(FrameError::Header(HeaderError::Kind(16))));
}

#[test]
fn each_kind_of_damage_is_named() {
    let damaged = |position: usize, value: u8| {
        let mut bytes = golden();
        bytes[position] = value;
        header::finish(&mut bytes);
        decode(&bytes).unwrap_err()
    };
    let named = FrameError::Header;
    assert_eq!(decode(&golden()[..20]), Err(named(HeaderError::Short)));
    assert_eq!(decode(&golden()[..HEADER_LENGTH - 1]), Err(named(HeaderError::Length)));
    assert_eq!(decode(&golden()[..golden().len() - 1]), Err(named(HeaderError::Length)));
    assert_eq!(damaged(0, 0), named(HeaderError::Magic));
    assert_eq!(damaged(10, 200), named(HeaderError::Kind(200)));
    assert_eq!(damaged(11, 255), named(HeaderError::Length));
    assert_eq!(damaged(11, 3), named(HeaderError::Length));
    assert_eq!(damaged(14, 4), named(HeaderError::Flags(4)));
    assert_eq!(damaged(19, 255), named(HeaderError::Length));
    assert_eq!(damaged(52, 255), named(HeaderError::Length));
    let mut reply = encode(&Head { kind: Kind::Reply, mark: Mark::NONE, ..head() }, "inproc://7", b"abc", false);
    reply[53] = 1;
    header::finish(&mut reply);
    assert_eq!(decode(&reply), Err(FrameError::Reserved));
    let mut bytes = golden();
    *bytes.last_mut().unwrap() = 0;
    assert_eq!(decode(&bytes), Err(named(HeaderError::Checksum)));
    assert_eq!(decode(&encode(&head(), "nonsense", b"", false)), Err(FrameError::Source));
    let short = header::seal(Header::of(Kind::Request), &[0; 24], b"body");
    assert_eq!(decode(&short), Err(named(HeaderError::Length)));
}

#[test]
fn of_another_version_enough_is_known_to_answer() {
    let bytes = encode_as(10, &head(), "inproc://7", Parts::one(b"abc"), false);
    let Err(FrameError::Version(other)) = decode(&bytes) else { panic!("another version was taken for this one") };
    assert_eq!((other.version, other.kind, other.call_id), (10, 1, head().call_id));
    assert_eq!(source_of(&bytes, &other).unwrap().as_str(), "inproc://7");
    let garbled = encode_as(10, &head(), "\u{1}", Parts::one(b"abc"), false);
    let Err(FrameError::Version(other)) = decode(&garbled) else { panic!("another version was taken for this one") };
    assert_eq!(source_of(&garbled, &other), None);
}

#[test]
fn every_flipped_bit_is_found() {
    for position in 0..golden().len() * 8 {
        let mut bytes = golden();
        bytes[position / 8] ^= 1 << (position % 8);
        assert!(decode(&bytes).is_err(), "bit {position}");
    }
}

#[test]
fn through_memory_only_the_head_has_a_checksum() {
    let bytes = encode(&head(), "inproc://7", b"abc", true);
    let body_start = bytes.len() - 3;
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1;
        assert_eq!(decode(&damaged).is_ok(), position >= body_start, "{position}");
    }
    let mut covered = bytes;
    cover_body(&mut covered);
    assert_eq!(covered, golden());
    cover_body(&mut covered);
    assert_eq!(covered, golden());
}

#[test]
fn what_was_sent_before_says_so() {
    let mut bytes = golden();
    mark_sent_again(&mut bytes);
    assert_eq!(decode(&bytes).unwrap().head, Head { is_sent_again: true, ..head() });
    for other in [encode(&Head::of(Kind::Reply), "inproc://7", b"abc", false), b"DMSG".to_vec(), vec![7; 100]] {
        let mut marked = other.clone();
        mark_sent_again(&mut marked);
        assert_eq!(marked, other);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assert!(Frame::decode(bytes).is_err());
    }

    #[test]
    fn random_bytes_behind_a_good_start_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..9u8) {
        let mut bytes = golden()[..11].to_vec();
        bytes[10] = kind;
        bytes.extend(tail);
        assert!(Frame::decode(bytes.clone()).is_err());
        header::finish(&mut bytes);
        let _whatever_it_is = Frame::decode(bytes);
    }

    #[test]
    fn what_is_encoded_decodes(opcode: u16, call_id: u64, session: u64, status: i32, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let head = Head { opcode, call_id, session, status, token: session ^ call_id, ..Head::of(Kind::Reply) };
        let is_memory = body.len() > 100;
        let bytes = encode(&head, "tcp://[::1]:9", &body, is_memory);
        let (first, second) = body.split_at(body.len() / 3);
        prop_assert_eq!(&encode_parts(&head, "tcp://[::1]:9", Parts { first, rest: &[&[], second] }, is_memory), &bytes);
        if is_memory {
            prop_assert_eq!([encode_before(&head, "tcp://[::1]:9", body.len()), body.clone()].concat(), bytes.clone());
        }
        let frame = decode(&bytes).unwrap();
        assert_eq!((frame.head, frame.body()), (head, &body[..]));
        assert_eq!(frame.body().as_ptr() as usize % 8, frame.bytes.as_ptr() as usize % 8);
    }
}
