//! The two tasks of a replica.

use super::{Inner, Leadership};
use crate::core::{Command, StoreChange, StoreInstall};
use daos_env::sync::Sender;
use daos_status::{Result, Status};
use daos_wire::replicated::ReplicaId;
use std::rc::Rc;

/// Rows with their values.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// What storage has to do.
pub(super) enum StorageWork {
    Change(StoreChange),
    Install(StoreInstall),
    Read { reader: ReplicaId, attempt: u64, from_start: bool },
    AllRows(Sender<Result<Rows>>),
}

/// Counts a task as long as it runs.
struct Running(Rc<Inner>);

impl Running {
    fn new(inner: &Rc<Inner>) -> Running {
        inner.tasks.set(inner.tasks.get() + 1);
        Running(inner.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.tasks.set(self.0.tasks.get() - 1);
        self.0.changed.wake_all();
    }
}

pub(super) fn start(inner: &Rc<Inner>) {
    let running = Running::new(inner);
    inner.spawner.spawn(async move { decide(&running.0).await });
    let running = Running::new(inner);
    inner.spawner.spawn(async move { store(&running.0).await });
}

/// Lets the core decide, whenever something happened or time has come. What happened at once is decided at once, so that
/// proposals share one write and one message.
async fn decide(inner: &Inner) {
    while !inner.is_stopped.get() {
        inner.is_due.set(false);
        inner.pump();
        let deadline = inner.core.borrow().next_deadline();
        let event = inner.due.wait_until(|| inner.is_due.get() || inner.is_stopped.get());
        match deadline {
            Some(deadline) => {
                let wait = deadline.saturating_sub(inner.env.clock.monotonic());
                let _event_or_time = inner.spawner.timeout(wait, event).await;
            }
            None => event.await,
        }
    }
}

/// Does what the core wants of storage, one thing after the other.
async fn store(inner: &Inner) {
    loop {
        inner.has_work.wait_until(|| inner.is_stopped.get() || !inner.work.borrow().is_empty()).await;
        if inner.is_stopped.get() {
            inner.work.borrow_mut().clear();
            return;
        }
        let work = inner.work.borrow_mut().pop_front();
        match work {
            Some(StorageWork::Change(change)) => inner.stored(inner.store.change(&change).await),
            Some(StorageWork::Install(install)) => inner.stored(inner.store.install(&install).await),
            Some(StorageWork::Read { reader, attempt, from_start }) => {
                let result = inner.store.read_rows(reader, from_start).await;
                inner.core.borrow_mut().rows_read(reader, attempt, result);
                inner.wake();
            }
            Some(StorageWork::AllRows(sender)) => sender.send(inner.store.rows().await),
            None => {}
        }
    }
}

impl Inner {
    /// Something happened that the core has to decide about.
    pub(super) fn wake(&self) {
        self.is_due.set(true);
        self.due.wake_all();
    }

    /// Gives storage something to do. The core has one thing under way, and a part to read for each replica.
    pub(super) fn add_work(&self, work: StorageWork) {
        self.work.borrow_mut().push_back(work);
        self.has_work.wake_all();
    }

    fn stored(&self, result: Result<()>) {
        self.note_trouble(result.as_ref().err());
        let now = self.env.clock.monotonic();
        self.core.borrow_mut().stored(now, result);
        // Decided here and now: who waits for the change waits for nothing else.
        self.pump();
        self.wake();
    }

    /// Says when storage begins to refuse, and when it ends: it is tried again and again meanwhile.
    fn note_trouble(&self, trouble: Option<&Status>) {
        let before = self.trouble.replace(trouble.cloned());
        match (trouble, before) {
            (Some(status), before) if before.as_ref() != Some(status) => {
                daos_env::log!(Error, "system", "the system's metadata cannot be stored here: {status}");
            }
            (None, Some(_)) => daos_env::log!(Info, "system", "the system's metadata can be stored here again"),
            _ => {}
        }
    }

    fn pump(&self) {
        let now = self.env.clock.monotonic();
        let commands = self.core.borrow_mut().advance(now);
        for command in commands {
            match command {
                Command::Send { address, message } => self.link.send(message.to, &address, message.to_bytes()),
                Command::Store(change) => self.add_work(StorageWork::Change(change)),
                Command::Install(install) => self.add_work(StorageWork::Install(install)),
                Command::ReadRows { reader, attempt, from_start } => {
                    self.add_work(StorageWork::Read { reader, attempt, from_start });
                }
                Command::Committed(entries) => {
                    let mut waiting = self.waiting.borrow_mut();
                    entries.iter().for_each(|entry| waiting.committed(entry.index));
                }
                Command::Dropped { from, status } => self.waiting.borrow_mut().dropped(from, &status),
                Command::Deposed => self.waiting.borrow_mut().fail_all(),
                Command::ReadReady(name) => self.waiting.borrow_mut().read_ready(name),
            }
        }
        self.note_leadership();
        self.changed.wake_all();
    }

    fn note_leadership(&self) {
        let core = self.core.borrow();
        let now = core.leadership();
        let known = self.leadership.borrow();
        if (known.term, known.leader, known.leads) == (now.term, now.leader, now.leads) {
            return;
        }
        drop(known);
        let members = &core.membership().members;
        let address = members.iter().find(|member| Some(member.id) == now.leader).map(|member| member.address.clone());
        let next =
            Leadership { term: now.term, leader: now.leader, address: address.unwrap_or_default(), leads: now.leads };
        if next.leads || next.leader.is_some_and(|leader| leader != core.id()) {
            let leader = next.leader.map_or(0, ReplicaId::rank);
            daos_env::log!(Info, "system", "rank {leader} leads the system's metadata in term {}", next.term);
        }
        self.leadership.replace(next);
    }
}
