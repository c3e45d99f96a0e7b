//! `daos_obj.h`: objects: keys, I/O descriptors, flags.

use super::*;
use core::ffi::{c_int, c_uint};

pub const DAOS_IOMF_DETAIL: c_uint = 0x1u32;
pub const DAOS_OCH_RDD_BITS: c_int = 4;
pub const DAOS_OCH_RDD_MASK: u64 = DAOS_OCH_RDD_MAX_VAL << DAOS_OCH_RDD_SHIFT;
pub const DAOS_OCH_RDD_MAX_VAL: u64 = (1u64 << DAOS_OCH_RDD_BITS) - 1;
pub const DAOS_OCH_RDD_SHIFT: c_int = 0;
pub const DAOS_OCH_SHD_BITS: c_int = 6;
pub const DAOS_OCH_SHD_MASK: u64 = DAOS_OCH_SHD_MAX_VAL << DAOS_OCH_SHD_SHIFT;
pub const DAOS_OCH_SHD_MAX_VAL: u64 = (1u64 << DAOS_OCH_SHD_BITS) - 1;
pub const DAOS_OCH_SHD_SHIFT: c_int = DAOS_OCH_RDD_BITS;
pub const DAOS_OIT_MARKER_MAX_LEN: c_int = 32;
pub const IO_FLAGS_COND_BITS: c_int = 8;
pub const OID_FMT_CLASS_BITS: c_int = 8;
pub const OID_FMT_CLASS_MASK: u64 = OID_FMT_CLASS_MAX << OID_FMT_CLASS_SHIFT;
pub const OID_FMT_CLASS_MAX: u64 = (1u64 << OID_FMT_CLASS_BITS) - 1;
pub const OID_FMT_CLASS_SHIFT: c_int = OID_FMT_TYPE_SHIFT - OID_FMT_CLASS_BITS;
pub const OID_FMT_INTR_BITS: c_int = 32;
pub const OID_FMT_META_BITS: c_int = 16;
pub const OID_FMT_META_MASK: u64 = OID_FMT_META_MAX << OID_FMT_META_SHIFT;
pub const OID_FMT_META_MAX: u64 = (1u64 << OID_FMT_META_BITS) - 1;
pub const OID_FMT_META_SHIFT: c_int = OID_FMT_CLASS_SHIFT - OID_FMT_META_BITS;
pub const OID_FMT_TYPE_BITS: c_int = 8;
pub const OID_FMT_TYPE_MASK: u64 = OID_FMT_TYPE_MAX << OID_FMT_TYPE_SHIFT;
pub const OID_FMT_TYPE_MAX: u64 = (1u64 << OID_FMT_TYPE_BITS) - 1;
pub const OID_FMT_TYPE_SHIFT: c_int = 64 - OID_FMT_TYPE_BITS;

c_enum! {
    /// What an object is used as: how its keys are ordered and whether it is an array or a key-value object.
    pub enum daos_otype_t: c_uint {
        DAOS_OT_MULTI_HASHED = 0,
        DAOS_OT_OIT = 1,
        DAOS_OT_DKEY_UINT64 = 2,
        DAOS_OT_AKEY_UINT64 = 3,
        DAOS_OT_MULTI_UINT64 = 4,
        DAOS_OT_DKEY_LEXICAL = 5,
        DAOS_OT_AKEY_LEXICAL = 6,
        DAOS_OT_MULTI_LEXICAL = 7,
        DAOS_OT_KV_HASHED = 8,
        DAOS_OT_KV_UINT64 = 9,
        DAOS_OT_KV_LEXICAL = 10,
        DAOS_OT_ARRAY = 11,
        DAOS_OT_ARRAY_ATTR = 12,
        DAOS_OT_ARRAY_BYTE = 13,
        DAOS_OT_OIT_V2 = 14,
        DAOS_OT_MAX = 14,
    }
}

c_enum! {
    /// Conditions of an update, fetch or punch: the call fails when what is named is there, or is not.
    pub enum anonymous: c_uint {
        DAOS_COND_PUNCH = 1,
        DAOS_COND_DKEY_INSERT = 2,
        DAOS_COND_DKEY_UPDATE = 4,
        DAOS_COND_DKEY_FETCH = 8,
        DAOS_COND_AKEY_INSERT = 16,
        DAOS_COND_AKEY_UPDATE = 32,
        DAOS_COND_AKEY_FETCH = 64,
        DAOS_COND_PER_AKEY = 128,
        DAOS_COND_MASK = 255,
    }
}

c_enum! {
    /// Modes of `daos_obj_open`.
    pub enum anonymous: c_uint {
        DAOS_OO_RO = 2,
        DAOS_OO_RW = 4,
        DAOS_OO_EXCL = 8,
        DAOS_OO_IO_RAND = 16,
        DAOS_OO_IO_SEQ = 32,
    }
}

c_enum! {
    /// A record size that is not known yet.
    pub enum anonymous: c_uint {
        DAOS_REC_ANY = 0,
    }
}

c_enum! {
    /// What `daos_obj_query_key` looks for.
    pub enum anonymous: c_uint {
        DAOS_GET_MAX = 1,
        DAOS_GET_MIN = 2,
        DAOS_GET_DKEY = 4,
        DAOS_GET_AKEY = 8,
        DAOS_GET_RECX = 16,
    }
}

c_enum! {
    /// Hints about redundancy (`RDD`) and spread (`SHD`) of an object.
    pub enum anonymous: c_uint {
        DAOS_OCH_RDD_DEF = 1,
        DAOS_OCH_RDD_NO = 2,
        DAOS_OCH_RDD_RP = 4,
        DAOS_OCH_RDD_EC = 8,
        DAOS_OCH_SHD_DEF = 16,
        DAOS_OCH_SHD_TINY = 32,
        DAOS_OCH_SHD_REG = 64,
        DAOS_OCH_SHD_HI = 128,
        DAOS_OCH_SHD_EXT = 256,
        DAOS_OCH_SHD_MAX = 512,
    }
}

c_enum! {
    /// What is stored under an akey.
    pub enum daos_iod_type_t: c_uint {
        DAOS_IOD_NONE = 0,
        DAOS_IOD_SINGLE = 1,
        DAOS_IOD_ARRAY = 2,
    }
}

/// The attributes of an object.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_obj_attr {
    pub oa_rank: d_rank_t,
    pub oa_oa: *mut daos_oclass_attr,
}

/// A contiguous range of records of an array value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_recx_t {
    pub rx_idx: u64,
    pub rx_nr: u64,
}

/// What to fetch or update under one akey: a single value (`DAOS_IOD_SINGLE`) of `iod_size` bytes, or `iod_nr` extents
/// `iod_recxs` of an array of records of `iod_size` bytes each (`DAOS_IOD_ARRAY`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_iod_t {
    pub iod_name: daos_key_t,
    pub iod_type: daos_iod_type_t,
    pub iod_size: daos_size_t,
    pub iod_flags: u64,
    pub iod_nr: u32,
    pub iod_recxs: *mut daos_recx_t,
}

/// Which extents of an array a fetch found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_iom_t {
    pub iom_type: daos_iod_type_t,
    pub iom_nr: u32,
    pub iom_nr_out: u32,
    pub iom_flags: u32,
    pub iom_size: daos_size_t,
    pub iom_recx_lo: daos_recx_t,
    pub iom_recx_hi: daos_recx_t,
    pub iom_recxs: *mut daos_recx_t,
}

/// The length of one enumerated key, in bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_key_desc_t {
    pub kd_key_len: daos_size_t,
    pub kd_val_type: u32,
}
