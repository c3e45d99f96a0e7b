//! Records of the levels: container, object, dkey and akey. They differ in what is below them.
//!
//! ```text
//! children u32, punches u32, key length u24, shape u8, extra u32, key bytes
//! ```
//! * `children`: by the shape's lowest two bits nothing (0), one record directly (1), or a tree (2).
//! * Bit 2 of the shape (4): this is a container, and its state lies behind the key (see `container_state.rs`).
//! * `punches`: a tree of the epochs at which this was punched, or zero; of a container, of its pinned epochs.
//! * The shape's upper four bits: what the children of an akey are (0 unknown, 1 single values, 2 extents).
//! * `extra`: the record size of an array akey; of a container, 1 when it is being destroyed.

use crate::container_state::{ContainerState, STATE_SIZE};
use crate::key_order::{self, KeyProbe};
use crate::tree::{Tree, Unique, damaged};
use daos_media::{Arena, Offset, Transaction};
use daos_status::Result;
use daos_types::KeyKind;
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const HEADER: u64 = 16;
const DIRECT: u8 = 1;
const TREE: u8 = 2;
/// The bits of a shape that say what `children` is.
const CHILDREN: u8 = 3;
/// The record is a container's, with its state behind the key.
const STATE: u8 = 4;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    children: u32,
    punches: u32,
    key: u32,
    extra: u32,
}

/// What is below a level.
#[derive(Clone, Copy)]
pub(crate) enum Children {
    None,
    Direct(u32),
    Tree(Tree),
}

/// What the values of an akey are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueKind {
    Unknown,
    Single,
    Array,
}

/// How the children of a level are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChildOrder {
    /// Containers and objects: sixteen bytes in lexical order.
    Fixed,
    /// Dkeys and akeys.
    Keys(KeyKind),
}

impl ChildOrder {
    pub(crate) fn order_of(self, key: &[u8]) -> Result<u64> {
        match self {
            ChildOrder::Fixed => key_order::order_of(KeyKind::Lexical, key),
            ChildOrder::Keys(kind) => key_order::order_of(kind, key),
        }
    }
}

/// A record as read from the arena. Its copy of the header is brought up to date by the changes made through it.
#[derive(Clone, Copy)]
pub(crate) struct Level {
    position: u64,
    header: Header,
}

impl Level {
    #[inline]
    pub(crate) fn load(arena: &Arena, link: u32) -> Result<Level> {
        if link == 0 {
            return Err(damaged("a link to a record that is nowhere", 0));
        }
        Level::load_at(arena, u64::from(link) * 8)
    }

    /// The record at a place that the superblock fixes.
    pub(crate) fn load_at(arena: &Arena, position: u64) -> Result<Level> {
        Ok(Level { position, header: arena.read_value(position)? })
    }

    /// Makes a record without children.
    pub(crate) fn create(transaction: &mut Transaction<'_>, key: &[u8]) -> Result<Level> {
        let offset = transaction.allocate(HEADER as usize + key.len())?;
        let header = Header { children: 0, punches: 0, key: key.len() as u32, extra: 0 };
        transaction.fill(offset.get(), header.as_bytes())?;
        transaction.fill(offset.get() + HEADER, key)?;
        Ok(Level { position: offset.get(), header })
    }

    /// Makes the record of a container, with an empty state behind its key.
    pub(crate) fn create_container(transaction: &mut Transaction<'_>, key: &[u8; 16]) -> Result<Level> {
        let offset = transaction.allocate(HEADER as usize + key.len() + STATE_SIZE)?;
        let header = Header { children: 0, punches: 0, key: key.len() as u32 | u32::from(STATE) << 24, extra: 0 };
        transaction.fill(offset.get(), header.as_bytes())?;
        transaction.fill(offset.get() + HEADER, key)?;
        transaction.fill(offset.get() + HEADER + key.len() as u64, &[0; STATE_SIZE])?;
        Ok(Level { position: offset.get(), header })
    }

    /// The state of a container.
    #[allow(dead_code, reason = "the state is there before its users")]
    pub(crate) fn state(&self) -> Result<ContainerState> {
        if self.shape() & STATE == 0 || self.key_length() != 16 {
            return Err(damaged("a container", self.position));
        }
        Ok(ContainerState::at(self.position + HEADER + 16))
    }

    /// Frees the record; what is below it must be gone.
    pub(crate) fn free(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let offset = Offset::new(self.position).ok_or_else(|| damaged("a record", self.position))?;
        let state = if self.shape() & STATE == 0 { 0 } else { STATE_SIZE };
        transaction.free(offset, HEADER as usize + self.key_length() + state)
    }

    pub(crate) fn link(&self) -> u32 {
        (self.position / 8) as u32
    }

    fn key_length(&self) -> usize {
        (self.header.key & 0x00ff_ffff) as usize
    }

    fn shape(&self) -> u8 {
        (self.header.key >> 24) as u8
    }

    #[inline]
    pub(crate) fn compare_key(&self, arena: &Arena, key: &[u8]) -> Result<Ordering> {
        arena.compare(self.position + HEADER, self.key_length(), key)
    }

    pub(crate) fn key(&self, arena: &Arena) -> Result<Vec<u8>> {
        let mut key = Vec::new();
        arena.append_to(self.position + HEADER, self.key_length(), &mut key)?;
        Ok(key)
    }

    pub(crate) fn value_kind(&self) -> Result<ValueKind> {
        match self.shape() >> 4 {
            0 => Ok(ValueKind::Unknown),
            1 => Ok(ValueKind::Single),
            2 => Ok(ValueKind::Array),
            _ => Err(damaged("the kind of an akey", self.position)),
        }
    }

    pub(crate) fn record_size(&self) -> u32 {
        self.header.extra
    }

    /// Sets the word of a container that tells whether it is being destroyed.
    pub(crate) fn set_extra(&mut self, transaction: &mut Transaction<'_>, extra: u32) -> Result<()> {
        self.header.extra = extra;
        transaction.write(self.position + 12, &extra.to_le_bytes())
    }

    /// Sets what the values of an akey are.
    pub(crate) fn set_value_kind(
        &mut self,
        transaction: &mut Transaction<'_>,
        kind: ValueKind,
        record_size: u32,
    ) -> Result<()> {
        let bits = match kind {
            ValueKind::Unknown => 0,
            ValueKind::Single => 1u32,
            ValueKind::Array => 2,
        };
        self.header.key = self.header.key & 0x0fff_ffff | bits << 28;
        self.header.extra = record_size;
        transaction.write(self.position + 8, &self.header.as_bytes()[8..])
    }

    #[inline]
    pub(crate) fn children(&self) -> Result<Children> {
        match self.shape() & CHILDREN {
            0 => Ok(Children::None),
            DIRECT => Ok(Children::Direct(self.header.children)),
            TREE => Ok(Children::Tree(Tree::at(self.header.children, self.shape() >> 4 == 2)?)),
            _ => Err(damaged("the shape of a record", self.position)),
        }
    }

    /// Sets what is below.
    pub(crate) fn set_children(&mut self, transaction: &mut Transaction<'_>, link: u32, is_tree: bool) -> Result<()> {
        let tag = match (link, is_tree) {
            (0, _) => 0,
            (_, false) => u32::from(DIRECT),
            (_, true) => u32::from(TREE),
        };
        let key = self.header.key & !(u32::from(CHILDREN) << 24) | tag << 24;
        if self.header.children != link {
            self.header.children = link;
            transaction.write(self.position, &link.to_le_bytes())?;
        }
        if self.header.key != key {
            self.header.key = key;
            transaction.write(self.position + 8, &key.to_le_bytes())?;
        }
        Ok(())
    }

    /// The child of a key.
    #[inline]
    pub(crate) fn find_child(&self, arena: &Arena, probe: &KeyProbe<'_>) -> Result<Option<Level>> {
        match self.children()? {
            Children::None => Ok(None),
            Children::Direct(link) => {
                let child = Level::load(arena, link)?;
                Ok(child.compare_key(arena, probe.bytes)?.is_eq().then_some(child))
            }
            Children::Tree(tree) => match tree.find(arena, probe)? {
                Some(cursor) => Ok(Some(Level::load(arena, cursor.entry(arena)?.link)?)),
                None => Ok(None),
            },
        }
    }

    /// Makes a child that is not there. `span` tells the epochs below a child, when this level keeps a summary of them.
    pub(crate) fn add_child(
        &mut self,
        transaction: &mut Transaction<'_>,
        order: ChildOrder,
        probe: &KeyProbe<'_>,
        span: impl Fn(&Arena, &Level) -> Result<Span>,
    ) -> Result<Level> {
        let child = Level::create(transaction, probe.bytes)?;
        self.add_record(transaction, order, probe, span, &child)?;
        Ok(child)
    }

    /// Takes a record that was made for it as a child of this key, which is not there.
    pub(crate) fn add_record(
        &mut self,
        transaction: &mut Transaction<'_>,
        order: ChildOrder,
        probe: &KeyProbe<'_>,
        span: impl Fn(&Arena, &Level) -> Result<Span>,
        child: &Level,
    ) -> Result<()> {
        match self.children()? {
            Children::None => self.set_children(transaction, child.link(), false)?,
            Children::Direct(only) => {
                let only = Level::load(transaction.arena(), only)?;
                let (tree, link) = Tree::create(transaction, false)?;
                let key = only.key(transaction.arena())?;
                let only_probe = KeyProbe { order: order.order_of(&key)?, bytes: &key };
                tree.insert(transaction, &only_probe, only.link(), 0)?;
                tree.insert(transaction, probe, child.link(), 0)?;
                span(transaction.arena(), &only)?.note_in(transaction, &tree)?;
                self.set_children(transaction, link, true)?;
            }
            Children::Tree(tree) => tree.insert(transaction, probe, child.link(), 0)?,
        }
        Ok(())
    }

    /// Forgets a child whose record the caller frees.
    pub(crate) fn remove_child(&mut self, transaction: &mut Transaction<'_>, probe: &KeyProbe<'_>) -> Result<()> {
        if let Children::Tree(tree) = self.children()? {
            let Some(cursor) = tree.find(transaction.arena(), probe)? else {
                return Err(damaged("a record that its parent does not find", self.position));
            };
            tree.remove(transaction, cursor)?;
            if tree.first(transaction.arena())?.is_some() {
                return Ok(());
            }
            tree.destroy(transaction)?;
        }
        self.set_children(transaction, 0, false)
    }

    /// The newest punch at or before an epoch; zero when there is none.
    #[inline]
    pub(crate) fn punched_before(&self, arena: &Arena, epoch: u64) -> Result<u64> {
        let Some(tree) = self.punches()? else { return Ok(0) };
        match tree.seek_last(arena, &Unique(epoch))? {
            Some(cursor) => Ok(cursor.entry(arena)?.order),
            None => Ok(0),
        }
    }

    /// The tree of punches, if anything was ever punched.
    pub(crate) fn punches(&self) -> Result<Option<Tree>> {
        match self.header.punches {
            0 => Ok(None),
            link => Ok(Some(Tree::at(link, false)?)),
        }
    }

    /// Records a punch.
    pub(crate) fn punch(&mut self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<()> {
        let tree = match self.punches()? {
            Some(tree) => tree,
            None => {
                let (tree, link) = Tree::create(transaction, false)?;
                self.header.punches = link;
                transaction.write(self.position + 4, &link.to_le_bytes())?;
                tree
            }
        };
        if tree.find(transaction.arena(), &Unique(epoch))?.is_none() {
            tree.insert(transaction, &Unique(epoch), 1, 0)?;
        }
        Ok(())
    }

    /// Forgets punches, as many as the budget allows; `true` when none are left.
    pub(crate) fn drop_punches(&mut self, transaction: &mut Transaction<'_>, budget: &mut usize) -> Result<bool> {
        let Some(tree) = self.punches()? else { return Ok(true) };
        while let Some(cursor) = tree.last(transaction.arena())? {
            if *budget == 0 {
                return Ok(false);
            }
            *budget -= 1;
            tree.remove(transaction, cursor)?;
        }
        tree.destroy(transaction)?;
        self.header.punches = 0;
        transaction.write(self.position + 4, &[0; 4])?;
        Ok(true)
    }
}

/// The epochs below something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// Of the oldest update; `u64::MAX` when there is none.
    pub oldest: u64,
    /// Of the newest update.
    pub newest: u64,
    /// Of the newest update or punch.
    pub touched: u64,
    /// Whether `oldest` and `newest` are those of updates that are still there, not bounds only.
    pub is_exact: bool,
    /// Whether a key was ever punched.
    pub has_punches: bool,
}

impl Span {
    pub(crate) const EMPTY: Span = Span { oldest: u64::MAX, newest: 0, touched: 0, is_exact: true, has_punches: false };

    /// The span of one update.
    pub(crate) fn of(epoch: u64) -> Span {
        Span { oldest: epoch, newest: epoch, touched: epoch, is_exact: true, has_punches: false }
    }

    fn note_in(&self, transaction: &mut Transaction<'_>, tree: &Tree) -> Result<()> {
        if self.oldest <= self.newest {
            tree.note_epoch(transaction, self.oldest)?;
            tree.note_epoch(transaction, self.newest)?;
        }
        tree.note_touched(transaction, self.touched, self.has_punches)?;
        if self.is_exact { Ok(()) } else { tree.note_removal(transaction) }
    }
}
