//! A listing of keys under way: from which place on, and what of it shows, a slice at a time.

use crate::enumerate::ENTRIES_PER_SLICE;
use crate::key_order::{self, KeyProbe};
use crate::level::{ChildOrder, Children, Level};
use crate::listing::{ANCHOR_PREFIX_MAX, Place, Position};
use crate::tree::{Cursor, Tree};
use crate::visibility::{Depth, Look, Window};
use crate::{Anchor, Limits};
use daos_media::Arena;
use daos_status::{Code, Result, fail};

/// A level whose children are listed.
pub(crate) struct Parent {
    pub level: Level,
    pub window: Window,
    pub order: ChildOrder,
    pub depth: Depth,
}

/// The place of an anchor among keys.
#[derive(Clone, Copy)]
struct KeyPlace<'a> {
    order: u64,
    hash: u64,
    link: u32,
    prefix: &'a [u8],
}

impl KeyPlace<'_> {
    /// Whether the anchor has less than all of its key.
    fn is_cut(&self) -> bool {
        self.prefix.len() == ANCHOR_PREFIX_MAX && key_order::hash(self.prefix) != self.hash
    }

    /// A key that begins as the anchor's.
    fn probe<'a>(&self, bytes: &'a [u8]) -> KeyProbe<'a> {
        KeyProbe { order: self.order, bytes }
    }

    fn is_of(&self, key: &[u8]) -> bool {
        key.starts_with(self.prefix) && key_order::hash(key) == self.hash
    }

    /// Whether a key comes behind the one that the anchor was made of.
    fn is_before(&self, order: u64, key: &[u8]) -> bool {
        if order != self.order {
            return order > self.order;
        }
        if self.is_cut() && key.starts_with(self.prefix) {
            return !self.is_of(key);
        }
        key > self.prefix
    }

    /// All of the key, if it still lies where it was listed. What lies there may be anything by now, but what has its hash is it.
    fn recall(&self, arena: &Arena) -> Option<Vec<u8>> {
        let key = Level::load(arena, self.link).ok()?.key(arena).ok()?;
        self.is_of(&key).then_some(key)
    }
}

/// The children of a level from some place on.
enum Walk {
    Done,
    Only(u32),
    Tree(Box<Cursor>),
}

impl Walk {
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

/// A listing of keys under way.
pub(crate) struct KeyScan {
    pub keys: Vec<Vec<u8>>,
    bytes: usize,
    pub anchor: Anchor,
    /// What a slice has begun to look for below the child behind the anchor.
    look: Look,
    /// The key up to which that of the anchor was looked for, in vain.
    searched: Option<Vec<u8>>,
}

impl KeyScan {
    pub(crate) fn new(anchor: &Anchor) -> KeyScan {
        let (keys, anchor) = (Vec::new(), anchor.clone());
        KeyScan { keys, bytes: 0, anchor, look: Look::default(), searched: None }
    }

    fn is_full(&self, limits: Limits) -> bool {
        !self.keys.is_empty() && (self.keys.len() >= limits.count || self.bytes >= limits.bytes)
    }

    /// Looks at some entries; `true` when the listing is done.
    pub(crate) fn slice(&mut self, arena: &Arena, parent: &Parent, limits: Limits) -> Result<bool> {
        let mut budget = ENTRIES_PER_SLICE;
        let Some(mut walk) = self.walk(arena, parent, &mut budget)? else { return Ok(false) };
        let mut last = None;
        while budget > 0 {
            let Some(link) = walk.link(arena)? else {
                self.anchor = Anchor::End;
                return Ok(true);
            };
            let child = Level::load(arena, link)?;
            budget -= 1;
            self.look.note_looks(arena, 1)?;
            let Some(shows) = self.look.is_visible(arena, &child, parent.depth, parent.window, &mut budget)? else {
                break;
            };
            if shows {
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
            let key = last.key(arena)?;
            let prefix = key[..key.len().min(ANCHOR_PREFIX_MAX)].to_vec();
            let (order, hash, link) = (order.order_of(&key)?, key_order::hash(&key), last.link());
            self.anchor = Anchor::Behind(Position(Place::Key { order, hash, link, prefix }));
        }
        Ok(())
    }

    /// The children behind the anchor; `None` when looking for them has to go on in the next slice.
    fn walk(&mut self, arena: &Arena, parent: &Parent, budget: &mut usize) -> Result<Option<Walk>> {
        let place = match &self.anchor {
            Anchor::Start => None,
            Anchor::End => return Ok(Some(Walk::Done)),
            Anchor::Behind(Position(Place::Key { order, hash, link, prefix })) => {
                Some(KeyPlace { order: *order, hash: *hash, link: *link, prefix })
            }
            Anchor::Behind(Position(Place::Extent { .. })) => {
                fail!(Code::Inval, "the anchor of a listing of extents does not fit a listing of keys")
            }
        };
        Ok(Some(match (parent.level.children()?, place) {
            (Children::None, _) => Walk::Done,
            (Children::Direct(link), None) => Walk::Only(link),
            (Children::Direct(link), Some(place)) => {
                let key = Level::load(arena, link)?.key(arena)?;
                if place.is_before(parent.order.order_of(&key)?, &key) { Walk::Only(link) } else { Walk::Done }
            }
            (Children::Tree(tree), None) => Walk::at(tree.first(arena)?),
            (Children::Tree(tree), Some(place)) => {
                match seek_behind(arena, &tree, place, &mut self.searched, budget)? {
                    Some(cursor) => Walk::at(cursor),
                    None => return Ok(None),
                }
            }
        }))
    }
}

/// The entry behind an anchor; `None` when so many entries were looked at before it was found.
///
/// The anchor has the first bytes of its key only. All of them lie where the key was listed, unless it has gone since; then the one with its
/// hash is looked for among the keys that share these bytes, and if there is none, all of them come again.
fn seek_behind(
    arena: &Arena,
    tree: &Tree,
    place: KeyPlace<'_>,
    searched: &mut Option<Vec<u8>>,
    budget: &mut usize,
) -> Result<Option<Option<Cursor>>> {
    if !place.is_cut() {
        return tree.seek(arena, &place.probe(place.prefix), true).map(Some);
    }
    if let Some(key) = place.recall(arena) {
        return tree.seek(arena, &place.probe(&key), true).map(Some);
    }
    let mut cursor = match searched.take() {
        Some(key) => tree.seek(arena, &place.probe(&key), true)?,
        None => tree.seek(arena, &place.probe(place.prefix), false)?,
    };
    while let Some(at) = &mut cursor {
        let entry = at.entry(arena)?;
        let key = Level::load(arena, entry.link)?.key(arena)?;
        if entry.order != place.order || !key.starts_with(place.prefix) {
            break;
        }
        if place.is_of(&key) {
            return Ok(Some(if at.next(arena)? { cursor } else { None }));
        }
        *budget = budget.saturating_sub(1);
        if *budget == 0 {
            *searched = Some(key);
            return Ok(None);
        }
        if !at.next(arena)? {
            break;
        }
    }
    tree.seek(arena, &place.probe(place.prefix), false).map(Some)
}
