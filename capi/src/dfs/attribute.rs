//! Extended attributes.

use core::ffi::{c_char, c_int, c_void};

use daos_dfs::{Result, SetAttribute};

use super::mounted::{fail, mounted, open_node};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::{Caller, OutArray};

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

/// Gives a value to a caller's buffer, or only its size when that is zero. As for values of objects, too little room is an error
/// that leaves the size as it is.
fn give_value(caller: Caller, value: &[u8], buffer: *mut u8, size: *mut daos_size_t) -> Result<()> {
    let size = caller.out(size, "size")?;
    let room = size.get();
    if room > 0 && !buffer.is_null() {
        if room < value.len() as u64 {
            fail!(libc::E2BIG, "there is room for {room} bytes, and {} to give", value.len());
        }
        put(caller.out_bytes(buffer, value.len(), "value")?, value);
    }
    size.set(value.len() as u64);
    Ok(())
}

fn put(place: OutArray<u8>, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        place.set(index, *byte);
    }
}

/// Gives names one after the other, each with its zero, as far as there is room, and the size that all need.
fn give_names(caller: Caller, names: &[Vec<u8>], buffer: *mut u8, size: *mut daos_size_t) -> Result<()> {
    let size = caller.out(size, "size")?;
    let mut room = if buffer.is_null() { 0 } else { size.get() };
    let mut given = Vec::new();
    for name in names {
        let needed = name.len() as u64 + 1;
        if needed <= room {
            room -= needed;
            given.extend(name);
            given.push(0);
        }
    }
    if !given.is_empty() {
        put(caller.out_bytes(buffer, given.len(), "list")?, &given);
    }
    size.set(needed_of(names));
    Ok(())
}

/// Bytes that names need, each with its zero.
fn needed_of(names: &[Vec<u8>]) -> u64 {
    names.iter().map(|name| name.len() as u64 + 1).sum()
}

/// By a path, too little room is one error for values and for lists, which tells the size; no room at all is too little.
fn check_room(caller: Caller, needed: u64, size: *mut daos_size_t) -> Result<()> {
    let size = caller.out(size, "size")?;
    let room = size.get();
    if room < needed {
        size.set(needed);
        fail!(libc::ERANGE, "there is room for {room} bytes, and {needed} to give");
    }
    Ok(())
}

/// As [`give_value`], where [`check_room`] decides about the room.
pub(super) fn give_value_of_path(caller: Caller, value: &[u8], buffer: *mut u8, size: *mut daos_size_t) -> Result<()> {
    check_room(caller, value.len() as u64, size)?;
    give_value(caller, value, buffer, size)
}

/// As [`give_names`], where [`check_room`] decides about the room.
pub(super) fn give_names_of_path(
    caller: Caller,
    names: &[Vec<u8>],
    buffer: *mut u8,
    size: *mut daos_size_t,
) -> Result<()> {
    check_room(caller, needed_of(names), size)?;
    give_names(caller, names, buffer, size)
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
/// @return zero, EINVAL, ENODATA, E2BIG when there is too little room, which leaves size as it is
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
            give_value(caller, &found, value.cast(), size)
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
/// @list [out] the names that fit; NULL to ask for the size alone
/// @size [in,out] room of list, zero to ask for the size alone; the size that all names have, which may be more than the room
///
/// @return zero, also when names did not fit; EINVAL
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
            give_names(caller, &names, list.cast(), size)
        })
    }
}
