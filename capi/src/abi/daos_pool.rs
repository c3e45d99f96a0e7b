//! `daos_pool.h`: pools.

use super::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// A filter over the containers of a pool.
pub type daos_pool_cont_filter_t = daos_pool_cont_filter;
/// One condition of a filter.
pub type daos_pool_cont_filter_part_t = daos_pool_cont_filter_part;

pub const DAOS_POOL_CONT_FILTER_MAX_NPARTS: c_int = 8;

c_enum! {
    /// The state of a target.
    pub enum daos_target_state_t: c_uint {
        DAOS_TS_UNKNOWN = 0,
        DAOS_TS_DOWN_OUT = 1,
        DAOS_TS_DOWN = 2,
        DAOS_TS_UP = 3,
        DAOS_TS_UP_IN = 4,
        DAOS_TS_NEW = 5,
        DAOS_TS_DRAIN = 6,
    }
}

c_enum! {
    /// Kinds of media.
    pub enum daos_media_type_t: c_uint {
        DAOS_MEDIA_SCM = 0,
        DAOS_MEDIA_NVME = 1,
        DAOS_MEDIA_MAX = 2,
    }
}

c_enum! {
    /// The state of a rebuild.
    pub enum daos_rebuild_state_t: c_uint {
        DRS_IN_PROGRESS = 0,
        DRS_NOT_STARTED = 1,
        DRS_COMPLETED = 2,
    }
}

c_enum! {
    /// Flags of a rebuild.
    pub enum daos_rebuild_status_flag: c_uint {
        DAOS_RSF_DEGRADED = 1,
    }
}

c_enum! {
    /// Parts of `daos_pool_info_t` that a query fills.
    pub enum daos_pool_info_bit: c_int {
        DPI_SPACE = 1,
        DPI_REBUILD_STATUS = 2,
        DPI_ENGINES_ENABLED = 4,
        DPI_ENGINES_DISABLED = 8,
        DPI_ENGINES_DEAD = 16,
        DPI_REBUILD_MAX_LAYOUT_VER = 32,
        DPI_SELF_HEAL_POLICY = 64,
        DPI_ALL = -1,
    }
}

c_enum! {
    /// Comparisons of a filter over containers.
    pub enum daos_pool_cont_filter_func: c_uint {
        PCF_FUNC_EQ = 0,
        PCF_FUNC_NE = 1,
        PCF_FUNC_LT = 2,
        PCF_FUNC_LE = 3,
        PCF_FUNC_GT = 4,
        PCF_FUNC_GE = 5,
        PCF_FUNC_MAX = 6,
    }
}

c_enum! {
    /// What a filter over containers compares.
    pub enum daos_pool_cont_filter_key: c_uint {
        PCF_KEY_MD_OTIME = 0,
        PCF_KEY_MD_MTIME = 1,
        PCF_KEY_NUM_SNAPSHOTS = 2,
        PCF_KEY_NUM_HANDLES = 3,
        PCF_KEY_MAX = 4,
    }
}

c_enum! {
    /// How the conditions of a filter are combined.
    pub enum daos_pool_cont_filter_combine: c_uint {
        PCF_COMBINE_LOGICAL_AND = 0,
        PCF_COMBINE_LOGICAL_OR = 1,
    }
}

/// Reserved for figures about the speed of a target.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_target_perf_t {
    pub foo: c_int,
}

/// Bytes in all and free, by media type.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_space {
    pub s_total: [u64; 2],
    pub s_free: [u64; 2],
}

/// The state and space of one target.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_target_info_t {
    pub ta_padding: u32,
    pub ta_state: daos_target_state_t,
    pub ta_perf: daos_target_perf_t,
    pub ta_space: daos_space,
}

/// The space of a pool: in all, and how evenly it is free over its targets.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_space {
    pub ps_space: daos_space,
    pub ps_free_min: [u64; 2],
    pub ps_free_max: [u64; 2],
    pub ps_free_mean: [u64; 2],
    pub ps_ntargets: u32,
    pub ps_padding: u32,
}

/// How far a rebuild is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_rebuild_status {
    pub rs_version: u32,
    pub rs_seconds: u32,
    pub rs_errno: i32,
    pub anonymous: AnonymousRebuildState,
    pub rs_max_supported_layout_ver: u16,
    pub rs_flags: u8,
    pub rs_reserved_: u8,
    pub rs_fail_rank: i32,
    pub rs_toberb_obj_nr: u64,
    pub rs_obj_nr: u64,
    pub rs_rec_nr: u64,
    pub rs_size: u64,
}

/// The state of a rebuild; `rs_done` is its former name.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnonymousRebuildState {
    pub rs_state: i32,
    pub rs_done: i32,
}

/// What `daos_pool_query` tells. Set `pi_bits` to the `DPI_*` parts that are wanted before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_info_t {
    pub pi_uuid: uuid_t,
    pub pi_ntargets: u32,
    pub pi_nnodes: u32,
    pub pi_ndisabled: u32,
    pub pi_map_ver: u32,
    pub pi_leader: u32,
    pub pi_bits: u64,
    pub pi_space: daos_pool_space,
    pub pi_rebuild_st: daos_rebuild_status,
}

/// The UUID and label of a container.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_cont_info {
    pub pci_uuid: uuid_t,
    pub pci_label: [c_char; 128],
}

/// The UUID, label and state of a container.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_cont_info2 {
    pub pci_id: daos_pool_cont_info,
    pub pci_cinfo: daos_cont_info_t,
    pub pci_reserved: [*mut c_void; 2],
}

/// One condition of a filter over containers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_cont_filter_part {
    pub pcfp_func: u32,
    pub pcfp_key: u32,
    pub anonymous: AnonymousFilterValue,
}

/// What a condition compares with.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnonymousFilterValue {
    pub pcfp_val64: u64,
    pub pcfp_valstr: d_string_t,
}

/// A filter over containers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_pool_cont_filter {
    pub pcf_combine_func: u32,
    pub pcf_nparts: u32,
    pub pcf_parts: *mut *mut daos_pool_cont_filter_part,
}
