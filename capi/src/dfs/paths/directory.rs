//! Directories: making, listing, removing.

use core::ffi::{c_char, c_int};
use std::sync::{Arc, Mutex, PoisonError};

use daos_dfs::{Access, DfsError, Listing, Node, Result};
use daos_types::{ObjectClass, ObjectId};
use libc::{DIR, mode_t};

use super::super::mounted::{OpenListing, entry_of, fail, get, insert, remove};
use super::{Place, follows, mounted};
use crate::abi::*;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::Out;

/// Names that are fetched at a time.
const NAMES_PER_REQUEST: u32 = 128;

/// Makes a directory; durable when it has returned.
///
/// @dir absolute path
/// @mode permissions
/// @cid class of its object; zero lets the directory above or the library choose
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENOTDIR, ENAMETOOLONG, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_mkdir(
    dfs_sys: *mut dfs_sys_t,
    dir: *const c_char,
    mode: mode_t,
    cid: daos_oclass_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_mkdir", |caller| {
            let place = Place::read(caller, dfs_sys, dir)?;
            if place.is_root() {
                fail!(libc::EEXIST, "the root is there");
            }
            value_of("dfs_sys_mkdir", move |client| async move {
                let (parent, name) = place.parent(&client).await?;
                place.file_system.create_directory(&client, &parent, &name, mode, ObjectClass(cid)).await.map(drop)
            })
        })
    }
}

/// Makes a directory, and those above it as far as they are missing; durable when it has returned.
///
/// @dir_path absolute
/// @mode permissions of what is made
/// @cid class of the objects; zero lets the directories above or the library choose
///
/// @return zero, EEXIST when something else is there, EINVAL, ENOTDIR, ENAMETOOLONG, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_mkdir_p(
    dfs_sys: *mut dfs_sys_t,
    dir_path: *const c_char,
    mode: mode_t,
    cid: daos_oclass_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_mkdir_p", |caller| {
            let place = Place::read(caller, dfs_sys, dir_path)?;
            value_of("dfs_sys_mkdir_p", move |client| async move {
                let root = place.file_system.root();
                root.create_directories(&client, &place.path, mode, ObjectClass(cid)).await.map(drop)
            })
        })
    }
}

/// Begins to list a directory.
///
/// @dir absolute path
/// @flags O_NOFOLLOW to refuse a symbolic link
/// @dirp [out] for dfs_sys_readdir; ended by dfs_sys_closedir. It is no stream of the C library's
///
/// @return zero, EINVAL, ENOENT, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_opendir(
    dfs_sys: *mut dfs_sys_t,
    dir: *const c_char,
    flags: c_int,
    dirp: *mut *mut DIR,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_opendir", |caller| {
            let place = Place::read(caller, dfs_sys, dir)?;
            let out = caller.out(dirp, "dirp")?;
            let follow = follows(flags)?;
            let node = value_of("dfs_sys_opendir", move |client| async move {
                place.open(&client, Access::ReadOnly, follow).await
            })?;
            if !node.is_directory() {
                fail!(libc::ENOTDIR, "{node:?}");
            }
            let entry = Mutex::new(Box::new(entry_of(b"")));
            out.set(insert(OpenListing { node, state: Mutex::default(), entry })?);
            Ok(())
        })
    }
}

/// Ends the listing of a directory.
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_closedir(dirp: *mut DIR) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { guard_errno("dfs_sys_closedir", |_| remove::<OpenListing, _>(dirp).map(drop)) }
}

/// The next entry of a directory.
///
/// @dirent [out] the entry, of which d_name has a meaning, valid until the next call; NULL at the end
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_readdir(
    dfs_sys: *mut dfs_sys_t,
    dirp: *mut DIR,
    dirent: *mut *mut libc::dirent,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_readdir", |caller| {
            mounted(dfs_sys)?;
            let place = caller.out(dirent, "dirent")?;
            let open: Arc<OpenListing> = get(dirp)?;
            let mut state = open.state.lock().unwrap_or_else(PoisonError::into_inner);
            while state.0.is_empty() && !state.1.is_at_end() {
                let (names, position) = more(&open.node, state.1.clone())?;
                *state = (names, position);
            }
            let Some(name) = state.0.pop() else {
                place.set(core::ptr::null_mut());
                return Ok(());
            };
            let mut entry = open.entry.lock().unwrap_or_else(PoisonError::into_inner);
            **entry = entry_of(&name);
            place.set(&raw mut **entry);
            Ok(())
        })
    }
}

/// Further names of a directory, the last first, and where to go on.
fn more(node: &Node, mut position: Listing) -> Result<(Vec<Vec<u8>>, Listing)> {
    let node = node.clone();
    value_of("dfs_sys_readdir", move |client| async move {
        let mut names = node.list(&client, &mut position, NAMES_PER_REQUEST).await?;
        names.reverse();
        Ok::<_, DfsError>((names, position))
    })
}

/// Removes what stands at a path; durable when it has returned.
///
/// @path absolute
/// @force removes a directory with all that is in it
/// @oid [out] id of the object that went; NULL when not wanted
///
/// @return zero, EINVAL, ENOENT, ENOTDIR, ENOTEMPTY, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_remove(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    force: bool,
    oid: *mut daos_obj_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_remove", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            remove_at(place, force, None, caller.out_optional(oid, "oid")?)
        })
    }
}

/// Removes what stands at a path, if it is of a type; durable when it has returned.
///
/// @path absolute
/// @force removes a directory with all that is in it
/// @mode the type: S_IFREG, S_IFDIR or S_IFLNK; zero for any
/// @oid [out] id of the object that went; NULL when not wanted
///
/// @return zero, EINVAL when it is of another type, ENOENT, ENOTDIR, ENOTEMPTY, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_remove_type(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    force: bool,
    mode: mode_t,
    oid: *mut daos_obj_id_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_remove_type", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let kind = Some(mode & libc::S_IFMT).filter(|kind| *kind != 0);
            remove_at(place, force, kind, caller.out_optional(oid, "oid")?)
        })
    }
}

fn remove_at(place: Place, force: bool, kind: Option<u32>, out: Option<Out<daos_obj_id_t>>) -> Result<()> {
    if place.is_root() {
        fail!(libc::EBUSY, "the root cannot be removed");
    }
    let id: ObjectId = value_of("dfs_sys_remove", move |client| async move {
        let (parent, name) = place.parent(&client).await?;
        if let Some(kind) = kind {
            let status = place.file_system.status(&client, &parent, &name).await?;
            if status.mode & libc::S_IFMT != kind {
                fail!(libc::EINVAL, "it is of type {:#o}, not {kind:#o}", status.mode & libc::S_IFMT);
            }
        }
        place.file_system.remove(&client, &parent, &name, force).await
    })?;
    if let Some(out) = out {
        out.set(daos_obj_id_t { lo: id.lo, hi: id.hi });
    }
    Ok(())
}
