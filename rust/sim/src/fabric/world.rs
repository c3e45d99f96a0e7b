//! What endpoints of a simulated fabric share.

use super::memory::{Region, Transfer};
use super::pairs::Pairs;
use super::{Cut, SCHEME, Weather};
use crate::QuickHasher;
use daos_env::{Clock, ManualClock, Random, SeededRandom};
use daos_rpc::PeerIndex;
use daos_status::{Code, Result, Status, fail};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Messages under way to, or waiting at, one endpoint before senders are told to wait.
const MESSAGES_MAX: usize = 8192;

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that arrived, doubled ones twice.
    pub arrived: u64,
    /// Messages that did not.
    pub lost: u64,
    /// Messages that arrived twice.
    pub doubled: u64,
    /// Transfers that were begun.
    pub transfers: u64,
    /// Transfers that failed.
    pub failed_transfers: u64,
}

/// What waits for an endpoint to look.
pub(super) enum Inbox {
    Frame(Vec<u8>),
    SendFailed { peer: PeerIndex, frame: Vec<u8>, status: Status },
}

/// What happens at a moment.
enum Event {
    Arrival {
        from: u64,
        to: u64,
        peer: PeerIndex,
        generation: u64,
        frame: Vec<u8>,
    },
    /// The sender hears that a message was lost.
    News {
        to: u64,
        peer: PeerIndex,
        frame: Vec<u8>,
        status: Status,
    },
    Piece {
        transfer: u64,
    },
    End {
        transfer: u64,
        result: Result<()>,
    },
}

struct Endpoint {
    /// Distinguishes those that had the same address one after the other.
    life: u64,
    inbox: VecDeque<Inbox>,
    under_way: usize,
    regions: BTreeMap<u64, Region>,
}

pub(super) struct World {
    clock: Arc<ManualClock>,
    random: SeededRandom,
    pub weather: Weather,
    /// One side of a cut network.
    pub side: Option<BTreeSet<u64>>,
    /// What is lost besides.
    pub cut: Option<Cut>,
    endpoints: BTreeMap<u64, Endpoint>,
    next_endpoint: u64,
    lives: u64,
    events: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    /// When the last message from one endpoint to another arrives.
    last_arrival: BTreeMap<(u64, u64), Duration>,
    pairs: Pairs,
    transfers: BTreeMap<u64, Transfer>,
    pub counts: Counts,
    pub violations: Vec<String>,
    pub fingerprint: u64,
}

impl World {
    pub fn new(seed: u64, clock: Arc<ManualClock>) -> World {
        World {
            clock,
            random: SeededRandom::new(seed),
            weather: Weather::default(),
            side: None,
            cut: None,
            endpoints: BTreeMap::new(),
            next_endpoint: 0,
            lives: 0,
            events: BTreeMap::new(),
            sequence: 0,
            last_arrival: BTreeMap::new(),
            pairs: Pairs::default(),
            transfers: BTreeMap::new(),
            counts: Counts::default(),
            violations: Vec::new(),
            fingerprint: 0,
        }
    }

    /// Opens an endpoint at a free address; gives address and life.
    pub fn open_next(&mut self) -> (u64, u64) {
        while self.endpoints.contains_key(&self.next_endpoint) {
            self.next_endpoint += 1;
        }
        let number = self.next_endpoint;
        self.next_endpoint += 1;
        (number, self.insert(number))
    }

    /// Opens an endpoint at an address, and gives its life.
    pub fn open(&mut self, number: u64) -> Result<u64> {
        if self.endpoints.contains_key(&number) {
            fail!(Code::Exist, "address {SCHEME}://{number} is in use");
        }
        Ok(self.insert(number))
    }

    fn insert(&mut self, number: u64) -> u64 {
        self.lives += 1;
        let (inbox, regions) = (VecDeque::new(), BTreeMap::new());
        self.endpoints.insert(number, Endpoint { life: self.lives, inbox, under_way: 0, regions });
        self.lives
    }

    /// Ends an endpoint, and its connections; with a life, only that one.
    pub fn close(&mut self, number: u64, life: Option<u64>) {
        if life.is_some_and(|life| !self.lives_on(number, life)) || self.endpoints.remove(&number).is_none() {
            return;
        }
        let others: Vec<u64> = self.endpoints.keys().copied().collect();
        for other in others {
            self.pairs.end(number, other, Some(number));
        }
    }

    /// Whether an endpoint is open.
    pub fn lives_on(&self, number: u64, life: u64) -> bool {
        self.endpoints.get(&number).is_some_and(|endpoint| endpoint.life == life)
    }

    fn is_open(&self, number: u64) -> bool {
        self.endpoints.contains_key(&number)
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    fn delay(&self) -> Duration {
        let (least, most) = (*self.weather.delay.start(), *self.weather.delay.end());
        let spread = u64::try_from(most.saturating_sub(least).as_nanos()).unwrap_or(u64::MAX - 1);
        least + Duration::from_nanos(self.below(spread + 1))
    }

    fn is_parted(&self, one: u64, other: u64) -> bool {
        let is_cut = self.cut.as_ref().is_some_and(|cut| cut(one, other));
        is_cut || self.side.as_ref().is_some_and(|side| side.contains(&one) != side.contains(&other))
    }

    /// Whether what goes from one endpoint to another now is lost.
    fn is_lost(&self, from: u64, to: u64) -> bool {
        from != to && (self.is_parted(from, to) || self.below(1000) < self.weather.loss_per_mille)
    }

    fn schedule(&mut self, at: Duration, event: Event) {
        self.sequence += 1;
        self.events.insert((at, self.sequence), event);
    }

    pub fn next_event(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn send(&mut self, from: u64, to: u64, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        let Some(endpoint) = self.endpoints.get_mut(&to) else {
            fail!(Code::Unreach, "no endpoint at {SCHEME}://{to}")
        };
        if endpoint.under_way + endpoint.inbox.len() >= MESSAGES_MAX {
            fail!(Code::Busy, "{MESSAGES_MAX} messages wait for {SCHEME}://{to} already");
        }
        endpoint.under_way += 1;
        self.counts.sent += 1;
        let now = self.clock.monotonic();
        let earliest = self.last_arrival.get(&(from, to)).copied().unwrap_or_default();
        let arrival = (now + self.delay()).max(earliest);
        self.last_arrival.insert((from, to), arrival);
        let generation = self.pairs.generation(from, to);
        if self.is_lost(from, to) {
            self.lose(from, to, peer, frame, arrival);
            return Ok(());
        }
        if from != to && self.below(1000) < self.weather.doubling_per_mille {
            self.counts.doubled += 1;
            if let Some(endpoint) = self.endpoints.get_mut(&to) {
                endpoint.under_way += 1;
            }
            let again = arrival + self.delay();
            self.schedule(again, Event::Arrival { from, to, peer, generation, frame: frame.clone() });
        }
        self.schedule(arrival, Event::Arrival { from, to, peer, generation, frame });
        Ok(())
    }

    /// Loses a message that was under way.
    fn lose(&mut self, from: u64, to: u64, peer: PeerIndex, frame: Vec<u8>, at: Duration) {
        self.counts.lost += 1;
        if let Some(endpoint) = self.endpoints.get_mut(&to) {
            endpoint.under_way = endpoint.under_way.saturating_sub(1);
        }
        if self.below(2) == 0 {
            let status = Status::new(Code::Unreach, format!("the connection to {SCHEME}://{to} broke"));
            self.schedule(at + self.delay(), Event::News { to: from, peer, frame, status });
        }
    }

    /// Ends a connection.
    pub fn forget(&mut self, by: u64, other: u64) {
        self.pairs.end(by, other, Some(by));
    }

    pub fn register(&mut self, number: u64, life: u64, region: Region) -> Result<u64> {
        let key = self.random.next_u64();
        let endpoint = self.endpoints.get_mut(&number).filter(|endpoint| endpoint.life == life);
        let Some(endpoint) = endpoint else { fail!(Code::Uninit, "the endpoint was shut down") };
        endpoint.regions.insert(key, region);
        Ok(key)
    }

    pub fn deregister(&mut self, number: u64, key: u64) {
        for transfer in self.transfers.values() {
            let is_at = transfer.to == number && transfer.remote.key == key;
            let lasts = transfer.generation == self.pairs.generation(transfer.from, transfer.to);
            if is_at && lasts && transfer.is_begun() && self.is_open(number) {
                let (from, what) = (transfer.from, transfer.direction);
                self.violations.push(format!(
                    "{SCHEME}://{number} gave back memory of which {SCHEME}://{from} is in the midst of a {what:?}"
                ));
            }
        }
        if let Some(endpoint) = self.endpoints.get_mut(&number) {
            endpoint.regions.remove(&key);
        }
    }

    /// Begins a transfer; `pieces`, `generation` and `done` are set here.
    pub fn begin(&mut self, mut transfer: Transfer) {
        transfer.pieces = 1 + self.below(3) as usize;
        transfer.generation = self.pairs.generation(transfer.from, transfer.to);
        self.counts.transfers += 1;
        self.sequence += 1;
        let number = self.sequence;
        let at = self.clock.monotonic() + self.delay();
        if self.is_lost(transfer.from, transfer.to) {
            self.pairs.end(transfer.from, transfer.to, None);
        }
        self.transfers.insert(number, transfer);
        self.schedule(at, Event::Piece { transfer: number });
    }

    fn piece(&mut self, number: u64, now: Duration) {
        let Some(mut transfer) = self.transfers.remove(&number) else { return };
        let (from, to) = (transfer.from, transfer.to);
        let lasts = transfer.generation == self.pairs.generation(from, to) && !self.is_parted(from, to);
        let region = self.endpoints.get(&to).map(|endpoint| endpoint.regions.get(&transfer.remote.key));
        let result = match region {
            _ if !lasts || !self.is_open(from) => Err(Status::new(Code::Unreach, "the connection ended")),
            None => Err(Status::new(Code::Unreach, format!("no endpoint at {SCHEME}://{to}"))),
            Some(Some(region)) => region.apply(&mut transfer),
            Some(None) => Err(Status::new(Code::Hg, "the peer has no such memory")),
        };
        if lasts && matches!(&result, Err(status) if status.code() != Code::Unreach) {
            self.pairs.end(from, to, None);
        }
        let is_last = transfer.done == transfer.buffer.len();
        self.transfers.insert(number, transfer);
        let at = now + self.delay();
        match result {
            Ok(()) if !is_last => self.schedule(at, Event::Piece { transfer: number }),
            result => self.schedule(at, Event::End { transfer: number, result }),
        }
    }

    fn arrive(&mut self, event: (u64, u64, PeerIndex), generation: u64, frame: Vec<u8>, now: Duration) {
        let (from, to, peer) = event;
        let is_stale = generation != self.pairs.generation(from, to);
        // Who ended the connection hears nothing of it any more; what it has sent itself may have been on the way.
        let is_lost = is_stale && (!self.pairs.was_ended_by(from, to) || self.below(2) == 0);
        if is_lost || self.is_parted(from, to) || !self.is_open(to) {
            return self.lose(from, to, peer, frame, now);
        }
        self.counts.arrived += 1;
        if let Some(endpoint) = self.endpoints.get_mut(&to) {
            endpoint.under_way = endpoint.under_way.saturating_sub(1);
            endpoint.inbox.push_back(Inbox::Frame(frame));
        }
    }

    /// Lets everything happen whose time has come.
    pub fn advance(&mut self) {
        let now = self.clock.monotonic();
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), event) = entry.remove_entry();
            self.note(at, &event);
            match event {
                Event::Arrival { from, to, peer, generation, frame } => {
                    self.arrive((from, to, peer), generation, frame, at);
                }
                Event::News { to, peer, frame, status } => {
                    if let Some(endpoint) = self.endpoints.get_mut(&to) {
                        endpoint.inbox.push_back(Inbox::SendFailed { peer, frame, status });
                    }
                }
                Event::Piece { transfer } => self.piece(transfer, at),
                Event::End { transfer, result } => {
                    self.counts.failed_transfers += u64::from(result.is_err());
                    if let Some(transfer) = self.transfers.remove(&transfer) {
                        transfer.sender.send((transfer.buffer, result));
                    }
                }
            }
        }
    }

    /// Puts an event into the fingerprint.
    fn note(&mut self, at: Duration, event: &Event) {
        let mut hasher = QuickHasher::from(self.fingerprint);
        at.hash(&mut hasher);
        match event {
            Event::Arrival { from, to, frame, .. } => (1, from, to, frame).hash(&mut hasher),
            Event::News { to, frame, .. } => (2, to, frame).hash(&mut hasher),
            Event::Piece { transfer } => (3, transfer).hash(&mut hasher),
            Event::End { transfer, result } => (4, transfer, result.is_ok()).hash(&mut hasher),
        }
        self.fingerprint = hasher.finish();
    }

    /// Takes what waits for an endpoint.
    pub fn take(&mut self, number: u64, life: u64) -> Option<Inbox> {
        self.endpoints.get_mut(&number).filter(|endpoint| endpoint.life == life)?.inbox.pop_front()
    }
}
