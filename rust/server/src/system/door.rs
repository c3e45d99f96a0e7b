//! The control port of an engine: clients, tools and other engines come in here. Bytes from it are hostile.

mod connection;

use crate::local::Wanted;
use connection::{Connection, End};
use daos_env::Env;
use daos_rpc::{ControlListener, ControlNetwork, ControlStream};
use daos_status::{Result, Status};
use daos_types::Rank;
use daos_wire::{ControlReply, ControlRequest, control_frame};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

/// Connections that are accepted between two looks at the others.
const ACCEPTS_PER_ROUND: usize = 64;
/// How long the door stays shut when the process has no descriptor left.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a stranger may take to say what it wants, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two log lines about those who misbehave: a flood at the port must not become a flood in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// A connection, for as long as the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ConnectionId(u64);

#[cfg(test)]
impl ConnectionId {
    /// One of no door.
    pub fn of_test(number: u64) -> ConnectionId {
        ConnectionId(number)
    }
}

/// What a connection means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Somebody who may ask.
    Stranger,
    /// A client's lease, with its session.
    Client(u64),
    /// An engine that lives.
    Engine(Rank),
}

/// What happened at the door.
#[derive(Debug)]
pub(crate) enum Event {
    /// To be answered by [`Door::answer`].
    Asked(ConnectionId, ControlRequest),
    /// A connection that meant something is gone.
    Gone(Role),
}

pub(crate) struct Door {
    listener: Box<dyn ControlListener>,
    connections: BTreeMap<ConnectionId, Connection>,
    next: u64,
    connections_max: usize,
    env: Env,
    paused_until: Option<Duration>,
    /// Before when nobody is logged who misbehaves, and how many were not.
    quiet_until: Duration,
    unlogged: u64,
    /// What [`Door::wanted`] named last, in its order.
    order: Vec<ConnectionId>,
}

/// Why a port cannot be had, and what to do.
pub(super) fn cannot_listen(port: &str, error: std::io::Error) -> Status {
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => "; another engine or program has it: give this one another port",
        ErrorKind::AddrNotAvailable => "; this machine has no such address",
        ErrorKind::PermissionDenied => "; ports below 1024 are for root: give this one another port",
        _ => "",
    };
    let status = Status::from(error);
    Status::new(status.code(), format!("listening on {port}: {}{remedy}", status.context()))
}

impl Door {
    /// Listens on `host:port`.
    pub fn open(network: &dyn ControlNetwork, listen: &str, env: Env, connections_max: usize) -> Result<Door> {
        let listener =
            network.listen(listen).map_err(|error| cannot_listen(&format!("control port {listen}"), error))?;
        let (connections, order) = (BTreeMap::new(), Vec::new());
        Ok(Door {
            listener,
            connections,
            next: 0,
            connections_max,
            env,
            paused_until: None,
            quiet_until: Duration::ZERO,
            unlogged: 0,
            order,
        })
    }

    fn now(&self) -> Duration {
        self.env.clock.monotonic()
    }

    fn takes_more(&self) -> bool {
        let has_place = self.connections.len() < self.connections_max || self.dispensable().is_some();
        has_place && self.paused_until.is_none_or(|until| until <= self.now())
    }

    /// The stranger who has been there for longest without being answered now. When all places are taken, who knocks gets its place: who
    /// connects and is silent keeps nobody out.
    fn dispensable(&self) -> Option<ConnectionId> {
        let is_dispensable = |connection: &Connection| connection.role == Role::Stranger && !connection.is_asking;
        self.connections.iter().find(|(_, connection)| is_dispensable(connection)).map(|(id, _)| *id)
    }

    /// How many clients are attached.
    pub fn clients(&self) -> usize {
        self.connections.values().filter(|connection| matches!(connection.role, Role::Client(_))).count()
    }

    /// When to look again though no descriptor is ready.
    pub fn deadline(&self) -> Option<Duration> {
        if self.connections.values().any(Connection::has_request) {
            return Some(Duration::ZERO);
        }
        let paused = self.paused_until.filter(|until| *until > self.now());
        let patience = self.connections.values().filter_map(|connection| connection.deadline).min();
        [paused, patience].into_iter().flatten().min()
    }

    /// What to wait for; [`Door::serve`] is then given as many answers.
    pub fn wanted(&mut self) -> Vec<Wanted> {
        self.order = self.connections.keys().copied().collect();
        let mut wanted: Vec<Wanted> = self.connections.values().map(Connection::wanted).collect();
        if self.takes_more() {
            wanted.push(Wanted { descriptor: self.listener.descriptor(), write: false });
        }
        wanted
    }

    /// Serves the descriptors that are ready.
    pub fn serve(&mut self, ready: &[bool]) -> Vec<Event> {
        let mut events = Vec::new();
        let order = std::mem::take(&mut self.order);
        let knock = ready.get(order.len()).copied().unwrap_or(false);
        for (id, is_ready) in order.into_iter().zip(ready) {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            if !is_ready && !connection.has_request() {
                continue;
            }
            match connection.look() {
                Ok(Some(request)) => events.push(Event::Asked(id, request)),
                Ok(None) => {}
                Err(end) => self.end(id, end, &mut events),
            }
        }
        let now = self.now();
        let late = |connection: &Connection| connection.deadline.is_some_and(|deadline| deadline <= now);
        let late: Vec<ConnectionId> = self.connections.iter().filter(|(_, c)| late(c)).map(|(id, _)| *id).collect();
        late.into_iter().for_each(|id| self.end(id, End::Gone, &mut events));
        if knock {
            self.accept();
        }
        events
    }

    fn end(&mut self, id: ConnectionId, end: End, events: &mut Vec<Event>) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let End::Misbehaved(status) = end {
            let now = self.now();
            self.unlogged += 1;
            if now >= self.quiet_until {
                self.quiet_until = now + LOG_INTERVAL;
                let count = std::mem::take(&mut self.unlogged);
                daos_env::log!(Warn, "control", "{} is cut off: {status} ({count} such events)", connection.from);
            }
        }
        self.paused_until = None;
        if connection.role != Role::Stranger {
            events.push(Event::Gone(connection.role));
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_ROUND {
            if !self.takes_more() {
                return;
            }
            match self.listener.accept() {
                Ok((stream, from)) => {
                    if self.connections.len() >= self.connections_max
                        && let Some(oldest) = self.dispensable()
                    {
                        self.connections.remove(&oldest);
                    }
                    self.welcome(stream, from);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(error) => {
                    daos_env::log!(Warn, "control", "no more connections can be taken in for a while: {error}");
                    self.paused_until = Some(self.now() + PAUSE);
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, stream: Box<dyn ControlStream>, from: String) {
        let connection = Connection {
            stream,
            from,
            role: Role::Stranger,
            received: Vec::new(),
            unsent: Vec::new(),
            is_asking: false,
            deadline: Some(self.now() + PATIENCE),
        };
        self.connections.insert(ConnectionId(self.next), connection);
        self.next += 1;
    }

    /// Answers what a connection asked, and says what it means from now on. `false`: it is gone.
    pub fn answer(&mut self, id: ConnectionId, reply: &ControlReply, role: Role) -> bool {
        let deadline = (role == Role::Stranger).then(|| self.now() + PATIENCE);
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        connection.role = role;
        connection.is_asking = false;
        connection.deadline = deadline;
        connection.say(&control_frame(reply));
        true
    }

    /// Does not answer what a connection said, since it was no question.
    pub fn leave_unanswered(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.is_asking = false;
        }
    }

    /// Ends a connection, without a word to anybody.
    pub fn let_go(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// What a connection means.
    pub fn role(&self, id: ConnectionId) -> Option<Role> {
        self.connections.get(&id).map(|connection| connection.role)
    }

    /// Who is at the other end, for the log.
    pub fn from(&self, id: ConnectionId) -> String {
        self.connections.get(&id).map_or_else(String::new, |connection| connection.from.clone())
    }

    /// Lets go of older connections of a rank, without a word to anybody: it has a newer one.
    pub fn supersede(&mut self, rank: Rank, newest: ConnectionId) {
        self.connections.retain(|id, connection| *id == newest || connection.role != Role::Engine(rank));
    }

    /// Tells every engine, or one.
    pub fn tell_engines(&mut self, only: Option<Rank>, message: &ControlReply) -> usize {
        let frame = control_frame(message);
        let mut told = 0;
        for connection in self.connections.values_mut() {
            match connection.role {
                Role::Engine(rank) if only.is_none_or(|only| only == rank) => {
                    connection.say(&frame);
                    told += 1;
                }
                _ => {}
            }
        }
        told
    }

    /// The ranks that are connected.
    pub fn engines(&self) -> Vec<Rank> {
        let rank = |connection: &Connection| match connection.role {
            Role::Engine(rank) => Some(rank),
            _ => None,
        };
        self.connections.values().filter_map(rank).collect()
    }

    /// Cuts every client and engine off: they belong to whoever leads. Gives the sessions of the clients.
    pub fn dismiss_all(&mut self) -> Vec<u64> {
        let sessions = self.dismiss_clients();
        self.connections.retain(|_, connection| connection.role == Role::Stranger);
        sessions
    }

    /// Cuts every client off, and gives their sessions.
    pub fn dismiss_clients(&mut self) -> Vec<u64> {
        let mut sessions = Vec::new();
        self.connections.retain(|_, connection| match connection.role {
            Role::Client(session) => {
                sessions.push(session);
                false
            }
            _ => true,
        });
        sessions
    }
}

#[cfg(test)]
mod tests;
