//! A leader: sends its log, counts who has it, and hands over.

use super::progress::{Mode, Progress};
use super::reads::Reads;
use super::{Core, LOG_ENTRIES_MAX, Refusal, Role, membership};
use daos_wire::replicated::{Append, EntryPayload, Heartbeat, LogEntry, LogIndex, Membership, ReplicaBody, ReplicaId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// Places of the log that proposals leave free, for entries that leaders need to go on.
const RESERVED_ENTRIES: usize = 64;

/// How many entries a replica may be behind when it becomes a voter: it gets them in the next message or two.
const UP_TO_DATE_WITHIN: u64 = 64;

/// What only a leader knows.
#[derive(Debug)]
pub(super) struct Leading {
    pub progress: BTreeMap<ReplicaId, Progress>,
    /// The first entry of its term: with it, everything before is committed too.
    pub first_index: LogIndex,
    pub heartbeat_at: Duration,
    pub reads: Reads,
    transfer: Option<Transfer>,
    /// The members that the group shall come to have.
    wanted: Option<Membership>,
    /// Numbers the attempts to send rows.
    pub attempts: u64,
}

/// Leadership on its way to another replica.
#[derive(Debug)]
struct Transfer {
    to: ReplicaId,
    /// When it is given up.
    until: Duration,
    /// Whether the next leader was told to begin.
    is_told: bool,
}

impl Leading {
    pub fn next_deadline(&self) -> Duration {
        let transfer = self.transfer.as_ref().map_or(Duration::MAX, |transfer| transfer.until);
        self.heartbeat_at.min(transfer)
    }
}

impl Core {
    /// Leads from now on.
    pub(super) fn begin_to_lead(&mut self) {
        let first_index = self.log.last_index().next();
        let others = self.log.membership().members.iter().filter(|member| member.id != self.id);
        let progress = others.map(|member| (member.id, Progress::new(first_index, self.now))).collect();
        self.role = Role::Leader(Box::new(Leading {
            progress,
            first_index,
            heartbeat_at: self.now,
            reads: Reads::default(),
            transfer: None,
            wanted: None,
            attempts: 0,
        }));
        self.leader = Some(self.id);
        self.deadline = self.now + self.settings.election_timeout;
        self.append_own(EntryPayload::Nothing);
    }

    /// Appends an entry of the leader's own term.
    pub(super) fn append_own(&mut self, payload: EntryPayload) -> LogIndex {
        let index = self.log.last_index().next();
        self.log.push(Rc::new(LogEntry { term: self.term, index, payload }));
        self.disk.touch();
        index
    }

    /// Whether one more proposal is accepted.
    pub(super) fn check_room(&self) -> Result<(), Refusal> {
        let settings = &self.settings;
        let waiting = (self.log.last_index().0 - self.commit.0) as usize;
        let is_handing_over = matches!(&self.role, Role::Leader(leading) if leading.transfer.is_some());
        let is_full = waiting >= settings.proposals
            || self.log.count() + RESERVED_ENTRIES >= LOG_ENTRIES_MAX
            || self.log.bytes() >= settings.kept_bytes + settings.proposal_bytes;
        if is_full || is_handing_over || self.disk.retry_at.is_some() { Err(Refusal::Busy) } else { Ok(()) }
    }

    /// Gives up leading when no majority answers, and handing over when it takes too long.
    pub(super) fn watch_followers(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        if leading.transfer.as_ref().is_some_and(|transfer| transfer.until <= self.now) {
            leading.transfer = None;
        }
        if self.now < self.deadline || leading.progress.is_empty() {
            return;
        }
        let since = self.deadline.saturating_sub(self.settings.election_timeout);
        self.deadline = self.now + self.settings.election_timeout;
        for progress in leading.progress.values_mut() {
            if progress.heard < since && matches!(progress.mode, Mode::Snapshot(_)) {
                // Nothing is kept for one that is not there.
                progress.mode = Mode::Probe { is_waiting: true };
            }
        }
        let answers = |id: &ReplicaId| *id == self.id || leading.progress.get(id).is_some_and(|p| p.heard >= since);
        let membership = self.log.membership();
        if membership::voters(membership).filter(answers).count() < membership::majority(membership) {
            self.step_down();
        }
    }

    /// What a leader does after every event.
    pub(super) fn lead(&mut self) {
        if !matches!(self.role, Role::Leader(_)) {
            return;
        }
        self.count_durable();
        self.step_membership();
        self.send_entries();
        self.send_heartbeats();
        self.hand_over();
        self.answer_reads();
        // Whoever is not a member any more has told the others, and leaves.
        let is_gone = membership::find(self.log.membership(), self.id).is_none();
        if is_gone && self.is_membership_committed() {
            self.step_down();
        }
    }

    /// Commits what a majority stores.
    pub(super) fn count_durable(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let membership = self.log.membership();
        let stored = |id| match leading.progress.get(&id) {
            _ if id == self.id => self.disk.durable,
            Some(progress) => progress.matched,
            None => LogIndex(0),
        };
        let mut places: Vec<LogIndex> = membership::voters(membership).map(stored).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&agreed) = places.get(membership::majority(membership) - 1) else { return };
        let is_own = self.log.term(agreed) == Some(self.term);
        // An entry of an earlier term may be stored by a majority and still be replaced; with one of this term above it not.
        if agreed > self.commit && is_own {
            self.commit_to(agreed);
        }
    }

    fn send_entries(&mut self) {
        let Role::Leader(leading) = &self.role else { return };
        let ids: Vec<ReplicaId> = leading.progress.keys().copied().collect();
        for id in ids {
            while let Some(append) = self.next_append(id) {
                self.send(id, ReplicaBody::Append(append));
            }
            self.send_snapshot(id);
        }
    }

    /// The next message with entries for a replica, when it may have one.
    fn next_append(&mut self, id: ReplicaId) -> Option<Append> {
        let (last, base) = (self.log.last_index(), self.log.base().index);
        let Role::Leader(leading) = &mut self.role else { return None };
        let progress = leading.progress.get_mut(&id)?;
        let has_news = progress.next <= last;
        let may_send = match &progress.mode {
            Mode::Probe { is_waiting } => !is_waiting,
            Mode::Replicate { in_flight } => has_news && in_flight.len() < self.settings.appends_in_flight,
            Mode::Snapshot(_) => false,
        };
        let asks = std::mem::take(&mut progress.is_in_doubt) && matches!(progress.mode, Mode::Replicate { .. });
        if !may_send && !asks {
            return None;
        }
        let previous_index = progress.next.previous();
        if previous_index < base {
            self.begin_snapshot(id);
            return None;
        }
        let previous_term = self.log.term(previous_index)?;
        let mut bytes = 0;
        let mut entries = Vec::new();
        if may_send {
            for entry in self.log.range(progress.next, last) {
                bytes += entry.size();
                if bytes > self.settings.append_bytes && !entries.is_empty() {
                    break;
                }
                entries.push(entry.clone());
            }
        }
        match &mut progress.mode {
            Mode::Probe { is_waiting } => *is_waiting = true,
            Mode::Replicate { in_flight } => {
                if let Some(newest) = entries.last() {
                    in_flight.push_back(newest.index);
                    progress.next = newest.index.next();
                }
            }
            Mode::Snapshot(_) => {}
        }
        Some(Append { previous_index, previous_term, commit: self.commit, entries })
    }

    fn send_heartbeats(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        let is_due = leading.heartbeat_at <= self.now;
        if !leading.reads.begin_round() && !is_due {
            return;
        }
        leading.heartbeat_at = self.now + self.settings.heartbeat_interval;
        let round = leading.reads.round();
        let followers: Vec<(ReplicaId, LogIndex)> =
            leading.progress.iter().map(|(id, progress)| (*id, progress.matched)).collect();
        for (id, matched) in followers {
            let commit = self.commit.min(matched);
            self.send(id, ReplicaBody::Heartbeat(Heartbeat { commit, round }));
        }
    }

    /// A replica answered its leader.
    pub(super) fn take_answer(&mut self, from: ReplicaId, answer: ReplicaBody) {
        let last = self.log.last_index();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(progress) = leading.progress.get_mut(&from) else { return };
        progress.heard = self.now;
        match answer {
            ReplicaBody::Appended(index) if index <= last => progress.agreed(index),
            ReplicaBody::AppendRefused(refusal) => {
                let is_expected = match &progress.mode {
                    Mode::Probe { .. } => refusal.previous_index == progress.next.previous(),
                    Mode::Replicate { .. } => refusal.previous_index > progress.matched,
                    Mode::Snapshot(_) => false,
                };
                if is_expected {
                    progress.refused(self.log.find_agreement(refusal.hint_index, refusal.hint_term));
                }
            }
            ReplicaBody::HeartbeatReply(round) => {
                progress.is_alive(last);
                progress.round = progress.round.max(round.min(leading.reads.round()));
            }
            ReplicaBody::SnapshotReceived(part) => self.snapshot_received(from, &part),
            ReplicaBody::SnapshotRefused(part) => self.snapshot_refused(from, &part),
            _ => {}
        }
    }

    /// Lets another replica lead; the next-best voter when none is named. Proposals are refused until it does, or until an
    /// election's time has passed.
    pub fn transfer(&mut self, to: Option<ReplicaId>) -> Result<(), Refusal> {
        let voters: Vec<ReplicaId> = membership::voters(self.log.membership()).collect();
        let until = self.now + self.settings.election_timeout;
        let Role::Leader(leading) = &mut self.role else { return Err(Refusal::NotLeader) };
        let best =
            leading.progress.iter().filter(|(id, _)| voters.contains(id)).max_by_key(|(_, p)| (p.matched, p.heard));
        let Some(to) = to.or(best.map(|(id, _)| *id)) else { return Err(Refusal::Invalid) };
        if to == self.id || !voters.contains(&to) {
            return Err(Refusal::Invalid);
        }
        leading.transfer = Some(Transfer { to, until, is_told: false });
        Ok(())
    }

    /// Tells the next leader to begin, once it has everything.
    fn hand_over(&mut self) {
        let last = self.log.last_index();
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(transfer) = &mut leading.transfer else { return };
        let to = transfer.to;
        let is_ready = leading.progress.get(&to).is_some_and(|progress| progress.matched == last);
        if is_ready && !transfer.is_told {
            transfer.is_told = true;
            self.send(to, ReplicaBody::CampaignNow);
        }
    }

    /// Wants the group to have these members. The leader goes there step by step; [`Core::membership`] tells how far it is.
    pub fn want_members(&mut self, wanted: Membership) -> Result<(), Refusal> {
        let wanted = membership::sorted(wanted);
        if !membership::is_valid(&wanted) {
            return Err(Refusal::Invalid);
        }
        match &mut self.role {
            Role::Leader(leading) => leading.wanted = Some(wanted),
            _ => return Err(Refusal::NotLeader),
        }
        Ok(())
    }

    /// The members that the leader is on its way to.
    pub fn wanted_members(&self) -> Option<&Membership> {
        match &self.role {
            Role::Leader(leading) => leading.wanted.as_ref(),
            _ => None,
        }
    }

    /// Whether the leader is on its way to other members.
    #[cfg(test)]
    pub(crate) fn is_changing_members(&self) -> bool {
        !self.is_membership_committed()
            || matches!(&self.role, Role::Leader(leading) if leading.wanted.is_some() || leading.transfer.is_some())
    }

    fn step_membership(&mut self) {
        let Role::Leader(leading) = &mut self.role else { return };
        let Some(wanted) = &leading.wanted else { return };
        // One change at a time, on ground that is committed in this term.
        let is_settled = leading.first_index <= self.commit && self.log.membership_index() <= self.commit;
        if !is_settled || leading.transfer.is_some() {
            return;
        }
        let current = self.log.membership();
        let near = self.commit.0.saturating_sub(UP_TO_DATE_WITHIN);
        let since = self.now.saturating_sub(self.settings.election_timeout);
        let is_near = |progress: &Progress| progress.matched.0 >= near && progress.heard >= since;
        let is_up_to_date = |id| id == self.id || leading.progress.get(&id).is_some_and(is_near);
        match membership::next_step(current, wanted, self.id, is_up_to_date) {
            #[cfg(test)]
            Some(_) if self.settings.broken.changes_many_voters => {
                let wanted = wanted.clone();
                self.change_membership(wanted);
            }
            Some(next) => {
                // Never into a group that could not go on: its majority must be there, and up to date.
                let present = membership::voters(&next).filter(|id| is_up_to_date(*id)).count();
                if present >= membership::majority(&next) {
                    self.change_membership(next);
                }
            }
            None if current == wanted => leading.wanted = None,
            None => {}
        }
    }

    fn change_membership(&mut self, next: Membership) {
        debug_assert!(membership::is_valid(&next));
        let index = self.append_own(EntryPayload::Membership(next));
        let Role::Leader(leading) = &mut self.role else { return };
        let membership = self.log.membership();
        let old = std::mem::take(&mut leading.progress);
        let kept = old.into_iter().filter(|(id, _)| membership::find(membership, *id).is_some());
        leading.progress = kept.collect();
        for member in membership.members.iter().filter(|member| member.id != self.id) {
            leading.progress.entry(member.id).or_insert_with(|| Progress::new(index, self.now));
        }
    }
}
