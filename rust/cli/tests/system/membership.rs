//! Engines look after each other.

use crate::cluster::Cluster;
use crate::ranks::states;
use crate::support::{signal, wait_until};

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
