//! Walking a tree. A cursor is valid until the tree changes.

use super::node::Node;
use super::{Entry, HEIGHT_MAX, Probe, Tree, damaged};
use daos_media::Arena;
use daos_status::Result;

/// Bytes of the smallest node.
const NODE_BYTES_MIN: u64 = 32;

/// An entry of a leaf, with the path to it: the root comes first.
#[derive(Clone)]
pub(crate) struct Cursor {
    pub(super) path: [(Node, usize); HEIGHT_MAX],
    pub(super) depth: usize,
    /// How many nodes this cursor went down to.
    entered: u64,
}

impl Cursor {
    pub(super) fn new(root: Node) -> Cursor {
        Cursor { path: [(root, 0); HEIGHT_MAX], depth: 1, entered: 0 }
    }

    #[inline]
    pub(super) fn leaf(&self) -> &(Node, usize) {
        &self.path[self.depth - 1]
    }

    fn push(&mut self, node: Node, index: usize) {
        // The levels of nodes fall by one with each step down, and start below HEIGHT_MAX.
        self.path[self.depth] = (node, index);
        self.depth += 1;
    }

    /// Goes down to a node on a walk. A walk enters each node once; where nodes share their children, as in a forged tree, it enters more
    /// than there are, and would do so nearly for ever.
    fn enter(&mut self, arena: &Arena, node: Node, index: usize) -> Result<()> {
        self.entered += 1;
        if self.entered > arena.capacity() / NODE_BYTES_MIN + HEIGHT_MAX as u64 {
            return Err(damaged("a tree whose nodes share their children", node.position()));
        }
        self.push(node, index);
        Ok(())
    }

    /// The entry.
    #[inline]
    pub(crate) fn entry(&self, arena: &Arena) -> Result<Entry> {
        let (leaf, index) = self.leaf();
        leaf.entry(arena, *index)
    }

    /// Goes down to the first or last entry below the last node of the path.
    fn descend(&mut self, arena: &Arena, to_last: bool) -> Result<bool> {
        loop {
            let (node, index) = self.path[self.depth - 1];
            if node.level == 0 {
                return Ok(index < usize::from(node.count));
            }
            let child = node.child(arena, index)?;
            let index = if to_last { usize::from(child.count).saturating_sub(1) } else { 0 };
            self.enter(arena, child, index)?;
        }
    }

    /// Goes to the next entry; `false` when there is none, and then the cursor is at no entry any more.
    pub(crate) fn next(&mut self, arena: &Arena) -> Result<bool> {
        loop {
            let (node, index) = &mut self.path[self.depth - 1];
            if *index + 1 < usize::from(node.count) {
                *index += 1;
                return self.descend(arena, false);
            }
            if self.depth == 1 {
                return Ok(false);
            }
            self.depth -= 1;
        }
    }

    /// Goes to the entry before; `false` when there is none, and then the cursor is at no entry any more.
    pub(crate) fn previous(&mut self, arena: &Arena) -> Result<bool> {
        loop {
            let (_, index) = &mut self.path[self.depth - 1];
            if *index > 0 {
                *index -= 1;
                return self.descend(arena, true);
            }
            if self.depth == 1 {
                return Ok(false);
            }
            self.depth -= 1;
        }
    }

    /// Goes to the first entry from here on whose range ends behind `start`; skips whole subtrees that have none. Gives `false` when there is
    /// none.
    pub(crate) fn skip_to_end_behind(&mut self, arena: &Arena, start: u64) -> Result<bool> {
        loop {
            let (node, index) = &mut self.path[self.depth - 1];
            *index = node.end_behind(arena, *index, start)?;
            if *index < usize::from(node.count) {
                let (node, index) = (*node, *index);
                if node.level == 0 {
                    return Ok(true);
                }
                let child = node.child(arena, index)?;
                self.enter(arena, child, 0)?;
                continue;
            }
            if self.depth == 1 {
                return Ok(false);
            }
            self.depth -= 1;
            self.path[self.depth - 1].1 += 1;
        }
    }

    /// As [`Cursor::skip_to_end_behind`], behind the entry it is at.
    pub(crate) fn next_with_end_behind(&mut self, arena: &Arena, start: u64) -> Result<bool> {
        self.path[self.depth - 1].1 += 1;
        self.skip_to_end_behind(arena, start)
    }
}

/// Bytes of a record that are fetched ahead: of a value of 64 bytes, all of it with the short keys above it.
const RECORD_BYTES: usize = 144;

/// Where an entry that is not there belongs: in which leaf, and before which of its entries.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(super) leaf: Node,
    pub(super) index: usize,
}

/// Searches that keep no path: most look at one entry and are done.
impl Tree {
    #[inline]
    fn descend_to_leaf(&self, arena: &Arena, probe: &impl Probe) -> Result<(Node, bool)> {
        let mut node = self.root(arena, &self.head(arena)?)?;
        let is_root = node.level == 0;
        while node.level > 0 {
            let index = node.index_below(arena, probe)?;
            node = node.child(arena, index)?;
        }
        Ok((node, is_root))
    }

    /// The link of the entry that a probe equals; otherwise where it would be.
    #[inline]
    pub(crate) fn look_up(&self, arena: &Arena, probe: &impl Probe) -> Result<Result<u32, Place>> {
        let leaf = self.descend_to_leaf(arena, probe)?.0;
        let index = leaf.first_from(arena, probe.order())?;
        if index < usize::from(leaf.count) && leaf.order(arena, index)? == probe.order() {
            let link = leaf.link(arena, index)?;
            arena.prefetch(u64::from(link) * 8, RECORD_BYTES);
            if probe.is_unique() || probe.equals(arena, link)? {
                return Ok(Ok(link));
            }
            return Tree::look_up_among_equals(arena, probe, leaf);
        }
        Ok(Err(Place { leaf, index }))
    }

    /// As [`Tree::look_up`], where an entry of the leaf has the order word of the probe, but another key.
    #[cold]
    fn look_up_among_equals(arena: &Arena, probe: &impl Probe, leaf: Node) -> Result<Result<u32, Place>> {
        let index = leaf.position_of(arena, probe, false)?;
        if index < usize::from(leaf.count) && leaf.order(arena, index)? == probe.order() {
            let link = leaf.link(arena, index)?;
            if probe.equals(arena, link)? {
                return Ok(Ok(link));
            }
        }
        Ok(Err(Place { leaf, index }))
    }

    /// The link of the first entry whose range ends behind `start`, when it is easily told that its range covers everything up to `end`
    /// and that nothing overlaps that but older entries of the same place. Only in augmented trees.
    pub(crate) fn only_over(&self, arena: &Arena, start: u64, end: u64) -> Result<Option<u32>> {
        let mut node = self.root(arena, &self.head(arena)?)?;
        // What comes behind the node begins here or later.
        let mut behind = u64::MAX;
        loop {
            let count = usize::from(node.count);
            let index = node.end_behind(arena, 0, start)?;
            if index >= count {
                return Ok(None);
            }
            if node.level > 0 {
                if index + 1 < count {
                    behind = node.order(arena, index + 1)?;
                }
                node = node.child(arena, index)?;
                continue;
            }
            let entry = node.entry(arena, index)?;
            arena.prefetch(u64::from(entry.link) * 8, RECORD_BYTES);
            let mut next = index + 1;
            while next < count && node.order(arena, next)? == entry.order {
                next += 1;
            }
            if next < count {
                behind = node.order(arena, next)?;
            }
            let is_only = entry.order <= start && entry.end >= end && behind >= end;
            return Ok(is_only.then_some(entry.link));
        }
    }

    /// The last entry not behind the probe, without a cursor.
    #[inline]
    pub(crate) fn last_before(&self, arena: &Arena, probe: &impl Probe) -> Result<Option<Entry>> {
        let (leaf, is_root) = self.descend_to_leaf(arena, probe)?;
        let index = leaf.position_of(arena, probe, true)?;
        if index > 0 {
            let entry = leaf.entry(arena, index - 1)?;
            arena.prefetch(u64::from(entry.link) * 8, RECORD_BYTES);
            return Ok(Some(entry));
        }
        if is_root {
            return Ok(None);
        }
        self.seek_last(arena, probe)?.map(|cursor| cursor.entry(arena)).transpose()
    }
}

impl Tree {
    /// The first entry whose range ends behind `start`, in an augmented tree.
    pub(crate) fn first_with_end_behind(&self, arena: &Arena, start: u64) -> Result<Option<Cursor>> {
        let mut cursor = Cursor::new(self.root(arena, &self.head(arena)?)?);
        Ok(cursor.skip_to_end_behind(arena, start)?.then_some(cursor))
    }

    /// The first entry not before the probe, or, with `after`, behind it. Without `after`, no two entries may be equal to the probe:
    /// of those that are, it finds one.
    pub(crate) fn seek(&self, arena: &Arena, probe: &impl Probe, after: bool) -> Result<Option<Cursor>> {
        let mut cursor = self.descend_to(arena, probe, after)?;
        let (leaf, index) = cursor.leaf();
        if *index < usize::from(leaf.count) {
            return Ok(Some(cursor));
        }
        Ok(cursor.next(arena)?.then_some(cursor))
    }

    /// The last entry not behind the probe.
    pub(crate) fn seek_last(&self, arena: &Arena, probe: &impl Probe) -> Result<Option<Cursor>> {
        let mut cursor = self.descend_to(arena, probe, true)?;
        Ok(cursor.previous(arena)?.then_some(cursor))
    }

    /// The place of the probe in its leaf, which may be behind the leaf's last entry.
    #[inline]
    pub(super) fn descend_to(&self, arena: &Arena, probe: &impl Probe, after: bool) -> Result<Cursor> {
        let mut cursor = Cursor::new(self.root(arena, &self.head(arena)?)?);
        loop {
            let (node, index) = &mut cursor.path[cursor.depth - 1];
            if node.level == 0 {
                *index = node.position_of(arena, probe, after)?;
                return Ok(cursor);
            }
            *index = node.index_below(arena, probe)?;
            let child = node.child(arena, *index)?;
            cursor.push(child, 0);
        }
    }

    /// The first entry.
    pub(crate) fn first(&self, arena: &Arena) -> Result<Option<Cursor>> {
        let mut cursor = Cursor::new(self.root(arena, &self.head(arena)?)?);
        Ok(cursor.descend(arena, false)?.then_some(cursor))
    }

    /// The last entry.
    pub(crate) fn last(&self, arena: &Arena) -> Result<Option<Cursor>> {
        let root = self.root(arena, &self.head(arena)?)?;
        let mut cursor = Cursor::new(root);
        cursor.path[0].1 = usize::from(root.count).saturating_sub(1);
        Ok(cursor.descend(arena, true)?.then_some(cursor))
    }
}
