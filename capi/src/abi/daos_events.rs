//! `daos_event.h`: events and event queues.

use super::*;
use core::ffi::{c_int, c_void};

/// Called once when an event completes, on the thread that completes it, with the argument given at registration and
/// the result of the call (zero or a negative `DER_*` number).
pub type daos_event_comp_cb_t =
    Option<unsafe extern "C" fn(arg: *mut c_void, ev: *mut daos_event_t, ret: c_int) -> c_int>;

pub const DAOS_EQ_DESTROY_FORCE: c_int = 1;
