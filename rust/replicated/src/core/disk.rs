//! What of a replica's state is durable, and what waits until it is.

use super::log::Base;
use daos_status::Status;
use daos_wire::replicated::{LogEntry, LogIndex, ReplicaId, ReplicaMessage, RowChange, Term};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// What storage gives when a replica starts, and keeps with every change.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StoredState {
    /// The newest term that the replica has seen.
    pub term: Term,
    /// Whom it voted for in it.
    pub vote: Option<ReplicaId>,
    /// Where the kept log begins.
    pub base: Base,
    /// The newest entry of the log.
    pub last: LogIndex,
    /// Up to here entries are in the rows.
    pub applied: LogIndex,
}

/// A change that storage makes as a whole or not at all.
#[derive(Clone, Debug)]
pub struct StoreChange {
    /// The state after it.
    pub state: StoredState,
    /// Entries that join the log, all of them after the base.
    pub entries: Vec<Rc<LogEntry>>,
    /// Entries whose changes go into the rows, in order.
    pub apply: Vec<Rc<LogEntry>>,
}

/// Rows of another replica that replace all that there are, part by part.
#[derive(Clone, Debug)]
pub struct StoreInstall {
    /// Some of the rows.
    pub rows: Vec<RowChange>,
    /// Whether they are the first: what an earlier attempt left is removed.
    pub is_first: bool,
    /// With the last part: the state after it. The log is empty then.
    pub finish: Option<StoredState>,
}

/// What storage is doing.
#[derive(Debug)]
pub(super) enum Flight {
    /// A change up to a version of the state, with the log up to `last`.
    Change { version: u64, last: LogIndex, applied: LogIndex, base: Base },
    /// A part of a snapshot.
    Install { number: u64, finish: Option<(u64, Base)> },
}

/// Bookkeeping of durability. One change is under way at a time; what comes meanwhile goes with the next.
#[derive(Debug)]
pub(super) struct Disk {
    /// Counts what changed in memory.
    pub version: u64,
    /// The version of the newest term and vote.
    pub identity_version: u64,
    /// The version that is durable.
    pub durable_version: u64,
    /// The log is durable up to here.
    pub durable: LogIndex,
    /// The first entry that was not handed to storage.
    pub unsent: LogIndex,
    /// Up to here entries are durably in the rows.
    pub applied: LogIndex,
    pub flight: Option<Flight>,
    /// Storage refused: when to try again.
    pub retry_at: Option<Duration>,
    /// Why it refused last.
    pub failure: Option<Status>,
    /// When what is committed has to go into the rows.
    pub apply_at: Option<Duration>,
    /// Messages that promise something, and the version that must be durable before they are sent.
    pub held: VecDeque<(u64, ReplicaMessage)>,
}

/// The most messages that wait for storage. Each is an answer, and all of them can be asked for again.
pub(super) const HELD_MAX: usize = 1024;

impl Disk {
    pub fn new(state: &StoredState) -> Disk {
        Disk {
            version: 0,
            identity_version: 0,
            durable_version: 0,
            durable: state.last,
            unsent: state.last.next(),
            applied: state.applied,
            flight: None,
            retry_at: None,
            failure: None,
            apply_at: None,
            held: VecDeque::new(),
        }
    }

    /// Something changed in memory.
    pub fn touch(&mut self) {
        self.version += 1;
    }

    /// Entries from `from` on are forgotten.
    pub fn truncated(&mut self, from: LogIndex) {
        self.unsent = self.unsent.min(from);
        self.durable = self.durable.min(from.previous());
        if let Some(Flight::Change { last, .. }) = &mut self.flight {
            *last = (*last).min(from.previous());
        }
        self.touch();
    }
}
