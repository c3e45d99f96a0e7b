//! Pools on some ranks, pools that grow, and targets that are taken out of use and back.

use crate::cluster::{Cluster, text};
use crate::support::{Tree, assert_same};
use serde_json::json;

/// Pools are on the ranks that are asked for.
#[test]
fn pools_are_made_on_some_ranks() {
    let cluster = Cluster::running(3);
    let made = cluster.response("dmg", &["pool", "create", "named", "--size", "1GiB", "--ranks", "0,2"]);
    assert_eq!(made["tgt_ranks"], json!([0, 2]), "{made}");
    assert_eq!((&made["svc_ldr"], &made["svc_reps"]), (&json!(0), &json!([0])));
    let info = cluster.response("dmg", &["pool", "query", "named"]);
    assert_eq!((&info["total_targets"], &info["enabled_ranks"]), (&json!(4), &json!("0,2")), "{info}");
    let made = cluster.response("dmg", &["pool", "create", "counted", "--size", "1GiB", "--nranks", "1"]);
    assert_eq!(made["tgt_ranks"], json!([1]), "the rank that no pool is on: {made}");
    let sentence = cluster.fail("dmg", &["pool", "create", "no", "--size", "1GiB", "--ranks", "7"]);
    assert!(sentence.contains("rank 7 does not serve"), "{sentence}");
    let sentence = cluster.fail("dmg", &["pool", "create", "no", "--size", "1GiB", "--nranks", "4"]);
    assert!(sentence.contains("4 ranks are asked for, and 3 serve"), "{sentence}");
    let sentence = cluster.fail("dmg", &["pool", "create", "no", "--size", "1GiB", "--nsvc", "3"]);
    assert!(sentence.contains("1 replicas in this system, not 3"), "{sentence}");
    cluster.succeed("daos", &["cont", "create", "named", "home", "--type", "POSIX"]);
    let (from, to) = (cluster.scratch("from"), cluster.scratch("to"));
    Tree::small().make(&from);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://named/home/x"]);
    cluster.succeed("daos", &["fs", "copy", "daos://named/home/x", &text(&to)]);
    assert_same(&from, &to);
}

/// What was stored before a pool grew is where it was, also for programs that knew the old map; new containers are larger.
#[test]
fn a_pool_grows_and_nothing_goes_out_of_sight() {
    let mut cluster = Cluster::running(3);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "512MiB", "--ranks", "0"]);
    cluster.succeed("daos", &["cont", "create", "tank", "old", "--type", "POSIX"]);
    let from = cluster.scratch("from");
    Tree::small().make(&from);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/old/x"]);
    let changed = cluster.response("dmg", &["pool", "extend", "tank", "--ranks", "1,2"]);
    assert_eq!((&changed["targets_changed"], &changed["version"]), (&json!(4), &json!(2)), "{changed}");
    let of_rank = |rank: u32| json!({ "rank": rank, "errored": false, "msg": "" });
    assert_eq!((&changed["id"], &changed["results"]), (&json!("tank"), &json!([of_rank(1), of_rank(2)])), "{changed}");
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!((&info["total_targets"], &info["disabled_targets"]), (&json!(6), &json!(0)), "{info}");
    assert_eq!(info["tier_stats"][0]["total"].as_u64().expect("bytes") % 6, 0, "all are of one size");
    cluster.succeed("daos", &["cont", "create", "tank", "new", "--type", "POSIX"]);
    for container in ["old", "new"] {
        cluster.succeed("daos", &["fs", "copy", &text(&from), &format!("daos://tank/{container}/y")]);
    }
    let sentence = cluster.fail("dmg", &["pool", "extend", "tank", "--ranks", "2"]);
    assert!(sentence.contains("is on rank 2 already"), "{sentence}");
    // The leader with all its memory goes; what it stored does not.
    let leader = cluster.with_rank(0);
    cluster.kill(leader);
    cluster.start(leader);
    for (number, path) in ["old/x", "old/y", "new/y"].iter().enumerate() {
        let to = cluster.scratch(&format!("to-{number}"));
        cluster.succeed("daos", &["fs", "copy", &format!("daos://tank/{path}"), &text(&to)]);
        assert_same(&from, &to);
    }
}

/// Targets with data cannot be drained; excluded ones keep what they hold, are not used by new containers, and come back when they are
/// taken back, not when their engine is started.
#[test]
fn targets_are_taken_out_and_back() {
    let mut cluster = Cluster::running(3);
    let from = cluster.fill("old");
    let sentence = cluster.fail("dmg", &["pool", "drain", "tank", "--ranks", "2"]);
    assert!(sentence.contains("moves no data"), "{sentence}");
    let said = cluster.succeed("dmg", &["pool", "exclude", "tank", "--ranks", "2"]);
    assert!(said.contains("2 targets of ranks 2 taken out") && said.contains("-DER_RF"), "{said}");
    let to = cluster.scratch("to");
    let sentence = cluster.fail("daos", &["fs", "copy", "daos://tank/old/x", &text(&to)]);
    assert!(sentence.contains("rank 2 is out of use"), "{sentence}");
    // Made without that rank, for good.
    cluster.succeed("daos", &["cont", "create", "tank", "new", "--type", "POSIX"]);
    cluster.succeed("daos", &["fs", "copy", &text(&from), "daos://tank/new/x"]);
    let number = cluster.with_rank(2);
    cluster.stop(number);
    cluster.start(number);
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!((&info["disabled_targets"], &info["disabled_ranks"]), (&json!(2), &json!("2")), "{info}");
    cluster.succeed("dmg", &["pool", "reintegrate", "tank", "--rank", "2"]);
    for container in ["old", "new"] {
        let to = cluster.scratch(&format!("to-{container}"));
        cluster.succeed("daos", &["fs", "copy", &format!("daos://tank/{container}/x"), &text(&to)]);
        assert_same(&from, &to);
    }
    // With the container that uses the rank gone, the rank can go.
    cluster.succeed("daos", &["cont", "destroy", "tank", "old"]);
    cluster.succeed("dmg", &["pool", "drain", "tank", "--ranks", "2"]);
    cluster.stop(number);
    let to = cluster.scratch("to-end");
    cluster.succeed("daos", &["fs", "copy", "daos://tank/new/x", &text(&to)]);
    assert_same(&from, &to);
}
