//! Changes of distributed transactions that are promised, but not made: kept on media until they are committed or aborted.
//!
//! ```text
//! directory   0 tree of records link u32   4 next outcome u32   8 pieces of outcomes [link u32; 8]
//! ```
//! The superblock names the directory once there was a transaction. The tree has the records of `record.rs`; the ring of outcomes is
//! described in `outcomes.rs`, the operations in `encoding.rs`. Nothing of a prepared change is in the trees of keys and values; its large values
//! lie in blocks of the data device that are in use already.
//!
//! In memory there is what is prepared, by transaction, and what it will change, by place (`intents.rs`).

pub(crate) mod ballast;
pub(crate) mod encoding;
pub(crate) mod intents;
pub(crate) mod outcomes;
pub(crate) mod record;
#[cfg(test)]
mod tests;

use crate::superblock::Superblock;
use crate::tree::{Tree, damaged};
use crate::{PreparedTransaction, TransactionOutcome};
use daos_media::{Arena, Lsn, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, TransactionId};
use intents::Intents;
use outcomes::{Outcomes, PIECES};
use record::{Record, RecordProbe};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Transactions prepared at one target: each keeps some KiB of the arena free, and stops others.
pub(crate) const PREPARED_MAX: usize = 1024;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Directory {
    records: u32,
    next_outcome: u32,
    pieces: [u32; PIECES],
}

const NEXT_OUTCOME: u64 = 4;
const _: () = assert!(std::mem::offset_of!(Directory, next_outcome) as u64 == NEXT_OUTCOME);

/// A prepared change, as it is known in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared {
    pub epoch: u64,
    pub container: ContainerId,
    pub digest: u64,
    pub link: u32,
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct PreparedTable {
    pub intents: Intents,
    pub outcomes: Outcomes,
    known: RefCell<BTreeMap<TransactionId, Prepared>>,
    /// Those of destroyed containers: nobody can ask for them, and their space is freed.
    doomed: RefCell<Vec<TransactionId>>,
    /// The last commit that changed anything here.
    last: Cell<Lsn>,
}

impl PreparedTable {
    /// Reads the outcomes, and gives the records.
    pub(crate) fn load(&self, arena: &Arena, superblock: &Superblock) -> Result<Vec<(u32, Record)>> {
        let position = superblock.prepared(arena)?;
        if position == 0 {
            return Ok(Vec::new());
        }
        let directory: Directory = arena.read_value(position)?;
        self.outcomes.load(arena, directory.pieces, directory.next_outcome)?;
        let mut records = Vec::new();
        let mut cursor = Tree::at(directory.records, false)?.first(arena)?;
        while let Some(at) = &mut cursor {
            let link = at.entry(arena)?.link;
            if records.len() == PREPARED_MAX {
                return Err(damaged("more prepared changes than there can be", position));
            }
            records.push((link, Record::load(arena, link)?));
            if !at.next(arena)? {
                break;
            }
        }
        Ok(records)
    }

    /// Makes an empty directory.
    fn directory(transaction: &mut Transaction<'_>, superblock: &Superblock) -> Result<u64> {
        let (_, records) = Tree::create(transaction, false)?;
        let pieces = Outcomes::format(transaction)?;
        let offset = transaction.allocate(size_of::<Directory>())?;
        transaction.fill(offset.get(), Directory { records, next_outcome: 0, pieces }.as_bytes())?;
        superblock.set_prepared(transaction, offset.get())?;
        Ok(offset.get())
    }

    fn records(arena: &Arena, superblock: &Superblock) -> Result<Tree> {
        let position = superblock.prepared(arena)?;
        Tree::at(arena.read_value(position)?, false)
    }

    /// Makes sure that records and outcomes can be written.
    pub(crate) fn make_room(&self, transaction: &mut Transaction<'_>, superblock: &Superblock) -> Result<()> {
        if superblock.prepared(transaction.arena())? != 0 {
            return Ok(());
        }
        let position = PreparedTable::directory(transaction, superblock)?;
        // When the transaction comes to nothing, the next one makes another.
        let directory: Directory = transaction.arena().read_value(position)?;
        self.outcomes.load(transaction.arena(), directory.pieces, directory.next_outcome)
    }

    /// Stores a record.
    pub(crate) fn insert(transaction: &mut Transaction<'_>, superblock: &Superblock, record: &Record) -> Result<u32> {
        let link = record.store(transaction)?;
        let tree = PreparedTable::records(transaction.arena(), superblock)?;
        tree.insert(transaction, &RecordProbe(record.transaction), link, 0)?;
        Ok(link)
    }

    /// Frees a record; nothing is allocated for it.
    pub(crate) fn remove(
        transaction: &mut Transaction<'_>,
        superblock: &Superblock,
        id: TransactionId,
        link: u32,
    ) -> Result<()> {
        let tree = PreparedTable::records(transaction.arena(), superblock)?;
        let Some(cursor) = tree.find(transaction.arena(), &RecordProbe(id))? else {
            return Err(damaged("a prepared change that its tree does not find", u64::from(link) * 8));
        };
        tree.remove(transaction, cursor)?;
        Record::free(transaction, link)
    }

    /// Writes an outcome.
    pub(crate) fn write_outcome(
        &self,
        transaction: &mut Transaction<'_>,
        superblock: &Superblock,
        id: TransactionId,
        epoch: u64,
        outcome: TransactionOutcome,
    ) -> Result<()> {
        let next = self.outcomes.write(transaction, id, epoch, outcome)?;
        let position = superblock.prepared(transaction.arena())?;
        transaction.write(position + NEXT_OUTCOME, &next.to_le_bytes())
    }

    /// A change was prepared.
    pub(crate) fn note(&self, id: TransactionId, prepared: Prepared) {
        self.known.borrow_mut().insert(id, prepared);
    }

    /// A change is not prepared any more.
    pub(crate) fn forget(&self, id: TransactionId) -> Option<Prepared> {
        self.known.borrow_mut().remove(&id)
    }

    pub(crate) fn get(&self, id: TransactionId) -> Option<Prepared> {
        self.known.borrow().get(&id).filter(|_| !self.doomed.borrow().contains(&id)).copied()
    }

    /// Also what is doomed.
    pub(crate) fn get_any(&self, id: TransactionId) -> Option<Prepared> {
        self.known.borrow().get(&id).copied()
    }

    pub(crate) fn check_room(&self, id: TransactionId) -> Result<()> {
        if self.known.borrow().len() >= PREPARED_MAX {
            fail!(Code::Busy, "transaction {id}: {PREPARED_MAX} transactions are prepared at this target; try again");
        }
        Ok(())
    }

    /// The container of these was destroyed.
    pub(crate) fn doom(&self, container: ContainerId) -> Vec<TransactionId> {
        let known = self.known.borrow();
        let all = known.iter().filter(|(_, prepared)| prepared.container == container);
        let ids: Vec<TransactionId> = all.map(|(id, _)| *id).collect();
        self.doomed.borrow_mut().extend(&ids);
        ids
    }

    pub(crate) fn doom_one(&self, id: TransactionId) {
        self.doomed.borrow_mut().push(id);
    }

    /// Whether something of a destroyed container of this name is still to be freed.
    pub(crate) fn has_doomed(&self, container: ContainerId) -> bool {
        let known = self.known.borrow();
        self.doomed.borrow().iter().any(|id| known.get(id).is_some_and(|prepared| prepared.container == container))
    }

    pub(crate) fn next_doomed(&self) -> Option<TransactionId> {
        self.doomed.borrow().last().copied()
    }

    pub(crate) fn forget_doomed(&self, id: TransactionId) -> Option<Prepared> {
        self.doomed.borrow_mut().retain(|doomed| *doomed != id);
        self.forget(id)
    }

    pub(crate) fn list(&self) -> Vec<PreparedTransaction> {
        let (known, doomed) = (self.known.borrow(), self.doomed.borrow());
        let alive = known.iter().filter(|(id, _)| !doomed.contains(id));
        let of = |(id, prepared): (&TransactionId, &Prepared)| PreparedTransaction {
            transaction: *id,
            epoch: Epoch(prepared.epoch),
            container: prepared.container,
        };
        alive.map(of).collect()
    }

    pub(crate) fn note_commit(&self, lsn: Lsn) {
        self.last.set(lsn);
    }

    /// The last commit that any answer about transactions depends on.
    pub(crate) fn last(&self) -> Lsn {
        self.last.get()
    }
}
