//! Listing an object with all its keys and values, in slices: see [`TreeRequest`].

use crate::key_order::{KeyProbe, order_of};
use crate::level::{Children, Level, ValueKind};
use crate::pieces::Pieces;
use crate::single;
use crate::stored::{Origin, StoredRange};
use crate::tree::Cursor;
use crate::tree_request::{TreeAnchor, TreeEntry, TreeListing, TreeRequest};
use crate::visibility::{Depth, Look, Window};
use crate::{Data, ListedExtent, Store};
use daos_env::sync::yield_now;
use daos_media::Arena;
use daos_status::{Result, Status};
use daos_types::{Epoch, Extent, Key, KeyKind};

/// Entries looked at before other tasks run again.
const ENTRIES_PER_SLICE: usize = 512;

/// A listing under way.
struct TreeScan<'a> {
    request: &'a TreeRequest,
    entries: Vec<TreeEntry>,
    bytes: usize,
    anchor: TreeAnchor,
    /// Small values that were damaged, of the last slice.
    damages: Vec<Status>,
    /// What a slice has begun to look for below the next key.
    look: Look,
}

/// What a search for the next visible key found.
enum NextKey {
    Found(Key),
    /// No more.
    End,
    /// Nothing visible up to this key, or to where it began; other tasks are to run.
    Pause(Option<Key>),
}

impl Store {
    pub(crate) async fn scan_tree(&self, request: &TreeRequest, anchor: &TreeAnchor) -> Result<TreeListing> {
        let mut scan = TreeScan {
            request,
            entries: Vec::new(),
            bytes: 0,
            anchor: anchor.clone(),
            damages: Vec::new(),
            look: Look::default(),
        };
        loop {
            let is_done = scan.slice(self);
            for damage in scan.damages.drain(..) {
                self.count(|statistics| statistics.checksum_errors += 1);
                self.note_damage(&damage);
            }
            if is_done? {
                break;
            }
            yield_now().await;
        }
        Ok(TreeListing { entries: scan.entries, next: scan.anchor })
    }
}

impl TreeScan<'_> {
    fn is_full(&self) -> bool {
        !self.entries.is_empty() && (self.entries.len() >= self.request.count || self.bytes >= self.request.bytes)
    }

    /// Whether more bytes still fit; one entry always does.
    fn fits(&self, bytes: usize) -> bool {
        self.entries.is_empty() || self.bytes.saturating_add(bytes) <= self.request.bytes
    }

    /// Looks at some entries; `true` when the listing is done.
    fn slice(&mut self, store: &Store) -> Result<bool> {
        let arena = store.durable.arena();
        let found = store.object(arena, self.request.container, self.request.object, self.request.epoch)?;
        let Some((object, window)) = found else {
            self.anchor = TreeAnchor::End;
            return Ok(true);
        };
        let mut budget = ENTRIES_PER_SLICE;
        while budget > 0 {
            if self.anchor == TreeAnchor::End || self.is_full() {
                return Ok(true);
            }
            if !self.step(arena, (&object, window), &mut budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Lists one key or value, or goes up when there is none; `false` when the limits are reached.
    fn step(&mut self, arena: &Arena, (object, window): (&Level, Window), budget: &mut usize) -> Result<bool> {
        let kind = self.request.object.object_type();
        let (dkey, behind) = match self.anchor.clone() {
            TreeAnchor::End => return Ok(false),
            TreeAnchor::Start => return self.next_dkey(arena, (object, window), None, budget),
            TreeAnchor::BehindDkey(dkey) => return self.next_dkey(arena, (object, window), Some(&dkey), budget),
            TreeAnchor::InDkey(dkey) => (dkey, None),
            TreeAnchor::InAkey { dkey, akey, record } => {
                return self.values(arena, (object, window), (dkey, akey, record), budget);
            }
            TreeAnchor::BehindAkey { dkey, akey } => (dkey, Some(akey)),
        };
        let Some(level) = object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), &dkey)?)? else {
            self.anchor = TreeAnchor::BehindDkey(dkey);
            self.look.restart();
            return Ok(true);
        };
        let parent = (&level, window.below(arena, &level)?);
        match next_key(arena, parent, (kind.akey_kind(), Depth::Akey), behind.as_ref(), &mut self.look, budget)? {
            NextKey::End => self.anchor = TreeAnchor::BehindDkey(dkey),
            NextKey::Pause(None) => {}
            NextKey::Pause(Some(akey)) => self.anchor = TreeAnchor::BehindAkey { dkey, akey },
            NextKey::Found(akey) => {
                if !self.fits(akey.len()) {
                    return Ok(false);
                }
                self.bytes += akey.len();
                self.entries.push(TreeEntry::Akey(akey.clone()));
                self.anchor = TreeAnchor::InAkey { dkey, akey, record: 0 };
            }
        }
        Ok(true)
    }

    fn next_dkey(
        &mut self,
        arena: &Arena,
        parent: (&Level, Window),
        behind: Option<&Key>,
        budget: &mut usize,
    ) -> Result<bool> {
        let kind = self.request.object.object_type().dkey_kind();
        match next_key(arena, parent, (kind, Depth::Dkey), behind, &mut self.look, budget)? {
            NextKey::End => self.anchor = TreeAnchor::End,
            NextKey::Pause(None) => {}
            NextKey::Pause(Some(dkey)) => self.anchor = TreeAnchor::BehindDkey(dkey),
            NextKey::Found(dkey) => {
                if !self.fits(dkey.len()) {
                    return Ok(false);
                }
                self.bytes += dkey.len();
                self.entries.push(TreeEntry::Dkey(dkey.clone()));
                self.anchor = TreeAnchor::InDkey(dkey);
            }
        }
        Ok(true)
    }

    /// Lists values of an akey from a record on.
    fn values(
        &mut self,
        arena: &Arena,
        (object, window): (&Level, Window),
        (dkey, akey, record): (Key, Key, u64),
        budget: &mut usize,
    ) -> Result<bool> {
        *budget -= 1;
        let kind = self.request.object.object_type();
        let found = match object.find_child(arena, &KeyProbe::new(kind.dkey_kind(), &dkey)?)? {
            Some(level) => {
                let window = window.below(arena, &level)?;
                let akey = level.find_child(arena, &KeyProbe::new(kind.akey_kind(), &akey)?)?;
                akey.map(|akey| window.below(arena, &akey).map(|window| (akey, window))).transpose()?
            }
            None => None,
        };
        let (container, object_id) = (self.request.container, self.request.object);
        let origin = Origin { container, object: object_id, dkey: &dkey, akey: &akey };
        let mut next = None;
        match found {
            Some((level, window)) if level.value_kind()? == ValueKind::Single => {
                if let Some(link) = single::find(arena, &level, window)? {
                    let range = single::locate(arena, link)?;
                    let data = self.embed(arena, &range, &origin);
                    if !self.fits(data.as_ref().map_or(0, |data| data.len())) {
                        return Ok(false);
                    }
                    let (epoch, size) = (Epoch(single::epoch_of(arena, link)?), range.value_length as u64);
                    self.push(TreeEntry::Single { epoch, size, data });
                }
            }
            Some((level, window)) if level.value_kind()? == ValueKind::Array => {
                next = self.extents(arena, (&level, window), record, &origin, budget)?;
            }
            _ => {}
        }
        match next {
            Some((record, goes_on)) => {
                self.anchor = TreeAnchor::InAkey { dkey, akey, record };
                Ok(goes_on)
            }
            None => {
                self.anchor = TreeAnchor::BehindAkey { dkey, akey };
                Ok(true)
            }
        }
    }

    /// Lists pieces of an array; where to go on and whether the limits allow it, or `None` when all were listed.
    fn extents(
        &mut self,
        arena: &Arena,
        (akey, window): (&Level, Window),
        record: u64,
        origin: &Origin<'_>,
        budget: &mut usize,
    ) -> Result<Option<(u64, bool)>> {
        let Some(range) = Extent::from_bounds(record, u64::MAX) else { return Ok(None) };
        let mut pieces = Pieces::new(arena, akey, window, range)?;
        let mut at = record;
        while let Some(piece) = pieces.next()? {
            if self.is_full() {
                return Ok(Some((at, false)));
            }
            if *budget == 0 {
                return Ok(Some((at, true)));
            }
            let punched = piece.record.is_punch();
            let data = match punched {
                true => None,
                false => self.embed(arena, &piece.record.locate(piece.extent), origin),
            };
            if !self.fits(data.as_ref().map_or(0, |data| data.len())) {
                return Ok(Some((at, false)));
            }
            let (epoch, record_size) = (Epoch(piece.record.epoch), u64::from(akey.record_size()));
            self.push(TreeEntry::Extent {
                extent: ListedExtent { extent: piece.extent, epoch, record_size, punched },
                data,
            });
            at = piece.extent.end();
            *budget -= 1;
        }
        Ok(None)
    }

    fn push(&mut self, entry: TreeEntry) {
        if let TreeEntry::Single { data: Some(data), .. } | TreeEntry::Extent { data: Some(data), .. } = &entry {
            self.bytes += data.len();
        }
        self.entries.push(entry);
    }

    /// The bytes of a value, when they are to be embedded. Those of a damaged one are not: that is counted and logged, whoever
    /// fetches it gets the error, and the listing goes on behind it.
    fn embed(&mut self, arena: &Arena, range: &StoredRange, origin: &Origin<'_>) -> Option<Data> {
        if range.on_device || range.length > self.request.embed {
            return None;
        }
        match range.read_inline(arena, origin) {
            Ok(data) => Some(data),
            Err(damage) => {
                self.damages.push(damage);
                None
            }
        }
    }
}

/// The first visible key behind another one.
fn next_key(
    arena: &Arena,
    (parent, window): (&Level, Window),
    (kind, depth): (KeyKind, Depth),
    behind: Option<&Key>,
    look: &mut Look,
    budget: &mut usize,
) -> Result<NextKey> {
    let probe = behind.map(|key| KeyProbe::new(kind, key)).transpose()?;
    let mut cursor: Option<Cursor> = match (parent.children()?, &probe) {
        (Children::None, _) => None,
        (Children::Direct(link), _) => {
            *budget = budget.saturating_sub(1);
            let child = Level::load(arena, link)?;
            let key = Key::new(&child.key(arena)?)?;
            let is_behind = match &probe {
                Some(probe) => (order_of(kind, &key)?, &key[..]) > (probe.order, probe.bytes),
                None => true,
            };
            return Ok(match is_behind {
                true => match look.is_visible(arena, &child, depth, window, budget)? {
                    Some(true) => NextKey::Found(key),
                    Some(false) => NextKey::End,
                    None => NextKey::Pause(None),
                },
                false => NextKey::End,
            });
        }
        (Children::Tree(tree), None) => tree.first(arena)?,
        (Children::Tree(tree), Some(probe)) => tree.seek(arena, probe, true)?,
    };
    let mut last: Option<Level> = None;
    while let Some(at) = &mut cursor {
        if *budget == 0 {
            return Ok(NextKey::Pause(last.map(|last| Key::new(&last.key(arena)?)).transpose()?));
        }
        let child = Level::load(arena, at.entry(arena)?.link)?;
        *budget -= 1;
        look.note_looks(arena, 1)?;
        match look.is_visible(arena, &child, depth, window, budget)? {
            Some(true) => return Ok(NextKey::Found(Key::new(&child.key(arena)?)?)),
            Some(false) => last = Some(child),
            None => return Ok(NextKey::Pause(last.map(|last| Key::new(&last.key(arena)?)).transpose()?)),
        }
        if !at.next(arena)? {
            break;
        }
    }
    Ok(NextKey::End)
}
