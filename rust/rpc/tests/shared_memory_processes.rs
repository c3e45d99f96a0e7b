//! Shared memory among threads, dying processes and strangers.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]
#![expect(unsafe_code, reason = "memory is lent to peers, and processes are forked")]

use daos_env::sync::join_all;
use daos_env::{Env, Executor, IoBuffer, Spawner, WAKE_COST};
use daos_rpc::shared_memory::{SharedMemorySettings, SharedMemoryTransport};
use daos_rpc::{Access, Address, BulkDescriptor, Endpoint, EndpointSettings, Request};
use daos_status::{Code, Result};
use std::io::{BufRead, BufReader};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::process::{Child, Command, Stdio};
use std::ptr::NonNull;
use std::sync::mpsc::channel;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// Tells a process that was started by a test whom to talk to; without it, the tests for children do nothing.
const PARENT: &str = "DAOS_RPC_TEST_PARENT";
/// Whether a child forks.
const FORKS: &str = "DAOS_RPC_TEST_FORKS";

fn executor() -> Executor {
    Executor::new(Env::system().clock, WAKE_COST).unwrap()
}

fn endpoint_with(executor: &Executor, settings: &SharedMemorySettings) -> Endpoint {
    let env = Env::system();
    let transport = SharedMemoryTransport::open(&env, settings).unwrap();
    Endpoint::new(executor.spawner(), &*env.random, transport, EndpointSettings::default())
}

fn endpoint(executor: &Executor) -> Endpoint {
    endpoint_with(executor, &SharedMemorySettings::default())
}

fn echo(request: Request) {
    let body = request.body().to_vec();
    request.reply(Ok(body));
}

/// Answers requests with a descriptor by writing 0x5a to the first half of that memory and checking that the second half is
/// 0x33; others with their body.
fn serve_bulk(endpoint: &Endpoint, spawner: &Spawner) {
    let spawner = spawner.clone();
    endpoint.serve(move |request| {
        let Ok(memory) = BulkDescriptor::decode(request.body()) else { return echo(request) };
        spawner.spawn(async move {
            let half = memory.length() as usize / 2;
            let (_, pushed) = request.push(&memory, 0, IoBuffer::copy_of(&vec![0x5a; half])).await;
            let (buffer, pulled) = request.pull(&memory, half as u64, IoBuffer::zeroed(half)).await;
            let answer = pushed.and(pulled).map(|()| {
                let wrong = buffer.iter().position(|byte| *byte != 0x33);
                wrong.map_or(vec![1], |at| format!("at {at} {:x?}", &buffer[at..(at + 8).min(half)]).into_bytes())
            });
            request.reply(answer);
        });
    });
}

async fn exchange(client: &Endpoint, server: &Address, half: usize) -> Result<()> {
    let mut memory = vec![0x33u8; 2 * half];
    // SAFETY: the memory is not accessed before the registration ends.
    let exposed = unsafe { client.expose(NonNull::from(&mut memory[..]).cast(), 2 * half, Access::ReadWrite)? };
    let body = exposed.descriptor().encode().to_vec();
    let answer = client.call_lending(server, 1, body, [&exposed], PATIENCE).await?.to_vec();
    drop(exposed);
    assert_eq!(
        String::from_utf8_lossy(&answer),
        "\u{1}",
        "the server read something else than the {half} bytes that were lent"
    );
    assert!(memory[..half].iter().all(|byte| *byte == 0x5a) && memory[half..].iter().all(|byte| *byte == 0x33));
    Ok(())
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// What the descriptors are, for a test that finds too many.
fn descriptor_names() -> Vec<String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = entries.map_while(std::result::Result::ok).map(|entry| std::fs::read_link(entry.path()));
    links.map(|link| link.map_or_else(|_| "gone".to_owned(), |link| link.display().to_string())).collect()
}

fn shared_mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().matches("memfd:daos-rpc").count()
}

async fn until(spawner: &Spawner, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = spawner.clock().monotonic() + PATIENCE;
    while !condition() {
        assert!(spawner.clock().monotonic() < deadline, "{what} does not happen");
        spawner.sleep(Duration::from_millis(1)).await;
    }
}

fn start_child(name: &str, parent: &str, forks: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", name, "--nocapture"]).env(PARENT, parent);
    if forks {
        command.env(FORKS, "yes");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn word_of(child: &mut Child, prefix: &str) -> String {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::result::Result::ok);
    lines.filter_map(|line| line.strip_prefix(prefix).map(str::to_owned)).next().unwrap()
}

#[test]
#[ignore = "child: started by killed_servers_are_noticed"]
fn child_server() {
    if std::env::var(PARENT).is_err() {
        return;
    }
    let executor = executor();
    let server = endpoint(&executor);
    serve_bulk(&server, executor.spawner());
    println!("\nADDRESS {}", server.address());
    executor.block_on(std::future::pending::<()>());
}

#[test]
fn killed_servers_are_noticed() {
    let executor = executor();
    let (client, alive) = (endpoint(&executor), endpoint(&executor));
    alive.serve(echo);
    let before = descriptors();
    for round in 0..8u64 {
        let mut child = start_child("child_server", "yes", false);
        let address = Address::parse(&word_of(&mut child, "ADDRESS ")).unwrap();
        let (caller, other, spawner) = (client.clone(), alive.address().clone(), executor.spawner().clone());
        executor.block_on(async move {
            exchange(&caller, &address, 50_000).await.unwrap();
            let busy: Vec<_> = (0..8usize)
                .map(|number| {
                    let (caller, address) = (caller.clone(), address.clone());
                    let half = [10, 3000, 200_000, 2 << 20][number % 4];
                    spawner.spawn(async move {
                        loop {
                            if let Err(error) = exchange(&caller, &address, half).await {
                                return error;
                            }
                        }
                    })
                })
                .collect();
            spawner.sleep(Duration::from_micros(2500 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            // Nobody tells: the transport finds out by itself, and calls do not wait for their time-outs.
            for busy in busy {
                let error = busy.await.unwrap();
                assert!(matches!(error.code(), Code::Unreach | Code::Hg), "{error}");
            }
            let error = caller.call(&address, 1, Vec::new(), PATIENCE).await.unwrap_err();
            assert_eq!(error.code(), Code::Unreach, "{error}");
            caller.call(&other, 1, vec![0; 50_000], PATIENCE).await.unwrap();
            assert_eq!((caller.statistics().outstanding, caller.statistics().exposures), (0, 0));
        });
    }
    // What is left is the connection to the one that lives: a socket and a process at each end.
    assert!(descriptors() <= before + 4, "of {before} descriptors there are now {:?}", descriptor_names());
    assert!(shared_mappings() <= 2, "{} mappings are left", shared_mappings());
}

#[test]
#[ignore = "child: started by killed_clients_cost_nothing"]
fn child_client() {
    let Ok(parent) = std::env::var(PARENT) else { return };
    let executor = executor();
    let settings = SharedMemorySettings { listens: false, ..SharedMemorySettings::default() };
    let client = endpoint_with(&executor, &settings);
    let parent = Address::parse(&parent).unwrap();
    let forks = std::env::var(FORKS).is_ok();
    executor.block_on(async move {
        exchange(&client, &parent, 10_000).await.unwrap();
        if forks {
            // SAFETY: the copy does nothing but sleep; it keeps every descriptor of this process open.
            let copy = unsafe { libc::fork() };
            if copy == 0 {
                loop {
                    // SAFETY: no memory is involved.
                    unsafe { libc::pause() };
                }
            }
            println!("\nBUSY {copy}");
        } else {
            println!("\nBUSY 0");
        }
        loop {
            join_all((0..16).map(|_| client.call(&parent, 1, vec![7; 20_000], PATIENCE))).await;
            let _memory = exchange(&client, &parent, 1 << 20).await;
        }
    });
}

#[test]
fn killed_clients_cost_nothing() {
    let executor = executor();
    let (client, server) = (endpoint(&executor), endpoint(&executor));
    serve_bulk(&server, executor.spawner());
    let before = descriptors();
    for round in 0..8u64 {
        // A child of the client keeps its sockets: only its process tells that it is gone.
        let forks = round % 2 == 1;
        let mut child = start_child("child_client", server.address().as_str(), forks);
        let (sender, receiver) = channel();
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
            let copy = lines.filter_map(|line| line.strip_prefix("BUSY ").map(str::to_owned)).next().unwrap();
            sender.send(copy.parse::<i32>().unwrap()).unwrap();
        });
        let (spawner, caller, address) = (executor.spawner().clone(), client.clone(), server.address().clone());
        let served = server.clone();
        executor.block_on(async move {
            let mut copy = None;
            until(&spawner, "the child's start", || {
                copy = copy.or_else(|| receiver.try_recv().ok());
                copy.is_some()
            })
            .await;
            spawner.sleep(Duration::from_micros(2500 * round)).await;
            child.kill().unwrap();
            child.wait().unwrap();
            // This side's own connection has two mappings.
            until(&spawner, "the end of the connection", || {
                shared_mappings() <= 2 && served.statistics().requests == 0
            })
            .await;
            exchange(&caller, &address, 100_000).await.unwrap();
            if let Some(copy) = copy.filter(|copy| *copy > 0) {
                // SAFETY: the process that was forked by the child, which nobody waits for.
                unsafe { libc::kill(copy, libc::SIGKILL) };
            }
        });
        reader.join().unwrap();
    }
    assert!(descriptors() <= before + 4, "of {before} descriptors there are now {:?}", descriptor_names());
}

#[test]
fn threads_that_sleep_and_spin_talk_without_end() {
    let (sender, receiver) = channel();
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        let executor = executor();
        let server = endpoint(&executor);
        serve_bulk(&server, executor.spawner());
        sender.send(server.address().clone()).unwrap();
        let spawner = executor.spawner().clone();
        executor.block_on(async move {
            while !matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                spawner.sleep(Duration::from_millis(50)).await;
            }
        });
    });
    let address = receiver.recv().unwrap();
    let executor = executor();
    let client = endpoint(&executor);
    let spawner = executor.spawner().clone();
    executor.block_on(async move {
        for round in 0..300u64 {
            client.call(&address, 1, vec![1; 64], PATIENCE).await.unwrap();
            // Both sides sleep now and then, and are woken.
            if round % 3 == 0 {
                spawner.sleep(Duration::from_micros(10 * (round % 50))).await;
            }
            if round % 10 == 0 {
                exchange(&client, &address, 300_000).await.unwrap();
                join_all((0..40).map(|_| client.call(&address, 1, vec![2; 30_000], PATIENCE))).await;
            }
        }
    });
    drop(stop);
    thread.join().unwrap();
}

/// Bytes of memory of this process, shared and own.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn hundreds_of_connections_are_small() {
    const CLIENTS: usize = 256;
    let executor = executor();
    let server = endpoint(&executor);
    server.serve(echo);
    let settings = SharedMemorySettings { listens: false, ..SharedMemorySettings::default() };
    let clients: Vec<Endpoint> = (0..CLIENTS).map(|_| endpoint_with(&executor, &settings)).collect();
    let address = server.address().clone();
    let before = resident();
    executor.block_on(async move {
        for _ in 0..20 {
            let calls = clients.iter().map(|client| client.call(&address, 1, vec![3; 100], PATIENCE));
            assert!(join_all(calls).await.iter().all(Result::is_ok));
        }
        // Both ends of each are in this process.
        let each = (resident() - before) / CLIENTS;
        assert!(each < 128 << 10, "a connection takes {each} bytes");
    });
}

#[test]
#[ignore = "child: started by without_descriptors_connections_are_refused"]
fn child_without_descriptors() {
    if std::env::var(PARENT).is_err() {
        return;
    }
    let executor = executor();
    let (client, server, first) = (endpoint(&executor), endpoint(&executor), endpoint(&executor));
    server.serve(echo);
    let address = server.address().clone();
    let result = executor.block_on(async move {
        first.call(&address, 1, Vec::new(), PATIENCE).await.unwrap();
        let mut held = Vec::new();
        // SAFETY: no memory is involved.
        while let descriptor @ 0.. = unsafe { libc::dup(0) } {
            held.push(descriptor);
        }
        // Room for the client's end alone.
        // SAFETY: the last of the copies.
        unsafe { libc::close(held.pop().unwrap()) };
        let error = client.call(&address, 1, Vec::new(), PATIENCE).await.unwrap_err();
        // Those who are connected notice nothing.
        first.call(&address, 1, vec![1; 1000], PATIENCE).await.unwrap();
        held.into_iter().for_each(|descriptor| {
            // SAFETY: the copies that were made here.
            unsafe { libc::close(descriptor) };
        });
        error.to_string()
    });
    println!("\nREFUSED {}", result.unwrap());
}

#[test]
fn without_descriptors_connections_are_refused() {
    let mut shell = Command::new("sh");
    let line = "ulimit -n 64; exec \"$0\" --ignored --exact child_without_descriptors --nocapture";
    shell.args(["-c", line]).arg(std::env::current_exe().unwrap()).env(PARENT, "yes");
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("REFUSED "), "{text}");
}

/// A socket that speaks to an endpoint without being one.
fn stranger(address: &Address) -> OwnedFd {
    let name = format!("daos/{}", address.as_str().strip_prefix("shm://").unwrap());
    let checked = std::os::unix::net::SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    assert!(checked.as_abstract_name().is_some());
    // SAFETY: all zeros are a valid address; the socket is owned here alone; pointer and length are those of the address.
    unsafe {
        let mut socket_address: libc::sockaddr_un = std::mem::zeroed();
        socket_address.sun_family = libc::AF_UNIX as u16;
        for (place, byte) in socket_address.sun_path[1..].iter_mut().zip(name.as_bytes()) {
            *place = *byte as libc::c_char;
        }
        let socket = OwnedFd::from_raw_fd(libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0));
        let length = (3 + name.len()) as libc::socklen_t;
        assert_eq!(libc::connect(socket.as_raw_fd(), (&raw const socket_address).cast(), length), 0);
        socket
    }
}

fn say(socket: &OwnedFd, bytes: &[u8]) {
    // SAFETY: pointer and length are those of the slice. The endpoint may have closed the connection already.
    unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
}

/// What a peer says first.
fn hello(address: &[u8]) -> Vec<u8> {
    use daos_wire::header::{Header, Kind, seal};
    seal(Header::of(Kind::MemoryHello), &[], address)
}

#[test]
fn strangers_on_the_socket_are_sent_away() {
    let executor = executor();
    let (client, server) = (endpoint(&executor), endpoint(&executor));
    server.serve(echo);
    let mut open = Vec::new();
    for round in 0..200usize {
        let socket = stranger(server.address());
        match round % 5 {
            0 => say(&socket, b"GET / HTTP/1.1\r\n\r\n"),
            1 => say(&socket, &hello(b"not an address")),
            2 => say(&socket, &hello(b"tcp://127.0.0.1:1")),
            3 => say(&socket, &hello(client.address().as_str().as_bytes())),
            // Says nothing, and stays.
            _ => {}
        }
        if round % 2 == 0 {
            open.push(socket);
        }
        let (caller, address) = (client.clone(), server.address().clone());
        executor.block_on(async move {
            let reply = caller.call(&address, 1, vec![1; 30_000], PATIENCE).await.unwrap();
            assert_eq!(reply.len(), 30_000);
        });
    }
    assert_eq!(server.statistics().malformed_frames, 0);
}
