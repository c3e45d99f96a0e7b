//! Which of the dead are excluded.

use daos_membership::{ExclusionSettings, Exclusions, Member, SystemView, Verdict};
use daos_types::Rank;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

fn dead(rank: u32, incarnation: u64) -> Member {
    Member { rank: Rank(rank), incarnation }
}

fn view(serving: impl IntoIterator<Item = u32>, replicas: impl IntoIterator<Item = u32>) -> SystemView {
    SystemView {
        serving: serving.into_iter().map(Rank).collect(),
        replicas: replicas.into_iter().map(Rank).collect(),
        own: Rank(0),
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn one_dead_rank_is_excluded_once() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    let mut system = view(0..5, [0]);
    assert!(matches!(exclusions.decide(at(0), &system), Verdict::Wait(_)));
    exclusions.note_dead(at(0), dead(3, 7));
    assert_eq!(exclusions.decide(at(3), &system), Verdict::Exclude(vec![Rank(3)]));
    system.serving.remove(&Rank(3));
    assert!(matches!(exclusions.decide(at(4), &system), Verdict::Wait(_)));
}

/// One that has said good-bye is dead at once, and its state comes a moment later.
#[test]
fn one_that_has_just_died_is_waited_for() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    exclusions.note_dead(at(10), dead(3, 7));
    assert!(matches!(exclusions.decide(at(11), &view(0..5, [0])), Verdict::Wait(_)));
    // Hearing it again does not begin anew.
    exclusions.note_dead(at(11), dead(3, 7));
    assert_eq!(exclusions.decide(at(12), &view(0..5, [0])), Verdict::Exclude(vec![Rank(3)]));
}

#[test]
fn one_that_lives_again_is_not_excluded() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    exclusions.note_dead(at(0), dead(3, 7));
    exclusions.note_alive(dead(3, 7));
    exclusions.note_alive(dead(3, 8));
    assert!(matches!(exclusions.decide(at(3), &view(0..5, [0])), Verdict::Wait(_)));
    // News of an older life that comes late changes nothing about a newer one that is dead.
    exclusions.note_dead(at(0), dead(3, 9));
    exclusions.note_alive(dead(3, 8));
    assert_eq!(exclusions.decide(at(3), &view(0..5, [0])), Verdict::Exclude(vec![Rank(3)]));
}

/// A test of real engines failed now and then: an engine that was killed and started again was excluded when it had just joined,
/// since news of its new life came after the time of its old one was over.
#[test]
fn one_that_has_joined_again_is_not_excluded_for_its_last_life() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    exclusions.note_dead(at(0), dead(3, 7));
    exclusions.note_joined(at(2), Rank(3));
    assert!(matches!(exclusions.decide(at(3), &view(0..5, [0])), Verdict::Wait(_)));
    // News of the old life that comes late, long before that of the new one.
    exclusions.note_dead(at(4), dead(3, 7));
    assert!(matches!(exclusions.decide(at(11), &view(0..5, [0])), Verdict::Wait(_)));
    exclusions.note_alive(dead(3, 8));
    assert!(matches!(exclusions.decide(at(13), &view(0..5, [0])), Verdict::Wait(_)));
    exclusions.note_dead(at(14), dead(3, 8));
    assert_eq!(exclusions.decide(at(16), &view(0..5, [0])), Verdict::Exclude(vec![Rank(3)]));
}

#[test]
fn no_more_than_a_share_goes_at_once() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    let mut system = view(0..12, [0]);
    for rank in 7..12 {
        exclusions.note_dead(at(0), dead(rank, 1));
    }
    assert_eq!(exclusions.decide(at(100), &system), Verdict::Exclude(vec![Rank(7), Rank(8), Rank(9)]));
    system.serving.retain(|rank| ![7, 8, 9].contains(&rank.0));
    assert!(matches!(exclusions.decide(at(130), &system), Verdict::Wait(_)));
    assert_eq!(exclusions.decide(at(160), &system), Verdict::Exclude(vec![Rank(10), Rank(11)]));
}

#[test]
fn one_that_is_cut_off_excludes_nobody() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    exclusions.note_dead(at(0), dead(1, 1));
    assert!(matches!(exclusions.decide(at(3), &view(0..2, [0])), Verdict::Wait(_)));
    exclusions.note_dead(at(0), dead(2, 1));
    assert!(matches!(exclusions.decide(at(3), &view(0..4, [0])), Verdict::Wait(_)));
}

#[test]
fn the_metadata_service_keeps_its_majority() {
    let mut exclusions = Exclusions::new(ExclusionSettings::default());
    let mut system = view(0..8, [0, 1, 2]);
    exclusions.note_dead(at(0), dead(1, 1));
    assert_eq!(exclusions.decide(at(3), &system), Verdict::Exclude(vec![Rank(1)]));
    system.serving.remove(&Rank(1));
    exclusions.note_dead(at(0), dead(2, 1));
    exclusions.note_dead(at(0), dead(6, 1));
    assert!(matches!(exclusions.decide(at(4), &system), Verdict::Wait(_)));
}

proptest! {
    /// Whatever dies in whatever order: never the one that decides, never half of the ranks, never the majority of replicas, never more
    /// than the share within a window.
    #[test]
    fn the_rules_hold(
        ranks in 1u32..40,
        replicas in proptest::collection::btree_set(0u32..5, 1..5),
        deaths in proptest::collection::vec((0u32..40, 0u64..90), 0..60),
    ) {
        let settings = ExclusionSettings::default();
        let mut exclusions = Exclusions::new(settings);
        let mut system = view(0..ranks, replicas.into_iter().filter(|rank| *rank < ranks));
        let mut done: Vec<(Duration, Rank)> = Vec::new();
        let mut gone = BTreeSet::new();
        let mut now = Duration::ZERO;
        for (rank, seconds) in deaths {
            now += at(seconds);
            exclusions.note_dead(now, dead(rank, 1));
            gone.insert(Rank(rank));
            if let Verdict::Exclude(excluded) = exclusions.decide(now, &system) {
                prop_assert!(!excluded.is_empty());
                let all_dead = gone.iter().filter(|rank| system.serving.contains(rank) && **rank != system.own).count();
                prop_assert!(2 * all_dead < system.serving.len());
                for rank in excluded {
                    prop_assert!(rank != system.own && gone.contains(&rank) && system.serving.remove(&rank));
                    done.push((now, rank));
                }
                let alive = system.replicas.iter().filter(|rank| system.serving.contains(rank) && !gone.contains(rank));
                prop_assert!(2 * alive.count() > system.replicas.len());
                let within = done.iter().filter(|(when, _)| now - *when < settings.window).count();
                prop_assert!(within <= (ranks as usize / 4).max(1));
            }
        }
    }
}
