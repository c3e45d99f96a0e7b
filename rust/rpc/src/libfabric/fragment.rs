//! Messages in pieces that every provider can buffer.
//!
//! All numbers are little-endian. What fits [`FRAGMENT_MAX`] travels whole, with a header of 8 bytes; short messages that are sent at
//! the same time travel together; a longer message is cut into parts, which arrive in order, each with a header of 24 bytes.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | kind: 1 whole, 2 part, 3 nothing (asks whether the peer is connected), 4 several |
//! | 1 | 1 | version, 1 |
//! | 2 | 2 | zero |
//! | 4 | 4 | length of the whole message; of several: of all that follows |
//! | 8 | 8 | parts only: number of the message, unlike those of all other senders (it begins at random) |
//! | 16 | 4 | parts only: where in the message the part begins |
//! | 20 | 4 | parts only: zero |
//!
//! Several messages follow the header of 8 bytes one after the other, each with its length in 4 bytes before it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// The longest fragment with its header: what the utility provider `rxm` sends without asking the receiver first.
pub(super) const FRAGMENT_MAX: usize = 16 << 10;

/// Bytes of unfinished messages that are kept; more than a few hundred peers in the midst of their longest message.
const UNFINISHED_BYTES_MAX: usize = 32 << 20;

/// The fragment that says nothing.
pub(super) const NOTHING: [u8; WHOLE_HEADER] = [KIND_NOTHING, VERSION, 0, 0, 0, 0, 0, 0];

const WHOLE_HEADER: usize = 8;
const LENGTH_HEADER: usize = 4;
const PART_HEADER: usize = 24;
const PART_BODY_MAX: usize = FRAGMENT_MAX - PART_HEADER;
const VERSION: u8 = 1;
const KIND_WHOLE: u8 = 1;
const KIND_PART: u8 = 2;
const KIND_NOTHING: u8 = 3;
const KIND_SEVERAL: u8 = 4;

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

/// How much of a fragment messages take that travel together.
#[derive(Clone, Copy, Default)]
pub(super) struct Room(usize);

impl Room {
    /// Takes the room of one more message; `false` when there is none.
    pub fn take(&mut self, message: &[u8]) -> bool {
        let taken = self.0 + LENGTH_HEADER + message.len();
        let fits = WHOLE_HEADER + taken <= FRAGMENT_MAX;
        if fits {
            self.0 = taken;
        }
        fits
    }
}

/// The fragment of messages for which there was [`Room`].
pub(super) fn fragment_of<'a>(messages: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAGMENT_MAX);
    bytes.extend_from_slice(&[KIND_SEVERAL, VERSION, 0, 0, 0, 0, 0, 0]);
    for message in messages {
        bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
        bytes.extend_from_slice(message);
    }
    let length = (bytes.len() - WHOLE_HEADER) as u32;
    bytes[4..WHOLE_HEADER].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Why bytes are not a fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FragmentError {
    TooShort(usize),
    Kind(u8),
    Version(u8),
    Reserved,
    /// What the header says, and what there is.
    Length(u32, usize),
    /// A part lies outside of its message, or is empty.
    Outside,
    /// One of several messages is longer than what is left.
    Several,
}

impl fmt::Display for FragmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FragmentError::TooShort(length) => write!(f, "a fragment of {length} bytes is shorter than its header"),
            FragmentError::Kind(kind) => write!(f, "a fragment is of the unknown kind {kind}"),
            FragmentError::Version(version) => write!(f, "a fragment is of version {version} instead of {VERSION}"),
            FragmentError::Reserved => write!(f, "reserved bytes of a fragment are not zero"),
            FragmentError::Length(said, found) => write!(f, "a fragment says {said} bytes and has {found}"),
            FragmentError::Outside => write!(f, "a part is empty or lies outside of its message"),
            FragmentError::Several => write!(f, "the lengths of several messages do not fit their fragment"),
        }
    }
}

/// What a received fragment is.
#[derive(PartialEq, Eq, Debug)]
enum Fragment<'a> {
    Whole(&'a [u8]),
    Part { number: u64, total: usize, offset: usize, body: &'a [u8] },
    Nothing,
    Several(&'a [u8]),
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn parse(bytes: &[u8], message_max: usize) -> Result<Fragment<'_>, FragmentError> {
    let short = FragmentError::TooShort(bytes.len());
    let length = word(bytes, 4).ok_or(short)?;
    let (kind, rest) = (bytes[0], &bytes[WHOLE_HEADER..]);
    if bytes[1] != VERSION {
        return Err(FragmentError::Version(bytes[1]));
    }
    if bytes[2..4] != [0, 0] {
        return Err(FragmentError::Reserved);
    }
    let fits = length as usize == rest.len();
    match kind {
        KIND_WHOLE | KIND_NOTHING | KIND_SEVERAL if !fits => Err(FragmentError::Length(length, rest.len())),
        KIND_WHOLE => Ok(Fragment::Whole(rest)),
        KIND_NOTHING if rest.is_empty() => Ok(Fragment::Nothing),
        KIND_NOTHING => Err(FragmentError::Length(0, rest.len())),
        KIND_SEVERAL => match Messages(rest).last() {
            Some(Some(_)) => Ok(Fragment::Several(rest)),
            _ => Err(FragmentError::Several),
        },
        KIND_PART => {
            let (low, high) = (word(bytes, 8).ok_or(short)?, word(bytes, 12).ok_or(short)?);
            let (offset, reserved) = (word(bytes, 16).ok_or(short)? as usize, word(bytes, 20).ok_or(short)?);
            let (body, total) = (&bytes[PART_HEADER..], length as usize);
            if reserved != 0 {
                return Err(FragmentError::Reserved);
            }
            if total > message_max {
                return Err(FragmentError::Length(length, message_max));
            }
            if body.is_empty() || offset.checked_add(body.len()).is_none_or(|end| end > total) {
                return Err(FragmentError::Outside);
            }
            Ok(Fragment::Part { number: u64::from(low) | u64::from(high) << 32, total, offset, body })
        }
        _ => Err(FragmentError::Kind(kind)),
    }
}

/// The messages that travelled together; `None` as the last one when their lengths are wrong.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Option<&'a [u8]>;
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.is_empty() {
            return None;
        }
        let message = word(self.0, 0).and_then(|length| {
            let end = LENGTH_HEADER.checked_add(usize::try_from(length).ok()?)?;
            Some((self.0.get(LENGTH_HEADER..end)?, self.0.get(end..)?))
        });
        self.0 = message.map_or(&[], |(_, rest)| rest);
        Some(message.map(|(message, _)| message))
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

    /// Takes a received fragment, and hands on the messages that it completes; an error says why it is none.
    pub fn add(&mut self, bytes: &[u8], mut deliver: impl FnMut(Vec<u8>)) -> Result<(), FragmentError> {
        match parse(bytes, self.message_max)? {
            Fragment::Whole(message) => deliver(message.to_vec()),
            Fragment::Part { number, total, offset, body } => {
                self.add_part(number, total, offset, body).into_iter().for_each(deliver);
            }
            Fragment::Several(messages) => {
                Messages(messages).flatten().for_each(|message| deliver(message.to_vec()));
            }
            Fragment::Nothing => {}
        }
        Ok(())
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
mod tests;
