//! A local engine's doors: the socket in its directory, and the socket by which processes come to share memory.

use crate::SEEDS;
use crate::chance::Chance;
use crate::support::{TestSystem, is_running, wait_until};
use daos_wire::header::{self, Header, Kind};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// Messages for one seed, and connections that are opened.
const MESSAGES: usize = 150;
const CONNECTIONS: usize = 500;
/// What an engine may have more than before.
const DESCRIPTORS_MORE: usize = 8;
/// The first message of one who wants to share memory, from an address.
fn hello(address: &[u8]) -> Vec<u8> {
    header::seal(Header::of(Kind::MemoryHello), &[], address)
}

fn descriptors(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

/// The names at which the process takes in those who want to share memory: abstract ones, so no files.
fn names(process: u32) -> Vec<String> {
    let links = std::fs::read_dir(format!("/proc/{process}/fd")).expect("it runs");
    let sockets: Vec<String> = links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let text = std::fs::read_to_string("/proc/net/unix").expect("the kernel says so");
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_process = lines.filter(|words| words.len() == 8 && sockets.iter().any(|socket| words[6] == socket));
    let mut names: Vec<String> = of_process.filter_map(|words| Some(words[7].strip_prefix('@')?.to_owned())).collect();
    names.sort();
    names.dedup();
    assert!(!names.is_empty(), "an engine shares memory");
    names
}

/// Connects to a name; `None` when there is no room now.
fn connect(name: &str) -> Option<OwnedFd> {
    // SAFETY: no memory is involved; the result is checked.
    let socket =
        unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    assert!(socket >= 0, "a socket");
    // SAFETY: it was just opened, and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: all zeros are a valid address.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (place, byte) in address.sun_path[1..].iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + name.len();
    // SAFETY: the address lives through the call and has this length.
    let result = unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length as libc::socklen_t) };
    (result == 0).then_some(socket)
}

/// Sends a message with some descriptors.
fn send(socket: &OwnedFd, message: &[u8], files: &[RawFd]) {
    let mut part = libc::iovec { iov_base: message.as_ptr().cast_mut().cast(), iov_len: message.len() };
    let mut control = [0u64; 16];
    // SAFETY: all zeros are a valid header.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    let bytes = size_of_val(files) as u32;
    if bytes > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        // SAFETY: pure arithmetic.
        header.msg_controllen = unsafe { libc::CMSG_SPACE(bytes) } as _;
        // SAFETY: the control buffer has room for eight descriptors with their header, and is aligned for it.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(bytes) as _;
            std::ptr::copy_nonoverlapping(files.as_ptr().cast::<u8>(), libc::CMSG_DATA(first), bytes as usize);
        }
    }
    // SAFETY: the header and what it points at live through the call. Whoever has heard enough closes the connection.
    unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
}

/// The engine serves, and has no more descriptors than before.
fn is_unharmed(system: &TestSystem, engine: u32, before: usize) {
    assert!(is_running(engine), "the engine is gone");
    system.succeed(&["pool", "list"]);
    assert_eq!(system.engine(), engine, "it is the same one");
    wait_until("the engine has no more descriptors than before", || descriptors(engine) <= before + DESCRIPTORS_MORE);
}

#[test]
fn bytes_at_the_doors_of_a_local_engine_do_no_harm() {
    let system = TestSystem::new().with_idle(600).with_container();
    let engine = system.engine();
    let before = descriptors(engine);
    let names = names(engine);
    let files =
        [std::fs::File::open("/dev/zero").expect("is there"), std::fs::File::open("/dev/null").expect("is there")];
    let numbers: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
    SEEDS.for_each(2, |seed| {
        let mut chance = Chance::new(seed);
        for name in &names {
            for _ in 0..MESSAGES {
                let Some(socket) = connect(name) else { continue };
                let address = hello(b"shm://0123456789abcdef0123456789abcdef");
                for _ in 0..=chance.below(3) {
                    let message = match chance.below(3) {
                        0 => address.clone(),
                        1 => chance.spoil(&address),
                        // Damage that its checksum does not show.
                        _ => {
                            let mut spoiled = chance.spoil(&address);
                            header::finish(&mut spoiled);
                            spoiled
                        }
                    };
                    let count = chance.below(numbers.len() + 1);
                    send(&socket, &message, &numbers[..count]);
                }
            }
            let kept: Vec<OwnedFd> = (0..CONNECTIONS).filter_map(|_| connect(name)).collect();
            assert!(kept.len() > CONNECTIONS / 2, "{} connections were taken in", kept.len());
            drop(kept);
        }
        let place = system.path().join("engine.sock");
        for _ in 0..MESSAGES {
            let mut stream = UnixStream::connect(&place).expect("the engine listens");
            let length = *chance.one_of(&[0, 1, 16, 5000]);
            let _enough = stream.write_all(&chance.bytes(length));
            if chance.below(2) == 0 {
                stream.set_nonblocking(true).expect("ours");
                let _whatever = stream.read(&mut [0; 100]);
            }
        }
        is_unharmed(&system, engine, before);
    });
    let silent: Vec<UnixStream> = (0..CONNECTIONS)
        .map(|_| UnixStream::connect(system.path().join("engine.sock")).expect("the engine listens"))
        .collect();
    system.succeed(&["pool", "list"]);
    drop(silent);
    is_unharmed(&system, engine, before);
}
