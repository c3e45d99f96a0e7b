//! Keeping strangers away from the provider's listening socket.
//!
//! Anybody can connect to a TCP port. The `tcp` provider (1.17 and 1.22 were looked at) takes in every connection, keeps its descriptor
//! until the first message has come, and asks nobody how many there are. Silent connections, such as those of port scanners, would use up the
//! descriptors of the process.
//!
//! So the kernel is told to hand out connections only when their first bytes are there, which a peer sends at once, or their end. Those
//! that stay silent end with the kernel's patience, about a minute.

use std::os::fd::RawFd;

/// Seconds that the kernel waits for the first bytes: longer than it repeats its part of the handshake, so that it gives a connection up
/// before it hands out a silent one.
const PATIENCE_SECONDS: libc::c_int = 300;

/// The port of an address in the form of a `sockaddr`, if it has one.
fn port_of(address: &[u8]) -> Option<u16> {
    let family = u16::from_ne_bytes(address.get(..2)?.try_into().ok()?);
    if ![libc::AF_INET as u16, libc::AF_INET6 as u16].contains(&family) {
        return None;
    }
    Some(u16::from_be_bytes(address.get(2..4)?.try_into().ok()?))
}

/// Lets the socket of this process that listens at the address hand out only connections whose first bytes are there; tells whether there
/// is one.
pub(super) fn ask_for_first_bytes(address: &[u8]) -> bool {
    let Some(port) = port_of(address) else { return false };
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return false };
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Collected, as reading the list opens one itself.
    let listeners: Vec<RawFd> = numbers.filter(|number| listens_at(*number, port)).collect();
    let mut found = false;
    for listener in listeners {
        let (value, length) = (PATIENCE_SECONDS, size_of::<libc::c_int>() as libc::socklen_t);
        // SAFETY: pointer and length are those of a number that lives through the call. The option does no harm to another socket that
        // has got the number of the descriptor meanwhile.
        let result = unsafe {
            libc::setsockopt(listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, (&raw const value).cast(), length)
        };
        found |= result == 0;
    }
    found
}

/// Whether a descriptor is a socket that takes in connections at a port.
fn listens_at(descriptor: RawFd, port: u16) -> bool {
    let mut listens: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length are those of a number that lives through the call.
    let result = unsafe {
        libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, (&raw mut listens).cast(), &raw mut length)
    };
    if result != 0 || listens != 1 {
        return false;
    }
    // SAFETY: all zeros are a valid address.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: pointer and length are those of the structure, which lives through the call.
    if unsafe { libc::getsockname(descriptor, (&raw mut address).cast(), &raw mut length) } != 0 {
        return false;
    }
    // SAFETY: the structure is at least as long, and holds plain bytes that the kernel or we have written.
    let bytes = unsafe { std::slice::from_raw_parts((&raw const address).cast::<u8>(), 4) };
    port_of(bytes) == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    fn address_of(socket: SocketAddr) -> [u8; 16] {
        let SocketAddr::V4(socket) = socket else { panic!("it was bound to one") };
        let mut address = [0; 16];
        address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        address[2..4].copy_from_slice(&socket.port().to_be_bytes());
        address[4..8].copy_from_slice(&socket.ip().octets());
        address
    }

    #[test]
    fn silent_connections_are_not_handed_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(ask_for_first_bytes(&address_of(address)));
        let _silent = TcpStream::connect(address).unwrap();
        assert_eq!(listener.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        let mut speaking = TcpStream::connect(address).unwrap();
        speaking.write_all(b"x").unwrap();
        let (_, from) = listener.accept().expect("its bytes are there");
        assert_eq!(from, speaking.local_addr().unwrap());
        assert!(!ask_for_first_bytes(&[0; 16]) && !ask_for_first_bytes(&[2]), "no address of a port");
    }
}
