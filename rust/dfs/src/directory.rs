//! Open directories, and the way that led to them.

use daos_client::Object;
use daos_types::{ObjectClass, ObjectId};
use std::sync::Arc;

/// An open directory. It remembers through which directories it was reached, because entries do not say where they are:
/// `..` is followed by this way, and a directory is not moved below itself by it.
#[derive(Clone, Debug)]
pub(crate) struct Directory(Arc<DirectoryInner>);

#[derive(Debug)]
struct DirectoryInner {
    object: Object,
    parent: Option<Directory>,
    name: Vec<u8>,
    mode: u32,
    chunk_size: u64,
    class: ObjectClass,
}

/// What is known of a directory when it is opened.
pub(crate) struct DirectoryParts {
    pub object: Object,
    /// The directory that it was found in; `None` for the root.
    pub parent: Option<Directory>,
    pub name: Vec<u8>,
    pub mode: u32,
    /// Chunk size for new files in it; 0 for the namespace's.
    pub chunk_size: u64,
    /// Class for new entries in it; unknown for the namespace's.
    pub class: ObjectClass,
}

impl Directory {
    pub fn new(parts: DirectoryParts) -> Directory {
        let DirectoryParts { object, parent, name, mode, chunk_size, class } = parts;
        Directory(Arc::new(DirectoryInner { object, parent, name, mode, chunk_size, class }))
    }

    pub fn object(&self) -> &Object {
        &self.0.object
    }

    pub fn id(&self) -> ObjectId {
        self.0.object.id()
    }

    /// The directory that it was found in; `None` for the root.
    pub fn parent(&self) -> Option<&Directory> {
        self.0.parent.as_ref()
    }

    pub fn name(&self) -> &[u8] {
        &self.0.name
    }

    pub fn mode(&self) -> u32 {
        self.0.mode
    }

    pub fn chunk_size(&self) -> u64 {
        self.0.chunk_size
    }

    pub fn class(&self) -> ObjectClass {
        self.0.class
    }

    /// Whether the way to this directory leads through another one, or is that one.
    pub fn is_within(&self, other: ObjectId) -> bool {
        let mut next = Some(self);
        while let Some(directory) = next {
            if directory.id() == other {
                return true;
            }
            next = directory.parent();
        }
        false
    }
}

impl Drop for DirectoryInner {
    /// Takes the way apart piece by piece: a long one, dropped by recursion, would use up the stack.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(directory) = next {
            next = Arc::into_inner(directory.0).and_then(|mut inner| inner.parent.take());
        }
    }
}
