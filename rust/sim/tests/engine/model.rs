//! What clients know of what they did: values that may be there, and nothing else may.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// What something may be: one value when the last change was acknowledged, more when it was cut off.
#[derive(Clone, Debug)]
pub struct Possible<T>(Vec<Option<T>>);

impl<T: Clone + PartialEq + Debug> Default for Possible<T> {
    fn default() -> Self {
        Possible(vec![None])
    }
}

impl<T: Clone + PartialEq + Debug> Possible<T> {
    /// A change has begun: from now on its result may show.
    pub fn begin(&mut self, value: Option<T>) {
        self.0.push(value);
    }

    /// The change that has begun last was acknowledged: only its result may show.
    pub fn acknowledge(&mut self) {
        self.0.drain(..self.0.len() - 1);
    }

    /// What was seen must be possible, and is what it is from then on.
    pub fn observe(&mut self, seen: Option<T>, what: impl Debug) {
        assert!(self.0.contains(&seen), "{what:?} is {seen:?}, and may be one of {:?}", self.0);
        self.0 = vec![seen];
    }

    /// What it is, when there is no doubt.
    pub fn certain(&self) -> Option<&T> {
        assert_eq!(self.0.len(), 1, "asked for by its only writer");
        self.0[0].as_ref()
    }
}

/// A container, by the numbers of its pool and itself.
pub type ContainerName = (u8, u8);
/// A value: its container, the target, the dkey.
pub type ValueName = (ContainerName, usize, u8);
/// An attribute: its container and its number.
pub type AttributeName = (ContainerName, u8);

/// Everything that clients have written.
#[derive(Default)]
pub struct Model {
    pub pools: BTreeMap<u8, Possible<()>>,
    pub containers: BTreeMap<ContainerName, Possible<()>>,
    pub values: BTreeMap<ValueName, Possible<Vec<u8>>>,
    pub attributes: BTreeMap<AttributeName, Possible<Vec<u8>>>,
    /// An engine has come up: from then on nothing may be missing.
    pub is_in_use: bool,
    /// Changes that were acknowledged.
    pub acknowledged: u64,
}

impl Model {
    /// A container is known to be gone, with all that was in it.
    pub fn forget_container(&mut self, name: ContainerName) {
        self.containers.remove(&name);
        self.values.retain(|(container, ..), _| *container != name);
        self.attributes.retain(|(container, _), _| *container != name);
    }

    /// A pool is known to be gone, with all that was in it.
    pub fn forget_pool(&mut self, number: u8) {
        self.pools.remove(&number);
        let names: Vec<ContainerName> = self.containers.keys().copied().filter(|(pool, _)| *pool == number).collect();
        names.into_iter().for_each(|name| self.forget_container(name));
    }

    /// The numbers of the containers that a pool has, or may have.
    pub fn containers_of(&self, pool: u8) -> Vec<u8> {
        self.containers.keys().filter(|(of, _)| *of == pool).map(|(_, number)| *number).collect()
    }
}
