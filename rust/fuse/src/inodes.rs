//! What the kernel knows of the mount, by number.
//!
//! The kernel names entries by numbers that we gave it, and tells how many of its references to a number it has dropped. An
//! inode is in the table for as long as there are references, so the table is bounded by the kernel's own cache.

use crate::gather::Pending;
use crate::places::Volume;
use daos_client::Pool;
use daos_dfs::{DfsError, FileStatus, Node, Removed, Result, Seen, Timestamp};
use daos_types::ObjectId;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kernel's number of the mount's root.
pub const ROOT: u64 = 1;

/// Size and time of modification: when both are as they were, content is.
pub type Version = (u64, Timestamp);

/// What changes of an entry while it is known.
#[derive(Debug)]
pub struct EntryState {
    /// The entry at the place where it was found last.
    pub node: Node,
    /// What `stat` told last.
    pub status: FileStatus,
    /// The number of the directory that it was found in.
    pub parent: u64,
    /// Opens that were not closed yet.
    pub opens: u32,
    /// Set when its name was taken away: the content goes with the last close.
    pub removed: Option<Removed>,
    /// The version that pages in the kernel's cache are of.
    pub cached: Option<Version>,
    /// When it was closed last, by the monotonic clock.
    pub closed_at: std::time::Duration,
    /// Content up to this version of the engine was written through this mount, or seen by it.
    pub own_epoch: u64,
    /// The number of the last change through this mount.
    pub changed_at: u64,
    /// The directory may have become a link to another container.
    pub may_be_link: bool,
    /// When it was made through this mount, by the monotonic clock: it had no extended attributes then.
    pub made_at: Option<std::time::Duration>,
    /// Extended attributes were given to it through this mount.
    pub given_attributes: bool,
    /// What `stat` tells of a directory is what the engine told at this time of the monotonic clock, and what this mount has
    /// done since.
    pub asked_at: Option<std::time::Duration>,
    /// The size of a file is what the engine told when the volume had counted so many changes.
    pub size_asked: Option<u64>,
}

impl EntryState {
    /// Where it was found last: the directory, and the name in it.
    fn place(&self) -> (u64, Vec<u8>) {
        (self.parent, self.node.name())
    }

    /// The size that the kernel believes, when that is what the engine told and this mount has not changed the file since.
    pub fn told_size(&self) -> Option<u64> {
        self.size_asked.filter(|changes| self.changed_at <= *changes).map(|_| self.status.size)
    }

    /// Takes the times of a directory forward to the newest change through this mount.
    pub fn follow_changes(&mut self) {
        let time = Timestamp::from_nanoseconds(self.own_epoch);
        self.status.mtime = self.status.mtime.max(time);
        self.status.ctime = self.status.ctime.max(time);
    }
}

/// An entry of a namespace.
#[derive(Debug)]
pub struct Entry {
    /// The namespace.
    pub volume: Arc<Volume>,
    /// Its object.
    pub id: ObjectId,
    state: Mutex<EntryState>,
    pending: Mutex<Pending>,
}

/// What a number stands for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are entries, and each stands in an allocation of its own")]
pub enum What {
    /// The directory of all pools.
    System,
    /// The directory of a pool's containers.
    Pool(Pool),
    /// An entry of a namespace.
    Entry(Entry),
}

/// A number that the kernel knows, and what it stands for.
#[derive(Debug)]
pub struct Inode {
    /// The number.
    pub number: u64,
    /// What it stands for.
    pub what: What,
}

impl Inode {
    /// The entry of a namespace; `ENOTSUP` for directories of pools and containers, which cannot be changed.
    pub fn entry(&self) -> Result<&Entry> {
        match &self.what {
            What::Entry(entry) => Ok(entry),
            _ => Err(DfsError::new(libc::ENOTSUP, "the directory of pools or containers cannot be changed from here")),
        }
    }
}

impl Entry {
    /// Its state; never held while something is sent.
    pub fn state(&self) -> MutexGuard<'_, EntryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was gathered for it. Held while that is sent, so that writes keep their order; the state may be locked within, and
    /// not the other way round.
    pub fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry at the place where it was found last.
    pub fn node(&self) -> Node {
        self.state().node.clone()
    }

    /// The file was changed through this mount; `epoch` is the engine's newest version. What was asked about the file before this
    /// change must not be told to the kernel after it: it would take the old size back.
    pub fn note_change(&self, epoch: u64) {
        let number = self.volume.changes.fetch_add(1, Ordering::SeqCst) + 1;
        let mut state = self.state();
        state.changed_at = number;
        state.own_epoch = state.own_epoch.max(epoch);
    }

    /// A directory has got or lost an entry by a move, which is several changes: the engine knows what its times are now.
    pub fn forget_status(&self) {
        self.note_change(0);
        self.state().asked_at = None;
    }

    /// Entries of the directory were made or removed through this mount: its times are those of the change, as the engine
    /// will tell them. `epoch` is the newest change of the client: that one, unless another of the same moment was later.
    pub fn note_entries_changed(&self, epoch: u64) {
        self.note_change(epoch);
        self.state().follow_changes();
    }

    /// Whether what was asked when the volume counted so many changes may have been overtaken by one of this file.
    pub fn has_changed_since(&self, changes: u64) -> bool {
        !self.pending().is_empty() || self.state().changed_at > changes
    }

    fn new(volume: Arc<Volume>, parent: u64, seen: Seen) -> Entry {
        let (node, status) = (seen.node, seen.status);
        let state = EntryState {
            node,
            status,
            parent,
            opens: 0,
            removed: None,
            cached: None,
            closed_at: std::time::Duration::ZERO,
            own_epoch: 0,
            changed_at: 0,
            may_be_link: false,
            made_at: None,
            given_attributes: false,
            asked_at: None,
            size_asked: None,
        };
        Entry { volume, id: status.id, state: Mutex::new(state), pending: Mutex::default() }
    }
}

struct Slot {
    inode: Arc<Inode>,
    references: u64,
}

/// What an entry is known by: pool and container come with the object, which is unknown for some links.
type Key = (u32, ObjectId);

#[derive(Default)]
struct Tables {
    slots: HashMap<u64, Slot>,
    by_object: HashMap<Key, u64>,
    /// By directory and name: what stood there when it was found last.
    by_name: HashMap<(u64, Vec<u8>), u64>,
}

impl Tables {
    /// An entry was found at a place, and is no longer where it was found before.
    fn note_place(&mut self, number: u64, before: Option<(u64, Vec<u8>)>, now: (u64, Vec<u8>)) {
        if let Some(before) = before.filter(|before| *before != now) {
            self.forget_place(number, &before);
        }
        self.by_name.insert(now, number);
    }

    fn forget_place(&mut self, number: u64, place: &(u64, Vec<u8>)) {
        if self.by_name.get(place) == Some(&number) {
            self.by_name.remove(place);
        }
    }
}

/// The inodes that the kernel has references to. Clones are the same table.
#[derive(Clone, Default)]
pub struct Inodes(Arc<Mutex<Tables>>);

/// A number for an entry, from its object; the same in each mount of the container. Zero and one mean something else.
fn number_of(volume: &Volume, status: &FileStatus) -> u64 {
    let container = volume.file_system.container().id().0;
    let salt = if volume.index == 0 { 0 } else { mix(container.as_u128() as u64) };
    match status.number() ^ salt {
        number @ (0 | ROOT | u64::MAX) => mix(number.wrapping_add(2)),
        number => number,
    }
}

/// Spreads bits (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Software of others stores links without an object: these are known by their place.
fn key_of(volume: &Volume, parent: u64, seen: &Seen) -> Key {
    if seen.status.id != ObjectId::default() {
        return (volume.index, seen.status.id);
    }
    let name = seen.node.name().iter().fold(0, |hash, byte| mix(hash ^ u64::from(*byte)));
    (volume.index, ObjectId { lo: name, hi: parent })
}

impl Inodes {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the root.
    pub fn set_root(&self, what: What) {
        let mut tables = self.lock();
        if let What::Entry(entry) = &what {
            tables.by_object.insert((entry.volume.index, entry.id), ROOT);
        }
        let inode = Arc::new(Inode { number: ROOT, what });
        tables.slots.insert(ROOT, Slot { inode, references: 1 });
    }

    /// The root of a namespace.
    pub fn root_entry(volume: &Arc<Volume>, parent: u64, status: FileStatus) -> Entry {
        Entry::new(volume.clone(), parent, Seen { node: volume.file_system.root(), status })
    }

    /// What a number stands for; `ESTALE` for one that the kernel should not know, so that it looks the name up again.
    pub fn get(&self, number: u64) -> Result<Arc<Inode>> {
        match self.lock().slots.get(&number) {
            Some(slot) => Ok(slot.inode.clone()),
            None => Err(DfsError::new(libc::ESTALE, format!("inode {number} is not known any more"))),
        }
    }

    /// The entry with an object, if the kernel knows it.
    pub fn by_object(&self, volume: u32, id: ObjectId) -> Option<Arc<Inode>> {
        let tables = self.lock();
        let number = tables.by_object.get(&(volume, id))?;
        tables.slots.get(number).map(|slot| slot.inode.clone())
    }

    /// The entry that was found last under a name in a directory; by now it can be elsewhere.
    pub fn by_name(&self, parent: u64, name: &[u8]) -> Option<Arc<Inode>> {
        let tables = self.lock();
        let number = tables.by_name.get(&(parent, name.to_vec()))?;
        tables.slots.get(number).map(|slot| slot.inode.clone())
    }

    /// An entry was moved through this mount to where its node says.
    pub fn move_to(&self, inode: &Inode, parent: u64, node: Node) -> Result<()> {
        let mut tables = self.lock();
        let mut state = inode.entry()?.state();
        tables.note_place(inode.number, Some(state.place()), (parent, node.name()));
        (state.node, state.parent) = (node, parent);
        Ok(())
    }

    /// Remembers an entry that the kernel is told of: one more reference.
    pub fn remember(&self, volume: &Arc<Volume>, parent: u64, seen: Seen) -> Arc<Inode> {
        let mut tables = self.lock();
        let key = key_of(volume, parent, &seen);
        if let Some(number) = tables.by_object.get(&key).copied()
            && let Some(slot) = tables.slots.get_mut(&number)
        {
            slot.references += 1;
            let inode = slot.inode.clone();
            if let What::Entry(entry) = &inode.what {
                let mut state = entry.state();
                if number != ROOT && state.removed.is_none() {
                    tables.note_place(number, Some(state.place()), (parent, seen.node.name()));
                    state.node = seen.node;
                    state.parent = parent;
                }
                state.status = seen.status;
                // It may have been asked before entries have come or gone.
                state.asked_at = None;
                state.size_asked = None;
            }
            return inode;
        }
        let mut number = number_of(volume, &seen.status);
        if seen.status.id == ObjectId::default() {
            number = mix(key.1.lo ^ mix(key.1.hi)).max(2);
        }
        // Two entries whose numbers are the same by chance: the later one gets another.
        while tables.slots.contains_key(&number) || number <= ROOT {
            number = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
        }
        tables.note_place(number, None, (parent, seen.node.name()));
        let inode = Arc::new(Inode { number, what: What::Entry(Entry::new(volume.clone(), parent, seen)) });
        tables.by_object.insert(key, number);
        tables.slots.insert(number, Slot { inode: inode.clone(), references: 1 });
        inode
    }

    /// Remembers the directory of a pool.
    pub fn remember_pool(&self, pool: &Pool) -> Arc<Inode> {
        let mut tables = self.lock();
        let mut number = mix(pool.id().0.as_u128() as u64).max(2);
        loop {
            match tables.slots.get_mut(&number) {
                Some(slot) if matches!(&slot.inode.what, What::Pool(known) if known.id() == pool.id()) => {
                    slot.references += 1;
                    return slot.inode.clone();
                }
                Some(_) => number = mix(number.wrapping_add(1)).max(2),
                None => break,
            }
        }
        let inode = Arc::new(Inode { number, what: What::Pool(pool.clone()) });
        tables.slots.insert(number, Slot { inode: inode.clone(), references: 1 });
        inode
    }

    /// The kernel has dropped references.
    pub fn forget(&self, number: u64, count: u64) {
        let mut tables = self.lock();
        let Some(slot) = tables.slots.get_mut(&number) else { return };
        slot.references = slot.references.saturating_sub(count);
        if slot.references > 0 || number == ROOT {
            return;
        }
        let Some(slot) = tables.slots.remove(&number) else { return };
        if let What::Entry(entry) = &slot.inode.what {
            tables.forget_place(number, &entry.state().place());
            let same = |tables: &Tables, key: &Key| tables.by_object.get(key) == Some(&number);
            let key = (entry.volume.index, entry.id);
            if same(&tables, &key) {
                tables.by_object.remove(&key);
            } else if entry.id == ObjectId::default() {
                // It is known by its place, which is not remembered here.
                tables.by_object.retain(|_, known| *known != number);
            }
        }
    }

    /// A new object may get what this one was known by: its name is gone.
    pub fn detach(&self, volume: &Volume, id: ObjectId) {
        self.lock().by_object.remove(&(volume.index, id));
    }

    /// A directory's node with the way to it as the mount knows it now: directories above it may have been moved since it was
    /// found.
    pub fn current_node(&self, inode: &Inode) -> Result<Node> {
        let mut way = Vec::new();
        let mut entry = inode.entry()?.node();
        let mut parent = inode.entry()?.state().parent;
        let tables = self.lock();
        while !entry.is_root() {
            let Some(slot) = tables.slots.get(&parent) else { break };
            let What::Entry(above) = &slot.inode.what else { break };
            let state = above.state();
            way.push(std::mem::replace(&mut entry, state.node.clone()));
            parent = state.parent;
            // A table that has become a ring, by moves of others, ends the walk.
            if way.len() > tables.slots.len() {
                break;
            }
        }
        drop(tables);
        let mut node = entry;
        while let Some(below) = way.pop() {
            node = below.found_at(&node, &below.name())?;
        }
        Ok(node)
    }
}
