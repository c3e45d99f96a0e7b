//! Requests about objects, sent to the target that holds the shard.

use crate::codec::Blob;
use crate::macros::{wire_enums, wire_structs};
use daos_types::{ContainerId, Epoch, Extent, HandleId, Key, ObjectId, PoolId};

/// Payloads up to so many bytes travel inside the message; longer ones are moved by the server from or to memory that
/// the client exposes. Chosen so that a 4 KiB update is one message, and a message fits the receive buffers.
pub const INLINE_BYTES_MAX: u64 = 16 * 1024;

/// The most bytes of values in one request. A target holds all of an update in memory before it changes anything, so this
/// bounds that memory; clients split larger arrays over several requests.
pub const TRANSFER_BYTES_MAX: u64 = 256 << 20;

/// The most akeys, or keys to punch, of one request.
pub const KEYS_MAX: usize = 64 * 1024;

/// The most extents of one request, all akeys together.
pub const EXTENTS_MAX: usize = 1 << 20;

/// The most pieces of memory that one request may name; a client with more of them copies small ones together.
pub const REGIONS_MAX: usize = 1024;

/// The largest request or reply that goes by memory because it does not fit a message ([`Indirect`]).
pub const INDIRECT_BYTES_MAX: u64 = 32 << 20;

/// Asks a [`QueryKey`] for the epoch of the newest change of the object as well: what `stat` of a file needs in one message. Where
/// nothing else is found, the reply has the epoch alone, and is no error. No bit of upstream's.
pub const QUERY_NEWEST: u64 = 1 << 32;

wire_structs! {
    /// What every object request names.
    ObjectAddress {
        /// The version of the pool map by which the target was chosen. A target that knows a newer one answers `DER_STALE`.
        map_version: u32,
        /// The pool.
        pool: PoolId,
        /// The container.
        container: ContainerId,
        /// The container handle.
        handle: HandleId,
        /// The object.
        object: ObjectId,
    }
    /// What a client calls a change, so that a target makes it once, however often it is sent, also when the engine was restarted between.
    ChangeName {
        /// The client: a random number.
        client: u64,
        /// Its number among the changes of the client.
        sequence: u64,
        /// It was sent before, and nobody knows what became of it.
        is_repeat: bool,
    }
    /// Writes akeys of one dkey.
    Update {
        /// The object.
        address: ObjectAddress,
        /// What the client calls it.
        name: ChangeName,
        /// `DAOS_COND_*`.
        conditions: u64,
        /// The dkey.
        dkey: Key,
        /// The akeys.
        akeys: Vec<AkeyUpdate>,
        /// The values of all akeys, one behind the other.
        payload: Payload,
    }
    /// One akey of an update.
    AkeyUpdate {
        /// The akey.
        akey: Key,
        /// `DAOS_COND_*` of this akey, when the request has `DAOS_COND_PER_AKEY`.
        conditions: u64,
        /// What is written.
        value: UpdateKind,
    }
    /// Records of an array.
    ArrayUpdate {
        /// Bytes per record.
        record_size: u64,
        /// Where they go; the payload has them in this order.
        extents: Vec<Extent>,
    }
    /// Reads akeys of one dkey.
    Fetch {
        /// The object.
        address: ObjectAddress,
        /// The newest records at or below this epoch.
        epoch: Epoch,
        /// `DAOS_COND_*`.
        conditions: u64,
        /// The dkey.
        dkey: Key,
        /// The akeys.
        akeys: Vec<AkeyFetch>,
        /// Memory that the client exposed for all akeys, one behind the other, each as long as its capacity; none for an
        /// inline reply.
        memory: Vec<Blob>,
    }
    /// One akey of a fetch.
    AkeyFetch {
        /// The akey.
        akey: Key,
        /// `DAOS_COND_*` of this akey, when the request has `DAOS_COND_PER_AKEY`.
        conditions: u64,
        /// What is read.
        kind: FetchKind,
        /// Room for its bytes; `None` asks for sizes and the map only.
        capacity: Option<u64>,
    }
    /// The answer to a fetch.
    FetchReply {
        /// The akeys, in the order asked for.
        akeys: Vec<AkeyReply>,
        /// The data pieces of all akeys, one behind the other, when they are short; otherwise they were moved to the memory.
        inline: Blob,
    }
    /// The answer for one akey.
    AkeyReply {
        /// Bytes of the single value, or per record; 0 when there is none. What does not fit the capacity is not sent.
        size: u64,
        /// What was found, covering each extent asked for; empty for a single value.
        pieces: Vec<Piece>,
    }
    /// A part of an array that was asked for.
    Piece {
        /// The records.
        extent: Extent,
        /// 0 data, 1 hole, 2 punched.
        state: u8,
    }
    /// Punches.
    Punch {
        /// The object.
        address: ObjectAddress,
        /// What the client calls it.
        name: ChangeName,
        /// `DAOS_COND_*`.
        conditions: u64,
        /// What is punched.
        what: PunchKind,
    }
    /// Lists keys.
    ListKeys {
        /// The object.
        address: ObjectAddress,
        /// Keys visible at this epoch.
        epoch: Epoch,
        /// The dkey whose akeys are listed; `None` lists dkeys.
        dkey: Option<Key>,
        /// Where to go on; empty for the beginning.
        anchor: Blob,
        /// At most so many keys.
        count: u32,
        /// At most so many bytes of keys. A first key that is longer is answered with `DER_KEY2BIG`.
        bytes: u64,
    }
    /// The answer to a listing of keys.
    ListKeysReply {
        /// The keys.
        keys: Vec<Key>,
        /// Where to go on; `None` at the end.
        anchor: Option<Blob>,
    }
    /// Lists extents of an array.
    ListExtents {
        /// The object.
        address: ObjectAddress,
        /// Records visible at this epoch.
        epoch: Epoch,
        /// The dkey.
        dkey: Key,
        /// The akey.
        akey: Key,
        /// In increasing order.
        increasing: bool,
        /// Where to go on; empty for the beginning.
        anchor: Blob,
        /// At most so many.
        count: u32,
    }
    /// The answer to a listing of extents.
    ListExtentsReply {
        /// Bytes per record.
        record_size: u64,
        /// The extents.
        extents: Vec<Extent>,
        /// The version of each.
        epochs: Vec<Epoch>,
        /// Where to go on; `None` at the end.
        anchor: Option<Blob>,
    }
    /// Asks for the greatest or least key or extent.
    QueryKey {
        /// The object.
        address: ObjectAddress,
        /// At this epoch.
        epoch: Epoch,
        /// `DAOS_GET_*`, and [`QUERY_NEWEST`].
        what: u64,
        /// Given when not asked for.
        dkey: Option<Key>,
        /// Given when not asked for.
        akey: Option<Key>,
    }
    /// The answer to a query.
    QueryKeyReply {
        /// The dkey found.
        dkey: Option<u64>,
        /// The akey found.
        akey: Option<u64>,
        /// The extent found.
        extent: Option<Extent>,
        /// The epoch of the newest change of the object, when that was asked for; zero when there was none.
        newest: Option<Epoch>,
    }
    /// Reads akeys of one dkey, and asks about the object that the first of them names: what `stat` of a name in a directory needs, in one
    /// message. The object may have more at other targets; only who knows where it is can tell whether this is the answer.
    FetchThenQuery {
        /// What is read, without memory: the reply has the bytes.
        fetch: Fetch,
        /// Where in the bytes of the first akey the identifier of the object stands, its lower half first.
        at: u32,
        /// The akey whose last extent in the greatest integer dkey is asked for.
        akey: Key,
    }
    /// The answer to that.
    FetchThenQueryReply {
        /// What was read.
        fetched: FetchReply,
        /// What is here of the object, with its newest change; `None` when none is named, or what is asked for cannot be told.
        found: Option<QueryKeyReply>,
    }
    /// A request or a reply that does not fit a message.
    Indirect {
        /// The opcode of the request.
        opcode: u16,
        /// The request.
        request: IndirectRequest,
        /// Memory that the client exposed for the reply; none when it fits a message.
        reply: Vec<Blob>,
    }
    /// Lists the objects of a container that have something at a target. Its address names no object.
    ListObjects {
        /// The container.
        address: ObjectAddress,
        /// Objects with anything visible at this epoch.
        epoch: Epoch,
        /// The last one that is known; they come in the order of their lower halves, then of the upper ones.
        after: Option<ObjectId>,
        /// At most so many.
        count: u32,
    }
    /// The answer to a listing of objects.
    ListObjectsReply {
        /// The objects.
        objects: Vec<ObjectId>,
        /// Whether there are more.
        more: bool,
    }
    /// Asks where a listing of keys begins whose first key is this one -> `Blob`, an anchor.
    KeyAnchor {
        /// The object.
        address: ObjectAddress,
        /// The dkey.
        dkey: Key,
        /// The akey of it, for a listing of akeys.
        akey: Option<Key>,
    }
    /// Asks for the epoch of the newest change.
    QueryEpoch {
        /// The object.
        address: ObjectAddress,
    }
}

/// Writes the version of the pool map into the encoded bytes of a request about an object: they begin with its
/// [`ObjectAddress`]. A request that is sent again may be by another map.
pub fn set_map_version(request: &mut [u8], version: u32) {
    if let Some(bytes) = request.first_chunk_mut::<4>() {
        *bytes = version.to_le_bytes();
    }
}

/// The pool that a request about an object names; those that lie in memory of the client do not say.
pub fn pool_of_object_request(request: &[u8]) -> Option<PoolId> {
    let bytes = request.get(4..)?.first_chunk::<16>()?;
    Some(PoolId::from_bytes(*bytes))
}

impl ChangeName {
    /// That of a change which is sent once.
    pub const ONCE: ChangeName = ChangeName { client: 0, sequence: 0, is_repeat: false };
}

wire_enums! {
    /// What an update writes to an akey.
    UpdateKind {
        /// A single value of so many bytes.
        Single(u64) = 0,
        /// Records of an array.
        Array(ArrayUpdate) = 1,
        /// Punches records of an array; takes nothing of the payload.
        PunchExtents(Vec<Extent>) = 2,
    }
    /// Where the values of an update are.
    Payload {
        /// Here.
        Inline(Blob) = 0,
        /// In memory that the client exposed, piece behind piece.
        Memory(Vec<Blob>) = 1,
    }
    /// Where an indirect request is.
    IndirectRequest {
        /// Here.
        Inline(Blob) = 0,
        /// In memory that the client exposed, piece behind piece; with the CRC-32C of its bytes.
        Memory((Vec<Blob>, u32)) = 1,
    }
    /// Where the reply to an indirect request is.
    IndirectReply {
        /// Here.
        Inline(Blob) = 0,
        /// So many bytes of it are in the memory that the client exposed; with their CRC-32C.
        Memory((u64, u32)) = 1,
        /// Nowhere: it takes so many bytes.
        TooLong(u64) = 2,
    }
    /// What a fetch reads of an akey.
    FetchKind {
        /// The single value.
        Single = 0,
        /// Records of an array.
        Array(Vec<Extent>) = 1,
    }
    /// What is punched.
    PunchKind {
        /// The object.
        Object = 0,
        /// Dkeys.
        Dkeys(Vec<Key>) = 1,
        /// Akeys of a dkey.
        Akeys((Key, Vec<Key>)) = 2,
    }
}
