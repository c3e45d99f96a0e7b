//! What a thread sleeps on: the sockets and processes of all connections, as one descriptor.

use daos_status::{Result, Status};
use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Events taken at a time.
const EVENTS: usize = 64;

/// What an event is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// Somebody connects.
    Door,
    /// The socket of a connection, by its token.
    Socket(u64),
    /// The process behind a connection has ended.
    Process(u64),
}

const DOOR: u64 = u64::MAX;
const PROCESS: u64 = 1 << 63;

/// A set of descriptors. Those that are closed leave it by themselves.
pub(super) struct Watch(OwnedFd);

impl Watch {
    pub fn new() -> Result<Watch> {
        // SAFETY: no memory is involved; the result is checked.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if descriptor < 0 {
            return Err(Status::from(Error::last_os_error()).while_doing("opening a descriptor to sleep on"));
        }
        // SAFETY: it was just opened, and nobody else owns it.
        Ok(Watch(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    pub fn add(&self, descriptor: RawFd, event: Event) -> Result<()> {
        let word = match event {
            Event::Door => DOOR,
            Event::Socket(token) => token,
            Event::Process(token) => token | PROCESS,
        };
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: word };
        // SAFETY: both descriptors are open, and the event lives through the call.
        if unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &raw mut event) } != 0 {
            return Err(Status::from(Error::last_os_error()).while_doing("watching a connection"));
        }
        Ok(())
    }

    /// Takes a descriptor out that stays open.
    pub fn remove(&self, descriptor: RawFd) {
        // SAFETY: the descriptor is open. One that is not in the set is an error that does not matter.
        unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, descriptor, std::ptr::null_mut()) };
    }

    /// What has happened.
    pub fn take(&self) -> Vec<Event> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: the array has so many elements.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, 0) };
        let events = &events[..usize::try_from(count).unwrap_or(0).min(EVENTS)];
        let event = |event: &libc::epoll_event| {
            // The structure is packed: its word is copied out.
            let word = event.u64;
            match word {
                DOOR => Event::Door,
                _ if word & PROCESS != 0 => Event::Process(word & !PROCESS),
                token => Event::Socket(token),
            }
        };
        events.iter().map(event).collect()
    }

    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
