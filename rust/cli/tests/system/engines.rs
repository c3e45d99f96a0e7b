//! What each engine is asked or told by itself.

use crate::cluster::Cluster;
use crate::support::{TestSystem, signal};
use serde_json::Value;

/// The object that a tool wrote, whatever came of it, and its exit status.
fn object(cluster: &Cluster, words: &[&str]) -> (Value, Option<i32>) {
    let output = cluster.run("dmg", &[words, &["--json"]].concat());
    (serde_json::from_slice(&output.stdout).expect("one JSON object"), output.status.code())
}

/// Of each engine in a response, by rank: a field of the first file system's mount.
fn of_mounts(response: &Value, field: &str) -> Vec<u64> {
    let sets = response["HostStorage"].as_object().expect("an object");
    let mount = |set: &Value| set["storage"]["scm_namespaces"][0]["mount"].clone();
    let mut all: Vec<(u64, u64)> = sets
        .values()
        .map(|set| {
            let mount = mount(set);
            (mount["rank"].as_u64().expect("a rank"), mount[field].as_u64().expect("a number"))
        })
        .collect();
    all.sort_unstable();
    all.into_iter().map(|(_, value)| value).collect()
}

#[test]
fn the_storage_of_each_engine_is_told_by_itself() {
    let mut cluster = Cluster::running(3);
    let usage = ["storage", "query", "usage"];
    let pool_bytes = |response: &Value, tier: &str| -> Vec<u64> {
        let sets = response["HostStorage"].as_object().expect("an object").values();
        sets.map(|set| set["storage"]["engine"][tier]["total_bytes"].as_u64().expect("a number")).collect()
    };
    let before = cluster.response("dmg", &usage);
    assert_eq!((pool_bytes(&before, "pool_meta"), &before["host_errors"]), (vec![0; 3], &serde_json::json!({})));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB", "--ranks", "0,2"]);
    cluster.succeed("dmg", &["pool", "create", "memory", "--size", "200MiB", "--durability", "ram", "--ranks", "1"]);
    let after = cluster.response("dmg", &usage);
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    for (tier, part) in [(0, "pool_meta"), (1, "pool_data")] {
        let half = info["tier_stats"][tier]["total"].as_u64().expect("a number") / 2;
        assert_eq!(pool_bytes(&after, part), [half, 0, half], "{part}: {after}");
    }
    let in_memory = pool_bytes(&after, "pool_memory");
    assert!(in_memory[0] == 0 && in_memory[2] == 0 && (190 << 20..=200 << 20).contains(&in_memory[1]), "{after}");
    let (total, free) = (of_mounts(&after, "total_bytes"), of_mounts(&after, "avail_bytes"));
    let meta = pool_bytes(&after, "pool_meta");
    let all_is_there = (0..3).all(|rank| total[rank] == free[rank] + meta[rank]);
    assert!(all_is_there, "{total:?} {free:?} {meta:?}");
    let text = cluster.succeed("dmg", &usage);
    let titles: Vec<&str> = text.lines().next().expect("a line").split_whitespace().collect();
    assert_eq!(titles, ["Hosts", "Rank", "SCM-Total", "SCM-Free", "SCM-Used", "NVMe-Total", "NVMe-Free", "NVMe-Used"]);
    assert_eq!(text.lines().count(), 4, "{text}");
    let verbose = cluster.succeed("dmg", &["storage", "query", "usage", "--verbose"]);
    assert!(verbose.contains("engine-1"), "{verbose}");
    // Some of them: by rank, and by the hosts of -l.
    let one = cluster.response("dmg", &["storage", "scan", "--ranks", "1"]);
    assert_eq!(of_mounts(&one, "rank"), [1]);
    let place = cluster.control(cluster.with_rank(2));
    assert_eq!(of_mounts(&cluster.response("dmg", &["-l", &place, "storage", "scan"]), "rank"), [2]);
    let scan = cluster.succeed("dmg", &["storage", "scan"]);
    let has_all =
        (0..3).all(|number| scan.lines().filter(|line| line.contains(&format!("/engine-{number} "))).count() == 1);
    assert!(scan.starts_with("Hosts ") && has_all && scan.lines().count() == 4, "{scan}");
    assert!(cluster.fail("dmg", &["storage", "scan", "--ranks", "7"]).contains("no rank 7"));
    assert!(cluster.fail("dmg", &["storage", "scan", "--nvme-health"]).contains("DER_NOTSUPPORTED"));
    // One that is stopped, and one that is lost, are errors; the others answer.
    cluster.succeed("dmg", &["system", "stop", "--ranks", "1"]);
    let lost = cluster.with_rank(2);
    cluster.kill(lost);
    let (object, status) = object(&cluster, &usage);
    assert_eq!((of_mounts(&object["response"], "rank"), status), (vec![0], Some(1)));
    // What it stores on, a stopped engine knows all the same.
    let output = cluster.run("dmg", &["storage", "scan", "--ranks", "0,1"]);
    let scan = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && scan.lines().count() == 3, "{scan}");
    let scan = cluster.response("dmg", &["storage", "scan", "--ranks", "1"]);
    let engine = &scan["HostStorage"]["1"]["storage"]["engine"];
    assert_eq!((&engine["rank"], &engine["pools"]), (&1.into(), &Value::Null), "{scan}");
    assert!(engine["total_bytes"].as_u64() > engine["avail_bytes"].as_u64(), "{scan}");
    let stopped = cluster.with_rank(1);
    assert_eq!(places_of(&object, "rank 1 is stopped"), [cluster.control(stopped)], "{object}");
    assert_eq!(places_of(&object, "DER_UNREACH"), [cluster.control(lost)], "{object}");
    assert!(object["error"].as_str().is_some_and(|error| error.contains("2 of 3 engines failed")), "{object}");
}

/// Where it went wrong so: the places of all errors with these words.
fn places_of(object: &Value, words: &str) -> Vec<String> {
    let errors = object["response"]["host_errors"].as_object().expect("an object");
    let places = errors.iter().filter(|(sentence, _)| sentence.contains(words)).map(|(_, places)| places);
    places.map(|places| places.as_str().expect("text").to_owned()).collect()
}

/// The areas of the lines of a level that an engine has written.
fn areas(cluster: &Cluster, number: usize, level: &str) -> Vec<String> {
    let log = cluster.log(number);
    let words = log.lines().map(|line| line.split(' ').skip(1).collect::<Vec<_>>());
    let of_level = words.filter(|words| words.first() == Some(&level));
    of_level.map(|words| words.get(1).expect("an area").trim_end_matches(':').to_owned()).collect()
}

#[test]
fn log_masks_of_running_engines_change_and_go_back() {
    let mut cluster = Cluster::new(2);
    cluster.start(0);
    cluster.start_with(1, &["--log-mask", "WARN"]);
    let said = |cluster: &Cluster| {
        let before = areas(cluster, 0, "INFO").len();
        cluster.succeed("dmg", &["pool", "create", "tank", "--size", "512MiB"]);
        cluster.succeed("dmg", &["pool", "destroy", "tank"]);
        areas(cluster, 0, "INFO").split_off(before)
    };
    let masks = |response: &Value| -> Vec<String> {
        let list = response["log_masks"].as_array().expect("a list").iter();
        list.map(|one| one["masks"].as_str().expect("text").to_owned()).collect()
    };
    let all = said(&cluster);
    assert!(all.iter().any(|area| area == "pool"), "{all:?}");
    let text = cluster.succeed("dmg", &["server", "set-logmasks", "-m", "ERR"]);
    let (one, two) = (cluster.control(0), cluster.control(1));
    assert_eq!(text, format!("Engine log-masks updated successfully on the following hosts: {one},{two}\n"));
    assert!(cluster.log(0).contains("sets the log mask to ERR"));
    assert_eq!(said(&cluster), [""; 0]);
    let response = cluster.response("dmg", &["server", "slm", "--masks", "warn,POOL=info", "--ranks", "0"]);
    assert_eq!(masks(&response), ["WARN,pool=INFO"]);
    assert_eq!(response["HostStorage"]["0"]["hosts"], Value::from(one.clone()));
    let of_pools: Vec<_> = all.into_iter().filter(|area| area == "pool").collect();
    assert_eq!(said(&cluster), of_pools);
    // Nearly the longest mask; as the answer writes it, it is longer.
    let long: String = (0..102).map(|number| format!("a{number:03}=dbug,")).collect();
    let response = cluster.response("dmg", &["server", "slm", "--masks", &long, "--ranks", "0"]);
    assert!(long.len() <= 1024 && masks(&response)[0].len() > 1024, "{response}");
    // Each goes back to its own.
    assert_eq!(masks(&cluster.response("dmg", &["srv", "set-logmasks"])), ["INFO", "WARN"]);
    let output = cluster.run("dmg", &["-l", &two, "server", "set-logmasks", "-m", "ERR,mem=DEBUG", "--streams", "md"]);
    let notes = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success() && notes.contains("no log line is of mem"), "{notes}");
    assert!(notes.contains("--streams and --subsystems have no effect"), "{notes}");
    let sentence = cluster.fail("dmg", &["server", "set-logmasks", "-m", "LOUD"]);
    assert!(sentence.contains("none of ERR, WARN, INFO, DEBUG"), "{sentence}");
    // Also of one that is stopped: its process is there.
    cluster.succeed("dmg", &["system", "stop", "--ranks", "1"]);
    assert_eq!(masks(&cluster.response("dmg", &["server", "set-logmasks", "-m", "DEBUG"])), ["DEBUG", "DEBUG"]);
    let local = TestSystem::new();
    let output = local.program("dmg", &["server", "set-logmasks", "-m", "DEBUG"]).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DER_NOTSUPPORTED"), "{output:?}");
}

#[test]
fn network_interfaces_are_told_by_each_engine_and_of_this_machine() {
    let cluster = Cluster::running(2);
    let all = cluster.response("dmg", &["network", "scan", "--provider", "all"]);
    let sets = all["HostFabrics"].as_object().expect("an object");
    assert_eq!(sets.len(), 1, "both are on one machine: {all}");
    assert_eq!(sets["0"]["HostSet"], format!("{},{}", cluster.control(0), cluster.control(1)));
    let interfaces = sets["0"]["HostFabric"]["Interfaces"].as_array().expect("a list");
    let has = |device: &str| interfaces.iter().any(|one| one["Device"] == device);
    assert!(!has("lo") && interfaces.iter().all(|one| one["NetDevClass"] != 772), "{all}");
    // What the kernel says of interfaces that have an address, other than that of the machine itself, is there.
    let routes = std::fs::read_to_string("/proc/net/route").expect("the kernel's routes");
    let routed: Vec<&str> = routes.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(routed.iter().filter(|device| **device != "lo").all(|device| has(device)), "{routed:?}: {all}");
    // The same from the tool of this machine.
    let here = cluster.response("daos_server", &["network", "scan"]);
    assert_eq!(here["0"]["HostFabric"]["Interfaces"], sets["0"]["HostFabric"]["Interfaces"]);
    // By default those of the engine's provider.
    let own = cluster.response("dmg", &["net", "scan", "--ranks", "1"]);
    let is_tcp = |one: &&Value| one["Provider"].as_str().is_some_and(|name| name.starts_with("ofi+tcp"));
    let expected: Vec<&Value> = interfaces.iter().filter(is_tcp).collect();
    let own_interfaces = own["HostFabrics"]["0"]["HostFabric"]["Interfaces"].as_array().expect("a list");
    assert_eq!(own_interfaces.iter().collect::<Vec<_>>(), expected, "{own}");
    assert!(routed.is_empty() || !expected.is_empty(), "{all}");
    let text = cluster.succeed("dmg", &["network", "scan", "-p", "nonsense"]);
    assert!(text.starts_with("---------\n127.0.0.1\n") && text.contains("served by nonsense"), "{text}");
    let local = TestSystem::new();
    let output = local.program("dmg", &["network", "scan", "-p", "all"]).output().expect("the program runs");
    assert!(output.status.success() && output.stdout.starts_with(b"---------\nlocalhost\n"), "{output:?}");
}

/// An engine that takes connections in and says nothing is an error, too, after a while.
#[test]
#[ignore = "slow: an engine that says nothing is waited for ten seconds"]
fn an_engine_that_is_stopped_in_its_tracks_keeps_nobody_from_the_answers_of_others() {
    let cluster = Cluster::running(2);
    let process = cluster.engines[cluster.with_rank(1)].as_ref().expect("runs").process();
    signal(process, "STOP");
    let (object, status) = object(&cluster, &["storage", "query", "usage"]);
    signal(process, "CONT");
    assert_eq!((of_mounts(&object["response"], "rank"), status), (vec![0], Some(1)), "{object}");
    let errors = object["response"]["host_errors"].as_object().expect("an object");
    let place = cluster.control(cluster.with_rank(1));
    assert_eq!((errors.len(), places_of(&object, "stopped in its tracks")), (1, vec![place]), "{object}");
}

#[test]
fn the_storage_of_a_local_engine_is_told_as_well() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let dmg = |words: &[&str]| {
        let output = system.program("dmg", words).output().expect("the program runs");
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let object: Value = serde_json::from_str(&dmg(&["-j", "storage", "query", "usage"])).expect("one JSON object");
    let storage = &object["response"]["HostStorage"]["0"]["storage"];
    let bytes = |part: &str| storage["engine"][part]["total_bytes"].as_u64().expect("a number");
    let all = bytes("pool_meta") + bytes("pool_data");
    assert!((1_000_000_000..=1 << 30).contains(&all) && bytes("pool_memory") == 0, "{storage}");
    assert!(dmg(&["storage", "scan"]).contains(system.path().to_str().expect("text")));
}
