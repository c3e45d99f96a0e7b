//! What `stat` tells, and changing it.

use crate::directory::Directory;
use crate::entry_store::{self, StoredEntry};
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::inode::{INODE_LENGTH, Inode, InodeChange, Timestamp};
use crate::node::{Access, Location, Node, NodeKind, open_array};
use crate::quoted::quoted;
use crate::superblock::{check_chunk_size, check_class};
use daos_client::array::Array;
use daos_client::{Client, EndAndNewest, Object};
use daos_env::sync::join_two;
use daos_types::{Epoch, ObjectClass, ObjectId};

/// What `stat` tells of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileStatus {
    /// Identifier of its object.
    pub id: ObjectId,
    /// Type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a file or of a link's target; for directories the length of a record, as upstream has it.
    pub size: u64,
    /// Preferred size of reads and writes.
    pub block_size: u64,
    /// Last modification.
    pub mtime: Timestamp,
    /// Last change of the record or the content.
    pub ctime: Timestamp,
}

impl FileStatus {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFLNK
    }

    /// Units of 512 bytes, as `st_blocks` counts them; holes count as if they were filled.
    pub fn blocks(&self) -> u64 {
        self.size.div_ceil(512)
    }

    /// A number for `st_ino`: different for objects of one mount, and with all likelihood for all others.
    pub fn number(&self) -> u64 {
        self.id.lo.rotate_left(32) ^ (self.id.hi & 0xffff_ffff)
    }

    /// What the record and the newest change of the object tell together.
    pub(crate) fn of(inode: &Inode, size: u64, block_size: u64, newest: Epoch) -> FileStatus {
        let mtime = match newest {
            // Nothing was written since the time was set.
            Epoch(epoch) if epoch <= inode.object_epoch => inode.mtime,
            Epoch(epoch) => Timestamp::from_nanoseconds(epoch),
        };
        let ctime = if newest.0 > inode.object_epoch { inode.ctime.max(mtime) } else { inode.ctime };
        let Inode { id, mode, uid, gid, .. } = *inode;
        FileStatus { id, mode, uid, gid, size, block_size, mtime, ctime }
    }
}

/// Changes of what `stat` tells; `None` leaves a field as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetStatus {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last modification.
    pub mtime: Option<Timestamp>,
    /// Size of a file.
    pub size: Option<u64>,
}

/// What the object of an entry tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    /// Bytes.
    pub size: u64,
    /// The newest change.
    pub newest: Epoch,
}

impl FileSystem {
    /// What `stat` tells of the entry that a record belongs to.
    pub(crate) async fn status_of(&self, client: &Client, inode: &Inode) -> Result<FileStatus> {
        let content = if inode.is_file() {
            let array = open_array(self, inode.id, inode.chunk_size, Access::ReadOnly)?;
            self.content_of_array(client, &array).await?
        } else if inode.is_directory() {
            let object = Object::open(self.container(), inode.id, self.object_flags())?;
            self.content_of_directory(client, &object).await?
        } else {
            Content { size: inode.size, newest: Epoch::ZERO }
        };
        Ok(self.status_with(inode, content))
    }

    pub(crate) fn status_with(&self, inode: &Inode, content: Content) -> FileStatus {
        let chunk_size = if inode.chunk_size == 0 { self.attributes().chunk_size } else { inode.chunk_size };
        FileStatus::of(inode, content.size, chunk_size, content.newest)
    }

    async fn content_of_array(&self, client: &Client, array: &Array) -> Result<Content> {
        let found = array.stat(client, self.epoch()).await?;
        Ok(Content { size: found.size, newest: found.max_epoch.min(self.epoch()) })
    }

    async fn content_of_directory(&self, client: &Client, object: &Object) -> Result<Content> {
        // Of a snapshot, what came later does not count.
        let newest = object.max_epoch(client).await?.min(self.epoch());
        Ok(Content { size: INODE_LENGTH as u64, newest })
    }

    /// What `stat` tells of a name in a directory; a symbolic link is not followed.
    pub async fn status(&self, client: &Client, parent: &Node, name: &[u8]) -> Result<FileStatus> {
        crate::path::check_name(name)?;
        match self.find_with_status(client, parent.directory()?, name).await? {
            Some((_, status)) => Ok(status),
            None => fail!(libc::ENOENT, "{}", quoted(&name)),
        }
    }

    /// The entry of a name, and what `stat` tells of it.
    pub(crate) async fn find_with_status(
        &self,
        client: &Client,
        directory: &Directory,
        name: &[u8],
    ) -> Result<Option<(StoredEntry, FileStatus)>> {
        let Some((entry, content)) = self.find_with_content(client, directory, name).await? else { return Ok(None) };
        let status = match content {
            Some(content) => self.status_by(&entry.inode, &content)?,
            None => self.status_of(client, &entry.inode).await?,
        };
        Ok(Some((entry, status)))
    }

    /// What `stat` tells by the record and by what the object has told.
    fn status_by(&self, inode: &Inode, found: &EndAndNewest) -> Result<FileStatus> {
        Ok(self.status_with(inode, self.content_by(inode, found)?))
    }

    fn content_by(&self, inode: &Inode, found: &EndAndNewest) -> Result<Content> {
        let newest = found.newest.min(self.epoch());
        Ok(if inode.is_file() {
            let array = open_array(self, inode.id, inode.chunk_size, Access::ReadOnly)?;
            Content { size: array.size_by(found)?, newest }
        } else if inode.is_directory() {
            Content { size: INODE_LENGTH as u64, newest }
        } else {
            Content { size: inode.size, newest: Epoch::ZERO }
        })
    }

    /// Changes permission bits, following a symbolic link.
    pub async fn change_mode(&self, client: &Client, parent: &Node, name: Option<&[u8]>, mode: u32) -> Result<()> {
        self.check_writable()?;
        let (location, inode) = self.target_of(client, parent, name, true).await?;
        let kind = mode & libc::S_IFMT;
        if kind != 0 && kind != inode.mode & libc::S_IFMT {
            fail!(libc::EINVAL, "the type of {} cannot be changed", quoted(&location.name));
        }
        if mode & libc::S_ISVTX != 0 {
            fail!(libc::ENOTSUP, "the sticky bit is not supported");
        }
        let mode = (inode.mode & libc::S_IFMT) | (mode & 0o7777);
        let change = InodeChange { mode: Some(mode), ctime: Some(self.now(client)), ..InodeChange::default() };
        let (holder, name) = self.holder(&location);
        entry_store::change(client, holder, name, &change).await
    }

    /// Changes owner and group; `None` leaves one as it is.
    pub async fn change_owner(
        &self,
        client: &Client,
        parent: &Node,
        name: Option<&[u8]>,
        (uid, gid): (Option<u32>, Option<u32>),
        follow: bool,
    ) -> Result<()> {
        self.check_writable()?;
        let (location, _) = self.target_of(client, parent, name, follow).await?;
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        let change = InodeChange { uid, gid, ctime: Some(self.now(client)), ..InodeChange::default() };
        let (holder, name) = self.holder(&location);
        entry_store::change(client, holder, name, &change).await
    }

    /// Whether a user may do what `mask` says (`R_OK`, `W_OK`, `X_OK`) with an entry, by its permission bits; with 0,
    /// whether it exists. A symbolic link is followed.
    pub async fn check_access(
        &self,
        client: &Client,
        parent: &Node,
        name: Option<&[u8]>,
        mask: i32,
        (uid, gid): (u32, u32),
    ) -> Result<()> {
        if mask & !(libc::R_OK | libc::W_OK | libc::X_OK) != 0 {
            fail!(libc::EINVAL, "{mask:#x} is no access mask");
        }
        if mask & libc::W_OK != 0 {
            self.check_writable()?;
        }
        let (location, inode) = self.target_of(client, parent, name, true).await?;
        if !is_permitted(&inode, mask, (uid, gid)) {
            fail!(libc::EACCES, "{} has the permissions {:o}", quoted(&location.name), inode.mode & 0o7777);
        }
        Ok(())
    }

    /// The entry of a name in a directory, or with no name the directory itself.
    async fn target_of(
        &self,
        client: &Client,
        parent: &Node,
        name: Option<&[u8]>,
        follow: bool,
    ) -> Result<(Location, Inode)> {
        let location = match name {
            None => parent.location(),
            Some(name) => {
                crate::path::check_name(name)?;
                match self.walk(client, parent.directory()?, name, follow).await? {
                    crate::lookup::Found::Entry(location, entry) => return Ok((location, entry.inode)),
                    crate::lookup::Found::Directory(directory) => location_of(&directory),
                }
            }
        };
        let entry = self.entry_at(client, &location).await?;
        Ok((location, entry.inode))
    }
}

fn location_of(directory: &Directory) -> Location {
    Location { parent: directory.parent().cloned(), name: directory.name().to_vec() }
}

/// Whether the permission bits let a user do what a mask says. The superuser is a user like any other, as for upstream: a kernel above knows better.
fn is_permitted(inode: &Inode, mask: i32, (uid, gid): (u32, u32)) -> bool {
    let wanted = mask as u32 & 0o7;
    let shift = if uid == inode.uid {
        6
    } else if gid == inode.gid {
        3
    } else {
        0
    };
    (inode.mode >> shift) & wanted == wanted
}

impl Node {
    /// What `stat` tells of an open entry; `ENOENT` when it was removed, or its name is another's now.
    pub async fn status(&self, client: &Client) -> Result<FileStatus> {
        let (inode, content) = self.looked_at(client).await?;
        Ok(self.file_system().status_with(&inode, content))
    }

    /// Its record and what its object tells, which are asked for at the same time.
    async fn looked_at(&self, client: &Client) -> Result<(Inode, Content)> {
        let (inode, content) = join_two(self.inode(client), self.content(client)).await;
        Ok((inode?, content?))
    }

    async fn content(&self, client: &Client) -> Result<Content> {
        let file_system = self.file_system();
        match self.kind() {
            NodeKind::Directory(directory) => file_system.content_of_directory(client, directory.object()).await,
            NodeKind::File(array) => file_system.content_of_array(client, array).await,
            NodeKind::Symlink(target) => Ok(Content { size: target.len() as u64, newest: Epoch::ZERO }),
        }
    }

    pub(crate) async fn inode(&self, client: &Client) -> Result<Inode> {
        let entry = self.file_system().entry_at(client, &self.location()).await?;
        if entry.inode.id != self.id() {
            fail!(libc::ENOENT, "{self:?} was removed, and its name is another's");
        }
        Ok(entry.inode)
    }

    /// Changes what `stat` tells of an open entry, and gives the result.
    pub async fn set_status(&self, client: &Client, set: SetStatus) -> Result<FileStatus> {
        self.check_writable()?;
        let file_system = self.file_system();
        let (mut inode, mut content) = self.looked_at(client).await?;
        if let Some(mode) = set.mode {
            let kind = mode & libc::S_IFMT;
            if kind != 0 && kind != inode.mode & libc::S_IFMT {
                fail!(libc::EINVAL, "the type of {self:?} cannot be changed");
            }
            // Kept for those who heed it: a kernel does, for directories.
            if mode & libc::S_ISVTX != 0 && !self.is_directory() {
                fail!(libc::ENOTSUP, "the sticky bit is for directories, and {self:?} is none");
            }
        }
        if let Some(size) = set.size {
            self.set_size(client, size).await?;
            content = self.content(client).await?;
        }
        let mut change = InodeChange {
            mode: set.mode.map(|mode| (inode.mode & libc::S_IFMT) | (mode & 0o7777)),
            uid: set.uid,
            gid: set.gid,
            ..InodeChange::default()
        };
        if let Some(mtime) = set.mtime {
            // It holds until the next write: up to what was written so far, by the clocks of engine and client.
            change.mtime = Some((mtime, content.newest.0.max(client.env().clock.wall_nanoseconds())));
            change.size = Some(inode.size);
        }
        if change != InodeChange::default() {
            change.ctime = Some(file_system.now(client));
            let location = self.location();
            let (holder, name) = file_system.holder(&location);
            entry_store::change(client, holder, name, &change).await?;
            change.apply(&mut inode);
        }
        Ok(file_system.status_with(&inode, content))
    }

    /// Decides the chunk size of files that are made in a directory from now on, through nodes opened from now on.
    pub async fn set_chunk_size(&self, client: &Client, chunk_size: u64) -> Result<()> {
        check_chunk_size(chunk_size)?;
        self.change_defaults(client, InodeChange { chunk_size: Some(chunk_size), ..InodeChange::default() }).await
    }

    /// Decides the class of entries that are made in a directory from now on, through nodes opened from now on.
    pub async fn set_class(&self, client: &Client, class: ObjectClass) -> Result<()> {
        check_class(class)?;
        self.change_defaults(client, InodeChange { class: Some(class), ..InodeChange::default() }).await
    }

    async fn change_defaults(&self, client: &Client, mut change: InodeChange) -> Result<()> {
        self.check_writable()?;
        self.directory()?;
        self.inode(client).await?;
        change.ctime = Some(self.file_system().now(client));
        let location = self.location();
        let (holder, name) = self.file_system().holder(&location);
        entry_store::change(client, holder, name, &change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inode(mode: u32) -> Inode {
        Inode { mode, uid: 10, gid: 20, ..Inode::default() }
    }

    #[test]
    fn the_first_class_of_users_that_fits_decides() {
        let file = inode(libc::S_IFREG | 0o640);
        assert!(is_permitted(&file, libc::R_OK | libc::W_OK, (10, 99)));
        assert!(!is_permitted(&file, libc::X_OK, (10, 99)));
        assert!(is_permitted(&file, libc::R_OK, (11, 20)) && !is_permitted(&file, libc::W_OK, (11, 20)));
        assert!(!is_permitted(&file, libc::R_OK, (11, 21)) && is_permitted(&file, libc::F_OK, (11, 21)));
        assert!(!is_permitted(&inode(libc::S_IFREG | 0o077), libc::R_OK, (10, 20)), "the owner's bits count");
        assert!(!is_permitted(&file, libc::R_OK, (0, 0)) && is_permitted(&file, libc::R_OK, (0, 20)));
    }

    #[test]
    fn a_set_time_holds_until_the_next_write() {
        let mut record = inode(libc::S_IFREG);
        record.mtime = Timestamp { seconds: 5, nanoseconds: 0 };
        record.ctime = Timestamp { seconds: 6, nanoseconds: 0 };
        record.object_epoch = 100_000_000_000;
        let before = FileStatus::of(&record, 1, 1, Epoch(100_000_000_000));
        assert_eq!((before.mtime.seconds, before.ctime.seconds), (5, 6));
        let after = FileStatus::of(&record, 1, 1, Epoch(200_000_000_000));
        assert_eq!((after.mtime.seconds, after.ctime.seconds), (200, 200));
    }

    #[test]
    fn sizes_are_rounded_up_to_blocks() {
        let status = |size| FileStatus { size, ..FileStatus::default() };
        assert_eq!([0, 1, 512, 513].map(|size| status(size).blocks()), [0, 1, 1, 2]);
    }
}
