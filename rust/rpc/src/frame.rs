//! The bytes of messages between endpoints.
//!
//! All numbers are little-endian. A frame is the header of all messages ([`daos_wire::header`], 24 bytes), a head, which ends with the
//! sender's address padded with zeros to a multiple of eight (fabrics of the RDM kind do not say who sent a message, and a reply needs to
//! know), and the body. The header's kind is 1 to 7: request, reply; about calls, whose ids are the body: abandoned, asked for, unknown,
//! forgotten; and 7, the answer to a request of another version of the protocol. Flags of a request: 1 it was sent before, 2 it may be
//! carried out twice; of any: 0x8000 the body has no checksum, because it goes through memory only. The status is that of a reply.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 24 | 8 | call id, chosen by the caller, repeated in the reply |
//! | 32 | 8 | session token of the caller |
//! | 40 | 8 | token of the server's memory of the caller: in a reply, what it is; in a request, what the caller heard last, or zero |
//! | 48 | 4 | requests: how far the id of the oldest call that the caller has with this server lies below this one's |
//! | 52 | 1 | length of the sender's address |
//! | 53 | 3 | requests: the mark of the address that is meant ([`crate::Address::mark`]), little-endian; otherwise zero |
//! | 56 | | the sender's address |
//!
//! `docs/calls.md` of this crate says what flags, token and distance are for. Call id and sender's address stay where they are in all
//! versions, as the header does.

use crate::Parts;
use crate::address::{Mark, check_bytes};
use daos_wire::header::{self, FLAG_BODY_UNCHECKED, Header, HeaderError, PROTOCOL_VERSION};
use std::fmt;
use std::mem::size_of;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) use daos_wire::header::Kind;

/// Length of the fixed part of a frame.
pub const HEADER_LENGTH: usize = header::HEADER_LENGTH + size_of::<FixedHead>();

/// The most that a frame adds to its body: header and the longest address.
pub const OVERHEAD_MAX: usize = HEADER_LENGTH + crate::Address::LENGTH_MAX;

const FLAG_SENT_AGAIN: u16 = 1;
const FLAG_REPEATABLE: u16 = 2;
const FLAGS: u16 = FLAG_SENT_AGAIN | FLAG_REPEATABLE | FLAG_BODY_UNCHECKED;
const SOURCE_ALIGNMENT: usize = 8;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct FixedHead {
    call_id: U64,
    session: U64,
    token: U64,
    behind: U32,
    source_length: u8,
    mark: [u8; 3],
}

const _: () = assert!(HEADER_LENGTH == 56 && OVERHEAD_MAX - header::HEADER_LENGTH <= header::HEAD_LENGTH_MAX);
const _: () = assert!(crate::Address::LENGTH_MAX <= u8::MAX as usize);

/// The fixed part of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub kind: Kind,
    pub opcode: u16,
    /// The request may have arrived before.
    pub is_sent_again: bool,
    /// Nothing is lost when the request is carried out twice.
    pub is_repeatable: bool,
    pub call_id: u64,
    pub session: u64,
    pub status: i32,
    pub token: u64,
    pub behind: u32,
    /// Of the address that a request is for.
    pub mark: Mark,
}

impl Head {
    /// That of a frame of a kind; all else is zero.
    pub const fn of(kind: Kind) -> Head {
        Head {
            kind,
            opcode: 0,
            is_sent_again: false,
            is_repeatable: false,
            call_id: 0,
            session: 0,
            status: 0,
            token: 0,
            behind: 0,
            mark: Mark::NONE,
        }
    }

    fn flags(&self) -> u16 {
        (u16::from(self.is_sent_again) * FLAG_SENT_AGAIN) | (u16::from(self.is_repeatable) * FLAG_REPEATABLE)
    }
}

/// A frame that was checked.
#[derive(PartialEq, Eq)]
pub(crate) struct Frame {
    pub head: Head,
    bytes: Vec<u8>,
    source_length: usize,
    body_start: usize,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?} from {}, body of {} bytes)", self.head, self.source(), self.body().len())
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FrameError {
    Header(HeaderError),
    Reserved,
    Source,
    /// An undamaged frame of another version of the protocol.
    Version(OtherVersion),
}

/// What can be known of a frame of another version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OtherVersion {
    pub version: u16,
    pub kind: u8,
    pub call_id: u64,
    /// Where the sender's address ends.
    source_end: usize,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Header(error) => error.fmt(f),
            FrameError::Reserved => write!(f, "its reserved bytes are not zero"),
            FrameError::Source => write!(f, "its sender's address is not valid"),
            FrameError::Version(other) => HeaderError::Version(other.version).fmt(f),
        }
    }
}

/// The bytes of a frame; `source` is a valid address, and the body fits 32 bits (callers check against the transport's
/// largest message, which is far below). `is_memory` says that it goes through memory only.
pub(crate) fn encode(head: &Head, source: &str, body: &[u8], is_memory: bool) -> Vec<u8> {
    encode_parts(head, source, Parts::one(body), is_memory)
}

/// As [`encode`], with a body that lies in parts.
pub(crate) fn encode_parts(head: &Head, source: &str, body: Parts<'_>, is_memory: bool) -> Vec<u8> {
    encode_as(PROTOCOL_VERSION, head, source, body, is_memory)
}

/// What goes before a body of so many bytes in a frame that goes through memory only.
pub(crate) fn encode_before(head: &Head, source: &str, body_length: usize) -> Vec<u8> {
    let mut bytes = begin(PROTOCOL_VERSION, head, source, body_length, true, 0);
    header::finish(&mut bytes);
    bytes
}

fn encode_as(version: u16, head: &Head, source: &str, body: Parts<'_>, is_memory: bool) -> Vec<u8> {
    let body_length = body.length();
    let mut bytes = begin(version, head, source, body_length, is_memory, body_length);
    body.iter().for_each(|part| bytes.extend_from_slice(part));
    header::finish(&mut bytes);
    bytes
}

/// Header and head of a frame, without the checksum, and room for `room` bytes behind them.
fn begin(version: u16, head: &Head, source: &str, body_length: usize, is_memory: bool, room: usize) -> Vec<u8> {
    debug_assert!(source.len() <= crate::Address::LENGTH_MAX);
    let body_start = HEADER_LENGTH + source.len().next_multiple_of(SOURCE_ALIGNMENT);
    let header = Header {
        version,
        kind: head.kind.number(),
        opcode: head.opcode,
        flags: head.flags() | (u16::from(is_memory) * FLAG_BODY_UNCHECKED),
        status: head.status,
        head_length: body_start - header::HEADER_LENGTH,
        body_length: body_length as u32,
    };
    let fixed = FixedHead {
        call_id: head.call_id.into(),
        session: head.session.into(),
        token: head.token.into(),
        behind: head.behind.into(),
        source_length: source.len() as u8,
        mark: head.mark.to_bytes(),
    };
    let mut bytes = Vec::with_capacity(body_start + room);
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(fixed.as_bytes());
    bytes.extend_from_slice(source.as_bytes());
    bytes.resize(body_start, 0);
    bytes
}

/// The flags of a frame of this process, if it is one.
fn flags_of(bytes: &[u8]) -> Option<(Kind, u16)> {
    let header = Header::read(bytes.first_chunk()?).ok()?;
    Some((Kind::from_number(header.kind)?, header.flags))
}

/// Says in a frame of this process that it was sent before. What is no request is left as it is.
pub(crate) fn mark_sent_again(bytes: &mut [u8]) {
    if let Some((Kind::Request, flags)) = flags_of(bytes) {
        header::set_flags(bytes, flags | FLAG_SENT_AGAIN);
    }
}

/// Gives the body of a frame of this process a checksum, if it has none: it goes another way than it was made for.
pub(crate) fn cover_body(bytes: &mut [u8]) {
    if let Some((_, flags)) = flags_of(bytes)
        && flags & FLAG_BODY_UNCHECKED != 0
    {
        header::set_flags(bytes, flags & !FLAG_BODY_UNCHECKED);
    }
}

/// The kinds of messages between endpoints.
fn kind_of(number: u8) -> Option<Kind> {
    Kind::from_number(number).filter(|kind| *kind <= Kind::OtherVersion)
}

/// Kind and call id of a frame that this process encoded.
pub(crate) fn peek(bytes: &[u8]) -> Option<(Kind, u64)> {
    let (header, rest) = bytes.split_first_chunk()?;
    let (fixed, _) = FixedHead::ref_from_prefix(rest).ok()?;
    Some((Kind::from_number(Header::read(header).ok()?.kind)?, fixed.call_id.get()))
}

/// The sender's address in a frame of another version, if it is one.
pub(crate) fn source_of(bytes: &[u8], other: &OtherVersion) -> Option<crate::Address> {
    crate::Address::from_bytes(bytes.get(HEADER_LENGTH..other.source_end)?).ok()
}

impl Frame {
    /// Checks bytes that came from the network; gives them back with what is wrong with them.
    pub fn decode(bytes: Vec<u8>) -> Result<Frame, (FrameError, Vec<u8>)> {
        match Frame::check(&bytes) {
            Ok((head, source_length, body_start)) => Ok(Frame { head, bytes, source_length, body_start }),
            Err(error) => Err((error, bytes)),
        }
    }

    /// Head, length of the sender's address, and where the body begins.
    #[inline]
    fn check(bytes: &[u8]) -> Result<(Head, usize, usize), FrameError> {
        let header = header::check(bytes).map_err(FrameError::Header)?;
        let length = FrameError::Header(HeaderError::Length);
        let (fixed, rest) = FixedHead::ref_from_prefix(&bytes[header::HEADER_LENGTH..]).map_err(|_| length)?;
        let source_length = usize::from(fixed.source_length);
        let body_start = HEADER_LENGTH + source_length.next_multiple_of(SOURCE_ALIGNMENT);
        if header.head_length != body_start - header::HEADER_LENGTH {
            return Err(length);
        }
        if header.version != PROTOCOL_VERSION {
            let (version, kind, call_id) = (header.version, header.kind, fixed.call_id.get());
            let source_end = HEADER_LENGTH + source_length;
            return Err(FrameError::Version(OtherVersion { version, kind, call_id, source_end }));
        }
        let kind = kind_of(header.kind).ok_or(FrameError::Header(HeaderError::Kind(header.kind)))?;
        let flags = header.flags;
        if flags & !FLAGS != 0 {
            return Err(FrameError::Header(HeaderError::Flags(flags)));
        }
        if kind != Kind::Request && fixed.mark != [0; 3] {
            return Err(FrameError::Reserved);
        }
        // The head lies within the message, and so does the address.
        if rest.get(..source_length).is_none_or(|source| check_bytes(source).is_err()) {
            return Err(FrameError::Source);
        }
        let head = Head {
            kind,
            opcode: header.opcode,
            is_sent_again: flags & FLAG_SENT_AGAIN != 0,
            is_repeatable: flags & FLAG_REPEATABLE != 0,
            token: fixed.token.get(),
            behind: fixed.behind.get(),
            mark: Mark::from_bytes(fixed.mark),
            call_id: fixed.call_id.get(),
            session: fixed.session.get(),
            status: header.status,
        };
        Ok((head, source_length, body_start))
    }

    /// The sender's address.
    pub fn source(&self) -> &str {
        // Checked when the frame was decoded.
        std::str::from_utf8(&self.bytes[HEADER_LENGTH..HEADER_LENGTH + self.source_length]).unwrap_or_default()
    }

    /// Bytes of the whole frame.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_start..]
    }

    /// The bytes of the whole frame, and where in them the body begins; what is left has no body.
    pub fn take_bytes(&mut self) -> (Vec<u8>, usize) {
        let head = self.bytes[..self.body_start].to_vec();
        (std::mem::replace(&mut self.bytes, head), self.body_start)
    }
}

#[cfg(test)]
mod tests;
