//! What a program that dies of a signal prints.

use core::ffi::{c_int, c_void};
use std::sync::{Mutex, PoisonError};

/// The signals that mean a fault of the program.
const FATAL: [c_int; 6] = [libc::SIGILL, libc::SIGFPE, libc::SIGBUS, libc::SIGSEGV, libc::SIGABRT, libc::SIGTRAP];

/// The most frames that are printed.
const FRAMES_MAX: usize = 256;

/// What was in force for each signal of [`FATAL`] before; none when ours are not in force.
static BEFORE: Mutex<Option<[libc::sigaction; FATAL.len()]>> = Mutex::new(None);

unsafe extern "C" {
    fn backtrace(frames: *mut *mut c_void, size: c_int) -> c_int;
    fn backtrace_symbols_fd(frames: *const *mut c_void, size: c_int, descriptor: c_int);
}

/// Prints the calls that led to a fatal signal to the standard error, and dies of the signal then.
extern "C" fn report(signal: c_int) {
    const HEAD: &[u8] = b"the program received a fatal signal; it was called from:\n";
    let mut frames = [core::ptr::null_mut(); FRAMES_MAX];
    // SAFETY: only functions that may be called in a handler, on memory of ours (backtrace was called once before, so that it
    // loads no library here). The default action is restored first, so that a fault in here ends the program too.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::write(2, HEAD.as_ptr().cast(), HEAD.len());
        let count = backtrace(frames.as_mut_ptr(), FRAMES_MAX as c_int);
        backtrace_symbols_fd(frames.as_ptr(), count, 2);
        libc::raise(signal);
    }
}

/// Prints the calls on the stack when the program dies of a fault from now on, or no longer. Handlers that were there before
/// are put back when it ends.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_signal_stack_enable(enabled: bool) {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the structures are complete, and the handler is of the kind that they say.
    unsafe {
        if enabled && before.is_none() {
            let mut frame = core::ptr::null_mut();
            backtrace(&raw mut frame, 1);
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = report as extern "C" fn(c_int) as usize;
            let mut old: [libc::sigaction; FATAL.len()] = core::mem::zeroed();
            for (signal, old) in FATAL.into_iter().zip(&mut old) {
                libc::sigaction(signal, &raw const action, old);
            }
            *before = Some(old);
        } else if !enabled && let Some(old) = before.take() {
            for (signal, old) in FATAL.into_iter().zip(&old) {
                libc::sigaction(signal, old, core::ptr::null_mut());
            }
        }
    }
}
