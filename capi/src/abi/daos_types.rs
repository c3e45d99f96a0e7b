//! `daos_types.h`: handles, object ids, anchors, events and other types that every part of the API uses.

use super::*;
use core::ffi::{c_char, c_int, c_uint};

/// A size or a count of bytes or records.
pub type daos_size_t = u64;
/// An offset in bytes or records.
pub type daos_off_t = u64;
/// A point in the history of a container: a reading of the hybrid logical clock.
pub type daos_epoch_t = u64;
/// A distribution key or an attribute key: any bytes, at least one.
pub type daos_key_t = d_iov_t;
/// The completion of one asynchronous call.
pub type daos_event_t = daos_event;

pub const DAOS_ANCHOR_BUF_MAX: c_int = 104;
pub const DAOS_ATTR_NAME_MAX: c_int = 511;
pub const DAOS_EPOCH_MAX: u64 = !0u64;
pub const DAOS_EQ_NOWAIT: c_int = 0;
pub const DAOS_EQ_WAIT: c_int = -1;
pub const DAOS_HKEY_MAX: c_int = 32;
pub const DAOS_PC_EX: c_uint = 1u32 << 2;
pub const DAOS_PC_MASK: c_uint = (1u32 << DAOS_PC_NBITS) - 1;
pub const DAOS_PC_NBITS: c_int = 3;
pub const DAOS_PC_RO: c_uint = 1u32 << 0;
pub const DAOS_PC_RW: c_uint = 1u32 << 1;
pub const DAOS_SYS_INFO_STRING_MAX: c_int = 63;
pub const DAOS_SYS_NAME_MAX: c_int = 15;
pub const DAOS_UUID_STR_SIZE: c_int = 37;
pub const UUID_SST_LOWER: c_int = -1;
pub const UUID_SST_NONE: c_int = 0;
pub const UUID_SST_UPPER: c_int = 1;

c_enum! {
    /// States of a `daos_anchor_t`.
    pub enum daos_anchor_type_t: c_uint {
        DAOS_ANCHOR_TYPE_ZERO = 0,
        DAOS_ANCHOR_TYPE_HKEY = 1,
        DAOS_ANCHOR_TYPE_KEY = 2,
        DAOS_ANCHOR_TYPE_EOF = 3,
    }
}

c_enum! {
    /// Which events `daos_eq_query` reports.
    pub enum daos_eq_query_t: c_uint {
        DAOS_EQR_COMPLETED = 1,
        DAOS_EQR_WAITING = 2,
        DAOS_EQR_ALL = 3,
    }
}

c_enum! {
    /// States of an event.
    pub enum daos_ev_status_t: c_uint {
        DAOS_EVS_READY = 0,
        DAOS_EVS_RUNNING = 1,
        DAOS_EVS_COMPLETED = 2,
        DAOS_EVS_ABORTED = 3,
    }
}

c_enum! {
    /// Kinds of handles.
    pub enum anonymous: c_uint {
        DAOS_HTYPE_EQ = 1,
        DAOS_HTYPE_POOL = 3,
        DAOS_HTYPE_CO = 5,
        DAOS_HTYPE_OBJ = 7,
        DAOS_HTYPE_ARRAY = 9,
        DAOS_HTYPE_TX = 11,
        DAOS_HTYPE_KV = 13,
    }
}

/// Where an enumeration goes on. All zero starts at the beginning; `daos_anchor_is_eof` says when it has ended.
/// The caller owns it and must not change it between the calls of one enumeration.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_anchor_t {
    pub da_type: u16,
    pub da_shard: u16,
    pub da_flags: u32,
    pub da_sub_anchors: u64,
    pub da_buf: [u8; 104],
}

/// A handle of an open pool, container, object, array, key-value object, transaction or event queue. Passed by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_handle_t {
    pub cookie: u64,
}

/// Epochs from `epr_lo` to `epr_hi`, both included.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_epoch_range_t {
    pub epr_lo: daos_epoch_t,
    pub epr_hi: daos_epoch_t,
}

/// What `daos_cont_query` and `daos_cont_open` tell about a container.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_cont_info_t {
    pub ci_uuid: uuid_t,
    pub ci_lsnapshot: daos_epoch_t,
    pub ci_nhandles: u32,
    pub ci_nsnapshots: u32,
    pub ci_md_otime: u64,
    pub ci_md_mtime: u64,
}

/// The completion of one asynchronous call. Only `ev_error` is for the caller: zero or a negative `DER_*` number, valid
/// once the event has completed. It must stay where it is from `daos_event_init` to `daos_event_fini`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_event {
    pub ev_error: c_int,
    pub ev_private: AnonymousEventPrivate,
    pub ev_debug: u64,
}

/// The library's own part of an event.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AnonymousEventPrivate {
    pub space: [u64; 20],
}

/// A list of targets, each given by rank and by index on that rank.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct d_tgt_list {
    pub tl_ranks: *mut d_rank_t,
    pub tl_tgts: *mut i32,
    pub tl_nr: u32,
}

/// The 128-bit name of an object. The upper 32 bits of `hi` are the library's: `daos_obj_generate_oid` sets them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_id_t {
    pub lo: u64,
    pub hi: u64,
}

/// Where a rank is reached.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_rank_uri {
    pub dru_rank: u32,
    pub dru_uri: *mut c_char,
}

/// What the local agent knows about a system.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_sys_info {
    pub dsi_system_name: [c_char; 64],
    pub dsi_fabric_provider: [c_char; 64],
    pub dsi_agent_path: [c_char; 4096],
    pub dsi_nr_ranks: u32,
    pub dsi_ranks: *mut daos_rank_uri,
    pub dsi_nr_ms_ranks: u32,
    pub dsi_ms_ranks: *mut u32,
}
