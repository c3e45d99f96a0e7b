//! Changes of the service's state, made durable many at a time.
//!
//! A decision counts for the decisions after it at once, and is answered when its rows are durable. Rows of decisions that
//! come while others are being stored are stored together. When storing fails, everything that was decided since is given up,
//! and the state is read anew: memory is never ahead of what is stored for longer than a storing takes.

use crate::locks::KeyedLocks;
use daos_pool_service::{Decision, PoolService, Row};
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

/// What a row log does.
pub(crate) type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// Where rows go: a store of this engine, or one that is replicated.
pub(crate) trait RowLog {
    /// Stores rows, all or none; they are durable when it returns. One call at a time.
    ///
    /// # Errors
    /// Nobody knows whether the rows are stored; [`RowLog::load`] tells.
    fn store<'a>(&'a self, rows: &'a [Row]) -> Doing<'a, ()>;

    /// The service that the stored rows make.
    fn load(&self) -> Doing<'_, PoolService>;

    /// The ranks that keep the rows, the one that leads first.
    fn replicas(&self) -> Vec<Rank>;

    /// The term in which this engine leads: greater than that of anybody before.
    fn term(&self) -> u64;

    /// Waits until it is certain that nobody else has stored anything since the call.
    fn confirm(&self) -> Doing<'_, ()>;

    /// Lets another engine lead, and waits until it does.
    ///
    /// # Errors
    /// No other keeps the rows, or none took over; this one may lead all the same.
    fn hand_over(&self) -> Doing<'_, ()>;
}

/// Rows after which the next decision begins another batch: a batch fits the log of its store many times.
const BATCH_ROWS: usize = 512;
/// Bytes after which it does.
const BATCH_BYTES: usize = 256 << 10;

/// Decisions that are stored together.
#[derive(Default)]
struct Batch {
    rows: RefCell<Vec<Row>>,
    bytes: Cell<usize>,
    result: RefCell<Option<Result<()>>>,
}

impl Batch {
    fn end(&self, result: Result<()>) {
        *self.result.borrow_mut() = Some(result);
    }
}

/// The state of the service, and its way to storage.
pub(crate) struct Journal {
    state: RefCell<PoolService>,
    log: Box<dyn RowLog>,
    /// Batches that are not being stored yet, oldest first.
    waiting: RefCell<VecDeque<Rc<Batch>>>,
    /// Held while a batch is stored.
    storing: KeyedLocks<()>,
}

impl Journal {
    /// A journal over the rows that are stored.
    pub async fn open(log: Box<dyn RowLog>) -> Result<Journal> {
        let state = RefCell::new(log.load().await?);
        Ok(Journal { state, log, waiting: RefCell::default(), storing: KeyedLocks::default() })
    }

    /// The state, with what is decided and not durable yet: see [`Journal::settle`].
    pub fn state(&self) -> Ref<'_, PoolService> {
        self.state.borrow()
    }

    /// The state, to note in it what is not stored.
    pub fn state_mut(&self) -> RefMut<'_, PoolService> {
        self.state.borrow_mut()
    }

    /// The ranks that keep the rows, the one that leads first.
    pub fn replicas(&self) -> Vec<Rank> {
        self.log.replicas()
    }

    /// The term in which this engine leads.
    pub fn term(&self) -> u64 {
        self.log.term()
    }

    /// Lets another engine lead.
    pub async fn hand_over(&self) -> Result<()> {
        self.log.hand_over().await
    }

    /// Decides, and waits until the decision is durable. The inner error is a refusal: nothing was changed. The outer one says
    /// that the rows could not be stored; the next start may find them nevertheless.
    pub async fn change<T>(&self, decide: impl FnOnce(&PoolService) -> Result<Decision<T>>) -> Result<Result<T>> {
        let decided = decide(&self.state.borrow());
        let (rows, reply) = match decided {
            Ok(Decision { rows, reply }) => (rows, Ok(reply)),
            Err(refusal) => (Vec::new(), Err(refusal)),
        };
        if rows.is_empty() {
            // An answer that depends on what is not durable yet must not come before it.
            self.settle().await?;
            return Ok(reply);
        }
        let batch = self.enlist(rows)?;
        self.wait(&batch).await?;
        Ok(reply)
    }

    /// Applies rows, and puts them into a batch.
    fn enlist(&self, rows: Vec<Row>) -> Result<Rc<Batch>> {
        let mut waiting = self.waiting.borrow_mut();
        let is_full = |batch: &Rc<Batch>| batch.rows.borrow().len() >= BATCH_ROWS || batch.bytes.get() >= BATCH_BYTES;
        let batch = match waiting.back().filter(|batch| !is_full(batch)) {
            Some(batch) => batch.clone(),
            None => {
                waiting.push_back(Rc::default());
                waiting.back().cloned().unwrap_or_default()
            }
        };
        let mut state = self.state.borrow_mut();
        for row in rows {
            state.apply(&row)?;
            batch.bytes.set(batch.bytes.get() + row.value.as_ref().map_or(0, Vec::len));
            batch.rows.borrow_mut().push(row);
        }
        Ok(batch)
    }

    async fn wait(&self, batch: &Rc<Batch>) -> Result<()> {
        let _guard = self.storing.lock(()).await;
        loop {
            if let Some(result) = batch.result.borrow().as_ref() {
                return result.clone();
            }
            let next = self.waiting.borrow_mut().pop_front();
            match next {
                Some(next) => self.store(&next).await,
                None => fail!(Code::Canceled, "the change was given up while it was stored"),
            }
        }
    }

    async fn store(&self, batch: &Batch) {
        let rows = batch.rows.take();
        let result = self.log.store(&rows).await;
        if let Err(status) = &result {
            self.give_up(status).await;
        }
        batch.end(result);
    }

    /// Takes back what was decided and is not stored.
    async fn give_up(&self, why: &Status) {
        let loaded = self.log.load().await;
        let lost = std::mem::take(&mut *self.waiting.borrow_mut());
        lost.iter().for_each(|batch| batch.end(Err(why.clone())));
        match loaded {
            Ok(mut state) => {
                let mut known = self.state.borrow_mut();
                state.keep_presence(&mut known);
                *known = state;
            }
            // Storing has ended for good, and with it the engine's use: what is read stays as it is.
            Err(status) => daos_env::log!(Error, "pool", "the system's metadata cannot be read again: {status}"),
        }
    }

    /// Waits until everything that is decided is durable, or given up.
    pub async fn settle(&self) -> Result<()> {
        let last = self.waiting.borrow().back().cloned();
        match last {
            Some(batch) => self.wait(&batch).await?,
            None => drop(self.storing.lock(()).await),
        }
        self.log.confirm().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_env::sync::join_all;
    use daos_env::{Executor, SystemClock};
    use daos_pool_service::{Caller, SpaceOffer};
    use daos_security::Credentials;
    use daos_types::{HolderId, PoolId, TargetIndex};
    use daos_wire::{NewAccess, PoolCreate};
    use std::sync::Arc;
    use std::time::Duration;

    /// A log in memory that can be told to fail.
    #[derive(Clone, Default)]
    struct MemoryLog(Rc<MemoryRows>);

    #[derive(Default)]
    struct MemoryRows {
        rows: RefCell<Vec<Row>>,
        calls: Cell<usize>,
        fails: Cell<bool>,
    }

    impl RowLog for MemoryLog {
        fn store<'a>(&'a self, rows: &'a [Row]) -> Doing<'a, ()> {
            Box::pin(async move {
                self.0.calls.set(self.0.calls.get() + 1);
                let mut yielded = false;
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut yielded, true) {
                        std::task::Poll::Ready(())
                    } else {
                        std::task::Poll::Pending
                    }
                })
                .await;
                if self.0.fails.get() {
                    fail!(Code::Io, "the disk is gone");
                }
                self.0.rows.borrow_mut().extend_from_slice(rows);
                Ok(())
            })
        }

        fn load(&self) -> Doing<'_, PoolService> {
            Box::pin(async move {
                let mut service = PoolService::new();
                self.0.rows.borrow().iter().try_for_each(|row| service.apply(row))?;
                Ok(service)
            })
        }

        fn replicas(&self) -> Vec<Rank> {
            vec![Rank(0)]
        }

        fn term(&self) -> u64 {
            1
        }

        fn confirm(&self) -> Doing<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn hand_over(&self) -> Doing<'_, ()> {
            Box::pin(async { fail!(Code::Nonexist, "nobody else keeps the rows") })
        }
    }

    fn create(state: &PoolService, number: u8) -> Result<Decision<()>> {
        let caller = Caller { holder: HolderId::default(), credentials: Credentials::default(), is_admin: true };
        let (id, label) = (PoolId::from_bytes([number; 16]), format!("p{number}"));
        let (durability, access) = (String::new(), NewAccess::by_default());
        let request = PoolCreate {
            id,
            label,
            size: 1 << 30,
            durability,
            access,
            numbers: vec![],
            ranks: vec![],
            rank_count: 0,
            replicas: 0,
        };
        let offer = SpaceOffer { storage: 1 << 40, memory: 1 << 40 };
        let decision = state.begin_pool_create(&request, vec![(Rank(0), TargetIndex(0))], &offer, &caller)?;
        Ok(Decision { rows: decision.rows, reply: () })
    }

    fn run<F: Future<Output = ()> + 'static>(test: impl FnOnce(MemoryLog, Rc<Journal>) -> F + 'static) {
        let executor = Executor::new(Arc::new(SystemClock), Duration::ZERO).expect("eventfd");
        let done = executor.block_on(async move {
            let log = MemoryLog::default();
            let journal = Rc::new(Journal::open(Box::new(log.clone())).await.expect("opens"));
            test(log, journal).await;
        });
        assert_eq!(done, Some(()));
    }

    #[test]
    fn decisions_that_come_together_are_stored_together() {
        run(|log, journal| async move {
            let results = join_all((0..50).map(|number| journal.change(move |state| create(state, number)))).await;
            assert!(results.iter().all(|result| matches!(result, Ok(Ok(())))));
            assert_eq!(journal.state().pool_ids().len(), 50);
            assert!(log.0.calls.get() <= 3, "{}", log.0.calls.get());
            let again = journal.change(|state| create(state, 7)).await.expect("stored");
            assert!(again.is_ok(), "the same pool again changes nothing");
            assert_eq!(log.load().await.expect("loads").pool_ids().len(), 50);
        });
    }

    #[test]
    fn a_failure_takes_back_what_was_decided_since() {
        run(|log, journal| async move {
            journal.change(|state| create(state, 1)).await.expect("stored").expect("new");
            log.0.fails.set(true);
            let results = join_all((2..5).map(|number| journal.change(move |state| create(state, number)))).await;
            assert!(results.iter().all(|result| matches!(result, Err(status) if status.code() == Code::Io)));
            assert_eq!(journal.state().pool_ids(), [PoolId::from_bytes([1; 16])]);
            log.0.fails.set(false);
            journal.change(|state| create(state, 2)).await.expect("stored").expect("the label is free");
        });
    }

    #[test]
    fn what_is_read_waits_for_what_it_depends_on() {
        run(|log, journal| async move {
            let reader = async {
                // Runs when the change is decided and not stored.
                assert_eq!(journal.state().pool_ids().len(), 1);
                assert!(log.0.rows.borrow().is_empty());
                journal.settle().await.expect("stored");
                assert!(!log.0.rows.borrow().is_empty());
            };
            let change = async {
                journal.change(|state| create(state, 1)).await.expect("stored").expect("new");
            };
            let both: Vec<Pin<Box<dyn Future<Output = ()>>>> = vec![Box::pin(change), Box::pin(reader)];
            join_all(both).await;
        });
    }
}
