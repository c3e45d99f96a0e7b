//! What is stored without redundancy stays where it is, whatever becomes of the pool.

mod common;

use common::{map, object, objects, ranks, targets};
use daos_placement::{NewRank, PoolMap, ShardState, TargetEvent, TargetState, View, place, runs_of};
use daos_types::Rank;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn layouts(view: &View, name: &str) -> Vec<Vec<u32>> {
    objects(40, name).map(|object| targets(&view.place(object).expect("it fits"))).collect()
}

#[test]
fn a_view_of_everything_is_the_pool_itself() {
    let pool = map(&ranks(0, &[8; 5]));
    let view = pool.view(pool.version(), &[]).expect("all");
    for object in objects(200, "S4").chain(objects(20, "RP_3G1")).chain(objects(5, "SX")) {
        assert_eq!(view.place(object), place(&pool, object));
    }
}

#[test]
fn a_container_that_is_older_than_new_ranks_does_not_use_them() {
    let pool = map(&ranks(0, &[4; 3]));
    let grown = pool.extend(&ranks(3, &[4; 3]), TargetState::UpIn).expect("more");
    for old in [0, pool.version()] {
        let view = grown.view(old, &[]).expect("the first targets");
        for name in ["S1", "S2", "SX"] {
            let before: Vec<_> =
                objects(40, name).map(|object| targets(&place(&pool, object).expect("fits"))).collect();
            assert_eq!(layouts(&view, name), before, "{name}");
        }
        assert!(!grown.is_used_since(old, &[], 12) && grown.is_used_since(old, &[], 11));
    }
    let new = layouts(&grown.view(grown.version(), &[]).expect("all"), "S2");
    assert!(new.iter().flatten().any(|target| *target >= 12), "what is new uses what is new");
}

#[test]
fn an_object_on_all_targets_has_each_that_is_not_avoided_once() {
    let pool = map(&ranks(0, &[4; 4]));
    let avoided = runs_of([1, 8, 9, 10, 11]);
    let view = pool.view(pool.version(), &avoided).expect("some are left");
    let every: BTreeSet<u32> = (0..16).filter(|target| ![1, 8, 9, 10, 11].contains(target)).collect();
    for object in objects(20, "SX") {
        let layout = targets(&view.place(object).expect("it fits"));
        assert_eq!((layout.len(), layout.into_iter().collect::<BTreeSet<_>>()), (11, every.clone()));
    }
    assert!(pool.view(pool.version(), &[(0, 16)]).is_err(), "nothing is left");
    assert!(pool.view(pool.version(), &[(0, u32::MAX)]).is_err());
}

/// Targets that come and go, and ranks that join.
#[derive(Clone, Debug)]
enum Event {
    Happens(u32, TargetEvent),
    Grows(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = prop_oneof![Just(TargetEvent::Exclude), Just(TargetEvent::Reintegrate), Just(TargetEvent::Finish)];
    prop_oneof![
        6 => (any::<u32>(), kinds).prop_map(|(target, event)| Event::Happens(target, event)),
        1 => (1u32..5).prop_map(Event::Grows),
    ]
}

fn after(pool: &PoolMap, event: &Event) -> PoolMap {
    match event {
        Event::Happens(target, event) => {
            let changed = pool.change(&[target % pool.target_count()], *event).expect("nothing is drained");
            changed.unwrap_or_else(|| pool.clone())
        }
        Event::Grows(count) => {
            let next = pool.ranks().count() as u32;
            pool.extend(&[NewRank::alone(Rank(next), *count)], TargetState::UpIn).expect("a new rank")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A container is made somewhere among the events, over the targets that are in use then: each of its objects stays where it was,
    /// to the end, and is gone exactly while its target is.
    #[test]
    fn nothing_moves(events in proptest::collection::vec(event(), 1..24), at in any::<prop::sample::Index>()) {
        let at = at.index(events.len());
        let mut pool = map(&ranks(0, &[3, 2, 4]));
        for event in &events[..at] {
            pool = after(&pool, event);
        }
        let out: Vec<u32> =
            pool.targets().zip(0..).filter(|(target, _)| !target.state.is_reachable()).map(|(_, at)| at).collect();
        let (version, avoided) = (pool.version(), runs_of(out.iter().copied()));
        prop_assume!(out.len() < pool.target_count() as usize);
        let begin = pool.view(version, &avoided).expect("some are in use");
        let names = ["S1", "S2", "SX"];
        let first: Vec<_> = names.iter().map(|name| layouts(&begin, name)).collect();
        prop_assert!(first.iter().flatten().flatten().all(|target| !out.contains(target)));
        for event in &events[at..] {
            pool = after(&pool, event);
            let now = pool.view(version, &avoided).expect("as before");
            for (name, first) in names.iter().zip(&first) {
                prop_assert_eq!(&layouts(&now, name), first);
            }
            let layout = now.place(object(7, common::class("S2"))).expect("it fits");
            for shard in layout.shards() {
                let state = pool.target(shard.target).expect("of the pool").state;
                prop_assert_eq!(shard.state == ShardState::Gone, !state.is_reachable());
                prop_assert!(pool.is_used_since(version, &avoided, shard.target));
            }
        }
    }
}
