//! Rows as values of the store.

use super::{FIRST_OBJECT, SECOND_OBJECT};
use daos_status::Result;
use daos_store::{
    AkeyFetch, AkeyUpdate, Anchor, Conditions, Data, FetchRequest, FetchWhat, Fetched, Few, KeyListing, Limits,
    Operation, PunchRequest, PunchTarget, Store, UpdateRequest, UpdateValue,
};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use daos_wire::replicated::{EntryPayload, LogEntry};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the identifier of a container of rows begins with; a generation number follows.
const CONTAINER_PREFIX: [u8; 8] = *b"sys-rows";
/// Everything is written at the same epoch: a later value replaces the one before it.
const EPOCH: Epoch = Epoch(1);
/// Keys that are listed at a time.
pub const KEYS_PER_LISTING: usize = 1000;
/// Bytes of keys that are listed at a time.
pub const LISTING_BYTES: usize = 1 << 20;

pub fn container_of(generation: u64) -> ContainerId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&CONTAINER_PREFIX);
    bytes[8..].copy_from_slice(&generation.to_be_bytes());
    ContainerId::from_bytes(bytes)
}

pub fn generation_of(container: ContainerId) -> Option<u64> {
    let bytes = container.to_bytes();
    let (prefix, generation) = bytes.split_first_chunk::<8>()?;
    (*prefix == CONTAINER_PREFIX).then_some(u64::from_be_bytes(generation.try_into().ok()?))
}

fn akey() -> Result<Key> {
    Key::new(b"row")
}

pub fn put(container: ContainerId, object: ObjectId, dkey: Key, value: &[u8]) -> Result<Operation> {
    Ok(Operation::Update(UpdateRequest {
        container,
        object,
        epoch: EPOCH,
        dkey,
        conditions: Conditions::NONE,
        akeys: Few::from([AkeyUpdate {
            akey: akey()?,
            value: UpdateValue::Single(Data::copy_of(value)),
            conditions: Conditions::NONE,
        }]),
    }))
}

pub fn remove(container: ContainerId, object: ObjectId, dkey: Key) -> Operation {
    Operation::Punch(PunchRequest {
        container,
        object,
        epoch: EPOCH,
        what: PunchTarget::Dkeys(vec![dkey]),
        conditions: Conditions::NONE,
    })
}

/// The value of a dkey, if it has one.
pub async fn lookup(store: &Store, container: ContainerId, object: ObjectId, dkey: &Key) -> Result<Option<Vec<u8>>> {
    let akey = AkeyFetch { akey: akey()?, what: FetchWhat::Single, conditions: Conditions::NONE };
    let request = FetchRequest {
        container,
        object,
        epoch: Epoch::MAX,
        dkey: dkey.clone(),
        akeys: Few::from([akey]),
        size_only: false,
        conditions: Conditions::NONE,
    };
    match store.fetch(request).await?.akeys.pop() {
        Some(Fetched::Single { data, .. }) => Ok(Some(data.into_vec())),
        _ => Ok(None),
    }
}

pub async fn list(store: &Store, container: ContainerId, anchor: &Anchor, limits: Limits) -> Result<KeyListing> {
    store.list_dkeys(container, FIRST_OBJECT, Epoch::MAX, anchor, limits).await
}

/// Which rows count in a store of a release without replicas: of the highest generation that says it is complete; if none
/// does, of the lowest. Generations come in order.
pub async fn complete_generation(store: &Store, generations: &[u64]) -> Result<Option<u64>> {
    for &generation in generations.iter().rev() {
        let limits = Limits { count: 1, bytes: LISTING_BYTES };
        let start = Anchor::default();
        let container = container_of(generation);
        let listing = store.list_dkeys(container, SECOND_OBJECT, Epoch::MAX, &start, limits).await?;
        if !listing.entries.is_empty() {
            return Ok(Some(generation));
        }
    }
    Ok(generations.first().copied())
}

/// The newest change of each row among entries.
pub fn newest(entries: &[Rc<LogEntry>]) -> BTreeMap<&[u8], Option<&Vec<u8>>> {
    let mut newest = BTreeMap::new();
    for entry in entries {
        if let EntryPayload::Rows(changes) = &entry.payload {
            for change in changes {
                newest.insert(change.key.as_slice(), change.value.as_ref());
            }
        }
    }
    newest
}
