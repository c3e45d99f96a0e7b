//! The life of a local engine among many processes: started once, shared, ended when idle, killed, recovered.

mod support;

use serde_json::json;
use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use support::{TestSystem, cpu_ticks, is_running, kill, response, wait_until};

/// Two processes that find no engine at the same instant must end up with one.
#[test]
fn processes_that_start_at_once_share_one_engine() {
    let system = TestSystem::new();
    let children: Vec<_> = (0..8).map(|_| system.start(&["system", "query", "--json"])).collect();
    let mut engines = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        let answer = response(&String::from_utf8(output.stdout).expect("text"));
        engines.insert(answer["engine_process"].as_u64().expect("a number"));
    }
    assert_eq!(engines.len(), 1, "{engines:?}");
    assert_eq!(engines.first(), Some(&u64::from(system.engine())));
}

/// The shape of an MPI job: everybody creates something at once.
#[test]
fn fifty_processes_create_fifty_containers() {
    const PROCESSES: usize = 50;
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let labels: Vec<String> = (0..PROCESSES).map(|number| format!("c{number}")).collect();
    let children: Vec<_> =
        labels.iter().map(|label| system.start(&["cont", "create", "tank", label, "--type", "POSIX"])).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
    let listed = system.response(&["cont", "list", "tank"]);
    let found: BTreeSet<&str> =
        listed.as_array().expect("a list").iter().filter_map(|entry| entry["label"].as_str()).collect();
    assert_eq!(found, labels.iter().map(String::as_str).collect());
    // What was acknowledged survives a power cut.
    system.kill_engine();
    assert_eq!(system.response(&["cont", "list", "tank"]), listed);
}

/// Of many that create the same thing, one does.
#[test]
fn one_of_many_processes_creates_a_label() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let children: Vec<_> = (0..12).map(|_| system.start(&["cont", "create", "tank", "same", "--json"])).collect();
    let outcomes: Vec<_> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().expect("it ends");
            let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
            object["status"].as_i64().expect("a number")
        })
        .collect();
    assert_eq!(outcomes.iter().filter(|status| **status == 0).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|status| **status == -1004).count(), 11, "{outcomes:?}");
}

#[test]
fn an_idle_engine_ends_and_the_next_command_starts_another() {
    let system = TestSystem::new().with_idle(1);
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let first = system.engine();
    wait_until("the idle engine ends", || !is_running(first));
    assert_eq!(system.running_engine(), None);
    assert!(!system.path().join("engine.sock").exists(), "it takes its socket with it");
    assert_eq!(system.response(&["pool", "list"])["pools"][0]["label"], "tank");
}

/// While one engine idles to its end, two others do as well: one that nobody uses, one that a client holds. One that polled
/// would need all that time, on each of its threads. What is compared is processor time, so a busy machine does no harm.
#[test]
fn idle_engines_use_no_processor_time() {
    const SECONDS: u64 = 4;
    /// A quarter of what one polling thread would need, in ticks of 10 ms.
    const TICKS_MAX: u64 = SECONDS * 100 / 4;
    let start = |seconds: u64| {
        let system = TestSystem::new().with_idle(seconds);
        system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
        system
    };
    let (unused, held, ending) = (start(600), start(600), start(SECONDS));
    // The socket's path is too long for an address in some places: the short way is through the directory's descriptor.
    let directory = std::fs::File::open(held.path()).expect("it is there");
    let socket = format!("/proc/self/fd/{}/engine.sock", directory.as_raw_fd());
    let _lease = UnixStream::connect(socket).expect("the engine listens");
    let last = ending.engine();
    let engines = [unused.engine(), held.engine()];
    let before = engines.map(cpu_ticks);
    wait_until("the idle engine ends", || !is_running(last));
    let after = engines.map(cpu_ticks);
    let used = [after[0] - before[0], after[1] - before[1]];
    println!("in {SECONDS} s an unused engine needed {} ticks of 10 ms, one that is held {}", used[0], used[1]);
    assert!(used.iter().all(|ticks| *ticks < TICKS_MAX), "{used:?}");
}

#[test]
fn a_second_engine_for_a_directory_says_whose_it_is() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let engine = system.engine();
    let path = system.path();
    let output = system
        .program("daos_server", &["local", "--local-path", path.to_str().expect("text")])
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    let sentence = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{sentence}");
    assert!(sentence.contains(path.to_str().expect("text")) && sentence.contains(&engine.to_string()), "{sentence}");
    assert_eq!(system.engine(), engine, "the first one goes on");
    let inside = system.program("daos", &["pool", "list"]).env("DAOS_LOCAL_MODE", "inside").output().expect("it runs");
    assert_eq!(inside.status.code(), Some(1), "{inside:?}");
}

#[test]
fn an_engine_inside_the_command_and_one_in_a_process_share_what_is_stored() {
    let system = TestSystem::new();
    let inside = |words: &[&str]| {
        let output = system.program("daos", words).env("DAOS_LOCAL_MODE", "inside").output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
    };
    inside(&["pool", "create", "tank", "--size", "1GiB"]);
    inside(&["cont", "create", "tank", "a"]);
    assert_eq!(system.running_engine(), None);
    assert_eq!(system.response(&["cont", "list", "tank"])[0]["label"], "a");
    system.succeed(&["local", "stop"]);
    inside(&["cont", "query", "tank", "a"]);
}

/// The engine must not keep open what its starter had open: whoever waits for the end of a pipe would wait for the engine.
#[test]
fn the_engine_owes_nothing_to_the_process_that_started_it() {
    let system = TestSystem::new();
    let program = env!("CARGO_BIN_EXE_daos");
    // Descriptor 9 is a pipe that cat reads to its end.
    let script = format!("{{ '{program}' pool list >/dev/null; }} 9>&1 | cat");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env("DAOS_LOCAL_PATH", system.path()).env("DAOS_LOCAL_IDLE", "60");
    assert!(shell.status().expect("there is a shell").success());
    let engine = system.engine();
    let directory = std::fs::read_link(format!("/proc/{engine}/cwd")).expect("it runs");
    assert_eq!(directory.to_str(), Some("/"));
    // Its session is not ours.
    let session = |process: u32| {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
        text.rsplit_once(')').expect("a name").1.split_whitespace().nth(3).expect("a session").to_owned()
    };
    assert_ne!(session(engine), session(std::process::id()));
}

#[test]
fn a_killed_engine_is_replaced_and_nothing_acknowledged_is_lost() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    for round in 0..5 {
        system.succeed(&["cont", "create", "tank", &format!("c{round}")]);
        system.succeed(&["cont", "set-attr", "tank", &format!("c{round}"), "round", &round.to_string()]);
        kill(system.engine());
        let listed = system.response(&["cont", "list", "tank"]);
        assert_eq!(listed.as_array().map(Vec::len), Some(round + 1), "{listed}");
        let attribute = system.succeed(&["cont", "get-attr", "tank", &format!("c{round}")]);
        assert!(attribute.contains(&round.to_string()), "{attribute}");
    }
}

#[test]
fn the_directory_may_be_deep_and_have_a_strange_name() {
    let system = TestSystem::new();
    let deep = system.path().join("a directory's \"name\" \u{e4}").join("x".repeat(120)).join("y".repeat(120));
    let output = system
        .program(
            "daos",
            &["--local-path", deep.to_str().expect("text"), "pool", "create", "tank", "--size", "1GiB", "-j"],
        )
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let status = system.response(&["--local-path", deep.to_str().expect("text"), "local", "stop"]);
    assert_eq!(status["stopped"], json!(true));
}
