//! The B+tree of the store: a 64-bit order word and a 32-bit link per entry.
//!
//! Every index of the store is one of these. Where order words can be equal (hashed and lexical keys, extents that start at the same
//! record), a [`Probe`] breaks the tie by looking at the record that the link names. The tree of extents also keeps with every entry the end of
//! the range below it, so that a search for what overlaps a range descends only where something does.
//!
//! ```text
//! head  root u32, height u8, flags u8, reserved u16, oldest u64, newest u64, touched u64
//! node  level u8 (0 leaf), count u8, capacity u8, kind u8 (1: has ends, 2: they rise), reserved u32,
//!       order words [u64; capacity], links [u32; capacity] (padded to 8 bytes), augmented: ends [u64; capacity]
//! ```
//! The root starts with few entries and grows by reallocation, so a small tree is small; inner nodes end larger than leaves. Inner
//! entries hold a lower bound of the order words below; the first one of a node counts as minus infinity. A node that becomes empty is
//! removed, one that becomes sparse is joined with a neighbour, and a root with one child gives way to it.

mod change;
mod cursor;
mod join;
mod node;
#[cfg(test)]
mod tests;

pub(crate) use cursor::{Cursor, Place};
pub(crate) use node::{LEAF_SIZE_MAX, NODE_SIZE_MAX, NODE_SIZES_AUGMENTED, NODE_SIZES_PLAIN};

use crate::level::Span;
use daos_media::{Arena, Offset, Transaction};
use daos_status::{Code, Result, Status, fail};
use node::Node;
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// More levels than any tree can have that fits an arena.
const HEIGHT_MAX: usize = 12;

/// The summary of epochs no longer is exact: something below was removed.
const INEXACT: u8 = 1;

/// Something below was punched at some epoch.
const PUNCHED: u8 = 2;

/// What is searched for.
pub(crate) trait Probe {
    /// Its order word.
    fn order(&self) -> u64;
    /// How the record of a link with the same order word compares with it.
    fn compare(&self, arena: &Arena, link: u32) -> Result<Ordering>;
    /// Whether the record of a link with the same order word is what is searched for.
    #[inline]
    fn equals(&self, arena: &Arena, link: u32) -> Result<bool> {
        Ok(self.compare(arena, link)?.is_eq())
    }
    /// Whether no two entries share an order word, so that nothing needs to be compared.
    fn is_unique(&self) -> bool {
        false
    }
}

/// An order word that no two entries share.
pub(crate) struct Unique(pub u64);

impl Probe for Unique {
    fn order(&self) -> u64 {
        self.0
    }
    fn compare(&self, _arena: &Arena, _link: u32) -> Result<Ordering> {
        Ok(Ordering::Equal)
    }
    fn is_unique(&self) -> bool {
        true
    }
}

/// An entry of a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub order: u64,
    pub link: u32,
    /// The end of the range, in augmented trees; zero in others.
    pub end: u64,
}

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Head {
    root: u32,
    height: u8,
    flags: u8,
    reserved: u16,
    /// The least and the greatest epoch of updates below, when it has been kept up: see [`Tree::note_epoch`].
    pub oldest: u64,
    pub newest: u64,
    /// The greatest epoch of anything, also of punches.
    pub touched: u64,
}

/// Bytes of a head.
pub(crate) const HEAD_SIZE: usize = size_of::<Head>();

/// A tree, found by its head.
#[derive(Clone, Copy)]
pub(crate) struct Tree {
    position: u64,
    augmented: bool,
}

#[cold]
pub(crate) fn damaged(what: &str, position: u64) -> Status {
    Status::new(Code::DfInval, format!("damaged metadata: {what} at offset {position} of the arena"))
}

impl Tree {
    /// The tree of a link that was stored.
    #[inline]
    pub(crate) fn at(link: u32, augmented: bool) -> Result<Tree> {
        match Offset::from_link(link) {
            Some(offset) => Ok(Tree { position: offset.get(), augmented }),
            None => Err(damaged("a link to a tree that is nowhere", u64::from(link))),
        }
    }

    /// Makes an empty tree; gives the link of its head, to be stored.
    pub(crate) fn create(transaction: &mut Transaction<'_>, augmented: bool) -> Result<(Tree, u32)> {
        let root = Node::create(transaction, 0, 0, augmented)?;
        let offset = transaction.allocate(size_of::<Head>())?;
        let head = Head {
            root: root.link_of_node(),
            height: 0,
            flags: 0,
            reserved: 0,
            oldest: u64::MAX,
            newest: 0,
            touched: 0,
        };
        transaction.fill(offset.get(), head.as_bytes())?;
        Ok((Tree { position: offset.get(), augmented }, offset.link()))
    }

    #[inline]
    pub(crate) fn head(&self, arena: &Arena) -> Result<Head> {
        let head: Head = arena.read_value(self.position)?;
        if usize::from(head.height) >= HEIGHT_MAX {
            return Err(damaged("a tree's height", self.position));
        }
        Ok(head)
    }

    /// Levels of nodes.
    pub(crate) fn levels(&self, arena: &Arena) -> Result<usize> {
        Ok(usize::from(self.head(arena)?.height) + 1)
    }

    /// Whether the summary of epochs is exact.
    pub(crate) fn is_exact(head: &Head) -> bool {
        head.flags & INEXACT == 0
    }

    /// Whether any key below has ever been punched.
    pub(crate) fn has_punches(head: &Head) -> bool {
        head.flags & PUNCHED != 0
    }

    /// Takes an update at `epoch` below this tree into the summary.
    #[inline]
    pub(crate) fn note_epoch(&self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<()> {
        let head = self.head(transaction.arena())?;
        let summary = [head.oldest.min(epoch), head.newest.max(epoch), head.touched.max(epoch)];
        if summary != [head.oldest, head.newest, head.touched] {
            transaction.write(self.position + 8, summary.as_bytes())?;
        }
        Ok(())
    }

    /// Takes something that is no update at `epoch` below this tree into the summary; `hides` when it is a punch of a key.
    pub(crate) fn note_touched(&self, transaction: &mut Transaction<'_>, epoch: u64, hides: bool) -> Result<()> {
        let head = self.head(transaction.arena())?;
        if head.touched < epoch {
            transaction.write(self.position + 24, &epoch.to_le_bytes())?;
        }
        if hides && head.flags & PUNCHED == 0 {
            transaction.write(self.position + 5, &[head.flags | PUNCHED])?;
        }
        Ok(())
    }

    /// Says that something below was removed, so that the summary of epochs is a bound only.
    pub(crate) fn note_removal(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let head = self.head(transaction.arena())?;
        if head.flags & INEXACT != 0 {
            return Ok(());
        }
        transaction.write(self.position + 5, &[head.flags | INEXACT])
    }

    /// Replaces the summary, after a walk over everything below.
    pub(crate) fn set_summary(&self, transaction: &mut Transaction<'_>, span: Span) -> Result<()> {
        let head = self.head(transaction.arena())?;
        let epochs = [span.oldest, span.newest, span.touched];
        let flags = if span.has_punches { PUNCHED } else { 0 } | if span.is_exact { 0 } else { INEXACT };
        if head.flags != flags {
            transaction.write(self.position + 5, &[flags])?;
        }
        if epochs != [head.oldest, head.newest, head.touched] {
            transaction.write(self.position + 8, epochs.as_bytes())?;
        }
        Ok(())
    }

    /// The entry that a probe equals.
    pub(crate) fn find(&self, arena: &Arena, probe: &impl Probe) -> Result<Option<Cursor>> {
        let Some(cursor) = self.seek(arena, probe, false)? else { return Ok(None) };
        let entry = cursor.entry(arena)?;
        let found = entry.order == probe.order() && probe.compare(arena, entry.link)?.is_eq();
        Ok(found.then_some(cursor))
    }

    /// Frees head and nodes of a tree without entries.
    pub(crate) fn destroy(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let head = self.head(transaction.arena())?;
        let root = self.root(transaction.arena(), &head)?;
        if root.count > 0 || root.level > 0 {
            fail!(Code::DfInval, "a tree that is not empty is removed");
        }
        root.free(transaction)?;
        let offset = Offset::new(self.position).ok_or_else(|| damaged("a tree", self.position))?;
        transaction.free(offset, size_of::<Head>())
    }

    #[inline]
    fn root(&self, arena: &Arena, head: &Head) -> Result<Node> {
        Node::load(arena, head.root, head.height, self.augmented)
    }
}

#[cfg(test)]
thread_local! {
    static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn count_visit() {
    VISITS.set(VISITS.get() + 1);
}

/// How many nodes this thread has visited: tests look at it to tell walks from scans.
#[cfg(test)]
pub(crate) fn visits() -> u64 {
    VISITS.get()
}
