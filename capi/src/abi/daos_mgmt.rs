//! `daos_mgmt.h`: system management.

use super::*;
use core::ffi::c_uint;

c_enum! {
    /// Parameters of `daos_debug_set_params`.
    pub enum anonymous: c_uint {
        DMG_KEY_FAIL_LOC = 0,
        DMG_KEY_FAIL_VALUE = 1,
        DMG_KEY_FAIL_NUM = 2,
        DMG_KEY_NUM = 3,
    }
}

/// One pool of a system.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_mgmt_pool_info_t {
    pub mgpi_uuid: uuid_t,
    pub mgpi_label: d_string_t,
    pub mgpi_svc: *mut d_rank_list_t,
    pub mgpi_ldr: d_rank_t,
}
