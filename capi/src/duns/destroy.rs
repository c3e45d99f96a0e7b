//! Destroying the container that a path stands for, with the path.

use core::ffi::{c_char, c_int};
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use daos_client::{Container, Pool};
use daos_dfs::{ContainerPath, DfsError, Result};
use daos_types::Reference;

use super::link;
use super::resolve::has_label;
use crate::abi::*;
use crate::completion::value_of;
use crate::dfs::mounted::fail;
use crate::guard::guard_errno;
use crate::handle_table;
use crate::pointer::Caller;
use crate::pool::OpenPool;

/// In which only its owner, and that of what is in it, removes something.
const STICKY: u32 = libc::S_ISVTX;

/// Destroys the container that a path stands for, also when it is open, and then removes the path. When the container cannot be destroyed, or it is
/// known that the path cannot be removed, both stay. In a mount of dfuse, where the path shows what is in the container, the path goes first, whatever
/// is in it.
///
/// @poh handle of its pool
/// @path made by duns_create_path
///
/// @return zero, EINVAL also when the container is in another pool, ENODATA when the path stands for no container, ENOENT, ENOTEMPTY when
///         something is in the directory, EBUSY when something is mounted there, EACCES and EPERM when the path may not be removed, EPERM when the handle
///         may not destroy containers
#[unsafe(no_mangle)]
pub unsafe extern "C" fn duns_destroy_path(poh: daos_handle_t, path: *const c_char) -> c_int {
    // SAFETY: the documentation makes the promises about pointers the caller's.
    unsafe {
        guard_errno("duns_destroy_path", |caller| {
            let open = handle_table::get::<OpenPool>(poh)?;
            let path = removable_name(caller, path)?;
            let Some(resolved) = ContainerPath::linked(&path, false, link::read)? else {
                fail!(libc::ENODATA, "'{}' stands for no container", path.display());
            };
            check_pool(&open.pool, &resolved.pool, &path)?;
            let container = Reference::parse(&resolved.container)?;
            let shows_container = is_in_fuse(&path)?;
            check_removal(&path, shows_container)?;
            // The path last: it is what leads to a container that cannot be destroyed.
            if shows_container {
                remove(&path)?;
            }
            value_of("duns_destroy_path", move |client| async move {
                Ok::<_, DfsError>(Container::destroy(&client, &open.pool, &container, true).await?)
            })?;
            if shows_container { Ok(()) } else { remove(&path) }
        })
    }
}

/// The path from the root on, without slashes and dots at its end, which the removal would not take.
fn removable_name(caller: Caller, path: *const c_char) -> Result<PathBuf> {
    let path = caller.path(path, "path")?;
    let path = Path::new(OsStr::from_bytes(&path));
    std::path::absolute(path).map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: std::io::Error) -> DfsError {
    DfsError::from(error).while_doing(path.display())
}

fn check_pool(pool: &Pool, named: &str, path: &Path) -> Result<()> {
    let is_it = match Reference::parse(named)? {
        Reference::Id(id) => id == pool.id().0,
        Reference::Label(label) => has_label("duns_destroy_path", pool, &label)?,
    };
    if !is_it {
        fail!(libc::EINVAL, "'{}' stands for a container of the pool {named}", path.display());
    }
    Ok(())
}

/// Whether a path lies in a mount of FUSE.
fn is_in_fuse(path: &Path) -> Result<bool> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| failed(path, error.into()))?;
    let mut about = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the name is a text, and there is room for what is told.
    if unsafe { libc::statfs(name.as_ptr(), about.as_mut_ptr()) } != 0 {
        return Err(failed(path, std::io::Error::last_os_error()));
    }
    // SAFETY: it was told.
    Ok(unsafe { about.assume_init() }.f_type == libc::FUSE_SUPER_MAGIC)
}

/// Refuses what the system will not remove, as far as that can be known before.
fn check_removal(path: &Path, shows_container: bool) -> Result<()> {
    let failed = |error| failed(path, error);
    let about = path.symlink_metadata().map_err(failed)?;
    let Some(parent) = path.parent() else { fail!(libc::EBUSY, "'{}' is the root", path.display()) };
    let above = parent.symlink_metadata().map_err(failed)?;
    if about.is_dir() && above.is_dir() && about.dev() != above.dev() {
        fail!(libc::EBUSY, "something is mounted at '{}'", path.display());
    }
    let name = CString::new(parent.as_os_str().as_bytes()).map_err(|error| failed(error.into()))?;
    // SAFETY: the name is a text.
    if unsafe { libc::faccessat(libc::AT_FDCWD, name.as_ptr(), libc::W_OK | libc::X_OK, libc::AT_EACCESS) } != 0 {
        return Err(failed(std::io::Error::last_os_error()));
    }
    // SAFETY: it takes nothing.
    let user = unsafe { libc::geteuid() };
    if above.mode() & STICKY != 0 && ![0, about.uid(), above.uid()].contains(&user) {
        fail!(
            libc::EPERM,
            "'{}' is another user's, in a directory where each removes only what is theirs",
            path.display()
        );
    }
    if about.is_dir() && !shows_container && std::fs::read_dir(path).map_err(failed)?.next().is_some() {
        fail!(libc::ENOTEMPTY, "'{}' is not empty", path.display());
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let is_directory = path.symlink_metadata().is_ok_and(|about| about.is_dir());
    let removed = if is_directory { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    removed.map_err(|error| failed(path, error))
}
