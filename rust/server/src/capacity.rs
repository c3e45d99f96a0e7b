//! What the machine has room for.
#![allow(unsafe_code, reason = "statvfs and sysinfo have no safe wrapper in the standard library")]

use daos_pool_service::SpaceOffer;
use daos_status::{Result, Status};
use daos_wire::RankOffer;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The part of the machine's memory that pools may fill, in quarters: the rest is for everybody else.
const MEMORY_QUARTERS: u64 = 3;

/// Where an engine asks how much room there is.
pub trait Capacity: Send + Sync {
    /// Free bytes of storage, and the bytes of memory that all pools together may take.
    fn offer(&self) -> Result<SpaceOffer>;

    /// The same, and the names of what it is of: equal for engines that share it.
    fn named_offer(&self) -> Result<RankOffer> {
        let SpaceOffer { storage, memory } = self.offer()?;
        Ok(RankOffer { storage_name: String::new(), storage, memory_name: String::new(), memory })
    }
}

/// A directory's file system and the machine's memory.
pub struct HostCapacity(PathBuf);

impl HostCapacity {
    /// The file system of a directory.
    pub fn of(directory: &Path) -> HostCapacity {
        HostCapacity(directory.to_path_buf())
    }
}

impl Capacity for HostCapacity {
    fn named_offer(&self) -> Result<RankOffer> {
        let SpaceOffer { storage, memory } = self.offer()?;
        let device = std::fs::metadata(&self.0).map_err(Status::from)?.dev();
        let node = crate::node::name();
        Ok(RankOffer { storage_name: format!("{node} {device}"), storage, memory_name: node, memory })
    }

    fn offer(&self) -> Result<SpaceOffer> {
        let path = CString::new(self.0.as_os_str().as_bytes())
            .map_err(|_| Status::new(daos_status::Code::Inval, "the directory's name has a zero byte"))?;
        // SAFETY: an all-zero statvfs is valid, and the kernel fills it.
        let mut file_system: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: the path ends with a zero byte, and the structure is ours.
        if unsafe { libc::statvfs(path.as_ptr(), &raw mut file_system) } != 0 {
            let what = format!("asking for the free space of {}", self.0.display());
            return Err(Status::from(std::io::Error::last_os_error()).while_doing(what));
        }
        // SAFETY: as above.
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
        assert!(HostCapacity::of(Path::new("/does/not/exist")).offer().is_err());
    }
}
