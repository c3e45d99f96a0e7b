//! Creating and opening entries of a directory.

use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry};
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::inode::{Inode, Timestamp};
use crate::lookup::Found;
use crate::node::{Access, Location, Node};
use crate::path::{check_name, check_target};
use crate::quoted::quoted;
use crate::superblock::{check_chunk_size, check_class};
use daos_client::Client;
use daos_types::{ObjectClass, ObjectType};

/// How often an open that creates looks again, when others create and remove the name at the same time.
const ATTEMPTS_MAX: u32 = 16;

/// A file known to be so small is kept on one target: spreading it would cost a request to every target for each query of
/// its size. Four chunks of the default size are where a second target begins to pay.
pub(crate) const SINGLE_TARGET_BYTES_MAX: u64 = 4 << 20;

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// What it is opened for.
    pub access: Access,
    /// It is made when it is not there.
    pub create: bool,
    /// It must not be there yet.
    pub exclusive: bool,
    /// It is emptied.
    pub truncate: bool,
    /// A symbolic link of the name is followed.
    pub follow: bool,
}

impl OpenOptions {
    /// For reading what is there.
    pub fn read() -> OpenOptions {
        OpenOptions { access: Access::ReadOnly, create: false, exclusive: false, truncate: false, follow: true }
    }

    /// For reading and writing, made when it is not there.
    pub fn create() -> OpenOptions {
        OpenOptions { access: Access::ReadWrite, create: true, ..OpenOptions::read() }
    }
}

/// What a new file is made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NewFile {
    /// Permission bits.
    pub mode: u32,
    /// Class of its object; unknown leaves it to the directory, the namespace or the system.
    pub class: ObjectClass,
    /// Bytes per chunk; 0 leaves it to the directory or the namespace.
    pub chunk_size: u64,
    /// How large it will be, when that is known.
    pub size_hint: Option<u64>,
}

impl FileSystem {
    /// A record for a new entry, owned as the mount says.
    pub(crate) fn new_inode(&self, client: &Client, mode: u32) -> Inode {
        let now: Timestamp = self.now(client);
        let options = self.options();
        Inode { mode, mtime: now, ctime: now, uid: options.uid, gid: options.gid, ..Inode::default() }
    }

    /// Class and chunk size of a new file.
    fn file_layout(&self, directory: &Directory, new: &NewFile) -> Result<(ObjectClass, u64)> {
        let attributes = self.attributes();
        let by_size = match new.size_hint {
            Some(size) if size <= SINGLE_TARGET_BYTES_MAX => ObjectClass::S1,
            _ => ObjectClass::SX,
        };
        let class = first_known([new.class, directory.class(), attributes.file_class, by_size]);
        check_class(class)?;
        let chunk_sizes = [new.chunk_size, directory.chunk_size(), attributes.chunk_size];
        let chunk_size = chunk_sizes.into_iter().find(|size| *size != 0).unwrap_or_default();
        check_chunk_size(chunk_size)?;
        Ok((class, chunk_size))
    }

    /// Class of a new directory.
    pub(crate) fn directory_class(&self, directory: &Directory, class: ObjectClass) -> ObjectClass {
        first_known([class, directory.class(), self.attributes().directory_class, ObjectClass::S1])
    }

    /// Classes of directories and of files for which nobody chooses one.
    pub fn default_classes(&self) -> (ObjectClass, ObjectClass) {
        let attributes = self.attributes();
        let directories = first_known([attributes.directory_class, ObjectClass::S1]);
        (directories, first_known([attributes.file_class, ObjectClass::SX]))
    }

    /// A record for a new file, with an object of its own; nothing is stored yet.
    pub(crate) async fn new_file(&self, client: &Client, directory: &Directory, new: &NewFile) -> Result<Inode> {
        let (class, chunk_size) = self.file_layout(directory, new)?;
        let mut inode = self.new_inode(client, libc::S_IFREG | (new.mode & 0o7777));
        inode.id = self.next_id(client, ObjectType::ARRAY_BYTE, class).await?;
        inode.chunk_size = chunk_size;
        Ok(inode)
    }

    /// Opens a file by its name in a directory; with `create` it is made when it is not there, and of several callers that
    /// make it at once one does, and the others open it.
    pub async fn open(
        &self,
        client: &Client,
        parent: &Node,
        name: &[u8],
        options: OpenOptions,
        new: NewFile,
    ) -> Result<Node> {
        check_name(name)?;
        let directory = parent.directory()?;
        if options.create || options.truncate || options.access != Access::ReadOnly {
            self.check_writable()?;
        }
        if options.truncate && options.access == Access::ReadOnly {
            fail!(libc::EINVAL, "{} cannot be emptied when it is opened for reading", quoted(&name));
        }
        let (mut directory, mut name) = (directory.clone(), name.to_vec());
        let _opening = self.open_files().begin_opening();
        for _ in 0..ATTEMPTS_MAX {
            if options.create
                && let Some(node) = self.create_file(client, &directory, &name, &options, &new).await?
            {
                return Ok(node);
            }
            match self.open_existing(client, &directory, &name, &options).await {
                // It went between the two steps, or it is a link to what is not there.
                Err(error) if error.errno == libc::ENOENT && options.create => {
                    if !self.clear_remainder(client, &directory, &name).await? {
                        (directory, name) = self.end_of_link(client, directory, name, options.follow).await?;
                    }
                }
                result => return result,
            }
        }
        fail!(libc::EAGAIN, "{} comes and goes: {ATTEMPTS_MAX} attempts to open it failed", quoted(&name));
    }

    /// Where the symbolic link at a place points to, or the place itself when no link is there.
    async fn end_of_link(
        &self,
        client: &Client,
        directory: Directory,
        name: Vec<u8>,
        follow: bool,
    ) -> Result<(Directory, Vec<u8>)> {
        let entry = self.find(client, &directory, &name).await?;
        let Some(entry) = entry.filter(|entry| entry.inode.is_symlink() && follow) else {
            return Ok((directory, name));
        };
        let parent = Node::of_directory(self, directory, self.whole_access());
        let (parent, name) = self.lookup_parent(client, &parent, &entry.target).await?;
        Ok((parent.directory()?.clone(), name.to_vec()))
    }

    /// Makes a file; `None` when the name is taken, which with `exclusive` is an error.
    async fn create_file(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        options: &OpenOptions,
        new: &NewFile,
    ) -> Result<Option<Node>> {
        let inode = self.new_file(client, directory, new).await?;
        let entry = StoredEntry { inode, ..StoredEntry::default() };
        // Without `exclusive`, what stands in the way is looked at next, and a remainder of a rename is cleared away then.
        let inserted = match options.exclusive {
            true => self.insert_entry(client, directory, name, &entry).await,
            false => entry_store::insert(client, directory.object(), name, &entry).await,
        };
        match inserted {
            Ok(()) => {
                let location = Location { parent: Some(directory.clone()), name: name.to_vec() };
                Node::of_entry(self, location, &entry, options.access).map(Some)
            }
            Err(error) if error.errno == libc::EEXIST && !options.exclusive => Ok(None),
            Err(error) => Err(error.while_doing(format_args!("creating {}", quoted(&name)))),
        }
    }

    /// Adds an entry. A remainder of a rename that stands in the way is cleared away.
    pub(crate) async fn insert_entry(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        entry: &StoredEntry,
    ) -> Result<()> {
        match entry_store::insert(client, directory.object(), name, entry).await {
            Err(error) if error.errno == libc::EEXIST && self.clear_remainder(client, directory, name).await? => {
                entry_store::insert(client, directory.object(), name, entry).await
            }
            result => result,
        }
    }

    async fn open_existing(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        options: &OpenOptions,
    ) -> Result<Node> {
        let doing = format!("opening {}", quoted(&name));
        let (location, entry) = match self.walk(client, directory, name, options.follow).await {
            Ok(Found::Entry(location, entry)) => (location, entry),
            Ok(Found::Directory(_)) => fail!(libc::EISDIR, "{doing}"),
            Err(error) => return Err(error.while_doing(doing)),
        };
        if entry.inode.is_symlink() {
            fail!(libc::ELOOP, "{doing}: it is a symbolic link");
        }
        if entry.inode.is_directory() {
            fail!(libc::EISDIR, "{doing}");
        }
        let node = Node::of_entry(self, location, &entry, options.access)?;
        if options.truncate {
            node.set_size(client, 0).await?;
        }
        Ok(node)
    }

    /// Opens a directory by its name in another one.
    pub async fn open_directory(&self, client: &Client, parent: &Node, name: &[u8], access: Access) -> Result<Node> {
        check_name(name)?;
        let node = self.lookup_from(client, parent, name, access, true).await?;
        node.directory()?;
        Ok(node)
    }

    /// Makes a directory; unknown `class` leaves it to the directory above, the namespace or the system.
    pub async fn create_directory(
        &self,
        client: &Client,
        parent: &Node,
        name: &[u8],
        mode: u32,
        class: ObjectClass,
    ) -> Result<Node> {
        check_name(name)?;
        self.check_writable()?;
        check_class(class)?;
        let directory = parent.directory()?;
        let class = self.directory_class(directory, class);
        let mut inode = self.new_inode(client, libc::S_IFDIR | (mode & 0o7777));
        inode.id = self.next_id(client, ObjectType::MULTI_HASHED, class).await?;
        // What was decided for the directory above holds below it as well.
        (inode.chunk_size, inode.class) = (directory.chunk_size(), directory.class());
        let entry = StoredEntry { inode, ..StoredEntry::default() };
        let doing = |error: crate::DfsError| error.while_doing(format_args!("making {}", quoted(&name)));
        self.insert_entry(client, directory, name, &entry).await.map_err(doing)?;
        let location = Location { parent: Some(directory.clone()), name: name.to_vec() };
        Node::of_entry(self, location, &entry, self.whole_access())
    }

    /// Makes a symbolic link.
    pub async fn create_symlink(&self, client: &Client, parent: &Node, name: &[u8], target: &[u8]) -> Result<Node> {
        check_name(name)?;
        check_target(target)?;
        self.check_writable()?;
        let directory = parent.directory()?;
        let mut inode = self.new_inode(client, libc::S_IFLNK | 0o777);
        // Nothing is stored in the object; its identifier tells this link from others.
        inode.id = self.next_id(client, ObjectType::MULTI_HASHED, ObjectClass::S1).await?;
        inode.size = target.len() as u64;
        let entry = StoredEntry { inode, target: target.to_vec(), ..StoredEntry::default() };
        let doing = |error: crate::DfsError| error.while_doing(format_args!("linking {}", quoted(&name)));
        self.insert_entry(client, directory, name, &entry).await.map_err(doing)?;
        let location = Location { parent: Some(directory.clone()), name: name.to_vec() };
        Node::of_entry(self, location, &entry, self.whole_access())
    }
}

impl Node {
    /// Opens a directory at a path that goes on from this one, and makes it and those above it as far as they are missing; `EEXIST` when something else
    /// is there, `ENOTDIR` when it is above.
    pub async fn create_directories(
        &self,
        client: &Client,
        path: &[u8],
        mode: u32,
        class: ObjectClass,
    ) -> Result<Node> {
        let file_system = self.file_system();
        let access = file_system.whole_access();
        let mut node = self.clone();
        let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            node = match file_system.lookup_from(client, &node, name, access, true).await {
                Err(error) if error.errno == libc::ENOENT => {
                    match file_system.create_directory(client, &node, name, mode, class).await {
                        // Somebody else was faster.
                        Err(error) if error.errno == libc::EEXIST => {
                            file_system.lookup_from(client, &node, name, access, true).await?
                        }
                        made => made?,
                    }
                }
                found => found?,
            };
            if !node.is_directory() && names.peek().is_none() {
                fail!(libc::EEXIST, "{} is no directory", quoted(&name));
            }
            node.directory()?;
        }
        Ok(node)
    }

    /// The classes of directories and files that are made in a directory, and the chunk size of files.
    pub fn defaults_for_new(&self, new: &NewFile) -> Result<(ObjectClass, ObjectClass, u64)> {
        let (file_system, directory) = (self.file_system(), self.directory()?);
        let (files, chunk_size) = file_system.file_layout(directory, new)?;
        Ok((file_system.directory_class(directory, ObjectClass::UNKNOWN), files, chunk_size))
    }
}

fn first_known<const N: usize>(classes: [ObjectClass; N]) -> ObjectClass {
    classes.into_iter().find(|class| *class != ObjectClass::UNKNOWN).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_class_that_is_known_counts() {
        assert_eq!(first_known([ObjectClass::UNKNOWN, ObjectClass::S2, ObjectClass::SX]), ObjectClass::S2);
        assert_eq!(first_known([ObjectClass::UNKNOWN]), ObjectClass::UNKNOWN);
    }
}
