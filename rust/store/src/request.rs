//! Requests that change a store.

use crate::{Conditions, Data};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

/// New values for akeys of one dkey, at one epoch, all or none.
#[derive(Debug)]
pub struct UpdateRequest {
    /// The container; it must exist.
    pub container: ContainerId,
    /// The object; it comes into being with its first update.
    pub object: ObjectId,
    /// The version that the values get.
    pub epoch: Epoch,
    /// The dkey.
    pub dkey: Key,
    /// What must hold.
    pub conditions: Conditions,
    /// The akeys with their values.
    pub akeys: Vec<AkeyUpdate>,
}

/// A new value for one akey.
#[derive(Debug)]
pub struct AkeyUpdate {
    /// The akey.
    pub akey: Key,
    /// The value.
    pub value: UpdateValue,
    /// What must hold for this akey, when the request has [`Conditions::PER_AKEY`].
    pub conditions: Conditions,
}

/// The value of an [`AkeyUpdate`]. An akey is a single value or an array, from its first update on.
#[derive(Debug)]
pub enum UpdateValue {
    /// Replaces the whole value.
    Single(Data),
    /// Writes ranges of an array; of two that overlap, the later one counts.
    Array {
        /// Bytes of one record; not zero, and the same for every update of the akey.
        record_size: u64,
        /// Ranges and their bytes: `count * record_size` each.
        pieces: Vec<(Extent, Data)>,
    },
    /// Empties ranges of an array.
    PunchExtents(Vec<Extent>),
}

/// Hides everything below something, as of an epoch; what is written later, or at the same epoch after it, shows.
#[derive(Clone, Debug)]
pub struct PunchRequest {
    /// The container; it must exist.
    pub container: ContainerId,
    /// The object.
    pub object: ObjectId,
    /// The epoch from which on it is hidden.
    pub epoch: Epoch,
    /// What is hidden.
    pub what: PunchTarget,
    /// What must hold.
    pub conditions: Conditions,
}

/// What a [`PunchRequest`] hides.
#[derive(Clone, Debug)]
pub enum PunchTarget {
    /// The whole object.
    Object,
    /// Some dkeys.
    Dkeys(Vec<Key>),
    /// Some akeys of one dkey.
    Akeys {
        /// Their dkey.
        dkey: Key,
        /// The akeys.
        akeys: Vec<Key>,
    },
}

/// One of the changes that [`crate::Store::apply`] makes together.
#[derive(Debug)]
pub enum Operation {
    /// An update.
    Update(UpdateRequest),
    /// A punch.
    Punch(PunchRequest),
}
