//! Connections that come, open, and end.

use super::Users;
use super::connection::Connection;
use super::handshake::{self, MESSAGE_BYTES_MAX, Ready, Secret, Welcome};
use super::layout::Side;
use super::link::Link;
use super::mapping::Mapping;
use super::process::Process;
use super::record::{READY, VERDICT};
use super::socket::{Incoming, Socket};
use super::transport::{SharedMemoryTransport, remember, spare_descriptor};
use super::watch::Event;
use daos_status::{Code, Result, Status, fail};
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::rc::Rc;

/// Connections taken in between two looks at other things.
const ACCEPTS_PER_LOOK: usize = 16;
/// Rings of the bell that are taken at a time.
const BELLS_PER_LOOK: usize = 16;
/// Connections that have not said who they are; one more ends the oldest.
const NAMELESS_MAX: usize = 64;
/// Rounds in which what a dead peer left in its ring is taken out: more than it can hold.
const LAST_ROUNDS: usize = 512;

impl SharedMemoryTransport {
    /// Looks at what the kernel has to say.
    pub(super) fn look(&self) -> bool {
        let events = self.watch.take();
        for event in &events {
            match event {
                Event::Door => self.accept(),
                Event::Socket(token) => {
                    if let Some(connection) = self.by_token(*token) {
                        self.look_at_socket(&connection);
                    }
                }
                Event::Process(token) => {
                    if let Some(connection) = self.by_token(*token) {
                        self.bury(&connection, "the process of the peer has ended");
                    }
                }
            }
        }
        !events.is_empty()
    }

    fn by_token(&self, token: u64) -> Option<Rc<Connection>> {
        self.by_token.borrow().get(&token).cloned()
    }

    fn accept(&self) {
        for _ in 0..ACCEPTS_PER_LOOK {
            let accepted = self.door.borrow().as_ref().map(Socket::accept);
            let socket = match accepted {
                Some(Ok(socket)) => socket,
                Some(Err(error)) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    if self.turn_away() {
                        continue;
                    }
                    return;
                }
                Some(Err(_)) | None => return,
            };
            if let Err(status) = self.admit(&socket) {
                // Who does not listen finds out by the end of the connection.
                let _unheard = socket.send(&handshake::refusal(&status), None);
                daos_env::log!(Debug, "rpc", "{}: refused a connection: {status}", self.address);
                continue;
            }
            match self.enter(Side::Accepting, socket) {
                // The hello is there already, as a rule.
                Ok(connection) => self.look_at_socket(&connection),
                Err(status) => daos_env::log!(Warn, "rpc", "{}: lost a connection: {status}", self.address),
            }
        }
    }

    /// Refuses a connection although the process has no descriptor left for it: who waits in vain would never go another way.
    /// `false` when there was none, or another thread took the spare descriptor.
    fn turn_away(&self) -> bool {
        drop(self.spare.take());
        let refused = self.door.borrow().as_ref().is_some_and(|door| door.accept().is_ok());
        self.spare.replace(spare_descriptor());
        if refused {
            daos_env::log!(Warn, "rpc", "{}: no descriptor is left for a connection", self.address);
        }
        refused
    }

    fn admit(&self, socket: &Socket) -> Result<()> {
        let user = socket.peer().user;
        // SAFETY: geteuid has no preconditions.
        let own = unsafe { libc::geteuid() };
        if self.settings.users == Users::Own && user != own && user != 0 {
            fail!(Code::NoPerm, "user {user} may not connect to an endpoint of user {own}");
        }
        let connections = self.state.connections.borrow();
        if connections.len() >= self.settings.connections_max {
            fail!(Code::Busy, "the endpoint has {} connections already", connections.len());
        }
        let nameless = |connection: &&Rc<Connection>| connection.peer.get().is_none();
        let count = connections.iter().filter(nameless).count();
        let oldest = connections.iter().find(nameless).filter(|_| count >= NAMELESS_MAX).cloned();
        drop(connections);
        if let Some(oldest) = oldest {
            self.end(&oldest, &Status::new(Code::Busy, "it did not say who it is"), false);
        }
        Ok(())
    }

    /// Ends the connection to a peer that is gone, after taking what it left.
    fn bury(&self, connection: &Rc<Connection>, why: &'static str) {
        for _ in 0..LAST_ROUNDS {
            if !self.take_in(connection) {
                break;
            }
        }
        self.end(connection, &Status::new(Code::Unreach, why), true);
    }

    fn look_at_socket(&self, connection: &Rc<Connection>) {
        let mut message = [0; MESSAGE_BYTES_MAX];
        for _ in 0..BELLS_PER_LOOK {
            let is_open = connection.link.borrow().is_some();
            let wants_file = !is_open && connection.side == Side::Connecting;
            let result = match connection.socket.receive(&mut message, wants_file) {
                Incoming::Nothing => return,
                Incoming::Closed => return self.bury(connection, "the peer ended the connection"),
                Incoming::Message(..) if is_open => Ok(()),
                Incoming::Message(length, file) if wants_file => {
                    self.take_welcome(connection, &message[..length], file)
                }
                Incoming::Message(length, _) => self.take_hello(connection, &message[..length]),
            };
            if let Err(status) = result {
                let doing = format!("connecting over shared memory at {}", self.address);
                return self.end(connection, &status.while_doing(doing), true);
            }
        }
    }

    fn secret(&self) -> Secret {
        let mut secret = Secret::default();
        self.random.fill(&mut secret);
        secret
    }

    fn take_hello(&self, connection: &Rc<Connection>, message: &[u8]) -> Result<()> {
        let result = self.welcome(connection, message);
        if let Err(status) = &result {
            // As for those who are not admitted.
            let _unheard = connection.socket.send(&handshake::refusal(status), None);
        }
        result
    }

    fn welcome(&self, connection: &Rc<Connection>, message: &[u8]) -> Result<()> {
        let address = handshake::read_hello(message)?;
        let _is_ours = address.place(super::SCHEME)?;
        let known = self.peers.borrow().find(address.as_str());
        let old = known.and_then(|known| self.peers.borrow().get(known)?.of_side(Side::Accepting));
        if let Some(old) = old.filter(|old| !old.ended.get()) {
            if old.credentials != connection.credentials {
                fail!(Code::Exist, "another process is connected as {address}");
            }
            self.end(&old, &Status::new(Code::Hg, "the peer connected anew"), true);
        }
        let number = self.peers.borrow_mut().add(&address);
        let Some(number) = number else { fail!(Code::Busy, "the endpoint knows too many peers") };
        let (mapping, file) = Mapping::create(self.reserves)?;
        self.follow_process(connection);
        connection.challenge.set(self.secret());
        connection.proof.set(self.secret());
        let welcome = Welcome { challenge: connection.challenge.get(), proof_at: connection.proof.address() };
        connection.socket.send(&welcome.encode(), Some(&file))?;
        self.attach(connection, number)?;
        self.link(connection, mapping);
        Ok(())
    }

    fn take_welcome(&self, connection: &Rc<Connection>, message: &[u8], file: Option<OwnedFd>) -> Result<()> {
        let welcome = handshake::read_welcome(message)?;
        let Some(file) = file else { fail!(Code::Proto, "the peer's welcome came without memory") };
        let mapping = Mapping::of_peer(&file)?;
        self.follow_process(connection);
        connection.challenge.set(welcome.challenge);
        let proof = connection.read_secret(welcome.proof_at).unwrap_or_default();
        let ready = Ready { challenge_at: connection.challenge.address(), proof };
        // Before the messages that wait.
        connection.outgoing.borrow_mut().short(READY, ready.encode().to_vec());
        self.link(connection, mapping);
        self.flush(connection);
        Ok(())
    }

    fn link(&self, connection: &Connection, mapping: Mapping) {
        let link = Link::new(mapping, connection.side);
        for (key, base) in self.state.lent.readable() {
            link.lend(key, base);
        }
        connection.link.replace(Some(Rc::new(link)));
        if let Some(peer) = connection.peer.get().and_then(|peer| Some(self.peers.borrow().get(peer)?.address.clone()))
        {
            remember(&self.known, &peer);
        }
        self.changed.wake_all();
    }

    /// Finds the process behind a connection, to read its memory and to notice its end.
    fn follow_process(&self, connection: &Connection) {
        let Some(process) = Process::of(connection.credentials.process, &self.step) else { return };
        if self.watch.add(process.descriptor(), Event::Process(connection.token)).is_ok() {
            connection.process.replace(Some(Rc::new(process)));
        }
    }

    /// The peer is ready: finds out who may read whose memory, and says so.
    pub(super) fn take_ready(&self, connection: &Connection, ready: &Ready) {
        if self.settings.reads_processes {
            connection.reads_peer.set(connection.read_secret(ready.challenge_at) == Some(connection.challenge.get()));
            connection.peer_reads.set(ready.proof == connection.proof.get());
        }
        let verdict = [connection.reads_peer.get(), connection.peer_reads.get()].map(u8::from);
        connection.outgoing.borrow_mut().short(VERDICT, verdict.to_vec());
    }

    /// What [`SharedMemoryTransport::take_ready`] found out at the other end.
    pub(super) fn take_verdict(&self, connection: &Connection, verdict: [u8; 2]) {
        if self.settings.reads_processes {
            connection.peer_reads.set(verdict[0] == 1);
            connection.reads_peer.set(verdict[1] == 1);
        }
    }
}

impl Connection {
    /// The number at a place in the peer's memory, if that can be read.
    fn read_secret(&self, at: u64) -> Option<Secret> {
        let process = self.process.borrow().clone()?;
        let mut secret = Secret::default();
        // SAFETY: the array has as many bytes.
        let read = unsafe { process.read(at, NonNull::from(&mut secret).cast(), secret.len()) };
        read.ok().map(|()| secret)
    }
}
