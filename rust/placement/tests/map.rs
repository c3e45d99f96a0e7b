//! Pool maps as bytes: whole ones, differences, and what is none.

mod common;

use common::{map, racks, ranks};
use daos_placement::{NewRank, PoolMap, TargetEvent, TargetState};
use daos_status::Code;
use daos_types::{Rank, TargetIndex};
use proptest::prelude::*;

fn history(steps: &[(u8, u32, u32)]) -> Vec<PoolMap> {
    let mut all = vec![map(&racks(0, 2, 2, 3))];
    let mut next_rack = 10;
    for (kind, target, count) in steps {
        let now = all.last().expect("not empty");
        let positions: Vec<u32> = (0..*count).map(|n| (target + n) % now.target_count()).collect();
        let event = match kind % 5 {
            0 => TargetEvent::Exclude,
            1 => TargetEvent::Drain,
            2 => TargetEvent::Reintegrate,
            3 => TargetEvent::Finish,
            _ => {
                let grown = now.extend(&racks(next_rack, 1, 1, *count), TargetState::New).expect("it grows");
                next_rack += 1;
                all.push(grown);
                continue;
            }
        };
        if let Ok(Some(changed)) = now.change(&positions, event) {
            all.push(changed);
        }
    }
    all
}

#[test]
fn a_map_knows_its_ranks_and_targets() {
    let map = map(&racks(3, 2, 2, 3))
        .extend(&[NewRank { rank: Rank(90), domains: vec![3, 9], targets: 2 }], TargetState::New);
    let map = map.expect("it grows");
    assert_eq!((map.version(), map.target_count()), (2, 26));
    assert_eq!(map.domains_of(Rank(90)), Some(vec![3, 9]));
    assert_eq!(map.targets_of(Rank(90)), Some(24..26));
    let target = map.target(25).expect("the last one");
    assert_eq!(
        (target.rank, target.index, target.state, target.joined),
        (Rank(90), TargetIndex(1), TargetState::New, 2)
    );
    assert_eq!((map.position(Rank(90), TargetIndex(1)), map.position(Rank(90), TargetIndex(2))), (Some(25), None));
    assert_eq!((map.target(26), map.targets_of(Rank(1)), map.position(Rank(1), TargetIndex(0))), (None, None, None));
}

#[test]
fn what_cannot_be_is_refused() {
    assert_eq!(PoolMap::create(&[]).map_err(|e| e.code()).err(), Some(Code::Inval));
    assert_eq!(PoolMap::create(&ranks(0, &[0])).map_err(|e| e.code()).err(), Some(Code::Inval));
    let twice = [NewRank::alone(Rank(1), 1), NewRank::alone(Rank(1), 1)];
    assert_eq!(PoolMap::create(&twice).map_err(|e| e.code()).err(), Some(Code::Exist));
    let mixed = [NewRank::alone(Rank(1), 1), NewRank { rank: Rank(2), domains: vec![1], targets: 1 }];
    assert_eq!(PoolMap::create(&mixed).map_err(|e| e.code()).err(), Some(Code::Inval));
    let small = map(&ranks(0, &[2]));
    assert_eq!(small.change(&[2], TargetEvent::Exclude).map_err(|e| e.code()).err(), Some(Code::BadTarget));
    let down = small.change(&[1], TargetEvent::Exclude).expect("allowed").expect("a change");
    assert_eq!(down.change(&[1], TargetEvent::Exclude), Ok(None));
    assert_eq!(down.change(&[1], TargetEvent::Drain).map_err(|e| e.code()).err(), Some(Code::Busy));
    assert_eq!((down.version(), down.targets_out_of_use()), (2, 1));
}

/// A million targets take little more room than the ranks that they are of, and a change of one takes next to nothing.
#[test]
fn bytes_are_few() {
    let all: Vec<NewRank> =
        (0..10_000).map(|n| NewRank { rank: Rank(n), domains: vec![n / 100, n / 2], targets: 10 }).collect();
    let large = map(&all);
    assert_eq!(large.target_count(), 100_000);
    let bytes = large.encode();
    assert!(bytes.len() < 65_000, "{} bytes", bytes.len());
    assert_eq!(PoolMap::decode(&bytes), Ok(large.clone()));
    let changed = large.change(&[77_777], TargetEvent::Exclude).expect("allowed").expect("a change");
    let difference = changed.difference_since(1).expect("older");
    assert!(difference.len() < 64, "{} bytes", difference.len());
    assert_eq!(large.apply(&difference), Ok(changed));
}

#[test]
fn a_difference_to_another_version_is_stale() {
    let all = history(&[(0, 1, 1), (0, 5, 2), (4, 0, 2)]);
    let difference = all[3].difference_since(2).expect("older");
    assert_eq!(all[0].apply(&difference).map_err(|e| e.code()).err(), Some(Code::Stale));
    assert_eq!(all[3].apply(&difference).map_err(|e| e.code()).err(), Some(Code::Stale));
    assert_eq!(
        (all[3].difference_since(4), all[3].difference_since(9), all[3].difference_since(0)),
        (None, None, None)
    );
    // The same version number of another pool, or of a history that was not kept.
    let other = history(&[(0, 3, 1)]);
    assert_eq!(other[1].apply(&difference).map_err(|e| e.code()).err(), Some(Code::Stale));
}

/// The format: these bytes are read for ever.
#[test]
fn golden_bytes() {
    let all = history(&[(1, 1, 1), (3, 1, 1), (0, 7, 2), (4, 0, 2)]);
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let last = all.last().expect("not empty");
    assert_eq!(hex(last.encode()), GOLDEN_MAP);
    assert_eq!(hex(last.difference_since(2).expect("older")), GOLDEN_DIFFERENCE);
    let bytes: Vec<u8> = (0..GOLDEN_MAP.len())
        .step_by(2)
        .filter_map(|at| u8::from_str_radix(&GOLDEN_MAP[at..at + 2], 16).ok())
        .collect();
    assert_eq!(PoolMap::decode(&bytes).as_ref(), Ok(last));
}

const GOLDEN_MAP: &str = "44504d5001000000050008000002010000020100000100010000020100000a0801\
    0000000a00040203020000030202000302000003020400030200000302020003020000031a040802020000020104010001810103020504\
    0100020204040f04010004050500850946f10c8db6e3";
const GOLDEN_DIFFERENCE: &str = "44504d500100010002050602000a0a010000080228100a0202000002010181010302050202040\
    40f04050500850946f10c8db6e34a9293f285f0785c";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn maps_round_trip(steps in proptest::collection::vec((any::<u8>(), 0u32..40, 1u32..5), 0..12)) {
        let all = history(&steps);
        for now in &all {
            prop_assert_eq!(&PoolMap::decode(&now.encode()).expect("it is one"), now);
            for before in &all[..now.version() as usize - 1] {
                let difference = now.difference_since(before.version()).expect("older");
                prop_assert_eq!(&before.apply(&difference).expect("it fits"), now);
                prop_assert!(PoolMap::decode(&difference).is_err(), "a difference is no map");
            }
        }
    }

    /// Whatever arrives gives a map or an error; with a right checksum as well, as from somebody who means harm.
    #[test]
    fn hostile_bytes_do_no_harm(
        steps in proptest::collection::vec((any::<u8>(), 0u32..40, 1u32..5), 1..6),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        shortened in any::<bool>(),
    ) {
        let all = history(&steps);
        let now = all.last().expect("not empty");
        let whole = now.encode();
        let difference = now.difference_since(1).unwrap_or_else(|| whole.clone());
        for mut bytes in [whole, difference] {
            bytes.truncate(bytes.len() - 8);
            for (at, byte) in &edits {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if shortened {
                bytes.truncate(cut.index(bytes.len()));
            }
            let checksum = daos_checksum::crc64(&bytes);
            bytes.extend(checksum.to_le_bytes());
            if let Ok(map) = PoolMap::decode(&bytes) {
                let object = common::object(7, common::class("RP_3G2"));
                let _either = daos_placement::place(&map, object);
                prop_assert_eq!(PoolMap::decode(&map.encode()), Ok(map));
            }
            let _either = all[0].apply(&bytes);
        }
    }

    #[test]
    fn damage_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = map(&racks(0, 2, 2, 3)).encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(PoolMap::decode(&bytes).is_err());
    }

    #[test]
    fn garbage_is_no_map(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(PoolMap::decode(&bytes).is_err());
    }
}
