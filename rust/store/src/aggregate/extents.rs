//! The extents of an array: which of them show in no view that is kept.
//!
//! They are walked over three times. At first, what newer extents hide in its interval goes. Then what shows in parts only is cut, and small
//! extents are joined (`joining.rs`). At last punches go that hide nothing any more: what they have hidden is gone by then. One stays where it is all that makes an akey exist.

use super::rule::{Hidden, Rule};
use super::searches::{Known, Search, hides_data, is_hidden, seek_behind};
use super::step::Step;
use super::sweep::{Stretch, Sweep};
use super::walk::Walk;
use crate::array::{self, ExtentProbe, Record};
use crate::level::{Children, Level};
use daos_status::Result;
use std::collections::BTreeMap;

/// Where the walk stands in an array.
#[derive(Default)]
pub(super) struct ExtentPlace {
    pass: Pass,
    /// The last extent that is done.
    behind: Option<Name>,
    /// What is known about the extent after it.
    known: Option<Known>,
    /// By interval: what makes the akey exist.
    existence: BTreeMap<usize, Existence>,
    /// By interval: the newest of what stays and makes the akey exist, as far as it is known.
    evidence: BTreeMap<usize, u64>,
    /// Where extents may be cut and joined.
    pub(super) sweeps: Vec<Sweep>,
}

/// What is done with the extents of an array, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Pass {
    #[default]
    Hidden,
    Joining,
    Punches,
}

#[derive(Clone, Copy, Default)]
struct Existence {
    /// The newest data that stays.
    data: u64,
    witness: Option<Name>,
    /// Where extents touch each other.
    stretch: Stretch,
}

impl Existence {
    /// The epoch of what stays for certain.
    fn newest(&self) -> Option<u64> {
        let witness = self.witness.map(|(_, epoch, _)| epoch);
        Some(self.data).filter(|epoch| *epoch > 0).max(witness)
    }
}

/// What is decided about an extent.
enum Verdict {
    Stays,
    Goes,
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
        loop {
            match self.frames[index].extents.pass {
                Pass::Hidden => {
                    if !self.pass(step, akey, index, hidden)? || !self.drop_witnesses(step, akey, index, hidden)? {
                        return Ok(false);
                    }
                    let place = &mut self.frames[index].extents;
                    let stretches = place.existence.iter().rev();
                    let sweeps = stretches.filter_map(|(interval, found)| found.stretch.sweep(*interval)).collect();
                    let evidence =
                        place.existence.iter().filter_map(|(interval, found)| Some((*interval, found.newest()?)));
                    *place = ExtentPlace {
                        pass: Pass::Joining,
                        sweeps,
                        evidence: evidence.collect(),
                        ..ExtentPlace::default()
                    };
                }
                Pass::Joining => {
                    if !self.join(step, akey, index, hidden)? {
                        return Ok(false);
                    }
                    let evidence = std::mem::take(&mut self.frames[index].extents.evidence);
                    self.frames[index].extents =
                        ExtentPlace { pass: Pass::Punches, evidence, ..ExtentPlace::default() };
                }
                Pass::Punches => return self.pass(step, akey, index, hidden),
            }
        }
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
                    if place.behind.is_some_and(|behind| order_of(name_of(&record)) <= order_of(behind)) {
                        return Ok(true);
                    }
                    record
                }
                Children::Tree(tree) => {
                    if cursor.is_none() {
                        cursor = match place.behind {
                            None => tree.first(arena)?,
                            Some(name) => seek_behind(arena, &tree, name, 0)?,
                        };
                    }
                    let Some(at) = &cursor else { return Ok(true) };
                    Record::load(arena, at.entry(arena)?.link)?
                }
            };
            if step.is_exhausted() {
                return Ok(false);
            }
            step.look();
            let is_last_pass = self.frames[index].extents.pass == Pass::Punches;
            let search = if is_last_pass {
                self.judge_punch(step, akey, index, &record, hidden)?
            } else {
                self.judge(step, akey, index, &record, hidden)?
            };
            let Some(verdict) = search else { return Ok(false) };
            let frame = &mut self.frames[index];
            frame.extents.behind = Some(name_of(&record));
            frame.extents.known = None;
            match verdict {
                Verdict::Stays => {
                    if is_last_pass {
                        frame.below.add(record.span());
                    }
                    if let Some(at) = &mut cursor
                        && !at.next(arena)?
                    {
                        return Ok(true);
                    }
                }
                Verdict::Goes => {
                    let pieces = record.pieces(step.arena())?;
                    array::remove(step.transaction, step.space, akey, &record)?;
                    step.note_freed(record.length(), pieces);
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
        let name = name_of(record);
        if record.is_witness() {
            let is_needed = *existence.witness.get_or_insert(name) == name;
            return Ok(Some(if is_needed { Verdict::Stays } else { Verdict::Goes }));
        }
        let search = match akey.children()? {
            Children::Tree(tree) => {
                let (part, epoch) = ((record.extent, record.version()), kept.last(interval));
                step.looking(|arena, looks| is_hidden(arena, looks, &tree, part, epoch, place.known))?
            }
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
                existence.stretch.add(record.extent);
                Ok(Some(Verdict::Stays))
            }
            // What hides it stays, and makes the akey exist as well.
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
            if step.is_exhausted() {
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
                step.note_freed(0, 0);
            }
        }
        Ok(true)
    }

    /// The last pass: a punch goes when there is nothing older below it, and something else makes the akey exist; `None` when the step ended
    /// before the answer.
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
        let place = &mut self.frames[index].extents;
        let hides = match akey.children()? {
            Children::Tree(tree) => {
                let known = place.known;
                step.looking(|arena, looks| hides_data(arena, looks, &tree, record, hidden[interval], known))?
            }
            _ => Search::No,
        };
        if let Search::Unfinished(at) = hides {
            place.known = Some(at);
            return Ok(None);
        }
        let is_needed = !place.evidence.range(..=interval).any(|(_, epoch)| *epoch >= hidden[interval]);
        if is_needed || matches!(hides, Search::Yes) {
            let newest = place.evidence.entry(interval).or_default();
            *newest = record.epoch.max(*newest);
            return Ok(Some(Verdict::Stays));
        }
        Ok(Some(Verdict::Goes))
    }
}

/// What names an extent of an array: its start, epoch and number.
pub(super) type Name = (u64, u64, u32);

pub(super) fn name_of(record: &Record) -> Name {
    (record.extent.start(), record.epoch, record.minor)
}

/// The tree's order: by start, then the newest first.
fn order_of((start, epoch, minor): Name) -> (u64, u64, u32) {
    (start, !epoch, !minor)
}
