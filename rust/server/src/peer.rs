//! Who is at the other end of a connection: user, groups, process.
#![allow(unsafe_code, reason = "who holds the other end of a socket has no safe wrapper")]

use daos_security::Credentials;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// The place of a client that is part of the engine's process: it ends with the engine.
const INSIDE: &str = "inside";
/// The most groups of a process that are looked at.
const GROUPS_MAX: usize = 1024;

/// A client, as the engine sees it when it attaches.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its user and groups.
    pub credentials: Credentials,
    /// Whether it may manage pools.
    pub is_admin: bool,
    /// Where its process is, so that an engine that starts later can see whether it lives. Empty when nobody knows.
    pub place: String,
}

impl Peer {
    /// A user by name, of whom nothing else is known, and who may do everything: for simulations and tests.
    pub fn trusted(user: &str) -> Peer {
        let credentials = Credentials { user: user.to_owned(), group: user.to_owned(), groups: Vec::new() };
        Peer { credentials, is_admin: true, place: String::new() }
    }

    /// A client elsewhere, whose credentials are believed as it gives them. That is what upstream does without certificates.
    pub fn elsewhere(credentials: Credentials) -> Peer {
        Peer { credentials, is_admin: true, place: String::new() }
    }

    /// A part of this process.
    pub(crate) fn inside() -> Peer {
        Peer { credentials: Credentials::of_process(), is_admin: true, place: INSIDE.to_owned() }
    }

    /// Who holds the other end of a socket, as the kernel says, and the number of its process.
    pub(crate) fn of_socket(stream: &UnixStream) -> (Peer, i32) {
        let ids = peer_ids(stream.as_raw_fd());
        let credentials = Credentials::of_ids(ids.uid, ids.gid, &peer_groups(stream.as_raw_fd()));
        // SAFETY: the call takes nothing and always succeeds.
        let own = unsafe { libc::geteuid() };
        let place = place_of(ids.pid).unwrap_or_default();
        (Peer { credentials, is_admin: ids.uid == own || ids.uid == 0, place }, ids.pid)
    }
}

/// Whether the process at a place lives; `None` when nobody knows.
pub(crate) fn is_alive(place: &str) -> Option<bool> {
    if place == INSIDE {
        return Some(false);
    }
    let process = place.split(' ').nth(1)?.parse().ok()?;
    if place.split(' ').next() != boot().as_deref() {
        return Some(false);
    }
    Some(place_of(process).as_deref() == Some(place))
}

/// The boot of the machine, the process, and when it began: no other process ever has the same.
fn place_of(process: i32) -> Option<String> {
    if process <= 0 {
        return None;
    }
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program stands in parentheses and may contain anything.
    let began = text.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{} {process} {began}", boot()?))
}

fn boot() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

fn peer_ids(socket: RawFd) -> libc::ucred {
    // Nobody, should the kernel not say.
    let mut ids = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: pointer and length are those of the structure, which is ours.
    unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut ids).cast(), &raw mut length);
    }
    ids
}

fn peer_groups(socket: RawFd) -> Vec<u32> {
    let mut groups = vec![0u32; GROUPS_MAX];
    let mut length = (GROUPS_MAX * size_of::<u32>()) as libc::socklen_t;
    // SAFETY: pointer and length are those of the list.
    let result = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, libc::SO_PEERGROUPS, groups.as_mut_ptr().cast(), &raw mut length)
    };
    groups.truncate(if result == 0 { length as usize / size_of::<u32>() } else { 0 });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_of_a_socket_is_known() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        let (peer, process) = Peer::of_socket(&one);
        assert_eq!(process, std::process::id() as i32);
        let inside = Peer::inside();
        assert_eq!(peer.credentials.user, inside.credentials.user);
        assert_eq!(peer.credentials.group, inside.credentials.group);
        assert!(peer.is_admin && daos_security::is_valid_name(&peer.credentials.user));
        assert_eq!(is_alive(&peer.place), Some(true));
        assert_eq!(is_alive(&inside.place), Some(false), "it ends with its engine");
    }

    #[test]
    fn a_process_that_ended_is_not_the_one_that_has_its_number_now() {
        let place = place_of(std::process::id() as i32).expect("proc");
        let parts: Vec<&str> = place.split(' ').collect();
        assert_eq!(is_alive(&format!("{} {} 1", parts[0], parts[1])), Some(false));
        assert_eq!(is_alive(&format!("other-boot {} {}", parts[1], parts[2])), Some(false));
        for unknown in ["", "x", "a b c"] {
            assert_eq!(is_alive(unknown), None, "{unknown}");
        }
    }
}
