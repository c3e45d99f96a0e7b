//! The versions of single values, and punches: those that nothing needs are dropped.

use super::rule::Hidden;
use super::step::{Step, units_to_free};
use super::walk::Walk;
use crate::level::{Children, Level, Span, is_sealed};
use crate::single;
use crate::tree::Unique;
use daos_media::Arena;
use daos_status::Result;

impl Walk {
    /// Walks over the versions of a single value; `false` when the step ended before the last.
    pub(super) fn versions(
        &mut self,
        step: &mut Step<'_, '_>,
        akey: &mut Level,
        index: usize,
        hidden: &Hidden,
    ) -> Result<bool> {
        let arena = step.arena();
        let (mut doomed, mut planned) = (Vec::new(), 0u32);
        let mut is_done = true;
        match akey.children()? {
            Children::None => {}
            Children::Direct(link) => {
                let epoch = single::epoch_of(arena, link)?;
                let after = &mut self.frames[index].after;
                // The step before may have come this far, and no further.
                if after.is_none_or(|after| after < epoch) {
                    step.look();
                    *after = Some(epoch);
                    if self.rule.drops_version(epoch, None, hidden) {
                        doomed.push((epoch, link));
                    }
                }
            }
            Children::Tree(tree) => {
                let after = &mut self.frames[index].after;
                let mut cursor = match *after {
                    None => tree.seek(arena, &Unique(self.rule.oldest()), false)?,
                    Some(epoch) => tree.seek(arena, &Unique(epoch), true)?,
                };
                while let Some(at) = &mut cursor {
                    let entry = at.entry(arena)?;
                    if entry.order > self.rule.newest() {
                        break;
                    }
                    if !step.has_more_than(planned) {
                        is_done = false;
                        break;
                    }
                    step.look();
                    let next = if at.next(arena)? { Some(at.entry(arena)?.order) } else { None };
                    if self.rule.drops_version(entry.order, next, hidden) {
                        let pieces = single::locate(arena, entry.link)?.pieces(arena)?;
                        planned = units_to_free(pieces).saturating_add(planned);
                        doomed.push((entry.order, entry.link));
                    }
                    *after = Some(entry.order);
                    if next.is_none() {
                        break;
                    }
                }
            }
        }
        for (epoch, link) in doomed {
            let range = single::locate(arena, link)?;
            let (bytes, pieces) = (range.value_length, range.pieces(arena)?);
            single::remove_at(step.transaction, step.space, akey, epoch)?;
            step.note_freed(bytes, pieces);
        }
        Ok(is_done)
    }

    /// Drops the punches of a level that hide nothing; `false` when the step ended before the last.
    pub(super) fn drop_punches(&mut self, step: &mut Step<'_, '_>, level: &mut Level, index: usize) -> Result<bool> {
        let Some(tree) = level.punches()? else { return Ok(true) };
        let arena = step.arena();
        let oldest = self.frames[index].below.oldest;
        let mut doomed = Vec::new();
        let mut is_done = true;
        let behind = &mut self.frames[index].behind_punch;
        let mut cursor = match *behind {
            None => tree.seek(arena, &Unique(self.rule.oldest()), false)?,
            Some(epoch) => tree.seek(arena, &Unique(epoch), true)?,
        };
        while let Some(at) = &mut cursor {
            let punch = at.entry(arena)?;
            let epoch = punch.order;
            if epoch > self.rule.newest() {
                break;
            }
            if !step.has_more_than(doomed.len() as u32 * units_to_free(0)) {
                is_done = false;
                break;
            }
            step.look();
            *behind = Some(epoch);
            let next = if at.next(arena)? { Some(at.entry(arena)?.order) } else { None };
            if self.rule.drops_punch((epoch, is_sealed(punch)), next, oldest) {
                doomed.push(epoch);
            }
            if next.is_none() {
                break;
            }
        }
        for epoch in doomed {
            level.remove_punch(step.transaction, epoch)?;
            step.note_freed(0, 0);
        }
        Ok(is_done)
    }
}

/// From the oldest version of a single value to the newest.
pub(super) fn span_of_versions(arena: &Arena, akey: &Level) -> Result<Span> {
    let ends = match akey.children()? {
        Children::None => None,
        Children::Direct(link) => {
            let epoch = single::epoch_of(arena, link)?;
            Some((epoch, epoch))
        }
        Children::Tree(tree) => {
            let oldest = tree.first(arena)?.map(|cursor| cursor.entry(arena)).transpose()?;
            let newest = tree.last(arena)?.map(|cursor| cursor.entry(arena)).transpose()?;
            oldest.zip(newest).map(|(oldest, newest)| (oldest.order, newest.order))
        }
    };
    Ok(ends.map_or(Span::EMPTY, |(oldest, newest)| Span { oldest, ..Span::of(newest) }))
}
