//! Tables of the objects of a snapshot, and other views of objects.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Chooses objects: positive to list it, zero to leave it out, negative to stop. The header has this as a function type.
#[expect(non_camel_case_types, reason = "the name is the C API's")]
type daos_oit_filter_cb = Option<unsafe extern "C" fn(oid: daos_obj_id_t, marker: *mut d_iov_t) -> c_int>;

/// Opens the table of the objects of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_open(
    _coh: daos_handle_t,
    _epoch: daos_epoch_t,
    _oh: *mut daos_handle_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_oit_open")
}

/// Closes the table of the objects of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_close(_oh: daos_handle_t, _ev: *mut daos_event_t) -> c_int {
    not_there("daos_oit_close")
}

/// Lists the objects of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list(
    _oh: daos_handle_t,
    _oids: *mut daos_obj_id_t,
    _oids_nr: *mut u32,
    _anchor: *mut daos_anchor_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_oit_list")
}

/// Lists the objects of a snapshot that have no mark.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list_unmarked(
    _oh: daos_handle_t,
    _oids: *mut daos_obj_id_t,
    _oids_nr: *mut u32,
    _anchor: *mut daos_anchor_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_oit_list_unmarked")
}

/// Lists the objects of a snapshot that a function chooses.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_list_filter(
    _oh: daos_handle_t,
    _oids: *mut daos_obj_id_t,
    _oids_nr: *mut u32,
    _anchor: *mut daos_anchor_t,
    _filter: daos_oit_filter_cb,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_oit_list_filter")
}

/// Marks an object in the table of a snapshot.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_oit_mark(
    _oh: daos_handle_t,
    _oid: daos_obj_id_t,
    _marker: *mut d_iov_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_oit_mark")
}

/// Tells the attributes of an object and the ranks it is on.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query(
    _oh: daos_handle_t,
    _oa: *mut daos_obj_attr,
    _ranks: *mut d_rank_list_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_obj_query")
}

/// Compares the copies of an object.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_verify(_coh: daos_handle_t, _oid: daos_obj_id_t, _epoch: daos_epoch_t) -> c_int {
    not_there("daos_obj_verify")
}

/// Divides the listing of the dkeys of an object into parts for several processes.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_anchor_split(
    _oh: daos_handle_t,
    _nr: *mut u32,
    _anchors: *mut daos_anchor_t,
) -> c_int {
    not_there("daos_obj_anchor_split")
}

/// Sets an anchor to the beginning of a part of a listing.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_anchor_set(_oh: daos_handle_t, _index: u32, _anchor: *mut daos_anchor_t) -> c_int {
    not_there("daos_obj_anchor_set")
}

/// Sets an anchor to a key.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_key2anchor(
    _oh: daos_handle_t,
    _th: daos_handle_t,
    _dkey: *mut daos_key_t,
    _akey: *mut daos_key_t,
    _anchor: *mut daos_anchor_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_obj_key2anchor")
}
