//! Flat key-value objects.
//!
//! A key is stored as a dkey; its value is the single value of one akey, whose name upstream has fixed.

use crate::{
    AkeyFetch, AkeyUpdate, Anchor, Client, Conditions, Container, Destination, FetchKind, ListLimits, Object,
    ObjectFlags, Source, Transaction, UpdateValue,
};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType};

/// The akey that holds a value.
const VALUE_AKEY: &[u8] = b"0";

/// What a get found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyValueGet {
    /// Size of the value; 0 when the key is not there.
    pub size: u64,
    /// The value, when the destination was [`Destination::Owned`].
    pub bytes: Vec<u8>,
}

/// An open key-value object.
#[derive(Clone, Debug)]
pub struct KeyValue {
    object: Object,
}

impl KeyValue {
    /// Puts type and class of a key-value object into a user's identifier.
    pub fn generate_id(user: ObjectId, class: ObjectClass) -> ObjectId {
        ObjectId::generate(user, ObjectType::KV_HASHED, class)
    }

    /// Opens a key-value object: nothing is sent. The type in the identifier must be one of the flat ones.
    pub fn open(container: &Container, id: ObjectId, flags: ObjectFlags) -> Result<KeyValue> {
        if !is_flat(id.object_type()) {
            fail!(Code::Inval, "object {id} is of type {}, which is not a key-value type", id.object_type().0);
        }
        Ok(KeyValue { object: Object::open(container, id, flags)? })
    }

    /// The same key-value in a transaction, see [`Object::within`].
    pub fn within(&self, transaction: &Transaction) -> KeyValue {
        KeyValue { object: self.object.within(transaction) }
    }

    /// The object underneath.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Stores a value; of the conditions, `DKEY_INSERT` and `DKEY_UPDATE` make sense. Durable when it returns.
    pub async fn put(&self, client: &Client, conditions: Conditions, key: &[u8], value: Source) -> Result<()> {
        let update = AkeyUpdate { akey: value_akey()?, value: UpdateValue::Single(value) };
        self.object.update(client, conditions, user_key(key)?, vec![update]).await
    }

    /// Reads a value as it was at an epoch; `Epoch::MAX` for the newest. A destination that is too small gives `Code::RecordTooBig`; [`KeyValue::size`] tells the size.
    /// A missing key has size 0, or with `DKEY_FETCH` gives `Code::Nonexist`.
    pub async fn get(
        &self,
        client: &Client,
        epoch: Epoch,
        conditions: Conditions,
        key: &[u8],
        destination: Destination,
    ) -> Result<KeyValueGet> {
        self.fetch(client, epoch, conditions, key, Some(destination)).await
    }

    /// The size of a value; 0 when the key is not there.
    pub async fn size(&self, client: &Client, epoch: Epoch, conditions: Conditions, key: &[u8]) -> Result<u64> {
        Ok(self.fetch(client, epoch, conditions, key, None).await?.size)
    }

    /// Removes a key; with `PUNCH`, a missing one gives `Code::Nonexist`.
    pub async fn remove(&self, client: &Client, conditions: Conditions, key: &[u8]) -> Result<()> {
        self.object.punch_dkeys(client, conditions, vec![user_key(key)?]).await
    }

    /// Lists keys from `anchor` on and moves it.
    pub async fn list(
        &self,
        client: &Client,
        epoch: Epoch,
        anchor: &mut Anchor,
        limits: ListLimits,
    ) -> Result<Vec<Key>> {
        self.object.list_dkeys(client, epoch, anchor, limits).await
    }

    /// Removes all keys.
    pub async fn destroy(&self, client: &Client) -> Result<()> {
        self.object.punch(client, Conditions::NONE).await
    }

    async fn fetch(
        &self,
        client: &Client,
        epoch: Epoch,
        conditions: Conditions,
        key: &[u8],
        destination: Option<Destination>,
    ) -> Result<KeyValueGet> {
        let fetch = AkeyFetch { akey: value_akey()?, kind: FetchKind::Single, destination };
        let mut results = self.object.fetch(client, epoch, conditions, user_key(key)?, vec![fetch]).await?;
        Ok(results.pop().map(|found| KeyValueGet { size: found.size, bytes: found.bytes }).unwrap_or_default())
    }
}

fn value_akey() -> Result<Key> {
    Key::new(VALUE_AKEY)
}

fn user_key(key: &[u8]) -> Result<Key> {
    if key.is_empty() {
        fail!(Code::Inval, "the key of a key-value object is empty");
    }
    Key::new(key)
}

/// Whether upstream opens objects of this type as key-values (`DAOS_OT_KV_HASHED`, `_UINT64`, `_LEXICAL`).
fn is_flat(kind: ObjectType) -> bool {
    matches!(kind.0, 8..=10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flat_types_are_key_values() {
        let id = KeyValue::generate_id(ObjectId { hi: 1, lo: 2 }, ObjectClass::S1);
        assert!(is_flat(id.object_type()));
        for kind in [ObjectType::MULTI_HASHED, ObjectType::ARRAY, ObjectType::ARRAY_BYTE] {
            assert!(!is_flat(kind));
        }
    }

    #[test]
    fn keys_must_not_be_empty_nor_too_long() {
        assert_eq!(user_key(b"").map_err(|e| e.code()), Err(Code::Inval));
        assert_eq!(user_key(&[0; 65537]).map_err(|e| e.code()), Err(Code::KeyTooBig));
        assert!(user_key(b"k").is_ok());
    }
}
