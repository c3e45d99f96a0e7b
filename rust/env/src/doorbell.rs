//! A descriptor that another thread rings to end a wait.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An event counter of the kernel (`eventfd`): rung from any thread, waited for by one.
#[derive(Debug)]
pub struct Doorbell {
    /// None in simulations, where nobody waits.
    descriptor: Option<OwnedFd>,
    rung: AtomicBool,
}

impl Doorbell {
    /// A bell that has not been rung.
    pub fn new() -> std::io::Result<Doorbell> {
        // SAFETY: plain system call; the result is checked below.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and nobody else owns it.
        let descriptor = Some(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(Doorbell { descriptor, rung: AtomicBool::new(false) })
    }

    /// A bell without a descriptor, for simulations: [`Doorbell::is_rung`] tells.
    pub fn simulated() -> Doorbell {
        Doorbell { descriptor: None, rung: AtomicBool::new(false) }
    }

    /// Whether it was rung and not cleared since.
    pub fn is_rung(&self) -> bool {
        self.rung.load(Ordering::SeqCst)
    }

    /// Makes the descriptor readable.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        let Some(descriptor) = &self.descriptor else { return };
        let one: u64 = 1;
        // SAFETY: eight bytes are read from `one`. A full counter (EAGAIN) leaves the bell rung, which is what we want.
        unsafe { libc::write(descriptor.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Makes the descriptor unreadable again.
    pub fn clear(&self) {
        self.rung.store(false, Ordering::SeqCst);
        let Some(descriptor) = &self.descriptor else { return };
        let mut count: u64 = 0;
        // SAFETY: eight bytes are written to `count`. EAGAIN says that it was not rung.
        unsafe { libc::read(descriptor.as_raw_fd(), (&raw mut count).cast(), 8) };
    }

    /// The descriptor to wait on for reading.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }
}

/// Rings when it is dropped, also by a panic: for threads of which somebody waits to hear that they have ended.
pub struct RingAtEnd(pub Arc<Doorbell>);

impl Drop for RingAtEnd {
    fn drop(&mut self) {
        self.0.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_rings() {
        let bell = Arc::new(Doorbell::simulated());
        let ring = RingAtEnd(bell.clone());
        let thread = std::thread::spawn(move || {
            let _ring = ring;
            panic!("planted");
        });
        assert!(thread.join().is_err() && bell.is_rung());
    }
}
