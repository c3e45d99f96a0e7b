//! Enumeration of keys and extents, in slices: between two of them the target does other work, and everything is looked up anew.

use crate::change::check_kind;
use crate::key_order::{self, KeyProbe, fixed_probe, object_key, object_of_key};
use crate::level::{ChildOrder, Children, Level, ValueKind};
use crate::listing::{ANCHOR_PREFIX_MAX, Place, Position};
use crate::pieces::{Piece, Pieces, PiecesBackward};
use crate::snapshots::check_readable;
use crate::tree::{Cursor, Tree};
use crate::visibility::{Depth, Window, is_visible};
use crate::{Anchor, Direction, KeyListing, Limits, ListedExtent, Listing, Store};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};

/// Entries looked at before other tasks run again: well below a millisecond.
const ENTRIES_PER_SLICE: usize = 512;

/// A level whose children are listed.
pub(crate) struct Parent {
    level: Level,
    window: Window,
    order: ChildOrder,
    depth: Depth,
}

/// The children of a level from some place on.
enum Walk {
    Done,
    Only(u32),
    Tree(Box<Cursor>),
}

impl Walk {
    /// The children behind an anchor.
    fn new(arena: &Arena, level: &Level, order: ChildOrder, anchor: &Anchor) -> Result<Walk> {
        let place = match anchor {
            Anchor::Start => None,
            Anchor::End => return Ok(Walk::Done),
            Anchor::Behind(Position(Place::Key { order, hash, prefix })) => Some((*order, *hash, &prefix[..])),
            Anchor::Behind(Position(Place::Extent { .. })) => {
                fail!(Code::Inval, "the anchor of a listing of extents does not fit a listing of keys")
            }
        };
        Ok(match (level.children()?, place) {
            (Children::None, _) => Walk::Done,
            (Children::Direct(link), None) => Walk::Only(link),
            (Children::Direct(link), Some(place)) => {
                let key = Level::load(arena, link)?.key(arena)?;
                if is_behind(order.order_of(&key)?, &key, place) { Walk::Only(link) } else { Walk::Done }
            }
            (Children::Tree(tree), None) => Walk::at(tree.first(arena)?),
            (Children::Tree(tree), Some(place)) => Walk::at(seek_behind(arena, &tree, place)?),
        })
    }

    fn at(cursor: Option<Cursor>) -> Walk {
        cursor.map_or(Walk::Done, |cursor| Walk::Tree(Box::new(cursor)))
    }

    fn link(&self, arena: &Arena) -> Result<Option<u32>> {
        match self {
            Walk::Done => Ok(None),
            Walk::Only(link) => Ok(Some(*link)),
            Walk::Tree(cursor) => Ok(Some(cursor.entry(arena)?.link)),
        }
    }

    fn advance(&mut self, arena: &Arena) -> Result<()> {
        let more = match self {
            Walk::Tree(cursor) => cursor.next(arena)?,
            _ => false,
        };
        if !more {
            *self = Walk::Done;
        }
        Ok(())
    }
}

/// Whether a key comes behind the one that an anchor was made of.
fn is_behind(order: u64, key: &[u8], (anchor_order, hash, prefix): (u64, u64, &[u8])) -> bool {
    if order != anchor_order {
        return order > anchor_order;
    }
    if prefix.len() == ANCHOR_PREFIX_MAX && key.starts_with(prefix) {
        return key_order::hash(key) != hash;
    }
    key > prefix
}

/// The entry behind an anchor. The anchor has the first bytes of its key only: of keys that share them, the one with its hash is looked for.
fn seek_behind(arena: &Arena, tree: &Tree, (order, hash, prefix): (u64, u64, &[u8])) -> Result<Option<Cursor>> {
    let probe = KeyProbe { order, bytes: prefix };
    if prefix.len() < ANCHOR_PREFIX_MAX || key_order::hash(prefix) == hash {
        return tree.seek(arena, &probe, true);
    }
    let first = tree.seek(arena, &probe, false)?;
    let mut cursor = first.clone();
    while let Some(at) = &mut cursor {
        let entry = at.entry(arena)?;
        if entry.order != order {
            break;
        }
        let key = Level::load(arena, entry.link)?.key(arena)?;
        if !key.starts_with(prefix) {
            break;
        }
        let is_it = key_order::hash(&key) == hash;
        if !at.next(arena)? {
            return Ok(if is_it { None } else { first });
        }
        if is_it {
            return Ok(cursor);
        }
    }
    Ok(first)
}

fn anchor_of(order: ChildOrder, key: &[u8]) -> Result<Anchor> {
    let prefix = key[..key.len().min(ANCHOR_PREFIX_MAX)].to_vec();
    Ok(Anchor::Behind(Position(Place::Key { order: order.order_of(key)?, hash: key_order::hash(key), prefix })))
}

/// A listing of keys under way.
struct KeyScan {
    keys: Vec<Vec<u8>>,
    bytes: usize,
    anchor: Anchor,
}

impl KeyScan {
    fn is_full(&self, limits: Limits) -> bool {
        !self.keys.is_empty() && (self.keys.len() >= limits.count || self.bytes >= limits.bytes)
    }

    /// Looks at some entries; `true` when the listing is done.
    fn slice(&mut self, arena: &Arena, parent: &Parent, limits: Limits) -> Result<bool> {
        let mut walk = Walk::new(arena, &parent.level, parent.order, &self.anchor)?;
        let mut last = None;
        for _ in 0..ENTRIES_PER_SLICE {
            let Some(link) = walk.link(arena)? else {
                self.anchor = Anchor::End;
                return Ok(true);
            };
            let child = Level::load(arena, link)?;
            if is_visible(arena, &child, parent.depth, parent.window)? {
                let key = child.key(arena)?;
                if self.is_full(limits) || (!self.keys.is_empty() && self.bytes + key.len() > limits.bytes) {
                    self.go_behind(arena, parent.order, last)?;
                    return Ok(true);
                }
                self.bytes += key.len();
                self.keys.push(key);
            }
            last = Some(child);
            walk.advance(arena)?;
        }
        self.go_behind(arena, parent.order, last)?;
        Ok(false)
    }

    fn go_behind(&mut self, arena: &Arena, order: ChildOrder, last: Option<Level>) -> Result<()> {
        if let Some(last) = last {
            self.anchor = anchor_of(order, &last.key(arena)?)?;
        }
        Ok(())
    }
}

impl Store {
    async fn scan_keys(
        &self,
        anchor: &Anchor,
        limits: Limits,
        parent: impl Fn(&Arena) -> Result<Option<Parent>>,
    ) -> Result<KeyScan> {
        let mut scan = KeyScan { keys: Vec::new(), bytes: 0, anchor: anchor.clone() };
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
        let kind = object.object_type();
        let scan = self.scan_keys(anchor, limits, |arena| {
            let Some((level, window)) = self.object(arena, container, object, epoch)? else { return Ok(None) };
            let Some(dkey) = dkey else {
                let order = ChildOrder::Keys(kind.dkey_kind());
                return Ok(Some(Parent { level, window, order, depth: Depth::Dkey }));
            };
            let probe = KeyProbe::new(kind.dkey_kind(), dkey)?;
            let Some(dkey) = level.find_child(arena, &probe)? else { return Ok(None) };
            let window = window.below(arena, &dkey)?;
            Ok(Some(Parent { level: dkey, window, order: ChildOrder::Keys(kind.akey_kind()), depth: Depth::Akey }))
        });
        let scan = scan.await?;
        let entries = scan.keys.iter().map(|key| Key::new(key)).collect::<Result<_>>()?;
        Ok(Listing { entries, next: scan.anchor })
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

    /// An akey that holds an array, with the window below it.
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
        check_kind(level.value_kind()?, ValueKind::Array, akey)?;
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
