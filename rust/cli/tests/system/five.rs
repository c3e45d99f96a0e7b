//! A system of five engines, all of which keep the metadata: three of them are enough.

use crate::cluster::Cluster;
use crate::leader::{is_complete, leader};
use crate::load::Load;
use crate::ranks::states;
use crate::storms::assert_documented;
use crate::support::wait_until;

/// The one that leads is killed, and then the one that leads after it: metadata, and the values of those that live, go on under load. Both
/// come back, and hold what they held.
#[test]
fn five_engines_go_on_without_two_of_them() {
    let mut cluster = Cluster::replicated(5);
    wait_until("five replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(10, 100);
    let mut away = Vec::new();
    for _ in 0..2 {
        let number = leader(&cluster).expect("one leads");
        let rank = cluster.engines[number].as_ref().expect("it runs").rank();
        cluster.kill(number);
        away.push((number, rank));
        load.goes_on(10, 100);
    }
    wait_until("two are excluded", || states(&cluster).iter().filter(|state| *state == "joined").count() == 3);
    load.goes_on(10, 100);
    for (number, rank) in &away {
        assert_eq!(cluster.start(*number).rank(), *rank);
    }
    wait_until("all serve", || states(&cluster) == ["joined"; 5]);
    wait_until("all is in use", || cluster.response("dmg", &["pool", "query", "tank"])["disabled_targets"] == 0);
    load.goes_on(10, 200);
    let ranks: Vec<u64> = away.into_iter().map(|(_, rank)| rank).collect();
    assert_documented(&load.finish(), &ranks);
}
