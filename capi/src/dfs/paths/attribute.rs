//! Extended attributes.

use core::ffi::{c_char, c_int, c_void};

use daos_dfs::Access;

use super::super::attribute::{condition_of, give_names_of_path, give_value_of_path, value_at};
use super::{Place, follows};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;

/// Sets an extended attribute; durable when it has returned.
///
/// @path absolute
/// @name at most DFS_MAX_XATTR_NAME bytes
/// @value at most DFS_MAX_XATTR_LEN bytes
/// @size of the value
/// @flags zero, XATTR_CREATE or XATTR_REPLACE
/// @sflags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENODATA, ERANGE, E2BIG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_setxattr(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    name: *const c_char,
    value: *const c_void,
    size: daos_size_t,
    flags: c_int,
    sflags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_setxattr", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let name = caller.path(name, "name")?;
            let value = value_at(caller, value, size)?;
            let (condition, follow) = (condition_of(flags)?, follows(sflags)?);
            value_of("dfs_sys_setxattr", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, follow).await?;
                node.set_attribute(&client, &name, value, condition).await
            })
        })
    }
}

/// Reads an extended attribute.
///
/// @path absolute
/// @name at most DFS_MAX_XATTR_NAME bytes
/// @value [out] the value; NULL when there is no room for any
/// @size [in,out] room of value; the size that the value has, also with ERANGE
/// @flags O_NOFOLLOW to read of a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENODATA, ERANGE when there is too little room
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_getxattr(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    name: *const c_char,
    value: *mut c_void,
    size: *mut daos_size_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_getxattr", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let name = caller.path(name, "name")?;
            caller.out(size, "size")?;
            let follow = follows(flags)?;
            let found = value_of("dfs_sys_getxattr", move |client| async move {
                place.open(&client, Access::ReadOnly, follow).await?.attribute(&client, &name).await
            })?;
            give_value_of_path(caller, &found, value.cast(), size)
        })
    }
}

/// Removes an extended attribute; durable when it has returned.
///
/// @path absolute
/// @flags O_NOFOLLOW to change a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ENODATA, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_removexattr(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    name: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_removexattr", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let name = caller.path(name, "name")?;
            let follow = follows(flags)?;
            value_of("dfs_sys_removexattr", move |client| async move {
                place.open(&client, Access::ReadWrite, follow).await?.remove_attribute(&client, &name).await
            })
        })
    }
}

/// Lists the names of the extended attributes, one after the other, each with a zero at its end.
///
/// @path absolute
/// @list [out] the names; NULL when there is no room for any
/// @size [in,out] room of list; the size that the names have, also with ERANGE
/// @flags O_NOFOLLOW to tell of a symbolic link itself
///
/// @return zero, EINVAL, ENOENT, ERANGE when there is too little room
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_listxattr(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    list: *mut c_char,
    size: *mut daos_size_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_listxattr", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            caller.out(size, "size")?;
            let follow = follows(flags)?;
            let names = value_of("dfs_sys_listxattr", move |client| async move {
                place.open(&client, Access::ReadOnly, follow).await?.attribute_names(&client).await
            })?;
            give_names_of_path(caller, &names, list.cast(), size)
        })
    }
}
