//! Elements in raw files: those of the list of a dataset's creation (`H5Pset_external`), one after the other. They are files of the local file
//! system, of which nothing is in the container.

use crate::external;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, Identifier, Space, UNLIMITED, library};
use crate::name;
use crate::node::Node;
use crate::virtual_dataset::text;
use std::ffi::{CString, OsString, c_uint};
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;

/// The directory of files with relative names.
const PREFIX_VARIABLE: &str = "HDF5_EXTFILE_PREFIX";
/// A name of a file has no more bytes.
const NAME_MAX: usize = 4096;

/// A part of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    name: PathBuf,
    offset: u64,
    /// Bytes of it; [`UNLIMITED`] for as many as there will be.
    size: u64,
}

/// The directory of files with relative names; none for the working directory.
#[derive(PartialEq, Eq)]
pub struct RawPrefix(Option<String>);

/// The files of a dataset.
pub struct RawFiles {
    parts: Vec<Part>,
    prefix: Rc<RawPrefix>,
}

/// Where bytes of the dataset are: in which part, at which offset of its file, and how many.
fn places(parts: &[Part], mut offset: u64, mut length: u64) -> Option<Vec<(usize, u64, u64)>> {
    let mut places = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if length == 0 {
            break;
        }
        if part.size != UNLIMITED && offset >= part.size {
            offset -= part.size;
            continue;
        }
        let count = if part.size == UNLIMITED { length } else { length.min(part.size - offset) };
        places.push((number, part.offset.checked_add(offset)?, count));
        length -= count;
        offset = 0;
    }
    (length == 0).then_some(places)
}

/// How many bytes there is room for.
fn room(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |room, part| room.saturating_add(part.size))
}

impl RawPrefix {
    /// Puts it into a list of access.
    pub fn put(&self, list: &Identifier) -> Result<()> {
        let Some(prefix) = &self.0 else { return Ok(()) };
        let text = CString::new(prefix.as_bytes()).unwrap_or_default();
        // SAFETY: the text ends with zero.
        if unsafe { library().list_set_raw_prefix(list.get(), text.as_ptr()) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 refuses a prefix"));
        }
        Ok(())
    }
}

impl RawFiles {
    /// Those of a list of creation, for a dataset that is opened with a list of access. All its handles have the same prefix.
    pub fn of(list: Hid, access: &Identifier, node: &Node) -> Result<Self> {
        let prefix = RawPrefix(prefix(access, &node.file.name)?);
        let others = node.raw_prefix.borrow().upgrade();
        if others.is_some_and(|others| *others != prefix) {
            let sentence = "the dataset is open with another prefix for its raw files";
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        // SAFETY: takes no pointer.
        let count = unsafe { library().list_external_count(list) };
        let directory = prefix.0.as_ref().map_or_else(PathBuf::new, PathBuf::from);
        let parts = (0..c_uint::try_from(count).unwrap_or_default()).map(|number| {
            let (mut bytes, mut offset, mut size) = (vec![0_u8; NAME_MAX], 0, 0);
            // SAFETY: the text has the size, the numbers are ours.
            let result = unsafe {
                let (offset, size) = (&raw mut offset, &raw mut size);
                library().list_external(list, number, bytes.len(), bytes.as_mut_ptr().cast(), offset, size)
            };
            let end = bytes.iter().position(|byte| *byte == 0).filter(|end| *end > 0);
            let (Some(end), Ok(offset), true) = (end, u64::try_from(offset), result >= 0) else {
                return Err(Failure::new(Minor::Damaged, "HDF5 does not tell the raw files of a dataset"));
            };
            bytes.truncate(end);
            Ok(Part { name: directory.join(OsString::from_vec(bytes)), offset, size })
        });
        let parts = parts.collect::<Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Err(Failure::new(Minor::Damaged, "a dataset with its data in other files names none"));
        }
        let prefix = node.raw_prefix.borrow().upgrade().unwrap_or_else(|| Rc::new(prefix));
        *node.raw_prefix.borrow_mut() = Rc::downgrade(&prefix);
        Ok(Self { parts, prefix })
    }

    /// Refuses a dataspace that has more than the files have room for. Only the first dimension may grow.
    pub fn check(&self, space: &Space, element: u64) -> Result<()> {
        let (dimensions, maximum) = space.both()?;
        if dimensions.iter().zip(&maximum).skip(1).any(|(dimension, maximum)| maximum > dimension) {
            let sentence = "only the first dimension of a dataset with its data in other files can grow";
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        let (room, is_endless) = (room(&self.parts), maximum.first() == Some(&UNLIMITED));
        let most = maximum.iter().try_fold(element, |most, count| most.checked_mul(*count));
        if room != UNLIMITED && (is_endless || most.is_none_or(|most| most > room)) {
            let sentence = format!("the files of a dataset have room for {room} bytes, which is less than it may have");
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        Ok(())
    }

    /// The prefix of names, for the list of access that a program asks for.
    pub fn put_prefix(&self, list: &Identifier) -> Result<()> {
        self.prefix.put(list)
    }

    /// Begins to read or to write.
    pub fn open(&self, is_written: bool) -> Open<'_> {
        Open { files: self, is_written, last: None }
    }
}

/// Files while they are read or written: the last one that was needed stays open.
pub struct Open<'a> {
    files: &'a RawFiles,
    is_written: bool,
    last: Option<(usize, File)>,
}

impl Open<'_> {
    fn file(&mut self, number: usize) -> Result<&File> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            let name = &self.files.parts[number].name;
            let mut options = OpenOptions::new();
            let options = options.read(true).write(self.is_written).create(self.is_written).truncate(false);
            let file = options.open(name).map_err(|error| {
                Failure::new(Minor::CannotOpenFile, format!("cannot open the raw file {}: {error}", name.display()))
            })?;
            self.last = Some((number, file));
        }
        Ok(&self.last.as_ref().expect("just opened").1)
    }

    fn each(
        &mut self,
        offset: u64,
        length: usize,
        mut body: impl FnMut(&File, u64, std::ops::Range<usize>) -> std::io::Result<()>,
    ) -> Result<()> {
        let outside = || Failure::new(Minor::BadValue, "bytes of a dataset are behind the end of its files");
        let minor = if self.is_written { Minor::WriteError } else { Minor::ReadError };
        let mut begin = 0;
        for (number, at, count) in places(&self.files.parts, offset, length as u64).ok_or_else(outside)? {
            let range = begin..begin + count as usize;
            begin = range.end;
            body(self.file(number)?, at, range).map_err(|error| {
                let name = self.files.parts[number].name.display();
                Failure::new(minor, format!("the raw file {name}: {error}"))
            })?;
        }
        Ok(())
    }

    /// Reads bytes; what is behind the end of a file is zero.
    pub fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        self.each(offset, bytes.len(), |file, mut at, range| {
            let mut rest = &mut bytes[range];
            while !rest.is_empty() {
                match file.read_at(rest, at) {
                    Ok(0) => {
                        rest.fill(0);
                        break;
                    }
                    Ok(count) => {
                        at += count as u64;
                        rest = &mut rest[count..];
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    /// Writes bytes; a file that is not there is made.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.each(offset, bytes.len(), |file, at, range| file.write_all_at(&bytes[range], at))
    }
}

/// Where files with relative names are; none for the working directory.
fn prefix(access: &Identifier, holder: &str) -> Result<Option<String>> {
    let mut chosen = std::env::var(PREFIX_VARIABLE).unwrap_or_default();
    if chosen.is_empty() {
        let in_list = text("a prefix", |buffer, size| {
            // SAFETY: the buffer is null or has the size.
            unsafe { library().list_raw_prefix(access.get(), buffer, size) }
        })?;
        chosen = String::from_utf8_lossy(&in_list).into_owned();
    }
    if chosen.is_empty() || chosen == "." {
        return Ok(None);
    }
    let expanded = external::expand(&chosen, holder);
    if name::has_prefix(&expanded) {
        let sentence = format!("raw files are files of the local file system, and {expanded} is no directory of it");
        return Err(Failure::new(Minor::BadValue, sentence));
    }
    Ok(Some(expanded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(offset: u64, size: u64) -> Part {
        Part { name: PathBuf::from("raw"), offset, size }
    }

    #[test]
    fn bytes_lie_one_file_after_the_other() {
        let parts = [part(100, 4), part(0, 0), part(7, 3), part(50, UNLIMITED)];
        assert_eq!(places(&parts, 0, 4), Some(vec![(0, 100, 4)]));
        assert_eq!(places(&parts, 2, 4), Some(vec![(0, 102, 2), (2, 7, 2)]));
        assert_eq!(places(&parts, 5, 100), Some(vec![(2, 8, 2), (3, 50, 98)]));
        assert_eq!(places(&parts, 9, 1), Some(vec![(3, 52, 1)]));
        assert_eq!(places(&parts, 9, 0), Some(vec![]));
        assert_eq!((room(&parts), room(&parts[..3])), (UNLIMITED, 7));
    }

    #[test]
    fn what_is_in_no_file_is_refused() {
        assert_eq!(places(&[part(0, 4)], 2, 3), None);
        assert_eq!(places(&[part(u64::MAX, UNLIMITED)], 1, 1), None);
        assert_eq!(places(&[], 0, 1), None);
    }
}
