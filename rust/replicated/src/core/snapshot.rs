//! Sending and receiving all rows, for a replica that the log does not reach.
//!
//! Rows are read part by part while the leader goes on changing them, so the parts are of different moments, all of them
//! at or after the entry that the snapshot is named after. That is enough: entries only put and remove rows, so applying all
//! entries after that one again leads to the same rows. A replica whose rows are of different moments does not know yet that
//! these entries are committed; whoever leads it knows, and until it leads nobody reads its rows.

use super::disk::Flight;
use super::log::Base;
use super::progress::{Mode, SnapshotSending};
use super::{Command, Core, Role, StoreInstall, StoredState, membership};
use daos_status::Status;
use daos_wire::replicated::{
    LogIndex, Membership, ReplicaBody, ReplicaId, RowChange, SnapshotChunk, SnapshotPart, Term,
};

/// Rows that are arriving.
#[derive(Debug)]
pub(super) struct Receiving {
    from: ReplicaId,
    index: LogIndex,
    term: Term,
    membership: Membership,
    /// The part that comes next, or is being stored.
    number: u64,
    /// A part that storage has not been given yet.
    part: Option<(Vec<RowChange>, bool)>,
    /// The part has been given to storage, which has not answered yet.
    is_storing: bool,
}

impl Core {
    /// Whether storage is replacing rows and log: entries and commits that come meanwhile are about neither the old log nor
    /// the new one.
    pub(super) fn is_replacing_log(&self) -> bool {
        matches!(&self.disk.flight, Some(Flight::Install { finish: Some(_), .. }))
    }

    pub(super) fn begin_snapshot(&mut self, to: ReplicaId) {
        let index = self.disk.applied;
        let (Some(term), membership) = (self.log.term(index), self.log.membership_at(index).clone()) else { return };
        let resend_at = self.now;
        let Role::Leader(leading) = &mut self.role else { return };
        leading.attempts += 1;
        let attempt = leading.attempts;
        if let Some(progress) = leading.progress.get_mut(&to) {
            let sending = SnapshotSending { attempt, index, term, membership, number: 0, part: None, resend_at };
            progress.mode = Mode::Snapshot(Box::new(sending));
            self.commands.push(Command::ReadRows { reader: to, attempt, from_start: true });
        }
    }

    fn sending(&mut self, to: ReplicaId) -> Option<&mut SnapshotSending> {
        let Role::Leader(leading) = &mut self.role else { return None };
        match &mut leading.progress.get_mut(&to)?.mode {
            Mode::Snapshot(sending) => Some(sending),
            _ => None,
        }
    }

    /// Rows were read for another replica: as many as one message should have, and whether they are the last.
    pub fn rows_read(&mut self, reader: ReplicaId, attempt: u64, result: Result<(Vec<RowChange>, bool), Status>) {
        let now = self.now;
        let Some(sending) = self.sending(reader) else { return };
        if sending.attempt != attempt || sending.part.is_some() {
            return;
        }
        match result {
            Ok(part) => {
                sending.part = Some(part);
                sending.resend_at = now;
            }
            Err(status) => {
                self.disk.failure = Some(status);
                self.give_up_snapshot(reader, true);
            }
        }
    }

    fn give_up_snapshot(&mut self, to: ReplicaId, is_waiting: bool) {
        let Role::Leader(leading) = &mut self.role else { return };
        if let Some(progress) = leading.progress.get_mut(&to) {
            progress.next = progress.matched.next();
            progress.mode = Mode::Probe { is_waiting };
        }
    }

    /// Sends the part that was read, or sends it again.
    pub(super) fn send_snapshot(&mut self, to: ReplicaId) {
        let (now, interval) = (self.now, self.settings.election_timeout / 2);
        let Some(sending) = self.sending(to) else { return };
        if sending.resend_at > now {
            return;
        }
        let Some((rows, is_last)) = &sending.part else { return };
        sending.resend_at = now + interval;
        let SnapshotSending { index, term, number, .. } = *sending;
        let (rows, is_last, membership) = (rows.clone(), *is_last, sending.membership.clone());
        self.send(to, ReplicaBody::Snapshot(SnapshotChunk { index, term, membership, number, rows, is_last }));
    }

    pub(super) fn snapshot_received(&mut self, from: ReplicaId, part: &SnapshotPart) {
        let Some(sending) = self.sending(from) else { return };
        let is_expected = sending.index == part.index && sending.number == part.number;
        match &sending.part {
            // The last part is answered by the log, once the rows count.
            Some((_, false)) if is_expected => {
                sending.part = None;
                sending.number += 1;
                let attempt = sending.attempt;
                self.commands.push(Command::ReadRows { reader: from, attempt, from_start: false });
            }
            _ => {}
        }
    }

    pub(super) fn snapshot_refused(&mut self, from: ReplicaId, part: &SnapshotPart) {
        let is_expected = self.sending(from).is_some_and(|s| s.index == part.index && s.number == part.number);
        if is_expected {
            self.give_up_snapshot(from, false);
        }
    }

    /// The oldest entry after which the log must be kept for rows that are being sent.
    pub(super) fn oldest_snapshot(&self) -> Option<LogIndex> {
        let Role::Leader(leading) = &self.role else { return None };
        let sent = |mode: &Mode| if let Mode::Snapshot(sending) = mode { Some(sending.index) } else { None };
        leading.progress.values().filter_map(|progress| sent(&progress.mode)).min()
    }

    /// A part of a snapshot came from the leader.
    pub(super) fn take_snapshot(&mut self, from: ReplicaId, chunk: SnapshotChunk) {
        if self.is_replacing_log() || !membership::is_valid(&chunk.membership) || chunk.term > self.term {
            return;
        }
        let agrees = self.log.term(chunk.index) == Some(chunk.term);
        if chunk.index <= self.commit || agrees {
            // Nothing is missing; and what follows the entry may be counted on by the leader already.
            self.receiving = None;
            self.commit_to(chunk.index);
            let answer = ReplicaBody::Appended(self.commit);
            let is_durable = self.commit <= self.disk.durable;
            return if is_durable { self.send(from, answer) } else { self.send_durable(from, answer) };
        }
        let SnapshotChunk { index, term, membership, number, rows, is_last } = chunk;
        let known = self.receiving.as_ref().filter(|r| r.from == from && r.index == index && r.term == term);
        let part = SnapshotPart { index, number };
        match known {
            Some(receiving) if number < receiving.number => self.send(from, ReplicaBody::SnapshotReceived(part)),
            Some(receiving) if number == receiving.number => {
                if let Some(receiving) = &mut self.receiving
                    && receiving.part.is_none()
                    && !receiving.is_storing
                {
                    receiving.part = Some((rows, is_last));
                }
            }
            None if number == 0 => {
                let part = Some((rows, is_last));
                self.receiving = Some(Receiving { from, index, term, membership, number, part, is_storing: false });
            }
            _ => self.send(from, ReplicaBody::SnapshotRefused(part)),
        }
    }

    /// The part of a snapshot that storage has to take next.
    pub(super) fn next_install(&mut self) -> Option<StoreInstall> {
        let receiving = self.receiving.as_mut()?;
        if receiving.is_storing {
            return None;
        }
        let (rows, is_last) = receiving.part.take()?;
        receiving.is_storing = true;
        let number = receiving.number;
        let finish = is_last.then(|| {
            let base = Base { index: receiving.index, term: receiving.term, membership: receiving.membership.clone() };
            let (last, applied) = (base.index, base.index);
            StoredState { term: self.term, vote: self.vote, base, last, applied }
        });
        let base = finish.as_ref().map(|state| (self.disk.version, state.base.clone()));
        self.disk.flight = Some(Flight::Install { number, finish: base });
        Some(StoreInstall { rows, is_first: number == 0, finish })
    }

    /// A part of a snapshot is stored.
    pub(super) fn part_stored(&mut self, number: u64) {
        let Some(receiving) = &mut self.receiving else { return };
        if receiving.is_storing && receiving.number == number {
            receiving.is_storing = false;
            receiving.number += 1;
            let (from, index) = (receiving.from, receiving.index);
            self.send(from, ReplicaBody::SnapshotReceived(SnapshotPart { index, number }));
        }
    }
}
