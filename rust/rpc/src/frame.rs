//! The bytes of a request and of a reply.
//!
//! All numbers are little-endian. A frame is a header of [`HEADER_LENGTH`] bytes, the sender's address padded with zeros to a
//! multiple of eight (fabrics of the RDM kind do not say who sent a message, and a reply needs to know), and the body.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | magic `DRPC` |
//! | 4 | 2 | version, 2 |
//! | 6 | 1 | kind: 1 request, 2 reply; about calls, whose ids are the body: 3 abandoned, 4 asked for, 5 unknown, 6 forgotten |
//! | 7 | 1 | length of the sender's address |
//! | 8 | 2 | operation code |
//! | 10 | 2 | flags of a request: 1 it was sent before, 2 it may be carried out twice; otherwise zero |
//! | 12 | 4 | CRC32C of the whole frame with zeros in this place |
//! | 16 | 8 | call id, chosen by the caller, repeated in the reply |
//! | 24 | 8 | session token of the caller |
//! | 32 | 4 | status: zero, or the (negative) DAOS error number; then the body is the context sentence |
//! | 36 | 4 | length of the body |
//! | 40 | 8 | token of the server's memory of the caller: in a reply, what it is; in a request, what the caller heard last, or zero |
//! | 48 | 4 | requests: how far the id of the oldest call that the caller has with this server lies below this one's |
//! | 52 | 4 | zero |
//!
//! `docs/calls.md` of this crate says what flags, token and distance are for.

use crate::address::check_bytes;
use daos_checksum::crc32c;
use std::fmt;
use std::mem::{offset_of, size_of};
use zerocopy::little_endian::{I32, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Length of the fixed part of a frame.
pub const HEADER_LENGTH: usize = size_of::<Header>();

/// The most that a frame adds to its body: header and the longest address.
pub const OVERHEAD_MAX: usize = HEADER_LENGTH + crate::Address::LENGTH_MAX;

const MAGIC: [u8; 4] = *b"DRPC";
const VERSION: u16 = 2;
const FLAG_SENT_AGAIN: u16 = 1;
const FLAG_REPEATABLE: u16 = 2;
const SOURCE_ALIGNMENT: usize = 8;
const CHECKSUM_OFFSET: usize = offset_of!(Header, checksum);

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    magic: [u8; 4],
    version: U16,
    kind: u8,
    source_length: u8,
    opcode: U16,
    flags: U16,
    checksum: U32,
    call_id: U64,
    session: U64,
    status: I32,
    body_length: U32,
    token: U64,
    behind: U32,
    reserved: U32,
}

const _: () = assert!(size_of::<Header>() == 56 && crate::Address::LENGTH_MAX <= u8::MAX as usize);

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Request = 1,
    Reply = 2,
    /// The caller gave up calls, and takes back the memory that it lent.
    Abandoned = 3,
    /// The caller asks whether the server has calls.
    Asked = 4,
    /// The server does not have calls that it was asked for, and never had them.
    Unknown = 5,
    /// The server cannot tell whether it had calls that it was asked for, or has no answers to them any more.
    Forgotten = 6,
}

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
    TooShort,
    Magic,
    Version(u16),
    Kind(u8),
    Flags(u16),
    Reserved,
    Length,
    Checksum,
    Source,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooShort => write!(f, "shorter than a header"),
            FrameError::Magic => write!(f, "does not begin with the magic bytes"),
            FrameError::Version(version) => write!(f, "protocol version {version} instead of {VERSION}"),
            FrameError::Kind(kind) => write!(f, "unknown kind {kind}"),
            FrameError::Flags(flags) => write!(f, "unknown flags {flags:#x}"),
            FrameError::Reserved => write!(f, "reserved bytes are not zero"),
            FrameError::Length => write!(f, "lengths in the header do not fit the message"),
            FrameError::Checksum => write!(f, "checksum does not match"),
            FrameError::Source => write!(f, "the sender's address is not valid"),
        }
    }
}

/// The bytes of a frame; `source` is a valid address, and the body fits 32 bits (callers check against the transport's
/// largest message, which is far below).
pub(crate) fn encode(head: &Head, source: &str, body: &[u8]) -> Vec<u8> {
    debug_assert!(source.len() <= crate::Address::LENGTH_MAX);
    let body_start = HEADER_LENGTH + source.len().next_multiple_of(SOURCE_ALIGNMENT);
    let header = Header {
        magic: MAGIC,
        version: VERSION.into(),
        kind: head.kind as u8,
        source_length: source.len() as u8,
        opcode: head.opcode.into(),
        flags: head.flags().into(),
        checksum: 0.into(),
        call_id: head.call_id.into(),
        session: head.session.into(),
        status: head.status.into(),
        body_length: (body.len() as u32).into(),
        token: head.token.into(),
        behind: head.behind.into(),
        reserved: 0.into(),
    };
    let mut bytes = Vec::with_capacity(body_start + body.len());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(source.as_bytes());
    bytes.resize(body_start, 0);
    bytes.extend_from_slice(body);
    let checksum = crc32c(&bytes);
    bytes[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 4].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Says in a frame of this process that it was sent before. What is no request is left as it is.
pub(crate) fn mark_sent_again(bytes: &mut [u8]) {
    let Ok((header, _)) = Header::mut_from_prefix(bytes) else { return };
    if header.magic != MAGIC || header.version.get() != VERSION || header.kind != Kind::Request as u8 {
        return;
    }
    header.flags = (header.flags.get() | FLAG_SENT_AGAIN).into();
    header.checksum = 0.into();
    let checksum = crc32c(bytes);
    bytes[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// Kind and call id of a frame that this process encoded.
pub(crate) fn peek(bytes: &[u8]) -> Option<(Kind, u64)> {
    let (header, _) = Header::ref_from_prefix(bytes).ok()?;
    Some((kind_of(header.kind)?, header.call_id.get()))
}

fn kind_of(number: u8) -> Option<Kind> {
    match number {
        1 => Some(Kind::Request),
        2 => Some(Kind::Reply),
        3 => Some(Kind::Abandoned),
        4 => Some(Kind::Asked),
        5 => Some(Kind::Unknown),
        6 => Some(Kind::Forgotten),
        _ => None,
    }
}

impl Frame {
    /// Checks bytes that came from the network.
    pub fn decode(mut bytes: Vec<u8>) -> Result<Frame, FrameError> {
        let Ok((header, _)) = Header::ref_from_prefix(&bytes) else { return Err(FrameError::TooShort) };
        if header.magic != MAGIC {
            return Err(FrameError::Magic);
        }
        if header.version.get() != VERSION {
            return Err(FrameError::Version(header.version.get()));
        }
        let kind = kind_of(header.kind).ok_or(FrameError::Kind(header.kind))?;
        let flags = header.flags.get();
        if flags & !(FLAG_SENT_AGAIN | FLAG_REPEATABLE) != 0 {
            return Err(FrameError::Flags(flags));
        }
        if header.reserved.get() != 0 {
            return Err(FrameError::Reserved);
        }
        let head = Head {
            kind,
            opcode: header.opcode.get(),
            is_sent_again: flags & FLAG_SENT_AGAIN != 0,
            is_repeatable: flags & FLAG_REPEATABLE != 0,
            token: header.token.get(),
            behind: header.behind.get(),
            call_id: header.call_id.get(),
            session: header.session.get(),
            status: header.status.get(),
        };
        let source_length = usize::from(header.source_length);
        let body_start = HEADER_LENGTH + source_length.next_multiple_of(SOURCE_ALIGNMENT);
        if bytes.len().checked_sub(body_start) != usize::try_from(header.body_length.get()).ok() {
            return Err(FrameError::Length);
        }
        let checksum = header.checksum.get();
        bytes[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 4].fill(0);
        if crc32c(&bytes) != checksum {
            return Err(FrameError::Checksum);
        }
        if check_bytes(&bytes[HEADER_LENGTH..HEADER_LENGTH + source_length]).is_err() {
            return Err(FrameError::Source);
        }
        Ok(Frame { head, bytes, source_length, body_start })
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
}

#[cfg(test)]
mod tests;
