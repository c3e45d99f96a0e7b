//! Listings.

use super::{Anchor, ListLimits, Object};
use crate::Client;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent, Key};
use daos_wire::{Blob, KeyAnchor, ListExtents, ListExtentsReply, ListKeys, ListKeysReply, Opcode};

impl Anchor {
    /// The group behind the last one that is listed.
    fn last_group(&self, groups: u32) -> u32 {
        if self.until == 0 { groups } else { self.until.min(groups) }
    }
}

impl Object {
    /// Lists dkeys from `anchor` on and moves it; empty with `anchor.end` set when there are no more. Targets are listed one
    /// after the other; a step ends when the limits are reached or a target has told what it can at once.
    pub async fn list_dkeys(
        &self,
        client: &Client,
        epoch: Epoch,
        anchor: &mut Anchor,
        limits: ListLimits,
    ) -> Result<Vec<Key>> {
        let groups = anchor.last_group(self.layout(client).await?.groups());
        let (mut keys, mut left) = (Vec::new(), limits);
        while !anchor.end {
            if anchor.shard >= groups {
                *anchor = Anchor { end: true, ..Anchor::default() };
                break;
            }
            let reply = match self.list_step(client, anchor.shard, epoch, None, anchor, left).await {
                Ok(reply) => reply,
                // The next key does not fit any more: it is for the next step.
                Err(status) if status.code() == Code::KeyTooBig && !keys.is_empty() => break,
                Err(status) => return Err(status),
            };
            let full = reply.anchor.is_some() && !reply.keys.is_empty();
            left.count = left.count.saturating_sub(reply.keys.len() as u32);
            left.bytes = left.bytes.saturating_sub(reply.keys.iter().map(|key| key.len() as u64).sum());
            keys.extend(reply.keys);
            match reply.anchor {
                Some(position) => anchor.position = position.0,
                None => *anchor = Anchor { position: Vec::new(), shard: anchor.shard + 1, ..*anchor },
            }
            if full || left.count == 0 {
                break;
            }
        }
        // Told now when it is known, so that callers need no last empty step.
        anchor.end |= anchor.shard >= groups;
        Ok(keys)
    }

    /// Divides a listing of the dkeys into parts that can be listed at the same time, by whom it may be: each dkey is in one of them.
    /// There are at most as many as groups, and by default so many.
    pub async fn split_listing(&self, client: &Client, parts: Option<u32>) -> Result<Vec<Anchor>> {
        let groups = self.layout(client).await?.groups();
        let parts = parts.unwrap_or(groups);
        if parts == 0 || parts > groups {
            fail!(Code::Inval, "a listing of object {} can be divided into 1 to {groups} parts, not {parts}", self.id);
        }
        let first = |part: u32| (u64::from(groups) * u64::from(part) / u64::from(parts)) as u32;
        Ok((0..parts).map(|part| Anchor { shard: first(part), until: first(part + 1), ..Anchor::default() }).collect())
    }

    /// Where a listing begins whose first key is this dkey, or with an akey this akey of it, or what comes behind if it is not there.
    /// Of a key longer than 64 bytes: the first key that has the same 64 first bytes, where keys are in lexical order.
    pub async fn anchor_at(&self, client: &Client, dkey: Key, akey: Option<Key>) -> Result<Anchor> {
        self.check_dkey(&dkey)?;
        akey.iter().try_for_each(|akey| self.check_akey(akey))?;
        let group = self.layout(client).await?.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        let shard = if akey.is_some() { 0 } else { group };
        let request = KeyAnchor { address: self.address(), dkey, akey };
        let send = async |target: &_| self.send(client, target, Opcode::KeyAnchor, &request).await;
        let position: Blob = self.attempt(client, group, send).await?;
        Ok(Anchor { position: position.0, shard, ..Anchor::default() })
    }

    /// Lists akeys of a dkey.
    pub async fn list_akeys(
        &self,
        client: &Client,
        epoch: Epoch,
        dkey: Key,
        anchor: &mut Anchor,
        limits: ListLimits,
    ) -> Result<Vec<Key>> {
        self.check_dkey(&dkey)?;
        let group = self.layout(client).await?.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        while !anchor.end {
            let reply = self.list_step(client, group, epoch, Some(&dkey), anchor, limits).await?;
            anchor.end = reply.anchor.is_none();
            anchor.position = reply.anchor.unwrap_or_default().0;
            if !reply.keys.is_empty() {
                return Ok(reply.keys);
            }
        }
        Ok(Vec::new())
    }

    async fn list_step(
        &self,
        client: &Client,
        group: u32,
        epoch: Epoch,
        dkey: Option<&Key>,
        anchor: &Anchor,
        limits: ListLimits,
    ) -> Result<ListKeysReply> {
        if limits.count == 0 {
            fail!(Code::Inval, "a listing of object {} has room for no keys", self.id);
        }
        let request = ListKeys {
            address: self.address(),
            epoch,
            dkey: dkey.cloned(),
            anchor: Blob(anchor.position.clone()),
            count: limits.count,
            bytes: limits.bytes,
        };
        let send = async |target: &_| self.send(client, target, Opcode::ListKeys, &request).await;
        let reply: ListKeysReply = self.attempt(client, group, send).await?;
        self.check_progress(anchor, reply.keys.is_empty(), reply.anchor.as_ref())?;
        Ok(reply)
    }

    /// Lists the visible extents of an array akey with the epochs at which they were written, in increasing order or decreasing; with the record size.
    /// Of the limits, only the count matters.
    #[expect(clippy::too_many_arguments, reason = "the path to an akey, and how to list below it")]
    pub async fn list_extents(
        &self,
        client: &Client,
        epoch: Epoch,
        dkey: Key,
        akey: Key,
        increasing: bool,
        anchor: &mut Anchor,
        limits: ListLimits,
    ) -> Result<(u64, Vec<(Extent, Epoch)>)> {
        self.check_dkey(&dkey)?;
        self.check_akey(&akey)?;
        if limits.count == 0 {
            fail!(Code::Inval, "a listing of object {} has room for no extents", self.id);
        }
        let group = self.layout(client).await?.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        let mut request = ListExtents {
            address: self.address(),
            epoch,
            dkey,
            akey,
            increasing,
            anchor: Blob::default(),
            count: limits.count,
        };
        while !anchor.end {
            request.anchor = Blob(anchor.position.clone());
            let send = async |target: &_| self.send(client, target, Opcode::ListExtents, &request).await;
            let reply: ListExtentsReply = self.attempt(client, group, send).await?;
            if reply.epochs.len() != reply.extents.len() {
                let (extents, epochs) = (reply.extents.len(), reply.epochs.len());
                fail!(Code::Proto, "{epochs} epochs were told for {extents} extents of object {}", self.id);
            }
            self.check_progress(anchor, reply.extents.is_empty(), reply.anchor.as_ref())?;
            anchor.end = reply.anchor.is_none();
            anchor.position = reply.anchor.unwrap_or_default().0;
            if !reply.extents.is_empty() {
                return Ok((reply.record_size, reply.extents.into_iter().zip(reply.epochs).collect()));
            }
        }
        Ok((0, Vec::new()))
    }

    /// A step that finds nothing must at least move on, or a listing would never end.
    fn check_progress(&self, anchor: &Anchor, empty: bool, next: Option<&Blob>) -> Result<()> {
        if empty && next.is_some_and(|next| next.0 == anchor.position) {
            fail!(Code::Proto, "a listing of object {} does not move on", self.id);
        }
        Ok(())
    }
}
