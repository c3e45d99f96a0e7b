//! What goes to storage, and what follows from its answer.

use super::disk::{Flight, StoredState};
use super::log::{Base, LOG_ENTRIES_MAX, Log};
use super::{Command, Core, Role, StoreChange};
use daos_status::Status;
use daos_wire::replicated::{LogIndex, ReplicaBody};
use std::time::Duration;

impl Core {
    /// Gives storage the next change, if there is one and storage is free.
    ///
    /// An only voter commits by storing: entry and rows are one change then, and the log of one that is alone need not be kept
    /// at all.
    pub(super) fn store(&mut self) {
        if self.disk.flight.is_some() || self.disk.retry_at.is_some() {
            return;
        }
        if let Some(install) = self.next_install() {
            return self.commands.push(Command::Install(install));
        }
        let last = self.log.last_index();
        let decides_alone = matches!(self.role, Role::Leader(_)) && self.is_sole_voter();
        let apply_to = if decides_alone { last } else { self.commit };
        let is_due = apply_to > self.disk.applied && self.disk.apply_at.is_none_or(|at| at <= self.now);
        if self.disk.version == self.disk.durable_version && !is_due {
            return;
        }
        let base = self.next_base(apply_to);
        let from = self.disk.unsent.max(base.index.next());
        let entries = self.log.range(from, last).cloned().collect();
        let apply = self.log.range(self.disk.applied.next(), apply_to).cloned().collect();
        let state = StoredState { term: self.term, vote: self.vote, base: base.clone(), last, applied: apply_to };
        self.disk.unsent = last.next();
        self.disk.apply_at = None;
        self.disk.flight = Some(Flight::Change { version: self.disk.version, last, applied: apply_to, base });
        self.commands.push(Command::Store(StoreChange { state, entries, apply }));
    }

    /// The base of the log after entries up to `applied` are in the rows.
    fn next_base(&self, applied: LogIndex) -> Base {
        let base = self.log.base();
        let target =
            if self.is_alone() && matches!(self.role, Role::Leader(_)) { applied } else { self.kept_from(applied) };
        if target <= base.index {
            return base.clone();
        }
        self.log.base_at(target).unwrap_or_else(|| base.clone())
    }

    /// Up to here entries may be forgotten; some are kept for replicas that are a little behind.
    fn kept_from(&self, applied: LogIndex) -> LogIndex {
        let (base, settings) = (self.log.base().index, &self.settings);
        let is_long = self.log.count() > 2 * settings.kept_entries || self.log.bytes() > settings.kept_bytes;
        if !is_long {
            return base;
        }
        let by_count = LogIndex(applied.0.saturating_sub(settings.kept_entries as u64));
        let mut bytes = self.log.bytes();
        let is_enough = |entry: &&std::rc::Rc<daos_wire::replicated::LogEntry>| {
            bytes -= entry.size();
            bytes > settings.kept_bytes / 2
        };
        let by_bytes = self.log.range(base.next(), applied).take_while(is_enough).last().map_or(base, |e| e.index);
        let target = by_count.max(by_bytes).min(applied);
        match self.oldest_snapshot() {
            // Who receives rows needs what follows them; but not at the price that nothing can be proposed any more.
            Some(snapshot) if self.log.count() < LOG_ENTRIES_MAX / 4 * 3 => target.min(snapshot),
            _ => target,
        }
    }

    /// Storage did what it was told, or refused. An error means that nothing changed, or that everything after it fails too
    /// until the replica starts anew.
    pub fn stored(&mut self, now: Duration, result: Result<(), Status>) {
        self.now = now.max(self.now);
        let Some(flight) = self.disk.flight.take() else { return };
        match (result, flight) {
            (Ok(()), Flight::Change { version, last, applied, base }) => {
                self.disk.durable_version = version;
                self.disk.durable = last;
                self.disk.applied = applied;
                // Where one decides alone, what is in the rows is committed; told about before the log forgets it.
                self.commit_to(applied);
                self.count_durable();
                self.announce();
                if base.index > self.log.base().index {
                    self.log.compact(base);
                }
                self.release_held();
            }
            (Ok(()), Flight::Install { number, finish: None }) => self.part_stored(number),
            (Ok(()), Flight::Install { finish: Some((version, base)), .. }) => self.snapshot_stored(version, base),
            (Err(status), Flight::Change { .. }) => self.change_refused(status),
            (Err(status), Flight::Install { .. }) => {
                self.receiving = None;
                self.wait_for_storage(status);
            }
        }
    }

    fn snapshot_stored(&mut self, version: u64, base: Base) {
        let index = base.index;
        self.log = Log::new(base, []);
        self.commit = index;
        self.announced = index;
        self.receiving = None;
        let disk = &mut self.disk;
        (disk.applied, disk.durable, disk.unsent) = (index, index, index.next());
        disk.durable_version = version;
        disk.apply_at = None;
        self.release_held();
        if let Some(leader) = self.leader {
            self.send(leader, ReplicaBody::Appended(index));
        }
    }

    fn wait_for_storage(&mut self, status: Status) {
        self.disk.unsent = self.disk.durable.next();
        self.disk.failure = Some(status);
        self.disk.retry_at = Some(self.now + self.settings.retry_interval);
    }

    /// A leader that cannot store lets another one lead. One that is alone goes on without what was refused.
    fn change_refused(&mut self, status: Status) {
        let durable = self.disk.durable;
        let (has_begun, is_alone) = match &self.role {
            Role::Leader(leading) => (leading.first_index <= durable, leading.progress.is_empty()),
            _ => (false, false),
        };
        // Entries from before it was the only voter may be in other logs: what becomes of them is not known here.
        let decides_alone = self.is_sole_voter() && self.log.membership_index() <= durable;
        if matches!(self.role, Role::Leader(_)) && decides_alone && self.log.last_index() > durable {
            let from = durable.next();
            self.commands.push(Command::Dropped { from, status: status.clone() });
            self.log.truncate(from);
            self.disk.truncated(from);
        }
        if has_begun && is_alone && decides_alone {
            // Memory is again what storage has.
            self.disk.unsent = durable.next();
            self.disk.durable_version = self.disk.version;
            self.disk.failure = Some(status);
            return;
        }
        self.wait_for_storage(status);
        if matches!(self.role, Role::Leader(_)) {
            self.step_down();
        }
    }
}
