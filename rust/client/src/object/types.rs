//! What object operations take and give.

use crate::{Destination, Source};
use daos_types::{Epoch, Extent, Key};

/// How an object is opened (`DAOS_OO_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectFlags(pub u32);

impl ObjectFlags {
    /// Read only (`DAOS_OO_RO`).
    pub const READ_ONLY: ObjectFlags = ObjectFlags(1 << 1);
    /// Read and write (`DAOS_OO_RW`).
    pub const READ_WRITE: ObjectFlags = ObjectFlags(1 << 2);
}

/// What must hold for an operation to be done (`DAOS_COND_*`, same bits).
///
/// An operation with conditions is sent once: when the engine ends during it, the caller gets an error and has to find out
/// what was done. Operations without conditions are sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conditions(pub u64);

impl Conditions {
    /// Nothing.
    pub const NONE: Conditions = Conditions(0);
    /// What is punched must exist.
    pub const PUNCH: Conditions = Conditions(1);
    /// The dkey must not exist.
    pub const DKEY_INSERT: Conditions = Conditions(2);
    /// The dkey must exist.
    pub const DKEY_UPDATE: Conditions = Conditions(4);
    /// The dkey must exist.
    pub const DKEY_FETCH: Conditions = Conditions(8);
    /// No akey may exist.
    pub const AKEY_INSERT: Conditions = Conditions(16);
    /// Every akey must exist.
    pub const AKEY_UPDATE: Conditions = Conditions(32);
    /// Every akey must exist.
    pub const AKEY_FETCH: Conditions = Conditions(64);
    /// The conditions of akeys are given for each: see [`crate::Object::update_each`].
    pub const PER_AKEY: Conditions = Conditions(128);
}

/// One akey of an update.
#[derive(Debug)]
pub struct AkeyUpdate {
    /// The akey.
    pub akey: Key,
    /// Its new value.
    pub value: UpdateValue,
}

/// What an update writes to one akey.
#[derive(Debug)]
pub enum UpdateValue {
    /// A single value, replaced as a whole.
    Single(Source),
    /// Records of an array: `source` holds the records of all extents, in their order.
    Array {
        /// Bytes per record; the same for all records of an akey.
        record_size: u64,
        /// Where they go.
        extents: Vec<Extent>,
        /// The records.
        source: Source,
    },
    /// Punches records of an array.
    PunchExtents(Vec<Extent>),
}

/// One akey of a fetch.
#[derive(Clone, Debug)]
pub struct AkeyFetch {
    /// The akey.
    pub akey: Key,
    /// What to fetch of it.
    pub kind: FetchKind,
    /// Where the bytes go; `None` asks for sizes and the map only.
    pub destination: Option<Destination>,
}

/// What to fetch of an akey.
#[derive(Clone, Debug)]
pub enum FetchKind {
    /// The single value.
    Single,
    /// Records of the array.
    Array(Vec<Extent>),
}

/// What is stored in a part of a fetched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PieceState {
    /// Records.
    Data,
    /// Nothing was ever written.
    Hole,
    /// What was there has been punched.
    Punched,
}

/// A part of a fetched range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapPiece {
    /// The records.
    pub extent: Extent,
    /// What is there.
    pub state: PieceState,
}

/// The result for one akey of a fetch.
///
/// In the destination, the records of all extents asked for stand in their order; where the map says hole or punched,
/// the destination was not touched (an owned destination has zeros there).
#[derive(Debug, Default)]
pub struct AkeyFetched {
    /// Size of the single value or of one record; 0 when the akey has none.
    pub size: u64,
    /// For arrays: what was found, covering each extent asked for, in their order.
    pub map: Vec<MapPiece>,
    /// The bytes, when the destination was [`Destination::Owned`].
    pub bytes: Vec<u8>,
    /// How many bytes of the destination are covered, counted to the end of the last data piece.
    pub length: u64,
}

/// A position in a listing; the default is the beginning. It stays valid while keys come and go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Anchor {
    /// The position, opaque; at most 104 bytes.
    pub position: Vec<u8>,
    /// Which shard it is in.
    pub shard: u32,
    /// The shard before which it ends, when it is that of a part of a listing (see `Object::split_listing`); zero for the last one.
    pub until: u32,
    /// Everything has been listed.
    pub end: bool,
}

/// Bounds of one step of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListLimits {
    /// At most so many entries.
    pub count: u32,
    /// At most so many bytes of keys. A first key that is longer gives `Code::KeyTooBig`.
    pub bytes: u64,
}

/// What `Object::query_key` looks for (`DAOS_GET_*`, same bits).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueryWhat(pub u64);

impl QueryWhat {
    /// The greatest.
    pub const MAX: QueryWhat = QueryWhat(1);
    /// The least.
    pub const MIN: QueryWhat = QueryWhat(2);
    /// Of the dkeys (integer keys).
    pub const DKEY: QueryWhat = QueryWhat(4);
    /// Of the akeys (integer keys).
    pub const AKEY: QueryWhat = QueryWhat(8);
    /// Of the array's extents.
    pub const RECX: QueryWhat = QueryWhat(16);
}

/// What `stat` of an object tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndAndNewest {
    /// The last extent in the greatest integer dkey, where there is one.
    pub end: Option<QueryResult>,
    /// The epoch of the newest change; zero when there was none.
    pub newest: Epoch,
}

/// What a query found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryResult {
    /// The dkey, found or given.
    pub dkey: Option<u64>,
    /// The akey, found or given.
    pub akey: Option<u64>,
    /// The greatest or least extent.
    pub extent: Option<Extent>,
}
