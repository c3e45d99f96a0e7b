#![doc = include_str!("../docs/header.md")]

use daos_checksum::crc32c;
use daos_status::{Code, Status};
use std::fmt;
use std::ops::Range;

/// The protocol that this release speaks: the meaning of everything behind a header. It is raised with every change of the bytes of a
/// message that was there before; the header itself stays as it is.
pub const PROTOCOL_VERSION: u16 = 9;

/// Length of a header.
pub const HEADER_LENGTH: usize = 24;

/// The longest head, which is what a header counts.
pub const HEAD_LENGTH_MAX: usize = HEAD_UNIT * u8::MAX as usize;

/// The checksum covers header and head, and not the body.
pub const FLAG_BODY_UNCHECKED: u16 = 0x8000;

const MAGIC: [u8; 4] = *b"DMSG";
/// Heads are counted in units of so many bytes, which keeps bodies aligned.
const HEAD_UNIT: usize = 8;
const CHECKSUM: Range<usize> = 4..8;
const CHECKED_FROM: usize = 8;
const VERSION: usize = 8;
const KIND: usize = 10;
const HEAD: usize = 11;
const OPCODE: usize = 12;
const FLAGS: usize = 14;
const LENGTH: usize = 16;
const STATUS: usize = 20;

daos_types::numbered! {
    /// What a message is, and so on which channel it goes.
    pub enum Kind: u8 {
        /// A call between endpoints.
        Request = 1,
        /// Its answer.
        Reply = 2,
        /// The caller gave up calls, and takes back the memory that it lent.
        Abandoned = 3,
        /// The caller asks whether the server has calls.
        Asked = 4,
        /// The server does not have calls that it was asked for, and never had them.
        Unknown = 5,
        /// The server cannot tell whether it had calls that it was asked for, or has no answers to them any more.
        Forgotten = 6,
        /// The server speaks another version of the protocol than the call.
        OtherVersion = 7,
        /// What a local engine says to a client on its socket.
        Greeting = 16,
        /// A request on a control port.
        ControlRequest = 17,
        /// An answer, or news, on a control port.
        ControlReply = 18,
        /// The first word of who wants to share memory.
        MemoryHello = 24,
        /// The memory.
        MemoryWelcome = 25,
        /// No memory, and why.
        MemoryRefusal = 26,
        /// What members of the system say about who lives.
        Membership = 32,
        /// What replicas of the metadata say to each other.
        Replica = 33,
    }
}

/// What stands before every message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The protocol that the sender speaks.
    pub version: u16,
    /// A number of [`Kind`].
    pub kind: u8,
    /// What is asked for; zero where the kind says all.
    pub opcode: u16,
    /// [`FLAG_BODY_UNCHECKED`], and flags of the kind.
    pub flags: u16,
    /// Zero, or a DAOS error number: then the body is a sentence.
    pub status: i32,
    /// Bytes between header and body, a multiple of eight.
    pub head_length: usize,
    /// Bytes of the body.
    pub body_length: u32,
}

impl Header {
    /// That of a message of this release, with nothing behind it.
    pub const fn of(kind: Kind) -> Header {
        Header {
            version: PROTOCOL_VERSION,
            kind: kind as u8,
            opcode: 0,
            flags: 0,
            status: 0,
            head_length: 0,
            body_length: 0,
        }
    }

    /// Its bytes, with no checksum yet: [`finish`] writes it when the message is complete.
    #[inline]
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        debug_assert!(self.head_length.is_multiple_of(HEAD_UNIT) && self.head_length <= HEAD_LENGTH_MAX);
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        bytes[VERSION..VERSION + 2].copy_from_slice(&self.version.to_le_bytes());
        bytes[KIND] = self.kind;
        bytes[HEAD] = (self.head_length / HEAD_UNIT) as u8;
        bytes[OPCODE..OPCODE + 2].copy_from_slice(&self.opcode.to_le_bytes());
        bytes[FLAGS..FLAGS + 2].copy_from_slice(&self.flags.to_le_bytes());
        bytes[LENGTH..LENGTH + 4].copy_from_slice(&self.body_length.to_le_bytes());
        bytes[STATUS..STATUS + 4].copy_from_slice(&self.status.to_le_bytes());
        bytes
    }

    /// The header in bytes, of whatever version, not to be believed before [`check`]. Its lengths say how many bytes follow, if it is one:
    /// who reads a stream compares them with a bound of its own first.
    #[inline]
    pub fn read(bytes: &[u8; HEADER_LENGTH]) -> Result<Header, HeaderError> {
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(HeaderError::Magic);
        }
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Ok(Header {
            version: half(VERSION),
            kind: bytes[KIND],
            opcode: half(OPCODE),
            flags: half(FLAGS),
            status: word(STATUS) as i32,
            head_length: usize::from(bytes[HEAD]) * HEAD_UNIT,
            body_length: word(LENGTH),
        })
    }

    /// How many bytes follow the header.
    pub fn rest_length(&self) -> u64 {
        self.head_length as u64 + u64::from(self.body_length)
    }

    /// Where the bytes end that have a checksum, in a message of so many bytes.
    fn checked_to(&self, length: usize) -> usize {
        if self.flags & FLAG_BODY_UNCHECKED != 0 { HEADER_LENGTH + self.head_length } else { length }
    }

    /// Fails for a version that this release does not speak, and for a kind that has no place here.
    pub fn expect(&self, kinds: &[Kind]) -> Result<(), HeaderError> {
        if self.version != PROTOCOL_VERSION {
            return Err(HeaderError::Version(self.version));
        }
        if !kinds.iter().any(|kind| kind.number() == self.kind) {
            return Err(HeaderError::Kind(self.kind));
        }
        Ok(())
    }
}

/// Why bytes are not a message, or none for this release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// Shorter than a header.
    Short,
    /// Something else than a message.
    Magic,
    /// The lengths in the header are not those of the message, or beyond what is taken in.
    Length,
    /// Damaged on its way.
    Checksum,
    /// A message of another version of the protocol.
    Version(u16),
    /// A kind that is not known, or not on this channel.
    Kind(u8),
    /// Flags that mean nothing there.
    Flags(u16),
    /// An operation or a status where there can be none.
    Meaning,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Short => write!(f, "it is shorter than a header"),
            HeaderError::Magic => write!(f, "it does not begin as messages do"),
            HeaderError::Length => write!(f, "the lengths in its header do not fit"),
            HeaderError::Checksum => write!(f, "its checksum does not match"),
            HeaderError::Version(version) => {
                write!(f, "it is of protocol version {version}, and this release speaks version {PROTOCOL_VERSION}")
            }
            HeaderError::Kind(kind) => write!(f, "a message of kind {kind} has no place there"),
            HeaderError::Flags(flags) => write!(f, "its flags {flags:#x} have no meaning"),
            HeaderError::Meaning => write!(f, "its header has an operation or a status, which its kind has not"),
        }
    }
}

impl HeaderError {
    /// The error for who talks to `peer` ("the engine at a:1") as `own` ("this client").
    pub fn status(self, own: &str, peer: &str) -> Status {
        match self {
            HeaderError::Version(version) => Status::new(Code::Proto, version_sentence(own, peer, version)),
            HeaderError::Checksum => {
                Status::new(Code::Csum, format!("a message of {peer} was damaged on its way: {self}"))
            }
            _ => Status::new(
                Code::Proto,
                format!("{peer} sent something else than the messages of this release: {self}"),
            ),
        }
    }
}

/// What is said on both sides when they are of releases that do not understand each other.
pub fn version_sentence(own: &str, peer: &str, version: u16) -> String {
    format!(
        "{own} speaks protocol version {PROTOCOL_VERSION}, {peer} speaks version {version}: use the same release on both sides"
    )
}

/// A complete message: the header, which learns the lengths, and what follows it.
///
/// # Panics
/// When the head is longer than [`HEAD_LENGTH_MAX`], or no multiple of eight bytes.
pub fn seal(header: Header, head: &[u8], body: &[u8]) -> Vec<u8> {
    assert!(head.len().is_multiple_of(HEAD_UNIT) && head.len() <= HEAD_LENGTH_MAX, "callers choose their heads");
    // Bodies are bounded far below 4 GiB by every channel.
    let header = Header { head_length: head.len(), body_length: body.len() as u32, ..header };
    let mut bytes = Vec::with_capacity(HEADER_LENGTH + head.len() + body.len());
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(body);
    finish(&mut bytes);
    bytes
}

/// Writes the checksum of a message whose bytes are complete. What is no message is left as it is.
#[inline]
pub fn finish(bytes: &mut [u8]) {
    let Some(Ok(header)) = bytes.first_chunk().map(Header::read) else { return };
    if let Some(checked) = bytes.get(CHECKED_FROM..header.checked_to(bytes.len())) {
        let checksum = crc32c(checked);
        bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Changes the flags of a message that this process made, and its checksum with them.
pub fn set_flags(bytes: &mut [u8], flags: u16) {
    if bytes.len() >= HEADER_LENGTH {
        bytes[FLAGS..FLAGS + 2].copy_from_slice(&flags.to_le_bytes());
        finish(bytes);
    }
}

/// Checks that bytes are one whole message, undamaged as far as its checksum goes; of whatever version and kind.
#[inline]
pub fn check(bytes: &[u8]) -> Result<Header, HeaderError> {
    let header = Header::read(bytes.first_chunk().ok_or(HeaderError::Short)?)?;
    if (bytes.len() - HEADER_LENGTH) as u64 != header.rest_length() {
        return Err(HeaderError::Length);
    }
    let checked = bytes.get(CHECKED_FROM..header.checked_to(bytes.len())).ok_or(HeaderError::Length)?;
    if bytes[CHECKSUM] != crc32c(checked).to_le_bytes() {
        return Err(HeaderError::Checksum);
    }
    Ok(header)
}

/// The header and the body of a whole message of this release without a head, of one of these kinds.
pub fn open<'a>(bytes: &'a [u8], kinds: &[Kind]) -> Result<(Header, &'a [u8]), HeaderError> {
    let header = check(bytes)?;
    header.expect(kinds)?;
    // On channels whose messages have no head, the whole message is under the checksum.
    if header.head_length != 0 {
        return Err(HeaderError::Length);
    }
    if header.flags != 0 {
        return Err(HeaderError::Flags(header.flags));
    }
    Ok((header, &bytes[HEADER_LENGTH..]))
}

/// The body of a whole message of this release, of a kind that has neither head nor operation nor status.
pub fn open_plain(bytes: &[u8], kind: Kind) -> Result<&[u8], HeaderError> {
    let (header, body) = open(bytes, &[kind])?;
    if header.opcode != 0 || header.status != 0 {
        return Err(HeaderError::Meaning);
    }
    Ok(body)
}

#[cfg(test)]
mod tests;
