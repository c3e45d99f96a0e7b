//! Taking away a dkey that names an object, together with that object, in one message where both are at one target.

use super::fetch::named_object;
use super::fetch_plan::{self, Landing, fetched, too_large};
use super::names::is_in_doubt;
use super::{AkeyFetch, AkeyFetched, Conditions, Object};
use crate::Client;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, ObjectId};
use daos_wire::{self as wire, BytesAre, FetchReply, FetchThenPunch, FetchThenPunchReply, INLINE_BYTES_MAX, Opcode};
use std::cell::Cell;

/// What must hold of a dkey for [`Object::fetch_then_punch`] to take it away, and what goes with it.
pub struct NamePunch<'a> {
    /// Four bytes of the first akey that is read: where they stand, the bits that count, and what these are, as a little-endian number.
    pub only_if: (u32, u32, u32),
    /// The numbers of akeys that must have no value.
    pub without: &'a [u32],
    /// Where in the bytes of the first akey the identifier of an object stands, lower half first.
    pub at: u32,
    /// The object that goes, where only one may.
    pub only_object: Option<ObjectId>,
    /// As `only_if`: the object goes, too, if this holds as well, and all of it is where the dkey is.
    pub object_if: (u32, u32, u32),
    /// Whether the object may go with the dkey; asked at the moment at which that is sent.
    pub may_take_object: &'a dyn Fn() -> bool,
}

/// What [`Object::fetch_then_punch`] has taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamePunched {
    /// Nothing: not all was as it must be, or it could not be done at once.
    Nothing,
    /// The dkey. What it named is still there, or some of it.
    Dkey,
    /// The dkey and the object.
    DkeyAndObject,
    /// The dkey, at an earlier attempt whose answer was lost. What was there is not known any more, nor whether what it named has gone: the container
    /// was aggregated since.
    Forgotten,
}

/// The test that three numbers say: where, which bits, what they are.
pub(super) fn test((at, mask, value): (u32, u32, u32)) -> BytesAre {
    BytesAre { at, mask, value }
}

impl Object {
    /// The look at a dkey on which a change of it hangs: at what is newest, with the values in the answer.
    pub(super) fn look_at(&self, dkey: Key, akeys: &[AkeyFetch]) -> wire::Fetch {
        wire::Fetch {
            address: self.address(),
            epoch: Epoch::MAX,
            conditions: Conditions::NONE.0,
            dkey,
            akeys: akeys.iter().map(fetch_plan::request_of).collect(),
            memory: Vec::new(),
        }
    }

    /// Reads akeys of a dkey and, at the same moment, punches it if they are as they must be; with it the object that it names, if that is to go and
    /// is at the same target: both or nothing. Gives what was read, which is what was there before; nothing where that is forgotten. `None` where this
    /// cannot be asked for.
    pub async fn fetch_then_punch(
        &self,
        client: &Client,
        dkey: Key,
        akeys: Vec<AkeyFetch>,
        punch: NamePunch<'_>,
    ) -> Result<Option<(Vec<AkeyFetched>, NamePunched)>> {
        let (_, layout, route) = self.locate(client).await?;
        let landings = akeys.iter().map(Landing::new).collect::<Result<Vec<_>>>()?;
        let room: u64 = akeys.iter().filter_map(|akey| akey.destination.as_ref()?.capacity()).sum();
        if self.within.is_some() || room > INLINE_BYTES_MAX {
            return Ok(None);
        }
        self.check_writable()?;
        self.check_dkey(&dkey)?;
        akeys.iter().try_for_each(|akey| self.check_akey(&akey.akey))?;
        let group = layout.group_of_dkey(&dkey, self.id.object_type().dkey_kind());
        // Which object it will be is not always known; where there is one target only, it will be there.
        let is_near = match punch.only_object {
            Some(object) => self.is_where(client, route.version(), group, object).await?,
            None => route.has_one_target(),
        };
        let fetch = self.look_at(dkey, &akeys);
        let mut request = FetchThenPunch {
            fetch,
            name: client.0.change_names.next(),
            only_if: test(punch.only_if),
            without: punch.without.to_vec(),
            at: punch.at,
            object_if: None,
            only_object: punch.only_object,
        };
        let version = Cell::new(0);
        let send = async |target: &super::call::Target| {
            version.set(target.map_version);
            request.object_if = (is_near && (punch.may_take_object)()).then(|| test(punch.object_if));
            let result = self.send(client, target, Opcode::FetchThenPunch, &request).await;
            request.name.is_repeat |= is_in_doubt(&result);
            result
        };
        let reply: FetchThenPunchReply = self.attempt(client, group, send).await?;
        let Some(epoch) = reply.punched else {
            return Ok(Some((self.what_was_read(&akeys, landings, &reply.fetched)?, NamePunched::Nothing)));
        };
        client.note_change(epoch);
        if reply.fetched.akeys.is_empty() {
            return Ok(Some((Vec::new(), NamePunched::Forgotten)));
        }
        let found = self.what_was_read(&akeys, landings, &reply.fetched)?;
        let named = found.first().and_then(|akey| named_object(&akey.bytes, punch.at));
        let is_all = match named.filter(|_| reply.with_object) {
            Some(object) => self.is_where(client, version.get(), group, object).await?,
            None => false,
        };
        Ok(Some((found, if is_all { NamePunched::DkeyAndObject } else { NamePunched::Dkey })))
    }

    pub(super) fn what_was_read(
        &self,
        akeys: &[AkeyFetch],
        landings: Vec<Landing<'_>>,
        reply: &FetchReply,
    ) -> Result<Vec<AkeyFetched>> {
        if let Some(akey) = too_large(akeys, &landings, reply) {
            let id = self.id;
            fail!(Code::RecordTooBig, "akey {akey:?} of object {id} has more bytes than there is room for");
        }
        fetched(akeys, landings, reply, &reply.inline.0)
            .map_err(|status| status.while_doing(format_args!("fetch of object {}", self.id)))
    }
}
