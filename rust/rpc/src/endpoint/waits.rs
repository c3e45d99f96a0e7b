//! Calls and transfers that wait for their end.

use super::peers::Peer;
use crate::Address;
use crate::frame::Frame;
use daos_env::OwnIds;
use daos_env::sync::{Receiver, Sender, oneshot};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
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

/// How a wait ends that does not fail.
pub(super) enum Answer {
    /// With the reply.
    Reply(Frame),
    /// The request never came to its peer: it can be sent again.
    NeverCame,
    /// The peer cannot tell whether it carried the request out.
    Forgotten,
}

struct Wait {
    peer: Rc<Peer>,
    /// What the peer's memory of us was called when the request was sent for the first time.
    token: u64,
    waiting: Waiting,
    /// The numbers of the memory that the call lends.
    memory: Vec<u64>,
    started: Duration,
    deadline: Duration,
    limit: Duration,
    sender: Sender<Result<Answer>>,
}

impl Wait {
    fn split(self, id: u64) -> (Ended, Sender<Result<Answer>>) {
        (Ended { peer: self.peer.address.clone(), id, memory: self.memory }, self.sender)
    }
}

/// What a wait is for, and for how long.
pub(super) struct Awaited {
    pub waiting: Waiting,
    /// The numbers of the memory that the call lends.
    pub memory: Vec<u64>,
    pub limit: Duration,
}

pub(super) type AnswerReceiver = Receiver<Result<Answer>>;

/// A wait that ended otherwise than it should: its peer, and the memory that was lent to it.
pub(super) struct Ended {
    pub peer: Address,
    pub id: u64,
    pub memory: Vec<u64>,
}

/// Who waits, and until when. One timer serves them all: it stands at the earliest deadline that was known when it was
/// set, so that a stream of calls that all end in time sets no timers.
pub(super) struct Waits {
    entries: RefCell<OwnIds<Wait>>,
    deadlines: RefCell<BTreeSet<(Duration, u64)>>,
    next_id: Cell<u64>,
    bound: usize,
    ask_interval: Duration,
    /// When to ask for calls that take long.
    ask_at: Cell<Option<Duration>>,
    /// What the timer stands at.
    pub armed: Cell<Option<Duration>>,
    /// The task with the timer.
    pub timer: RefCell<Option<Waker>>,
}

impl Waits {
    /// `first_id` is random, so that replies to an earlier user of the same address find nobody.
    pub fn new(bound: usize, ask_interval: Duration, first_id: u64) -> Waits {
        Waits {
            entries: RefCell::default(),
            deadlines: RefCell::default(),
            // Far from the end: the order of ids is their age.
            next_id: Cell::new(first_id >> 1),
            bound,
            ask_interval,
            ask_at: Cell::new(None),
            armed: Cell::new(None),
            timer: RefCell::default(),
        }
    }

    /// A number that no call or transfer had before.
    pub fn next_id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id.wrapping_add(1));
        id
    }

    /// Adds a wait of at most `limit` from now. `token` is what the peer's memory of us was called when the request was sent.
    pub fn add(&self, id: u64, peer: &Rc<Peer>, token: u64, what: Awaited, now: Duration) -> Result<AnswerReceiver> {
        self.check_room()?;
        let Awaited { waiting, memory, limit } = what;
        let deadline = now.saturating_add(limit);
        let (sender, receiver) = oneshot();
        let wait = Wait { peer: peer.clone(), token, waiting, memory, started: now, deadline, limit, sender };
        self.entries.borrow_mut().insert(id, wait);
        self.deadlines.borrow_mut().insert((deadline, id));
        if self.ask_at.get().is_none() {
            self.ask_at.set(Some(now.saturating_add(self.ask_interval)));
        }
        if self.armed.get().is_none_or(|armed| deadline < armed) {
            self.wake_timer();
        }
        Ok(receiver)
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

    /// Hands a reply to its call; gives it back when nobody waits for it.
    pub fn reply(&self, frame: Frame) -> Result<(), Frame> {
        let id = frame.head.call_id;
        let expected = Waiting::Reply(frame.head.opcode);
        if self.entries.borrow().get(&id).is_none_or(|wait| wait.waiting != expected) {
            return Err(frame);
        }
        if let Some(wait) = self.take(id) {
            wait.peer.token.set(frame.head.token);
            wait.sender.send(Ok(Answer::Reply(frame)));
        }
        Ok(())
    }

    /// Ends a call of which its peer says something else than a reply, if it is one.
    pub fn answer(&self, id: u64, answer: Answer) -> Option<Vec<u64>> {
        let is_call = matches!(self.entries.borrow().get(&id)?.waiting, Waiting::Reply(_));
        let wait = if is_call { self.take(id) } else { None }?;
        wait.sender.send(Ok(answer));
        Some(wait.memory)
    }

    /// Ends a wait with an error, if there was such a wait.
    pub fn fail(&self, id: u64, status: Status) -> Option<Ended> {
        let wait = self.take(id)?;
        let (wait, sender) = wait.split(id);
        sender.send(Err(status));
        Some(wait)
    }

    /// Forgets a wait that nobody is interested in any more, if it had not ended.
    pub fn cancel(&self, id: u64) -> Option<Ended> {
        self.take(id).map(|wait| wait.split(id).0)
    }

    /// Ends all waits for a peer, or for all peers; `only_transfers` says whether only transfers end.
    pub fn fail_all(&self, peer: Option<&Address>, only_transfers: bool, status: &Status) -> Vec<Ended> {
        let mut ids: Vec<u64> = self
            .entries
            .borrow()
            .iter()
            .filter(|(_, wait)| peer.is_none_or(|peer| wait.peer.address == *peer))
            .filter(|(_, wait)| !only_transfers || wait.waiting == Waiting::Transfer)
            .map(|(id, _)| *id)
            .collect();
        // In an order that a simulation can repeat.
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.fail(id, status.clone())).collect()
    }

    /// Ends the waits whose time is over.
    pub fn expire(&self, now: Duration) -> Vec<Ended> {
        let mut ended = Vec::new();
        loop {
            let first = self.deadlines.borrow().first().copied();
            let Some((_, id)) = first.filter(|(deadline, _)| *deadline <= now) else { return ended };
            let Some(wait) = self.take(id) else { return ended };
            let what = match wait.waiting {
                Waiting::Reply(_) => "no reply within",
                Waiting::Transfer => "not finished within",
            };
            let limit = wait.limit;
            let (wait, sender) = wait.split(id);
            sender.send(Err(Status::new(Code::Timedout, format!("{what} {limit:?}"))));
            ended.push(wait);
        }
    }

    /// When the timer has something to do.
    pub fn next_event(&self) -> Option<Duration> {
        let deadline = self.deadlines.borrow().first().map(|(deadline, _)| *deadline)?;
        Some(self.ask_at.get().map_or(deadline, |ask| ask.min(deadline)))
    }

    /// Whether calls that take long are to be asked for now.
    pub fn time_to_ask(&self, now: Duration) -> bool {
        if self.ask_at.get().is_none_or(|at| at > now) {
            return false;
        }
        let is_needed = !self.entries.borrow().is_empty();
        self.ask_at.set(is_needed.then(|| now.saturating_add(self.ask_interval)));
        is_needed
    }

    /// The calls that have waited for so long, by peer and by the token that they were sent with; only those to `peer`, when there is one.
    pub fn older_than(
        &self,
        now: Duration,
        age: Duration,
        peer: Option<&Address>,
    ) -> BTreeMap<(Address, u64), Vec<u64>> {
        let mut calls: BTreeMap<(Address, u64), Vec<u64>> = BTreeMap::new();
        for (id, wait) in self.entries.borrow().iter() {
            let is_old = now.saturating_sub(wait.started) >= age && peer.is_none_or(|peer| *peer == wait.peer.address);
            if is_old && matches!(wait.waiting, Waiting::Reply(_)) {
                calls.entry((wait.peer.address.clone(), wait.token)).or_default().push(*id);
            }
        }
        calls.values_mut().for_each(|ids| ids.sort_unstable());
        calls
    }

    /// The calls to a peer whose numbers are below this one, by the token that they were sent with.
    pub fn below(&self, peer: &Peer, limit: u64) -> BTreeMap<u64, Vec<u64>> {
        let entries = self.entries.borrow();
        let mut calls: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for id in peer.waits.borrow().range(..limit) {
            if let Some(wait) = entries.get(id).filter(|wait| matches!(wait.waiting, Waiting::Reply(_))) {
                calls.entry(wait.token).or_default().push(*id);
            }
        }
        calls
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.entries.borrow().len()
    }
}
