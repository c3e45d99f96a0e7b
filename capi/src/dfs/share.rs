//! Mounts and open files for other processes.

use core::ffi::c_int;

use daos_client::{Container, Pool};
use daos_dfs::{DfsError, FileSystem, MountOptions, Node, Result};

use super::mount::options_of;
use super::mounted::{Handles, Mounted, access_of, fail, give_node, insert, mounted, open_node};
use crate::abi::*;
use crate::completion::value_of;
use crate::container::OpenContainer;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::Caller;
use crate::pool::{OpenPool, give_global};

/// Gives a mount or a node as bytes to the caller's buffer.
fn give(caller: Caller, glob: *mut d_iov_t, bytes: &[u8]) -> Result<()> {
    give_global(caller, glob, bytes).map_err(|status| match status.code() {
        daos_status::Code::Trunc => DfsError::new(libc::ENOBUFS, status.context().to_owned()),
        _ => status.into(),
    })
}

fn taken(caller: Caller, glob: &d_iov_t) -> Result<Vec<u8>> {
    if glob.iov_len > glob.iov_buf_len {
        fail!(libc::EINVAL, "glob has {} bytes in a buffer of {}", glob.iov_len, glob.iov_buf_len);
    }
    Ok(caller.bytes(glob.iov_buf, glob.iov_len, "iov_buf")?)
}

/// Writes a mount as bytes that other processes can open with dfs_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, EINVAL, ENOBUFS when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_local2global(dfs: *mut dfs_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe { guard_errno("dfs_local2global", |caller| give(caller, glob, &mounted(dfs)?.file_system.to_global())) }
}

/// Opens a mount that another process wrote with dfs_local2global; nothing is looked up.
///
/// @poh handle of the pool in this process
/// @coh handle of the container in this process
/// @flags O_RDWR, or 0 for what the mount that was written could do
/// @glob the bytes
/// @dfs [out] the mount, ended by dfs_umount
///
/// @return zero, EINVAL when the bytes are no mount of this container
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_global2local(
    poh: daos_handle_t,
    coh: daos_handle_t,
    flags: c_int,
    glob: d_iov_t,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_global2local", |caller| {
            let place = caller.out(dfs, "dfs")?;
            handle_table::get::<OpenPool>(poh)?;
            let open = handle_table::get::<OpenContainer>(coh)?;
            let options = shared_options(flags)?;
            let file_system = FileSystem::from_global(&open.container, &taken(caller, &glob)?, options)?;
            place.set(insert(Mounted::new(file_system, Handles { pool: poh, container: coh, owned: false }))?);
            Ok(())
        })
    }
}

/// How a mount is opened from bytes: programs give no flags to get what the other process has.
fn shared_options(flags: c_int) -> Result<Option<MountOptions>> {
    if flags == 0 { Ok(None) } else { options_of(flags).map(Some) }
}

/// Puts parts together so that they can be taken apart again.
fn pack(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in parts {
        packed.extend((part.len() as u32).to_le_bytes());
        packed.extend(part);
    }
    packed
}

/// Takes [`pack`]ed parts apart.
fn unpack<const N: usize>(bytes: &[u8]) -> Option<[&[u8]; N]> {
    let mut bytes = bytes;
    let mut parts = [&[][..]; N];
    for part in &mut parts {
        let length = u32::from_le_bytes(bytes.split_off(..4)?.try_into().ok()?);
        *part = bytes.split_off(..length as usize)?;
    }
    bytes.is_empty().then_some(parts)
}

/// Writes a mount with its pool and container as bytes that other processes can open with dfs_global2local_all.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, EINVAL, ENOBUFS when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_local2global_all(dfs: *mut dfs_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_local2global_all", |caller| {
            let file_system = mounted(dfs)?.file_system.clone();
            let container = file_system.container();
            let parts = [container.pool().to_global(), container.to_global(), file_system.to_global()];
            give(caller, glob, &pack(&parts))
        })
    }
}

/// Connects to the pool, opens the container and opens the mount that another process wrote with dfs_local2global_all.
///
/// @flags O_RDWR, or 0 for what the mount that was written could do
/// @glob the bytes
/// @dfs [out] the mount, ended by dfs_disconnect
///
/// @return zero, EINVAL when the bytes are no such mount
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_global2local_all(flags: c_int, glob: d_iov_t, dfs: *mut *mut dfs_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_global2local_all", |caller| {
            let place = caller.out(dfs, "dfs")?;
            place.set(insert(open_all(caller, flags, &glob, "dfs_global2local_all")?)?);
            Ok(())
        })
    }
}

/// Opens pool, container and mount from bytes.
pub(super) fn open_all(caller: Caller, flags: c_int, glob: &d_iov_t, function: &'static str) -> Result<Mounted> {
    let options = shared_options(flags)?;
    let bytes = taken(caller, glob)?;
    let (pool, file_system) = value_of(function, move |client| async move {
        let Some([pool, container, mount]) = unpack::<3>(&bytes) else {
            fail!(libc::EINVAL, "these bytes are no mount of this release");
        };
        let pool = Pool::from_global(&client, pool).await?;
        let container = Container::from_global(&client, &pool, container).await?;
        match FileSystem::from_global(&container, mount, options) {
            Ok(file_system) => Ok((pool, file_system)),
            Err(error) => {
                let _closed = pool.disconnect(&client).await;
                Err(error)
            }
        }
    })?;
    let container = file_system.container().clone();
    let pool = handle_table::insert(OpenPool { pool })?;
    let container = handle_table::insert(OpenContainer { container })?;
    Ok(Mounted::new(file_system, Handles { pool, container, owned: true }))
}

/// Writes an open file or directory as bytes that other processes can open with dfs_obj_global2local.
///
/// @glob [in,out] buffer; with iov_buf NULL, iov_buf_len is set to the size that is needed
///
/// @return zero, EINVAL, also for a symbolic link, ENOBUFS when the buffer is too short (iov_buf_len is set)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_local2global(dfs: *mut dfs_t, obj: *mut dfs_obj_t, glob: *mut d_iov_t) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_local2global", |caller| {
            let open = open_node(&*mounted(dfs)?, obj)?;
            give(caller, glob, &open.node.to_global()?)
        })
    }
}

/// Opens a file or directory that another process wrote with dfs_obj_local2global; nothing is looked up.
///
/// @flags O_WRONLY or O_RDWR, or 0 for what the object that was written could do
/// @glob the bytes
/// @obj [out] released by dfs_release
///
/// @return zero, EINVAL when the bytes are no file or directory of this container, EPERM
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_obj_global2local(
    dfs: *mut dfs_t,
    flags: c_int,
    glob: d_iov_t,
    obj: *mut *mut dfs_obj_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_obj_global2local", |caller| {
            let mount = mounted(dfs)?;
            let place = caller.out(obj, "obj")?;
            let access = if flags == 0 { None } else { Some(access_of(flags)?) };
            let node = Node::from_global(&mount.file_system, &taken(caller, &glob)?, access)?;
            give_node(place, node)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_apart_as_they_were_put_together() {
        let parts = [b"pool".to_vec(), Vec::new(), b"mount".to_vec()];
        let packed = pack(&parts);
        assert_eq!(unpack::<3>(&packed), Some([&b"pool"[..], b"", b"mount"]));
        assert_eq!(unpack::<2>(&packed), None);
        for length in 0..packed.len() {
            assert_eq!(unpack::<3>(&packed[..length]), None, "{length}");
        }
    }
}
