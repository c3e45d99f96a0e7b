//! What HDF5 holds of this connector: one boxed handle for each open file, object and attribute.

mod location;

pub use location::{by_index, locate, locate_link, name};

use crate::attribute::Attribute;
use crate::callbacks::below::Below;
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{Kind, LinkTarget};
use crate::hdf5::{DEFAULT, Hid, Identifier, identifier_type, library};
use crate::map::Map;
use crate::node::Node;
use crate::walk::Walk;
use std::collections::{HashSet, VecDeque};
use std::ffi::{c_int, c_void};
use std::rc::{Rc, Weak};

/// An object, and the path by which it was opened.
#[derive(Clone)]
pub struct Located {
    pub node: Rc<Node>,
    pub path: Option<Vec<u8>>,
    /// By which opening of its file it was opened; 0 when by none that the program has made.
    pub opening: u64,
}

/// Who has made a handle of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Maker {
    /// The program, which has opened the file.
    Program,
    /// The connector, on one rank, for a program that asks for a file of which it has no handle.
    Asked,
    /// The connector, on one rank, for a function of the program's while that is called.
    Call,
}

/// A handle by which a file is open.
pub struct Opening {
    /// Where HDF5 has it.
    pub address: usize,
    pub maker: Maker,
}

/// Anything that HDF5 holds.
pub enum Handle {
    File {
        file: Rc<File>,
        /// Which opening of the file it is.
        opening: u64,
        is_writable: bool,
        maker: Maker,
        /// The list of properties with which it was opened.
        access: Identifier,
        /// Kept open, with what is known of it.
        root: Rc<Node>,
    },
    /// What stands for the file in datatypes; see [`File::anchor`].
    Anchor(Weak<File>),
    Group(Located),
    Dataset(Dataset),
    Datatype(Located),
    Map(Box<Map>),
    Attribute(Attribute),
    /// An object of a file that is in no container.
    Below(Below),
}

impl Located {
    pub fn root(file: &Rc<File>) -> Result<Self> {
        Ok(Self { node: file.root()?, path: Some(b"/".to_vec()), opening: 0 })
    }

    /// An object without a path, for what is done here.
    pub fn nowhere(node: Rc<Node>) -> Self {
        Self { node, path: None, opening: 0 }
    }

    /// An object that was found from this one.
    pub fn found(&self, node: Rc<Node>, path: Option<Vec<u8>>) -> Self {
        let opening = if Rc::ptr_eq(&node.file, &self.node.file) { self.opening } else { 0 };
        Self { node, path, opening }
    }

    /// Whether the path still leads to it, as links may be gone since it was opened.
    fn is_at(&self, path: &[u8]) -> bool {
        let outermost = self.node.file.outermost();
        let may_have = |file: &File| file.removed.borrow().may_have(path);
        if !may_have(&self.node.file) && !may_have(&outermost) {
            return true;
        }
        let found = Self::root(&outermost).and_then(|root| root.walk(path, DEFAULT));
        found.is_ok_and(|found| Rc::ptr_eq(&found.node, &self.node))
    }

    /// The path by which it was opened; for one that was opened by a token, one that leads to it, which is searched for.
    pub fn some_path(&self) -> Result<Option<Vec<u8>>> {
        if self.node.is_doomed() {
            return Ok(None);
        }
        if let Some(path) = self.path.as_ref().filter(|path| self.is_at(path)) {
            return Ok(Some(path.clone()));
        }
        let mut seen = HashSet::from([self.node.file.entry.root]);
        let mut groups = VecDeque::from([Self::root(&self.node.file)?]);
        while let Some(group) = groups.pop_front() {
            for (name, link) in group.node.links()? {
                let LinkTarget::Hard(token) = link.target else { continue };
                if token == self.node.token {
                    return Ok(group.join(&name));
                }
                if token.kind() == Kind::Group && seen.insert(token) {
                    groups.push_back(group.found(group.node.file.node(token)?, group.join(&name)));
                }
            }
        }
        Ok(None)
    }

    /// A path below it.
    pub fn join(&self, path: &[u8]) -> Option<Vec<u8>> {
        let base = if path.starts_with(b"/") { &[] } else { self.path.as_deref()? };
        let mut joined = Vec::new();
        for name in base.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
            if !name.is_empty() && name != b"." {
                joined.push(b'/');
                joined.extend_from_slice(name);
            }
        }
        if joined.is_empty() {
            joined.push(b'/');
        }
        Some(joined)
    }

    /// The object at a path below it; a list of access says how links are followed.
    pub fn walk(&self, path: &[u8], access: Hid) -> Result<Self> {
        let node = Walk::new(access).object(&self.node, path)?;
        // In another file it has another path.
        let path = if node.file.is_seen_from(&self.node.file) { self.join(path) } else { None };
        Ok(self.found(node, path))
    }
}

impl Handle {
    /// A file that the program opens.
    pub fn of_file(file: Rc<File>, is_writable: bool, access: Identifier) -> Result<Self> {
        let maker = Maker::Program;
        Ok(Self::File { root: file.root()?, opening: file.count_opening(), file, is_writable, maker, access })
    }

    /// A file that is open, for a program that has no handle of it, or for a function of the program's that is called.
    pub fn of_open_file(file: Rc<File>, maker: Maker) -> Result<Self> {
        let (is_writable, access) = (file.is_writable(), file.access_list()?);
        Ok(Self::File { root: file.root()?, opening: file.count_opening(), file, is_writable, maker, access })
    }

    /// Gives it to HDF5.
    pub fn into_pointer(self) -> *mut c_void {
        let file = self.file().ok();
        let pointer: *mut c_void = Box::into_raw(Box::new(self)).cast();
        if let Some(file) = file {
            file.handles.borrow_mut().insert(pointer as usize);
            // SAFETY: just made.
            if let Self::File { opening, maker, .. } = unsafe { &*pointer.cast::<Self>() } {
                let made = Opening { address: pointer as usize, maker: *maker };
                file.openings.borrow_mut().insert(*opening, made);
            }
        }
        pointer
    }

    /// Looks at what HDF5 holds.
    ///
    /// # Safety
    /// The pointer is null or one of `into_pointer` that was not closed.
    pub unsafe fn from_pointer<'a>(pointer: *const c_void) -> Result<&'a Self> {
        // SAFETY: as the caller promises.
        unsafe { pointer.cast::<Self>().as_ref() }.ok_or_else(|| Failure::new(Minor::BadValue, "there is no object"))
    }

    /// Takes back what HDF5 held.
    ///
    /// # Safety
    /// As for `from_pointer`, and nobody uses the pointer any more.
    pub unsafe fn take(pointer: *mut c_void) -> Option<Box<Self>> {
        if pointer.is_null() {
            return None;
        }
        // SAFETY: as the caller promises.
        let handle = unsafe { Box::from_raw(pointer.cast::<Self>()) };
        if let Ok(file) = handle.file() {
            file.handles.borrow_mut().remove(&(pointer as usize));
            if let Self::File { opening, maker, .. } = &*handle {
                file.openings.borrow_mut().remove(opening);
                if *maker == Maker::Program {
                    file.leave();
                }
            }
        }
        Some(handle)
    }

    /// Ends what HDF5 held, after a function has written what is left of it. Where that fails HDF5 keeps the object, and closes it once more,
    /// at the latest when the program ends: so it stays until then, and the second time it goes.
    ///
    /// # Safety
    /// As for `from_pointer`, and nobody uses the pointer any more after success.
    pub unsafe fn close(pointer: *mut c_void, finish: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        // SAFETY: as the caller promises.
        let handle = unsafe { Self::from_pointer(pointer)? };
        let file = handle.file()?;
        let is_last = file.handles.borrow().len() == 1 && !matches!(handle, Self::File { maker: Maker::Program, .. });
        let result = finish(handle);
        // The file was closed before, or opened by a link to it: nothing else tells what is not written.
        let result = if is_last && file.is_writable() { result.and(file.flush()) } else { result };
        if result.is_err() && file.refused.borrow_mut().insert(pointer as usize) {
            return result;
        }
        file.refused.borrow_mut().remove(&(pointer as usize));
        // SAFETY: the same.
        drop(unsafe { Self::take(pointer) });
        Ok(())
    }

    pub fn file(&self) -> Result<Rc<File>> {
        Ok(match self {
            Self::File { file, .. } => Rc::clone(file),
            Self::Anchor(file) => {
                file.upgrade().ok_or_else(|| Failure::new(Minor::BadValue, "the file is closed already"))?
            }
            Self::Group(located) | Self::Datatype(located) => Rc::clone(&located.node.file),
            Self::Dataset(dataset) => Rc::clone(&dataset.located.node.file),
            Self::Map(map) => Rc::clone(&map.located.node.file),
            Self::Attribute(attribute) => Rc::clone(&attribute.parent.node.file),
            Self::Below(_) => return Err(elsewhere()),
        })
    }

    /// The object: of a file its root group, of an attribute what it belongs to.
    pub fn located(&self) -> Result<Located> {
        match self {
            // One that is mounted is a part of the other file.
            Self::File { file, .. } if file.is_mounted() => Located::root(&file.outermost()),
            Self::File { root, opening, .. } => {
                Ok(Located { node: Rc::clone(root), path: Some(b"/".to_vec()), opening: *opening })
            }
            Self::Anchor(_) => Located::root(&self.file()?),
            Self::Group(located) | Self::Datatype(located) => Ok(located.clone()),
            Self::Dataset(dataset) => Ok(dataset.located.clone()),
            Self::Map(map) => Ok(map.located.clone()),
            Self::Attribute(attribute) => Ok(attribute.parent.clone()),
            Self::Below(_) => Err(elsewhere()),
        }
    }

    /// By which opening of its file it was opened.
    pub fn opening(&self) -> u64 {
        match self {
            Self::File { opening, .. } => *opening,
            Self::Group(located) | Self::Datatype(located) => located.opening,
            Self::Dataset(dataset) => dataset.located.opening,
            Self::Map(map) => map.located.opening,
            Self::Attribute(attribute) => attribute.parent.opening,
            Self::Anchor(_) | Self::Below(_) => 0,
        }
    }

    pub fn dataset(&self) -> Result<&Dataset> {
        match self {
            Self::Dataset(dataset) => Ok(dataset),
            _ => Err(Failure::new(Minor::BadType, "it is no dataset")),
        }
    }

    pub fn map(&self) -> Result<&Map> {
        match self {
            Self::Map(map) => Ok(map),
            _ => Err(Failure::new(Minor::BadType, "it is no map")),
        }
    }

    pub fn attribute(&self) -> Result<&Attribute> {
        match self {
            Self::Attribute(attribute) => Ok(attribute),
            _ => Err(Failure::new(Minor::BadType, "it is no attribute")),
        }
    }

    /// As `H5I_type_t`.
    pub fn identifier_type(&self) -> c_int {
        match self {
            Self::File { .. } | Self::Anchor(_) => identifier_type::FILE,
            Self::Group(_) => identifier_type::GROUP,
            Self::Dataset(_) => identifier_type::DATASET,
            Self::Datatype(_) => identifier_type::DATATYPE,
            Self::Map(_) => identifier_type::MAP,
            Self::Attribute(_) => identifier_type::ATTRIBUTE,
            Self::Below(_) => identifier_type::NONE,
        }
    }

    /// Opens an object as what it is.
    pub fn open(located: Located) -> Result<Self> {
        Ok(match located.node.token.kind() {
            Kind::Group => {
                located.node.header()?;
                Self::Group(located)
            }
            Kind::Dataset => Self::Dataset(Dataset::open(located, DEFAULT)?),
            Kind::Map => Self::Map(Box::new(Map::open(located, DEFAULT)?)),
            Kind::Datatype => {
                located.node.header()?;
                Self::Datatype(located)
            }
        })
    }

    /// Gives it to HDF5 as an identifier, for a function of the program's that is called.
    pub fn register(self) -> Result<Identifier> {
        let kind = self.identifier_type();
        let pointer = self.into_pointer();
        // SAFETY: the pointer is a handle of that kind.
        let id: Hid = unsafe { library().wrap_register(pointer, kind) };
        if id < 0 {
            // SAFETY: HDF5 did not take it.
            drop(unsafe { Self::take(pointer) });
        }
        Identifier::new(id, "identifier for an object")
    }
}

fn elsewhere() -> Failure {
    Failure::new(Minor::BadValue, "the object is in a file that is not in a DAOS container")
}
