//! Sources: datasets of this file, of others in containers, and of HDF5's own files.

use super::lineage::Lineage;
use crate::dataset::Dataset;
use crate::external::{self, Target};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::Kind;
use crate::handle::Located;
use crate::hdf5::{DEFAULT, Hid, Identifier, Space, library};
use crate::ranks::is_collective;
use crate::walk::Walk;
use std::ffi::CString;
use std::rc::Rc;

/// The file of the virtual dataset itself.
const SAME_FILE: &[u8] = b".";

/// An open source.
pub enum Source {
    Ours(Box<Dataset>),
    /// One of HDF5's own.
    Below(Rc<Identifier>),
}

/// How sources are looked for.
pub struct Search<'a> {
    /// The file of the virtual dataset.
    pub file: &'a Rc<File>,
    pub prefixes: &'a [String],
    /// The list with which the virtual dataset was opened, and its sources are.
    pub access: Hid,
    pub lineage: &'a Lineage,
}

impl Search<'_> {
    /// Opens one; none when it is not there. The file may be one that only its directory tells from others.
    pub fn open(&self, file: &[u8], needs_directory: bool, path: &[u8]) -> Result<Option<Source>> {
        if file == SAME_FILE {
            return self.open_in(self.file, path);
        }
        match external::open_source(self.file, (&String::from_utf8_lossy(file), needs_directory), self.prefixes)? {
            None => Ok(None),
            Some(Target::Container(file)) => self.open_in(&file, path),
            Some(Target::Elsewhere(file)) => self.open_below(file.get(), path),
        }
    }

    fn open_in(&self, file: &Rc<File>, path: &[u8]) -> Result<Option<Source>> {
        let node = match library().quietly(|| Walk::new(DEFAULT).object(&file.root()?, path)) {
            Ok(node) => node,
            Err(failure) => {
                return match &failure.detour {
                    Some(detour) => self.open_below(detour.file_id(), detour.path_bytes().as_bytes()),
                    None if external::is_missing(&failure) => Ok(None),
                    None => Err(failure),
                };
            }
        };
        if node.token.kind() != Kind::Dataset {
            let name = String::from_utf8_lossy(path);
            return Err(Failure::new(Minor::BadType, format!("a source of a virtual dataset, {name}, is no dataset")));
        }
        let dataset = Dataset::open_within(Located::nowhere(node), self.access, self.lineage)?;
        Ok(Some(Source::Ours(Box::new(dataset))))
    }

    fn open_below(&self, file: Hid, path: &[u8]) -> Result<Option<Source>> {
        let Ok(path) = CString::new(path) else { return Ok(None) };
        // SAFETY: the path ends with zero.
        let id = library().quietly(|| unsafe { library().dataset_open(file, path.as_ptr(), self.access) });
        if id < 0 { Ok(None) } else { Ok(Some(Source::Below(Rc::new(Identifier::new(id, "dataset")?)))) }
    }
}

fn check(result: i32, what: &str) -> Result<()> {
    if result < 0 { Err(Failure::new(Minor::ReadError, format!("HDF5 cannot {what}"))) } else { Ok(()) }
}

/// A list for transfers of HDF5's own files, which each rank opens for itself: HDF5 refuses one that asks all to take part.
fn alone(list: Hid) -> Hid {
    if is_collective(list) { DEFAULT } else { list }
}

impl Source {
    /// Its dataspace as it is now.
    pub fn space(&self) -> Result<Space> {
        match self {
            Self::Ours(dataset) => dataset.space(),
            // SAFETY: takes no pointer.
            Self::Below(id) => Space::new(unsafe { library().dataset_space(id.get()) }),
        }
    }

    /// Forgets what is known of it.
    pub fn refresh(&self) -> Result<()> {
        match self {
            Self::Ours(dataset) => dataset.refresh(),
            // SAFETY: takes no pointer.
            Self::Below(id) => check(unsafe { library().dataset_refresh(id.get()) }, "read a source anew"),
        }
    }

    /// Reads elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means.
    pub unsafe fn read(&self, kind: Hid, (memory, here): (Hid, Hid), list: Hid, buffer: *mut u8) -> Result<()> {
        match self {
            // SAFETY: as the caller promises.
            Self::Ours(dataset) => unsafe { dataset.read(kind, (memory, here), list, buffer) },
            // SAFETY: the same.
            Self::Below(id) => check(
                unsafe { library().dataset_read(id.get(), kind, memory, here, alone(list), buffer.cast()) },
                "read a source of a virtual dataset",
            ),
        }
    }

    /// Writes elements, which are the file's of the virtual dataset to flush.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write(
        &self,
        kind: Hid,
        (memory, here): (Hid, Hid),
        list: Hid,
        buffer: *const u8,
        file: &Rc<File>,
    ) -> Result<()> {
        match self {
            Self::Ours(dataset) => {
                file.take_along(&dataset.located.node.file);
                // SAFETY: as the caller promises.
                unsafe { dataset.write(kind, (memory, here), list, buffer) }
            }
            Self::Below(id) => {
                file.take_along_below(id);
                // SAFETY: the same.
                check(
                    unsafe { library().dataset_write(id.get(), kind, memory, here, alone(list), buffer.cast()) },
                    "write a source of a virtual dataset",
                )
            }
        }
    }
}
