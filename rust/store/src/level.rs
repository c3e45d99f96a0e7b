//! Records of the levels: container, object, dkey and akey. They differ in what is below them.
//!
//! ```text
//! children u32, punches u32, key length u17, room u7, shape u8, extra u32 (of a brief record nothing), key bytes, padding to 8, state, room
//! ```
//! * `children`: by the shape's lowest two bits nothing (0), one record directly (1), or a tree (2).
//! * Bit 2 of the shape (4): this is a container, and its state lies behind the key (see `container_state.rs`).
//! * Bit 3 of the shape (8): this lies in the room of its parent, so it is no allocation of its own and goes with its parent.
//! * `punches`: a tree of the epochs at which this was punched, or zero; of a container, of its pinned epochs.
//! * `room`: in units of eight bytes, what of the allocation is behind the key, for the first child: of a dkey its first akey, of an akey
//!   its first value. It is part of the allocation for ever, whether the child in it lives or not.
//! * Bits 4 to 6 of the shape: what the children of an akey are (0 unknown, 1 single values, 2 extents).
//! * Bit 7 of the shape (128): this is *brief*, a dkey or akey that was made with a room. Its key follows the shape, since it has no `extra`: the
//!   records of an array have one byte. What its room holds of an array is a brief extent (see `array/record.rs`).
//! * `extra`: the record size of an array akey; of a container, 1 when it is being destroyed.

mod punches;
mod room;
mod span;

pub(crate) use punches::is_sealed;
pub(crate) use room::{NewAkey, ROOM_MAX};
pub(crate) use span::Span;

use crate::container_state::ContainerState;
use crate::key_order::{self, KeyProbe};
use crate::tree::{Place, Tree, damaged};
use daos_media::{Arena, Transaction};
use daos_status::Result;
use daos_types::KeyKind;
use std::cmp::Ordering;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const HEADER: u64 = 16;
/// Bytes of the header that a brief record does without.
const BRIEF_LESS: u64 = size_of::<u32>() as u64;
const DIRECT: u8 = 1;
const TREE: u8 = 2;
/// The bits of a shape that say what `children` is.
const CHILDREN: u8 = 3;
/// The record is a container's, with its state behind the key.
const STATE: u8 = 4;
/// The record lies in the room of its parent.
const INNER: u8 = 8;
/// The bits of a shape that say what the children of an akey are, moved down.
const KIND_MASK: u8 = 7;
/// The record is brief.
const BRIEF: u8 = 128;

/// The bits of the key word that hold the length of the key; the room follows.
const LENGTH_BITS: u32 = 17;
const LENGTH_MASK: u32 = (1 << LENGTH_BITS) - 1;
const ROOM_MASK: u32 = 0x7f;

const _: () = assert!(daos_types::KEY_LENGTH_MAX <= LENGTH_MASK as usize);

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

/// What a search for a child gives.
pub(crate) enum Search {
    Found(Level),
    /// It is not there; in a tree, its place.
    Absent(Option<Place>),
}

/// What the values of an akey are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ValueKind {
    Unknown,
    Single,
    Array,
}

impl ValueKind {
    fn bits(self) -> u8 {
        match self {
            ValueKind::Unknown => 0,
            ValueKind::Single => 1,
            ValueKind::Array => 2,
        }
    }
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

    /// The state of a container.
    pub(crate) fn state(&self) -> Result<ContainerState> {
        if self.shape() & STATE == 0 || self.key_length() != 16 {
            return Err(damaged("a container", self.position));
        }
        Ok(ContainerState::at(self.position + HEADER + 16))
    }

    /// Gives a container another name; the caller puts it into its place.
    pub(crate) fn rename_container(&mut self, transaction: &mut Transaction<'_>, name: &[u8; 16]) -> Result<()> {
        self.state()?;
        transaction.write(self.position + HEADER, name)
    }

    pub(crate) fn link(&self) -> u32 {
        (self.position / 8) as u32
    }

    #[inline]
    fn key_length(&self) -> usize {
        (self.header.key & LENGTH_MASK) as usize
    }

    #[inline]
    fn shape(&self) -> u8 {
        (self.header.key >> 24) as u8
    }

    /// Whether it does without a word of its header, and what its room holds of an array as well.
    #[inline]
    pub(crate) fn is_brief(&self) -> bool {
        self.shape() & BRIEF != 0
    }

    #[inline]
    fn key_position(&self) -> u64 {
        self.position + HEADER - u64::from(self.shape() / BRIEF) * BRIEF_LESS
    }

    #[inline]
    pub(crate) fn compare_key(&self, arena: &Arena, key: &[u8]) -> Result<Ordering> {
        arena.compare(self.key_position(), self.key_length(), key)
    }

    #[inline]
    pub(crate) fn has_key(&self, arena: &Arena, key: &[u8]) -> Result<bool> {
        Ok(self.key_length() == key.len() && arena.equals(self.key_position(), key)?)
    }

    pub(crate) fn key(&self, arena: &Arena) -> Result<Vec<u8>> {
        let mut key = Vec::new();
        arena.append_to(self.key_position(), self.key_length(), &mut key)?;
        Ok(key)
    }

    #[inline]
    pub(crate) fn value_kind(&self) -> Result<ValueKind> {
        match self.shape() >> 4 & KIND_MASK {
            0 if self.shape() & CHILDREN == 0 => Ok(ValueKind::Unknown),
            1 => Ok(ValueKind::Single),
            2 => Ok(ValueKind::Array),
            _ => Err(damaged("the kind of an akey", self.position)),
        }
    }

    #[inline]
    pub(crate) fn record_size(&self) -> u32 {
        if self.is_brief() { u32::from(self.has_extents()) } else { self.header.extra }
    }

    #[inline]
    fn has_extents(&self) -> bool {
        self.shape() >> 4 & KIND_MASK == ValueKind::Array.bits()
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
        if self.is_brief() {
            // It was made with a value: what it is was known then, and stays so.
            return Err(damaged("the kind of an akey", self.position));
        }
        self.header.key = self.header.key & 0x0fff_ffff | u32::from(kind.bits()) << 28;
        self.header.extra = record_size;
        transaction.write(self.position + 8, &self.header.as_bytes()[8..])
    }

    #[inline]
    pub(crate) fn children(&self) -> Result<Children> {
        match self.shape() & CHILDREN {
            0 => Ok(Children::None),
            DIRECT => Ok(Children::Direct(self.header.children)),
            TREE => Ok(Children::Tree(Tree::at(self.header.children, self.has_extents())?)),
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

    /// The child of a key, or its place.
    #[inline]
    pub(crate) fn search_child(&self, arena: &Arena, probe: &KeyProbe<'_>) -> Result<Search> {
        match self.children()? {
            Children::None => Ok(Search::Absent(None)),
            Children::Direct(link) => {
                let child = Level::load(arena, link)?;
                Ok(if child.has_key(arena, probe.bytes)? { Search::Found(child) } else { Search::Absent(None) })
            }
            Children::Tree(tree) => Ok(match tree.look_up(arena, probe)? {
                Ok(link) => Search::Found(Level::load(arena, link)?),
                Err(place) => Search::Absent(Some(place)),
            }),
        }
    }

    /// The child of a key. An only child, as most objects and akeys are, is looked at without a call.
    #[inline(always)]
    pub(crate) fn find_child(&self, arena: &Arena, probe: &KeyProbe<'_>) -> Result<Option<Level>> {
        match self.children()? {
            Children::None => Ok(None),
            Children::Direct(link) => {
                let child = Level::load(arena, link)?;
                Ok(if child.has_key(arena, probe.bytes)? { Some(child) } else { None })
            }
            Children::Tree(tree) => Level::find_in_tree(arena, tree, probe),
        }
    }

    #[inline(never)]
    fn find_in_tree(arena: &Arena, tree: Tree, probe: &KeyProbe<'_>) -> Result<Option<Level>> {
        match tree.look_up(arena, probe)? {
            Ok(link) => Level::load(arena, link).map(Some),
            Err(_) => Ok(None),
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
        self.add_record(transaction, order, (probe, None), span, &child)?;
        Ok(child)
    }

    /// Takes a record that was made for it as a child of this key, which is not there; its place may be known from a search.
    pub(crate) fn add_record(
        &mut self,
        transaction: &mut Transaction<'_>,
        order: ChildOrder,
        (probe, place): (&KeyProbe<'_>, Option<Place>),
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
            Children::Tree(tree) => match place {
                Some(place) => tree.insert_at_place(transaction, probe, place, child.link())?,
                None => tree.insert(transaction, probe, child.link(), 0)?,
            },
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

    /// Does without a tree when a single child or none is left in it.
    pub(crate) fn collapse(&mut self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Children::Tree(tree) = self.children()? else { return Ok(()) };
        let arena = transaction.arena();
        let Some(cursor) = tree.first(arena)? else {
            tree.destroy(transaction)?;
            return self.set_children(transaction, 0, false);
        };
        let link = cursor.entry(arena)?.link;
        if cursor.clone().next(arena)? {
            return Ok(());
        }
        tree.remove(transaction, cursor)?;
        tree.destroy(transaction)?;
        self.set_children(transaction, link, false)
    }
}
