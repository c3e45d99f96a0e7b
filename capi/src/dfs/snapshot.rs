//! Mounting snapshots.

use core::ffi::{c_char, c_int};

use daos_client::{Client, Container};
use daos_dfs::{FileSystem, MountOptions, Result};
use daos_types::Epoch;

use super::mount::Wanted;
use super::mounted::{Handles, Mounted, fail, insert};
use crate::abi::*;
use crate::completion::value_of;
use crate::container::OpenContainer;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::Caller;
use crate::pool::OpenPool;

/// A snapshot by its epoch, or by its name.
pub(super) struct SnapshotName {
    epoch: Epoch,
    name: String,
}

impl SnapshotName {
    fn read(caller: Caller, epoch: daos_epoch_t, name: *const c_char) -> Result<SnapshotName> {
        let name = if epoch == 0 { caller.text(name, "name")? } else { String::new() };
        if epoch == u64::MAX {
            fail!(libc::EINVAL, "no snapshot has epoch {epoch}");
        }
        Ok(SnapshotName { epoch: Epoch(epoch), name })
    }

    /// Mounts it.
    pub(super) async fn mount(self, client: &Client, container: &Container) -> Result<FileSystem> {
        let epoch = container.find_snapshot(client, self.epoch, &self.name).await?.epoch;
        let options = MountOptions { epoch, ..MountOptions::read_only() };
        FileSystem::mount(client, container, options).await
    }
}

/// Mounts the file system of a POSIX container as a snapshot shows it, for reading.
///
/// @poh handle of its pool
/// @coh handle of the container
/// @flags without meaning: it is read only
/// @epoch the snapshot, as daos_cont_create_snap gives it; zero to find it by its name
/// @name its name; looked at when the epoch is zero
/// @dfs [out] the mount, ended by dfs_umount
///
/// @return zero, EINVAL, EPERM, ENOENT when there is no such snapshot, or no file system in it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_mount_snap(
    poh: daos_handle_t,
    coh: daos_handle_t,
    _flags: c_int,
    epoch: daos_epoch_t,
    name: *const c_char,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_mount_snap", |caller| {
            let place = caller.out(dfs, "dfs")?;
            handle_table::get::<OpenPool>(poh)?;
            let open = handle_table::get::<OpenContainer>(coh)?;
            let snapshot = SnapshotName::read(caller, epoch, name)?;
            let file_system =
                value_of(
                    "dfs_mount_snap",
                    move |client| async move { snapshot.mount(&client, &open.container).await },
                )?;
            place.set(insert(Mounted::new(file_system, Handles { pool: poh, container: coh, owned: false }))?);
            Ok(())
        })
    }
}

/// Connects to a pool, opens a container and mounts its file system as a snapshot shows it, for reading. Needs dfs_init.
///
/// @pool label or UUID of the pool
/// @sys name of the system, NULL for the default one
/// @cont label or UUID of the container
/// @flags without meaning: it is read only
/// @epoch the snapshot, as daos_cont_create_snap gives it; zero to find it by its name
/// @name its name; looked at when the epoch is zero
/// @dfs [out] the mount, ended by dfs_disconnect
///
/// @return zero, EINVAL, ENOENT, EPERM, EACCES without dfs_init
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dfs_connect_snap(
    pool: *const c_char,
    sys: *const c_char,
    cont: *const c_char,
    _flags: c_int,
    epoch: daos_epoch_t,
    name: *const c_char,
    dfs: *mut *mut dfs_t,
) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("dfs_connect_snap", |caller| {
            let place = caller.out(dfs, "dfs")?;
            let snapshot = SnapshotName::read(caller, epoch, name)?;
            let wanted = Wanted::read(caller, (pool, sys, cont), libc::O_RDONLY, std::ptr::null_mut())?;
            place.set(insert(wanted.at(snapshot).connect("dfs_connect_snap")?)?);
            Ok(())
        })
    }
}
