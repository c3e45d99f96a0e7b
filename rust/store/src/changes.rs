//! The names of the changes that were made last: one that is asked for again, because nobody knows whether it was made before the
//! engine ended, is answered and not made twice.
//!
//! ```text
//! client u64, sequence u64, epoch u64, number u64 (from 1 on; 0 free)
//! ```
//! A ring of up to [`REMEMBERED`] entries in pieces of 4 KiB, whose links are in a directory; fewer pieces make a shorter ring. An entry
//! is written in the transaction of its change, so that after a crash both are there or none. What a store remembers when it is opened
//! stays known until it is closed: those who ask again may come late, when others have filled the ring with new changes.

use crate::commit::Origin;
use crate::superblock::Superblock;
use crate::tree::damaged;
use crate::{Operation, PunchRequest, Store, UpdateRequest};
use daos_media::{Arena, Lsn, Offset, Transaction};
use daos_status::{Code, Result};
use daos_types::Epoch;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Pieces of a whole ring.
const PIECES: usize = 32;
/// Pieces that are made in one transaction.
const PIECES_AT_ONCE: usize = 4;
const PER_PIECE: usize = 128;
const PIECE: usize = PER_PIECE * size_of::<Entry>();
/// How many changes are remembered: as many as an engine works on at a time, of which any may be without an answer when it ends.
pub(crate) const REMEMBERED: usize = PIECES * PER_PIECE;

const _: () = assert!(size_of::<Entry>() == 32 && PIECE == 4096);

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    client: u64,
    sequence: u64,
    epoch: u64,
    number: u64,
}

/// What its client calls a change; no two changes at one store have the same client and sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeName {
    /// The client: a random number.
    pub client: u64,
    /// Its number among the changes of the client.
    pub sequence: u64,
    /// It may have been made before.
    pub is_repeat: bool,
}

impl ChangeName {
    fn key(self) -> (u64, u64) {
        (self.client, self.sequence)
    }
}

/// Repeats that were made, and at which epoch: what they repeat may still be waiting for its turn, and must not be made then.
#[derive(Default)]
struct Overtaken {
    known: HashMap<(u64, u64), u64>,
    /// The oldest one first.
    order: VecDeque<(u64, u64)>,
}

impl Overtaken {
    fn add(&mut self, key: (u64, u64), epoch: u64) {
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(key, epoch);
        self.order.push_back(key);
    }
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Changes {
    pieces: RefCell<Vec<Offset>>,
    /// The number of the next entry.
    next: Cell<u64>,
    /// What the ring had when the store was opened: client, sequence and epoch, in order.
    before: RefCell<Vec<(u64, u64, u64)>>,
    overtaken: RefCell<Overtaken>,
    /// The last commit that wrote an entry.
    last: Cell<Lsn>,
}

impl Changes {
    /// Reads the ring of a store that has one.
    pub(crate) fn load(&self, arena: &Arena, superblock: &Superblock) -> Result<()> {
        let position = superblock.changes(arena)?;
        if position == 0 {
            return Ok(());
        }
        let directory: [u32; PIECES] = arena.read_value(position)?;
        let links = directory.iter().map_while(|link| Offset::from_link(*link));
        self.pieces.replace(links.collect());
        let (mut newest, mut before) = (0, Vec::new());
        for index in 0..self.length() {
            let entry: Entry = arena.read_value(self.position(index))?;
            if entry.number != 0 {
                newest = newest.max(entry.number);
                before.push((entry.client, entry.sequence, entry.epoch));
            }
        }
        let Some(next) = newest.checked_add(1) else { return Err(damaged("the names of changes", position)) };
        self.next.set(next);
        before.sort_unstable();
        before.shrink_to_fit();
        self.before.replace(before);
        Ok(())
    }

    fn length(&self) -> u64 {
        (self.pieces.borrow().len() * PER_PIECE) as u64
    }

    /// Where an entry of a ring that is not empty lies.
    fn position(&self, number: u64) -> u64 {
        let pieces = self.pieces.borrow();
        let index = (number % (pieces.len() * PER_PIECE) as u64) as usize;
        pieces[index / PER_PIECE].get() + (index % PER_PIECE * size_of::<Entry>()) as u64
    }

    /// Adds some pieces; gives them, none when there are enough.
    fn extend(&self, transaction: &mut Transaction<'_>, superblock: &Superblock) -> Result<Vec<Offset>> {
        let mut directory = superblock.changes(transaction.arena())?;
        if directory == 0 {
            let offset = transaction.allocate(PIECES * size_of::<u32>())?;
            transaction.fill(offset.get(), [0u32; PIECES].as_bytes())?;
            superblock.set_changes(transaction, offset.get())?;
            directory = offset.get();
        }
        let had = self.pieces.borrow().len();
        let mut made = Vec::new();
        for index in had..PIECES.min(had + PIECES_AT_ONCE) {
            let piece = transaction.allocate(PIECE)?;
            transaction.fill(piece.get(), &[0; PIECE])?;
            transaction.write(directory + (index * size_of::<u32>()) as u64, &piece.link().to_le_bytes())?;
            made.push(piece);
        }
        Ok(made)
    }

    /// Writes the name of a change that is made in the same transaction.
    #[inline]
    pub(crate) fn write(&self, transaction: &mut Transaction<'_>, name: ChangeName, epoch: u64) -> Result<()> {
        if self.pieces.borrow().is_empty() {
            return Ok(());
        }
        let number = self.next.get();
        let entry = Entry { client: name.client, sequence: name.sequence, epoch, number };
        transaction.write(self.position(number), entry.as_bytes())
    }

    /// The transaction with the last [`Changes::write`] was committed.
    #[inline]
    pub(crate) fn note(&self, name: ChangeName, epoch: u64, lsn: Lsn) {
        // A forged ring may say anything.
        self.next.set(self.next.get().wrapping_add(1));
        self.last.set(self.last.get().max(lsn));
        if name.is_repeat {
            self.overtaken.borrow_mut().add(name.key(), epoch);
        }
    }

    /// The epoch at which a change was made, if it is known to have been.
    #[inline]
    pub(crate) fn made_at(&self, arena: &Arena, name: ChangeName) -> Result<Option<Epoch>> {
        let overtaken = self.overtaken.borrow();
        if overtaken.order.is_empty() && !name.is_repeat {
            return Ok(None);
        }
        if let Some(epoch) = overtaken.known.get(&name.key()) {
            return Ok(Some(Epoch(*epoch)));
        }
        if name.is_repeat { self.look_up(arena, name) } else { Ok(None) }
    }

    #[cold]
    fn look_up(&self, arena: &Arena, name: ChangeName) -> Result<Option<Epoch>> {
        let before = self.before.borrow();
        if let Ok(found) = before.binary_search_by_key(&name.key(), |(client, sequence, _)| (*client, *sequence)) {
            return Ok(Some(Epoch(before[found].2)));
        }
        for index in 0..self.length() {
            let entry: Entry = arena.read_value(self.position(index))?;
            if entry.number != 0 && (entry.client, entry.sequence) == name.key() {
                return Ok(Some(Epoch(entry.epoch)));
            }
        }
        Ok(None)
    }

    /// The last commit that wrote an entry.
    pub(crate) fn last(&self) -> Lsn {
        self.last.get()
    }
}

impl Store {
    /// Makes room for the names of changes, which a new store has not; to be called once it is open. It takes 128 KiB of the arena; when
    /// there is less, fewer changes are remembered.
    pub async fn remember_changes(&self) -> Result<()> {
        loop {
            self.durable.admission().await?;
            let mut transaction = self.durable.arena().begin();
            let made = match self.changes.extend(&mut transaction, &self.superblock) {
                Ok(made) if made.is_empty() => return Ok(()),
                Err(status) if status.code() == Code::Nospace => {
                    let (length, why) = (self.changes.length(), status.context());
                    daos_env::log!(
                        Warn,
                        "store",
                        "only the last {length} changes are known when they come again: {why}"
                    );
                    return Ok(());
                }
                other => other?,
            };
            let lsn = self.durable.commit(transaction)?;
            self.changes.pieces.borrow_mut().extend(made);
            self.changes.next.set(self.changes.next.get().max(1));
            self.durable.wait_durable(lsn).await?;
        }
    }

    /// As [`Store::update`], once: a repeat of an update that was made is not made again. Gives the epoch at which it was made, which is
    /// that of the request, or of the earlier one.
    ///
    /// Known are the last 4096 changes with names, and those that were the last ones when the store was opened.
    pub async fn update_once(&self, request: UpdateRequest, name: ChangeName) -> Result<Epoch> {
        let epoch = request.epoch;
        let mut operations = [Operation::Update(request)];
        match self.change_now(&operations, Origin::Named(name)) {
            Some(lsn) if lsn <= self.durable.durable() => {
                self.count_changes(&operations);
                Ok(epoch)
            }
            Some(lsn) => self.counted(|_| {}, self.finish(lsn, &operations)).await.map(|()| epoch),
            // In memory of its own, as in `Store::update`.
            None => Box::pin(self.change_once(&mut operations, name, epoch)).await,
        }
    }

    /// As [`Store::punch`], once: see [`Store::update_once`].
    pub async fn punch_once(&self, request: PunchRequest, name: ChangeName) -> Result<Epoch> {
        let epoch = request.epoch;
        Box::pin(self.change_once(&mut [Operation::Punch(request)], name, epoch)).await
    }

    /// Makes changes in their order, all or none, as [`Store::update_once`] makes one; at once, before anything else can happen, or not at all. They
    /// are durable when the future is ready. `None` when nothing was done: something stands against it, or would have to be waited for.
    pub fn apply_now(
        &self,
        operations: Vec<Operation>,
        name: ChangeName,
    ) -> Option<impl Future<Output = Result<()>> + '_> {
        let lsn = self.change_now(&operations, Origin::Named(name))?;
        Some(async move { self.counted(|_| {}, self.finish(lsn, &operations)).await })
    }

    /// At which epoch a change of this name was made, if it is known, and durable by now.
    pub async fn epoch_made(&self, name: ChangeName) -> Result<Option<Epoch>> {
        let made = self.made_at(Origin::Named(name))?;
        if made.is_some() {
            self.wait_for(self.changes.last()).await?;
        }
        Ok(made)
    }

    async fn change_once(&self, operations: &mut [Operation], name: ChangeName, epoch: Epoch) -> Result<Epoch> {
        self.counted(|_| {}, async {
            // Before values are written to the data device for nothing.
            if let Some(earlier) = self.made_at(Origin::Named(name))? {
                self.wait_for(self.changes.last()).await?;
                return Ok(earlier);
            }
            Ok(self.change(operations, Origin::Named(name)).await?.unwrap_or(epoch))
        })
        .await
    }
}
