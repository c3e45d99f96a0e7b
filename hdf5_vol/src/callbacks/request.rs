//! Requests of asynchronous operations. There are none yet: every operation has ended when its function returns.

use super::unknown;
use crate::guard;
use crate::hdf5::Herr;
use crate::hdf5::arguments::{OptionalArguments, RequestSpecific};
use crate::hdf5::class::{Object, RequestClass};
use std::ffi::{c_int, c_void};

pub const CLASS: RequestClass = RequestClass {
    wait: Some(wait),
    notify: Some(notify),
    cancel: Some(cancel),
    specific: Some(specific),
    optional: Some(optional),
    free: Some(free),
};

type Notify = Option<unsafe extern "C" fn(*mut c_void, c_int) -> Herr>;

unsafe extern "C" fn wait(_: Object, _: u64, _: *mut c_int) -> Herr {
    guard::status(c"H5VLrequest_wait", || unknown("asynchronous operations"))
}

unsafe extern "C" fn notify(_: Object, _: Notify, _: *mut c_void) -> Herr {
    guard::status(c"H5VLrequest_notify", || unknown("asynchronous operations"))
}

unsafe extern "C" fn cancel(_: Object, _: *mut c_int) -> Herr {
    guard::status(c"H5VLrequest_cancel", || unknown("asynchronous operations"))
}

unsafe extern "C" fn specific(_: Object, _: *mut RequestSpecific) -> Herr {
    guard::status(c"H5VLrequest_specific", || unknown("asynchronous operations"))
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments) -> Herr {
    guard::status(c"H5VLrequest_optional", || unknown("asynchronous operations"))
}

unsafe extern "C" fn free(_: Object) -> Herr {
    guard::status(c"H5VLrequest_free", || unknown("asynchronous operations"))
}
