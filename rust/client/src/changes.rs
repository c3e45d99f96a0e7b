//! Changes of what the pool service stores: each has a number of this client, under which it is done once, however often it
//! is sent and to whomever.

use crate::Client;
use daos_env::sync::{Budget, Permit, Signal};
use daos_types::HolderId;
use daos_wire::{Opcode, RequestId, Wire, encode};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Changes of one client that may be under way; the service remembers twice as many answers.
const CHANGES_MAX: u64 = 512;
/// How far ahead of the oldest change without an answer another one may be numbered: the service remembers no more than the answers
/// of 1024 behind that one, since it does not know which of them were received.
const AHEAD_MAX: u64 = 600;

/// The numbers of a client's changes.
pub(crate) struct Changes {
    holder: HolderId,
    next: Cell<u64>,
    unanswered: RefCell<BTreeSet<u64>>,
    room: Rc<Budget>,
    /// A change has got its answer.
    answered: Signal,
}

/// A change under way.
pub(crate) struct Change {
    of: Rc<Changes>,
    sequence: u64,
    sent: Cell<u8>,
    _permit: Option<Permit>,
}

impl Changes {
    pub fn new(holder: HolderId) -> Rc<Changes> {
        let room = Budget::new(CHANGES_MAX);
        Rc::new(Changes { holder, next: Cell::new(1), unanswered: RefCell::default(), room, answered: Signal::new() })
    }

    fn number(self: &Rc<Self>, permit: Option<Permit>) -> Change {
        let sequence = self.next.get();
        self.next.set(sequence + 1);
        self.unanswered.borrow_mut().insert(sequence);
        Change { of: self.clone(), sequence, sent: Cell::new(0), _permit: permit }
    }

    /// Whether the oldest change without an answer is so old that its answer has to come first.
    fn has_room(&self) -> bool {
        self.unanswered.borrow().first().is_none_or(|oldest| self.next.get() - oldest < AHEAD_MAX)
    }
}

impl Client {
    /// The number for a request, when it is one that changes something.
    pub(crate) async fn number(&self, opcode: Opcode) -> Option<Change> {
        if opcode.is_change() { Some(self.new_change().await) } else { None }
    }

    /// A new number.
    pub(crate) async fn new_change(&self) -> Change {
        let changes = &self.0.changes;
        let permit = changes.room.take(1).await;
        changes.answered.wait_until(|| changes.has_room()).await;
        changes.number(Some(permit))
    }

    /// A number for opening a handle again, which other changes wait for: it waits for none of them.
    pub(crate) fn new_change_at_once(&self) -> Change {
        self.0.changes.number(None)
    }
}

impl Change {
    /// The request with its number; to be called for each time that it is sent.
    pub fn encode<Q: Wire>(&self, request: &Q) -> Vec<u8> {
        let answered = self.of.unanswered.borrow().first().copied().unwrap_or(self.sequence);
        let attempt = self.sent.get();
        self.sent.set(attempt.saturating_add(1));
        let id = RequestId { holder: self.of.holder, sequence: self.sequence, answered, attempt };
        [encode(&id), encode(request)].concat()
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        // Answered, or given up: in both cases nobody asks for the answer any more.
        self.of.unanswered.borrow_mut().remove(&self.sequence);
        self.of.answered.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One change that waits long must not let the numbers of others run out of what the service remembers.
    #[test]
    fn numbers_do_not_run_away_from_the_oldest_without_an_answer() {
        let changes = Changes::new(HolderId::default());
        changes.unanswered.borrow_mut().insert(7);
        changes.next.set(7 + AHEAD_MAX - 1);
        assert!(changes.has_room());
        changes.next.set(7 + AHEAD_MAX);
        assert!(!changes.has_room());
        changes.unanswered.borrow_mut().remove(&7);
        assert!(changes.has_room());
    }
}
