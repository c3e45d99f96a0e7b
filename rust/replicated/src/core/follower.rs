//! A follower's log.

use super::log::LOG_ENTRIES_MAX;
use super::{Core, membership};
use daos_wire::replicated::{Append, AppendRefusal, EntryPayload, LogEntry, LogIndex, ReplicaBody, ReplicaId};
use std::rc::Rc;

impl Core {
    /// Entries came from the leader.
    pub(super) fn take_entries(&mut self, from: ReplicaId, append: Append) {
        if self.is_replacing_log() {
            return;
        }
        let Append { previous_index, previous_term, commit, mut entries } = append;
        if !self.are_plausible(previous_index, &entries) {
            return;
        }
        // What is committed agrees with every leader.
        let mut previous = previous_index;
        if previous < self.commit {
            let known = (self.commit.0 - previous.0).min(entries.len() as u64) as usize;
            entries.drain(..known);
            previous = self.commit;
        } else if self.log.term(previous) != Some(previous_term) {
            return self.refuse_entries(from, previous_index, previous_term);
        }
        let Some(agreed) = self.append_entries(previous, entries) else { return };
        self.commit_to(commit.min(agreed));
        let answer = ReplicaBody::Appended(agreed);
        if agreed <= self.disk.durable { self.send(from, answer) } else { self.send_durable(from, answer) }
    }

    /// Whether entries can come from a leader of this term.
    fn are_plausible(&self, previous: LogIndex, entries: &[Rc<LogEntry>]) -> bool {
        let mut index = previous;
        entries.iter().all(|entry| {
            index = index.next();
            let is_valid = match &entry.payload {
                EntryPayload::Membership(members) => membership::is_valid(members),
                _ => true,
            };
            entry.index == index && entry.index.0 < u64::MAX && entry.term <= self.term && is_valid
        })
    }

    fn refuse_entries(
        &mut self,
        from: ReplicaId,
        previous_index: LogIndex,
        previous_term: daos_wire::replicated::Term,
    ) {
        let hint_index = self.log.find_agreement(previous_index, previous_term);
        let hint_term = self.log.term(hint_index).unwrap_or_default();
        self.send(from, ReplicaBody::AppendRefused(AppendRefusal { previous_index, hint_index, hint_term }));
    }

    /// Makes the log agree; gives up to where it does, or `None` for entries that cannot be.
    fn append_entries(&mut self, previous: LogIndex, entries: Vec<Rc<LogEntry>>) -> Option<LogIndex> {
        let mut agreed = previous;
        for entry in entries {
            match self.log.term(entry.index) {
                Some(term) if term == entry.term => {}
                Some(_) if entry.index <= self.commit => return None,
                known => {
                    if known.is_some() {
                        self.log.truncate(entry.index);
                        self.disk.truncated(entry.index);
                    }
                    if self.log.count() >= LOG_ENTRIES_MAX {
                        // The leader sends the rest when there is room.
                        break;
                    }
                    self.log.push(entry.clone());
                    self.disk.touch();
                }
            }
            agreed = entry.index;
        }
        Some(agreed)
    }

    /// The log is committed up to here, as far as this replica has it.
    pub(super) fn commit_to(&mut self, commit: LogIndex) {
        let commit = commit.min(self.log.last_index());
        if commit > self.commit {
            self.commit = commit;
            self.plan_to_apply();
        }
    }

    pub(super) fn plan_to_apply(&mut self) {
        if self.disk.apply_at.is_none() {
            self.disk.apply_at = Some(self.now + self.settings.apply_delay);
        }
    }
}
