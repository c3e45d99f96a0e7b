//! What must hold for an operation to be carried out.

use std::ops::BitOr;

/// A set of `DAOS_COND_*` flags, with upstream's values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conditions(pub u64);

impl Conditions {
    /// Nothing is asked for.
    pub const NONE: Conditions = Conditions(0);
    /// What is punched must exist, else `Nonexist`.
    pub const PUNCH: Conditions = Conditions(1);
    /// The dkey must not exist, else `Exist`.
    pub const DKEY_INSERT: Conditions = Conditions(2);
    /// The dkey must exist before the update, else `Nonexist`.
    pub const DKEY_UPDATE: Conditions = Conditions(4);
    /// The dkey must exist to be fetched, else `Nonexist`.
    pub const DKEY_FETCH: Conditions = Conditions(8);
    /// No akey of the request may exist, else `Exist`.
    pub const AKEY_INSERT: Conditions = Conditions(16);
    /// Every akey of the request must exist before the update, else `Nonexist`.
    pub const AKEY_UPDATE: Conditions = Conditions(32);
    /// Every akey of the request must exist to be fetched, else `Nonexist`.
    pub const AKEY_FETCH: Conditions = Conditions(64);
    /// The akeys carry their own conditions; those of the request count for the dkey only.
    pub const PER_AKEY: Conditions = Conditions(128);

    /// Whether any flag of `other` is set.
    pub const fn has(self, other: Conditions) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Conditions {
    type Output = Conditions;
    fn bitor(self, other: Conditions) -> Conditions {
        Conditions(self.0 | other.0)
    }
}
