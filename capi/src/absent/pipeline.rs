//! Filters and aggregations that run where the data is.

use core::ffi::c_int;

use super::not_there;
use crate::abi::*;

/// Prepares a filter.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_filter_init(_filter: *mut daos_filter_t) {
    not_there("daos_filter_init");
}

/// Adds a part to a filter.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_filter_add(_filter: *mut daos_filter_t, _part: *mut daos_filter_part_t) -> c_int {
    not_there("daos_filter_add")
}

/// Prepares a pipeline.
///
/// It is not there yet, and does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pipeline_init(_pipeline: *mut daos_pipeline_t) {
    not_there("daos_pipeline_init");
}

/// Adds a filter to a pipeline.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pipeline_add(_pipeline: *mut daos_pipeline_t, _filter: *mut daos_filter_t) -> c_int {
    not_there("daos_pipeline_add")
}

/// Tells whether a pipeline is well formed.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pipeline_check(_pipeline: *mut daos_pipeline_t) -> c_int {
    not_there("daos_pipeline_check")
}

/// Frees what a pipeline holds.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pipeline_free(_pipeline: *mut daos_pipeline_t) -> c_int {
    not_there("daos_pipeline_free")
}

/// Runs a pipeline over an object.
///
/// @return -DER_NOSYS: it is not there yet
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daos_pipeline_run(
    _coh: daos_handle_t,
    _oh: daos_handle_t,
    _pipeline: *mut daos_pipeline_t,
    _th: daos_handle_t,
    _flags: u64,
    _dkey: *mut daos_key_t,
    _nr_iods: *mut u32,
    _iods: *mut daos_iod_t,
    _anchor: *mut daos_anchor_t,
    _nr_kds: *mut u32,
    _kds: *mut daos_key_desc_t,
    _sgl_keys: *mut d_sg_list_t,
    _sgl_recx: *mut d_sg_list_t,
    _recx_size: *mut daos_size_t,
    _sgl_agg: *mut d_sg_list_t,
    _stats: *mut daos_pipeline_stats_t,
    _ev: *mut daos_event_t,
) -> c_int {
    not_there("daos_pipeline_run")
}
