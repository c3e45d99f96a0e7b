//! The wall between C and Rust.

use core::ffi::c_int;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use daos_dfs::DfsError;
use daos_env::log;
use daos_status::{Code, Result, Status};

use crate::abi::daos_event_t;
use crate::completion::run;
use crate::pointer::Caller;

/// Runs the body of an exported function of libdaos: zero, or a negative DER number after one log line.
///
/// # Safety
/// The caller of the exported function kept the promises in its documentation about the pointers it passed.
pub unsafe fn guard(function: &str, body: impl FnOnce(Caller) -> Result<()>) -> c_int {
    // SAFETY: the caller of this function promises it.
    let caller = unsafe { Caller::promised() };
    match caught(function, || body(caller)) {
        Ok(()) => 0,
        Err(status) => report(function, &status).to_der(),
    }
}

/// The same for a function that may be given an event. As with upstream's library, an invalid handle is then told by the event: the
/// call itself gives zero. Arguments that make no sense are told at once.
///
/// # Safety
/// As for [`guard`].
pub unsafe fn guard_call(
    function: &'static str,
    event: *mut daos_event_t,
    body: impl FnOnce(Caller) -> Result<()>,
) -> c_int {
    // SAFETY: the caller of this function promises it.
    let caller = unsafe { Caller::promised() };
    let told = caught(function, || {
        body(caller).or_else(|status| match status.code() {
            Code::NoHdl if !event.is_null() => run(caller, function, event, move |_client| async move { Err(status) }),
            _ => Err(status),
        })
    });
    match told {
        Ok(()) => 0,
        Err(status) => report(function, &status).to_der(),
    }
}

/// The same for a function that returns a count, zero or more, when it succeeds.
///
/// # Safety
/// As for [`guard`].
pub unsafe fn guard_count(function: &str, body: impl FnOnce(Caller) -> Result<c_int>) -> c_int {
    // SAFETY: the caller of this function promises it.
    let caller = unsafe { Caller::promised() };
    match caught(function, || body(caller)) {
        Ok(count) => count,
        Err(status) => report(function, &status).to_der(),
    }
}

/// The same for a function of libdfs or libduns: zero, or a positive errno.
///
/// # Safety
/// As for [`guard`].
pub unsafe fn guard_errno(function: &str, body: impl FnOnce(Caller) -> Result<(), DfsError>) -> c_int {
    // SAFETY: the caller of this function promises it.
    let caller = unsafe { Caller::promised() };
    match caught(function, || body(caller)) {
        Ok(()) => 0,
        Err(error) => error.end(function),
    }
}

/// An error that can end at an exported function.
pub trait Failure: From<Status> + Send + 'static {
    /// Logs it, once, and gives the number that the caller gets.
    fn end(&self, function: &str) -> c_int;
}

impl Failure for Status {
    fn end(&self, function: &str) -> c_int {
        report(function, self).to_der()
    }
}

impl Failure for DfsError {
    fn end(&self, function: &str) -> c_int {
        match self.errno {
            // What programs ask for in their normal course, and answer themselves.
            libc::ENOENT | libc::EEXIST | libc::ENODATA | libc::ENOTDIR | libc::ENOTEMPTY | libc::EISDIR => {
                log!(Debug, "libdfs", "{function}: {self}");
            }
            _ => log!(Warn, "libdfs", "{function}: {self}"),
        }
        self.errno
    }
}

/// The same for a function without a result; `fallback` is returned after a panic or an error.
///
/// # Safety
/// As for [`guard`].
pub unsafe fn guard_value<T>(function: &str, fallback: T, body: impl FnOnce(Caller) -> Result<T>) -> T {
    // SAFETY: the caller of this function promises it.
    let caller = unsafe { Caller::promised() };
    match caught(function, || body(caller)) {
        Ok(value) => value,
        Err(status) => {
            report(function, &status);
            fallback
        }
    }
}

/// Logs an error that ends here, once, at the level it deserves, and gives it back.
pub fn report<'a>(function: &str, status: &'a Status) -> &'a Status {
    match status.code() {
        // What programs ask for in their normal course, and answer themselves.
        Code::Nonexist
        | Code::Exist
        | Code::Enoent
        | Code::ContNonexist
        | Code::Trunc
        | Code::RecordTooBig
        | Code::TxRestart
        | Code::Canceled => {
            log!(Debug, "libdaos", "{function}: {status}");
        }
        _ => log!(Warn, "libdaos", "{function}: {status}"),
    }
    status
}

fn caught<T, E: Failure>(function: &str, body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    // What a panic leaves behind is guarded by locks that recover or is not looked at again.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(fault(function, &*payload).into()))
}

/// The error that a panic becomes; one that ends a call from where it can give none is itself.
pub(crate) fn fault(function: &str, payload: &(dyn Any + Send)) -> Status {
    if let Some(status) = payload.downcast_ref::<Status>() {
        return status.clone();
    }
    Status::new(Code::Misc, format!("{function} failed inside the library: {}", words_of(payload)))
}

/// What a panic said.
pub(crate) fn words_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_errors_become_numbers() {
        // SAFETY: no pointer is involved.
        unsafe {
            assert_eq!(guard("f", |_| Ok(())), 0);
            assert_eq!(guard("f", |_| Err(Status::new(Code::Exist, "x"))), -1004);
            assert_eq!(guard_errno("f", |_| Err(Status::new(Code::Exist, "x").into())), libc::EEXIST);
            assert_eq!(guard_errno("f", |_| panic!("on purpose")), libc::EIO);
            assert_eq!(guard("f", |_| panic!("on purpose")), -1025);
            assert_eq!(guard_value("f", 7, |_| panic!("on purpose")), 7);
        }
    }
}
