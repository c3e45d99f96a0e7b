//! The memory that two processes share.

use super::layout::{SHARED_BYTES, Shared};
use daos_status::{Code, Result, Status, fail};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

/// What keeps a peer from taking pages away, which would end this process with SIGBUS.
const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Shared memory, mapped into this process until this is dropped.
pub(super) struct Mapping(NonNull<Shared>);

impl Mapping {
    /// New memory, and the descriptor to hand to the peer. With `reserve`, the kernel promises every page at once.
    pub fn create(reserve: bool) -> Result<(Mapping, OwnedFd)> {
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        // SAFETY: the name is a C string; the result is checked.
        let descriptor = unsafe { libc::memfd_create(c"daos-rpc".as_ptr(), flags) };
        if descriptor < 0 {
            return Err(failed("making shared memory"));
        }
        // SAFETY: it was just opened, and nobody else owns it.
        let file = unsafe { OwnedFd::from_raw_fd(descriptor) };
        // SAFETY: the descriptor is open.
        if unsafe { libc::ftruncate(file.as_raw_fd(), SHARED_BYTES as libc::off_t) } != 0 {
            return Err(failed("sizing shared memory"));
        }
        // SAFETY: as above.
        if reserve && unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, SHARED_BYTES as libc::off_t) } != 0 {
            return Err(failed("reserving shared memory"));
        }
        // SAFETY: as above.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } != 0 {
            return Err(failed("sealing shared memory"));
        }
        Ok((Mapping::map(&file)?, file))
    }

    /// The memory of a peer's descriptor, which may be anything.
    pub fn of_peer(file: &OwnedFd) -> Result<Mapping> {
        // SAFETY: the descriptor is open.
        let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
        if seals < 0 || seals & SEALS != SEALS {
            fail!(Code::Proto, "the peer's shared memory is not sealed");
        }
        let length = length_of(file)?;
        if length != SHARED_BYTES as libc::off_t {
            fail!(Code::Proto, "the peer's shared memory has {length} bytes, not {SHARED_BYTES}");
        }
        Mapping::map(file)
    }

    fn map(file: &OwnedFd) -> Result<Mapping> {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping anywhere; it takes nothing away from anybody.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), SHARED_BYTES, protection, flags, file.as_raw_fd(), 0) };
        match NonNull::new(memory.cast::<Shared>()).filter(|_| memory != libc::MAP_FAILED) {
            Some(memory) => Ok(Mapping(memory)),
            None => Err(failed("mapping shared memory")),
        }
    }

    /// Where it lies. The peer may change every byte of it at any time: use atomic operations and copies only.
    pub fn shared(&self) -> NonNull<Shared> {
        self.0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length; whoever uses the memory holds the mapping.
        unsafe { libc::munmap(self.0.as_ptr().cast(), SHARED_BYTES) };
    }
}

fn length_of(file: &OwnedFd) -> Result<libc::off_t> {
    // SAFETY: all zeros are a valid structure, which the call fills.
    let mut facts: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open, and the structure is ours.
    if unsafe { libc::fstat(file.as_raw_fd(), &raw mut facts) } != 0 {
        return Err(failed("looking at shared memory"));
    }
    Ok(facts.st_size)
}

/// Whether the kernel may promise memory that it does not have: where it counts strictly, a page of shared memory that is
/// not reserved can be refused at its first use, which is a SIGBUS.
pub(super) fn counts_strictly() -> bool {
    std::fs::read_to_string("/proc/sys/vm/overcommit_memory").is_ok_and(|text| text.trim() == "2")
}

fn failed(what: &str) -> Status {
    Status::from(std::io::Error::last_os_error()).while_doing(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_and_cannot_shrink() {
        for reserve in [false, true] {
            let (first, file) = Mapping::create(reserve).unwrap();
            let second = Mapping::of_peer(&file).unwrap();
            // SAFETY: both are mapped, and nobody else uses them.
            unsafe {
                (*first.shared().as_ptr()).data[1][5] = 7;
                assert_eq!((*second.shared().as_ptr()).data[1][5], 7);
            }
            // SAFETY: the descriptor is open.
            assert_eq!(unsafe { libc::ftruncate(file.as_raw_fd(), 0) }, -1, "a peer could take the pages away");
        }
    }

    #[test]
    fn other_descriptors_are_refused() {
        let plain = OwnedFd::from(std::fs::File::open("/dev/zero").unwrap());
        assert!(Mapping::of_peer(&plain).is_err());
        // SAFETY: the name is a C string, and the result is owned here alone.
        let unsealed = unsafe {
            let fd = libc::memfd_create(c"x".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
            assert_eq!(libc::ftruncate(fd, SHARED_BYTES as libc::off_t), 0);
            OwnedFd::from_raw_fd(fd)
        };
        assert_eq!(Mapping::of_peer(&unsealed).map(|_| ()).unwrap_err().code(), Code::Proto);
        // SAFETY: the descriptor is open.
        unsafe {
            assert_eq!(libc::ftruncate(unsealed.as_raw_fd(), 4096), 0);
            assert_eq!(libc::fcntl(unsealed.as_raw_fd(), libc::F_ADD_SEALS, SEALS), 0);
        }
        assert!(Mapping::of_peer(&unsealed).map(|_| ()).unwrap_err().context().contains("4096"));
    }
}
