//! Ending calls early.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Asks for the end of the call that an event is running for.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_event_abort(_ev: *mut daos_event_t) -> c_int {
    not_there("daos_event_abort")
}
