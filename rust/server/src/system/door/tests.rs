//! A door and those who knock.

use super::*;
use crate::local::wait;
use daos_rpc::TcpControl;
use daos_wire::SystemMembers;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};

const PLACES: usize = 8;

fn door() -> (Door, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("any port");
    let door = Door::open(&TcpControl, &free.to_string(), Env::system(), PLACES).expect("it was free just now");
    (door, free)
}

/// Serves until nothing is left to do.
fn serve(door: &mut Door) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let ready = wait(&door.wanted(), Some(Duration::ZERO));
        if !ready.contains(&true) {
            return events;
        }
        events.extend(door.serve(&ready));
    }
}

fn ask(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("listens");
    let request = ControlRequest::Members(SystemMembers { system: "x".to_owned() });
    stream.write_all(&control_frame(&request)).expect("sends");
    stream
}

/// Who connected and said nothing kept everybody out for ten seconds, and again for as long as somebody cared to connect anew.
#[test]
fn who_is_silent_keeps_nobody_out_and_who_is_answered_stays() {
    let (mut door, address) = door();
    let asking = ask(address);
    let events = serve(&mut door);
    let [Event::Asked(first, _)] = events[..] else { panic!("{events:?}") };
    let silent: Vec<TcpStream> = (0..3 * PLACES).map(|_| TcpStream::connect(address).expect("listens")).collect();
    assert!(serve(&mut door).is_empty());
    assert_eq!(door.connections.len(), PLACES);
    let late = ask(address);
    let events = serve(&mut door);
    assert!(matches!(events[..], [Event::Asked(..)]), "{events:?}");
    assert!(door.answer(first, &ControlReply::Ranks(Vec::new()), Role::Client(1)), "it was being answered");
    let leases: Vec<TcpStream> = (1..PLACES).map(|_| ask(address)).collect();
    for event in serve(&mut door) {
        let Event::Asked(id, _) = event else { continue };
        door.answer(id, &ControlReply::Ranks(Vec::new()), Role::Client(2));
    }
    assert_eq!(door.role(first), Some(Role::Client(1)), "no lease ends for a stranger");
    drop((asking, silent, late, leases));
    serve(&mut door);
    assert_eq!(door.connections.len(), 0);
}
