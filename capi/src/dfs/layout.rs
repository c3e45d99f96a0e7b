//! Objects behind files and directories: classes, chunks, handles.

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_dfs::{DfsError, NewFile, Result};
use daos_types::{ObjectClass, ObjectId};

use super::mounted::{OpenNode, fail, get, mounted, open_node};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;

/// Bytes per chunk of a file.
///
/// @chunk_size [out] bytes
///
/// @return zero, EINVAL when it is no file
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_chunk_size(obj: *mut dfs_obj_t, chunk_size: *mut daos_size_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_chunk_size", |caller| {
            let open: Arc<OpenNode> = get(obj)?;
            let place = caller.out(chunk_size, "chunk_size")?;
            if !open.node.is_file() {
                fail!(libc::EINVAL, "{:?} is no file", open.node);
            }
            place.set(open.node.chunk_size()?);
            Ok(())
        })
    }
}

/// The handle of the array that holds a file's bytes. It is closed by dfs_release, not by daos_array_close.
///
/// @oh [out] the handle
///
/// @return zero, EINVAL when it is no file
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_file_oh(obj: *mut dfs_obj_t, oh: *mut daos_handle_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_file_oh", |caller| {
            let open: Arc<OpenNode> = get(obj)?;
            let place = caller.out(oh, "oh")?;
            if !open.node.is_file() {
                fail!(libc::EINVAL, "{:?} is no file", open.node);
            }
            place.set(open.array_handle()?);
            Ok(())
        })
    }
}

/// Class and id of the object behind a file, directory or link; for a directory also what is decided for what is made in it.
///
/// @info [out] what does not apply is zero
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_get_info(dfs: *mut dfs_t, obj: *mut dfs_obj_t, info: *mut dfs_obj_info_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_get_info", |caller| {
            let mount = mounted(dfs)?;
            let open = open_node(&mount, obj)?;
            let place = caller.out(info, "info")?;
            let id = open.node.id();
            let mut found = dfs_obj_info_t {
                doi_oclass_id: 0,
                doi_chunk_size: 0,
                doi_dir_oclass_id: 0,
                doi_file_oclass_id: 0,
                doi_oid: daos_obj_id_t { lo: id.lo, hi: id.hi },
            };
            if open.node.is_file() {
                (found.doi_oclass_id, found.doi_chunk_size) = (id.class().0, open.node.chunk_size()?);
            } else if open.node.is_directory() {
                let (directories, files, chunk_size) = open.node.defaults_for_new(&NewFile::default())?;
                (found.doi_dir_oclass_id, found.doi_file_oclass_id) = (directories.0, files.0);
                (found.doi_oclass_id, found.doi_chunk_size) = (id.class().0, chunk_size);
            }
            place.set(found);
            Ok(())
        })
    }
}

/// Decides the class of objects of what is made in a directory, or in the root, from now on.
///
/// @obj a directory
/// @flags has no meaning yet
/// @cid a class
///
/// @return zero, EINVAL, ENOTDIR, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_set_oclass(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    _flags: c_int,
    cid: daos_oclass_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_set_oclass", |_| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            value_of(
                "dfs_obj_set_oclass",
                move |client| async move { open.node.set_class(&client, ObjectClass(cid)).await },
            )
        })
    }
}

/// Decides the chunk size of files that are made in a directory from now on.
///
/// @obj a directory
/// @flags has no meaning yet
/// @csize bytes per chunk
///
/// @return zero, EINVAL, ENOTDIR, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_set_chunk_size(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    _flags: c_int,
    csize: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_set_chunk_size", |_| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            value_of(
                "dfs_obj_set_chunk_size",
                move |client| async move { open.node.set_chunk_size(&client, csize).await },
            )
        })
    }
}

/// What a hint asks for.
pub(super) fn class_of_hint(hint: &str) -> Result<ObjectClass> {
    let wanted = hint.to_ascii_lowercase();
    match wanted.split_once(':') {
        Some(("file" | "dir" | "directory", "single")) => Ok(ObjectClass::S1),
        Some(("file" | "dir" | "directory", "max")) => Ok(ObjectClass::SX),
        _ => fail!(libc::EINVAL, "'{hint}' is no hint such as 'file:single' or 'dir:max'"),
    }
}

/// The class that a hint asks for: "single" or "max", for files or directories.
///
/// @hint such as "file:single" or "dir:max", in letters of any size; "directory" is the same as "dir"
/// @cid [out] the class
///
/// @return zero, EINVAL when the hint is not understood
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_suggest_oclass(dfs: *mut dfs_t, hint: *const c_char, cid: *mut daos_oclass_id_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_suggest_oclass", |caller| {
            mounted(dfs)?;
            let hint = caller.text(hint, "hint")?;
            let place = caller.out(cid, "cid")?;
            place.set(class_of_hint(&hint)?.0);
            Ok(())
        })
    }
}

/// The size of a file that is known by the id of its object.
///
/// @oid id of a file's object
/// @chunk_size its bytes per chunk
/// @size [out] bytes
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_size_by_oid(
    dfs: *mut dfs_t,
    oid: daos_obj_id_t,
    chunk_size: daos_size_t,
    size: *mut daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_size_by_oid", |caller| {
            let mount = mounted(dfs)?;
            let place = caller.out(size, "size")?;
            let id = ObjectId { lo: oid.lo, hi: oid.hi };
            let file_system = mount.file_system.clone();
            let found = size_of_object(file_system, id, chunk_size)?;
            place.set(found);
            Ok(())
        })
    }
}

fn size_of_object(file_system: daos_dfs::FileSystem, id: ObjectId, chunk_size: u64) -> Result<u64> {
    value_of("dfs_get_size_by_oid", move |client| async move {
        file_system.size_of_object(&client, id, chunk_size).await.map_err(|error| match error.errno {
            libc::EIO => DfsError::new(libc::EINVAL, error.context),
            _ => error,
        })
    })
}
