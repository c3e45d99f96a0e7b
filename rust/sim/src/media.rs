//! Simulated media: what disks may do, decided by a seed.
//!
//! # Fault model
//! * A write is durable only after a sync of its device that began after the write completed. Until then, when the power is cut,
//!   it may be kept, lost or torn: each sector of 512 bytes by itself. A sector is never half written.
//! * Writes between two syncs of a device may reach it in any order, overlapping ones too. There is no order between devices
//!   but that of syncs.
//! * The power is cut after any n-th persist operation (a write, a sync, or the making or removing of a device), which itself has
//!   happened. Writes under way may happen, as a whole or torn; nothing started later does, and nobody hears of anything any
//!   more: operations never complete.
//! * A write whose future is dropped after it has begun still happens, some time later.
//! * Making and removing devices is durable at once.
//! * The n-th call fails on demand: with an I/O error, which leaves a write done in part, and a sync that forgets some writes for
//!   good; with a full disk, which leaves nothing; or short, which leaves the first half. A disk that is full stays so on demand:
//!   then every write to blocks that were never written fails.
//! * Persistent memory is written line by line of 64 bytes: until a drain, each line that was stored may survive a power cut, or not, or in
//!   part, word by word of eight bytes, and as any of what was stored in it since the last drain. Stores, flushes and drains are persist
//!   operations; a drain is a call, and when it fails with an I/O error some lines never become durable.
//! * Making, opening and removing devices, memory and folders, and listing them, are calls, which fail like others: then nothing is done.
//! * Bits flip on demand.
//! * Operations complete after a few rounds of the executor, so that they overlap and overtake each other.
//!
//! A process that is killed while the machine lives on is not a power cut: see [`SimMedia::restart_process`].

mod device;
mod disk;
mod memory;
mod world;

pub use world::Fault;

use daos_media::{BlockDevice, Media, PersistWay, PersistentMemory, check_name};
use daos_status::{Code, Result, fail};
use device::SimDevice;
use disk::Disk;
use memory::{Lines, SimMemory};
use std::cell::RefCell;
use std::rc::Rc;
use world::World;

/// A folder of simulated devices; clones and folders share one world.
#[derive(Clone)]
pub struct SimMedia {
    world: Rc<RefCell<World>>,
    /// Ends with a slash unless empty.
    prefix: String,
}

impl SimMedia {
    /// Empty media whose every choice is decided by the seed.
    pub fn new(seed: u64) -> SimMedia {
        SimMedia { world: Rc::new(RefCell::new(World::new(seed))), prefix: String::new() }
    }

    /// How many persist operations have happened.
    pub fn persists(&self) -> u64 {
        self.world.borrow().persists
    }

    /// How many calls (reads, writes, syncs, drains, discards, and those by name) have been made.
    pub fn calls(&self) -> u64 {
        self.world.borrow().calls
    }

    /// Cuts the power once so many persist operations have happened in all.
    pub fn cut_power_at(&self, persists: u64) {
        self.world.borrow_mut().cut_at = Some(persists);
        self.world.borrow_mut().check_power();
    }

    /// Whether the power is cut.
    pub fn is_off(&self) -> bool {
        self.world.borrow().is_off
    }

    /// Cuts the power, if it is not cut yet, decides what has survived, and turns it on again. Devices must be opened anew.
    pub fn power_cycle(&self) {
        self.world.borrow_mut().power_cycle();
    }

    /// As [`SimMedia::power_cycle`], but only the process was killed: everything that had happened is there, and what was not
    /// synced may still be lost with the power later.
    pub fn restart_process(&self) {
        self.world.borrow_mut().restart_process();
    }

    /// Lets the call of this number (as [`SimMedia::calls`] counts, the next one being that plus one) fail.
    pub fn fail_call(&self, number: u64, fault: Fault) {
        self.world.borrow_mut().faults.insert(number, fault);
    }

    /// Lets every sync from now on do nothing and say that it is done, as devices that lie do: for tests of those who look for
    /// what is lost.
    pub fn ignore_syncs(&self) {
        self.world.borrow_mut().ignores_syncs = true;
    }

    /// Forgets what was planned and has not happened: failing calls, and the power being cut.
    pub fn forget_plans(&self) {
        let mut world = self.world.borrow_mut();
        world.faults.clear();
        world.cut_at = None;
    }

    /// Lets all devices together hold so many blocks and no more, or as many as they like; blocks written before count.
    pub fn limit_space(&self, blocks: Option<u64>) {
        self.world.borrow_mut().space_blocks = blocks;
    }

    /// How many blocks of all devices together hold something.
    pub fn blocks_used(&self) -> u64 {
        self.world.borrow().blocks_used()
    }

    /// Flips a bit of a device; `path` has slashes for folders.
    ///
    /// # Errors
    /// There is no such device, or it has no such bit.
    pub fn flip_bit(&self, path: &str, bit: u64) -> Result<()> {
        let world = self.world.borrow();
        if let Some(lines) = world.memories.get(path).filter(|lines| bit / 8 < lines.borrow().length()) {
            lines.borrow_mut().flip_bit(bit);
            return Ok(());
        }
        let Some(disk) = world.disks.get(path) else { fail!(Code::Nonexist, "there is no simulated device {path}") };
        if bit / 8 >= disk.borrow().capacity {
            fail!(Code::Inval, "simulated device {path} has no bit {bit}");
        }
        disk.borrow_mut().flip_bit(bit);
        Ok(())
    }

    /// A number that is the same for two runs whose devices hold the same.
    pub fn fingerprint(&self) -> u64 {
        self.world.borrow().fingerprint()
    }

    /// Says of persistent memory opened from now on what its drains cost.
    pub fn set_memory_way(&self, way: PersistWay) {
        self.world.borrow_mut().memory_way = way;
    }

    /// Counts a call that answers at once; the fault planned for it, as an error.
    fn begin(&self, what: &str) -> Result<()> {
        if self.is_off() {
            fail!(Code::Io, "the power of simulated media is off");
        }
        let (_, fault) = self.world.borrow_mut().begin_call();
        match fault {
            None => Ok(()),
            Some(Fault::NoSpace) => fail!(Code::Nospace, "{what} in {}: simulated full disk", self.describe()),
            Some(_) => fail!(Code::Io, "{what} in {}: simulated I/O error", self.describe()),
        }
    }

    fn path(&self, what: &str, name: &str) -> Result<String> {
        check_name(name)?;
        self.begin(what)?;
        Ok(format!("{}{name}", self.prefix))
    }

    fn is_taken(&self, path: &str) -> bool {
        let world = self.world.borrow();
        world.disks.contains_key(path) || world.memories.contains_key(path) || world.folders.contains(path)
    }

    fn names<'a>(&self, paths: impl Iterator<Item = &'a String>) -> Vec<String> {
        let names = paths.filter_map(|path| path.strip_prefix(&self.prefix));
        names.filter(|name| !name.contains('/')).map(str::to_string).collect()
    }

    fn device(&self, path: &str, disk: &Rc<RefCell<Disk>>) -> Rc<dyn BlockDevice> {
        Rc::new(SimDevice::new(path, self.world.clone(), disk.clone()))
    }
}

impl Media for SimMedia {
    fn create(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>> {
        let path = self.path("create", name)?;
        if size == 0 || !size.is_multiple_of(daos_media::BLOCK_SIZE as u64) {
            fail!(Code::Inval, "simulated device {path} cannot have {size} bytes");
        }
        let taken = self.is_taken(&path);
        let mut world = self.world.borrow_mut();
        if taken {
            fail!(Code::Exist, "simulated device {path} exists already");
        }
        let disk = Rc::new(RefCell::new(Disk::new(size)));
        world.disks.insert(path.clone(), disk.clone());
        world.count_persist();
        drop(world);
        Ok(self.device(&path, &disk))
    }

    fn open(&self, name: &str) -> Result<Rc<dyn BlockDevice>> {
        let path = self.path("open", name)?;
        self.world.borrow_mut().settle_orphans();
        let disk = self.world.borrow().disks.get(&path).cloned();
        match disk {
            Some(disk) => Ok(self.device(&path, &disk)),
            None => fail!(Code::Nonexist, "there is no simulated device {path}"),
        }
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let path = self.path("exists", name)?;
        let world = self.world.borrow();
        Ok(world.disks.contains_key(&path) || world.memories.contains_key(&path))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path("remove", name)?;
        let mut world = self.world.borrow_mut();
        if world.disks.remove(&path).is_none() && world.memories.remove(&path).is_none() {
            fail!(Code::Nonexist, "there is no simulated device {path}");
        }
        world.count_persist();
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>> {
        self.begin("listing")?;
        let world = self.world.borrow();
        let mut names = self.names(world.disks.keys().chain(world.memories.keys()));
        names.sort();
        Ok(names)
    }

    fn folder(&self, name: &str) -> Result<Rc<dyn Media>> {
        let path = self.path("folder", name)?;
        let mut world = self.world.borrow_mut();
        if world.disks.contains_key(&path) || world.memories.contains_key(&path) {
            fail!(Code::Notdir, "{path} is a simulated device, not a folder");
        }
        let prefix = format!("{path}/");
        if world.folders.insert(path) {
            world.count_persist();
        }
        Ok(Rc::new(SimMedia { world: self.world.clone(), prefix }))
    }

    fn folders(&self) -> Result<Vec<String>> {
        self.begin("listing folders")?;
        Ok(self.names(self.world.borrow().folders.iter()))
    }

    fn remove_folder(&self, name: &str) -> Result<()> {
        let path = self.path("removing a folder", name)?;
        let mut world = self.world.borrow_mut();
        if !world.folders.remove(&path) {
            fail!(Code::Nonexist, "there is no folder {path}");
        }
        let inside = format!("{path}/");
        world.folders.retain(|folder| !folder.starts_with(&inside));
        world.disks.retain(|disk, _| !disk.starts_with(&inside));
        world.memories.retain(|memory, _| !memory.starts_with(&inside));
        world.count_persist();
        Ok(())
    }

    fn create_memory(&self, name: &str, size: u64) -> Result<Rc<dyn PersistentMemory>> {
        let path = self.path("creating memory", name)?;
        if size == 0 || !size.is_multiple_of(daos_media::BLOCK_SIZE as u64) || size > isize::MAX as u64 {
            fail!(Code::Inval, "simulated memory {path} cannot have {size} bytes");
        }
        if self.is_taken(&path) {
            fail!(Code::Exist, "simulated device {path} exists already");
        }
        let mut world = self.world.borrow_mut();
        let blocks = size / daos_media::BLOCK_SIZE as u64;
        if world.space_blocks.is_some_and(|limit| world.blocks_used() + blocks > limit) {
            fail!(Code::Nospace, "creating memory {path} of {size} bytes: simulated full disk");
        }
        let lines = Rc::new(RefCell::new(Lines::new(size)));
        world.memories.insert(path.clone(), lines.clone());
        world.count_persist();
        drop(world);
        Ok(Rc::new(SimMemory::new(&path, self.world.clone(), lines)))
    }

    fn open_memory(&self, name: &str) -> Result<Rc<dyn PersistentMemory>> {
        let path = self.path("opening memory", name)?;
        let lines = self.world.borrow().memories.get(&path).cloned();
        match lines {
            Some(lines) => Ok(Rc::new(SimMemory::new(&path, self.world.clone(), lines))),
            None => fail!(Code::Nonexist, "there is no simulated memory {path}"),
        }
    }

    fn describe(&self) -> String {
        format!("simulated:{}", self.prefix)
    }
}

#[cfg(test)]
mod tests;
