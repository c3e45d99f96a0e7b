//! Freeing destroyed containers, a bounded number of records per transaction.
//!
//! A container is marked as destroyed by one durable change of four bytes; from then on it is gone for everybody. What it holds is
//! freed afterwards, from the last entry of each tree backwards, so that the rest is whole after every transaction and nothing
//! needs to be remembered: whoever opens the store after a crash goes on.

use crate::array::Record;
use crate::key_order::fixed_probe;
use crate::level::{Children, Level, ValueKind};
use crate::pace::{Pace, Waiting};
use crate::tree::damaged;
use crate::value_space::ValueSpace;
use crate::visibility::Depth;
use crate::{Store, array, single};
use daos_env::sync::Signal;
use daos_media::{Arena, Transaction};
use daos_status::{Code, Result};
use daos_types::ContainerId;
use std::cell::Cell;
use std::rc::{Rc, Weak};

/// What a container's `extra` word says.
const DESTROYED: u32 = 1;

/// Whether a container was destroyed and is still being freed.
pub(crate) fn is_destroyed(container: &Level) -> bool {
    container.record_size() == DESTROYED
}

/// Marks a container as destroyed.
pub(crate) fn mark_destroyed(transaction: &mut Transaction<'_>, container: &mut Level) -> Result<()> {
    container.set_extra(transaction, DESTROYED)
}

/// The background work of a store.
#[derive(Default)]
pub(crate) struct Reclaim {
    /// A task is freeing containers.
    is_running: Cell<bool>,
    /// The record of the container that is being freed, or zero.
    current: Cell<u32>,
    /// Counts the steps, so that those who wait for space notice.
    steps: Cell<u64>,
    /// How many wait for what is freed: then nothing else is more urgent.
    waiting: Cell<usize>,
    changed: Signal,
}

impl Reclaim {
    pub(crate) fn is_running(&self) -> bool {
        self.is_running.get()
    }

    /// Waits until something more was freed, or everything is.
    pub(crate) async fn wait_step(&self) {
        let before = self.steps.get();
        let _waiting = Waiting::new(&self.waiting);
        self.changed.wait_until(|| self.steps.get() != before || !self.is_running.get()).await;
    }

    /// Waits until everything is freed.
    pub(crate) async fn wait_idle(&self) {
        self.changed.wait_until(|| !self.is_running.get()).await;
    }

    fn note_step(&self) {
        self.steps.set(self.steps.get() + 1);
        self.changed.wake_all();
    }

    /// Ends the waiting of everybody.
    pub(crate) fn stop(&self) {
        self.is_running.set(false);
        self.changed.wake_all();
    }
}

impl Store {
    /// Starts freeing what is destroyed, unless that is going on.
    pub(crate) fn start_reclaim(self: &Rc<Store>) {
        if self.reclaim.is_running.replace(true) {
            return;
        }
        let store = Rc::downgrade(self);
        self.spawner.spawn(run(store));
    }

    /// Whether there is anything to free.
    pub(crate) fn has_destroyed(&self, arena: &Arena) -> Result<bool> {
        Ok(find_destroyed(arena, &self.superblock.containers(arena)?)?.is_some())
    }

    /// Frees some records in one transaction; `false` when there was nothing left.
    async fn reclaim_step(&self, records: usize) -> Result<bool> {
        self.durable.admission().await?;
        if self.drop_doomed()? {
            return Ok(true);
        }
        let arena = self.durable.arena();
        let mut containers = self.superblock.containers(arena)?;
        let found = match self.reclaim.current.get() {
            0 => find_destroyed(arena, &containers)?,
            link => Some(Level::load(arena, link)?),
        };
        let Some(mut container) = found else { return Ok(false) };
        let mut transaction = arena.begin_privileged();
        let mut budget = records;
        let is_empty = empty_keys(&mut transaction, &self.values, &mut container, None, &mut budget)?;
        if is_empty {
            let key = container.key(transaction.arena())?;
            let Ok(key) = <[u8; 16]>::try_from(key) else { return Err(damaged("a container's key", 0)) };
            containers.remove_child(&mut transaction, &fixed_probe(&key))?;
            container.free(&mut transaction)?;
            self.last_container.set((ContainerId::from_bytes([0; 16]), 0));
        }
        self.durable.commit(transaction)?;
        self.reclaim.current.set(if is_empty { 0 } else { container.link() });
        Ok(true)
    }
}

async fn run(store: Weak<Store>) {
    let Some(mut pace) = store.upgrade().map(|store| Pace::new(&store)) else { return };
    loop {
        let Some(store) = store.upgrade() else { return };
        let step = store.reclaim_step(pace.budget().frees()).await;
        store.reclaim.note_step();
        match step {
            Ok(true) if !store.is_closed() => {
                // One who waits for the space, or closes the store, is not made to wait.
                pace.rest(&store, || store.reclaim.waiting.get() > 0 || store.is_closed()).await;
            }
            Ok(_) => {
                store.values.settle();
                return store.reclaim.stop();
            }
            Err(status) => {
                if status.code() != Code::Shutdown {
                    daos_env::log!(
                        Error,
                        "store",
                        "freeing a destroyed container: {status}; it goes on at the next start"
                    );
                }
                return store.reclaim.stop();
            }
        }
    }
}

/// A container that is marked as destroyed.
fn find_destroyed(arena: &Arena, containers: &Level) -> Result<Option<Level>> {
    match containers.children()? {
        Children::None => Ok(None),
        Children::Direct(link) => Ok(Some(Level::load(arena, link)?).filter(is_destroyed)),
        Children::Tree(tree) => {
            let mut cursor = tree.first(arena)?;
            while let Some(at) = &mut cursor {
                let container = Level::load(arena, at.entry(arena)?.link)?;
                if is_destroyed(&container) {
                    return Ok(Some(container));
                }
                if !at.next(arena)? {
                    break;
                }
            }
            Ok(None)
        }
    }
}

/// Frees what is below a level, from its end on; `true` when nothing is left. `depth` is `None` for a container.
fn empty_keys(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    level: &mut Level,
    depth: Option<Depth>,
    budget: &mut usize,
) -> Result<bool> {
    let below = match depth {
        None => Some(Depth::Object),
        Some(depth) => depth.below(),
    };
    loop {
        if *budget == 0 {
            return Ok(false);
        }
        let arena = transaction.arena();
        match level.children()? {
            Children::None => return level.drop_punches(transaction, budget),
            Children::Direct(link) => {
                if !free_child(transaction, space, level, link, below, budget)? {
                    return Ok(false);
                }
                level.set_children(transaction, 0, false)?;
            }
            Children::Tree(tree) => match tree.last(arena)? {
                Some(cursor) => {
                    let link = cursor.entry(arena)?.link;
                    if !free_child(transaction, space, level, link, below, budget)? {
                        return Ok(false);
                    }
                    tree.remove(transaction, cursor)?;
                }
                None => {
                    tree.destroy(transaction)?;
                    level.set_children(transaction, 0, false)?;
                }
            },
        }
    }
}

/// Frees a key with what is below it, or a value; `false` when the budget did not reach.
fn free_child(
    transaction: &mut Transaction<'_>,
    space: &ValueSpace,
    parent: &Level,
    link: u32,
    depth: Option<Depth>,
    budget: &mut usize,
) -> Result<bool> {
    if depth.is_some() {
        let mut child = Level::load(transaction.arena(), link)?;
        if !empty_keys(transaction, space, &mut child, depth, budget)? {
            return Ok(false);
        }
        child.free(transaction)?;
    } else {
        let arena = transaction.arena();
        let pieces = if parent.value_kind()? == ValueKind::Single {
            let pieces = single::locate(arena, link)?.pieces(arena)?;
            single::free(transaction, space, link)?;
            pieces
        } else {
            let pieces = Record::load(arena, link)?.pieces(arena)?;
            array::free(transaction, space, link)?;
            pieces
        };
        *budget = budget.saturating_sub(pieces);
    }
    *budget = budget.saturating_sub(1);
    Ok(true)
}
