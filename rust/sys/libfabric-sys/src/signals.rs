//! What programs do about signals is theirs: libraries that are loaded on the way do not change it.
//!
//! Debian's libfabric brings libinfinipath and libpsm2 along, whose constructors install handlers of their own, for SIGTERM, SIGINT and SIGSEGV among others.
//! They print a backtrace and call `exit`, which may wait for ever for a lock that the interrupted thread holds.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// Calls `load`, and puts back what was to be done about each signal, where code that `load` has brought into the process has changed it. What other threads
/// change meanwhile stays.
pub(crate) fn keep<T>(load: impl FnOnce() -> T) -> T {
    let before: Vec<(c_int, libc::sigaction)> =
        (1..=libc::SIGRTMAX()).filter_map(|signal| Some((signal, action(signal)?))).collect();
    let objects = objects();
    let loaded = load();
    for (signal, old) in before {
        let is_foreign = |handler| object_of(handler).is_some_and(|object| !objects.contains(&object));
        let changed = action(signal).filter(|new| new.sa_sigaction != old.sa_sigaction);
        if changed.is_some_and(|new| is_foreign(new.sa_sigaction)) {
            // SAFETY: the action is one that the system gave; its handler was in force just now.
            unsafe { libc::sigaction(signal, &old, core::ptr::null_mut()) };
        }
    }
    loaded
}

/// What is done about a signal; nothing if there is no such signal.
pub(crate) fn action(signal: c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is changed, and there is space for the answer, which any bytes are valid for.
    let result = unsafe { libc::sigaction(signal, core::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: as above.
    (result == 0).then(|| unsafe { action.assume_init() })
}

/// The program headers of all that is loaded: an address that is the object's own.
fn objects() -> Vec<usize> {
    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
        // SAFETY: the linker gives a description, and `found` is the vector that was given to it.
        let (info, found) = unsafe { (&*info, &mut *found.cast::<Vec<usize>>()) };
        found.push(info.dlpi_phdr as usize);
        0
    }
    let mut found: Vec<usize> = Vec::new();
    // SAFETY: the function has the linker's signature, and the vector outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut found).cast()) };
    found
}

/// The object that an address lies in, by the address of its program headers.
fn object_of(address: usize) -> Option<usize> {
    unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _: usize, asked: *mut c_void) -> c_int {
        // SAFETY: the linker gives a description with its headers, and `asked` is the pair that was given to it.
        let (info, asked) = unsafe { (&*info, &mut *asked.cast::<(usize, Option<usize>)>()) };
        // SAFETY: the headers are as many as the description says.
        let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let is_inside = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).any(|header| {
            let begin = (info.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
            asked.0.wrapping_sub(begin) < header.p_memsz as usize
        });
        if is_inside {
            asked.1 = Some(info.dlpi_phdr as usize);
        }
        c_int::from(is_inside)
    }
    let mut asked: (usize, Option<usize>) = (address, None);
    // SAFETY: the function has the linker's signature, and the pair outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut asked).cast()) };
    asked.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_what_it_was_loaded_with() {
        let own = object_of(objects as *const () as usize);
        assert!(own.is_some_and(|own| objects().contains(&own)));
        assert_ne!(object_of(libc::getpid as *const () as usize), own, "another library's");
        assert_eq!(object_of(8), None);
    }

    #[test]
    fn what_the_program_changes_meanwhile_stays() {
        extern "C" fn handler(_: c_int) {}
        let set = |to: usize| {
            let mut new = action(libc::SIGUSR2).expect("a signal");
            new.sa_sigaction = to;
            // SAFETY: a handler with the right signature that does nothing, or the default.
            assert_eq!(unsafe { libc::sigaction(libc::SIGUSR2, &new, core::ptr::null_mut()) }, 0);
        };
        let own = handler as *const () as usize;
        keep(|| set(own));
        assert_eq!(action(libc::SIGUSR2).expect("a signal").sa_sigaction, own);
        set(libc::SIG_DFL);
    }
}
