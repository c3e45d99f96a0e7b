//! Searches in the tree of an array that a step may end.

use super::extents::Name;
use crate::array::{ExtentProbe, Record};
use crate::tree::{Cursor, Tree};
use daos_media::Arena;
use daos_status::Result;
use daos_types::Extent;

/// Where a search goes on that a step has ended.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// The extent is hidden up to here.
    covered: u64,
    /// The start of the next extent that is looked at.
    start: u64,
}

/// What became of a search that a step may end.
pub(super) enum Search {
    Yes,
    No,
    /// It goes on in the next step.
    Unfinished(Known),
}

/// The first extent behind another one that ends behind a place.
pub(super) fn seek_behind(
    arena: &Arena,
    tree: &Tree,
    (start, epoch, minor): Name,
    end_behind: u64,
) -> Result<Option<Cursor>> {
    let mut cursor = tree.seek(arena, &ExtentProbe { start, epoch, minor }, true)?;
    if let Some(at) = &mut cursor
        && !at.skip_to_end_behind(arena, end_behind)?
    {
        return Ok(None);
    }
    Ok(cursor)
}

/// Goes behind all extents of a start.
fn behind_start(arena: &Arena, tree: &Tree, start: u64, end_behind: u64) -> Result<Option<Cursor>> {
    let Some(start) = start.checked_add(1) else { return Ok(None) };
    seek_from(arena, tree, first_of(start), end_behind)
}

/// The first extent from a place on that ends behind another.
fn seek_from(arena: &Arena, tree: &Tree, probe: ExtentProbe, end_behind: u64) -> Result<Option<Cursor>> {
    let mut cursor = tree.seek(arena, &probe, false)?;
    if let Some(at) = &mut cursor
        && !at.skip_to_end_behind(arena, end_behind)?
    {
        return Ok(None);
    }
    Ok(cursor)
}

/// The place before all extents of a start.
fn first_of(start: u64) -> ExtentProbe {
    ExtentProbe { start, epoch: u64::MAX, minor: u32::MAX }
}

/// Whether a part of an extent of some version shows nowhere at an epoch, for newer ones that are all in the same interval.
pub(super) fn is_hidden(
    arena: &Arena,
    looks: &mut usize,
    tree: &Tree,
    (part, version): (Extent, (u64, u32)),
    epoch: u64,
    known: Option<Known>,
) -> Result<Search> {
    let mut covered = known.map_or(part.start(), |known| known.covered);
    let mut cursor = match known {
        None => tree.first_with_end_behind(arena, covered)?,
        Some(Known { start, .. }) => seek_from(arena, tree, first_of(start), covered)?,
    };
    let mut last = None;
    while let Some(at) = &mut cursor {
        let start = at.entry(arena)?.order;
        if start > covered {
            return Ok(Search::No);
        }
        // Within a start it cannot pause: few of its extents are looked at.
        if *looks == 0 && last.is_some_and(|last| last < start) {
            return Ok(Search::Unfinished(Known { covered, start }));
        }
        last = Some(start);
        *looks = looks.saturating_sub(1);
        let other = Record::load(arena, at.entry(arena)?.link)?;
        if other.epoch > epoch {
            cursor = seek_from(arena, tree, ExtentProbe { start, epoch, minor: u32::MAX }, covered)?;
            continue;
        }
        if other.version() <= version {
            cursor = behind_start(arena, tree, start, covered)?;
            continue;
        }
        if !other.is_witness() {
            covered = covered.max(other.extent.end());
        }
        if covered >= part.end() {
            return Ok(Search::Yes);
        }
        if !at.next_with_end_behind(arena, covered)? {
            break;
        }
    }
    Ok(Search::No)
}

/// Whether a punch hides data, of the epochs from `oldest` on up to its own.
pub(super) fn hides_data(
    arena: &Arena,
    looks: &mut usize,
    tree: &Tree,
    punch: &Record,
    oldest: u64,
    known: Option<Known>,
) -> Result<Search> {
    let begin = punch.extent.start();
    let mut cursor = match known {
        None => tree.first_with_end_behind(arena, begin)?,
        Some(Known { start, .. }) => seek_from(arena, tree, first_of(start), begin)?,
    };
    let mut last = None;
    while let Some(at) = &mut cursor {
        let start = at.entry(arena)?.order;
        if start >= punch.extent.end() {
            break;
        }
        if *looks == 0 && last.is_some_and(|last| last < start) {
            return Ok(Search::Unfinished(Known { covered: begin, start }));
        }
        last = Some(start);
        *looks = looks.saturating_sub(1);
        let other = Record::load(arena, at.entry(arena)?.link)?;
        if other.version() < punch.version() && other.epoch >= oldest && !other.is_punch() {
            return Ok(Search::Yes);
        }
        if !at.next_with_end_behind(arena, begin)? {
            break;
        }
    }
    Ok(Search::No)
}
