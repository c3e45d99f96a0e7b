//! The punches of a level: a tree of their epochs. A link of 1 stands for a punch that hides what is older, one of 2 for one that is *sealed*:
//! it hides what has its own epoch, too.

use super::Level;
use crate::tree::{Entry, Tree, Unique};
use daos_media::{Arena, Transaction};
use daos_status::Result;

/// What the entries have for a link.
const PLAIN: u32 = 1;
const SEALED: u32 = 2;

/// Whether a punch hides what has its own epoch, too.
pub(crate) fn is_sealed(punch: Entry) -> bool {
    punch.link == SEALED
}

impl Level {
    /// The oldest epoch that punches leave to be seen at an epoch.
    #[inline]
    pub(crate) fn seen_from(&self, arena: &Arena, epoch: u64) -> Result<u64> {
        let Some(tree) = self.punches()? else { return Ok(0) };
        Ok(tree
            .last_before(arena, &Unique(epoch))?
            .map_or(0, |entry| entry.order.saturating_add(u64::from(is_sealed(entry)))))
    }

    /// The newest punch: its epoch, and whether it is sealed.
    #[inline]
    pub(crate) fn last_punch(&self, arena: &Arena) -> Result<Option<(u64, bool)>> {
        let Some(tree) = self.punches()? else { return Ok(None) };
        let Some(cursor) = tree.last(arena)? else { return Ok(None) };
        let entry = cursor.entry(arena)?;
        Ok(Some((entry.order, is_sealed(entry))))
    }

    /// Whether there is a sealed punch of exactly this epoch.
    #[inline]
    pub(crate) fn is_sealed_at(&self, arena: &Arena, epoch: u64) -> Result<bool> {
        let Some(tree) = self.punches()? else { return Ok(false) };
        let Some(cursor) = tree.find(arena, &Unique(epoch))? else { return Ok(false) };
        Ok(is_sealed(cursor.entry(arena)?))
    }

    /// The tree of punches, if anything was ever punched.
    pub(crate) fn punches(&self) -> Result<Option<Tree>> {
        match self.header.punches {
            0 => Ok(None),
            link => Ok(Some(Tree::at(link, false)?)),
        }
    }

    /// Records a punch; one that is sealed hides what has its own epoch, too.
    pub(crate) fn punch(&mut self, transaction: &mut Transaction<'_>, epoch: u64, sealed: bool) -> Result<()> {
        let tree = match self.punches()? {
            Some(tree) => tree,
            None => {
                let (tree, link) = Tree::create(transaction, false)?;
                self.header.punches = link;
                transaction.write(self.position + 4, &link.to_le_bytes())?;
                tree
            }
        };
        let link = if sealed { SEALED } else { PLAIN };
        match tree.find(transaction.arena(), &Unique(epoch))? {
            None => tree.insert(transaction, &Unique(epoch), link, 0),
            Some(cursor) if cursor.entry(transaction.arena())?.link == link => Ok(()),
            Some(cursor) => tree.replace_link(transaction, &cursor, link),
        }
    }

    /// Forgets one punch; `false` when there was none at this epoch.
    pub(crate) fn remove_punch(&mut self, transaction: &mut Transaction<'_>, epoch: u64) -> Result<bool> {
        let Some(tree) = self.punches()? else { return Ok(false) };
        let Some(cursor) = tree.find(transaction.arena(), &Unique(epoch))? else { return Ok(false) };
        tree.remove(transaction, cursor)?;
        if tree.first(transaction.arena())?.is_none() {
            tree.destroy(transaction)?;
            self.header.punches = 0;
            transaction.write(self.position + 4, &[0; 4])?;
        }
        Ok(true)
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
