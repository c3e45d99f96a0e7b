//! What an administrator does to ranks.

use crate::cluster::Cluster;
use serde_json::Value;

/// The states by rank.
pub fn states(cluster: &Cluster) -> Vec<String> {
    let answer = cluster.response("dmg", &["system", "query"]);
    let members = answer["members"].as_array().expect("a list");
    let mut states: Vec<(u64, String)> = members
        .iter()
        .map(|member| (member["rank"].as_u64().expect("a number"), member["state"].as_str().expect("text").to_owned()))
        .collect();
    states.sort();
    states.into_iter().map(|(_, state)| state).collect()
}

#[test]
fn ranks_are_stopped_started_and_excluded() {
    let mut cluster = Cluster::running(3);
    assert_eq!(states(&cluster), ["joined", "joined", "joined"]);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("dmg", &["system", "stop", "--ranks", "2"]);
    assert_eq!(states(&cluster), ["joined", "joined", "stopped"]);
    cluster.succeed("daos", &["cont", "create", "tank", "meanwhile"]);
    cluster.succeed("dmg", &["system", "start", "--ranks", "2"]);
    assert_eq!(states(&cluster), ["joined", "joined", "joined"]);
    // All of it, and back: what was made is there.
    cluster.succeed("dmg", &["system", "stop"]);
    assert_eq!(states(&cluster), ["stopped", "stopped", "stopped"]);
    let sentence = cluster.fail("daos", &["cont", "list", "tank"]);
    assert!(sentence.contains("was stopped") && sentence.contains("dmg system start"), "{sentence}");
    let sentence = cluster.fail("dmg", &["system", "start", "--ranks", "1"]);
    assert!(sentence.contains("rank 0"), "the one that leads comes first: {sentence}");
    cluster.succeed("dmg", &["system", "start"]);
    assert_eq!(states(&cluster), ["joined", "joined", "joined"]);
    assert_eq!(cluster.response("daos", &["cont", "list", "tank"])[0]["label"], "meanwhile");
    // An excluded rank does not come back by itself, not even by a restart.
    let leader = cluster.with_rank(0);
    let said = cluster.log(leader).matches("rank 1 has stopped").count();
    cluster.succeed("dmg", &["system", "exclude", "--ranks", "1"]);
    assert_eq!(states(&cluster), ["joined", "adminexcluded", "joined"]);
    let sentence = cluster.fail("dmg", &["system", "start", "--ranks", "1"]);
    assert!(sentence.contains("clear-exclude"), "{sentence}");
    let number = cluster.with_rank(1);
    // The process goes on, says once that it has stopped, and serves again when it may.
    (0..20).for_each(|_| assert_eq!(states(&cluster)[1], "adminexcluded"));
    let says = cluster.log(leader).matches("rank 1 has stopped").count() - said;
    assert!(says <= 1, "it is told to stop again and again: it has said {says} times that it did");
    cluster.succeed("dmg", &["system", "clear-exclude", "--ranks", "1"]);
    cluster.succeed("dmg", &["system", "start"]);
    assert_eq!(states(&cluster), ["joined", "joined", "joined"]);
    cluster.succeed("dmg", &["system", "exclude", "--ranks", "1"]);
    cluster.stop(number);
    let output = cluster.server(number, &[]).output().expect("the program runs");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(object["error"].as_str().expect("text").contains("clear-exclude"), "{object}");
    cluster.succeed("dmg", &["system", "clear-exclude", "--ranks", "1"]);
    assert_eq!(cluster.start(number).rank(), 1);
    assert_eq!(states(&cluster), ["joined", "joined", "joined"]);
    // What cannot be meant, or cannot be done, is said.
    for (words, part) in [
        (&["exclude", "--ranks", "0"][..], "leads"),
        (&["exclude"], "name the ranks"),
        (&["stop", "--ranks", "7"], "no rank 7"),
    ] {
        let sentence = cluster.fail("dmg", &[&["system"], words].concat());
        assert!(sentence.contains(part), "{sentence}");
    }
    cluster.stop(number);
    assert_eq!(states(&cluster), ["joined", "stopped", "joined"]);
    let sentence = cluster.fail("dmg", &["system", "start"]);
    assert!(sentence.contains("rank 1: its process does not run"), "{sentence}");
}
