//! What a server pays for a client's connection over libfabric's `tcp`.
#![expect(clippy::unwrap_used, reason = "a panic ends a test")]

use daos_env::{Env, Executor, SystemClock};
use daos_rpc::libfabric::{FabricSettings, FabricTransport, PROCESS_ENVIRONMENT};
use daos_rpc::{Address, Endpoint, EndpointSettings};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
/// Tells a process that was started by the test whom to talk to; without it, the tests for children do nothing.
const PARENT: &str = "DAOS_RPC_TEST_PARENT";
/// Clients in one process: their descriptors fit the usual limit.
const CLIENTS: usize = 32;
/// Processes of clients that are counted.
const PROCESSES: usize = 8;
/// What the issue allows for each of 256 connections.
const CONNECTION_BYTES_MAX: u64 = 64 << 10;

fn executor() -> Executor {
    Executor::new(Arc::new(SystemClock), Duration::ZERO).unwrap()
}

fn endpoint(executor: &Executor, receives: usize) -> Endpoint {
    let env = Env::system();
    let settings = FabricSettings { receives, ..FabricSettings::default() };
    let transport = FabricTransport::open(&env, &settings).unwrap();
    Endpoint::new(executor.spawner(), &*env.random, transport, EndpointSettings::default())
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

fn start_child(name: &str, parent: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name, "--nocapture"])
        .env(PARENT, parent)
        .envs(PROCESS_ENVIRONMENT.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines)
}

#[test]
#[ignore = "child: started by hundreds_of_connections_are_small"]
fn child_server() {
    if std::env::var(PARENT).is_err() {
        return;
    }
    let executor = executor();
    let server = endpoint(&executor, FabricSettings::default().receives);
    server.serve(|request| request.reply(Ok(resident().to_le_bytes().to_vec())));
    println!("ADDRESS {}", server.address());
    executor.block_on(std::future::pending::<()>());
}

#[test]
#[ignore = "child: started by hundreds_of_connections_are_small"]
fn child_clients() {
    let Ok(parent) = std::env::var(PARENT) else { return };
    let server = Address::parse(&parent).unwrap();
    let executor = executor();
    let clients: Vec<_> = (0..CLIENTS).map(|_| endpoint(&executor, 4)).collect();
    executor.block_on(async move {
        for client in &clients {
            for length in [100, 30_000] {
                client.call(&server, 1, vec![1; length], PATIENCE).await.unwrap();
            }
        }
        println!("READY");
        // They stay connected until the test ends.
        std::io::stdin().lines().for_each(drop);
    });
}

#[test]
fn hundreds_of_connections_are_small() {
    let (mut server, mut lines) = start_child("child_server", "yes");
    let address = lines.find_map(|line| line.split("ADDRESS ").nth(1).map(str::to_owned)).unwrap();
    let executor = executor();
    let client = endpoint(&executor, 4);
    let ask = || {
        let (client, server) = (client.clone(), Address::parse(&address).unwrap());
        let answer = executor.block_on(async move { client.call(&server, 1, Vec::new(), PATIENCE).await });
        u64::from_le_bytes(answer.unwrap().unwrap()[..].try_into().unwrap())
    };
    let mut children = Vec::new();
    let mut start = |count: usize| {
        let started: Vec<_> = (0..count).map(|_| start_child("child_clients", &address)).collect();
        for (child, mut lines) in started {
            children.push(child);
            assert!(lines.any(|line| line.contains("READY")));
        }
    };
    // The first ones bring memory that all others share.
    start(1);
    let before = ask();
    start(PROCESSES);
    let each = ask().saturating_sub(before) / (PROCESSES * CLIENTS) as u64;
    println!("{each} bytes for each of {} connections", PROCESSES * CLIENTS);
    children.iter_mut().chain([&mut server]).for_each(|child| {
        child.kill().unwrap();
        child.wait().unwrap();
    });
    assert!(each < CONNECTION_BYTES_MAX, "{each} bytes for each connection");
}
