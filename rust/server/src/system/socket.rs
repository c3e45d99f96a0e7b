//! Options of TCP connections that the standard library does not set.
#![allow(unsafe_code, reason = "options of sockets have no safe wrapper in the standard library")]

use std::io::Error;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Seconds of silence after which the kernel asks whether the other end is there, seconds between such questions, and how
/// many may stay without an answer: a machine that lost its power or its network shows within about ten seconds.
const KEEPALIVE: [(libc::c_int, libc::c_int); 3] =
    [(libc::TCP_KEEPIDLE, 4), (libc::TCP_KEEPINTVL, 2), (libc::TCP_KEEPCNT, 3)];
/// Milliseconds for which sent bytes may stay without acknowledgement.
const USER_TIMEOUT: libc::c_int = 10_000;

fn set(stream: &TcpStream, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> std::io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length are those of the number, which lives through the call.
    let result = unsafe { libc::setsockopt(stream.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Lets the kernel end a connection whose other end is gone without a word, and send short messages at once.
pub(super) fn watch(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    set(stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    for (option, value) in KEEPALIVE {
        set(stream, libc::IPPROTO_TCP, option, value)?;
    }
    set(stream, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, USER_TIMEOUT)
}
