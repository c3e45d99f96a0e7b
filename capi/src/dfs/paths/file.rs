//! Files and symbolic links.

use core::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use daos_client::{Destination, ScatterList, Source};
use daos_dfs::{Access, DfsError, Node, Result};
use daos_types::ObjectClass;
use libc::mode_t;

use super::super::mounted::{Mounted, OpenNode, access_of, fail, give_node, open_node};
use super::super::open::{Opening, dfs_release, give_target};
use super::{Place, mounted};
use crate::abi::*;
use crate::completion::{run, value_of};
use crate::guard::guard_errno;

/// Opens, or makes, what stands at a path.
///
/// @path absolute
/// @mode type (S_IFREG, S_IFDIR or S_IFLNK; none is S_IFREG), and permissions of what is made
/// @flags O_RDONLY, O_WRONLY or O_RDWR, with O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW
/// @cid class of the object that is made; zero lets the directory or the library choose
/// @chunk_size bytes per chunk of a file that is made; zero lets the directory or the file system choose
/// @value target of a symbolic link that is made
/// @obj [out] released by dfs_sys_close
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EPERM, ENOSPC, ENOTSUP for O_APPEND
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_open(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    mode: mode_t,
    flags: c_int,
    cid: daos_oclass_id_t,
    chunk_size: daos_size_t,
    value: *const c_char,
    obj: *mut *mut dfs_obj_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_open", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let out = caller.out(obj, "obj")?;
            let target = caller.path_optional(value, "value")?;
            let mode = if mode & libc::S_IFMT == 0 { mode | libc::S_IFREG } else { mode };
            give_node(out, open(place, (mode, flags), (ObjectClass(cid), chunk_size), target)?)
        })
    }
}

fn open(
    place: Place,
    (mode, flags): (mode_t, c_int),
    (class, chunk_size): (ObjectClass, u64),
    target: Option<Vec<u8>>,
) -> Result<Node> {
    if place.is_root() {
        let root = place.file_system.root();
        return match mode & libc::S_IFMT {
            libc::S_IFDIR if flags & libc::O_EXCL == 0 => root.duplicate(access_of(flags)?),
            libc::S_IFDIR => fail!(libc::EEXIST, "the root is there"),
            _ => fail!(libc::EISDIR, "the root is a directory"),
        };
    }
    let (parent, name) = value_of("dfs_sys_open", move |client| async move { place.parent(&client).await })?;
    Opening { parent, name, mode, flags, class, chunk_size, target }.open("dfs_sys_open")
}

/// Ends the use of what is open.
///
/// @return zero, EINVAL
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_close(obj: *mut dfs_obj_t) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe { dfs_release(obj) }
}

/// Makes a file, a directory or nothing else at a path; durable when it has returned.
///
/// @path absolute
/// @mode type (S_IFREG or S_IFDIR) and permissions
/// @cid class of its object; zero lets the directory or the library choose
/// @chunk_size bytes per chunk of a file; zero lets the directory or the file system choose
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENOTDIR, ENAMETOOLONG, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_mknod(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    mode: mode_t,
    cid: daos_oclass_id_t,
    chunk_size: daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_mknod", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
            if mode & libc::S_IFMT == libc::S_IFLNK {
                fail!(libc::EINVAL, "a symbolic link is made by dfs_sys_symlink");
            }
            open(place, (mode, flags), (ObjectClass(cid), chunk_size), None).map(drop)
        })
    }
}

/// Makes a symbolic link; durable when it has returned.
///
/// @target what it points to
/// @path absolute; where it is
///
/// @return zero, EINVAL, ENOENT, EEXIST, ENOTDIR, ENAMETOOLONG, EPERM, ENOSPC
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_symlink(dfs_sys: *mut dfs_sys_t, target: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_symlink", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            let target = caller.path(target, "target")?;
            if place.is_root() {
                fail!(libc::EEXIST, "the root is there");
            }
            value_of("dfs_sys_symlink", move |client| async move {
                let (parent, name) = place.parent(&client).await?;
                place.file_system.create_symlink(&client, &parent, &name, &target).await.map(drop)
            })
        })
    }
}

/// The target of a symbolic link, with a zero at its end.
///
/// @path absolute
/// @buf [out] what fits of it; NULL to ask for the size alone
/// @size [in,out] room of buf; set to the size that the target has with its zero
///
/// @return zero, EINVAL when it is no link, ENOENT, ENOTDIR
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_readlink(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    buf: *mut c_char,
    size: *mut daos_size_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_readlink", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            caller.out(size, "size")?;
            let target = value_of("dfs_sys_readlink", move |client| async move {
                Ok::<_, DfsError>(place.open(&client, Access::ReadOnly, false).await?.target()?.to_vec())
            })?;
            give_target(caller, &target, buf, size)
        })
    }
}

/// A file that is open, for bytes.
fn file(mounted: &Mounted, obj: *mut dfs_obj_t) -> Result<Arc<OpenNode>> {
    let open = open_node(mounted, obj)?;
    if !open.node.is_file() {
        fail!(libc::EINVAL, "{:?} is no file", open.node);
    }
    Ok(open)
}

/// A caller's buffer.
fn buffer(buf: *mut u8, length: u64) -> Result<ScatterList> {
    let Ok(length) = usize::try_from(length) else { fail!(libc::EINVAL, "size is {length}") };
    if length > 0 && buf.is_null() {
        fail!(libc::EINVAL, "buf is NULL");
    }
    if length > isize::MAX as usize {
        fail!(libc::EINVAL, "size is {length}, which no memory has");
    }
    // SAFETY: that the buffer has so many bytes until the call has ended is the caller's promise.
    Ok(unsafe { ScatterList::new(vec![(buf, length)]) })
}

/// Reads from a file. Less than was asked for was read only at its end; holes read as zeros.
///
/// @buf [out] room for size bytes
/// @off where in the file to begin
/// @size [in,out] bytes that are wanted; bytes that were read
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EPERM when it is not open for reading, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_read(
    dfs_sys: *mut dfs_sys_t,
    obj: *mut dfs_obj_t,
    buf: *mut c_void,
    off: daos_off_t,
    size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_read", |caller| {
            let open = file(&*mounted(dfs_sys)?, obj)?;
            let place = caller.out(size, "size")?;
            let destination = Destination::Memory(buffer(buf.cast(), place.get())?);
            let extents: Vec<_> = daos_dfs::range(off, place.get())?.into_iter().collect();
            run(caller, "dfs_sys_read", ev, move |client| async move {
                place.set(open.node.read_ranges(&client, &extents, destination).await?);
                Ok::<(), DfsError>(())
            })
        })
    }
}

/// Writes to a file; durable when it has completed.
///
/// @buf size bytes
/// @off where in the file to begin
/// @size [in,out] bytes to write; bytes that were written, which are all
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EFBIG, EPERM when it is not open for writing, ENOSPC, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_write(
    dfs_sys: *mut dfs_sys_t,
    obj: *mut dfs_obj_t,
    buf: *const c_void,
    off: daos_off_t,
    size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_write", |caller| {
            let open = file(&*mounted(dfs_sys)?, obj)?;
            let length = caller.out(size, "size")?.get();
            let source = Source::Memory(buffer(buf.cast_mut().cast(), length)?);
            let extents: Vec<_> = daos_dfs::range(off, length)?.into_iter().collect();
            run(caller, "dfs_sys_write", ev, move |client| async move {
                open.node.write_ranges(&client, &extents, source).await
            })
        })
    }
}

/// Makes a hole in a file, or cuts it off, as dfs_punch does.
///
/// @path absolute
/// @offset where the hole begins
/// @len its length in bytes; DFS_MAX_FSIZE sets the size of the file to offset
///
/// @return zero, EINVAL also for a directory, ENOENT, EFBIG, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_sys_punch(
    dfs_sys: *mut dfs_sys_t,
    path: *const c_char,
    offset: daos_off_t,
    len: daos_off_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_sys_punch", |caller| {
            let place = Place::read(caller, dfs_sys, path)?;
            value_of("dfs_sys_punch", move |client| async move {
                let node = place.open(&client, Access::ReadWrite, true).await?;
                if !node.is_file() {
                    fail!(libc::EINVAL, "{node:?} is no file");
                }
                node.punch(&client, offset, len).await
            })
        })
    }
}
