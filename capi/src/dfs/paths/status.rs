//! What `stat` tells of a path, and changing it.

use core::ffi::{c_char, c_int};

use daos_dfs::{Access, DfsError, SetStatus, Timestamp};
use libc::{gid_t, mode_t, stat, timespec, uid_t};

use super::super::container::some_number;
use super::super::mounted::{fail, stat_of};
use super::super::status::{real_user, wanted};
use super::{Place, follows};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;

/// Tells size, times, owner and permissions of what stands at a path.
///
/// @path absolute
/// @flags O_NOFOLLOW to tell of a symbolic link itself
/// @stbuf [out] what is known
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_stat(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    flags: c_int,
    stbuf: *mut stat,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_stat", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let out = caller.out(stbuf, "stbuf")?;
            let follow = follows(flags)?;
            let status = value_of("dfs_sys_stat", move |client| async move {
                place.open(&client, Access::ReadOnly, follow).await?.status(&client).await
            })?;
            out.set(stat_of(&status));
            Ok(())
        })
    }
}

/// Tells whether the user who runs the program may use what stands at a path, by its permissions;
/// the superuser is a user like any other.
///
/// @path absolute
/// @mask F_OK, or R_OK, W_OK and X_OK together
/// @flags O_NOFOLLOW to ask for a symbolic link itself, which anybody may use
///
/// @return zero, EACCES, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM for W_OK on a read-only mount
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_access(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    mask: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_access", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let (follow, user) = (follows(flags)?, real_user());
            value_of("dfs_sys_access", move |client| async move {
                let node = place.open(&client, Access::ReadOnly, follow).await?;
                if !node.is_file() && !node.is_directory() {
                    return Ok(());
                }
                place.file_system.check_access(&client, &node, None, mask, user).await
            })
        })
    }
}

/// Changes permissions; a symbolic link is followed. Durable when it has returned.
///
/// @path absolute
/// @mode permissions, with the type or without
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM, ENOTSUP for the sticky bit
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_chmod(dfs_sys: *mut dfs_sys_t, path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_chmod", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            value_of("dfs_sys_chmod", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, true).await?;
                place.file_system.change_mode(&client, &node, None, mode).await
            })
        })
    }
}

/// Changes owner and group; durable when it has returned.
///
/// @path absolute
/// @uid new owner; -1 to leave it
/// @gid new group; -1 to leave it
/// @flags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_chown(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    uid: uid_t,
    gid: gid_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_chown", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let follow = follows(flags)?;
            value_of("dfs_sys_chown", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, follow).await?;
                let owner = (some_number(uid), some_number(gid));
                place.file_system.change_owner(&client, &node, None, owner, follow).await
            })
        })
    }
}

/// Changes size, times, owner or permissions; durable when it has returned.
///
/// @path absolute
/// @stbuf [in,out] the new values; all that is known afterwards
/// @flags which of them to set, DFS_SET_ATTR_*; times of access are not kept
/// @sflags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM, EISDIR for the size of a directory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_setattr(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    stbuf: *mut stat,
    flags: c_int,
    sflags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_setattr", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let out = caller.out(stbuf, "stbuf")?;
            let (set, follow) = (wanted(&out.get(), flags)?, follows(sflags)?);
            let status = value_of("dfs_sys_setattr", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, follow).await?;
                node.set_status(&client, set).await
            })?;
            out.set(stat_of(&status));
            Ok(())
        })
    }
}

/// Changes the time of the last modification; durable when it has returned.
///
/// @path absolute
/// @times times of access, which is not kept, and modification; UTIME_NOW and UTIME_OMIT as for utimensat(2); NULL for now
/// @flags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ELOOP, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_utimens(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    times: *const timespec,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_utimens", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let follow = follows(flags)?;
            let wanted = match times.is_null() {
                true => libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW },
                false => caller.array(times, 2, "times")?[1],
            };
            if wanted.tv_nsec == libc::UTIME_OMIT {
                return Ok(());
            }
            let given = Timestamp::new(wanted.tv_sec, wanted.tv_nsec);
            if given.is_none() && wanted.tv_nsec != libc::UTIME_NOW {
                fail!(libc::EINVAL, "a time has {} nanoseconds", wanted.tv_nsec);
            }
            value_of("dfs_sys_utimens", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, follow).await?;
                let now = Timestamp::from_nanoseconds(client.env().clock.wall_nanoseconds());
                let mtime = Some(given.unwrap_or(now));
                node.set_status(&client, SetStatus { mtime, ..SetStatus::default() }).await?;
                Ok::<(), DfsError>(())
            })
        })
    }
}
