//! Extended attributes.

use core::ffi::{c_char, c_int, c_void};

use daos_dfs::{Result, SetAttribute};

use super::mounted::{fail, mounted, open_node};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::Caller;

/// What must hold by the flags of `setxattr`.
pub(super) fn condition_of(flags: c_int) -> Result<SetAttribute> {
    match flags {
        0 => Ok(SetAttribute::Always),
        libc::XATTR_CREATE => Ok(SetAttribute::Create),
        libc::XATTR_REPLACE => Ok(SetAttribute::Replace),
        other => fail!(libc::EINVAL, "{other:#x} is neither XATTR_CREATE nor XATTR_REPLACE"),
    }
}

/// The value of an attribute that a caller gives.
pub(super) fn value_at(caller: Caller, value: *const c_void, size: daos_size_t) -> Result<Vec<u8>> {
    if size > DFS_MAX_XATTR_LEN as u64 {
        fail!(libc::E2BIG, "an extended attribute has at most {DFS_MAX_XATTR_LEN} bytes, not {size}");
    }
    Ok(caller.bytes(value, size as usize, "value")?)
}

/// Gives bytes to a caller's buffer, or only their size when that is zero.
pub(super) fn give_bytes(caller: Caller, bytes: &[u8], buffer: *mut u8, size: *mut daos_size_t) -> Result<()> {
    let size = caller.out(size, "size")?;
    let room = size.get();
    if room > 0 && !buffer.is_null() {
        if room < bytes.len() as u64 {
            fail!(libc::ERANGE, "there is room for {room} bytes, and {} to give", bytes.len());
        }
        let place = caller.out_bytes(buffer, bytes.len(), "buffer")?;
        for (index, byte) in bytes.iter().enumerate() {
            place.set(index, *byte);
        }
    }
    size.set(bytes.len() as u64);
    Ok(())
}

/// Names one after the other, each with its zero.
pub(super) fn joined(names: Vec<Vec<u8>>) -> Vec<u8> {
    let mut joined = Vec::new();
    for name in names {
        joined.extend(name);
        joined.push(0);
    }
    joined
}

/// Sets an extended attribute; durable when it has returned.
///
/// @name at most DFS_MAX_XATTR_NAME bytes
/// @value at most DFS_MAX_XATTR_LEN bytes
/// @size of the value
/// @flags zero, XATTR_CREATE or XATTR_REPLACE
///
/// @return zero, EINVAL, EEXIST, ENODATA, ERANGE, E2BIG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_setxattr(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    name: *const c_char,
    value: *const c_void,
    size: daos_size_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_setxattr", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let name = caller.path(name, "name")?;
            let value = value_at(caller, value, size)?;
            let condition = condition_of(flags)?;
            value_of("dfs_setxattr", move |client| async move {
                open.node.set_attribute(&client, &name, value, condition).await
            })
        })
    }
}

/// Reads an extended attribute.
///
/// @name at most DFS_MAX_XATTR_NAME bytes
/// @value [out] the value; NULL to ask for the size alone
/// @size [in,out] room of value, zero to ask for the size alone; the size that the value has
///
/// @return zero, EINVAL, ENODATA, ERANGE when there is too little room
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_getxattr(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    name: *const c_char,
    value: *mut c_void,
    size: *mut daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_getxattr", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let name = caller.path(name, "name")?;
            caller.out(size, "size")?;
            let found =
                value_of("dfs_getxattr", move |client| async move { open.node.attribute(&client, &name).await })?;
            give_bytes(caller, &found, value.cast(), size)
        })
    }
}

/// Removes an extended attribute; durable when it has returned.
///
/// @return zero, EINVAL, ENODATA, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_removexattr(dfs: *mut dfs_t, obj: *mut dfs_obj_t, name: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_removexattr", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            let name = caller.path(name, "name")?;
            value_of("dfs_removexattr", move |client| async move { open.node.remove_attribute(&client, &name).await })
        })
    }
}

/// Lists the names of the extended attributes, one after the other, each with a zero at its end.
///
/// @list [out] the names; NULL to ask for the size alone
/// @size [in,out] room of list, zero to ask for the size alone; the size that the names have
///
/// @return zero, EINVAL, ERANGE when there is too little room
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_listxattr(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    list: *mut c_char,
    size: *mut daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_listxattr", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            caller.out(size, "size")?;
            let names =
                value_of("dfs_listxattr", move |client| async move { open.node.attribute_names(&client).await })?;
            give_bytes(caller, &joined(names), list.cast(), size)
        })
    }
}
