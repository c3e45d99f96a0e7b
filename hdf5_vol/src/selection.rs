//! Selections of dataspaces, as runs of bytes in the order in which HDF5 counts their elements.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, Identifier, SPACE_ALL, SPACE_BLOCK, SPACE_PROPERTY_LIST, Space, library};

/// Runs that HDF5 gives at a time.
const RUNS: usize = 1024;

/// Bytes without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub offset: u64,
    pub length: u64,
}

/// A selection.
pub struct Selection {
    pub runs: Vec<Run>,
    /// Its elements.
    pub count: u64,
    /// The dimensions of the dataspace that it was made in.
    pub dimensions: Vec<u64>,
}

/// What the file's selection is: that of a dataspace, or all of the dataset's.
pub fn of_file(id: Hid, whole: &Space, size: usize) -> Result<Selection> {
    match id {
        SPACE_ALL => all(whole, size),
        SPACE_BLOCK | SPACE_PROPERTY_LIST => Err(Failure::not_yet("this kind of selection in the file")),
        id => Selection::of_space(id, size),
    }
}

/// What the memory's selection is: that of a dataspace, the same as the file's, or as much memory without gaps.
pub fn of_memory(id: Hid, file_id: Hid, whole: &Space, count: u64, size: usize) -> Result<Selection> {
    match id {
        SPACE_ALL if file_id == SPACE_ALL => all(whole, size),
        SPACE_ALL => Selection::of_space(file_id, size),
        SPACE_BLOCK => Ok(block(count, size)),
        SPACE_PROPERTY_LIST => Err(Failure::not_yet("a selection in the transfer property list")),
        id => Selection::of_space(id, size),
    }
}

fn block(count: u64, size: usize) -> Selection {
    let runs = if count == 0 { Vec::new() } else { vec![Run { offset: 0, length: count * size as u64 }] };
    Selection { runs, count, dimensions: vec![count] }
}

fn all(space: &Space, size: usize) -> Result<Selection> {
    let mut whole = block(space.count()?, size);
    whole.dimensions = space.dimensions()?;
    Ok(whole)
}

impl Selection {
    /// What is selected of a dataspace, of elements of so many bytes.
    pub fn of_space(id: Hid, size: usize) -> Result<Selection> {
        // SAFETY: takes no pointer.
        let (count, is_valid) = unsafe { (library().selection_count(id), library().selection_valid(id)) };
        let count = u64::try_from(count).map_err(|_| Failure::new(Minor::BadValue, "there is no such dataspace"))?;
        if is_valid <= 0 {
            return Err(Failure::new(Minor::BadValue, "a selection reaches out of its dataspace"));
        }
        let dimensions = Space::copy_of(id)?.dimensions()?;
        let mut runs: Vec<Run> = Vec::new();
        if count == 0 {
            return Ok(Selection { runs, count, dimensions });
        }
        // SAFETY: takes no pointer.
        let iterator = Identifier::new(unsafe { library().iterator_create(id, size, 0) }, "iterator of a selection")?;
        let (mut offsets, mut lengths) = (vec![0; RUNS], vec![0; RUNS]);
        let mut left = count;
        while left > 0 {
            let (mut found, mut elements) = (0, 0);
            // SAFETY: both lists have as many places.
            let result = unsafe {
                library().iterator_next(
                    iterator.get(),
                    RUNS,
                    usize::MAX >> 1,
                    &raw mut found,
                    &raw mut elements,
                    offsets.as_mut_ptr(),
                    lengths.as_mut_ptr(),
                )
            };
            if result < 0 || elements == 0 {
                return Err(Failure::new(Minor::CannotGet, "HDF5 does not list a selection"));
            }
            left = left.saturating_sub(elements as u64);
            for (offset, length) in offsets.iter().zip(&lengths).take(found) {
                let length = *length as u64;
                match runs.last_mut() {
                    Some(last) if last.offset + last.length == *offset => last.length += length,
                    _ => runs.push(Run { offset: *offset, length }),
                }
            }
        }
        Ok(Selection { runs, count, dimensions })
    }
}
