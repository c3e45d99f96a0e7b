//! What the parts of an endpoint share.

use super::control;
use super::exposures::Exposures;
use super::peers::Peers;
use super::request::Request;
use super::served::ServedRequests;
use super::waits::{Ended, Waits};
use crate::frame::{Frame, Head, Kind, encode, peek};
use crate::statistics::Counters;
use crate::{Address, EndpointSettings, OVERHEAD_MAX, PeerIndex, Receiver, Transport};
use daos_env::{Clock, Source, Spawner};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Longest context sentence that goes back with an error.
const CONTEXT_LENGTH_MAX: usize = 1024;

pub(super) type Handler = Rc<dyn Fn(Request)>;

pub(super) struct Inner {
    pub transport: Rc<dyn Transport>,
    pub address: Address,
    pub spawner: Spawner,
    pub settings: EndpointSettings,
    pub peers: RefCell<Peers>,
    pub waits: Waits,
    pub handler: RefCell<Option<Handler>>,
    pub served: ServedRequests,
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

    /// Number and session of a peer.
    pub fn peer(&self, address: &Address) -> Result<(PeerIndex, u64)> {
        self.peers.borrow_mut().resolve(self.transport.as_ref(), address, |peer| self.waits.involve(peer))
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
                control::tell(self, peer, Kind::Abandoned, &[*id]);
            }
        }
        self.ended_without_reply(ended);
        if self.waits.time_to_ask(now) {
            control::ask(self);
        }
    }

    /// Ends the connection to a peer, and what waits for it, which would be lost with it.
    pub fn disconnect(&self, peer: &Address, why: &Status) {
        self.peers.borrow_mut().disconnect(self.transport.as_ref(), peer);
        self.ended_without_reply(self.waits.fail_all(Some(peer), why));
    }

    /// Answers a request. A reply that cannot be sent is lost like one on the network: the caller's time-out finds out.
    pub fn send_reply(&self, to: &Address, request: &Head, result: Result<&[u8], &Status>) {
        if self.closed.get() {
            return;
        }
        let too_big;
        let result = match result {
            Ok(body) if body.len() > self.max_body_size() => {
                too_big = Status::new(
                    Code::Overflow,
                    format!("the reply of {} bytes exceeds {}", body.len(), self.max_body_size()),
                );
                Err(&too_big)
            }
            other => other,
        };
        let (status, body) = match result {
            Ok(body) => (0, body),
            Err(status) => (status.to_der(), shorten(status.context()).as_bytes()),
        };
        let head = Head { kind: Kind::Reply, status, ..*request };
        let frame = encode(&head, self.address.as_str(), body);
        let sent = self.peer(to).and_then(|(peer, _)| self.transport.send(peer, frame));
        if let Err(status) = sent {
            self.lost_reply(request.opcode, to, &status);
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
        let ended = self.waits.fail_all(None, &Status::new(Code::Canceled, "the endpoint was closed"));
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
        match Frame::decode(bytes) {
            Ok(frame) => match frame.head.kind {
                Kind::Request => receive_request(&inner, frame),
                Kind::Reply => receive_reply(&inner, frame),
                Kind::Abandoned | Kind::Asked | Kind::Unknown => control::receive(&inner, &frame),
            },
            Err(error) => inner
                .counters
                .malformed_frames
                .add(inner.clock(), format_args!("{}: dropped a message: {error}", inner.address)),
        }
    }

    fn send_failed(&self, _peer: PeerIndex, frame: Vec<u8>, status: Status) {
        let Some(inner) = self.0.upgrade() else { return };
        match peek(&frame) {
            Some((Kind::Request, id)) => {
                inner.ended_without_reply(inner.waits.fail(id, status));
            }
            Some((Kind::Abandoned | Kind::Asked | Kind::Unknown, _)) => {}
            Some((Kind::Reply, _)) | None => inner
                .counters
                .lost_replies
                .add(inner.clock(), format_args!("{}: lost a reply: {status}", inner.address)),
        }
    }
}

fn receive_reply(inner: &Rc<Inner>, frame: Frame) {
    let (opcode, source) = (frame.head.opcode, frame.source().to_owned());
    if !inner.waits.reply(frame) {
        inner.counters.late_replies.add(
            inner.clock(),
            format_args!("{}: nobody waits for the reply to operation {opcode:#x} from {source}", inner.address),
        );
    }
}

fn receive_request(inner: &Rc<Inner>, frame: Frame) {
    let known = inner.peers.borrow_mut().find(frame.source()).map(|(address, ..)| address);
    let address = match known.map_or_else(|| Address::parse(frame.source()), Ok).and_then(|address| {
        inner.peer(&address)?;
        Ok(address)
    }) {
        Ok(address) => address,
        Err(status) => {
            let from = frame.source();
            inner.counters.refused_requests.add(
                inner.clock(),
                format_args!("{}: dropped a request of {from}, who cannot be answered: {status}", inner.address),
            );
            return;
        }
    };
    if !inner.peers.borrow_mut().is_first(&address, frame.head.call_id) {
        let sentence = format_args!("{}: dropped a request of {address} that came twice", inner.address);
        return inner.counters.doubled_requests.add(inner.clock(), sentence);
    }
    let handler = inner.handler.borrow().clone();
    let refusal = match handler {
        None => Status::new(Code::Nosys, format!("endpoint {} serves no requests", inner.address)),
        Some(_) if inner.served.count() >= inner.settings.requests_max => {
            let sentence = format_args!("{}: refused a request of {address}, too many at once", inner.address);
            inner.counters.refused_requests.add(inner.clock(), sentence);
            Status::new(Code::Busy, format!("endpoint {} has too many requests at once", inner.address))
        }
        Some(handler) => return handler(Request::new(inner.clone(), address, frame)),
    };
    inner.send_reply(&address, &frame.head, Err(&refusal));
}
