//! Transactions over several calls.
//!
//! A transaction has one epoch, which the target of its first read gives. Reads are at that epoch, and targets remember them: nothing is
//! written there any more that they should have seen. Changes are kept here, and sent as one request when the transaction is committed;
//! fetches of the transaction see them, listings and queries do not. What is changed must lie at one target; where the reads were
//! does not matter. A target that cannot put the changes at the epoch of the reads answers `TxRestart`, and the transaction begins again from
//! its first read on, at a newer epoch.

mod overlay;

use crate::{AkeyFetch, AkeyFetched, AkeyUpdate, Client, Conditions, Container, ContainerFlags, FetchKind, Object};
use daos_status::{Code, Result, fail};
use daos_types::{Epoch, Key, TransactionId};
use daos_wire::{
    self as wire, Opcode, Payload, PunchKind, TRANSACTION_OPERATIONS_MAX, TRANSFER_BYTES_MAX, TransactionChange,
    TransactionCommit, TransactionOperation,
};
use overlay::Overlay;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far a transaction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Open,
    Committing,
    Committed,
    Aborted,
    /// It cannot be committed any more; it may begin again.
    Failed,
}

/// A change that waits for the commit.
#[derive(Clone, Debug)]
struct Write {
    object: Object,
    change: Change,
}

/// What is done to an object.
#[derive(Clone, Debug)]
enum Change {
    /// Akeys of a dkey, with their bytes.
    Update(Key, Vec<(wire::AkeyUpdate, Vec<u8>)>),
    Punch(PunchKind),
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Another one each time that the transaction begins.
    attempt: TransactionId,
    epoch: Option<Epoch>,
    writes: Vec<Write>,
    /// Of the values of all writes.
    bytes: u64,
}

#[derive(Debug)]
struct TransactionInner {
    container: Container,
    is_read_only: bool,
    state: Mutex<State>,
}

/// An open transaction. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Transaction(Arc<TransactionInner>);

/// Sets the phase when a commit ends, also when it is given up.
struct Ending<'a> {
    of: &'a Transaction,
    phase: Phase,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.of.lock().phase = self.phase;
    }
}

impl Transaction {
    /// Opens a transaction in a container: nothing is sent. One that only reads is committed without being sent.
    pub fn open(client: &Client, container: &Container, is_read_only: bool) -> Transaction {
        let is_read_only = is_read_only || container.flags().0 & ContainerFlags::READ_ONLY.0 != 0;
        let state =
            State { phase: Phase::Open, attempt: new_attempt(client), epoch: None, writes: Vec::new(), bytes: 0 };
        Transaction(Arc::new(TransactionInner { container: container.clone(), is_read_only, state: Mutex::new(state) }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its epoch: that of its reads, or of its changes when it is committed; `None` before.
    pub fn epoch(&self) -> Option<Epoch> {
        self.lock().epoch
    }

    /// Whether a request is one that a transaction reads by.
    pub(crate) fn reads(opcode: Opcode) -> bool {
        matches!(opcode, Opcode::Fetch | Opcode::ListKeys | Opcode::ListExtents | Opcode::QueryKey)
    }

    /// The name under which it reads now, and its epoch if it has one.
    pub(crate) fn reading(&self) -> Result<(TransactionId, Option<Epoch>)> {
        let state = self.lock();
        self.check_open(&state)?;
        Ok((state.attempt, state.epoch))
    }

    /// Gives it an epoch, unless it has one; gives the one that it has.
    pub(crate) fn begin_reading(&self, attempt: TransactionId, epoch: Epoch) -> Result<Epoch> {
        let mut state = self.lock();
        self.check_open(&state)?;
        if state.attempt != attempt {
            fail!(Code::NoPerm, "the transaction has begun again during a read");
        }
        Ok(*state.epoch.get_or_insert(epoch))
    }

    /// Takes note of how a read has ended.
    pub(crate) fn noted<R>(&self, attempt: TransactionId, result: Result<R>) -> Result<R> {
        if result.as_ref().is_err_and(|status| status.code() == Code::TxRestart) {
            let mut state = self.lock();
            if state.attempt == attempt && state.phase == Phase::Open {
                state.phase = Phase::Failed;
            }
        }
        result
    }

    fn check_open(&self, state: &State) -> Result<()> {
        if state.phase != Phase::Open {
            fail!(Code::NoPerm, "the transaction is not open any more: it is {:?}", state.phase);
        }
        Ok(())
    }

    /// Accepts an object of the transaction's container.
    fn check_object(&self, object: &Object) -> Result<()> {
        if object.container().id() != self.0.container.id() {
            let (is, container) = (object.container().id(), self.0.container.id());
            fail!(Code::Inval, "object {} is one of container {is}, and the transaction of {container}", object.id());
        }
        Ok(())
    }

    /// Keeps an update until the commit. Conditions are looked at now, by reads of the transaction.
    pub async fn update(
        &self,
        client: &Client,
        object: &Object,
        conditions: Conditions,
        each: &[Conditions],
        dkey: Key,
        akeys: &[AkeyUpdate],
    ) -> Result<()> {
        if akeys.is_empty() {
            fail!(Code::Inval, "an update of object {} names no akeys", object.id());
        }
        self.update_and_punch(client, object, (conditions, each), dkey, (akeys, Vec::new())).await
    }

    /// Keeps an update and a punch of akeys of the same dkey until the commit; both need not name any. The conditions are those
    /// of all of them; with `PER_AKEY`, `each` has those of the updated akeys, and then those of the punched ones.
    pub(crate) async fn update_and_punch(
        &self,
        client: &Client,
        object: &Object,
        (conditions, each): (Conditions, &[Conditions]),
        dkey: Key,
        (akeys, punched): (&[AkeyUpdate], Vec<Key>),
    ) -> Result<()> {
        self.check_object(object)?;
        let kept = if akeys.is_empty() { Vec::new() } else { object.kept_update(&dkey, akeys)? };
        object.check_writable()?;
        object.check_dkey(&dkey)?;
        for akey in &punched {
            object.check_akey(akey)?;
        }
        let all = kept.iter().map(|(update, _)| &update.akey).chain(&punched).enumerate();
        let named = all.map(|(index, akey)| (akey_conditions(conditions, each, index), akey));
        self.check_conditions(client, object, conditions, &dkey, named).await?;
        if !kept.is_empty() {
            let bytes = kept.iter().map(|(_, value)| value.len() as u64).sum();
            self.keep(object, Change::Update(dkey.clone(), kept), bytes)?;
        }
        if !punched.is_empty() {
            self.keep(object, Change::Punch(PunchKind::Akeys((dkey, punched))), 0)?;
        }
        Ok(())
    }

    /// Keeps a punch of the whole object until the commit.
    pub async fn punch(&self, client: &Client, object: &Object, conditions: Conditions) -> Result<()> {
        self.check_object(object)?;
        object.check_writable()?;
        if conditions.0 & Conditions::PUNCH.0 != 0 && !self.has_object(client, object).await? {
            fail!(Code::Nonexist, "object {} to be punched does not exist", object.id());
        }
        self.keep(object, Change::Punch(PunchKind::Object), 0)
    }

    /// Keeps a punch of dkeys until the commit.
    pub async fn punch_dkeys(
        &self,
        client: &Client,
        object: &Object,
        conditions: Conditions,
        dkeys: Vec<Key>,
    ) -> Result<()> {
        self.check_object(object)?;
        object.check_writable()?;
        if dkeys.is_empty() {
            fail!(Code::Inval, "a punch in object {} names no keys", object.id());
        }
        for dkey in &dkeys {
            object.check_dkey(dkey)?;
            if conditions.0 & Conditions::PUNCH.0 != 0 && !self.has_dkey(client, object, dkey).await? {
                fail!(Code::Nonexist, "dkey {dkey:?} of object {} to be punched does not exist", object.id());
            }
        }
        self.keep(object, Change::Punch(PunchKind::Dkeys(dkeys)), 0)
    }

    /// Keeps a punch of akeys until the commit.
    pub async fn punch_akeys(
        &self,
        client: &Client,
        object: &Object,
        conditions: Conditions,
        dkey: Key,
        akeys: Vec<Key>,
    ) -> Result<()> {
        self.check_object(object)?;
        object.check_writable()?;
        object.check_dkey(&dkey)?;
        if akeys.is_empty() {
            fail!(Code::Inval, "a punch in object {} names no keys", object.id());
        }
        for akey in &akeys {
            object.check_akey(akey)?;
            if conditions.0 & Conditions::PUNCH.0 != 0 && !self.has_akey(client, object, &dkey, akey).await? {
                fail!(Code::Nonexist, "akey {akey:?} of object {} to be punched does not exist", object.id());
            }
        }
        self.keep(object, Change::Punch(PunchKind::Akeys((dkey, akeys))), 0)
    }

    /// As [`Object::fetch`], at the transaction's epoch, with what the transaction has changed.
    pub async fn fetch(
        &self,
        client: &Client,
        object: &Object,
        conditions: Conditions,
        each: &[Conditions],
        dkey: &Key,
        akeys: &[AkeyFetch],
    ) -> Result<Vec<AkeyFetched>> {
        self.check_object(object)?;
        let reader = object.read_by(self);
        let overlays: Vec<Overlay> = {
            let state = self.lock();
            self.check_open(&state)?;
            akeys.iter().map(|akey| Overlay::of(&state.writes, object.id(), dkey, &akey.akey)).collect()
        };
        if overlays.iter().all(Overlay::is_empty) {
            return reader.fetch_each(client, Epoch::MAX, conditions, each, dkey, akeys).await;
        }
        if conditions.0 & Conditions::DKEY_FETCH.0 != 0 && !self.has_dkey(client, object, dkey).await? {
            fail!(Code::Nonexist, "dkey {dkey:?} of object {} does not exist", object.id());
        }
        for (index, akey) in akeys.iter().enumerate() {
            let asks = akey_conditions(conditions, each, index).0 & Conditions::AKEY_FETCH.0 != 0;
            if asks && !self.has_akey(client, object, dkey, &akey.akey).await? {
                fail!(Code::Nonexist, "akey {:?} of object {} does not exist", akey.akey, object.id());
            }
        }
        let mut all = Vec::with_capacity(akeys.len());
        for (akey, overlay) in akeys.iter().zip(overlays) {
            all.push(overlay.fetch(client, &reader, dkey, akey.clone()).await?);
        }
        Ok(all)
    }

    /// Makes all changes, or none; durable when it returns. `TxRestart` when it has to begin again; `Nosys` when the changes lie at
    /// several targets; then nothing was changed.
    pub async fn commit(&self, client: &Client) -> Result<()> {
        let (attempt, epoch, writes) = {
            let mut state = self.lock();
            match state.phase {
                Phase::Open => {}
                Phase::Committed => fail!(Code::Already, "the transaction was committed"),
                Phase::Committing => fail!(Code::Inprogress, "the transaction is being committed"),
                Phase::Aborted | Phase::Failed => self.check_open(&state)?,
            }
            state.phase = Phase::Committing;
            (state.attempt, state.epoch, std::mem::take(&mut state.writes))
        };
        let mut ending = Ending { of: self, phase: Phase::Failed };
        if !writes.is_empty() {
            let made = self.commit_writes(client, attempt, epoch.unwrap_or(Epoch::ZERO), writes).await?;
            self.lock().epoch = Some(made);
        }
        ending.phase = Phase::Committed;
        Ok(())
    }

    async fn commit_writes(
        &self,
        client: &Client,
        transaction: TransactionId,
        epoch: Epoch,
        writes: Vec<Write>,
    ) -> Result<Epoch> {
        let mut place: Option<(Object, u32, u32)> = None;
        for write in &writes {
            let found = match &write.change {
                Change::Update(dkey, _) | Change::Punch(PunchKind::Akeys((dkey, _))) => {
                    write.object.places(client, Some(std::slice::from_ref(dkey))).await?
                }
                Change::Punch(PunchKind::Dkeys(dkeys)) => write.object.places(client, Some(dkeys)).await?,
                Change::Punch(PunchKind::Object) => write.object.places(client, None).await?,
            };
            for (group, target) in found {
                match &place {
                    None => place = Some((write.object.clone(), group, target)),
                    Some((_, _, known)) if *known == target => {}
                    Some((object, ..)) => fail!(
                        Code::Nosys,
                        "the transaction changes objects {} and {} at two targets, and commits over several targets are not there yet; \
                         what one transaction changes must have one dkey, or lie in objects of class S1 at one target. Nothing was \
                         changed",
                        object.id(),
                        write.object.id()
                    ),
                }
            }
        }
        let Some((object, group, _)) = place else {
            fail!(Code::Misc, "the changes of a transaction have no place");
        };
        let (operations, values) = operations_of(writes);
        let payload = Payload::Memory(Vec::new());
        let address = object.container_address();
        let commit = TransactionCommit { address, transaction, epoch, operations, payload };
        object.send_commit(client, group, commit, values).await
    }

    /// Forgets all changes; the transaction can only be closed then.
    pub fn abort(&self) -> Result<()> {
        let mut state = self.lock();
        match state.phase {
            Phase::Open | Phase::Failed => {}
            Phase::Aborted => fail!(Code::Already, "the transaction was aborted"),
            Phase::Committing | Phase::Committed => self.check_open(&state)?,
        }
        state.phase = Phase::Aborted;
        state.writes.clear();
        Ok(())
    }

    /// Forgets all changes and its epoch, and begins again, after `TxRestart` and other failures. One that has not failed is aborted, or goes on.
    pub fn restart(&self, client: &Client) -> Result<()> {
        let mut state = self.lock();
        if state.phase != Phase::Failed {
            fail!(Code::NoPerm, "the transaction cannot begin again: it is {:?}", state.phase);
        }
        let attempt = new_attempt(client);
        *state = State { phase: Phase::Open, attempt, epoch: None, writes: Vec::new(), bytes: 0 };
        Ok(())
    }

    fn keep(&self, object: &Object, change: Change, bytes: u64) -> Result<()> {
        let mut state = self.lock();
        self.check_open(&state)?;
        if self.0.is_read_only {
            fail!(Code::NoPerm, "the transaction only reads");
        }
        if state.writes.len() >= TRANSACTION_OPERATIONS_MAX || state.bytes + bytes > TRANSFER_BYTES_MAX {
            fail!(
                Code::Overflow,
                "a transaction makes {TRANSACTION_OPERATIONS_MAX} changes with {TRANSFER_BYTES_MAX} bytes at most"
            );
        }
        state.bytes += bytes;
        state.writes.push(Write { object: object.outside(), change });
        Ok(())
    }

    async fn check_conditions(
        &self,
        client: &Client,
        object: &Object,
        conditions: Conditions,
        dkey: &Key,
        akeys: impl Iterator<Item = (Conditions, &Key)>,
    ) -> Result<()> {
        let asks = |bit: Conditions| conditions.0 & bit.0 != 0;
        let id = object.id();
        if asks(Conditions::DKEY_INSERT) || asks(Conditions::DKEY_UPDATE) {
            match self.has_dkey(client, object, dkey).await? {
                true if asks(Conditions::DKEY_INSERT) => fail!(Code::Exist, "dkey {dkey:?} of object {id} exists"),
                false if asks(Conditions::DKEY_UPDATE) => fail!(Code::Nonexist, "object {id} has no dkey {dkey:?}"),
                _ => {}
            }
        }
        for (own, akey) in akeys {
            let asks = |bit: Conditions| own.0 & bit.0 != 0;
            if !asks(Conditions::AKEY_INSERT) && !asks(Conditions::AKEY_UPDATE) {
                continue;
            }
            match self.has_akey(client, object, dkey, akey).await? {
                true if asks(Conditions::AKEY_INSERT) => fail!(Code::Exist, "akey {akey:?} of object {id} exists"),
                false if asks(Conditions::AKEY_UPDATE) => fail!(Code::Nonexist, "object {id} has no akey {akey:?}"),
                _ => {}
            }
        }
        Ok(())
    }

    /// What the transaction itself says of whether something exists; `None` when it has not changed that.
    fn says(&self, of: impl Fn(&[Write]) -> Option<bool>) -> Result<Option<bool>> {
        let state = self.lock();
        self.check_open(&state)?;
        Ok(of(&state.writes))
    }

    async fn has_object(&self, client: &Client, object: &Object) -> Result<bool> {
        let own = self.says(|writes| overlay::has_object(writes, object.id()))?;
        if let Some(known) = own {
            return Ok(known);
        }
        let (mut anchor, limits) = (crate::Anchor::default(), crate::ListLimits { count: 1, bytes: u64::MAX });
        let reader = object.read_by(self);
        while !anchor.end {
            if !reader.list_dkeys(client, Epoch::MAX, &mut anchor, limits).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn has_dkey(&self, client: &Client, object: &Object, dkey: &Key) -> Result<bool> {
        if let Some(known) = self.says(|writes| overlay::has_dkey(writes, object.id(), dkey))? {
            return Ok(known);
        }
        // Any akey: whether it is there does not matter.
        let any = Key::new(&[0; 8])?;
        self.exists(client, object, Conditions::DKEY_FETCH, dkey, any).await
    }

    async fn has_akey(&self, client: &Client, object: &Object, dkey: &Key, akey: &Key) -> Result<bool> {
        if let Some(known) = self.says(|writes| overlay::has_akey(writes, object.id(), dkey, akey))? {
            return Ok(known);
        }
        self.exists(client, object, Conditions::AKEY_FETCH, dkey, akey.clone()).await
    }

    async fn exists(
        &self,
        client: &Client,
        object: &Object,
        condition: Conditions,
        dkey: &Key,
        akey: Key,
    ) -> Result<bool> {
        let fetch = AkeyFetch { akey, kind: FetchKind::Single, destination: None };
        match object.read_by(self).fetch(client, Epoch::MAX, condition, dkey.clone(), vec![fetch]).await {
            Ok(_) => Ok(true),
            Err(status) if status.code() == Code::Nonexist => Ok(false),
            // An array is something that is there.
            Err(status) if status.code() == Code::NoPerm && self.reading().is_ok() => Ok(true),
            Err(status) => Err(status),
        }
    }
}

/// The conditions of one akey: its own when they are given for each.
fn akey_conditions(all: Conditions, each: &[Conditions], index: usize) -> Conditions {
    match all.0 & Conditions::PER_AKEY.0 {
        0 => all,
        _ => each.get(index).copied().unwrap_or_default(),
    }
}

fn new_attempt(client: &Client) -> TransactionId {
    TransactionId(client.env().random.uuid())
}

/// The changes as they are sent, and their values one behind the other.
fn operations_of(writes: Vec<Write>) -> (Vec<TransactionOperation>, Vec<u8>) {
    let (mut operations, mut values) = (Vec::with_capacity(writes.len()), Vec::new());
    for Write { object, change } in writes {
        let change = match change {
            Change::Punch(what) => TransactionChange::Punch(what),
            Change::Update(dkey, akeys) => {
                let mut updates = Vec::with_capacity(akeys.len());
                for (update, mut bytes) in akeys {
                    values.append(&mut bytes);
                    updates.push(update);
                }
                TransactionChange::Update((dkey, updates))
            }
        };
        operations.push(TransactionOperation { object: object.id(), change });
    }
    (operations, values)
}
