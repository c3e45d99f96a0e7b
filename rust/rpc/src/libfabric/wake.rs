//! What the thread sleeps on: the provider's completions, and the moment to try again.

use daos_status::{Result, Status};
use std::cell::Cell;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// One descriptor (an epoll set) for the completion queue's and a timer's.
pub(super) struct Wake {
    set: OwnedFd,
    timer: OwnedFd,
    armed: Cell<bool>,
}

impl Wake {
    /// `completions`, if there are any to watch, must stay open as long as this.
    pub fn new(completions: Option<RawFd>) -> Result<Wake> {
        // SAFETY: plain system calls; results are checked.
        let (set, timer) = unsafe {
            (
                owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?,
                owned(libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK))?,
            )
        };
        for descriptor in completions.into_iter().chain([timer.as_raw_fd()]) {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: both descriptors are open, and the event lives through the call.
            let result = unsafe { libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &mut event) };
            if result != 0 {
                return Err(last_error("watching completions"));
            }
        }
        Ok(Wake { set, timer, armed: Cell::new(false) })
    }

    /// What becomes readable.
    pub fn descriptor(&self) -> RawFd {
        self.set.as_raw_fd()
    }

    /// Makes the descriptor readable after a while.
    pub fn ring_after(&self, delay: Duration) {
        // Zero would disarm it.
        self.set_timer(delay.max(Duration::from_nanos(1)));
        self.armed.set(true);
    }

    /// Takes the ringing back; costs nothing when there was none.
    pub fn quiet(&self) {
        if self.armed.replace(false) {
            self.set_timer(Duration::ZERO);
        }
    }

    fn set_timer(&self, delay: Duration) {
        let value = libc::timespec {
            tv_sec: libc::time_t::try_from(delay.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: i64::from(delay.subsec_nanos()),
        };
        let spec = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: the descriptor is ours and the specification lives through the call, which fails only for a wrong
        // one. Setting the timer also takes back that it had expired.
        unsafe { libc::timerfd_settime(self.timer.as_raw_fd(), 0, &spec, std::ptr::null_mut()) };
    }
}

/// # Safety
/// The descriptor is the caller's to give away, or negative.
unsafe fn owned(descriptor: RawFd) -> Result<OwnedFd> {
    if descriptor < 0 {
        return Err(last_error("opening a descriptor to sleep on"));
    }
    // SAFETY: it was just opened, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn last_error(what: &str) -> Status {
    Status::from(std::io::Error::last_os_error()).while_doing(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::Doorbell;

    fn readable(descriptor: RawFd, timeout_ms: i32) -> bool {
        let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, which lives through the call.
        unsafe { libc::poll(&mut poll, 1, timeout_ms) == 1 }
    }

    #[test]
    fn it_rings_for_completions_and_for_the_timer() {
        let bell = Doorbell::new().unwrap();
        let wake = Wake::new(Some(bell.descriptor())).unwrap();
        assert!(!readable(wake.descriptor(), 0));
        bell.ring();
        assert!(readable(wake.descriptor(), -1));
        bell.clear();
        assert!(!readable(wake.descriptor(), 0));
        wake.ring_after(Duration::ZERO);
        assert!(readable(wake.descriptor(), -1));
        wake.quiet();
        assert!(!readable(wake.descriptor(), 0));
    }
}
