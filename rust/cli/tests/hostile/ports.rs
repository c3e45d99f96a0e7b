//! Bytes and connections at every TCP port of an engine.

use crate::SEEDS;
use crate::chance::Chance;
use crate::victim::Victim;
use daos_security::Credentials;
use daos_types::{Epoch, Rank};
use daos_wire::header::finish;
use daos_wire::{Attach, ControlRequest, EngineOf, RanksRequest, SystemMembers, control_frame};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// What is sent to each port for one seed.
const MESSAGES: usize = 150;
/// Connections that are opened at each port, and closed or kept.
const DROPPED: usize = 1000;
const KEPT: usize = 300;
/// Those that say something slowly.
const SLOW: usize = 40;

/// The beginning of a connection of libfabric's `tcp` provider, as it looks on the wire.
const FABRIC_HELLO: [u8; 24] = [3, 1, 0, 16, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];

/// Valid requests of the control port, of metrics and of the fabric.
fn valid() -> Vec<Vec<u8>> {
    let system = "daos_server".to_owned();
    let requests = [
        ControlRequest::Attach(Attach { system: system.clone(), credentials: Credentials::of_process() }),
        ControlRequest::Members(SystemMembers { system: system.clone() }),
        ControlRequest::Storage(EngineOf { system: system.clone(), rank: Rank(0) }),
        ControlRequest::Storage(EngineOf { system: system.clone(), rank: Rank(7) }),
        ControlRequest::Interfaces(EngineOf { system: system.clone(), rank: Rank(0) }),
        ControlRequest::SetLogMask((EngineOf { system: system.clone(), rank: Rank(0) }, Some("LOUD".to_owned()))),
        // An action that there is not, of a rank that there is not.
        ControlRequest::Ranks(RanksRequest { system, action: 99, ranks: vec![Rank(77)], force: false }),
        ControlRequest::Stopped((Rank(0), Epoch(1))),
        ControlRequest::Serves(Rank(5)),
        ControlRequest::Ails("everything".to_owned()),
    ];
    let mut valid: Vec<Vec<u8>> = requests.iter().map(control_frame).collect();
    valid.push(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    valid.push(FABRIC_HELLO.to_vec());
    valid
}

/// Connects, says something, and goes, in one of the ways in which one can go.
fn say(port: u16, bytes: &[u8], chance: &mut Chance) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the engine listens");
    // Whoever has heard enough closes the connection.
    let _enough = stream.write_all(bytes);
    match chance.below(3) {
        // Closed with what was sent to us unread: the other side gets a reset.
        0 => {}
        1 => drop(stream.shutdown(Shutdown::Both)),
        _ => {
            let _ended = stream.shutdown(Shutdown::Write);
            stream.set_nonblocking(true).expect("ours");
            let _whatever = stream.read(&mut [0; 100]);
        }
    }
}

/// Random bytes, and valid messages that were cut off, changed, lengthened, and sent to ports of another kind.
#[test]
fn bytes_at_every_port_do_no_harm() {
    let victim = Victim::new();
    let (ports, valid) = (victim.ports(), valid());
    SEEDS.for_each(2, |seed| {
        let mut chance = Chance::new(seed);
        for port in &ports {
            for _ in 0..MESSAGES {
                let bytes = match chance.below(3) {
                    0 => {
                        let length = *chance.one_of(&[0, 1, 7, 8, 11, 12, 64, 4000, 70_000, 200_000]);
                        chance.bytes(length)
                    }
                    1 => {
                        let message = chance.one_of(&valid).clone();
                        let mut spoilt = chance.spoil(&message);
                        if chance.below(2) == 0 {
                            finish(&mut spoilt);
                        }
                        spoilt
                    }
                    _ => {
                        let several = [chance.one_of(&valid).clone(), chance.one_of(&valid).clone()].concat();
                        chance.spoil(&several)
                    }
                };
                say(*port, &bytes, &mut chance);
            }
            victim.bystander_works();
        }
        victim.is_unharmed();
    });
}

/// Connections that come and go without a word, and some that stay so. At the fabric's ports each of them once cost a descriptor for
/// ever, and all together a whole core: see `rust/rpc/src/libfabric/listener.rs`.
#[test]
fn connections_without_a_word_do_no_harm() {
    let victim = Victim::new();
    for port in victim.ports() {
        for _ in 0..DROPPED {
            drop(TcpStream::connect(("127.0.0.1", port)).expect("the engine listens"));
        }
        let kept: Vec<TcpStream> =
            (0..KEPT).map(|_| TcpStream::connect(("127.0.0.1", port)).expect("the engine listens")).collect();
        victim.bystander_works();
        let half: Vec<TcpStream> =
            kept.into_iter().inspect(|stream| stream.shutdown(Shutdown::Write).expect("it was connected")).collect();
        victim.bystander_works();
        drop(half);
        victim.is_unharmed();
    }
}

/// Requests that come byte by byte, and answers that nobody reads.
#[test]
fn slow_talkers_and_deaf_listeners_do_no_harm() {
    let victim = Victim::new();
    let ports = [victim.cluster.port(0), victim.telemetry];
    let mut slow: Vec<(TcpStream, Vec<u8>)> = Vec::new();
    for (index, message) in valid().iter().cycle().take(SLOW).enumerate() {
        let stream = TcpStream::connect(("127.0.0.1", ports[index % ports.len()])).expect("the engine listens");
        stream.set_nodelay(true).expect("ours");
        slow.push((stream, message.clone()));
    }
    let longest = slow.iter().map(|(_, message)| message.len()).max().unwrap_or(0);
    for byte in 0..longest {
        for (stream, message) in &mut slow {
            if let Some(byte) = message.get(byte..byte + 1) {
                // It may have been sent away meanwhile.
                let _sent_away = stream.write_all(byte);
            }
        }
        if byte % 16 == 0 {
            victim.bystander_works();
        }
    }
    // They ask, and ask again, and never read.
    let deaf: Vec<TcpStream> = ports
        .iter()
        .flat_map(|port| (0..SLOW).map(move |_| TcpStream::connect(("127.0.0.1", *port)).expect("the engine listens")))
        .collect();
    for mut stream in &deaf {
        stream.set_nonblocking(true).expect("ours");
        for message in valid().iter().cycle().take(200) {
            if stream.write_all(message).is_err() {
                break;
            }
        }
    }
    victim.bystander_works();
    drop((slow, deaf));
    victim.is_unharmed();
}
