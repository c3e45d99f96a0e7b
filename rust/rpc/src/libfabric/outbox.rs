//! What waits to be sent, by peer.

mod cuts;
mod endings;
mod posting;

use super::blocked::Blocked;
use super::fragment::FRAGMENT_MAX;
use super::place::bytes_of;
use super::port::Port;
use super::watch::Watch;
use crate::{Address, PeerIndex, RemoteRegion};
use daos_env::IoBuffer;
use daos_env::sync::Sender;
use daos_status::{Code, Result, Status, fail};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Peers that a transport knows at a time; an endpoint bounds them below.
const PEERS_MAX: usize = 1 << 16;

/// Messages and transfers that wait for one peer; as many calls as an endpoint has outstanding.
const QUEUE_MAX: usize = 4096;

/// Bytes of messages that wait for all peers.
const BYTES_MAX: usize = 64 << 20;

/// Operations that the provider has for one peer, so that one who does not read leaves room for others.
const IN_FLIGHT_MAX: usize = 256;

/// Peers that are tried in one round.
const TRIES_PER_ROUND: usize = 64;

/// How long a message is sent again and again after its connection ended under it: providers take a while to see that a connection is gone, and
/// fail everything meanwhile. A count would not do: on a slow network the attempts were over before the next connection was there.
const REPEAT_LIMIT: Duration = Duration::from_secs(5);

/// Which way a transfer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Read,
    Write,
}

/// A read or write of remote memory.
pub(super) struct Job {
    pub direction: Direction,
    pub remote: RemoteRegion,
    pub offset: u64,
    pub buffer: IoBuffer,
    pub sender: Sender<(IoBuffer, Result<()>)>,
}

impl Job {
    /// Gives the buffer back to who waits for it.
    pub fn end(self, result: Result<()>) {
        self.sender.send((self.buffer, result));
    }
}

/// A message on its way.
pub(super) struct Message {
    frame: RefCell<Vec<u8>>,
    number: u64,
    /// Where it stands in its peer's queue.
    sequence: u64,
    /// Which attempt is under way.
    attempt: Cell<u32>,
    /// When the first one failed.
    failing_since: Cell<Option<Duration>>,
}

/// A message and the attempt that a fragment belongs to.
pub(super) type Attempt = (Rc<Message>, u32);

/// A message that could not be delivered.
pub(super) struct Failed {
    pub peer: PeerIndex,
    pub frame: Vec<u8>,
    pub status: Status,
}

enum Outgoing {
    Message { message: Rc<Message>, offset: usize },
    Transfer(Job),
}

struct Peer {
    address: Address,
    bytes: Vec<u8>,
    place: Option<u64>,
    /// By the order in which they were given: what failed comes back to its place.
    queue: BTreeMap<u64, Outgoing>,
    next_sequence: u64,
    in_flight: usize,
    blocked: Option<Blocked>,
    /// Whether it stands among those whose queues wait.
    waiting: bool,
    /// Whether it stands among those that are given something since the last flush, and how many bytes that is.
    fresh: bool,
    fresh_bytes: usize,
}

/// The peers and their queues.
pub(super) struct Outbox {
    word: String,
    format: u32,
    own: Vec<u8>,
    connect_limit: Duration,
    peers: HashMap<PeerIndex, Peer>,
    by_address: HashMap<Address, PeerIndex>,
    /// Addresses that the provider could not remove.
    kept: HashMap<Address, u64>,
    next_peer: u64,
    next_message: u64,
    bytes: usize,
    /// Peers with something in their queues.
    waiting: VecDeque<PeerIndex>,
    /// Peers that were given something since the last flush: what is sent within one round travels together.
    fresh: Vec<PeerIndex>,
    failed: Vec<Failed>,
    /// Peers that may be cut off.
    watches: HashMap<PeerIndex, Watch>,
    /// Peers whose connections were begun anew.
    reconnected: Vec<PeerIndex>,
}

/// What ends when the transport is shut down.
pub(super) fn shut_down() -> Status {
    Status::new(Code::Canceled, "the endpoint was shut down")
}

impl Outbox {
    /// `own` is the endpoint's own address in the provider's form, `first_message` a random number.
    pub fn new(word: &str, format: u32, own: Vec<u8>, connect_limit: Duration, first_message: u64) -> Outbox {
        Outbox {
            word: word.to_owned(),
            format,
            own,
            connect_limit,
            peers: HashMap::new(),
            by_address: HashMap::new(),
            kept: HashMap::new(),
            next_peer: 0,
            next_message: first_message,
            bytes: 0,
            waiting: VecDeque::new(),
            fresh: Vec::new(),
            failed: Vec::new(),
            watches: HashMap::new(),
            reconnected: Vec::new(),
        }
    }

    pub fn resolve(&mut self, address: &Address) -> Result<PeerIndex> {
        if let Some(index) = self.by_address.get(address) {
            return Ok(*index);
        }
        let bytes = bytes_of(&self.word, self.format, &self.own, address)?;
        if self.peers.len() >= PEERS_MAX {
            fail!(Code::Busy, "the transport knows {PEERS_MAX} peers already");
        }
        let index = PeerIndex(self.next_peer);
        self.next_peer += 1;
        let peer = Peer {
            address: address.clone(),
            bytes,
            place: self.kept.get(address).copied(),
            queue: BTreeMap::new(),
            next_sequence: 0,
            in_flight: 0,
            blocked: None,
            waiting: false,
            fresh: false,
            fresh_bytes: 0,
        };
        self.peers.insert(index, peer);
        self.by_address.insert(address.clone(), index);
        Ok(index)
    }

    pub fn forget(&mut self, port: &Port, index: PeerIndex) {
        let Some(mut peer) = self.peers.remove(&index) else { return };
        self.watches.remove(&index);
        self.by_address.remove(&peer.address);
        let status = Status::new(Code::Unreach, format!("the connection to {} was ended", peer.address));
        self.fail_queue(index, &mut peer, &status);
        self.hang_up(port, &mut peer);
    }

    fn hang_up(&mut self, port: &Port, peer: &mut Peer) {
        let Some(place) = peer.place.take() else { return };
        if port.hang_up(place) {
            self.kept.remove(&peer.address);
        } else {
            // Not removed: the address keeps its place, which is used when it is resolved again.
            self.kept.insert(peer.address.clone(), place);
            peer.place = Some(place);
        }
    }

    pub fn send(&mut self, port: &Port, now: Duration, index: PeerIndex, frame: Vec<u8>) -> Result<()> {
        if self.bytes.saturating_add(frame.len()) > BYTES_MAX {
            fail!(Code::Busy, "{BYTES_MAX} bytes of messages wait to be sent already");
        }
        let number = self.next_message;
        let peer = self.peer_with_room(index)?;
        let sequence = peer.next_sequence();
        let length = frame.len();
        let message = Rc::new(Message {
            frame: RefCell::new(frame),
            number,
            sequence,
            attempt: Cell::new(0),
            failing_since: Cell::new(None),
        });
        peer.queue.insert(sequence, Outgoing::Message { message, offset: 0 });
        self.next_message = number.wrapping_add(1);
        self.bytes += length;
        self.gather(port, now, index, length);
        Ok(())
    }

    /// Queues a transfer, or ends it with an error.
    pub fn transfer(&mut self, port: &Port, now: Duration, index: PeerIndex, job: Job) {
        match self.peer_with_room(index) {
            Err(status) => return job.end(Err(status)),
            Ok(peer) => {
                let sequence = peer.next_sequence();
                peer.queue.insert(sequence, Outgoing::Transfer(job));
            }
        }
        self.gather(port, now, index, 0);
    }

    fn peer_with_room(&mut self, index: PeerIndex) -> Result<&mut Peer> {
        match self.peers.get_mut(&index) {
            None => fail!(Code::Unreach, "peer {} is not known", index.0),
            Some(peer) if peer.queue.len() >= QUEUE_MAX => {
                fail!(Code::Busy, "{QUEUE_MAX} messages wait for {} already", peer.address)
            }
            Some(peer) => Ok(peer),
        }
    }

    /// Leaves what was just queued for the next flush, unless a fragment is full.
    fn gather(&mut self, port: &Port, now: Duration, index: PeerIndex, bytes: usize) {
        let Some(peer) = self.peers.get_mut(&index).filter(|peer| !peer.waiting) else { return };
        peer.fresh_bytes += bytes;
        if !std::mem::replace(&mut peer.fresh, true) {
            self.fresh.push(index);
        }
        if peer.fresh_bytes >= FRAGMENT_MAX {
            self.push(port, now, index);
        }
    }

    /// Gives the provider what was queued since this was called last; `true` when there was something.
    pub fn flush(&mut self, port: &Port, now: Duration) -> bool {
        let fresh = std::mem::take(&mut self.fresh);
        let busy = !fresh.is_empty();
        for index in &fresh {
            let Some(peer) = self.peers.get_mut(index) else { continue };
            peer.fresh = false;
            if !peer.waiting && !peer.queue.is_empty() {
                self.push(port, now, *index);
            }
        }
        if self.fresh.is_empty() {
            // Its memory is used again.
            self.fresh = fresh;
            self.fresh.clear();
        }
        busy
    }

    /// Tries again for peers whose queues wait: those whose time has come, or all when the provider made `progress`.
    pub fn retry(&mut self, port: &Port, now: Duration, progress: bool) -> bool {
        let mut sent = self.look_for_cuts(port, now);
        for _ in 0..self.waiting.len().min(TRIES_PER_ROUND) {
            let Some(index) = self.waiting.pop_front() else { break };
            let Some(peer) = self.peers.get_mut(&index) else { continue };
            if peer.blocked.as_ref().is_some_and(|blocked| !blocked.is_due(now, progress)) {
                self.waiting.push_back(index);
                continue;
            }
            peer.waiting = false;
            self.doubt_blocked(now, index);
            let Some(peer) = self.peers.get(&index) else { continue };
            let before = (peer.queue.len(), peer.in_flight);
            self.push(port, now, index);
            sent |= self.peers.get(&index).is_some_and(|peer| (peer.queue.len(), peer.in_flight) != before);
        }
        sent
    }

    /// When there is something to try again.
    pub fn next_retry(&self) -> Option<Duration> {
        let times = self.waiting.iter().filter_map(|index| self.peers.get(index));
        let times = times.map(|peer| peer.blocked.as_ref().map_or(Duration::ZERO, Blocked::retry_at));
        times.chain(self.watches.values().map(Watch::look_at)).min()
    }

    /// Messages that could not be delivered since this was called last.
    pub fn take_failed(&mut self) -> Vec<Failed> {
        std::mem::take(&mut self.failed)
    }

    /// Whether there is something to report: these, or [`Outbox::take_reconnected`].
    pub fn has_reports(&self) -> bool {
        !self.failed.is_empty() || !self.reconnected.is_empty()
    }
}

impl Message {
    fn length(&self) -> usize {
        self.frame.borrow().len()
    }

    /// The attempt that is under way.
    fn attempt(self: &Rc<Self>) -> Attempt {
        (self.clone(), self.attempt.get())
    }
}

impl Peer {
    fn is_followed_by_message(&self) -> bool {
        matches!(self.queue.first_key_value(), Some((_, Outgoing::Message { offset: 0, .. })))
    }

    fn block(&mut self, now: Duration) {
        self.blocked.get_or_insert_with(|| Blocked::new(now)).again(now);
    }

    /// Fails when waiting for the peer has no use any more.
    fn check_patience(&mut self, now: Duration, limit: Duration) -> Result<()> {
        self.blocked.as_mut().map_or(Ok(()), |blocked| blocked.check_patience(&self.bytes, now, limit))
    }

    fn next_sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        for (_, mut peer) in self.peers.drain() {
            for outgoing in std::mem::take(&mut peer.queue).into_values() {
                if let Outgoing::Transfer(job) = outgoing {
                    job.end(Err(shut_down()));
                }
            }
        }
    }
}
