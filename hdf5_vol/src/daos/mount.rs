//! A connection to a container, and the entries of its POSIX namespace.

use super::library::{adopt, daos};
use super::snapshot::Snapshot;
use super::types::{ContainerInformation, Handle, ObjectId, ScatterGather, UnifiedName, Vector};
use super::{check, failed_change, failed_file};
use crate::failure::{Failure, Minor, Result};
use std::ffi::{CStr, CString, c_int, c_void};

const CONNECT_READ: u32 = 1;
const CONNECT_WRITE: u32 = 2;
/// `DFS_MAX_FSIZE`: makes the end of what is taken away that of the file.
const TO_ITS_END: u64 = u64::MAX;
/// The permissions of a file that is made, before the user's mask, which libdfs applies.
const MODE: u32 = libc::S_IFREG | 0o664;

/// What is connected to.
#[derive(Clone, Copy)]
pub struct Address<'a> {
    /// None for the usual one.
    pub system: Option<&'a str>,
    pub pool: &'a str,
    pub container: &'a str,
    /// By its name or its epoch; none for the container as it is.
    pub snapshot: Option<&'a str>,
}

/// A pool and a container that are open, and the namespace in it.
pub struct Mount {
    pool: Handle,
    pub container: Handle,
    pub uuid: [u8; 16],
    /// None for the container as it is.
    snapshot: Snapshot,
    dfs: *mut c_void,
    is_writable: bool,
    /// The process that has it open, and not one that was forked from it.
    process: u32,
}

/// A regular file of the namespace, open.
pub struct Entry<'a> {
    mount: &'a Mount,
    entry: *mut c_void,
}

fn text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Failure::new(Minor::BadValue, "a name has a zero byte in it"))
}

/// The bytes of a handle that is shared. The function is called for their number, and for them.
fn global(what: &str, mut write: impl FnMut(*mut Vector) -> c_int) -> Result<Vec<u8>> {
    let mut vector = Vector { buffer: std::ptr::null_mut(), room: 0, length: 0 };
    check(what, write(&raw mut vector))?;
    let mut bytes = vec![0; vector.room];
    vector = Vector::into(&mut bytes);
    check(what, write(&raw mut vector))?;
    bytes.truncate(vector.length);
    Ok(bytes)
}

impl Mount {
    /// One that nothing is connected to.
    fn closed(uuid: [u8; 16], is_writable: bool) -> Self {
        Self {
            pool: Handle::NONE,
            container: Handle::NONE,
            uuid,
            snapshot: Snapshot::NONE,
            dfs: std::ptr::null_mut(),
            is_writable,
            process: std::process::id(),
        }
    }

    /// Connects.
    pub fn open(address: Address<'_>, is_writable: bool) -> Result<Self> {
        adopt()?;
        let daos = daos()?;
        let Address { system, pool: pool_name, container: container_name, snapshot } = address;
        if is_writable && let Some(snapshot) = snapshot {
            let sentence = format!("{container_name}@{snapshot} is a snapshot, which is for reading only");
            return Err(Failure::new(Minor::NotAllowed, sentence));
        }
        let mut mount = Self::closed([0; 16], is_writable);
        let flags = if is_writable { CONNECT_WRITE } else { CONNECT_READ };
        let (pool, container) = (text(pool_name)?, text(container_name)?);
        let system = system.map(text).transpose()?;
        // SAFETY: the name ends with zero, the handle is written on success.
        let result = unsafe {
            daos.pool_connect(
                pool.as_ptr(),
                system.as_ref().map_or(std::ptr::null(), |system| system.as_ptr()),
                flags,
                &raw mut mount.pool,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        check(&format!("cannot connect to pool {pool_name}"), result).map_err(|failure| {
            failure.advise_if_missing(&format!("'daos pool create {pool_name}' makes it, 'daos pool list' shows all"))
        })?;
        let mut information = ContainerInformation::default();
        // SAFETY: the same.
        let result = unsafe {
            daos.container_open(
                mount.pool,
                container.as_ptr(),
                flags,
                &raw mut mount.container,
                &raw mut information,
                std::ptr::null_mut(),
            )
        };
        check(&format!("cannot open container {container_name} of pool {pool_name}"), result).map_err(|failure| {
            let place = format!("{pool_name} {container_name}");
            failure.advise_if_missing(&format!("'daos container create {place} --type POSIX' makes it"))
        })?;
        mount.uuid = information.uuid;
        if let Some(snapshot) = snapshot {
            mount.snapshot = Snapshot::find(mount.container, snapshot).map_err(|failure| {
                failure
                    .while_doing(&format!("cannot open a snapshot of container {container_name} of pool {pool_name}"))
            })?;
        }
        let result = mount.mount()?;
        if result != 0 {
            let what = format!("container {container_name} has no file system (make it with --type POSIX)");
            return Err(failed_file(&what, result));
        }
        Ok(mount)
    }

    /// Mounts the namespace of what is open; gives the system's number of an error.
    fn mount(&mut self) -> Result<c_int> {
        let daos = daos()?;
        let flags = if self.is_writable { libc::O_RDWR } else { libc::O_RDONLY };
        // SAFETY: the handles are open, the pointer is written on success, and a snapshot with an epoch needs no name.
        Ok(unsafe {
            match self.snapshot.epoch() {
                0 => daos.dfs_mount(self.pool, self.container, flags, &raw mut self.dfs),
                epoch => daos.dfs_mount_snapshot(
                    self.pool,
                    self.container,
                    flags,
                    epoch,
                    std::ptr::null(),
                    &raw mut self.dfs,
                ),
            }
        })
    }

    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Whether it is that of a process from which this one was forked.
    pub fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// The snapshot that it shows.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Its connection, for other processes: the snapshot, the length of the pool's handle, that handle, and the container's.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let daos = daos()?;
        // SAFETY: both handles are open, and the vector is null or leads to as many bytes as it says.
        let (pool, container) = unsafe {
            (
                global("share a pool's handle", |bytes| daos.pool_to_global(self.pool, bytes))?,
                global("share a container's handle", |bytes| daos.container_to_global(self.container, bytes))?,
            )
        };
        let numbers = [self.snapshot.epoch(), pool.len() as u64].map(u64::to_le_bytes);
        Ok([numbers.as_flattened(), &pool, &container].concat())
    }

    /// Uses the connection of another process. It has no namespace, which only opening and removing files needs.
    pub fn from_bytes(bytes: &[u8], uuid: [u8; 16], is_writable: bool) -> Result<Self> {
        let damaged = || Failure::new(Minor::Internal, "another process shares no handles");
        let (epoch, bytes) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let (length, handles) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (pool, container) = handles.split_at_checked(length).ok_or_else(damaged)?;
        let daos = daos()?;
        let mut mount = Self::closed(uuid, is_writable);
        // SAFETY: the vector leads to as many bytes, which are only read; the handle is written on success.
        let result = unsafe { daos.pool_from_global(Vector::of(pool), &raw mut mount.pool) };
        check("cannot use the connection of another process to a pool", result)?;
        // SAFETY: the same.
        let result = unsafe { daos.container_from_global(mount.pool, Vector::of(container), &raw mut mount.container) };
        check("cannot use the connection of another process to a container", result)?;
        mount.snapshot = Snapshot::open(mount.container, u64::from_le_bytes(*epoch))?;
        Ok(mount)
    }

    /// Makes a snapshot of the container, without a name; gives its epoch.
    pub fn create_snapshot(&self) -> Result<u64> {
        let mut epoch = 0;
        let none = std::ptr::null_mut();
        // SAFETY: the number is written on success.
        let result = unsafe { daos()?.create_snapshot(self.container, &raw mut epoch, none, none.cast()) };
        check("cannot make a snapshot", result)?;
        Ok(epoch)
    }

    /// Reserves numbers for objects, and gives the first.
    pub fn allocate(&self, count: u64) -> Result<u64> {
        let mut first = 0;
        // SAFETY: the number is written on success.
        let result = unsafe { daos()?.allocate_ids(self.container, count, &raw mut first, std::ptr::null_mut()) };
        check("cannot allocate object ids", result)?;
        Ok(first)
    }

    /// The upper half of the ids of objects of a type: the connector's own bits and, above them, type and class.
    pub fn upper(&self, mark: u32, kind: u32, class: u32, hints: u16) -> Result<u64> {
        let mut id = ObjectId { low: 0, high: u64::from(mark) };
        // SAFETY: the id is ours.
        let result = unsafe { daos()?.object_id(self.container, &raw mut id, kind, class, hints, 0) };
        check("cannot choose an object class", result)?;
        Ok(id.high)
    }

    /// Opens a file that is there.
    pub fn lookup(&self, path: &str) -> Result<Entry<'_>> {
        let flags = if self.is_writable { libc::O_RDWR } else { libc::O_RDONLY };
        let (mut entry, mut mode) = (std::ptr::null_mut(), 0);
        let name = text(path)?;
        // SAFETY: the path ends with zero, pointer and mode are written on success.
        let result = unsafe {
            daos()?.dfs_lookup(self.dfs, name.as_ptr(), flags, &raw mut entry, &raw mut mode, std::ptr::null_mut())
        };
        if result != 0 {
            return Err(failed_file(&format!("cannot open {path}"), result));
        }
        let entry = Entry { mount: self, entry };
        if mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Failure::new(Minor::NotHdf5, format!("{path} is no file")));
        }
        Ok(entry)
    }

    /// Opens the directory that a path ends in, and gives the last name of the path.
    fn parent(&self, path: &str) -> Result<(Option<Entry<'_>>, CString)> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let name = text(name)?;
        if directory.is_empty() {
            return Ok((None, name));
        }
        let (mut entry, mut mode) = (std::ptr::null_mut(), 0);
        let directory_name = text(directory)?;
        // SAFETY: as in `lookup`.
        let result = unsafe {
            daos()?.dfs_lookup(
                self.dfs,
                directory_name.as_ptr(),
                libc::O_RDWR,
                &raw mut entry,
                &raw mut mode,
                std::ptr::null_mut(),
            )
        };
        if result != 0 {
            return Err(failed_file(&format!("cannot open directory {directory}"), result));
        }
        Ok((Some(Entry { mount: self, entry }), name))
    }

    /// Makes a file, which must not be there.
    pub fn create(&self, path: &str) -> Result<Entry<'_>> {
        let (parent, name) = self.parent(path)?;
        let parent = parent.as_ref().map_or(std::ptr::null_mut(), |entry| entry.entry);
        let mut entry = std::ptr::null_mut();
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        // SAFETY: the parent is open or null for the root; the pointer is written on success.
        let result = unsafe {
            daos()?.dfs_open(self.dfs, parent, name.as_ptr(), MODE, flags, 0, 0, std::ptr::null(), &raw mut entry)
        };
        if result != 0 {
            return Err(failed_change(&format!("cannot create {path}"), result));
        }
        Ok(Entry { mount: self, entry })
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) -> Result<()> {
        let (parent, name) = self.parent(path)?;
        let parent = parent.as_ref().map_or(std::ptr::null_mut(), |entry| entry.entry);
        // SAFETY: the parent is open or null for the root.
        let result = unsafe { daos()?.dfs_remove(self.dfs, parent, name.as_ptr(), false, std::ptr::null_mut()) };
        if result != 0 {
            return Err(failed_change(&format!("cannot remove {path}"), result));
        }
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // The parent closes what is its own.
        if self.is_inherited() {
            return;
        }
        let Ok(daos) = daos() else { return };
        // SAFETY: each is open or null, and nothing uses them any more.
        unsafe {
            if !self.dfs.is_null() {
                daos.dfs_unmount(self.dfs);
            }
            self.snapshot.close();
            if self.container != Handle::NONE {
                daos.container_close(self.container, std::ptr::null_mut());
            }
            if self.pool != Handle::NONE {
                daos.pool_disconnect(self.pool, std::ptr::null_mut());
            }
        }
    }
}

impl Entry<'_> {
    /// The id of the object behind it, which it keeps when it is renamed.
    pub fn id(&self) -> Result<ObjectId> {
        let mut id = ObjectId::default();
        // SAFETY: the entry is open.
        let result = unsafe { daos()?.dfs_id(self.entry, &raw mut id) };
        if result != 0 {
            return Err(failed_file("cannot tell the id of a file", result));
        }
        Ok(id)
    }

    /// Its first bytes, as many as there are and the buffer has room for.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        let mut vector = Vector::into(buffer);
        let mut list = ScatterGather { count: 1, count_out: 0, vectors: &raw mut vector };
        let mut size = 0;
        // SAFETY: the list leads to the buffer.
        let result = unsafe {
            daos()?.dfs_read(self.mount.dfs, self.entry, &raw mut list, 0, &raw mut size, std::ptr::null_mut())
        };
        if result != 0 {
            return Err(failed_file("cannot read a file", result));
        }
        Ok(usize::try_from(size).unwrap_or(buffer.len()))
    }

    /// Takes all of its bytes away.
    pub fn empty(&self) -> Result<()> {
        // SAFETY: the entry is open.
        let result = unsafe { daos()?.dfs_punch(self.mount.dfs, self.entry, 0, TO_ITS_END) };
        if result != 0 {
            return Err(failed_change("cannot empty a file", result));
        }
        Ok(())
    }

    /// Writes its first bytes, all or none.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut vector = Vector::of(bytes);
        let mut list = ScatterGather { count: 1, count_out: 0, vectors: &raw mut vector };
        // SAFETY: the list leads to the bytes, which are only read.
        let result = unsafe { daos()?.dfs_write(self.mount.dfs, self.entry, &raw mut list, 0, std::ptr::null_mut()) };
        if result != 0 {
            return Err(failed_change("cannot write a file", result));
        }
        Ok(())
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if let Ok(daos) = daos() {
            // SAFETY: open, and used no more.
            unsafe { daos.dfs_release(self.entry) };
        }
    }
}

/// The number of a class of objects.
pub fn object_class(name: &str) -> Result<u32> {
    let text = text(name)?;
    // SAFETY: the name ends with zero.
    let class = unsafe { daos()?.class_by_name(text.as_ptr()) }.cast_unsigned();
    if class == 0 {
        let sentence = format!("there is no object class \"{name}\": such are S1, S2, SX");
        return Err(Failure::new(Minor::BadValue, sentence));
    }
    Ok(class)
}

/// Pool, container and path of a name that a directory of the local file system leads into a container.
pub fn resolve(path: &str) -> Option<(String, String, String)> {
    let daos = daos().ok()?;
    let path = CString::new(path).ok()?;
    // SAFETY: all zero is what the function wants to be given.
    let mut name: UnifiedName = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with zero, the struct is that of include/daos_uns.h.
    if unsafe { daos.resolve(path.as_ptr(), &raw mut name) } != 0 {
        return None;
    }
    let label = |bytes: &[u8]| {
        let text = CStr::from_bytes_until_nul(bytes).ok()?.to_str().ok()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    let path = if name.path.is_null() {
        None
    } else {
        // SAFETY: not null, ends with zero.
        unsafe { CStr::from_ptr(name.path) }.to_str().ok().map(str::to_owned)
    };
    let found = label(&name.pool).zip(label(&name.container)).zip(path);
    // SAFETY: what the function has filled.
    unsafe { daos.resolve_free(&raw mut name) };
    found.map(|((pool, container), path)| (pool, container, path))
}
