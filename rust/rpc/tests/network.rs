//! A client and a server in network namespaces of their own, with a wire between them that loses packets, is cut and joined, and resets connections.
//!
//! The wire is a thread of the test: each process has a `tun` device, and carries its packets to the test and back by a Unix socket. Nothing of
//! it needs `iptables` or a queueing discipline of the kernel; where namespaces or `tun` devices are not allowed, the test says so and ends.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]
#![expect(unsafe_code, reason = "tun devices are opened by a system call, and processes are stopped by signals")]

#[path = "network/node.rs"]
mod node;
#[path = "network/wire.rs"]
mod wire;

use daos_env::sync::join_all;
use daos_env::{Clock, Env, Executor, IoBuffer, SystemClock};
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::{Access, Address, BulkDescriptor, Endpoint, EndpointSettings};
use node::{CLIENT, Node, SERVER};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::BufRead;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wire::Wire;

/// Longer than the network is broken at any time.
const PATIENCE: Duration = Duration::from_secs(90);

/// Adds one to the count of the number in the body, and answers with the count.
const COUNT: u16 = 1;
/// Fills the memory of the descriptor in the body.
const FILL: u16 = 2;
/// Answers with how many numbers were counted, and the largest count.
const SUM: u16 = 3;

const WORKERS: u64 = 16;

fn open(host: &str) -> (Executor, Endpoint) {
    let env = Env::system();
    let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap();
    // The wire is cut for seconds.
    let settings = FabricSettings { host: Some(host.to_owned()), connect_limit: PATIENCE, ..FabricSettings::default() };
    let transport = FabricTransport::open(&env, &settings).unwrap();
    let endpoint = Endpoint::new(executor.spawner(), &*env.random, transport, EndpointSettings::default());
    (executor, endpoint)
}

fn two(first: u64, second: u64) -> Vec<u8> {
    [first.to_le_bytes(), second.to_le_bytes()].concat()
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

#[test]
#[ignore = "child: started by clients_work_on_over_a_bad_network"]
fn child_server() {
    let Some(_device) = node::enter() else { return };
    let (executor, server) = open(SERVER);
    let counts: Rc<RefCell<HashMap<u64, u64>>> = Rc::default();
    let spawner = executor.spawner().clone();
    server.serve(move |request| match request.opcode() {
        COUNT => {
            let count = *counts.borrow_mut().entry(number(request.body())).and_modify(|count| *count += 1).or_insert(1);
            request.reply(Ok(two(count, 0)));
        }
        SUM => {
            let counts = counts.borrow();
            request.reply(Ok(two(counts.len() as u64, counts.values().copied().max().unwrap_or(0))));
        }
        _ => {
            spawner.spawn(async move {
                let memory = BulkDescriptor::decode(request.body()).unwrap();
                let buffer = IoBuffer::copy_of(&vec![0x5a; memory.length() as usize]);
                let (_, result) = request.push(&memory, 0, buffer).await;
                request.reply(result.map(|()| Vec::new()));
            });
        }
    });
    println!("ADDRESS {}", server.address());
    executor.block_on(std::future::pending::<()>());
}

/// What one worker did: calls that were answered, and those that failed.
async fn work(
    client: &Endpoint,
    server: &Address,
    worker: u64,
    stop: &AtomicBool,
    done: &Cell<u64>,
    failed: &Cell<u64>,
) {
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let result = client.call(server, COUNT, two(round * WORKERS + worker, 0), PATIENCE).await;
        match result {
            Ok(reply) => assert_eq!(number(&reply), 1, "carried out more than once"),
            Err(error) => {
                println!("FAILED {error}");
                failed.set(failed.get() + 1);
            }
        }
        if worker == 0 && round % 8 == 0 {
            let mut memory = vec![0u8; 50_000];
            // SAFETY: the memory is not accessed before the registration ends.
            let exposed =
                unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), memory.len(), Access::Write).unwrap() };
            let body = exposed.descriptor().encode().to_vec();
            let filled = client.call_repeatable(server, FILL, body, [&exposed], PATIENCE).await.is_ok();
            drop(exposed);
            // A transfer that broke is an error of the server's, which a caller may repeat.
            assert!(!filled || memory.iter().all(|byte| *byte == 0x5a));
        }
        done.set(done.get() + 1);
        println!("DONE {}", done.get());
    }
}

#[test]
#[ignore = "child: started by clients_work_on_over_a_bad_network"]
fn child_client() {
    let Some(_device) = node::enter() else { return };
    let (executor, client) = open(CLIENT);
    let server = Address::parse(&node::argument()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    std::thread::spawn(move || {
        // The test closes the pipe when it has seen enough.
        std::io::stdin().lock().lines().for_each(drop);
        told.store(true, Ordering::SeqCst);
    });
    executor.block_on(async move {
        let (done, failed) = (Cell::new(0), Cell::new(0));
        client.call(&server, SUM, Vec::new(), PATIENCE).await.unwrap();
        join_all((0..WORKERS).map(|worker| work(&client, &server, worker, &stop, &done, &failed))).await;
        let reply = client.call_repeatable(&server, SUM, Vec::new(), [], PATIENCE).await.unwrap();
        println!("SUMMARY {} {} {} {}", done.get(), failed.get(), number(&reply), number(&reply[8..]));
    });
}

/// The client works on until so many more calls are done.
fn until_done(client: &Node, more: usize) {
    for _ in 0..more {
        assert!(client.line("DONE", Some(PATIENCE)).is_some(), "the client does not go on");
    }
}

/// Waits until the kernel has sent again so many times what a node has under way.
fn until_sent_in_vain(node: &Node, count: u32) {
    let deadline = SystemClock.monotonic() + PATIENCE;
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    while !node.connections().iter().any(|times| *times >= count) {
        assert!(SystemClock.monotonic() < deadline, "nothing was sent again: {:?}", node.connections());
        // A pause between two looks: nobody sends.
        let _pause = receiver.recv_timeout(Duration::from_millis(20));
    }
}

/// After a long cut, calls waited until the kernel sent again on the connections from before: for nearly as long as the cut had lasted. They come
/// back by a new connection, as soon as there is a way; here there is no other.
#[test]
fn after_a_long_cut_calls_come_back_by_a_new_connection() {
    // The kernel waits for more than six seconds by then, and begins to wait for as long again.
    come_back_when_sent_in_vain(5);
}

/// The same when the cut is over before a call is slow enough that anybody looks for one.
#[test]
fn after_a_cut_that_nobody_saw_calls_come_back_by_a_new_connection() {
    come_back_when_sent_in_vain(3);
}

fn come_back_when_sent_in_vain(count: u32) {
    let wire = match Wire::start() {
        Ok(wire) => wire,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let server = Node::start(&wire, "server", "child_server", "");
    let Some(address) = server.line("ADDRESS", Some(PATIENCE)) else {
        return eprintln!("skipped: {}", server.complaint());
    };
    let mut client = Node::start(&wire, "client", "child_client", &address);
    until_done(&client, 200);
    wire.cut();
    until_sent_in_vain(&client, count);
    // What the kernel sends again stays lost: by the connections from before nothing comes back.
    wire.heal_for_new_connections();
    // More than what was said and not read before.
    until_done(&client, 1000);
    client.close_input();
    let summary = client.line("SUMMARY", Some(PATIENCE)).unwrap();
    let figures: Vec<u64> = summary.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [done, failed, counted, largest] = figures[..] else { panic!("{summary}") };
    assert_eq!((failed, largest, counted), (0, 1, done), "each call was carried out once: {summary}");
}

#[test]
fn clients_work_on_over_a_bad_network() {
    let wire = match Wire::start() {
        Ok(wire) => wire,
        Err(reason) => return eprintln!("skipped: {reason}"),
    };
    let server = Node::start(&wire, "server", "child_server", "");
    let Some(address) = server.line("ADDRESS", Some(PATIENCE)) else {
        return eprintln!("skipped: {}", server.complaint());
    };
    let mut client = Node::start(&wire, "client", "child_client", &address);
    until_done(&client, 200);

    wire.lose(100);
    until_done(&client, 300);
    wire.lose(0);

    // The link goes down, until what is sent again and again was lost, and up.
    wire.cut_until_lost(6);
    until_done(&client, 300);

    for _ in 0..3 {
        wire.reset_next();
        until_done(&client, 300);
    }

    // A stopped server answers nothing, and loses nothing.
    server.signal(libc::SIGSTOP);
    let mut last = 0;
    while client.line("DONE", Some(Duration::from_secs(3))).is_some() {
        last += 1;
        assert!(last < 100_000, "a stopped server answers");
    }
    server.signal(libc::SIGCONT);
    until_done(&client, 300);

    client.close_input();
    let summary = client.line("SUMMARY", Some(PATIENCE)).unwrap();
    let figures: Vec<u64> = summary.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [done, failed, counted, largest] = figures[..] else { panic!("{summary}") };
    assert_eq!((failed, largest), (0, 1), "{summary}");
    assert_eq!(counted, done, "each call was carried out once");
    assert!(wire.resets() == 3 && wire.lost() > 6);
}
