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
        ..Head::of(Kind::Request)
    }
}

/// The frame of version 2, byte for byte. Never change it: a new layout is a new version with its own bytes.
const GOLDEN: &[u8] = &[
    0x44, 0x52, 0x50, 0x43, 2, 0, 1, 10, 0x02, 0x01, 2, 0, 0x95, 0xd0, 0x41, 0x4a, // magic to checksum
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 0, 0, 0, 0, 0, 0, 0, // call id, session
    0x0d, 0xfc, 0xff, 0xff, 3, 0, 0, 0, // status, body length
    0x0b, 0x0a, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, // token, distance
    b'i', b'n', b'p', b'r', b'o', b'c', b':', b'/', b'/', b'7', 0, 0, 0, 0, 0, 0, // source
    b'a', b'b', b'c', // body
];

#[test]
fn golden_bytes_of_version_2() {
    let bytes = encode(&head(), "inproc://7", b"abc");
    assert_eq!(bytes, GOLDEN);
    let frame = Frame::decode(bytes).unwrap();
    assert_eq!((frame.head, frame.source(), frame.body()), (head(), "inproc://7", &b"abc"[..]));
    assert_eq!(peek(GOLDEN), Some((Kind::Request, head().call_id)));
}

#[test]
fn kinds_have_their_numbers() {
    let kinds = [Kind::Request, Kind::Reply, Kind::Abandoned, Kind::Asked, Kind::Unknown, Kind::Forgotten];
    for (number, kind) in kinds.into_iter().enumerate() {
        let bytes = encode(&Head { kind, ..head() }, "inproc://3", b"");
        assert_eq!(usize::from(bytes[6]), number + 1);
        assert_eq!(Frame::decode(bytes).unwrap().head.kind, kind);
    }
}

#[test]
fn each_kind_of_damage_is_named() {
    let damaged = |position: usize, value: u8| {
        let mut bytes = GOLDEN.to_vec();
        bytes[position] = value;
        Frame::decode(bytes).unwrap_err()
    };
    assert_eq!(Frame::decode(GOLDEN[..HEADER_LENGTH - 1].to_vec()), Err(FrameError::TooShort));
    assert_eq!(Frame::decode(GOLDEN[..GOLDEN.len() - 1].to_vec()), Err(FrameError::Length));
    assert_eq!(damaged(0, 0), FrameError::Magic);
    assert_eq!(damaged(4, 1), FrameError::Version(1));
    assert_eq!(damaged(6, 7), FrameError::Kind(7));
    assert_eq!(damaged(7, 255), FrameError::Length);
    assert_eq!(damaged(10, 4), FrameError::Flags(4));
    assert_eq!(damaged(52, 1), FrameError::Reserved);
    assert_eq!(damaged(39, 255), FrameError::Length);
    assert_eq!(damaged(GOLDEN.len() - 1, 0), FrameError::Checksum);
    assert_eq!(Frame::decode(encode(&head(), "nonsense", b"")), Err(FrameError::Source));
}

#[test]
fn every_flipped_bit_is_found() {
    for position in 0..GOLDEN.len() * 8 {
        let mut bytes = GOLDEN.to_vec();
        bytes[position / 8] ^= 1 << (position % 8);
        assert!(Frame::decode(bytes).is_err(), "bit {position}");
    }
}

#[test]
fn what_was_sent_before_says_so() {
    let mut bytes = GOLDEN.to_vec();
    mark_sent_again(&mut bytes);
    assert_eq!(Frame::decode(bytes).unwrap().head, Head { is_sent_again: true, ..head() });
    for other in [encode(&Head::of(Kind::Reply), "inproc://7", b"abc"), b"DRPC".to_vec(), vec![7; 100]] {
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
    fn random_bytes_behind_a_good_start_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..8u8) {
        let mut bytes = GOLDEN[..8].to_vec();
        bytes[6] = kind;
        bytes.extend(tail);
        assert!(Frame::decode(bytes).is_err());
    }

    #[test]
    fn what_is_encoded_decodes(opcode: u16, call_id: u64, session: u64, status: i32, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let head = Head { opcode, call_id, session, status, token: session ^ call_id, ..Head::of(Kind::Reply) };
        let frame = Frame::decode(encode(&head, "tcp://[::1]:9", &body)).unwrap();
        assert_eq!((frame.head, frame.body()), (head, &body[..]));
        assert_eq!(frame.body().as_ptr() as usize % 8, frame.bytes.as_ptr() as usize % 8);
    }
}
