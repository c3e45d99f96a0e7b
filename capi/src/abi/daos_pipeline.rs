//! `daos_pipeline.h`: filters and aggregations that run where the data is.

use super::*;

/// One operand or operator of a filter.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_filter_part_t {
    pub part_type: d_iov_t,
    pub data_type: d_iov_t,
    pub num_operands: u32,
    pub akey: daos_key_t,
    pub num_constants: usize,
    pub constant: *mut d_iov_t,
    pub data_offset: usize,
    pub data_len: usize,
}

/// One filter of a pipeline.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_filter_t {
    pub filter_type: d_iov_t,
    pub num_parts: u32,
    pub parts: *mut *mut daos_filter_part_t,
}

/// Filters, then aggregations, over the dkeys of an object.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pipeline_t {
    pub version: u64,
    pub num_filters: u32,
    pub filters: *mut *mut daos_filter_t,
    pub num_aggr_filters: u32,
    pub aggr_filters: *mut *mut daos_filter_t,
}

/// What a pipeline looked at.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pipeline_stats_t {
    pub nr_objs: u64,
    pub nr_dkeys: u64,
    pub nr_akeys: u64,
}
