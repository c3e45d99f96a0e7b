//! The part of the replicated log that a replica keeps: entries after the base, which stands for all before.

use daos_wire::replicated::{EntryPayload, LogEntry, LogIndex, Membership, Term};
use std::collections::VecDeque;
use std::rc::Rc;

/// The most entries that are kept: what storage has slots for.
pub const LOG_ENTRIES_MAX: usize = 1024;

/// Where the kept log begins.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Base {
    /// The last entry that is not kept any more; its effect is in the rows.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// The members at it.
    pub membership: Membership,
}

/// Entries in order, and who belongs to the group at each.
#[derive(Debug)]
pub(super) struct Log {
    base: Base,
    entries: VecDeque<Rc<LogEntry>>,
    bytes: usize,
    /// Memberships of kept entries, oldest first.
    memberships: VecDeque<(LogIndex, Membership)>,
}

impl Log {
    /// A log of entries that follow the base without a gap.
    pub fn new(base: Base, entries: impl IntoIterator<Item = Rc<LogEntry>>) -> Log {
        let mut log = Log { base, entries: VecDeque::new(), bytes: 0, memberships: VecDeque::new() };
        entries.into_iter().for_each(|entry| log.push(entry));
        log
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    pub fn last_index(&self) -> LogIndex {
        LogIndex(self.base.index.0 + self.entries.len() as u64)
    }

    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base.term, |entry| entry.term)
    }

    /// Entries that are kept.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// What they take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The term of an entry, if it is known.
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index { Some(self.base.term) } else { self.entry(index).map(|entry| entry.term) }
    }

    pub fn entry(&self, index: LogIndex) -> Option<&Rc<LogEntry>> {
        let offset = index.0.checked_sub(self.base.index.0)?.checked_sub(1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// Entries of a range of places, as far as they are kept.
    pub fn range(&self, from: LogIndex, to: LogIndex) -> impl Iterator<Item = &Rc<LogEntry>> {
        let start = (from.0.saturating_sub(self.base.index.0).max(1) - 1).min(self.entries.len() as u64) as usize;
        let end = to.0.saturating_sub(self.base.index.0).min(self.entries.len() as u64) as usize;
        self.entries.range(start..end.max(start))
    }

    /// The members as the newest entry has them.
    pub fn membership(&self) -> &Membership {
        self.memberships.back().map_or(&self.base.membership, |(_, membership)| membership)
    }

    /// The entry that made the newest members.
    pub fn membership_index(&self) -> LogIndex {
        self.memberships.back().map_or(self.base.index, |(index, _)| *index)
    }

    /// The members at an entry.
    pub fn membership_at(&self, index: LogIndex) -> &Membership {
        let known = self.memberships.iter().rev().find(|(at, _)| *at <= index);
        known.map_or(&self.base.membership, |(_, membership)| membership)
    }

    /// Appends the next entry.
    pub fn push(&mut self, entry: Rc<LogEntry>) {
        assert_eq!(entry.index, self.last_index().next(), "entries follow each other");
        if let EntryPayload::Membership(membership) = &entry.payload {
            self.memberships.push_back((entry.index, membership.clone()));
        }
        self.bytes += entry.size();
        self.entries.push_back(entry);
    }

    /// Forgets the entries from one on.
    pub fn truncate(&mut self, from: LogIndex) {
        assert!(from > self.base.index, "what the rows contain cannot be taken back");
        while self.last_index() >= from
            && let Some(entry) = self.entries.pop_back()
        {
            self.bytes -= entry.size();
        }
        while self.memberships.back().is_some_and(|(index, _)| *index >= from) {
            self.memberships.pop_back();
        }
    }

    /// The base that the log would have after `index`.
    pub fn base_at(&self, index: LogIndex) -> Option<Base> {
        Some(Base { index, term: self.term(index)?, membership: self.membership_at(index).clone() })
    }

    /// Moves the base forward.
    pub fn compact(&mut self, base: Base) {
        while self.base.index < base.index
            && let Some(entry) = self.entries.pop_front()
        {
            self.base.index = entry.index;
            self.bytes -= entry.size();
        }
        while self.memberships.front().is_some_and(|(index, _)| *index <= base.index) {
            self.memberships.pop_front();
        }
        self.base = base;
    }

    /// The newest entry at or before one that may agree with a log that has `term` there.
    pub fn find_agreement(&self, index: LogIndex, term: Term) -> LogIndex {
        let mut index = index.min(self.last_index());
        while self.term(index).is_some_and(|known| known > term) {
            index = index.previous();
        }
        index
    }
}
