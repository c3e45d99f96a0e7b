//! The end of a command by a signal, at a moment that suits it.

use crate::system_calls::{block_interrupts, wait_for_interrupt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a process that SIGINT ended, as shells say it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Takes interrupting signals: while a command cannot be ended halfway, the first one only tells it, and the second one
/// ends the process; before, each ends the process.
pub struct Interrupts {
    orderly: Arc<AtomicBool>,
}

impl Interrupts {
    /// Begins to take signals. To be called before other threads are started, so that none of them takes one; `tell` is
    /// called for the first signal after [`Interrupts::end_orderly`].
    pub fn take(tell: impl Fn() + Send + 'static) -> std::io::Result<Interrupts> {
        block_interrupts()?;
        let orderly = Arc::new(AtomicBool::new(false));
        let theirs = orderly.clone();
        std::thread::spawn(move || {
            // A failed wait ends this thread; SIGKILL still works.
            while wait_for_interrupt().is_ok() {
                if !theirs.swap(false, Ordering::SeqCst) {
                    // A closed standard error takes nothing away from the end.
                    let _ignored = std::io::Write::write_all(&mut std::io::stderr(), b"interrupted\n");
                    std::process::exit(EXIT_INTERRUPTED.into());
                }
                tell();
            }
        });
        Ok(Interrupts { orderly })
    }

    /// From now on the next signal only tells.
    pub fn end_orderly(&self) {
        self.orderly.store(true, Ordering::SeqCst);
    }
}
