//! A replica as it runs: the core's decisions, carried out on an executor.
//!
//! Two tasks: one lets the core decide whenever something happened or time has come, the other does what the core wants of
//! storage, one thing after the other. Everything else is short calls.

mod tasks;
mod waiting;

pub use waiting::ProposalError;

use crate::core::{Core, CoreSettings, Refusal};
use crate::store::ReplicaStore;
use daos_env::sync::{Signal, oneshot};
use daos_env::{Env, Spawner};
use daos_status::{Code, Result, Status, fail};
use daos_wire::replicated::{LogIndex, Membership, ReplicaId, ReplicaMessage, RowChange, Term};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tasks::StorageWork;
use waiting::Waiting;

/// The most bytes of rows in one proposal: an entry goes in one message, and is kept in memory.
pub const PROPOSAL_BYTES_MAX: usize = 1 << 20;

/// How messages reach other replicas. They may be lost, doubled and come in any order.
pub trait Link {
    /// Sends a message; does not wait. `address` is what the members say, and may be empty.
    fn send(&self, to: ReplicaId, address: &str, message: Vec<u8>);
}

/// What a replica is started with.
pub struct ReplicaParts {
    /// Clock and random numbers.
    pub env: Env,
    /// Of the executor that runs it.
    pub spawner: Spawner,
    /// What it stores.
    pub store: ReplicaStore,
    /// How it reaches others.
    pub link: Rc<dyn Link>,
    /// Times and bounds; the group is the store's.
    pub settings: CoreSettings,
}

/// Who leads, as far as a replica knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leadership {
    /// The newest term.
    pub term: Term,
    /// Who leads in it.
    pub leader: Option<ReplicaId>,
    /// Where the leader is reached; empty when that is not known.
    pub address: String,
    /// This replica leads, and knows all that was ever committed.
    pub leads: bool,
}

/// What waits for what.
struct Inner {
    env: Env,
    spawner: Spawner,
    core: RefCell<Core>,
    store: ReplicaStore,
    link: Rc<dyn Link>,
    waiting: RefCell<Waiting>,
    leadership: RefCell<Leadership>,
    election_timeout: Duration,
    /// Why storage refused the last change.
    trouble: RefCell<Option<Status>>,
    /// Leadership, members, what is applied, or what storage says changed.
    changed: Signal,
    /// Something happened that the core has not decided about.
    is_due: Cell<bool>,
    due: Signal,
    work: RefCell<VecDeque<StorageWork>>,
    has_work: Signal,
    is_stopped: Cell<bool>,
    /// Tasks that have not ended yet.
    tasks: Cell<usize>,
}

/// One replica. Clones are the same one.
#[derive(Clone)]
pub struct Replica(Rc<Inner>);

impl Replica {
    /// Starts a replica on what its store has. The only member of a group leads before this returns.
    pub async fn start(parts: ReplicaParts) -> Result<Replica> {
        let ReplicaParts { env, spawner, store, link, settings } = parts;
        let (state, entries) = store.load().await?;
        let settings = CoreSettings { group: store.group(), ..settings };
        let election_timeout = settings.election_timeout;
        let now = env.clock.monotonic();
        let core = Core::new(store.id(), settings, env.random.clone(), now, state, entries);
        let is_alone = core.is_alone();
        let leadership = Leadership { term: Term(0), leader: None, address: String::new(), leads: false };
        let inner = Rc::new(Inner {
            env,
            spawner,
            core: RefCell::new(core),
            store,
            link,
            waiting: RefCell::default(),
            leadership: RefCell::new(leadership),
            election_timeout,
            trouble: RefCell::default(),
            changed: Signal::new(),
            is_due: Cell::new(true),
            due: Signal::new(),
            work: RefCell::default(),
            has_work: Signal::new(),
            is_stopped: Cell::new(false),
            tasks: Cell::new(0),
        });
        tasks::start(&inner);
        let replica = Replica(inner);
        if is_alone {
            replica.wait_to_lead_alone().await?;
        }
        Ok(replica)
    }

    /// Nobody else can lead: the first entry is all that is missing.
    async fn wait_to_lead_alone(&self) -> Result<()> {
        let inner = &self.0;
        let failure = || inner.core.borrow().storage_failure().cloned();
        inner.changed.wait_until(|| inner.leadership.borrow().leads || failure().is_some()).await;
        match failure() {
            Some(status) if !inner.leadership.borrow().leads => {
                self.end_tasks().await;
                Err(status.while_doing("storing the system's metadata"))
            }
            _ => Ok(()),
        }
    }

    /// Which replica it is.
    pub fn id(&self) -> ReplicaId {
        self.0.core.borrow().id()
    }

    /// Who leads.
    pub fn leadership(&self) -> Leadership {
        self.0.leadership.borrow().clone()
    }

    /// Waits until leadership is not what was seen.
    pub async fn leadership_changed(&self, seen: &Leadership) -> Leadership {
        let inner = &self.0;
        inner.changed.wait_until(|| *inner.leadership.borrow() != *seen || inner.is_stopped.get()).await;
        self.leadership()
    }

    /// Why storage refused the last change, until it takes one.
    pub fn trouble(&self) -> Option<Status> {
        self.0.trouble.borrow().clone()
    }

    /// Waits until storage says something else than what was seen.
    pub async fn trouble_changed(&self, seen: &Option<Status>) -> Option<Status> {
        let inner = &self.0;
        inner.changed.wait_until(|| *inner.trouble.borrow() != *seen || inner.is_stopped.get()).await;
        self.trouble()
    }

    /// The members, as far as the replica knows.
    pub fn membership(&self) -> Membership {
        self.0.core.borrow().membership().clone()
    }

    /// Whether the replica has ended.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped.get()
    }

    /// Changes rows, all or none, if the replica leads in `term`. The change has its place among all changes when the future
    /// is first polled; it is durable on a majority when it returns.
    pub async fn propose(&self, term: Term, rows: Vec<RowChange>) -> Result<LogIndex, ProposalError> {
        let inner = &self.0;
        check_rows(&rows).map_err(ProposalError::Failed)?;
        inner.check_runs()?;
        let place = inner.core.borrow_mut().propose(term, rows).map_err(|refusal| inner.refused(refusal))?;
        let (sender, receiver) = oneshot();
        inner.waiting.borrow_mut().proposals.insert(place, sender);
        inner.wake();
        receiver.await.unwrap_or(Err(ProposalError::Overtaken))
    }

    /// Waits until it is certain that the replica still led in `term` after this call began: what is applied then, and not
    /// older, may be answered.
    pub async fn read_barrier(&self, term: Term) -> Result<(), ProposalError> {
        let inner = &self.0;
        inner.check_runs()?;
        if inner.leadership.borrow().term != term {
            return Err(inner.refused(Refusal::NotLeader));
        }
        let name = inner.waiting.borrow_mut().next_read();
        inner.core.borrow_mut().read(name).map_err(|refusal| inner.refused(refusal))?;
        let (sender, receiver) = oneshot();
        inner.waiting.borrow_mut().reads.insert(name, sender);
        inner.wake();
        receiver.await.unwrap_or_else(|| Err(inner.refused(Refusal::NotLeader)))
    }

    /// All rows as of a moment after this call began, in the order of their keys, if the replica leads. For a new leader: what
    /// comes later is what it proposes itself.
    pub async fn rows(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ProposalError> {
        let inner = &self.0;
        let Leadership { term, leads, .. } = self.leadership();
        if !leads {
            return Err(inner.refused(Refusal::NotLeader));
        }
        let commit = inner.core.borrow().commit_index();
        inner.core.borrow_mut().apply_soon();
        inner.wake();
        let is_over = || inner.is_stopped.get() || inner.leadership.borrow().term != term;
        inner.changed.wait_until(|| inner.core.borrow().applied_index() >= commit || is_over()).await;
        if is_over() {
            return Err(inner.refused(Refusal::NotLeader));
        }
        let (sender, receiver) = oneshot();
        inner.add_work(StorageWork::AllRows(sender));
        let rows = receiver.await.unwrap_or_else(|| Err(Code::Shutdown.into()));
        rows.map_err(ProposalError::Failed)
    }

    /// Lets the group have these members, and waits until it has. New ones are brought up to date before they count; those
    /// that go count until the others do.
    pub async fn change_members(&self, wanted: Membership) -> Result<(), ProposalError> {
        let inner = &self.0;
        inner.check_runs()?;
        let term = self.leadership().term;
        inner.core.borrow_mut().want_members(wanted.clone()).map_err(|refusal| inner.refused(refusal))?;
        inner.wake();
        let mut wanted = wanted;
        wanted.members.sort_by_key(|member| member.id);
        let is_reached = || {
            let core = inner.core.borrow();
            *core.membership() == wanted && core.is_membership_committed()
        };
        // Over as well when somebody wants other members meanwhile.
        let is_wanted = || inner.core.borrow().wanted_members() == Some(&wanted);
        let is_over = || inner.is_stopped.get() || inner.leadership.borrow().term != term || !is_wanted();
        inner.changed.wait_until(|| is_reached() || is_over()).await;
        if is_reached() { Ok(()) } else { Err(ProposalError::Overtaken) }
    }

    /// Lets another replica lead: the one that is nearest, unless one is named. For a leader that is about to stop.
    pub async fn transfer(&self, to: Option<ReplicaId>) -> Result<(), ProposalError> {
        let inner = &self.0;
        inner.check_runs()?;
        let seen = self.leadership();
        inner.core.borrow_mut().transfer(to).map_err(|refusal| inner.refused(refusal))?;
        inner.wake();
        let handed = inner.changed.wait_until(|| inner.leadership.borrow().term > seen.term || inner.is_stopped.get());
        match inner.spawner.timeout(2 * inner.election_timeout, handed).await {
            Some(()) => Ok(()),
            None => Err(ProposalError::Failed(Status::new(Code::Timedout, "no other replica took over"))),
        }
    }

    /// A message of another replica came. Its bytes are hostile.
    pub fn receive(&self, bytes: &[u8]) -> Result<()> {
        self.deliver(ReplicaMessage::from_bytes(bytes)?)
    }

    /// As [`Replica::receive`], for a message that was read.
    pub fn deliver(&self, message: ReplicaMessage) -> Result<()> {
        let inner = &self.0;
        inner.check_runs().map_err(ProposalError::into_status)?;
        let now = inner.env.clock.monotonic();
        inner.core.borrow_mut().receive(now, message);
        inner.wake();
        Ok(())
    }

    /// The number of the group.
    pub fn group(&self) -> u64 {
        self.0.store.group()
    }

    /// Ends the replica and closes its store. A leader that is not alone hands over first.
    pub async fn stop(&self) -> Result<()> {
        if self.leadership().leads {
            // Whether somebody takes over or not, this one ends.
            let _handed_over = self.transfer(None).await;
        }
        self.end_tasks().await;
        self.0.store.close().await
    }

    async fn end_tasks(&self) {
        let inner = &self.0;
        inner.is_stopped.set(true);
        inner.waiting.borrow_mut().fail_all();
        inner.due.wake_all();
        inner.has_work.wake_all();
        inner.changed.wake_all();
        inner.changed.wait_until(|| inner.tasks.get() == 0).await;
    }
}

impl Inner {
    fn check_runs(&self) -> Result<(), ProposalError> {
        if self.is_stopped.get() {
            return Err(ProposalError::Failed(Status::new(
                Code::Shutdown,
                "this replica of the system's metadata ended",
            )));
        }
        Ok(())
    }

    fn refused(&self, refusal: Refusal) -> ProposalError {
        match refusal {
            Refusal::NotLeader => ProposalError::NotLeader(self.leadership.borrow().clone()),
            Refusal::Busy => ProposalError::Busy,
            Refusal::Invalid => ProposalError::Failed(Status::new(Code::Inval, "no group can have these members")),
        }
    }
}

fn check_rows(rows: &[RowChange]) -> Result<()> {
    let bytes: usize = rows.iter().map(|row| row.key.len() + row.value.as_ref().map_or(0, Vec::len)).sum();
    if bytes > PROPOSAL_BYTES_MAX {
        fail!(Code::Overflow, "one change of {bytes} bytes of the system's metadata exceeds {PROPOSAL_BYTES_MAX}");
    }
    if let Some(row) = rows.iter().find(|row| row.key.len() > daos_types::KEY_LENGTH_MAX) {
        fail!(Code::KeyTooBig, "a key of {} bytes exceeds {}", row.key.len(), daos_types::KEY_LENGTH_MAX);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
