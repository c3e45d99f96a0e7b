//! Configuration files: several engines of one file, and the file of `dmg`.

use crate::cluster::{Cluster, free_ports_in_a_row};
use crate::support::{is_running, kill, signal, wait_until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A file with three engines: each is a process, one that is killed is started again, and a signal ends them all.
#[test]
fn the_engines_of_one_file_are_kept_alive() {
    let cluster = Cluster::new(0);
    let port = free_ports_in_a_row(3);
    let mut file = format!("mgmt_svc_replicas: ['127.0.0.1:{port}']\nport: {port}\nengines:\n");
    for number in 0..3 {
        let directory = cluster.scratch(&format!("d{number}"));
        file.push_str(&format!("- {{targets: 1, storage: [{{class: ram, scm_mount: '{}'}}]}}\n", directory.display()));
    }
    let path = cluster.scratch("server.yml");
    std::fs::write(&path, file).expect("writable");
    let mut server = cluster.program("daos_server", &["start", "--json", "-o", path.to_str().expect("text")]);
    let mut server = server.stdout(Stdio::piped()).spawn().expect("the program runs");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let mut ready = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    let mut ranks: Vec<u64> = (0..3).map(|_| ready()["rank"].as_u64().expect("a number")).collect();
    ranks.sort_unstable();
    assert_eq!(ranks, [0, 1, 2]);
    let control = cluster.scratch("control.yml");
    std::fs::write(&control, format!("name: daos_server\nhostlist: [localhost]\nport: {port}\n")).expect("writable");
    let control = control.to_str().expect("text");
    let info = cluster.response("dmg", &["-o", control, "pool", "create", "tank", "--size", "1GiB"]);
    assert_eq!(info["label"], "tank");
    let process = |number: u32| -> u32 {
        let text = std::fs::read_to_string(cluster.scratch(&format!("d{number}/engine.pid"))).expect("is there");
        text.trim().parse().expect("a number")
    };
    let killed = process(1);
    kill(killed);
    assert!(ready()["rank"].as_u64().is_some_and(|rank| rank > 0), "the one that was killed is ready again");
    assert_ne!(process(1), killed);
    let engines = [process(0), process(1), process(2)];
    signal(server.id(), "TERM");
    assert!(server.wait().expect("ours").success());
    assert!(engines.iter().all(|engine| !is_running(*engine)), "all engines have ended");
    // Killed itself, it takes its engines along.
    let mut server = cluster.program("daos_server", &["start", "--json", "-o", path.to_str().expect("text")]);
    let mut server = server.stdout(Stdio::piped()).spawn().expect("the program runs");
    let lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.take(3).filter(Result::is_ok).count(), 3);
    let engines = [process(0), process(1), process(2)];
    kill(server.id());
    server.wait().expect("ours");
    wait_until("the engines are gone", || engines.iter().all(|engine| !is_running(*engine)));
}

/// What is wrong in a file is said with file and line.
#[test]
fn wrong_files_are_refused_with_a_sentence() {
    let cluster = Cluster::new(0);
    let path = cluster.scratch("x.yml");
    std::fs::write(&path, "name: daos_server\nport: none\n").expect("writable");
    let name = path.to_str().expect("text");
    for (program, words) in [("daos_server", &["start", "-o", name][..]), ("dmg", &["-o", name, "pool", "list"])] {
        let sentence = cluster.fail(program, words);
        assert!(sentence.contains("x.yml, line 2, 'port: none'"), "{sentence}");
    }
    let template = cluster.succeed("daos_server", &["config", "generate"]);
    assert!(template.contains("mgmt_svc_replicas"));
}
