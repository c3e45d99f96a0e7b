//! Functions that programs may be linked with and that are not there yet. Each says so in one line and gives -DER_NOSYS, or
//! NULL or false where it has no number to give; none touches what it is given. `tests/c/abi_layout.c` prints them.

use core::ffi::c_int;

use daos_status::{Code, Status};

use crate::guard::report;

pub mod pipeline;
pub mod storage_s3;

/// What such a function gives.
fn not_there(function: &str) -> c_int {
    let status = Status::new(Code::Nosys, "this function is not there yet");
    report(function, &status).to_der()
}
