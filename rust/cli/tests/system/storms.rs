//! Systems whose engines have a machine each, under load: engines are stopped in their tracks and killed, the network is cut, and
//! clients keep working as documented.

use crate::cluster::Cluster;
use crate::leader::is_complete;
use crate::load::{Load, Outcome};
use crate::ranks::states;
use crate::support::wait_until;

/// A system of three engines, all of which keep the metadata, with a pool.
fn three_engines() -> Option<Cluster> {
    let mut cluster = Cluster::on_wire(3, 3)?;
    cluster.start_all();
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "2GiB"]);
    Some(cluster)
}

/// Nothing that was acknowledged is lost, no call of metadata has failed, and values only on the ranks that were away.
fn assert_documented(outcome: &Outcome, away: &[u64]) {
    assert!(outcome.calls.iter().all(|calls| *calls > 0) && outcome.wrong.is_empty(), "{outcome:?}");
    assert!(outcome.failures[0].is_empty(), "{outcome:?}");
    let names_one = |sentence: &String| away.iter().any(|rank| sentence.contains(&format!("rank {rank} ")));
    assert!(outcome.failures[1].iter().all(names_one), "{outcome:?}");
}

/// One packet in ten is lost, some come twice, some late: everything takes longer, and nothing fails.
#[test]
fn a_network_that_loses_doubles_and_swaps_packets_is_only_slow() {
    let Some(cluster) = three_engines() else { return };
    cluster.wire().set_weather(100, 20, 50);
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(30, 300);
    cluster.wire().set_weather(0, 0, 0);
    assert!(cluster.wire().counts().iter().all(|count| *count > 0), "{:?}", cluster.wire().counts());
    load.goes_on(20, 500);
    assert_documented(&load.finish(), &[]);
}

/// Each engine in turn is killed and started again, the one that leads among them: what was acknowledged is there.
#[test]
fn engines_that_are_killed_in_turn_lose_nothing() {
    let Some(mut cluster) = three_engines() else { return };
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(20, 200);
    for number in 0..3 {
        cluster.kill(number);
        load.goes_on(10, 0);
        cluster.start(number);
        wait_until("all serve", || states(&cluster) == ["joined"; 3]);
        load.goes_on(10, 200);
    }
    assert_documented(&load.finish(), &[0, 1, 2]);
}
