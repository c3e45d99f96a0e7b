//! Messages: what comes in, and when what goes out may leave.

use super::disk::HELD_MAX;
use super::{Command, Core, Role, membership};
use daos_wire::replicated::{ReplicaBody, ReplicaId, ReplicaMessage, Term};

impl Core {
    /// A message came. One that makes no sense is ignored: what it asks for is asked again by who needs it.
    pub fn receive(&mut self, now: std::time::Duration, message: ReplicaMessage) {
        self.now = now.max(self.now);
        if message.group != self.settings.group || message.to != self.id || message.from == self.id {
            return;
        }
        if message.term > self.term && !self.meet_newer_term(&message) {
            return;
        }
        let ReplicaMessage { from, term, body, .. } = message;
        match body {
            ReplicaBody::PreVote(candidacy) => return self.answer_pre_vote(from, &candidacy),
            ReplicaBody::PreVoteReply(answer) => return self.take_pre_vote(from, &answer),
            _ => {}
        }
        if term < self.term {
            return self.meet_older_term(from, &body);
        }
        match body {
            ReplicaBody::PreVote(_) | ReplicaBody::PreVoteReply(_) => {}
            ReplicaBody::Vote(candidacy) => self.answer_vote(from, &candidacy),
            ReplicaBody::VoteReply(answer) => self.take_vote(from, &answer),
            ReplicaBody::Append(append) => {
                if self.follow(from) {
                    self.take_entries(from, append);
                }
            }
            ReplicaBody::Heartbeat(heartbeat) => {
                if self.follow(from) {
                    if !self.is_replacing_log() {
                        self.commit_to(heartbeat.commit);
                    }
                    self.send(from, ReplicaBody::HeartbeatReply(heartbeat.round));
                }
            }
            ReplicaBody::Snapshot(chunk) => {
                if self.follow(from) {
                    self.take_snapshot(from, chunk);
                }
            }
            ReplicaBody::CampaignNow => {
                if self.follow(from) && self.may_campaign() {
                    self.campaign(true);
                }
            }
            answer => self.take_answer(from, answer),
        }
    }

    /// Whether a message of a newer term is listened to; if so, the term counts from now on.
    fn meet_newer_term(&mut self, message: &ReplicaMessage) -> bool {
        match &message.body {
            // Who only asks whether it would be elected has not begun a term; and while a leader is there, nobody may end
            // its term who has just not heard of it.
            ReplicaBody::PreVote(_) => return true,
            ReplicaBody::Vote(candidacy) if !candidacy.is_transfer && self.hears_leader() => return false,
            ReplicaBody::PreVoteReply(answer) if answer.is_granted => return true,
            _ => {}
        }
        self.enter_term(message.term, None);
        true
    }

    /// Somebody is behind: it must learn the term, and a leader of an old one that it leads no more.
    fn meet_older_term(&mut self, from: ReplicaId, body: &ReplicaBody) {
        match body {
            ReplicaBody::Vote(candidacy) => self.refuse_vote(from, candidacy.term),
            ReplicaBody::Append(_) | ReplicaBody::Heartbeat(_) | ReplicaBody::Snapshot(_) => {
                self.send(from, ReplicaBody::HeartbeatReply(0));
            }
            _ => {}
        }
    }

    /// Goes on in a term as a follower.
    pub(super) fn enter_term(&mut self, term: Term, vote: Option<ReplicaId>) {
        debug_assert!(term > self.term);
        self.step_down();
        self.term = term;
        self.vote = vote;
        self.leader = None;
        self.disk.touch();
        self.disk.identity_version = self.disk.version;
        // What was promised in an earlier term, and had not left, is not promised any more.
        self.disk.held.clear();
    }

    /// Leads or wants to lead no more.
    pub(super) fn step_down(&mut self) {
        if let Role::Leader(_) = std::mem::replace(&mut self.role, Role::Follower) {
            self.leader = None;
            self.commands.push(Command::Deposed);
        }
        self.receiving = None;
        self.deadline = self.next_election();
    }

    /// Accepts the leader of the current term; a leader itself follows nobody.
    fn follow(&mut self, leader: ReplicaId) -> bool {
        if let Role::Leader(_) = self.role {
            return false;
        }
        if self.leader != Some(leader) {
            self.role = Role::Follower;
            self.receiving = None;
            self.leader = Some(leader);
        }
        self.leader_heard = Some(self.now);
        self.deadline = self.next_election();
        true
    }

    /// Whether there is a leader that was heard just now.
    pub(super) fn hears_leader(&self) -> bool {
        match &self.role {
            Role::Leader(_) => true,
            _ => {
                self.leader.is_some()
                    && self.leader_heard.is_some_and(|heard| self.now < heard + self.settings.election_timeout)
            }
        }
    }

    /// Sends what depends on nothing that changed since the newest term and vote.
    pub(super) fn send(&mut self, to: ReplicaId, body: ReplicaBody) {
        self.send_at(self.disk.identity_version, to, body);
    }

    /// Sends when all of the replica's state is durable.
    pub(super) fn send_durable(&mut self, to: ReplicaId, body: ReplicaBody) {
        self.send_at(self.disk.version, to, body);
    }

    pub(super) fn send_at(&mut self, version: u64, to: ReplicaId, body: ReplicaBody) {
        let message = ReplicaMessage { group: self.settings.group, from: self.id, to, term: self.term, body };
        #[cfg(test)]
        if self.settings.broken.answers_before_durable {
            return self.send_now(message);
        }
        if version <= self.disk.durable_version {
            self.send_now(message);
        } else if self.disk.held.len() < HELD_MAX {
            self.disk.held.push_back((version, message));
        }
    }

    fn send_now(&mut self, message: ReplicaMessage) {
        let member = membership::find(self.log.membership(), message.to);
        let address = member.map(|member| member.address.clone()).unwrap_or_default();
        self.commands.push(Command::Send { address, message });
    }

    /// Sends what waited for storage.
    pub(super) fn release_held(&mut self) {
        let durable = self.disk.durable_version;
        let held = std::mem::take(&mut self.disk.held);
        let (ready, waiting): (Vec<_>, Vec<_>) = held.into_iter().partition(|(version, _)| *version <= durable);
        self.disk.held = waiting.into();
        ready.into_iter().for_each(|(_, message)| self.send_now(message));
    }
}
