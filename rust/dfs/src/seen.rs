//! Entries for callers that keep a table of inodes, as a file system of the kernel does: opened together with what `stat` tells
//! of them, and taken out without their content, which such a caller may still have open.

use crate::directory::{Directory, DirectoryParts};
use crate::entry_store::StoredEntry;
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::inode::Inode;
use crate::listing::Listing;
use crate::node::{Location, Node, NodeKind};
use crate::open::NewFile;
use crate::path::{check_name, check_target};
use crate::quoted::quoted;
use crate::rename::Replace;
use crate::status::{Content, FileStatus};
use daos_client::array::run_bounded;
use daos_client::{Client, Conditions, Object};
use daos_types::{Epoch, ObjectClass, ObjectId, ObjectType};
use std::cell::RefCell;

/// Entries of a listing that are looked at in parallel.
const LOOKS_IN_FLIGHT_MAX: usize = 32;

/// An open entry and what `stat` tells of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The entry, open for all that the mount is.
    pub node: Node,
    /// What `stat` tells.
    pub status: FileStatus,
}

/// What a name stood for that was taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Its object.
    pub id: ObjectId,
    /// Whether the object can have content: that of a symbolic link has none.
    pub has_content: bool,
}

impl Removed {
    fn of(inode: &Inode, has_gone: bool) -> Removed {
        Removed { id: inode.id, has_content: !inode.is_symlink() && !has_gone }
    }
}

/// What [`FileSystem::rename_name`] has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RenamedName {
    /// The object of what was moved; zero where that is not known, since an answer was lost and the entry has gone on.
    pub id: ObjectId,
    /// What was replaced.
    pub replaced: Option<Removed>,
    /// Whether all of it was one change, of both directories.
    pub is_one_change: bool,
}

/// Which content may go with its name, and whether it may when that is sent.
fn content_of(content: Option<(ObjectId, &dyn Fn() -> bool)>) -> (Option<ObjectId>, &dyn Fn() -> bool) {
    match content {
        Some((id, may_go)) => (Some(id), may_go),
        None => (None, &|| false),
    }
}

/// A new entry: permission bits, and owner and group, where they are not those of the mount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NewEntry {
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: Option<(u32, u32)>,
}

impl FileSystem {
    /// Opens a name in a directory; a symbolic link is not followed.
    pub async fn see(&self, client: &Client, parent: &Node, name: &[u8]) -> Result<Seen> {
        check_name(name)?;
        match self.look_at(client, parent.directory()?, name).await? {
            Some(seen) => Ok(seen),
            None => fail!(libc::ENOENT, "{}", quoted(&name)),
        }
    }

    async fn look_at(&self, client: &Client, directory: &Directory, name: &[u8]) -> Result<Option<Seen>> {
        let _opening = self.open_files().begin_opening();
        let Some((entry, status)) = self.find_with_status(client, directory, name).await? else { return Ok(None) };
        self.seen(directory, name, &entry, status).map(Some)
    }

    fn seen(&self, directory: &Directory, name: &[u8], entry: &StoredEntry, status: FileStatus) -> Result<Seen> {
        let location = Location { parent: Some(directory.clone()), name: name.to_vec() };
        Ok(Seen { node: Node::of_entry(self, location, entry, self.whole_access())?, status })
    }

    /// Adds an entry whose object has no content yet; `EEXIST` when the name is taken.
    async fn make(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
        (entry, new): (StoredEntry, NewEntry),
    ) -> Result<Seen> {
        let mut entry = entry;
        if let Some(owner) = new.owner {
            (entry.inode.uid, entry.inode.gid) = owner;
        }
        let inserted = self.insert_entry(client, directory, name, &entry).await;
        inserted.map_err(|error| error.while_doing(format_args!("making {}", quoted(&name))))?;
        let status = self.status_of_new(&entry.inode);
        self.seen(directory, name, &entry, status)
    }

    /// What `stat` tells of an entry whose object nobody has changed yet.
    fn status_of_new(&self, inode: &Inode) -> FileStatus {
        let size = if inode.is_directory() { crate::inode::INODE_LENGTH as u64 } else { inode.size };
        self.status_with(inode, Content { size, newest: Epoch::ZERO })
    }

    /// Makes an empty file; `EEXIST` when the name is taken.
    pub async fn make_file(&self, client: &Client, parent: &Node, name: &[u8], new: NewEntry) -> Result<Seen> {
        check_name(name)?;
        self.check_writable()?;
        let directory = parent.directory()?;
        let file = NewFile { mode: new.mode, ..NewFile::default() };
        let inode = self.new_file(client, directory, &file).await?;
        self.make(client, directory, name, (StoredEntry { inode, ..StoredEntry::default() }, new)).await
    }

    /// Makes an empty directory; `EEXIST` when the name is taken.
    pub async fn make_directory(&self, client: &Client, parent: &Node, name: &[u8], new: NewEntry) -> Result<Seen> {
        check_name(name)?;
        self.check_writable()?;
        let directory = parent.directory()?;
        let class = self.directory_class(directory, ObjectClass::UNKNOWN);
        let mut inode = self.new_inode(client, libc::S_IFDIR | (new.mode & 0o7777));
        inode.id = self.next_id(client, ObjectType::MULTI_HASHED, class).await?;
        (inode.chunk_size, inode.class) = (directory.chunk_size(), directory.class());
        self.make(client, directory, name, (StoredEntry { inode, ..StoredEntry::default() }, new)).await
    }

    /// Makes a symbolic link; `EEXIST` when the name is taken.
    pub async fn make_symlink(
        &self,
        client: &Client,
        parent: &Node,
        name: &[u8],
        (target, new): (&[u8], NewEntry),
    ) -> Result<Seen> {
        check_name(name)?;
        check_target(target)?;
        self.check_writable()?;
        let directory = parent.directory()?;
        let mut inode = self.new_inode(client, libc::S_IFLNK | 0o777);
        inode.id = self.next_id(client, ObjectType::MULTI_HASHED, ObjectClass::S1).await?;
        inode.size = target.len() as u64;
        let entry = StoredEntry { inode, target: target.to_vec(), ..StoredEntry::default() };
        self.make(client, directory, name, (entry, new)).await
    }

    /// Takes a name out, of a directory only when it is empty, and leaves the object to [`FileSystem::discard`]. The content of a file may go
    /// at once if it is the one with this identifier, and the answer to a question at the moment of sending is yes; then it does where that
    /// takes no message more, and nothing is left to discard.
    pub async fn remove_name(
        &self,
        client: &Client,
        parent: &Node,
        name: &[u8],
        content: Option<(ObjectId, &dyn Fn() -> bool)>,
    ) -> Result<Removed> {
        check_name(name)?;
        self.check_writable()?;
        let removed = self.take_entry(client, parent.directory()?, name, content_of(content)).await;
        let (inode, has_gone) =
            removed.map_err(|error| error.while_doing(format_args!("removing {}", quoted(&name))))?;
        Ok(Removed::of(&inode, has_gone))
    }

    /// Moves an entry as [`FileSystem::rename`] does it, and leaves the object of one that it replaced to
    /// [`FileSystem::discard`], unless it goes at once, as with [`FileSystem::remove_name`].
    pub async fn rename_name(
        &self,
        client: &Client,
        from: (&Node, &[u8]),
        to: (&Node, &[u8]),
        replace: Replace,
        content: Option<(ObjectId, &dyn Fn() -> bool)>,
    ) -> Result<RenamedName> {
        let renamed = self.rename_entry(client, from, to, (replace, content_of(content))).await?;
        let has_gone = renamed.content_has_gone;
        let replaced = renamed.replaced.as_ref().map(|inode| Removed::of(inode, has_gone));
        Ok(RenamedName { id: renamed.id, replaced, is_one_change: renamed.is_one_change })
    }

    /// Gives up the content of an object that no name stands for any more.
    pub async fn discard(&self, client: &Client, removed: Removed) -> Result<()> {
        if !removed.has_content {
            return Ok(());
        }
        let object = Object::open(self.container(), removed.id, self.object_flags())?;
        Ok(object.punch(client, Conditions::NONE).await?)
    }
}

impl Node {
    /// The next entries of a directory, at most `count` of them; fewer, also none, do not mean the end.
    pub async fn list_seen(&self, client: &Client, listing: &mut Listing, count: u32) -> Result<Vec<(Vec<u8>, Seen)>> {
        let directory = self.directory()?;
        let file_system = self.file_system();
        let names = file_system.list(client, directory, listing, count).await?;
        let found: RefCell<Vec<Option<Seen>>> = RefCell::new(names.iter().map(|_| None).collect());
        let looks = names.iter().enumerate().map(|(index, name)| {
            let found = &found;
            async move {
                // What was removed since the listing is left out.
                let seen = file_system.look_at(client, directory, name).await?;
                found.borrow_mut()[index] = seen;
                Ok::<(), crate::DfsError>(())
            }
        });
        run_bounded(LOOKS_IN_FLIGHT_MAX, looks).await?;
        Ok(names.into_iter().zip(found.into_inner()).filter_map(|(name, seen)| Some((name, seen?))).collect())
    }

    /// The same entry, when it is known to stand under this name in that directory now. Nothing is sent.
    pub fn found_at(&self, parent: &Node, name: &[u8]) -> Result<Node> {
        check_name(name)?;
        let parent = parent.directory()?.clone();
        let kind = match self.kind() {
            NodeKind::Directory(directory) => NodeKind::Directory(Directory::new(DirectoryParts {
                object: directory.object().clone(),
                parent: Some(parent.clone()),
                name: name.to_vec(),
                mode: directory.mode(),
                chunk_size: directory.chunk_size(),
                class: directory.class(),
            })),
            kind => kind.clone(),
        };
        let location = Location { parent: Some(parent), name: name.to_vec() };
        Ok(Node::new(self.file_system(), location, (self.id(), self.mode()), self.access(), kind))
    }
}
