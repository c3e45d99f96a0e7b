//! Enumeration of keys and extents, in slices: between two of them the target does other work, and everything is looked up anew.

use crate::change::is_other_kind;
use crate::key_order::{KeyProbe, fixed_probe, object_key, object_of_key};
use crate::key_scan::{KeyScan, Parent};
use crate::level::{ChildOrder, Level, ValueKind};
use crate::listing::{Place, Position};
use crate::pieces::{Piece, Pieces, PiecesBackward};
use crate::snapshots::check_readable;
use crate::visibility::{Depth, Window};
use crate::{Anchor, Direction, KeyListing, Limits, ListedExtent, Listing, Store};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

/// Entries looked at before other tasks run again: well below a millisecond.
pub(crate) const ENTRIES_PER_SLICE: usize = 512;

impl Store {
    async fn scan_keys(
        &self,
        anchor: &Anchor,
        limits: Limits,
        parent: impl Fn(&Arena) -> Result<Option<Parent>>,
    ) -> Result<KeyScan> {
        let mut scan = KeyScan::new(anchor);
        loop {
            let arena = self.durable.arena();
            let Some(parent) = parent(arena)? else {
                scan.anchor = Anchor::End;
                return Ok(scan);
            };
            if scan.slice(arena, &parent, limits)? {
                return Ok(scan);
            }
            yield_now().await;
        }
    }

    pub(crate) async fn scan_objects(
        &self,
        container: ContainerId,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<Listing<ObjectId>> {
        let limits = Limits { bytes: usize::MAX, ..limits };
        let scan = self.scan_keys(anchor, limits, |arena| {
            let level = self.container(arena, container)?;
            check_readable(arena, &level, epoch.0)?;
            let window = Window::until(epoch.0);
            Ok(Some(Parent { level, window, order: ChildOrder::Fixed, depth: Depth::Object }))
        });
        let scan = scan.await?;
        let entries = scan.keys.iter().map(|key| match object_of_key(key) {
            Some(object) => Ok(object),
            None => fail!(Code::DfInval, "damaged metadata: an object's key has {} bytes", key.len()),
        });
        Ok(Listing { entries: entries.collect::<Result<_>>()?, next: scan.anchor })
    }

    /// The dkeys of an object, or the akeys of one of its dkeys.
    pub(crate) async fn scan_object_keys(
        &self,
        container: ContainerId,
        object: ObjectId,
        dkey: Option<&Key>,
        epoch: Epoch,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<KeyListing> {
        let scan = self.scan_keys(anchor, limits, |arena| self.parent_of_keys(arena, container, object, dkey, epoch));
        let scan = scan.await?;
        let entries = scan.keys.iter().map(|key| Key::new(key)).collect::<Result<_>>()?;
        Ok(Listing { entries, next: scan.anchor })
    }

    fn parent_of_keys(
        &self,
        arena: &Arena,
        container: ContainerId,
        object: ObjectId,
        dkey: Option<&Key>,
        epoch: Epoch,
    ) -> Result<Option<Parent>> {
        let kind = object.object_type();
        let Some((level, window)) = self.object(arena, container, object, epoch)? else { return Ok(None) };
        let Some(dkey) = dkey else {
            let order = ChildOrder::Keys(kind.dkey_kind());
            return Ok(Some(Parent { level, window, order, depth: Depth::Dkey }));
        };
        let probe = KeyProbe::new(kind.dkey_kind(), dkey)?;
        let Some(dkey) = level.find_child(arena, &probe)? else { return Ok(None) };
        let window = window.below(arena, &dkey)?;
        Ok(Some(Parent { level: dkey, window, order: ChildOrder::Keys(kind.akey_kind()), depth: Depth::Akey }))
    }

    /// The akeys that a dkey has at this moment, also those that are not durable yet: for who changes the dkey before anything else can happen,
    /// by a change that is durable only with them. `None` when there are more than `limits`, or to find them would take long.
    pub fn akeys_now(
        &self,
        container: ContainerId,
        object: ObjectId,
        dkey: &Key,
        limits: Limits,
    ) -> Result<Option<Vec<Key>>> {
        let arena = self.durable.arena();
        let Some(parent) = self.parent_of_keys(arena, container, object, Some(dkey), Epoch::MAX)? else {
            return Ok(Some(Vec::new()));
        };
        let beginning = Anchor::Start;
        let mut scan = KeyScan::new(&beginning);
        if !scan.slice(arena, &parent, limits)? || scan.anchor != Anchor::End {
            return Ok(None);
        }
        scan.keys.iter().map(|key| Key::new(key)).collect::<Result<_>>().map(Some)
    }

    /// An object, with the window below it.
    pub(crate) fn object(
        &self,
        arena: &Arena,
        container: ContainerId,
        object: ObjectId,
        epoch: Epoch,
    ) -> Result<Option<(Level, Window)>> {
        let key = object_key(object);
        let container = self.container(arena, container)?;
        check_readable(arena, &container, epoch.0)?;
        let Some(object) = container.find_child(arena, &fixed_probe(&key))? else {
            return Ok(None);
        };
        Ok(Some((object, Window::until(epoch.0).below(arena, &object)?)))
    }

    /// An akey that holds an array, with the window below it; one that holds something else has no extents.
    pub(crate) fn array(
        &self,
        arena: &Arena,
        container: ContainerId,
        object: ObjectId,
        (dkey, akey): (&Key, &Key),
        epoch: Epoch,
    ) -> Result<Option<(Level, Window)>> {
        let kind = object.object_type();
        let (dkey_probe, akey_probe) = (KeyProbe::new(kind.dkey_kind(), dkey)?, KeyProbe::new(kind.akey_kind(), akey)?);
        let Some((object, window)) = self.object(arena, container, object, epoch)? else { return Ok(None) };
        let Some(dkey) = object.find_child(arena, &dkey_probe)? else { return Ok(None) };
        let window = window.below(arena, &dkey)?;
        let Some(level) = dkey.find_child(arena, &akey_probe)? else { return Ok(None) };
        if is_other_kind(level.value_kind()?, ValueKind::Array) {
            return Ok(None);
        }
        Ok(Some((level, window.below(arena, &level)?)))
    }

    #[expect(clippy::too_many_arguments, reason = "the path to an akey, and how to list below it")]
    pub(crate) async fn scan_extents(
        &self,
        container: ContainerId,
        object: ObjectId,
        keys: (&Key, &Key),
        epoch: Epoch,
        direction: Direction,
        anchor: &Anchor,
        limits: Limits,
    ) -> Result<Listing<ListedExtent>> {
        let mut scan = ExtentScan { entries: Vec::new(), place: start_place(direction, anchor)? };
        loop {
            let arena = self.durable.arena();
            let found = self.array(arena, container, object, keys, epoch)?;
            let (Some((akey, window)), Some(place)) = (found, scan.place) else {
                return Ok(Listing { entries: scan.entries, next: Anchor::End });
            };
            let is_done = match direction {
                Direction::Forward => scan.slice_forward(arena, &akey, window, place, limits)?,
                Direction::Backward => scan.slice_backward(arena, &akey, window, place, limits)?,
            };
            if is_done {
                let place = |start| Anchor::Behind(Position(Place::Extent { start, epoch: 0, minor: 0 }));
                return Ok(Listing { entries: scan.entries, next: scan.place.map_or(Anchor::End, place) });
            }
            yield_now().await;
        }
    }
}

/// Where a listing of extents goes on: at the record to the right of which, or to the left, nothing was listed yet.
fn start_place(direction: Direction, anchor: &Anchor) -> Result<Option<u64>> {
    match (anchor, direction) {
        (Anchor::End, _) => Ok(None),
        (Anchor::Start, Direction::Forward) => Ok(Some(0)),
        (Anchor::Start, Direction::Backward) => Ok(Some(u64::MAX)),
        (Anchor::Behind(Position(Place::Extent { start, .. })), _) => Ok(Some(*start)),
        (Anchor::Behind(Position(Place::Key { .. })), _) => {
            fail!(Code::Inval, "the anchor of a listing of keys does not fit a listing of extents")
        }
    }
}

/// A listing of extents under way.
struct ExtentScan {
    entries: Vec<ListedExtent>,
    /// Where to go on; `None` at the end.
    place: Option<u64>,
}

impl ExtentScan {
    fn push(&mut self, akey: &Level, piece: &Piece) {
        self.entries.push(ListedExtent {
            extent: piece.extent,
            epoch: Epoch(piece.record.epoch),
            record_size: u64::from(akey.record_size()),
            punched: piece.record.is_punch(),
        });
    }

    /// Lists some pieces; `true` when the listing is done.
    fn slice_forward(
        &mut self,
        arena: &Arena,
        akey: &Level,
        window: Window,
        place: u64,
        limits: Limits,
    ) -> Result<bool> {
        let Some(range) = Extent::from_bounds(place, u64::MAX) else {
            self.place = None;
            return Ok(true);
        };
        let mut pieces = Pieces::new(arena, akey, window, range)?;
        for _ in 0..ENTRIES_PER_SLICE {
            let Some(piece) = pieces.next()? else {
                self.place = None;
                return Ok(true);
            };
            if self.entries.len() >= limits.count.max(1) {
                return Ok(true);
            }
            self.push(akey, &piece);
            self.place = Some(piece.extent.end());
        }
        Ok(false)
    }

    fn slice_backward(
        &mut self,
        arena: &Arena,
        akey: &Level,
        window: Window,
        place: u64,
        limits: Limits,
    ) -> Result<bool> {
        let mut pieces = PiecesBackward::new(arena, akey, window, place);
        for _ in 0..ENTRIES_PER_SLICE {
            let Some(piece) = pieces.next()? else {
                self.place = None;
                return Ok(true);
            };
            if self.entries.len() >= limits.count.max(1) {
                return Ok(true);
            }
            self.push(akey, &piece);
            self.place = Some(piece.extent.start());
        }
        Ok(false)
    }
}
