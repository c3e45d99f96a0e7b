//! `daos_array.h`: arrays of fixed-size cells over an object.

use super::*;
use core::ffi::c_int;

pub const DAOS_ARRAY_LIST_IO_LIMIT: c_int = 16384;
pub const DAOS_ARRAY_RG_LEN_THD: c_int = 16;

/// Cells `rg_idx` to `rg_idx + rg_len - 1` of an array.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_range_t {
    pub rg_idx: daos_off_t,
    pub rg_len: daos_size_t,
}

/// The ranges of an array that one call reads or writes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_iod_t {
    pub arr_nr: daos_size_t,
    pub arr_rgs: *mut daos_range_t,
    pub arr_nr_short_read: daos_size_t,
    pub arr_nr_read: daos_size_t,
}

/// The size of an array and when it was last changed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_array_stbuf_t {
    pub st_size: daos_size_t,
    pub st_max_epoch: daos_epoch_t,
}
