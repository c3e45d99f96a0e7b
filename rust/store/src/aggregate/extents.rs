//! The extents of an array: which of them show in no view that is kept.
//!
//! They are walked over twice. At first, what newer extents hide in its interval goes. Then punches go that hide nothing any more: what
//! they have hidden is gone by then. Where hidden data was all that made an akey exist, a record without bytes stays as its witness.

use super::rule::{Hidden, Rule};
use super::step::Step;
use super::walk::Walk;
use crate::array::{self, ExtentProbe, Record};
use crate::level::{Children, Level};
use crate::tree::{Cursor, Tree};
use daos_media::Arena;
use daos_status::Result;
use std::collections::BTreeMap;

/// Where the walk stands in an array.
#[derive(Default)]
pub(super) struct ExtentPlace {
    is_second_pass: bool,
    /// The last extent that is done: start, epoch and number.
    behind: Option<(u64, u64, u32)>,
    /// What is known about the extent after it.
    known: Option<Known>,
    /// By interval: what makes the akey exist.
    existence: BTreeMap<usize, Existence>,
}

#[derive(Clone, Copy, Default)]
struct Existence {
    /// The newest data that stays.
    data: u64,
    /// A witness: start, epoch and number.
    witness: Option<(u64, u64, u32)>,
}

/// Where a search goes on that a step has ended.
#[derive(Clone, Copy)]
struct Known {
    /// The extent is hidden up to here.
    covered: u64,
    /// The start of the next extent that is looked at.
    start: u64,
}

/// What became of a search that a step may end.
enum Search {
    Yes,
    No,
    /// It goes on in the next step.
    Unfinished(Known),
}

/// What is decided about an extent.
enum Verdict {
    Stays,
    Goes,
    /// Its bytes go, and it stays as a witness.
    Witness,
}

impl Walk {
    /// Walks over the extents of an akey; `false` when the step ended before the end.
    pub(super) fn extents(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &mut Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<bool> {
        while !self.frames[index].extents.is_second_pass {
            if !self.pass(step, akey, index, hidden)? || !self.drop_witnesses(step, akey, index, hidden)? {
                return Ok(false);
            }
            let place = &mut self.frames[index].extents;
            *place = ExtentPlace { is_second_pass: true, ..ExtentPlace::default() };
        }
        self.pass(step, akey, index, hidden)
    }

    /// One walk over all extents.
    fn pass(&mut self, step: &mut Step<'_, '_>, akey: &mut Level, index: usize, hidden: &Hidden) -> Result<bool> {
        let mut cursor = None;
        loop {
            let arena = step.arena();
            let place = &mut self.frames[index].extents;
            let record = match akey.children()? {
                Children::None => return Ok(true),
                Children::Direct(link) => {
                    let record = Record::load(arena, link)?;
                    if place.behind.is_some_and(|behind| place_of(&record) <= order_of(behind)) {
                        return Ok(true);
                    }
                    record
                }
                Children::Tree(tree) => {
                    if cursor.is_none() {
                        cursor = seek_behind(arena, &tree, place.behind)?;
                    }
                    let Some(at) = &cursor else { return Ok(true) };
                    Record::load(arena, at.entry(arena)?.link)?
                }
            };
            if step.is_exhausted() {
                return Ok(false);
            }
            step.look();
            let search = if self.frames[index].extents.is_second_pass {
                self.judge_punch(step, akey, index, &record, hidden)?
            } else {
                self.judge(step, akey, index, &record, hidden)?
            };
            let Some(verdict) = search else { return Ok(false) };
            let frame = &mut self.frames[index];
            frame.extents.behind = Some((record.extent.start(), record.epoch, record.minor));
            frame.extents.known = None;
            match verdict {
                Verdict::Stays => {
                    if frame.extents.is_second_pass {
                        frame.below.add(record.span());
                    }
                    if let Some(at) = &mut cursor
                        && !at.next(arena)?
                    {
                        return Ok(true);
                    }
                }
                Verdict::Goes => {
                    array::remove(step.transaction, step.space, akey, &record)?;
                    step.note_freed(record.length());
                    cursor = None;
                }
                Verdict::Witness => {
                    array::leave_witness(step.transaction, step.space, akey, &record)?;
                    step.note_freed(record.length());
                    cursor = None;
                }
            }
        }
    }

    /// The first pass; `None` when the step ended before the answer.
    fn judge(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &Level,
        index: usize,
        record: &Record,
        hidden: &Hidden,
    ) -> Result<Option<Verdict>> {
        let kept = match &self.rule {
            Rule::Discard(range) => {
                return Ok(Some(if range.contains(&record.epoch) { Verdict::Goes } else { Verdict::Stays }));
            }
            Rule::Aggregate(kept) => kept,
        };
        let Some(interval) = kept.interval(record.epoch) else { return Ok(Some(Verdict::Stays)) };
        if hidden[interval] > record.epoch {
            return Ok(Some(Verdict::Goes));
        }
        let place = &mut self.frames[index].extents;
        let existence = place.existence.entry(interval).or_default();
        let name = (record.extent.start(), record.epoch, record.minor);
        if record.is_witness() {
            let is_needed = *existence.witness.get_or_insert(name) == name;
            return Ok(Some(if is_needed { Verdict::Stays } else { Verdict::Goes }));
        }
        let search = match akey.children()? {
            Children::Tree(tree) => is_hidden(step, &tree, record, kept.last(interval), place.known)?,
            _ => Search::No,
        };
        match search {
            Search::Unfinished(at) => {
                place.known = Some(at);
                Ok(None)
            }
            Search::No => {
                if !record.is_punch() {
                    existence.data = existence.data.max(record.epoch);
                }
                Ok(Some(Verdict::Stays))
            }
            Search::Yes if !record.is_punch() && existence.data == 0 && existence.witness.is_none() => {
                existence.witness = Some(name);
                Ok(Some(Verdict::Witness))
            }
            Search::Yes => Ok(Some(Verdict::Goes)),
        }
    }

    /// At the end of the first pass: witnesses go where there is data.
    fn drop_witnesses(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &mut Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<bool> {
        let existence = &mut self.frames[index].extents.existence;
        let mut newest = 0;
        for (interval, existence) in existence.iter_mut() {
            newest = newest.max(existence.data);
            let is_there = newest > 0 && newest >= hidden[*interval];
            let Some((start, epoch, minor)) = existence.witness.filter(|_| is_there) else { continue };
            if step.frees == 0 {
                return Ok(false);
            }
            existence.witness = None;
            let found = match akey.children()? {
                Children::Tree(tree) => tree.find(step.arena(), &ExtentProbe { start, epoch, minor })?,
                _ => None,
            };
            if let Some(cursor) = found {
                let record = Record::load(step.arena(), cursor.entry(step.arena())?.link)?;
                array::remove(step.transaction, step.space, akey, &record)?;
                step.note_freed(0);
            }
        }
        Ok(true)
    }

    /// The second pass: a punch goes when there is nothing older below it; `None` when the step ended before the answer.
    fn judge_punch(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &Level,
        index: usize,
        record: &Record,
        hidden: &Hidden,
    ) -> Result<Option<Verdict>> {
        let Rule::Aggregate(kept) = &self.rule else { return Ok(Some(Verdict::Stays)) };
        if !record.is_punch() || record.is_witness() {
            return Ok(Some(Verdict::Stays));
        }
        let Some(interval) = kept.interval(record.epoch) else { return Ok(Some(Verdict::Stays)) };
        let Children::Tree(tree) = akey.children()? else { return Ok(Some(Verdict::Goes)) };
        let known = self.frames[index].extents.known;
        match hides_data(step, &tree, record, hidden[interval], known)? {
            Search::Unfinished(at) => {
                self.frames[index].extents.known = Some(at);
                Ok(None)
            }
            Search::Yes => Ok(Some(Verdict::Stays)),
            Search::No => Ok(Some(Verdict::Goes)),
        }
    }
}

/// The tree's order: by start, then the newest first.
fn order_of((start, epoch, minor): (u64, u64, u32)) -> (u64, u64, u32) {
    (start, !epoch, !minor)
}

fn place_of(record: &Record) -> (u64, u64, u32) {
    order_of((record.extent.start(), record.epoch, record.minor))
}

fn seek_behind(arena: &Arena, tree: &Tree, behind: Option<(u64, u64, u32)>) -> Result<Option<Cursor>> {
    match behind {
        None => tree.first(arena),
        Some((start, epoch, minor)) => tree.seek(arena, &ExtentProbe { start, epoch, minor }, true),
    }
}

/// Goes behind all extents of a start.
fn behind_start(arena: &Arena, tree: &Tree, start: u64, end_behind: u64) -> Result<Option<Cursor>> {
    let Some(start) = start.checked_add(1) else { return Ok(None) };
    seek_from(arena, tree, ExtentProbe { start, epoch: u64::MAX, minor: u32::MAX }, end_behind)
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

/// Whether an extent shows nowhere at an epoch, for newer ones that are all in the same interval.
fn is_hidden(
    step: &mut Step<'_, '_>,
    tree: &Tree,
    record: &Record,
    epoch: u64,
    known: Option<Known>,
) -> Result<Search> {
    let arena = step.arena();
    let mut covered = known.map_or(record.extent.start(), |known| known.covered);
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
        if step.looks == 0 && last.is_some_and(|last| last < start) {
            return Ok(Search::Unfinished(Known { covered, start }));
        }
        last = Some(start);
        step.look();
        let other = Record::load(arena, at.entry(arena)?.link)?;
        if other.epoch > epoch {
            cursor = seek_from(arena, tree, ExtentProbe { start, epoch, minor: u32::MAX }, covered)?;
            continue;
        }
        if other.version() <= record.version() {
            cursor = behind_start(arena, tree, start, covered)?;
            continue;
        }
        if !other.is_witness() {
            covered = covered.max(other.extent.end());
        }
        if covered >= record.extent.end() {
            return Ok(Search::Yes);
        }
        if !at.next_with_end_behind(arena, covered)? {
            break;
        }
    }
    Ok(Search::No)
}

/// The place before all extents of a start.
fn first_of(start: u64) -> ExtentProbe {
    ExtentProbe { start, epoch: u64::MAX, minor: u32::MAX }
}

/// Whether a punch hides data, of the epochs from `oldest` on up to its own.
fn hides_data(
    step: &mut Step<'_, '_>,
    tree: &Tree,
    punch: &Record,
    oldest: u64,
    known: Option<Known>,
) -> Result<Search> {
    let arena = step.arena();
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
        if step.looks == 0 && last.is_some_and(|last| last < start) {
            return Ok(Search::Unfinished(Known { covered: begin, start }));
        }
        last = Some(start);
        step.look();
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
