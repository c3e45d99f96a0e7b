//! Starting and ending the use of the library.

use core::ffi::c_int;

use crate::guard::guard;
use crate::process;

/// Starts the use of the library. It may be called any number of times; each call needs one of daos_fini.
///
/// Nothing is contacted yet. Without a configured system, the engine of a local directory is used: `DAOS_LOCAL_PATH`, else
/// `$XDG_DATA_HOME/daos`, else `~/.local/share/daos`; it is started by the first call that needs it.
///
/// @return zero, -DER_INVAL when no directory is known, -DER_NOMEM
///
/// All functions of the library may be called from any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_init() -> c_int {
    // SAFETY: there is no pointer.
    unsafe { guard("daos_init", |_| process::initialise()) }
}

/// Ends the use of the library; the last call closes all handles and detaches.
///
/// @return zero, -DER_UNINIT without daos_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_fini() -> c_int {
    // SAFETY: there is no pointer.
    unsafe { guard("daos_fini", |_| process::finalise()) }
}

/// Starts anew in a process that was forked after daos_init; handles of the parent are unknown in it. Until then every
/// call that needs the system gives -DER_UNINIT there. In a process that was not forked it does nothing.
///
/// A child that `_Fork` or `clone` made, which run no handlers, is a child like others where no thread of its parent was inside the library at that
/// instant. Otherwise calls that need what such a thread held give -DER_UNINIT, this one as well.
///
/// @return zero, -DER_UNINIT without daos_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_reinit() -> c_int {
    // SAFETY: there is no pointer.
    unsafe { guard("daos_reinit", |_| process::reinitialise()) }
}
