//! What is known about a store: what must be there, what is prepared, and what was under way when it ended.

use crate::actions::{Action, carry_out, copy_of, name_of, read_number, set_epoch};
use crate::compare::{compare, compare_at};
use crate::generate::{CONTAINER, EPOCHS, Generator};
use crate::history::{self, History, is_as_expected};
use daos_status::{Code, Result};
use daos_store::{Operation, Store};
use daos_types::{Epoch, TransactionId};
use std::rc::Rc;

/// Transactions that are prepared at once.
const PREPARED_MAX: usize = 3;

struct Prepared {
    transaction: TransactionId,
    epoch: Epoch,
    operations: Vec<Operation>,
}

#[derive(Default)]
pub struct Known {
    pub history: History,
    prepared: Vec<Prepared>,
    transactions: u64,
    /// The number of the last change.
    number: u64,
    begun: Option<Action>,
    /// How often each thing was done: a run that never does something proves nothing about it.
    pub done: [u64; 4],
    /// What was free on the data device at first.
    pub empty: Option<u64>,
    /// A scrub counts what cannot be read as damaged.
    pub calls_fail: bool,
}

impl Known {
    fn lowest_prepared(&self) -> u64 {
        self.prepared.iter().map(|prepared| prepared.epoch.0).min().unwrap_or(u64::MAX)
    }

    fn choose(&mut self, store: &Store, generator: &mut Generator) -> Action {
        match generator.below(24) {
            0..=2 if self.prepared.len() < PREPARED_MAX => {
                self.transactions += 1;
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&self.transactions.to_le_bytes());
                // Newer than what was read, or it had to begin again.
                let epoch = Epoch(store.newest_epoch().0 + 1 + generator.below(3));
                let mut operations = self.history.operations(generator);
                set_epoch(&mut operations, epoch);
                Action::Prepare(TransactionId::from_bytes(bytes), epoch, operations)
            }
            3..=6 if !self.prepared.is_empty() => {
                let Prepared { transaction, epoch, .. } = generator.pick(&self.prepared);
                match generator.one_in(3) {
                    true => Action::Abort(*transaction, *epoch),
                    false => Action::Commit(*transaction, *epoch),
                }
            }
            7 => Action::Scrub,
            8 => Action::Plain(history::Action::Aggregate(self.history.newest.max(1))),
            // What is prepared is in its way, and how much is done is noted in the container.
            _ => match self.history.choose(generator) {
                history::Action::RollBack(_) => Action::Scrub,
                plain => Action::Plain(plain),
            },
        }
    }

    /// Does an action to a history. Aggregation ends before what is prepared.
    fn apply(&self, history: &mut History, action: &history::Action) -> Result<(), Code> {
        match action {
            history::Action::Aggregate(up_to) => {
                history.apply(&history::Action::Aggregate(*up_to.min(&(self.lowest_prepared() - 1))))
            }
            action => history.apply(action),
        }
    }

    /// Notes that an action was done.
    fn settle(&mut self, action: Action) {
        self.done[match &action {
            Action::Plain(history::Action::Change(_)) => 0,
            Action::Plain(_) => 1,
            Action::Commit(..) => 2,
            _ => 3,
        }] += 1;
        match action {
            Action::Plain(action) => {
                let mut next = self.history.clone();
                self.apply(&mut next, &action).expect("as expected before");
                self.history = next;
                self.number += u64::from(matches!(action, history::Action::Change(_)));
            }
            Action::Prepare(transaction, epoch, operations) => {
                self.prepared.push(Prepared { transaction, epoch, operations });
            }
            Action::Commit(transaction, _) => {
                let prepared = self.take(transaction);
                let changes = history::Action::Change(copy_of(&prepared.operations, false));
                self.history.apply(&changes).expect("it was prepared");
            }
            Action::Abort(transaction, _) => drop(self.take(transaction)),
            Action::Scrub => {}
        }
    }

    fn take(&mut self, transaction: TransactionId) -> Prepared {
        let at = self.prepared.iter().position(|prepared| prepared.transaction == transaction).expect("prepared");
        self.prepared.remove(at)
    }

    /// What an action gives when nothing that is prepared is in its way.
    fn expected(&self, action: &Action) -> Result<(), Code> {
        match action {
            Action::Plain(action) => self.apply(&mut self.history.clone(), action),
            Action::Prepare(_, _, operations) => {
                self.history.clone().apply(&history::Action::Change(copy_of(operations, true)))
            }
            _ => Ok(()),
        }
    }

    /// Does one thing. An error is one of the devices: then nobody knows whether it was done.
    pub async fn act(&mut self, store: &Rc<Store>, generator: &mut Generator) -> Result<()> {
        let action = self.choose(store, generator);
        let (expected, text) = (self.expected(&action), name_of(&action));
        self.begun = Some(action);
        let action = self.begun.as_ref().expect("just begun");
        match carry_out(store, action, self.number + 1, generator).await {
            Ok(()) => {
                assert_eq!(expected, Ok(()), "done: {text}");
                let action = self.begun.take().expect("just begun");
                self.settle(action);
            }
            Err(status) => {
                let is_in_the_way = matches!(status.code(), Code::Inprogress | Code::TxRestart);
                let may_wait = !self.prepared.is_empty() || matches!(action, Action::Prepare(..));
                let cannot_read = self.calls_fail && matches!(action, Action::Scrub);
                let is_as_expected = is_as_expected(Err(status.code()), expected);
                if is_as_expected || (is_in_the_way && may_wait) || cannot_read {
                    self.begun = None;
                } else if matches!(status.code(), Code::Io | Code::Nospace | Code::Shutdown) {
                    return Err(status);
                } else {
                    panic!("{status}, not {expected:?}: {text}");
                }
            }
        }
        Ok(())
    }

    /// Compares everything with the model: below what is prepared, when something is.
    pub async fn compare(&self, store: &Store, generator: &Generator) {
        let pins = store.snapshot_list(CONTAINER).await.expect("list");
        assert_eq!(pins, self.history.pins.iter().copied().map(Epoch).collect::<Vec<_>>());
        assert_eq!(store.aggregated(CONTAINER).await.expect("there"), Epoch(self.history.aggregated));
        let mut found: Vec<_> = store.prepared_list().await.expect("list");
        found.sort_by_key(|prepared| prepared.transaction);
        let mut expected: Vec<_> =
            self.prepared.iter().map(|prepared| (prepared.transaction, prepared.epoch)).collect();
        expected.sort();
        let found: Vec<_> = found.into_iter().map(|prepared| (prepared.transaction, prepared.epoch)).collect();
        assert_eq!(found, expected, "what is prepared");
        if self.prepared.is_empty() {
            return compare(store, &self.history, generator).await;
        }
        let near = self.history.aggregated + generator.below(EPOCHS);
        for epoch in self.history.pins.iter().copied().chain([self.history.aggregated, near]) {
            if epoch < self.lowest_prepared() && self.history.is_readable(epoch) {
                compare_at(store, &self.history, epoch, generator).await;
            }
        }
    }

    /// Finds out what became of the action that was under way when the store ended.
    pub async fn find_out(&mut self, store: &Rc<Store>) {
        let Some(action) = self.begun.take() else { return };
        let is_prepared = async |transaction: &TransactionId| {
            let list = store.prepared_list().await.expect("list");
            list.iter().any(|prepared| prepared.transaction == *transaction)
        };
        let is_done = match &action {
            Action::Plain(history::Action::Change(_)) => read_number(store).await > self.number,
            Action::Plain(plain @ history::Action::Aggregate(_)) => {
                let mut next = self.history.clone();
                self.apply(&mut next, plain).expect("always");
                store.aggregated(CONTAINER).await.expect("there").0 == next.aggregated
            }
            Action::Plain(history::Action::Pin(epoch)) => {
                store.snapshot_list(CONTAINER).await.expect("list").contains(&Epoch(*epoch))
            }
            Action::Plain(history::Action::Unpin(epoch)) => {
                !store.snapshot_list(CONTAINER).await.expect("list").contains(&Epoch(*epoch))
            }
            // Some of it is done: it is done again.
            Action::Plain(history::Action::Discard(only, epochs)) => {
                store
                    .discard(CONTAINER, *only, Epoch(*epochs.start())..=Epoch(*epochs.end()))
                    .await
                    .expect("discarded");
                true
            }
            Action::Prepare(transaction, ..) => is_prepared(transaction).await,
            Action::Commit(transaction, _) | Action::Abort(transaction, _) => !is_prepared(transaction).await,
            Action::Plain(history::Action::RollBack(_)) | Action::Scrub => false,
        };
        let is_possible = self.expected(&action).is_ok();
        assert!(
            is_possible || !is_done || matches!(action, Action::Plain(history::Action::Discard(..))),
            "refused, and done"
        );
        if is_done && is_possible {
            self.settle(action);
        }
    }
}
