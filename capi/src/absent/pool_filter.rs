//! Finding containers of a pool by their properties, and single targets.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Prepares a filter over the containers of a pool.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_init(_filt: *mut daos_pool_cont_filter_t, _combine_func: u32) -> c_int {
    not_there("daos_pool_cont_filter_init")
}

/// Adds a condition to a filter.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_add(
    _filt: *mut daos_pool_cont_filter_t,
    _part: *mut daos_pool_cont_filter_part_t,
) -> c_int {
    not_there("daos_pool_cont_filter_add")
}

/// Frees what a filter holds.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_cont_filter_fini(_filt: *mut daos_pool_cont_filter_t) {
    not_there("daos_pool_cont_filter_fini");
}

/// Lists the containers of a pool that a filter lets through.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_filter_cont(
    _poh: daos_handle_t,
    _filter: *mut daos_pool_cont_filter_t,
    _ncont: *mut daos_size_t,
    _cbuf: *mut daos_pool_cont_info2,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_pool_filter_cont")
}

/// Tells the state and the space of one target.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pool_query_target(
    _poh: daos_handle_t,
    _tgt: u32,
    _rank: d_rank_t,
    _info: *mut daos_target_info_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_pool_query_target")
}
