//! Inserting and removing.

use super::node::{CAPACITY_MAX, Node, leaf_capacity};
use super::{Cursor, Entry, HEIGHT_MAX, Place, Probe, Tree, damaged};
use daos_media::Transaction;
use daos_status::{Code, Result, fail};

const _: () = assert!(CAPACITY_MAX < u8::MAX as usize);

impl Tree {
    /// Puts in an entry that is not there, at the place of its probe.
    pub(crate) fn insert(
        &self,
        transaction: &mut Transaction<'_>,
        probe: &impl Probe,
        link: u32,
        end: u64,
    ) -> Result<()> {
        let mut node = self.root(transaction.arena(), &self.head(transaction.arena())?)?;
        while node.level > 0 {
            let index = node.position_of(transaction.arena(), probe, true)?.saturating_sub(1);
            let child = node.child(transaction.arena(), index)?;
            if self.augmented && node.end(transaction.arena(), index)? < end {
                node.set_end(transaction, index, end)?;
            }
            node = child;
        }
        let index = node.position_of(transaction.arena(), probe, false)?;
        self.insert_in(transaction, probe, Place { leaf: node, index }, link, end)
    }

    /// As [`Tree::insert`], where a search has found the place, and the tree has not changed since. Only for trees without ends.
    #[inline]
    pub(crate) fn insert_at_place(
        &self,
        transaction: &mut Transaction<'_>,
        probe: &impl Probe,
        place: Place,
        link: u32,
    ) -> Result<()> {
        debug_assert!(!self.augmented, "the ends above the place would have to be raised");
        self.insert_in(transaction, probe, place, link, 0)
    }

    #[inline]
    fn insert_in(
        &self,
        transaction: &mut Transaction<'_>,
        probe: &impl Probe,
        place: Place,
        link: u32,
        end: u64,
    ) -> Result<()> {
        let entry = Entry { order: probe.order(), link, end };
        let Place { mut leaf, index } = place;
        if leaf.count < leaf.capacity {
            return leaf.insert(transaction, index, entry);
        }
        let cursor = self.descend_to(transaction.arena(), probe, false)?;
        self.insert_at(transaction, cursor, entry)
    }

    fn insert_at(&self, transaction: &mut Transaction<'_>, mut cursor: Cursor, entry: Entry) -> Result<()> {
        self.raise_ends(transaction, &cursor, entry.end)?;
        let mut entry = entry;
        let mut index = cursor.leaf().1;
        loop {
            let depth = cursor.depth - 1;
            let node = &mut cursor.path[depth].0;
            if node.count < node.capacity {
                return node.insert(transaction, index, entry);
            }
            if let Some(step) = node.next_step().filter(|_| depth == 0) {
                let mut grown = Node::create(transaction, node.level, step, self.augmented)?;
                let old = *node;
                node.move_tail(transaction, 0, &mut grown)?;
                old.free(transaction)?;
                transaction.write(self.position, &grown.link_of_node().to_le_bytes())?;
                return grown.insert(transaction, index, entry);
            }
            let is_rightmost = cursor.path[..depth].iter().all(|(node, at)| at + 1 == usize::from(node.count));
            let is_append = is_rightmost && index == usize::from(cursor.path[depth].0.count);
            if depth > 0 && cursor.path[depth].0.level == 0 && !is_append {
                let (parent, at) = cursor.path[depth - 1];
                if self.give(transaction, parent, at, cursor.path[depth].0, (index, entry))? {
                    return Ok(());
                }
            }
            let node = &mut cursor.path[depth].0;
            let right = split(transaction, node, index, entry, is_rightmost)?;
            let left = *node;
            entry = Entry {
                order: right.order(transaction.arena(), 0)?,
                link: right.link_of_node(),
                end: right.end_max(transaction.arena())?,
            };
            let left_end = left.end_max(transaction.arena())?;
            if depth == 0 {
                return self.grow(transaction, left, left_end, entry);
            }
            let (parent, at) = cursor.path[depth - 1];
            parent.set_end(transaction, at, left_end)?;
            index = at + 1;
            cursor.depth -= 1;
        }
    }

    /// Makes room for an entry in a full leaf by giving others to the leaf to its right or left, when there is room.
    fn give(
        &self,
        transaction: &mut Transaction<'_>,
        parent: Node,
        at: usize,
        mut node: Node,
        (index, entry): (usize, Entry),
    ) -> Result<bool> {
        let arena = transaction.arena();
        parent.prefetch_beside(arena, at)?;
        if at + 1 < usize::from(parent.count) {
            let mut right = parent.child(arena, at + 1)?;
            let count = node.entries_for(&right);
            if count > 0 {
                node.move_right(transaction, &mut right, count)?;
                let kept = usize::from(node.count);
                match index <= kept {
                    true => node.insert(transaction, index, entry)?,
                    false => right.insert(transaction, index - kept, entry)?,
                }
                self.describe(transaction, parent, at + 1, right)?;
                parent.set_end(transaction, at, node.end_max(arena)?)?;
                return Ok(true);
            }
        }
        if at > 0 {
            let mut left = parent.child(arena, at - 1)?;
            let count = node.entries_for(&left);
            if count > 0 {
                let before = usize::from(left.count);
                node.move_left(transaction, &mut left, count)?;
                match index < count {
                    true => left.insert(transaction, before + index, entry)?,
                    false => node.insert(transaction, index - count, entry)?,
                }
                self.describe(transaction, parent, at, node)?;
                parent.set_end(transaction, at - 1, left.end_max(arena)?)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Brings an entry of an inner node up to date with the leaf that it names.
    fn describe(&self, transaction: &mut Transaction<'_>, parent: Node, at: usize, leaf: Node) -> Result<()> {
        let order = leaf.order(transaction.arena(), 0)?;
        parent.set_order(transaction, at, order)?;
        parent.set_end(transaction, at, leaf.end_max(transaction.arena())?)
    }

    /// Takes an end into account in all inner nodes of a path.
    fn raise_ends(&self, transaction: &mut Transaction<'_>, cursor: &Cursor, end: u64) -> Result<()> {
        if !self.augmented {
            return Ok(());
        }
        for (node, index) in &cursor.path[..cursor.depth - 1] {
            if node.end(transaction.arena(), *index)? < end {
                node.set_end(transaction, *index, end)?;
            }
        }
        Ok(())
    }

    /// Puts a new root above the old one and its new sibling.
    fn grow(&self, transaction: &mut Transaction<'_>, left: Node, left_end: u64, right: Entry) -> Result<()> {
        let level = left.level + 1;
        if usize::from(level) >= HEIGHT_MAX {
            fail!(Code::DfInval, "a tree of {HEIGHT_MAX} levels grows");
        }
        let mut root = Node::create(transaction, level, 0, self.augmented)?;
        let order = left.order(transaction.arena(), 0)?;
        root.insert(transaction, 0, Entry { order, link: left.link_of_node(), end: left_end })?;
        root.insert(transaction, 1, right)?;
        transaction.write(self.position, &root.link_of_node().to_le_bytes())?;
        transaction.write(self.position + 4, &[level])
    }

    /// Makes an entry name another record of the same order.
    pub(crate) fn replace_link(&self, transaction: &mut Transaction<'_>, cursor: &Cursor, link: u32) -> Result<()> {
        let (leaf, index) = cursor.leaf();
        leaf.set_link(transaction, *index, link)
    }

    /// Takes the entry of a cursor out.
    pub(crate) fn remove(&self, transaction: &mut Transaction<'_>, mut cursor: Cursor) -> Result<()> {
        loop {
            let depth = cursor.depth - 1;
            let (node, index) = &mut cursor.path[depth];
            node.remove(transaction, *index)?;
            if node.count > 0 {
                self.lower_ends(transaction, &cursor)?;
                return self.join_sparse(transaction, cursor);
            }
            if depth == 0 {
                return self.reset_root(transaction, *node);
            }
            node.free(transaction)?;
            cursor.depth -= 1;
        }
    }

    /// An empty root becomes an empty leaf, in place: taking things away needs no space.
    fn reset_root(&self, transaction: &mut Transaction<'_>, root: Node) -> Result<()> {
        if root.level == 0 {
            return Ok(());
        }
        transaction.write(root.position(), &[0])?;
        transaction.write(self.position + 4, &[0])
    }

    /// Computes the ends of a path anew after its last node lost an entry.
    fn lower_ends(&self, transaction: &mut Transaction<'_>, cursor: &Cursor) -> Result<()> {
        if !self.augmented {
            return Ok(());
        }
        for depth in (1..cursor.depth).rev() {
            let end = cursor.path[depth].0.end_max(transaction.arena())?;
            let (parent, index) = cursor.path[depth - 1];
            parent.set_end(transaction, index, end)?;
        }
        Ok(())
    }
}

/// Cuts a full node in two and puts the entry where it belongs. When everything is appended, the left one stays full.
fn split(
    transaction: &mut Transaction<'_>,
    node: &mut Node,
    index: usize,
    entry: Entry,
    is_rightmost: bool,
) -> Result<Node> {
    let count = usize::from(node.count);
    if count < 2 || index > count {
        return Err(damaged("a full node with few entries", node.position()));
    }
    let mut right = Node::create(transaction, node.level, usize::MAX, node.augmented)?;
    // What was an inner root may hold more than the two halves of a leaf.
    let least = if node.level == 0 { count.saturating_sub(leaf_capacity(node.augmented) - 1) } else { 0 };
    let cut = if is_rightmost && index == count { count } else { (count / 2).max(least) };
    if cut < count {
        node.move_tail(transaction, cut, &mut right)?;
    }
    if index < cut || (index == cut && cut < count) {
        node.insert(transaction, index, entry)?;
    } else {
        right.insert(transaction, index - cut, entry)?;
    }
    Ok(right)
}
