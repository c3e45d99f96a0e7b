//! Management of a system.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Stops the service of a pool where it leads, for tests of what follows. One service keeps the metadata of all pools: it goes elsewhere by
/// `dmg system stop --ranks`.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_stop_svc(_poh: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_pool_stop_svc")
}
