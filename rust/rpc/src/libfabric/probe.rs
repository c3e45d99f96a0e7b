//! Finding out that nobody listens at an address, which a provider may not tell.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A connection attempt of our own, beside the provider's. It is closed before anything is sent on it.
pub(super) struct Probe {
    socket: OwnedFd,
    refused_at_once: bool,
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
        Some(Probe { socket, refused_at_once: result != 0 && error == Some(libc::ECONNREFUSED) })
    }

    /// Whether the attempt was refused; `None` while that is not known.
    pub fn is_refused(&self) -> Option<bool> {
        if self.refused_at_once {
            return Some(true);
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
        Some(result == 0 && error == libc::ECONNREFUSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use std::net::TcpListener;

    fn verdict(port: u16) -> bool {
        let address = Address::parse(&format!("tcp://127.0.0.1:{port}")).unwrap();
        let bytes = super::super::place::bytes_of("tcp", daos_libfabric_sys::FI_SOCKADDR_IN, &[0; 16], &address);
        let probe = Probe::start(&bytes.unwrap()).unwrap();
        loop {
            if let Some(refused) = probe.is_refused() {
                return refused;
            }
        }
    }

    #[test]
    fn refusals_are_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!verdict(port));
        drop(listener);
        assert!(verdict(port));
        assert!(Probe::start(&[]).is_none() && Probe::start(&[0xff; 16]).is_none());
    }
}
