//! What the machine has room for.
#![allow(unsafe_code, reason = "statvfs and sysinfo have no safe wrapper in the standard library")]

use crate::mounts::{Mount, mount_of};
use daos_pool_service::SpaceOffer;
use daos_status::{Result, Status};
use daos_wire::RankOffer;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The part of the machine's memory that pools may fill, in quarters: the rest is for everybody else.
const MEMORY_QUARTERS: u64 = 3;

/// The file system that an engine stores on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileSystem {
    /// What it is on; empty when that is not known.
    pub device: String,
    /// Its kind; empty when that is not known.
    pub kind: String,
    /// Its bytes.
    pub total: u64,
    /// Those that can be written.
    pub available: u64,
}

/// Where an engine asks how much room there is.
pub trait Capacity: Send + Sync {
    /// Free bytes of storage, and the bytes of memory that all pools together may take.
    fn offer(&self) -> Result<SpaceOffer>;

    /// The same, and the names of what it is of: equal for engines that share it.
    fn named_offer(&self) -> Result<RankOffer> {
        let SpaceOffer { storage, memory } = self.offer()?;
        Ok(RankOffer { storage_name: String::new(), storage, memory_name: String::new(), memory })
    }

    /// The file system of the storage.
    fn file_system(&self) -> Result<FileSystem> {
        let storage = self.offer()?.storage;
        Ok(FileSystem { total: storage, available: storage, ..FileSystem::default() })
    }
}

/// A directory's file system and the machine's memory.
pub struct HostCapacity(PathBuf);

impl HostCapacity {
    /// The file system of a directory.
    pub fn of(directory: &Path) -> HostCapacity {
        HostCapacity(directory.to_path_buf())
    }

    fn statistics(&self) -> Result<libc::statvfs> {
        let path = CString::new(self.0.as_os_str().as_bytes())
            .map_err(|_| Status::new(daos_status::Code::Inval, "the directory's name has a zero byte"))?;
        // SAFETY: an all-zero statvfs is valid, and the kernel fills it.
        let mut file_system: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the path ends with a zero byte, and the structure is ours.
        if unsafe { libc::statvfs(path.as_ptr(), &raw mut file_system) } != 0 {
            let what = format!("asking for the free space of {}", self.0.display());
            return Err(Status::from(std::io::Error::last_os_error()).while_doing(what));
        }
        Ok(file_system)
    }
}

impl Capacity for HostCapacity {
    fn named_offer(&self) -> Result<RankOffer> {
        let SpaceOffer { storage, memory } = self.offer()?;
        let device = std::fs::metadata(&self.0).map_err(Status::from)?.dev();
        let node = crate::node::name();
        Ok(RankOffer { storage_name: format!("{node} {device}"), storage, memory_name: node, memory })
    }

    fn file_system(&self) -> Result<FileSystem> {
        let statistics = self.statistics()?;
        let bytes = |blocks: u64| blocks.saturating_mul(statistics.f_frsize);
        let Mount { device, kind } = mount_of(&self.0);
        Ok(FileSystem { device, kind, total: bytes(statistics.f_blocks), available: bytes(statistics.f_bavail) })
    }

    fn offer(&self) -> Result<SpaceOffer> {
        let file_system = self.statistics()?;
        // SAFETY: an all-zero sysinfo is valid, and the kernel fills it.
        let mut machine: libc::sysinfo = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is ours.
        if unsafe { libc::sysinfo(&raw mut machine) } != 0 {
            return Err(Status::from(std::io::Error::last_os_error()).while_doing("asking for the machine's memory"));
        }
        let memory = machine.totalram.saturating_mul(u64::from(machine.mem_unit));
        Ok(SpaceOffer {
            storage: file_system.f_bavail.saturating_mul(file_system.f_frsize),
            memory: memory / 4 * MEMORY_QUARTERS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_room() {
        let offer = HostCapacity::of(&std::env::temp_dir()).offer().expect("a temporary directory exists");
        assert!(offer.memory > 1 << 20);
        let file_system = HostCapacity::of(&std::env::temp_dir()).file_system().expect("as well");
        assert!(file_system.total >= file_system.available && !file_system.kind.is_empty(), "{file_system:?}");
        assert!(HostCapacity::of(Path::new("/does/not/exist")).offer().is_err());
    }
}
