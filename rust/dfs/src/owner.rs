//! Who runs the process.
#![allow(unsafe_code, reason = "two system calls that cannot fail and touch no memory")]

/// Effective user and group.
pub(crate) fn of_process() -> (u32, u32) {
    // SAFETY: the calls take nothing and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}
