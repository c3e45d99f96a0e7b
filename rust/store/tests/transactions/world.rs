//! Random transactions, one step of one of them at a time, and what must come out: as if they were made one after the other, in the
//! order of their epochs.

use crate::common::{CONTAINER, key};
use daos_env::{Random, SeededRandom};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{Epoch, ObjectId, TransactionId};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

const OBJECTS: u64 = 2;
const DKEYS: u64 = 3;
const AKEYS: u64 = 2;
/// Transactions that are open at once.
const ACTIVE_MAX: usize = 6;
const ALL: Limits = Limits { count: usize::MAX, bytes: usize::MAX };

/// An object, a dkey and an akey.
type Spot = (u64, u64, u64);

#[derive(Clone, Debug)]
enum Write {
    Put(Spot, u64),
    PunchAkey(Spot),
    PunchDkey(u64, u64),
    PunchObject(u64),
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Value(Spot),
    DkeyExists(u64, u64),
    Akeys(u64, u64),
    Dkeys(u64),
    Objects,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    Value(Option<u64>),
    Exists(bool),
    Names(BTreeSet<u64>),
}

/// Somebody saw this of what was written at epochs below some bound.
#[derive(Debug)]
struct Read {
    below: u64,
    look: Look,
    seen: Seen,
}

#[derive(Clone, Debug)]
pub struct Part {
    id: TransactionId,
    epoch: u64,
    writes: Vec<Write>,
    /// Whether the first dkey has to exist.
    condition: Option<bool>,
}

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

fn object(number: u64) -> ObjectId {
    ObjectId { hi: 0, lo: 10 + number }
}

fn name(number: u64) -> daos_types::Key {
    key(&format!("key {number}"))
}

/// Bytes of which some lie on the data device.
fn bytes(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(4) { 5000 } else { 8 + number as usize % 40 };
    let mut bytes = vec![number as u8; length];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn number_of(fetched: &Fetched) -> Option<u64> {
    match fetched {
        Fetched::Single { data, .. } => {
            let number = u64::from_le_bytes(*data.first_chunk().expect("eight bytes"));
            assert!(data[..] == bytes(number)[..], "value {number} is another");
            Some(number)
        }
        _ => None,
    }
}

impl Part {
    fn operations(&self) -> Vec<Operation> {
        let (epoch, none) = (Epoch(self.epoch), Conditions::NONE);
        let punch = |object_number, what| {
            let object = object(object_number);
            Operation::Punch(PunchRequest { container: CONTAINER, object, epoch, what, conditions: none })
        };
        let mut operations = Vec::new();
        for (index, write) in self.writes.iter().enumerate() {
            operations.push(match write {
                Write::Put((o, d, a), number) => {
                    let value = UpdateValue::Single(bytes(*number).into());
                    let akeys = vec![AkeyUpdate { akey: name(*a), value, conditions: none }];
                    let conditions = match self.condition.filter(|_| index == 0) {
                        None => none,
                        Some(true) => Conditions::DKEY_UPDATE,
                        Some(false) => Conditions::DKEY_INSERT,
                    };
                    let (container, object, dkey) = (CONTAINER, object(*o), name(*d));
                    Operation::Update(UpdateRequest { container, object, epoch, dkey, conditions, akeys })
                }
                Write::PunchAkey((o, d, a)) => punch(*o, PunchTarget::Akeys { dkey: name(*d), akeys: vec![name(*a)] }),
                Write::PunchDkey(o, d) => punch(*o, PunchTarget::Dkeys(vec![name(*d)])),
                Write::PunchObject(o) => punch(*o, PunchTarget::Object),
            });
        }
        operations
    }

    fn request(&self) -> TransactionRequest {
        let (transaction, epoch, operations) = (self.id, Epoch(self.epoch), self.operations());
        TransactionRequest { transaction, epoch, container: CONTAINER, operations, reads: Vec::new() }
    }

    /// What its condition has seen, if that is how it was answered.
    fn condition_read(&self, is_met: bool) -> Option<Read> {
        let (expected, Write::Put((o, d, _), _)) = (self.condition?, self.writes.first()?) else { return None };
        let seen = Seen::Exists(if is_met { expected } else { !expected });
        Some(Read { below: self.epoch, look: Look::DkeyExists(*o, *d), seen })
    }
}

fn apply(state: &mut BTreeMap<Spot, u64>, writes: &[Write]) {
    for write in writes {
        match write {
            Write::Put(spot, number) => drop(state.insert(*spot, *number)),
            Write::PunchAkey(spot) => drop(state.remove(spot)),
            Write::PunchDkey(o, d) => state.retain(|spot, _| (spot.0, spot.1) != (*o, *d)),
            Write::PunchObject(o) => state.retain(|spot, _| spot.0 != *o),
        }
    }
}

fn look_at(state: &BTreeMap<Spot, u64>, look: Look) -> Seen {
    match look {
        Look::Value(spot) => Seen::Value(state.get(&spot).copied()),
        Look::DkeyExists(o, d) => Seen::Exists(state.keys().any(|spot| (spot.0, spot.1) == (o, d))),
        Look::Akeys(o, d) => {
            Seen::Names(state.keys().filter(|spot| (spot.0, spot.1) == (o, d)).map(|spot| spot.2).collect())
        }
        Look::Dkeys(o) => Seen::Names(state.keys().filter(|spot| spot.0 == o).map(|spot| spot.1).collect()),
        Look::Objects => Seen::Names(state.keys().map(|spot| spot.0).collect()),
    }
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

async fn see(view: View<'_>, look: Look, epoch: Epoch) -> Result<Seen> {
    let number = |key: &daos_types::Key| u64::from(key[key.len() - 1] - b'0');
    match look {
        Look::Value((o, d, a)) => {
            let none = Conditions::NONE;
            let akeys = vec![AkeyFetch { akey: name(a), what: FetchWhat::Single, conditions: none }];
            let (object, dkey) = (object(o), name(d));
            let request =
                FetchRequest { container: CONTAINER, object, epoch, dkey, akeys, size_only: false, conditions: none };
            Ok(Seen::Value(number_of(&view.fetch(request).await?.akeys[0])))
        }
        Look::DkeyExists(o, d) => {
            let (object, dkey, conditions) = (object(o), name(d), Conditions::DKEY_FETCH);
            let request = FetchRequest {
                container: CONTAINER,
                object,
                epoch,
                dkey,
                akeys: Vec::new(),
                size_only: false,
                conditions,
            };
            match view.fetch(request).await {
                Ok(_) => Ok(Seen::Exists(true)),
                Err(status) if status.code() == Code::Nonexist => Ok(Seen::Exists(false)),
                Err(status) => Err(status),
            }
        }
        Look::Akeys(o, d) => {
            let found = view.list_akeys(CONTAINER, object(o), &name(d), epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(number).collect()))
        }
        Look::Dkeys(o) => {
            let found = view.list_dkeys(CONTAINER, object(o), epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(number).collect()))
        }
        Look::Objects => {
            let found = view.list_objects(CONTAINER, epoch, &Anchor::Start, ALL).await?;
            Ok(Seen::Names(found.entries.iter().map(|object| object.lo - 10).collect()))
        }
    }
}

async fn compare(store: &Store, state: &BTreeMap<Spot, u64>, epoch: u64) {
    for o in 0..OBJECTS {
        for d in 0..DKEYS {
            for look in (0..AKEYS).map(|a| Look::Value((o, d, a))).chain([Look::Akeys(o, d)]) {
                let found =
                    see(store.as_transaction(TransactionId::default()), look, Epoch(epoch)).await.expect("read");
                assert_eq!(found, look_at(state, look), "{look:?} at {epoch}");
            }
        }
    }
}
