//! System calls that the standard library does not have.
#![allow(unsafe_code, reason = "system calls on numbers, on a file that is open and on a path that ends in a zero")]

use crate::error::Result;
use crate::inode::Timestamp;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Effective user and group of the process.
pub(crate) fn owner_of_process() -> (u32, u32) {
    // SAFETY: the calls take nothing and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Sets the time of the last modification; of a symbolic link its own.
pub(crate) fn set_mtime(path: &Path, mtime: Timestamp) -> Result<()> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(std::io::Error::from)?;
    let omitted = libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT };
    let times = [omitted, libc::timespec { tv_sec: mtime.seconds, tv_nsec: i64::from(mtime.nanoseconds) }];
    // SAFETY: the name ends in a zero, and there are two times.
    let result = unsafe { libc::utimensat(libc::AT_FDCWD, name.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    if result != 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}

/// Where data begins in a file, from an offset on; `None` when only a hole is left. A file system that does not know says
/// that all is data.
pub(crate) fn next_data(file: &File, offset: u64) -> Option<u64> {
    let Ok(start) = i64::try_from(offset) else { return Some(offset) };
    // SAFETY: the descriptor is open; its position is not used by anybody.
    let found = unsafe { libc::lseek(file.as_raw_fd(), start, libc::SEEK_DATA) };
    match u64::try_from(found) {
        Ok(found) => Some(found),
        Err(_) if std::io::Error::last_os_error().raw_os_error() == Some(libc::ENXIO) => None,
        Err(_) => Some(offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt, MetadataExt};

    #[test]
    fn holes_are_skipped_and_times_are_set() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("sparse");
        let file = File::create(&path).expect("a file");
        file.write_all_at(b"x", 64 << 20).expect("written");
        let data = next_data(&file, 0).expect("there is data");
        assert!(data <= 64 << 20);
        assert_eq!(next_data(&file, 1 << 40), None);
        let time = Timestamp { seconds: 1_000_000_000, nanoseconds: 5 };
        set_mtime(&path, time).expect("set");
        let metadata = std::fs::metadata(&path).expect("there");
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1_000_000_000, 5));
        assert!(set_mtime(&directory.path().join("missing"), time).is_err());
    }
}
