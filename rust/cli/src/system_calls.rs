//! System calls that the standard library lacks.
#![allow(
    unsafe_code,
    reason = "system calls: statvfs, extended attributes, signals, credentials of a socket's peer, process descriptors"
)]

use std::ffi::CString;
use std::io::{Error, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What a system call returned, or its error.
fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// An extended attribute of a path, whose value has so many bytes at most.
pub fn attribute(path: &Path, name: &str, length_max: usize) -> Result<Vec<u8>> {
    let (path, name) = (CString::new(path.as_os_str().as_bytes())?, CString::new(name)?);
    let mut value = vec![0; length_max];
    // SAFETY: both names end in a zero, and there is room for the length that is given.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(check(length as libc::c_long)? as usize);
    Ok(value)
}

/// Gives a path an extended attribute that it does not have yet.
pub fn set_attribute(path: &Path, name: &str, value: &[u8]) -> Result<()> {
    let (path, name) = (CString::new(path.as_os_str().as_bytes())?, CString::new(name)?);
    // SAFETY: both names end in a zero, and the value has the length that is given.
    let result =
        unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), libc::XATTR_CREATE) };
    check(result.into()).map(drop)
}

/// The process that listens at the other end of a connection.
pub fn peer_process(stream: &UnixStream) -> Result<u32> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the structure has the length that is passed, and the descriptor is open.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    check(result.into())?;
    Ok(credentials.pid.unsigned_abs())
}

/// A process, held so that its number cannot come to mean another one.
pub struct ProcessHandle(OwnedFd);

impl ProcessHandle {
    /// The process of this number.
    pub fn open(process: u32) -> Result<ProcessHandle> {
        // SAFETY: the call takes numbers only, and a descriptor that it returns is ours.
        unsafe {
            let descriptor = check(libc::syscall(libc::SYS_pidfd_open, process, 0))?;
            Ok(ProcessHandle(OwnedFd::from_raw_fd(descriptor as i32)))
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) -> Result<()> {
        let no_details = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and without details there is no pointer.
        let result =
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), libc::SIGTERM, no_details, 0) };
        check(result).map(drop)
    }

    /// Waits until it has ended; `false` when it has not within the time.
    pub fn wait(&self, limit: Duration) -> Result<bool> {
        let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let limit = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one structure is passed, and one is announced.
        Ok(check(unsafe { libc::poll(&raw mut poll, 1, limit) }.into())? > 0)
    }
}

/// Signals that interrupt a command.
const INTERRUPTS: &[libc::c_int] = &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

fn interrupts() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set, and the signals that are added exist.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in INTERRUPTS.iter().filter(|signal| !is_ignored(**signal)) {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Whether the process was started with the signal ignored, as nohup does and shells do for what runs in the background:
/// such a signal must not be taken.
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the answer is as large as the call fills it, and nothing is changed.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Keeps interrupting signals from this thread and those that it starts, for [`wait_for_interrupt`] to take.
pub fn block_interrupts() -> Result<()> {
    let set = interrupts();
    // SAFETY: the set is initialised; the old one is not asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(Error::from_raw_os_error(error)),
    }
}

/// Waits for an interrupting signal.
pub fn wait_for_interrupt() -> Result<()> {
    let set = interrupts();
    let mut signal = 0;
    // SAFETY: both places are valid for the call.
    match unsafe { libc::sigwait(&raw const set, &raw mut signal) } {
        0 => Ok(()),
        error => Err(Error::from_raw_os_error(error)),
    }
}

/// SIGTERM and SIGINT, blocked for the process and waited for instead. Programs that it starts have them unblocked.
pub struct StopSignals(libc::sigset_t);

impl StopSignals {
    /// Blocks the signals for this thread and those it starts from now on.
    pub fn block() -> Result<StopSignals> {
        // SAFETY: an all-zero signal set is valid memory for the calls to fill.
        let mut signals: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set is ours.
        let result = unsafe {
            libc::sigemptyset(&raw mut signals);
            libc::sigaddset(&raw mut signals, libc::SIGTERM);
            libc::sigaddset(&raw mut signals, libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut())
        };
        if result == 0 { Ok(StopSignals(signals)) } else { Err(Error::from_raw_os_error(result)) }
    }

    /// Waits for so long; tells whether a signal has come.
    pub fn wait(&self, limit: Duration) -> bool {
        let limit = libc::timespec {
            tv_sec: limit.as_secs().min(i32::MAX as u64) as libc::time_t,
            tv_nsec: i64::from(limit.subsec_nanos()),
        };
        // SAFETY: set and limit live through the call, and nothing is to be told about the signal.
        unsafe { libc::sigtimedwait(&raw const self.0, std::ptr::null_mut(), &raw const limit) > 0 }
    }
}

/// Asks a child to end.
pub fn terminate(child: u32) -> Result<()> {
    // SAFETY: the call takes numbers only. A child that was not waited for keeps its number.
    check(unsafe { libc::kill(child as libc::pid_t, libc::SIGTERM) }.into()).map(drop)
}

/// Lets a process be killed when this one is.
pub fn end_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec one system call is made, which takes numbers only.
    unsafe {
        command.pre_exec(|| check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL).into()).map(drop));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_told_to_end_and_waited_for() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep is there");
        let handle = ProcessHandle::open(child.id()).expect("it runs");
        assert!(!handle.wait(Duration::ZERO).expect("it can be waited for"), "it runs");
        handle.terminate().expect("it is ours");
        assert!(handle.wait(Duration::from_secs(60)).expect("it can be waited for"));
        child.wait().expect("it is our child");
        assert!(handle.terminate().is_err(), "it is gone");
    }

    #[test]
    fn the_peer_of_a_pair_of_sockets_is_ourselves() {
        let (one, _other) = UnixStream::pair().expect("descriptors are left");
        assert_eq!(peer_process(&one).expect("it is connected"), std::process::id());
    }
}
