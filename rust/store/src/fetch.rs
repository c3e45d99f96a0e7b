//! Fetching: everything is found at one moment, then values are read from the data device.

use crate::change::check_kind;
use crate::fetch_request::{AkeyFetch, Content, FetchReply, FetchRequest, FetchWhat, Fetched, FetchedPiece};
use crate::key_order::{KeyProbe, fixed_probe, object_key};
use crate::level::{Level, ValueKind};
use crate::pieces::{Piece, Pieces};
use crate::snapshots::check_readable;
use crate::stored::{Origin, StoredRange};
use crate::value_space::ReadPlan;
use crate::view::ReadAt;
use crate::visibility::{Depth, Window, akey_has, is_visible};
use crate::{Conditions, Data, Store};
use crate::{array, single};
use daos_env::sync::join_all;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Extent};

/// Pieces that one fetch gives at most: more is asked for in several fetches.
const PIECES_MAX: usize = 1 << 20;

/// Bytes that one fetch gives at most.
const BYTES_MAX: u64 = 2 << 30;

/// Reads of the data device that one fetch has under way at once.
const READS_AT_ONCE: usize = 32;

/// Bytes that one fetch reads from a device that is memory before other requests run.
const AT_ONCE_MAX: u64 = 4 << 20;

/// A read that fills the place of a value in the reply.
struct Read {
    akey: usize,
    /// The piece, in an array.
    piece: usize,
    plan: ReadPlan,
}

/// What a fetch found in the arena.
pub(crate) struct Found {
    reply: FetchReply,
    reads: Vec<Read>,
    bytes: u64,
    pieces: usize,
    /// Values may be views of the device.
    in_place: bool,
}

impl Found {
    /// Nothing yet, with room for the answers of so many akeys.
    #[inline]
    pub(crate) fn with_room(akeys: usize, in_place: bool) -> Found {
        let reply = FetchReply { akeys: Vec::with_capacity(akeys) };
        Found { reply, reads: Vec::new(), bytes: 0, pieces: 0, in_place }
    }

    /// Whether nothing needs to be read.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        self.reads.is_empty()
    }

    /// The reply, once it is complete; its bytes.
    #[inline]
    pub(crate) fn into_reply(self) -> (FetchReply, u64) {
        (self.reply, self.bytes)
    }

    #[inline]
    fn count(&mut self, pieces: usize, bytes: u64) -> Result<()> {
        self.pieces += pieces;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.pieces > PIECES_MAX || self.bytes > BYTES_MAX {
            fail!(
                Code::Overflow,
                "a fetch of more than {PIECES_MAX} pieces or {BYTES_MAX} bytes: ask for smaller ranges"
            );
        }
        Ok(())
    }
}

impl Store {
    /// Finds what a fetch asks for, at this moment. Small values are in the reply already.
    /// `order` is the order word of the dkey.
    #[inline]
    pub(crate) fn find_values(&self, request: &FetchRequest, order: u64, at: &ReadAt, found: &mut Found) -> Result<()> {
        let arena = self.durable.arena();
        let container = self.container(arena, request.container)?;
        check_readable(arena, &container, request.epoch.0)?;
        let path = find_dkey(arena, &container, request, order)?;
        if request.conditions.has(Conditions::DKEY_FETCH) {
            self.note_dkey_read(at)?;
            check_dkey(arena, request, path)?;
        }
        for (index, akey) in request.akeys.iter().enumerate() {
            let value = self.find_akey(request, at, akey, path, index, found)?;
            found.reply.akeys.push(value);
        }
        Ok(())
    }

    #[inline]
    fn find_akey(
        &self,
        request: &FetchRequest,
        at: &ReadAt,
        wanted: &AkeyFetch,
        path: Option<(Level, Window)>,
        index: usize,
        found: &mut Found,
    ) -> Result<Fetched> {
        let arena = self.durable.arena();
        let per_akey = request.conditions.has(Conditions::PER_AKEY);
        let conditions = if per_akey { wanted.conditions } else { request.conditions };
        let probe = KeyProbe::new(request.object.object_type().akey_kind(), &wanted.akey)?;
        self.note_akey_read(at, probe.order)?;
        let akey = match path {
            Some((dkey, window)) => {
                let window = window.below(arena, &dkey)?;
                dkey.find_child(arena, &probe)?.map(|akey| (akey, window))
            }
            None => None,
        };
        if conditions.has(Conditions::AKEY_FETCH) {
            let exists = match &akey {
                Some((akey, window)) => is_visible(arena, akey, Depth::Akey, *window)?,
                None => false,
            };
            if !exists {
                let (object, dkey, akey) = (request.object, &request.dkey, &wanted.akey);
                fail!(Code::Nonexist, "object {object}, dkey {dkey:?}, akey {akey:?} does not exist");
            }
        }
        let Some((akey, window)) = akey else { return Ok(Fetched::Missing) };
        let window = window.below(arena, &akey)?;
        let kind = akey.value_kind()?;
        match &wanted.what {
            FetchWhat::Single => {
                check_kind(kind, ValueKind::Single, &wanted.akey)?;
                if kind == ValueKind::Unknown {
                    return Ok(Fetched::Missing);
                }
                let Some(range) = single::find_range(arena, &akey, window)? else { return Ok(Fetched::Missing) };
                found.count(0, range.value_length as u64)?;
                let data = self.value(request, wanted, &range, (index, 0), found)?;
                Ok(Fetched::Single { size: range.value_length as u64, data })
            }
            FetchWhat::Array(extents) => {
                check_kind(kind, ValueKind::Array, &wanted.akey)?;
                self.find_pieces(request, wanted, extents, &akey, window, index, found)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the request, the akey in it, and where its answer goes")]
    fn find_pieces(
        &self,
        request: &FetchRequest,
        wanted: &AkeyFetch,
        extents: &[Extent],
        akey: &Level,
        window: Window,
        index: usize,
        found: &mut Found,
    ) -> Result<Fetched> {
        let arena = self.durable.arena();
        let mut out: Vec<FetchedPiece> = Vec::with_capacity(extents.len());
        let mut shows = false;
        for extent in extents {
            if let Some(record) = array::only_one(arena, akey, window, *extent)? {
                shows = true;
                let range = record.locate(*extent);
                found.count(1, range.length as u64)?;
                let content = Content::Data(self.value(request, wanted, &range, (index, out.len()), found)?);
                out.push(FetchedPiece { extent: *extent, epoch: Epoch(record.epoch), content });
                continue;
            }
            let mut at = extent.start();
            let mut pieces = Pieces::new(arena, akey, window, *extent)?;
            while let Some(Piece { extent: part, record }) = pieces.next()? {
                out.extend(hole(at, part.start()));
                at = part.end();
                let content = if record.is_punch() {
                    Content::Punched
                } else {
                    shows = true;
                    let range = record.locate(part);
                    found.count(0, range.length as u64)?;
                    Content::Data(self.value(request, wanted, &range, (index, out.len()), found)?)
                };
                out.push(FetchedPiece { extent: part, epoch: Epoch(record.epoch), content });
                found.count(2, 0)?;
            }
            out.extend(hole(at, extent.end()));
            found.count(1, 0)?;
        }
        if !shows && !akey_has(arena, akey, window)? {
            return Ok(Fetched::Missing);
        }
        Ok(Fetched::Array { record_size: u64::from(akey.record_size()), pieces: out })
    }

    /// A value's bytes, when they are in the arena; otherwise their place, and a read that fills it.
    fn value(
        &self,
        request: &FetchRequest,
        wanted: &AkeyFetch,
        range: &StoredRange,
        place: (usize, usize),
        found: &mut Found,
    ) -> Result<Data> {
        if request.size_only {
            return Ok(Data::Bytes(Vec::new()));
        }
        if !range.on_device {
            return range.read_inline(self.durable.arena(), &origin(request, wanted));
        }
        if found.bytes <= AT_ONCE_MAX
            && let Some(data) = self.values.read_now(range, found.in_place, &origin(request, wanted))?
        {
            return Ok(data);
        }
        let plan = self.values.plan(range)?;
        found.reads.push(Read { akey: place.0, piece: place.1, plan });
        Ok(Data::Bytes(Vec::new()))
    }

    /// Reads what lies on the data device. Nothing of the arena is looked at any more.
    pub(crate) async fn read_values(&self, request: &FetchRequest, mut found: Found) -> Result<(FetchReply, u64)> {
        let _pin = self.values.extents().pin_readers();
        let mut reads = found.reads.into_iter().peekable();
        while reads.peek().is_some() {
            let batch = reads.by_ref().take(READS_AT_ONCE).map(|Read { akey, piece, plan }| async move {
                let origin = origin(request, &request.akeys[akey]);
                (akey, piece, self.values.read(plan, &origin).await)
            });
            for (akey, piece, data) in join_all(batch).await {
                match &mut found.reply.akeys[akey] {
                    Fetched::Single { data: place, .. } => *place = data?,
                    Fetched::Array { pieces, .. } => pieces[piece].content = Content::Data(data?),
                    Fetched::Missing => {}
                }
            }
        }
        Ok((found.reply, found.bytes))
    }
}

fn origin<'a>(request: &'a FetchRequest, wanted: &'a AkeyFetch) -> Origin<'a> {
    Origin { container: request.container, object: request.object, dkey: &request.dkey, akey: &wanted.akey }
}

fn hole(from: u64, to: u64) -> Option<FetchedPiece> {
    let extent = Extent::from_bounds(from, to)?;
    Some(FetchedPiece { extent, epoch: Epoch::ZERO, content: Content::Hole })
}

/// The dkey, with the window above it.
#[inline]
fn find_dkey(arena: &Arena, container: &Level, request: &FetchRequest, order: u64) -> Result<Option<(Level, Window)>> {
    let key = object_key(request.object);
    let dkey_probe = KeyProbe { order, bytes: &request.dkey };
    let Some(object) = container.find_child(arena, &fixed_probe(&key))? else { return Ok(None) };
    let window = Window::until(request.epoch.0).below(arena, &object)?;
    Ok(object.find_child(arena, &dkey_probe)?.map(|dkey| (dkey, window)))
}

fn check_dkey(arena: &Arena, request: &FetchRequest, path: Option<(Level, Window)>) -> Result<()> {
    let exists = match &path {
        Some((dkey, window)) => is_visible(arena, dkey, Depth::Dkey, *window)?,
        None => false,
    };
    if !exists {
        fail!(Code::Nonexist, "object {}, dkey {:?} does not exist", request.object, request.dkey);
    }
    Ok(())
}
