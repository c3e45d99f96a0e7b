//! Making directories, removing and moving.

use core::ffi::{c_char, c_int};

use daos_dfs::{DfsError, Replace};
use daos_types::{ObjectClass, ObjectId};
use libc::mode_t;

use super::mounted::{mounted, parent as parent_at};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::Out;

fn give_id(place: Option<Out<daos_obj_id_t>>, id: ObjectId) {
    if let Some(place) = place {
        place.set(daos_obj_id_t { lo: id.lo, hi: id.hi });
    }
}

/// Makes a directory; durable when it has returned.
///
/// @parent the directory above; NULL for the root
/// @name at most NAME_MAX bytes
/// @mode permissions
/// @cid class of its object; zero lets the directory above or the library choose
///
/// @return zero, EINVAL, EEXIST, ENOTDIR, ENAMETOOLONG, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_mkdir(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    mode: mode_t,
    cid: daos_oclass_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_mkdir", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = caller.path(name, "name")?;
            value_of("dfs_mkdir", move |client| async move {
                let file_system = directory.file_system();
                file_system.create_directory(&client, &directory, &name, mode, ObjectClass(cid)).await.map(drop)
            })
        })
    }
}

/// Removes a file, a link or a directory; durable when it has returned.
///
/// @parent the directory that it is in; NULL for the root
/// @name at most NAME_MAX bytes
/// @force removes a directory with all that is in it
/// @oid [out] id of the object that went; NULL when not wanted
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, ENAMETOOLONG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_remove(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    force: bool,
    oid: *mut daos_obj_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_remove", |caller| {
            let directory = parent_at(&*mounted(dfs)?, parent)?;
            let name = caller.path(name, "name")?;
            let place = caller.out_optional(oid, "oid")?;
            let id = value_of("dfs_remove", move |client| async move {
                directory.file_system().remove(&client, &directory, &name, force).await
            })?;
            give_id(place, id);
            Ok(())
        })
    }
}

/// Moves a file, a link or a directory to another name, as rename(2) does: what has the new name is replaced at the same
/// instant. Durable when it has returned.
///
/// @parent the directory that it is in; NULL for the root
/// @name its name
/// @new_parent the directory that it goes to; NULL for the root
/// @new_name its new name
/// @oid [out] id of the object that was replaced, zero when none was; NULL when not wanted
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, ENAMETOOLONG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_move(
    dfs: *mut dfs_t,
    parent: *mut dfs_obj_t,
    name: *const c_char,
    new_parent: *mut dfs_obj_t,
    new_name: *const c_char,
    oid: *mut daos_obj_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_move", |caller| {
            let mount = mounted(dfs)?;
            let (old, new) = (parent_at(&mount, parent)?, parent_at(&mount, new_parent)?);
            let (name, new_name) = (caller.path(name, "name")?, caller.path(new_name, "new_name")?);
            let place = caller.out_optional(oid, "oid")?;
            let replaced = value_of("dfs_move", move |client| async move {
                let file_system = mount.file_system.clone();
                file_system.rename(&client, (&old, &name), (&new, &new_name), Replace::Allowed).await
            })?;
            give_id(place, replaced.unwrap_or_default());
            Ok(())
        })
    }
}

/// Exchanges two entries, by three moves; durable when it has returned.
///
/// @parent1 the directory that the first is in; NULL for the root
/// @name1 its name
/// @parent2 the directory that the second is in; NULL for the root
/// @name2 its name
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ENAMETOOLONG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_exchange(
    dfs: *mut dfs_t,
    parent1: *mut dfs_obj_t,
    name1: *const c_char,
    parent2: *mut dfs_obj_t,
    name2: *const c_char,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_exchange", |caller| {
            let mount = mounted(dfs)?;
            let (first, second) = (parent_at(&mount, parent1)?, parent_at(&mount, parent2)?);
            let (name1, name2) = (caller.path(name1, "name1")?, caller.path(name2, "name2")?);
            value_of("dfs_exchange", move |client| async move {
                let file_system = mount.file_system.clone();
                file_system.exchange(&client, (&first, &name1), (&second, &name2)).await?;
                Ok::<(), DfsError>(())
            })
        })
    }
}
