//! Layouts of objects.

use crate::hash::{dkey_hash, jump};
use daos_types::{Key, KeyKind};

/// No target.
const NONE: u32 = u32::MAX;

/// What a shard of an object can be used for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ShardState {
    /// Read and written at its target.
    Ready,
    /// Its target gets what it is to hold: written there, and read from the other shards of its group.
    Rebuilding,
    /// Its target is out of use, and it has no other: what only it held cannot be read.
    Gone,
}

/// A shard of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shard {
    /// Its target, by its position in the pool map.
    pub target: u32,
    next: u32,
    /// What it can be used for.
    pub state: ShardState,
}

impl Shard {
    pub(crate) fn new(target: u32) -> Shard {
        Shard { target, next: NONE, state: ShardState::Ready }
    }

    pub(crate) fn set_next(&mut self, target: u32) {
        self.next = target;
    }

    /// Where it moves to: what is written goes there as well.
    pub fn next(&self) -> Option<u32> {
        (self.next != NONE).then_some(self.next)
    }

    /// Names its targets otherwise.
    pub(crate) fn rename(&mut self, name: impl Fn(u32) -> u32) {
        self.target = name(self.target);
        if self.next != NONE {
            self.next = name(self.next);
        }
    }

    pub(crate) fn is_on(&self, target: u32) -> bool {
        self.target == target || self.next == target
    }
}

/// The shards of an object: groups of equal size, each shard on a target of the pool map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    pub(crate) group_size: u32,
    pub(crate) shards: Vec<Shard>,
}

impl Layout {
    /// A layout to place objects into.
    pub fn new() -> Layout {
        Layout::default()
    }

    /// How many groups.
    pub fn groups(&self) -> u32 {
        (self.shards.len() / self.group_size.max(1) as usize) as u32
    }

    /// How many shards a group has.
    pub fn group_size(&self) -> u32 {
        self.group_size
    }

    /// The shards of a group; of none when there is no such group.
    pub fn group(&self, group: u32) -> &[Shard] {
        let size = self.group_size as usize;
        let start = (group as usize).saturating_mul(size);
        self.shards.get(start..start.saturating_add(size)).unwrap_or(&[])
    }

    /// All shards, group behind group.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The group that holds a dkey.
    pub fn group_of_dkey(&self, dkey: &Key, kind: KeyKind) -> u32 {
        jump(dkey_hash(dkey, kind), self.groups())
    }
}
