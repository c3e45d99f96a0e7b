//! What is done, and doing it to a store.

use crate::generate::{CONTAINER, Generator};
use crate::history;
use daos_status::{Result, Status};
use daos_store::*;
use daos_types::{ContainerId, Epoch, Key, ObjectId, TransactionId};
use std::rc::Rc;

/// Where the number of the last change is written, in the same transaction as the change.
pub const MARKERS: ContainerId = ContainerId::from_bytes([1; 16]);

/// Something that is done.
pub enum Action {
    /// A change, a snapshot, aggregation or a discard.
    Plain(history::Action),
    /// Changes of a transaction, for later.
    Prepare(TransactionId, Epoch, Vec<Operation>),
    Commit(TransactionId, Epoch),
    Abort(TransactionId, Epoch),
    Scrub,
}

fn copy_value(value: &UpdateValue) -> UpdateValue {
    let copy = |data: &Data| Data::copy_of(data);
    match value {
        UpdateValue::Single(data) => UpdateValue::Single(copy(data)),
        UpdateValue::Array { record_size, pieces } => {
            let pieces = pieces.iter().map(|(extent, data)| (*extent, copy(data))).collect();
            UpdateValue::Array { record_size: *record_size, pieces }
        }
        UpdateValue::PunchExtents(extents) => UpdateValue::PunchExtents(extents.clone()),
    }
}

/// The same operations, with conditions or without.
pub fn copy_of(operations: &[Operation], keep_conditions: bool) -> Vec<Operation> {
    let conditions = |conditions: Conditions| if keep_conditions { conditions } else { Conditions::NONE };
    let copy = |operation: &Operation| match operation {
        Operation::Punch(punch) => {
            Operation::Punch(PunchRequest { conditions: conditions(punch.conditions), ..punch.clone() })
        }
        Operation::Update(update) => {
            let akey = |akey: &AkeyUpdate| AkeyUpdate {
                akey: akey.akey.clone(),
                value: copy_value(&akey.value),
                conditions: conditions(akey.conditions),
            };
            Operation::Update(UpdateRequest {
                container: update.container,
                object: update.object,
                epoch: update.epoch,
                dkey: update.dkey.clone(),
                conditions: conditions(update.conditions),
                akeys: update.akeys.iter().map(akey).collect(),
            })
        }
    };
    operations.iter().map(copy).collect()
}

pub fn set_epoch(operations: &mut [Operation], to: Epoch) {
    for operation in operations {
        let (Operation::Update(UpdateRequest { epoch, .. }) | Operation::Punch(PunchRequest { epoch, .. })) = operation;
        *epoch = to;
    }
}

fn marker_key() -> Key {
    Key::new(b"n").expect("short")
}

fn marker_object() -> ObjectId {
    ObjectId { hi: 0, lo: 1 }
}

fn marker(number: u64) -> Operation {
    let value = UpdateValue::Single(number.to_le_bytes().to_vec().into());
    let akeys = vec![AkeyUpdate { akey: marker_key(), value, conditions: Conditions::NONE }];
    let (container, object, dkey, conditions) = (MARKERS, marker_object(), marker_key(), Conditions::NONE);
    Operation::Update(UpdateRequest { container, object, epoch: Epoch(1), dkey, conditions, akeys: akeys.into() })
}

/// The number of the last change that is there.
pub async fn read_number(store: &Store) -> u64 {
    let akeys = vec![AkeyFetch { akey: marker_key(), what: FetchWhat::Single, conditions: Conditions::NONE }];
    let (container, object, dkey, conditions) = (MARKERS, marker_object(), marker_key(), Conditions::NONE);
    let request =
        FetchRequest { container, object, epoch: Epoch::MAX, dkey, akeys: akeys.into(), size_only: false, conditions };
    match &store.fetch(request).await.expect("readable").akeys[0] {
        Fetched::Single { data, .. } => u64::from_le_bytes(*data.first_chunk().expect("eight bytes")),
        _ => 0,
    }
}

/// Does it to the store; a change comes with its number.
pub async fn carry_out(store: &Rc<Store>, action: &Action, number: u64, generator: &Generator) -> Result<()> {
    match action {
        Action::Plain(history::Action::Change(operations)) => {
            let mut operations = copy_of(operations, true);
            operations.push(marker(number));
            store.apply(operations).await
        }
        Action::Plain(action) => history::carry_out(store, action.copy(), generator).await.1,
        Action::Prepare(transaction, epoch, operations) => {
            let (transaction, epoch, operations) = (*transaction, *epoch, copy_of(operations, true));
            let request =
                TransactionRequest { transaction, epoch, container: CONTAINER, operations, reads: Vec::new() };
            store.prepare(request).await
        }
        Action::Commit(transaction, epoch) => store.commit(*transaction, *epoch).await,
        Action::Abort(transaction, epoch) => store.abort(*transaction, *epoch).await,
        Action::Scrub => scrub(store).await,
    }
}

/// Verifies everything that is stored; nothing is damaged.
async fn scrub(store: &Store) -> Result<()> {
    let mut scrub = Scrub::new(None);
    while store.scrub_step(&mut scrub, ScrubLimits { entries: 50, bytes: 100_000 }).await? {}
    match scrub.progress().errors {
        0 => Ok(()),
        errors => Err(Status::new(daos_status::Code::Csum, format!("{errors} values are damaged"))),
    }
}

pub fn name_of(action: &Action) -> String {
    match action {
        Action::Plain(history::Action::Change(operations)) => format!("{operations:?}"),
        Action::Plain(history::Action::Aggregate(up_to)) => format!("aggregate up to {up_to}"),
        Action::Plain(history::Action::Discard(only, epochs)) => format!("discard {only:?} {epochs:?}"),
        Action::Plain(history::Action::Pin(epoch)) => format!("pin {epoch}"),
        Action::Plain(history::Action::Unpin(epoch)) => format!("unpin {epoch}"),
        Action::Plain(history::Action::RollBack(epoch)) => format!("roll back to {epoch}"),
        Action::Prepare(transaction, epoch, operations) => format!("prepare {transaction} {epoch:?} {operations:?}"),
        Action::Commit(transaction, epoch) => format!("commit {transaction} {epoch:?}"),
        Action::Abort(transaction, epoch) => format!("abort {transaction} {epoch:?}"),
        Action::Scrub => "scrub".into(),
    }
}

impl history::Action {
    /// The same action.
    pub fn copy(&self) -> history::Action {
        match self {
            history::Action::Change(operations) => history::Action::Change(copy_of(operations, true)),
            history::Action::Aggregate(up_to) => history::Action::Aggregate(*up_to),
            history::Action::Discard(only, epochs) => history::Action::Discard(*only, epochs.clone()),
            history::Action::Pin(epoch) => history::Action::Pin(*epoch),
            history::Action::Unpin(epoch) => history::Action::Unpin(*epoch),
            history::Action::RollBack(epoch) => history::Action::RollBack(*epoch),
        }
    }
}
