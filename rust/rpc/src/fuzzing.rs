//! Doors for fuzz targets to decoders of this crate that nobody else has a use for. Each takes any bytes, and panics when something is not
//! true that must be.

use crate::frame::{Frame, FrameError, Head, Kind, cover_body, encode, mark_sent_again, peek, source_of};
use crate::libfabric::Fragments;
use crate::shared_memory::hostile as memory;
use daos_wire::header::finish;

/// Frames to begin with.
pub fn frames() -> Vec<Vec<u8>> {
    let head =
        Head { opcode: 0x301, call_id: 7, session: 9, status: -1011, token: 3, behind: 2, ..Head::of(Kind::Request) };
    let kinds = Kind::ALL.iter().map(|kind| encode(&Head { kind: *kind, ..head }, "tcp://[::1]:9", b"body", false));
    let other =
        encode(&Head { is_sent_again: true, is_repeatable: true, ..head }, "shm://a,tcp://1.2.3.4:5", b"", true);
    kinds.chain([other]).collect()
}

/// A frame as it comes, and as if its checksum were right.
pub fn frame(bytes: &[u8]) {
    let mut repaired = bytes.to_vec();
    finish(&mut repaired);
    for mut bytes in [bytes.to_vec(), repaired] {
        let _peeked = peek(&bytes);
        match Frame::decode(bytes.clone()) {
            Ok(frame) => {
                let is_memory = {
                    let mut covered = bytes.clone();
                    cover_body(&mut covered);
                    covered != bytes
                };
                let again = encode(&frame.head, frame.source(), frame.body(), is_memory);
                let same = Frame::decode(again).expect("what is encoded decodes");
                assert_eq!(same.head, frame.head);
                assert_eq!((same.source(), same.body()), (frame.source(), frame.body()));
                mark_sent_again(&mut bytes);
                assert!(Frame::decode(bytes).is_ok(), "a marked frame is a frame");
            }
            Err((FrameError::Version(other), bytes)) => drop(source_of(&bytes, &other)),
            Err((error, _)) => drop(error.to_string()),
        }
    }
}

/// Fragments one after the other, each with its length in two bytes before it.
pub fn fragments(mut bytes: &[u8]) {
    const MESSAGE_MAX: usize = 4096;
    let mut fragments = Fragments::new(MESSAGE_MAX);
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (fragment, rest) = rest.split_at(length);
        fragments.add(fragment, |message| assert!(message.len() <= length.max(MESSAGE_MAX)));
        bytes = rest;
    }
}

/// Fragments of two messages.
pub fn fragment_streams() -> Vec<Vec<u8>> {
    let joined = |fragments: Vec<Vec<u8>>| {
        let each = |fragment: Vec<u8>| [&(fragment.len() as u16).to_le_bytes()[..], &fragment].concat();
        fragments.into_iter().flat_map(each).collect()
    };
    Fragments::samples().into_iter().map(joined).collect()
}

/// The first messages of a connection over shared memory.
pub fn memory_handshake(bytes: &[u8]) {
    let mut repaired = bytes.to_vec();
    finish(&mut repaired);
    memory::handshake(bytes);
    memory::handshake(&repaired);
}

/// Good first messages.
pub fn memory_handshakes() -> Vec<Vec<u8>> {
    memory::handshakes()
}
