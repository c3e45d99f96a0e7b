//! One step of a walk: one transaction, with a bound for the work that is done in it.

use super::sweep::JoinLimits;
use crate::prepared::intents::Intents;
use crate::recent::Recent;
use crate::value_space::ValueSpace;
use daos_media::{Arena, Transaction};
use std::time::Duration;

/// How much a step may do, in units of about what it takes to look at one entry. A step ends at the first place where its budget is used up
/// and it can go on later; the last thing that it does may cost more than was left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StepBudget(u32);

impl Default for StepBudget {
    fn default() -> StepBudget {
        StepBudget::BESIDE_REQUESTS
    }
}

impl StepBudget {
    /// Looking at an entry.
    pub const LOOK: u32 = 1;
    /// Freeing a record: its entry goes from a tree and its memory to the allocator, and what is summed up above it changes. Each piece that it has
    /// on the data device is as much again: its blocks go to the bitmap, and soon to what is free.
    pub const FREE: u32 = 4;
    /// The most: 512 entries looked at or 128 records freed, which takes a tenth of a millisecond.
    pub const LARGEST: StepBudget = StepBudget(512);
    /// Beside requests: such a step takes one microsecond, about as long as a small request, and frees one record. Twice as much takes twice
    /// as long, so that nothing is gained by it.
    pub const BESIDE_REQUESTS: StepBudget = StepBudget(4);
    /// While nobody asks for anything: ten microseconds, so that who comes then does not wait for long. Longer steps would save 5 % of the work.
    pub const IDLE: StepBudget = StepBudget(64);
    /// Nobody asks for anything when nobody has for so long: one who asks one thing after the other, over a network, does so every few
    /// ten microseconds.
    pub const QUIET: Duration = Duration::from_millis(1);

    /// So many units, from 1 to those of [`StepBudget::LARGEST`].
    pub fn new(units: u32) -> StepBudget {
        StepBudget(units.clamp(1, StepBudget::LARGEST.0))
    }

    /// That of the step after one with this budget, when nobody has asked for anything for so long.
    #[must_use]
    pub fn next(self, quiet: Duration) -> StepBudget {
        if quiet < StepBudget::QUIET {
            return StepBudget::BESIDE_REQUESTS;
        }
        StepBudget::new(self.0.saturating_mul(2).min(StepBudget::IDLE.0))
    }

    /// Its units.
    pub fn units(self) -> u32 {
        self.0
    }

    /// Records that may be freed within it.
    pub(crate) fn frees(self) -> usize {
        self.0.div_ceil(StepBudget::FREE) as usize
    }
}

/// What it takes to free a record whose value lies in so many pieces on the data device.
pub(super) fn units_to_free(pieces: usize) -> u32 {
    u32::try_from(pieces + 1).unwrap_or(u32::MAX).saturating_mul(StepBudget::FREE)
}

/// What was done in one step.
#[derive(Clone, Copy, Default)]
pub(super) struct Done {
    pub records: u64,
    pub bytes: u64,
    /// Extents that were cut.
    pub cuts: u64,
}

/// One step: its transaction, and what it may still do.
pub(super) struct Step<'a, 't> {
    pub transaction: &'a mut Transaction<'t>,
    pub space: &'a ValueSpace,
    pub recent: &'a Recent,
    /// What is prepared: it finds the keys that it will change as they are.
    pub intents: Option<&'a Intents>,
    /// Units of the budget that are left.
    left: u32,
    /// How much may be joined at once.
    pub join_limits: JoinLimits,
    /// Whether anything may be joined at all.
    pub joins: bool,
    pub done: Done,
}

impl<'a, 't> Step<'a, 't> {
    pub(super) fn new(
        transaction: &'a mut Transaction<'t>,
        space: &'a ValueSpace,
        recent: &'a Recent,
        budget: StepBudget,
    ) -> Step<'a, 't> {
        let (left, join_limits, joins, done) = (budget.units(), JoinLimits::default(), false, Done::default());
        Step { transaction, space, recent, intents: None, left, join_limits, joins, done }
    }

    /// As it is, but for a container of which something is prepared.
    pub(super) fn sparing(self, intents: &'a Intents) -> Step<'a, 't> {
        Step { intents: Some(intents), ..self }
    }

    /// As it is, but with what may be joined.
    pub(super) fn joining(self, join_limits: JoinLimits, joins: bool) -> Step<'a, 't> {
        Step { join_limits, joins, ..self }
    }

    pub(super) fn arena(&self) -> &'t Arena {
        self.transaction.arena()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// Whether more can be done when so much is going to be.
    pub(super) fn has_more_than(&self, units: u32) -> bool {
        self.left > units
    }

    fn spend(&mut self, units: u32) {
        self.left = self.left.saturating_sub(units);
    }

    /// Entries that may still be looked at.
    pub(super) fn looks_left(&self) -> usize {
        (self.left / StepBudget::LOOK) as usize
    }

    pub(super) fn look(&mut self) {
        self.look_at(1);
    }

    pub(super) fn look_at(&mut self, entries: usize) {
        self.spend(u32::try_from(entries).unwrap_or(u32::MAX).saturating_mul(StepBudget::LOOK));
    }

    /// A search that looks at entries as long as some are left.
    pub(super) fn looking<T>(&mut self, search: impl FnOnce(&'t Arena, &mut usize) -> T) -> T {
        let before = self.looks_left();
        let mut left = before;
        let found = search(self.arena(), &mut left);
        self.look_at(before.saturating_sub(left));
        found
    }

    /// A record was freed, with so many bytes of its value, in so many pieces of the data device.
    pub(super) fn note_freed(&mut self, bytes: usize, pieces: usize) {
        self.spend(units_to_free(pieces));
        self.done.records += 1;
        self.done.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_grow_while_nobody_asks() {
        let mut budget = StepBudget::BESIDE_REQUESTS;
        for expected in [8, 16, 32, 64, 64] {
            budget = budget.next(StepBudget::QUIET);
            assert_eq!(budget.units(), expected);
        }
        let soon = StepBudget::QUIET - Duration::from_nanos(1);
        assert_eq!(budget.next(soon), StepBudget::BESIDE_REQUESTS, "another request may follow the last one");
        assert_eq!(StepBudget::LARGEST.next(StepBudget::QUIET), StepBudget::IDLE);
    }

    #[test]
    fn budgets_are_bounded_and_never_nothing() {
        assert_eq!(StepBudget::new(0).units(), 1);
        assert_eq!(StepBudget::new(u32::MAX), StepBudget::LARGEST);
        assert_eq!(StepBudget::LARGEST.units() / StepBudget::LOOK, 512, "entries looked at in one go");
        assert_eq!(StepBudget::LARGEST.units() / StepBudget::FREE, 128, "records freed by one transaction");
    }
}
