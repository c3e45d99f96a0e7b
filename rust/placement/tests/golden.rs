//! Layouts are part of the media format: an object of a pool is where an older release has put it. These never change.

mod common;

use common::{class, each, map, object, racks, ranks};
use daos_placement::{PoolMap, TargetEvent, TargetState, place};
use daos_types::{Key, KeyKind, ObjectId};

/// Pools of all kinds: small and large, with unequal ranks, with too few domains, grown, with targets lost and drained.
fn maps() -> Vec<(&'static str, PoolMap)> {
    let change =
        |map: &PoolMap, positions: &[u32], event| map.change(positions, event).expect("allowed").expect("a change");
    let three = map(&ranks(0, &[8; 3]));
    let large = map(&racks(0, 8, 2, 8));
    let lost = change(&change(&large, &[3, 77], TargetEvent::Exclude), &[3, 200], TargetEvent::Exclude);
    let grown = three.extend(&ranks(3, &[8; 2]), TargetState::UpIn).expect("it grows");
    let grown = grown.extend(&ranks(5, &[4, 6]), TargetState::UpIn).expect("it grows");
    vec![
        ("one target", map(&ranks(0, &[1]))),
        ("one rank", map(&ranks(0, &[8]))),
        ("three ranks", three),
        ("unequal ranks", map(&ranks(0, &[2, 7, 5, 3]))),
        ("one large rank", map(&ranks(0, &[20, 3, 3]))),
        ("racks", large),
        ("lost", lost.clone()),
        ("drained", change(&lost, &[10, 11], TargetEvent::Drain)),
        ("grown", grown),
    ]
}

/// A number for all layouts of a map: 2000 objects of each of some classes, numbered in several ways.
fn digest(map: &PoolMap) -> u64 {
    let mut digest = 0xcbf2_9ce4_8422_2325u64;
    let mut take = |number: u64| digest = (digest ^ number).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    for name in ["S1", "S4", "SX", "RP_2G1", "RP_3G4", "RP_2GX", "EC_2P1G1", "EC_4P2G2", "EC_16P3G1"] {
        let class = class(name);
        let ids = (0..500u64).flat_map(|n| {
            let spread = ObjectId { hi: n, ..object(n << 40, class) };
            [object(n, class), object(n * 4099, class), ObjectId { hi: spread.hi | object(0, class).hi, lo: spread.lo }]
        });
        let fits = class.redundancy().is_some_and(|kind| kind.group_size() <= map.target_count());
        each(map, ids.filter(|_| fits), |_, layout| {
            take(u64::from(layout.groups()));
            for shard in layout.shards() {
                take(u64::from(shard.target) << 2 | shard.state as u64);
                take(shard.next().map_or(u64::MAX, u64::from));
            }
        });
    }
    digest
}

#[test]
fn layouts_are_part_of_the_format() {
    let digests: Vec<(&str, u64)> = maps().iter().map(|(name, map)| (*name, digest(map))).collect();
    let mut wrong = String::new();
    for ((name, digest), golden) in digests.iter().zip(GOLDEN.iter().chain(std::iter::repeat(&0))) {
        wrong +=
            &if digest == golden { String::new() } else { format!("{name}: {digest:#018x}, not {golden:#018x}\n") };
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const GOLDEN: [u64; 9] = [
    0x3b5f_4d0d_ae02_a717,
    0x49f9_b3f7_861b_5f9a,
    0xeb93_a36f_3446_f594,
    0x0352_5525_4fcd_8dfd,
    0xec46_3147_9821_fa16,
    0x99e1_271a_1760_7d75,
    0x697b_7235_95fe_dce1,
    0xa6fe_f297_067b_cb3b,
    0xde68_221e_be06_8b17,
];

#[test]
fn some_layouts_in_full() {
    let targets = |map: &PoolMap, lo, name| -> Vec<u32> {
        place(map, object(lo, class(name))).expect("fits").shards().iter().map(|shard| shard.target).collect()
    };
    let maps = maps();
    let racks = &maps[5].1;
    let all = [
        targets(racks, 42, "S4"),
        targets(racks, 42, "RP_3G1"),
        targets(racks, 7, "EC_4P2G1"),
        targets(&maps[8].1, 7, "RP_2G2"),
    ];
    assert_eq!(all, [vec![220, 135, 241, 20], vec![168, 124, 77], vec![136, 182, 30, 217, 97, 57], vec![24, 41, 9, 5]]);
}

#[test]
fn groups_of_dkeys_are_part_of_the_format() {
    let layout = place(&maps()[2].1, object(42, class("S4"))).expect("fits");
    let numbers: Vec<u32> = (0..8).map(|n| layout.group_of_dkey(&Key::from_u64(n), KeyKind::Integer)).collect();
    let names = ["a", "b", "key", "another key", ""].map(|name| Key::new(name.as_bytes()).expect("short"));
    let names = names.map(|key| layout.group_of_dkey(&key, KeyKind::Hashed));
    assert_eq!((numbers, names), (vec![0, 3, 0, 1, 1, 2, 3, 1], [1, 2, 0, 1, 0]));
}
