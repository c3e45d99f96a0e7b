//! Waiting on descriptors, for the thread that greets clients.
#![allow(unsafe_code, reason = "poll has no safe wrapper in the standard library")]

use std::os::fd::RawFd;
use std::time::Duration;

/// A descriptor to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub descriptor: RawFd,
    /// Also wait for room to write.
    pub write: bool,
}

/// Waits until a descriptor is ready or `limit` has passed, and tells for each whether it is ready (also when its peer has
/// gone). A signal ends the wait early.
pub(crate) fn wait(wanted: &[Wanted], limit: Option<Duration>) -> Vec<bool> {
    let mut descriptors: Vec<libc::pollfd> = wanted
        .iter()
        .map(|wanted| {
            let events = libc::POLLIN | if wanted.write { libc::POLLOUT } else { 0 };
            libc::pollfd { fd: wanted.descriptor, events, revents: 0 }
        })
        .collect();
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: i64::from(limit.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the array and the time-out live through the call.
    let ready =
        unsafe { libc::ppoll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, limit, std::ptr::null()) };
    descriptors.iter().map(|descriptor| ready > 0 && descriptor.revents != 0).collect()
}
