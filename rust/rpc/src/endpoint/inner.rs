//! What the parts of an endpoint share.

use super::control;
use super::exposures::Exposures;
use super::history::Verdict;
use super::peers::{Peer, Peers};
use super::request::Request;
use super::versions;
use super::waits::{Ended, Waits};
use crate::address::Mark;
use crate::frame::{Frame, FrameError, Head, Kind, cover_body, encode_before, encode_parts, peek};
use crate::statistics::Counters;
use crate::{Address, EndpointSettings, OVERHEAD_MAX, Parts, PeerIndex, Receiver, Transport};
use daos_env::{Clock, Source, Spawner};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Bodies below so many bytes are copied into one message before they are sent: cheaper than to handle them as parts.
const PARTS_BYTES_MIN: usize = 256;

/// Longest context sentence that goes back with an error.
const CONTEXT_LENGTH_MAX: usize = 1024;

pub(super) type Handler = Rc<dyn Fn(Request)>;

/// The requests that the handler has and has not answered.
#[derive(Default)]
pub(super) struct Load {
    pub requests: Cell<usize>,
    pub bytes: Cell<usize>,
}

pub(super) struct Inner {
    pub transport: Rc<dyn Transport>,
    pub address: Address,
    /// Of all names of the address.
    pub marks: Vec<Mark>,
    pub spawner: Spawner,
    pub settings: EndpointSettings,
    pub peers: RefCell<Peers>,
    pub waits: Waits,
    pub handler: RefCell<Option<Handler>>,
    pub load: Load,
    /// The number that the next memory of a peer's requests gets as its token.
    pub next_token: Cell<u64>,
    pub counters: Counters,
    pub exposures: Exposures,
    pub closed: Cell<bool>,
}

impl Inner {
    pub fn clock(&self) -> &dyn Clock {
        self.spawner.clock().as_ref()
    }

    pub fn now(&self) -> Duration {
        self.clock().monotonic()
    }

    pub fn check_open(&self) -> Result<()> {
        if self.closed.get() {
            fail!(Code::Uninit, "endpoint {} was closed", self.address);
        }
        Ok(())
    }

    /// A peer, and what the transport calls it.
    pub fn peer(&self, address: &Address) -> Result<(Rc<Peer>, PeerIndex)> {
        self.peers.borrow_mut().resolve(self.transport.as_ref(), address, || self.new_token())
    }

    /// What the transport calls a peer.
    pub fn index(&self, peer: &Peer) -> Result<PeerIndex> {
        match peer.index.get() {
            Some(index) => Ok(index),
            None => Ok(self.peer(&peer.address)?.1),
        }
    }

    /// A peer that was heard of before.
    pub fn known_peer(&self, address: &str) -> Option<Rc<Peer>> {
        self.peers.borrow_mut().find(address)
    }

    /// A token that no memory of requests had before, of this endpoint or (the first is random) of another.
    pub fn new_token(&self) -> u64 {
        let token = self.next_token.get();
        self.next_token.set(token.wrapping_add(1));
        token
    }

    /// The largest body that fits a message.
    pub fn max_body_size(&self) -> usize {
        self.transport.max_message_size().saturating_sub(OVERHEAD_MAX)
    }

    /// Remembers the memory that peers may still use.
    pub fn ended_without_reply(&self, ended: impl IntoIterator<Item = Ended>) {
        for Ended { peer, id, memory } in ended {
            self.exposures.mark(&memory, &peer, id);
        }
    }

    /// Ends the waits whose time is over, says so to the peers, and asks for those that take long.
    pub fn look_after_waits(&self) {
        let now = self.now();
        let ended = self.waits.expire(now);
        for Ended { peer, id, memory } in &ended {
            // Calls that lent memory are told of when it is given back. The others, too, must not be carried out behind what
            // their caller does next.
            if memory.is_empty() {
                control::tell(self, peer, Kind::Abandoned, 0, &[*id]);
            }
            self.doubt(peer);
        }
        self.ended_without_reply(ended);
        if self.waits.time_to_ask(now) {
            let asked = control::ask(self, self.settings.ask_interval, None);
            asked.iter().for_each(|peer| self.doubt(peer));
        }
    }

    /// Lets the transport find out whether a peer that takes long can be reached.
    fn doubt(&self, peer: &Address) {
        let index = self.peers.borrow().index(peer);
        if let Some(index) = index {
            self.transport.doubt(index);
        }
    }

    /// Ends a peer: the connection to it, and what waits for it.
    pub fn fail_peer(&self, peer: &Address, why: &Status) {
        self.peers.borrow_mut().disconnect(self.transport.as_ref(), peer);
        self.ended_without_reply(self.waits.fail_all(Some(peer), false, why));
    }

    /// Ends the connection to a peer, and transfers on it. Calls go on: the peer is asked for them, since their requests or replies may be
    /// lost with the connection.
    pub fn disconnect(&self, peer: &Address, why: &Status) {
        self.peers.borrow_mut().disconnect(self.transport.as_ref(), peer);
        self.ended_without_reply(self.waits.fail_all(Some(peer), true, why));
    }

    /// The frame of a message for a peer.
    pub fn frame(&self, index: PeerIndex, head: &Head, body: Parts<'_>) -> Vec<u8> {
        encode_parts(head, self.transport.source(index).as_str(), body, self.transport.is_memory(index))
    }

    /// Sends a message whose body lies in parts. Where it goes through memory, they are copied once: to where the peer finds them.
    pub fn transmit_parts(&self, index: PeerIndex, head: &Head, body: Parts<'_>) -> Result<()> {
        let length = body.length();
        if !self.transport.is_memory(index) || length < PARTS_BYTES_MIN {
            return self.transmit(index, self.frame(index, head, body));
        }
        let before = encode_before(head, self.transport.source(index).as_str(), length);
        self.transport.send_parts(index, &before, body)?;
        self.counters.sent(before.len() + length);
        Ok(())
    }

    /// Answers a request. A reply that cannot be sent is lost like one on the network: the caller asks for it.
    pub fn send_reply(
        &self,
        to: &Peer,
        is_abandoned: &Rc<Cell<bool>>,
        request: &Head,
        result: Result<Parts<'_>, &Status>,
    ) {
        if self.closed.get() {
            return;
        }
        let too_big;
        let result = match result {
            Ok(body) if body.length() > self.max_body_size() => {
                let (length, limit) = (body.length(), self.max_body_size());
                too_big = Status::new(Code::Overflow, format!("the reply of {length} bytes exceeds {limit}"));
                Err(&too_big)
            }
            other => other,
        };
        let (status, body) = match result {
            Ok(body) => (0, body),
            Err(status) => {
                self.counters.failed(status.code());
                (status.to_der(), Parts::one(shorten(status.context()).as_bytes()))
            }
        };
        let (opcode, call_id, session) = (request.opcode, request.call_id, request.session);
        let token = to.history.borrow().token();
        let head = Head { opcode, call_id, session, status, token, ..Head::of(Kind::Reply) };
        let index = self.index(to);
        let sent = if request.is_repeatable {
            // Whoever may ask twice needs no answer that is kept.
            to.history.borrow_mut().answer(call_id, is_abandoned, None);
            index.and_then(|index| self.transmit_parts(index, &head, body))
        } else {
            let frame = match &index {
                Ok(index) => self.frame(*index, &head, body),
                Err(_kept_for_later) => encode_parts(&head, self.address.as_str(), body, false),
            };
            to.history.borrow_mut().answer(call_id, is_abandoned, Some(frame.clone()));
            index.and_then(|index| self.transmit(index, frame))
        };
        if let Err(status) = sent {
            self.lost_reply(opcode, &to.address, &status);
        }
    }

    /// Gives a message to the transport.
    pub fn transmit(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        let length = frame.len();
        self.transport.send(peer, frame)?;
        self.counters.sent(length);
        Ok(())
    }

    /// Sends an answer once more that its caller did not get.
    pub fn send_answer_again(&self, to: &Address, index: PeerIndex, mut answer: Vec<u8>) {
        if !self.transport.is_memory(index) {
            cover_body(&mut answer);
        }
        let sentence = format_args!("{}: answered a request of {to} once more", self.address);
        self.counters.repeated_answers.note(self.clock(), sentence);
        if let Err(status) = self.transmit(index, answer) {
            self.lost_reply(0, to, &status);
        }
    }

    fn lost_reply(&self, opcode: u16, to: &Address, status: &Status) {
        self.counters.lost_replies.add(
            self.clock(),
            format_args!("{}: lost a reply to operation {opcode:#x} for {to}: {status}", self.address),
        );
    }

    /// Stops everything that the endpoint does; for the second time, nothing.
    pub fn close(&self, source: &Rc<dyn Source>) {
        if self.closed.replace(true) {
            return;
        }
        let ended = self.waits.fail_all(None, false, &Status::new(Code::Canceled, "the endpoint was closed"));
        self.ended_without_reply(ended);
        self.waits.wake_timer();
        let _handler = self.handler.take();
        self.spawner.remove_source(source);
        self.transport.set_receiver(None);
        self.transport.shutdown();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let source: Rc<dyn Source> = self.transport.clone();
        self.close(&source);
    }
}

/// The part of a sentence that goes over the wire, cut between characters.
fn shorten(sentence: &str) -> &str {
    let limit = CONTEXT_LENGTH_MAX.min(sentence.len());
    let end = (0..=limit).rev().find(|end| sentence.is_char_boundary(*end)).unwrap_or(0);
    &sentence[..end]
}

/// Takes what the transport receives; does not keep the endpoint alive.
pub(super) struct Intake(pub Weak<Inner>);

impl Receiver for Intake {
    fn frame(&self, bytes: Vec<u8>) {
        let Some(inner) = self.0.upgrade() else { return };
        inner.counters.received(bytes.len());
        match Frame::decode(bytes) {
            Ok(frame) => match frame.head.kind {
                Kind::Request => receive_request(&inner, frame),
                Kind::Reply => receive_reply(&inner, frame),
                _ => control::receive(&inner, &frame),
            },
            Err((error, bytes)) => {
                count_malformed(&inner, &error);
                if let FrameError::Version(other) = error {
                    versions::receive(&inner, &other, &bytes);
                }
            }
        }
    }

    fn malformed(&self, why: &dyn fmt::Display) {
        if let Some(inner) = self.0.upgrade() {
            count_malformed(&inner, why);
        }
    }

    fn send_failed(&self, _peer: PeerIndex, frame: Vec<u8>, status: Status) {
        let Some(inner) = self.0.upgrade() else { return };
        match peek(&frame) {
            Some((Kind::Request, id)) => {
                inner.ended_without_reply(inner.waits.fail(id, status));
            }
            Some((Kind::Reply, _)) | None => inner
                .counters
                .lost_replies
                .add(inner.clock(), format_args!("{}: lost a reply: {status}", inner.address)),
            Some(_) => {}
        }
    }

    fn peer_lost(&self, peer: PeerIndex, status: Status) {
        if let Some(inner) = self.0.upgrade() {
            lose_peer(&inner, peer, &status);
        }
    }

    fn reconnected(&self, peer: PeerIndex, status: Status) {
        let Some(inner) = self.0.upgrade() else { return };
        let names: Vec<Rc<Peer>> = inner.peers.borrow().by_index(peer).cloned().collect();
        for peer in &names {
            inner.ended_without_reply(inner.waits.fail_all(Some(&peer.address), true, &status));
            control::ask(&inner, Duration::ZERO, Some(&peer.address));
        }
    }
}

/// Takes it that a connection has ended: calls to the peer are asked for on a new connection, unless there is none to be had.
/// What is being served of the peer goes on: it may have ended the connection for another reason, and come back.
fn lose_peer(inner: &Rc<Inner>, index: PeerIndex, status: &Status) {
    let names: Vec<Rc<Peer>> = inner.peers.borrow().by_index(index).cloned().collect();
    for peer in &names {
        inner.disconnect(&peer.address, status);
    }
    for peer in names.iter().filter(|peer| !peer.waits.borrow().is_empty()) {
        match inner.peer(&peer.address) {
            Ok(_) => drop(control::ask(inner, Duration::ZERO, Some(&peer.address))),
            Err(_nobody_is_there) => inner.fail_peer(&peer.address, status),
        }
    }
}

fn count_malformed(inner: &Inner, why: &dyn fmt::Display) {
    let sentence = format_args!("{}: dropped a message: {why}", inner.address);
    inner.counters.malformed_frames.add(inner.clock(), sentence);
}

fn receive_reply(inner: &Rc<Inner>, frame: Frame) {
    if let Err(frame) = inner.waits.reply(frame) {
        let (address, opcode, source) = (&inner.address, frame.head.opcode, frame.source());
        let sentence = format_args!("{address}: nobody waits for the reply to operation {opcode:#x} from {source}");
        inner.counters.late_replies.note(inner.clock(), sentence);
    }
}

fn receive_request(inner: &Rc<Inner>, frame: Frame) {
    let known = inner.known_peer(frame.source()).filter(|peer| peer.index.get().is_some());
    let resolved = || -> Result<Rc<Peer>> { Ok(inner.peer(&Address::parse(frame.source())?)?.0) };
    let peer = known.map_or_else(resolved, Ok);
    let peer = match peer {
        Ok(peer) => peer,
        Err(status) => {
            let from = frame.source();
            let sentence =
                format_args!("{}: dropped a request of {from}, who cannot be answered: {status}", inner.address);
            return inner.counters.refused_requests.add(inner.clock(), sentence);
        }
    };
    if !inner.marks.contains(&frame.head.mark) {
        return refuse_stray(inner, &peer, &frame.head);
    }
    let verdict = peer.history.borrow_mut().judge(&frame.head, || inner.new_token());
    let (address, call) = (&peer.address, frame.head.call_id);
    match verdict {
        Verdict::New => serve(inner, &peer, frame),
        Verdict::Doubled => {
            let sentence = format_args!("{}: dropped a request of {address} that came twice", inner.address);
            inner.counters.doubled_requests.note(inner.clock(), sentence);
        }
        Verdict::Answered(answer) => {
            if let Some(index) = peer.index.get() {
                inner.send_answer_again(address, index, answer);
            }
        }
        Verdict::Forgotten => {
            let sentence =
                format_args!("{}: dropped a request of {address} that may have been carried out", inner.address);
            inner.counters.doubled_requests.add(inner.clock(), sentence);
            let token = peer.history.borrow().token();
            control::tell(inner, address, Kind::Forgotten, token, &[call]);
        }
    }
}

/// Hands a request to the handler, or refuses it.
fn serve(inner: &Rc<Inner>, peer: &Rc<Peer>, frame: Frame) {
    let handler = inner.handler.borrow().clone();
    let Some(handler) = handler else {
        let refusal = Status::new(Code::Unreach, format!("endpoint {} serves no requests", inner.address));
        return refuse(inner, peer, &frame.head, &refusal);
    };
    let settings = &inner.settings;
    let is_full = inner.load.requests.get() >= settings.requests_max
        || inner.load.bytes.get().saturating_add(frame.length()) > settings.request_bytes_max
        || peer.history.borrow().served() >= settings.requests_per_peer_max;
    if is_full {
        let sentence = format_args!("{}: refused a request of {}, too many at once", inner.address, peer.address);
        inner.counters.refused_requests.add(inner.clock(), sentence);
        let sentence = format!("endpoint {} has too many requests at once", inner.address);
        return refuse(inner, peer, &frame.head, &Status::new(Code::Busy, sentence));
    }
    handler(Request::new(inner.clone(), peer.clone(), frame));
}

/// Answers a request for another endpoint, which is not here any more: its caller learns what it would if nobody were here. The history of its caller,
/// who is a known peer from now on so that it can be answered, does not have it: one that comes again is refused again.
fn refuse_stray(inner: &Inner, peer: &Rc<Peer>, head: &Head) {
    let sentence = format!("endpoint {} is now where the one was that is meant", inner.address);
    inner.counters.stray_requests.add(inner.clock(), format_args!("refused a request of {}: {sentence}", peer.address));
    let status = Status::new(Code::Unreach, sentence);
    let (opcode, call_id, session, token) = (head.opcode, head.call_id, head.session, head.token);
    let reply = Head { opcode, call_id, session, token, status: status.to_der(), ..Head::of(Kind::Reply) };
    let sent = inner
        .index(peer)
        .and_then(|index| inner.transmit_parts(index, &reply, Parts::one(status.context().as_bytes())));
    if let Err(status) = sent {
        inner.lost_reply(opcode, &peer.address, &status);
    }
}

/// Answers a request that is not carried out. That is remembered like any answer: the request may come twice, and its caller may have gone
/// on by then.
fn refuse(inner: &Inner, peer: &Rc<Peer>, head: &Head, refusal: &Status) {
    let is_abandoned = peer.history.borrow_mut().serve(head.call_id);
    inner.send_reply(peer, &is_abandoned, head, Err(refusal));
}
