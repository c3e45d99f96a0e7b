//! Bulk data: memory exposed by the caller, moved by the server.

use super::Waiter;
use super::inner::Inner;
use super::waits::Waiting;
use crate::{Access, Address, BulkDescriptor, Registration, RemoteRegion};
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::Poll;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Pull,
    Push,
}

/// Memory that peers can reach until this is dropped.
///
/// Dropping it while a call that carried its descriptor has ended without a reply (time-out, cancellation, dead peer)
/// first ends the connection to that peer, so that a transfer of which the caller knows nothing cannot go on.
pub struct Exposed {
    inner: Rc<Inner>,
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
        inner.exposures.set(inner.exposures.get() + 1);
        Ok(Exposed { inner: inner.clone(), descriptor: BulkDescriptor::new(region, access), registration })
    }

    /// What to put into the request.
    pub fn descriptor(&self) -> BulkDescriptor {
        self.descriptor
    }
}

impl Drop for Exposed {
    fn drop(&mut self) {
        for peer in self.inner.unclean.take() {
            self.inner.peers.borrow_mut().disconnect(self.inner.transport.as_ref(), &peer);
        }
        self.registration = None;
        self.inner.exposures.set(self.inner.exposures.get() - 1);
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
    let mut operation = match direction {
        Direction::Pull => inner.transport.read(index, remote.region(), offset, buffer),
        Direction::Push => inner.transport.write(index, remote.region(), offset, buffer),
    };
    let mut waiter: Option<Waiter> = None;
    let (buffer, result) = std::future::poll_fn(|context| {
        // A transport that is done at once never has to wait.
        if let Poll::Ready(done) = operation.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        if waiter.is_none() {
            match Waiter::new(inner, peer, Waiting::Transfer, inner.settings.transfer_timeout) {
                Ok(new) => waiter = Some(new),
                Err(status) => return Poll::Ready((IoBuffer::zeroed(length), Err(status))),
            }
        }
        match waiter.as_mut().map(|waiter| Pin::new(waiter).poll(context)) {
            // The fabric may still use the buffer: the operation keeps it, and the caller gets another one.
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
) -> Result<crate::PeerIndex> {
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
    Ok(inner.peer(peer)?.0)
}
