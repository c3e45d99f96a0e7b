//! What became of the last transactions.
//!
//! ```text
//! transaction [u8; 16], epoch u64, outcome u32 (1 committed, 2 aborted; 0 free), reserved u32
//! ```
//! A ring of [`OUTCOMES`] entries in [`PIECES`] pieces of 4 KiB.

use crate::TransactionOutcome;
use crate::tree::damaged;
use daos_media::{Arena, Offset, Transaction};
use daos_status::Result;
use daos_types::TransactionId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Pieces of the ring.
pub(crate) const PIECES: usize = 8;
const ENTRY: usize = 32;
const PER_PIECE: usize = 128;
const PIECE: usize = ENTRY * PER_PIECE;
/// How many outcomes are remembered: those of some tens of milliseconds of a busy target. Who asks later has to remember by himself.
pub(crate) const OUTCOMES: usize = PIECES * PER_PIECE;

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    transaction: [u8; 16],
    epoch: u64,
    outcome: u32,
    reserved: u32,
}

const _: () = assert!(size_of::<Entry>() == ENTRY);

/// An outcome as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Remembered {
    pub epoch: u64,
    pub outcome: TransactionOutcome,
    /// Its place in the ring.
    index: usize,
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Outcomes {
    pieces: Cell<[u32; PIECES]>,
    next: Cell<usize>,
    known: RefCell<BTreeMap<TransactionId, Remembered>>,
    /// Whose outcome is in each place.
    owners: RefCell<BTreeMap<usize, TransactionId>>,
}

impl Outcomes {
    /// Makes an empty ring; gives the links of its pieces.
    pub(crate) fn format(transaction: &mut Transaction<'_>) -> Result<[u32; PIECES]> {
        let mut pieces = [0; PIECES];
        for piece in &mut pieces {
            let offset = transaction.allocate(PIECE)?;
            transaction.fill(offset.get(), &[0; PIECE])?;
            *piece = offset.link();
        }
        Ok(pieces)
    }

    /// Reads a ring.
    pub(crate) fn load(&self, arena: &Arena, pieces: [u32; PIECES], next: u32) -> Result<()> {
        self.pieces.set(pieces);
        self.next.set(next as usize % OUTCOMES);
        // The oldest one first, so that of two of one transaction the later one counts.
        for step in 0..OUTCOMES {
            let index = (self.next.get() + step) % OUTCOMES;
            let entry: Entry = arena.read_value(self.position(index)?)?;
            let outcome = match entry.outcome {
                0 => continue,
                1 => TransactionOutcome::Committed,
                2 => TransactionOutcome::Aborted,
                _ => return Err(damaged("the outcome of a transaction", self.position(index)?)),
            };
            self.remember(
                TransactionId::from_bytes(entry.transaction),
                Remembered { epoch: entry.epoch, outcome, index },
            );
        }
        Ok(())
    }

    fn position(&self, index: usize) -> Result<u64> {
        match Offset::from_link(self.pieces.get()[index / PER_PIECE]) {
            Some(piece) => Ok(piece.get() + (index % PER_PIECE * ENTRY) as u64),
            None => Err(damaged("the outcomes of transactions", 0)),
        }
    }

    /// What became of a transaction, if that is still known.
    pub(crate) fn of(&self, transaction: TransactionId) -> Option<Remembered> {
        self.known.borrow().get(&transaction).copied()
    }

    /// Writes an outcome in place of the oldest one; gives the number of the one after it.
    pub(crate) fn write(
        &self,
        transaction: &mut Transaction<'_>,
        id: TransactionId,
        epoch: u64,
        outcome: TransactionOutcome,
    ) -> Result<u32> {
        let number = match outcome {
            TransactionOutcome::Committed => 1,
            TransactionOutcome::Aborted => 2,
        };
        let entry = Entry { transaction: id.to_bytes(), epoch, outcome: number, reserved: 0 };
        transaction.write(self.position(self.next.get())?, entry.as_bytes())?;
        Ok(((self.next.get() + 1) % OUTCOMES) as u32)
    }

    /// The transaction with the last [`Outcomes::write`] was committed.
    pub(crate) fn note(&self, id: TransactionId, epoch: u64, outcome: TransactionOutcome) {
        let index = self.next.get();
        self.remember(id, Remembered { epoch, outcome, index });
        self.next.set((index + 1) % OUTCOMES);
    }

    fn remember(&self, id: TransactionId, remembered: Remembered) {
        let mut known = self.known.borrow_mut();
        let before = self.owners.borrow_mut().insert(remembered.index, id);
        if let Some(before) = before
            && known.get(&before).is_some_and(|other| other.index == remembered.index)
        {
            known.remove(&before);
        }
        known.insert(id, remembered);
    }
}
