//! Handing what waits to the provider.

use super::super::fragment::{Room, fragment_at, fragment_of};
use super::super::port::{Operation, Port, Refusal};
use super::{IN_FLIGHT_MAX, Message, Outbox, Outgoing, Peer};
use crate::PeerIndex;
use daos_status::Result;
use std::rc::Rc;
use std::time::Duration;

impl Outbox {
    /// Gives the provider what it takes of a peer's queue.
    pub(super) fn push(&mut self, port: &Port, now: Duration, index: PeerIndex) {
        let Some(mut peer) = self.peers.remove(&index) else { return };
        peer.fresh_bytes = 0;
        let outcome = self.push_queue(port, now, index, &mut peer);
        let given_up = outcome.and_then(|()| peer.check_patience(now, self.connect_limit));
        if let Err(status) = given_up {
            let status = status.while_doing(format_args!("sending to {}", peer.address));
            self.fail_queue(index, &mut peer, &status);
            self.hang_up(port, &mut peer);
        }
        if peer.queue.is_empty() {
            (peer.blocked, peer.waiting) = (None, false);
        } else if !std::mem::replace(&mut peer.waiting, true) {
            self.waiting.push_back(index);
        }
        self.peers.insert(index, peer);
    }

    fn push_queue(&mut self, port: &Port, now: Duration, index: PeerIndex, peer: &mut Peer) -> Result<()> {
        let place = match peer.place {
            Some(place) => place,
            None => *peer.place.insert(port.insert(&peer.bytes)?),
        };
        while let Some((sequence, outgoing)) = peer.queue.pop_first() {
            if peer.in_flight >= IN_FLIGHT_MAX {
                peer.queue.insert(sequence, outgoing);
                peer.block(now);
                return Ok(());
            }
            let posted = match outgoing {
                Outgoing::Message { message, offset: 0 } if peer.is_followed_by_message() => {
                    self.post_several(port, place, index, peer, message)
                }
                Outgoing::Message { message, offset } => self.post_part(port, place, index, peer, message, offset),
                Outgoing::Transfer(job) => match port.transfer(place, Operation::Transfer { peer: index, job }) {
                    Err(Refusal::Later(Operation::Transfer { job, .. })) => {
                        peer.queue.insert(sequence, Outgoing::Transfer(job));
                        Ok(false)
                    }
                    Err(Refusal::Failed(Operation::Transfer { job, .. }, status)) => {
                        job.end(Err(status.clone()));
                        Err(status)
                    }
                    _ => Ok(true),
                },
            };
            if !posted? {
                peer.block(now);
                return Ok(());
            }
            peer.in_flight += 1;
            peer.blocked = None;
        }
        Ok(())
    }

    /// `false` when the provider has no room.
    fn post_part(
        &mut self,
        port: &Port,
        place: u64,
        index: PeerIndex,
        peer: &mut Peer,
        message: Rc<Message>,
        offset: usize,
    ) -> Result<bool> {
        let (bytes, next) = fragment_at(&message.frame.borrow(), message.number, offset);
        let sequence = message.sequence;
        let part = Operation::Part { peer: index, messages: vec![message.attempt()], bytes };
        let result = match port.send(place, part) {
            Ok(()) => match next {
                Some(offset) => {
                    peer.queue.insert(sequence, Outgoing::Message { message, offset });
                    return Ok(true);
                }
                None => {
                    self.bytes -= message.length();
                    return Ok(true);
                }
            },
            Err(Refusal::Later(_)) => Ok(false),
            Err(Refusal::Failed(_, status)) => Err(status),
        };
        peer.queue.insert(sequence, Outgoing::Message { message, offset });
        result
    }

    /// Sends a message with those behind it that fit the same fragment; `false` when the provider has no room.
    fn post_several(
        &mut self,
        port: &Port,
        place: u64,
        index: PeerIndex,
        peer: &mut Peer,
        first: Rc<Message>,
    ) -> Result<bool> {
        let mut room = Room::default();
        if !room.take(&first.frame.borrow()) {
            return self.post_part(port, place, index, peer, first, 0);
        }
        let mut messages = vec![first];
        while let Some(next) = peer.queue.first_entry() {
            match next.get() {
                Outgoing::Message { message, offset: 0 } if room.take(&message.frame.borrow()) => {}
                _ => break,
            }
            if let Outgoing::Message { message, .. } = next.remove() {
                messages.push(message);
            }
        }
        let frames: Vec<_> = messages.iter().map(|message| message.frame.borrow()).collect();
        let bytes = fragment_of(frames.iter().map(|frame| frame.as_slice()));
        drop(frames);
        let attempts = messages.iter().map(Message::attempt).collect();
        let result = match port.send(place, Operation::Part { peer: index, messages: attempts, bytes }) {
            Ok(()) => {
                self.bytes -= messages.iter().map(|message| message.length()).sum::<usize>();
                return Ok(true);
            }
            Err(Refusal::Later(_)) => Ok(false),
            Err(Refusal::Failed(_, status)) => Err(status),
        };
        for message in messages {
            peer.queue.insert(message.sequence, Outgoing::Message { message, offset: 0 });
        }
        result
    }
}
