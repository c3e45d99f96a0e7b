//! Mounting.

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_dfs::Result;

use super::super::mount::{Wanted, close_handles, dfs_mount, dfs_set_prefix, dfs_umount};
use super::super::mounted::{Mounted, PathMount, fail, get, insert, remove};
use super::super::share::{dfs_global2local, dfs_local2global, dfs_local2global_all, open_all};
use crate::abi::*;
use crate::guard::guard_errno;
use crate::pointer::{Caller, Out};

/// Flags that callers give; there is no cache and no lock that they could leave out.
fn check_flags(sflags: c_int) -> Result<()> {
    if sflags & !(DFS_SYS_NO_CACHE | DFS_SYS_NO_LOCK) != 0 {
        fail!(libc::EINVAL, "the flags are {sflags:#x}; DFS_SYS_NO_CACHE and DFS_SYS_NO_LOCK are known");
    }
    Ok(())
}

/// Gives a mount to the caller, who uses it by paths.
fn give(place: Out<*mut dfs_sys_t>, dfs: *mut dfs_t) -> Result<()> {
    let mounted: Arc<Mounted> = get(dfs)?;
    match insert(PathMount { pointer: dfs.addr(), mounted }) {
        Ok(pointer) => {
            place.set(pointer);
            Ok(())
        }
        Err(error) => {
            let _unmounted = remove::<Mounted, _>(dfs);
            Err(error)
        }
    }
}

/// Runs a function that gives a mount, and wraps what it gave.
fn wrapped(
    caller: Caller,
    sflags: c_int,
    dfs_sys: *mut *mut dfs_sys_t,
    mount: impl FnOnce(*mut *mut dfs_t) -> c_int,
) -> Result<()> {
    check_flags(sflags)?;
    let place = caller.out(dfs_sys, "dfs_sys")?;
    let mut dfs: *mut dfs_t = core::ptr::null_mut();
    match mount(&raw mut dfs) {
        0 => give(place, dfs),
        errno => fail!(errno, "the file system was not mounted"),
    }
}

/// Mounts the file system of a POSIX container, for use by paths.
///
/// @poh handle of its pool
/// @coh handle of the container
/// @mflags O_RDONLY or O_RDWR
/// @sflags DFS_SYS_NO_CACHE, DFS_SYS_NO_LOCK; nothing is cached in any case
/// @dfs_sys [out] the mount, ended by dfs_sys_umount
///
/// @return zero, EINVAL, EPERM, ENOENT when there is no file system yet and it is mounted read-only
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_mount(
    poh: daos_handle_t,
    coh: daos_handle_t,
    mflags: c_int,
    sflags: c_int,
    dfs_sys: *mut *mut dfs_sys_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_mount", |caller| wrapped(caller, sflags, dfs_sys, |dfs| dfs_mount(poh, coh, mflags, dfs)))
    }
}

/// Ends a mount. Files that are open stay so until dfs_sys_close.
///
/// @return zero, EINVAL, EBUSY while its pool or container handle is in use
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_umount(dfs_sys: *mut dfs_sys_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_sys_umount", |_| {
            let mount: Arc<PathMount> = get(dfs_sys)?;
            let dfs = core::ptr::without_provenance_mut::<dfs_t>(mount.pointer);
            match dfs_umount(dfs) {
                0 => remove::<PathMount, _>(dfs_sys).map(drop),
                errno => fail!(errno, "the file system stays mounted"),
            }
        })
    }
}

/// Connects to a pool, opens a container and mounts its file system, for use by paths. Needs dfs_init.
///
/// @pool label or UUID of the pool
/// @sys name of the system, NULL for the default one
/// @cont label or UUID of the container
/// @mflags O_RDONLY or O_RDWR, with O_CREAT to make the container with this label when there is none
/// @sflags DFS_SYS_NO_CACHE, DFS_SYS_NO_LOCK
/// @attr how it is made; NULL for the defaults
/// @dfs_sys [out] the mount, ended by dfs_sys_disconnect
///
/// @return zero, EINVAL, ENOENT, EPERM, EACCES without dfs_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_connect(
    pool: *const c_char,
    sys: *const c_char,
    cont: *const c_char,
    mflags: c_int,
    sflags: c_int,
    attr: *mut dfs_attr_t,
    dfs_sys: *mut *mut dfs_sys_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_connect", |caller| {
            check_flags(sflags)?;
            let place = caller.out(dfs_sys, "dfs_sys")?;
            let wanted = Wanted::read(caller, (pool, sys, cont), mflags, attr)?;
            give(place, insert(wanted.connect("dfs_sys_connect")?)?)
        })
    }
}

/// Ends a mount that dfs_sys_connect made, closes the container and disconnects from the pool.
///
/// @return zero, EINVAL, EBUSY while its pool or container handle is in use
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_disconnect(dfs_sys: *mut dfs_sys_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_sys_disconnect", |_| {
            let mount: Arc<PathMount> = get(dfs_sys)?;
            if !mount.mounted.handles.owned {
                fail!(libc::EINVAL, "the file system was mounted by dfs_sys_mount; dfs_sys_umount ends it");
            }
            mount.mounted.check_not_lent()?;
            mount.mounted.give_up_nameless("dfs_sys_umount");
            remove::<PathMount, _>(dfs_sys)?;
            remove::<Mounted, _>(core::ptr::without_provenance_mut::<dfs_t>(mount.pointer))?;
            close_handles(&mount.mounted.handles)
        })
    }
}

/// The mount for the functions without paths. It ends with this one, not by dfs_umount.
///
/// @dfs [out] the mount
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys2base(dfs_sys: *mut dfs_sys_t, dfs: *mut *mut dfs_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys2base", |caller| {
            let mount: Arc<PathMount> = get(dfs_sys)?;
            caller.out(dfs, "dfs")?.set(core::ptr::without_provenance_mut(mount.pointer));
            Ok(())
        })
    }
}

/// The pointer of the mount itself, or NULL, which is no mount.
fn base(dfs_sys: *mut dfs_sys_t) -> *mut dfs_t {
    let mount: Result<Arc<PathMount>> = get(dfs_sys);
    mount.map_or(core::ptr::null_mut(), |mount| core::ptr::without_provenance_mut(mount.pointer))
}

/// Makes paths begin with something that is not part of the file system, as dfs_set_prefix does.
///
/// @prefix absolute path; NULL for none
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_set_prefix(dfs_sys: *mut dfs_sys_t, prefix: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { dfs_set_prefix(base(dfs_sys), prefix) }
}

/// Writes a mount as bytes that other processes can open with dfs_sys_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, EINVAL, ENOBUFS when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_local2global(dfs_sys: *mut dfs_sys_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { dfs_local2global(base(dfs_sys), glob) }
}

/// Opens a mount that another process wrote with dfs_sys_local2global.
///
/// @poh handle of the pool in this process
/// @coh handle of the container in this process
/// @mflags O_RDWR, or 0 for what the mount that was written could do
/// @sflags DFS_SYS_NO_CACHE, DFS_SYS_NO_LOCK
/// @glob the bytes
/// @dfs_sys [out] the mount, ended by dfs_sys_umount
///
/// @return zero, EINVAL when the bytes are no mount of this container
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_global2local(
    poh: daos_handle_t,
    coh: daos_handle_t,
    mflags: c_int,
    sflags: c_int,
    glob: d_iov_t,
    dfs_sys: *mut *mut dfs_sys_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_global2local", |caller| {
            wrapped(caller, sflags, dfs_sys, |dfs| dfs_global2local(poh, coh, mflags, glob, dfs))
        })
    }
}

/// Writes a mount with its pool and container as bytes that other processes can open with dfs_sys_global2local_all.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, EINVAL, ENOBUFS when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_local2global_all(dfs_sys: *mut dfs_sys_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { dfs_local2global_all(base(dfs_sys), glob) }
}

/// Connects to the pool, opens the container and opens the mount that another process wrote with dfs_sys_local2global_all.
///
/// @mflags O_RDWR, or 0 for what the mount that was written could do
/// @sflags DFS_SYS_NO_CACHE, DFS_SYS_NO_LOCK
/// @glob the bytes
/// @dfs_sys [out] the mount, ended by dfs_sys_disconnect
///
/// @return zero, EINVAL when the bytes are no such mount
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_global2local_all(
    mflags: c_int,
    sflags: c_int,
    glob: d_iov_t,
    dfs_sys: *mut *mut dfs_sys_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_global2local_all", |caller| {
            check_flags(sflags)?;
            let place = caller.out(dfs_sys, "dfs_sys")?;
            give(place, insert(open_all(caller, mflags, &glob, "dfs_sys_global2local_all")?)?)
        })
    }
}
