//! Transactions: reads at their epoch, which count as read then, and commits of what concerns this target alone.

use crate::body::Body;
use crate::check;
use crate::remote_memory::RemoteMemory;
use crate::service::ObjectService;
use crate::update::{Shape, check_akeys, check_payload, cut, filled, pull, shapes_of};
use daos_rpc::{Parts, Request};
use daos_status::{Code, Result, Status, fail};
use daos_store::{Conditions, Data, Operation, PunchRequest, PunchTarget, TransactionRequest, UpdateRequest};
use daos_types::{Epoch, Key, ObjectId, PoolId, TransactionId};
use daos_wire::{
    self as wire, Fetch, ListExtents, ListKeys, ObjectAddress, Opcode, Payload, PunchKind, QueryKey,
    TRANSACTION_OPERATIONS_MAX, TransactionChange, TransactionCommit, TransactionOperation, TransactionRead, decode,
    encode, set_map_version,
};
use std::cell::RefCell;
use std::collections::HashSet;

/// How far the epoch of a transaction, which another target has given, may be ahead of the calendar here. Whoever sends a greater one must
/// not move the clock, or everything that is written afterwards would be of the future.
const AHEAD_NANOSECONDS_MAX: u64 = 60_000_000_000;

/// A transaction that is being committed, until this is dropped.
struct Committing<'a> {
    all: &'a RefCell<HashSet<TransactionId>>,
    transaction: TransactionId,
}

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.all.borrow_mut().remove(&self.transaction);
    }
}

/// One change of a commit before its values are there.
enum Planned {
    Update(Key, Vec<wire::AkeyUpdate>, Vec<Shape>),
    Punch(PunchTarget),
}

impl ObjectService {
    /// The epoch of a transaction that begins here.
    pub(crate) async fn moment(&self, body: &[u8]) -> Result<Vec<u8>> {
        let address: ObjectAddress = decode(body)?;
        self.grants.check(&address, false).await?;
        Ok(encode(&Epoch(self.clock.next())))
    }

    pub(crate) async fn transaction_read(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let TransactionRead { address, transaction, epoch, opcode, request: mut inner } = decode(body)?;
        self.grants.check_transaction(&address, false, epoch).await?;
        self.take_epoch(epoch)?;
        self.remember_read(address.pool, epoch).await?;
        set_map_version(&mut inner.0, address.map_version);
        let result = match Opcode::from_number(opcode) {
            Some(Opcode::Fetch) => {
                let fetch = Fetch { epoch, ..decode(&inner.0)? };
                let reply = self.fetch_checked(&fetch, request, Some(transaction)).await;
                // Before anything is waited for: values may be views of the store.
                reply.map(|reply| Parts { first: &reply.bytes, rest: &reply.values() }.behind(&[]))
            }
            Some(Opcode::ListKeys) => {
                let list = ListKeys { epoch, ..decode(&inner.0)? };
                self.list_keys_checked(&list, Some(transaction)).await.map(|reply| encode(&reply))
            }
            Some(Opcode::ListExtents) => {
                let list = ListExtents { epoch, ..decode(&inner.0)? };
                self.list_extents_checked(&list, Some(transaction)).await.map(|reply| encode(&reply))
            }
            Some(Opcode::QueryKey) => {
                let query = QueryKey { epoch, ..decode(&inner.0)? };
                self.query_key_checked(query, Some(transaction)).await.map(|reply| encode(&reply))
            }
            _ => fail!(Code::Proto, "operation {opcode:#x} is no read of a transaction"),
        };
        let result = match result {
            // It may have been read only then.
            Ok(_) if epoch <= self.rolled_back.get() => Err(Status::new(
                Code::TxRestart,
                "a container was brought back meanwhile; begin the transaction again".to_owned(),
            )),
            other => other,
        };
        result.map_err(too_old).map_err(|status| {
            let container = address.container;
            status.while_doing(format_args!("a read of transaction {transaction} in container {container}"))
        })
    }

    /// What a transaction has not seen must not be written at an earlier epoch, also when this engine starts anew with a calendar that is behind. A store that
    /// cannot be written can be read as long as the epoch is not ahead of the calendar here.
    async fn remember_read(&self, pool: PoolId, epoch: Epoch) -> Result<()> {
        let result = self.context.store(pool)?.remember_read(epoch).await;
        if self.clock.ahead_of_calendar(epoch.0) > 0 { result } else { Ok(()) }
    }

    /// Accepts the epoch of a transaction whose handle is open: what is written here from now on is later.
    ///
    /// The clock itself is no measure: each epoch that was accepted would allow one that is further ahead.
    fn take_epoch(&self, epoch: Epoch) -> Result<()> {
        let is_future = epoch.0 > self.clock.next() && self.clock.ahead_of_calendar(epoch.0) > AHEAD_NANOSECONDS_MAX;
        if epoch == Epoch::ZERO || is_future {
            fail!(Code::Inval, "epoch {} cannot be that of a transaction: it is ahead of all clocks", epoch.0);
        }
        self.clock.observe(epoch.0);
        Ok(())
    }

    pub(crate) async fn transaction_commit(&self, body: &[u8], request: &Request) -> Result<Vec<u8>> {
        let commit: TransactionCommit = decode(body)?;
        let (transaction, container) = (commit.transaction, commit.address.container);
        let result = self.commit_checked(commit, request).await;
        result.map(|epoch| encode(&epoch)).map_err(|status| {
            status.while_doing(format_args!("commit of transaction {transaction} in container {container}"))
        })
    }

    async fn commit_checked(&self, commit: TransactionCommit, request: &Request) -> Result<Epoch> {
        let TransactionCommit { address, transaction, epoch, operations, payload } = commit;
        if operations.is_empty() || operations.len() > TRANSACTION_OPERATIONS_MAX {
            let count = operations.len();
            fail!(Code::Inval, "a transaction makes 1 to {TRANSACTION_OPERATIONS_MAX} changes, not {count}");
        }
        let (mut planned, mut lengths, mut total) = (Vec::with_capacity(operations.len()), Vec::new(), 0);
        for operation in operations {
            let (plan, bytes) = planned_of(operation, &mut lengths)?;
            total = check::total_bytes([Some(total), Some(bytes)].into_iter())?;
            planned.push(plan);
        }
        let inline = if let Payload::Inline(bytes) = &payload { bytes.0.len() as u64 } else { 0 };
        check_payload(&payload, inline, total)?;
        self.grants.check(&address, true).await?;
        if epoch != Epoch::ZERO {
            self.take_epoch(epoch)?;
        }
        let store = self.context.store(address.pool)?;
        if !self.committing.borrow_mut().insert(transaction) {
            fail!(Code::Again, "the transaction is being committed; ask again");
        }
        let _committing = Committing { all: &self.committing, transaction };
        if let Some(known) = store.transaction_epoch(transaction).await? {
            return Ok(known);
        }
        self.grants.check_transaction(&address, true, epoch).await?;
        let (data, _permit) = match payload {
            Payload::Inline(bytes) => {
                let values = 0..bytes.0.len();
                (cut(Body::Message(bytes.0, 0), values, &lengths), None)
            }
            Payload::Memory(descriptors) => {
                let memory = RemoteMemory::parse(&descriptors)?;
                let permit = self.take_bulk(total).await?;
                (pull(&memory, &lengths, request).await?, Some(permit))
            }
        };
        let mut data = data.into_iter();
        // Read only now, and before anything else is waited for: as an update.
        let now = self.epoch_of_change(&address, request).await?;
        let given = epoch;
        let epoch = if given == Epoch::ZERO { now } else { given };
        if store.newest_snapshot(address.container)? >= epoch {
            fail!(Code::TxRestart, "a snapshot is newer than the reads of the transaction; begin it again");
        }
        let mut operations = Vec::with_capacity(planned.len());
        for (object, plan) in planned {
            operations.push(operation_of(address.container, object, epoch, plan, &mut data)?);
        }
        let request =
            TransactionRequest { transaction, epoch, container: address.container, operations, reads: vec![] };
        store.transact(request).await.map_err(too_old)?;
        Ok(epoch)
    }
}

/// What a transaction is told whose epoch was aggregated meanwhile: a newer one will do.
fn too_old(status: Status) -> Status {
    match status.code() {
        Code::EpOld => Status::new(Code::TxRestart, format!("the transaction is too old: {}", status.context())),
        _ => status,
    }
}

/// Checks a change; gives what it takes of the payload, and how many bytes that are.
fn planned_of(operation: TransactionOperation, lengths: &mut Vec<u64>) -> Result<((ObjectId, Planned), u64)> {
    let TransactionOperation { object, change } = operation;
    let punch = |target| Ok(((object, Planned::Punch(target)), 0));
    match change {
        TransactionChange::Update((dkey, akeys)) => {
            let bytes = check_akeys(&akeys)?;
            check::key_kinds(object, Some(&dkey), akeys.iter().map(|akey| &akey.akey))?;
            let shapes = shapes_of(&akeys, lengths);
            Ok(((object, Planned::Update(dkey, akeys, shapes)), bytes))
        }
        TransactionChange::Punch(PunchKind::Object) => punch(PunchTarget::Object),
        TransactionChange::Punch(PunchKind::Dkeys(dkeys)) => {
            check::key_count(dkeys.len())?;
            dkeys.iter().try_for_each(|dkey| check::key_kinds(object, Some(dkey), std::iter::empty()))?;
            punch(PunchTarget::Dkeys(dkeys))
        }
        TransactionChange::Punch(PunchKind::Akeys((dkey, akeys))) => {
            check::key_count(akeys.len())?;
            check::key_kinds(object, Some(&dkey), akeys.iter())?;
            punch(PunchTarget::Akeys { dkey, akeys })
        }
    }
}

fn operation_of(
    container: daos_types::ContainerId,
    object: ObjectId,
    epoch: Epoch,
    planned: Planned,
    data: &mut impl Iterator<Item = Data>,
) -> Result<Operation> {
    let conditions = Conditions(0);
    Ok(match planned {
        Planned::Punch(what) => Operation::Punch(PunchRequest { container, object, epoch, what, conditions }),
        Planned::Update(dkey, akeys, shapes) => {
            let akeys = filled(akeys, shapes, data)?;
            Operation::Update(UpdateRequest { container, object, epoch, dkey, conditions, akeys })
        }
    })
}
