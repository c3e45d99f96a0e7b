//! Open entries.

use crate::directory::{Directory, DirectoryParts};
use crate::entry_store::StoredEntry;
use crate::error::{Result, fail};
use crate::file_system::FileSystem;
use crate::quoted::quoted;
use crate::superblock::check_chunk_size;
use daos_client::array::{Array, ArrayAttributes};
use daos_client::{Object, ObjectFlags};
use daos_types::{ObjectId, ObjectType};
use std::sync::{Arc, Mutex, PoisonError};

/// What a node is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading.
    ReadOnly,
    /// Writing.
    WriteOnly,
    /// Both.
    ReadWrite,
}

impl Access {
    /// The access that `open(2)` flags ask for; `None` when they ask for none.
    pub fn from_open_flags(flags: i32) -> Option<Access> {
        match flags & libc::O_ACCMODE {
            libc::O_RDONLY => Some(Access::ReadOnly),
            libc::O_WRONLY => Some(Access::WriteOnly),
            libc::O_RDWR => Some(Access::ReadWrite),
            _ => None,
        }
    }

    /// What [`Access::from_open_flags`] understands as this.
    pub fn open_flags(self) -> u32 {
        (match self {
            Access::ReadOnly => libc::O_RDONLY,
            Access::WriteOnly => libc::O_WRONLY,
            Access::ReadWrite => libc::O_RDWR,
        }) as u32
    }

    fn object_flags(self) -> ObjectFlags {
        if self == Access::ReadOnly { ObjectFlags::READ_ONLY } else { ObjectFlags::READ_WRITE }
    }
}

/// The place of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    /// The directory that holds it; `None` for the root.
    pub parent: Option<Directory>,
    pub name: Vec<u8>,
}

#[derive(Clone)]
pub(crate) enum NodeKind {
    Directory(Directory),
    File(Array),
    Symlink(Vec<u8>),
}

struct NodeInner {
    file_system: FileSystem,
    location: Mutex<Location>,
    id: ObjectId,
    mode: u32,
    access: Access,
    kind: NodeKind,
}

impl Drop for NodeInner {
    fn drop(&mut self) {
        if matches!(self.kind, NodeKind::File(_)) {
            self.file_system.open_files().closed(self.id);
        }
    }
}

/// An open file, directory or symbolic link. Clones are the same node.
#[derive(Clone)]
pub struct Node(Arc<NodeInner>);

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", quoted(&self.location().name), self.0.id)
    }
}

impl Node {
    pub(crate) fn new(
        file_system: &FileSystem,
        location: Location,
        (id, mode): (ObjectId, u32),
        access: Access,
        kind: NodeKind,
    ) -> Node {
        if matches!(kind, NodeKind::File(_)) {
            file_system.open_files().opened(id);
        }
        let (file_system, location) = (file_system.clone(), Mutex::new(location));
        Node(Arc::new(NodeInner { file_system, location, id, mode, access, kind }))
    }

    /// Opens what stands at a location.
    pub(crate) fn of_entry(
        file_system: &FileSystem,
        location: Location,
        entry: &StoredEntry,
        access: Access,
    ) -> Result<Node> {
        let inode = &entry.inode;
        let kind = if inode.is_directory() {
            let Some(parent) = location.parent.clone() else {
                return Ok(Node::of_directory(file_system, file_system.root_directory().clone(), access));
            };
            NodeKind::Directory(child(file_system, parent, &location.name, entry)?)
        } else if inode.is_file() {
            NodeKind::File(open_array(file_system, inode.id, inode.chunk_size, access)?)
        } else {
            NodeKind::Symlink(entry.target.clone())
        };
        Ok(Node::new(file_system, location, (inode.id, inode.mode), access, kind))
    }

    pub(crate) fn of_directory(file_system: &FileSystem, directory: Directory, access: Access) -> Node {
        let location = Location { parent: directory.parent().cloned(), name: directory.name().to_vec() };
        let identity = (directory.id(), directory.mode());
        Node::new(file_system, location, identity, access, NodeKind::Directory(directory))
    }

    /// The mount that it was opened through.
    pub fn file_system(&self) -> &FileSystem {
        &self.0.file_system
    }

    /// The identifier of its object.
    pub fn id(&self) -> ObjectId {
        self.0.id
    }

    /// Type and permission bits as they were when it was opened.
    pub fn mode(&self) -> u32 {
        self.0.mode
    }

    /// What it is open for.
    pub fn access(&self) -> Access {
        self.0.access
    }

    /// Its name in the directory that holds it; `/` for the root.
    pub fn name(&self) -> Vec<u8> {
        self.location().name
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.0.kind, NodeKind::Directory(_))
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        matches!(self.0.kind, NodeKind::File(_))
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.is_directory() && self.location().parent.is_none()
    }

    pub(crate) fn kind(&self) -> &NodeKind {
        &self.0.kind
    }

    pub(crate) fn location(&self) -> Location {
        self.0.location.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The target of a symbolic link.
    pub fn target(&self) -> Result<&[u8]> {
        match &self.0.kind {
            NodeKind::Symlink(target) => Ok(target),
            _ => fail!(libc::EINVAL, "{self:?} is no symbolic link"),
        }
    }

    /// Bytes per chunk of a file.
    pub fn chunk_size(&self) -> Result<u64> {
        self.array().map(|array| array.attributes().chunk_size)
    }

    pub(crate) fn array(&self) -> Result<&Array> {
        match &self.0.kind {
            NodeKind::File(array) => Ok(array),
            NodeKind::Directory(_) => fail!(libc::EISDIR, "{self:?}"),
            NodeKind::Symlink(_) => fail!(libc::EINVAL, "{self:?} is a symbolic link"),
        }
    }

    /// The array that holds a file's bytes.
    pub fn file_array(&self) -> Result<&Array> {
        self.array()
    }

    pub(crate) fn directory(&self) -> Result<&Directory> {
        match &self.0.kind {
            NodeKind::Directory(directory) => Ok(directory),
            _ => fail!(libc::ENOTDIR, "{self:?}"),
        }
    }

    /// The same entry, opened once more for another use.
    pub fn duplicate(&self, access: Access) -> Result<Node> {
        if access != Access::ReadOnly {
            self.0.file_system.check_writable()?;
        }
        let kind = match &self.0.kind {
            NodeKind::File(array) => {
                NodeKind::File(open_array(&self.0.file_system, self.0.id, array.attributes().chunk_size, access)?)
            }
            kind => kind.clone(),
        };
        Ok(Node::new(&self.0.file_system, self.location(), (self.0.id, self.0.mode), access, kind))
    }

    /// Tells an open node that its entry was moved to where `other` is, there under this name.
    pub fn follow_move(&self, other: &Node, name: Option<&[u8]>) -> Result<()> {
        if let Some(name) = name {
            crate::path::check_name(name)?;
        }
        let parent = other.location().parent;
        let mut location = self.0.location.lock().unwrap_or_else(PoisonError::into_inner);
        location.parent = parent;
        if let Some(name) = name {
            location.name = name.to_vec();
        }
        Ok(())
    }

    /// Refuses a change through a node that is open for reading.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.0.file_system.check_writable()?;
        if self.0.access == Access::ReadOnly {
            fail!(libc::EPERM, "{self:?} is open for reading only");
        }
        Ok(())
    }
}

/// Opens a directory that was found in another one.
pub(crate) fn child(
    file_system: &FileSystem,
    parent: Directory,
    name: &[u8],
    entry: &StoredEntry,
) -> Result<Directory> {
    let inode = &entry.inode;
    if !inode.is_directory() {
        fail!(libc::ENOTDIR, "{}", quoted(&name));
    }
    Ok(Directory::new(DirectoryParts {
        object: Object::open(file_system.container(), inode.id, file_system.object_flags())?,
        parent: Some(parent),
        name: name.to_vec(),
        mode: inode.mode,
        chunk_size: inode.chunk_size,
        class: inode.class,
    }))
}

/// Opens the array of a file: nothing is sent.
pub(crate) fn open_array(file_system: &FileSystem, id: ObjectId, chunk_size: u64, access: Access) -> Result<Array> {
    let chunk_size = if chunk_size == 0 { file_system.attributes().chunk_size } else { chunk_size };
    check_chunk_size(chunk_size)?;
    if id.object_type() != ObjectType::ARRAY_BYTE {
        fail!(libc::EIO, "object {id:?} is of type {}, which no file has", id.object_type().0);
    }
    let attributes = ArrayAttributes { cell_size: 1, chunk_size };
    Ok(Array::open_with_attributes(file_system.container(), id, access.object_flags(), attributes)?)
}
