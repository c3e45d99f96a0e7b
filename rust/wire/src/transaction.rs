//! Requests of transactions, sent to the targets that they touch.
//!
//! A transaction has one epoch. What it reads it reads at that epoch, and a target remembers that it did; what it writes its client
//! keeps, and sends as one request when it is committed.

use crate::codec::Blob;
use crate::macros::{wire_enums, wire_structs};
use crate::object::{AkeyUpdate, ObjectAddress, Payload, PunchKind};
use daos_types::{Epoch, Key, ObjectId, TransactionId};

/// The most changes of one transaction.
pub const TRANSACTION_OPERATIONS_MAX: usize = 1 << 16;

wire_structs! {
    /// A read of a transaction: it counts as read at the epoch, and what the transaction itself writes is not in its way.
    TransactionRead {
        /// That of the request.
        address: ObjectAddress,
        /// The transaction.
        transaction: TransactionId,
        /// Its epoch, in place of that of the request.
        epoch: Epoch,
        /// `Fetch`, `ListKeys`, `ListExtents` or `QueryKey`.
        opcode: u16,
        /// The request; its version of the pool map is that of the address here.
        request: Blob,
    }
    /// Makes all changes of a transaction, or none. They concern one target. Sent again under the same name, it is answered as the first
    /// time.
    TransactionCommit {
        /// The container; no object is named here.
        address: ObjectAddress,
        /// The transaction; one that begins again has another name.
        transaction: TransactionId,
        /// Its epoch; zero for the next one of the target, when nothing was read.
        epoch: Epoch,
        /// The changes, in their order.
        operations: Vec<TransactionOperation>,
        /// The values of all changes, one behind the other.
        payload: Payload,
    }
    /// One change of a transaction.
    TransactionOperation {
        /// The object.
        object: ObjectId,
        /// What is done.
        change: TransactionChange,
    }
}

wire_enums! {
    /// What is done in a transaction.
    TransactionChange {
        /// Values of akeys of a dkey.
        Update((Key, Vec<AkeyUpdate>)) = 0,
        /// A punch.
        Punch(PunchKind) = 1,
    }
}
