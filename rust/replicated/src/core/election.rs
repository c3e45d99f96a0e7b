//! Elections: who may lead, and when to ask for it.

use super::{Core, LOG_ENTRIES_MAX, Role, membership};
use daos_wire::replicated::{Candidacy, ReplicaBody, ReplicaId, Term, VoteAnswer};
use std::collections::BTreeSet;

/// Who said yes; the candidate itself among them.
pub(super) type Votes = BTreeSet<ReplicaId>;

impl Core {
    /// Does what is due by time: wanting to lead, or giving up leading.
    pub(super) fn watch_time(&mut self) {
        if self.disk.retry_at.is_some_and(|at| at <= self.now) {
            self.disk.retry_at = None;
        }
        if let Role::Leader(_) = self.role {
            return self.watch_followers();
        }
        if self.now < self.deadline {
            return;
        }
        self.deadline = self.next_election();
        if self.may_campaign() {
            if self.is_sole_voter() { self.campaign(false) } else { self.ask_beforehand() }
        }
    }

    /// Who cannot store would not be a leader for long; and a log that is full has no place for a leader's first entry.
    pub(super) fn may_campaign(&self) -> bool {
        self.is_electable()
            && self.disk.retry_at.is_none()
            && !self.is_replacing_log()
            // Members that a crash could take back decide nothing.
            && self.log.membership_index() <= self.disk.durable
            && self.log.count() < LOG_ENTRIES_MAX
    }

    /// Whether the group may need this replica as a leader. One that is being removed still has to finish that, if nobody else
    /// has the entry that removes it.
    pub(super) fn is_electable(&self) -> bool {
        membership::is_voter(self.log.membership(), self.id)
            || (!self.is_membership_committed() && membership::is_voter(self.log.membership_at(self.commit), self.id))
    }

    fn candidacy(&self, term: Term, is_transfer: bool) -> Candidacy {
        Candidacy { term, last_index: self.log.last_index(), last_term: self.log.last_term(), is_transfer }
    }

    fn other_voters(&self) -> Vec<ReplicaId> {
        membership::voters(self.log.membership()).filter(|id| *id != self.id).collect()
    }

    /// Asks whether an election would succeed, so that a replica which cannot win disturbs nobody.
    fn ask_beforehand(&mut self) {
        self.leader = None;
        self.role = Role::PreCandidate(Votes::from([self.id]));
        let candidacy = self.candidacy(Term(self.term.0 + 1), false);
        for voter in self.other_voters() {
            self.send(voter, ReplicaBody::PreVote(candidacy.clone()));
        }
    }

    /// Begins a term as a candidate.
    pub(super) fn campaign(&mut self, is_transfer: bool) {
        self.enter_term(Term(self.term.0 + 1), Some(self.id));
        if self.is_sole_voter() {
            return self.begin_to_lead();
        }
        self.role = Role::Candidate(Votes::from([self.id]));
        let candidacy = self.candidacy(self.term, is_transfer);
        for voter in self.other_voters() {
            // Held back until the vote for itself is durable.
            self.send(voter, ReplicaBody::Vote(candidacy.clone()));
        }
    }

    /// Whether a candidate's log has everything that this one has.
    fn is_up_to_date(&self, candidacy: &Candidacy) -> bool {
        #[cfg(test)]
        if self.settings.broken.votes_for_anybody {
            return true;
        }
        (candidacy.last_term, candidacy.last_index) >= (self.log.last_term(), self.log.last_index())
    }

    pub(super) fn answer_pre_vote(&mut self, from: ReplicaId, candidacy: &Candidacy) {
        let is_granted = candidacy.term > self.term && !self.hears_leader() && self.is_up_to_date(candidacy);
        self.send(from, ReplicaBody::PreVoteReply(VoteAnswer { term: candidacy.term, is_granted }));
    }

    pub(super) fn take_pre_vote(&mut self, from: ReplicaId, answer: &VoteAnswer) {
        let is_current = answer.is_granted && answer.term.0 == self.term.0 + 1;
        if let Role::PreCandidate(votes) = &mut self.role
            && is_current
        {
            votes.insert(from);
            let votes = votes.clone();
            if self.is_elected(&votes) {
                self.campaign(false);
            }
        }
    }

    pub(super) fn answer_vote(&mut self, from: ReplicaId, candidacy: &Candidacy) {
        let is_free = self.vote == Some(from) || (self.vote.is_none() && self.leader.is_none());
        #[cfg(test)]
        let is_free = is_free || self.settings.broken.votes_twice;
        if candidacy.term != self.term || !is_free || !self.is_up_to_date(candidacy) {
            return self.refuse_vote(from, candidacy.term);
        }
        if self.vote.is_none() {
            self.vote = Some(from);
            self.disk.touch();
            self.disk.identity_version = self.disk.version;
        }
        self.deadline = self.next_election();
        self.send_durable(from, ReplicaBody::VoteReply(VoteAnswer { term: self.term, is_granted: true }));
    }

    pub(super) fn refuse_vote(&mut self, from: ReplicaId, term: Term) {
        self.send(from, ReplicaBody::VoteReply(VoteAnswer { term, is_granted: false }));
    }

    pub(super) fn take_vote(&mut self, from: ReplicaId, answer: &VoteAnswer) {
        let is_current = answer.is_granted && answer.term == self.term;
        if let Role::Candidate(votes) = &mut self.role
            && is_current
        {
            votes.insert(from);
            let votes = votes.clone();
            if self.is_elected(&votes) {
                self.begin_to_lead();
            }
        }
    }

    fn is_elected(&self, votes: &Votes) -> bool {
        let membership = self.log.membership();
        membership::voters(membership).filter(|id| votes.contains(id)).count() >= membership::majority(membership)
    }
}
