//! Finding out what becomes of a connection to an address, which a provider may not tell.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What became of an attempt to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// Somebody listens.
    Taken,
    /// The machine is there, and nobody listens.
    Refused,
    /// There is no way to it.
    Failed,
}

/// A connection attempt of our own, beside the provider's. It is closed before anything is sent on it.
pub(super) struct Probe {
    socket: OwnedFd,
    at_once: Option<Outcome>,
}

impl Probe {
    /// Starts to connect to an address in the form of a `sockaddr`; `None` when that says nothing.
    pub fn start(address: &[u8]) -> Option<Probe> {
        let family = u16::from_ne_bytes(address.get(..2)?.try_into().ok()?);
        if ![libc::AF_INET as u16, libc::AF_INET6 as u16].contains(&family) {
            return None;
        }
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: a plain system call, whose result is checked.
        let socket = unsafe { libc::socket(i32::from(family), kind, 0) };
        if socket < 0 {
            return None;
        }
        // SAFETY: the descriptor was just opened, and nobody else owns it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let length = libc::socklen_t::try_from(address.len()).ok()?;
        // SAFETY: the kernel reads as many bytes as are given, and takes them as an address of their family or refuses.
        let result = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), length) };
        let error = std::io::Error::last_os_error().raw_os_error();
        let at_once = match error {
            _ if result == 0 => Some(Outcome::Taken),
            Some(libc::EINPROGRESS) => None,
            Some(error) => Some(outcome_of(error)),
            None => Some(Outcome::Failed),
        };
        Some(Probe { socket, at_once })
    }

    /// What became of the attempt; `None` while that is not known.
    pub fn outcome(&self) -> Option<Outcome> {
        if self.at_once.is_some() {
            return self.at_once;
        }
        let mut poll = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one descriptor, which lives through the call.
        if unsafe { libc::poll(&mut poll, 1, 0) } != 1 {
            return None;
        }
        let (mut error, mut length) = (0i32, size_of::<i32>() as libc::socklen_t);
        // SAFETY: an integer is filled, whose length is given.
        let result = unsafe {
            let error = (&raw mut error).cast();
            libc::getsockopt(self.socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, error, &mut length)
        };
        Some(if result == 0 { outcome_of(error) } else { Outcome::Failed })
    }
}

fn outcome_of(error: i32) -> Outcome {
    match error {
        0 => Outcome::Taken,
        libc::ECONNREFUSED => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use std::net::TcpListener;

    fn verdict(port: u16) -> Outcome {
        let address = Address::parse(&format!("tcp://127.0.0.1:{port}")).unwrap();
        let bytes = super::super::place::bytes_of("tcp", daos_libfabric_sys::FI_SOCKADDR_IN, &[0; 16], &address);
        let probe = Probe::start(&bytes.unwrap()).unwrap();
        loop {
            if let Some(outcome) = probe.outcome() {
                return outcome;
            }
        }
    }

    #[test]
    fn refusals_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(verdict(port), Outcome::Taken);
        drop(listener);
        assert_eq!(verdict(port), Outcome::Refused);
        assert!(Probe::start(&[]).is_none() && Probe::start(&[0xff; 16]).is_none());
    }
}
