//! Single values: one record per version.
//!
//! ```text
//! epoch u64, checksum u64, size u32, flags u32 (1: on the device, 128: in the room of its akey, 256: and gone, others: checksums),
//! then the bytes, or their pieces [u64]
//! ```
//! What lies in the room of its akey is no allocation of its own. When it goes away it is marked, and a later value that fits takes the
//! room.

use crate::ChecksumKind;
use crate::checksums::{CHECKSUM_FLAGS, StoredChecksum};
use crate::level::{Children, Level};
use crate::stored::{INLINE_MAX, Room, Source, StoredRange, VALUE_MAX};
use crate::tree::{Cursor, Tree, Unique, damaged};
use crate::value_space::ValueSpace;
use crate::visibility::Window;
use daos_media::{Arena, Offset, Transaction};
use daos_status::Result;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const ON_DEVICE: u32 = 1;
const INNER: u32 = 128;
const DEAD: u32 = 256;
const FLAGS: u64 = 20;
const _: () = assert!(std::mem::offset_of!(Header, flags) as u64 == FLAGS);

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    epoch: u64,
    checksum: u64,
    size: u32,
    flags: u32,
}

const HEADER: usize = size_of::<Header>();

#[inline]
fn load(arena: &Arena, link: u32) -> Result<Header> {
    let position = u64::from(link) * 8;
    let header: Header = arena.read_value(position)?;
    let limit = if header.flags & ON_DEVICE != 0 { VALUE_MAX } else { INLINE_MAX };
    let other = header.flags & !(u32::from(CHECKSUM_FLAGS) | INNER);
    if link == 0 || other > ON_DEVICE || header.size as usize > limit {
        return Err(damaged("a single value", position));
    }
    Ok(header)
}

pub(crate) fn epoch_of(arena: &Arena, link: u32) -> Result<u64> {
    Ok(load(arena, link)?.epoch)
}

/// The newest version that is not behind a window; it may be before it.
#[inline]
fn newest(arena: &Arena, akey: &Level, window: Window) -> Result<Option<u32>> {
    Ok(match akey.children()? {
        Children::None => None,
        Children::Direct(link) => Some(link),
        Children::Tree(tree) => tree.last_before(arena, &Unique(window.to))?.map(|entry| entry.link),
    })
}

/// The newest version in a window: its link.
#[inline]
pub(crate) fn find(arena: &Arena, akey: &Level, window: Window) -> Result<Option<u32>> {
    let Some(link) = newest(arena, akey, window)? else { return Ok(None) };
    Ok(window.has(epoch_of(arena, link)?).then_some(link))
}

/// The newest version in a window: where its bytes lie.
#[inline]
pub(crate) fn find_range(arena: &Arena, akey: &Level, window: Window) -> Result<Option<StoredRange>> {
    let Some(link) = newest(arena, akey, window)? else { return Ok(None) };
    let header = load(arena, link)?;
    window.has(header.epoch).then(|| range_of(link, &header)).transpose()
}

/// Where the bytes of a version lie.
pub(crate) fn locate(arena: &Arena, link: u32) -> Result<StoredRange> {
    range_of(link, &load(arena, link)?)
}

#[inline]
fn range_of(link: u32, header: &Header) -> Result<StoredRange> {
    let position = u64::from(link) * 8;
    let on_device = header.flags & ON_DEVICE != 0;
    let length = header.size as usize;
    Ok(StoredRange {
        address: position + HEADER as u64,
        value_length: length,
        start: 0,
        length,
        on_device,
        checksum: StoredChecksum::from_record(header.flags as u8, header.checksum, position)?,
    })
}

/// Bytes of a version's record.
pub(crate) fn size_of_record(source: &Source<'_>) -> usize {
    (HEADER + source.tail_length()).next_multiple_of(8)
}

/// Fills the room of an akey that was made for this version.
pub(crate) fn fill(
    transaction: &mut Transaction<'_>,
    akey: &Level,
    epoch: u64,
    kind: ChecksumKind,
    source: &Source<'_>,
) -> Result<()> {
    write_record(transaction, Room::Fresh(akey.room_position()), INNER, epoch, kind, source)
}

fn write_record(
    transaction: &mut Transaction<'_>,
    room: Room,
    flags: u32,
    epoch: u64,
    kind: ChecksumKind,
    source: &Source<'_>,
) -> Result<()> {
    let on_device = if matches!(source, Source::Placed(_)) { ON_DEVICE } else { 0 };
    let checksum = source.checksum(transaction, kind)?;
    let flags = flags | on_device | u32::from(checksum.flags());
    let header = Header { epoch, checksum: checksum.word, size: source.length() as u32, flags };
    source.store(transaction, room, header.as_bytes())
}

/// The room of an akey, when it is large enough and what was in it is not there any more.
fn free_room(arena: &Arena, akey: &Level, size: usize) -> Result<Option<u64>> {
    if akey.room() < size.max(HEADER) {
        return Ok(None);
    }
    let header: Header = arena.read_value(akey.room_position())?;
    Ok((header.flags & (INNER | DEAD) == INNER | DEAD).then(|| akey.room_position()))
}

/// Stores a version; one of the same epoch is replaced.
pub(crate) fn put(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    epoch: u64,
    kind: ChecksumKind,
    source: &Source<'_>,
) -> Result<()> {
    // What is replaced goes first, so that its room can be used again.
    let replaced = match akey.children()? {
        Children::Direct(old) if epoch_of(transaction.arena(), old)? == epoch => {
            free(transaction, space, old)?;
            Replaced::Only
        }
        Children::Tree(tree) => match tree.find(transaction.arena(), &Unique(epoch))? {
            Some(cursor) => {
                free(transaction, space, cursor.entry(transaction.arena())?.link)?;
                Replaced::Entry(tree, Box::new(cursor))
            }
            None => Replaced::Nothing,
        },
        _ => Replaced::Nothing,
    };
    let size = size_of_record(source);
    let link = match free_room(transaction.arena(), akey, size)? {
        Some(position) => {
            write_record(transaction, Room::Used(position), INNER, epoch, kind, source)?;
            (position / 8) as u32
        }
        None => {
            let offset = transaction.allocate(size)?;
            write_record(transaction, Room::Fresh(offset.get()), 0, epoch, kind, source)?;
            offset.link()
        }
    };
    match (replaced, akey.children()?) {
        (Replaced::Entry(tree, cursor), _) => tree.replace_link(transaction, &cursor, link),
        (Replaced::Only, _) | (_, Children::None) => akey.set_children(transaction, link, false),
        (_, Children::Direct(old)) => {
            let old_epoch = epoch_of(transaction.arena(), old)?;
            let (tree, root) = Tree::create(transaction, false)?;
            tree.insert(transaction, &Unique(old_epoch), old, 0)?;
            tree.insert(transaction, &Unique(epoch), link, 0)?;
            akey.set_children(transaction, root, true)
        }
        (_, Children::Tree(tree)) => tree.insert(transaction, &Unique(epoch), link, 0),
    }
}

/// What a new version takes the place of.
enum Replaced {
    Nothing,
    Only,
    Entry(Tree, Box<Cursor>),
}

/// Frees a version that nothing refers to any more.
pub(crate) fn free(transaction: &mut Transaction<'_>, space: &ValueSpace, link: u32) -> Result<()> {
    let flags = load(transaction.arena(), link)?.flags;
    let range = locate(transaction.arena(), link)?;
    range.checksum.free(transaction, range.value_length)?;
    let tail = match range.on_device {
        true => space.free(transaction, range.address, range.value_length)?,
        false => range.value_length,
    };
    if flags & INNER != 0 {
        return transaction.write(u64::from(link) * 8 + FLAGS, &(flags | DEAD).to_le_bytes());
    }
    let offset = Offset::from_link(link).ok_or_else(|| damaged("a single value", u64::from(link) * 8))?;
    transaction.free(offset, HEADER + tail)
}

/// Removes the version of exactly this epoch; `true` when there was one.
pub(crate) fn remove_at(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    epoch: u64,
) -> Result<bool> {
    match akey.children()? {
        Children::Direct(link) if epoch_of(transaction.arena(), link)? == epoch => {
            akey.set_children(transaction, 0, false)?;
            free(transaction, space, link)?;
            Ok(true)
        }
        Children::Tree(tree) => {
            let Some(cursor) = tree.find(transaction.arena(), &Unique(epoch))? else { return Ok(false) };
            let link = cursor.entry(transaction.arena())?.link;
            tree.remove(transaction, cursor)?;
            free(transaction, space, link)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}
