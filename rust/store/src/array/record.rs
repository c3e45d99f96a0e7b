//! The record of one extent: what its bytes mean, and how they are written.
//!
//! ```text
//! start u64, end u64 (zero: gone), epoch u64, checksum u64, record size u32, minor u24,
//! flags u8 (1: on the device, 2: punched, 64: witness, 128: in the room of its akey, others: checksums),
//! then the bytes, or their pieces [u64] (punched: nothing)
//! checksum: of punched ranges "punched!", of witnesses "witness!"
//!
//! brief, in the room of a brief akey: epoch u64, checksum u64, count u32 (zero: gone), start u24, flags u8 (as above, and 64), then the same
//! ```
//! A brief record has the number 0, and records of one byte. It is what a whole one would be without its first two words: its link leads to where
//! these would be, so that the rest is where it is in others.
//!
//! What the checksum is, `checksums.rs` says.

use crate::ChecksumKind;
use crate::checksums::{CHECKSUM_FLAGS, StoredChecksum};
use crate::level::Span;
use crate::stored::{INLINE_MAX, Room, Source, StoredRange, VALUE_MAX};
use crate::tree::{Probe, damaged};
use crate::value_space::ValueSpace;
use daos_media::{Arena, BLOCK_SIZE, Offset, Transaction};
use daos_status::Result;
use daos_types::Extent;
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const ON_DEVICE: u8 = 1;
const PUNCHED: u8 = 2;
/// As with single values: see there. One that is gone has zero as its end, which no extent has.
const INNER: u8 = 128;
/// The same, as [`write_record`] takes it.
pub(super) const IN_ROOM: u32 = (INNER as u32) << 24;
const END: u64 = 8;
const _: () = assert!(std::mem::offset_of!(Header, end) as u64 == END);
/// Together with [`PUNCHED`]: the record stands for data that was hidden and is freed, so that its akey still exists. Images of earlier programs have
/// them; by now a punched range stays for that.
const WITNESS: u8 = 64;
/// Without [`PUNCHED`]: the record is brief.
const BRIEF: u8 = 64;
/// The same, as [`write_record`] takes it.
pub(super) const BRIEF_IN_ROOM: u32 = (BRIEF as u32) << 24 | IN_ROOM;
/// Bytes at the beginning that a brief record does not have.
pub(crate) const BRIEF_BEFORE: u64 = 16;
const _: () = assert!(std::mem::offset_of!(Header, epoch) as u64 == BRIEF_BEFORE);
/// Where the count of a brief record is.
const COUNT: u64 = 32;
const _: () = assert!(std::mem::offset_of!(Header, record_size) as u64 == COUNT);
/// The first start that does not fit a brief record.
const BRIEF_START_END: u64 = 1 << 24;
/// What stands in place of the checksum where there is no data: a single flipped bit must neither make data of a punched range nor the other way
/// round, nor a witness of it.
const PUNCHED_WORD: u64 = u64::from_le_bytes(*b"punched!");
const WITNESS_WORD: u64 = u64::from_le_bytes(*b"witness!");
pub(super) const MINOR_MAX: u32 = 0x00ff_ffff;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    start: u64,
    end: u64,
    epoch: u64,
    checksum: u64,
    record_size: u32,
    minor_and_flags: u32,
}

const HEADER: usize = size_of::<Header>();

impl Header {
    fn flags(&self) -> u8 {
        (self.minor_and_flags >> 24) as u8
    }

    #[inline]
    fn is_brief(&self) -> bool {
        self.flags() & (PUNCHED | BRIEF) == BRIEF
    }

    #[inline]
    fn minor(&self) -> u32 {
        if self.is_brief() { 0 } else { self.minor_and_flags & MINOR_MAX }
    }

    /// Start, end and size of records.
    #[inline]
    fn range(&self) -> (u64, u64, u32) {
        if self.is_brief() {
            let start = u64::from(self.minor_and_flags & MINOR_MAX);
            return (start, start + u64::from(self.record_size), 1);
        }
        (self.start, self.end, self.record_size)
    }
}

/// Bytes of a record beside its value: its header, its checksum or its pieces, and its entry in a leaf that is nearly full.
const RECORD_SPACE: u64 = 80;

/// A recorded extent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub link: u32,
    pub extent: Extent,
    pub epoch: u64,
    pub minor: u32,
    pub record_size: u32,
    checksum: StoredChecksum,
    flags: u8,
}

impl Record {
    pub(crate) fn load(arena: &Arena, link: u32) -> Result<Record> {
        let position = u64::from(link) * 8;
        let header: Header = arena.read_value(position)?;
        let flags = header.flags();
        let is_sound = link != 0 && is_known(flags, header.checksum);
        let (start, end, record_size) = header.range();
        let extent = Extent::from_bounds(start, end).filter(|_| is_sound);
        let Some(extent) = extent else { return Err(damaged("an extent", position)) };
        let length = extent.count().checked_mul(u64::from(record_size));
        let limit = if flags & ON_DEVICE != 0 { VALUE_MAX } else { INLINE_MAX };
        if flags & PUNCHED == 0 && length.is_none_or(|length| length > limit as u64) {
            return Err(damaged("an extent's length", position));
        }
        let checksum = match flags & PUNCHED {
            0 => StoredChecksum::from_record(flags, header.checksum, position)?,
            _ => StoredChecksum::of_word(ChecksumKind::Off, 0),
        };
        Ok(Record { link, extent, epoch: header.epoch, minor: header.minor(), record_size, checksum, flags })
    }

    pub(crate) fn is_punch(&self) -> bool {
        self.flags & PUNCHED != 0
    }

    /// Whether it stands for data that is gone.
    pub(crate) fn is_witness(&self) -> bool {
        self.flags & (PUNCHED | WITNESS) == PUNCHED | WITNESS
    }

    /// The greater one hides the other where they overlap.
    pub(crate) fn version(&self) -> (u64, u32) {
        (self.epoch, self.minor)
    }

    /// Whether its bytes lie on the data device.
    pub(crate) fn is_on_device(&self) -> bool {
        self.flags & ON_DEVICE != 0
    }

    /// Bytes that it takes, of both tiers.
    pub(crate) fn space(&self) -> u64 {
        space_of(self.length() as u64)
    }

    /// Records of the array that can be kept of it as they are: it can be cut at every multiple, where a block and a chunk of its checksums
    /// begin. `None` when it cannot be cut at all.
    pub(crate) fn unit(&self, arena: &Arena) -> Result<Option<u64>> {
        if !self.is_on_device() || self.record_size == 0 {
            return Ok(None);
        }
        let chunk = match self.checksum.kind {
            ChecksumKind::Off => BLOCK_SIZE,
            _ => self.checksum.chunk(arena, self.length())?,
        };
        let (mut divisor, mut rest) = (chunk as u64, u64::from(self.record_size));
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let unit = chunk as u64 / divisor;
        Ok((unit < self.extent.count()).then_some(unit))
    }

    /// Bytes of its value.
    pub(crate) fn length(&self) -> usize {
        // Checked when the record was loaded.
        if self.is_punch() { 0 } else { (self.extent.count() * u64::from(self.record_size)) as usize }
    }

    /// Where the bytes of a part lie. The part lies within the extent.
    pub(crate) fn locate(&self, part: Extent) -> StoredRange {
        let size = u64::from(self.record_size);
        StoredRange {
            address: u64::from(self.link) * 8 + HEADER as u64,
            value_length: self.length(),
            start: ((part.start() - self.extent.start()) * size) as usize,
            length: (part.count() * size) as usize,
            on_device: self.flags & ON_DEVICE != 0,
            checksum: self.checksum,
        }
    }

    /// Pieces of the data device that its value lies in.
    pub(crate) fn pieces(&self, arena: &Arena) -> Result<usize> {
        self.locate(self.extent).pieces(arena)
    }

    pub(super) fn free(&self, transaction: &mut Transaction<'_>, space: &ValueSpace) -> Result<()> {
        let tail = if self.is_on_device() {
            let range = self.locate(self.extent);
            space.free(transaction, range.address, range.value_length)?
        } else {
            self.length()
        };
        self.free_record(transaction, tail)
    }

    /// Frees the record with the bytes behind its header and its checksums, but not what it names.
    pub(super) fn free_record(&self, transaction: &mut Transaction<'_>, tail: usize) -> Result<()> {
        self.checksum.free(transaction, self.length())?;
        if self.flags & (PUNCHED | BRIEF) == BRIEF {
            return transaction.write(u64::from(self.link) * 8 + COUNT, &[0; 4]);
        }
        if self.flags & INNER != 0 {
            return transaction.write(u64::from(self.link) * 8 + END, &[0; 8]);
        }
        let offset = Offset::from_link(self.link).ok_or_else(|| damaged("an extent", u64::from(self.link) * 8))?;
        transaction.free(offset, HEADER + tail)
    }

    /// Its epoch, as a span: a punched range makes its akey exist as data does.
    pub(crate) fn span(&self) -> Span {
        Span::of(self.epoch)
    }

    pub(crate) fn probe(&self) -> ExtentProbe {
        ExtentProbe { start: self.extent.start(), epoch: self.epoch, minor: self.minor }
    }
}

/// Bytes that the record of a value of `length` bytes takes, with its place in a tree.
pub(crate) fn space_of(length: u64) -> u64 {
    let unit = if length < INLINE_MAX as u64 { 8 } else { BLOCK_SIZE as u64 };
    RECORD_SPACE + length.next_multiple_of(unit)
}

#[inline]
fn is_known(flags: u8, word: u64) -> bool {
    if flags & PUNCHED == 0 {
        return flags & !(CHECKSUM_FLAGS | INNER | BRIEF) <= ON_DEVICE;
    }
    let without_data = [(PUNCHED, PUNCHED_WORD), (PUNCHED | WITNESS, WITNESS_WORD)];
    without_data.contains(&(flags & !INNER, word))
}

/// The place of an extent in the tree.
pub(crate) struct ExtentProbe {
    pub start: u64,
    pub epoch: u64,
    pub minor: u32,
}

impl Probe for ExtentProbe {
    fn order(&self) -> u64 {
        self.start
    }
    fn compare(&self, arena: &Arena, link: u32) -> Result<Ordering> {
        let header: Header = arena.read_value(u64::from(link) * 8)?;
        Ok((self.epoch, self.minor).cmp(&(header.epoch, header.minor())))
    }
}

/// What is put into an array.
pub(crate) enum Content<'a> {
    Data(Source<'a>),
    Punch,
}

impl Content<'_> {
    /// Bytes of the record.
    pub(crate) fn size_of_record(&self) -> usize {
        match self {
            Content::Data(source) => (HEADER + source.tail_length()).next_multiple_of(8),
            Content::Punch => HEADER,
        }
    }

    /// Bytes of the record when it is brief; `None` when it cannot be.
    pub(crate) fn size_of_brief_record(&self, record_size: u32, extent: Extent, minor: u32) -> Option<usize> {
        let fits = record_size == 1 && minor == 0 && extent.start() < BRIEF_START_END;
        match self {
            Content::Data(_) if fits => Some(self.size_of_record() - BRIEF_BEFORE as usize),
            _ => None,
        }
    }
}

/// Writes a record; `minor_and_flags` is complete but for what the content says. One that is to be brief has a size as such.
pub(super) fn write_record(
    transaction: &mut Transaction<'_>,
    room: Room,
    minor_and_flags: u32,
    record_size: u32,
    (extent, epoch): (Extent, u64),
    kind: ChecksumKind,
    content: &Content<'_>,
) -> Result<()> {
    let (flags, checksum) = match content {
        Content::Punch => (PUNCHED, PUNCHED_WORD),
        Content::Data(source) => {
            let flags = if matches!(source, Source::Placed(_)) { ON_DEVICE } else { 0 };
            let checksum = source.checksum(transaction, kind)?;
            (flags | checksum.flags(), checksum.word)
        }
    };
    let mut header = Header {
        start: extent.start(),
        end: extent.end(),
        epoch,
        checksum,
        record_size,
        minor_and_flags: minor_and_flags | u32::from(flags) << 24,
    };
    let mut before = 0;
    if header.is_brief() {
        // Both fit: the start was looked at, and no value is longer than a GiB.
        header.record_size = extent.count() as u32;
        header.minor_and_flags |= extent.start() as u32;
        before = BRIEF_BEFORE as usize;
    }
    let stored = &header.as_bytes()[before..];
    match content {
        Content::Data(source) => source.store(transaction, room, stored),
        Content::Punch => room.store(transaction, [stored]),
    }
}

/// Whether what was in the room of an akey is not there any more, by the link to it.
pub(super) fn is_gone(arena: &Arena, link: u32, is_brief: bool) -> Result<bool> {
    let header: Header = arena.read_value(u64::from(link) * 8)?;
    let is_emptied = if is_brief { header.record_size == 0 } else { header.end == 0 };
    Ok(is_emptied && header.minor_and_flags & IN_ROOM != 0)
}
