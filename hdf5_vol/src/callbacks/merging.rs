//! Committed datatypes of the file that something is copied to, which take the place of copies (`H5O_COPY_MERGE_COMMITTED_DTYPE_FLAG`).
//!
//! The paths that a program suggests (`H5Padd_merge_committed_dtype_path`) HDF5 tells nobody: the whole file is searched, once for each copy,
//! unless the program's function says no.

use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{Header, Kind, LinkTarget, Token};
use crate::hdf5::{Hid, MergeCallback, library};
use crate::node::Node;
use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::rc::Rc;

/// `H5O_MCDT_SEARCH_CONT` and `H5O_MCDT_SEARCH_STOP`.
const SEARCH: i32 = 0;
const STOP: i32 = 1;

/// The committed datatypes of a file, by their encodings.
pub struct Merging {
    /// Asked whether the file is to be searched.
    callback: (Option<MergeCallback>, *mut c_void),
    known: Option<HashMap<Vec<u8>, Token>>,
}

impl Merging {
    /// As a list says.
    pub fn of(list: Hid) -> Result<Self> {
        let mut callback: (Option<MergeCallback>, *mut c_void) = (None, std::ptr::null_mut());
        // SAFETY: the pointers are ours.
        if unsafe { library().list_merge_callback(list, &raw mut callback.0, &raw mut callback.1) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell how to merge datatypes"));
        }
        Ok(Self { callback, known: None })
    }

    /// The committed datatype of the file that is the same as one of another place.
    pub fn find(&mut self, file: &Rc<File>, source: &Node) -> Result<Option<Token>> {
        let Header::Datatype { datatype, .. } = source.header()? else { return Ok(None) };
        if self.known.is_none() {
            // SAFETY: the function is the program's, with the data that belongs to it.
            match self.callback.0.map_or(SEARCH, |callback| unsafe { callback(self.callback.1) }) {
                SEARCH => self.known = Some(search(file)?),
                STOP => return Ok(None),
                _ => return Err(Failure::new(Minor::BadValue, "the program refuses to copy a committed datatype")),
            }
        }
        Ok(self.known.as_ref().and_then(|known| known.get(datatype).copied()))
    }

    /// One that was copied is one of the file's.
    pub fn add(&mut self, source: &Node, copied: Token) -> Result<()> {
        if let Header::Datatype { datatype, .. } = source.header()?
            && let Some(known) = &mut self.known
        {
            known.entry(datatype.clone()).or_insert(copied);
        }
        Ok(())
    }
}

/// All committed datatypes that links, datasets and attributes lead to.
fn search(file: &Rc<File>) -> Result<HashMap<Vec<u8>, Token>> {
    let mut seen = HashSet::from([file.entry.root]);
    let mut left = vec![file.root()?];
    let mut found = HashMap::new();
    while let Some(node) = left.pop() {
        if !node.is_there()? {
            continue;
        }
        let mut tokens = node.committed_datatypes()?;
        if node.token.kind() == Kind::Group {
            let hard = |link| if let LinkTarget::Hard(token) = link { Some(token) } else { None };
            tokens.extend(node.links()?.into_iter().filter_map(|(_, link)| hard(link.target)));
        } else if let Header::Datatype { datatype, .. } = node.header()? {
            found.entry(datatype.clone()).or_insert(node.token);
        }
        for token in tokens {
            if seen.insert(token) {
                left.push(file.node(token)?);
            }
        }
    }
    Ok(found)
}
