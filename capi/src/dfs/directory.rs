//! Listing directories.

use core::ffi::{c_char, c_int, c_void};
use std::ffi::CString;

use daos_dfs::{DfsError, Listing, Node, Result};
use libc::{dirent, stat};

use super::mounted::{entry_of, fail, mounted, parent, stat_of};
use crate::abi::*;
use crate::anchor;
use crate::completion::value_of;
use crate::guard::guard_errno;
use crate::pointer::{Caller, Out, OutArray};

/// The most names that are asked for at a time.
const NAMES_MAX: u32 = 4096;

/// Lists the names of a directory. Call it with the same anchor until daos_anchor_is_eof; entries that are there throughout
/// are given once, "." and ".." not at all.
///
/// @obj an open directory; NULL for the root
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @nr [in,out] length of dirs; how many names were given
/// @dirs [out] of each only d_name has a meaning
///
/// @return zero, EINVAL, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_readdir(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    anchor: *mut daos_anchor_t,
    nr: *mut u32,
    dirs: *mut dirent,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_errno("dfs_readdir", |caller| list(caller, dfs, obj, (anchor, nr), dirs, core::ptr::null_mut())) }
}

/// Lists the names of a directory with what dfs_stat tells of them; entries that go meanwhile are left out.
///
/// @obj an open directory; NULL for the root
/// @anchor [in,out] where the listing goes on; all zero to begin
/// @nr [in,out] length of dirs and stbufs; how many were given
/// @dirs [out] of each only d_name has a meaning
/// @stbufs [out] NULL when not wanted
///
/// @return zero, EINVAL, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_readdirplus(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    anchor: *mut daos_anchor_t,
    nr: *mut u32,
    dirs: *mut dirent,
    stbufs: *mut stat,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_errno("dfs_readdirplus", |caller| list(caller, dfs, obj, (anchor, nr), dirs, stbufs)) }
}

fn list(
    caller: Caller,
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    (anchor, nr): (*mut daos_anchor_t, *mut u32),
    dirs: *mut dirent,
    stbufs: *mut stat,
) -> Result<()> {
    let directory = parent(&*mounted(dfs)?, obj)?;
    let (anchor, count) = (caller.out(anchor, "anchor")?, caller.out(nr, "nr")?);
    let wanted = count.get();
    let entries = caller.out_array(dirs, u64::from(wanted), "dirs")?;
    let stats = match stbufs.is_null() {
        true => None,
        false => Some(caller.out_array(stbufs, u64::from(wanted), "stbufs")?),
    };
    let mut listing = Listing { anchor: anchor::read(anchor)? };
    let mut given = 0;
    while given < wanted && !listing.is_at_end() {
        let step = (wanted - given).min(NAMES_MAX);
        given = give(&directory, &mut listing, step, (&entries, stats.as_ref()), given)?;
    }
    anchor::store(anchor, &listing.anchor)?;
    count.set(given);
    Ok(())
}

/// Gives the next names, from place `given` on; returns how many there are now.
fn give(
    directory: &Node,
    listing: &mut Listing,
    step: u32,
    (entries, stats): (&OutArray<dirent>, Option<&OutArray<stat>>),
    given: u32,
) -> Result<u32> {
    let (directory, mut position) = (directory.clone(), listing.clone());
    let wants_status = stats.is_some();
    let (found, position) = value_of("dfs_readdir", move |client| async move {
        let found = if wants_status {
            let found = directory.list_with_status(&client, &mut position, step).await?;
            found.into_iter().map(|(name, status)| (name, Some(status))).collect()
        } else {
            let names = directory.list(&client, &mut position, step).await?;
            names.into_iter().map(|name| (name, None)).collect::<Vec<_>>()
        };
        Ok::<_, DfsError>((found, position))
    })?;
    *listing = position;
    let mut given = given;
    for (name, status) in found {
        entries.set(given as usize, entry_of(&name));
        if let (Some(stats), Some(status)) = (stats, status) {
            stats.set(given as usize, stat_of(&status));
        }
        given += 1;
    }
    Ok(given)
}

/// Calls a function with the name of each entry of a directory. It may use the library.
///
/// @obj an open directory; NULL for the root
/// @anchor [in,out] where the iteration goes on; all zero to begin
/// @nr [in,out] the most entries; how many there were
/// @size the most bytes that their names have together
/// @op called for each entry; what it returns ends the iteration when it is not zero, and is returned
/// @arg given to op
///
/// @return zero, what op returned, EINVAL, ENOTDIR, E2BIG when size is less than the first name has
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_iterate(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    anchor: *mut daos_anchor_t,
    nr: *mut u32,
    size: usize,
    op: dfs_filler_cb_t,
    arg: *mut c_void,
) -> c_int {
    let mut ended = 0;
    // SAFETY: the documentation makes the promises about pointers the caller's.
    let result = unsafe {
        guard_errno("dfs_iterate", |caller| {
            let directory = parent(&*mounted(dfs)?, obj)?;
            let (anchor, count) = (caller.out(anchor, "anchor")?, caller.out(nr, "nr")?);
            let call = |name: &CString| match op {
                // SAFETY: the function was given for this, and the name lives as long as the call.
                Some(op) => op(dfs, obj, name.as_ptr(), arg),
                None => 0,
            };
            ended = iterate(&directory, anchor, count, size as u64, call)?;
            Ok(())
        })
    };
    if result != 0 { result } else { ended }
}

fn iterate(
    directory: &Node,
    anchor: Out<daos_anchor_t>,
    count: Out<u32>,
    size: u64,
    call: impl Fn(&CString) -> c_int,
) -> Result<c_int> {
    let (mut entries_left, mut bytes_left) = (count.get(), size);
    let mut listing = Listing { anchor: anchor::read(anchor)? };
    let mut done = 0;
    while entries_left > 0 && bytes_left > 0 && !listing.is_at_end() {
        let (node, mut position, step) = (directory.clone(), listing.clone(), entries_left.min(NAMES_MAX));
        let listed = value_of("dfs_iterate", move |client| async move {
            let names = node.list_bounded(&client, &mut position, step, bytes_left).await?;
            Ok::<_, DfsError>((names, position))
        });
        let (names, position) = match listed {
            // The next name needs more room than is left: the next call has it.
            Err(error) if error.errno == libc::E2BIG && done > 0 => break,
            listed => listed?,
        };
        listing = position;
        anchor::store(anchor, &listing.anchor)?;
        for name in names {
            bytes_left = bytes_left.saturating_sub(name.len() as u64);
            entries_left -= 1;
            done += 1;
            // No name has a zero in it.
            let ended = call(&CString::new(name).unwrap_or_default());
            if ended != 0 {
                count.set(done);
                return Ok(ended);
            }
        }
    }
    count.set(done);
    Ok(0)
}

/// Divides the listing of a directory into parts that can go on at the same time, by whom it may be: each entry is in one of
/// them. There are as many at most as the directory has shards.
///
/// @obj an open directory
/// @nr [in,out] parts that are wanted, and the length of anchors; zero asks how many there can be
/// @anchors [out] where each part begins; NULL to ask for the number alone
///
/// @return zero, EINVAL, also for more parts than there can be, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_anchor_split(obj: *mut dfs_obj_t, nr: *mut u32, anchors: *mut daos_anchor_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_anchor_split", |caller| {
            let directory = directory_of(obj)?;
            let count = caller.out(nr, "nr")?;
            let asked = count.get();
            let parts = parts_of("dfs_obj_anchor_split", directory, (asked != 0).then_some(asked))?;
            if asked != 0 && !anchors.is_null() {
                let places = caller.out_array(anchors, u64::from(asked), "anchors")?;
                for (index, part) in parts.iter().enumerate() {
                    if let Some(place) = places.pointer_to(index) {
                        anchor::begin(caller.out(place, "anchors")?, &part.anchor)?;
                    }
                }
            }
            count.set(parts.len() as u32);
            Ok(())
        })
    }
}

/// Makes an anchor for a part of the listing of a directory.
///
/// @obj an open directory
/// @index number of the part, below what dfs_obj_anchor_split gives when asked for zero
/// @anchor [out] where it begins; the listing ends with the part
///
/// @return zero, EINVAL, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_anchor_set(obj: *mut dfs_obj_t, index: u32, anchor: *mut daos_anchor_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_anchor_set", |caller| {
            let directory = directory_of(obj)?;
            let place = caller.out(anchor, "anchor")?;
            let parts = parts_of("dfs_obj_anchor_set", directory, None)?;
            let Some(part) = parts.get(index as usize) else {
                fail!(libc::EINVAL, "the listing has {} parts, and no part {index}", parts.len());
            };
            Ok(anchor::begin(place, &part.anchor)?)
        })
    }
}

/// Makes an anchor for the listing of a directory from an entry on, or when it is gone from what would come behind it.
///
/// @obj an open directory
/// @name name of the entry
/// @anchor [out] where the listing begins
///
/// @return zero, EINVAL, ENOTDIR, ENAMETOOLONG
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_dir_anchor_set(
    obj: *mut dfs_obj_t,
    name: *const c_char,
    anchor: *mut daos_anchor_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_dir_anchor_set", |caller| {
            let directory = directory_of(obj)?;
            let name = caller.path(name, "name")?;
            let place = caller.out(anchor, "anchor")?;
            let found =
                value_of(
                    "dfs_dir_anchor_set",
                    move |client| async move { directory.listing_from(&client, &name).await },
                )?;
            Ok(anchor::begin(place, &found.anchor)?)
        })
    }
}

fn parts_of(function: &'static str, directory: Node, parts: Option<u32>) -> Result<Vec<Listing>> {
    value_of(function, move |client| async move { directory.split_listing(&client, parts).await })
}

fn directory_of(obj: *mut dfs_obj_t) -> Result<Node> {
    let open: std::sync::Arc<super::mounted::OpenNode> = super::mounted::get(obj)?;
    if !open.node.is_directory() {
        fail!(libc::ENOTDIR, "{:?}", open.node);
    }
    Ok(open.node.clone())
}
