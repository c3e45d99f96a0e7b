//! Transactions of one target: many changes at one epoch, all or none, in the order of the epochs of all transactions.

use crate::conflicts::Attempt;
use crate::{Operation, PunchRequest, Store, TransactionRequest, UpdateRequest};
use daos_status::{Code, Result, fail};
use daos_types::Epoch;

/// Operations of one transaction at one target.
const OPERATIONS_MAX: usize = 1 << 16;

impl Store {
    /// Makes the changes of a transaction that concerns no other target, all or none; durable when it returns.
    ///
    /// # Errors
    /// [`Code::TxRestart`] when it comes too late: what it changes was read at a later epoch (or at its own, by another one), or what a
    /// condition looks at was changed since. Begin again at a newer epoch, from the first read on.
    pub async fn transact(&self, request: TransactionRequest) -> Result<()> {
        self.counted(|_| {}, self.make_transaction(request)).await
    }

    async fn make_transaction(&self, mut request: TransactionRequest) -> Result<()> {
        let attempt = check_transaction(&request)?;
        self.note_reads(request.container, &request.reads, attempt)?;
        self.change(&mut request.operations, Some(attempt)).await
    }
}

/// Checks what can be checked without looking at the store.
pub(crate) fn check_transaction(request: &TransactionRequest) -> Result<Attempt> {
    let (transaction, epoch) = (request.transaction, request.epoch);
    if epoch == Epoch::ZERO || epoch == Epoch::MAX {
        fail!(Code::Inval, "transaction {transaction}: nothing can be written at epoch {}", epoch.0);
    }
    if request.operations.len() > OPERATIONS_MAX {
        let count = request.operations.len();
        fail!(
            Code::Overflow,
            "transaction {transaction} has {count} operations at one target: at most {OPERATIONS_MAX}"
        );
    }
    for operation in &request.operations {
        let (Operation::Update(UpdateRequest { container, epoch: at, .. })
        | Operation::Punch(PunchRequest { container, epoch: at, .. })) = operation;
        if *at != epoch || *container != request.container {
            let (at, epoch) = (at.0, epoch.0);
            fail!(
                Code::Inval,
                "transaction {transaction} is one of epoch {epoch} and container {}, and has an operation of epoch {at} and container \
                 {container}",
                request.container
            );
        }
    }
    Ok(Attempt { transaction, epoch: epoch.0 })
}
