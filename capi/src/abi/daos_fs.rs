//! `daos_fs.h`: files and directories in a container.

use super::*;
use core::ffi::{c_char, c_int, c_uint, c_void};
use libc::time_t;

/// A mounted POSIX container.
#[repr(C)]
pub struct dfs {
    _private: [u8; 0],
}
/// A mounted POSIX container.
pub type dfs_t = dfs;
/// An open file, directory or symbolic link.
#[repr(C)]
pub struct dfs_obj {
    _private: [u8; 0],
}
/// An open file, directory or symbolic link.
pub type dfs_obj_t = dfs_obj;
/// A compiled filter over the entries of a directory.
#[repr(C)]
pub struct dfs_pipeline {
    _private: [u8; 0],
}
/// A compiled filter over the entries of a directory.
pub type dfs_pipeline_t = dfs_pipeline;
/// Called by `dfs_iterate` with the name of each entry; anything but zero ends the iteration.
pub type dfs_filler_cb_t =
    Option<unsafe extern "C" fn(dfs: *mut dfs_t, obj: *mut dfs_obj_t, name: *const c_char, arg: *mut c_void) -> c_int>;

pub const DAOS_SUPER_MAGIC: c_uint = 0xDA05AD10u32;
pub const DFS_BALANCED: c_int = 4;
pub const DFS_DEFAULT_CHUNK_SIZE: c_int = 1048576;
pub const DFS_MAX_FSIZE: u64 = !0u64;
pub const DFS_MAX_XATTR_LEN: c_int = 65536;
pub const DFS_MAX_XATTR_NAME: c_int = 255;
pub const DFS_RELAXED: c_int = 0;
pub const DFS_SET_ATTR_ATIME: c_int = 1 << 1;
pub const DFS_SET_ATTR_GID: c_int = 1 << 5;
pub const DFS_SET_ATTR_MODE: c_int = 1 << 0;
pub const DFS_SET_ATTR_MTIME: c_int = 1 << 2;
pub const DFS_SET_ATTR_SIZE: c_int = 1 << 3;
pub const DFS_SET_ATTR_UID: c_int = 1 << 4;

c_enum! {
    /// What `dfs_cont_check` does with what it finds.
    pub enum anonymous: c_uint {
        DFS_CHECK_PRINT = 1,
        DFS_CHECK_REMOVE = 2,
        DFS_CHECK_RELINK = 4,
        DFS_CHECK_VERIFY = 8,
        DFS_CHECK_EVICT_ALL = 16,
    }
}

c_enum! {
    /// Which parts of a `dfs_predicate_t` count.
    pub enum anonymous: c_uint {
        DFS_FILTER_NAME = 2,
        DFS_FILTER_NEWER = 4,
        DFS_FILTER_INCLUDE_DIRS = 8,
    }
}

/// How a POSIX container is made; all zero asks for the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dfs_attr_t {
    pub da_id: u64,
    pub da_chunk_size: daos_size_t,
    pub da_oclass_id: daos_oclass_id_t,
    pub da_props: *mut daos_prop_t,
    pub da_mode: u32,
    pub da_dir_oclass_id: daos_oclass_id_t,
    pub da_file_oclass_id: daos_oclass_id_t,
    pub da_hints: [c_char; 128],
}

/// The byte ranges of a file that one call reads or writes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dfs_iod_t {
    pub iod_nr: daos_size_t,
    pub iod_rgs: *mut daos_range_t,
}

/// Class, chunk size and id of the object behind a file or directory.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dfs_obj_info_t {
    pub doi_oclass_id: daos_oclass_id_t,
    pub doi_chunk_size: daos_size_t,
    pub doi_dir_oclass_id: daos_oclass_id_t,
    pub doi_file_oclass_id: daos_oclass_id_t,
    pub doi_oid: daos_obj_id_t,
}

/// What entries a filter lets through.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct dfs_predicate_t {
    pub dp_name: [c_char; 255],
    pub dp_newer: time_t,
    pub dp_size: usize,
}
