//! Moving what a dkey holds under another dkey of the same target, with the object that the other one named, in one message.

use super::fetch_plan::Landing;
use super::names::is_in_doubt;
use super::removal::test;
use super::{AkeyFetch, AkeyFetched, Object};
use crate::Client;
use daos_placement::{Layout, ShardState};
use daos_status::{Code, Result, fail};
use daos_types::{Key, ObjectId};
use daos_wire::{Blob, FetchThenMove, FetchThenMoveReply, INLINE_BYTES_MAX, Opcode};
use std::cell::Cell;

/// Where to [`Object::fetch_then_move`] moves what a dkey holds, what must hold of both dkeys, and what goes. Tests are of four bytes of the first
/// akey that is read: where they stand, the bits that count, and what these are, as a little-endian number.
pub struct NameMove<'a> {
    /// The other object, and the dkey in it.
    pub to: (&'a Object, Key),
    /// What must hold of the dkey that is moved.
    pub only_if: (u32, u32, u32),
    /// The object that it must name, where only one is meant.
    pub only_named: Option<ObjectId>,
    /// What must hold of both dkeys, where the other one names an object; `None` where it must name none.
    pub over_if: Option<(u32, u32, u32)>,
    /// The object that the other dkey must name if it names one, where only one is meant.
    pub only_over: Option<ObjectId>,
    /// The numbers of akeys that must have no value, at both.
    pub without: &'a [u32],
    /// The numbers of akeys that do not move, and are gone afterwards, at both.
    pub dropped: &'a [u32],
    /// Where in the bytes of the first akey the identifier of the object stands, lower half first.
    pub at: u32,
    /// What becomes of bytes of the first akey: where they stand, and what they are from then on.
    pub changed: Vec<(u32, Vec<u8>)>,
    /// The object that the other dkey named goes, too, if this holds of that, and all of it is where the dkeys are.
    pub object_if: (u32, u32, u32),
    /// The object that goes, where only one may.
    pub only_object: Option<ObjectId>,
    /// Whether the object may go; asked at the moment at which the message is sent.
    pub may_take_object: &'a dyn Fn() -> bool,
}

/// What [`Object::fetch_then_move`] has found and done.
#[derive(Debug)]
pub enum NameMoved {
    /// Nothing was done: not all was as it must be, or it could not be done at once. What there is of both dkeys.
    Not(Vec<AkeyFetched>, Vec<AkeyFetched>),
    /// It has moved. What both dkeys held before, and whether all of the object that the other one named has gone.
    Moved(Vec<AkeyFetched>, Vec<AkeyFetched>, bool),
    /// It has moved at an earlier attempt whose answer was lost, and what was there is not known any more, nor whether the object has gone: the
    /// container was aggregated since.
    Forgotten,
}

impl Object {
    /// Reads the same akeys of a dkey and of another one, maybe of another object, and, at the same moment, moves all that the first one holds to the
    /// other one if they are as they must be; the object that the other one named goes, if that is wanted and it is at the same target: all of it or
    /// nothing. The first akey must be read as one extent of bytes from 0 on; all others of the dkey must be single values. `None` where this cannot be
    /// asked for: the dkeys are at different targets, say.
    pub async fn fetch_then_move(
        &self,
        client: &Client,
        dkey: Key,
        akeys: Vec<AkeyFetch>,
        request: NameMove<'_>,
    ) -> Result<Option<NameMoved>> {
        let (_, layout, route) = self.locate(client).await?;
        let landings = || akeys.iter().map(Landing::new).collect::<Result<Vec<_>>>();
        let (here, there) = (landings()?, landings()?);
        let room: u64 = akeys.iter().filter_map(|akey| akey.destination.as_ref()?.capacity()).sum();
        let (to, to_dkey) = (request.to.0, &request.to.1);
        if self.within.is_some() || to.within.is_some() || room > INLINE_BYTES_MAX / 2 {
            return Ok(None);
        }
        for (object, dkey) in [(self, &dkey), (to, to_dkey)] {
            object.check_writable()?;
            object.check_dkey(dkey)?;
        }
        akeys.iter().try_for_each(|akey| self.check_akey(&akey.akey))?;
        let group = layout.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        let is_near = match request.only_object {
            Some(object) => self.is_where(client, route.version(), group, object).await?,
            None => route.has_one_target(),
        };
        let mut message = self.message_of_move(client, dkey, &akeys, &request);
        let version = Cell::new(0);
        let send = async |target: &super::call::Target| {
            version.set(target.map_version);
            if !self.is_at_target_of(client, target.map_version, group, (to, to_dkey)).await? {
                if message.name.is_repeat {
                    fail!(Code::Io, "the pool has changed, and nobody knows whether a name was moved before");
                }
                return Ok(None);
            }
            message.object_if = (is_near && (request.may_take_object)()).then(|| test(request.object_if));
            let result = self.send(client, target, Opcode::FetchThenMove, &message).await;
            message.name.is_repeat |= is_in_doubt(&result);
            result.map(Some)
        };
        let reply: Option<FetchThenMoveReply> = self.attempt(client, group, send).await?;
        let Some(reply) = reply else { return Ok(None) };
        if let Some(epoch) = reply.moved {
            client.note_change(epoch);
            if reply.fetched.akeys.is_empty() {
                return Ok(Some(NameMoved::Forgotten));
            }
        }
        let found = self.what_was_read(&akeys, here, &reply.fetched)?;
        let over = to.what_was_read(&akeys, there, &reply.over)?;
        if reply.moved.is_none() {
            return Ok(Some(NameMoved::Not(found, over)));
        }
        let named = over.first().and_then(|akey| super::fetch::named_object(&akey.bytes, request.at));
        let is_all = match named.filter(|_| reply.with_object) {
            Some(object) => self.is_where(client, version.get(), group, object).await?,
            None => false,
        };
        Ok(Some(NameMoved::Moved(found, over, is_all)))
    }

    fn message_of_move(
        &self,
        client: &Client,
        dkey: Key,
        akeys: &[AkeyFetch],
        request: &NameMove<'_>,
    ) -> FetchThenMove {
        FetchThenMove {
            fetch: self.look_at(dkey, akeys),
            name: client.0.change_names.next(),
            to_object: request.to.0.id,
            to_dkey: request.to.1.clone(),
            only_if: test(request.only_if),
            only_named: request.only_named,
            over_if: request.over_if.map(test),
            only_over: request.only_over,
            without: request.without.to_vec(),
            dropped: request.dropped.to_vec(),
            at: request.at,
            changed: request.changed.iter().map(|(at, bytes)| (*at, Blob(bytes.clone()))).collect(),
            object_if: None,
            only_object: request.only_object,
        }
    }

    /// Whether a dkey of an object is at the target of one of the groups of this one, by the map of a version.
    async fn is_at_target_of(
        &self,
        client: &Client,
        version: u32,
        group: u32,
        (other, dkey): (&Object, &Key),
    ) -> Result<bool> {
        let (_, own, route) = self.locate(client).await?;
        let (_, layout, other_route) = other.locate(client).await?;
        if route.version() != version || other_route.version() != version {
            return Ok(false);
        }
        let place = |layout: &Layout, group| {
            let shard = layout.group(group).first().filter(|shard| shard.state != ShardState::Gone)?;
            Some(shard.target)
        };
        let other_group = layout.group_of_dkey(dkey, other.id.object_type().dkey_kind());
        let here = place(&own, group);
        Ok(here.is_some() && here == place(&layout, other_group))
    }
}
