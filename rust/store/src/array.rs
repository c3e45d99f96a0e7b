//! Array extents: one record per range and epoch; `record.rs` says what is in it.
//!
//! The tree orders them by start, then newest first: falling epoch, then falling minor number, which counts overlapping writes of one epoch.

mod cut;
mod record;

pub(crate) use cut::cut;
pub(crate) use record::{BRIEF_BEFORE, Content, ExtentProbe, Record, space_of};

use crate::ChecksumKind;
use crate::level::{Children, Level, Span};
use crate::stored::Room;
use crate::tree::{Tree, damaged};
use crate::value_space::ValueSpace;
use crate::visibility::Window;
use daos_media::{Arena, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::Extent;
use record::{BRIEF_IN_ROOM, IN_ROOM, MINOR_MAX, is_gone, write_record};

/// The span of an only extent.
pub(crate) fn span_of(arena: &Arena, link: u32) -> Result<Span> {
    let record = Record::load(arena, link)?;
    Ok(record.span())
}

/// Whether an extent was written or punched in a window; `None` when so many were looked at before that was known. It goes on at `place`:
/// start, epoch and number of an extent.
pub(crate) fn has_any(
    arena: &Arena,
    akey: &Level,
    window: Window,
    place: &mut Option<(u64, u64, u32)>,
    budget: &mut usize,
) -> Result<Option<bool>> {
    let counts = |record: &Record| window.has(record.epoch);
    let tree = match akey.children()? {
        Children::None => return Ok(Some(false)),
        Children::Direct(link) => return Ok(Some(counts(&Record::load(arena, link)?))),
        Children::Tree(tree) => tree,
    };
    let mut cursor = match *place {
        None => tree.first(arena)?,
        Some((start, epoch, minor)) => tree.seek(arena, &ExtentProbe { start, epoch, minor }, false)?,
    };
    while let Some(at) = &mut cursor {
        let record = Record::load(arena, at.entry(arena)?.link)?;
        if *budget == 0 {
            *place = Some((record.extent.start(), record.epoch, record.minor));
            return Ok(None);
        }
        *budget -= 1;
        if counts(&record) {
            return Ok(Some(true));
        }
        if !at.next(arena)? {
            break;
        }
    }
    Ok(Some(false))
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

/// The only extent of an array, when it has data that shows, and what of it is in a range.
pub(crate) fn only_part(
    arena: &Arena,
    akey: &Level,
    window: Window,
    range: Extent,
) -> Result<Option<(Record, Extent)>> {
    let Children::Direct(link) = akey.children()? else { return Ok(None) };
    let record = Record::load(arena, link)?;
    if record.is_punch() || !window.has(record.epoch) {
        return Ok(None);
    }
    Ok(record.extent.intersect(range).map(|part| (record, part)))
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
    write_record(transaction, room, flags_in_room(akey), akey.record_size(), (extent, epoch), kind, content)
}

/// The flags of what lies in the room of an akey.
fn flags_in_room(akey: &Level) -> u32 {
    if akey.is_brief() { BRIEF_IN_ROOM } else { IN_ROOM }
}

/// The room of an akey, when it takes a record and what was in it is not there any more.
fn free_room(
    arena: &Arena,
    akey: &Level,
    (extent, minor): (Extent, u32),
    content: &Content<'_>,
) -> Result<Option<u64>> {
    let size = match akey.is_brief() {
        true => content.size_of_brief_record(akey.record_size(), extent, minor),
        false => Some(content.size_of_record()),
    };
    if size.is_none_or(|size| akey.room() < size) {
        return Ok(None);
    }
    let is_gone = is_gone(arena, akey.link_into_room(), akey.is_brief())?;
    Ok(is_gone.then(|| akey.room_position()))
}

/// Records an extent; one of the same range and epoch is replaced. Gives its number among the writes of its epoch.
pub(crate) fn put(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    extent: Extent,
    epoch: u64,
    kind: ChecksumKind,
    content: &Content<'_>,
) -> Result<u32> {
    let minor = make_room(transaction, space, akey, extent, epoch)?;
    let link = match free_room(transaction.arena(), akey, (extent, minor), content)? {
        Some(position) => {
            let (room, word) = (Room::Used(position), minor | flags_in_room(akey));
            write_record(transaction, room, word, akey.record_size(), (extent, epoch), kind, content)?;
            akey.link_into_room()
        }
        None => {
            let offset = transaction.allocate(content.size_of_record())?;
            let room = Room::Fresh(offset.get());
            write_record(transaction, room, minor, akey.record_size(), (extent, epoch), kind, content)?;
            offset.link()
        }
    };
    let probe = ExtentProbe { start: extent.start(), epoch, minor };
    match akey.children()? {
        Children::None => akey.set_children(transaction, link, false)?,
        Children::Direct(old) => {
            let old = Record::load(transaction.arena(), old)?;
            let (tree, root) = Tree::create(transaction, true)?;
            tree.insert(transaction, &old.probe(), old.link, old.extent.end())?;
            tree.note_epoch(transaction, old.epoch)?;
            tree.insert(transaction, &probe, link, extent.end())?;
            akey.set_children(transaction, root, true)?;
            tree.note_epoch(transaction, epoch)?;
        }
        Children::Tree(tree) => {
            tree.insert(transaction, &probe, link, extent.end())?;
            tree.note_epoch(transaction, epoch)?;
        }
    }
    Ok(minor)
}

/// Finds the minor number of a new extent, above those of the same epoch that it overlaps; one of the same range is removed.
fn make_room(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    akey: &mut Level,
    extent: Extent,
    epoch: u64,
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
            if record.extent == extent {
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

/// Frees a record that is reached by its link only, when its akey goes away.
pub(crate) fn free(transaction: &mut Transaction<'_>, space: &ValueSpace, link: u32) -> Result<()> {
    Record::load(transaction.arena(), link)?.free(transaction, space)
}
