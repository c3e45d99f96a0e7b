//! Datasets whose elements are not in objects of the container that are theirs: virtual ones, and those with raw files.

use crate::failure::Result;
use crate::format::Layout;
use crate::hdf5::{DEFAULT, Hid, Identifier, Space, Variable, library};
use crate::node::Node;
use crate::raw_files::RawFiles;
use crate::virtual_dataset::{Lineage, Virtual};
use std::rc::Rc;

/// Where such elements are.
pub enum Outside {
    /// They are not outside.
    No,
    Virtual(Box<Virtual>),
    RawFiles(RawFiles),
}

/// The lists of a dataset's creation and access.
pub struct Lists {
    pub creation: Hid,
    pub access: Hid,
}

impl Outside {
    /// From the lists, for a dataset of a dataspace and a size of elements.
    pub fn of(
        layout: &Layout,
        node: &Rc<Node>,
        lists: &Lists,
        (space, element): (&Space, u64),
        lineage: &Lineage,
    ) -> Result<Self> {
        Ok(match layout {
            Layout::Virtual => {
                Self::Virtual(Box::new(Virtual::new(node, lists.creation, space, copy(lists.access)?, lineage)?))
            }
            Layout::RawFiles => {
                let files = RawFiles::of(lists.creation, &copy(lists.access)?, node)?;
                files.check(space, element)?;
                Self::RawFiles(files)
            }
            _ => Self::No,
        })
    }

    /// Puts into a list of access what programs find there.
    pub fn put_prefix(&self, list: &Identifier) -> Result<()> {
        match self {
            Self::No => Ok(()),
            Self::Virtual(mapped) => mapped.put_prefix(list),
            Self::RawFiles(files) => files.put_prefix(list),
        }
    }
}

fn copy(access: Hid) -> Result<Identifier> {
    if access == DEFAULT {
        return crate::callbacks::default_list(Variable::DATASET_ACCESS);
    }
    // SAFETY: takes no pointer.
    Identifier::new(unsafe { library().list_copy(access) }, "copy of a list")
}
