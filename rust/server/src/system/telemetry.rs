//! Metrics in Prometheus' text format, over just as much HTTP as that takes. Bytes from the port are hostile.

mod text;

use super::SystemEngine;
use super::engine::Targets;
use crate::local::Wanted;
use crate::ranks::Known;
use crate::target::Measures;
use daos_env::Env;
use daos_status::{Result, Status};
use daos_types::Rank;
use daos_wire::RankState;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;
use text::{About, text};

/// The longest request.
const REQUEST_MAX: usize = 8 << 10;
/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16;
/// How long one may take, from its beginning to its end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long targets that are busy are waited for; the answer then holds what the others said.
const MEASURE_LIMIT: Duration = Duration::from_secs(2);

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
    /// Until when measures are waited for.
    measuring: Option<Duration>,
    measures: Vec<Measures>,
    expected: usize,
}

impl Telemetry {
    pub fn open(host: &str, port: u16, env: Env) -> Result<Telemetry> {
        let doing = format!("listening on telemetry port {port} of {host}");
        let open = TcpListener::bind((host, port)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = open.map_err(|error| Status::from(error).while_doing(doing))?;
        Ok(Telemetry { listener, connections: Vec::new(), env, measuring: None, measures: Vec::new(), expected: 0 })
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
        if self.connections.len() < CONNECTIONS_MAX {
            wanted.push(Wanted { descriptor: self.listener.as_raw_fd(), write: false });
        }
        wanted
    }

    /// When to look again though no descriptor is ready.
    pub fn deadline(&self) -> Option<Duration> {
        self.connections.iter().map(|connection| connection.deadline).chain(self.measuring).min()
    }

    /// Serves the descriptors that are ready; tells whether the targets are to be measured.
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
        let is_wanted = self.connections.iter().any(|connection| connection.is_waiting);
        if !is_wanted || self.measuring.is_some() {
            return false;
        }
        self.measuring = Some(now + MEASURE_LIMIT);
        self.measures.clear();
        true
    }

    fn accept(&mut self) {
        while self.connections.len() < CONNECTIONS_MAX {
            let Ok((stream, _)) = self.listener.accept() else { return };
            if stream.set_nonblocking(true).is_ok() {
                let deadline = self.now() + PATIENCE;
                let (received, unsent) = (Vec::new(), Vec::new());
                self.connections.push(Connection { stream, received, unsent, is_waiting: false, deadline });
            }
        }
    }

    /// So many targets were asked.
    pub fn expect(&mut self, targets: usize) {
        self.expected = targets;
    }

    /// A target has answered.
    pub fn measured(&mut self, measures: Measures) {
        self.measures.push(measures);
    }

    /// Answers those who wait, when all targets have said what they measured or it takes too long.
    fn answer(&mut self, about: impl FnOnce() -> About) {
        let Some(limit) = self.measuring else { return };
        if self.measures.len() < self.expected && self.now() < limit {
            return;
        }
        self.measuring = None;
        self.measures.sort_by_key(|measures| measures.target);
        let body = text(&about(), &self.measures);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n",
            body.len()
        );
        for connection in self.connections.iter_mut().filter(|connection| connection.is_waiting) {
            connection.is_waiting = false;
            connection.unsent = [head.as_bytes(), body.as_bytes()].concat();
            // One that cannot be sent to shows when it is looked at.
            let _shows_later = connection.send();
        }
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

    /// Serves those who want metrics.
    pub(super) fn serve_telemetry(&mut self, ready: &[bool]) {
        let Some(telemetry) = &mut self.telemetry else { return };
        if telemetry.serve(ready) {
            let asked = if let Targets::Serving(threads) = &self.targets { threads.measure() } else { 0 };
            telemetry.expect(asked);
        }
        let known = self.makings.ranks.known().ok();
        let about = || About {
            rank: self.identity.member.as_ref().map_or(Rank(u32::MAX), |member| member.rank),
            started: self.started,
            clients: self.door.clients(),
            serving: matches!(self.targets, Targets::Serving(_)),
            table_version: known.as_ref().map_or(0, |known| known.table.version),
            ranks: known.as_ref().map(|known| words(known)).unwrap_or_default(),
        };
        telemetry.answer(about);
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

    #[test]
    fn requests_are_read_and_others_refused() {
        assert_eq!(wanted_path(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Some("/metrics"));
        assert_eq!(wanted_path(b"GET /metrics?a=b HTTP/1.0\r\n\r\n"), Some("/metrics"));
        for bad in [&b"POST /metrics HTTP/1.1\r\n\r\n"[..], b"GET /metrics\r\n\r\n", b"\xff\xfe\r\n\r\n", b"\r\n\r\n"] {
            assert_eq!(wanted_path(bad), None);
        }
    }
}
