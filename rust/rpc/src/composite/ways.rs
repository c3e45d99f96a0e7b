//! The two ways of a composite transport.

use crate::{PeerIndex, Receiver};
use daos_status::{Result, Status};
use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::rc::Rc;

/// How a peer is reached; the lowest bit of its number says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Shared = 0,
    Network = 1,
}

/// The number of a peer, of its number on one of the ways.
pub(super) fn outer_of(way: Way, inner: PeerIndex) -> PeerIndex {
    PeerIndex(inner.0 << 1 | way as u64)
}

/// The way and the number on it.
pub(super) fn inner_of(outer: PeerIndex) -> (Way, PeerIndex) {
    (if outer.0 & 1 == 0 { Way::Shared } else { Way::Network }, PeerIndex(outer.0 >> 1))
}

/// Hands on what comes in one of the ways.
pub(super) struct Translated {
    pub receiver: Rc<dyn Receiver>,
    pub way: Way,
}

impl Receiver for Translated {
    fn frame(&self, frame: Vec<u8>) {
        self.receiver.frame(frame);
    }

    fn malformed(&self, why: &dyn std::fmt::Display) {
        self.receiver.malformed(why);
    }

    fn send_failed(&self, peer: PeerIndex, frame: Vec<u8>, status: Status) {
        self.receiver.send_failed(outer_of(self.way, peer), frame, status);
    }

    fn peer_lost(&self, peer: PeerIndex, status: Status) {
        self.receiver.peer_lost(outer_of(self.way, peer), status);
    }

    fn reconnected(&self, peer: PeerIndex, status: Status) {
        self.receiver.reconnected(outer_of(self.way, peer), status);
    }
}

/// A descriptor that is readable when one of several is.
pub(super) struct Both(OwnedFd);

impl Both {
    pub fn new() -> Result<Both> {
        // SAFETY: no memory is involved; the result is checked.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(Status::from(Error::last_os_error()).while_doing("opening a descriptor to sleep on"));
        }
        // SAFETY: it was just opened, and nobody else owns it.
        Ok(Both(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    pub fn add(&self, descriptor: RawFd) -> Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        // SAFETY: both descriptors are open, and the event lives through the call.
        if unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &raw mut event) } != 0 {
            return Err(Status::from(Error::last_os_error()).while_doing("watching a transport"));
        }
        Ok(())
    }

    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
