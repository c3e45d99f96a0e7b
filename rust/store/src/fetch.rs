//! Fetching: everything is found at one moment, then values are read from the data device.

mod run;

pub use run::Fetch;

use crate::array::{self, Record};
use crate::change::{Looks, Pause, is_other_kind, still_looking};
use crate::fetch_request::{AkeyFetch, Content, FetchRequest, FetchWhat, Fetched, FetchedPiece};
use crate::key_order::{KeyProbe, fixed_probe, object_key, order_of};
use crate::level::{Level, ValueKind};
use crate::pieces::{Piece, Pieces};
use crate::punch::LOOKED_AT_ONCE;
use crate::snapshots::check_readable;
use crate::stored::{Origin, StoredRange};
use crate::value_space::ReadPlan;
use crate::view::ReadAt;
use crate::visibility::{Depth, Look, Window, akey_has};
use crate::{Conditions, Data, Few, Store, single};
use daos_env::sync::join_all;
use daos_media::Arena;
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Extent};

/// Pieces that one fetch gives at most: more is asked for in several fetches.
const PIECES_MAX: usize = 1 << 20;

/// Bytes that one fetch gives at most; few in tests of this crate, which meet it.
const BYTES_MAX: u64 = if cfg!(test) { 8 << 20 } else { 2 << 30 };

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
    pub akeys: Few<Fetched>,
    reads: Vec<Read>,
    /// Bytes of values in the reply, or to be read for it.
    pub bytes: u64,
}

impl Found {
    /// Nothing yet: every akey is missing.
    #[inline]
    pub(crate) fn nothing(akeys: &[AkeyFetch]) -> Found {
        let akeys = match akeys {
            [_] => Few::One(Fetched::Missing),
            many => many.iter().map(|_| Fetched::Missing).collect(),
        };
        Found { akeys, reads: Vec::new(), bytes: 0 }
    }

    /// Whether nothing needs to be read.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        self.reads.is_empty()
    }
}

/// Finds what a fetch asks for, at one moment. What it finds is written where it stays: values lie in the reply itself, and moving
/// them from hand to hand would cost more than finding them.
pub(crate) struct Finder<'a> {
    store: &'a Store,
    arena: &'a Arena,
    request: &'a FetchRequest,
    at: &'a ReadAt,
    /// Values may be views of the device.
    in_place: bool,
    reads: Vec<Read>,
    bytes: u64,
    pieces: usize,
    /// What its conditions have looked at, when that took longer than one go.
    looks: Option<&'a mut Looks>,
    asked: usize,
}

/// The dkey, with the window above it.
type Path = Option<(Level, Window)>;

impl<'a> Finder<'a> {
    #[inline]
    pub(crate) fn new(store: &'a Store, request: &'a FetchRequest, at: &'a ReadAt, in_place: bool) -> Finder<'a> {
        let arena = store.durable.arena();
        let (reads, bytes, pieces, looks, asked) = (Vec::new(), 0, 0, None, 0);
        Finder { store, arena, request, at, in_place, reads, bytes, pieces, looks, asked }
    }

    /// One that goes on where another has left its conditions.
    fn going_on(self, looks: &'a mut Looks) -> Finder<'a> {
        Finder { looks: Some(looks), ..self }
    }

    /// Fills `found`, which says that every akey is missing. Small values are in the reply already. `order` is the order word of the dkey.
    #[inline]
    pub(crate) fn find(mut self, order: u64, found: &mut Found) -> Result<()> {
        let request = self.request;
        let container = self.store.container(self.arena, request.container)?;
        check_readable(self.arena, &container, request.epoch.0)?;
        let path = find_dkey(self.arena, &container, request, order)?;
        if request.conditions.has(Conditions::DKEY_FETCH) {
            self.store.note_dkey_read(self.at)?;
            self.check_dkey(path)?;
        }
        for (index, (wanted, out)) in request.akeys.iter().zip(&mut found.akeys).enumerate() {
            self.find_akey(wanted, path, index, out)?;
        }
        let marks_records = self.at.transaction.is_some() || self.store.timestamps.knows_records();
        if marks_records || !self.store.prepared.intents.is_empty() {
            self.note_missing(found)?;
        }
        (found.reads, found.bytes) = (self.reads, self.bytes);
        Ok(())
    }

    /// Whether an akey is missing is not known while any records of it are prepared, and who has read that has read all of it.
    #[cold]
    fn note_missing(&self, found: &Found) -> Result<()> {
        for (wanted, answer) in self.request.akeys.iter().zip(&found.akeys) {
            if matches!(answer, Fetched::Missing) {
                let order = order_of(self.request.object.object_type().akey_kind(), &wanted.akey)?;
                self.store.note_missing(self.at, order)?;
            }
        }
        Ok(())
    }

    /// Fills the answer of one akey, which says that it is missing.
    #[inline]
    fn find_akey(&mut self, wanted: &AkeyFetch, path: Path, index: usize, out: &mut Fetched) -> Result<()> {
        let (arena, request) = (self.arena, self.request);
        let probe = KeyProbe::new(request.object.object_type().akey_kind(), &wanted.akey)?;
        let has_conditions = request.conditions != Conditions::NONE;
        self.store.note_akey_read(self.at, probe.order, (!has_conditions).then_some(&wanted.what))?;
        let akey = match path {
            Some((dkey, window)) => {
                let window = window.below(arena, &dkey)?;
                dkey.find_child(arena, &probe)?.map(|akey| (akey, window))
            }
            None => None,
        };
        if has_conditions {
            self.check_akey(wanted, akey)?;
        }
        let Some((akey, window)) = akey else { return Ok(()) };
        let window = window.below(arena, &akey)?;
        let kind = akey.value_kind()?;
        // As upstream has it, and programs that copy what they do not know ask so what an akey is: what is something else is missing.
        match &wanted.what {
            FetchWhat::Single => {
                if kind != ValueKind::Single {
                    return Ok(());
                }
                let Some(range) = single::find_range(arena, &akey, window)? else { return Ok(()) };
                self.count(0, range.value_length as u64)?;
                *out = Fetched::Single { size: range.value_length as u64, data: Data::EMPTY };
                let Fetched::Single { data, .. } = out else { return Ok(()) };
                self.fill(wanted, &range, (index, 0), data)
            }
            FetchWhat::Array(extents) => {
                if is_other_kind(kind, ValueKind::Array) {
                    return Ok(());
                }
                self.find_array(wanted, extents, &akey, window, index, out)
            }
        }
    }

    /// Whether anything below a level is visible, for a condition. When that takes longer than one go, the fetch is refused, and goes on later.
    fn is_visible(&mut self, level: &Level, depth: Depth, window: Window) -> Result<bool> {
        let number = self.asked;
        self.asked += 1;
        let answer = match &mut self.looks {
            Some(looks) => looks.is_visible(number, self.arena, level, depth, window)?,
            None => Look::default().is_visible(self.arena, level, depth, window, &mut { LOOKED_AT_ONCE })?,
        };
        if let Some(answer) = answer {
            return Ok(answer);
        }
        self.store.pause.set(Some(Box::new(Pause::Look)));
        still_looking()
    }

    /// Whether the dkey is there, which has to be.
    fn check_dkey(&mut self, path: Path) -> Result<()> {
        let exists = match &path {
            Some((dkey, window)) => self.is_visible(dkey, Depth::Dkey, *window)?,
            None => false,
        };
        if !exists {
            let FetchRequest { object, dkey, .. } = self.request;
            fail!(Code::Nonexist, "object {object}, dkey {dkey:?} does not exist");
        }
        Ok(())
    }

    /// Whether an akey is there that has to be.
    fn check_akey(&mut self, wanted: &AkeyFetch, akey: Option<(Level, Window)>) -> Result<()> {
        let per_akey = self.request.conditions.has(Conditions::PER_AKEY);
        let conditions = if per_akey { wanted.conditions } else { self.request.conditions };
        if !conditions.has(Conditions::AKEY_FETCH) {
            return Ok(());
        }
        let exists = match &akey {
            Some((akey, window)) => self.is_visible(akey, Depth::Akey, *window)?,
            None => false,
        };
        if !exists {
            let (object, dkey, akey) = (self.request.object, &self.request.dkey, &wanted.akey);
            fail!(Code::Nonexist, "object {object}, dkey {dkey:?}, akey {akey:?} does not exist");
        }
        Ok(())
    }

    #[inline]
    fn find_array(
        &mut self,
        wanted: &AkeyFetch,
        extents: &[Extent],
        akey: &Level,
        window: Window,
        index: usize,
        out: &mut Fetched,
    ) -> Result<()> {
        let record_size = u64::from(akey.record_size());
        if let [extent] = extents
            && let Some(record) = array::only_one(self.arena, akey, window, *extent)?
        {
            let piece = empty_piece(*extent, &record);
            *out = Fetched::Array { record_size, pieces: Few::One(piece) };
            let Fetched::Array { pieces: Few::One(piece), .. } = out else { return Ok(()) };
            return self.fill_piece(wanted, &record, (index, 0), piece);
        }
        if let [extent] = extents
            && let Some((record, part)) = array::only_part(self.arena, akey, window, *extent)?
        {
            let mut pieces: Vec<FetchedPiece> = Vec::with_capacity(3);
            pieces.extend(hole(extent.start(), part.start()));
            let mut piece = empty_piece(part, &record);
            self.fill_piece(wanted, &record, (index, pieces.len()), &mut piece)?;
            pieces.push(piece);
            pieces.extend(hole(part.end(), extent.end()));
            self.count(pieces.len(), 0)?;
            *out = Fetched::Array { record_size, pieces: Few::Many(pieces) };
            return Ok(());
        }
        if let Some(pieces) = self.find_pieces(wanted, extents, akey, window, index)? {
            *out = Fetched::Array { record_size, pieces };
        }
        Ok(())
    }

    /// What lies in extents; `None` when the akey has nothing that shows.
    fn find_pieces(
        &mut self,
        wanted: &AkeyFetch,
        extents: &[Extent],
        akey: &Level,
        window: Window,
        index: usize,
    ) -> Result<Option<Few<FetchedPiece>>> {
        let arena = self.arena;
        let mut out: Vec<FetchedPiece> = Vec::with_capacity(extents.len());
        let mut shows = false;
        for extent in extents {
            if let Some(record) = array::only_one(arena, akey, window, *extent)? {
                shows = true;
                let mut piece = empty_piece(*extent, &record);
                self.fill_piece(wanted, &record, (index, out.len()), &mut piece)?;
                out.push(piece);
                continue;
            }
            let mut at = extent.start();
            let mut pieces = Pieces::new(arena, akey, window, *extent)?;
            while let Some(Piece { extent: part, record }) = pieces.next()? {
                out.extend(hole(at, part.start()));
                at = part.end();
                shows = true;
                let mut piece = empty_piece(part, &record);
                if record.is_punch() {
                    piece.content = Content::Punched;
                    self.count(1, 0)?;
                } else {
                    self.fill_piece(wanted, &record, (index, out.len()), &mut piece)?;
                }
                out.push(piece);
                // There may have been a hole before it.
                self.count(1, 0)?;
            }
            out.extend(hole(at, extent.end()));
            self.count(1, 0)?;
        }
        let exists = shows || akey_has(arena, akey, window)?;
        Ok(exists.then_some(Few::Many(out)))
    }

    /// Fills a piece with the bytes that its extent has of a record.
    #[inline]
    fn fill_piece(
        &mut self,
        wanted: &AkeyFetch,
        record: &Record,
        place: (usize, usize),
        piece: &mut FetchedPiece,
    ) -> Result<()> {
        let range = record.locate(piece.extent);
        self.count(1, range.length as u64)?;
        match &mut piece.content {
            Content::Data(data) => self.fill(wanted, &range, place, data),
            Content::Hole | Content::Punched => Ok(()),
        }
    }

    /// Puts a value's bytes in their place, when they are in the arena; otherwise plans a read that does so.
    #[inline]
    fn fill(&mut self, wanted: &AkeyFetch, range: &StoredRange, place: (usize, usize), out: &mut Data) -> Result<()> {
        if self.request.size_only {
            return Ok(());
        }
        if !range.on_device {
            return range.read_inline_into(self.arena, || origin(self.request, wanted), out);
        }
        self.fill_from_device(wanted, range, place, out)
    }

    fn fill_from_device(
        &mut self,
        wanted: &AkeyFetch,
        range: &StoredRange,
        place: (usize, usize),
        out: &mut Data,
    ) -> Result<()> {
        let values = &self.store.values;
        let request = self.request;
        if self.bytes <= AT_ONCE_MAX && values.read_now(range, self.in_place, || origin(request, wanted), out)? {
            return Ok(());
        }
        let plan = values.plan(range)?;
        self.reads.push(Read { akey: place.0, piece: place.1, plan });
        Ok(())
    }

    #[inline]
    fn count(&mut self, pieces: usize, bytes: u64) -> Result<()> {
        self.pieces += pieces;
        // Sizes are told without bytes.
        let bytes = if self.request.size_only { 0 } else { bytes };
        self.bytes = self.bytes.saturating_add(bytes);
        if self.pieces > PIECES_MAX || self.bytes > BYTES_MAX {
            return Err(too_much());
        }
        Ok(())
    }
}

impl Store {
    /// Reads what lies on the data device. Nothing of the arena is looked at any more.
    pub(crate) async fn read_values(&self, request: &FetchRequest, mut found: Found) -> Result<Found> {
        let _pin = self.values.extents().pin_readers();
        let mut reads = std::mem::take(&mut found.reads).into_iter().peekable();
        while reads.peek().is_some() {
            let batch = reads.by_ref().take(READS_AT_ONCE).map(|Read { akey, piece, plan }| async move {
                let origin = origin(request, &request.akeys[akey]);
                (akey, piece, self.values.read(plan, &origin).await)
            });
            for (akey, piece, data) in join_all(batch).await {
                match &mut found.akeys[akey] {
                    Fetched::Single { data: place, .. } => *place = data?,
                    Fetched::Array { pieces, .. } => pieces[piece].content = Content::Data(data?),
                    Fetched::Missing => {}
                }
            }
        }
        Ok(found)
    }
}

/// A piece whose bytes are still to come.
#[inline]
fn empty_piece(extent: Extent, record: &Record) -> FetchedPiece {
    FetchedPiece { extent, epoch: Epoch(record.epoch), content: Content::Data(Data::EMPTY) }
}

/// Sentences about failures are put together apart, here and elsewhere on the way of a fetch: what goes on stays so small that it needs no call.
#[cold]
fn too_much() -> Status {
    let context = format!("a fetch of more than {PIECES_MAX} pieces or {BYTES_MAX} bytes: ask for smaller ranges");
    Status::new(Code::Overflow, context)
}

#[cold]
fn origin<'a>(request: &'a FetchRequest, wanted: &'a AkeyFetch) -> Origin<'a> {
    Origin { container: request.container, object: request.object, dkey: &request.dkey, akey: &wanted.akey }
}

fn hole(from: u64, to: u64) -> Option<FetchedPiece> {
    let extent = Extent::from_bounds(from, to)?;
    Some(FetchedPiece { extent, epoch: Epoch::ZERO, content: Content::Hole })
}

/// The dkey, with the window above it.
#[inline]
fn find_dkey(arena: &Arena, container: &Level, request: &FetchRequest, order: u64) -> Result<Path> {
    let key = object_key(request.object);
    let dkey_probe = KeyProbe { order, bytes: &request.dkey };
    let Some(object) = container.find_child(arena, &fixed_probe(&key))? else { return Ok(None) };
    let window = Window::until(request.epoch.0).below(arena, &object)?;
    Ok(object.find_child(arena, &dkey_probe)?.map(|dkey| (dkey, window)))
}
