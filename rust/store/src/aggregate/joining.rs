//! The pass over an array in which partly hidden extents are cut and small ones joined.
//!
//! What shows at the end of an interval is all that matters of it, whichever of its extents it is from, and whichever epoch of the interval that
//! has. An extent that shows in parts only gives the rest back: in place, where blocks and chunks of checksums end, or by copying what shows.
//! Joining puts a new extent over a run of pieces, with the newest epoch of them and a number above all that it covers. What it covers
//! is hidden then, and goes as everything hidden goes. So every moment between is one in which all answers are right.

use super::extents::{Name, name_of};
use super::rule::{Hidden, Rule};
use super::searches::{Search, is_hidden, seek_behind};
use super::step::Step;
use super::sweep::{Cut, PARTS_MAX, Sweep};
use super::walk::Walk;
use crate::array::{self, Record, space_of};
use crate::level::{Children, Level};
use crate::pieces::{Piece, Pieces};
use crate::visibility::Window;
use daos_media::{Arena, BLOCK_SIZE};
use daos_status::Result;
use daos_types::Extent;
use std::collections::BTreeMap;

/// Extents that are visited to find the parts of one to be made.
const PLAN_LOOKS: usize = 4 * PARTS_MAX;

/// Extents that are visited to tell whether what a cut leaves shows at all. Beyond them, it counts as if it did.
const SHOWS_LOOKS: usize = 64;

/// Extents that are visited at least to tell how much of one is hidden.
const WASTE_LOOKS_MIN: usize = 32;

/// Copying so many bytes is worth one byte of space.
const COPIED_FOR_ONE: u64 = 8;

/// Extents are joined when they are smaller than this on average: then a record less is worth copying so much.
const AVERAGE_MAX: u64 = 64 << 10;

/// The least space that joining gives back where the number of extents stays the same.
const SPACE_MIN: u64 = 64;

/// Room in the arena that cutting leaves to what frees more.
const CUT_ROOM: u64 = 64 << 10;

/// An extent is cut in two only when that gives as much space back: there is one record more.
const CUT_MIN: u64 = 64 << 10;

impl Walk {
    /// Cuts and joins; `false` when the step ended before the end, or when there is something to be joined now, which is done between steps.
    pub(super) fn join(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &mut Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<bool> {
        let Rule::Aggregate(kept) = &self.rule else { return Ok(true) };
        loop {
            let Some(sweep) = self.frames[index].extents.sweeps.last_mut() else { return Ok(true) };
            let window = kept.window(sweep.interval, hidden);
            if sweep.join.is_some() || step.is_exhausted() {
                return Ok(false);
            }
            if let Some(cut) = &mut sweep.cut {
                if !cut_beneath(step, akey, window, cut)? {
                    return Ok(false);
                }
                sweep.cut = None;
            } else if let Some(record) = sweep.question {
                let is_wasteful = is_wasteful(step, akey, window, &record)?;
                sweep.answer(is_wasteful);
            } else if let Some((range, is_wanted)) = sweep.candidate.take() {
                if step.joins
                    && let Some(parts) = parts_of(step.arena(), akey, window, range)?
                {
                    step.look_at(parts.len());
                    sweep.join = (is_wanted || is_worth_joining(&parts)).then_some(range);
                }
            } else if !gather(step, akey, window, sweep)? && sweep.finish(step.join_limits) {
                self.frames[index].extents.sweeps.pop();
            }
        }
    }
}

/// Takes pieces in; `false` when there are none left.
fn gather(step: &mut Step<'_, '_>, akey: &Level, window: Window, sweep: &mut Sweep) -> Result<bool> {
    let Some(range) = Extent::from_bounds(sweep.at, sweep.end) else { return Ok(false) };
    let mut pieces = Pieces::within(step.arena(), akey, window, range, step.looks_left())?;
    let mut is_stopped = false;
    while let Some(piece) = pieces.next()? {
        if !sweep.take(&piece, step.join_limits) {
            is_stopped = true;
            break;
        }
    }
    step.look_at(step.looks_left().saturating_sub(pieces.looks()).max(1));
    if !is_stopped {
        sweep.at = pieces.frontier().unwrap_or(sweep.end);
    }
    Ok(true)
}

/// The pieces that show in a range, when all of it is data and they are not too many.
pub(super) fn parts_of(arena: &Arena, akey: &Level, window: Window, range: Extent) -> Result<Option<Vec<Piece>>> {
    let mut pieces = Pieces::within(arena, akey, window, range, PLAN_LOOKS)?;
    let mut parts: Vec<Piece> = Vec::new();
    let mut at = range.start();
    while let Some(piece) = pieces.next()? {
        let record = &piece.record;
        let is_fit = piece.extent.start() == at && !record.is_punch() && record.record_size > 0;
        let is_like = parts.first().is_none_or(|first| first.record.record_size == record.record_size);
        if !is_fit || !is_like || parts.len() >= PARTS_MAX {
            return Ok(None);
        }
        at = piece.extent.end();
        parts.push(piece);
    }
    Ok((at == range.end() && pieces.frontier().is_none()).then_some(parts))
}

/// Whether one extent instead of its parts is worth copying them: when it gives enough space back, or when the parts are small, and none of
/// them is most of the whole. So no byte is copied more often than the size of what it is in doubles.
fn is_worth_joining(parts: &[Piece]) -> bool {
    // By record, what shows of it, and what it takes in this range.
    let mut records: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let Some(range) = Extent::from_bounds(first.extent.start(), last.extent.end()) else { return false };
    let size = u64::from(first.record.record_size);
    // What shows here of extents that show further to the left as well: they stay, and only hide more.
    let mut lost = 0;
    for Piece { extent, record } in parts {
        if record.extent.start() < range.start() {
            lost += extent.count() * size;
            records.entry(record.link).or_insert((0, 0)).0 += extent.count() * size;
            continue;
        }
        let within = record.extent.intersect(range).map_or(0, Extent::count);
        let taken = if within == record.extent.count() { record.space() } else { within * size };
        records.entry(record.link).or_insert((0, taken)).0 += extent.count() * size;
    }
    let total = range.count() * size;
    let taken: u64 = records.values().map(|(_, taken)| taken).sum();
    let gain = taken.saturating_sub(space_of(total));
    let largest = records.values().map(|(shown, _)| *shown).max().unwrap_or(0);
    let gives_space = gain.saturating_mul(COPIED_FOR_ONE) >= total && gain >= SPACE_MIN;
    let count = records.len() as u64;
    let is_small = count > 1 && total < count * AVERAGE_MAX && largest * 2 <= total;
    gives_space || (is_small && lost * COPIED_FOR_ONE <= total)
}

/// Whether an extent hides enough in places where it cannot be cut that copying all that shows of it is worth it.
fn is_wasteful(step: &mut Step<'_, '_>, akey: &Level, window: Window, record: &Record) -> Result<bool> {
    let arena = step.arena();
    let unit = record.unit(arena)?;
    // What a small step sees of it says enough.
    let looks = step.looks_left().clamp(WASTE_LOOKS_MIN, PLAN_LOOKS);
    let mut pieces = Pieces::within(arena, akey, window, record.extent, looks)?;
    let (mut shown, mut hidden, mut at) = (0, 0, record.extent.start());
    let mut add = |from: u64, to: u64| {
        if let Some(gap) = Extent::from_bounds(from, to) {
            let cut = match (unit, kept_around(record, gap, unit.unwrap_or(1), true, true)) {
                (Some(_), Some(kept)) => gap_of(record, &kept),
                _ => 0,
            };
            hidden += gap.count().saturating_sub(cut);
        }
    };
    while let Some(Piece { extent, record: other }) = pieces.next()? {
        if other.link == record.link {
            add(at, extent.start());
            shown += extent.count();
            at = extent.end();
        }
    }
    add(at, pieces.frontier().unwrap_or(record.extent.end()));
    step.look_at(looks.saturating_sub(pieces.looks()));
    let size = u64::from(record.record_size);
    let least = if record.is_on_device() { BLOCK_SIZE as u64 } else { SPACE_MIN };
    Ok(hidden * size >= least && hidden.saturating_mul(COPIED_FOR_ONE) >= shown)
}

/// Records of an extent that are not in what is kept.
fn gap_of(record: &Record, kept: &[Extent]) -> u64 {
    let kept: u64 = kept.iter().map(|part| part.count()).sum();
    record.extent.count().saturating_sub(kept)
}

/// Cuts older extents of an interval where another one shows; `false` when the step ended before the last.
fn cut_beneath(step: &mut Step<'_, '_>, akey: &mut Level, window: Window, cut: &mut Cut) -> Result<bool> {
    let arena = step.arena();
    loop {
        let Children::Tree(tree) = akey.children()? else { return Ok(true) };
        let begin = cut.range.start();
        let mut cursor = match cut.behind {
            None => tree.first_with_end_behind(arena, begin)?,
            Some(name) => seek_behind(arena, &tree, name, begin)?,
        };
        let mut found = None;
        while let Some(at) = &mut cursor {
            if at.entry(arena)?.order >= cut.range.end() {
                break;
            }
            if step.is_exhausted() {
                return Ok(false);
            }
            step.look();
            let record = Record::load(arena, at.entry(arena)?.link)?;
            cut.behind = Some(name_of(&record));
            let is_beneath = window.has(record.epoch) && record.version() < cut.version && !record.is_punch();
            if is_beneath
                && has_room_to_cut(arena, &record)?
                && let Some(kept) = what_is_left(arena, akey, window, &record, cut.range)?
            {
                found = Some((record, kept));
                break;
            }
            if !at.next_with_end_behind(arena, begin)? {
                break;
            }
        }
        let Some((record, kept)) = found else { return Ok(true) };
        let pieces = record.pieces(arena)?;
        let freed = match &kept[..] {
            [] => {
                array::remove(step.transaction, step.space, akey, &record)?;
                record.length()
            }
            kept => array::cut(step.transaction, step.space, akey, &record, kept)? as usize,
        };
        step.note_freed(freed, pieces);
        step.done.cuts += u64::from(!kept.is_empty());
    }
}

/// Whether the arena has room for the records that a cut makes before it frees the old one. Where it has not, what is cut gives nothing anyway.
fn has_room_to_cut(arena: &Arena, record: &Record) -> Result<bool> {
    if !record.is_on_device() {
        return Ok(true);
    }
    let space = arena.space()?;
    // At most eight bytes for each block, and as much for checksums, in each of two records; and nodes of trees.
    let records = (record.length() as u64 / BLOCK_SIZE as u64 + 1) * 32;
    Ok(space.free + space.reserved >= records.min(CUT_ROOM) + CUT_ROOM)
}

/// What is left of an extent that is hidden in a range; `None` when it stays as it is.
fn what_is_left(
    arena: &Arena,
    akey: &Level,
    window: Window,
    record: &Record,
    hidden: Extent,
) -> Result<Option<Vec<Extent>>> {
    let Children::Tree(tree) = akey.children()? else { return Ok(None) };
    let (start, end) = (record.extent.start(), record.extent.end());
    let shows = |part: Option<Extent>| -> Result<bool> {
        let Some(part) = part else { return Ok(false) };
        let mut looks = SHOWS_LOOKS;
        let search = is_hidden(arena, &mut looks, &tree, (part, record.version()), window.to, None)?;
        Ok(!matches!(search, Search::Yes))
    };
    // Much may have changed since the range was found: what is given back must be hidden now.
    if shows(record.extent.intersect(hidden))? {
        return Ok(None);
    }
    let left = shows(Extent::from_bounds(start, hidden.start()))?;
    let right = shows(Extent::from_bounds(hidden.end(), end))?;
    if !left && !right {
        return Ok(Some(Vec::new()));
    }
    let Some(unit) = record.unit(arena)? else { return Ok(None) };
    Ok(kept_around(record, hidden, unit, left, right))
}

/// What is kept of an extent that is hidden in a range, and shows before or behind it; `None` when a cut gives too little.
fn kept_around(record: &Record, hidden: Extent, unit: u64, left: bool, right: bool) -> Option<Vec<Extent>> {
    let (start, end) = (record.extent.start(), record.extent.end());
    // From its own start on, which is where its blocks and chunks begin.
    let up = (hidden.start().saturating_sub(start)).div_ceil(unit).saturating_mul(unit).saturating_add(start);
    let down = (hidden.end().saturating_sub(start)) / unit * unit + start;
    let left = if left { Extent::from_bounds(start, up.min(end)) } else { None };
    let right = if right { Extent::from_bounds(down, end) } else { None };
    if left.zip(right).is_some_and(|(left, right)| left.end() >= right.start()) {
        return None;
    }
    let kept: Vec<Extent> = left.into_iter().chain(right).collect();
    let gain = gap_of(record, &kept).saturating_mul(u64::from(record.record_size));
    let least = if kept.len() > 1 { CUT_MIN } else { BLOCK_SIZE as u64 };
    (gain >= least && !kept.is_empty()).then_some(kept)
}

/// For names of what a sweep stands at.
pub(super) type Parts = Vec<(Extent, Name, u32)>;

/// What a run of parts is, to tell later whether it still is.
pub(super) fn describe(parts: &[Piece]) -> Parts {
    parts.iter().map(|piece| (piece.extent, name_of(&piece.record), piece.record.link)).collect()
}
