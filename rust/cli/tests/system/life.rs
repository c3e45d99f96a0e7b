//! How a system comes to be, and what becomes of it when engines come and go.

use crate::cluster::{Cluster, Engine, free_ports_in_a_row, text};
use crate::support::Tree;
use crate::support::assert_same;
use daos_env::{Env, Executor};
use daos_rpc::libfabric::{FabricSettings, FabricTransport};
use daos_rpc::{Endpoint, EndpointSettings};
use daos_wire::{ControlReply, control_frame};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Started at once, in any order: one system, whose ranks are 0, 1 and 2; a pool over all targets; files in it.
#[test]
fn three_engines_form_a_system_that_serves_together() {
    let cluster = Cluster::running(3);
    let ranks: BTreeSet<u64> = cluster.engines.iter().flatten().map(|engine| engine.rank()).collect();
    assert_eq!(ranks, BTreeSet::from([0, 1, 2]));
    assert_eq!(cluster.engines[0].as_ref().expect("runs").rank(), 0, "the first replica begins the system");
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!((&info["total_targets"], &info["total_engines"]), (&6.into(), &3.into()), "{info}");
    cluster.succeed("daos", &["cont", "create", "tank", "home", "--type", "POSIX"]);
    let (from, to) = (cluster.scratch("from"), cluster.scratch("to"));
    Tree::small().make(&from);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/home/x"]);
    cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert_same(&from, &to);
}

/// Killed engines come back as who they were, with what they held, the one with the metadata too.
#[test]
fn killed_engines_come_back_with_their_ranks_and_data() {
    let mut cluster = Cluster::running(3);
    let from = cluster.fill("home");
    for number in 0..3 {
        let rank = cluster.engines[number].as_ref().expect("runs").rank();
        cluster.kill(number);
        assert_eq!(cluster.start(number).rank(), rank);
        let to = cluster.scratch(&format!("to-{number}"));
        cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
        assert_same(&from, &to);
    }
    // In good order, all at once.
    (0..3).for_each(|number| cluster.stop(number));
    cluster.start_all();
    let to = cluster.scratch("to");
    cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert_same(&from, &to);
}

/// A directory that is new is nobody's when its engine could not have its port: what it is to be can still be corrected. Tools say where
/// they looked.
#[test]
fn who_cannot_have_its_port_becomes_nobody() {
    let mut cluster = Cluster::new(1);
    let sentence = cluster.fail("daos", &["pool", "list"]);
    let names =
        [&cluster.control(0), "start an engine there", "DAOS_ACCESS_POINTS"].map(|name| sentence.contains(name));
    assert_eq!(names, [true; 3], "{sentence}");
    let taken = TcpListener::bind(cluster.control(0)).expect("it was free");
    let output = cluster.server(0, &[]).output().expect("the program runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("give this one another port"), "{output:?}");
    assert!(!cluster.directory(0).join("engine.system").exists());
    drop(taken);
    assert_eq!(cluster.start(0).rank(), 0);
}

/// An engine that finds nobody to join says so to who has started it, and joins when somebody is there.
#[test]
fn who_waits_to_join_says_why() {
    let mut cluster = Cluster::new(2);
    let mut second = cluster.server(1, &[]).spawn().expect("the program runs");
    let mut said = String::new();
    BufReader::new(second.stderr.take().expect("a pipe")).read_line(&mut said).expect("text");
    assert!(said.contains("goes on trying") && said.contains(&cluster.control(0)), "{said}");
    cluster.start(0);
    cluster.adopt(1, second);
    assert_eq!(cluster.engines[1].as_ref().map(Engine::rank), Some(1));
}

/// The leader of a moment ago is gone, and the engine that is asked has not noticed: there is a system, and a new client waits for it as
/// long as for one that says that nobody leads.
#[test]
fn who_is_sent_to_an_engine_that_is_gone_asks_again() {
    /// More than a client asks where it finds no engine at all.
    const REDIRECTS: usize = 60;
    let cluster = Cluster::running(1);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let access_point = listener.local_addr().expect("bound").to_string();
    // A port on which nobody listens.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string();
    let leader = cluster.control(0);
    let engine = std::thread::spawn(move || {
        for number in 0..=REDIRECTS {
            let (mut stream, _) = listener.accept().expect("a client");
            let place = if number < REDIRECTS { &gone } else { &leader };
            stream.write_all(&control_frame(&ControlReply::Redirect(place.clone()))).expect("the client listens");
            // It has read what it wanted when it ends the connection.
            let _ended = stream.read_to_end(&mut Vec::new());
        }
    });
    let mut list = cluster.program("daos", &["pool", "list"]);
    let output = list.env("DAOS_ACCESS_POINTS", access_point).output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    engine.join().expect("it was asked until it knew better");
}

/// Directories and names that do not belong together are refused with a sentence, and nothing is changed.
#[test]
fn strangers_are_refused() {
    let mut cluster = Cluster::running(2);
    let refused = |cluster: &Cluster, number: usize, words: &[&str]| {
        let output = cluster.server(number, words).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        object["error"].as_str().expect("a sentence").to_owned()
    };
    let sentence = refused(&cluster, 1, &[]);
    assert!(sentence.contains("serves") && sentence.contains("already"), "{sentence}");
    cluster.stop(1);
    let sentence = refused(&cluster, 1, &["--name", "other"]);
    assert!(sentence.contains("belongs to rank 1 of system 'daos_server'"), "{sentence}");
    // A directory of another system with the same name.
    let mut stranger = Cluster::running(1);
    stranger.stop(0);
    let foreign = stranger.directory(0);
    std::fs::rename(cluster.directory(1), cluster.scratch("kept")).expect("ours");
    std::fs::rename(&foreign, cluster.directory(1)).expect("one file system");
    let sentence = refused(&cluster, 1, &[]);
    assert!(sentence.contains("rank 0"), "it began a system of its own, and is told to join another: {sentence}");
    std::fs::remove_dir_all(cluster.directory(1)).expect("ours");
    std::fs::rename(cluster.scratch("kept"), cluster.directory(1)).expect("one file system");
    assert_eq!(cluster.start(1).rank(), 1);
    // The tools of a local engine keep their hands off.
    cluster.stop(1);
    let directory = cluster.directory(1);
    let mut local = cluster.program("daos", &["pool", "list", "--local-path", directory.to_str().expect("text")]);
    let output = local.env_remove("DAOS_ACCESS_POINTS").output().expect("the program runs");
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && sentence.contains("belongs to an engine of a system"), "{sentence}");
    // A client that means another system.
    let output = cluster.program("daos", &["pool", "list"]).env("DAOS_SYSTEM", "mine").output().expect("runs");
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && sentence.contains("not 'mine'"), "{sentence}");
}

/// What is on a dead engine is answered with its rank; what needs all engines of a pool goes on without it, and it catches up
/// when it is there again.
#[test]
fn a_dead_engine_is_named_and_catches_up() {
    let mut cluster = Cluster::running(3);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("dmg", &["pool", "create", "gone", "--size", "1GiB"]);
    cluster.succeed("daos", &["cont", "create", "tank", "home", "--type", "POSIX"]);
    cluster.succeed("daos", &["cont", "create", "tank", "old", "--type", "POSIX"]);
    let (from, to) = (cluster.scratch("from"), cluster.scratch("to"));
    Tree::small().make(&from);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/home/x"]);
    let number = cluster.with_rank(1);
    cluster.kill(number);
    let sentence = cluster.fail("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    // On a machine that is busy it has been excluded by now.
    let is_named = ["rank 1 is unresponsive", "rank 1 is out of use"].iter().any(|words| sentence.contains(words));
    assert!(is_named, "{sentence}");
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!((&info["total_targets"], &info["disabled_targets"]), (&6.into(), &2.into()), "{info}");
    // What is made now does without the dead engine, also afterwards.
    cluster.succeed("daos", &["cont", "create", "tank", "new", "--type", "POSIX"]);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/new/x"]);
    cluster.succeed("daos", &["cont", "destroy", "tank", "old"]);
    cluster.succeed("dmg", &["pool", "destroy", "gone"]);
    cluster.succeed("dmg", &["pool", "create", "smaller", "--size", "1GiB"]);
    let info = cluster.response("dmg", &["pool", "query", "smaller"]);
    assert_eq!(info["total_targets"], 4, "on the engines that are there");
    cluster.start(number);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/home/y"]);
    assert_eq!(cluster.response("daos", &["cont", "list", "tank"]).as_array().map(Vec::len), Some(2));
    cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert_same(&from, &to);
    let without = cluster.scratch("without");
    cluster.succeed("daos", &["fs", "copy", "daos://tank/new/x", &text(&without)]);
    assert_same(&from, &without);
    let engine = cluster.directory(number);
    let pools = |target: &str| {
        let entries = std::fs::read_dir(engine.join(target)).expect("is there");
        let names = entries.map(|entry| entry.expect("readable").file_name().into_string().expect("text"));
        names.filter(|name| name.starts_with("pool-")).count()
    };
    crate::support::wait_until("the destroyed pool is gone", || pools("target-0") == 1 && pools("target-1") == 1);
}

/// Endpoints that serve nothing at ports of the network, until they are told to end; gives how many requests came that were for others.
fn strangers(ports: std::ops::Range<u16>, is_over: Arc<AtomicBool>) -> JoinHandle<u64> {
    let (ready, is_ready) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let env = Env::system();
        let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("an executor");
        let open = |port| {
            let settings = FabricSettings { port, ..FabricSettings::new("tcp") };
            let transport = FabricTransport::open(&env, &settings).expect("the port is free");
            Endpoint::new(executor.spawner(), env.random.as_ref(), transport, EndpointSettings::default())
        };
        let endpoints: Vec<Endpoint> = ports.map(open).collect();
        ready.send(()).expect("somebody waits");
        let spawner = executor.spawner().clone();
        let over = async move {
            while !is_over.load(Ordering::Relaxed) {
                spawner.sleep(Duration::from_millis(1)).await;
            }
        };
        executor.block_on(over).expect("nothing else ends it");
        endpoints.iter().map(|endpoint| endpoint.statistics().stray_requests).sum()
    });
    is_ready.recv().expect("the ports are taken");
    thread
}

/// A process that got the ports of an engine after its end is not taken for it.
#[test]
fn who_has_the_place_of_a_dead_engine_is_not_taken_for_it() {
    const TARGETS: u16 = 2;
    let mut cluster = Cluster::running(3);
    let number = cluster.with_rank(1);
    cluster.kill(number);
    let first = free_ports_in_a_row(TARGETS);
    cluster.start_with(number, &["--fabric-port", &first.to_string()]);
    let from = cluster.fill("home");
    cluster.kill(number);
    let is_over = Arc::new(AtomicBool::new(false));
    let strangers = strangers(first..first + TARGETS, is_over.clone());
    let to = cluster.scratch("to");
    let sentence = cluster.fail("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    let is_named = ["rank 1 is unresponsive", "rank 1 is out of use"].iter().any(|words| sentence.contains(words));
    assert!(is_named, "{sentence}");
    is_over.store(true, Ordering::Relaxed);
    assert!(strangers.join().expect("it ends") > 0, "nobody asked there");
    cluster.start(number);
    cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert_same(&from, &to);
}
