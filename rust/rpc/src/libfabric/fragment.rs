//! Messages in pieces that every provider can buffer.
//!
//! All numbers are little-endian. What fits [`FRAGMENT_MAX`] travels whole, with a header of 8 bytes; a longer message
//! is cut into parts, which arrive in order, each with a header of 24 bytes.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | kind: 1 whole, 2 part, 3 nothing (asks whether the peer is connected) |
//! | 1 | 1 | version, 1 |
//! | 2 | 2 | zero |
//! | 4 | 4 | length of the whole message |
//! | 8 | 8 | parts only: number of the message, unlike those of all other senders (it begins at random) |
//! | 16 | 4 | parts only: where in the message the part begins |
//! | 20 | 4 | parts only: zero |

use std::collections::{BTreeMap, HashMap};

/// The longest fragment with its header: what the utility provider `rxm` sends without asking the receiver first.
pub(super) const FRAGMENT_MAX: usize = 16 << 10;

/// Bytes of unfinished messages that are kept; more than a few hundred peers in the midst of their longest message.
const UNFINISHED_BYTES_MAX: usize = 32 << 20;

/// The fragment that says nothing.
pub(super) const NOTHING: [u8; WHOLE_HEADER] = [KIND_NOTHING, VERSION, 0, 0, 0, 0, 0, 0];

const WHOLE_HEADER: usize = 8;
const PART_HEADER: usize = 24;
const PART_BODY_MAX: usize = FRAGMENT_MAX - PART_HEADER;
const VERSION: u8 = 1;
const KIND_WHOLE: u8 = 1;
const KIND_PART: u8 = 2;
const KIND_NOTHING: u8 = 3;

/// The fragment of a message that begins at an offset, and where the next one begins, if there is one.
pub(super) fn fragment_at(message: &[u8], number: u64, offset: usize) -> (Vec<u8>, Option<usize>) {
    let is_whole = message.len() <= FRAGMENT_MAX - WHOLE_HEADER;
    let kind = if is_whole { KIND_WHOLE } else { KIND_PART };
    let end = if is_whole { message.len() } else { message.len().min(offset + PART_BODY_MAX) };
    let mut bytes = Vec::with_capacity(PART_HEADER + end - offset);
    bytes.extend_from_slice(&[kind, VERSION, 0, 0]);
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    if !is_whole {
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&(offset as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
    }
    bytes.extend_from_slice(&message[offset..end]);
    (bytes, (end < message.len()).then_some(end))
}

/// What a received fragment is.
#[derive(PartialEq, Eq, Debug)]
enum Fragment<'a> {
    Whole(&'a [u8]),
    Part { number: u64, total: usize, offset: usize, body: &'a [u8] },
    Nothing,
}

fn parse(bytes: &[u8], message_max: usize) -> Option<Fragment<'_>> {
    let word = |at: usize| -> Option<u32> { Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let length = usize::try_from(word(4)?).ok()?;
    match bytes[..4] {
        [KIND_WHOLE, VERSION, 0, 0] if length == bytes.len() - WHOLE_HEADER => {
            Some(Fragment::Whole(&bytes[WHOLE_HEADER..]))
        }
        [KIND_NOTHING, VERSION, 0, 0] if bytes == NOTHING => Some(Fragment::Nothing),
        [KIND_PART, VERSION, 0, 0] if word(20)? == 0 && length <= message_max => {
            let number = u64::from(word(8)?) | u64::from(word(12)?) << 32;
            let (offset, body) = (usize::try_from(word(16)?).ok()?, &bytes[PART_HEADER..]);
            let fits = !body.is_empty() && offset.checked_add(body.len()).is_some_and(|end| end <= length);
            fits.then_some(Fragment::Part { number, total: length, offset, body })
        }
        _ => None,
    }
}

struct Unfinished {
    bytes: Vec<u8>,
    total: usize,
    touched: u64,
}

/// Puts messages together again.
///
/// Unfinished ones of peers that are gone make room for newer ones; a message that is thrown out is lost, as one is whose
/// connection ended.
pub(super) struct Assembler {
    message_max: usize,
    unfinished: HashMap<u64, Unfinished>,
    by_age: BTreeMap<u64, u64>,
    bytes: usize,
    ticks: u64,
}

impl Assembler {
    pub fn new(message_max: usize) -> Assembler {
        Assembler { message_max, unfinished: HashMap::new(), by_age: BTreeMap::new(), bytes: 0, ticks: 0 }
    }

    /// Takes a received fragment, and gives the message that it completes. What is no fragment is given as it is, so
    /// that it is counted as malformed by whoever reads messages.
    pub fn add(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        match parse(bytes, self.message_max) {
            Some(Fragment::Whole(message)) => Some(message.to_vec()),
            Some(Fragment::Part { number, total, offset, body }) => self.add_part(number, total, offset, body),
            Some(Fragment::Nothing) => None,
            None => Some(bytes.to_vec()),
        }
    }

    fn add_part(&mut self, number: u64, total: usize, offset: usize, body: &[u8]) -> Option<Vec<u8>> {
        let mut message = self.remove(number);
        if offset == 0 {
            message = Some(Unfinished { bytes: Vec::with_capacity(total), total, touched: 0 });
        }
        // A part whose predecessor is missing is the rest of a message whose beginning was lost.
        let mut message = message.filter(|message| message.bytes.len() == offset && message.total == total)?;
        message.bytes.extend_from_slice(body);
        if message.bytes.len() == total {
            return Some(message.bytes);
        }
        self.insert(number, message);
        None
    }

    fn remove(&mut self, number: u64) -> Option<Unfinished> {
        let message = self.unfinished.remove(&number)?;
        self.by_age.remove(&message.touched);
        self.bytes -= message.total;
        Some(message)
    }

    fn insert(&mut self, number: u64, mut message: Unfinished) {
        while self.bytes + message.total > UNFINISHED_BYTES_MAX {
            let Some(oldest) = self.by_age.first_key_value().map(|(_, number)| *number) else { break };
            self.remove(oldest);
        }
        self.ticks += 1;
        message.touched = self.ticks;
        self.bytes += message.total;
        self.by_age.insert(message.touched, number);
        self.unfinished.insert(number, message);
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn golden_bytes() {
        assert_eq!(fragments(b"abc", 9), [b"\x01\x01\0\0\x03\0\0\0abc".to_vec()]);
        let parts = fragments(&message(20_000), 0x0102);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1][..PART_HEADER], *b"\x02\x01\0\0\x20\x4e\0\0\x02\x01\0\0\0\0\0\0\xe8\x3f\0\0\0\0\0\0");
    }

    #[test]
    fn messages_of_every_length_come_together() {
        let mut assembler = Assembler::new(MAX);
        let edge = FRAGMENT_MAX - WHOLE_HEADER;
        for length in [0, 1, edge - 1, edge, edge + 1, PART_BODY_MAX * 2, PART_BODY_MAX * 2 + 1, MAX] {
            let fragments = fragments(&message(length), length as u64);
            assert!(fragments.iter().all(|fragment| fragment.len() <= FRAGMENT_MAX));
            let mut whole: Vec<_> = fragments.iter().filter_map(|fragment| assembler.add(fragment)).collect();
            assert_eq!(whole.len(), 1);
            assert!(whole.remove(0) == message(length));
        }
        assert_eq!((assembler.bytes, assembler.unfinished.len(), assembler.by_age.len()), (0, 0, 0));
        assert_eq!(assembler.add(&NOTHING), None);
    }

    #[test]
    fn messages_with_missing_parts_are_dropped() {
        let mut assembler = Assembler::new(MAX);
        let (one, two) = (fragments(&message(50_000), 1), fragments(&message(60_000), 2));
        let received: Vec<_> = [&one[0], &two[0], &one[1], &two[2], &one[2], &two[3], &one[3]]
            .into_iter()
            .filter_map(|fragment| assembler.add(fragment))
            .collect();
        assert!(received.len() == 1 && received[0] == message(50_000));
        assert_eq!(assembler.bytes, 0);
    }

    #[test]
    fn unfinished_messages_are_bounded() {
        let mut assembler = Assembler::new(MAX);
        let message = message(MAX);
        for number in 0..1000 {
            assert_eq!(assembler.add(&fragment_at(&message, number, 0).0), None);
            assert!(assembler.bytes <= UNFINISHED_BYTES_MAX);
        }
        // The newest is still there.
        let rest: Vec<_> = fragments(&message, 999)[1..].iter().filter_map(|part| assembler.add(part)).collect();
        assert_eq!(rest.len(), 1);
    }

    proptest! {
        #[test]
        fn hostile_fragments_never_panic(
            kind in 0u8..5,
            version in 0u8..3,
            rest in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..60),
        ) {
            let mut assembler = Assembler::new(MAX);
            let bytes = [&[kind, version][..], &rest].concat();
            for _ in 0..3 {
                if let Some(message) = assembler.add(&bytes) {
                    prop_assert!(message.len() <= bytes.len());
                }
                prop_assert!(assembler.bytes <= UNFINISHED_BYTES_MAX);
            }
            assembler.add(&bytes[..bytes.len() / 2]);
        }
    }
}
