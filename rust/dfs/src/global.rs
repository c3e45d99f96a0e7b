//! Mounts and nodes as bytes that other processes can open.

use crate::directory::{Directory, DirectoryParts};
use crate::error::{Result, fail};
use crate::file_system::{FileSystem, MountOptions};
use crate::inode::Inode;
use crate::node::{Access, Location, Node, NodeKind, open_array};
use crate::path::check_name;
use crate::superblock::Attributes;
use daos_client::array::ArrayAttributes;
use daos_client::{Container, Object};
use daos_types::{ContainerId, Epoch, ObjectClass, ObjectId};
use daos_wire::{Blob, decode, encode};

/// First bytes of a mount in global form.
const MOUNT_MAGIC: u64 = 0x3230_746e_6d73_6664; // "dfsmnt02"
/// First bytes of a node in global form.
const NODE_MAGIC: u64 = 0x3230_6a62_6f73_6664; // "dfsobj02"

/// Chunk size, three classes, mode, hints.
type GlobalAttributes = ((u64, u32), ((u32, u32), (u32, String)));
/// Magic, container, `open(2)`'s flags of the mount, attributes, epoch that is seen, root: identifier, mode,
/// chunk size, class.
type GlobalMount = ((u64, ContainerId), (u32, ((GlobalAttributes, Epoch), ((ObjectId, u32), (u64, u32)))));
/// Magic, container, `open(2)`'s flags of the node, parent (none for the root), name, identifier, mode, chunk size, class of a
/// directory's new entries.
type GlobalNode = ((u64, ContainerId), (u32, ((Option<ObjectId>, Blob), ((ObjectId, u32), (u64, u32)))));

impl FileSystem {
    /// The mount as bytes that another process of this system can open.
    pub fn to_global(&self) -> Vec<u8> {
        let Attributes { chunk_size, class, directory_class, file_class, mode, hints } = self.attributes().clone();
        let attributes: GlobalAttributes = ((chunk_size, class.0), ((directory_class.0, file_class.0), (mode, hints)));
        let root = self.root_directory();
        let root = ((root.id(), root.mode()), (root.chunk_size(), root.class().0));
        let access = if self.options().writable { Access::ReadWrite } else { Access::ReadOnly };
        encode(&((MOUNT_MAGIC, self.container().id()), (access.open_flags(), ((attributes, self.epoch()), root))))
    }

    /// A mount from the bytes of [`FileSystem::to_global`], over an open container of this process: nothing is sent.
    /// Without options it can be written to if the mount that the bytes are of could.
    pub fn from_global(container: &Container, bytes: &[u8], options: Option<MountOptions>) -> Result<FileSystem> {
        let Ok(((MOUNT_MAGIC, id), (flags, ((attributes, epoch), root)))) = decode::<GlobalMount>(bytes) else {
            fail!(libc::EINVAL, "these bytes are no mount of this release");
        };
        if id != container.id() {
            fail!(libc::EINVAL, "the mount is of container {id}, not of {}", container.id());
        }
        let options = options.unwrap_or_else(|| match Access::from_open_flags(flags as i32) {
            Some(Access::ReadWrite) => MountOptions::read_write(),
            _ => MountOptions::read_only(),
        });
        if options.writable && epoch != Epoch::MAX {
            fail!(libc::EROFS, "a snapshot can only be mounted read-only");
        }
        let options = MountOptions { epoch, ..options };
        let ((chunk_size, class), ((directory_class, file_class), (mode, hints))) = attributes;
        let (class, directory_class) = (ObjectClass(class), ObjectClass(directory_class));
        let file_class = ObjectClass(file_class);
        let attributes = Attributes { chunk_size, class, directory_class, file_class, mode, hints }.checked()?;
        let ((id, mode), (chunk_size, class)) = root;
        let root = Inode { id, mode, chunk_size, class: ObjectClass(class), ..Inode::default() };
        FileSystem::assemble(container, options, attributes, &root)
    }
}

impl Node {
    /// A file or directory as bytes that another process can open through its own mount.
    pub fn to_global(&self) -> Result<Vec<u8>> {
        let Location { parent, name } = self.location();
        let (chunk_size, class) = match self.kind() {
            NodeKind::File(array) => {
                let ArrayAttributes { chunk_size, .. } = array.attributes();
                (chunk_size, ObjectClass::UNKNOWN)
            }
            NodeKind::Directory(directory) => (directory.chunk_size(), directory.class()),
            NodeKind::Symlink(_) => fail!(libc::EINVAL, "{self:?} is a symbolic link, and has no global form"),
        };
        let container = self.file_system().container().id();
        let parent = parent.map(|parent| parent.id());
        let identity = ((self.id(), self.mode()), (chunk_size, class.0));
        Ok(encode(&((NODE_MAGIC, container), (self.access().open_flags(), ((parent, Blob(name)), identity)))))
    }

    /// A node from the bytes of [`Node::to_global`]: nothing is sent. Without an access it has that of the node that the
    /// bytes are of.
    pub fn from_global(file_system: &FileSystem, bytes: &[u8], access: Option<Access>) -> Result<Node> {
        let Ok(((NODE_MAGIC, container), (flags, ((parent, Blob(name)), identity)))) = decode::<GlobalNode>(bytes)
        else {
            fail!(libc::EINVAL, "these bytes are no file or directory of this release");
        };
        if container != file_system.container().id() {
            fail!(libc::EINVAL, "the node is in container {container}, not in {}", file_system.container().id());
        }
        let Some(access) = access.or_else(|| Access::from_open_flags(flags as i32)) else {
            fail!(libc::EINVAL, "these bytes are no file or directory of this release");
        };
        if access != Access::ReadOnly {
            file_system.check_writable()?;
        }
        let ((id, mode), (chunk_size, class)) = identity;
        let Some(parent) = parent else {
            return Ok(Node::of_directory(file_system, file_system.root_directory().clone(), access));
        };
        check_name(&name)?;
        let location = Location { parent: Some(unknown_way(file_system, parent)?), name: name.clone() };
        let kind = match mode & libc::S_IFMT {
            libc::S_IFREG => NodeKind::File(open_array(file_system, id, chunk_size, access)?),
            libc::S_IFDIR => NodeKind::Directory(Directory::new(DirectoryParts {
                object: Object::open(file_system.container(), id, file_system.object_flags())?,
                parent: location.parent.clone(),
                name,
                mode,
                chunk_size,
                class: ObjectClass(class),
            })),
            _ => fail!(libc::EINVAL, "these bytes are no file or directory of this release"),
        };
        Ok(Node::new(file_system, location, (id, mode), access, kind))
    }
}

/// A directory of which only the object is known.
fn unknown_way(file_system: &FileSystem, id: ObjectId) -> Result<Directory> {
    if id == file_system.root_directory().id() {
        return Ok(file_system.root_directory().clone());
    }
    Ok(Directory::new(DirectoryParts {
        object: Object::open(file_system.container(), id, file_system.object_flags())?,
        parent: None,
        name: b"?".to_vec(),
        mode: libc::S_IFDIR,
        chunk_size: 0,
        class: ObjectClass::UNKNOWN,
    }))
}
