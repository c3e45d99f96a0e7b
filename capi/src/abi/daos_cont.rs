//! `daos_cont.h`: containers and snapshots.

use core::ffi::{c_int, c_uint};

pub const DAOS_CONT_HINT_MAX_LEN: c_int = 128;
pub const DAOS_COO_EVICT: c_uint = 1u32 << 5;
pub const DAOS_COO_EVICT_ALL: c_uint = 1u32 << 6;
pub const DAOS_COO_EX: c_uint = 1u32 << 2;
pub const DAOS_COO_FORCE: c_uint = 1u32 << 3;
pub const DAOS_COO_IO_BASE_MASK: c_uint = DAOS_COO_RO | DAOS_COO_RW | DAOS_COO_EX;
pub const DAOS_COO_MASK: c_uint = (1u32 << DAOS_COO_NBITS) - 1;
pub const DAOS_COO_NBITS: c_int = 8;
pub const DAOS_COO_NEW_LAYOUT: c_uint = 1u32 << 7;
pub const DAOS_COO_RO: c_uint = 1u32 << 0;
pub const DAOS_COO_RO_MDSTATS: c_uint = 1u32 << 4;
pub const DAOS_COO_RW: c_uint = 1u32 << 1;
pub const DAOS_SNAPSHOT_MAX_LEN: c_int = 128;

c_enum! {
    /// What `daos_cont_create_snap_opt` does.
    pub enum daos_snapshot_opts: c_uint {
        DAOS_SNAP_OPT_CR = 1,
        DAOS_SNAP_OPT_OIT = 2,
    }
}
