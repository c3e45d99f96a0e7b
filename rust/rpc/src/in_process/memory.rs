//! Memory that endpoints of the process let each other reach.

use crate::{Access, RemoteRegion};
use daos_status::{Code, Result, fail};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Regions that one endpoint may have registered at a time.
const REGIONS_MAX: usize = 1 << 16;

/// The registered memory of one endpoint, by key.
#[derive(Default)]
pub(super) struct Regions(Mutex<Table>);

#[derive(Default)]
struct Table {
    next_key: u64,
    regions: HashMap<u64, Arc<Region>>,
}

/// One registered piece of memory. Copies hold `alive` while they run, so that closing waits for them.
pub(super) struct Region {
    memory: NonNull<u8>,
    length: usize,
    access: Access,
    alive: RwLock<bool>,
}

// SAFETY: the memory is reached only under `alive`, by the contract of `Transport::register`.
unsafe impl Send for Region {}
// SAFETY: as above: reads share the lock, writes and the end of the registration have it alone.
unsafe impl Sync for Region {}

impl Regions {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers memory under a new key.
    ///
    /// # Safety
    /// As [`crate::Transport::register`], until [`Regions::close`].
    pub unsafe fn open(&self, memory: NonNull<u8>, length: usize, access: Access) -> Result<u64> {
        let mut table = self.table();
        if table.regions.len() >= REGIONS_MAX {
            fail!(Code::Busy, "{REGIONS_MAX} pieces of memory are registered already");
        }
        table.next_key += 1;
        let key = table.next_key;
        table.regions.insert(key, Arc::new(Region { memory, length, access, alive: RwLock::new(true) }));
        Ok(key)
    }

    /// Ends a registration; waits for copies that are under way.
    pub fn close(&self, key: u64) {
        let region = self.table().regions.remove(&key);
        if let Some(region) = region {
            *region.alive.write().unwrap_or_else(PoisonError::into_inner) = false;
        }
    }

    fn find(&self, remote: RemoteRegion) -> Result<Arc<Region>> {
        match self.table().regions.get(&remote.key) {
            Some(region) => Ok(region.clone()),
            None => fail!(Code::Hg, "the peer has no memory registered with key {}", remote.key),
        }
    }

    /// Copies from registered memory.
    pub fn read(&self, remote: RemoteRegion, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let region = self.find(remote)?;
        if !region.access.may_read() {
            fail!(Code::NoPerm, "the peer's memory with key {} is not for reading", remote.key);
        }
        let start = region.range(offset, buffer.len())?;
        let alive = region.alive.read().unwrap_or_else(PoisonError::into_inner);
        region.check_alive(*alive)?;
        // SAFETY: the range lies in the region, the region is alive while the lock is held, and the buffer is ours.
        unsafe { start.copy_to_nonoverlapping(NonNull::from(&mut *buffer).cast(), buffer.len()) };
        Ok(())
    }

    /// Copies to registered memory.
    pub fn write(&self, remote: RemoteRegion, offset: u64, buffer: &[u8]) -> Result<()> {
        let region = self.find(remote)?;
        if !region.access.may_write() {
            fail!(Code::NoPerm, "the peer's memory with key {} is not for writing", remote.key);
        }
        let start = region.range(offset, buffer.len())?;
        let alive = region.alive.write().unwrap_or_else(PoisonError::into_inner);
        region.check_alive(*alive)?;
        // SAFETY: the range lies in the region, the region is alive and not otherwise used while the lock is held.
        unsafe { start.copy_from_nonoverlapping(NonNull::from(buffer).cast(), buffer.len()) };
        Ok(())
    }
}

impl Region {
    /// Where a range begins, if it lies in the region.
    fn range(&self, offset: u64, length: usize) -> Result<NonNull<u8>> {
        let start = usize::try_from(offset).ok();
        match start.filter(|start| start.checked_add(length).is_some_and(|end| end <= self.length)) {
            // SAFETY: the offset is not beyond the end of the region.
            Some(start) => Ok(unsafe { self.memory.add(start) }),
            None => fail!(Code::Hg, "{length} bytes at {offset} reach beyond the peer's {} bytes", self.length),
        }
    }

    fn check_alive(&self, alive: bool) -> Result<()> {
        if !alive {
            fail!(Code::Hg, "the peer ended the registration of its memory");
        }
        Ok(())
    }
}
