//! Array extents: one record per range and epoch.
//!
//! ```text
//! start u64, end u64 (zero: gone), epoch u64, checksum u64, record size u32, minor u24,
//! flags u8 (1: on the device, 2: punched, 64: witness, 128: in the room of its akey, others: checksums),
//! then the bytes, or their pieces [u64] (punched: nothing)
//! ```
//! The tree orders them by start, then newest first: falling epoch, then falling minor number, which counts overlapping writes of one epoch. What the
//! checksum is, `checksums.rs` says.

use crate::ChecksumKind;
use crate::checksums::{CHECKSUM_FLAGS, StoredChecksum};
use crate::level::{Children, Level, Span};
use crate::stored::{INLINE_MAX, Room, Source, StoredRange, VALUE_MAX};
use crate::tree::{Cursor, Probe, Tree, damaged};
use crate::value_space::ValueSpace;
use crate::visibility::Window;
use daos_media::{Arena, Offset, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::Extent;
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const ON_DEVICE: u8 = 1;
const PUNCHED: u8 = 2;
/// As with single values: see there. One that is gone has zero as its end, which no extent has.
const INNER: u8 = 128;
const END: u64 = 8;
const _: () = assert!(std::mem::offset_of!(Header, end) as u64 == END);
/// Together with [`PUNCHED`]: the record stands for data that was hidden and is freed, so that its akey still exists.
const WITNESS: u8 = 64;
const MINOR_MAX: u32 = 0x00ff_ffff;

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
        let flags = (header.minor_and_flags >> 24) as u8;
        let extent = Extent::from_bounds(header.start, header.end).filter(|_| link != 0 && is_known(flags));
        let Some(extent) = extent else { return Err(damaged("an extent", position)) };
        let length = extent.count().checked_mul(u64::from(header.record_size));
        let limit = if flags & ON_DEVICE != 0 { VALUE_MAX } else { INLINE_MAX };
        if flags & PUNCHED == 0 && length.is_none_or(|length| length > limit as u64) {
            return Err(damaged("an extent's length", position));
        }
        Ok(Record {
            link,
            extent,
            epoch: header.epoch,
            minor: header.minor_and_flags & MINOR_MAX,
            record_size: header.record_size,
            checksum: StoredChecksum::from_record(flags, header.checksum),
            flags,
        })
    }

    pub(crate) fn is_punch(&self) -> bool {
        self.flags & PUNCHED != 0
    }

    /// Whether it stands for data that is gone.
    pub(crate) fn is_witness(&self) -> bool {
        self.flags & WITNESS != 0
    }

    /// Whether it makes its akey exist.
    pub(crate) fn counts_as_data(&self) -> bool {
        !self.is_punch() || self.is_witness()
    }

    /// The greater one hides the other where they overlap.
    pub(crate) fn version(&self) -> (u64, u32) {
        (self.epoch, self.minor)
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

    fn free(&self, transaction: &mut Transaction<'_>, space: &ValueSpace) -> Result<()> {
        self.checksum.free(transaction, self.length())?;
        let tail = if self.flags & ON_DEVICE != 0 {
            let range = self.locate(self.extent);
            space.free(transaction, range.address, range.value_length)?
        } else {
            self.length()
        };
        if self.flags & INNER != 0 {
            return transaction.write(u64::from(self.link) * 8 + END, &[0; 8]);
        }
        let offset = Offset::from_link(self.link).ok_or_else(|| damaged("an extent", u64::from(self.link) * 8))?;
        transaction.free(offset, HEADER + tail)
    }

    /// Its epoch, as a span.
    pub(crate) fn span(&self) -> Span {
        match self.counts_as_data() {
            true => Span::of(self.epoch),
            false => Span { touched: self.epoch, ..Span::EMPTY },
        }
    }

    pub(crate) fn probe(&self) -> ExtentProbe {
        ExtentProbe { start: self.extent.start(), epoch: self.epoch, minor: self.minor }
    }
}

fn is_known(flags: u8) -> bool {
    let kind = flags & !(CHECKSUM_FLAGS | INNER);
    kind <= PUNCHED || kind == PUNCHED | WITNESS
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
        let minor = header.minor_and_flags & MINOR_MAX;
        Ok((self.epoch, self.minor).cmp(&(header.epoch, minor)))
    }
}

/// The span of an only extent.
pub(crate) fn span_of(arena: &Arena, link: u32) -> Result<Span> {
    let record = Record::load(arena, link)?;
    Ok(record.span())
}

/// Whether an extent with data was written in a window.
pub(crate) fn has_any(arena: &Arena, akey: &Level, window: Window) -> Result<bool> {
    let counts = |record: Record| record.counts_as_data() && window.has(record.epoch);
    match akey.children()? {
        Children::None => Ok(false),
        Children::Direct(link) => Ok(counts(Record::load(arena, link)?)),
        Children::Tree(tree) => {
            let mut cursor = tree.first(arena)?;
            while let Some(at) = &mut cursor {
                if counts(Record::load(arena, at.entry(arena)?.link)?) {
                    return Ok(true);
                }
                if !at.next(arena)? {
                    break;
                }
            }
            Ok(false)
        }
    }
}

/// Calls `visit` with the records that overlap a range, in the tree's order.
pub(crate) fn for_each_overlapping(
    arena: &Arena,
    akey: &Level,
    range: Extent,
    mut visit: impl FnMut(Record) -> Result<()>,
) -> Result<()> {
    let tree = match akey.children()? {
        Children::None => return Ok(()),
        Children::Direct(link) => {
            let record = Record::load(arena, link)?;
            return if record.extent.intersect(range).is_some() { visit(record) } else { Ok(()) };
        }
        Children::Tree(tree) => tree,
    };
    let mut cursor = tree.first_with_end_behind(arena, range.start())?;
    while let Some(at) = &mut cursor {
        let entry = at.entry(arena)?;
        if entry.order >= range.end() {
            break;
        }
        let record = Record::load(arena, entry.link)?;
        if (record.extent.start(), record.extent.end()) != (entry.order, entry.end) {
            return Err(damaged("an extent that its tree describes otherwise", u64::from(entry.link) * 8));
        }
        visit(record)?;
        if !at.next_with_end_behind(arena, range.start())? {
            break;
        }
    }
    Ok(())
}

/// The extent with data that is all there is to see in a range, when that is easily told.
pub(crate) fn only_one(arena: &Arena, akey: &Level, window: Window, range: Extent) -> Result<Option<Record>> {
    let link = match akey.children()? {
        Children::None => return Ok(None),
        Children::Direct(link) => link,
        Children::Tree(tree) => match tree.only_over(arena, range.start(), range.end())? {
            Some(link) => link,
            None => return Ok(None),
        },
    };
    let record = Record::load(arena, link)?;
    let covers = record.extent.start() <= range.start() && record.extent.end() >= range.end();
    Ok((covers && !record.is_punch() && window.has(record.epoch)).then_some(record))
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
}

/// Fills the room of an akey that was made for this extent, its first.
pub(crate) fn fill(
    transaction: &mut Transaction<'_>,
    akey: &Level,
    extent: Extent,
    epoch: u64,
    kind: ChecksumKind,
    content: &Content<'_>,
) -> Result<()> {
    let room = Room::Fresh(akey.room_position());
    write_record(transaction, room, u32::from(INNER) << 24, akey.record_size(), (extent, epoch), kind, content)
}

/// Writes a record; `minor_and_flags` is complete but for what the content says.
fn write_record(
    transaction: &mut Transaction<'_>,
    room: Room,
    minor_and_flags: u32,
    record_size: u32,
    (extent, epoch): (Extent, u64),
    kind: ChecksumKind,
    content: &Content<'_>,
) -> Result<()> {
    let (flags, checksum) = match content {
        Content::Punch => (PUNCHED, 0),
        Content::Data(source) => {
            let flags = if matches!(source, Source::Placed(_)) { ON_DEVICE } else { 0 };
            let checksum = source.checksum(transaction, kind)?;
            (flags | checksum.flags(), checksum.word)
        }
    };
    let header = Header {
        start: extent.start(),
        end: extent.end(),
        epoch,
        checksum,
        record_size,
        minor_and_flags: minor_and_flags | u32::from(flags) << 24,
    };
    match content {
        Content::Data(source) => source.store(transaction, room, header.as_bytes()),
        Content::Punch => room.store(transaction, [header.as_bytes()]),
    }
}

/// The room of an akey, when it is large enough and what was in it is not there any more.
fn free_room(arena: &Arena, akey: &Level, size: usize) -> Result<Option<u64>> {
    if akey.room() < size {
        return Ok(None);
    }
    let header: Header = arena.read_value(akey.room_position())?;
    let is_gone = header.end == 0 && header.minor_and_flags >> 24 & u32::from(INNER) != 0;
    Ok(is_gone.then(|| akey.room_position()))
}

/// Records an extent; one of the same range and epoch is replaced, but never data by a punch: that an array has data from some
/// epoch on stays true.
pub(crate) fn put(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    extent: Extent,
    epoch: u64,
    kind: ChecksumKind,
    content: &Content<'_>,
) -> Result<()> {
    let minor = make_room(transaction, space, akey, extent, epoch, matches!(content, Content::Punch))?;
    let size = content.size_of_record();
    let link = match free_room(transaction.arena(), akey, size)? {
        Some(position) => {
            let (room, word) = (Room::Used(position), minor | u32::from(INNER) << 24);
            write_record(transaction, room, word, akey.record_size(), (extent, epoch), kind, content)?;
            (position / 8) as u32
        }
        None => {
            let offset = transaction.allocate(size)?;
            let room = Room::Fresh(offset.get());
            write_record(transaction, room, minor, akey.record_size(), (extent, epoch), kind, content)?;
            offset.link()
        }
    };
    let is_punch = matches!(content, Content::Punch);
    let probe = ExtentProbe { start: extent.start(), epoch, minor };
    match akey.children()? {
        Children::None => akey.set_children(transaction, link, false),
        Children::Direct(old) => {
            let old = Record::load(transaction.arena(), old)?;
            let (tree, root) = Tree::create(transaction, true)?;
            tree.insert(transaction, &old.probe(), old.link, old.extent.end())?;
            note(transaction, &tree, old.epoch, !old.counts_as_data())?;
            tree.insert(transaction, &probe, link, extent.end())?;
            akey.set_children(transaction, root, true)?;
            note(transaction, &tree, epoch, is_punch)
        }
        Children::Tree(tree) => {
            tree.insert(transaction, &probe, link, extent.end())?;
            note(transaction, &tree, epoch, is_punch)
        }
    }
}

fn note(transaction: &mut Transaction<'_>, tree: &Tree, epoch: u64, is_punch: bool) -> Result<()> {
    if is_punch { tree.note_touched(transaction, epoch, false) } else { tree.note_epoch(transaction, epoch) }
}

/// Finds the minor number of a new extent, above those of the same epoch that it overlaps; one of the same range is removed.
fn make_room(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    extent: Extent,
    epoch: u64,
    is_punch: bool,
) -> Result<u32> {
    if let Children::Tree(tree) = akey.children()?
        && tree.head(transaction.arena())?.touched < epoch
    {
        return Ok(0);
    }
    let mut minor = 0;
    let mut same = None;
    for_each_overlapping(transaction.arena(), akey, extent, |record| {
        if record.epoch == epoch {
            minor = minor.max(record.minor + 1);
            if record.extent == extent && (record.is_punch() || !is_punch) {
                same = Some(record);
            }
        }
        Ok(())
    })?;
    if minor > MINOR_MAX {
        fail!(Code::Overflow, "more than {MINOR_MAX} overlapping writes to one array at epoch {epoch}");
    }
    if let Some(record) = same {
        remove(transaction, space, akey, &record)?;
    }
    Ok(minor)
}

/// Takes a record out and frees it.
pub(crate) fn remove(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    record: &Record,
) -> Result<()> {
    match akey.children()? {
        Children::Tree(tree) => {
            let Some(cursor) = tree.find(transaction.arena(), &record.probe())? else {
                return Err(damaged("an extent that its tree does not find", u64::from(record.link) * 8));
            };
            tree.remove(transaction, cursor)?;
        }
        _ => akey.set_children(transaction, 0, false)?,
    }
    record.free(transaction, space)
}

/// Frees the bytes of hidden data; a record without any stays in its place, so that the akey still exists.
pub(crate) fn leave_witness(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    record: &Record,
) -> Result<()> {
    let header = Header {
        start: record.extent.start(),
        end: record.extent.start() + 1,
        epoch: record.epoch,
        checksum: 0,
        record_size: record.record_size,
        minor_and_flags: record.minor | u32::from(PUNCHED | WITNESS) << 24,
    };
    let offset = transaction.allocate(HEADER)?;
    transaction.fill(offset.get(), header.as_bytes())?;
    match akey.children()? {
        Children::Tree(tree) => {
            let probe = record.probe();
            let Some(cursor) = tree.find(transaction.arena(), &probe)? else {
                return Err(damaged("an extent that its tree does not find", u64::from(record.link) * 8));
            };
            tree.remove(transaction, cursor)?;
            tree.insert(transaction, &probe, offset.link(), header.end)?;
        }
        _ => akey.set_children(transaction, offset.link(), false)?,
    }
    record.free(transaction, space)
}

/// Removes all records of exactly this epoch; `true` when there was one.
pub(crate) fn remove_at(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    epoch: u64,
) -> Result<bool> {
    let mut found = Vec::new();
    let arena = transaction.arena();
    match akey.children()? {
        Children::None => {}
        Children::Direct(link) => found.push(Record::load(arena, link)?),
        Children::Tree(tree) if tree.head(arena)?.touched < epoch => {}
        Children::Tree(tree) => {
            let mut cursor: Option<Cursor> = tree.first(arena)?;
            while let Some(at) = &mut cursor {
                found.push(Record::load(arena, at.entry(arena)?.link)?);
                if !at.next(arena)? {
                    break;
                }
            }
        }
    }
    found.retain(|record| record.epoch == epoch);
    for record in &found {
        remove(transaction, space, akey, record)?;
    }
    if let Children::Tree(tree) = akey.children()?
        && !found.is_empty()
    {
        tree.note_removal(transaction)?;
    }
    Ok(!found.is_empty())
}

/// Frees a record that is reached by its link only, when its akey goes away.
pub(crate) fn free(transaction: &mut Transaction<'_>, space: &ValueSpace, link: u32) -> Result<()> {
    Record::load(transaction.arena(), link)?.free(transaction, space)
}
