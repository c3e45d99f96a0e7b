//! System calls that the standard library does not have, for tests.
#![allow(unsafe_code, reason = "system calls on numbers, on paths that end in a zero and on memory of the caller")]

use std::ffi::CString;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn name(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zeros")
}

fn done(result: libc::c_int) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// The error number of a result that must be one.
pub fn number<T>(result: Result<T>) -> i32 {
    match result {
        Ok(_) => 0,
        Err(error) => error.raw_os_error().expect("an error of the system"),
    }
}

pub fn make_special(path: &Path, mode: u32) -> Result<()> {
    // SAFETY: the name ends in a zero.
    done(unsafe { libc::mknod(name(path).as_ptr(), mode, 0) })
}

pub fn rename_with(from: &Path, to: &Path, flags: u32) -> Result<()> {
    let (from, to) = (name(from), name(to));
    // SAFETY: the names end in a zero.
    done(unsafe { libc::renameat2(libc::AT_FDCWD, from.as_ptr(), libc::AT_FDCWD, to.as_ptr(), flags) })
}

pub fn set_times(path: &Path, times: [(i64, i64); 2]) -> Result<()> {
    let times = times.map(|(tv_sec, tv_nsec)| libc::timespec { tv_sec, tv_nsec });
    // SAFETY: the name ends in a zero, and there are two times.
    let result =
        unsafe { libc::utimensat(libc::AT_FDCWD, name(path).as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    done(result)
}

/// Closes a file; unlike a drop, this tells what went wrong.
pub fn close(file: File) -> Result<()> {
    // SAFETY: the descriptor is open, and nobody else's any more.
    done(unsafe { libc::close(file.into_raw_fd()) })
}

pub fn allocate(file: &File, mode: i32, offset: u64, length: u64) -> Result<()> {
    // SAFETY: the descriptor is open.
    done(unsafe { libc::fallocate(file.as_raw_fd(), mode, offset as i64, length as i64) })
}

pub fn lock(file: &File, operation: i32) -> Result<()> {
    // SAFETY: the descriptor is open.
    done(unsafe { libc::flock(file.as_raw_fd(), operation) })
}

pub fn lock_range(file: &File, kind: i32, (start, length): (i64, i64)) -> Result<()> {
    // SAFETY: all fields may be zero.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence, lock.l_start, lock.l_len) = (kind as i16, libc::SEEK_SET as i16, start, length);
    // SAFETY: the descriptor is open, and the lock lives until the call returns.
    done(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) })
}

pub fn set_attribute(path: &Path, key: &str, value: &[u8], flags: i32) -> Result<()> {
    let key = CString::new(key).expect("no zeros");
    // SAFETY: the names end in a zero, and the value has the length that is given.
    done(unsafe { libc::setxattr(name(path).as_ptr(), key.as_ptr(), value.as_ptr().cast(), value.len(), flags) })
}

pub fn attribute(path: &Path, key: &str) -> Result<Vec<u8>> {
    let key = CString::new(key).expect("no zeros");
    let mut value = vec![0; 1 << 16];
    // SAFETY: the names end in a zero, and there is room for the length that is given.
    let length = unsafe { libc::getxattr(name(path).as_ptr(), key.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).map_err(|_| Error::last_os_error())?);
    Ok(value)
}

pub fn attribute_names(path: &Path) -> Result<Vec<String>> {
    let mut names = vec![0; 1 << 16];
    // SAFETY: the name ends in a zero, and there is room for the length that is given.
    let length = unsafe { libc::listxattr(name(path).as_ptr(), names.as_mut_ptr().cast(), names.len()) };
    names.truncate(usize::try_from(length).map_err(|_| Error::last_os_error())?);
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

pub fn remove_attribute(path: &Path, key: &str) -> Result<()> {
    let key = CString::new(key).expect("no zeros");
    // SAFETY: the names end in a zero.
    done(unsafe { libc::removexattr(name(path).as_ptr(), key.as_ptr()) })
}

pub fn is_root() -> bool {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// A mapping of a file.
pub struct Mapping {
    address: *mut u8,
    length: usize,
}

impl Mapping {
    pub fn new(file: &File, length: usize, shared: bool) -> Result<Mapping> {
        let flags = if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at a place of the kernel's choice, of a file that is open.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, rights, flags, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            Err(Error::last_os_error())
        } else {
            Ok(Mapping { address: address.cast(), length })
        }
    }

    pub fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is that long, lives as long as this, and no other reference to it is given out.
        unsafe { std::slice::from_raw_parts_mut(self.address, self.length) }
    }

    pub fn sync(&self) -> Result<()> {
        // SAFETY: the mapping is that long.
        done(unsafe { libc::msync(self.address.cast(), self.length, libc::MS_SYNC) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.address.cast(), self.length) };
    }
}

/// An open directory whose positions are told.
pub struct Stream(*mut libc::DIR);

impl Stream {
    pub fn open(path: &Path) -> Stream {
        // SAFETY: the name ends in a zero.
        let stream = unsafe { libc::opendir(name(path).as_ptr()) };
        assert!(!stream.is_null(), "{}: {}", path.display(), Error::last_os_error());
        Stream(stream)
    }

    /// The next name.
    pub fn next(&mut self) -> Option<String> {
        // SAFETY: the stream is open, and the entry is read before the next call.
        unsafe {
            let entry = libc::readdir(self.0);
            (!entry.is_null())
                .then(|| std::ffi::CStr::from_ptr((*entry).d_name.as_ptr()).to_string_lossy().into_owned())
        }
    }

    pub fn position(&self) -> i64 {
        // SAFETY: the stream is open.
        unsafe { libc::telldir(self.0) }
    }

    pub fn seek(&mut self, position: i64) {
        // SAFETY: the stream is open, and the position is one that it has told.
        unsafe { libc::seekdir(self.0, position) }
    }

    pub fn rewind(&mut self) {
        // SAFETY: the stream is open.
        unsafe { libc::rewinddir(self.0) }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: the stream is open, and not used afterwards.
        unsafe { libc::closedir(self.0) };
    }
}
