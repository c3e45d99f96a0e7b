//! Engines look after each other.

use crate::cluster::{Cluster, text};
use crate::ranks::states;
use crate::support::{assert_same, signal, wait_until};

/// An engine that is stopped in its tracks keeps its connections, and answers nobody: it is excluded, and nobody else is. When it goes on
/// it is told so, joins again by itself, and serves what it held.
#[test]
fn an_engine_that_is_stopped_in_its_tracks_is_excluded_and_comes_back() {
    let mut cluster = Cluster::running(4);
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("daos", &["cont", "create", "tank", "home"]);
    let number = cluster.with_rank(2);
    let process = cluster.engines[number].as_ref().expect("runs").process();
    signal(process, "STOP");
    wait_until("the stopped engine is excluded", || states(&cluster) == ["joined", "joined", "excluded", "joined"]);
    // Nobody follows it.
    assert_eq!(states(&cluster), ["joined", "joined", "excluded", "joined"]);
    signal(process, "CONT");
    wait_until("the engine has joined again", || states(&cluster) == ["joined"; 4]);
    wait_until("it was told", || cluster.log(number).contains("it joins again"));
    wait_until("it answers", || cluster.run("dmg", &["pool", "query", "tank"]).status.success());
    assert!(cluster.engines[number].as_ref().expect("runs").process() == process, "the same process");
    cluster.stop(number);
    assert_eq!(states(&cluster), ["joined", "joined", "stopped", "joined"], "who says good-bye is not taken for dead");
    assert_eq!(cluster.start(number).rank(), 2);
}

/// A rank that is taken out goes out of the maps of its pools: what only it holds is answered at once, with its number, and the rest is
/// served. When it is back, everything is.
#[test]
fn what_an_excluded_rank_holds_is_answered_with_its_number() {
    let mut cluster = Cluster::running(3);
    let from = cluster.fill("home");
    let version = |cluster: &Cluster| cluster.response("dmg", &["pool", "query", "tank"])["version"].as_u64();
    let before = version(&cluster);
    cluster.succeed("dmg", &["system", "exclude", "--ranks", "2"]);
    assert!(version(&cluster) > before, "{before:?}");
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!(info["disabled_targets"], 2, "{info}");
    let to = cluster.scratch("to");
    let sentence = cluster.fail("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert!(sentence.contains("rank 2 is out of use"), "{sentence}");
    let number = cluster.with_rank(2);
    cluster.stop(number);
    cluster.succeed("dmg", &["system", "clear-exclude", "--ranks", "2"]);
    assert_eq!(cluster.start(number).rank(), 2);
    cluster.succeed("daos", &["fs", "copy", "daos://tank/home/x", &text(&to)]);
    assert_same(&from, &to);
    let info = cluster.response("dmg", &["pool", "query", "tank"]);
    assert_eq!(info["disabled_targets"], 0, "{}\n\n{}", cluster.log(0), cluster.log(number));
}
