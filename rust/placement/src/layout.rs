//! Layouts of objects.

use crate::hash::{dkey_hash, jump, mix};
use crate::{PoolMap, TargetState};
use daos_status::{Code, Result, fail};
use daos_types::{GroupCount, Key, KeyKind, ObjectId};

/// The shards of an object: groups of equal size, each shard on one target of the pool map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    group_size: u32,
    shards: Vec<u32>,
}

impl Layout {
    /// How many groups.
    pub fn groups(&self) -> u32 {
        (self.shards.len() / self.group_size as usize) as u32
    }

    /// How many shards a group has.
    pub fn group_size(&self) -> u32 {
        self.group_size
    }

    /// The targets of a group, as positions in the pool map.
    pub fn group(&self, group: u32) -> &[u32] {
        let size = self.group_size as usize;
        &self.shards[group as usize * size..][..size]
    }

    /// The group that holds a dkey.
    pub fn group_of_dkey(&self, dkey: &Key, kind: KeyKind) -> u32 {
        jump(dkey_hash(dkey, kind), self.groups())
    }
}

/// The layout of an object, whose class stands in its identifier.
pub fn place(map: &PoolMap, object: ObjectId) -> Result<Layout> {
    let class = object.class();
    let (Some(redundancy), Some(groups)) = (class.redundancy(), class.groups()) else {
        fail!(Code::Notype, "object {object:?} has no known object class ({:#x})", class.0);
    };
    let group_size = redundancy.group_size();
    let usable = map.targets().iter().filter(|target| target.state == TargetState::UpIn).count() as u32;
    let possible = usable / group_size;
    if possible == 0 {
        fail!(Code::Inval, "object class {class} needs {group_size} targets, and the pool has {usable}");
    }
    let groups = match groups {
        GroupCount::Exactly(count) => u32::from(count).min(possible),
        GroupCount::All => possible,
    };
    Ok(Layout { group_size, shards: best_targets(map, object, (groups * group_size) as usize) })
}

/// The `count` targets of the best scores, best first.
fn best_targets(map: &PoolMap, object: ObjectId, count: usize) -> Vec<u32> {
    let seed = mix(object.hi ^ mix(object.lo));
    let mut scores: Vec<(u64, u32)> = map
        .targets()
        .iter()
        .enumerate()
        .filter(|(_, target)| target.state == TargetState::UpIn)
        .map(|(position, target)| {
            let name = (u64::from(target.rank.0) << 32) | u64::from(target.index.0);
            (mix(seed ^ mix(name.wrapping_add(1))), position as u32)
        })
        .collect();
    scores.sort_unstable_by(|a, b| b.cmp(a));
    scores.truncate(count);
    scores.into_iter().map(|(_, position)| position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolTarget;
    use daos_types::{ObjectClass, ObjectType, Rank, TargetIndex};

    fn map(targets: u32) -> PoolMap {
        let target = |n| PoolTarget { rank: Rank(n / 8), index: TargetIndex(n % 8), state: TargetState::UpIn };
        PoolMap::new(1, (0..targets).map(target).collect()).expect("not empty")
    }

    fn object(lo: u64, class: ObjectClass) -> ObjectId {
        ObjectId::generate(ObjectId { hi: 0, lo }, ObjectType::MULTI_HASHED, class)
    }

    #[test]
    fn classes_decide_the_number_of_shards() {
        let map = map(16);
        for (class, shards) in [(ObjectClass::S1, 1), (ObjectClass::S2, 2), (ObjectClass::S4, 4), (ObjectClass::SX, 16)]
        {
            let layout = place(&map, object(1, class)).expect("fits");
            assert_eq!((layout.groups(), layout.group_size()), (shards, 1));
            let mut targets: Vec<u32> = (0..shards).flat_map(|g| layout.group(g).to_vec()).collect();
            targets.sort_unstable();
            targets.dedup();
            assert_eq!(targets.len() as u32, shards, "no target twice");
        }
        assert!(place(&map, object(1, ObjectClass(0))).is_err());
        assert_eq!(place(&self::map(2), object(1, ObjectClass::S4)).expect("fewer").groups(), 2);
    }

    #[test]
    fn single_shards_spread_evenly() {
        let map = map(32);
        let mut count = vec![0u32; 32];
        for lo in 0..64_000 {
            count[place(&map, object(lo, ObjectClass::S1)).expect("fits").group(0)[0] as usize] += 1;
        }
        assert!(count.iter().all(|n| (1800..2200).contains(n)), "{count:?}");
    }

    #[test]
    fn dkeys_spread_over_the_groups() {
        let layout = place(&map(8), object(5, ObjectClass::SX)).expect("fits");
        for kind in [KeyKind::Hashed, KeyKind::Integer] {
            let mut count = [0u32; 8];
            for n in 0..8000u64 {
                count[layout.group_of_dkey(&Key::from_u64(n), kind) as usize] += 1;
            }
            assert!(count.iter().all(|n| (850..1150).contains(n)), "{count:?}");
        }
    }

    #[test]
    fn a_lost_target_moves_only_what_it_held() {
        let (before, mut targets) = (map(16), map(16).targets().to_vec());
        targets[3].state = TargetState::Down;
        let after = PoolMap::new(2, targets).expect("not empty");
        for lo in 0..2000 {
            let id = object(lo, ObjectClass::S1);
            let (old, new) = (place(&before, id).expect("fits"), place(&after, id).expect("fits"));
            assert!(old.group(0) == new.group(0) || old.group(0) == [3]);
            assert_ne!(new.group(0), [3]);
        }
    }

    #[test]
    fn answers_are_part_of_the_format() {
        let layout = place(&map(16), object(42, ObjectClass::S4)).expect("fits");
        let golden: Vec<u32> = (0..4).map(|g| layout.group(g)[0]).collect();
        let dkeys: Vec<u32> = (0..6).map(|n| layout.group_of_dkey(&Key::from_u64(n), KeyKind::Integer)).collect();
        assert_eq!((golden, dkeys), (GOLDEN_TARGETS.to_vec(), GOLDEN_GROUPS.to_vec()));
    }

    const GOLDEN_TARGETS: [u32; 4] = [13, 3, 12, 7];
    const GOLDEN_GROUPS: [u32; 6] = [0, 3, 0, 1, 1, 2];
}
