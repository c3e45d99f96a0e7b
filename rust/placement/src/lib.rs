//! Where the shards of an object are: a pure function of pool map, object identifier and object class.
//!
//! The targets of an object are chosen by weighted rendezvous: every target gets a score from the object identifier, and
//! the best scores win. So a target that leaves moves only what it held, and one that comes takes an even share from all
//! the others. Which group of an object holds a dkey is a jump consistent hash of the dkey, so that the same dkey is
//! always in the same group of the same object.
//!
//! The functions are part of the media format: what they answer must not change between releases.

mod hash;
mod layout;
mod pool_map;

pub use hash::dkey_hash;
pub use layout::{Layout, place};
pub use pool_map::{PoolMap, PoolTarget, TargetState};
