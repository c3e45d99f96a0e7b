//! Where a copy comes from.

use crate::error::{DfsError, Result, fail};
use crate::file_system::FileSystem;
use crate::inode::Timestamp;
use crate::listing::{Listing, NAMES_PER_REQUEST};
use crate::node::{Access, Location, Node};
use crate::system::next_data;
use daos_client::Client;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, ReadDir};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    /// A socket, a pipe or a device.
    Other,
}

/// What is kept of an entry beside its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Timestamp,
    /// Bytes of a file; as it was when it was looked at.
    pub size: u64,
}

impl Item {
    fn of_metadata(metadata: &Metadata) -> Item {
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Symlink,
            _ => Kind::Other,
        };
        Item {
            kind,
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            mtime: Timestamp { seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() as u32 },
            size: metadata.size(),
        }
    }

    /// What is kept of an entry of a container.
    pub async fn of_node(client: &Client, node: &Node) -> Result<Item> {
        let status = node.status(client).await?;
        let kind = match status.mode & libc::S_IFMT {
            libc::S_IFREG => Kind::File,
            libc::S_IFDIR => Kind::Directory,
            _ => Kind::Symlink,
        };
        let mode = status.mode & 0o7777;
        Ok(Item { kind, mode, uid: status.uid, gid: status.gid, mtime: status.mtime, size: status.size })
    }
}

/// A directory that is copied.
pub(super) enum SourceDirectory {
    Local(PathBuf),
    Container(Node),
}

/// A position in the listing of a source.
pub(super) enum SourceListing {
    Local(ReadDir),
    Container(Listing),
}

/// An entry of a source, opened.
pub(super) enum SourceEntry {
    Local(PathBuf),
    Container(Node),
}

/// A file of a source, open for reading.
pub(super) enum SourceFile {
    Local(File),
    Container(Node),
}

/// Opens what stands at a path of a container, following symbolic links.
pub(super) async fn node_at(client: &Client, file_system: &FileSystem, path: &[u8]) -> Result<Node> {
    let path = if path.is_empty() { b"/" } else { path };
    file_system.lookup(client, path, Access::ReadOnly, true).await
}

impl SourceDirectory {
    pub fn listing(&self) -> Result<SourceListing> {
        Ok(match self {
            SourceDirectory::Local(path) => SourceListing::Local(fs::read_dir(path)?),
            SourceDirectory::Container(_) => SourceListing::Container(Listing::default()),
        })
    }

    /// The next names, none at the end.
    pub async fn names(&self, client: &Client, listing: &mut SourceListing) -> Result<Vec<Vec<u8>>> {
        match (self, listing) {
            (SourceDirectory::Local(_), SourceListing::Local(entries)) => {
                let mut names = Vec::new();
                for entry in entries.take(NAMES_PER_REQUEST as usize) {
                    names.push(entry?.file_name().as_bytes().to_vec());
                }
                Ok(names)
            }
            (SourceDirectory::Container(node), SourceListing::Container(listing)) => {
                while !listing.is_at_end() {
                    let names = node.list(client, listing, NAMES_PER_REQUEST).await?;
                    if !names.is_empty() {
                        return Ok(names);
                    }
                }
                Ok(Vec::new())
            }
            _ => fail!(libc::EINVAL, "a listing of another directory"),
        }
    }

    /// Looks at an entry; `None` when it was removed since the listing.
    pub async fn look(&self, client: &Client, name: &[u8]) -> Result<Option<(SourceEntry, Item)>> {
        match self {
            SourceDirectory::Local(path) => {
                let path = path.join(OsStr::from_bytes(name));
                let metadata = match fs::symlink_metadata(&path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    metadata => metadata?,
                };
                Ok(Some((SourceEntry::Local(path), Item::of_metadata(&metadata))))
            }
            SourceDirectory::Container(node) => {
                let (directory, file_system) = (node.directory()?, node.file_system());
                let Some(entry) = file_system.find(client, directory, name).await? else { return Ok(None) };
                let location = Location { parent: Some(directory.clone()), name: name.to_vec() };
                let status = file_system.status_of(client, &entry.inode).await?;
                let node = Node::of_entry(file_system, location, &entry, Access::ReadOnly)?;
                let kind = match () {
                    () if status.is_file() => Kind::File,
                    () if status.is_directory() => Kind::Directory,
                    () => Kind::Symlink,
                };
                let mode = status.mode & 0o7777;
                let (uid, gid, mtime, size) = (status.uid, status.gid, status.mtime, status.size);
                Ok(Some((SourceEntry::Container(node), Item { kind, mode, uid, gid, mtime, size })))
            }
        }
    }
}

impl SourceEntry {
    /// The entry as a directory.
    pub fn directory(self) -> SourceDirectory {
        match self {
            SourceEntry::Local(path) => SourceDirectory::Local(path),
            SourceEntry::Container(node) => SourceDirectory::Container(node),
        }
    }

    /// The target of a symbolic link.
    pub fn link_target(&self) -> Result<Vec<u8>> {
        match self {
            SourceEntry::Local(path) => Ok(fs::read_link(path)?.as_os_str().as_bytes().to_vec()),
            SourceEntry::Container(node) => Ok(node.target()?.to_vec()),
        }
    }

    /// The entry as a file.
    pub fn open(self) -> Result<SourceFile> {
        match self {
            SourceEntry::Local(path) => Ok(SourceFile::Local(open_plain(&path)?)),
            SourceEntry::Container(node) => Ok(SourceFile::Container(node)),
        }
    }
}

/// Opens a file for reading that was one a moment ago; a pipe in its place must not make the copy wait.
fn open_plain(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        fail!(libc::EAGAIN, "it was a file a moment ago and is none now");
    }
    Ok(file)
}

impl SourceFile {
    /// Where data begins from an offset on, as far as that is known; `None` when only a hole is left.
    pub fn next_data(&self, offset: u64) -> Option<u64> {
        match self {
            SourceFile::Local(file) => next_data(file, offset),
            SourceFile::Container(_) => Some(offset),
        }
    }

    /// Reads a part; less at the end of the file.
    pub async fn read(&self, client: &Client, offset: u64, length: u64) -> Result<Vec<u8>> {
        match self {
            SourceFile::Local(file) => {
                let mut bytes = vec![0; usize::try_from(length).map_err(|_| DfsError::new(libc::ENOMEM, ""))?];
                let mut done = 0;
                while done < bytes.len() {
                    match file.read_at(&mut bytes[done..], offset + done as u64) {
                        Ok(0) => break,
                        Ok(count) => done += count,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                bytes.truncate(done);
                Ok(bytes)
            }
            SourceFile::Container(node) => node.read(client, offset, length).await,
        }
    }
}

/// What stands at a path of this machine, following symbolic links.
pub(super) fn local_item(path: &Path) -> Result<Item> {
    Ok(Item::of_metadata(&fs::metadata(path)?))
}
