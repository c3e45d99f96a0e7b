//! Transactions of one target: many changes at one epoch, all or none, in the order of the epochs of all transactions.

use crate::commit::Origin;
use crate::conflicts::Attempt;
use crate::recent::MIX;
use crate::{Operation, PunchRequest, Store, TransactionOutcome, TransactionRequest, UpdateRequest, UpdateValue};
use daos_checksum::crc64;
use daos_media::{Lsn, Transaction};
use daos_status::{Code, Result, fail};
use daos_types::Epoch;

/// Operations of one transaction at one target.
const OPERATIONS_MAX: usize = 1 << 16;

impl Store {
    /// Makes the changes of a transaction that concerns no other target, all or none; durable when it returns.
    ///
    /// The same transaction made again at the same epoch is answered as the first time, while it is one of the last 1024.
    ///
    /// # Errors
    /// [`Code::Inprogress`] and [`Code::TxRestart`] when a prepared transaction is in the way, see [`Store::prepare`].
    /// [`Code::TxRestart`] when it comes too late: what it changes was read at a later epoch (or at its own, by another one), or what a
    /// condition looks at was changed since. Begin again at a newer epoch, from the first read on.
    pub async fn transact(&self, request: TransactionRequest) -> Result<()> {
        self.counted(|_| {}, self.make_transaction(request)).await
    }

    async fn make_transaction(&self, mut request: TransactionRequest) -> Result<()> {
        let attempt = check_transaction(&request)?;
        if self.is_done(attempt, TransactionOutcome::Committed)? {
            return self.wait_for(self.prepared.last()).await;
        }
        self.note_reads(request.container, &request.reads, attempt)?;
        self.change(&mut request.operations, Origin::Attempt(attempt)).await.map(|_| ())
    }

    /// Writes down that a transaction was committed.
    #[inline]
    pub(crate) fn write_committed(&self, transaction: &mut Transaction<'_>, attempt: Attempt) -> Result<()> {
        let Attempt { transaction: id, epoch } = attempt;
        self.prepared.make_room(transaction, &self.superblock)?;
        self.prepared.write_outcome(transaction, &self.superblock, id, epoch, TransactionOutcome::Committed)
    }

    /// The transaction with [`Store::write_committed`] was committed.
    #[inline]
    pub(crate) fn note_committed(&self, attempt: Attempt, lsn: Lsn) {
        self.prepared.outcomes.note(attempt.transaction, attempt.epoch, TransactionOutcome::Committed);
        self.prepared.note_commit(lsn);
    }
}

/// A word that differs when the content of a request does.
pub(crate) fn digest_of(request: &TransactionRequest) -> u64 {
    let mut digest = Digest(request.operations.len() as u64);
    for operation in &request.operations {
        match operation {
            Operation::Update(update) => digest.update(update),
            Operation::Punch(punch) => {
                digest.text(&format!("{:?} {:?} {:?}", punch.object, punch.what, punch.conditions));
            }
        }
    }
    digest.text(&format!("{:?}", request.reads));
    digest.0
}

struct Digest(u64);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 = (self.0.rotate_left(29) ^ crc64(bytes) ^ bytes.len() as u64).wrapping_mul(MIX);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn update(&mut self, update: &UpdateRequest) {
        self.text(&format!("{:?} {:?} {:?}", update.object, update.dkey, update.conditions));
        for akey in &update.akeys {
            self.text(&format!("{:?} {:?}", akey.akey, akey.conditions));
            match &akey.value {
                UpdateValue::Single(data) => self.bytes(data),
                UpdateValue::Array { record_size, pieces } => {
                    self.text(&format!("{record_size} {}", pieces.len()));
                    for (extent, data) in pieces {
                        self.text(&format!("{extent:?}"));
                        self.bytes(data);
                    }
                }
                UpdateValue::PunchExtents(extents) => self.text(&format!("{extents:?}")),
            }
        }
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
