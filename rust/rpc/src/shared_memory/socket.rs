//! The socket of a connection: it carries the handshake, rings the bell of a peer that sleeps, and closes when the peer dies.
//!
//! Each process has an end of its own, so that a peer has no say in how ours behaves, as it would with a shared counter
//! (`eventfd`), whose flags and contents belong to all who hold it.

use daos_status::{Result, Status};
use std::io::{Error, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

/// Connections that the kernel holds for an endpoint that is busy.
const BACKLOG: libc::c_int = 1024;
/// What a socket that rings holds: anything.
const RING: [u8; 1] = [1];
/// Before every name, so that it names the program to who looks at `/proc/net/unix`.
const NAME_PREFIX: &str = "daos/";
/// Room for one descriptor beside a message, aligned as the kernel wants it.
const CONTROL_WORDS: usize = 4;

/// A connected socket, or one that takes in connections.
pub(super) struct Socket(OwnedFd);

/// Who is at the other end, by the kernel's word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Credentials {
    /// Zero when the process is in another container's world, and cannot be named here.
    pub process: i32,
    pub user: u32,
}

/// What came in.
pub(super) enum Incoming {
    Message(usize, Option<OwnedFd>),
    Nothing,
    Closed,
}

impl Socket {
    fn new() -> std::io::Result<Socket> {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no memory is involved; the result is checked.
        let descriptor = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
        if descriptor < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else owns it.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Takes in connections under a name, until it is dropped. Names are not files: they end with their socket.
    pub fn listen(name: &str) -> Result<Socket> {
        let socket = Socket::new()?;
        let (address, length) = address_of(name)?;
        // SAFETY: the address lives through the call and has this length; the descriptor is open.
        let failed = unsafe {
            libc::bind(socket.descriptor(), (&raw const address).cast(), length) != 0
                || libc::listen(socket.descriptor(), BACKLOG) != 0
        };
        if failed {
            return Err(Status::from(Error::last_os_error()).while_doing("listening for connections of this machine"));
        }
        Ok(socket)
    }

    /// Connects to a name, without ever waiting.
    pub fn connect(name: &str) -> std::io::Result<Socket> {
        let socket = Socket::new()?;
        let (address, length) = address_of(name)?;
        // SAFETY: as for `listen`.
        if unsafe { libc::connect(socket.descriptor(), (&raw const address).cast(), length) } != 0 {
            return Err(Error::last_os_error());
        }
        Ok(socket)
    }

    /// The next connection.
    pub fn accept(&self) -> std::io::Result<Socket> {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: nobody wants to know the address; the result is checked.
        let descriptor = unsafe { libc::accept4(self.descriptor(), std::ptr::null_mut(), std::ptr::null_mut(), flags) };
        if descriptor < 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: it was just opened, and nobody else owns it.
        Ok(Socket(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Who connected, or who listens.
    pub fn peer(&self) -> Credentials {
        let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: pointer and length are those of the structure, which is ours.
        unsafe {
            libc::getsockopt(
                self.descriptor(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut credentials).cast(),
                &raw mut length,
            );
        }
        Credentials { process: credentials.pid, user: credentials.uid }
    }

    /// Makes the peer's end readable. When the peer has not looked for long, the socket is full, and readable anyway; when
    /// the peer is gone, others notice.
    pub fn ring(&self) {
        // SAFETY: one byte is read.
        unsafe {
            libc::send(self.descriptor(), RING.as_ptr().cast(), RING.len(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
        };
    }

    /// Ends the connection for both sides, whoever else has a copy of the descriptor.
    pub fn shutdown(&self) {
        // SAFETY: no memory is involved. A connection that has ended already gives an error that does not matter.
        unsafe { libc::shutdown(self.descriptor(), libc::SHUT_RDWR) };
    }

    /// Sends a message, with a descriptor or without.
    pub fn send(&self, message: &[u8], file: Option<&OwnedFd>) -> std::io::Result<()> {
        let mut part = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
        let mut control = [0u64; CONTROL_WORDS];
        // SAFETY: all zeros are a valid header.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        if let Some(file) = file {
            header.msg_control = control.as_mut_ptr().cast();
            // SAFETY: pure arithmetic.
            header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as _;
            // SAFETY: the control buffer holds one descriptor with its header, and is aligned for it.
            unsafe {
                let first = libc::CMSG_FIRSTHDR(&raw const header);
                (*first).cmsg_level = libc::SOL_SOCKET;
                (*first).cmsg_type = libc::SCM_RIGHTS;
                (*first).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
                libc::CMSG_DATA(first).cast::<RawFd>().write_unaligned(file.as_raw_fd());
            }
        }
        // SAFETY: the header and what it points at live through the call.
        let sent =
            unsafe { libc::sendmsg(self.descriptor(), &raw const header, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        if sent < 0 { Err(Error::last_os_error()) } else { Ok(()) }
    }

    /// The next message, with a descriptor if one came and is wanted. What does not fit the buffer is cut off; other descriptors
    /// that a peer sends are closed by the kernel.
    pub fn receive(&self, buffer: &mut [u8], with_file: bool) -> Incoming {
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let mut control = [0u64; CONTROL_WORDS];
        // SAFETY: all zeros are a valid header.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        if with_file {
            header.msg_control = control.as_mut_ptr().cast();
            // SAFETY: pure arithmetic.
            header.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as _;
        }
        // SAFETY: the header and what it points at live through the call.
        let count =
            unsafe { libc::recvmsg(self.descriptor(), &raw mut header, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) };
        match usize::try_from(count) {
            Ok(0) => Incoming::Closed,
            Ok(count) => Incoming::Message(count, if with_file { file_of(&header) } else { None }),
            Err(_) => match Error::last_os_error().kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Incoming::Nothing,
                _ => Incoming::Closed,
            },
        }
    }
}

/// The descriptor that came with a message.
fn file_of(header: &libc::msghdr) -> Option<OwnedFd> {
    // SAFETY: the kernel filled the control buffer, whose length it wrote; the buffer has room for one descriptor.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        let is_file = !first.is_null()
            && (*first).cmsg_level == libc::SOL_SOCKET
            && (*first).cmsg_type == libc::SCM_RIGHTS
            && (*first).cmsg_len as usize >= libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize;
        is_file.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<RawFd>().read_unaligned()))
    }
}

fn address_of(name: &str) -> std::io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    let full = format!("{NAME_PREFIX}{name}");
    // Checks the length.
    let _checked = SocketAddr::from_abstract_name(full.as_bytes())?;
    // SAFETY: all zeros are a valid address.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // The first byte stays zero: the name is no path.
    for (place, byte) in address.sun_path[1..].iter_mut().zip(full.as_bytes()) {
        *place = *byte as libc::c_char;
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + full.len();
    Ok((address, length as libc::socklen_t))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> (Socket, Socket) {
        let name = format!("{name}-{}", std::process::id());
        let listener = Socket::listen(&name).unwrap();
        assert!(Socket::listen(&name).is_err(), "a name has one owner");
        let first = Socket::connect(&name).unwrap();
        let second = listener.accept().unwrap();
        drop(listener);
        assert_eq!(Socket::connect(&name).map(|_| ()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        (first, second)
    }

    #[test]
    fn messages_descriptors_and_the_end_come_over() {
        let (first, second) = pair("socket-test");
        assert_eq!(first.peer().process, std::process::id() as i32);
        let mut buffer = [0; 8];
        assert!(matches!(second.receive(&mut buffer, true), Incoming::Nothing));
        let file = OwnedFd::from(std::fs::File::open("/dev/zero").unwrap());
        first.send(b"with", Some(&file)).unwrap();
        first.send(b"unwanted", Some(&file)).unwrap();
        first.send(b"longer than the buffer", None).unwrap();
        let Incoming::Message(4, Some(_)) = second.receive(&mut buffer, true) else { panic!("no descriptor") };
        let Incoming::Message(8, None) = second.receive(&mut buffer, false) else { panic!("no message") };
        let Incoming::Message(8, None) = second.receive(&mut buffer, true) else { panic!("not cut") };
        // However often it rings, it never waits.
        (0..100_000).for_each(|_| first.ring());
        assert!(matches!(second.receive(&mut buffer, false), Incoming::Message(1, None)));
        drop(first);
        while !matches!(second.receive(&mut buffer, false), Incoming::Closed) {}
        second.ring();
        assert!(Socket::connect(&"x".repeat(200)).is_err());
    }
}
