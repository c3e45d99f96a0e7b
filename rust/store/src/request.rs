//! Requests that change a store.

use crate::{ChecksumKind, Conditions, Data, Few};
use daos_status::{Code, Result, fail};
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
    pub akeys: Few<AkeyUpdate>,
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
        pieces: Few<(Extent, Data)>,
    },
    /// Empties ranges of an array.
    PunchExtents(Vec<Extent>),
}

/// Checksums that a client made of the bytes of an update, for [`crate::Store::update_verified`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GivenChecksums {
    /// Which akey of the request.
    pub akey: usize,
    /// Which piece of its array; 0 for a single value.
    pub piece: usize,
    /// Their kind, which need not be the container's.
    pub kind: ChecksumKind,
    /// Bytes under one checksum, from the first byte of the value or piece on.
    pub chunk_bytes: usize,
    /// The checksums of the chunks, one after the other.
    pub checksums: Vec<u8>,
}

impl GivenChecksums {
    /// The checksums of bytes.
    pub fn of(akey: usize, piece: usize, kind: ChecksumKind, chunk_bytes: usize, bytes: &[u8]) -> GivenChecksums {
        let chunk_bytes = chunk_bytes.max(1);
        let mut checksums = Vec::with_capacity(bytes.len().div_ceil(chunk_bytes) * kind.length());
        bytes.chunks(chunk_bytes).for_each(|part| checksums.extend_from_slice(kind.checksum(part).as_bytes()));
        GivenChecksums { akey, piece, kind, chunk_bytes, checksums }
    }

    /// Compares the bytes of an update.
    pub(crate) fn verify(&self, request: &UpdateRequest) -> Result<()> {
        let (object, dkey, length) = (request.object, &request.dkey, self.kind.length());
        let update = request.akeys.get(self.akey);
        let data = update.and_then(|update| match (&update.value, self.piece) {
            (UpdateValue::Single(data), 0) => Some(data),
            (UpdateValue::Array { pieces, .. }, piece) => pieces.get(piece).map(|(_, data)| data),
            _ => None,
        });
        let (Some(update), Some(data)) = (update, data) else {
            fail!(Code::Inval, "checksums for piece {} of akey {} of a request without it", self.piece, self.akey);
        };
        if length == 0 {
            return Ok(());
        }
        if self.chunk_bytes == 0 || self.checksums.len() != data.len().div_ceil(self.chunk_bytes) * length {
            let (given, chunk, bytes) = (self.checksums.len(), self.chunk_bytes, data.len());
            fail!(
                Code::Inval,
                "{given} bytes of {} checksums of {chunk} bytes each do not fit {bytes} bytes",
                self.kind
            );
        }
        let mut pairs = data.chunks(self.chunk_bytes).zip(self.checksums.chunks(length));
        match pairs.position(|(part, given)| self.kind.checksum(part).as_bytes() != given) {
            None => Ok(()),
            Some(chunk) => {
                let (akey, at) = (&update.akey, chunk * self.chunk_bytes);
                fail!(
                    Code::Csum,
                    "object {object}, dkey {dkey:?}, akey {akey:?}: the bytes of an update from byte {at} on are not those that were sent; \
                     nothing was kept, send it again"
                )
            }
        }
    }
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

impl Operation {
    /// The version that it makes.
    pub fn epoch(&self) -> Epoch {
        match self {
            Operation::Update(update) => update.epoch,
            Operation::Punch(punch) => punch.epoch,
        }
    }
}
