//! What the handles of a durable arena and its background tasks share.

use super::Lsn;
use crate::arena::Arena;
use crate::device::BlockDevice;
use crate::transaction::Transaction;
use daos_env::sync::Signal;
use daos_status::{Result, Status};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

type Callback = Box<dyn FnOnce()>;

pub(super) struct Shared {
    pub arena: Arena,
    pub data: Rc<dyn BlockDevice>,
    pub committed: Cell<Lsn>,
    pub durable: Cell<Lsn>,
    /// Data was written since the data device was last synced.
    pub data_written: Cell<bool>,
    /// Why nothing can be changed any more.
    failure: RefCell<Option<Status>>,
    callbacks: RefCell<BTreeMap<Lsn, Vec<Callback>>>,
    /// Woken when anything here changed for the better or the worse.
    pub changed: Signal,
}

impl Shared {
    pub fn new(arena: Arena, data: Rc<dyn BlockDevice>) -> Shared {
        Shared {
            arena,
            data,
            committed: Cell::default(),
            durable: Cell::default(),
            data_written: Cell::new(false),
            failure: RefCell::default(),
            callbacks: RefCell::default(),
            changed: Signal::new(),
        }
    }

    pub fn check(&self) -> Result<()> {
        match &*self.failure.borrow() {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    pub fn commit(&self, transaction: Transaction<'_>) -> Result<Lsn> {
        assert!(std::ptr::eq(transaction.arena(), &self.arena), "a transaction is committed to its own arena");
        self.check()?;
        let redo = transaction.commit();
        if redo.is_empty() {
            return Ok(self.committed.get());
        }
        let lsn = Lsn(self.committed.get().0 + 1);
        self.committed.set(lsn);
        self.set_durable(lsn);
        Ok(lsn)
    }

    pub fn set_durable(&self, lsn: Lsn) {
        self.durable.set(lsn);
        let mut callbacks = self.callbacks.borrow_mut();
        let due = if callbacks.is_empty() {
            BTreeMap::new()
        } else {
            let later = callbacks.split_off(&Lsn(lsn.0 + 1));
            std::mem::replace(&mut *callbacks, later)
        };
        drop(callbacks);
        due.into_values().flatten().for_each(|callback| callback());
        self.changed.wake_all();
    }

    pub fn on_durable(&self, lsn: Lsn, callback: Callback) {
        if lsn <= self.durable.get() {
            return callback();
        }
        self.callbacks.borrow_mut().entry(lsn).or_default().push(callback);
    }

    pub async fn wait_durable(&self, lsn: Lsn) -> Result<()> {
        self.changed.wait_until(|| self.durable.get() >= lsn || self.failure.borrow().is_some()).await;
        if self.durable.get() >= lsn { Ok(()) } else { self.check() }
    }
}
