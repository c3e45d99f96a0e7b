//! Where a copy goes to.

use super::source::{Item, Kind};
use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry};
use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::inode::{Inode, InodeChange};
use crate::node::{Access, Node, open_array};
use crate::open::NewFile;
use crate::path::{check_name, check_target};
use crate::quoted::quoted;
use crate::system::set_mtime;
use daos_client::array::Array;
use daos_client::{Client, Conditions, Source};
use daos_types::{Extent, ObjectClass, ObjectType};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the owner needs to fill a directory.
const OWNER_ALL: u32 = 0o700;
/// Permissions of directories that are made above a target.
const DIRECTORY_MODE: u32 = 0o755;

/// A directory that is copied into.
pub(super) enum TargetDirectory {
    Local(PathBuf),
    Container(Node),
}

/// A file that is written.
pub(super) enum TargetFile {
    Local { file: File, path: PathBuf },
    Container { parent: Node, name: Vec<u8>, inode: Inode, array: Array },
}

/// The deepest directory on the way to a path that is there.
pub(super) async fn nearest(client: &Client, file_system: &FileSystem, path: &[u8]) -> Result<Option<Node>> {
    let mut path = path.to_vec();
    loop {
        let text = if path.is_empty() { b"/" } else { path.as_slice() };
        match file_system.lookup(client, text, Access::ReadOnly, true).await {
            Ok(node) if node.is_directory() => return Ok(Some(node)),
            Ok(_) => {}
            Err(error) if error.errno == libc::ENOENT || error.errno == libc::ENOTDIR => {}
            Err(error) => return Err(error),
        }
        match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => path.truncate(slash),
            None => return Ok(None),
        }
    }
}

/// Opens a directory of a container, and makes it and those above it as far as they are missing.
pub(super) async fn make_all(client: &Client, file_system: &FileSystem, path: &[u8]) -> Result<Node> {
    let made = file_system.root().create_directories(client, path, DIRECTORY_MODE, ObjectClass::UNKNOWN).await;
    // What is there is to be a directory, as everything above it.
    made.map_err(|error| DfsError {
        errno: if error.errno == libc::EEXIST { libc::ENOTDIR } else { error.errno },
        ..error
    })
}

fn kind_at(path: &Path) -> Result<Option<Kind>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(metadata) if metadata.is_dir() => Ok(Some(Kind::Directory)),
        Ok(metadata) if metadata.is_file() => Ok(Some(Kind::File)),
        Ok(_) => Ok(Some(Kind::Other)),
    }
}

impl TargetDirectory {
    /// Makes a directory in it, or takes the one that is there.
    pub async fn make_directory(&self, client: &Client, name: &[u8], item: &Item) -> Result<TargetDirectory> {
        match self {
            TargetDirectory::Local(path) => {
                let path = path.join(OsStr::from_bytes(name));
                match kind_at(&path)? {
                    Some(Kind::Directory) => {
                        let mode = fs::metadata(&path)?.permissions().mode();
                        if mode & OWNER_ALL != OWNER_ALL {
                            fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777 | OWNER_ALL))?;
                        }
                    }
                    Some(_) => fail!(libc::ENOTDIR, "it is in the way of a directory"),
                    None => fs::create_dir(&path)?,
                }
                Ok(TargetDirectory::Local(path))
            }
            TargetDirectory::Container(parent) => {
                let file_system = parent.file_system();
                let made = file_system.create_directory(client, parent, name, item.mode, ObjectClass::UNKNOWN).await;
                match made {
                    Err(error) if error.errno == libc::EEXIST => {
                        let node = file_system.lookup_from(client, parent, name, Access::ReadWrite, false).await?;
                        node.directory()?;
                        Ok(TargetDirectory::Container(node))
                    }
                    made => Ok(TargetDirectory::Container(made?)),
                }
            }
        }
    }

    /// Gives a directory what is kept of the source, after all that is in it was copied.
    pub async fn finish(&self, client: &Client, item: &Item, preserve: bool) -> Result<()> {
        match self {
            TargetDirectory::Local(path) => finish_local(path, item, preserve),
            TargetDirectory::Container(node) => {
                let file_system = node.file_system();
                let change = InodeChange {
                    mode: Some(libc::S_IFDIR | item.mode),
                    mtime: Some((item.mtime, written_until(client))),
                    size: Some(0),
                    ctime: Some(file_system.now(client)),
                    uid: preserve.then_some(item.uid),
                    gid: preserve.then_some(item.gid),
                    ..InodeChange::default()
                };
                let location = node.location();
                let (holder, name) = file_system.holder(&location);
                entry_store::change(client, holder, name, &change).await
            }
        }
    }

    /// Makes a symbolic link; one that is there, and a file, is replaced.
    pub async fn put_symlink(
        &self,
        client: &Client,
        name: &[u8],
        link_target: Vec<u8>,
        item: &Item,
        preserve: bool,
    ) -> Result<()> {
        match self {
            TargetDirectory::Local(path) => {
                let path = path.join(OsStr::from_bytes(name));
                match kind_at(&path)? {
                    Some(Kind::Directory) => fail!(libc::EISDIR, "it is in the way of a symbolic link"),
                    Some(_) => fs::remove_file(&path)?,
                    None => {}
                }
                std::os::unix::fs::symlink(OsStr::from_bytes(&link_target), &path)?;
                finish_local(&path, item, preserve)
            }
            TargetDirectory::Container(parent) => {
                check_name(name)?;
                check_target(&link_target)?;
                let file_system = parent.file_system();
                let mut inode = Inode { mode: libc::S_IFLNK | 0o777, ..Inode::default() };
                inode.id = file_system.next_id(client, ObjectType::MULTI_HASHED, ObjectClass::S1).await?;
                inode.size = link_target.len() as u64;
                own(client, file_system, &mut inode, item, preserve);
                let entry = StoredEntry { inode, target: link_target, ..StoredEntry::default() };
                put_entry(client, file_system, parent.directory()?, name, &entry).await
            }
        }
    }

    /// Begins a file.
    pub async fn begin_file(&self, client: &Client, name: &[u8], item: &Item) -> Result<TargetFile> {
        match self {
            TargetDirectory::Local(path) => {
                let path = path.join(OsStr::from_bytes(name));
                let file = match kind_at(&path)? {
                    Some(Kind::Directory) => fail!(libc::EISDIR, "it is in the way of a file"),
                    Some(Kind::File) => overwrite_local(&path)?,
                    Some(_) => {
                        fs::remove_file(&path)?;
                        create_local(&path)?
                    }
                    None => create_local(&path)?,
                };
                Ok(TargetFile::Local { file, path })
            }
            TargetDirectory::Container(parent) => {
                check_name(name)?;
                let new = NewFile { mode: item.mode, size_hint: Some(item.size), ..NewFile::default() };
                let file_system = parent.file_system();
                let inode = file_system.new_file(client, parent.directory()?, &new).await?;
                let array = open_array(file_system, inode.id, inode.chunk_size, Access::ReadWrite)?;
                Ok(TargetFile::Container { parent: parent.clone(), name: name.to_vec(), inode, array })
            }
        }
    }
}

fn create_local(path: &Path) -> Result<File> {
    // Nobody else reads it before it has its own permissions.
    Ok(fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?)
}

/// Empties a file that is there; one that must not be written is replaced.
fn overwrite_local(path: &Path) -> Result<File> {
    match fs::OpenOptions::new().write(true).truncate(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            fs::remove_file(path)?;
            create_local(path)
        }
        file => Ok(file?),
    }
}

/// Owner, permissions and time, in this order: a change of the owner clears bits, and each change but the last may touch
/// the time.
fn finish_local(path: &Path, item: &Item, preserve: bool) -> Result<()> {
    if preserve {
        std::os::unix::fs::lchown(path, Some(item.uid), Some(item.gid))?;
    }
    if item.kind != Kind::Symlink {
        fs::set_permissions(path, Permissions::from_mode(item.mode))?;
    }
    set_mtime(path, item.mtime)
}

/// Owner and times of a new entry of a container.
fn own(client: &Client, file_system: &FileSystem, inode: &mut Inode, item: &Item, preserve: bool) {
    let options = file_system.options();
    (inode.uid, inode.gid) = if preserve { (item.uid, item.gid) } else { (options.uid, options.gid) };
    inode.mtime = item.mtime;
    inode.ctime = file_system.now(client);
    // Nobody else can have written yet.
    inode.object_epoch = written_until(client);
}

/// The version up to which a time that is set now holds: all that was written so far has none above it, although the engine's
/// clock may be ahead of ours.
fn written_until(client: &Client) -> u64 {
    client.newest_change().0.max(client.env().clock.wall_nanoseconds())
}

/// Puts an entry in place; a file or a link that is there is replaced in one write, and its object given up.
async fn put_entry(
    client: &Client,
    file_system: &FileSystem,
    directory: &Directory,
    name: &[u8],
    entry: &StoredEntry,
) -> Result<()> {
    match file_system.insert_entry(client, directory, name, entry).await {
        Err(error) if error.errno == libc::EEXIST => {}
        result => return result,
    }
    let present = file_system.find(client, directory, name).await?;
    if let Some(present) = &present {
        if present.inode.is_directory() {
            fail!(libc::EISDIR, "it is in the way");
        }
        file_system.clear_origin(client, present).await?;
    }
    entry_store::write(client, directory.object(), name, entry, Vec::new(), Conditions::NONE).await?;
    match present {
        Some(present) => file_system.discard_object(client, &present.inode).await,
        None => Ok(()),
    }
}

impl TargetFile {
    /// How many bytes are written at a time: whole chunks, at most a few MiB of them.
    pub fn window(&self) -> u64 {
        match self {
            TargetFile::Local { .. } => super::file::WINDOW_BYTES,
            TargetFile::Container { array, .. } => super::file::window_of(array.attributes().chunk_size),
        }
    }

    /// Writes a part.
    pub async fn write(&self, client: &Client, offset: u64, bytes: Vec<u8>) -> Result<()> {
        match self {
            TargetFile::Local { file, .. } => Ok(file.write_all_at(&bytes, offset)?),
            TargetFile::Container { array, .. } => {
                let Some(extent) = Extent::new(offset, bytes.len() as u64) else { return Ok(()) };
                Ok(array.write(client, &[extent], Source::Owned(bytes)).await?)
            }
        }
    }

    /// Ends a file of `size` bytes, the last of which was perhaps not written because it is zero.
    pub async fn finish(
        &self,
        client: &Client,
        item: &Item,
        size: u64,
        last_is_written: bool,
        preserve: bool,
    ) -> Result<()> {
        if size > 0 && !last_is_written {
            match self {
                TargetFile::Local { file, .. } => file.set_len(size)?,
                TargetFile::Container { .. } => self.write(client, size - 1, vec![0]).await?,
            }
        }
        match self {
            TargetFile::Local { path, .. } => finish_local(path, item, preserve),
            TargetFile::Container { parent, name, inode, .. } => {
                let file_system = parent.file_system();
                let mut inode = inode.clone();
                own(client, file_system, &mut inode, item, preserve);
                let entry = StoredEntry { inode, ..StoredEntry::default() };
                let put = put_entry(client, file_system, parent.directory()?, name, &entry).await;
                if put.as_ref().is_err_and(|error| matches!(error.errno, libc::EISDIR | libc::ENOSPC)) {
                    // Surely not in place; after other errors it may be, and then its object must stay.
                    self.abandon(client).await;
                }
                put
            }
        }
    }

    /// Gives up what was written of a file that got no name.
    pub async fn abandon(&self, client: &Client) {
        if let TargetFile::Container { parent, inode, .. } = self {
            // It is only space, and the error that led here is the one to tell.
            let _unpunched: Result<(), DfsError> = parent.file_system().discard_object(client, inode).await;
        }
    }
}

/// The directory and the name that a single entry is copied to.
pub(super) async fn place_for_entry(
    client: &Client,
    file_system: &FileSystem,
    path: &[u8],
    source_name: &[u8],
) -> Result<(Node, Vec<u8>)> {
    let text = if path.is_empty() { b"/" } else { path };
    match file_system.lookup(client, text, Access::ReadWrite, true).await {
        Ok(node) if node.is_directory() => Ok((node, source_name.to_vec())),
        Ok(_) => parent_of(client, file_system, path).await,
        Err(error) if error.errno == libc::ENOENT => parent_of(client, file_system, path).await,
        Err(error) => Err(error),
    }
}

async fn parent_of(client: &Client, file_system: &FileSystem, path: &[u8]) -> Result<(Node, Vec<u8>)> {
    let Some((directory, name)) = crate::path::split(path) else {
        fail!(libc::EINVAL, "{} has no name at its end", quoted(&path));
    };
    check_name(name)?;
    Ok((make_all(client, file_system, directory).await?, name.to_vec()))
}
