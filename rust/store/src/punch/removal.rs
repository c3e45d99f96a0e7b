//! Taking the values of one epoch out below a level, so many entries at a time.
//!
//! Epochs are no index: whoever looks for those of one epoch looks at everything that is there. Where it stands is kept as keys, so that anything
//! may change between two steps.

use crate::array::{self, ExtentProbe, Record};
use crate::key_order::KeyProbe;
use crate::level::{Children, Level, ValueKind};
use crate::single;
use crate::tree::Tree;
use crate::value_space::ValueSpace;
use crate::visibility::Depth;
use daos_media::Transaction;
use daos_status::Result;

/// See the [module](self).
pub(crate) struct Removal {
    epoch: u64,
    /// Entries that may still be looked at, and records that may be freed.
    looks: usize,
    frees: usize,
    /// For each level, from the one that it began at, the child that it has come to: what is before it is done.
    path: Vec<Option<(u64, Vec<u8>)>>,
    /// In an array, the extent that it has come to.
    extent: Option<(u64, u64, u32)>,
    /// Whether anything was taken out.
    pub removed: bool,
}

impl Removal {
    pub(crate) fn new(epoch: u64) -> Removal {
        Removal { epoch, looks: 0, frees: 0, path: Vec::new(), extent: None, removed: false }
    }

    /// Looks at so many entries below a level and frees so many records; whether it has come to the end.
    pub(crate) fn step(
        &mut self,
        (transaction, space): (&mut Transaction<'_>, &ValueSpace),
        level: &mut Level,
        depth: Depth,
        (looks, frees): (usize, usize),
    ) -> Result<bool> {
        (self.looks, self.frees) = (looks, frees);
        self.below(transaction, space, level, depth, 0)
    }

    fn below(
        &mut self,
        transaction: &mut Transaction<'_>,
        space: &ValueSpace,
        level: &mut Level,
        depth: Depth,
        index: usize,
    ) -> Result<bool> {
        let Some(below) = depth.below() else { return self.values(transaction, space, level) };
        let arena = transaction.arena();
        let tree = match level.children()? {
            Children::None => return Ok(true),
            Children::Direct(link) => {
                let mut only = Level::load(arena, link)?;
                return self.below(transaction, space, &mut only, below, index + 1);
            }
            Children::Tree(tree) => tree,
        };
        // What is punched is older than the punch nearly always, and then there is nothing to look for.
        if tree.head(arena)?.touched < self.epoch {
            return Ok(true);
        }
        if self.path.len() <= index {
            self.path.resize_with(index + 1, || None);
        }
        let mut cursor = match &self.path[index] {
            Some((order, key)) => tree.seek(arena, &KeyProbe { order: *order, bytes: key }, false)?,
            None => tree.first(arena)?,
        };
        while let Some(at) = &mut cursor {
            let entry = at.entry(arena)?;
            let mut child = Level::load(arena, entry.link)?;
            let key = child.key(arena)?;
            if self.path[index].as_ref().is_none_or(|known| (known.0, &known.1) != (entry.order, &key)) {
                self.path.truncate(index);
                self.path.push(Some((entry.order, key)));
                self.extent = None;
            }
            if self.looks == 0 || self.frees == 0 {
                return Ok(false);
            }
            self.looks -= 1;
            // The child changes, but the tree that names it does not.
            let is_done = self.child(transaction, space, (&tree, &mut child), below, index)?;
            if !is_done {
                return Ok(false);
            }
            if !at.next(arena)? {
                break;
            }
        }
        Ok(true)
    }

    fn child(
        &mut self,
        transaction: &mut Transaction<'_>,
        space: &ValueSpace,
        (tree, child): (&Tree, &mut Level),
        depth: Depth,
        index: usize,
    ) -> Result<bool> {
        let before = std::mem::take(&mut self.removed);
        let is_done = self.below(transaction, space, child, depth, index + 1)?;
        if self.removed {
            tree.note_removal(transaction)?;
        }
        self.removed |= before;
        Ok(is_done)
    }

    fn values(&mut self, transaction: &mut Transaction<'_>, space: &ValueSpace, akey: &mut Level) -> Result<bool> {
        match akey.value_kind()? {
            ValueKind::Unknown => Ok(true),
            ValueKind::Single => {
                if single::remove_at(transaction, space, akey, self.epoch)? {
                    self.removed = true;
                    self.frees = self.frees.saturating_sub(1);
                }
                Ok(true)
            }
            ValueKind::Array => self.extents(transaction, space, akey),
        }
    }

    fn extents(&mut self, transaction: &mut Transaction<'_>, space: &ValueSpace, akey: &mut Level) -> Result<bool> {
        let arena = transaction.arena();
        let mut found = Vec::new();
        let mut is_done = true;
        match akey.children()? {
            Children::None => {}
            Children::Direct(link) => found.push(Record::load(arena, link)?),
            Children::Tree(tree) if tree.head(arena)?.touched < self.epoch => {}
            Children::Tree(tree) => {
                let mut cursor = match self.extent {
                    Some((start, epoch, minor)) => tree.seek(arena, &ExtentProbe { start, epoch, minor }, false)?,
                    None => tree.first(arena)?,
                };
                while let Some(at) = &mut cursor {
                    let record = Record::load(arena, at.entry(arena)?.link)?;
                    self.extent = Some((record.extent.start(), record.epoch, record.minor));
                    if self.looks == 0 || found.len() >= self.frees {
                        is_done = false;
                        break;
                    }
                    self.looks -= 1;
                    if record.epoch == self.epoch {
                        found.push(record);
                    }
                    if !at.next(arena)? {
                        break;
                    }
                }
            }
        }
        found.retain(|record| record.epoch == self.epoch);
        for record in &found {
            array::remove(transaction, space, akey, record)?;
        }
        self.frees = self.frees.saturating_sub(found.len());
        if is_done {
            self.extent = None;
        }
        if !found.is_empty() {
            self.removed = true;
            if let Children::Tree(tree) = akey.children()? {
                tree.note_removal(transaction)?;
            }
        }
        Ok(is_done)
    }
}
