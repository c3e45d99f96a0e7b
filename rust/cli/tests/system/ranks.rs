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

/// The words that scripts for upstream use to choose ranks and to be told about them.
#[test]
fn ranks_are_chosen_by_number_host_and_state() {
    let mut cluster = Cluster::running(3);
    let ranks = |words: &[&str]| -> Vec<u64> {
        let answer = cluster.response("dmg", &[&["system", "query"], words].concat());
        answer["members"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|member| member["rank"].as_u64().expect("a number"))
            .collect()
    };
    let place = |rank: u64| cluster.control(cluster.with_rank(rank));
    assert_eq!(ranks(&["--ranks", "0,2"]), [0, 2]);
    assert_eq!(ranks(&["--rank-hosts", &format!("{},{}", place(2), place(1))]), [1, 2]);
    assert_eq!(ranks(&["--rank-hosts", "127.0.0.1"]), [0, 1, 2]);
    assert_eq!(ranks(&["--not-ok"]), [0; 0]);
    assert_eq!(cluster.succeed("dmg", &["system", "query", "--not-ok"]), "Query matches no ranks in system\n");
    let stopped = cluster.response("dmg", &["system", "stop", "--rank-hosts", &place(2)]);
    let result = &stopped["Results"][0];
    assert_eq!((&result["Rank"], &result["Action"], &result["state"]), (&2.into(), &"stop".into(), &"stopped".into()));
    assert_eq!((&result["Errored"], &result["Addr"]), (&false.into(), &place(2).into()));
    assert_eq!((ranks(&["--not-ok"]), ranks(&["--with-states", "Joined,errored"])), (vec![2], vec![0, 1]));
    let text = cluster.succeed("dmg", &["system", "start", "--ranks", "2"]);
    assert_eq!(text, "Rank  Operation  Result  State\n2     start      OK      Joined\n");
    // What is not there is said beside what is.
    let output = cluster.run("dmg", &["system", "query", "--ranks", "1,7-8", "--json"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((output.status.code(), &object["response"]["absentranks"]), (Some(1), &"7-8".into()));
    assert_eq!(object["response"]["members"][0]["rank"], 1);
    let output = cluster.run("dmg", &["system", "query", "--ranks", "1,7"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("7     Unknown Rank"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the system has no rank 7"), "{output:?}");
    let sentence = cluster.fail("dmg", &["system", "stop", "--rank-hosts", "127.0.0.1:1"]);
    assert!(sentence.contains("no ranks at 127.0.0.1:1"), "{sentence}");
    // One that is out is left out when that is said.
    cluster.succeed("dmg", &["system", "exclude", "--ranks", "1"]);
    let started = cluster.response("dmg", &["system", "start", "--ranks", "1,2", "--ignore-admin-excluded"]);
    assert_eq!(started["Results"].as_array().map(Vec::len), Some(1), "{started}");
    assert_eq!(cluster.succeed("dmg", &["system", "leader-query", "-N"]), "Unavailable  none\n");
    let number = cluster.with_rank(2);
    cluster.stop(number);
}

/// Sizes of tiers are those of each rank, as upstream has them, and what is asked about a pool is shown.
#[test]
fn pools_are_made_by_tiers_and_shown_as_scripts_ask() {
    let cluster = Cluster::running(2);
    let sizes = ["--scm-size", "128MiB", "-n", "384MiB", "--tier-ratio", "6,94"];
    cluster.succeed("dmg", &[&["pool", "create", "tank"][..], &sizes].concat());
    let total = |pool: &str| {
        let info = cluster.response("dmg", &["pool", "query", pool]);
        info["tier_stats"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tier| tier["total"].as_u64().expect("a number"))
            .sum::<u64>()
    };
    assert!((1000 << 20..=1024 << 20).contains(&total("tank")), "{}", total("tank"));
    cluster
        .succeed("dmg", &["pool", "create", "one", "--meta-size", "128MiB", "--data-size", "384MiB", "--ranks", "1"]);
    assert!((500 << 20..=512 << 20).contains(&total("one")), "{}", total("one"));
    let text =
        cluster.succeed("dmg", &["pool", "query", "one", "--show-enabled", "--show-disabled", "--no-self-heal-check"]);
    assert!(
        text.contains("Enabled ranks              1\n") && text.contains("Disabled ranks             none\n"),
        "{text}"
    );
    let healthy = cluster.response("dmg", &["pool", "query", "-t", "tank"]);
    assert_eq!((&healthy["tier_stats"], &healthy["enabled_ranks"]), (&Value::Null, &"0-1".into()));
    assert!(!cluster.succeed("dmg", &["pool", "query", "--health-only", "tank"]).contains(" free of "));
    cluster.succeed("dmg", &["pool", "exclude", "tank", "--ranks", "1", "--force"]);
    assert!(cluster.succeed("daos", &["pool", "query", "tank"]).contains("Disabled ranks             1\n"));
    let listed = |words: &[&str]| cluster.response("dmg", words)["pools"].as_array().map(Vec::len);
    assert_eq!((listed(&["pool", "list", "-r"]), listed(&["system", "list-pools", "-n"])), (Some(0), Some(2)));
    cluster.succeed("dmg", &["--allow-proxy", "-J", "pool", "list", "--verbose"]);
    // A part of what is free, which both engines share.
    let usage = cluster.response("dmg", &["storage", "query", "usage"]);
    let engine = |rank: &str| usage["HostStorage"][rank]["storage"]["engine"].clone();
    let promised = |rank: &str| {
        let free = |part: &str| engine(rank)[part]["free_bytes"].as_u64().expect("bytes");
        free("pool_meta") + free("pool_data")
    };
    let room = engine("0")["avail_bytes"].as_u64().expect("bytes") - promised("0") - promised("1");
    cluster.succeed("dmg", &["pool", "create", "part", "--size", "4%"]);
    // A full pool takes more than its size, and others of this machine take and free gigabytes meanwhile.
    let part = room / 100 * 4;
    assert!((part / 3..=part / 2 * 3).contains(&total("part")), "{} of {room}: {usage}", total("part"));
    let sentence = cluster.fail("dmg", &["pool", "create", "memory", "--size", "4%", "--durability", "ram"]);
    assert!(sentence.contains("--size in bytes"), "{sentence}");
    cluster.succeed("dmg", &["pool", "destroy", "part"]);
    // A rank that is out of the system has no part, and none is counted for it.
    cluster.succeed("dmg", &["system", "exclude", "--ranks", "1"]);
    cluster.succeed("dmg", &["pool", "create", "left", "--scm-size", "128MiB", "-n", "384MiB"]);
    assert!((500 << 20..=512 << 20).contains(&total("left")), "{}", total("left"));
}

/// A rank is drained in all pools that are on it, at once: a pool that cannot do without it is an error beside the others.
#[test]
fn a_rank_is_drained_and_reintegrated_in_all_its_pools() {
    let cluster = Cluster::running(2);
    for (pool, ranks) in [("both", "0,1"), ("first", "0"), ("other", "1")] {
        cluster.succeed("dmg", &["pool", "create", pool, "--size", "256MiB", "--ranks", ranks]);
    }
    let sentence = cluster.fail("dmg", &["system", "drain"]);
    assert!(sentence.contains("--ranks or --rank-hosts"), "{sentence}");
    let disabled = |pool: &str| cluster.response("dmg", &["pool", "query", pool])["disabled_targets"].as_u64();
    // What comes of 'pool drain' for each.
    let output = cluster.run("dmg", &["system", "drain", "--ranks", "1", "--json"]);
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let responses = object["response"]["responses"].as_array().expect("a list");
    let ids: Vec<&str> = responses.iter().map(|one| one["id"].as_str().expect("text")).collect();
    assert!(ids.len() == 2 && !ids.contains(&"first"), "{object}");
    let of_both = responses.iter().find(|one| one["id"] == "both").expect("it is on the rank");
    assert_eq!(
        (&of_both["results"][0]["rank"], &of_both["results"][0]["errored"]),
        (&1.into(), &false.into()),
        "{object}"
    );
    let of_other = responses.iter().find(|one| one["id"] == "other").expect("it is on the rank");
    let (errored, msg) = (&of_other["results"][0]["errored"], &of_other["results"][0]["msg"]);
    assert!(*errored == true && msg.as_str().is_some_and(|msg| !msg.is_empty()), "{object}");
    assert_eq!((disabled("both"), disabled("first"), disabled("other")), (Some(2), Some(0), Some(0)));
    assert_eq!(output.status.code(), Some(1), "{object}");
    assert!(object["error"].as_str().is_some_and(|error| error.contains("pool other: ")), "{object}");
    let text = cluster.succeed("dmg", &["system", "reint", "--ranks", "1"]);
    assert!(text.starts_with("Pool ") && text.contains("both") && !text.contains("FAIL"), "{text}");
    assert_eq!((disabled("both"), disabled("other")), (Some(0), Some(0)));
}
