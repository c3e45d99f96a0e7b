//! What an epoch sees.
//!
//! A value of epoch `e` is visible at epoch `E` when `e <= E` and no punch above it has an epoch `p` with `e < p <= E`, or `e <= p`
//! when it is sealed. (A punch that is not has removed what had its own epoch when it was made, so what is found at `p` came after
//! it.) A key or object is visible when a value below it is.

use crate::array;
use crate::level::{Children, Level, Span, ValueKind};
use crate::single;
use crate::tree::{Head, Tree};
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

/// Whether anything below a level is visible. The window is that above the level.
pub(crate) fn is_visible(arena: &Arena, level: &Level, depth: Depth, window: Window) -> Result<bool> {
    let window = window.below(arena, level)?;
    let Some(below) = depth.below() else { return akey_has(arena, level, window) };
    let tree = match level.children()? {
        Children::None => return Ok(false),
        Children::Direct(link) => return is_visible(arena, &Level::load(arena, link)?, below, window),
        Children::Tree(tree) => tree,
    };
    if let Some(answer) = decide(&tree.head(arena)?, window) {
        return Ok(answer);
    }
    let mut cursor = tree.first(arena)?;
    while let Some(at) = &mut cursor {
        if is_visible(arena, &Level::load(arena, at.entry(arena)?.link)?, below, window)? {
            return Ok(true);
        }
        if !at.next(arena)? {
            break;
        }
    }
    Ok(false)
}

/// Whether an akey has a value in the window below it.
pub(crate) fn akey_has(arena: &Arena, akey: &Level, window: Window) -> Result<bool> {
    if akey.value_kind()? == ValueKind::Single {
        return Ok(single::find(arena, akey, window)?.is_some());
    }
    if let Children::Tree(tree) = akey.children()?
        && let Some(answer) = decide_extents(&tree.head(arena)?, window)
    {
        return Ok(answer);
    }
    array::has_any(arena, akey, window)
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
