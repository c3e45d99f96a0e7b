//! `dfs_sys_*`: the same file system by absolute paths.

pub mod attribute;
pub mod directory;
pub mod file;
pub mod mount;
pub mod status;

use core::ffi::{c_char, c_int};
use std::sync::Arc;

use daos_client::Client;
use daos_dfs::{Access, FileSystem, Node, Result};

use super::mounted::{Mounted, PathMount, fail, get};
use crate::abi::dfs_sys_t;
use crate::pointer::Caller;

/// The mount at a pointer.
fn mounted(dfs_sys: *mut dfs_sys_t) -> Result<Arc<Mounted>> {
    let mount: Arc<PathMount> = get(dfs_sys)?;
    Ok(Arc::clone(&mount.mounted))
}

/// A mount and a path in it.
struct Place {
    file_system: FileSystem,
    path: Vec<u8>,
}

impl Place {
    /// The arguments that most functions begin with.
    fn read(caller: Caller, dfs_sys: *mut dfs_sys_t, path: *const c_char) -> Result<Place> {
        let mount = mounted(dfs_sys)?;
        let path = mount.path_within(caller.path(path, "path")?)?;
        Ok(Place { file_system: mount.file_system.clone(), path })
    }

    /// Opens what stands there.
    async fn open(&self, client: &Client, access: Access, follow: bool) -> Result<Node> {
        self.file_system.lookup(client, &self.path, access, follow).await
    }

    /// Opens the directory above, and gives the name in it; the root has none.
    async fn parent(&self, client: &Client) -> Result<(Node, Vec<u8>)> {
        let root = self.file_system.root();
        let (parent, name) = self.file_system.lookup_parent(client, &root, &self.path).await?;
        Ok((parent, name.to_vec()))
    }

    fn is_root(&self) -> bool {
        self.path.iter().all(|byte| *byte == b'/')
    }
}

/// Whether the flags of a call say that a symbolic link at the end is followed.
fn follows(flags: c_int) -> Result<bool> {
    if flags & !libc::O_NOFOLLOW != 0 {
        fail!(libc::EINVAL, "the flags are {flags:#x}; O_NOFOLLOW is the one that is known");
    }
    Ok(flags & libc::O_NOFOLLOW == 0)
}
