//! What the opaque pointers of `libdfs` stand for.

use core::ffi::c_char;
use daos_dfs::quoted;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use daos_dfs::{Access, DfsError, FileStatus, FileSystem, Listing, Node, Result};
use libc::{dirent, stat};

use crate::abi::*;
use crate::array::OpenArray;
use crate::completion::value_of;
use crate::handle_table::{self, Handled};
use crate::pointer::{Caller, Out};

/// `Err` of an error number and format arguments.
macro_rules! fail {
    ($errno:expr, $($arg:tt)+) => {
        return Err(daos_dfs::DfsError::new($errno, format!($($arg)+)))
    };
}
pub(crate) use fail;

/// The pool and container handles that a mount holds.
pub struct Handles {
    /// The pool.
    pub pool: daos_handle_t,
    /// The container.
    pub container: daos_handle_t,
    /// They are the mount's own, and are closed with it.
    pub owned: bool,
}

/// A mounted namespace.
pub struct Mounted {
    /// The mount.
    pub file_system: FileSystem,
    /// Its handles.
    pub handles: Handles,
    /// What paths begin with that is not part of the namespace.
    pub prefix: Mutex<Vec<u8>>,
    /// How often its handles were lent and not given back.
    pub lent: AtomicU32,
}

/// An open file, directory or symbolic link.
pub struct OpenNode {
    /// The node.
    pub node: Node,
    /// The handle of its array, as soon as somebody has asked for it.
    array: OnceLock<daos_handle_t>,
}

/// A mount that is addressed by absolute paths.
pub struct PathMount {
    /// The mount, which callers can also use by its own pointer.
    pub pointer: usize,
    /// The mount.
    pub mounted: Arc<Mounted>,
}

/// A directory that is listed entry by entry.
pub struct OpenListing {
    /// The directory.
    pub node: Node,
    /// Names that were fetched and not given yet, the last first, and where to go on.
    pub state: Mutex<(Vec<Vec<u8>>, Listing)>,
    /// What the caller sees of the entry given last.
    pub entry: Mutex<Box<dirent>>,
}

// SAFETY: of the entry only plain bytes are used; it has no pointers.
unsafe impl Send for OpenListing {}
// SAFETY: as for `Send`; access goes through the mutexes.
unsafe impl Sync for OpenListing {}

impl Mounted {
    /// A mount that was not used yet.
    pub fn new(file_system: FileSystem, handles: Handles) -> Mounted {
        Mounted { file_system, handles, prefix: Mutex::default(), lent: AtomicU32::new(0) }
    }

    /// A path within the namespace: without the prefix.
    pub fn path_within(&self, path: Vec<u8>) -> Result<Vec<u8>> {
        if path.first() != Some(&b'/') {
            fail!(libc::EINVAL, "{} does not begin with a slash", quoted(&path));
        }
        let prefix = self.prefix.lock().unwrap_or_else(PoisonError::into_inner);
        if prefix.is_empty() {
            return Ok(path);
        }
        match path.strip_prefix(prefix.as_slice()) {
            Some([]) => Ok(b"/".to_vec()),
            Some(rest) if rest[0] == b'/' => Ok(rest.to_vec()),
            _ => fail!(libc::EINVAL, "{} is not below {}", quoted(&path), quoted(prefix.as_slice())),
        }
    }

    /// Gives up the content of files without a name, open or not: the mount ends.
    pub fn give_up_nameless(&self, function: &'static str) {
        let file_system = self.file_system.clone();
        if file_system.has_nameless() {
            // A container that was closed before cannot be changed any more. A check of it finds what was left.
            let _left: Result<()> =
                value_of(function, move |client| async move { file_system.discard_nameless(&client).await });
        }
    }

    /// Refuses to end while its handles are lent.
    pub fn check_not_lent(&self) -> Result<()> {
        match self.lent.load(Ordering::Acquire) {
            0 => Ok(()),
            lent => fail!(libc::EBUSY, "{lent} of the mount's pool and container handles are in use"),
        }
    }
}

impl OpenNode {
    fn new(node: Node) -> OpenNode {
        OpenNode { node, array: OnceLock::new() }
    }

    /// The handle of the file's array; it stays the node's.
    pub fn array_handle(&self) -> Result<daos_handle_t> {
        if let Some(handle) = self.array.get() {
            return Ok(*handle);
        }
        let made = handle_table::insert(OpenArray { array: self.node.file_array()?.clone() })?;
        let kept = *self.array.get_or_init(|| made);
        if kept.cookie != made.cookie {
            // Another thread asked at the same time.
            let _closed = handle_table::remove::<OpenArray>(made);
        }
        Ok(kept)
    }

    /// Closes what was handed out.
    pub fn close(&self) {
        if let Some(handle) = self.array.get() {
            let _closed = handle_table::remove::<OpenArray>(*handle);
        }
    }
}

fn handle_of<T>(pointer: *mut T) -> daos_handle_t {
    daos_handle_t { cookie: pointer.expose_provenance() as u64 }
}

/// The pointer that a caller gets for a handle; nothing is at the place.
fn pointer_of<T>(handle: daos_handle_t) -> *mut T {
    core::ptr::without_provenance_mut(handle.cookie as usize)
}

/// Puts something into the table and gives the caller's pointer.
pub fn insert<T: Handled, P>(value: T) -> Result<*mut P> {
    Ok(pointer_of(handle_table::insert(value)?))
}

/// What a caller's pointer stands for.
pub fn get<T: Handled, P>(pointer: *mut P) -> Result<Arc<T>> {
    handle_table::get::<T>(handle_of(pointer))
        .map_err(|status| DfsError::new(libc::EINVAL, status.context().to_owned()))
}

/// Takes a caller's pointer back.
pub fn remove<T: Handled, P>(pointer: *mut P) -> Result<Arc<T>> {
    handle_table::remove::<T>(handle_of(pointer))
        .map_err(|status| DfsError::new(libc::EINVAL, status.context().to_owned()))
}

/// The mount at a pointer.
pub fn mounted(dfs: *mut dfs_t) -> Result<Arc<Mounted>> {
    get(dfs)
}

/// The open node at a pointer, which must be of this mount's container.
pub fn open_node(mounted: &Mounted, obj: *mut dfs_obj_t) -> Result<Arc<OpenNode>> {
    let open: Arc<OpenNode> = get(obj)?;
    let container = mounted.file_system.container().id();
    if open.node.file_system().container().id() != container {
        fail!(libc::EINVAL, "{:?} is not in container {container}", open.node);
    }
    Ok(open)
}

/// A directory at a pointer; NULL stands for the root.
pub fn parent(mounted: &Mounted, obj: *mut dfs_obj_t) -> Result<Node> {
    if obj.is_null() {
        return Ok(mounted.file_system.root());
    }
    let open = open_node(mounted, obj)?;
    if !open.node.is_directory() {
        fail!(libc::ENOTDIR, "{:?}", open.node);
    }
    Ok(open.node.clone())
}

/// Gives an open node to the caller.
pub fn give_node(place: Out<*mut dfs_obj_t>, node: Node) -> Result<()> {
    place.set(insert(OpenNode::new(node))?);
    Ok(())
}

/// The access that `open` flags ask for.
pub fn access_of(flags: i32) -> Result<Access> {
    match Access::from_open_flags(flags) {
        Some(access) => Ok(access),
        None => fail!(libc::EINVAL, "the flags {flags:#x} are neither for reading nor for writing"),
    }
}

/// A name that may be NULL where the directory itself is meant.
pub fn name_or_self(caller: Caller, name: *const c_char) -> Result<Option<Vec<u8>>> {
    Ok(caller.path_optional(name, "name")?)
}

/// `struct stat` of what is known of an entry.
pub fn stat_of(status: &FileStatus) -> stat {
    // SAFETY: the structure has numbers only, for which zero is a value.
    let mut stat: stat = unsafe { core::mem::zeroed() };
    stat.st_mode = status.mode;
    stat.st_ino = status.number();
    stat.st_nlink = 1;
    stat.st_uid = status.uid;
    stat.st_gid = status.gid;
    stat.st_size = status.size as i64;
    stat.st_blksize = status.block_size as i64;
    stat.st_blocks = status.blocks() as i64;
    (stat.st_mtime, stat.st_mtime_nsec) = (status.mtime.seconds, i64::from(status.mtime.nanoseconds));
    (stat.st_ctime, stat.st_ctime_nsec) = (status.ctime.seconds, i64::from(status.ctime.nanoseconds));
    // Reads leave no trace: the later of the two is the best guess, as upstream has it.
    let accessed = status.mtime.max(status.ctime);
    (stat.st_atime, stat.st_atime_nsec) = (accessed.seconds, i64::from(accessed.nanoseconds));
    stat
}

/// `struct dirent` of a name.
pub fn entry_of(name: &[u8]) -> dirent {
    // SAFETY: the structure has numbers only, for which zero is a value.
    let mut entry: dirent = unsafe { core::mem::zeroed() };
    let room = entry.d_name.len() - 1;
    for (place, byte) in entry.d_name.iter_mut().zip(&name[..name.len().min(room)]) {
        *place = *byte as c_char;
    }
    entry.d_reclen = size_of::<dirent>() as u16;
    entry
}
