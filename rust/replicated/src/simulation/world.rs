//! Time, messages and the replicas.

use super::checks::Checks;
use super::client::Clients;
use super::disk::{Write, apply_entry};
use super::node::Node;
use crate::core::{Broken, Command, CoreSettings};
use daos_env::{Random, SeededRandom};
use daos_status::{Code, Status};
use daos_wire::replicated::{Member, Membership, ReplicaId, ReplicaMessage, Term};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub const MILLISECOND: u64 = 1_000_000;
pub const SECOND: u64 = 1000 * MILLISECOND;
/// Rows in one part of a snapshot: few, so that there are several parts.
const ROWS_PER_PART: usize = 3;

pub enum Event {
    Deliver(Box<ReplicaMessage>),
    Timer(usize, u64),
    Written(usize, u64, bool),
    RowsRead(usize, u64),
    Client(usize),
    Fault,
}

/// How bad the world is.
pub struct Weather {
    /// Of a thousand messages.
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
    /// Of a thousand changes of storage.
    pub slow_writes: u64,
    /// Milliseconds between faults, at most.
    pub fault_interval: u64,
}

pub struct World {
    pub now: u64,
    pub random: SeededRandom,
    pub nodes: Vec<Node>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    pub weather: Weather,
    /// Links that carry nothing, in one direction.
    pub cut: BTreeSet<(ReplicaId, ReplicaId)>,
    pub checks: Checks,
    pub clients: Clients,
    pub broken: Broken,
    /// A fingerprint of all that happened.
    pub trace: u64,
    pub steps: u64,
    pub snapshots: u64,
    pub crashes: u64,
    pub is_healed: bool,
}

impl World {
    pub fn new(seed: u64, nodes: usize, broken: Broken) -> World {
        let random = SeededRandom::new(seed);
        let pick = |from: &[u64]| from[(random.next_u64() % from.len() as u64) as usize];
        let weather = Weather {
            lost: pick(&[0, 10, 50, 200]),
            doubled: pick(&[0, 10, 100]),
            late: pick(&[0, 20, 200]),
            slow_writes: pick(&[0, 50, 300]),
            fault_interval: pick(&[300, 100, 30]),
        };
        let node =
            |number| Node::new(ReplicaId(number as u64 + 1), 850 + random.next_u64() % 300, random.next_u64() % SECOND);
        let nodes = (0..nodes).map(node).collect();
        World {
            now: 0,
            nodes,
            queue: BTreeMap::new(),
            sequence: 0,
            weather,
            cut: BTreeSet::new(),
            checks: Checks::default(),
            clients: Clients::default(),
            broken,
            trace: 0,
            steps: 0,
            snapshots: 0,
            crashes: 0,
            is_healed: false,
            random,
        }
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    pub fn chance(&self, of_a_thousand: u64) -> bool {
        self.below(1000) < of_a_thousand
    }

    pub fn settings(&self) -> CoreSettings {
        CoreSettings {
            heartbeat_interval: Duration::from_millis(40),
            election_timeout: Duration::from_millis(200),
            apply_delay: Duration::from_millis(5),
            retry_interval: Duration::from_millis(100),
            append_bytes: 200,
            appends_in_flight: 3,
            kept_entries: 4,
            proposals: 20,
            broken: self.broken.clone(),
            ..CoreSettings::default()
        }
    }

    pub fn schedule(&mut self, after: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), event);
    }

    pub fn start_node(&mut self, index: usize) {
        let (now, seed, settings) = (self.now, self.random.next_u64(), self.settings());
        self.nodes[index].start(now, seed, settings);
    }

    pub fn member(id: ReplicaId, voter: bool) -> Member {
        Member { id, address: format!("replica-{id}"), voter }
    }

    pub fn members(ids: impl IntoIterator<Item = u64>) -> Membership {
        Membership { members: ids.into_iter().map(|id| World::member(ReplicaId(id), true)).collect() }
    }

    /// Lets the next event happen. `false` when there is none.
    pub fn step(&mut self) -> Result<bool, String> {
        let Some(((at, _), event)) = self.queue.pop_first() else { return Ok(false) };
        self.now = self.now.max(at);
        self.steps += 1;
        let touched = match event {
            Event::Deliver(message) => self.deliver(*message),
            Event::Timer(index, life) => self.is_life(index, life).then(|| {
                self.nodes[index].timer = None;
                index
            }),
            Event::Written(index, life, works) => self.written(index, life, works),
            Event::RowsRead(index, life) => self.rows_read(index, life),
            Event::Client(number) => return self.client(number).map(|()| true),
            Event::Fault => return self.fault().map(|()| true),
        };
        if let Some(index) = touched {
            self.advance(index)?;
        }
        Ok(true)
    }

    fn note(&mut self, value: u64) {
        self.trace = (self.trace ^ value).wrapping_mul(0x100_0000_01b3).rotate_left(17);
    }

    fn is_life(&self, index: usize, life: u64) -> bool {
        self.nodes[index].life == life && self.nodes[index].core.is_some()
    }

    fn deliver(&mut self, message: ReplicaMessage) -> Option<usize> {
        let index = self.nodes.iter().position(|node| node.id == message.to)?;
        let time = self.nodes[index].clock(self.now);
        self.nodes[index].core.as_mut()?.receive(time, message);
        Some(index)
    }

    fn written(&mut self, index: usize, life: u64, works: bool) -> Option<usize> {
        if !self.is_life(index, life) {
            return None;
        }
        let time = self.nodes[index].clock(self.now);
        let node = &mut self.nodes[index];
        let write = node.writing.take()?;
        let result = if works && !node.is_broken {
            node.disk.write(&write);
            Ok(())
        } else {
            Err(Status::new(Code::Nospace, "simulated"))
        };
        let replaces = matches!(&write, Write::Install(install) if install.finish.is_some()) && result.is_ok();
        node.core.as_mut()?.stored(time, result);
        if replaces {
            node.memory = node.disk.rows.clone();
            self.snapshots += 1;
        }
        self.read_when_free(index);
        Some(index)
    }

    fn read_when_free(&mut self, index: usize) {
        let node = &self.nodes[index];
        if node.writing.is_none() && !node.reading.is_empty() {
            let life = node.life;
            let after = 1000 * self.below(500);
            self.schedule(after, Event::RowsRead(index, life));
        }
    }

    fn rows_read(&mut self, index: usize, life: u64) -> Option<usize> {
        if !self.is_life(index, life) || self.nodes[index].writing.is_some() {
            return None;
        }
        let node = &mut self.nodes[index];
        let (reader, attempt, from_start) = node.reading.pop_front()?;
        if from_start {
            node.cursors.insert(reader, None);
        }
        let after = node.cursors.get(&reader).cloned().flatten();
        let (rows, is_last, next) = node.disk.read_rows(after.as_ref(), ROWS_PER_PART);
        if next.is_some() {
            node.cursors.insert(reader, next);
        }
        node.core.as_mut()?.rows_read(reader, attempt, Ok((rows, is_last)));
        self.read_when_free(index);
        Some(index)
    }

    /// Lets a replica do what it wants to, and checks what it did.
    pub fn advance(&mut self, index: usize) -> Result<(), String> {
        let time = self.nodes[index].clock(self.now);
        let Some(core) = &mut self.nodes[index].core else { return Ok(()) };
        let commands = core.advance(time);
        self.note(self.now ^ (index as u64) << 56);
        for command in commands {
            self.carry_out(index, command)?;
        }
        let node = &mut self.nodes[index];
        self.checks.look_at(node)?;
        let Some(core) = &node.core else { return Ok(()) };
        if let Some(deadline) = core.next_deadline() {
            let at = node.when(deadline).max(self.now + 1000);
            // One timer too many is harmless; one too few is not.
            if node.timer.is_none_or(|known| known > at || known <= self.now) {
                node.timer = Some(at);
                let (life, after) = (node.life, at - self.now);
                self.schedule(after, Event::Timer(index, life));
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, index: usize, command: Command) -> Result<(), String> {
        match command {
            Command::Send { message, .. } => self.send(message),
            Command::Store(change) => self.write(index, Write::Change(change)),
            Command::Install(install) => self.write(index, Write::Install(install)),
            Command::ReadRows { reader, attempt, from_start } => {
                self.nodes[index].reading.push_back((reader, attempt, from_start));
                self.read_when_free(index);
            }
            Command::Committed(entries) => {
                for entry in entries {
                    self.note(entry.index.0 << 20 ^ entry.term.0);
                    self.checks.committed(&entry)?;
                    apply_entry(&mut self.nodes[index].memory, &entry);
                    self.clients.committed(self.now, index, &entry);
                }
            }
            Command::Dropped { from, .. } => {
                let term = self.nodes[index].core.as_ref().map_or(Term(0), |core| core.term());
                self.checks.dropped(from, term);
                self.clients.dropped(index, from);
            }
            Command::Deposed => self.clients.deposed(index),
            Command::ReadReady(name) => self.clients.read_ready(self.now, index, name, &self.nodes[index].memory),
        }
        Ok(())
    }

    fn send(&mut self, message: ReplicaMessage) {
        let bytes = message.to_bytes();
        self.note(
            bytes.iter().fold(bytes.len() as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte))),
        );
        if self.cut.contains(&(message.from, message.to)) || self.chance(self.weather.lost) {
            return;
        }
        let copies = if self.chance(self.weather.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let most = if self.chance(self.weather.late) { 400 * MILLISECOND } else { 4 * MILLISECOND };
            let after = 20_000 + self.below(most);
            self.schedule(after, Event::Deliver(Box::new(message.clone())));
        }
    }

    fn write(&mut self, index: usize, write: Write) {
        let most = if self.chance(self.weather.slow_writes) { 300 * MILLISECOND } else { 3 * MILLISECOND };
        let after = 10_000 + self.below(most);
        let node = &mut self.nodes[index];
        assert!(node.writing.is_none(), "one change of storage at a time");
        node.writing = Some(write);
        let (life, works) = (node.life, node.refuses_until <= self.now + after);
        self.schedule(after, Event::Written(index, life, works));
    }

    /// A replica that leads now, of the newest term.
    pub fn leader(&self) -> Option<usize> {
        let leads = |index: &usize| self.nodes[*index].core.as_ref().is_some_and(|core| core.leadership().leads);
        let term = |index: &usize| self.nodes[*index].core.as_ref().map_or(Term(0), |core| core.term());
        (0..self.nodes.len()).filter(leads).max_by_key(term)
    }
}
