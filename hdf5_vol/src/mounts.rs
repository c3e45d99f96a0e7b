//! Files that are mounted on groups of other files: paths that come to such a group go on in the other file.

use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::Token;
use crate::node::Node;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

/// What is mounted on a file, and where it is mounted itself.
#[derive(Default)]
pub struct Mounts {
    inner: RefCell<HashMap<Token, Rc<File>>>,
    outer: RefCell<Option<(Weak<File>, Token)>>,
}

impl File {
    fn outer(&self) -> Option<(Rc<File>, Token)> {
        let outer = self.mounts.outer.borrow();
        outer.as_ref().and_then(|(file, token)| Some((file.upgrade()?, *token)))
    }

    /// The file that this one is mounted on, and that one, and so on; itself where it is mounted nowhere.
    pub fn outermost(self: &Rc<Self>) -> Rc<Self> {
        let mut file = Rc::clone(self);
        while let Some((outer, _)) = file.outer() {
            file = outer;
        }
        file
    }

    /// Whether paths from another file lead to this one without an external link.
    pub fn is_seen_from(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        Rc::ptr_eq(self, other) || Rc::ptr_eq(&self.outermost(), &other.outermost())
    }

    /// Whether it is mounted on another one.
    pub fn is_mounted(&self) -> bool {
        self.outer().is_some()
    }

    /// The files that are mounted on it.
    pub fn mounted(&self) -> Vec<Rc<File>> {
        self.mounts.inner.borrow().values().map(Rc::clone).collect()
    }
}

impl Node {
    /// What a path means that comes to this object: the root of the file that is mounted here, or the object.
    pub fn uncovered(self: Rc<Self>) -> Result<Rc<Self>> {
        let covering = self.file.mounts.inner.borrow().get(&self.token).map(Rc::clone);
        match covering {
            Some(file) => file.root()?.uncovered(),
            None => Ok(self),
        }
    }

    /// Whether it is the root of a file that is mounted, or a group on which one is.
    pub fn is_mounted(&self) -> bool {
        self.token == self.file.entry.root && self.file.outer().is_some()
            || self.file.mounts.inner.borrow().contains_key(&self.token)
    }

    /// Mounts a file on a group.
    pub fn mount(self: &Rc<Self>, child: &Rc<File>) -> Result<()> {
        let wrong = |sentence: &str| Err(Failure::new(Minor::BadValue, sentence));
        self.require_group()?;
        if self.is_mounted() {
            return wrong("a file is mounted here already");
        }
        if child.outer().is_some() {
            return wrong("the file is mounted already");
        }
        if Rc::ptr_eq(&self.file.outermost(), child) {
            return wrong("a file cannot be mounted on itself, nor on one that is mounted on it");
        }
        *child.mounts.outer.borrow_mut() = Some((Rc::downgrade(&self.file), self.token));
        self.file.mounts.inner.borrow_mut().insert(self.token, Rc::clone(child));
        Ok(())
    }

    /// Ends that; the object is the root of the mounted file, or the group on which it is.
    pub fn unmount(self: &Rc<Self>) -> Result<()> {
        let (file, token) = match self.file.outer() {
            Some((file, token)) if self.token == self.file.entry.root => (file, token),
            _ => (Rc::clone(&self.file), self.token),
        };
        let child = file.mounts.inner.borrow_mut().remove(&token);
        let child = child.ok_or_else(|| Failure::new(Minor::BadValue, "no file is mounted here"))?;
        *child.mounts.outer.borrow_mut() = None;
        child.flush()
    }
}
