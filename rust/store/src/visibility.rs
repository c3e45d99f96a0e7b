//! What an epoch sees.
//!
//! A value of epoch `e` is visible at epoch `E` when `e <= E` and no punch above it has an epoch `p` with `e < p <= E`, or `e <= p`
//! when it is sealed. (A punch that is not has removed what had its own epoch when it was made, so what is found at `p` came after
//! it.) A key or object is visible when a value below it is.

use crate::array;
use crate::key_order::KeyProbe;
use crate::level::{Children, Level, Span, ValueKind};
use crate::single;
use crate::tree::{Head, Tree, damaged};
use daos_media::Arena;
use daos_status::Result;

/// Which level a record is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    Object,
    Dkey,
    Akey,
}

impl Depth {
    /// The level below; akeys have values instead.
    pub(crate) fn below(self) -> Option<Depth> {
        match self {
            Depth::Object => Some(Depth::Dkey),
            Depth::Dkey => Some(Depth::Akey),
            Depth::Akey => None,
        }
    }
}

/// The epochs that a read looks at: from the newest punch above what it reads up to its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    /// Older values are hidden.
    pub from: u64,
    /// Newer values are not there yet.
    pub to: u64,
}

impl Window {
    pub(crate) fn until(epoch: u64) -> Window {
        Window { from: 0, to: epoch }
    }

    /// The window below a level.
    #[inline]
    pub(crate) fn below(self, arena: &Arena, level: &Level) -> Result<Window> {
        Ok(Window { from: self.from.max(level.seen_from(arena, self.to)?), to: self.to })
    }

    #[inline]
    pub(crate) fn has(self, epoch: u64) -> bool {
        self.from <= epoch && epoch <= self.to
    }
}

/// What the summary of a tree of keys tells about a window, if it tells.
fn decide(head: &Head, window: Window) -> Option<bool> {
    if head.oldest > head.newest || head.oldest > window.to || head.newest < window.from {
        return Some(false);
    }
    // A key's own punch may hide an update below it, unless that came last of all.
    let last_is_update = window.has(head.newest) && head.touched == head.newest;
    let has_first = window.has(head.oldest) && !Tree::has_punches(head);
    ((last_is_update || has_first) && Tree::is_exact(head)).then_some(true)
}

/// What the summary of a tree of extents tells about a window, if it tells.
fn decide_extents(head: &Head, window: Window) -> Option<bool> {
    if head.oldest > head.newest || head.oldest > window.to || head.newest < window.from {
        return Some(false);
    }
    let has_end = window.has(head.newest) || window.has(head.oldest);
    (has_end && Tree::is_exact(head)).then_some(true)
}

/// A look for something visible below a level, which may be made in parts: between them the level may change, and it goes on at the key
/// that it has come to.
///
/// What comes meanwhile before that place is not seen. Whoever needs to know about it starts anew.
#[derive(Clone, Default, Debug)]
pub(crate) struct Look {
    /// The key of the level, when a part has ended within it.
    of: Option<Vec<u8>>,
    /// From that level on, the child that it has come to: its order word and key.
    path: Vec<Option<(u64, Vec<u8>)>>,
    /// In an array, the extent that it has come to: start, epoch and number.
    extent: Option<(u64, u64, u32)>,
    /// Entries that were looked at so far, for this answer and those before it.
    looked_at: u64,
}

/// Bytes of the smallest record. Nobody looks at more of them than an arena has; where trees share what is below them, as in a forged one, it
/// would be many times as many.
const RECORD_BYTES_MIN: u64 = 16;

impl Look {
    /// Whether anything below a level is visible; `None` when so many entries were looked at before that was known. The window is that above
    /// the level. For another level than the last time it starts anew.
    #[inline]
    pub(crate) fn is_visible(
        &mut self,
        arena: &Arena,
        level: &Level,
        depth: Depth,
        window: Window,
        budget: &mut usize,
    ) -> Result<Option<bool>> {
        if let Some(of) = &self.of
            && !level.has_key(arena, of)?
        {
            self.restart();
        }
        let before = *budget;
        let answer = self.below(arena, level, depth, window, 0, budget)?;
        self.note_looks(arena, before - *budget)?;
        match answer {
            Some(_) => self.restart(),
            None => self.of = Some(level.key(arena)?),
        }
        Ok(answer)
    }

    /// Entries were looked at.
    pub(crate) fn note_looks(&mut self, arena: &Arena, count: usize) -> Result<()> {
        self.looked_at += count as u64;
        if self.looked_at > arena.capacity() / RECORD_BYTES_MIN {
            return Err(damaged("keys that share what is below them", 0));
        }
        Ok(())
    }

    /// The next look is one from the beginning.
    pub(crate) fn restart(&mut self) {
        self.of = None;
        self.path.clear();
        self.extent = None;
    }

    fn below(
        &mut self,
        arena: &Arena,
        level: &Level,
        depth: Depth,
        window: Window,
        index: usize,
        budget: &mut usize,
    ) -> Result<Option<bool>> {
        let window = window.below(arena, level)?;
        let Some(below) = depth.below() else { return self.values(arena, level, window, budget) };
        let tree = match level.children()? {
            Children::None => return Ok(Some(false)),
            Children::Direct(link) => {
                return self.below(arena, &Level::load(arena, link)?, below, window, index + 1, budget);
            }
            Children::Tree(tree) => tree,
        };
        if let Some(answer) = decide(&tree.head(arena)?, window) {
            return Ok(Some(answer));
        }
        let known = self.path.get(index).cloned().flatten();
        let mut cursor = match &known {
            Some((order, key)) => tree.seek(arena, &KeyProbe { order: *order, bytes: key }, false)?,
            None => tree.first(arena)?,
        };
        let mut is_known = known.is_some();
        while let Some(at) = &mut cursor {
            let entry = at.entry(arena)?;
            let child = Level::load(arena, entry.link)?;
            if !std::mem::take(&mut is_known) || known.as_ref().is_none_or(|known| known.0 != entry.order) {
                // What is below the child is looked at from its beginning.
                self.path.truncate(index);
                self.extent = None;
            }
            let answer = match *budget {
                0 => None,
                _ => {
                    *budget -= 1;
                    self.below(arena, &child, below, window, index + 1, budget)?
                }
            };
            match answer {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => {
                    if self.path.len() <= index {
                        self.path.resize_with(index + 1, || None);
                    }
                    self.path[index] = Some((entry.order, child.key(arena)?));
                    return Ok(None);
                }
            }
            if !at.next(arena)? {
                break;
            }
        }
        Ok(Some(false))
    }

    /// Whether an akey has a value in the window below it.
    fn values(&mut self, arena: &Arena, akey: &Level, window: Window, budget: &mut usize) -> Result<Option<bool>> {
        if akey.value_kind()? == ValueKind::Single {
            return Ok(Some(single::find(arena, akey, window)?.is_some()));
        }
        if let Children::Tree(tree) = akey.children()?
            && let Some(answer) = decide_extents(&tree.head(arena)?, window)
        {
            return Ok(Some(answer));
        }
        array::has_any(arena, akey, window, &mut self.extent, budget)
    }
}

/// Whether an akey has a value in the window below it, in one go.
pub(crate) fn akey_has(arena: &Arena, akey: &Level, window: Window) -> Result<bool> {
    let answer = Look::default().values(arena, akey, window, &mut entries_max(arena))?;
    answer.ok_or_else(|| damaged("a tree of extents", 0))
}

/// No honest walk looks at more entries than an arena has records.
pub(crate) fn entries_max(arena: &Arena) -> usize {
    (arena.capacity() / RECORD_BYTES_MIN) as usize
}

/// The epochs below a level, its own punches included.
pub(crate) fn span(arena: &Arena, level: &Level, depth: Depth) -> Result<Span> {
    let mut span = match (level.children()?, depth.below()) {
        (Children::None, _) => Span::EMPTY,
        (Children::Direct(link), Some(below)) => span(arena, &Level::load(arena, link)?, below)?,
        (Children::Direct(link), None) => match level.value_kind()? {
            ValueKind::Single => Span::of(single::epoch_of(arena, link)?),
            _ => array::span_of(arena, link)?,
        },
        (Children::Tree(tree), None) if level.value_kind()? == ValueKind::Single => {
            let oldest = tree.first(arena)?.map(|cursor| cursor.entry(arena)).transpose()?;
            let newest = tree.last(arena)?.map(|cursor| cursor.entry(arena)).transpose()?;
            match oldest.zip(newest) {
                Some((oldest, newest)) => Span { oldest: oldest.order, ..Span::of(newest.order) },
                None => Span::EMPTY,
            }
        }
        (Children::Tree(tree), _) => {
            let head = tree.head(arena)?;
            let is_exact = Tree::is_exact(&head);
            let has_punches = Tree::has_punches(&head);
            Span { oldest: head.oldest, newest: head.newest, touched: head.touched, is_exact, has_punches }
        }
    };
    span.note_punch(level.last_punch(arena)?);
    Ok(span)
}
