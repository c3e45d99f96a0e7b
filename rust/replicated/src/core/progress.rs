//! What a leader knows about another replica.

use daos_wire::replicated::{LogIndex, Membership, RowChange, Term};
use std::collections::VecDeque;
use std::time::Duration;

/// How a replica is brought up to date.
#[derive(Debug)]
pub(super) enum Mode {
    /// Where the logs agree is not known: one message at a time finds out.
    Probe { is_waiting: bool },
    /// Entries are sent without waiting; the last entries of the messages under way.
    Replicate { in_flight: VecDeque<LogIndex> },
    /// The log does not reach back far enough: the rows are sent.
    Snapshot(Box<SnapshotSending>),
}

/// Rows on their way to a replica, one part at a time.
#[derive(Debug)]
pub(super) struct SnapshotSending {
    /// Tells the rows that are read for it from those of an earlier attempt.
    pub attempt: u64,
    /// The state is at least that of this entry.
    pub index: LogIndex,
    pub term: Term,
    pub membership: Membership,
    /// The part that is read, or waits for its answer.
    pub number: u64,
    /// The part as it was sent; none while it is being read.
    pub part: Option<(Vec<RowChange>, bool)>,
    /// When the part is sent again.
    pub resend_at: Duration,
}

/// A leader's view of one other replica.
#[derive(Debug)]
pub(super) struct Progress {
    /// Up to here its log is known to agree, and to be durable.
    pub matched: LogIndex,
    /// The next entry to send.
    pub next: LogIndex,
    pub mode: Mode,
    /// When it answered last.
    pub heard: Duration,
    /// The greatest round of heartbeats that it answered.
    pub round: u64,
    /// Something may have been lost: ask where the logs agree, though there is nothing to send.
    pub is_in_doubt: bool,
}

impl Progress {
    pub fn new(next: LogIndex, now: Duration) -> Progress {
        Progress {
            matched: LogIndex(0),
            next,
            mode: Mode::Probe { is_waiting: false },
            heard: now,
            round: 0,
            is_in_doubt: false,
        }
    }

    /// The logs agree up to `index`.
    pub fn agreed(&mut self, index: LogIndex) {
        self.matched = self.matched.max(index);
        self.next = self.next.max(self.matched.next());
        match &mut self.mode {
            Mode::Probe { .. } => self.mode = Mode::Replicate { in_flight: VecDeque::new() },
            Mode::Replicate { in_flight } => {
                while in_flight.front().is_some_and(|last| *last <= index) {
                    in_flight.pop_front();
                }
            }
            Mode::Snapshot(sending) if sending.index <= self.matched => {
                self.mode = Mode::Replicate { in_flight: VecDeque::new() };
            }
            Mode::Snapshot(_) => {}
        }
    }

    /// The entry before `next` is not there; the newest that may agree is `candidate`.
    pub fn refused(&mut self, candidate: LogIndex) {
        self.next = candidate.next().max(self.matched.next());
        self.mode = Mode::Probe { is_waiting: false };
    }

    /// The replica answered: what is waiting for an answer that was lost goes on.
    pub fn is_alive(&mut self, last_index: LogIndex) {
        if let Mode::Probe { is_waiting } = &mut self.mode {
            *is_waiting = false;
        }
        self.is_in_doubt = self.matched < last_index;
    }
}
