//! Mounting the namespace of a container.

use crate::directory::{Directory, DirectoryParts};
use crate::entry_store::{self, StoredEntry};
use crate::error::{Result, fail};
use crate::inode::{Inode, Timestamp};
use crate::node::{Access, Location, Node};
use crate::object_ids::ObjectIds;
use crate::open_files::OpenFiles;
use crate::quoted::quoted;
use crate::superblock::{self, Attributes};
use daos_client::{Client, Container, ContainerFlags, ContainerProperties, ContainerType, Object, ObjectFlags, Pool};
use daos_types::{ContainerId, Epoch, ObjectClass, ObjectId, ObjectType, Reference};
use std::sync::Arc;

/// How a namespace is mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MountOptions {
    /// Changes are possible.
    pub writable: bool,
    /// A namespace that was made with the consistency mode "balanced" may be mounted: whoever asks for less is refused.
    pub balanced: bool,
    /// What is seen: the newest state, or that of a snapshot, which cannot be changed.
    pub epoch: Epoch,
    /// Owner of what is created.
    pub uid: u32,
    /// Group of what is created.
    pub gid: u32,
}

impl MountOptions {
    /// The newest state, for reading and writing, as the user that runs the process.
    pub fn read_write() -> MountOptions {
        let (uid, gid) = crate::system::owner_of_process();
        MountOptions { writable: true, balanced: true, epoch: Epoch::MAX, uid, gid }
    }

    /// The newest state, for reading.
    pub fn read_only() -> MountOptions {
        MountOptions { writable: false, ..MountOptions::read_write() }
    }
}

struct FileSystemInner {
    container: Container,
    attributes: Attributes,
    options: MountOptions,
    super_object: Object,
    root: Directory,
    ids: ObjectIds,
    open_files: OpenFiles,
}

/// A mounted namespace. Clones are the same mount; it ends with the last of them and of the nodes opened through it.
#[derive(Clone)]
pub struct FileSystem(Arc<FileSystemInner>);

impl std::fmt::Debug for FileSystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "file system of container {}", self.0.container.id())
    }
}

fn object_flags(writable: bool) -> ObjectFlags {
    if writable { ObjectFlags::READ_WRITE } else { ObjectFlags::READ_ONLY }
}

impl FileSystem {
    /// Mounts the namespace of a POSIX container. The first mount for writing of a container that has none yet makes one.
    pub async fn mount(client: &Client, container: &Container, options: MountOptions) -> Result<FileSystem> {
        FileSystem::mount_or_make(client, container, options, Attributes::default()).await
    }

    /// Makes a POSIX container with its namespace, opens it, and mounts it as the user that runs the process.
    pub async fn create(
        client: &Client,
        pool: &Pool,
        mut properties: ContainerProperties,
        attributes: Attributes,
    ) -> Result<(ContainerId, FileSystem)> {
        let attributes = attributes.checked()?;
        properties.kind = ContainerType::POSIX;
        let roots = superblock::roots(attributes.directory_class);
        properties.texts.retain(|(kind, _)| *kind != roots.0);
        properties.texts.push(roots);
        let id = Container::create(client, pool, None, properties).await?;
        let reference = Reference::Id(id.0);
        let container = Container::open(client, pool, &reference, ContainerFlags::READ_WRITE).await?;
        let made = FileSystem::mount_or_make(client, &container, MountOptions::read_write(), attributes).await;
        match made {
            Ok(file_system) => Ok((id, file_system)),
            Err(error) => {
                // Nobody knows of the container yet; what cannot be cleaned up is told by the first error.
                let _closed = container.close(client).await;
                let _destroyed = Container::destroy(client, pool, &reference, true).await;
                Err(error)
            }
        }
    }

    async fn mount_or_make(
        client: &Client,
        container: &Container,
        options: MountOptions,
        attributes: Attributes,
    ) -> Result<FileSystem> {
        let kind = container.properties().kind;
        if kind != ContainerType::POSIX {
            fail!(libc::EINVAL, "container {} is not of type POSIX and has no file system", container.id());
        }
        if options.writable && options.epoch != Epoch::MAX {
            fail!(libc::EROFS, "a snapshot can only be mounted read-only");
        }
        let super_object = superblock::super_object(container, object_flags(options.writable))?;
        let mut loaded = superblock::load(client, &super_object, options.epoch).await?;
        // A mount for writing of a container that is open for reading is one on which changes fail: programs mount so what they read.
        let may_change = options.writable && container.flags().0 & ContainerFlags::READ_ONLY.0 == 0;
        if loaded.is_none() && may_change {
            superblock::create(client, &super_object, &attributes, (options.uid, options.gid)).await?;
            loaded = superblock::load(client, &super_object, options.epoch).await?;
        }
        let Some(attributes) = loaded else {
            fail!(libc::ENOENT, "container {} has no file system yet; mount it for writing first", container.id());
        };
        if attributes.mode == superblock::BALANCED && !options.balanced {
            fail!(
                libc::EPERM,
                "the file system of container {} was made in balanced mode; mount it with DFS_BALANCED",
                container.id()
            );
        }
        let Some(root) = entry_store::fetch(client, &super_object, options.epoch, superblock::ROOT_NAME).await? else {
            fail!(libc::EIO, "the file system of container {} has lost its root", container.id());
        };
        FileSystem::assemble(container, options, attributes, &root.inode)
    }

    /// A mount of which all is known.
    pub(crate) fn assemble(
        container: &Container,
        options: MountOptions,
        attributes: Attributes,
        root: &Inode,
    ) -> Result<FileSystem> {
        if !root.is_directory() {
            fail!(libc::EIO, "the root of container {} is no directory", container.id());
        }
        let flags = object_flags(options.writable);
        let root = Directory::new(DirectoryParts {
            object: Object::open(container, root.id, flags)?,
            parent: None,
            name: superblock::ROOT_NAME.to_vec(),
            mode: root.mode,
            chunk_size: root.chunk_size,
            class: root.class,
        });
        Ok(FileSystem(Arc::new(FileSystemInner {
            container: container.clone(),
            attributes,
            options,
            super_object: superblock::super_object(container, flags)?,
            root,
            ids: ObjectIds::default(),
            open_files: OpenFiles::default(),
        })))
    }

    /// The container.
    pub fn container(&self) -> &Container {
        &self.0.container
    }

    /// What the namespace was made with.
    pub fn attributes(&self) -> &Attributes {
        &self.0.attributes
    }

    /// How it is mounted.
    pub fn options(&self) -> MountOptions {
        self.0.options
    }

    /// The root directory.
    pub fn root(&self) -> Node {
        Node::of_directory(self, self.root_directory().clone(), self.whole_access())
    }

    pub(crate) fn open_files(&self) -> &OpenFiles {
        &self.0.open_files
    }

    pub(crate) fn root_directory(&self) -> &Directory {
        &self.0.root
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.0.options.epoch
    }

    /// The most that a node of this mount can be opened for.
    pub(crate) fn whole_access(&self) -> Access {
        if self.0.options.writable { Access::ReadWrite } else { Access::ReadOnly }
    }

    /// Refuses a change of a mount for reading.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if !self.0.options.writable {
            fail!(libc::EPERM, "the file system of container {} is mounted read-only", self.0.container.id());
        }
        Ok(())
    }

    pub(crate) fn object_flags(&self) -> ObjectFlags {
        object_flags(self.0.options.writable)
    }

    /// The object that holds the entry at a location, and the entry's name there.
    pub(crate) fn holder<'a>(&'a self, location: &'a Location) -> (&'a Object, &'a [u8]) {
        match &location.parent {
            Some(parent) => (parent.object(), &location.name),
            None => (&self.0.super_object, superblock::ROOT_NAME),
        }
    }

    pub(crate) async fn next_id(&self, client: &Client, kind: ObjectType, class: ObjectClass) -> Result<ObjectId> {
        self.0.ids.next(client, &self.0.container, kind, class).await
    }

    /// The time by the clock of the client.
    pub(crate) fn now(&self, client: &Client) -> Timestamp {
        Timestamp::from_nanoseconds(client.env().clock.wall_nanoseconds())
    }

    /// The entry at a location, unless it is gone.
    pub(crate) async fn entry_at(&self, client: &Client, location: &Location) -> Result<StoredEntry> {
        let found = match &location.parent {
            Some(parent) => self.find(client, parent, &location.name).await?,
            None => entry_store::fetch(client, &self.0.super_object, self.epoch(), superblock::ROOT_NAME).await?,
        };
        match found {
            Some(entry) => Ok(entry),
            None => fail!(libc::ENOENT, "{}", quoted(&location.name)),
        }
    }

    /// Waits until everything written is durable: it is, as soon as a call has returned.
    pub fn sync(&self) -> Result<()> {
        self.check_writable()
    }
}
