//! Signals of a program, which threads of our own must not get.

/// Blocks every signal for the threads that are started while it lives: signals belong to the program's own threads.
pub struct SignalMask(libc::sigset_t);

impl SignalMask {
    /// Blocks all signals in this thread, which threads that it starts have from it.
    #[must_use]
    pub fn block_all() -> SignalMask {
        // SAFETY: an all-zero signal set is valid memory for the calls to fill.
        let (mut all, mut old): (libc::sigset_t, libc::sigset_t) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        // SAFETY: both sets are ours; blocking signals in this thread touches nothing else.
        unsafe {
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        }
        SignalMask(old)
    }
}

impl Drop for SignalMask {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the kernel.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}
