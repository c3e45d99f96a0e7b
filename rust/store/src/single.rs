//! Single values: one record per version.
//!
//! ```text
//! epoch u64, checksum u64, size u32, flags u32 (1: on the device, others: checksums), then the bytes, or their pieces [u64]
//! ```

use crate::ChecksumKind;
use crate::checksums::{CHECKSUM_FLAGS, StoredChecksum};
use crate::level::{Children, Level};
use crate::stored::{INLINE_MAX, Source, StoredRange, VALUE_MAX};
use crate::tree::{Tree, Unique, damaged};
use crate::value_space::ValueSpace;
use crate::visibility::Window;
use daos_media::{Arena, Offset, Transaction};
use daos_status::Result;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const ON_DEVICE: u32 = 1;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    epoch: u64,
    checksum: u64,
    size: u32,
    flags: u32,
}

const HEADER: usize = size_of::<Header>();

fn load(arena: &Arena, link: u32) -> Result<Header> {
    let position = u64::from(link) * 8;
    let header: Header = arena.read_value(position)?;
    let limit = if header.flags & ON_DEVICE != 0 { VALUE_MAX } else { INLINE_MAX };
    if link == 0 || header.flags & !u32::from(CHECKSUM_FLAGS) > ON_DEVICE || header.size as usize > limit {
        return Err(damaged("a single value", position));
    }
    Ok(header)
}

pub(crate) fn epoch_of(arena: &Arena, link: u32) -> Result<u64> {
    Ok(load(arena, link)?.epoch)
}

/// The newest version in a window: its link.
#[inline]
pub(crate) fn find(arena: &Arena, akey: &Level, window: Window) -> Result<Option<u32>> {
    let link = match akey.children()? {
        Children::None => return Ok(None),
        Children::Direct(link) => link,
        Children::Tree(tree) => match tree.seek_last(arena, &Unique(window.to))? {
            Some(cursor) => cursor.entry(arena)?.link,
            None => return Ok(None),
        },
    };
    Ok(window.has(epoch_of(arena, link)?).then_some(link))
}

/// Where the bytes of a version lie.
pub(crate) fn locate(arena: &Arena, link: u32) -> Result<StoredRange> {
    let header = load(arena, link)?;
    let tail = u64::from(link) * 8 + HEADER as u64;
    let on_device = header.flags & ON_DEVICE != 0;
    let length = header.size as usize;
    Ok(StoredRange {
        address: tail,
        value_length: length,
        start: 0,
        length,
        on_device,
        checksum: StoredChecksum::from_record(header.flags as u8, header.checksum),
    })
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
    let offset = transaction.allocate(HEADER + source.tail_length())?;
    let flags = if matches!(source, Source::Placed(_)) { ON_DEVICE } else { 0 };
    let checksum = source.checksum(transaction, kind)?;
    let flags = flags | u32::from(checksum.flags());
    let header = Header { epoch, checksum: checksum.word, size: source.length() as u32, flags };
    transaction.fill(offset.get(), header.as_bytes())?;
    source.fill_tail(transaction, offset.get() + HEADER as u64)?;
    let link = offset.link();
    match akey.children()? {
        Children::None => akey.set_children(transaction, link, false),
        Children::Direct(old) => {
            let old_epoch = epoch_of(transaction.arena(), old)?;
            if old_epoch == epoch {
                free(transaction, space, old)?;
                return akey.set_children(transaction, link, false);
            }
            let (tree, root) = Tree::create(transaction, false)?;
            tree.insert(transaction, &Unique(old_epoch), old, 0)?;
            tree.insert(transaction, &Unique(epoch), link, 0)?;
            akey.set_children(transaction, root, true)
        }
        Children::Tree(tree) => match tree.find(transaction.arena(), &Unique(epoch))? {
            Some(cursor) => {
                let old = cursor.entry(transaction.arena())?.link;
                tree.replace_link(transaction, &cursor, link)?;
                free(transaction, space, old)
            }
            None => tree.insert(transaction, &Unique(epoch), link, 0),
        },
    }
}

/// Frees a version that nothing refers to any more.
pub(crate) fn free(transaction: &mut Transaction<'_>, space: &ValueSpace, link: u32) -> Result<()> {
    let range = locate(transaction.arena(), link)?;
    range.checksum.free(transaction, range.value_length)?;
    let tail = match range.on_device {
        true => space.free(transaction, range.address, range.value_length)?,
        false => range.value_length,
    };
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
