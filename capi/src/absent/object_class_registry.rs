//! Classes of objects that users define.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Defines a class of objects.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_register_class(
    _coh: daos_handle_t,
    _cid: daos_oclass_id_t,
    _attr: *mut daos_oclass_attr,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_obj_register_class")
}

/// Tells what a class of objects is.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_query_class(
    _coh: daos_handle_t,
    _cid: daos_oclass_id_t,
    _attr: *mut daos_oclass_attr,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_obj_query_class")
}

/// Lists the classes that were defined.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_obj_list_class(
    _coh: daos_handle_t,
    _list: *mut daos_oclass_list,
    _anchor: *mut daos_anchor_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_obj_list_class")
}
