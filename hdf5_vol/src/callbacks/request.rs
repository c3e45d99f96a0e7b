//! Requests of asynchronous operations: each leads to a transfer that was started. What has no request has ended when its function returns.

use super::unknown;
use crate::daos::Operation;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::guard;
use crate::hdf5::arguments::{OptionalArguments, RequestSpecific, request_specific};
use crate::hdf5::class::{Object, RequestClass};
use crate::hdf5::{Herr, library};
use std::ffi::{c_int, c_void};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

pub const CLASS: RequestClass = RequestClass {
    wait: Some(wait),
    notify: Some(notify),
    cancel: Some(cancel),
    specific: Some(specific),
    optional: Some(optional),
    free: Some(free),
};

/// `H5VL_request_status_t`.
mod status {
    use std::ffi::c_int;
    pub const IN_PROGRESS: c_int = 0;
    pub const SUCCEEDED: c_int = 1;
    pub const FAILED: c_int = 2;
    pub const CANNOT_CANCEL: c_int = 3;
}

/// Wait as long as it takes (`H5ES_WAIT_FOREVER`).
const FOREVER: u64 = u64::MAX;
/// What is said of times that are not measured.
const UNKNOWN_TIME: u64 = u64::MAX;

/// What HDF5 holds.
struct Pending {
    /// Gone when it was closed, which waits for all of its operations.
    file: Weak<File>,
    operation: Rc<Operation>,
}

impl Pending {
    unsafe fn of<'a>(request: Object) -> Result<&'a Self> {
        // SAFETY: null, or what `give` gave.
        unsafe { request.cast::<Self>().as_ref() }.ok_or_else(|| Failure::new(Minor::BadValue, "there is no request"))
    }

    /// Lets operations of its file go on; false when it is done.
    fn go_on(&self, wait: bool) -> bool {
        // A closed file has waited for all of them.
        if let Some(file) = self.file.upgrade().filter(|_| !self.operation.is_done()) {
            // An error has ended it, and its outcome says so.
            let _told_by_outcome = file.go_on(wait);
            return !self.operation.is_done();
        }
        false
    }

    fn status(&self) -> c_int {
        match self.operation.outcome() {
            _ if !self.operation.is_done() => status::IN_PROGRESS,
            Ok(()) => status::SUCCEEDED,
            Err(_) => status::FAILED,
        }
    }
}

/// Gives an operation to HDF5.
pub fn give(file: &Rc<File>, operation: Rc<Operation>) -> Object {
    Box::into_raw(Box::new(Pending { file: Rc::downgrade(file), operation })).cast()
}

/// Now, for calls that wait no longer than they are told.
#[expect(clippy::disallowed_methods, reason = "HDF5 says how long to wait in nanoseconds of the real clock")]
fn now() -> Instant {
    Instant::now()
}

unsafe extern "C" fn wait(request: Object, timeout_ns: u64, result: *mut c_int) -> Herr {
    guard::status(c"H5VLrequest_wait", || {
        // SAFETY: HDF5 gives what it got.
        let pending = unsafe { Pending::of(request)? };
        let end = (timeout_ns != FOREVER).then(|| now() + Duration::from_nanos(timeout_ns.min(i64::MAX as u64)));
        while pending.go_on(end.is_none()) {
            if end.is_some_and(|end| now() >= end) {
                break;
            }
            std::thread::yield_now();
        }
        // SAFETY: HDF5 gives a place.
        unsafe { *result = pending.status() };
        Ok(())
    })
}

type Notify = Option<unsafe extern "C" fn(*mut c_void, c_int) -> Herr>;

/// Calls a function when the operation is done, which is waited for: there is nobody else to call it.
unsafe extern "C" fn notify(request: Object, function: Notify, data: *mut c_void) -> Herr {
    guard::status(c"H5VLrequest_notify", || {
        // SAFETY: HDF5 gives what it got.
        let pending = unsafe { Pending::of(request)? };
        while pending.go_on(true) {}
        if let Some(function) = function {
            // SAFETY: the function is the program's.
            unsafe { function(data, pending.status()) };
        }
        Ok(())
    })
}

/// What was sent to the engine cannot be called back.
unsafe extern "C" fn cancel(request: Object, result: *mut c_int) -> Herr {
    guard::status(c"H5VLrequest_cancel", || {
        // SAFETY: HDF5 gives what it got, and a place.
        unsafe {
            let now = Pending::of(request)?.status();
            *result = if now == status::IN_PROGRESS { status::CANNOT_CANCEL } else { now };
        }
        Ok(())
    })
}

unsafe extern "C" fn specific(request: Object, arguments: *mut RequestSpecific) -> Herr {
    guard::status(c"H5VLrequest_specific", || {
        // SAFETY: HDF5 gives what it got, and arguments whose operation says what is in them.
        unsafe {
            let (pending, arguments) = (Pending::of(request)?, &mut *arguments);
            match arguments.operation {
                request_specific::ERROR_STACK => {
                    let failure = pending.operation.outcome().err();
                    arguments.arguments.stack = library().error_stack(failure.as_ref())?.release();
                }
                request_specific::TIMES => {
                    let times = arguments.arguments.times;
                    for place in [times.begin, times.duration] {
                        if !place.is_null() {
                            *place = UNKNOWN_TIME;
                        }
                    }
                }
                _ => return unknown("this question about a request"),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments) -> Herr {
    guard::status(c"H5VLrequest_optional", || unknown("this operation on a request"))
}

/// Ends a request. Its operation goes on, and the file waits for it when it is flushed or closed.
unsafe extern "C" fn free(request: Object) -> Herr {
    guard::status(c"H5VLrequest_free", || {
        if !request.is_null() {
            // SAFETY: HDF5 gives what it got, for the last time.
            drop(unsafe { Box::from_raw(request.cast::<Pending>()) });
        }
        Ok(())
    })
}
