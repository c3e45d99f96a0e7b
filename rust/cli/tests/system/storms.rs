//! Systems whose engines have a machine each, under load: engines are stopped in their tracks and killed, the network is cut, and
//! clients keep working as documented.

use crate::cluster::Cluster;
use crate::leader::{is_complete, leader};
use crate::load::{Load, Outcome};
use crate::ranks::states;
use crate::support::{signal, wait_until};

/// A system of three engines, all of which keep the metadata, with a pool.
fn three_engines() -> Option<Cluster> {
    let mut cluster = Cluster::on_wire(3, 3)?;
    cluster.start_all();
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "2GiB"]);
    Some(cluster)
}

/// Nothing that was acknowledged is lost, no call of metadata has failed, and values only on the ranks that were away.
pub fn assert_documented(outcome: &Outcome, away: &[u64]) {
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

/// Waits until all ranks serve, and hold what they should.
fn wait_until_whole(cluster: &Cluster) {
    wait_until("all serve", || states(cluster) == ["joined"; 3]);
    wait_until("all is in use", || cluster.response("dmg", &["pool", "query", "tank"])["disabled_targets"] == 0);
}

/// The one that leads is stopped in its tracks: its connections stay, and it says nothing. Another one leads, and no call fails
/// for that; when it goes on, nobody hears what it believed meanwhile.
#[test]
fn a_leader_that_is_stopped_in_its_tracks_is_replaced_under_load() {
    let Some(cluster) = three_engines() else { return };
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(20, 200);
    let old = leader(&cluster).expect("one leads");
    let (rank, process) = cluster.engines[old].as_ref().map(|engine| (engine.rank(), engine.process())).expect("runs");
    cluster.succeed("daos", &["pool", "set-attr", "tank", "which", "before"]);
    signal(process, "STOP");
    load.goes_on(20, 0);
    assert_ne!(leader(&cluster), Some(old));
    cluster.succeed("daos", &["pool", "set-attr", "tank", "which", "after"]);
    signal(process, "CONT");
    for _ in 0..5 {
        let mut read = cluster.program("daos", &["pool", "get-attr", "tank", "which"]);
        let output = read.env("DAOS_ACCESS_POINTS", cluster.control(old)).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("after"), "{output:?}");
    }
    wait_until("the old leader knows", || cluster.log(old).contains("leads the metadata service no more"));
    wait_until_whole(&cluster);
    load.goes_on(20, 500);
    assert_documented(&load.finish(), &[rank]);
}

/// The network is cut in two. The half that has the majority goes on, with another leader; on the other side, where the old one is, calls
/// wait, or fail with a sentence. When the network is whole again, so is the system.
#[test]
fn a_network_that_is_cut_in_two_goes_on_where_the_majority_is() {
    let Some(cluster) = three_engines() else { return };
    let (large, small) = (cluster.client_machine(0), cluster.client_machine(1));
    let load = Load::start(&cluster, large, "load");
    load.goes_on(20, 200);
    let old = leader(&cluster).expect("one leads");
    let rank = cluster.engines[old].as_ref().expect("runs").rank();
    cluster.wire().cut(&[old, small]);
    load.goes_on(20, 0);
    assert_ne!(leader(&cluster), Some(old));
    wait_until("the old leader knows", || cluster.log(old).contains("leads the metadata service no more"));
    // Nobody there answers for the system.
    let output = cluster.program_on(small, "daos", &["cont", "create", "tank", "minority"]).output().expect("runs");
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(sentence.contains("nobody leads the metadata service") && sentence.contains("have to run"), "{sentence}");
    cluster.wire().heal();
    wait_until_whole(&cluster);
    let output = cluster.program_on(small, "daos", &["cont", "create", "tank", "minority"]).output().expect("runs");
    assert!(output.status.success(), "{output:?}");
    load.goes_on(20, 500);
    assert_documented(&load.finish(), &[rank]);
}

/// A handle that is taken away is not good for long at an engine that is cut off and does not hear of it.
#[test]
fn handles_that_were_taken_away_end_also_where_nobody_says_so() {
    let Some(cluster) = three_engines() else { return };
    cluster.succeed("dmg", &["pool", "create", "side", "--size", "1GiB"]);
    let small = cluster.client_machine(1);
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    let side = Load::start_in(&cluster, small, "side", "side");
    load.goes_on(10, 100);
    side.goes_on(10, 200);
    let old = leader(&cluster).expect("one leads");
    cluster.wire().cut(&[old, small]);
    load.goes_on(10, 0);
    cluster.succeed("dmg", &["pool", "evict", "side"]);
    wait_until("its time is over", || cluster.log(old).contains("not heard of for long"));
    // What is under way, and what the client has not said.
    let (most, before) = (64, side.data());
    load.goes_on(50, 0);
    assert!(side.data() <= before + most, "{before} {}", side.data());
    cluster.wire().heal();
    wait_until_whole(&cluster);
    let outcome = side.finish();
    assert!(outcome.failures[1].iter().any(|sentence| sentence.contains("DER_NO_HDL")), "{outcome:?}");
    assert_documented(&load.finish(), &[0, 1, 2]);
}
