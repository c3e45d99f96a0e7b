//! Requests of transactions.

use crate::Operation;
use daos_types::{ContainerId, Epoch, Key, ObjectId, TransactionId};

/// The part of a transaction that concerns one target: what it changes here, at one epoch, in one container.
///
/// What the transaction reads at this target it reads by [`crate::Store::as_transaction`], at the same epoch.
#[derive(Debug)]
pub struct TransactionRequest {
    /// The transaction. One that was refused may come again under the same name, with a newer epoch.
    pub transaction: TransactionId,
    /// Its moment, which every operation has.
    pub epoch: Epoch,
    /// The container of every operation and read.
    pub container: ContainerId,
    /// The changes, in their order. Conditions see what those before them did.
    pub operations: Vec<Operation>,
    /// What else counts as read at the epoch: what was read at another copy of what this target holds.
    pub reads: Vec<TransactionRead>,
}

/// Something that a transaction has read elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionRead {
    /// Which objects there are in the container.
    Objects,
    /// Which dkeys an object has, or whether it exists.
    Object(ObjectId),
    /// Which akeys a dkey has, or whether it exists.
    Dkey(ObjectId, Key),
    /// The values of an akey.
    Akey(ObjectId, Key, Key),
}

/// What became of a transaction at a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionOutcome {
    /// Its changes were made.
    Committed,
    /// Its changes were dropped.
    Aborted,
}

/// A change that was prepared and neither committed nor aborted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PreparedTransaction {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The container that it changes.
    pub container: ContainerId,
}
