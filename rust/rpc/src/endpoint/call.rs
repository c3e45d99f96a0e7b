//! One call from its request to its reply.

use super::control;
use super::inner::Inner;
use super::peers::Peer;
use super::waits::{Answer, AnswerReceiver, Awaited, Waiting};
use crate::frame::{Frame, Head, Kind};
use crate::{Address, Parts};
use daos_env::sync::Permit;
use daos_status::{Code, Result, Status, fail};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What is asked, and how.
pub(super) struct Call<'a> {
    pub opcode: u16,
    pub body: Parts<'a>,
    /// The numbers of the memory that is lent.
    pub memory: Vec<u64>,
    /// Whether it does no harm when the request is carried out twice.
    pub is_repeatable: bool,
    pub timeout: Duration,
}

impl Call<'_> {
    /// Sends the request, again if need be, and waits for the reply.
    pub async fn run(&self, inner: &Rc<Inner>, peer: &Address) -> Result<Frame> {
        // Read anew after each wait only: small calls take as long as some tens of looks at a clock.
        let mut now = inner.now();
        let deadline = now.saturating_add(self.timeout);
        let left = || deadline.saturating_sub(inner.now());
        if inner.exposures.is_unclean(peer) {
            self.until_clean(inner, peer).await?;
            now = inner.now();
        }
        inner.check_open()?;
        let (mut peer, _) = inner.peer(peer)?;
        let _credit = match peer.credits.try_take(1) {
            Some(permit) => permit,
            None => {
                let permit = self.credit(inner, &peer, left()).await?;
                peer = inner.peer(&peer.address)?.0;
                now = inner.now();
                permit
            }
        };
        loop {
            let mut waiter = self.start(inner, &peer, now, deadline.saturating_sub(now))?;
            let answer = loop {
                match (&mut waiter).await? {
                    Answer::NeverCame => self.send_again(&mut waiter, left())?,
                    other => break other,
                }
            };
            match answer {
                Answer::Reply(frame) => return Ok(frame),
                // With another number: it is another call.
                _ if self.is_repeatable => {}
                _ => {
                    waiter.may_be_used(self.memory.clone());
                    fail!(Code::Hg, "the reply was lost, and the peer does not know any more whether this was done");
                }
            }
            now = inner.now();
        }
    }

    /// Waits until the connection to a peer was ended that must be.
    async fn until_clean(&self, inner: &Rc<Inner>, peer: &Address) -> Result<()> {
        let limit = self.timeout;
        if inner.spawner.timeout(limit, inner.exposures.until_clean(peer)).await.is_none() {
            fail!(
                Code::Timedout,
                "memory of an earlier call to {peer} without reply was not given back within {limit:?}"
            );
        }
        Ok(())
    }

    /// Waits for its turn among the calls to a peer.
    async fn credit(&self, inner: &Rc<Inner>, peer: &Peer, left: Duration) -> Result<Permit> {
        if peer.credits.waiting() >= inner.settings.outstanding_max {
            fail!(Code::Busy, "{} calls wait for their turn already", inner.settings.outstanding_max);
        }
        match inner.spawner.timeout(left, peer.credits.take(1)).await {
            Some(permit) => Ok(permit),
            None => fail!(Code::Timedout, "earlier calls to the peer did not end within {:?}", self.timeout),
        }
    }

    fn start(&self, inner: &Rc<Inner>, peer: &Rc<Peer>, now: Duration, left: Duration) -> Result<Waiter> {
        inner.check_open()?;
        let length = self.body.length();
        if length > inner.max_body_size() {
            fail!(Code::Overflow, "a body of {length} bytes exceeds {}", inner.max_body_size());
        }
        let waiter = Waiter::new(inner, peer, self.awaited(left), now)?;
        self.send(&waiter, false)?;
        Ok(waiter)
    }

    fn awaited(&self, limit: Duration) -> Awaited {
        Awaited { waiting: Waiting::Reply(self.opcode), memory: self.memory.clone(), limit }
    }

    fn send_again(&self, waiter: &mut Waiter, left: Duration) -> Result<()> {
        waiter.wait_again(self.awaited(left))?;
        self.send(waiter, true)
    }

    fn send(&self, waiter: &Waiter, is_sent_again: bool) -> Result<()> {
        let (inner, peer) = (&waiter.inner, &waiter.peer);
        let behind = peer.behind(waiter.id);
        let head = Head {
            opcode: self.opcode,
            is_sent_again,
            is_repeatable: self.is_repeatable,
            call_id: waiter.id,
            session: peer.session.get(),
            token: waiter.token,
            behind,
            mark: peer.mark,
            ..Head::of(Kind::Request)
        };
        let sent = inner.index(peer).and_then(|index| inner.transmit_parts(index, &head, self.body));
        if sent.is_err() && !is_sent_again {
            // It never left: nobody can use memory because of it.
            inner.waits.cancel(waiter.id);
        }
        if sent.is_ok() && peer.is_overtaken(behind) {
            // Those in the older half: the others may well be on their way.
            control::ask_below(inner, peer, waiter.id - u64::from(behind / 2));
        }
        sent
    }
}

/// Waits for the end of a call or transfer; forgets it when dropped.
pub(super) struct Waiter {
    inner: Rc<Inner>,
    peer: Rc<Peer>,
    id: u64,
    /// What the peer's memory of us was called in the beginning. It stays: a newer memory does not know what became of the request before.
    token: u64,
    receiver: AnswerReceiver,
}

impl Waiter {
    pub fn new(inner: &Rc<Inner>, peer: &Rc<Peer>, what: Awaited, now: Duration) -> Result<Waiter> {
        let (id, token) = (inner.waits.next_id(), peer.token.get());
        let receiver = inner.waits.add(id, peer, token, what, now)?;
        peer.waits.borrow_mut().insert(id);
        Ok(Waiter { inner: inner.clone(), peer: peer.clone(), id, token, receiver })
    }

    fn wait_again(&mut self, what: Awaited) -> Result<()> {
        self.receiver = self.inner.waits.add(self.id, &self.peer, self.token, what, self.inner.now())?;
        Ok(())
    }

    /// Remembers that the peer may still use memory, although the call has ended.
    fn may_be_used(&self, memory: Vec<u64>) {
        self.inner.exposures.mark(&memory, &self.peer.address, self.id);
    }
}

impl Future for Waiter {
    type Output = Result<Answer>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Answer>> {
        let gone = || Err(Status::new(Code::Canceled, "the endpoint is gone"));
        Pin::new(&mut self.receiver).poll(context).map(|answer| answer.unwrap_or_else(gone))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.inner.ended_without_reply(self.inner.waits.cancel(self.id));
        self.peer.waits.borrow_mut().remove(&self.id);
    }
}
