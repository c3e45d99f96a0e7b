use super::*;
use proptest::prelude::*;

fn head() -> Head {
    Head { kind: Kind::Request, opcode: 0x0102, call_id: 0x1122_3344_5566_7788, session: 9, status: -1011 }
}

/// The frame of version 1, byte for byte. Never change it: a new layout is a new version with its own bytes.
const GOLDEN: &[u8] = &[
    0x44, 0x52, 0x50, 0x43, 1, 0, 1, 10, 0x02, 0x01, 0, 0, 0x8, 0x72, 0x9c, 0x7f, // magic to checksum
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 9, 0, 0, 0, 0, 0, 0, 0, // call id, session
    0x0d, 0xfc, 0xff, 0xff, 3, 0, 0, 0, // status, body length
    b'i', b'n', b'p', b'r', b'o', b'c', b':', b'/', b'/', b'7', 0, 0, 0, 0, 0, 0, // source
    b'a', b'b', b'c', // body
];

#[test]
fn golden_bytes_of_version_1() {
    let bytes = encode(&head(), "inproc://7", b"abc");
    assert_eq!(bytes, GOLDEN);
    let frame = Frame::decode(bytes).unwrap();
    assert_eq!((frame.head, frame.source(), frame.body()), (head(), "inproc://7", &b"abc"[..]));
    assert_eq!(peek(GOLDEN), Some((Kind::Request, head().call_id)));
}

#[test]
fn kinds_have_their_numbers() {
    let kinds = [Kind::Request, Kind::Reply, Kind::Abandoned, Kind::Asked, Kind::Unknown];
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
    assert_eq!(damaged(4, 2), FrameError::Version(2));
    assert_eq!(damaged(6, 6), FrameError::Kind(6));
    assert_eq!(damaged(7, 255), FrameError::Length);
    assert_eq!(damaged(10, 1), FrameError::Reserved);
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

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assert!(Frame::decode(bytes).is_err());
    }

    #[test]
    fn random_bytes_behind_a_good_start_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..4u8) {
        let mut bytes = GOLDEN[..8].to_vec();
        bytes[6] = kind;
        bytes.extend(tail);
        assert!(Frame::decode(bytes).is_err());
    }

    #[test]
    fn what_is_encoded_decodes(opcode: u16, call_id: u64, session: u64, status: i32, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let head = Head { kind: Kind::Reply, opcode, call_id, session, status };
        let frame = Frame::decode(encode(&head, "tcp://[::1]:9", &body)).unwrap();
        assert_eq!((frame.head, frame.body()), (head, &body[..]));
        assert_eq!(frame.body().as_ptr() as usize % 8, frame.bytes.as_ptr() as usize % 8);
    }
}
