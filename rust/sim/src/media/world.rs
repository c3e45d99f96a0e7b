//! What the devices of simulated media share: the seed, the power, the counters and the plan of faults.

use super::disk::Disk;
use super::memory::Lines;
use crate::QuickHasher;
use daos_env::{Random, SeededRandom};
use daos_media::{BLOCK_SIZE, PersistWay};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// Operations complete after at most so many rounds of the executor.
const ROUNDS_MAX: u64 = 3;

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// An I/O error: a write is done in part, a sync loses some of the writes before it for good.
    InputOutput,
    /// No space: nothing is done.
    NoSpace,
    /// Only the first half is done.
    Short,
}

/// A write whose future was dropped after it had begun.
pub(super) struct Orphan {
    pub disk: Rc<RefCell<Disk>>,
    pub offset: u64,
    pub bytes: Vec<u8>,
}

impl Orphan {
    fn happen(self) {
        self.disk.borrow_mut().write(self.offset, &self.bytes);
    }
}

pub(super) struct World {
    pub random: SeededRandom,
    pub disks: BTreeMap<String, Rc<RefCell<Disk>>>,
    pub memories: BTreeMap<String, Rc<RefCell<Lines>>>,
    /// What drains of memory opened from now on are said to cost.
    pub memory_way: PersistWay,
    pub folders: BTreeSet<String>,
    pub persists: u64,
    pub calls: u64,
    pub cut_at: Option<u64>,
    pub is_off: bool,
    /// Syncs do nothing.
    pub ignores_syncs: bool,
    pub faults: BTreeMap<u64, Fault>,
    /// How many blocks all devices may hold together.
    pub space_blocks: Option<u64>,
    /// Writes that nobody waits for any more.
    pub orphans: Vec<Orphan>,
    /// Counts power cycles: devices opened before the last one are dead.
    pub cycle: u64,
}

impl World {
    pub fn new(seed: u64) -> World {
        World {
            random: SeededRandom::new(seed),
            disks: BTreeMap::new(),
            memories: BTreeMap::new(),
            memory_way: PersistWay::Flush,
            folders: BTreeSet::new(),
            persists: 0,
            calls: 0,
            cut_at: None,
            is_off: false,
            ignores_syncs: false,
            faults: BTreeMap::new(),
            space_blocks: None,
            orphans: Vec::new(),
            cycle: 0,
        }
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    /// Counts a call, and gives the rounds it takes and the fault planned for it.
    pub fn begin_call(&mut self) -> (u64, Option<Fault>) {
        self.calls += 1;
        for orphan in std::mem::take(&mut self.orphans) {
            if self.below(2) == 0 {
                orphan.happen();
            } else {
                self.orphans.push(orphan);
            }
        }
        (self.below(ROUNDS_MAX + 1), self.faults.remove(&self.calls))
    }

    /// Lets everything happen that nobody waits for: a program that opens a device comes long after the one that was killed.
    pub fn settle_orphans(&mut self) {
        self.orphans.drain(..).for_each(Orphan::happen);
    }

    /// Whether the full disk, if there is one, has space for a write. One over blocks that hold something needs none.
    pub fn has_space_for(&self, disk: &Disk, offset: u64, length: usize) -> bool {
        let Some(limit) = self.space_blocks else { return true };
        let added = disk.blocks_added(offset, length);
        added == 0 || self.blocks_used() + added <= limit
    }

    /// How many blocks hold something; memory takes its space when it is made.
    pub fn blocks_used(&self) -> u64 {
        let memories = self.memories.values().map(|lines| lines.borrow().length() / BLOCK_SIZE as u64);
        self.disks.values().map(|disk| disk.borrow().blocks()).chain(memories).sum()
    }

    /// Counts a persist operation that has just happened.
    pub fn count_persist(&mut self) {
        self.persists += 1;
        self.check_power();
    }

    pub fn check_power(&mut self) {
        if self.cut_at.is_some_and(|at| self.persists >= at) {
            self.is_off = true;
        }
    }

    pub fn power_cycle(&mut self) {
        // What was under way when the power went may have reached the disk, like any write that no sync covered.
        self.settle_orphans();
        for disk in self.disks.values() {
            disk.borrow_mut().lose_power(&self.random);
        }
        for lines in self.memories.values() {
            lines.borrow_mut().lose_power(&self.random);
        }
        self.restart_process();
    }

    pub fn restart_process(&mut self) {
        self.settle_orphans();
        (self.is_off, self.cut_at) = (false, None);
        self.cycle += 1;
        self.faults.clear();
    }

    pub fn fingerprint(&self) -> u64 {
        let mut hasher = QuickHasher::default();
        for (path, disk) in &self.disks {
            path.hash(&mut hasher);
            disk.borrow().hash_into(&mut hasher);
        }
        for (path, lines) in &self.memories {
            path.hash(&mut hasher);
            lines.borrow().hash_into(&mut hasher);
        }
        (self.persists, self.calls).hash(&mut hasher);
        hasher.finish()
    }
}
