//! Cell size and chunk size, and how arrays of type `ARRAY` store them.

use super::cell_akey;
use crate::{AkeyFetch, AkeyUpdate, Client, Conditions, Destination, FetchKind, Object, Source, UpdateValue};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectId, ObjectType};

/// First word of the stored attributes (upstream's value).
const MAGIC: u64 = 0xdaca_55a9_daca_55a9;
/// Dkey of the stored attributes.
const ATTRIBUTE_DKEY: u64 = 0;
/// Three little-endian words: magic, cell size, chunk size.
const STORED_LENGTH: usize = 24;

/// How an array is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArrayAttributes {
    /// Bytes per cell.
    pub cell_size: u64,
    /// Cells per dkey.
    pub chunk_size: u64,
}

impl ArrayAttributes {
    pub(super) fn check(self, id: ObjectId) -> Result<()> {
        let kind = id.object_type();
        if !matches!(kind, ObjectType::ARRAY | ObjectType::ARRAY_ATTR | ObjectType::ARRAY_BYTE) {
            fail!(Code::Inval, "object {id} is of type {}, which is not an array type", kind.0);
        }
        if self.cell_size == 0 || self.chunk_size == 0 {
            fail!(Code::Inval, "array {id}: cell size and chunk size must not be 0");
        }
        if kind == ObjectType::ARRAY_BYTE && self.cell_size != 1 {
            fail!(Code::Inval, "array {id} is a byte array; its cell size must be 1, not {}", self.cell_size);
        }
        Ok(())
    }

    fn encode(self) -> Vec<u8> {
        [MAGIC, self.cell_size, self.chunk_size].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn decode(bytes: &[u8], id: ObjectId) -> Result<ArrayAttributes> {
        let word = |index: usize| {
            let bytes = bytes.get(index * 8..index * 8 + 8)?;
            Some(u64::from_le_bytes(bytes.try_into().ok()?))
        };
        match (bytes.len(), word(0), word(1), word(2)) {
            (STORED_LENGTH, Some(MAGIC), Some(cell_size), Some(chunk_size)) => {
                Ok(ArrayAttributes { cell_size, chunk_size })
            }
            _ => fail!(Code::DfInval, "the stored attributes of array {id} are not those of an array"),
        }
    }
}

/// Writes the attributes of a new array; one of several concurrent creators wins.
pub(super) async fn store(client: &Client, object: &Object, attributes: ArrayAttributes) -> Result<()> {
    let value = UpdateValue::Single(Source::Owned(attributes.encode()));
    let conditions = Conditions(Conditions::DKEY_INSERT.0 | Conditions::AKEY_INSERT.0);
    let update = AkeyUpdate { akey: cell_akey()?, value };
    object.update(client, conditions, Key::from_u64(ATTRIBUTE_DKEY), vec![update]).await
}

/// Reads the attributes.
pub(super) async fn load(client: &Client, object: &Object, epoch: Epoch) -> Result<ArrayAttributes> {
    let destination = Some(Destination::Owned(STORED_LENGTH as u64));
    let fetch = AkeyFetch { akey: cell_akey()?, kind: FetchKind::Single, destination };
    let dkey = Key::from_u64(ATTRIBUTE_DKEY);
    let found = object.fetch(client, epoch, Conditions::NONE, dkey, vec![fetch]).await?.pop().unwrap_or_default();
    if found.size == 0 {
        fail!(Code::Nonexist, "array {} was not created: it has no attributes", object.id());
    }
    let attributes = ArrayAttributes::decode(&found.bytes, object.id())?;
    attributes.check(object.id())?;
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_types::ObjectClass;

    fn id(kind: ObjectType) -> ObjectId {
        ObjectId::generate(ObjectId { hi: 0, lo: 1 }, kind, ObjectClass::S1)
    }

    #[test]
    fn the_stored_form_is_upstreams() {
        let attributes = ArrayAttributes { cell_size: 4, chunk_size: 1024 };
        let bytes = attributes.encode();
        assert_eq!(bytes[..8], [0xa9, 0x55, 0xca, 0xda, 0xa9, 0x55, 0xca, 0xda]);
        assert_eq!((bytes[8], bytes[17], bytes.len()), (4, 4, STORED_LENGTH));
        assert_eq!(ArrayAttributes::decode(&bytes, id(ObjectType::ARRAY)), Ok(attributes));
    }

    #[test]
    fn foreign_bytes_are_refused() {
        for bytes in [&[][..], &[0; 24], &[0xff; 23]] {
            let result = ArrayAttributes::decode(bytes, id(ObjectType::ARRAY));
            assert_eq!(result.map_err(|e| e.code()), Err(Code::DfInval));
        }
    }

    #[test]
    fn impossible_attributes_are_refused() {
        let check = |cell_size, chunk_size, kind| ArrayAttributes { cell_size, chunk_size }.check(id(kind)).is_ok();
        assert!(check(8, 1, ObjectType::ARRAY) && check(1, 1 << 20, ObjectType::ARRAY_BYTE));
        assert!(!check(0, 1, ObjectType::ARRAY) && !check(1, 0, ObjectType::ARRAY));
        assert!(!check(2, 1, ObjectType::ARRAY_BYTE) && !check(1, 1, ObjectType::KV_HASHED));
    }
}
