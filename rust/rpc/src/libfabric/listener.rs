//! What the kernel is told about the provider's listening socket, and by it about the connections that peers make: to keep strangers away, and to
//! end what does not get through any more.
//!
//! # Strangers
//!
//! Anybody can connect to a TCP port. The `tcp` provider (1.17 and 1.22 were looked at) takes in every connection, keeps its descriptor
//! until the first message has come, and asks nobody how many there are. Silent connections, such as those of port scanners, would use up the
//! descriptors of the process.
//!
//! So the kernel is told to hand out connections only when their first bytes are there, which a peer sends at once, or their end. Those
//! that stay silent end with the kernel's patience, about a minute.
//!
//! # Cuts
//!
//! A connection that a peer has made belongs to the provider: it stays when its peer is given up, and while the network is cut the kernel waits
//! twice as long before each attempt to send what is under way, so that after half a minute it takes nearly as long again until something comes
//! through. Connections inherit from the listening socket that they end when nothing gets through for [`STALE_MILLISECONDS`]; the next
//! message makes a new one, which works at once.
//!
//! Those that this process has made inherit nothing, and no name leads from an address to their descriptors but the kernel's. They are ended when
//! a cut is known to be over ([`end_connections_to`]).
//!
//! The provider takes in no connection from a peer with which it has one, and as long as nothing is under way on that one, nothing tells that the peer has
//! ended it: all that the peer tries is refused. So connections are ended with a reset, which is sent at once whatever waits before it, and
//! those from the listening socket ask after [`SILENT_SECONDS`] of silence whether the peer still has them.

use std::os::fd::RawFd;

/// Seconds that the kernel waits for the first bytes: longer than it repeats its part of the handshake, so that it gives a connection up
/// before it hands out a silent one.
const PATIENCE_SECONDS: libc::c_int = 300;

/// Milliseconds after which a connection ends on which nothing gets through: as long as a connection to a peer may take to be made.
const STALE_MILLISECONDS: libc::c_int = 10_000;

/// Seconds after which the kernel asks for a sign on a silent connection, and between two times that it asks in vain: the connection ends after
/// [`STALE_MILLISECONDS`] of silence then.
const SILENT_SECONDS: libc::c_int = 5;
const SIGN_SECONDS: libc::c_int = 2;

/// A connection is of no use when the kernel has sent so often in vain: three losses in a row are rare on a network that works, and the fourth time comes
/// two seconds later or more.
const STALE_ATTEMPTS: u8 = 3;

/// The port of an address in the form of a `sockaddr`, if it has one.
fn port_of(address: &[u8]) -> Option<u16> {
    let family = u16::from_ne_bytes(address.get(..2)?.try_into().ok()?);
    if ![libc::AF_INET as u16, libc::AF_INET6 as u16].contains(&family) {
        return None;
    }
    Some(u16::from_be_bytes(address.get(2..4)?.try_into().ok()?))
}

/// Prepares the socket of this process that listens at the address: it hands out only connections whose first bytes are there, and they end when
/// nothing gets through, or the peer does not have them any more. Tells whether there is one.
pub(super) fn prepare(address: &[u8]) -> bool {
    let Some(port) = port_of(address) else { return false };
    let mut found = false;
    for listener in descriptors().into_iter().filter(|number| listens_at(*number, port)) {
        let options = [
            (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, PATIENCE_SECONDS),
            (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, STALE_MILLISECONDS),
            (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, SILENT_SECONDS),
            (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, SIGN_SECONDS),
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        ];
        let set_all = options.map(|(level, option, value)| set(listener, level, option, &value));
        found |= !set_all.contains(&false);
    }
    found
}

/// Ends the connections of this process to an address, in the form of a `sockaddr`: the provider, whose they are, finds out as if the peer had
/// ended them, and closes them, by which the peer learns it. Tells how many there were.
pub(super) fn end_connections_to(address: &[u8]) -> usize {
    let end = |number: &RawFd| {
        // What waits to be sent is not waited for: the reset goes out with the close.
        set(*number, libc::SOL_SOCKET, libc::SO_LINGER, &libc::linger { l_onoff: 1, l_linger: 0 });
        // SAFETY: no memory is involved. A connection to this address is the provider's, or one of our own attempts, which nobody needs any more.
        unsafe { libc::shutdown(*number, libc::SHUT_RDWR) == 0 }
    };
    connections_to(address).iter().filter(|number| end(number)).count()
}

/// Whether the kernel has sent something again and again on a connection of this process to an address, and waits for an answer still: when the peer can be
/// reached, such a connection is of no use for as long as it takes until the next time.
pub(super) fn has_stale_connection_to(address: &[u8]) -> bool {
    connections_to(address).into_iter().any(|number| sent_again(number) >= STALE_ATTEMPTS)
}

/// The connections of this process to an address.
fn connections_to(address: &[u8]) -> Vec<RawFd> {
    let Some(port) = port_of(address) else { return Vec::new() };
    let host = host_of(address);
    let leads_there = |number: &RawFd| {
        let peer = name_of(*number, libc::getpeername);
        peer.is_some_and(|peer| port_of(&peer) == Some(port) && host_of(&peer) == host)
    };
    descriptors().into_iter().filter(leads_there).collect()
}

/// What the process has open. Collected before any is looked at, as reading the list opens one itself.
fn descriptors() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// How often the kernel has sent in vain what is under way on a connection; 0 for what is none.
fn sent_again(descriptor: RawFd) -> u8 {
    // The first bytes of `struct tcp_info`: state, state of congestion, times that were sent again.
    let mut info = [0u8; 8];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: pointer and length are those of the bytes, which live through the call; the kernel gives as many.
    let result = unsafe {
        libc::getsockopt(descriptor, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &raw mut length)
    };
    if result == 0 { info[2] } else { 0 }
}

/// The host of an address in the form of a `sockaddr`, as bytes.
fn host_of(address: &[u8]) -> Option<&[u8]> {
    match i32::from(u16::from_ne_bytes(address.get(..2)?.try_into().ok()?)) {
        libc::AF_INET => address.get(4..8),
        libc::AF_INET6 => address.get(8..24),
        _ => None,
    }
}

type NameOf = unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

/// An address that a socket has, here or at its other end; `None` for what has none.
fn name_of(descriptor: RawFd, ask: NameOf) -> Option<[u8; 28]> {
    let mut address = [0; 28];
    let mut length = address.len() as libc::socklen_t;
    // SAFETY: pointer and length are those of the bytes, which live through the call and are cut off if need be.
    let result = unsafe { ask(descriptor, address.as_mut_ptr().cast(), &raw mut length) };
    (result == 0).then_some(address)
}

fn set<T>(socket: RawFd, level: libc::c_int, option: libc::c_int, value: &T) -> bool {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and length are those of a value that lives through the call.
    unsafe { libc::setsockopt(socket, level, option, (&raw const *value).cast(), length) == 0 }
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
    name_of(descriptor, libc::getsockname).is_some_and(|address| port_of(&address) == Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

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
        assert!(prepare(&address_of(address)));
        let _silent = TcpStream::connect(address).unwrap();
        assert_eq!(listener.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        let mut speaking = TcpStream::connect(address).unwrap();
        speaking.write_all(b"x").unwrap();
        let (_, from) = listener.accept().expect("its bytes are there");
        assert_eq!(from, speaking.local_addr().unwrap());
        assert!(!prepare(&[0; 16]) && !prepare(&[2]), "no address of a port");
    }

    #[test]
    fn connections_to_one_address_are_ended() {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let mut connections = listeners.each_ref().map(|one| TcpStream::connect(one.local_addr().unwrap()).unwrap());
        assert_eq!(end_connections_to(&address_of(listeners[0].local_addr().unwrap())), 1);
        assert_eq!(connections[0].read(&mut [0]).unwrap(), 0, "it was ended");
        connections[1].set_nonblocking(true).unwrap();
        assert_eq!(connections[1].read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        assert_eq!(end_connections_to(&[0; 16]), 0, "no address of a port");
    }

    /// After a cut of 31 seconds, engines heard of each other 24 seconds late: the connections that peers had made waited for the kernel.
    #[test]
    fn connections_that_peers_make_end_when_nothing_gets_through() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(prepare(&address_of(address)));
        let mut peer = TcpStream::connect(address).unwrap();
        peer.write_all(b"x").unwrap();
        let (connection, _) = listener.accept().unwrap();
        let number = connection.as_raw_fd();
        assert_eq!(get(number, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT), STALE_MILLISECONDS);
        assert_eq!(get(number, libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
        assert_eq!(get(number, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), SILENT_SECONDS);
        assert_eq!(get(number, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL), SIGN_SECONDS);
    }

    /// A peer that did not learn of the end refused the connection that was to take its place.
    #[test]
    fn a_peer_learns_of_the_end_past_what_waits_to_be_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        connection.set_nonblocking(true).unwrap();
        while connection.write(&[0; 65536]).is_ok() {}
        assert_eq!(end_connections_to(&address_of(listener.local_addr().unwrap())), 1);
        drop(connection);
        let mut poll = libc::pollfd { fd: peer.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one descriptor, which lives through the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, 30_000) };
        assert_eq!((ready, poll.revents & libc::POLLHUP), (1, libc::POLLHUP), "it waits for what was not sent");
    }

    fn get(socket: RawFd, level: libc::c_int, option: libc::c_int) -> libc::c_int {
        let (mut value, mut length) = (0, size_of::<libc::c_int>() as libc::socklen_t);
        // SAFETY: pointer and length are those of a number that lives through the call.
        let result = unsafe { libc::getsockopt(socket, level, option, (&raw mut value).cast(), &raw mut length) };
        assert_eq!(result, 0);
        value
    }
}
