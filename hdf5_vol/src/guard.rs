//! The border to C: nothing panics across it, and every error becomes a sentence on HDF5's stack.

use crate::detour;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{FAIL, Herr, SUCCEED};
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a callback that gives a number.
pub fn number(function: &CStr, body: impl FnOnce() -> Result<Herr>) -> Herr {
    run(function, FAIL, body)
}

/// Runs a callback that only succeeds or fails.
pub fn status(function: &CStr, body: impl FnOnce() -> Result<()>) -> Herr {
    run(function, FAIL, || body().map(|()| SUCCEED))
}

/// Runs a callback that gives an object.
pub fn object(function: &CStr, body: impl FnOnce() -> Result<*mut c_void>) -> *mut c_void {
    run(function, std::ptr::null_mut(), body)
}

/// Runs something of which others wait to hear what came of it.
pub fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(fault(panic.as_ref())))
}

fn run<T>(function: &CStr, failed: T, body: impl FnOnce() -> Result<T>) -> T {
    let is_wanted = detour::enter();
    match caught(body) {
        Ok(value) => value,
        Err(mut failure) => {
            detour::leave(&mut failure, is_wanted);
            failure.push(function);
            failed
        }
    }
}

fn fault(panic: &(dyn std::any::Any + Send)) -> Failure {
    Failure::new(Minor::Internal, format!("a fault of the connector: {}", said(panic)))
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say what")
}
