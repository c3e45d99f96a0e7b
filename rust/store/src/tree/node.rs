//! Nodes: where their parts lie, and the small changes they are made of.

use super::{Entry, Probe, damaged};
use daos_media::{Arena, Offset, Transaction};
use daos_status::Result;
use std::cmp::Ordering;

const HEADER: u64 = 8;

/// Capacities of plain and augmented leaves as a tree grows. They fill size classes of the arena; the last ones are 512 bytes.
const PLAIN: [u8; 5] = [2, 5, 10, 20, 42];
const AUGMENTED: [u8; 4] = [2, 5, 12, 25];

/// The same of inner nodes. The last ones are 1 KiB: a tree of 10^7 entries has one level less out of the caches, and since leaves are
/// of another size, inner nodes lie side by side in slabs of their own, which few entries of the processor's page tables cover.
const PLAIN_INNER: [u8; 2] = [42, 84];
const AUGMENTED_INNER: [u8; 2] = [25, 50];

/// Bytes of the largest leaves, and of the largest nodes.
pub(crate) const LEAF_SIZE_MAX: usize = 512;
pub(crate) const NODE_SIZE_MAX: usize = 1024;
/// Bytes of the smaller ones.
pub(crate) const NODE_SIZES_PLAIN: [usize; 4] = [
    size_of_node(PLAIN[0], false),
    size_of_node(PLAIN[1], false),
    size_of_node(PLAIN[2], false),
    size_of_node(PLAIN[3], false),
];
/// The same, of trees of extents.
pub(crate) const NODE_SIZES_AUGMENTED: [usize; 3] =
    [size_of_node(AUGMENTED[0], true), size_of_node(AUGMENTED[1], true), size_of_node(AUGMENTED[2], true)];
const _: () =
    assert!(size_of_node(PLAIN[4], false) <= LEAF_SIZE_MAX && size_of_node(AUGMENTED[3], true) <= LEAF_SIZE_MAX);
const _: () = assert!(size_of_node(PLAIN_INNER[0], false) <= LEAF_SIZE_MAX);
const _: () = assert!(size_of_node(AUGMENTED_INNER[0], true) <= LEAF_SIZE_MAX);
const _: () = assert!(size_of_node(PLAIN_INNER[1], false) <= NODE_SIZE_MAX);
const _: () = assert!(size_of_node(AUGMENTED_INNER[1], true) <= NODE_SIZE_MAX);

/// A full leaf gives entries to a neighbour that has this share of its capacity free, instead of being cut in two: leaves of keys that
/// come in any order are 85 % full then, not 69 %.
const GIVE_SHARE: usize = 8;

/// The most entries of any node.
pub(super) const CAPACITY_MAX: usize = 84;

/// What the byte of a node's kind says: entries have ends.
const HAS_ENDS: u8 = 1;
/// And these do not fall from one entry to the next, as those of extents that do not overlap: then they are searched by halves.
const ENDS_RISE: u8 = 2;

#[inline]
const fn capacities(level: u8, augmented: bool) -> &'static [u8] {
    match (level, augmented) {
        (0, false) => &PLAIN,
        (0, true) => &AUGMENTED,
        (_, false) => &PLAIN_INNER,
        (_, true) => &AUGMENTED_INNER,
    }
}

/// Whether there are nodes of this capacity: looked at from the last one on, which nearly all have. An inner root that became empty is a leaf
/// of the same size from then on.
#[inline]
fn is_capacity(capacity: u8, level: u8, augmented: bool) -> bool {
    let mut known = capacities(level, augmented).iter().rev();
    known.any(|known| *known == capacity) || (level == 0 && capacities(1, augmented).contains(&capacity))
}

/// The most entries of a leaf that is no root.
pub(super) fn leaf_capacity(augmented: bool) -> usize {
    usize::from(if augmented { AUGMENTED[AUGMENTED.len() - 1] } else { PLAIN[PLAIN.len() - 1] })
}

/// A node as read from the arena, checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    link: u32,
    pub level: u8,
    pub count: u8,
    pub capacity: u8,
    pub augmented: bool,
    /// The ends were rising when the node was read.
    is_rising: bool,
}

const fn size_of_node(capacity: u8, augmented: bool) -> usize {
    let capacity = capacity as usize;
    let ends = if augmented { capacity * 8 } else { 0 };
    HEADER as usize + capacity * 8 + (capacity * 4).next_multiple_of(8) + ends
}

impl Node {
    #[inline(always)]
    pub fn load(arena: &Arena, link: u32, level: u8, augmented: bool) -> Result<Node> {
        #[cfg(test)]
        super::count_visit();
        let position = u64::from(link) * 8;
        let [found_level, count, capacity, kind] = arena.read_value::<[u8; 4]>(position)?;
        let is_rising = kind == HAS_ENDS | ENDS_RISE;
        let is_kind = if augmented { is_rising || kind == HAS_ENDS } else { kind == 0 };
        let is_node = found_level == level && is_kind && count <= capacity && link != 0;
        if !is_node || !is_capacity(capacity, level, augmented) {
            return Err(damaged("a tree's node", position));
        }
        Ok(Node { link, level, count, capacity, augmented, is_rising })
    }

    #[inline]
    pub fn position(&self) -> u64 {
        u64::from(self.link) * 8
    }

    /// An empty node with the capacity of a step of growth.
    pub fn create(transaction: &mut Transaction<'_>, level: u8, step: usize, augmented: bool) -> Result<Node> {
        let steps = capacities(level, augmented);
        let capacity = steps[step.min(steps.len() - 1)];
        let offset = transaction.allocate(size_of_node(capacity, augmented))?;
        let kind = if augmented { HAS_ENDS | ENDS_RISE } else { 0 };
        transaction.fill(offset.get(), &[level, 0, capacity, kind, 0, 0, 0, 0])?;
        Ok(Node { link: offset.link(), level, count: 0, capacity, augmented, is_rising: augmented })
    }

    /// The step of growth after this node's, if there is one. Only roots grow: other nodes have the last capacity.
    pub fn next_step(&self) -> Option<usize> {
        capacities(self.level, self.augmented).iter().position(|capacity| *capacity > self.capacity)
    }

    pub fn free(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let offset = Offset::new(self.position()).ok_or_else(|| damaged("a tree's node", self.position()))?;
        transaction.free(offset, size_of_node(self.capacity, self.augmented))
    }

    pub fn link_of_node(&self) -> u32 {
        self.link
    }

    #[inline]
    fn order_at(&self, index: usize) -> u64 {
        self.position() + HEADER + index as u64 * 8
    }

    #[inline]
    pub fn link_at(&self, index: usize) -> u64 {
        self.position() + HEADER + u64::from(self.capacity) * 8 + index as u64 * 4
    }

    #[inline]
    fn end_at(&self, index: usize) -> u64 {
        let links = (u64::from(self.capacity) * 4).next_multiple_of(8);
        self.position() + HEADER + u64::from(self.capacity) * 8 + links + index as u64 * 8
    }

    #[inline]
    pub fn order(&self, arena: &Arena, index: usize) -> Result<u64> {
        arena.read_value(self.order_at(index))
    }

    #[inline]
    pub fn link(&self, arena: &Arena, index: usize) -> Result<u32> {
        arena.read_value(self.link_at(index))
    }

    #[inline]
    pub fn end(&self, arena: &Arena, index: usize) -> Result<u64> {
        if self.augmented { arena.read_value(self.end_at(index)) } else { Ok(0) }
    }

    #[inline]
    pub fn entry(&self, arena: &Arena, index: usize) -> Result<Entry> {
        if index >= usize::from(self.count) {
            return Err(damaged("an index into a tree's node", self.position()));
        }
        Ok(Entry { order: self.order(arena, index)?, link: self.link(arena, index)?, end: self.end(arena, index)? })
    }

    /// The first entry from `index` on whose range ends behind `start`; the count when there is none.
    #[inline]
    pub fn end_behind(&self, arena: &Arena, index: usize, start: u64) -> Result<usize> {
        let count = usize::from(self.count);
        if index >= count || !self.augmented {
            return Ok(index);
        }
        if self.is_rising {
            return Ok(index + arena.words_before(self.end_at(index), count - index, start, true)?);
        }
        let ends = arena.read(self.end_at(index), (count - index) * 8)?;
        let (ends, _) = ends.as_chunks::<8>();
        Ok(index + ends.iter().position(|end| u64::from_le_bytes(*end) > start).unwrap_or(ends.len()))
    }

    /// The greatest end of any entry.
    pub fn end_max(&self, arena: &Arena) -> Result<u64> {
        let mut end = 0;
        for index in 0..usize::from(self.count) {
            end = end.max(self.end(arena, index)?);
        }
        Ok(end)
    }

    /// From and to which index the order words equal one.
    #[inline]
    fn equals(&self, arena: &Arena, order: u64) -> Result<(usize, usize)> {
        let low = self.first_from(arena, order)?;
        let mut high = low;
        while high < usize::from(self.count) && self.order(arena, high)? == order {
            high += 1;
        }
        Ok((low, high))
    }

    /// The first entry whose order word is not less than one; the count when there is none.
    #[inline]
    pub fn first_from(&self, arena: &Arena, order: u64) -> Result<usize> {
        // The first word of an inner node stands for minus infinity, and may be greater than the ones that follow it.
        let count = usize::from(self.count);
        let first = usize::from(self.level > 0).min(count);
        Ok(first + arena.words_before(self.order_at(first), count - first, order, false)?)
    }

    /// The entry of an inner node below which a probe belongs: the last one that is not behind it.
    #[inline]
    pub fn index_below(&self, arena: &Arena, probe: &impl Probe) -> Result<usize> {
        let behind_first = usize::from(self.count).saturating_sub(1);
        let index = arena.words_before(self.order_at(1), behind_first, probe.order(), true)?;
        if index > 0 && !probe.is_unique() && self.order(arena, index)? == probe.order() {
            return Ok(self.position_of(arena, probe, true)?.saturating_sub(1));
        }
        Ok(index)
    }

    /// How many entries lie before the probe, or, with `after`, not behind it. Ties are broken by records: those of entries of
    /// a leaf, those of the first leaves below entries of an inner node.
    #[inline]
    pub fn position_of(&self, arena: &Arena, probe: &impl Probe, after: bool) -> Result<usize> {
        let (mut low, mut high) = self.equals(arena, probe.order())?;
        if low < high && probe.is_unique() {
            return Ok(if after { high } else { low });
        }
        while low < high {
            let middle = low.midpoint(high);
            let is_before = match self.compare(arena, middle, probe)? {
                Ordering::Less => true,
                Ordering::Equal => after,
                Ordering::Greater => false,
            };
            if is_before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn compare(&self, arena: &Arena, index: usize, probe: &impl Probe) -> Result<Ordering> {
        let first = self.first_below(arena, index)?;
        match first.order.cmp(&probe.order()) {
            Ordering::Equal => probe.compare(arena, first.link),
            other => Ok(other),
        }
    }

    fn first_below(&self, arena: &Arena, index: usize) -> Result<Entry> {
        let mut node = *self;
        let mut index = index;
        while node.level > 0 {
            node = node.child(arena, index)?;
            index = 0;
        }
        node.entry(arena, index)
    }

    /// The node of an inner entry.
    #[inline(always)]
    pub fn child(&self, arena: &Arena, index: usize) -> Result<Node> {
        if index >= usize::from(self.count) || self.level == 0 {
            return Err(damaged("an index into a tree's node", self.position()));
        }
        let link = self.link(arena, index)?;
        // The search reads here and there in the node: all of it comes at once, not one line after the other. What is above are few
        // nodes, which are near.
        match self.level {
            1 => arena.prefetch(u64::from(link) * 8, LEAF_SIZE_MAX),
            2 => arena.prefetch(u64::from(link) * 8, NODE_SIZE_MAX),
            _ => {}
        }
        Node::load(arena, link, self.level - 1, self.augmented)
    }

    /// Asks for the leaves beside one, from which it may take or to which it may give entries.
    pub fn prefetch_beside(&self, arena: &Arena, index: usize) -> Result<()> {
        for index in [index.wrapping_sub(1), index + 1] {
            if index < usize::from(self.count) {
                arena.prefetch(u64::from(self.link(arena, index)?) * 8, LEAF_SIZE_MAX);
            }
        }
        Ok(())
    }

    /// Whether the ends still rise when one of these, between two entries, becomes `end`.
    #[inline]
    fn keeps_rising(&self, arena: &Arena, before: usize, behind: usize, end: u64) -> Result<bool> {
        let is_above = before == 0 || arena.read_value::<u64>(self.end_at(before - 1))? <= end;
        Ok(is_above && (behind >= usize::from(self.count) || end <= arena.read_value(self.end_at(behind))?))
    }

    /// Notes that the ends do not rise any more. Other copies of the node may say otherwise until they are read again, which is why this byte is
    /// never written together with others.
    fn stop_rising(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        transaction.write(self.position() + 3, &[HAS_ENDS])
    }

    /// Looks whether the ends rise, after entries came from another node.
    fn note_rising(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        if !self.augmented {
            return Ok(());
        }
        let (mut last, mut is_rising) = (0, true);
        for index in 0..usize::from(self.count) {
            let end = self.end(transaction.arena(), index)?;
            is_rising &= last <= end;
            last = end;
        }
        self.is_rising = is_rising;
        let kind = HAS_ENDS | if is_rising { ENDS_RISE } else { 0 };
        transaction.write(self.position() + 3, &[kind])
    }

    fn set_count(&mut self, transaction: &mut Transaction<'_>, count: usize) -> Result<()> {
        self.count = count as u8;
        transaction.write(self.position() + 1, &[self.count])
    }

    /// Puts an entry in; there is room.
    pub fn insert(&mut self, transaction: &mut Transaction<'_>, index: usize, entry: Entry) -> Result<()> {
        let count = usize::from(self.count);
        if index > count || count >= CAPACITY_MAX {
            return Err(damaged("an index into a tree's node", self.position()));
        }
        let behind = count - index;
        transaction.push_in(self.order_at(index), &entry.order.to_le_bytes(), behind * 8)?;
        transaction.push_in(self.link_at(index), &entry.link.to_le_bytes(), behind * 4)?;
        if self.augmented {
            if self.is_rising && !self.keeps_rising(transaction.arena(), index, index, entry.end)? {
                self.stop_rising(transaction)?;
                self.is_rising = false;
            }
            transaction.push_in(self.end_at(index), &entry.end.to_le_bytes(), behind * 8)?;
        }
        self.set_count(transaction, count + 1)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, transaction: &mut Transaction<'_>, index: usize) -> Result<()> {
        let behind = usize::from(self.count) - index - 1;
        transaction.shift(self.order_at(index + 1), self.order_at(index), behind * 8)?;
        transaction.shift(self.link_at(index + 1), self.link_at(index), behind * 4)?;
        if self.augmented {
            transaction.shift(self.end_at(index + 1), self.end_at(index), behind * 8)?;
        }
        self.set_count(transaction, usize::from(self.count) - 1)
    }

    /// Copies the entries from `from` on to the empty node `target`, and forgets them here.
    pub fn move_tail(&mut self, transaction: &mut Transaction<'_>, from: usize, target: &mut Node) -> Result<()> {
        let count = usize::from(self.count) - from;
        transaction.shift(self.order_at(from), target.order_at(0), count * 8)?;
        transaction.shift(self.link_at(from), target.link_at(0), count * 4)?;
        if self.augmented {
            transaction.shift(self.end_at(from), target.end_at(0), count * 8)?;
        }
        target.set_count(transaction, count)?;
        target.note_rising(transaction)?;
        self.set_count(transaction, from)
    }

    /// Copies entries to places in this or another node of the same kind; counts stay as they are.
    fn copy_entries(
        &self,
        transaction: &mut Transaction<'_>,
        from: usize,
        target: &Node,
        to: usize,
        count: usize,
    ) -> Result<()> {
        transaction.shift(self.order_at(from), target.order_at(to), count * 8)?;
        transaction.shift(self.link_at(from), target.link_at(to), count * 4)?;
        if self.augmented {
            transaction.shift(self.end_at(from), target.end_at(to), count * 8)?;
        }
        Ok(())
    }

    /// Moves the last `count` entries to the front of the node to the right, which has room.
    pub fn move_right(&mut self, transaction: &mut Transaction<'_>, right: &mut Node, count: usize) -> Result<()> {
        let (own, other) = (usize::from(self.count), usize::from(right.count));
        right.copy_entries(transaction, 0, right, count, other)?;
        self.copy_entries(transaction, own - count, right, 0, count)?;
        right.set_count(transaction, other + count)?;
        right.note_rising(transaction)?;
        self.set_count(transaction, own - count)
    }

    /// Moves the first `count` entries to the end of the node to the left, which has room.
    pub fn move_left(&mut self, transaction: &mut Transaction<'_>, left: &mut Node, count: usize) -> Result<()> {
        let (own, other) = (usize::from(self.count), usize::from(left.count));
        self.copy_entries(transaction, 0, left, other, count)?;
        self.copy_entries(transaction, count, self, 0, own - count)?;
        left.set_count(transaction, other + count)?;
        left.note_rising(transaction)?;
        self.set_count(transaction, own - count)
    }

    pub fn set_order(&self, transaction: &mut Transaction<'_>, index: usize, order: u64) -> Result<()> {
        transaction.write(self.order_at(index), &order.to_le_bytes())
    }

    /// How many entries to give to a neighbour, so that both have as many; none when that is not worth it.
    pub fn entries_for(&self, neighbour: &Node) -> usize {
        let room = usize::from(neighbour.capacity.saturating_sub(neighbour.count));
        if room < usize::from(neighbour.capacity) / GIVE_SHARE {
            0
        } else {
            room.div_ceil(2).min(usize::from(self.count))
        }
    }

    pub fn set_end(&self, transaction: &mut Transaction<'_>, index: usize, end: u64) -> Result<()> {
        if self.augmented && self.end(transaction.arena(), index)? != end {
            if self.is_rising && !self.keeps_rising(transaction.arena(), index, index + 1, end)? {
                self.stop_rising(transaction)?;
            }
            transaction.write(self.end_at(index), &end.to_le_bytes())?;
        }
        Ok(())
    }

    pub fn set_link(&self, transaction: &mut Transaction<'_>, index: usize, link: u32) -> Result<()> {
        transaction.write(self.link_at(index), &link.to_le_bytes())
    }
}
