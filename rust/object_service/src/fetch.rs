//! Fetches: small answers go with the reply, larger ones into the client's memory.

mod answer;

use crate::body::Reply;
use crate::check;
use crate::pieces::{PIECE_BYTES_MAX, array_pieces};
use crate::remote_memory::RemoteMemory;
use crate::service::ObjectService;
use answer::{Segment, Spot, Wanted, answer, join_spots};
use daos_env::IoBuffer;
use daos_env::sync::join_all;
use daos_rpc::Request;
use daos_status::{Code, Result, fail};
use daos_store::{AkeyFetch, Conditions, Content, Data, FetchRequest, FetchWhat, Fetched, Few, Store};
use daos_types::{Epoch, Extent, TransactionId};
use daos_wire::{AkeyReply, Blob, Fetch, FetchKind, FetchReply, INLINE_BYTES_MAX, decode};
use std::rc::Rc;

/// A fetch into so many bytes of memory reads everything at once; one into more asks for the sizes first, and when there is
/// as much, reads piece by piece.
const AT_ONCE_BYTES_MAX: u64 = PIECE_BYTES_MAX;

/// Values of less than so many bytes are copied into the reply: to send them as parts costs more.
const APART_BYTES_MIN: usize = 256;

/// Transfers of one request at a time.
const TRANSFERS_AT_ONCE: usize = 4;

/// One fetch that is being carried out.
struct Run<'a> {
    service: &'a ObjectService,
    request: &'a Request,
    store: Rc<Store>,
    fetch: &'a Fetch,
    transaction: Option<TransactionId>,
    wanted: Vec<Wanted>,
    conditions: Conditions,
    memory: RemoteMemory,
}

impl ObjectService {
    pub(crate) async fn fetch(&self, body: &[u8], request: &Request) -> Result<Reply> {
        let fetch: Fetch = decode(body)?;
        let result = self.fetch_checked(&fetch, request, None).await;
        result.map_err(|status| {
            let (object, container) = (fetch.address.object, fetch.address.container);
            status.while_doing(format_args!("fetch of object {object} in container {container}"))
        })
    }

    /// Carries a fetch out, as a read of a transaction if one is named.
    pub(crate) async fn fetch_checked(
        &self,
        fetch: &Fetch,
        request: &Request,
        transaction: Option<TransactionId>,
    ) -> Result<Reply> {
        let wanted = wanted_of(fetch)?;
        check::key_kinds(fetch.address.object, Some(&fetch.dkey), fetch.akeys.iter().map(|akey| &akey.akey))?;
        let conditions = check::conditions(fetch.conditions)?;
        let memory = RemoteMemory::parse(&fetch.memory)?;
        let room = check::total_bytes(wanted.iter().map(|akey| Some(akey.capacity.unwrap_or(0))))?;
        if memory.is_empty() && room > INLINE_BYTES_MAX {
            fail!(Code::Inval, "room for {room} bytes needs memory: a reply holds {INLINE_BYTES_MAX}");
        }
        if !memory.is_empty() && memory.length() != room {
            fail!(Code::IoInval, "the akeys have room for {room} bytes, and the memory has {}", memory.length());
        }
        self.grants.check(&fetch.address, false).await?;
        let store = self.context.store(fetch.address.pool)?;
        let run = Run { service: self, request, store, fetch, transaction, wanted, conditions, memory };
        if room > AT_ONCE_BYTES_MAX { Box::pin(run.by_sizes()).await } else { run.at_once(fetch.epoch, room).await }
    }
}

/// What is wanted of each akey.
fn wanted_of(fetch: &Fetch) -> Result<Vec<Wanted>> {
    check::key_count(fetch.akeys.len())?;
    check::extent_counts(fetch.akeys.iter().filter_map(|akey| match &akey.kind {
        FetchKind::Single => None,
        FetchKind::Array(extents) => Some(extents.len()),
    }))?;
    let mut offset = 0;
    let mut wanted = Vec::with_capacity(fetch.akeys.len());
    for akey in &fetch.akeys {
        check::conditions(akey.conditions)?;
        let extents = match &akey.kind {
            FetchKind::Single => None,
            FetchKind::Array(extents) => Some(extents.iter().copied().collect()),
        };
        wanted.push(Wanted { extents, capacity: akey.capacity, offset });
        offset = check::total_bytes([Some(offset), Some(akey.capacity.unwrap_or(0))].into_iter())?;
    }
    Ok(wanted)
}

impl Run<'_> {
    async fn ask_store(&self, epoch: Epoch, akeys: Few<AkeyFetch>, size_only: bool) -> Result<Few<Fetched>> {
        let request = FetchRequest {
            container: self.fetch.address.container,
            object: self.fetch.address.object,
            epoch,
            dkey: self.fetch.dkey.clone(),
            akeys,
            size_only,
            conditions: self.conditions,
        };
        let count = request.akeys.len();
        // Whoever gets the values copies them before waiting for anything.
        let reply = match self.transaction {
            None => self.store.fetch_in_place(request).await?,
            Some(transaction) => self.store.as_transaction(transaction).fetch(request).await?,
        };
        if reply.akeys.len() != count {
            fail!(Code::Misc, "the store answered for {} akeys instead of {count}", reply.akeys.len());
        }
        Ok(reply.akeys)
    }

    fn akey_fetch(&self, number: usize, what: FetchWhat) -> AkeyFetch {
        let akey = &self.fetch.akeys[number];
        AkeyFetch { akey: akey.akey.clone(), what, conditions: Conditions(akey.conditions) }
    }

    /// What there is of every akey: the values of those that have room for them, the sizes of the others.
    async fn ask(&self, epoch: Epoch, sizes_of_all: bool) -> Result<(Vec<AkeyReply>, Vec<Spot>)> {
        let mut found: Vec<Option<Fetched>> = self.wanted.iter().map(|_| None).collect();
        for size_only in [false, true] {
            let wants_size = |number: &usize| sizes_of_all || !self.wanted[*number].takes_data();
            let numbers: Vec<usize> = (0..found.len()).filter(|number| wants_size(number) == size_only).collect();
            if numbers.is_empty() {
                continue;
            }
            let what = |number: usize| self.wanted[number].extents.clone().map_or(FetchWhat::Single, FetchWhat::Array);
            let akeys = numbers.iter().map(|number| self.akey_fetch(*number, what(*number))).collect();
            for (number, akey) in numbers.iter().zip(self.ask_store(epoch, akeys, size_only).await?) {
                found[*number] = Some(akey);
            }
        }
        answer(&self.wanted, found.into_iter().map(|akey| akey.unwrap_or(Fetched::Missing)))
    }

    /// Reads everything at once; `bytes` is the most that can come.
    async fn at_once(&self, epoch: Epoch, bytes: u64) -> Result<Reply> {
        let _permit = match bytes > INLINE_BYTES_MAX {
            true => Some(self.service.take_bulk(bytes).await?),
            false => None,
        };
        let (akeys, spots) = self.ask(epoch, false).await?;
        if let Some(spot) = spots.iter().find(|spot| spot.data.len() as u64 != spot.length) {
            fail!(Code::Misc, "the store gave {} bytes instead of {}", spot.data.len(), spot.length);
        }
        let total: u64 = spots.iter().map(|spot| spot.length).sum();
        if total <= INLINE_BYTES_MAX {
            return Ok(inline(akeys, spots, total as usize));
        }
        let mut segments = join_spots(spots).into_iter();
        loop {
            let some: Vec<Segment> = segments.by_ref().take(TRANSFERS_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(inline(akeys, Vec::new(), 0));
            }
            let pushes = some.into_iter().map(|segment| self.memory.push(self.request, segment.offset, segment.buffer));
            join_all(pushes).await.into_iter().collect::<Result<()>>()?;
        }
    }

    /// Asks for the sizes, then reads at once or piece by piece.
    async fn by_sizes(&self) -> Result<Reply> {
        // One version for all pieces: what is written from here on is not seen by any of them.
        let epoch = self.fetch.epoch.min(Epoch(self.service.clock.next()));
        let (akeys, spots) = self.ask(epoch, true).await?;
        let total: u64 = spots.iter().map(|spot| spot.length).sum();
        if total <= AT_ONCE_BYTES_MAX {
            return self.at_once(epoch, total).await;
        }
        let pieces: Vec<Spot> = spots.into_iter().flat_map(split).collect();
        let largest = pieces.iter().map(|piece| piece.length).max().unwrap_or(0);
        let _permit = self.service.take_bulk(largest.max(TRANSFERS_AT_ONCE as u64 * PIECE_BYTES_MAX)).await?;
        for some in pieces.chunks(TRANSFERS_AT_ONCE) {
            // A single value may be as large as all pieces together may be: such ones go one at a time.
            let large = some.iter().any(|piece| piece.length > PIECE_BYTES_MAX);
            for few in some.chunks(if large { 1 } else { TRANSFERS_AT_ONCE }) {
                let pushes = few.iter().map(|piece| self.push_piece(epoch, piece));
                join_all(pushes).await.into_iter().collect::<Result<()>>()?;
            }
        }
        Ok(inline(akeys, Vec::new(), 0))
    }

    async fn push_piece(&self, epoch: Epoch, piece: &Spot) -> Result<()> {
        let what = piece.extent.map_or(FetchWhat::Single, |extent| FetchWhat::Array(Few::One(extent)));
        let akeys = Few::One(self.akey_fetch(piece.akey, what));
        let data = match self.ask_store(epoch, akeys, false).await?.pop() {
            Some(Fetched::Single { data, .. }) if piece.extent.is_none() => Some(data),
            Some(Fetched::Array { pieces, .. }) => whole_of(pieces.into_iter().map(|piece| piece.content)),
            _ => None,
        };
        match data.filter(|data| data.len() as u64 == piece.length) {
            Some(data) => self.memory.push(self.request, piece.offset, into_buffer(data)).await,
            // Something older than the version came late. The client asks again.
            None => fail!(Code::Again, "the value was changed while it was read"),
        }
    }
}

/// A reply with so many bytes of values in it. Short ones are copied at once, longer ones when the reply is sent.
fn inline(akeys: Vec<AkeyReply>, spots: Vec<Spot>, length: usize) -> Reply {
    let mut bytes = FetchReply { akeys, inline: Blob::default() }.encode_before(length);
    if length < APART_BYTES_MIN {
        spots.iter().for_each(|spot| bytes.extend_from_slice(&spot.data));
        return bytes.into();
    }
    Reply { bytes, values: spots.into_iter().map(|spot| spot.data).collect() }
}

/// The bytes of pieces that must all hold data.
fn whole_of(contents: impl Iterator<Item = Content>) -> Option<Data> {
    let mut parts = Vec::new();
    for content in contents {
        match content {
            Content::Data(data) => parts.push(data),
            Content::Hole | Content::Punched => return None,
        }
    }
    if parts.len() == 1 {
        return parts.pop();
    }
    let length = parts.iter().map(|part| part.len()).sum();
    Some(Data::Buffer(IoBuffer::gathered(length, parts.iter().map(|part| &**part))))
}

/// The bytes in a buffer of their own, which is what the fabric takes.
fn into_buffer(data: Data) -> IoBuffer {
    match data {
        Data::Buffer(buffer) => buffer,
        other => IoBuffer::copy_of(&other),
    }
}

/// Cuts an array's spot into pieces that are read one by one.
fn split(spot: Spot) -> Vec<Spot> {
    let Some(extent) = spot.extent else { return vec![spot] };
    let record_size = spot.length / extent.count();
    let mut offset = spot.offset;
    let piece = |extent: Extent| {
        let length = extent.count() * record_size;
        let piece = Spot { akey: spot.akey, offset, length, extent: Some(extent), data: Data::Bytes(Vec::new()) };
        offset += length;
        piece
    };
    array_pieces(record_size, &[extent]).into_iter().map(piece).collect()
}
