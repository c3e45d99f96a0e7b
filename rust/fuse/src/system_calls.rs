//! System calls that the standard library does not have.
#![allow(unsafe_code, reason = "system calls on numbers and on paths that end in a zero")]

use std::ffi::CString;
use std::io::{Error, PipeReader, Result};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Effective user and group of the process.
pub fn owner_of_process() -> (u32, u32) {
    // SAFETY: the calls take nothing and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Whether this user may read and write a file.
pub fn may_use(path: &Path) -> bool {
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the name ends in a zero.
    unsafe { libc::access(name.as_ptr(), libc::R_OK | libc::W_OK) == 0 }
}

/// Takes the mount at a path away; with `detach` also when it is in use: it then ends with its last user.
pub fn unmount(path: &Path, detach: bool) -> Result<()> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let flags = if detach { libc::MNT_DETACH } else { 0 };
    // SAFETY: the name ends in a zero.
    match unsafe { libc::umount2(name.as_ptr(), flags) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// The signals that end the program.
fn ending_signals() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` writes the whole set, to which signals that exist are added.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Holds back the signals that end the program, in this thread and those that it starts.
pub fn hold_back_signals() {
    let set = ending_signals();
    // SAFETY: the set is whole, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
}

/// Waits for one of the signals that were held back.
pub fn wait_for_signal() -> i32 {
    let set = ending_signals();
    let mut signal = 0;
    // SAFETY: the set is whole, and there is room for a number.
    while unsafe { libc::sigwait(&set, &mut signal) } != 0 {}
    signal
}

/// Connects standard error with a file that is open.
pub fn replace_standard_error(file: &std::fs::File) -> Result<()> {
    // SAFETY: both descriptors are open.
    match unsafe { libc::dup2(file.as_raw_fd(), libc::STDERR_FILENO) } {
        -1 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Lets reads from a pipe wait for bytes.
pub fn let_block(pipe: &PipeReader) -> Result<()> {
    // SAFETY: the descriptor is open, and its flags are ours to change.
    match unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, 0) } {
        -1 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The longest value of an extended attribute that is read.
const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// An extended attribute of a path.
pub fn attribute(path: &Path, name: &[u8]) -> Result<Vec<u8>> {
    let (path, name) = (CString::new(path.as_os_str().as_bytes())?, CString::new(name)?);
    let mut value = vec![0; ATTRIBUTE_BYTES_MAX];
    // SAFETY: both names end in a zero, and there is room for the length that is given.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    let Ok(length) = usize::try_from(length) else { return Err(Error::last_os_error()) };
    value.truncate(length);
    Ok(value)
}
