//! Metrics in Prometheus' text format, over just as much HTTP as that takes. Bytes from the port are hostile.

mod text;

use super::SystemEngine;
use super::door::cannot_listen;
use super::targets::Targets;
use crate::local::Wanted;
use crate::ranks::Known;
use crate::target::Measures;
use daos_env::Env;
use daos_status::Result;
use daos_types::Rank;
use daos_wire::RankState;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;
use text::{About, text};

/// The longest request.
const REQUEST_MAX: usize = 8 << 10;
/// Connections at once. When there are as many, who comes takes the place of the one that has said nothing for longest: who connects and is
/// silent keeps nobody out.
const CONNECTIONS_MAX: usize = 16;
/// Connections that are accepted between two looks at the others.
const ACCEPTS_PER_ROUND: usize = 16;
/// How long one may take, from its beginning to its end.
const PATIENCE: Duration = Duration::from_secs(5);

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    unsent: Vec<u8>,
    /// It waits for the measures.
    is_waiting: bool,
    deadline: Duration,
}

pub(super) struct Telemetry {
    listener: TcpListener,
    connections: Vec<Connection>,
    env: Env,
}

impl Telemetry {
    pub fn open(host: &str, port: u16, env: Env) -> Result<Telemetry> {
        let open = TcpListener::bind((host, port)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = open.map_err(|error| cannot_listen(&format!("telemetry port {port} of {host}"), error))?;
        Ok(Telemetry { listener, connections: Vec::new(), env })
    }

    fn now(&self) -> Duration {
        self.env.clock.monotonic()
    }

    /// What to wait for; [`Telemetry::serve`] is then given as many answers.
    pub fn wanted(&self) -> Vec<Wanted> {
        // Of those who wait for their answer nothing is wanted.
        let looked_at = self.connections.iter().filter(|connection| !connection.is_waiting);
        let mut wanted: Vec<Wanted> = looked_at
            .map(|connection| Wanted {
                descriptor: connection.stream.as_raw_fd(),
                write: !connection.unsent.is_empty(),
            })
            .collect();
        if self.has_place() {
            wanted.push(Wanted { descriptor: self.listener.as_raw_fd(), write: false });
        }
        wanted
    }

    /// Whether somebody could be let in, perhaps in place of another one.
    fn has_place(&self) -> bool {
        self.connections.len() < CONNECTIONS_MAX || self.connections.iter().any(|connection| !connection.is_waiting)
    }

    /// When to look again though no descriptor is ready.
    pub fn deadline(&self) -> Option<Duration> {
        self.connections.iter().map(|connection| connection.deadline).min()
    }

    /// Serves the descriptors that are ready; tells whether somebody waits for measures of the targets.
    pub fn serve(&mut self, ready: &[bool]) -> bool {
        let count = self.connections.iter().filter(|connection| !connection.is_waiting).count();
        let knock = ready.get(count).copied().unwrap_or(false);
        let now = self.now();
        let mut index = 0;
        self.connections.retain_mut(|connection| {
            if connection.is_waiting {
                return connection.deadline > now;
            }
            let is_ready = ready.get(index).copied().unwrap_or(false);
            index += 1;
            (!is_ready || connection.look()) && connection.deadline > now
        });
        if knock {
            self.accept();
        }
        self.connections.iter().any(|connection| connection.is_waiting)
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_ROUND {
            if !self.has_place() {
                return;
            }
            let Ok((stream, _)) = self.listener.accept() else { return };
            if self.connections.len() >= CONNECTIONS_MAX
                && let Some(oldest) = self.connections.iter().position(|connection| !connection.is_waiting)
            {
                self.connections.remove(oldest);
            }
            if stream.set_nonblocking(true).is_ok() {
                let deadline = self.now() + PATIENCE;
                let (received, unsent) = (Vec::new(), Vec::new());
                self.connections.push(Connection { stream, received, unsent, is_waiting: false, deadline });
            }
        }
    }

    /// Answers those who wait, with what the targets measured.
    fn answer(&mut self, about: About, measures: &[Measures]) {
        let body = text(&about, measures);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n",
            body.len()
        );
        self.connections.retain_mut(|connection| {
            if !std::mem::take(&mut connection.is_waiting) {
                return true;
            }
            connection.unsent = [head.as_bytes(), body.as_bytes()].concat();
            // Who reads until the end must see one.
            connection.send()
        });
    }
}

impl Connection {
    /// Looks at a socket on which something happened; `false` when it is done or gone.
    fn look(&mut self) -> bool {
        if !self.unsent.is_empty() {
            return self.send();
        }
        let mut bytes = [0; 1024];
        loop {
            match self.stream.read(&mut bytes) {
                // Who has said everything may still listen.
                Ok(0) if self.is_complete() => break,
                Ok(0) => return false,
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.received.len() > REQUEST_MAX {
                return self.refuse("431 Request Header Fields Too Large");
            }
        }
        if !self.is_complete() {
            return true;
        }
        match wanted_path(&self.received) {
            Some("/metrics") => {
                self.is_waiting = true;
                true
            }
            Some(_) => self.refuse("404 Not Found"),
            None => self.refuse("405 Method Not Allowed"),
        }
    }

    fn is_complete(&self) -> bool {
        self.received.windows(4).any(|end| end == b"\r\n\r\n")
    }

    fn refuse(&mut self, why: &str) -> bool {
        let text = format!("{why}; metrics are at /metrics\n");
        self.unsent = format!(
            "HTTP/1.1 {why}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )
        .into_bytes();
        self.send()
    }

    /// Sends what the kernel takes; `false` when all is sent, or the other end is gone.
    fn send(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return false,
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        false
    }
}

/// The path that a request gets, without what follows a question mark; `None` for other requests.
fn wanted_path(request: &[u8]) -> Option<&str> {
    let line = request.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    (method == "GET" && version.starts_with("HTTP/1.")).then(|| path.split('?').next().unwrap_or_default())
}

impl SystemEngine {
    /// When telemetry must be looked at though nothing has happened.
    pub(super) fn telemetry_deadline(&self) -> Option<Duration> {
        self.telemetry.as_ref().and_then(Telemetry::deadline)
    }

    /// Answers those who want metrics.
    pub(super) fn answer_metrics(&mut self, measures: &[Measures]) {
        let Some(telemetry) = &mut self.telemetry else { return };
        let known = self.makings.ranks.known().ok();
        let about = About {
            rank: self.identity.member.as_ref().map_or(Rank(u32::MAX), |member| member.rank),
            started: self.started,
            clients: self.door.clients(),
            serving: matches!(self.targets, Targets::Serving(_)),
            table_version: known.as_ref().map_or(0, |known| known.table.version),
            ranks: known.as_ref().map(|known| words(known)).unwrap_or_default(),
        };
        telemetry.answer(about, measures);
    }
}

/// The ranks and the words of their states.
fn words(known: &Known) -> Vec<(Rank, &'static str)> {
    let word = |rank| known.state(rank).map_or("unknown", RankState::word);
    known.table.ranks.iter().map(|entry| (entry.rank, word(entry.rank))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::wait;
    use std::net::SocketAddr;

    fn telemetry() -> (Telemetry, SocketAddr) {
        let telemetry = Telemetry::open("127.0.0.1", 0, Env::system()).expect("any port");
        let address = telemetry.listener.local_addr().expect("bound");
        (telemetry, address)
    }

    /// Serves until nothing is left to do.
    fn serve(telemetry: &mut Telemetry) {
        loop {
            let ready = wait(&telemetry.wanted(), Some(Duration::ZERO));
            if !ready.contains(&true) {
                return;
            }
            if telemetry.serve(&ready) {
                let ranks = Vec::new();
                let about = About { rank: Rank(0), started: 0, clients: 0, serving: true, table_version: 0, ranks };
                telemetry.answer(about, &[]);
            }
        }
    }

    /// Clients that read until the end of the connection waited five seconds for it, each in one of the sixteen places.
    #[test]
    fn a_connection_ends_with_its_answer() {
        let (mut telemetry, address) = telemetry();
        let mut stream = TcpStream::connect(address).expect("listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("sends");
        serve(&mut telemetry);
        assert!(telemetry.connections.is_empty());
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text, and its end");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("engine_up{rank=\"0\"} 1\n"), "{text}");
    }

    #[test]
    fn who_is_silent_keeps_nobody_out() {
        let (mut telemetry, address) = telemetry();
        let silent: Vec<TcpStream> =
            (0..3 * CONNECTIONS_MAX).map(|_| TcpStream::connect(address).expect("listens")).collect();
        serve(&mut telemetry);
        assert_eq!(telemetry.connections.len(), CONNECTIONS_MAX);
        let mut stream = TcpStream::connect(address).expect("listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("sends");
        serve(&mut telemetry);
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text, and its end");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        drop(silent);
        serve(&mut telemetry);
        assert!(telemetry.connections.is_empty());
    }

    #[test]
    fn requests_are_read_and_others_refused() {
        assert_eq!(wanted_path(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Some("/metrics"));
        assert_eq!(wanted_path(b"GET /metrics?a=b HTTP/1.0\r\n\r\n"), Some("/metrics"));
        for bad in [&b"POST /metrics HTTP/1.1\r\n\r\n"[..], b"GET /metrics\r\n\r\n", b"\xff\xfe\r\n\r\n", b"\r\n\r\n"] {
            assert_eq!(wanted_path(bad), None);
        }
    }
}
