//! `daos_fs_sys.h`: files and directories by absolute path.

use core::ffi::c_int;

/// A mounted POSIX container addressed by absolute paths.
#[repr(C)]
pub struct dfs_sys {
    _private: [u8; 0],
}
/// A mounted POSIX container addressed by absolute paths.
pub type dfs_sys_t = dfs_sys;

pub const DFS_SYS_NO_CACHE: c_int = 1;
pub const DFS_SYS_NO_LOCK: c_int = 2;
