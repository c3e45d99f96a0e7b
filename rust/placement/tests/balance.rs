//! Shards are spread evenly over targets, and those of a group over fault domains.

mod common;

use common::{class, each, map, object, objects, racks, ranks};
use daos_placement::PoolMap;
use proptest::prelude::*;
use std::collections::BTreeSet;

const OBJECTS: u64 = 100_000;

/// The most shards of a target, and the least, as shares of the mean.
fn spread(map: &PoolMap, objects: impl Iterator<Item = daos_types::ObjectId>) -> (f64, f64) {
    let mut counts = vec![0u64; map.target_count() as usize];
    each(map, objects, |_, layout| {
        for shard in layout.shards() {
            counts[shard.target as usize] += 1;
        }
    });
    let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let most = counts.iter().max().copied().unwrap_or(0) as f64;
    let least = counts.iter().min().copied().unwrap_or(0) as f64;
    (most / mean, least / mean)
}

const CLASSES: [&str; 9] = ["S1", "S2", "S8", "RP_2G1", "RP_3G1", "RP_3G4", "EC_2P1G1", "EC_4P2G1", "EC_8P2G1"];

fn assert_even(map: &PoolMap, what: &str) {
    for name in CLASSES {
        let (most, least) = spread(map, objects(OBJECTS, name));
        println!("{what} {name}: {most:.3} {least:.3}");
        assert!(most <= 1.1, "{name} over {what}: the fullest target has {most:.3} of the mean");
        assert!(least >= 0.9, "{name} over {what}: the emptiest target has {least:.3} of the mean");
    }
}

#[test]
fn targets_of_equal_ranks_are_even() {
    assert_even(&map(&ranks(0, &[8; 32])), "32 ranks of 8 targets");
}

#[test]
fn targets_of_unequal_ranks_are_even() {
    let unequal: Vec<u32> = (0..32).map(|rank| [4, 12, 6, 10][rank % 4]).collect();
    assert_eq!(unequal.iter().sum::<u32>(), 256);
    assert_even(&map(&ranks(0, &unequal)), "ranks of 4 to 12 targets");
}

#[test]
fn targets_in_unequal_racks_are_even() {
    let mut all = racks(0, 10, 1, 8);
    all.extend(racks(10, 3, 2, 8));
    assert_eq!(map(&all).target_count(), 256);
    for name in ["S1", "RP_2G1", "RP_3G1", "EC_4P2G1"] {
        let (most, least) = spread(&map(&all), objects(OBJECTS, name));
        assert!(most <= 1.1 && least >= 0.9, "{name}: {most:.3} {least:.3}");
    }
}

/// Identifiers that come in strides are spread about as evenly as chance does at least: with 390 shards per target, the fullest of
/// 64 has about 1.12 of the mean then, and 1.3 is beyond all luck.
#[test]
fn strides_do_no_harm() {
    let map = map(&ranks(0, &[8; 8]));
    let strides = (1..64).chain([100, 128, 233, 256, 377, 512, 610, 987, 1000, 1024, 1597, 2584, 4096, 6765, 10_946]);
    let strides =
        strides.chain((13..44).map(|bits| 1 << bits)).chain([1_000_000, 1 << 32, 3 << 32, 0x9e37_79b9_7f4a_7c15]);
    for stride in strides {
        let (most, _) = spread(&map, (0..25_000u64).map(|n| object(n.wrapping_mul(stride), class("S1"))));
        assert!(most <= 1.3, "stride {stride}: {most:.3}");
    }
}

/// The file system counts in the upper half of identifiers.
#[test]
fn identifiers_counted_in_the_upper_half_are_even() {
    let map = map(&ranks(0, &[8; 32]));
    for name in ["S1", "RP_2G1", "EC_4P2G1"] {
        let upper = object(0, class(name)).hi;
        let ids = (0..OBJECTS).map(|n| daos_types::ObjectId { hi: upper | n, lo: 5 });
        let (most, _) = spread(&map, ids);
        assert!(most <= 1.1, "{name}: {most:.3}");
        // By a thousand processes, each with identifiers of its own: it is left to chance.
        let ids = (0..OBJECTS).map(|n| daos_types::ObjectId { hi: upper | (n / 1000), lo: n % 1000 });
        let (most, _) = spread(&map, ids);
        assert!(most <= 1.25, "{name}: {most:.3}");
    }
}

/// An object on all targets uses each once.
#[test]
fn objects_on_all_targets_are() {
    for (targets, name) in [(vec![8; 32], "SX"), (vec![3, 5, 1], "SX"), (vec![8; 32], "RP_2GX"), (vec![1], "SX")] {
        let map = map(&ranks(0, &targets));
        each(&map, objects(100, name), |_, layout| {
            let used: BTreeSet<u32> = layout.shards().iter().map(|shard| shard.target).collect();
            assert_eq!(used.len(), layout.shards().len(), "no target twice");
            assert_eq!(used.len() as u32, map.target_count());
        });
    }
}

/// Shards of a target have their companions on nearly all other targets, so that all help when it is lost.
#[test]
fn groups_are_declustered() {
    let map = map(&ranks(0, &[8; 32]));
    for name in ["RP_2G1", "RP_3G1", "EC_4P2G1"] {
        let mut beside = vec![0u32; 256];
        each(&map, objects(OBJECTS, name), |_, layout| {
            if layout.shards().iter().any(|shard| shard.target == 77) {
                for shard in layout.shards().iter().filter(|shard| shard.target != 77) {
                    beside[shard.target as usize] += 1;
                }
            }
        });
        let (helpers, most) = (beside.iter().filter(|count| **count > 0).count(), beside.iter().max().copied());
        let share = f64::from(most.unwrap_or(0)) / f64::from(beside.iter().sum::<u32>());
        println!("{name}: {helpers} helpers, the busiest has {share:.3}");
        assert!(helpers >= 200, "{name}: only {helpers} targets have companions");
        assert!(share <= 0.025, "{name}: one target has {share:.3} of the companions");
    }
}

/// The most shards of a group in one domain of a level.
fn crowd(map: &PoolMap, group: &[daos_placement::Shard], level: usize) -> usize {
    let domain = |target: u32| {
        let rank = map.target(target).expect("it is there").rank;
        let mut path = map.domains_of(rank).expect("it is there");
        path.push(rank.0);
        path[..=level].to_vec()
    };
    let domains: Vec<Vec<u32>> = group.iter().map(|shard| domain(shard.target)).collect();
    domains.iter().map(|one| domains.iter().filter(|other| *other == one).count()).max().unwrap_or(0)
}

#[test]
fn shards_of_a_group_are_in_domains_of_their_own() {
    // Racks, nodes in them, ranks in those; the names of nodes repeat in each rack.
    for (racks_count, nodes, name, limits) in [
        (8, 4, "RP_3G1", [1, 1, 1]),
        (8, 4, "EC_4P2G1", [1, 1, 1]),
        (4, 4, "EC_4P2G1", [2, 1, 1]),
        (2, 3, "RP_3G1", [2, 1, 1]),
        (1, 2, "RP_3G1", [3, 2, 1]),
        (1, 1, "RP_4G1", [4, 4, 2]),
        (8, 4, "RP_3G32", [1, 1, 1]),
        (19, 1, "EC_16P3G1", [1, 1, 1]),
        (5, 8, "EC_16P3G1", [4, 1, 1]),
    ] {
        let map = map(&racks(0, racks_count, nodes, 4));
        each(&map, objects(3000, name), |object, layout| {
            for group in 0..layout.groups() {
                for (level, limit) in limits.into_iter().enumerate() {
                    let crowd = crowd(&map, layout.group(group), level);
                    assert!(
                        crowd <= limit,
                        "{name} {object} over {racks_count} racks: {crowd} shards on level {level}"
                    );
                }
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the tree and the class: an object has as many shards as its class says or the pool has room for, no target
    /// twice, and no domain more shards of a group than it must have.
    #[test]
    fn every_tree_and_class(
        tree in proptest::collection::vec((0u32..4, 0u32..3, 1u32..6), 1..14),
        class_number in 0usize..1000,
        seed in any::<u64>(),
    ) {
        let mut new: Vec<daos_placement::NewRank> = Vec::new();
        for (number, (rack, node, targets)) in tree.iter().enumerate() {
            new.push(daos_placement::NewRank {
                rank: daos_types::Rank(number as u32), domains: vec![*rack, *node], targets: *targets,
            });
        }
        let map = map(&new);
        let classes: Vec<_> = daos_types::ObjectClass::named().collect();
        let class = classes[class_number % classes.len()];
        let size = class.redundancy().expect("named").group_size();
        for lo in seed..=seed.saturating_add(20) {
            match daos_placement::place(&map, object(lo, class)) {
                Err(error) => prop_assert!(size > map.target_count(), "{}", error),
                Ok(layout) => {
                    prop_assert!(size <= map.target_count() && layout.groups() >= 1);
                    let used: BTreeSet<u32> = layout.shards().iter().map(|shard| shard.target).collect();
                    prop_assert_eq!(used.len(), layout.shards().len());
                    for group in 0..layout.groups() {
                        for level in 0..3 {
                            let crowd = crowd(&map, layout.group(group), level);
                            let most = least_crowd(&map, size, level);
                            prop_assert!(crowd <= most, "{} {} {} on level {}", class, crowd, most, level);
                        }
                    }
                }
            }
        }
    }
}

/// The least number of shards that a domain of a level must take, when a group of a size is to fit: from its definition.
fn least_crowd(map: &PoolMap, size: u32, level: usize) -> usize {
    use std::collections::BTreeMap;
    let paths: Vec<Vec<u32>> = map
        .targets()
        .map(|target| {
            let mut path = map.domains_of(target.rank).expect("it is there");
            path.push(target.rank.0);
            path
        })
        .collect();
    // From the ranks upwards, what each domain can hold.
    let mut rooms: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
    for path in paths {
        *rooms.entry(path).or_default() += 1;
    }
    for depth in (0..3).rev() {
        let limit = (1..=size).find(|limit| rooms.values().map(|room| *room.min(limit)).sum::<u32>() >= size);
        let limit = limit.expect("the pool is large enough");
        if depth == level {
            return limit as usize;
        }
        let mut above: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for (path, room) in rooms {
            *above.entry(path[..depth].to_vec()).or_default() += room.min(limit);
        }
        rooms = above;
    }
    unreachable!("levels are 0 to 2");
}
