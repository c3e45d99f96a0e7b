//! DAOS through its C API: what this connector needs of `libdaos.so.2`, and safe forms of it.

mod background;
mod beside;
mod fetches;
mod flights;
mod library;
mod mount;
mod object;
mod snapshot;
mod transfers;
mod types;

pub use background::{Background, Finish, Operation};
pub use fetches::{fetch_all, fetch_each, punch_each};
pub use mount::{Address, Mount, object_class, resolve};
pub use object::{Object, array, single};
pub use transfers::{Direction, Missing, Request, Transfers};
pub use types::{Descriptor, Event, Extent, Handle, ObjectId, Range, ScatterGather, Vector, object_type};

#[cfg(test)]
pub use types::{Anchor, ContainerInformation, ExtentMap, KeyDescriptor, UnifiedName};

use crate::failure::{Failure, Minor};
use library::daos;
use std::ffi::{CStr, c_int};

/// Hint for an object that lies on one target (`DAOS_OCH_SHD_TINY`): metadata, and little data.
pub const SMALL_OBJECT: u16 = 32;
/// Hint for an object that lies on all targets (`DAOS_OCH_SHD_MAX`): much data, which many may move at the same time.
pub const LARGE_OBJECT: u16 = 512;

/// `DER_*` numbers that are looked at here.
pub mod number {
    use std::ffi::c_int;
    pub const NO_PERMISSION: c_int = -1001;
    pub const EXISTS: c_int = -1004;
    pub const NOT_EXISTENT: c_int = -1005;
    pub const NO_SPACE: c_int = -1007;
    pub const RECORD_TOO_BIG: c_int = -2013;
}

/// A failure with DAOS's own words for a number.
pub fn failed(what: &str, result: c_int) -> Failure {
    let Ok(daos) = daos() else { return Failure::new(Minor::Internal, what) };
    // SAFETY: both functions give constant text for any number.
    let (name, text) = unsafe { (CStr::from_ptr(daos.error_name(result)), CStr::from_ptr(daos.error_text(result))) };
    let minor = match result {
        number::NO_SPACE => Minor::NoSpace,
        number::NOT_EXISTENT => Minor::NotFound,
        number::EXISTS => Minor::Exists,
        number::NO_PERMISSION => Minor::NotAllowed,
        _ => Minor::ReadError,
    };
    Failure::new(minor, format!("{what}: {} ({}, {result})", text.to_string_lossy(), name.to_string_lossy()))
}

/// A failure with the system's words for an errno, which libdfs gives. Only some of them say that there is no such file: after others it may
/// be there.
pub fn failed_file(what: &str, errno: c_int) -> Failure {
    let minor = match errno {
        libc::ENOENT | libc::ENOTDIR => Minor::NotFound,
        libc::EEXIST => Minor::Exists,
        libc::ENOSPC | libc::EDQUOT => Minor::NoSpace,
        libc::EACCES | libc::EPERM => Minor::NotAllowed,
        _ => Minor::ReadError,
    };
    Failure::new(minor, format!("{what}: {}", std::io::Error::from_raw_os_error(errno)))
}

/// The same, where something was to be changed.
pub fn failed_change(what: &str, errno: c_int) -> Failure {
    let failure = failed_file(what, errno);
    if failure.minor == Minor::ReadError { Failure { minor: Minor::WriteError, ..failure } } else { failure }
}

/// Ends an operation of libdaos.
pub fn check(what: &str, result: c_int) -> Result<(), Failure> {
    if result == 0 { Ok(()) } else { Err(failed(what, result)) }
}

/// Calls that go on while the program does.
pub mod events {
    use super::library::daos;
    use super::types::{Event, Handle};
    use super::{Failure, Minor, check};

    /// `DAOS_EQ_WAIT`.
    const FOREVER: i64 = -1;

    /// A new queue.
    pub fn queue() -> Result<Handle, Failure> {
        let mut queue = Handle::NONE;
        // SAFETY: the handle is written on success.
        check("cannot make an event queue", unsafe { daos()?.queue_create(&raw mut queue) })?;
        Ok(queue)
    }

    /// Closes a queue in which nothing is under way.
    pub fn close(queue: Handle) {
        if let Ok(daos) = daos() {
            // SAFETY: takes no pointer.
            unsafe { daos.queue_destroy(queue, 0) };
        }
    }

    /// Prepares an event, which stays where it is until its call has completed.
    pub fn prepare(event: &mut Event, queue: Handle) -> Result<(), Failure> {
        // SAFETY: the event is ours, and in a box.
        check("cannot prepare an event", unsafe { daos()?.event_init(event, queue, std::ptr::null_mut()) })
    }

    /// Ends an event.
    pub fn finish(event: &mut Event) {
        if let Ok(daos) = daos() {
            // SAFETY: the event was prepared and nothing runs with it.
            unsafe { daos.event_fini(event) };
        }
    }

    /// Waits until the call of an event has completed, without its queue.
    pub fn wait(event: &mut Event) -> Result<(), Failure> {
        let mut has_completed = false;
        // SAFETY: the event was prepared and is where it was then; the flag is ours.
        let result = unsafe { daos()?.event_test(event, FOREVER, &raw mut has_completed) };
        check("cannot wait for an event", result)?;
        if has_completed { Ok(()) } else { Err(Failure::new(Minor::Internal, "an event does not complete")) }
    }

    /// Takes up to as many completions as the list has places; waits for one when asked to. Gives their addresses.
    pub fn poll(queue: Handle, wait: bool, completed: &mut [*mut Event]) -> Result<usize, Failure> {
        let timeout = if wait { FOREVER } else { 0 };
        let places = u32::try_from(completed.len()).unwrap_or(u32::MAX);
        // SAFETY: the list has as many places.
        let count = unsafe { daos()?.queue_poll(queue, i32::from(wait), timeout, places, completed.as_mut_ptr()) };
        usize::try_from(count).map_err(|_| super::failed("cannot ask the event queue", count))
    }
}
