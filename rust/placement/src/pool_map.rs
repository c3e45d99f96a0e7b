//! The targets of a pool.

use daos_status::{Code, Result, fail};
use daos_types::{Rank, TargetIndex};

/// What a target is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetState {
    /// In use.
    UpIn,
    /// Out of use.
    Down,
}

/// A target of a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolTarget {
    /// Its engine.
    pub rank: Rank,
    /// Its number within the engine.
    pub index: TargetIndex,
    /// What it is good for.
    pub state: TargetState,
}

/// The most targets of a pool: bounds what a damaged message can ask for.
const TARGETS_MAX: usize = 1 << 20;

/// The targets of a pool, in the order in which they joined, and the version of that list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PoolMap {
    version: u32,
    targets: Vec<PoolTarget>,
}

impl PoolMap {
    /// A map; it has one target at least.
    pub fn new(version: u32, targets: Vec<PoolTarget>) -> Result<PoolMap> {
        if targets.is_empty() || targets.len() > TARGETS_MAX {
            fail!(Code::Inval, "a pool map has 1 to {TARGETS_MAX} targets, not {}", targets.len());
        }
        Ok(PoolMap { version, targets })
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The targets; their position is the number by which layouts name them.
    pub fn targets(&self) -> &[PoolTarget] {
        &self.targets
    }
}
