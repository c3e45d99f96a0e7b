//! Where each record lies.

use super::setup::{Layout, Setup};
use daos_status::Result;
use daos_types::{Extent, Key, ObjectClass, ObjectId, ObjectType};

/// Bytes of an array under one dkey.
const CHUNK_BYTES: u64 = 1 << 20;

/// One record's place.
pub struct Place {
    /// Its object.
    pub object: ObjectId,
    /// Its dkey.
    pub dkey: Key,
    /// Its akey.
    pub akey: Key,
    /// Its bytes in the array, unless it is a single value.
    pub extent: Option<Extent>,
}

fn object(kind: ObjectType, number: u64) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: number }, kind, ObjectClass::S1)
}

/// The place of a record.
pub fn place(setup: &Setup, record: u64) -> Result<Place> {
    let size = setup.size as u64;
    match setup.layout {
        Layout::Single => {
            let mut key = [b'k'; 16];
            key[8..].copy_from_slice(&record.to_be_bytes());
            let (dkey, akey) = (Key::new(&key)?, Key::new(b"v")?);
            Ok(Place { object: object(ObjectType::MULTI_HASHED, 1), dkey, akey, extent: None })
        }
        Layout::Sequential | Layout::Random => {
            // A record larger than a chunk has a dkey of its own.
            let per_chunk = (CHUNK_BYTES / size).max(1);
            let extent = Extent::new(record % per_chunk * size, size);
            let dkey = Key::from_u64(record / per_chunk + 1);
            Ok(Place { object: object(ObjectType::ARRAY_BYTE, 1), dkey, akey: Key::new(b"0")?, extent })
        }
        Layout::Object => {
            let object = object(ObjectType::ARRAY_BYTE, record + 1);
            Ok(Place { object, dkey: Key::from_u64(1), akey: Key::new(b"0")?, extent: Extent::new(0, size) })
        }
    }
}
