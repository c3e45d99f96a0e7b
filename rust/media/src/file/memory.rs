//! Persistent memory that is a file: through libpmem where it is installed, else by `msync`.
#![allow(unsafe_code, reason = "files are mapped, and copied from and to through pointers")]

use super::error::io_status;
use crate::persistent_memory::{CACHE_LINE, PersistWay, PersistentMemory, ViewSource, check_memory_range};
use daos_pmem_sys::{Library, PMEM_F_MEM_NODRAIN};
use daos_status::{Code, Result, fail};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::rc::Rc;

/// `msync` wants the start of a page.
const PAGE: u64 = 4096;
/// How often a call that a signal interrupts is made before that is an error.
const INTERRUPTIONS_MAX: usize = 64;
/// What `statfs` calls file systems that live in ordinary memory (`linux/magic.h`).
const TMPFS_MAGIC: i64 = 0x0102_1994;
const RAMFS_MAGIC: i64 = 0x8584_58f6;

/// A file mapped for everybody who maps it, until it is dropped.
pub(super) struct FileMemory {
    name: String,
    base: NonNull<u8>,
    length: u64,
    file: Rc<File>,
    way: PersistWay,
    how: String,
    /// With it the mapping was made by libpmem.
    library: Option<Library>,
    /// The range that the next `msync` covers; flush instructions need none.
    unsynced: Cell<Option<(u64, u64)>>,
    /// Held as long as the memory is open.
    _lock: Rc<File>,
}

impl FileMemory {
    /// Maps a whole file.
    pub fn map(path: &Path, file: File, lock: Rc<File>) -> Result<FileMemory> {
        let name = path.display().to_string();
        let failed = |error: &io::Error| io_status(error, &format!("mapping {name}"));
        let length = file.metadata().map_err(|error| failed(&error))?.len() / PAGE * PAGE;
        if length == 0 {
            fail!(Code::DfInval, "{name} is empty: it was cut off");
        }
        let is_volatile = is_in_memory(&file).map_err(|error| failed(&error))?;
        let without_library = if is_volatile { PersistWay::Call } else { PersistWay::Disk };
        let (base, library, way, how) = match Library::load() {
            Ok(library) => {
                let (base, is_persistent) = map_by_library(&library, path, length)?;
                let way = if is_persistent { PersistWay::Flush } else { without_library };
                let how = if is_persistent { "libpmem with flush instructions" } else { "msync, as libpmem says" };
                (base, Some(library), way, how.to_string())
            }
            Err(reason) => {
                let base = map_by_system(&file, length).map_err(|error| failed(&error))?;
                (base, None, without_library, format!("msync, as libpmem is missing ({reason})"))
            }
        };
        let how = match (way, is_volatile) {
            (_, true) => {
                format!("by {how}; it lies in memory, and survives the end of the process, not that of the machine")
            }
            (PersistWay::Flush, false) => format!("by {how}"),
            (_, false) => format!(
                "by {how}; commits wait for a disk: class log is faster, unless the file lies on persistent memory (DAX)"
            ),
        };
        Ok(FileMemory {
            name,
            base,
            length,
            file: Rc::new(file),
            way,
            how,
            library,
            unsynced: Cell::default(),
            _lock: lock,
        })
    }

    fn pointer(&self, what: &str, position: u64, length: u64) -> Result<*mut u8> {
        check_memory_range(&self.name, self.length, what, position, length)?;
        // SAFETY: the range lies within the mapping.
        Ok(unsafe { self.base.as_ptr().add(position as usize) })
    }

    fn note_unsynced(&self, position: u64, length: u64) {
        let (start, end) = self.unsynced.get().unwrap_or((position, position + length));
        self.unsynced.set(Some((start.min(position), end.max(position + length))));
    }
}

/// Gives a new file its size and its space.
pub(super) fn allocate(file: &File, size: u64) -> io::Result<()> {
    for _ in 0..INTERRUPTIONS_MAX {
        // SAFETY: an open descriptor.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, size as i64) } {
            0 => return Ok(()),
            libc::EINTR => {}
            number => return Err(io::Error::from_raw_os_error(number)),
        }
    }
    Err(io::Error::from_raw_os_error(libc::EINTR))
}

/// Whether a file lies in ordinary memory.
fn is_in_memory(file: &File) -> io::Result<bool> {
    // SAFETY: zeros are a valid value of this structure of numbers.
    let mut about: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: an open descriptor, and an output that lives long enough.
    if unsafe { libc::fstatfs(file.as_raw_fd(), &mut about) } != 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(clippy::unnecessary_cast, reason = "the field's type differs between platforms")]
    let kind = about.f_type as i64 & 0xffff_ffff;
    Ok(kind == TMPFS_MAGIC || kind == RAMFS_MAGIC)
}

/// The mapping, and whether its lines are persistent once flushed.
fn map_by_library(library: &Library, path: &Path, length: u64) -> Result<(NonNull<u8>, bool)> {
    let shown = path.display();
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else {
        fail!(Code::Inval, "{shown} has a zero byte in its name");
    };
    let (mut mapped, mut is_persistent) = (0, 0);
    // SAFETY: a path that ends with a zero, and outputs that live long enough; length 0 maps what there is.
    let base = unsafe { (library.pmem_map_file)(name.as_ptr(), 0, 0, 0, &mut mapped, &mut is_persistent) };
    let Some(base) = NonNull::new(base.cast::<u8>()) else {
        // SAFETY: it gives a string that lives until the next failure on this thread.
        let reason = unsafe { CStr::from_ptr((library.pmem_errormsg)()) }.to_string_lossy();
        fail!(Code::Nomem, "mapping {shown} by libpmem: {reason}");
    };
    if (mapped as u64) < length {
        // SAFETY: mapped above with this length, and nobody has seen it.
        unsafe { (library.pmem_unmap)(base.as_ptr().cast(), mapped) };
        fail!(Code::DfInval, "{shown} became shorter while it was mapped");
    }
    Ok((base, is_persistent != 0))
}

fn map_by_system(file: &File, length: u64) -> io::Result<NonNull<u8>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping at an address of the kernel's choice touches no memory of ours.
    let base =
        unsafe { libc::mmap(std::ptr::null_mut(), length as usize, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

impl PersistentMemory for FileMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn way(&self) -> PersistWay {
        self.way
    }

    fn how(&self) -> String {
        self.how.clone()
    }

    fn read(&self, position: u64, out: &mut [u8]) -> Result<()> {
        let from = self.pointer("read", position, out.len() as u64)?;
        // SAFETY: checked range; no reference into the mapping exists, so `out` is no part of it.
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
        Ok(())
    }

    fn store(&self, position: u64, bytes: &[u8]) -> Result<()> {
        let to = self.pointer("store", position, bytes.len() as u64)?;
        match (&self.library, self.way) {
            (Some(library), PersistWay::Flush) => {
                // SAFETY: checked range; no reference into the mapping exists, so `bytes` is no part of it.
                unsafe { (library.pmem_memcpy)(to.cast(), bytes.as_ptr().cast(), bytes.len(), PMEM_F_MEM_NODRAIN) };
            }
            _ => {
                // SAFETY: as above.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
                self.note_unsynced(position, bytes.len() as u64);
            }
        }
        Ok(())
    }

    fn flush(&self, position: u64, length: u64) -> Result<()> {
        let start = self.pointer("flush", position, length)?;
        match (&self.library, self.way) {
            (Some(library), PersistWay::Flush) => {
                // SAFETY: checked range.
                unsafe { (library.pmem_flush)(start.cast_const().cast(), length as usize) };
            }
            _ => self.note_unsynced(position, length),
        }
        Ok(())
    }

    fn drain(&self) -> Result<()> {
        if let (Some(library), PersistWay::Flush) = (&self.library, self.way) {
            // SAFETY: it has no preconditions.
            unsafe { (library.pmem_drain)() };
            return Ok(());
        }
        let Some((start, end)) = self.unsynced.take() else { return Ok(()) };
        let start = start / PAGE * PAGE;
        let address = self.pointer("msync", start, end - start)?;
        // SAFETY: checked range that starts with a page.
        if unsafe { libc::msync(address.cast(), (end - start) as usize, libc::MS_SYNC) } != 0 {
            let error = io::Error::last_os_error();
            return Err(io_status(
                &error,
                &format!("msync of {} bytes at offset {start} of {}", end - start, self.name),
            ));
        }
        Ok(())
    }

    fn view(&self, position: u64) -> Result<ViewSource> {
        check_memory_range(&self.name, self.length, "view", position, 0)?;
        if !position.is_multiple_of(PAGE) {
            fail!(Code::Inval, "a view of {} cannot begin at offset {position}: not at a page", self.name);
        }
        Ok(ViewSource::File { file: self.file.clone(), offset: position })
    }
}

impl Drop for FileMemory {
    fn drop(&mut self) {
        let length = self.length as usize;
        match &self.library {
            // SAFETY: the mapping was made by this library, and nobody refers to it any more.
            Some(library) => unsafe {
                (library.pmem_unmap)(self.base.as_ptr().cast(), length);
            },
            // SAFETY: the mapping was made with this length, and nobody refers to it any more.
            None => unsafe {
                libc::munmap(self.base.as_ptr().cast(), length);
            },
        }
    }
}

const _: () = assert!(PAGE.is_multiple_of(CACHE_LINE));
