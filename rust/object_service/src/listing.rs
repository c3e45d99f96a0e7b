//! Listings of keys and extents.

use crate::check;
use crate::service::ObjectService;
use daos_status::{Code, Result, fail};
use daos_store::{Anchor, Direction, Limits};
use daos_types::{Epoch, Extent, TransactionId};
use daos_wire::{
    Blob, KeyAnchor, ListExtents, ListExtentsReply, ListKeys, ListKeysReply, ListObjects, ListObjectsReply, decode,
    encode,
};

/// Keys in one reply: with [`BYTES_MAX`], what fits half of a message.
const KEYS_MAX: usize = 4096;
/// Bytes of keys in one reply; a single key that is longer still fits a message.
const BYTES_MAX: u64 = 48 * 1024;
/// Objects in one reply.
const OBJECTS_MAX: usize = 4096;
/// Extents in one reply.
const EXTENTS_MAX: usize = 4096;
/// Pages of extents that are looked through for one that is not punched; the client goes on from there.
const PAGES_MAX: usize = 16;

impl ObjectService {
    pub(crate) async fn list_keys(&self, body: &[u8]) -> Result<Vec<u8>> {
        let list: ListKeys = decode(body)?;
        let result = self.list_keys_checked(&list, None).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            let (object, container) = (list.address.object, list.address.container);
            status.while_doing(format_args!("listing keys of object {object} in container {container}"))
        })
    }

    /// Lists keys, as a read of a transaction if one is named.
    pub(crate) async fn list_keys_checked(
        &self,
        list: &ListKeys,
        transaction: Option<TransactionId>,
    ) -> Result<ListKeysReply> {
        let anchor = anchor_of(&list.anchor)?;
        let count = count_of(list.count, KEYS_MAX)?;
        check::key_kinds(list.address.object, list.dkey.as_ref(), std::iter::empty())?;
        self.grants.check(&list.address, false).await?;
        let limits = Limits { count, bytes: list.bytes.min(BYTES_MAX) as usize };
        let (container, object) = (list.address.container, list.address.object);
        let store = self.context.store(list.address.pool)?;
        let view = store.view_of(transaction);
        let found = match &list.dkey {
            None => view.list_dkeys(container, object, list.epoch, &anchor, limits).await?,
            Some(dkey) => view.list_akeys(container, object, dkey, list.epoch, &anchor, limits).await?,
        };
        if let [only] = &found.entries[..]
            && only.len() as u64 > list.bytes
        {
            fail!(Code::KeyTooBig, "the next key has {} bytes, and there is room for {}", only.len(), list.bytes);
        }
        Ok(ListKeysReply { keys: found.entries, anchor: next_of(&found.next) })
    }

    pub(crate) async fn list_objects(&self, body: &[u8]) -> Result<Vec<u8>> {
        let list: ListObjects = decode(body)?;
        let result = self.list_objects_checked(&list).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            status.while_doing(format_args!("listing the objects of container {}", list.address.container))
        })
    }

    async fn list_objects_checked(&self, list: &ListObjects) -> Result<ListObjectsReply> {
        let count = count_of(list.count, OBJECTS_MAX)?;
        self.grants.check(&list.address, false).await?;
        let anchor = list.after.map_or(Anchor::Start, Anchor::behind_object);
        let limits = Limits { count, bytes: usize::MAX };
        let store = self.context.store(list.address.pool)?;
        let found = store.list_objects(list.address.container, list.epoch, &anchor, limits).await?;
        Ok(ListObjectsReply { objects: found.entries, more: found.next != Anchor::End })
    }

    /// Tells what can be told without looking at the store: the order of its keys.
    pub(crate) async fn key_anchor(&self, body: &[u8]) -> Result<Vec<u8>> {
        let KeyAnchor { address, dkey, akey } = decode(body)?;
        let kind = address.object.object_type();
        check::key_kinds(address.object, Some(&dkey), akey.iter())?;
        self.grants.check(&address, false).await?;
        let anchor = match &akey {
            None => Anchor::at_key(kind.dkey_kind(), &dkey)?,
            Some(akey) => Anchor::at_key(kind.akey_kind(), akey)?,
        };
        Ok(encode(&Blob(anchor.encode())))
    }

    pub(crate) async fn list_extents(&self, body: &[u8]) -> Result<Vec<u8>> {
        let list: ListExtents = decode(body)?;
        let result = self.list_extents_checked(&list, None).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            let (object, container) = (list.address.object, list.address.container);
            status.while_doing(format_args!("listing extents of object {object} in container {container}"))
        })
    }

    /// Lists extents, as a read of a transaction if one is named.
    pub(crate) async fn list_extents_checked(
        &self,
        list: &ListExtents,
        transaction: Option<TransactionId>,
    ) -> Result<ListExtentsReply> {
        let mut anchor = anchor_of(&list.anchor)?;
        let count = count_of(list.count, EXTENTS_MAX)?;
        check::key_kinds(list.address.object, Some(&list.dkey), std::iter::once(&list.akey))?;
        self.grants.check(&list.address, false).await?;
        let limits = Limits { count, bytes: usize::MAX };
        let direction = if list.increasing { Direction::Forward } else { Direction::Backward };
        let (container, object) = (list.address.container, list.address.object);
        let store = self.context.store(list.address.pool)?;
        let view = store.view_of(transaction);
        let (mut record_size, mut extents, mut epochs): (u64, Vec<Extent>, Vec<Epoch>) = (0, Vec::new(), Vec::new());
        for _ in 0..PAGES_MAX {
            let (dkey, akey) = (&list.dkey, &list.akey);
            let page = view.list_extents(container, object, dkey, akey, list.epoch, direction, &anchor, limits).await?;
            for entry in page.entries.iter().filter(|entry| !entry.punched) {
                record_size = entry.record_size;
                extents.push(entry.extent);
                epochs.push(entry.epoch);
            }
            anchor = page.next;
            if !extents.is_empty() || anchor == Anchor::End {
                break;
            }
        }
        Ok(ListExtentsReply { record_size, extents, epochs, anchor: next_of(&anchor) })
    }
}

/// Where a client wants to go on; it sends nothing for the beginning.
fn anchor_of(bytes: &Blob) -> Result<Anchor> {
    if bytes.0.is_empty() { Ok(Anchor::Start) } else { Anchor::decode(&bytes.0) }
}

fn next_of(anchor: &Anchor) -> Option<Blob> {
    match anchor {
        Anchor::End => None,
        other => Some(Blob(other.encode())),
    }
}

fn count_of(count: u32, most: usize) -> Result<usize> {
    if count == 0 {
        fail!(Code::Inval, "a listing must have room for one entry");
    }
    Ok(most.min(count as usize))
}
