//! Bulk data: memory exposed by the caller, moved by the server.

use super::exposures::Mark;
use super::inner::Inner;
use super::waits::{Awaited, Waiting};
use super::{Waiter, control};
use crate::frame::Kind;
use crate::{Access, Address, BulkDescriptor, PeerIndex, Registration, RemoteRegion};
use daos_env::IoBuffer;
use daos_status::{Code, Result, Status, fail};
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Pull,
    Push,
}

/// Memory that peers can reach until this is dropped.
///
/// When a call that lent it has ended without a reply (time-out, cancellation, dead peer), dropping it first ends the
/// connection to that peer, so that a transfer of which the caller knows nothing cannot go on.
pub struct Exposed {
    inner: Rc<Inner>,
    number: u64,
    descriptor: BulkDescriptor,
    registration: Option<Registration>,
}

impl Exposed {
    /// # Safety
    /// As [`crate::Endpoint::expose`].
    pub(super) unsafe fn new(inner: &Rc<Inner>, memory: NonNull<u8>, length: usize, access: Access) -> Result<Exposed> {
        inner.check_open()?;
        let registration = match length {
            // Nothing can be moved, and not every fabric registers nothing.
            0 => None,
            // SAFETY: the caller keeps the contract until this value, and with it the registration, is dropped.
            _ => Some(unsafe { inner.transport.register(memory, length, access)? }),
        };
        let empty = RemoteRegion { key: 0, base: 0, length: 0 };
        let region = registration.as_ref().map_or(empty, Registration::region);
        let (number, descriptor) = (inner.exposures.add(), BulkDescriptor::new(region, access));
        Ok(Exposed { inner: inner.clone(), number, descriptor, registration })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What to put into the request.
    pub fn descriptor(&self) -> BulkDescriptor {
        self.descriptor
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        let marks = self.inner.exposures.remove(self.number);
        for Mark { peer, .. } in &marks {
            let sentence = format!("the connection to {peer} was ended: it may use memory of a call without reply");
            self.inner.disconnect(peer, &Status::new(Code::Hg, sentence));
        }
        self.registration = None;
        if !self.inner.closed.get() {
            // The first on the next connection, before the calls that wait for it.
            for Mark { peer, call } in &marks {
                control::tell(&self.inner, peer, Kind::Abandoned, 0, &[*call]);
            }
            for Mark { peer, .. } in &marks {
                control::ask(&self.inner, Duration::ZERO, Some(peer));
            }
        }
        self.inner.exposures.clean(&marks);
    }
}

/// Ends the connection when a transfer is given up that the fabric still works on: the reply that follows tells the peer
/// that its memory is not used any more.
struct Unfinished<'a> {
    inner: &'a Rc<Inner>,
    peer: &'a Address,
    index: PeerIndex,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // Unless it was ended already: a newer connection has nothing to do with this transfer.
        if self.inner.peers.borrow().index(self.peer) != Some(self.index) {
            return;
        }
        let sentence = format!("the connection to {} was ended: a transfer did not end in time", self.peer);
        self.inner.disconnect(self.peer, &Status::new(Code::Hg, sentence));
        if !self.inner.closed.get() {
            control::ask(self.inner, Duration::ZERO, Some(self.peer));
        }
    }
}

/// Moves bytes between a buffer and a peer's memory.
pub(super) async fn transfer(
    inner: &Rc<Inner>,
    peer: &Address,
    direction: Direction,
    remote: &BulkDescriptor,
    offset: u64,
    buffer: IoBuffer,
) -> (IoBuffer, Result<()>) {
    let length = buffer.len();
    let what = || {
        let words = if direction == Direction::Pull { ("pull", "from") } else { ("push", "to") };
        format!("{} of {length} bytes {} {peer}", words.0, words.1)
    };
    let index = match prepare(inner, peer, direction, remote, offset, length) {
        Ok(_) if length == 0 => return (buffer, Ok(())),
        Ok(index) => index,
        Err(status) => return (buffer, Err(status.while_doing(what()))),
    };
    inner.counters.transfer(direction == Direction::Pull, length);
    let mut operation = match direction {
        Direction::Pull => inner.transport.read(index, remote.region(), offset, buffer),
        Direction::Push => inner.transport.write(index, remote.region(), offset, buffer),
    };
    let mut waiter: Option<Waiter> = None;
    let mut unfinished: Option<Unfinished<'_>> = None;
    let (buffer, result) = std::future::poll_fn(|context| {
        // A transport that is done at once never has to wait.
        if let Poll::Ready(done) = operation.as_mut().poll(context) {
            if let Some(finished) = unfinished.take() {
                std::mem::forget(finished);
            }
            return Poll::Ready(done);
        }
        if waiter.is_none() {
            unfinished = Some(Unfinished { inner, peer, index });
            let limit = inner.settings.transfer_timeout;
            let what = Awaited { waiting: Waiting::Transfer, memory: Vec::new(), limit };
            match inner.peer(peer).and_then(|(peer, _)| Waiter::new(inner, &peer, what, inner.now())) {
                Ok(new) => waiter = Some(new),
                Err(status) => return Poll::Ready((IoBuffer::zeroed(length), Err(status))),
            }
        }
        match waiter.as_mut().map(|waiter| Pin::new(waiter).poll(context)) {
            // The fabric may still use the buffer: the operation keeps it, and the caller gets another one. The connection
            // is ended when this returns.
            Some(Poll::Ready(Err(status))) => Poll::Ready((IoBuffer::zeroed(length), Err(status))),
            _ => Poll::Pending,
        }
    })
    .await;
    (buffer, result.map_err(|status| status.while_doing(what())))
}

fn prepare(
    inner: &Rc<Inner>,
    peer: &Address,
    direction: Direction,
    remote: &BulkDescriptor,
    offset: u64,
    length: usize,
) -> Result<PeerIndex> {
    inner.check_open()?;
    remote.check_range(offset, length)?;
    let allowed = match direction {
        Direction::Pull => remote.access().may_read(),
        Direction::Push => remote.access().may_write(),
    };
    if !allowed {
        fail!(Code::NoPerm, "the memory was exposed for {:?} only", remote.access());
    }
    inner.waits.check_room()?;
    Ok(inner.peer(peer)?.1)
}
