//! What open container handles allow, remembered.

use crate::TargetContext;
use daos_env::sync::Signal;
use daos_status::{Code, Result, Status, fail};
use daos_types::{ContainerId, Epoch, HandleId, PoolId};
use daos_wire::{HandleQuery, ObjectAddress};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

#[derive(Clone, Copy)]
struct Grant {
    pool: PoolId,
    container: ContainerId,
    read: bool,
    write: bool,
    /// The newest snapshot when it was granted, or a rollback: what is newer was read or written since.
    newest: Epoch,
}

/// A question to the pool service that is under way; others that want to know the same wait for its end.
#[derive(Default)]
struct Question {
    ended: Cell<bool>,
    /// The handle was revoked after the question was asked: a yes may be older than that.
    outdated: Cell<bool>,
    failure: RefCell<Option<Status>>,
    signal: Signal,
}

/// The grants of handles that were used lately.
pub(crate) struct Grants {
    context: Rc<dyn TargetContext>,
    bound: usize,
    known: RefCell<HashMap<HandleId, Grant>>,
    /// The known handles, oldest first; revoked ones stay here until their turn comes.
    order: RefCell<VecDeque<HandleId>>,
    questions: RefCell<HashMap<HandleId, Rc<Question>>>,
    /// [`TargetContext::standing`] when they were asked for.
    standing: Cell<u64>,
}

/// Ends a question, also when its task is dropped.
struct Asking<'a> {
    grants: &'a Grants,
    handle: HandleId,
    question: Rc<Question>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.grants.questions.borrow_mut().remove(&self.handle);
        self.question.ended.set(true);
        self.question.signal.wake_all();
    }
}

impl Grants {
    pub fn new(context: Rc<dyn TargetContext>, bound: usize) -> Grants {
        Grants {
            context,
            bound: bound.max(1),
            known: RefCell::default(),
            order: RefCell::default(),
            questions: RefCell::default(),
            standing: Cell::new(0),
        }
    }

    /// Accepts a request whose handle is open for its container, and for writing if it writes.
    pub async fn check(&self, address: &ObjectAddress, write: bool) -> Result<()> {
        self.checked(address, write).await.map(drop)
    }

    /// As [`Grants::check`], for a transaction of an epoch: one that is older than a rollback may have read what is gone.
    pub async fn check_transaction(&self, address: &ObjectAddress, write: bool, epoch: Epoch) -> Result<()> {
        let grant = self.checked(address, write).await?;
        if epoch <= grant.newest && epoch != Epoch::ZERO {
            fail!(Code::TxRestart, "a snapshot or a rollback is newer than the transaction; begin it again");
        }
        Ok(())
    }

    async fn checked(&self, address: &ObjectAddress, write: bool) -> Result<Grant> {
        let newest = self.context.map_version(address.pool);
        if address.map_version < newest {
            fail!(
                Code::Stale,
                "the caller has version {} of the map of pool {}, and {newest} is known here",
                address.map_version,
                address.pool
            );
        }
        self.check_standing()?;
        let grant = self.find(address).await?;
        if grant.pool != address.pool || grant.container != address.container {
            fail!(
                Code::NoHdl,
                "handle {} is not one of container {} of pool {}",
                address.handle,
                address.container,
                address.pool
            );
        }
        if write && !grant.write {
            fail!(Code::NoPerm, "container {} was opened read-only, or may not be written", address.container);
        }
        if !write && !grant.read {
            fail!(Code::NoPerm, "container {} may not be read by this handle", address.container);
        }
        Ok(grant)
    }

    /// Refuses to serve while the engine is cut off: nobody would say that a handle is closed. Afterwards all are asked for anew.
    fn check_standing(&self) -> Result<()> {
        let standing = self.context.standing();
        if self.standing.replace(standing) != standing {
            self.revoke(&[]);
        }
        if standing % 2 == 1 {
            fail!(
                Code::Unreach,
                "the engine is cut off from most of the system, and may not know which handles are closed; 'dmg system query' shows the \
                 ranks that are not"
            );
        }
        Ok(())
    }

    async fn find(&self, address: &ObjectAddress) -> Result<Grant> {
        let handle = address.handle;
        loop {
            if let Some(grant) = self.known.borrow().get(&handle) {
                return Ok(*grant);
            }
            let under_way = self.questions.borrow().get(&handle).cloned();
            let Some(question) = under_way else {
                if let Some(grant) = self.ask(address).await? {
                    return Ok(grant);
                }
                // Asked again: revocations are rare, and each round needs another one.
                continue;
            };
            question.signal.wait_until(|| question.ended.get()).await;
            if let Some(failure) = question.failure.borrow().as_ref() {
                return Err(failure.clone());
            }
        }
    }

    /// Asks the pool service; `None` when the handle was revoked meanwhile, so that the answer may be too old.
    async fn ask(&self, address: &ObjectAddress) -> Result<Option<Grant>> {
        let handle = address.handle;
        let question = Rc::new(Question::default());
        self.questions.borrow_mut().insert(handle, question.clone());
        let _asking = Asking { grants: self, handle, question: question.clone() };
        let query = HandleQuery { pool: address.pool, container: address.container, handle };
        match self.context.handle_grant(query).await {
            Ok(_) if question.outdated.get() => Ok(None),
            Ok(granted) => {
                let grant = Grant {
                    pool: address.pool,
                    container: address.container,
                    read: granted.read,
                    write: granted.write,
                    newest: granted.snapshot,
                };
                self.remember(handle, grant);
                Ok(Some(grant))
            }
            Err(failure) => {
                *question.failure.borrow_mut() = Some(failure.clone());
                Err(failure)
            }
        }
    }

    fn remember(&self, handle: HandleId, grant: Grant) {
        let (mut known, mut order) = (self.known.borrow_mut(), self.order.borrow_mut());
        if known.insert(handle, grant).is_none() {
            order.push_back(handle);
        }
        while known.len() > self.bound || order.len() > 2 * self.bound {
            let Some(oldest) = order.pop_front() else { return };
            known.remove(&oldest);
        }
    }

    /// Forgets handles, all if none is named.
    pub fn revoke(&self, handles: &[HandleId]) {
        if handles.is_empty() {
            self.known.borrow_mut().clear();
            self.order.borrow_mut().clear();
            self.questions.borrow().values().for_each(|question| question.outdated.set(true));
        }
        for handle in handles {
            self.known.borrow_mut().remove(handle);
            if let Some(question) = self.questions.borrow().get(handle) {
                question.outdated.set(true);
            }
        }
    }
}
