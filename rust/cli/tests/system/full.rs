//! Engines whose disks are full.

use crate::cluster::Cluster;
use crate::leader::{is_complete, leader};
use crate::load::{Load, Outcome};
use crate::ranks::states;
use crate::storms::assert_documented;
use crate::support::wait_until;

/// What an engine's disk holds: its pools, and something to spare.
const DISK_MEGABYTES: u64 = 400;
/// All of an engine's directory.
const ALL: &str = "";
/// Where an engine keeps its replica of the metadata, and a disk for that.
const REPLICA: &str = "target-0/system";
const REPLICA_MEGABYTES: u64 = 16;
/// The bytes of an attribute that goes to a place of its own, for which there has to be room at once.
const LONG: usize = 40_000;

/// A system of three engines with small disks, all of which keep the metadata, and a pool.
fn three_engines() -> Option<Cluster> {
    let mut cluster = Cluster::on_wire(3, 3)?;
    (0..3).for_each(|number| cluster.set_disk(number, ALL, DISK_MEGABYTES));
    cluster.start_all();
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "300MiB"]);
    Some(cluster)
}

/// What failed, failed for lack of space, and nothing that was acknowledged is lost.
fn assert_only_full(outcome: &Outcome) {
    assert!(outcome.calls.iter().all(|calls| *calls > 0) && outcome.wrong.is_empty(), "{outcome:?}");
    let is_full = |sentence: &String| sentence.contains("DER_NOSPACE");
    assert!(outcome.failures.iter().flatten().all(is_full), "{outcome:?}");
}

/// A pool that has no room on a full disk is refused with a sentence; the engine, and the pools that are there, go on.
fn assert_no_room(cluster: &Cluster) {
    let sentence = cluster.fail("dmg", &["pool", "create", "more", "--size", "100MiB"]);
    assert!(sentence.contains("DER_NOSPACE"), "{sentence}");
}

/// The disk of an engine fills up that does not lead: pools have their space and go on, new ones are refused, also after the engine was
/// killed and started again; when there is room again, all is as before.
#[test]
fn an_engine_with_a_full_disk_serves_the_pools_that_it_has() {
    let Some(mut cluster) = three_engines() else { return };
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(10, 200);
    let first = leader(&cluster).expect("one leads");
    let full = (0..3).find(|number| *number != first).expect("there are others");
    let rank = cluster.engines[full].as_ref().expect("runs").rank();
    cluster.fill_disk(full, ALL);
    load.goes_on(10, 300);
    assert_no_room(&cluster);
    let outcome = load.finish();
    assert_only_full(&outcome);
    cluster.kill(full);
    assert_eq!(cluster.start(full).rank(), rank);
    wait_until("all serve", || states(&cluster) == ["joined"; 3]);
    let load = Load::start(&cluster, cluster.client_machine(0), "again");
    load.goes_on(10, 300);
    assert_no_room(&cluster);
    cluster.free_disk(full, ALL);
    cluster.succeed("dmg", &["pool", "create", "more", "--size", "100MiB"]);
    load.goes_on(10, 300);
    assert_only_full(&load.finish());
}

/// The disk of the engine that leads fills up: the metadata has its space, or another one leads that has some.
#[test]
fn a_leader_with_a_full_disk_is_no_obstacle() {
    let Some(cluster) = three_engines() else { return };
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(10, 200);
    cluster.fill_disk(leader(&cluster).expect("one leads"), ALL);
    load.goes_on(50, 500);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "while", "full"]);
    assert!(cluster.succeed("daos", &["pool", "get-attr", "tank", "while"]).contains("full"));
    assert_only_full(&load.finish());
}

/// Why a rank does not do all that it should, as the system says.
fn trouble(cluster: &Cluster, rank: u64) -> String {
    let answer = cluster.response("dmg", &["system", "query", "--ranks", &rank.to_string()]);
    answer["members"][0]["info"].as_str().expect("text").to_owned()
}

fn set_long(cluster: &Cluster, name: &str) {
    cluster.succeed("daos", &["pool", "set-attr", "tank", name, &"x".repeat(LONG)]);
}

/// The store of the replica that leads has no room, though engine and pools have. Another one leads, no call fails for it, and the system
/// says what ails the rank. When there is room again it catches up: it is needed soon.
#[test]
fn a_replica_without_room_lets_another_one_lead_and_catches_up() {
    let Some(mut cluster) = Cluster::on_wire(3, 3) else { return };
    (0..3).for_each(|number| cluster.set_disk(number, REPLICA, REPLICA_MEGABYTES));
    cluster.start_all();
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "300MiB"]);
    let load = Load::start(&cluster, cluster.client_machine(0), "load");
    load.goes_on(10, 100);
    let full = leader(&cluster).expect("one leads");
    let rank = cluster.engines[full].as_ref().expect("runs").rank();
    assert_eq!(trouble(&cluster, rank), "");
    cluster.fill_disk(full, REPLICA);
    (0..4).for_each(|number| set_long(&cluster, &format!("long-{number}")));
    assert_ne!(leader(&cluster), Some(full));
    wait_until("the system says so", || trouble(&cluster, rank).contains("DER_NOSPACE"));
    load.goes_on(20, 100);
    cluster.free_disk(full, REPLICA);
    wait_until("the system says so", || trouble(&cluster, rank).is_empty());
    let next = leader(&cluster).expect("one leads");
    let gone = cluster.engines[next].as_ref().expect("runs").rank();
    cluster.kill(next);
    set_long(&cluster, "last");
    for name in ["long-0", "long-3", "last"] {
        assert!(cluster.succeed("daos", &["pool", "get-attr", "tank", name]).contains(&"x".repeat(LONG)), "{name}");
    }
    load.goes_on(20, 100);
    // What it holds can be read again.
    cluster.start(next);
    wait_until("all serve", || states(&cluster) == ["joined"; 3]);
    wait_until("all is in use", || cluster.response("dmg", &["pool", "query", "tank"])["disabled_targets"] == 0);
    assert_documented(&load.finish(), &[gone]);
}
