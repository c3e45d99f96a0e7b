//! What selections of dataspaces are asked, and how others are made of them.

use super::identifier::Space;
use super::library::library;
use super::types::{Hsize, RANK_MAX, UNLIMITED, selection_kind};
use crate::failure::{Failure, Minor, Result};
use std::ffi::c_int;

/// How a selection is changed by another one (`H5S_seloper_t`).
const SET: c_int = 0;
const OR: c_int = 1;
const WITHOUT: c_int = 4;

/// A regular selection: in each dimension as many blocks of as many elements, with their beginnings a stride apart. One dimension may have
/// no end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slab {
    pub start: Vec<u64>,
    pub stride: Vec<u64>,
    pub count: Vec<u64>,
    pub block: Vec<u64>,
}

impl Slab {
    /// The dimension without an end.
    pub fn unlimited(&self) -> Option<usize> {
        (0..self.start.len())
            .find(|dimension| self.count[*dimension] == UNLIMITED || self.block[*dimension] == UNLIMITED)
    }
}

fn check(result: c_int, what: &str) -> Result<()> {
    if result < 0 { Err(Failure::new(Minor::CannotGet, format!("HDF5 refuses to {what}"))) } else { Ok(()) }
}

impl Space {
    /// One of these dimensions, with all selected.
    pub fn simple(dimensions: &[Hsize]) -> Result<Self> {
        let rank = c_int::try_from(dimensions.len()).unwrap_or(c_int::MAX);
        // SAFETY: as many dimensions as said.
        Self::new(unsafe { library().space_create(rank, dimensions.as_ptr(), std::ptr::null()) })
    }

    pub fn rank(&self) -> Result<usize> {
        Ok(self.dimensions()?.len())
    }

    /// Selects all.
    pub fn select_all(&self) -> Result<()> {
        // SAFETY: takes no pointer.
        check(unsafe { library().select_all(self.get()) }, "select all of a dataspace")
    }

    /// Takes away the offset of what is selected.
    pub fn clear_offset(&self) -> Result<()> {
        let none = [0; RANK_MAX];
        // SAFETY: there are as many numbers as there can be dimensions.
        check(unsafe { library().space_offset(self.get(), none.as_ptr()) }, "move a selection")
    }

    /// As `H5S_sel_type`.
    pub fn selection_kind(&self) -> c_int {
        // SAFETY: takes no pointer.
        unsafe { library().selection_kind(self.get()) }
    }

    /// How many elements are selected.
    ///
    /// # Errors
    /// When they have no end.
    pub fn selected(&self) -> Result<u64> {
        // SAFETY: takes no pointer.
        let count = unsafe { library().selection_count(self.get()) };
        u64::try_from(count).map_err(|_| Failure::new(Minor::BadValue, "HDF5 does not count what is selected"))
    }

    /// Whether all that is selected is there.
    pub fn is_inside(&self) -> bool {
        // SAFETY: takes no pointer.
        unsafe { library().selection_valid(self.get()) > 0 }
    }

    /// The first and the last coordinates of what is selected; none where nothing is, and of a scalar.
    pub fn bounds(&self) -> Result<Option<(Vec<u64>, Vec<u64>)>> {
        let rank = self.rank()?;
        if rank == 0 || self.selection_kind() == selection_kind::NONE {
            return Ok(None);
        }
        let (mut start, mut end) = (vec![0; RANK_MAX], vec![0; RANK_MAX]);
        // SAFETY: both have room for as many coordinates as there can be.
        let result = unsafe { library().selection_bounds(self.get(), start.as_mut_ptr(), end.as_mut_ptr()) };
        check(result, "tell the bounds of a selection")?;
        start.truncate(rank);
        end.truncate(rank);
        Ok(Some((start, end)))
    }

    /// What is selected, when that is regular.
    pub fn slab(&self) -> Result<Option<Slab>> {
        // SAFETY: takes no pointer.
        let is_regular =
            self.selection_kind() == selection_kind::SLABS && unsafe { library().selection_is_regular(self.get()) } > 0;
        if !is_regular {
            return Ok(None);
        }
        let rank = self.rank()?;
        let none = || vec![0; RANK_MAX];
        let mut slab = Slab { start: none(), stride: none(), count: none(), block: none() };
        // SAFETY: all have room for as many numbers as there can be.
        let result = unsafe {
            library().selection_slab(
                self.get(),
                slab.start.as_mut_ptr(),
                slab.stride.as_mut_ptr(),
                slab.count.as_mut_ptr(),
                slab.block.as_mut_ptr(),
            )
        };
        check(result, "tell a selection")?;
        for numbers in [&mut slab.start, &mut slab.stride, &mut slab.count, &mut slab.block] {
            numbers.truncate(rank);
        }
        Ok(Some(slab))
    }

    /// Selects these and nothing else; nothing when there are none.
    pub fn select_slabs(&self, slabs: &[Slab]) -> Result<()> {
        let rank = self.rank()?;
        if slabs.is_empty() {
            let nothing = vec![0; rank];
            return self.select(&nothing, &nothing);
        }
        for (number, slab) in slabs.iter().enumerate() {
            if [&slab.start, &slab.stride, &slab.count, &slab.block].iter().any(|numbers| numbers.len() != rank) {
                return Err(Failure::new(Minor::BadValue, "a selection has another number of dimensions"));
            }
            let operation = if number == 0 { SET } else { OR };
            // SAFETY: all have as many numbers as the dataspace has dimensions.
            let result = unsafe {
                library().space_select(
                    self.get(),
                    operation,
                    slab.start.as_ptr(),
                    slab.stride.as_ptr(),
                    slab.count.as_ptr(),
                    slab.block.as_ptr(),
                )
            };
            check(result, "select a part of a dataspace")?;
        }
        Ok(())
    }

    /// Selects elements, one after the other, each by as many coordinates as there are dimensions.
    pub fn select_points(&self, coordinates: &[u64]) -> Result<()> {
        let count = coordinates.len() / self.rank()?.max(1);
        // SAFETY: there are as many coordinates.
        let result = unsafe { library().selection_points(self.get(), SET, count, coordinates.as_ptr()) };
        check(result, "select elements of a dataspace")
    }

    /// Gives it the extent of another one; what is selected stays.
    pub fn take_extent(&self, other: &Self) -> Result<()> {
        // SAFETY: takes no pointer.
        check(unsafe { library().space_take_extent(self.get(), other.get()) }, "copy the extent of a dataspace")
    }

    /// Of another one with as many elements selected, those that stand at the places of the elements that this one and a third one have in
    /// common.
    pub fn project(&self, to: &Self, part: &Self) -> Result<Self> {
        if self.selected()? != to.selected()? {
            return Err(Failure::new(Minor::BadValue, "two selections that belong together are not of the same size"));
        }
        // SAFETY: takes no pointer.
        Self::new(unsafe { library().selection_project(self.get(), to.get(), part.get()) })
    }

    /// Selects all as a box, which can be changed by others; of a scalar it stays as it is.
    pub fn box_all(&self) -> Result<()> {
        let dimensions = self.dimensions()?;
        if dimensions.is_empty() || self.selection_kind() != selection_kind::ALL {
            return Ok(());
        }
        self.select(&vec![0; dimensions.len()], &dimensions)
    }

    /// Selects no longer what another one does. Both must have slabs selected.
    pub fn exclude(&self, other: &Self) -> Result<()> {
        // SAFETY: takes no pointer.
        check(unsafe { library().selection_modify(self.get(), WITHOUT, other.get()) }, "change a selection")
    }
}
