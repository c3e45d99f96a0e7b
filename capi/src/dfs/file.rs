//! Reading and writing files.

use core::ffi::c_int;
use std::sync::Arc;

use daos_client::{Destination, Source};
use daos_dfs::{DfsError, Result};
use daos_types::Extent;

use super::mounted::{OpenNode, fail, mounted, open_node};
use crate::abi::*;
use crate::completion::{run, value_of};
use crate::guard::guard_errno;
use crate::io::{DESCRIPTORS_MAX, List, Tally, Use};
use crate::pointer::Caller;

/// No buffers together can be larger: more than a process can address.
const BUFFERS_BYTES_MAX: u64 = 1 << 47;

/// A file of the caller, for bytes.
fn file(dfs: *mut dfs_t, obj: *mut dfs_obj_t) -> Result<Arc<OpenNode>> {
    let open = open_node(&*mounted(dfs)?, obj)?;
    if !open.node.is_file() {
        fail!(libc::EINVAL, "{:?} is no file", open.node);
    }
    Ok(open)
}

/// The caller's buffers, by the lengths that are in use of them: upstream reads and writes as much.
fn buffers(caller: Caller, sgl: *mut d_sg_list_t) -> Result<List> {
    let list = List::read(caller, &mut Tally::default(), sgl, Use::Full)?;
    if list.length > BUFFERS_BYTES_MAX {
        fail!(libc::EINVAL, "the buffers have {} bytes together, which no memory has", list.length);
    }
    Ok(list)
}

/// The ranges of a caller; empty ones are left out.
fn ranges(caller: Caller, iod: *mut dfs_iod_t) -> Result<(Vec<Extent>, u64)> {
    let iod = caller.read(iod.cast_const(), "iod")?;
    if iod.iod_nr > DESCRIPTORS_MAX {
        fail!(libc::EINVAL, "there are {} ranges; at most {DESCRIPTORS_MAX} are taken", iod.iod_nr);
    }
    let mut extents = Vec::new();
    let mut total = 0u64;
    for range in caller.array(iod.iod_rgs, iod.iod_nr, "iod_rgs")? {
        extents.extend(daos_dfs::range(range.rg_idx, range.rg_len)?);
        total = match total.checked_add(range.rg_len) {
            Some(total) => total,
            None => fail!(libc::EINVAL, "the ranges have more than 2^64 bytes together"),
        };
    }
    Ok((extents, total))
}

/// Reads from a file. Less than was asked for was read only at its end; holes read as zeros.
///
/// @sgl [in,out] where the bytes go; as many are read as its iov_len say together
/// @off where in the file to begin
/// @read_size [out] bytes that were read
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EPERM when it is not open for reading, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_read(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    sgl: *mut d_sg_list_t,
    off: daos_off_t,
    read_size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_read", |caller| {
            let open = file(dfs, obj)?;
            let list = buffers(caller, sgl)?;
            let extents = daos_dfs::range(off, list.length)?.into_iter().collect();
            read(caller, "dfs_read", open, (extents, list.length), list, read_size, ev)
        })
    }
}

/// Reads ranges of a file, in their order.
///
/// @iod the ranges, in bytes
/// @sgl [in,out] where the bytes of all ranges go; its iov_len must add up to them at least
/// @read_size [out] bytes that were read before the end of the file
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EPERM when it is not open for reading, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_readx(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    iod: *mut dfs_iod_t,
    sgl: *mut d_sg_list_t,
    read_size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_readx", |caller| {
            let open = file(dfs, obj)?;
            let ranges = ranges(caller, iod)?;
            let list = buffers(caller, sgl)?;
            read(caller, "dfs_readx", open, ranges, list, read_size, ev)
        })
    }
}

fn read(
    caller: Caller,
    function: &'static str,
    open: Arc<OpenNode>,
    (extents, total): (Vec<Extent>, u64),
    list: List,
    read_size: *mut daos_size_t,
    ev: *mut daos_event_t,
) -> Result<()> {
    let place = caller.out(read_size, "read_size")?;
    if list.length < total {
        fail!(libc::EINVAL, "the ranges have {total} bytes, and the buffers room for {}", list.length);
    }
    // The list stays as it is: programs use it again for the next read.
    let destination = Destination::Memory(list.cut(total));
    run(caller, function, ev, move |client| async move {
        let length = open.node.read_ranges(&client, &extents, destination).await?;
        place.set(length);
        Ok::<(), DfsError>(())
    })
}

/// Writes to a file; durable when it has completed.
///
/// @sgl the bytes; as many are written as its iov_len say together
/// @off where in the file to begin
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EFBIG, EPERM when it is not open for writing, ENOSPC, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_write(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    sgl: *mut d_sg_list_t,
    off: daos_off_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_write", |caller| {
            let open = file(dfs, obj)?;
            let list = buffers(caller, sgl)?;
            let extents = daos_dfs::range(off, list.length)?.into_iter().collect();
            write(caller, "dfs_write", open, (extents, list.length), list, ev)
        })
    }
}

/// Writes ranges of a file, in their order; durable when it has completed.
///
/// @iod the ranges, in bytes; they must not overlap
/// @sgl the bytes of all ranges; its iov_len must add up to them at least
/// @ev completion event, whose ev_error is a positive errno; NULL to wait
///
/// @return zero, EINVAL also for a directory, EFBIG, EPERM when it is not open for writing, ENOSPC, EIO
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_writex(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    iod: *mut dfs_iod_t,
    sgl: *mut d_sg_list_t,
    ev: *mut daos_event_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_writex", |caller| {
            let open = file(dfs, obj)?;
            let ranges = ranges(caller, iod)?;
            let list = buffers(caller, sgl)?;
            write(caller, "dfs_writex", open, ranges, list, ev)
        })
    }
}

fn write(
    caller: Caller,
    function: &'static str,
    open: Arc<OpenNode>,
    (extents, total): (Vec<Extent>, u64),
    list: List,
    ev: *mut daos_event_t,
) -> Result<()> {
    if list.length < total {
        fail!(libc::EINVAL, "the ranges have {total} bytes, and the buffers hold {}", list.length);
    }
    let source = Source::Memory(list.cut(total));
    run(caller, function, ev, move |client| async move { open.node.write_ranges(&client, &extents, source).await })
}

/// The size of a file.
///
/// @size [out] the index behind its last byte
///
/// @return zero, EINVAL also for a directory
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_get_size(dfs: *mut dfs_t, obj: *mut dfs_obj_t, size: *mut daos_size_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_get_size", |caller| {
            let open = file(dfs, obj)?;
            let place = caller.out(size, "size")?;
            place.set(value_of("dfs_get_size", move |client| async move { open.node.size(&client).await })?);
            Ok(())
        })
    }
}

/// Makes a hole in a file, or cuts it off: where the hole reaches the end, the file ends at its beginning. Durable when it
/// has returned.
///
/// @offset where the hole begins
/// @len its length in bytes; DFS_MAX_FSIZE sets the size of the file to offset, also to make it longer
///
/// @return zero, EINVAL also for a directory, EFBIG, EPERM when it is not open for writing
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_punch(
    dfs: *mut dfs_t,
    obj: *mut dfs_obj_t,
    offset: daos_off_t,
    len: daos_size_t,
) -> c_int {
    // SAFETY: there is no pointer that is followed.
    unsafe {
        guard_errno("dfs_punch", |_| {
            let open = file(dfs, obj)?;
            value_of("dfs_punch", move |client| async move { open.node.punch(&client, offset, len).await })
        })
    }
}
