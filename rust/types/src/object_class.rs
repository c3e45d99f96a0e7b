//! Object classes: how many redundancy groups an object has and how each group protects its data.
//!
//! The 32-bit identifiers are upstream's: redundancy in the upper 8 bits, number of groups in the lower 24.

use std::fmt;

/// How one group protects its data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Redundancy {
    /// No protection: one shard.
    None,
    /// So many full copies.
    Replicas(u16),
    /// Reed-Solomon with so many data and parity shards.
    ErasureCode {
        /// Shards that hold data.
        data: u8,
        /// Shards that hold parity.
        parity: u8,
    },
}

impl Redundancy {
    /// How many shards a group has.
    pub const fn group_size(self) -> u32 {
        match self {
            Redundancy::None => 1,
            Redundancy::Replicas(count) => count as u32,
            Redundancy::ErasureCode { data, parity } => data as u32 + parity as u32,
        }
    }
}

/// How many redundancy groups an object has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GroupCount {
    /// So many.
    Exactly(u16),
    /// As many as the pool has room for (`X`).
    All,
}

/// An object class, by its upstream identifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub struct ObjectClass(pub u32);

const REDUNDANCY_SHIFT: u32 = 24;
const GROUPS_ALL: u32 = 0xffff;
/// Redundancy number, replicas.
const REPLICAS: &[(u32, u16)] = &[
    (8, 2),
    (9, 3),
    (10, 4),
    (11, 5),
    (12, 6),
    (13, 8),
    (14, 12),
    (15, 16),
    (16, 24),
    (17, 32),
    (18, 48),
    (19, 64),
    (20, 128),
];
/// Redundancy number, data shards, parity shards.
const ERASURE: &[(u32, u8, u8)] = &[
    (32, 2, 1),
    (33, 2, 2),
    (34, 4, 1),
    (35, 4, 2),
    (36, 8, 1),
    (37, 8, 2),
    (38, 16, 1),
    (39, 16, 2),
    (40, 4, 3),
    (41, 8, 3),
    (42, 16, 3),
];
/// Group counts that have a name.
const NAMED_GROUPS: &[u32] = &[1, 2, 4, 6, 8, 12, 16, 32, GROUPS_ALL];

impl ObjectClass {
    /// No class: the system chooses (`OC_UNKNOWN`).
    pub const UNKNOWN: ObjectClass = ObjectClass(0);
    /// One shard on one target.
    pub const S1: ObjectClass = ObjectClass::new_unprotected(1);
    /// Two shards.
    pub const S2: ObjectClass = ObjectClass::new_unprotected(2);
    /// Four shards.
    pub const S4: ObjectClass = ObjectClass::new_unprotected(4);
    /// A shard on every target.
    pub const SX: ObjectClass = ObjectClass::new_unprotected(GROUPS_ALL);

    /// A copy on as many fault domains as there are (`OC_RP_XSF`): stands for another class, see [`ObjectClass::copied_over`].
    pub const COPIED_EVERYWHERE: ObjectClass = ObjectClass(80);

    /// One group with as many copies as so many fault domains can hold, as far as there is a class for it: S1 for one domain.
    pub fn copied_over(domains: u32) -> ObjectClass {
        let fitting = REPLICAS.iter().rev().find(|(_, copies)| u32::from(*copies) <= domains);
        fitting.map_or(ObjectClass::S1, |(number, _)| ObjectClass((number << REDUNDANCY_SHIFT) | 1))
    }

    const fn new_unprotected(groups: u32) -> ObjectClass {
        ObjectClass((1 << REDUNDANCY_SHIFT) | groups)
    }

    /// How a group protects its data; `None` when the identifier is not a class.
    pub fn redundancy(self) -> Option<Redundancy> {
        match self.0 >> REDUNDANCY_SHIFT {
            1 => Some(Redundancy::None),
            number => {
                REPLICAS.iter().find(|entry| entry.0 == number).map(|entry| Redundancy::Replicas(entry.1)).or_else(
                    || {
                        let entry = ERASURE.iter().find(|entry| entry.0 == number)?;
                        Some(Redundancy::ErasureCode { data: entry.1, parity: entry.2 })
                    },
                )
            }
        }
    }

    /// How many groups; `None` when the identifier is not a class.
    pub fn groups(self) -> Option<GroupCount> {
        self.redundancy()?;
        match self.0 & 0xff_ffff {
            0 => None,
            GROUPS_ALL => Some(GroupCount::All),
            count => u16::try_from(count).ok().map(GroupCount::Exactly),
        }
    }

    /// The class of a name such as `S1`, `SX`, `RP_2G1` or `EC_4P2GX`.
    pub fn from_name(name: &str) -> Option<ObjectClass> {
        Self::named().find(|class| class.to_string() == name)
    }

    /// Every class that has a name.
    pub fn named() -> impl Iterator<Item = ObjectClass> {
        let numbers = std::iter::once(1).chain(REPLICAS.iter().map(|e| e.0)).chain(ERASURE.iter().map(|e| e.0));
        numbers
            .flat_map(|number| {
                let groups = if (14..=20).contains(&number) { &NAMED_GROUPS[..1] } else { NAMED_GROUPS };
                groups.iter().map(move |groups| ObjectClass((number << REDUNDANCY_SHIFT) | groups))
            })
            .filter(|class| class.0 >> REDUNDANCY_SHIFT != 13)
    }
}

impl fmt::Display for ObjectClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(redundancy), Some(groups)) = (self.redundancy(), self.groups()) else {
            return write!(f, "UNKNOWN({:#x})", self.0);
        };
        match redundancy {
            Redundancy::None => write!(f, "S")?,
            Redundancy::Replicas(count) => write!(f, "RP_{count}G")?,
            Redundancy::ErasureCode { data, parity } => write!(f, "EC_{data}P{parity}G")?,
        }
        match groups {
            GroupCount::Exactly(count) => write!(f, "{count}"),
            GroupCount::All => write!(f, "X"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_upstreams() {
        assert_eq!(ObjectClass::S1.0, 16777217);
        assert_eq!(ObjectClass::SX.0, 16842751);
        assert_eq!(ObjectClass::from_name("RP_3GX").map(|c| c.0), Some(151060479));
        assert_eq!(ObjectClass::from_name("EC_16P3G32").map(|c| c.0), Some(704643104));
        assert_eq!(ObjectClass::from_name("RP_128G1").map(|c| c.0), Some(335544321));
        assert_eq!(ObjectClass::from_name("RP_8G1"), None);
        assert_eq!(ObjectClass(0).redundancy(), None);
        assert_eq!(ObjectClass(1 << 24).groups(), None);
    }

    #[test]
    fn copies_everywhere_are_as_many_as_fit() {
        for (domains, name) in [(0, "S1"), (1, "S1"), (2, "RP_2G1"), (3, "RP_3G1"), (7, "RP_6G1"), (500, "RP_128G1")] {
            assert_eq!(ObjectClass::copied_over(domains).to_string(), name);
        }
        assert!(ObjectClass::COPIED_EVERYWHERE.redundancy().is_none(), "it is no class of objects itself");
    }

    #[test]
    fn names_round_trip() {
        let mut count = 0;
        for class in ObjectClass::named() {
            assert_eq!(ObjectClass::from_name(&class.to_string()), Some(class));
            count += 1;
        }
        assert!(count > 100);
    }
}
