//! The transport over shared memory.

use super::connection::Connection;
use super::layout::Side;
use super::lent::{Lent, Range};
use super::mapping::counts_strictly;
use super::outgoing::Stream;
use super::peers::Peers;
use super::process::SharedStep;
use super::record::{COPY, MESSAGE, SEND_ME, words};
use super::settings::SharedMemorySettings;
use super::socket::Socket;
use super::transfers::ended;
use super::watch::{Event, Watch};
use super::{MESSAGE_SIZE_MAX, SCHEME, handshake, layout};
use crate::{Access, Address, Parts, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport};
use daos_env::sync::Signal;
use daos_env::{Env, IoBuffer, Random, Source};
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::os::fd::{OwnedFd, RawFd};
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// Rounds of a busy thread between two looks at the sockets, which are a system call: peers that come and go are rare,
/// and a thread that sleeps is woken by them.
const ROUNDS_BETWEEN_LOOKS: u32 = 256;

/// After so many rounds without a message, a connection is looked at only in one of [`QUIET_ROUNDS`], when there are more
/// than [`LOUD_MAX`]: hundreds of clients that do nothing must not slow down the one that does.
const QUIET_AFTER: u32 = 64;
const QUIET_ROUNDS: u32 = 16;
const LOUD_MAX: usize = 8;

/// Names that are remembered, of each kind; beyond that, one is found out about anew.
const NAMES_MAX: usize = 4096;

/// What is written to memory of a peer in pieces rather than fetched by it: shorter than what asking costs.
const PUT_BYTES_MAX: usize = 8 << 10;

/// An endpoint that is reached through memory which both processes map. See [`super`].
pub struct SharedMemoryTransport {
    pub(super) address: Address,
    pub(super) settings: SharedMemorySettings,
    pub(super) random: Arc<dyn Random>,
    pub(super) receiver: RefCell<Option<Rc<dyn Receiver>>>,
    pub(super) state: Rc<State>,
    pub(super) peers: RefCell<Peers>,
    pub(super) watch: Watch,
    pub(super) door: RefCell<Option<Socket>>,
    /// Given up for a moment to refuse a connection when the process has no descriptor left.
    pub(super) spare: RefCell<Option<OwnedFd>>,
    pub(super) by_token: RefCell<HashMap<u64, Rc<Connection>>>,
    pub(super) tokens: Cell<u64>,
    pub(super) step: Rc<SharedStep>,
    pub(super) reserves: bool,
    /// Peers that did not want to share memory; asking again would end the same way.
    refused: RefCell<HashSet<Address>>,
    /// Peers that shared memory once: when nobody has their names any more, they are gone.
    pub(super) known: RefCell<HashSet<Address>>,
    /// Connections were opened, refused or ended.
    pub(super) changed: Signal,
    rounds: Cell<u32>,
    asleep: Cell<bool>,
    closed: Cell<bool>,
    process: u32,
}

/// What outlives the transport as long as memory is lent.
#[derive(Default)]
pub(super) struct State {
    pub lent: Lent,
    pub connections: RefCell<Vec<Rc<Connection>>>,
}

impl State {
    fn lend(&self, region: RemoteRegion) {
        for connection in &*self.connections.borrow() {
            if let Some(link) = &*connection.link.borrow() {
                link.lend(region.key, region.base);
            }
        }
    }

    fn take_back(&self, key: u64) {
        self.lent.remove(key);
        for connection in &*self.connections.borrow() {
            if let Some(link) = &*connection.link.borrow() {
                link.take_back(key);
            }
        }
    }
}

struct Guard {
    state: Weak<State>,
    key: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(state) = self.state.upgrade() {
            state.take_back(self.key);
        }
    }
}

impl SharedMemoryTransport {
    /// Opens an endpoint.
    pub fn open(env: &Env, settings: &SharedMemorySettings) -> Result<Rc<SharedMemoryTransport>> {
        let name = format!("{:016x}{:016x}", env.random.next_u64(), env.random.next_u64());
        let watch = Watch::new()?;
        let door = if settings.listens { Some(Socket::listen(&name)?) } else { None };
        if let Some(door) = &door {
            watch.add(door.descriptor(), Event::Door)?;
        }
        Ok(Rc::new(SharedMemoryTransport {
            address: Address::parse(&format!("{SCHEME}://{name}"))?,
            settings: settings.clone(),
            random: env.random.clone(),
            receiver: RefCell::default(),
            state: Rc::default(),
            peers: RefCell::default(),
            watch,
            door: RefCell::new(door),
            spare: RefCell::new(spare_descriptor()),
            by_token: RefCell::default(),
            tokens: Cell::new(0),
            step: Rc::default(),
            reserves: counts_strictly(),
            refused: RefCell::default(),
            known: RefCell::default(),
            changed: Signal::new(),
            rounds: Cell::new(0),
            asleep: Cell::new(false),
            closed: Cell::new(false),
            process: std::process::id(),
        }))
    }

    pub(super) fn receiver(&self) -> Option<Rc<dyn Receiver>> {
        self.receiver.borrow().clone()
    }

    fn check_open(&self) -> Result<()> {
        if self.closed.get() {
            fail!(Code::Uninit, "endpoint {} was shut down", self.address);
        }
        Ok(())
    }

    /// Whether a peer shared memory with this endpoint at some time.
    pub fn knew(&self, address: &Address) -> bool {
        self.known.borrow().contains(address)
    }

    /// Waits until the connections that are being made were made or refused.
    pub async fn settled(&self) {
        let is_open =
            |connection: &Rc<Connection>| connection.side == Side::Accepting || connection.link.borrow().is_some();
        self.changed.wait_until(|| self.state.connections.borrow().iter().all(is_open)).await;
    }

    /// As [`Transport::register`], under a key of another transport.
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn register_as(
        &self,
        memory: NonNull<u8>,
        length: usize,
        access: Access,
        key: u64,
    ) -> Result<Registration> {
        self.lend(memory, length, access, Some(key))
    }

    fn lend(&self, memory: NonNull<u8>, length: usize, access: Access, key: Option<u64>) -> Result<Registration> {
        self.check_open()?;
        let region = self.state.lent.add(memory, length, access, key)?;
        if access.may_read() {
            self.state.lend(region);
        }
        let guard = Guard { state: Rc::downgrade(&self.state), key: region.key };
        Ok(Registration::new(region, Box::new(guard)))
    }

    /// The connection to a peer, made anew if it has ended.
    fn connection(&self, peer: PeerIndex) -> Result<Rc<Connection>> {
        self.check_open()?;
        let address = {
            let peers = self.peers.borrow();
            let Some(peer) = peers.get(peer.0) else { fail!(Code::Unreach, "the peer was forgotten") };
            if let Some(connection) = peer.connection() {
                return Ok(connection.clone());
            }
            peer.address.clone()
        };
        let connection = self.connect(&address)?;
        self.attach(&connection, peer.0)?;
        Ok(connection)
    }

    /// Enters a connection in the tables.
    pub(super) fn enter(&self, side: Side, socket: Socket) -> Result<Rc<Connection>> {
        let token = self.tokens.replace(self.tokens.get() + 1);
        self.watch.add(socket.descriptor(), Event::Socket(token))?;
        let connection = Rc::new(Connection::new(token, side, socket));
        self.by_token.borrow_mut().insert(token, connection.clone());
        self.state.connections.borrow_mut().push(connection.clone());
        Ok(connection)
    }

    /// Says whose connection it is.
    pub(super) fn attach(&self, connection: &Rc<Connection>, peer: u64) -> Result<()> {
        let mut peers = self.peers.borrow_mut();
        let Some(known) = peers.get_mut(peer) else { fail!(Code::Unreach, "the peer was forgotten") };
        known.set(connection.clone());
        connection.peer.set(Some(peer));
        Ok(())
    }

    fn connect(&self, address: &Address) -> Result<Rc<Connection>> {
        let name = address.place(SCHEME)?;
        if self.refused.borrow().contains(address) {
            fail!(Code::NoPerm, "{address} did not want to share memory with this process");
        }
        let socket = Socket::connect(name).map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => Status::new(Code::Unreach, format!("nobody on this machine is {address}")),
            ErrorKind::WouldBlock => Status::new(Code::Busy, format!("{address} does not take in connections now")),
            _ => Status::from(error).while_doing(format_args!("connecting to {address}")),
        })?;
        socket.send(&handshake::hello(&self.address), None)?;
        self.enter(Side::Connecting, socket)
    }

    /// Ends a connection; what waited on it fails. With `tells`, the receiver hears of it.
    pub(super) fn end(&self, connection: &Rc<Connection>, status: &Status, tells: bool) {
        if connection.ended.replace(true) {
            return;
        }
        self.by_token.borrow_mut().remove(&connection.token);
        self.state.connections.borrow_mut().retain(|known| !Rc::ptr_eq(known, connection));
        // A process that was forked off has copies of all this, and must not speak for its parent.
        if self.process == std::process::id() {
            if let Some(link) = connection.link() {
                link.end();
            }
            self.watch.remove(connection.socket.descriptor());
            if let Some(process) = &*connection.process.borrow() {
                self.watch.remove(process.descriptor());
            }
            connection.socket.shutdown();
        }
        let was_open = connection.link.take().is_some();
        connection.process.take();
        let peer = connection.peer.get();
        if let Some(peer) = peer {
            if connection.side == Side::Connecting && !was_open && tells {
                self.remember_refusal(peer);
            }
            self.peers.borrow_mut().remove_connection(peer, connection);
        }
        self.changed.wake_all();
        let messages = connection.outgoing.borrow_mut().take_messages();
        connection.transfers.fail_all(status);
        if let (true, Some(peer), Some(receiver)) = (tells, peer.map(PeerIndex), self.receiver()) {
            for message in messages {
                receiver.send_failed(peer, message, status.clone());
            }
            receiver.peer_lost(peer, status.clone());
        }
    }

    fn remember_refusal(&self, peer: u64) {
        if let Some(peer) = self.peers.borrow().get(peer) {
            remember(&self.refused, &peer.address);
        }
    }

    /// Sends what waits, and wakes the peer for it.
    pub(super) fn flush(&self, connection: &Rc<Connection>) -> bool {
        let Some(link) = connection.link() else { return false };
        if connection.outgoing.borrow().is_empty() {
            return false;
        }
        let flushed = connection.outgoing.borrow_mut().flush(&link, &self.state.lent, &connection.transfers);
        match flushed {
            Ok(moved) => {
                if moved {
                    connection.wake_peer(&link);
                }
                moved
            }
            Err(violation) => {
                self.end(connection, &broken(format_args!("{violation:?}")), true);
                true
            }
        }
    }

    /// Puts a message into the ring at once, if nothing waits before it and there is room; `false` when not.
    fn send_now(&self, connection: &Rc<Connection>, before: &[u8], body: Parts<'_>) -> Result<bool> {
        let length = before.len() + body.length();
        let link = connection.link.borrow();
        let Some(link) = link.as_ref().filter(|_| length <= layout::RECORD_BYTES_MAX) else { return Ok(false) };
        if !connection.outgoing.borrow().is_empty() {
            return Ok(false);
        }
        let parts = std::iter::once(before).chain(body.iter());
        let sent =
            link.sender.push_all(MESSAGE, length, parts).map_err(|violation| broken(format_args!("{violation:?}")))?;
        if sent {
            connection.wake_peer(link);
        }
        Ok(sent)
    }

    /// Sends a message that lies in parts at once; gives the connection on which it has to wait instead.
    fn send_or_wait(&self, peer: PeerIndex, before: &[u8], body: Parts<'_>) -> Result<Option<Rc<Connection>>> {
        let length = before.len() + body.length();
        if length > MESSAGE_SIZE_MAX {
            fail!(Code::Overflow, "a message of {length} bytes exceeds {MESSAGE_SIZE_MAX}");
        }
        let connection = self.connection(peer)?;
        Ok((!self.send_now(&connection, before, body)?).then_some(connection))
    }

    fn wait_with(&self, connection: &Rc<Connection>, frame: Vec<u8>) -> Result<()> {
        connection.outgoing.borrow_mut().message(frame)?;
        self.flush(connection);
        Ok(())
    }

    fn start(&self, peer: PeerIndex, range: Range, buffer: IoBuffer, write: bool) -> Transfer {
        let connection = match self.connection(peer) {
            Ok(connection) => connection,
            Err(status) => return ended(buffer, Err(status)),
        };
        let transfer = if write { put(&connection, range, buffer) } else { fetch(&connection, range, buffer) };
        self.flush(&connection);
        transfer
    }
}

/// A descriptor that is good for nothing.
pub(super) fn spare_descriptor() -> Option<OwnedFd> {
    std::fs::File::open("/dev/null").ok().map(OwnedFd::from)
}

/// Adds a name to those that are remembered.
pub(super) fn remember(names: &RefCell<HashSet<Address>>, name: &Address) {
    let mut names = names.borrow_mut();
    if names.len() >= NAMES_MAX {
        names.clear();
    }
    names.insert(name.clone());
}

/// Starts to fill a buffer from memory of the peer.
fn fetch(connection: &Rc<Connection>, range: Range, mut buffer: IoBuffer) -> Transfer {
    let process = connection.process.borrow().clone().filter(|_| connection.reads_peer.get());
    if let (Some(link), Some(process)) = (connection.link(), process) {
        let memory = NonNull::from(&mut buffer[..]).cast();
        // SAFETY: the buffer has as many bytes.
        let read = unsafe { link.read(&process, range.key, range.offset, memory, buffer.len()) };
        if let Some(result) = read {
            return ended(buffer, result);
        }
    }
    let (number, transfer) = connection.transfers.add(buffer, true);
    let mut outgoing = connection.outgoing.borrow_mut();
    outgoing.short(SEND_ME, words([number, range.key, range.offset, range.length]));
    transfer
}

/// Starts to write a buffer to memory of the peer.
fn put(connection: &Rc<Connection>, range: Range, buffer: IoBuffer) -> Transfer {
    let is_copied = connection.peer_reads.get() && buffer.len() > PUT_BYTES_MAX;
    let (number, transfer) = connection.transfers.add(buffer, false);
    let mut outgoing = connection.outgoing.borrow_mut();
    if is_copied {
        let address = connection.transfers.address(number);
        outgoing.short(COPY, words([number, range.key, range.offset, range.length, address]));
    } else {
        outgoing.stream(Stream::Put { number, range, done: 0 });
    }
    transfer
}

/// A peer that does what no peer does.
pub(super) fn broken(what: std::fmt::Arguments<'_>) -> Status {
    Status::new(Code::Proto, format!("the peer broke the rules of shared memory: {what}"))
}

impl Source for SharedMemoryTransport {
    fn progress(&self) -> bool {
        if self.closed.get() {
            return false;
        }
        if self.asleep.replace(false) {
            self.rounds.set(0);
            for connection in &*self.state.connections.borrow() {
                connection.awake();
                // Whoever rang is looked at at once.
                connection.quiet.set(0);
            }
        }
        let mut busy = false;
        match self.rounds.get().checked_sub(1) {
            Some(left) => self.rounds.set(left),
            None => {
                self.rounds.set(ROUNDS_BETWEEN_LOOKS);
                busy |= self.look();
            }
        }
        for index in 0.. {
            let connection = {
                let connections = self.state.connections.borrow();
                let Some(connection) = connections.get(index) else { break };
                let is_quiet = connection.quiet.get() > QUIET_AFTER && connections.len() > LOUD_MAX;
                if is_quiet && !(self.rounds.get() ^ index as u32).is_multiple_of(QUIET_ROUNDS) {
                    continue;
                }
                // Kept: what comes in may change the list.
                connection.clone()
            };
            let moved = self.take_in(&connection) | self.flush(&connection);
            connection.quiet.set(if moved { 0 } else { connection.quiet.get().saturating_add(1) });
            busy |= moved;
        }
        busy
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.watch.descriptor())
    }

    fn prepare_sleep(&self) -> bool {
        self.asleep.set(true);
        let takes_messages = self.receiver.borrow().is_some();
        self.state.connections.borrow().iter().all(|connection| connection.prepare_sleep(takes_messages))
    }
}

impl Transport for SharedMemoryTransport {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn is_memory(&self, _peer: PeerIndex) -> bool {
        true
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        self.check_open()?;
        let _is_ours = address.place(SCHEME)?;
        let known = self.peers.borrow().find(address.as_str());
        if let Some(number) = known {
            return Ok(PeerIndex(number));
        }
        let connection = self.connect(address)?;
        let number = self.peers.borrow_mut().add(address);
        let Some(number) = number else {
            self.end(&connection, &Status::new(Code::Busy, "too many peers"), false);
            fail!(Code::Busy, "endpoint {} knows too many peers", self.address);
        };
        self.attach(&connection, number)?;
        Ok(PeerIndex(number))
    }

    fn forget(&self, peer: PeerIndex) {
        let connections = self.peers.borrow_mut().remove(peer);
        for connection in connections {
            self.end(&connection, &Status::new(Code::Canceled, "the connection was ended"), false);
        }
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        match self.send_or_wait(peer, &frame, Parts::one(&[]))? {
            Some(connection) => self.wait_with(&connection, frame),
            None => Ok(()),
        }
    }

    fn send_parts(&self, peer: PeerIndex, before: &[u8], body: Parts<'_>) -> Result<()> {
        match self.send_or_wait(peer, before, body)? {
            Some(connection) => self.wait_with(&connection, body.behind(before)),
            None => Ok(()),
        }
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        // The old one is dropped outside the borrow: its end may call back.
        let _old = self.receiver.replace(receiver);
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        self.lend(memory, length, access, None)
    }

    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        let range = Range { key: remote.key, offset, length: buffer.len() as u64 };
        self.start(peer, range, buffer, false)
    }

    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        let range = Range { key: remote.key, offset, length: buffer.len() as u64 };
        self.start(peer, range, buffer, true)
    }

    fn max_message_size(&self) -> usize {
        MESSAGE_SIZE_MAX
    }

    fn shutdown(&self) {
        if self.closed.replace(true) {
            return;
        }
        let connections = self.state.connections.borrow().clone();
        for connection in connections {
            self.end(&connection, &Status::new(Code::Canceled, "the endpoint was shut down"), false);
        }
        self.door.take();
    }
}

impl Drop for SharedMemoryTransport {
    fn drop(&mut self) {
        self.shutdown();
    }
}
