//! Calls and transfers that wait for their end.

use crate::Address;
use crate::frame::Frame;
use daos_env::sync::{Receiver, Sender, oneshot};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::task::Waker;
use std::time::Duration;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Waiting {
    /// The reply to a call of this operation.
    Reply(u16),
    /// The end of a transfer; only failures come this way.
    Transfer,
}

struct Wait {
    peer: Address,
    waiting: Waiting,
    deadline: Duration,
    limit: Duration,
    sender: Sender<Result<Frame>>,
}

/// Who waits, and until when. One timer serves them all: it stands at the earliest deadline that was known when it was
/// set, so that a stream of calls that all end in time sets no timers.
pub(super) struct Waits {
    entries: RefCell<HashMap<u64, Wait>>,
    deadlines: RefCell<BTreeSet<(Duration, u64)>>,
    next_id: Cell<u64>,
    bound: usize,
    /// What the timer stands at.
    pub armed: Cell<Option<Duration>>,
    /// The task with the timer.
    pub timer: RefCell<Option<Waker>>,
}

impl Waits {
    /// `first_id` is random, so that replies to an earlier user of the same address find nobody.
    pub fn new(bound: usize, first_id: u64) -> Waits {
        Waits {
            entries: RefCell::default(),
            deadlines: RefCell::default(),
            next_id: Cell::new(first_id),
            bound,
            armed: Cell::new(None),
            timer: RefCell::default(),
        }
    }

    /// Adds a wait of at most `limit` from now.
    pub fn add(
        &self,
        peer: &Address,
        waiting: Waiting,
        now: Duration,
        limit: Duration,
    ) -> Result<(u64, Receiver<Result<Frame>>)> {
        self.check_room()?;
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        let deadline = now.saturating_add(limit);
        let (sender, receiver) = oneshot();
        self.entries.borrow_mut().insert(id, Wait { peer: peer.clone(), waiting, deadline, limit, sender });
        self.deadlines.borrow_mut().insert((deadline, id));
        if self.armed.get().is_none_or(|armed| deadline < armed) {
            self.wake_timer();
        }
        Ok((id, receiver))
    }

    /// Fails when the bound is reached.
    pub fn check_room(&self) -> Result<()> {
        if self.entries.borrow().len() >= self.bound {
            fail!(Code::Busy, "{} calls and transfers are outstanding already", self.bound);
        }
        Ok(())
    }

    /// Lets the task with the timer look again.
    pub fn wake_timer(&self) {
        let waker = self.timer.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn take(&self, id: u64) -> Option<Wait> {
        let wait = self.entries.borrow_mut().remove(&id)?;
        self.deadlines.borrow_mut().remove(&(wait.deadline, id));
        Some(wait)
    }

    /// Hands a reply to its call; `false` when nobody waits for it.
    pub fn reply(&self, frame: Frame) -> bool {
        let id = frame.head.call_id;
        let expected = Waiting::Reply(frame.head.opcode);
        if self.entries.borrow().get(&id).is_none_or(|wait| wait.waiting != expected) {
            return false;
        }
        if let Some(wait) = self.take(id) {
            wait.sender.send(Ok(frame));
        }
        true
    }

    /// Ends a wait with an error; gives the peer if there was such a wait.
    pub fn fail(&self, id: u64, status: Status) -> Option<Address> {
        let wait = self.take(id)?;
        wait.sender.send(Err(status));
        Some(wait.peer)
    }

    /// Forgets a wait that nobody is interested in any more; gives its peer when it had not ended.
    pub fn cancel(&self, id: u64) -> Option<Address> {
        self.take(id).map(|wait| wait.peer)
    }

    /// Ends all waits for a peer, or for all peers, and says whether there were any.
    pub fn fail_all(&self, peer: Option<&Address>, status: &Status) -> bool {
        let ids: Vec<u64> = self
            .entries
            .borrow()
            .iter()
            .filter(|(_, wait)| peer.is_none_or(|peer| wait.peer == *peer))
            .map(|(id, _)| *id)
            .collect();
        for id in &ids {
            self.fail(*id, status.clone());
        }
        !ids.is_empty()
    }

    /// Ends the waits whose time is over, and gives their peers.
    pub fn expire(&self, now: Duration) -> Vec<Address> {
        let mut peers = Vec::new();
        loop {
            let first = self.deadlines.borrow().first().copied();
            let Some((_, id)) = first.filter(|(deadline, _)| *deadline <= now) else { return peers };
            let Some(wait) = self.take(id) else { return peers };
            let what = match wait.waiting {
                Waiting::Reply(_) => "no reply within",
                Waiting::Transfer => "not finished within",
            };
            wait.sender.send(Err(Status::new(Code::Timedout, format!("{what} {:?}", wait.limit))));
            peers.push(wait.peer);
        }
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.borrow().first().map(|(deadline, _)| *deadline)
    }

    /// Whether something waits for a peer.
    pub fn involve(&self, peer: &Address) -> bool {
        self.entries.borrow().values().any(|wait| wait.peer == *peer)
    }
}
