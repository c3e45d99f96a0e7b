//! Questions about the ends of an object's keys and arrays.

use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

/// Which end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The greatest.
    Max,
    /// The least.
    Min,
}

/// What is asked for at each level: the end, or a given key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyChoice {
    /// The greatest or least that has something visible below it.
    Ask,
    /// This one.
    Given(Key),
}

/// Asks for the greatest or least dkey, akey and record range of an object.
///
/// Keys that are asked for must be of the integer or lexical kind. With `extent`, the answer has the end of the records that hold data,
/// found under the extreme keys that have any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryRequest {
    /// The container; it must exist.
    pub container: ContainerId,
    /// The object.
    pub object: ObjectId,
    /// Nothing newer is seen.
    pub epoch: Epoch,
    /// Which end.
    pub end: End,
    /// The dkey, or that it is asked for.
    pub dkey: KeyChoice,
    /// The akey, or that it is asked for; `None` when only the dkey is.
    pub akey: Option<KeyChoice>,
    /// Whether the extreme extent is asked for; needs `akey`.
    pub extent: bool,
}

/// The answer to a [`QueryRequest`]; `Nonexist` is given when there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueryReply {
    /// The dkey asked for or given.
    pub dkey: Key,
    /// The akey asked for or given.
    pub akey: Option<Key>,
    /// The visible part of the extreme extent with data.
    pub extent: Option<Extent>,
    /// Bytes of one record of the akey's array.
    pub record_size: u64,
}
