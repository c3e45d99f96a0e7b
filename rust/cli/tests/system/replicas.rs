//! What an administrator does to ranks that keep the system's metadata.

use crate::cluster::Cluster;
use crate::leader::{is_complete, leader};
use crate::ranks::states;
use crate::support::wait_until;

fn system(cluster: &Cluster, words: &[&str]) -> String {
    cluster.succeed("dmg", &[&["system"], words].concat())
}

/// The rank that leads.
fn leading_rank(cluster: &Cluster) -> u64 {
    let number = leader(cluster).expect("one leads");
    cluster.engines[number].as_ref().expect("runs").rank()
}

/// A system of three replicas is stopped and started as a whole and in parts: never so far that nobody could lead, unless that is wanted.
#[test]
fn ranks_that_keep_the_metadata_are_stopped_and_started() {
    let cluster = Cluster::replicated(3);
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    system(&cluster, &["stop"]);
    assert_eq!(states(&cluster), ["stopped"; 3]);
    let sentence = cluster.fail("daos", &["cont", "list", "tank"]);
    assert!(sentence.contains("was stopped") && sentence.contains("dmg system start"), "{sentence}");
    system(&cluster, &["start"]);
    assert_eq!(states(&cluster), ["joined"; 3]);
    system(&cluster, &["stop", "--ranks", "1"]);
    assert_eq!(states(&cluster), ["joined", "stopped", "joined"]);
    cluster.succeed("daos", &["cont", "create", "tank", "meanwhile"]);
    for action in ["stop", "exclude"] {
        let sentence = cluster.fail("dmg", &["system", action, "--ranks", "2"]);
        assert!(sentence.contains("start rank 1 first") || sentence.contains("leads"), "{sentence}");
    }
    system(&cluster, &["start", "--ranks", "1"]);
    assert_eq!(states(&cluster), ["joined"; 3]);
    // By force, and back.
    system(&cluster, &["stop", "--ranks", "1,2", "--force"]);
    system(&cluster, &["start", "--ranks", "1,2"]);
    assert_eq!(states(&cluster), ["joined"; 3]);
    assert_eq!(cluster.response("daos", &["cont", "list", "tank"])[0]["label"], "meanwhile");
}

/// The one that leads is stopped, and excluded: another one leads before that.
#[test]
fn the_one_that_leads_hands_over_before_it_is_stopped_or_excluded() {
    let cluster = Cluster::replicated(3);
    wait_until("three replicas", || is_complete(&cluster));
    cluster.succeed("dmg", &["pool", "create", "tank", "--size", "1GiB"]);
    let rank = leading_rank(&cluster).to_string();
    system(&cluster, &["stop", "--ranks", &rank]);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "name", "1"]);
    assert_ne!(leading_rank(&cluster).to_string(), rank);
    system(&cluster, &["start", "--ranks", &rank]);
    assert_eq!(states(&cluster), ["joined"; 3]);
    let rank = leading_rank(&cluster).to_string();
    system(&cluster, &["exclude", "--ranks", &rank]);
    cluster.succeed("daos", &["pool", "set-attr", "tank", "name", "2"]);
    assert_ne!(leading_rank(&cluster).to_string(), rank);
    assert_eq!(states(&cluster).iter().filter(|state| *state == "adminexcluded").count(), 1);
    system(&cluster, &["clear-exclude", "--ranks", &rank]);
    system(&cluster, &["start", "--ranks", &rank]);
    assert_eq!(states(&cluster), ["joined"; 3]);
}
