//! Random transactions, one step of one of them at a time, and what must come out: as if they were made one after the other, in the
//! order of their epochs.

mod look;
mod part;

use crate::common::CONTAINER;
use daos_env::{Random, SeededRandom};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, TransactionId};
use look::{Look, Read, compare, look_at, see};
use part::{Part, Spot, Write, apply};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const OBJECTS: u64 = 2;
const DKEYS: u64 = 3;
const AKEYS: u64 = 2;
/// Transactions that are open at once.
const ACTIVE_MAX: usize = 6;

/// A request whose answer has not come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Plain,
    Transact,
    Prepare,
    Commit,
    Abort,
}

#[derive(Default, Debug)]
pub struct Counts {
    pub committed: Cell<u64>,
    pub aborted: Cell<u64>,
    pub restarted: Cell<u64>,
    pub waits: Cell<u64>,
    pub reads: Cell<u64>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

pub struct World {
    random: SeededRandom,
    clock: Cell<u64>,
    next: Cell<u64>,
    history: RefCell<BTreeMap<u64, Vec<Write>>>,
    reads: RefCell<Vec<Read>>,
    active: RefCell<Vec<Part>>,
    prepared: RefCell<Vec<Part>>,
    unsure: RefCell<Option<(Kind, Part)>>,
    pub counts: Counts,
}

impl World {
    pub fn new(seed: u64) -> World {
        World {
            random: SeededRandom::new(seed),
            clock: Cell::new(10),
            next: Cell::new(1),
            history: RefCell::default(),
            reads: RefCell::default(),
            active: RefCell::default(),
            prepared: RefCell::default(),
            unsure: RefCell::default(),
            counts: Counts::default(),
        }
    }

    fn below(&self, limit: u64) -> u64 {
        self.random.next_u64() % limit
    }

    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1 + self.below(3));
        self.clock.get()
    }

    fn spot(&self) -> Spot {
        (self.below(OBJECTS), self.below(DKEYS), self.below(AKEYS))
    }

    fn id(&self) -> TransactionId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.random.next_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.number().to_le_bytes());
        TransactionId::from_bytes(bytes)
    }

    fn write(&self) -> Write {
        let spot = self.spot();
        match self.below(12) {
            0 => Write::PunchObject(spot.0),
            1 => Write::PunchDkey(spot.0, spot.1),
            2 => Write::PunchAkey(spot),
            _ => Write::Put(spot, self.number()),
        }
    }

    fn look(&self) -> Look {
        let spot = self.spot();
        match self.below(12) {
            0 => Look::Objects,
            1 => Look::Dkeys(spot.0),
            2 => Look::Akeys(spot.0, spot.1),
            3 => Look::DkeyExists(spot.0, spot.1),
            _ => Look::Value(spot),
        }
    }

    fn pick(&self, from: &RefCell<Vec<Part>>) -> Option<usize> {
        let count = from.borrow().len() as u64;
        (count > 0).then(|| self.below(count) as usize)
    }

    /// One step of somebody.
    pub async fn step(&self, store: &Store) -> Result<()> {
        match self.below(20) {
            0..4 if self.active.borrow().len() < ACTIVE_MAX => {
                let part = Part { id: self.id(), epoch: self.tick(), writes: Vec::new(), condition: None };
                self.active.borrow_mut().push(part);
                Ok(())
            }
            4..9 => {
                let Some(index) = self.pick(&self.active) else { return Ok(()) };
                let (id, epoch) = self.active.borrow().get(index).map(|part| (part.id, part.epoch)).expect("there");
                self.read(store.as_transaction(id), Epoch(epoch), epoch).await
            }
            9..13 => match self.pick(&self.active) {
                Some(index) => self.finish(store, index).await,
                None => Ok(()),
            },
            13..16 => match self.pick(&self.prepared) {
                Some(index) => self.end(store, index).await,
                None => Ok(()),
            },
            16..18 => self.plain_read(store).await,
            _ => self.plain_write(store).await,
        }
    }

    async fn plain_read(&self, store: &Store) -> Result<()> {
        let (epoch, below) = match self.below(3) {
            0 => (Epoch::MAX, store.newest_epoch().0 + 1),
            _ => {
                let epoch = self.clock.get().saturating_sub(self.below(20)).max(1);
                (Epoch(epoch), epoch + 1)
            }
        };
        // The view of a transaction that never writes is a plain one.
        self.read(store.as_transaction(TransactionId::default()), epoch, below).await
    }

    async fn read(&self, view: View<'_>, epoch: Epoch, below: u64) -> Result<()> {
        let look = self.look();
        match see(view, look, epoch).await {
            Ok(seen) => {
                count(&self.counts.reads);
                self.reads.borrow_mut().push(Read { below, look, seen });
                Ok(())
            }
            Err(status) if status.code() == Code::Inprogress => {
                count(&self.counts.waits);
                Ok(())
            }
            Err(status) => Err(status),
        }
    }

    async fn plain_write(&self, store: &Store) -> Result<()> {
        let epoch = self.tick();
        let writes = (0..1 + self.below(2)).map(|_| Write::Put(self.spot(), self.number())).collect();
        let condition = (self.below(3) == 0).then(|| self.below(2) == 0);
        let part = Part { id: TransactionId::default(), epoch, writes, condition };
        self.unsure.replace(Some((Kind::Plain, part.clone())));
        let result = store.apply(part.operations()).await;
        self.note(Kind::Plain, part, result)
    }

    /// Sends the changes of an open transaction.
    async fn finish(&self, store: &Store, index: usize) -> Result<()> {
        let mut part = self.active.borrow_mut().swap_remove(index);
        part.writes = (0..1 + self.below(3)).map(|_| self.write()).collect();
        part.condition = (self.below(3) == 0).then(|| self.below(2) == 0);
        let kind = if self.below(2) == 0 { Kind::Transact } else { Kind::Prepare };
        self.unsure.replace(Some((kind, part.clone())));
        let result = match kind {
            Kind::Transact => store.transact(part.request()).await,
            _ => store.prepare(part.request()).await,
        };
        if result.is_ok() && self.below(3) == 0 {
            // The answer got lost, and the request comes again.
            match kind {
                Kind::Transact => store.transact(part.request()).await?,
                _ => store.prepare(part.request()).await?,
            }
        }
        self.note(kind, part, result)
    }

    /// Commits or aborts.
    async fn end(&self, store: &Store, index: usize) -> Result<()> {
        let part = self.prepared.borrow_mut().swap_remove(index);
        let kind = if self.below(3) == 0 { Kind::Abort } else { Kind::Commit };
        self.unsure.replace(Some((kind, part.clone())));
        let (id, epoch) = (part.id, Epoch(part.epoch));
        let result = if kind == Kind::Commit { store.commit(id, epoch).await } else { store.abort(id, epoch).await };
        self.note(kind, part, result)
    }

    fn note(&self, kind: Kind, part: Part, result: Result<()>) -> Result<()> {
        let is_new = kind != Kind::Commit && kind != Kind::Abort;
        match result {
            Ok(()) => self.done(kind, part),
            Err(status) => match status.code() {
                Code::TxRestart if is_new && kind != Kind::Plain => count(&self.counts.restarted),
                Code::Inprogress if is_new => {
                    count(&self.counts.waits);
                    if kind != Kind::Plain {
                        self.active.borrow_mut().push(part);
                    }
                }
                Code::Exist | Code::Nonexist if is_new && part.condition.is_some() => {
                    self.reads.borrow_mut().extend(part.condition_read(false));
                }
                _ => return Err(status),
            },
        }
        self.unsure.take();
        Ok(())
    }

    /// A request was carried out.
    fn done(&self, kind: Kind, part: Part) {
        match kind {
            Kind::Abort => count(&self.counts.aborted),
            Kind::Prepare => {
                self.reads.borrow_mut().extend(part.condition_read(true));
                self.prepared.borrow_mut().push(part);
            }
            Kind::Plain | Kind::Transact | Kind::Commit => {
                count(&self.counts.committed);
                if kind != Kind::Commit {
                    self.reads.borrow_mut().extend(part.condition_read(true));
                }
                let before = self.history.borrow_mut().insert(part.epoch, part.writes);
                assert!(before.is_none(), "two changes of one epoch");
            }
        }
    }

    /// After opening: finds out what became of the request without an answer, as a coordinator does.
    pub async fn resolve(&self, store: &Store) {
        self.clock.set(self.clock.get().max(store.newest_epoch().0));
        store.raise_read_floor(Epoch(self.clock.get()));
        let list = store.prepared_list().await.expect("list");
        let unsure = self.unsure.take();
        if let Some((kind, part)) = unsure {
            let is_prepared = list.iter().any(|prepared| prepared.transaction == part.id);
            let outcome = store.transaction_outcome(part.id, Epoch(part.epoch)).await.expect("outcome");
            match kind {
                Kind::Plain if was_written(store, &part).await => self.done(kind, part),
                Kind::Transact if outcome == Some(TransactionOutcome::Committed) => self.done(kind, part),
                Kind::Prepare if is_prepared => self.done(kind, part),
                Kind::Commit | Kind::Abort if is_prepared => self.prepared.borrow_mut().push(part),
                Kind::Commit => {
                    assert_eq!(outcome, Some(TransactionOutcome::Committed), "it is not prepared any more");
                    store.commit(part.id, Epoch(part.epoch)).await.expect("it is remembered");
                    self.done(kind, part);
                }
                Kind::Abort => {
                    assert_eq!(outcome, Some(TransactionOutcome::Aborted), "it is not prepared any more");
                    self.done(kind, part);
                }
                _ => {}
            }
        }
        let of = |part: &Part| (part.id, Epoch(part.epoch));
        let expected: BTreeMap<TransactionId, Epoch> = self.prepared.borrow().iter().map(of).collect();
        let found = list.iter().map(|prepared| (prepared.transaction, prepared.epoch)).collect();
        assert_eq!(expected, found, "what is prepared");
        let lowest = expected.values().min().copied();
        assert_eq!(store.lowest_prepared_epoch(CONTAINER), lowest);
    }

    /// Ends what is prepared, and compares everything that was seen, and what is there, with the changes in the order of their epochs.
    pub async fn settle(&self, store: &Store) -> Result<()> {
        while !self.prepared.borrow().is_empty() {
            self.end(store, 0).await?;
        }
        self.active.borrow_mut().clear();
        Ok(())
    }

    pub async fn verify(&self, store: &Store) {
        assert!(self.prepared.borrow().is_empty());
        let history = self.history.borrow().clone();
        let mut reads: Vec<_> = self.reads.borrow_mut().drain(..).collect();
        reads.sort_by_key(|read| read.below);
        let mut state = BTreeMap::new();
        let mut changes = history.iter().peekable();
        for read in reads {
            while let Some((_, writes)) = changes.next_if(|(epoch, _)| **epoch < read.below) {
                apply(&mut state, writes);
            }
            assert_eq!(look_at(&state, read.look), read.seen, "{read:?}\n{history:#?}");
        }
        let mut state = BTreeMap::new();
        for (epoch, writes) in &history {
            apply(&mut state, writes);
            compare(store, &state, *epoch).await;
        }
        compare(store, &state, u64::MAX).await;
    }
}

/// Whether a plain change, which has nothing but puts, is there.
async fn was_written(store: &Store, part: &Part) -> bool {
    let Some(Write::Put(spot, _)) = part.writes.last() else { panic!("a plain change puts something") };
    let mut state = BTreeMap::new();
    apply(&mut state, &part.writes);
    let view = store.as_transaction(TransactionId::default());
    match see(view, Look::Value(*spot), Epoch(part.epoch)).await {
        Ok(seen) => seen == look_at(&state, Look::Value(*spot)),
        // What is prepared there had stopped it before.
        Err(status) => {
            assert_eq!(status.code(), Code::Inprogress);
            false
        }
    }
}
