//! Callers that wait for a proposal or a read.

use super::Leadership;
use daos_env::sync::Sender;
use daos_status::{Code, Status};
use daos_wire::replicated::{LogIndex, ReplicaId};
use std::collections::BTreeMap;

/// Why a proposal or a read did not succeed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProposalError {
    /// Another replica leads, or none, or a new term began: nothing was changed.
    NotLeader(Leadership),
    /// Too much is under way: nothing was changed.
    Busy,
    /// Leadership was lost meanwhile. The change may come to be, or not: only the next leader knows.
    Overtaken,
    /// Nothing was changed.
    Failed(Status),
}

impl ProposalError {
    /// Whether the change may come to be nevertheless.
    pub fn is_unknown(&self) -> bool {
        matches!(self, ProposalError::Overtaken)
    }

    /// The replica to ask instead, if it is known.
    pub fn leader(&self) -> Option<ReplicaId> {
        match self {
            ProposalError::NotLeader(leadership) => leadership.leader,
            _ => None,
        }
    }

    /// The error for callers.
    pub fn into_status(self) -> Status {
        match self {
            ProposalError::NotLeader(Leadership { leader: Some(leader), address, .. }) => {
                let rank = leader.rank();
                Status::new(
                    Code::Notleader,
                    format!("rank {rank} leads the system's metadata (at \"{address}\"): ask there"),
                )
            }
            ProposalError::NotLeader(_) => {
                Status::new(Code::Notleader, "nobody leads the system's metadata at the moment: ask again")
            }
            ProposalError::Busy => Status::new(Code::Busy, "too many changes of the system's metadata are under way"),
            ProposalError::Overtaken => Status::new(
                Code::Again,
                "the leader of the system's metadata changed: the change may have been made; ask again, as the same request",
            ),
            ProposalError::Failed(status) => status,
        }
    }
}

/// Everybody who waits.
#[derive(Default)]
pub(super) struct Waiting {
    pub proposals: BTreeMap<LogIndex, Sender<Result<LogIndex, ProposalError>>>,
    pub reads: BTreeMap<u64, Sender<Result<(), ProposalError>>>,
    last_read: u64,
}

impl Waiting {
    /// A name for a read.
    pub fn next_read(&mut self) -> u64 {
        self.last_read += 1;
        self.last_read
    }

    /// A place of the log is committed.
    pub fn committed(&mut self, index: LogIndex) {
        if let Some(sender) = self.proposals.remove(&index) {
            sender.send(Ok(index));
        }
    }

    /// Proposals from a place on did not come to be.
    pub fn dropped(&mut self, from: LogIndex, status: &Status) {
        for (_, sender) in self.proposals.split_off(&from) {
            sender.send(Err(ProposalError::Failed(status.clone())));
        }
    }

    pub fn read_ready(&mut self, name: u64) {
        if let Some(sender) = self.reads.remove(&name) {
            sender.send(Ok(()));
        }
    }

    /// The replica leads no more. Dropped senders say so.
    pub fn fail_all(&mut self) {
        self.proposals.clear();
        self.reads.clear();
    }
}
