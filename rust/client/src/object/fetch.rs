//! Fetches.

use super::call::Target;
use super::fetch_plan::{self, Landing, data_runs, fetched, too_large};
use super::lend::Lent;
use super::{AkeyFetch, AkeyFetched, Conditions, EndAndNewest, FetchKind, Object, QueryResult};
use crate::{Client, Destination, ScatterList};
use daos_placement::Layout;
use daos_rpc::Access;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectId};
use daos_wire::{
    self as wire, FetchThenQuery, FetchThenQueryReply, INLINE_BYTES_MAX, Opcode, TRANSFER_BYTES_MAX, encode,
};
use std::cell::Cell;

impl Object {
    /// Reads akeys of one dkey; the results are in the order of `akeys`. A destination that is too small for a value or for
    /// the records asked for gives `Code::RecordTooBig` (`Err` carries no sizes: ask with `destination: None`).
    ///
    /// The values are those of one version of the dkey, except when destinations have more than 256 MiB together: then they are
    /// read in parts.
    pub async fn fetch(
        &self,
        client: &Client,
        epoch: Epoch,
        conditions: Conditions,
        dkey: Key,
        akeys: Vec<AkeyFetch>,
    ) -> Result<Vec<AkeyFetched>> {
        self.fetch_each(client, epoch, conditions, &[], &dkey, &akeys).await
    }

    /// As [`Object::fetch`], with conditions for each akey, in the order of the akeys, when the conditions have `PER_AKEY`.
    pub async fn fetch_each(
        &self,
        client: &Client,
        epoch: Epoch,
        conditions: Conditions,
        each: &[Conditions],
        dkey: &Key,
        akeys: &[AkeyFetch],
    ) -> Result<Vec<AkeyFetched>> {
        if let Some(transaction) = self.transaction() {
            return Box::pin(transaction.fetch(client, self, conditions, each, dkey, akeys)).await;
        }
        self.check_dkey(dkey)?;
        if akeys.is_empty() {
            fail!(Code::Inval, "a fetch of object {} names no akeys", self.id);
        }
        let mut room = Some(0u64);
        for akey in akeys {
            self.check_akey(&akey.akey)?;
            if matches!(&akey.kind, FetchKind::Array(extents) if extents.is_empty()) {
                fail!(Code::IoInval, "a fetch of object {} reads no records", self.id);
            }
            let capacity = akey.destination.as_ref().map_or(Some(0), Destination::capacity);
            room = room.and_then(|sum| sum.checked_add(capacity?));
        }
        if room.is_none_or(|room| room > TRANSFER_BYTES_MAX) {
            // On the heap: the state of every fetch would otherwise have room for it, and be moved with it.
            return Box::pin(self.fetch_in_parts(client, epoch, (conditions, each), dkey, akeys)).await;
        }
        self.fetch_at_once(client, epoch, (conditions, each), dkey, akeys).await
    }

    /// As [`Object::fetch`] without conditions, and tells of the object whose identifier stands at `at` in the bytes of the first akey, lower half
    /// first, what [`Object::end_and_max_epoch`] would: in the same message, where that can be known from one, otherwise `None`.
    pub async fn fetch_then_query(
        &self,
        client: &Client,
        epoch: Epoch,
        dkey: Key,
        akeys: Vec<AkeyFetch>,
        (at, akey): (u32, Key),
    ) -> Result<(Vec<AkeyFetched>, Option<EndAndNewest>)> {
        let (_, layout, route) = self.locate(client).await?;
        let landings = akeys.iter().map(Landing::new).collect::<Result<Vec<_>>>()?;
        let room: u64 = landings.iter().map(|landing| landing.capacity).fold(0, u64::saturating_add);
        // Of objects of several targets, only few would be where their names are.
        if self.within.is_some() || !route.has_one_target() || room > INLINE_BYTES_MAX {
            return Ok((self.fetch(client, epoch, Conditions::NONE, dkey, akeys).await?, None));
        }
        self.check_dkey(&dkey)?;
        akeys.iter().try_for_each(|akey| self.check_akey(&akey.akey))?;
        let fetch = wire::Fetch {
            address: self.address(),
            epoch,
            conditions: Conditions::NONE.0,
            dkey: dkey.clone(),
            akeys: akeys.iter().map(fetch_plan::request_of).collect(),
            memory: Vec::new(),
        };
        let request = FetchThenQuery { fetch, at, akey };
        let group = layout.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        let version = Cell::new(0);
        let send = async |target: &Target| {
            version.set(target.map_version);
            self.send(client, target, Opcode::FetchThenQuery, &request).await
        };
        let reply: FetchThenQueryReply = self.attempt(client, group, send).await?;
        if let Some(akey) = too_large(&akeys, &landings, &reply.fetched) {
            let id = self.id;
            fail!(Code::RecordTooBig, "akey {akey:?} of object {id} has more bytes than there is room for");
        }
        let fetched = fetched(&akeys, landings, &reply.fetched, &reply.fetched.inline.0)
            .map_err(|status| status.while_doing(format_args!("fetch of object {}", self.id)))?;
        let Some(found) = reply.found else { return Ok((fetched, None)) };
        let about = fetched.first().and_then(|akey| named_object(&akey.bytes, at));
        let is_all = match about {
            Some(object) => self.is_where(client, version.get(), group, object).await?,
            None => false,
        };
        let end = found.extent.map(|_| QueryResult { dkey: found.dkey, akey: found.akey, extent: found.extent });
        let found = EndAndNewest { end, newest: found.newest.unwrap_or(Epoch::ZERO) };
        Ok((fetched, is_all.then_some(found)))
    }

    /// Whether all of another object is where one of the groups of this object is, by the map of a version.
    pub(super) async fn is_where(&self, client: &Client, version: u32, group: u32, other: ObjectId) -> Result<bool> {
        let (_, layout, route) = self.locate(client).await?;
        if route.version() != version {
            return Ok(false);
        }
        // An object of a class that is not known is asked about by itself, which says so.
        let Ok(other) = self.container.layout(&route, other) else { return Ok(false) };
        let place = |layout: &Layout, group| layout.group(group).first().map(|shard| (shard.target, shard.state));
        Ok(other.groups() == 1 && place(&other, 0).is_some() && place(&other, 0) == place(&layout, group))
    }

    /// A fetch whose destinations together are not too large for one request.
    async fn fetch_at_once(
        &self,
        client: &Client,
        epoch: Epoch,
        (conditions, each): (Conditions, &[Conditions]),
        dkey: &Key,
        akeys: &[AkeyFetch],
    ) -> Result<Vec<AkeyFetched>> {
        let layout = self.layout(client).await?;
        let group = layout.group_of_dkey(dkey, self.id.object_type().dkey_kind());
        let mut landings = akeys.iter().map(Landing::new).collect::<Result<Vec<_>>>()?;
        let room: u64 = landings.iter().map(|landing| landing.capacity).sum();
        let mut request = wire::Fetch {
            address: self.address(),
            epoch,
            conditions: conditions.0,
            dkey: dkey.clone(),
            akeys: akeys.iter().map(fetch_plan::request_of).collect(),
            memory: Vec::new(),
        };
        for (akey, conditions) in request.akeys.iter_mut().zip(each) {
            akey.conditions = conditions.0;
        }
        let answer = self.attempt(client, group, async |target: &Target| {
            if room <= INLINE_BYTES_MAX {
                return self.send_parts(client, target, Opcode::Fetch, encode(&request), &[], &[]).await;
            }
            let streams: Vec<ScatterList> = landings.iter_mut().map(Landing::stream).collect();
            let lent = Lent::new(target.connection.endpoint(), &streams, Access::Write)?;
            request.memory = lent.descriptors();
            let answer = self.send_parts(client, target, Opcode::Fetch, encode(&request), &[], lent.exposed()).await?;
            let (reply, inline) = answer.read_fetched()?;
            lent.end(|stream, bytes| {
                // An inline reply has left the copy as it was: it is not looked at.
                if let (Some(akey), true) = (reply.akeys.get(stream), inline.is_empty()) {
                    for run in data_runs(akey, &akeys[stream].kind, landings[stream].capacity) {
                        streams[stream].write_at(run.start, &bytes[run.start as usize..run.end as usize]);
                    }
                }
            });
            Ok(answer)
        });
        let answer = answer.await?;
        let (reply, inline) = answer.read_fetched()?;
        if let Some(akey) = too_large(akeys, &landings, &reply) {
            fail!(
                Code::RecordTooBig,
                "akey {akey:?} of object {} has more bytes than there is room for: ask for the sizes first",
                self.id
            );
        }
        fetched(akeys, landings, &reply, inline)
            .map_err(|status| status.while_doing(format_args!("fetch of object {}", self.id)))
    }

    /// A fetch with more room than one request may have: asks for the sizes, then for the akeys one by one.
    async fn fetch_in_parts(
        &self,
        client: &Client,
        epoch: Epoch,
        (conditions, each): (Conditions, &[Conditions]),
        dkey: &Key,
        akeys: &[AkeyFetch],
    ) -> Result<Vec<AkeyFetched>> {
        let sizes: Vec<_> = akeys.iter().map(fetch_plan::without_destination).collect();
        let sizes = self.fetch_at_once(client, epoch, (conditions, each), dkey, &sizes).await?;
        let mut all = Vec::with_capacity(akeys.len());
        for (akey, size) in akeys.iter().zip(sizes) {
            let Some(parts) = fetch_plan::parts(akey.clone(), &size) else {
                let name = &akey.akey;
                fail!(Code::RecordTooBig, "akey {name:?} of object {} has more bytes than there is room for", self.id);
            };
            let (mut whole, mut position) = (AkeyFetched::default(), 0);
            for part in parts {
                let room = part.destination.as_ref().and_then(Destination::capacity).unwrap_or(0);
                let found = self.fetch_at_once(client, epoch, (Conditions::NONE, &[]), dkey, &[part]).await?;
                fetch_plan::append(&mut whole, position, found.into_iter().next().unwrap_or_default());
                position += room;
            }
            all.push(whole);
        }
        Ok(all)
    }
}

/// The object whose identifier stands somewhere in bytes.
pub(super) fn named_object(bytes: &[u8], at: u32) -> Option<ObjectId> {
    let (lo, rest) = bytes.get(at as usize..)?.split_first_chunk()?;
    let hi = rest.first_chunk()?;
    Some(ObjectId { lo: u64::from_le_bytes(*lo), hi: u64::from_le_bytes(*hi) })
}
