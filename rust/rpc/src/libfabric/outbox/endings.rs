//! What becomes of messages and transfers: they arrive, are tried again, or fail.

use super::super::blocked::Blocked;
use super::{Attempt, Failed, Job, Message, Outbox, Outgoing, Peer, REPEAT_LIMIT};
use crate::PeerIndex;
use daos_status::{Result, Status};
use std::rc::Rc;
use std::time::Duration;

impl Outbox {
    pub(super) fn fail_queue(&mut self, index: PeerIndex, peer: &mut Peer, status: &Status) {
        for outgoing in std::mem::take(&mut peer.queue).into_values() {
            match outgoing {
                Outgoing::Transfer(job) => job.end(Err(status.clone())),
                Outgoing::Message { message, .. } => {
                    self.bytes -= message.length();
                    self.fail_message(index, &message, status);
                }
            }
        }
    }

    pub(super) fn fail_message(&mut self, peer: PeerIndex, message: &Message, status: &Status) {
        // Parts that are still under way belong to no attempt any more.
        message.attempt.set(u32::MAX);
        self.failed.push(Failed { peer, frame: message.frame.borrow().clone(), status: status.clone() });
    }

    /// Takes the end of a fragment of messages.
    pub fn part_ended(&mut self, now: Duration, index: PeerIndex, messages: Vec<Attempt>, result: Result<usize>) {
        self.ended(index);
        let Err(status) = result else { return };
        for (message, attempt) in messages {
            self.attempt_failed(now, index, message, attempt, &status);
        }
    }

    /// A message whose connection ended is sent again from its beginning: a peer that is still there has dropped what it got of
    /// it, or got all of it, which the message says from now on.
    fn attempt_failed(&mut self, now: Duration, index: PeerIndex, message: Rc<Message>, attempt: u32, status: &Status) {
        if message.attempt.get() != attempt {
            return;
        }
        let length = message.length();
        let Some(peer) = self.peers.get_mut(&index) else { return self.fail_message(index, &message, status) };
        let since = message.failing_since.get().unwrap_or(now);
        message.failing_since.set(Some(since));
        if now.saturating_sub(since) > self.connect_limit.min(REPEAT_LIMIT) {
            if peer.queue.remove(&message.sequence).is_some() {
                self.bytes -= length;
            }
            return self.fail_message(index, &message, status);
        }
        message.attempt.set(attempt + 1);
        crate::frame::mark_sent_again(&mut message.frame.borrow_mut());
        peer.blocked.get_or_insert_with(|| Blocked::new(now)).after_attempt(attempt, now);
        if !std::mem::replace(&mut peer.waiting, true) {
            self.waiting.push_back(index);
        }
        let again = Outgoing::Message { message: message.clone(), offset: 0 };
        if peer.queue.insert(message.sequence, again).is_none() {
            self.bytes += length;
        }
    }

    /// Takes the end of a transfer.
    pub fn transfer_ended(&mut self, peer: PeerIndex, job: Job, result: Result<usize>) {
        self.ended(peer);
        job.end(result.map(|_| ()));
    }

    fn ended(&mut self, peer: PeerIndex) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
    }
}
