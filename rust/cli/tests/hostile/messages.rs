//! Messages of a client that means harm, through shared memory and over the network: with valid headers and bodies that are not what the
//! operation wants, of every operation, also of those between engines; and frames that were damaged on the way.

use crate::SEEDS;
use crate::chance::Chance;
use crate::victim::Victim;
use daos_env::sync::join_all;
use daos_env::{Env, Executor, IoBuffer, SeededRandom, Source};
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::shared_memory::{SCHEME, SharedMemorySettings, SharedMemoryTransport};
use daos_rpc::{
    Access, Address, Endpoint, EndpointSettings, PeerIndex, Receiver, Registration, RemoteRegion, Transfer, Transport,
};
use daos_security::Credentials;
use daos_status::Result;
use daos_types::{EngineId, Epoch, Rank};
use daos_wire::header::{HEADER_LENGTH, finish};
use daos_wire::{
    Attach, CONTROL_LENGTH_MAX, ControlReply, ControlRequest, Hello, Join, Opcode, RankEntry, RankState, control_frame,
    control_message, control_rest_length,
};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;

/// Bytes of every message, as the tests of `daos-wire` keep them: a name and hexadecimal digits on each line.
const GOLDEN: &str = include_str!("../../../wire/src/tests/golden/v3.tsv");
/// Calls for one seed, to each target, by each way.
const CALLS: usize = 300;
/// Under way at a time.
const DEPTH: usize = 60;
/// How long an answer is waited for: one that never comes is no harm done.
pub const LIMIT: Duration = Duration::from_secs(1);
pub const SPIN: Duration = Duration::from_micros(20);
/// Operations that an attached client may carry out, and that would leave the bystander without space or targets.
const TOO_POWERFUL: [Opcode; 4] =
    [Opcode::PoolCreate, Opcode::PoolDestroy, Opcode::PoolTargetsChange, Opcode::PoolEvict];

pub fn golden() -> Vec<Vec<u8>> {
    let digits = |text: &str| -> Option<Vec<u8>> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
    };
    let messages: Vec<Vec<u8>> = GOLDEN.lines().filter_map(|line| digits(line.split_once('\t')?.1.trim())).collect();
    assert!(messages.len() > 50, "the golden bytes are where they were");
    messages
}

/// Asks at a control port.
fn ask(port: u16, request: &ControlRequest) -> (TcpStream, ControlReply) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the engine listens");
    stream.write_all(&control_frame(request)).expect("sends");
    let mut header = [0; HEADER_LENGTH];
    stream.read_exact(&mut header).expect("an answer");
    let rest = control_rest_length::<ControlReply>(&header, CONTROL_LENGTH_MAX, "the engine");
    let mut body = vec![0; rest.expect("of this protocol")];
    stream.read_exact(&mut body).expect("an answer");
    let reply = control_message(&[&header[..], &body].concat(), "the engine").expect("an answer");
    (stream, reply)
}

/// Attaches as any client does.
fn attach(victim: &Victim) -> (TcpStream, Hello) {
    attach_at(victim.cluster.port(0))
}

/// As [`attach`], at a control port.
pub fn attach_at(port: u16) -> (TcpStream, Hello) {
    let (system, credentials) = ("daos_server".to_owned(), Credentials::of_process());
    match ask(port, &ControlRequest::Attach(Attach { system, credentials })) {
        (stream, ControlReply::Greeting((hello, _table))) => (stream, hello),
        (_, other) => panic!("{other:?}"),
    }
}

/// Joins as an engine does; gives the token that engines trust each other by.
fn join(victim: &Victim) -> (TcpStream, u64) {
    let (_, hello) = attach(victim);
    let entry = RankEntry {
        rank: Rank(0),
        engine: EngineId::from_bytes([7; 16]),
        control: "127.0.0.1:1".to_owned(),
        domain: "/elsewhere".to_owned(),
        targets: vec!["tcp://127.0.0.1:1".to_owned()],
        state: RankState::Joined as u8,
    };
    let (system, provider) = ("daos_server".to_owned(), hello.provider);
    let clock = Epoch::ZERO;
    match ask(
        victim.cluster.port(0),
        &ControlRequest::Join(Join { system, id: None, rank: None, provider, entry, clock }),
    ) {
        (stream, ControlReply::Joined(joined)) => (stream, joined.token),
        (_, other) => panic!("{other:?}"),
    }
}

/// A transport that sends what it is given, and damaged copies of it.
struct Damaging {
    inner: Rc<dyn Transport>,
    chance: RefCell<Chance>,
}

impl Source for Damaging {
    fn progress(&self) -> bool {
        self.inner.progress()
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.inner.descriptor()
    }

    fn prepare_sleep(&self) -> bool {
        self.inner.prepare_sleep()
    }
}

impl Transport for Damaging {
    fn address(&self) -> Address {
        self.inner.address()
    }

    fn source(&self, peer: PeerIndex) -> Address {
        self.inner.source(peer)
    }

    fn resolve(&self, address: &Address) -> Result<PeerIndex> {
        self.inner.resolve(address)
    }

    fn forget(&self, peer: PeerIndex) {
        self.inner.forget(peer);
    }

    fn send(&self, peer: PeerIndex, frame: Vec<u8>) -> Result<()> {
        for _ in 0..2 {
            let mut chance = self.chance.borrow_mut();
            let mut damaged = chance.spoil(&frame);
            // Checksums keep away what was damaged on the way, not what somebody means to send.
            if chance.below(2) == 0 && damaged.len() >= HEADER_LENGTH {
                finish(&mut damaged);
            }
            drop(chance);
            // What the transport does not take is not sent.
            let _refused = self.inner.send(peer, damaged);
        }
        self.inner.send(peer, frame)
    }

    fn set_receiver(&self, receiver: Option<Rc<dyn Receiver>>) {
        self.inner.set_receiver(receiver);
    }

    unsafe fn register(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<Registration> {
        // SAFETY: the contract is the caller's, word for word.
        unsafe { self.inner.register(memory, length, access) }
    }

    fn read(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        self.inner.read(peer, remote, offset, buffer)
    }

    fn write(&self, peer: PeerIndex, remote: RemoteRegion, offset: u64, buffer: IoBuffer) -> Transfer {
        self.inner.write(peer, remote, offset, buffer)
    }

    fn max_message_size(&self) -> usize {
        self.inner.max_message_size()
    }

    fn shutdown(&self) {
        self.inner.shutdown();
    }
}

/// The addresses of the targets by one way.
pub fn by(hello: &Hello, shares_memory: bool) -> Vec<Address> {
    let all = hello.targets.iter().map(|text| Address::parse(text).expect("an address"));
    let way = |address: Address| {
        address.alternatives().find(|way| (way.scheme() == SCHEME) == shares_memory).expect("there are both")
    };
    all.map(way).collect()
}

pub fn open(shares_memory: bool, target: &Address) -> Rc<dyn Transport> {
    let env = Env::system();
    if shares_memory {
        let settings = SharedMemorySettings { listens: false, ..SharedMemorySettings::default() };
        return SharedMemoryTransport::open(&env, &settings).expect("opens");
    }
    FabricTransport::open(&env, &FabricSettings::towards("tcp", Some(target))).expect("opens")
}

/// Calls with bodies that are not what is wanted; the frames are damaged as well.
async fn attack(endpoint: &Endpoint, targets: &[Address], bodies: &[Vec<u8>], chance: &mut Chance) {
    for target in targets {
        for _ in 0..CALLS / DEPTH {
            let calls = (0..DEPTH).map(|_| {
                let body = chance.one_of(bodies).clone();
                let body = if chance.below(8) == 0 { body } else { chance.spoil(&body) };
                let opcode = match chance.below(10) {
                    0 => chance.next() as u16,
                    _ => *chance.one_of(Opcode::ALL) as u16,
                };
                let is_too_powerful = TOO_POWERFUL.iter().any(|powerful| *powerful as u16 == opcode);
                let opcode = if is_too_powerful { Opcode::Fetch as u16 } else { opcode };
                endpoint.call(target, opcode, body, LIMIT)
            });
            // Nearly all are refused; what counts is what becomes of the engine.
            let _refusals = join_all(calls.collect::<Vec<_>>()).await;
        }
    }
}

/// An endpoint that damages what it sends, with a session at each target.
fn attacker(executor: &Executor, seed: u64, shares_memory: bool, targets: &[Address], sessions: &[u64]) -> Endpoint {
    let chance = RefCell::new(Chance::new(seed + 1));
    let transport = Rc::new(Damaging { inner: open(shares_memory, &targets[0]), chance });
    let random = SeededRandom::new(seed);
    let endpoint = Endpoint::new(executor.spawner(), &random, transport, EndpointSettings::default());
    for (target, session) in targets.iter().zip(sessions) {
        endpoint.set_session(target, *session).expect("an address");
    }
    endpoint
}

/// One seed: by the network, and through shared memory.
fn attack_both_ways(victim: &Victim, seed: u64, sessions: impl Fn(&mut Chance, &Hello) -> Vec<u64>) {
    for shares_memory in [false, true] {
        let mut chance = Chance::new(seed);
        let (lease, hello) = attach(victim);
        let targets = by(&hello, shares_memory);
        let sessions = sessions(&mut chance, &hello);
        let executor = Executor::new(Env::system().clock, SPIN).expect("an executor");
        let endpoint = attacker(&executor, seed, shares_memory, &targets, &sessions);
        let (used, bodies) = (endpoint.clone(), golden());
        executor.block_on(async move { attack(&used, &targets, &bodies, &mut chance).await });
        endpoint.close();
        executor.run_until_stalled();
        drop(lease);
    }
}

#[test]
fn messages_of_a_client_that_means_harm_do_none() {
    let victim = Victim::new();
    SEEDS.for_each(2, |seed| {
        attack_both_ways(&victim, seed, |chance, hello| {
            // Half of the time it is a client that is attached, else a stranger.
            let session = |chance: &mut Chance| if chance.below(2) == 0 { hello.session } else { chance.next() };
            hello.targets.iter().map(|_| session(chance)).collect()
        });
        victim.is_unharmed();
        // Else nothing was tried: what was damaged came to the engine, and what was not came to most of its operations.
        let metrics = victim.metrics();
        let named = |name: &'static str| metrics.lines().filter(move |line| line.starts_with(name));
        let malformed = named("engine_net_malformed_total");
        let malformed = malformed.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        assert!(malformed.sum::<u64>() > 100, "{metrics}");
        assert!(named("engine_requests_total").count() > Opcode::ALL.len(), "{metrics}");
    });
}

/// Engines trust each other, as replicas must: one that lies can make others forget what it says. But it does not end them: messages of
/// replicas, of membership and of targets to each other are bytes from the network like any.
#[test]
fn an_engine_that_lies_does_others_no_harm_that_ends_them() {
    let victim = Victim::new();
    SEEDS.for_each(2, |seed| {
        let (presence, token) = join(&victim);
        attack_both_ways(&victim, seed, |_, hello| vec![token; hello.targets.len()]);
        drop(presence);
        victim.is_running();
    });
}

/// A client that asks without end and takes no answers, and one that is gone with its requests under way.
#[test]
fn who_asks_and_does_not_listen_does_no_harm() {
    let victim = Victim::new();
    for shares_memory in [false, true] {
        let (lease, hello) = attach(&victim);
        let targets = by(&hello, shares_memory);
        let executor = Executor::new(Env::system().clock, SPIN).expect("an executor");
        let transport = open(shares_memory, &targets[0]);
        let random = SeededRandom::new(7);
        let endpoint = Endpoint::new(executor.spawner(), &random, transport, EndpointSettings::default());
        for target in &targets {
            endpoint.set_session(target, hello.session).expect("an address");
        }
        // Connected by one call that is answered.
        let (asking, first) = (endpoint.clone(), targets.clone());
        executor.block_on(async move {
            for target in &first {
                let _any = asking.call(target, Opcode::SystemQuery as u16, Vec::new(), LIMIT).await;
            }
        });
        let calls: Vec<_> = (0..2000)
            .map(|number| {
                let (asking, target) = (endpoint.clone(), targets[number % targets.len()].clone());
                executor.spawner().spawn(async move {
                    asking.call(&target, Opcode::SystemRanks as u16, Vec::new(), LIMIT).await.map(drop)
                })
            })
            .collect();
        // The requests go out; then nobody looks at the answers.
        for _ in 0..50 {
            executor.run_once();
        }
        victim.bystander_works();
        drop((calls, endpoint, executor, lease));
        victim.is_unharmed();
    }
}
