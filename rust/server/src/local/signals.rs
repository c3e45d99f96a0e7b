//! The signals that end an engine, as a descriptor to wait on.
#![allow(unsafe_code, reason = "signals have no safe wrapper in the standard library")]

use daos_status::{Result, Status};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// SIGTERM and SIGINT, blocked for the process and read from a descriptor instead.
pub(crate) struct StopSignals(OwnedFd);

impl StopSignals {
    /// Blocks the signals for this thread and those it starts from now on. Also lets writes beyond the limit of file sizes
    /// (`ulimit -f`) fail instead of ending the process.
    pub fn block() -> Result<StopSignals> {
        let failed = || Status::from(std::io::Error::last_os_error()).while_doing("waiting for signals");
        // SAFETY: an all-zero signal set is valid memory for the calls to fill.
        let mut signals: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set is ours.
        unsafe {
            libc::sigemptyset(&raw mut signals);
            libc::sigaddset(&raw mut signals, libc::SIGTERM);
            libc::sigaddset(&raw mut signals, libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
        }
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // SAFETY: plain system call; the result is checked.
        let descriptor = unsafe { libc::signalfd(-1, &raw const signals, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(failed());
        }
        // SAFETY: the descriptor was just opened and nobody else owns it.
        Ok(StopSignals(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Becomes readable when a signal has come.
    pub fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The signal that has come, if one has.
    pub fn take(&self) -> Option<&'static str> {
        // SAFETY: an all-zero structure is valid memory for the kernel to fill.
        let mut signal: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let length = size_of::<libc::signalfd_siginfo>();
        // SAFETY: pointer and length are those of the structure.
        let count = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut signal).cast(), length) };
        match usize::try_from(count) {
            Ok(count) if count == length => Some(match signal.ssi_signo as i32 {
                libc::SIGTERM => "SIGTERM",
                _ => "SIGINT",
            }),
            _ => None,
        }
    }
}
