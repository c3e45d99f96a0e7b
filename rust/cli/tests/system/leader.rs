//! A system whose metadata several engines keep: what becomes of it when the one that leads is gone.

use crate::cluster::Cluster;
use crate::support::wait_until;

/// Whether an engine says that all of them keep the metadata, and vote.
pub fn is_complete(cluster: &Cluster) -> bool {
    let count = cluster.engines.len();
    let ranks: Vec<String> = (0..count).map(|rank| format!("rank {rank}")).collect();
    let sentence = format!("replicas of the metadata: {}\n", ranks.join(", "));
    (0..count).any(|number| cluster.log(number).contains(&sentence))
}

/// The engine that has said last that it leads, and how many times that has been said.
pub fn leader(cluster: &Cluster) -> Option<usize> {
    const SENTENCE: &str = "this engine leads the metadata service, term ";
    let term = |number: &usize| -> u64 {
        let log = cluster.log(*number);
        let said = log.lines().filter_map(|line| line.split_once(SENTENCE)?.1.trim().parse().ok());
        said.max().unwrap_or(0)
    };
    let running = (0..cluster.engines.len()).filter(|number| cluster.engines[*number].is_some());
    running.max_by_key(term).filter(|number| term(number) > 0)
}

fn attribute(cluster: &Cluster, name: &str) -> String {
    cluster.succeed("daos", &["pool", "get-attr", "tank", name])
}

/// The first leader, and then the one after it, are killed: no attribute that was acknowledged is lost, and the next command
/// needs no help. Those that come back follow.
#[test]
fn killing_the_leader_loses_nothing_and_another_one_goes_on() {
    let mut cluster = Cluster::replicated(3);
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "first", "1"]);
    let first = cluster.with_rank(0);
    cluster.kill(first);
    assert!(attribute(&cluster, "first").contains('1'));
    cluster.succeed("daos", &["pool", "set-attr", "tank", "second", "2"]);
    cluster.start(first);
    let second = leader(&cluster).expect("one leads");
    assert_ne!(second, first);
    cluster.kill(second);
    for (name, value) in [("first", "1"), ("second", "2")] {
        assert!(attribute(&cluster, name).contains(value), "{name}");
    }
    cluster.succeed("daos", &["pool", "set-attr", "tank", "third", "3"]);
    cluster.start(second);
    assert!(attribute(&cluster, "third").contains('3'));
}

/// All of them are killed at once: they find each other again, though none knows where the others are.
#[test]
fn all_replicas_come_back_after_all_were_killed() {
    let mut cluster = Cluster::replicated(3);
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "kept", "1"]);
    (0..3).for_each(|number| cluster.kill(number));
    cluster.start_all();
    assert!(attribute(&cluster, "kept").contains('1'));
    (0..3).for_each(|number| cluster.stop(number));
    cluster.start_all();
    assert!(attribute(&cluster, "kept").contains('1'));
}

/// A leader that is told to end hands over: nobody waits for an election.
#[test]
fn a_leader_that_ends_in_good_order_hands_over() {
    let mut cluster = Cluster::replicated(3);
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    let first = cluster.with_rank(0);
    cluster.stop(first);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "name", "value"]);
    assert!((1..3).any(|number| cluster.log(number).contains("this engine leads the metadata service")));
}
