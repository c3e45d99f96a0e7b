//! Fabric endpoints among threads, dying processes and strangers.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]
#![expect(unsafe_code, reason = "memory is lent to peers")]

use daos_env::sync::join_all;
use daos_env::{Env, Executor, IoBuffer, Random, SeededRandom, SystemClock};
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::{Access, Address, BulkDescriptor, Endpoint, EndpointSettings, Request};
use daos_status::Code;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a process that was started by a test whom to talk to; without it, the tests for children do nothing.
const PARENT: &str = "DAOS_RPC_TEST_PARENT";

fn executor() -> Executor {
    Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap()
}

fn endpoint(executor: &Executor) -> Endpoint {
    let env = Env::system();
    let transport = FabricTransport::open(&env, &FabricSettings::default()).unwrap();
    Endpoint::new(executor.spawner(), &*env.random, transport, EndpointSettings::default())
}

fn echo(request: Request) {
    let body = request.body().to_vec();
    request.reply(Ok(body));
}

/// Answers requests for bulk data by writing 0x5a to all of it, others with their body.
fn serve_bulk(endpoint: &Endpoint, executor: &Executor) {
    let spawner = executor.spawner().clone();
    endpoint.serve(move |request| {
        let Ok(memory) = BulkDescriptor::decode(request.body()) else { return echo(request) };
        spawner.spawn(async move {
            let length = usize::try_from(memory.length()).unwrap_or(0);
            let (_, result) = request.push(&memory, 0, IoBuffer::copy_of(&vec![0x5a; length])).await;
            request.reply(result.map(|()| Vec::new()));
        });
    });
}

async fn fetch(client: &Endpoint, server: &Address, length: usize) -> daos_status::Result<Vec<u8>> {
    let mut memory = vec![0; length];
    // SAFETY: the memory is not accessed before the registration ends.
    let exposed = unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), length, Access::Write)? };
    let body = exposed.descriptor().encode().to_vec();
    client.call_lending(server, 1, body, [&exposed], PATIENCE).await?;
    drop(exposed);
    Ok(memory)
}

#[test]
fn endpoints_of_many_threads_talk_at_once() {
    const THREADS: usize = 4;
    let done = Arc::new(Barrier::new(THREADS));
    let channels: Vec<(Sender<Address>, Receiver<Address>)> = (0..THREADS).map(|_| channel()).collect();
    let senders: Vec<Sender<Address>> = channels.iter().map(|(sender, _)| sender.clone()).collect();
    let threads: Vec<_> = channels
        .into_iter()
        .map(|(_, receiver)| {
            let (senders, done) = (senders.clone(), done.clone());
            std::thread::spawn(move || {
                let executor = executor();
                let own = endpoint(&executor);
                serve_bulk(&own, &executor);
                senders.iter().for_each(|sender| sender.send(own.address().clone()).unwrap());
                let peers: Vec<Address> = (0..THREADS).map(|_| receiver.recv().unwrap()).collect();
                let client = own.clone();
                executor.block_on(async move {
                    for round in 0..50usize {
                        let calls = peers.iter().map(|peer| async {
                            let body = vec![round as u8; 1 + round * 1000];
                            let reply = client.call(peer, 2, body.clone(), PATIENCE).await.unwrap();
                            assert!(*reply == body);
                            let memory = fetch(&client, peer, 1 + round * 5000).await.unwrap();
                            assert!(memory.iter().all(|byte| *byte == 0x5a));
                        });
                        join_all(calls).await;
                    }
                });
                // Others may still ask this endpoint: it works on until all have what they want.
                let (finished, is_finished) = (done.clone(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
                let flag = is_finished.clone();
                let waiter = std::thread::spawn(move || {
                    finished.wait();
                    flag.store(true, std::sync::atomic::Ordering::SeqCst);
                });
                let spawner = executor.spawner().clone();
                executor.block_on(async move {
                    while !is_finished.load(std::sync::atomic::Ordering::SeqCst) {
                        spawner.sleep(Duration::from_millis(1)).await;
                    }
                });
                waiter.join().unwrap();
                own.close();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn an_idle_endpoint_sleeps() {
    let executor = executor();
    let (client, server) = (endpoint(&executor), endpoint(&executor));
    server.serve(echo);
    let (caller, address) = (client.clone(), server.address().clone());
    executor.block_on(async move {
        caller.call(&address, 1, Vec::new(), PATIENCE).await.unwrap();
    });
    // Connections settle for a moment; then nothing wakes the thread.
    let spawner = executor.spawner().clone();
    executor.block_on(async move { spawner.sleep(Duration::from_millis(300)).await });
    let clock = executor.spawner().clock().clone();
    let end = clock.monotonic() + Duration::from_millis(500);
    let mut rounds = 0;
    while clock.monotonic() < end {
        executor.run_once();
        executor.sleep(Some(end));
        rounds += 1;
    }
    assert!(rounds < 100, "an idle thread woke {rounds} times");
}

#[test]
fn strangers_on_the_port_do_no_harm() {
    let executor = executor();
    let (client, server) = (endpoint(&executor), endpoint(&executor));
    server.serve(echo);
    let place = server.address().place("tcp").unwrap().to_owned();
    let random = SeededRandom::new(11);
    let mut open = Vec::new();
    for round in 0..60u64 {
        let mut stream = TcpStream::connect(&place).unwrap();
        let mut bytes = vec![0; (random.next_u64() % 300) as usize];
        random.fill(&mut bytes);
        // Some begin as the provider's own messages do.
        if round % 3 == 0 && bytes.len() > 8 {
            bytes[..8].copy_from_slice(&[3, (round % 2) as u8, 0, 24, 0, 0, 0, 0]);
        }
        // The endpoint may have closed the connection already.
        let _result = stream.write_all(&bytes);
        if round % 4 == 0 {
            open.push(stream);
        }
        let (caller, address) = (client.clone(), server.address().clone());
        executor.block_on(async move {
            let reply = caller.call(&address, 1, vec![1; 30_000], PATIENCE).await.unwrap();
            assert_eq!(reply.len(), 30_000);
        });
    }
}

fn start_child(name: &str, parent: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name, "--nocapture"])
        .env(PARENT, parent)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "child: started by killed_servers_are_errors"]
fn child_server() {
    if std::env::var(PARENT).is_err() {
        return;
    }
    let executor = executor();
    let server = endpoint(&executor);
    serve_bulk(&server, &executor);
    println!("ADDRESS {}", server.address());
    executor.block_on(std::future::pending::<()>());
}

#[test]
fn killed_servers_are_errors() {
    let executor = executor();
    let (client, alive) = (endpoint(&executor), endpoint(&executor));
    alive.serve(echo);
    for round in 0..3 {
        let mut child = start_child("child_server", "yes");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("ADDRESS ").map(str::to_owned)).unwrap();
        let address = Address::parse(&address).unwrap();
        let (caller, other, spawner) = (client.clone(), alive.address().clone(), executor.spawner().clone());
        executor.block_on(async move {
            assert_eq!(fetch(&caller, &address, 100_000).await.unwrap().len(), 100_000);
            let busy: Vec<_> = (0..8)
                .map(|_| {
                    let (caller, address) = (caller.clone(), address.clone());
                    spawner.spawn(async move { while fetch(&caller, &address, 3 << 20).await.is_ok() {} })
                })
                .collect();
            spawner.sleep(Duration::from_millis(20 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            // As the lease of a local engine does.
            caller.fail_peer(&address, Code::Unreach.into());
            for busy in busy {
                busy.await.unwrap();
            }
            let error = caller.call(&address, 1, Vec::new(), PATIENCE).await.unwrap_err();
            assert_eq!(error.code(), Code::Unreach, "{error}");
            caller.call(&other, 1, vec![0; 50_000], PATIENCE).await.unwrap();
        });
    }
}

#[test]
#[ignore = "child: started by killed_clients_cost_nothing"]
fn child_client() {
    let Ok(parent) = std::env::var(PARENT) else { return };
    let executor = executor();
    let client = endpoint(&executor);
    let parent = Address::parse(&parent).unwrap();
    executor.block_on(async move {
        client.call(&parent, 1, Vec::new(), PATIENCE).await.unwrap();
        println!("BUSY");
        loop {
            let calls = (0..16).map(|_| client.call(&parent, 1, vec![7; 100_000], PATIENCE));
            join_all(calls).await;
            let _memory = fetch(&client, &parent, 1 << 20).await;
        }
    });
}

#[test]
fn killed_clients_cost_nothing() {
    let executor = executor();
    let (client, server) = (endpoint(&executor), endpoint(&executor));
    serve_bulk(&server, &executor);
    for round in 0..6u64 {
        let mut child = start_child("child_client", server.address().as_str());
        let mut output = child.stdout.take().unwrap();
        let busy = std::thread::spawn(move || {
            let mut text = String::new();
            let mut byte = [0; 1];
            while !text.contains("BUSY") && output.read(&mut byte).unwrap() == 1 {
                text.push(byte[0] as char);
            }
        });
        let (spawner, caller, address) = (executor.spawner().clone(), client.clone(), server.address().clone());
        executor.block_on(async move {
            while !busy.is_finished() {
                spawner.sleep(Duration::from_millis(1)).await;
            }
            // It is killed in the midst of something else each time.
            spawner.sleep(Duration::from_millis(7 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            // More than the buffers for receiving, at once: none of them was lost.
            let calls = (0..300).map(|_| caller.call(&address, 1, vec![3; 20_000], PATIENCE));
            for reply in join_all(calls).await {
                assert_eq!(reply.unwrap().len(), 20_000);
            }
            fetch(&caller, &address, 1 << 20).await.unwrap();
        });
    }
}
