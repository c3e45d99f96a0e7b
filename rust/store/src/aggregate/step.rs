//! One step of a walk: one transaction, with bounds for what it looks at and what it frees.

use super::sweep::JoinLimits;
use crate::recent::Recent;
use crate::value_space::ValueSpace;
use daos_media::{Arena, Transaction};

/// Records freed by one transaction: its redo record stays small and other requests wait a fraction of a millisecond.
pub(super) const FREED_PER_STEP: usize = 128;

/// Entries looked at in one step, whether something is freed or not.
pub(super) const LOOKED_AT_PER_STEP: usize = 512;

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
    pub looks: usize,
    pub frees: usize,
    /// How much may be joined at once.
    pub join_limits: JoinLimits,
    /// Whether anything may be joined at all.
    pub joins: bool,
    pub done: Done,
}

impl<'t> Step<'_, 't> {
    pub(super) fn arena(&self) -> &'t Arena {
        self.transaction.arena()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.looks == 0 || self.frees == 0
    }

    pub(super) fn look(&mut self) {
        self.looks = self.looks.saturating_sub(1);
    }

    pub(super) fn note_freed(&mut self, bytes: usize) {
        self.frees = self.frees.saturating_sub(1);
        self.done.records += 1;
        self.done.bytes += bytes as u64;
    }
}
