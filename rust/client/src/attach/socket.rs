//! Connecting to the engine's socket without ever blocking.

use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Connects, or says that it cannot be done now: `WouldBlock` when too many others wait to be greeted. (The standard library's
/// way waits then, for as long as an engine that was stopped by a debugger stays so.)
pub(super) fn connect(path: &Path) -> std::io::Result<UnixStream> {
    // SAFETY: all zeros are a valid address of no family.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = path.as_os_str().as_bytes();
    // The last byte stays zero.
    if bytes.len() >= address.sun_path.len() || bytes.contains(&0) {
        return Err(Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (place, byte) in address.sun_path.iter_mut().zip(bytes) {
        *place = *byte as libc::c_char;
    }
    // SAFETY: no memory is involved; the result is checked below.
    let fd = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: the descriptor was just opened and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the address lives through the call and has this length.
    let failed = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) };
    if failed != 0 {
        return Err(Error::last_os_error());
    }
    Ok(UnixStream::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write};
    use std::os::unix::net::UnixListener;

    #[test]
    fn connections_are_made_refused_and_put_off() {
        let directory = std::env::temp_dir().join(format!("daos-socket-{}", std::process::id()));
        std::fs::create_dir(&directory).expect("a folder of its own");
        let path = directory.join("s");
        assert_eq!(connect(&path).expect_err("nothing there").kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).expect("binds");
        let mut held = Vec::new();
        let full = loop {
            match connect(&path) {
                Ok(mut stream) => {
                    stream.write_all(b"x").expect("connected");
                    held.push(stream);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock, "after {} connections", held.len());
        drop(listener);
        assert_eq!(connect(&path).expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
        std::fs::remove_dir_all(&directory).expect("removed");
        assert!(connect(Path::new(&"x".repeat(108))).is_err());
    }
}
