//! A request that a server has to answer.

use super::inner::Inner;
use super::peers::Peer;
use super::transfer::{Direction, transfer};
use crate::frame::Frame;
use crate::{Address, BulkDescriptor, Parts};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status, fail};
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// A request with the duty to answer it: one that is dropped is answered with `DER_CANCELED`.
pub struct Request {
    inner: Rc<Inner>,
    peer: Rc<Peer>,
    frame: Frame,
    answered: bool,
    /// Bytes of the frame as it came.
    length: usize,
    /// Whether the caller gave it up.
    is_abandoned: Rc<Cell<bool>>,
}

impl Request {
    pub(super) fn new(inner: Rc<Inner>, peer: Rc<Peer>, frame: Frame) -> Request {
        let is_abandoned = peer.history.borrow_mut().serve(frame.head.call_id);
        inner.load.requests.set(inner.load.requests.get() + 1);
        let length = frame.length();
        inner.load.bytes.set(inner.load.bytes.get() + length);
        Request { inner, peer, frame, answered: false, length, is_abandoned }
    }

    /// What is asked for.
    pub fn opcode(&self) -> u16 {
        self.frame.head.opcode
    }

    /// The bytes that came with it. They are hostile: a checksum finds damage, not malice.
    pub fn body(&self) -> &[u8] {
        self.frame.body()
    }

    /// The token that the caller set with [`Endpoint::set_session`](crate::Endpoint::set_session); zero without.
    pub fn session(&self) -> u64 {
        self.frame.head.session
    }

    /// Distinguishes the calls of one caller: a repeated number of one peer is a message that came twice.
    pub fn call_id(&self) -> u64 {
        self.frame.head.call_id
    }

    /// Who asks.
    pub fn peer(&self) -> &Address {
        &self.peer.address
    }

    /// The bytes of the message, and where in them the body begins: whoever wants to keep the body need not copy it. Afterwards
    /// [`Request::body`] is empty.
    pub fn take_body(&mut self) -> (Vec<u8>, usize) {
        self.frame.take_bytes()
    }

    /// Answers.
    pub fn reply(mut self, result: Result<Vec<u8>, Status>) {
        match &result {
            Ok(body) => self.answer(Ok(Parts::one(body))),
            Err(status) => self.answer(Err(status)),
        }
    }

    /// Answers with bytes that lie in parts: they are copied once, to where the transport has them.
    pub fn reply_in_parts(mut self, body: Parts<'_>) {
        self.answer(Ok(body));
    }

    /// Answers that the operation is not known here.
    pub fn reply_unknown_opcode(self) {
        let sentence = format!("endpoint {} does not know operation {:#x}", self.inner.address, self.opcode());
        self.reply(Err(Status::new(Code::Nosys, sentence)));
    }

    fn answer(&mut self, result: Result<Parts<'_>, &Status>) {
        if !std::mem::replace(&mut self.answered, true) {
            self.inner.send_reply(&self.peer, &self.is_abandoned, &self.frame.head, result);
        }
    }

    /// Whether the caller gave the call up, and took back the memory that it lent: nobody waits for the answer.
    pub fn is_abandoned(&self) -> bool {
        self.is_abandoned.get()
    }

    fn check_wanted(&self) -> Result<()> {
        if self.is_abandoned() {
            fail!(Code::Canceled, "{} gave up its call and took back its memory", self.peer.address);
        }
        Ok(())
    }

    /// Fills `buffer` from `offset` of memory that the caller exposed. After a failure the contents are undefined.
    pub async fn pull(&self, remote: &BulkDescriptor, offset: u64, buffer: IoBuffer) -> (IoBuffer, Result<()>) {
        if let Err(status) = self.check_wanted() {
            return (buffer, Err(status));
        }
        transfer(&self.inner, &self.peer.address, Direction::Pull, remote, offset, buffer).await
    }

    /// Writes `buffer` to `offset` of memory that the caller exposed.
    pub async fn push(&self, remote: &BulkDescriptor, offset: u64, buffer: IoBuffer) -> (IoBuffer, Result<()>) {
        if let Err(status) = self.check_wanted() {
            return (buffer, Err(status));
        }
        transfer(&self.inner, &self.peer.address, Direction::Push, remote, offset, buffer).await
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.answered {
            let sentence = format!("operation {:#x} was dropped by {}", self.opcode(), self.inner.address);
            self.answer(Err(&Status::new(Code::Canceled, sentence)));
        }
        let load = &self.inner.load;
        load.requests.set(load.requests.get() - 1);
        load.bytes.set(load.bytes.get() - self.length);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?})", self.frame)
    }
}
