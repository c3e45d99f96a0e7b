//! Memory of the kind that the store's device of class `ram` is: touched, and of huge pages where the kernel has them.

use daos_status::{Code, Result, fail};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Anonymous memory of which every page was written to.
pub struct HugeMemory {
    base: NonNull<u8>,
    length: usize,
}

impl HugeMemory {
    /// So many bytes, which are not zero.
    pub fn of(length: usize) -> Result<HugeMemory> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice touches no memory of ours.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, -1, 0) };
        let Some(base) = NonNull::new(base.cast::<u8>()).filter(|_| base != libc::MAP_FAILED) else {
            fail!(Code::Nomem, "{length} bytes of memory to copy to and from: {}", std::io::Error::last_os_error());
        };
        // SAFETY: the range is the mapping that was just made. A kernel without huge pages refuses, which only makes it slower.
        let _refused = unsafe { libc::madvise(base.as_ptr().cast(), length, libc::MADV_HUGEPAGE) };
        let mut memory = HugeMemory { base, length };
        memory.fill(1);
        Ok(memory)
    }
}

impl Deref for HugeMemory {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is readable, initialised by the kernel, and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr(), self.length) }
    }
}

impl DerefMut for HugeMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.length) }
    }
}

impl Drop for HugeMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `of` with this length, and no slice of it is alive.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.length) };
    }
}
