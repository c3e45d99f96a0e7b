//! Streams of bytes for what goes outside the fabric: control ports and leases. Real ones are TCP; a simulator has others.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// A connection. Reading and writing never wait: they say `WouldBlock`.
pub trait ControlStream: Read + Write + Send {
    /// Becomes readable when there is something to read, or the other end is gone; negative where nobody can wait for it.
    fn descriptor(&self) -> RawFd;
}

/// Where connections come in; taking one never waits.
pub trait ControlListener: Send {
    /// The next connection, and who is at its other end, for people.
    fn accept(&self) -> Result<(Box<dyn ControlStream>, String)>;

    /// Becomes readable when somebody knocks.
    fn descriptor(&self) -> RawFd;
}

/// How processes find each other by `host:port`.
pub trait ControlNetwork: Send + Sync {
    /// Listens at a place.
    fn listen(&self, place: &str) -> Result<Box<dyn ControlListener>>;

    /// Connects to a place; waits for that, if [`ControlNetwork::waits`].
    fn connect(&self, place: &str) -> Result<Box<dyn ControlStream>>;

    /// Whether connecting may wait: then a thread that must not wait lets another one do it.
    fn waits(&self) -> bool;
}

/// TCP of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpControl;

impl ControlNetwork for TcpControl {
    fn listen(&self, place: &str) -> Result<Box<dyn ControlListener>> {
        let addresses: Vec<SocketAddr> = place.to_socket_addrs()?.collect();
        let listener = TcpListener::bind(&addresses[..])?;
        listener.set_nonblocking(true)?;
        Ok(Box::new(listener))
    }

    fn connect(&self, place: &str) -> Result<Box<dyn ControlStream>> {
        let addresses: Vec<SocketAddr> = place.to_socket_addrs()?.collect();
        let mut failure = Error::from(ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
                Ok(stream) => return prepared(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn waits(&self) -> bool {
        true
    }
}

fn prepared(stream: TcpStream) -> Result<Box<dyn ControlStream>> {
    stream.set_nonblocking(true)?;
    watch(&stream)?;
    Ok(Box::new(stream))
}

impl ControlStream for TcpStream {
    fn descriptor(&self) -> RawFd {
        self.as_raw_fd()
    }
}

impl ControlListener for TcpListener {
    fn accept(&self) -> Result<(Box<dyn ControlStream>, String)> {
        let (stream, from) = TcpListener::accept(self)?;
        // A connection that cannot be served is one that was given up: others may follow.
        let stream = prepared(stream).map_err(|_| Error::from(ErrorKind::ConnectionAborted))?;
        Ok((stream, from.to_string()))
    }

    fn descriptor(&self) -> RawFd {
        self.as_raw_fd()
    }
}

/// Seconds of silence after which the kernel asks whether the other end is there, seconds between such questions, and how
/// many may stay without an answer: a machine that lost its power or its network shows within about ten seconds.
const KEEPALIVE: [(libc::c_int, libc::c_int); 3] =
    [(libc::TCP_KEEPIDLE, 4), (libc::TCP_KEEPINTVL, 2), (libc::TCP_KEEPCNT, 3)];
/// Milliseconds for which sent bytes may stay without acknowledgement.
const USER_TIMEOUT: libc::c_int = 10_000;

fn set(stream: &TcpStream, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length are those of the number, which lives through the call.
    let result = unsafe { libc::setsockopt(stream.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Lets the kernel end a connection whose other end is gone without a word, and send short messages at once.
fn watch(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    set(stream, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    for (option, value) in KEEPALIVE {
        set(stream, libc::IPPROTO_TCP, option, value)?;
    }
    set(stream, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, USER_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_both_ways_and_nobody_waits() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let place = listener.local_addr().expect("bound").to_string();
        listener.set_nonblocking(true).expect("an option");
        let listener: Box<dyn ControlListener> = Box::new(listener);
        assert_eq!(listener.accept().err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
        let mut one = TcpControl.connect(&place).expect("somebody listens");
        assert_eq!(one.read(&mut [0; 8]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        let (mut other, _) = loop {
            match listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                accepted => break accepted.expect("connected"),
            }
        };
        one.write_all(b"hello").expect("a fresh buffer");
        let mut bytes = [0; 8];
        loop {
            match other.read(&mut bytes) {
                Ok(count) => break assert_eq!(&bytes[..count], b"hello"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        drop((listener, other));
        assert!(TcpControl.connect(&place).is_err());
    }
}
