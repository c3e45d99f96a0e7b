//! Changes of what the pool service stores: each has a number of this client, under which it is done once, however often it
//! is sent and to whomever.

use crate::Client;
use daos_env::sync::{Budget, Permit};
use daos_types::HolderId;
use daos_wire::{Opcode, RequestId, Wire, encode};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Changes of one client that may be under way; the service remembers twice as many answers.
const CHANGES_MAX: u64 = 512;

/// The numbers of a client's changes.
pub(crate) struct Changes {
    holder: HolderId,
    next: Cell<u64>,
    unanswered: RefCell<BTreeSet<u64>>,
    room: Rc<Budget>,
}

/// A change under way.
pub(crate) struct Change {
    of: Rc<Changes>,
    sequence: u64,
    sent: Cell<u8>,
    _permit: Permit,
}

impl Changes {
    pub fn new(holder: HolderId) -> Rc<Changes> {
        let room = Budget::new(CHANGES_MAX);
        Rc::new(Changes { holder, next: Cell::new(1), unanswered: RefCell::default(), room })
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
        let sequence = changes.next.get();
        changes.next.set(sequence + 1);
        changes.unanswered.borrow_mut().insert(sequence);
        Change { of: changes.clone(), sequence, sent: Cell::new(0), _permit: permit }
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
    }
}
