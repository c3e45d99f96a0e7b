//! Moving what a dkey holds under another dkey, after a look at both, and taking away the object that the other one named: the renaming of a name
//! in a directory.
//!
//! As for a removal, looks and change are of one moment. All is one change of the store: after a crash it has moved, or it has not.

use crate::check;
use crate::query::named_object;
use crate::removal::{LOOKS_MAX, at_once, check_look, forgotten, holds};
use crate::service::ObjectService;
use daos_rpc::Request;
use daos_status::{Code, Result, fail};
use daos_store::{
    AkeyFetch, AkeyUpdate, Conditions, Content, Data, FetchRequest, FetchWhat, Fetched, Few, Limits, Operation,
    PunchRequest, PunchTarget, Store, UpdateRequest, UpdateValue,
};
use daos_types::{Epoch, Extent, Key, ObjectId};
use daos_wire::{Fetch, FetchKind, FetchReply, FetchThenMove, FetchThenMoveReply, ObjectAddress, decode, encode};

/// What a dkey may have to be moved at once: entries of directories have one akey to three, and few attributes. Others are moved by their client.
const AKEYS_MAX: Limits = Limits { count: 64, bytes: 16 << 10 };

/// Bytes of values that are moved at once.
const BYTES_MAX: u64 = 16 << 10;

/// Bytes of the first akey, which is the record of an entry.
const RECORD_BYTES_MAX: u64 = 4 << 10;

/// What was seen of both dkeys at one moment.
struct Seen {
    here: FetchReply,
    there: FetchReply,
    /// All that moves, and the akeys that the other dkey has; `None` when that is too much, or of another kind.
    content: Option<Contents>,
}

struct Contents {
    akeys: Vec<(Key, Fetched)>,
    replaced: Vec<Key>,
}

impl ObjectService {
    pub(crate) async fn fetch_then_move(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let asked: FetchThenMove = decode(body)?;
        let (object, container) = (asked.fetch.address.object, asked.fetch.address.container);
        let result = self.look_and_move(&asked, request).await;
        result.map(|reply| encode(&reply)).map_err(|status| {
            status.while_doing(format_args!("move of a name in object {object} in container {container}"))
        })
    }

    async fn look_and_move(&self, asked: &FetchThenMove, request: &Request) -> Result<FetchThenMoveReply> {
        let here = &asked.fetch;
        let record = check(asked)?;
        self.grants.check(&here.address, true).await?;
        let store = self.context.store(here.address.pool)?;
        let address = ObjectAddress { object: asked.to_object, ..here.address };
        let there = Fetch { address, dkey: asked.to_dkey.clone(), ..here.clone() };
        let name = check::name(asked.name.clone());
        if let Some(epoch) = store.epoch_made(name).await? {
            let fetched = self.look_before(here, epoch, request).await?;
            let over = self.look_before(&there, epoch, request).await?;
            let (Some(fetched), Some(over)) = (fetched, over) else {
                let (fetched, over) = (forgotten(), forgotten());
                return Ok(FetchThenMoveReply { fetched, over, moved: Some(epoch), with_object: false });
            };
            let with_object = object_that_goes(asked, &fetched, &over).is_some();
            return Ok(FetchThenMoveReply { fetched, over, moved: Some(epoch), with_object });
        }
        let mut looks = 0;
        loop {
            let epoch = self.epoch_of_change(&here.address, request).await?;
            let (seen, is_of_this_moment) = at_once(self.look_at_both(&store, (here, &there), record, request)).await;
            let seen = seen?;
            looks += 1;
            if !is_of_this_moment && looks < LOOKS_MAX {
                continue;
            }
            let operations = operations(asked, &seen, record, epoch).filter(|_| is_of_this_moment);
            let with_object = object_that_goes(asked, &seen.here, &seen.there).is_some();
            let (fetched, over) = (seen.here, seen.there);
            return Ok(match operations.and_then(|operations| store.apply_now(operations, name)) {
                Some(made) => {
                    made.await?;
                    FetchThenMoveReply { fetched, over, moved: Some(epoch), with_object }
                }
                None => FetchThenMoveReply { fetched, over, moved: None, with_object: false },
            });
        }
    }

    async fn look_at_both(
        &self,
        store: &Store,
        (here, there): (&Fetch, &Fetch),
        record: Extent,
        request: &Request,
    ) -> Result<Seen> {
        let (found_here, found_there) = (self.look(here, request).await?, self.look(there, request).await?);
        // Who moves by another way meets the same error there.
        let content = contents(store, here, there, record).await.unwrap_or_default();
        Ok(Seen { here: found_here, there: found_there, content })
    }
}

/// What a request must fulfil; gives the part of the first akey that moves.
fn check(asked: &FetchThenMove) -> Result<Extent> {
    let fetch = &asked.fetch;
    check_look(fetch)?;
    check::key_kinds(asked.to_object, Some(&asked.to_dkey), fetch.akeys.iter().map(|akey| &akey.akey))?;
    if (asked.to_object, &asked.to_dkey) == (fetch.address.object, &fetch.dkey) {
        fail!(Code::Inval, "what a dkey holds cannot be moved to where it is");
    }
    if asked.to_object.object_type() != fetch.address.object.object_type() {
        fail!(Code::Inval, "objects {} and {} have keys of different kinds", fetch.address.object, asked.to_object);
    }
    let record = match fetch.akeys.first().map(|akey| &akey.kind) {
        Some(FetchKind::Array(extents)) if let [record] = extents[..] => record,
        _ => fail!(Code::Inval, "the first akey of what is moved must be read as one extent"),
    };
    if record.start() != 0 || record.count() > RECORD_BYTES_MAX {
        fail!(Code::Inval, "the extent of the first akey must begin at 0 and have {RECORD_BYTES_MAX} bytes at most");
    }
    if asked.dropped.contains(&0) {
        fail!(Code::Inval, "the first akey cannot stay behind: it is what moves");
    }
    let fits = |at: u32, length: usize| u64::from(at) + length as u64 <= record.count();
    if !asked.changed.iter().all(|(at, bytes)| fits(*at, bytes.0.len())) {
        fail!(Code::Inval, "bytes are to be changed that are not moved");
    }
    Ok(record)
}

/// What a dkey holds, and the akeys of the other one.
async fn contents(store: &Store, here: &Fetch, there: &Fetch, record: Extent) -> Result<Option<Contents>> {
    let akeys = |fetch: &Fetch| {
        let ObjectAddress { container, object, .. } = fetch.address;
        store.akeys_now(container, object, &fetch.dkey, AKEYS_MAX)
    };
    let (Some(moved), Some(replaced)) = (akeys(here)?, akeys(there)?) else { return Ok(None) };
    let first = here.akeys.first().map(|akey| &akey.akey);
    if moved.is_empty() || !moved.iter().any(|akey| Some(akey) == first) {
        return Ok(None);
    }
    let what = |akey: &Key| match Some(akey) == first {
        true => FetchWhat::Array(Few::One(record)),
        false => FetchWhat::Single,
    };
    let ask = |size_only: bool| {
        let fetches =
            moved.iter().map(|akey| AkeyFetch { akey: akey.clone(), what: what(akey), conditions: Conditions::NONE });
        store.fetch(FetchRequest {
            container: here.address.container,
            object: here.address.object,
            epoch: Epoch::MAX,
            dkey: here.dkey.clone(),
            akeys: fetches.collect(),
            size_only,
            conditions: Conditions::NONE,
        })
    };
    // Values may be of any size: nothing is read before that is known.
    let sizes = ask(true).await?.akeys.iter().map(|value| size_of(value, record)).sum::<Option<u64>>();
    if sizes.is_none_or(|bytes| bytes > BYTES_MAX) {
        return Ok(None);
    }
    let found = ask(false).await?;
    Ok(Some(Contents { akeys: moved.into_iter().zip(found.akeys).collect(), replaced }))
}

/// The most bytes that reading a value gives; `None` for one that is not moved at once.
fn size_of(value: &Fetched, record: Extent) -> Option<u64> {
    match value {
        Fetched::Single { size, .. } => Some(*size),
        Fetched::Array { record_size: 1, .. } => Some(record.count()),
        Fetched::Array { .. } | Fetched::Missing => None,
    }
}

fn piece_bytes(content: &Content) -> &[u8] {
    match content {
        Content::Data(data) => data,
        Content::Hole | Content::Punched => &[],
    }
}

/// Whether all is as it must be for the move.
fn is_as_asked(asked: &FetchThenMove, here: &FetchReply, there: &FetchReply) -> bool {
    let has_value = |reply: &FetchReply, akey: u32| reply.akeys.get(akey as usize).is_none_or(|akey| akey.size != 0);
    let Some(named) = named_object(here, asked.at) else { return false };
    let is_meant = |only: Option<ObjectId>, object: ObjectId| only.is_none_or(|only| only == object);
    if !holds(&asked.only_if, here) || !is_meant(asked.only_named, named) {
        return false;
    }
    if asked.without.iter().any(|akey| has_value(here, *akey) || has_value(there, *akey)) {
        return false;
    }
    match named_object(there, asked.at) {
        None => !has_value(there, 0),
        Some(over) => {
            let may_replace = asked.over_if.as_ref().is_some_and(|test| holds(test, here) && holds(test, there));
            may_replace && is_meant(asked.only_over, over)
        }
    }
}

/// The object that goes with the name that is replaced. Two names of one object are a move that was cut short: it stays.
fn object_that_goes(asked: &FetchThenMove, here: &FetchReply, there: &FetchReply) -> Option<ObjectId> {
    let over = named_object(there, asked.at).filter(|over| Some(*over) != named_object(here, asked.at))?;
    let is_wanted = asked.object_if.as_ref().is_some_and(|test| holds(test, there));
    (is_wanted && asked.only_object.is_none_or(|only| only == over)).then_some(over)
}

/// What is to be done, if all is as it must be.
fn operations(asked: &FetchThenMove, seen: &Seen, record: Extent, epoch: Epoch) -> Option<Vec<Operation>> {
    let Contents { akeys, replaced } = seen.content.as_ref()?;
    if !is_as_asked(asked, &seen.here, &seen.there) {
        return None;
    }
    let container = asked.fetch.address.container;
    let replaces = named_object(&seen.there, asked.at).is_some();
    let fetched = &asked.fetch.akeys;
    let stays = |akey: &Key| {
        asked.dropped.iter().any(|number| fetched.get(*number as usize).is_some_and(|dropped| dropped.akey == *akey))
    };
    let akeys: Vec<_> = akeys.iter().filter(|(akey, _)| !stays(akey)).collect();
    let updates = akeys.iter().map(|(akey, value)| {
        let value = match value {
            Fetched::Single { data, .. } => UpdateValue::Single(Data::copy_of(data)),
            Fetched::Array { record_size: 1, pieces } => {
                let (extent, bytes) = moved_record(asked, record, pieces, replaces)?;
                UpdateValue::Array { record_size: 1, pieces: Few::One((extent, Data::copy_of(&bytes))) }
            }
            Fetched::Array { .. } | Fetched::Missing => return None,
        };
        Some(AkeyUpdate { akey: akey.clone(), value, conditions: Conditions::NONE })
    });
    let updates = updates.collect::<Option<Vec<_>>>()?;
    let update = UpdateRequest {
        container,
        object: asked.to_object,
        epoch,
        dkey: asked.to_dkey.clone(),
        conditions: Conditions::NONE,
        akeys: updates.into(),
    };
    let punch = |object: ObjectId, what: PunchTarget, conditions: Conditions| {
        Operation::Punch(PunchRequest { container, object, epoch, what, conditions })
    };
    let mut operations = vec![Operation::Update(update)];
    let stale: Vec<Key> =
        replaced.iter().filter(|akey| akeys.iter().all(|(moved, _)| moved != *akey)).cloned().collect();
    if !stale.is_empty() {
        let what = PunchTarget::Akeys { dkey: asked.to_dkey.clone(), akeys: stale };
        operations.push(punch(asked.to_object, what, Conditions::NONE));
    }
    let old = PunchTarget::Dkeys(vec![asked.fetch.dkey.clone()]);
    operations.push(punch(asked.fetch.address.object, old, Conditions::PUNCH));
    if let Some(object) = object_that_goes(asked, &seen.here, &seen.there) {
        operations.push(punch(object, PunchTarget::Object, Conditions::NONE));
    }
    Some(operations)
}

/// The record as it is from now on: all of it where another one was, so that nothing of that shows; else up to its last byte.
fn moved_record(
    asked: &FetchThenMove,
    record: Extent,
    pieces: &[daos_store::FetchedPiece],
    replaces: bool,
) -> Option<(Extent, Vec<u8>)> {
    let mut bytes = vec![0; record.count() as usize];
    let mut end = if replaces { bytes.len() } else { 0 };
    let mut put = |at: usize, part: &[u8]| {
        bytes.get_mut(at..at + part.len())?.copy_from_slice(part);
        end = end.max(at + part.len());
        Some(())
    };
    for piece in pieces {
        put(piece.extent.start() as usize, piece_bytes(&piece.content))?;
    }
    for (at, part) in &asked.changed {
        put(*at as usize, &part.0)?;
    }
    bytes.truncate(end);
    Some((Extent::new(0, end as u64)?, bytes))
}
