//! `daos_uns.h`: paths that stand for containers (the unified namespace).

use super::*;
use core::ffi::{c_char, c_int, c_uint};

pub const DUNS_MAX_XATTR_LEN: c_int = 170;

c_enum! {
    /// Flags of `duns_resolve_path`.
    pub enum anonymous: c_uint {
        DUNS_NO_PREFIX = 1,
        DUNS_NO_REVERSE_LOOKUP = 2,
        DUNS_NO_CHECK_PATH = 4,
    }
}

/// The pool and container that a path stands for. Zero it before the first use; `duns_destroy_attr` frees its strings.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct duns_attr_t {
    pub da_type: daos_cont_layout_t,
    pub da_oclass_id: daos_oclass_id_t,
    pub da_chunk_size: daos_size_t,
    pub da_props: *mut daos_prop_t,
    pub da_flags: u32,
    pub da_pool: [c_char; 128],
    pub da_cont: [c_char; 128],
    pub da_sys: *mut c_char,
    pub da_rel_path: *mut c_char,
    pub da_on_lustre: bool,
    pub da_no_prefix: bool,
    pub da_puuid: uuid_t,
    pub da_cuuid: uuid_t,
    pub da_dir_oclass_id: daos_oclass_id_t,
    pub da_file_oclass_id: daos_oclass_id_t,
    pub da_hints: [c_char; 128],
}
