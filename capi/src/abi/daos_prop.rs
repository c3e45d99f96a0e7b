//! `daos_prop.h`: pool and container properties.

use super::*;
use core::ffi::{c_int, c_uint, c_void};

/// What is stored in a container, one of `DAOS_PROP_CO_LAYOUT_*`.
pub type daos_cont_layout_t = u16;

pub const DAOS_PROP_CO_CLEAR: c_int = 0x1;
pub const DAOS_PROP_CO_NUM: c_uint = DAOS_PROP_CO_MAX - DAOS_PROP_CO_MIN - 1;
pub const DAOS_PROP_CO_PERF_DOMAIN_DEFAULT: c_uint = DAOS_PROP_PERF_DOMAIN_ROOT;
pub const DAOS_PROP_CO_REDUN_DEFAULT: c_uint = DAOS_PROP_CO_REDUN_NODE;
pub const DAOS_PROP_ENTRIES_MAX_NR: c_int = 128;
pub const DAOS_PROP_LABEL_MAX_LEN: c_int = 127;
pub const DAOS_PROP_MAX_LABEL_BUF_LEN: c_int = DAOS_PROP_LABEL_MAX_LEN + 1;
pub const DAOS_PROP_PO_CHECKPOINT_FREQ_DEFAULT: c_int = 5;
pub const DAOS_PROP_PO_CHECKPOINT_FREQ_MAX: c_int = 1 << 20;
pub const DAOS_PROP_PO_CHECKPOINT_FREQ_MIN: c_int = 1;
pub const DAOS_PROP_PO_CHECKPOINT_MODE_DEFAULT: c_uint = DAOS_CHECKPOINT_TIMED;
pub const DAOS_PROP_PO_CHECKPOINT_THRESH_DEFAULT: c_int = 50;
pub const DAOS_PROP_PO_CHECKPOINT_THRESH_MAX: c_int = 75;
pub const DAOS_PROP_PO_CHECKPOINT_THRESH_MIN: c_int = 10;
pub const DAOS_PROP_PO_DATA_THRESH_DEFAULT: u64 = 1u64 << 12;
pub const DAOS_PROP_PO_EC_CELL_SZ_MAX: u64 = 1u64 << 30;
pub const DAOS_PROP_PO_EC_CELL_SZ_MIN: u64 = 1u64 << 10;
pub const DAOS_PROP_PO_NUM: c_uint = DAOS_PROP_PO_MAX - DAOS_PROP_PO_MIN - 1;
pub const DAOS_PROP_PO_PERF_DOMAIN_DEFAULT: c_uint = DAOS_PROP_PERF_DOMAIN_ROOT;
pub const DAOS_PROP_PO_REDUN_FAC_DEFAULT: c_int = 3;
pub const DAOS_PROP_PO_REDUN_FAC_MAX: c_int = 4;
pub const DAOS_PROP_PO_REINT_MODE_DEFAULT: c_uint = DAOS_REINT_MODE_DATA_SYNC;
pub const DAOS_PROP_PO_SCRUB_FREQ_DEFAULT: c_int = 604800;
pub const DAOS_PROP_PO_SCRUB_MODE_DEFAULT: c_uint = DAOS_SCRUB_MODE_OFF;
pub const DAOS_PROP_PO_SCRUB_THRESH_DEFAULT: c_int = 0;
pub const DAOS_PROP_PO_SVC_OPS_ENABLED_DEFAULT: c_int = 1;
pub const DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_DEFAULT: c_int = 300;
pub const DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MAX: c_int = 600;
pub const DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MIN: c_int = 60;
pub const DAOS_PROP_PO_SVC_REDUN_FAC_DEFAULT: c_int = 2;
pub const DAOS_PROP_PO_SVC_REDUN_FAC_MAX: c_int = 4;
pub const DAOS_SELF_HEAL_AUTO_EXCLUDE: c_uint = 1u32 << 0;
pub const DAOS_SELF_HEAL_AUTO_REBUILD: c_uint = 1u32 << 1;
pub const DAOS_SELF_HEAL_DELAY_REBUILD: c_uint = 1u32 << 2;

c_enum! {
    /// Properties of a pool.
    pub enum daos_pool_props: c_uint {
        DAOS_PROP_PO_MIN = 0,
        DAOS_PROP_PO_LABEL = 1,
        DAOS_PROP_PO_ACL = 2,
        DAOS_PROP_PO_SPACE_RB = 3,
        DAOS_PROP_PO_SELF_HEAL = 4,
        DAOS_PROP_PO_RECLAIM = 5,
        DAOS_PROP_PO_OWNER = 6,
        DAOS_PROP_PO_OWNER_GROUP = 7,
        DAOS_PROP_PO_SVC_LIST = 8,
        DAOS_PROP_PO_EC_CELL_SZ = 9,
        DAOS_PROP_PO_DATA_THRESH = 10,
        DAOS_PROP_PO_REDUN_FAC = 11,
        DAOS_PROP_PO_EC_PDA = 12,
        DAOS_PROP_PO_RP_PDA = 13,
        DAOS_PROP_PO_GLOBAL_VERSION = 14,
        DAOS_PROP_PO_UPGRADE_STATUS = 15,
        DAOS_PROP_PO_SCRUB_MODE = 16,
        DAOS_PROP_PO_SCRUB_FREQ = 17,
        DAOS_PROP_PO_SCRUB_THRESH = 18,
        DAOS_PROP_PO_SVC_REDUN_FAC = 19,
        DAOS_PROP_PO_OBJ_VERSION = 20,
        DAOS_PROP_PO_PERF_DOMAIN = 21,
        DAOS_PROP_PO_CHECKPOINT_MODE = 22,
        DAOS_PROP_PO_CHECKPOINT_FREQ = 23,
        DAOS_PROP_PO_CHECKPOINT_THRESH = 24,
        DAOS_PROP_PO_REINT_MODE = 25,
        DAOS_PROP_PO_SVC_OPS_ENABLED = 26,
        DAOS_PROP_PO_SVC_OPS_ENTRY_AGE = 27,
        DAOS_PROP_PO_MAX = 28,
    }
}

c_enum! {
    /// How far the upgrade of a pool is.
    pub enum anonymous: c_uint {
        DAOS_UPGRADE_STATUS_NOT_STARTED = 0,
        DAOS_UPGRADE_STATUS_IN_PROGRESS = 1,
        DAOS_UPGRADE_STATUS_COMPLETED = 2,
        DAOS_UPGRADE_STATUS_FAILED = 3,
    }
}

c_enum! {
    /// Levels at which placement spreads for speed.
    pub enum anonymous: c_uint {
        DAOS_PROP_PERF_DOMAIN_ROOT = 255,
        DAOS_PROP_PERF_DOMAIN_GROUP = 200,
    }
}

c_enum! {
    /// When space is reclaimed.
    pub enum anonymous: c_uint {
        DAOS_RECLAIM_DISABLED = 0,
        DAOS_RECLAIM_LAZY = 1,
        DAOS_RECLAIM_SNAPSHOT = 2,
        DAOS_RECLAIM_BATCH = 3,
        DAOS_RECLAIM_TIME = 4,
    }
}

c_enum! {
    /// What a reintegrated target keeps.
    pub enum anonymous: c_uint {
        DAOS_REINT_MODE_DATA_SYNC = 0,
        DAOS_REINT_MODE_NO_DATA_SYNC = 1,
        DAOS_REINT_MODE_INCREMENTAL = 2,
    }
}

c_enum! {
    /// When checksums of stored data are verified.
    pub enum anonymous: c_uint {
        DAOS_SCRUB_MODE_OFF = 0,
        DAOS_SCRUB_MODE_LAZY = 1,
        DAOS_SCRUB_MODE_TIMED = 2,
        DAOS_SCRUB_MODE_INVALID = 3,
    }
}

c_enum! {
    /// When checkpoints are written.
    pub enum anonymous: c_uint {
        DAOS_CHECKPOINT_DISABLED = 0,
        DAOS_CHECKPOINT_TIMED = 1,
        DAOS_CHECKPOINT_LAZY = 2,
    }
}

c_enum! {
    /// What is stored in a container.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_LAYOUT_UNKNOWN = 0,
        DAOS_PROP_CO_LAYOUT_UNKOWN = 0,
        DAOS_PROP_CO_LAYOUT_POSIX = 1,
        DAOS_PROP_CO_LAYOUT_HDF5 = 2,
        DAOS_PROP_CO_LAYOUT_PYTHON = 3,
        DAOS_PROP_CO_LAYOUT_SPARK = 4,
        DAOS_PROP_CO_LAYOUT_DATABASE = 5,
        DAOS_PROP_CO_LAYOUT_ROOT = 6,
        DAOS_PROP_CO_LAYOUT_SEISMIC = 7,
        DAOS_PROP_CO_LAYOUT_METEO = 8,
        DAOS_PROP_CO_LAYOUT_MAX = 9,
    }
}

c_enum! {
    /// Checksum algorithms.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_CSUM_OFF = 0,
        DAOS_PROP_CO_CSUM_CRC16 = 1,
        DAOS_PROP_CO_CSUM_CRC32 = 2,
        DAOS_PROP_CO_CSUM_CRC64 = 3,
        DAOS_PROP_CO_CSUM_SHA1 = 4,
        DAOS_PROP_CO_CSUM_SHA256 = 5,
        DAOS_PROP_CO_CSUM_SHA512 = 6,
        DAOS_PROP_CO_CSUM_ADLER32 = 7,
        DAOS_PROP_CO_CSUM_SV_OFF = 0,
        DAOS_PROP_CO_CSUM_SV_ON = 1,
    }
}

c_enum! {
    /// Deduplication.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_DEDUP_OFF = 0,
        DAOS_PROP_CO_DEDUP_MEMCMP = 1,
        DAOS_PROP_CO_DEDUP_HASH = 2,
    }
}

c_enum! {
    /// Compression algorithms.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_COMPRESS_OFF = 0,
        DAOS_PROP_CO_COMPRESS_LZ4 = 1,
        DAOS_PROP_CO_COMPRESS_DEFLATE = 2,
        DAOS_PROP_CO_COMPRESS_DEFLATE1 = 3,
        DAOS_PROP_CO_COMPRESS_DEFLATE2 = 4,
        DAOS_PROP_CO_COMPRESS_DEFLATE3 = 5,
        DAOS_PROP_CO_COMPRESS_DEFLATE4 = 6,
    }
}

c_enum! {
    /// Encryption algorithms.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_ENCRYPT_OFF = 0,
        DAOS_PROP_CO_ENCRYPT_AES_XTS128 = 1,
        DAOS_PROP_CO_ENCRYPT_AES_XTS256 = 2,
        DAOS_PROP_CO_ENCRYPT_AES_CBC128 = 3,
        DAOS_PROP_CO_ENCRYPT_AES_CBC192 = 4,
        DAOS_PROP_CO_ENCRYPT_AES_CBC256 = 5,
        DAOS_PROP_CO_ENCRYPT_AES_GCM128 = 6,
        DAOS_PROP_CO_ENCRYPT_AES_GCM256 = 7,
    }
}

c_enum! {
    /// How many failures at once a container survives.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_REDUN_RF0 = 0,
        DAOS_PROP_CO_REDUN_RF1 = 1,
        DAOS_PROP_CO_REDUN_RF2 = 2,
        DAOS_PROP_CO_REDUN_RF3 = 3,
        DAOS_PROP_CO_REDUN_RF4 = 4,
        DAOS_RF_MAX = 4,
    }
}

c_enum! {
    /// The fault domain that counts as one failure.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_REDUN_MIN = 1,
        DAOS_PROP_CO_REDUN_RANK = 1,
        DAOS_PROP_CO_REDUN_NODE = 2,
        DAOS_PROP_CO_REDUN_FAULT = 3,
        DAOS_PROP_CO_REDUN_MAX = 254,
    }
}

c_enum! {
    /// The health of a container.
    pub enum anonymous: c_uint {
        DAOS_PROP_CO_HEALTHY = 0,
        DAOS_PROP_CO_UNCLEAN = 1,
    }
}

c_enum! {
    /// Flags of a property entry.
    pub enum anonymous: c_uint {
        DAOS_PROP_ENTRY_NOT_SET = 1,
    }
}

c_enum! {
    /// Properties of a container.
    pub enum daos_cont_props: c_uint {
        DAOS_PROP_CO_MIN = 4096,
        DAOS_PROP_CO_LABEL = 4097,
        DAOS_PROP_CO_LAYOUT_TYPE = 4098,
        DAOS_PROP_CO_LAYOUT_VER = 4099,
        DAOS_PROP_CO_CSUM = 4100,
        DAOS_PROP_CO_CSUM_CHUNK_SIZE = 4101,
        DAOS_PROP_CO_CSUM_SERVER_VERIFY = 4102,
        DAOS_PROP_CO_REDUN_FAC = 4103,
        DAOS_PROP_CO_REDUN_LVL = 4104,
        DAOS_PROP_CO_SNAPSHOT_MAX = 4105,
        DAOS_PROP_CO_ACL = 4106,
        DAOS_PROP_CO_COMPRESS = 4107,
        DAOS_PROP_CO_ENCRYPT = 4108,
        DAOS_PROP_CO_OWNER = 4109,
        DAOS_PROP_CO_OWNER_GROUP = 4110,
        DAOS_PROP_CO_DEDUP = 4111,
        DAOS_PROP_CO_DEDUP_THRESHOLD = 4112,
        DAOS_PROP_CO_ROOTS = 4113,
        DAOS_PROP_CO_STATUS = 4114,
        DAOS_PROP_CO_ALLOCED_OID = 4115,
        DAOS_PROP_CO_EC_CELL_SZ = 4116,
        DAOS_PROP_CO_EC_PDA = 4117,
        DAOS_PROP_CO_RP_PDA = 4118,
        DAOS_PROP_CO_GLOBAL_VERSION = 4119,
        DAOS_PROP_CO_SCRUBBER_DISABLED = 4120,
        DAOS_PROP_CO_OBJ_VERSION = 4121,
        DAOS_PROP_CO_PERF_DOMAIN = 4122,
        DAOS_PROP_CO_MAX = 4123,
    }
}

/// A property whose value is bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_prop_byteval {
    pub dpb_data: *mut c_void,
    pub dpb_len: usize,
}

/// The object ids that a middleware starts from in its container.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_prop_co_roots {
    pub cr_oids: [daos_obj_id_t; 4],
}

/// The health of a container, its flags, and the pool map version at which it was found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_co_status {
    pub dcs_status: u16,
    pub dcs_flags: u16,
    pub dcs_pm_ver: u32,
}

/// One property: its type (`DAOS_PROP_PO_*` or `DAOS_PROP_CO_*`) and its value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_prop_entry {
    pub dpe_type: u32,
    pub dpe_flags: u16,
    pub dpe_reserv: u16,
    pub anonymous: AnonymousPropertyValue,
}

/// The value of a property: which member is used follows from its type.
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnonymousPropertyValue {
    pub dpe_val: u64,
    pub dpe_str: d_string_t,
    pub dpe_val_ptr: *mut c_void,
}

/// A list of properties. Strings and pointers in it are libc `malloc` memory that `daos_prop_free` frees.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daos_prop_t {
    pub dpp_nr: u32,
    pub dpp_reserv: u32,
    pub dpp_entries: *mut daos_prop_entry,
}
