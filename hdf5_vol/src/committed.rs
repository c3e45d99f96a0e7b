//! Committed datatypes with which datasets and attributes are made. These have a copy of the datatype, so that opening them needs no other object,
//! and the token of the committed one, which counts them among its links: it stays as long as one of them does.

use crate::failure::{Minor, Result};
use crate::file::File;
use crate::format::{Token, key};
use crate::handle::{Handle, Located};
use crate::hdf5::{Hid, Type, library};
use crate::node::Node;
use std::rc::Rc;

/// The committed datatype of a file that a program means; none for one of another file, of which there will be a copy only.
pub fn of(file: &File, datatype: Hid) -> Result<Option<Rc<Node>>> {
    // SAFETY: takes no pointer.
    if unsafe { library().type_committed(datatype) } <= 0 {
        return Ok(None);
    }
    // SAFETY: the same.
    let object = unsafe { library().object_of(datatype) };
    if !file.handles.borrow().contains(&(object as usize)) {
        return Ok(None);
    }
    // SAFETY: the file knows it as a handle of its own.
    match unsafe { Handle::from_pointer(object)? } {
        Handle::Datatype(located) => Ok(Some(Rc::clone(&located.node))),
        _ => Ok(None),
    }
}

/// A datatype for a program: the committed one, or a copy where there is none.
pub fn give(owner: &Located, committed: Option<Token>, copy: &Type) -> Result<Hid> {
    if let Some(token) = committed {
        let node = owner.node.file.node(token)?;
        if node.is_there()? {
            return Ok(Handle::Datatype(owner.found(node, None)).register()?.release());
        }
    }
    copy.give()
}

impl File {
    /// Writes down that attributes of the file may be of committed datatypes: removing an object looks at its attributes then.
    pub fn expect_shared_attributes(self: &Rc<Self>) -> Result<()> {
        if self.shared_attributes.get() == Some(true) {
            return Ok(());
        }
        let root = self.object(self.entry.root, self.entry.header_upper)?;
        self.put(&root, key::HEADER, key::SHARED, vec![1])?;
        self.shared_attributes.set(Some(true));
        Ok(())
    }

    /// Whether attributes of the file may be of committed datatypes.
    fn expects_shared_attributes(self: &Rc<Self>) -> Result<bool> {
        // Another rank may have written it since it was asked for.
        let known = self.shared_attributes.get().filter(|is| *is || !self.is_shared());
        if let Some(known) = known {
            return Ok(known);
        }
        let root = self.object(self.entry.root, self.entry.header_upper)?;
        let is_there = self.get(&root, key::HEADER, key::SHARED)?.is_some();
        self.shared_attributes.set(Some(is_there));
        Ok(is_there)
    }

    /// Counts one dataset or attribute less.
    pub fn leave_committed(self: &Rc<Self>, committed: Option<Token>) -> Result<()> {
        let Some(token) = committed else { return Ok(()) };
        let node = self.node(token)?;
        if node.is_there()? { node.drop_reference() } else { Ok(()) }
    }
}

impl Node {
    /// Whether it has a header. A committed datatype may have been removed by a connector that did not count what has it, or by a program that
    /// has counted wrongly (`H5Odecr_refcount`).
    pub fn is_there(&self) -> Result<bool> {
        match self.header() {
            Ok(_) => Ok(true),
            Err(failure) if failure.minor == Minor::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Counts one more attribute of a committed datatype.
    pub fn count_attribute(&self) -> Result<()> {
        self.file.expect_shared_attributes()?;
        self.add_reference()
    }

    /// The committed datatypes that an object and its attributes have, each as often as they do.
    pub fn committed_datatypes(&self) -> Result<Vec<Token>> {
        let mut tokens: Vec<Token> = self.header()?.committed().into_iter().collect();
        if self.file.expects_shared_attributes()? {
            let records = self.attribute_records(&self.attribute_names()?)?;
            tokens.extend(records.into_iter().flatten().filter_map(|record| record.committed));
        }
        Ok(tokens)
    }
}
