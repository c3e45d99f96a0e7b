//! A replica's decisions: raft, without clock, threads, network or disk.
//!
//! [`Core`] is told what happened ([`Core::receive`], [`Core::stored`], [`Core::propose`], ...), and [`Core::advance`] gives
//! the [`Command`]s that follow. The same events give the same commands: randomness is a parameter. The rules that keep it
//! correct are in the crate's design notes; each part of them is in one file below this one.

mod disk;
mod election;
mod follower;
mod leader;
mod log;
mod membership;
mod message;
mod persist;
mod progress;
mod reads;
mod settings;
mod snapshot;

pub use disk::{StoreChange, StoreInstall, StoredState};
pub use log::{Base, LOG_ENTRIES_MAX};
pub use membership::{ADDRESS_LENGTH_MAX, MEMBERS_MAX};
#[cfg(test)]
pub(crate) use settings::Broken;
pub use settings::CoreSettings;

use daos_env::Random;
use daos_status::Status;
use daos_wire::replicated::{EntryPayload, LogEntry, LogIndex, Membership, ReplicaId, ReplicaMessage, RowChange, Term};
use disk::Disk;
use election::Votes;
use leader::Leading;
use log::Log;
use snapshot::Receiving;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What the outside has to do for a replica.
#[derive(Clone, Debug)]
pub enum Command {
    /// Send a message; it may be lost.
    Send {
        /// Where the receiver is, as the members say; empty when they do not.
        address: String,
        /// What to say; it names the receiver.
        message: ReplicaMessage,
    },
    /// Store this, then tell [`Core::stored`]. One such command is under way at a time.
    Store(StoreChange),
    /// Store this, then tell [`Core::stored`]; as [`Command::Store`].
    Install(StoreInstall),
    /// Read rows for another replica, then tell [`Core::rows_read`]. Not while something is being stored: what is read must
    /// be durable.
    ReadRows {
        /// For whom; the reading goes on where the last one for it ended.
        reader: ReplicaId,
        /// Comes back with the rows.
        attempt: u64,
        /// Begin again.
        from_start: bool,
    },
    /// Entries are committed, the next ones after those before. Those of a proposal are its confirmation.
    Committed(Vec<Rc<LogEntry>>),
    /// Proposals from this place on did not come to be, and never will.
    Dropped {
        /// The first of them.
        from: LogIndex,
        /// Why.
        status: Status,
    },
    /// The replica leads no more: what its proposals and reads come to is not known here.
    Deposed,
    /// A read may be answered from the rows as of now.
    ReadReady(u64),
}

/// Why something was not begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The replica does not lead, or not in that term, or does not know yet all that was committed before it.
    NotLeader,
    /// A bound is reached, or leadership is being handed over: later.
    Busy,
    /// The request makes no sense, as a membership that is none.
    Invalid,
}

/// What a replica is at the moment.
#[derive(Debug)]
enum Role {
    Follower,
    /// Asks whether others would vote for it.
    PreCandidate(Votes),
    Candidate(Votes),
    Leader(Box<Leading>),
}

/// What is known about who leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoreLeadership {
    /// The newest term.
    pub term: Term,
    /// Who leads in it, if that is known.
    pub leader: Option<ReplicaId>,
    /// This replica leads, and all that was ever committed is known to it.
    pub leads: bool,
}

/// One replica.
pub struct Core {
    id: ReplicaId,
    settings: CoreSettings,
    random: Arc<dyn Random>,
    now: Duration,
    term: Term,
    vote: Option<ReplicaId>,
    log: Log,
    commit: LogIndex,
    /// Entries up to here were told about.
    announced: LogIndex,
    role: Role,
    leader: Option<ReplicaId>,
    /// When a leader was last heard.
    leader_heard: Option<Duration>,
    /// When to want to lead; for a leader, when to check that a majority follows.
    deadline: Duration,
    disk: Disk,
    receiving: Option<Receiving>,
    commands: Vec<Command>,
}

impl Core {
    /// A replica as storage has it. `entries` are those between the base and the last one.
    ///
    /// The only voter of a group leads at once.
    pub fn new(
        id: ReplicaId,
        settings: CoreSettings,
        random: Arc<dyn Random>,
        now: Duration,
        state: StoredState,
        entries: Vec<Rc<LogEntry>>,
    ) -> Core {
        let disk = Disk::new(&state);
        let StoredState { term, vote, base, last, applied } = state;
        let log = Log::new(base, entries);
        debug_assert!(log.last_index() == last && log.base().index <= applied && applied <= last);
        let mut core = Core {
            id,
            settings,
            random,
            now,
            term,
            vote,
            log,
            commit: applied,
            announced: applied,
            role: Role::Follower,
            leader: None,
            leader_heard: None,
            deadline: now,
            disk,
            receiving: None,
            commands: Vec::new(),
        };
        core.deadline = core.next_election();
        if membership::is_sole_voter(core.log.membership(), id) {
            core.campaign(false);
        }
        core
    }

    /// Which replica it is.
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// Who leads.
    pub fn leadership(&self) -> CoreLeadership {
        let leads = match &self.role {
            Role::Leader(leading) => self.commit >= leading.first_index,
            _ => false,
        };
        CoreLeadership { term: self.term, leader: self.leader, leads }
    }

    /// The members, as far as this replica knows.
    pub fn membership(&self) -> &Membership {
        self.log.membership()
    }

    /// Whether the newest members are agreed upon.
    pub fn is_membership_committed(&self) -> bool {
        self.log.membership_index() <= self.commit
    }

    /// Up to here the log is committed, as far as this replica knows.
    pub fn commit_index(&self) -> LogIndex {
        self.commit
    }

    /// Up to here entries are in the rows.
    pub fn applied_index(&self) -> LogIndex {
        self.disk.applied
    }

    /// Why storage refused the last change, while it does.
    pub fn storage_failure(&self) -> Option<&Status> {
        self.disk.retry_at.and(self.disk.failure.as_ref())
    }

    /// When [`Core::advance`] has something to do, if nothing happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let may_store = self.disk.flight.is_none() && self.disk.retry_at.is_none();
        let stored = self.disk.apply_at.filter(|_| may_store && self.commit > self.disk.applied);
        let role = match &self.role {
            Role::Leader(leading) if leading.progress.is_empty() => None,
            Role::Leader(leading) => Some(leading.next_deadline().min(self.deadline)),
            _ if self.is_electable() => Some(self.deadline),
            _ => None,
        };
        [stored, role, self.disk.retry_at].into_iter().flatten().min()
    }

    /// Does what time and the events since the last call ask for.
    pub fn advance(&mut self, now: Duration) -> Vec<Command> {
        self.now = now.max(self.now);
        self.watch_time();
        self.lead();
        self.store();
        self.announce();
        std::mem::take(&mut self.commands)
    }

    /// Wants a change of rows. The place in the log is its name: it is committed with the [`Command::Committed`] that
    /// contains it, and unknown after [`Command::Deposed`].
    pub fn propose(&mut self, term: Term, rows: Vec<RowChange>) -> Result<LogIndex, Refusal> {
        if !self.leadership().leads || term != self.term {
            return Err(Refusal::NotLeader);
        }
        self.check_room()?;
        Ok(self.append_own(EntryPayload::Rows(rows)))
    }

    /// Puts what is committed into the rows without waiting for more.
    pub fn apply_soon(&mut self) {
        self.disk.apply_at = Some(self.now);
    }

    fn announce(&mut self) {
        if self.announced < self.commit {
            let entries = self.log.range(self.announced.next(), self.commit).cloned().collect();
            self.announced = self.commit;
            self.commands.push(Command::Committed(entries));
        }
    }

    /// Whether the group has no other members.
    pub fn is_alone(&self) -> bool {
        self.is_sole_voter() && self.log.membership().members.len() == 1
    }

    fn is_sole_voter(&self) -> bool {
        membership::is_sole_voter(self.log.membership(), self.id)
    }

    /// A random time to wait before wanting to lead.
    fn next_election(&self) -> Duration {
        let timeout = self.settings.election_timeout;
        let nanoseconds = (timeout.as_nanos() as u64).max(1);
        self.now + timeout + Duration::from_nanos(self.random.next_u64() % nanoseconds)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = match &self.role {
            Role::Follower => "follower",
            Role::PreCandidate(_) => "pre-candidate",
            Role::Candidate(_) => "candidate",
            Role::Leader(_) => "leader",
        };
        let (base, last) = (self.log.base().index, self.log.last_index());
        write!(f, "{} {role} of term {}: log {base}..{last}, commit {}", self.id, self.term, self.commit)
    }
}

#[cfg(test)]
impl Core {
    pub(crate) fn term(&self) -> Term {
        self.term
    }

    pub(crate) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    pub(crate) fn is_term_durable(&self) -> bool {
        self.disk.identity_version <= self.disk.durable_version
    }

    pub(crate) fn kept_log(&self) -> (&Base, Vec<Rc<LogEntry>>) {
        (self.log.base(), self.log.range(LogIndex(0), LogIndex(u64::MAX)).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
