//! The store's half of two-phase commit: changes are prepared, and committed or aborted later, whatever happens in between.

use crate::aggregate::Patience;
use crate::change::{self, Looks, PlacedValue};
use crate::checksums::CHECKSUMS_HEADER;
use crate::commit::bytes_of;
use crate::conflicts::Attempt;
use crate::place::for_each_change;
use crate::prepared::ballast::{self, Present, Tail};
use crate::prepared::encoding::{self, Decoded};
use crate::prepared::intents::{Intent, Part};
use crate::prepared::record::Record;
use crate::prepared::{Prepared, PreparedTable};
use crate::snapshots::check_writable;
use crate::transact::{check_transaction, digest_of};
use crate::value_space::Placed;
use crate::{Operation, PreparedTransaction, Store, TransactionOutcome, TransactionRequest, UpdateValue};
use daos_media::{Lsn, Offset};
use daos_status::{Code, Result, fail};
use daos_types::{ContainerId, Epoch, TransactionId};

impl Store {
    /// Prepares the changes of a transaction: from now on they can be committed or aborted, also after a crash and when the store is full.
    ///
    /// Nothing of them shows. A read at the transaction's epoch or later that touches them gets [`Code::Inprogress`], as does a plain
    /// change of the same things at any epoch; older reads see what was there before. A transaction of a newer epoch that changes the
    /// same things gets [`Code::Inprogress`], one of an older epoch [`Code::TxRestart`]: whoever waits, waits for an older one, so that nobody
    /// waits in a circle. Of arrays, records that are not changed stop nobody.
    ///
    /// Prepared again with the same content, a transaction is answered as the first time.
    ///
    /// # Errors
    /// As [`Store::transact`]; [`Code::Inprogress`] and [`Code::TxRestart`] when another transaction is in the way;
    /// [`Code::TxIdReused`] when it is prepared or done with another content or epoch; [`Code::OpCanceled`] when this attempt was aborted;
    /// [`Code::Busy`] when too many are prepared.
    pub async fn prepare(&self, request: TransactionRequest) -> Result<()> {
        self.counted(|_| {}, self.prepare_changes(request)).await
    }

    /// Makes the changes of a prepared transaction; durable when it returns. Doing so again is fine.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when no such attempt is known: it was never prepared here, or was committed or aborted before the last 1024
    /// that ended here. Whoever decides to commit after all have prepared may take it as done. [`Code::OpCanceled`] when it was aborted.
    pub async fn commit(&self, transaction: TransactionId, epoch: Epoch) -> Result<()> {
        self.counted(|_| {}, self.end(transaction, epoch, TransactionOutcome::Committed)).await
    }

    /// Drops the changes of a prepared transaction; durable when it returns. Doing so again is fine. It works when the store is full.
    ///
    /// # Errors
    /// [`Code::Nonexist`] when no such attempt is known, see [`Store::commit`]: if it is still on its way to be prepared, it will be
    /// refused, as long as the abort is one of the last 1024 that ended here. [`Code::Notapplicable`] when it was committed.
    pub async fn abort(&self, transaction: TransactionId, epoch: Epoch) -> Result<()> {
        self.counted(|_| {}, self.end(transaction, epoch, TransactionOutcome::Aborted)).await
    }

    /// What is prepared, and neither committed nor aborted, in the order of the transactions' identifiers.
    pub async fn prepared_list(&self) -> Result<Vec<PreparedTransaction>> {
        self.counted(|_| {}, async {
            let list = self.prepared.list();
            self.wait_for(self.prepared.last()).await?;
            Ok(list)
        })
        .await
    }

    /// The epoch at which a transaction was committed, if it is one of the last 1024 that ended at this target.
    pub async fn transaction_epoch(&self, transaction: TransactionId) -> Result<Option<Epoch>> {
        self.counted(|_| {}, async {
            let known = self.prepared.outcomes.of(transaction);
            self.wait_for(self.prepared.last()).await?;
            let committed = known.filter(|known| known.outcome == TransactionOutcome::Committed);
            Ok(committed.map(|known| Epoch(known.epoch)))
        })
        .await
    }

    /// What became of an attempt of a transaction, if it is one of the last 1024 that were committed or aborted at this target.
    pub async fn transaction_outcome(
        &self,
        transaction: TransactionId,
        epoch: Epoch,
    ) -> Result<Option<TransactionOutcome>> {
        self.counted(|_| {}, async {
            let known = self.prepared.outcomes.of(transaction).filter(|known| known.epoch == epoch.0);
            self.wait_for(self.prepared.last()).await?;
            Ok(known.map(|known| known.outcome))
        })
        .await
    }

    /// The epoch of the oldest prepared change of a container. Versions from there on have to stay as they are.
    pub fn lowest_prepared_epoch(&self, container: ContainerId) -> Option<Epoch> {
        let prepared = self.prepared.list().into_iter().filter(|prepared| prepared.container == container);
        prepared.map(|prepared| prepared.epoch).min()
    }

    /// Whether a transaction is done, and nothing is left to do for one that asks for this outcome.
    pub(crate) fn is_done(&self, attempt: Attempt, wanted: TransactionOutcome) -> Result<bool> {
        let Attempt { transaction, epoch } = attempt;
        match self.prepared.outcomes.of(transaction).filter(|known| known.epoch == epoch) {
            None => Ok(false),
            Some(known) if known.outcome == wanted => Ok(true),
            Some(known) => match known.outcome {
                TransactionOutcome::Committed => {
                    fail!(Code::Notapplicable, "transaction {transaction} of epoch {epoch} was committed")
                }
                TransactionOutcome::Aborted => {
                    fail!(Code::OpCanceled, "transaction {transaction} of epoch {epoch} was aborted")
                }
            },
        }
    }

    async fn prepare_changes(&self, mut request: TransactionRequest) -> Result<()> {
        let attempt = check_transaction(&request)?;
        // From here on, aggregation stays below it.
        let _under_way = self.aggregation.demand.begin(request.epoch.0);
        self.check_operations(&request.operations)?;
        let digest = digest_of(&request);
        if self.is_answered(attempt, digest).await? {
            return Ok(());
        }
        self.note_reads(request.container, &request.reads, attempt)?;
        // Before anything is written to the data device for nothing.
        self.admit(&request.operations, Some(attempt))?;
        let mut patience = Patience::default();
        let placed = self.place(&mut request.operations, &mut patience).await?;
        let mut looks = Looks::default();
        let lsn = loop {
            self.durable.admission().await?;
            if self.is_answered(attempt, digest).await? {
                return Ok(());
            }
            match self.with_looks(&mut looks, || self.try_prepare(&request, &placed, attempt, digest)) {
                Err(status) if status.code() == Code::Nospace && self.wait_for_space(&mut patience).await => {}
                Err(_) if let Some(pause) = self.pause.take() => {
                    self.resume(*pause, &mut looks, &request.operations).await?
                }
                Err(status) => {
                    self.wait_for_operations(&request.operations).await?;
                    return Err(status);
                }
                Ok(lsn) => break lsn,
            }
        };
        placed.into_iter().flatten().for_each(PlacedValue::keep);
        self.durable.wait_durable(lsn).await
    }

    /// Whether this was prepared before, or done. An attempt that was aborted may be followed by one of another epoch.
    async fn is_answered(&self, attempt: Attempt, digest: u64) -> Result<bool> {
        let Attempt { transaction, epoch } = attempt;
        let prepared = self.prepared.get_any(transaction);
        let done = self.prepared.outcomes.of(transaction);
        let is_reused = match (prepared, done) {
            (Some(prepared), _) => prepared.epoch != epoch || prepared.digest != digest,
            (None, Some(done)) => done.epoch != epoch && done.outcome == TransactionOutcome::Committed,
            (None, None) => return Ok(false),
        };
        let answer = if is_reused {
            fail!(
                Code::TxIdReused,
                "transaction {transaction} is prepared or committed already, with another epoch or other changes"
            );
        } else {
            prepared.is_some() || self.is_done(attempt, TransactionOutcome::Committed)?
        };
        self.wait_for(self.prepared.last()).await?;
        Ok(answer)
    }

    fn try_prepare(
        &self,
        request: &TransactionRequest,
        placed: &[Vec<PlacedValue>],
        attempt: Attempt,
        digest: u64,
    ) -> Result<Lsn> {
        let Attempt { transaction: id, epoch } = attempt;
        let arena = self.durable.arena();
        self.pause.take();
        self.prepared.check_room(id)?;
        self.container(arena, request.container)?;
        self.admit(&request.operations, Some(attempt))?;
        self.note_conditions(&request.operations, Some(attempt));
        self.rehearse(&request.operations, placed)?;
        let operations = encoding::encode(&request.operations, placed);
        let (epoch_of_record, container) = (request.epoch, request.container);
        let mut record =
            Record { transaction: id, epoch: epoch_of_record, container, digest, operations, kept: Vec::new() };
        let (lsn, link) = self.write_record(&mut record, request, placed)?;
        self.prepared.note(id, Prepared { epoch, container, digest, link });
        self.add_intents(&request.operations, attempt)?;
        self.newest.set(self.newest.get().max(epoch));
        self.prepared.note_commit(lsn);
        request.operations.iter().try_for_each(|operation| self.mark(operation, lsn))?;
        Ok(lsn)
    }

    /// Does everything that a commit will do, and takes it back: so it is known that it can be done.
    fn rehearse(&self, operations: &[Operation], placed: &[Vec<PlacedValue>]) -> Result<()> {
        let mut transaction = self.durable.arena().begin();
        self.apply_operations(&mut transaction, operations, placed, true).map(|_| ())
    }

    fn write_record(
        &self,
        record: &mut Record,
        request: &TransactionRequest,
        placed: &[Vec<PlacedValue>],
    ) -> Result<(Lsn, u32)> {
        let words = self.settings_of(request.container)?.checksum.length().div_ceil(8);
        let tail = |operation: usize, akey: usize, piece: usize| {
            let on_device =
                placed.get(operation).and_then(|values| values.iter().find(|value| value.is_at(akey, piece)));
            tail_of(on_device.map(PlacedValue::placed), &request.operations[operation], (akey, piece), words)
        };
        let mut transaction = self.durable.arena().begin();
        self.prepared.make_room(&mut transaction, &self.superblock)?;
        for value in placed.iter().flatten() {
            self.values.publish(&mut transaction, value.placed())?;
        }
        let container = self.container(self.durable.arena(), request.container)?;
        let present = Present { arena: self.durable.arena(), container };
        for (size, count) in ballast::sizes_of(&request.operations, &present, tail)? {
            for _ in 0..count {
                record.kept.push((transaction.allocate(size)?, size));
            }
        }
        let link = PreparedTable::insert(&mut transaction, &self.superblock, record)?;
        self.superblock.note_epoch(&mut transaction, record.epoch.0)?;
        let lsn = self.durable.commit(transaction)?;
        Ok((lsn, link))
    }

    fn add_intents(&self, operations: &[Operation], attempt: Attempt) -> Result<()> {
        let intent = Intent { transaction: attempt.transaction, epoch: attempt.epoch };
        operations.iter().try_for_each(|operation| {
            for_each_change(operation, |named| {
                self.prepared.intents.add(&named.place, &Part::of(named.value), intent);
                Ok(())
            })
        })
    }

    fn remove_intents(&self, operations: &[Operation], id: TransactionId) -> Result<()> {
        operations.iter().try_for_each(|operation| {
            for_each_change(operation, |named| {
                self.prepared.intents.remove(&named.place, id);
                Ok(())
            })
        })
    }

    async fn end(&self, transaction: TransactionId, epoch: Epoch, outcome: TransactionOutcome) -> Result<()> {
        let attempt = Attempt { transaction, epoch: epoch.0 };
        self.durable.admission().await?;
        let prepared = self.prepared.get(transaction).filter(|prepared| prepared.epoch == epoch.0);
        let Some(prepared) = prepared else {
            let is_done = self.is_done(attempt, outcome);
            if outcome == TransactionOutcome::Aborted && matches!(is_done, Ok(false)) {
                self.refuse_later(attempt)?;
            }
            self.wait_for(self.prepared.last()).await?;
            if is_done? {
                return Ok(());
            }
            fail!(Code::Nonexist, "transaction {transaction} of epoch {} is not prepared at this target", epoch.0);
        };
        let lsn = match outcome {
            TransactionOutcome::Committed => self.commit_prepared(attempt, &prepared)?,
            TransactionOutcome::Aborted => self.drop_prepared(attempt, &prepared, true)?,
        };
        self.durable.wait_durable(lsn).await
    }

    /// Remembers an abort that has overtaken what it is to abort.
    fn refuse_later(&self, attempt: Attempt) -> Result<()> {
        let (id, epoch, outcome) = (attempt.transaction, attempt.epoch, TransactionOutcome::Aborted);
        let mut transaction = self.durable.arena().begin_privileged();
        self.prepared.make_room(&mut transaction, &self.superblock)?;
        self.prepared.write_outcome(&mut transaction, &self.superblock, id, epoch, outcome)?;
        let lsn = self.durable.commit(transaction)?;
        self.prepared.outcomes.note(id, epoch, outcome);
        self.prepared.note_commit(lsn);
        Ok(())
    }

    fn load_prepared(&self, prepared: &Prepared) -> Result<(Decoded, Vec<(Offset, usize)>)> {
        let record = Record::load(self.durable.arena(), prepared.link)?;
        let decoded = encoding::decode(&record.operations, record.container, record.epoch, &self.values)?;
        Ok((decoded, record.kept))
    }

    fn commit_prepared(&self, attempt: Attempt, prepared: &Prepared) -> Result<Lsn> {
        let (id, epoch, outcome) = (attempt.transaction, attempt.epoch, TransactionOutcome::Committed);
        let arena = self.durable.arena();
        let (Decoded { operations, placed }, kept) = self.load_prepared(prepared)?;
        let mut transaction = arena.begin_privileged();
        kept.into_iter().try_for_each(|(offset, size)| transaction.reuse(offset, size))?;
        let newest = self
            .apply_operations(&mut transaction, &operations, &placed, true)
            .map_err(|status| status.while_doing(format!("committing transaction {id}")))?;
        PreparedTable::remove(&mut transaction, &self.superblock, id, prepared.link)?;
        self.prepared.write_outcome(&mut transaction, &self.superblock, id, epoch, outcome)?;
        let lsn = self.durable.commit(transaction)?;
        self.newest.set(self.newest.get().max(newest));
        self.prepared.forget(id);
        self.watches.note_changes(&operations);
        self.note_end(attempt, &operations, Some(outcome), lsn)?;
        let bytes = operations.iter().map(bytes_of).sum::<u64>();
        let on_device: usize = placed.iter().flatten().map(|value| value.placed().length).sum();
        self.count_changes_of(&operations, bytes + on_device as u64);
        Ok(lsn)
    }

    /// Drops a prepared change: nothing is allocated for it. One of a destroyed container is nobody's any more and leaves no outcome.
    fn drop_prepared(&self, attempt: Attempt, prepared: &Prepared, is_remembered: bool) -> Result<Lsn> {
        let (id, epoch, outcome) = (attempt.transaction, attempt.epoch, TransactionOutcome::Aborted);
        let arena = self.durable.arena();
        let (Decoded { operations, placed }, kept) = self.load_prepared(prepared)?;
        let mut transaction = arena.begin_privileged();
        kept.into_iter().try_for_each(|(offset, size)| transaction.free(offset, size))?;
        for value in placed.iter().flatten() {
            self.values.release(&mut transaction, value.placed())?;
        }
        PreparedTable::remove(&mut transaction, &self.superblock, id, prepared.link)?;
        if is_remembered {
            self.prepared.write_outcome(&mut transaction, &self.superblock, id, epoch, outcome)?;
        }
        let lsn = self.durable.commit(transaction)?;
        self.prepared.forget_doomed(id);
        self.note_end(attempt, &operations, is_remembered.then_some(outcome), lsn)?;
        Ok(lsn)
    }

    fn note_end(
        &self,
        attempt: Attempt,
        operations: &[Operation],
        outcome: Option<TransactionOutcome>,
        lsn: Lsn,
    ) -> Result<()> {
        if let Some(outcome) = outcome {
            self.prepared.outcomes.note(attempt.transaction, attempt.epoch, outcome);
        }
        self.prepared.note_commit(lsn);
        self.remove_intents(operations, attempt.transaction)?;
        // Who sees what was there before, after an abort, depends on it as well.
        operations.iter().try_for_each(|operation| self.mark(operation, lsn))
    }

    /// Takes up what was prepared when the store was last open.
    pub(crate) fn load_all_prepared(&self) -> Result<()> {
        let arena = self.durable.arena();
        for (link, record) in self.prepared.load(arena, &self.superblock)? {
            let (id, container) = (record.transaction, record.container);
            let decoded = encoding::decode(&record.operations, container, record.epoch, &self.values)?;
            self.prepared.note(id, Prepared { epoch: record.epoch.0, container, digest: record.digest, link });
            if self.container(arena, container).is_ok() {
                self.add_intents(&decoded.operations, Attempt { transaction: id, epoch: record.epoch.0 })?;
            } else {
                self.prepared.doom_one(id);
            }
        }
        Ok(())
    }

    /// A container was destroyed: what was prepared for it is not there any more, and is freed by [`Store::drop_doomed`].
    pub(crate) fn doom_prepared(&self, container: ContainerId) -> Result<()> {
        for id in self.prepared.doom(container) {
            if let Some(prepared) = self.prepared.get_any(id) {
                let (decoded, _) = self.load_prepared(&prepared)?;
                self.remove_intents(&decoded.operations, id)?;
            }
        }
        Ok(())
    }

    /// Frees one prepared change of a destroyed container; `false` when there is none.
    pub(crate) fn drop_doomed(&self) -> Result<bool> {
        let Some(id) = self.prepared.next_doomed() else { return Ok(false) };
        let Some(prepared) = self.prepared.get_any(id) else { return Ok(false) };
        self.drop_prepared(Attempt { transaction: id, epoch: prepared.epoch }, &prepared, false)?;
        Ok(true)
    }

    /// Checks what can be checked without looking at what is there.
    pub(crate) fn check_operations(&self, operations: &[Operation]) -> Result<()> {
        let arena = self.durable.arena();
        operations.iter().try_for_each(|operation| match operation {
            Operation::Update(update) => {
                change::check_update(update)?;
                // Before anything is written to the data device for nothing.
                let container = self.container(arena, update.container)?;
                check_writable(arena, &container, update.epoch.0)
            }
            Operation::Punch(punch) => change::check_epoch(punch.epoch),
        })
    }
}

/// What a piece of a value will need; its checksum is one of so many words.
fn tail_of(placed: Option<&Placed>, operation: &Operation, (akey, piece): (usize, usize), words: usize) -> Tail {
    let apart = |words: usize| if words > 1 { CHECKSUMS_HEADER + words * 8 } else { 0 };
    if let Some(placed) = placed {
        return Tail { bytes: placed.ranges.len() * 8, apart: apart(placed.checksums.words.len()) };
    }
    let Operation::Update(update) = operation else { return Tail { bytes: 0, apart: 0 } };
    let bytes = match &update.akeys[akey].value {
        UpdateValue::Single(data) => data.len(),
        UpdateValue::Array { pieces, .. } => pieces[piece].1.len(),
        UpdateValue::PunchExtents(_) => 0,
    };
    Tail { bytes, apart: apart(words) }
}
