//! Changes as a whole: checks, values to the data device, one transaction, and waiting for the log.

use crate::aggregate::Patience;
use crate::change::{self, Change, Looks, Pause, PlacedValue};
use crate::changes::ChangeName;
use crate::conflicts::Attempt;
use crate::key_order::order_of;
use crate::punch::{self, OwnEpoch, OwnWrites};
use crate::snapshots::check_writable;
use crate::{
    ChecksumKind, Operation, PunchRequest, PunchTarget, Store, TransactionOutcome, UpdateRequest, UpdateValue,
};
use daos_media::{Arena, Lsn, Transaction};
use daos_status::{Code, Result};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Where changes come from, which says how one that was made before is known.
#[derive(Clone, Copy)]
pub(crate) enum Origin {
    /// It is not known; the caller sees to it.
    Plain,
    /// They are all those of a transaction.
    Attempt(Attempt),
    /// A client has named them.
    Named(ChangeName),
}

impl Origin {
    fn attempt(self) -> Option<Attempt> {
        if let Origin::Attempt(attempt) = self { Some(attempt) } else { None }
    }
}

impl Store {
    /// Carries out changes, all or none; gives their epoch if they had been carried out before.
    pub(crate) async fn change(&self, operations: &mut [Operation], origin: Origin) -> Result<Option<Epoch>> {
        self.check_operations(operations)?;
        let bytes = operations.iter().map(bytes_of).sum();
        let oldest = operations.iter().map(Operation::epoch).min().unwrap_or(Epoch::MAX);
        let _under_way = self.aggregation.demand.begin(oldest.0);
        let mut patience = Patience::default();
        let placed = self.place(operations, &mut patience).await?;
        let mut looks = Looks::default();
        let lsn = loop {
            self.durable.admission().await?;
            if let Some(epoch) = self.made_at(origin)? {
                // The same request has come twice, and the other one was faster.
                self.wait_for(self.prepared.last().max(self.changes.last())).await?;
                return Ok(Some(epoch));
            }
            match self.with_looks(&mut looks, || self.try_change(operations, &placed, origin)) {
                Err(status) if status.code() == Code::Nospace && self.wait_for_space(&mut patience).await => {}
                Err(_) if let Some(pause) = self.pause.take() => self.resume(*pause, &mut looks, operations).await?,
                Err(status) => {
                    self.wait_for_operations(operations).await?;
                    return Err(status);
                }
                Ok(lsn) => break lsn,
            }
        };
        placed.into_iter().flatten().for_each(PlacedValue::keep);
        self.durable.wait_durable(lsn).await?;
        self.count_changes_of(operations, bytes);
        Ok(None)
    }

    /// As [`Store::change`], of changes that are not known if they come twice.
    pub(crate) async fn change_plainly(&self, operations: &mut [Operation]) -> Result<()> {
        self.change(operations, Origin::Plain).await.map(|_| ())
    }

    /// The epoch of changes that were made before.
    pub(crate) fn made_at(&self, origin: Origin) -> Result<Option<Epoch>> {
        match origin {
            Origin::Plain => Ok(None),
            Origin::Attempt(attempt) => {
                Ok(self.is_done(attempt, TransactionOutcome::Committed)?.then_some(Epoch(attempt.epoch)))
            }
            Origin::Named(name) => self.changes.made_at(self.durable.arena(), name),
        }
    }

    /// Does what a change had to be refused for.
    pub(crate) async fn resume(&self, pause: Pause, looks: &mut Looks, operations: &[Operation]) -> Result<()> {
        match pause {
            Pause::Unseal(sealed) => self.unseal(&sealed).await,
            Pause::Look => {
                self.look_on(looks, operations).await;
                Ok(())
            }
        }
    }

    /// Carries out changes that nothing needs to be waited for, as most are; `None` when this is not one, or is refused: then
    /// [`Store::change`] finds out what is to be done.
    pub(crate) fn change_now(&self, operations: &[Operation], origin: Origin) -> Option<Lsn> {
        if self.is_closed() || !self.durable.admits_now() || self.made_at(origin).ok()?.is_some() {
            return None;
        }
        for operation in operations {
            match operation {
                Operation::Update(update) if !change::has_large_values(update) => change::check_update(update).ok()?,
                Operation::Update(_) => return None,
                Operation::Punch(punch) => change::check_epoch(punch.epoch).ok()?,
            }
        }
        let result = self.try_change(operations, &[], origin);
        if result.is_err() {
            self.looks.take();
        }
        result.ok()
    }

    /// Waits until changes that were made are durable.
    pub(crate) async fn finish(&self, lsn: Lsn, operations: &[Operation]) -> Result<()> {
        self.durable.wait_durable(lsn).await?;
        self.count_changes(operations);
        Ok(())
    }

    #[inline]
    pub(crate) fn count_changes(&self, operations: &[Operation]) {
        self.count_changes_of(operations, operations.iter().map(bytes_of).sum());
    }

    pub(crate) fn count_changes_of(&self, operations: &[Operation], bytes: u64) {
        self.count(|statistics| {
            statistics.bytes_written += bytes;
            for operation in operations {
                match operation {
                    Operation::Update(_) => statistics.updates += 1,
                    Operation::Punch(_) => statistics.punches += 1,
                }
            }
        });
    }

    /// Writes large values to the data device; one list per operation.
    pub(crate) async fn place(
        &self,
        operations: &mut [Operation],
        patience: &mut Patience,
    ) -> Result<Vec<Vec<PlacedValue>>> {
        let mut placed = Vec::new();
        for (index, operation) in operations.iter_mut().enumerate() {
            let Operation::Update(update) = operation else { continue };
            if !change::has_large_values(update) {
                continue;
            }
            let checksums = self.settings_of(update.container)?.checksums();
            let values = change::place_values(self, update, checksums, patience).await?;
            if !values.is_empty() {
                placed.resize_with(index, Vec::new);
                placed.push(values);
            }
        }
        Ok(placed)
    }

    /// One transaction with everything in it.
    fn try_change(&self, operations: &[Operation], placed: &[Vec<PlacedValue>], origin: Origin) -> Result<Lsn> {
        let (arena, attempt) = (self.durable.arena(), origin.attempt());
        self.pause.take();
        self.admit(operations, attempt)?;
        self.note_conditions(operations, attempt);
        let is_privileged = self.makes_only_known_punches(arena, operations)?;
        let mut transaction = if is_privileged { arena.begin_privileged() } else { arena.begin() };
        let newest = self.apply_operations(&mut transaction, operations, placed, attempt.is_some())?;
        self.write_made(&mut transaction, origin, newest)?;
        let lsn = self.durable.commit(transaction)?;
        self.newest.set(self.newest.get().max(newest));
        self.note_made(origin, newest, lsn);
        self.watches.note_changes(operations);
        if lsn > self.durable.durable() || self.aggregation.is_running() {
            operations.iter().try_for_each(|operation| self.mark(operation, lsn))?;
        } else {
            // No reader waits for it; but who aggregates must see that there is something new.
            operations.iter().for_each(|operation| self.recent.mark_container(container_of(operation), lsn));
        }
        Ok(lsn)
    }

    /// Makes changes within a transaction of the arena; gives the newest epoch. `is_attempt`: they are those of a transaction of the
    /// store, which are all of one epoch, of which nothing else is there.
    pub(crate) fn apply_operations(
        &self,
        transaction: &mut Transaction<'_>,
        operations: &[Operation],
        placed: &[Vec<PlacedValue>],
        is_attempt: bool,
    ) -> Result<u64> {
        let arena = self.durable.arena();
        let mut newest = 0;
        let mut change = Change {
            transaction,
            space: &self.values,
            kind: ChecksumKind::Off,
            ends: &self.ends,
            own_epoch: if is_attempt { OwnEpoch::Named(OwnWrites::default()) } else { self.own_epoch(false) },
            pause: &self.pause,
            looks: &self.looks,
            asked: Cell::new(0),
        };
        let has_punches = operations.iter().any(|operation| matches!(operation, Operation::Punch(_)));
        let mut updates_after = UpdatesAfter::default();
        if has_punches && !is_attempt {
            updates_after = UpdatesAfter::of(operations);
        }
        for (index, operation) in operations.iter().enumerate() {
            let epoch = match operation {
                Operation::Update(update) => {
                    updates_after.leave(update);
                    let mut container = self.container(arena, update.container)?;
                    check_writable(arena, &container, update.epoch.0)?;
                    change.kind = container.state()?.settings(arena)?.checksum;
                    let placed = placed.get(index).map_or(&[][..], |values| values);
                    change.update(&mut container, update, placed)?;
                    if has_punches && let OwnEpoch::Named(writes) = &mut change.own_epoch {
                        writes.note(update);
                    }
                    update.epoch
                }
                Operation::Punch(punch) => {
                    let mut container = self.container(arena, punch.container)?;
                    check_writable(arena, &container, punch.epoch.0)?;
                    if !is_attempt {
                        change.own_epoch = self.own_epoch(updates_after.has(punch));
                    }
                    change.punch(&mut container, punch)?;
                    punch.epoch
                }
            };
            newest = newest.max(epoch.0);
        }
        self.superblock.note_epoch(change.transaction, newest)?;
        Ok(newest)
    }

    /// How a plain punch finds what has its own epoch: what is written after it must not be hidden by it.
    fn own_epoch<'a>(&self, is_written_after: bool) -> OwnEpoch<'a> {
        if is_written_after { OwnEpoch::All } else { OwnEpoch::Few(self.punch_looks.get()) }
    }

    /// Writes down that changes were made.
    #[inline]
    fn write_made(&self, transaction: &mut Transaction<'_>, origin: Origin, epoch: u64) -> Result<()> {
        match origin {
            Origin::Plain => Ok(()),
            Origin::Attempt(attempt) => self.write_committed(transaction, attempt),
            Origin::Named(name) => self.changes.write(transaction, name, epoch),
        }
    }

    /// The transaction with [`Store::write_made`] was committed.
    #[inline]
    fn note_made(&self, origin: Origin, epoch: u64, lsn: Lsn) {
        match origin {
            Origin::Plain => {}
            Origin::Attempt(attempt) => self.note_committed(attempt, lsn),
            Origin::Named(name) => self.changes.note(name, epoch, lsn),
        }
    }

    fn makes_only_known_punches(&self, arena: &Arena, operations: &[Operation]) -> Result<bool> {
        for operation in operations {
            let Operation::Punch(request) = operation else { return Ok(false) };
            if !punch::is_known(arena, &self.container(arena, request.container)?, request)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Remembers what a commit touched.
    pub(crate) fn mark(&self, operation: &Operation, lsn: Lsn) -> Result<()> {
        match operation {
            Operation::Update(UpdateRequest { container, object, dkey, .. })
            | Operation::Punch(PunchRequest { container, object, what: PunchTarget::Akeys { dkey, .. }, .. }) => {
                self.mark_dkey(*container, *object, dkey, lsn)
            }
            Operation::Punch(PunchRequest { container, object, what: PunchTarget::Dkeys(dkeys), .. }) => {
                dkeys.iter().try_for_each(|dkey| self.mark_dkey(*container, *object, dkey, lsn))
            }
            Operation::Punch(PunchRequest { container, object, what: PunchTarget::Object, .. }) => {
                self.recent.mark_object(*container, *object, lsn);
                Ok(())
            }
        }
    }

    fn mark_dkey(&self, container: ContainerId, object: ObjectId, dkey: &Key, lsn: Lsn) -> Result<()> {
        let order = order_of(object.object_type().dkey_kind(), dkey)?;
        self.recent.mark_dkey(container, object, order, lsn);
        Ok(())
    }

    /// Waits until what a refused change may have seen is durable: a refusal is an answer, too.
    pub(crate) async fn wait_for_operations(&self, operations: &[Operation]) -> Result<()> {
        for operation in operations {
            let (Operation::Update(UpdateRequest { container, object, .. })
            | Operation::Punch(PunchRequest { container, object, .. })) = operation;
            self.wait_for(self.recent.of_object(*container, *object)).await?;
        }
        Ok(())
    }
}

/// The updates of a list that are still to come, by their objects and epochs, with their number.
#[derive(Default)]
struct UpdatesAfter(BTreeMap<(ContainerId, ObjectId, Epoch), usize>);

impl UpdatesAfter {
    fn of(operations: &[Operation]) -> UpdatesAfter {
        let mut counts = BTreeMap::new();
        for operation in operations {
            if let Operation::Update(UpdateRequest { container, object, epoch, .. }) = operation {
                *counts.entry((*container, *object, *epoch)).or_insert(0) += 1;
            }
        }
        UpdatesAfter(counts)
    }

    /// An update is made now.
    fn leave(&mut self, update: &UpdateRequest) {
        if let Some(count) = self.0.get_mut(&(update.container, update.object, update.epoch)) {
            *count -= 1;
        }
    }

    /// Whether one is to come that a punch must not hide.
    fn has(&self, punch: &PunchRequest) -> bool {
        self.0.get(&(punch.container, punch.object, punch.epoch)).is_some_and(|count| *count > 0)
    }
}

fn container_of(operation: &Operation) -> ContainerId {
    let (Operation::Update(UpdateRequest { container, .. }) | Operation::Punch(PunchRequest { container, .. })) =
        operation;
    *container
}

/// Bytes of values in an operation.
pub(crate) fn bytes_of(operation: &Operation) -> u64 {
    let Operation::Update(update) = operation else { return 0 };
    let bytes = update.akeys.iter().map(|update| match &update.value {
        UpdateValue::Single(data) => data.len() as u64,
        UpdateValue::Array { pieces, .. } => pieces.iter().map(|(_, data)| data.len() as u64).sum(),
        UpdateValue::PunchExtents(_) => 0,
    });
    bytes.sum()
}
