//! The walk of a scrub: from where the last step has ended, as far as the limits go.

use super::{Found, Owner, Read, ScrubLimits};
use crate::array::{self, ExtentProbe};
use crate::key_order::{KeyProbe, object_of_key};
use crate::level::{ChildOrder, Children, Level, ValueKind};
use crate::stored::StoredRange;
use crate::tree::{Cursor, Unique, damaged};
use crate::{ChecksumKind, Store, reclaim, single};
use daos_media::Arena;
use daos_status::{Result, Status};
use daos_types::{ContainerId, ObjectId};

/// Bytes of a value that are read and verified in one go.
const PART: usize = 64 << 10;

/// Keys from the container to the akey that was looked at last, and the value in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    keys: Vec<Vec<u8>>,
    /// The last value.
    value: Option<Place>,
    /// Bytes of it that were verified, when there is more.
    offset: Option<usize>,
}

/// A value below an akey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Single { epoch: u64 },
    Extent { start: u64, epoch: u64, minor: u32 },
}

/// Which of the keys a child has.
const CONTAINER: usize = 0;
const OBJECT: usize = 1;
const DKEY: usize = 2;
const AKEY: usize = 3;

/// The children of a level, or the values of an akey, from some place on.
enum Siblings {
    Only(u32),
    Tree(Box<Cursor>),
}

pub(super) struct Walk<'a> {
    store: &'a Store,
    arena: &'a Arena,
    position: &'a mut Position,
    limits: ScrubLimits,
    pub found: Found,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a Store, position: &'a mut Position, limits: ScrubLimits) -> Walk<'a> {
        // At least one entry is looked at, so that every step gets on.
        let limits = ScrubLimits { entries: limits.entries.max(1), bytes: limits.bytes.max(1) };
        Walk { store, arena: store.durable.arena(), position, limits, found: Found::default() }
    }

    fn is_used_up(&self) -> bool {
        self.limits.entries == 0 || self.limits.bytes == 0
    }

    /// Walks all containers; `true` when it came to the end. So do the others.
    pub(super) fn containers(&mut self, root: &Level) -> Result<bool> {
        self.children(root, ChildOrder::Fixed, CONTAINER)
    }

    /// Walks one container.
    pub(super) fn container(&mut self, container: &Level, id: ContainerId) -> Result<bool> {
        if self.position.keys.is_empty() {
            self.position.keys.push(id.to_bytes().to_vec());
        }
        self.below(container, CONTAINER)
    }

    /// Walks what is below a level with a key at a depth, which the position names.
    fn below(&mut self, level: &Level, depth: usize) -> Result<bool> {
        match depth {
            CONTAINER if reclaim::is_destroyed(level) => Ok(true),
            CONTAINER => self.children(level, ChildOrder::Fixed, OBJECT),
            OBJECT => {
                let kind = self.object()?.object_type();
                self.children(level, ChildOrder::Keys(kind.dkey_kind()), DKEY)
            }
            DKEY => {
                let kind = self.object()?.object_type();
                self.children(level, ChildOrder::Keys(kind.akey_kind()), AKEY)
            }
            _ => self.values(level),
        }
    }

    fn object(&self) -> Result<ObjectId> {
        object_of_key(&self.position.keys[OBJECT]).ok_or_else(|| damaged("the key of an object", 0))
    }

    fn owner(&self) -> Result<Owner> {
        let [container, _, dkey, akey] = &self.position.keys[..] else { return Err(damaged("a path", 0)) };
        let Ok(container) = <[u8; 16]>::try_from(&container[..]) else { return Err(damaged("a container's key", 0)) };
        let container = ContainerId::from_bytes(container);
        Ok(Owner { container, object: self.object()?, dkey: dkey.clone(), akey: akey.clone() })
    }

    /// Walks the children of a level, whose keys stand at a depth of the position.
    fn children(&mut self, level: &Level, order: ChildOrder, depth: usize) -> Result<bool> {
        let resume = self.position.keys.get(depth).cloned();
        let mut last = match &resume {
            Some(key) => Some((order.order_of(key)?, key.clone())),
            None => None,
        };
        let mut is_resumed = resume.is_some();
        let Some(mut children) = self.first_child(level, order, last.as_ref())? else {
            self.position.keys.truncate(depth);
            return Ok(true);
        };
        loop {
            let child = Level::load(self.arena, children.link(self.arena)?)?;
            let key = child.key(self.arena)?;
            let place = (order.order_of(&key)?, key.clone());
            let is_same = is_resumed && last.as_ref() == Some(&place);
            if !is_same {
                // Whatever damaged trees lead to, the walk ends.
                if last.as_ref().is_some_and(|last| place <= *last) {
                    return Err(damaged("keys out of order", u64::from(child.link()) * 8));
                }
                self.position.keys.truncate(depth);
                self.position.keys.push(key);
                (self.position.value, self.position.offset) = (None, None);
                self.limits.entries = self.limits.entries.saturating_sub(1);
                if self.is_used_up() {
                    return Ok(false);
                }
            }
            (last, is_resumed) = (Some(place), false);
            match self.below(&child, depth) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(status) => self.note(status, depth),
            }
            if !children.advance(self.arena)? {
                self.position.keys.truncate(depth);
                (self.position.value, self.position.offset) = (None, None);
                return Ok(true);
            }
        }
    }

    /// Takes note of damage below the key at a depth, and leaves it behind.
    fn note(&mut self, status: Status, depth: usize) {
        let keys = self.position.keys.iter().take(depth + 1);
        let path: Vec<String> = keys.map(|key| key.escape_ascii().to_string()).collect();
        self.found.damages.push(status.while_doing(format_args!("scrubbing below \"{}\"", path.join("\", \""))));
    }

    /// The children from a key on, that included.
    fn first_child(&self, level: &Level, order: ChildOrder, from: Option<&(u64, Vec<u8>)>) -> Result<Option<Siblings>> {
        Ok(match (level.children()?, from) {
            (Children::None, _) => None,
            (Children::Direct(link), None) => Some(Siblings::Only(link)),
            (Children::Direct(link), Some(from)) => {
                let key = Level::load(self.arena, link)?.key(self.arena)?;
                ((order.order_of(&key)?, key) >= *from).then_some(Siblings::Only(link))
            }
            (Children::Tree(tree), None) => Siblings::at(tree.first(self.arena)?),
            (Children::Tree(tree), Some((order, key))) => {
                let probe = KeyProbe { order: *order, bytes: key };
                Siblings::at(tree.seek(self.arena, &probe, false)?)
            }
        })
    }

    /// The values behind the last one, or from it on when a part of it is left.
    fn first_value(&self, akey: &Level) -> Result<Option<Siblings>> {
        let is_behind = self.position.offset.is_none();
        Ok(match (akey.children()?, self.position.value) {
            (Children::None, _) => None,
            (Children::Direct(link), _) => Some(Siblings::Only(link)),
            (Children::Tree(tree), Some(Place::Single { epoch })) => {
                Siblings::at(tree.seek(self.arena, &Unique(epoch), is_behind)?)
            }
            (Children::Tree(tree), Some(Place::Extent { start, epoch, minor })) => {
                Siblings::at(tree.seek(self.arena, &ExtentProbe { start, epoch, minor }, is_behind)?)
            }
            (Children::Tree(tree), None) => Siblings::at(tree.first(self.arena)?),
        })
    }

    /// Walks the values of the akey that the position names.
    fn values(&mut self, akey: &Level) -> Result<bool> {
        let kind = akey.value_kind()?;
        if !self.position.value.is_none_or(|place| place.is_of(kind)) {
            // The akey went away and was made anew with values of the other kind.
            (self.position.value, self.position.offset) = (None, None);
        }
        let Some(mut values) = self.first_value(akey)? else { return Ok(true) };
        loop {
            if self.is_used_up() {
                return Ok(false);
            }
            let (place, range) = self.locate(values.link(self.arena)?, kind)?;
            let last = self.position.value;
            let is_rest = last == Some(place) && self.position.offset.is_some();
            let is_new = last.is_none_or(|last| place.order() > last.order());
            if is_new {
                (self.position.value, self.position.offset) = (Some(place), None);
                self.limits.entries = self.limits.entries.saturating_sub(1);
            } else if let (false, Siblings::Tree(_)) = (is_rest, &values) {
                return Err(damaged("values out of order", akey.link().into()));
            }
            if let (true, Some(range)) = (is_new || is_rest, range)
                && !self.verify(&range)?
            {
                return Ok(false);
            }
            self.position.offset = None;
            if !values.advance(self.arena)? {
                return Ok(true);
            }
        }
    }

    /// The place of a value, and where its bytes lie, if it has any.
    fn locate(&self, link: u32, kind: ValueKind) -> Result<(Place, Option<StoredRange>)> {
        if kind == ValueKind::Single {
            let range = single::locate(self.arena, link)?;
            return Ok((Place::Single { epoch: single::epoch_of(self.arena, link)? }, Some(range)));
        }
        let record = array::Record::load(self.arena, link)?;
        let array::Record { extent, epoch, minor, .. } = record;
        let range = (!record.is_punch()).then(|| record.locate(extent));
        Ok((Place::Extent { start: extent.start(), epoch, minor }, range))
    }

    /// Verifies a value, or plans to read it; `false` when a part of it is left.
    fn verify(&mut self, range: &StoredRange) -> Result<bool> {
        let length = range.value_length;
        if range.checksum.kind == ChecksumKind::Off {
            return Ok(true);
        }
        if !range.on_device {
            let bytes = self.arena.read(range.address, length)?;
            let owner = self.owner()?;
            if let Err(status) = range.checksum.verify_inline(self.arena, &bytes, || owner.origin()) {
                self.found.damages.push(status);
            }
            self.take(length);
            self.found.values += 1;
            return Ok(true);
        }
        let chunk = range.checksum.chunk(self.arena, length)?;
        let step = (PART / chunk).max(1) * chunk;
        let mut offset = self.position.offset.unwrap_or(0);
        while offset < length {
            if self.limits.bytes == 0 {
                self.position.offset = Some(offset);
                return Ok(false);
            }
            let part = step.min(length - offset);
            let plan = self.store.values.plan(&range.part(offset, part))?;
            self.found.reads.push(Read { owner: self.owner()?, plan });
            self.take(part);
            offset += part;
        }
        self.found.values += 1;
        Ok(true)
    }

    fn take(&mut self, bytes: usize) {
        self.found.bytes += bytes as u64;
        self.limits.bytes = self.limits.bytes.saturating_sub(bytes as u64);
    }
}

impl Place {
    fn is_of(self, kind: ValueKind) -> bool {
        match self {
            Place::Single { .. } => kind == ValueKind::Single,
            Place::Extent { .. } => kind == ValueKind::Array,
        }
    }

    /// What trees order values by.
    fn order(self) -> (u64, u64, u32) {
        match self {
            Place::Single { epoch } => (0, epoch, 0),
            Place::Extent { start, epoch, minor } => (start, !epoch, !minor),
        }
    }
}

impl Siblings {
    fn at(cursor: Option<Cursor>) -> Option<Siblings> {
        cursor.map(|cursor| Siblings::Tree(Box::new(cursor)))
    }

    fn link(&self, arena: &Arena) -> Result<u32> {
        match self {
            Siblings::Only(link) => Ok(*link),
            Siblings::Tree(cursor) => Ok(cursor.entry(arena)?.link),
        }
    }

    fn advance(&mut self, arena: &Arena) -> Result<bool> {
        match self {
            Siblings::Only(_) => Ok(false),
            Siblings::Tree(cursor) => cursor.next(arena),
        }
    }
}
