//! A process in a network namespace of its own, on the wire of the test.

use crate::wire::{Wire, tun};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub const SERVER: &str = "10.77.0.1";
pub const CLIENT: &str = "10.77.0.2";

/// Tell a process that was started by the test where the wire is, which end it is, and what else it wants to know.
const FOLDER: &str = "DAOS_RPC_TEST_WIRE";
const ROLE: &str = "DAOS_RPC_TEST_ROLE";
const ARGUMENT: &str = "DAOS_RPC_TEST_ARGUMENT";

/// The state of a connection, in the kernel's list.
const ESTABLISHED: &str = "01";

/// The longest packet.
pub const PACKET_MAX: usize = 4096;

pub struct Node {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Node {
    /// Starts a test of this program as a process in new namespaces.
    pub fn start(wire: &Wire, role: &str, test: &str, argument: &str) -> Node {
        // SAFETY: the call cannot fail.
        let flags = if unsafe { libc::geteuid() } == 0 { "-n" } else { "-rn" };
        let mut child = Command::new("unshare")
            .arg(flags)
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", test, "--nocapture"])
            .env(FOLDER, wire.folder())
            .env(ROLE, role)
            .env(ARGUMENT, argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)).unwrap_or(());
        });
        let input = child.stdin.take();
        Node { child, input, lines }
    }

    /// The rest of the next line that begins with a word; `None` when the process ended, or said no such thing for so long.
    pub fn line(&self, word: &str, limit: Option<Duration>) -> Option<String> {
        loop {
            let line = match limit {
                Some(limit) => self.lines.recv_timeout(limit).ok()?,
                None => self.lines.recv().ok()?,
            };
            if line.starts_with("FAILED") {
                eprintln!("{line}");
            }
            if let Some(rest) = line.split(word).nth(1).filter(|_| line.contains(word)) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// What a process said that could not work.
    pub fn complaint(&self) -> String {
        "the machine allows no network namespaces with tun devices".to_owned()
    }

    /// The connections of its machine, as the kernel lists them: how often in a row it has sent again what
    /// is under way.
    pub fn connections(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap();
        let lines = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let established = lines.filter(|words| words[3] == ESTABLISHED);
        established.filter_map(|words| u32::from_str_radix(words[6], 16).ok()).collect()
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a child that was not waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub fn argument() -> String {
    std::env::var(ARGUMENT).unwrap()
}

/// In a process that was started by the test: sets the device up and carries its packets. `None` without a test, or when that is not allowed.
pub fn enter() -> Option<File> {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    let role = std::env::var(ROLE).ok()?;
    let own = if role == "server" { SERVER } else { CLIENT };
    let device = tun("wire").ok()?;
    let setup = format!("ip link set lo up && ip addr add {own}/24 dev wire && ip link set wire up");
    if !Command::new("sh").args(["-c", &setup]).status().is_ok_and(|status| status.success()) {
        return None;
    }
    let socket = UnixDatagram::bind(folder.join(&role)).ok()?;
    let hub = folder.join("hub");
    let (mut reader, sender) = (device.try_clone().ok()?, socket.try_clone().ok()?);
    std::thread::spawn(move || {
        let mut packet = [0; PACKET_MAX];
        while let Ok(length) = reader.read(&mut packet) {
            // The test may be about to end.
            let _gone = sender.send_to(&packet[..length], &hub);
        }
    });
    let mut writer = device.try_clone().ok()?;
    std::thread::spawn(move || {
        let mut packet = [0; PACKET_MAX];
        while let Ok(length) = socket.recv(&mut packet) {
            // The device refuses what is no packet.
            let _refused = writer.write(&packet[..length]);
        }
    });
    Some(device)
}
