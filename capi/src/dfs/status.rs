//! What `stat` tells, and changing it.

use core::ffi::{c_char, c_int};

use daos_dfs::{DfsError, Result, SetStatus, Timestamp};
use libc::{gid_t, mode_t, stat, uid_t};

use super::container::some_number;
use super::mounted::{fail, mounted, name_or_self, open_node, parent as parent_at, stat_of};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;

/// Tells size, times, owner and permissions of what stands under a name in a directory; a symbolic link is not followed.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes; NULL for the directory itself
/// @stbuf [out] what is known
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ENAMETOOLONG
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_stat(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    stbuf: *mut stat,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_stat", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = name_or_self(caller, name)?;
            let place = caller.out(stbuf, "stbuf")?;
            let status = value_of("dfs_stat", move |client| async move {
                match name {
                    Some(name) => directory.file_system().status(&client, &directory, &name).await,
                    None => directory.status(&client).await,
                }
            })?;
            place.set(stat_of(&status));
            Ok(())
        })
    }
}

/// Tells size, times, owner and permissions of what is open.
///
/// @stbuf [out] what is known
///
/// @return zero, EINVAL, ENOENT when it was removed or moved
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_ostat(dfs: *mut dfs_t, obj: *mut dfs_obj_t, stbuf: *mut stat) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_ostat", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let place = caller.out(stbuf, "stbuf")?;
            let status = value_of("dfs_ostat", move |client| async move { open.node.status(&client).await })?;
            place.set(stat_of(&status));
            Ok(())
        })
    }
}

/// What a caller wants to be set.
pub(super) fn wanted(stat: &stat, flags: c_int) -> Result<SetStatus> {
    let known = DFS_SET_ATTR_MODE
        | DFS_SET_ATTR_ATIME
        | DFS_SET_ATTR_MTIME
        | DFS_SET_ATTR_SIZE
        | DFS_SET_ATTR_UID
        | DFS_SET_ATTR_GID;
    if flags & !known != 0 {
        fail!(libc::EINVAL, "{:#x} is no flag of DFS_SET_ATTR_*", flags & !known);
    }
    let has = |flag: c_int| flags & flag != 0;
    let mut set = SetStatus::default();
    if has(DFS_SET_ATTR_MODE) {
        set.mode = Some(stat.st_mode);
    }
    if has(DFS_SET_ATTR_UID) {
        set.uid = Some(stat.st_uid);
    }
    if has(DFS_SET_ATTR_GID) {
        set.gid = Some(stat.st_gid);
    }
    if has(DFS_SET_ATTR_MTIME) {
        set.mtime = Timestamp::new(stat.st_mtime, stat.st_mtime_nsec);
        if set.mtime.is_none() {
            fail!(libc::EINVAL, "a time has {} nanoseconds", stat.st_mtime_nsec);
        }
    }
    if has(DFS_SET_ATTR_SIZE) {
        set.size = u64::try_from(stat.st_size).ok();
        if set.size.is_none() {
            fail!(libc::EINVAL, "{} is no size", stat.st_size);
        }
    }
    Ok(set)
}

/// Changes size, times, owner or permissions of what is open for writing; durable when it has returned.
///
/// @stbuf [in,out] the new values; all that is known afterwards
/// @flags which of them to set, DFS_SET_ATTR_*; times of access are not kept
///
/// @return zero, EINVAL, EPERM, ENOENT when it was removed or moved, EISDIR for the size of a directory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_osetattr(dfs: *mut dfs_t, obj: *mut dfs_obj_t, stbuf: *mut stat, flags: c_int) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_osetattr", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let place = caller.out(stbuf, "stbuf")?;
            let set = wanted(&place.get(), flags)?;
            let status =
                value_of("dfs_osetattr", move |client| async move { open.node.set_status(&client, set).await })?;
            place.set(stat_of(&status));
            Ok(())
        })
    }
}

/// Tells whether the user who runs the program may use an entry, by its permissions; the superuser is a user like any other.
/// A symbolic link is followed.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes; NULL for the directory itself
/// @mask F_OK, or R_OK, W_OK and X_OK together
///
/// @return zero, EACCES, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM for W_OK on a read-only mount
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_access(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    mask: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_access", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = name_or_self(caller, name)?;
            let user = real_user();
            value_of("dfs_access", move |client| async move {
                let file_system = directory.file_system();
                file_system.check_access(&client, &directory, name.as_deref(), mask, user).await
            })
        })
    }
}

/// The user and group that `access` counts with.
pub(super) fn real_user() -> (u32, u32) {
    // SAFETY: the calls take nothing and cannot fail.
    unsafe { (libc::getuid(), libc::getgid()) }
}

/// Changes permissions; a symbolic link is followed. Durable when it has returned.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes; NULL for the directory itself
/// @mode permissions, with the type or without
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM, ENOTSUP for the sticky bit
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_chmod(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    mode: mode_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_chmod", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = name_or_self(caller, name)?;
            value_of("dfs_chmod", move |client| async move {
                directory.file_system().change_mode(&client, &directory, name.as_deref(), mode).await
            })
        })
    }
}

/// Changes owner and group; durable when it has returned.
///
/// @parent the directory; NULL for the root
/// @name at most NAME_MAX bytes; NULL for the directory itself
/// @uid new owner; -1 to leave it
/// @gid new group; -1 to leave it
/// @flags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_chown(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    uid: uid_t,
    gid: gid_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_chown", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = name_or_self(caller, name)?;
            let follow = flags & libc::O_NOFOLLOW == 0;
            value_of("dfs_chown", move |client| async move {
                let owner = (some_number(uid), some_number(gid));
                let file_system = directory.file_system();
                file_system.change_owner(&client, &directory, name.as_deref(), owner, follow).await?;
                Ok::<(), DfsError>(())
            })
        })
    }
}
