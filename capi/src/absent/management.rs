//! Management of a system.

use core::ffi::{c_char, c_int};

use super::not_there;
use crate::abi::*;

/// What C makes of an argument of the array type `uuid_t`; the header says `uuid_t`.
#[expect(non_camel_case_types, reason = "stands for a name of the C API")]
type uuid_pointer = *mut u8;

/// Tells the state of a blobstore of SPDK. Engines keep none, whatever their devices are: there is no such state.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_mgmt_get_bs_state(
    _group: *const c_char,
    _blobstore_uuid: uuid_pointer,
    _blobstore_state: *mut c_int,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_mgmt_get_bs_state")
}

/// Stops the service of a pool where it leads, for tests of what follows. One service keeps the metadata of all pools: it goes elsewhere by
/// `dmg system stop --ranks`.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_stop_svc(_poh: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_pool_stop_svc")
}

/// Tells the version of the servers. Engines do not say theirs: those that speak another version of the protocol refuse a client with a
/// sentence that names both.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dc_mgmt_srv_version(
    _major: *mut u32,
    _minor: *mut u32,
    _patch: *mut u32,
    _tag: *mut *mut c_char,
) -> c_int {
    not_there("dc_mgmt_srv_version")
}
