//! Which epochs lie below something.

use crate::tree::Tree;
use daos_media::Transaction;
use daos_status::Result;

/// The epochs below something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// Of the oldest update; `u64::MAX` when there is none.
    pub oldest: u64,
    /// Of the newest update.
    pub newest: u64,
    /// Of the newest update or punch.
    pub touched: u64,
    /// Whether `oldest` and `newest` are those of updates that are still there, not bounds only.
    pub is_exact: bool,
    /// Whether a key was ever punched.
    pub has_punches: bool,
}

impl Span {
    pub(crate) const EMPTY: Span = Span { oldest: u64::MAX, newest: 0, touched: 0, is_exact: true, has_punches: false };

    /// The span of one update.
    pub(crate) fn of(epoch: u64) -> Span {
        Span { oldest: epoch, newest: epoch, touched: epoch, is_exact: true, has_punches: false }
    }

    /// Takes the span of something beside it in.
    pub(crate) fn add(&mut self, other: Span) {
        self.oldest = self.oldest.min(other.oldest);
        self.newest = self.newest.max(other.newest);
        self.touched = self.touched.max(other.touched);
        self.is_exact &= other.is_exact;
        self.has_punches |= other.has_punches;
    }

    /// Takes the newest punch of the level itself in.
    pub(crate) fn note_punch(&mut self, newest: Option<(u64, bool)>) {
        if let Some((epoch, is_sealed)) = newest {
            self.touched = self.touched.max(epoch);
            self.has_punches = true;
            // An update of its own epoch is there and does not show.
            self.is_exact &= !is_sealed;
        }
    }

    /// Takes it into the summary of a tree.
    pub(super) fn note_in(&self, transaction: &mut Transaction<'_>, tree: &Tree) -> Result<()> {
        if self.oldest <= self.newest {
            tree.note_epoch(transaction, self.oldest)?;
            tree.note_epoch(transaction, self.newest)?;
        }
        tree.note_touched(transaction, self.touched, self.has_punches)?;
        if self.is_exact { Ok(()) } else { tree.note_removal(transaction) }
    }
}
