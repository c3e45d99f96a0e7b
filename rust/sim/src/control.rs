//! Simulated control ports: streams of bytes between nodes.
//!
//! # Fault model
//! * Bytes take a random time, and arrive in their order, whole or in part.
//! * Where the network is cut, bytes wait. When it is healed in time they arrive; otherwise both ends find after
//!   [`SILENCE_MAX`] that the connection is broken, as keep-alive makes TCP do.
//! * A process that ends closes its connections: others hear of it soon. A machine that loses its power says nothing: others find
//!   out after [`SILENCE_MAX`].
//! * Connecting fails where nobody listens, and across a cut.

use crate::fabric::Cut;
use daos_env::{Clock, ManualClock, Random, SeededRandom};
use daos_rpc::{ControlListener, ControlNetwork, ControlStream};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a connection lives without a sign of the other end.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The longest that bytes take.
const DELAY_MAX: Duration = Duration::from_micros(500);

/// A machine, with its processes.
pub type Node = u64;

/// One end of a connection.
type End = (u64, usize);

#[derive(Default)]
struct Half {
    node: Node,
    /// Whoever has it reads what is here, from its time on.
    inbox: VecDeque<(Duration, Vec<u8>)>,
    /// Bytes, and the end, that wait for the network to be healed.
    stalled: VecDeque<Vec<u8>>,
    /// The other end is closed from then on.
    closed: Option<Duration>,
    closed_stalled: bool,
    /// When the last bytes arrive.
    newest: Duration,
    /// The process has let go of it.
    is_dropped: bool,
}

struct Connection {
    halves: [Half; 2],
    /// Nobody hears of the other end: both find it broken then.
    breaks: Option<Duration>,
}

struct Listener {
    node: Node,
    life: u64,
    waiting: VecDeque<(Duration, End)>,
}

struct State {
    clock: Arc<ManualClock>,
    random: SeededRandom,
    listeners: BTreeMap<String, Listener>,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    lives: u64,
    /// When something arrives at a node.
    events: BTreeSet<(Duration, Node)>,
    cut: Option<Cut>,
    /// Machines without power.
    silent: BTreeSet<Node>,
}

impl State {
    fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    fn delay(&self) -> Duration {
        Duration::from_nanos(1000 + self.random.next_u64() % DELAY_MAX.as_nanos() as u64)
    }

    fn is_cut(&self, one: Node, other: Node) -> bool {
        let is_silent = self.silent.contains(&one) || self.silent.contains(&other);
        one != other && (is_silent || self.cut.as_ref().is_some_and(|cut| cut(one, other) || cut(other, one)))
    }

    /// Sends bytes to an end, or its end.
    fn push(&mut self, (number, side): End, bytes: Option<Vec<u8>>) {
        let delay = self.delay();
        let now = self.now();
        let Some(connection) = self.connections.get(&number) else { return };
        let (from, to) = (connection.halves[1 - side].node, connection.halves[side].node);
        let is_cut = self.is_cut(from, to);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        if is_cut && connection.breaks.is_none() {
            connection.breaks = Some(now + SILENCE_MAX);
            self.events.insert((now + SILENCE_MAX, from));
            self.events.insert((now + SILENCE_MAX, to));
        }
        let half = &mut connection.halves[side];
        match bytes {
            Some(bytes) if is_cut => half.stalled.push_back(bytes),
            None if is_cut => half.closed_stalled = true,
            bytes => {
                half.newest = half.newest.max(now + delay);
                self.events.insert((half.newest, to));
                match bytes {
                    Some(bytes) => half.inbox.push_back((half.newest, bytes)),
                    None => half.closed = Some(half.newest),
                }
            }
        }
    }

    fn is_broken(&self, number: u64) -> bool {
        let now = self.now();
        self.connections.get(&number).and_then(|connection| connection.breaks).is_some_and(|at| at <= now)
    }

    /// A process lets go of an end.
    fn drop_end(&mut self, (number, side): End) {
        self.push((number, 1 - side), None);
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.halves[side].is_dropped = true;
        if connection.halves.iter().all(|half| half.is_dropped) {
            self.connections.remove(&number);
        }
    }

    /// Looks at every connection after the network has changed.
    fn look_at_cuts(&mut self) {
        let numbers: Vec<u64> = self.connections.keys().copied().collect();
        let now = self.now();
        for number in numbers {
            let Some(connection) = self.connections.get(&number) else { continue };
            let nodes = [connection.halves[0].node, connection.halves[1].node];
            let is_cut = self.is_cut(nodes[0], nodes[1]);
            let Some(connection) = self.connections.get_mut(&number) else { continue };
            if is_cut && connection.breaks.is_none() {
                connection.breaks = Some(now + SILENCE_MAX);
                self.events.extend(nodes.map(|node| (now + SILENCE_MAX, node)));
            } else if !is_cut && connection.breaks.is_some_and(|at| at > now) {
                connection.breaks = None;
                for side in 0..2 {
                    let half = &mut self.connections.get_mut(&number).expect("it was there").halves[side];
                    let (stalled, closes) = (std::mem::take(&mut half.stalled), half.closed_stalled);
                    half.closed_stalled = false;
                    stalled.into_iter().for_each(|bytes| self.push((number, side), Some(bytes)));
                    if closes {
                        self.push((number, side), None);
                    }
                }
            }
        }
    }
}

/// The control ports of all nodes; clones are the same.
#[derive(Clone)]
pub struct SimControl(Arc<Mutex<State>>);

impl SimControl {
    /// No listeners yet.
    pub fn new(seed: u64, clock: Arc<ManualClock>) -> SimControl {
        SimControl(Arc::new(Mutex::new(State {
            clock,
            random: SeededRandom::new(seed),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            next: 0,
            lives: 0,
            events: BTreeSet::new(),
            cut: None,
            silent: BTreeSet::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ports as one node reaches them.
    pub fn of_node(&self, node: Node) -> Arc<dyn ControlNetwork> {
        Arc::new(NodeControl { all: self.clone(), node })
    }

    /// When something arrives next.
    pub fn next_event(&self) -> Option<Duration> {
        self.state().events.first().map(|(at, _)| *at)
    }

    /// The nodes at which something has arrived since the last call.
    pub fn take_arrivals(&self) -> BTreeSet<Node> {
        let mut state = self.state();
        let (now, mut nodes) = (state.now(), BTreeSet::new());
        while let Some(event) = state.events.first().copied().filter(|event| event.0 <= now) {
            state.events.remove(&event);
            nodes.insert(event.1);
        }
        nodes
    }

    /// Cuts the network, or heals it.
    pub fn set_cut(&self, cut: Option<Cut>) {
        let mut state = self.state();
        state.cut = cut;
        state.look_at_cuts();
    }

    /// A machine loses its power, or has it again. What its processes hold is to be dropped in between.
    pub fn set_silent(&self, node: Node, is_silent: bool) {
        let mut state = self.state();
        if is_silent {
            state.silent.insert(node);
            state.look_at_cuts();
            return;
        }
        // What was said before will never arrive.
        for connection in state.connections.values_mut() {
            if connection.halves.iter().any(|half| half.node == node) {
                for half in &mut connection.halves {
                    (half.closed_stalled, half.stalled) = (false, VecDeque::new());
                }
            }
        }
        state.silent.remove(&node);
        // Its other ends ask, and hear that nobody knows them any more.
        let ends: Vec<End> = state
            .connections
            .iter()
            .flat_map(|(number, connection)| {
                (0..2)
                    .filter(|side| connection.halves[1 - side].node == node && !connection.halves[*side].is_dropped)
                    .map(|side| (*number, side))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (number, side) in ends {
            if let Some(connection) = state.connections.get_mut(&number) {
                connection.breaks = None;
            }
            state.push((number, side), None);
        }
    }
}

struct NodeControl {
    all: SimControl,
    node: Node,
}

impl ControlNetwork for NodeControl {
    fn listen(&self, place: &str) -> Result<Box<dyn ControlListener>> {
        let mut state = self.all.state();
        if state.listeners.contains_key(place) {
            return Err(Error::from(ErrorKind::AddrInUse));
        }
        state.lives += 1;
        let life = state.lives;
        state.listeners.insert(place.to_owned(), Listener { node: self.node, life, waiting: VecDeque::new() });
        Ok(Box::new(SimListener { all: self.all.clone(), place: place.to_owned(), life }))
    }

    fn connect(&self, place: &str) -> Result<Box<dyn ControlStream>> {
        let mut state = self.all.state();
        let other = state.listeners.get(place).map(|listener| listener.node);
        let Some(other) = other else { return Err(Error::from(ErrorKind::ConnectionRefused)) };
        if state.is_cut(self.node, other) {
            return Err(Error::from(ErrorKind::TimedOut));
        }
        let number = state.next;
        state.next += 1;
        let half = |node| Half { node, ..Half::default() };
        state.connections.insert(number, Connection { halves: [half(self.node), half(other)], breaks: None });
        let at = state.now() + state.delay();
        state.events.insert((at, other));
        if let Some(listener) = state.listeners.get_mut(place) {
            listener.waiting.push_back((at, (number, 1)));
        }
        Ok(Box::new(SimStream { all: self.all.clone(), end: (number, 0) }))
    }

    fn waits(&self) -> bool {
        false
    }
}

struct SimListener {
    all: SimControl,
    place: String,
    life: u64,
}

impl ControlListener for SimListener {
    fn accept(&self) -> Result<(Box<dyn ControlStream>, String)> {
        let mut state = self.all.state();
        let now = state.now();
        let listener = state.listeners.get_mut(&self.place).filter(|listener| listener.life == self.life);
        let Some(listener) = listener else { return Err(Error::from(ErrorKind::NotConnected)) };
        match listener.waiting.front() {
            Some((at, _)) if *at <= now => {}
            _ => return Err(Error::from(ErrorKind::WouldBlock)),
        }
        let Some((_, end)) = listener.waiting.pop_front() else { return Err(Error::from(ErrorKind::WouldBlock)) };
        let from = state.connections.get(&end.0).map_or(0, |connection| connection.halves[1 - end.1].node);
        drop(state);
        Ok((Box::new(SimStream { all: self.all.clone(), end }), format!("node {from}")))
    }

    fn descriptor(&self) -> RawFd {
        -1
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut state = self.all.state();
        let is_own = state.listeners.get(&self.place).is_some_and(|listener| listener.life == self.life);
        let listener = if is_own { state.listeners.remove(&self.place) } else { None };
        for (_, end) in listener.into_iter().flat_map(|listener| listener.waiting) {
            state.drop_end(end);
        }
    }
}

struct SimStream {
    all: SimControl,
    end: End,
}

impl Read for SimStream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut state = self.all.state();
        let (now, (number, side)) = (state.now(), self.end);
        let is_broken = state.is_broken(number);
        let Some(connection) = state.connections.get_mut(&number) else {
            return Err(Error::from(ErrorKind::ConnectionReset));
        };
        let half = &mut connection.halves[side];
        if let Some((_, bytes)) = half.inbox.front_mut().filter(|(at, _)| *at <= now) {
            let count = bytes.len().min(buffer.len());
            buffer[..count].copy_from_slice(&bytes[..count]);
            bytes.drain(..count);
            if bytes.is_empty() {
                half.inbox.pop_front();
            }
            return Ok(count);
        }
        if half.closed.is_some_and(|at| at <= now) {
            return Ok(0);
        }
        Err(Error::from(if is_broken { ErrorKind::TimedOut } else { ErrorKind::WouldBlock }))
    }
}

impl Write for SimStream {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        let mut state = self.all.state();
        let (number, side) = self.end;
        if state.is_broken(number) {
            return Err(Error::from(ErrorKind::TimedOut));
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        // Short every now and then, as when the kernel's buffer is full.
        let count = match state.random.next_u64() % 8 {
            0 => 1 + (state.random.next_u64() % buffer.len() as u64) as usize,
            _ => buffer.len(),
        };
        match state.connections.get(&number) {
            Some(connection) if !connection.halves[1 - side].is_dropped => {}
            _ => return Err(Error::from(ErrorKind::BrokenPipe)),
        }
        state.push((number, 1 - side), Some(buffer[..count].to_vec()));
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl ControlStream for SimStream {
    fn descriptor(&self) -> RawFd {
        -1
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.all.state().drop_end(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    fn connected() -> (Arc<ManualClock>, SimControl, Box<dyn ControlStream>, Box<dyn ControlStream>) {
        let clock = Arc::new(ManualClock::default());
        let control = SimControl::new(1, clock.clone());
        let (one, other) = (control.of_node(1), control.of_node(2));
        assert_eq!(kind(one.connect("x:1")), Some(ErrorKind::ConnectionRefused));
        let listener = other.listen("x:1").expect("free");
        let stream = one.connect("x:1").expect("somebody listens");
        assert_eq!(kind(listener.accept()), Some(ErrorKind::WouldBlock));
        clock.advance(Duration::from_millis(1));
        assert_eq!(control.take_arrivals(), BTreeSet::from([2]));
        let (theirs, _) = listener.accept().expect("it has arrived");
        (clock, control, stream, theirs)
    }

    #[test]
    fn bytes_arrive_in_order_and_so_does_the_end() {
        let (clock, _control, mut one, mut other) = connected();
        (0..100u8).for_each(|byte| one.write_all(&[byte]).expect("open"));
        assert_eq!(kind(other.read(&mut [0; 8])), Some(ErrorKind::WouldBlock));
        drop(one);
        clock.advance(Duration::from_secs(1));
        let mut all = Vec::new();
        other.read_to_end(&mut all).expect("ends");
        assert_eq!(all, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn a_short_cut_delays_and_a_long_one_breaks() {
        let (clock, control, mut one, mut other) = connected();
        let cut: Cut = Arc::new(|one, other| one == 1 && other == 2);
        control.set_cut(Some(cut.clone()));
        one.write_all(b"a").expect("it waits");
        clock.advance(SILENCE_MAX / 2);
        assert_eq!(kind(other.read(&mut [0; 8])), Some(ErrorKind::WouldBlock));
        control.set_cut(None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(other.read(&mut [0; 8]).expect("healed"), 1);
        control.set_cut(Some(cut));
        clock.advance(SILENCE_MAX);
        assert_eq!(kind(other.read(&mut [0; 8])), Some(ErrorKind::TimedOut));
        assert_eq!(kind(one.write(b"b")), Some(ErrorKind::TimedOut));
    }

    #[test]
    fn a_machine_without_power_says_nothing() {
        let (clock, control, one, mut other) = connected();
        control.set_silent(1, true);
        drop(one);
        clock.advance(SILENCE_MAX / 2);
        assert_eq!(kind(other.read(&mut [0; 8])), Some(ErrorKind::WouldBlock));
        control.set_silent(1, false);
        clock.advance(Duration::from_millis(1));
        assert_eq!(other.read(&mut [0; 8]).expect("it is told that nobody knows it"), 0);
    }
}
