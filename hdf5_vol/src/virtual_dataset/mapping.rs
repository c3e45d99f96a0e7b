//! What is mapped to what: as the list of a virtual dataset's creation has it.

use super::growth::Growth;
use super::pattern::Pattern;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, Slab, Space, library, selection_kind};
use std::ffi::c_char;

/// How far a mapping reaches.
pub enum Reach {
    /// As it says.
    Fixed,
    /// As far as the source does: selections of both have no end.
    Growing { here: (Growth, Slab), there: (Growth, Slab) },
    /// As many blocks as there are sources, each of which has a number in its name.
    Numbered { here: (Growth, Slab) },
}

/// Elements of a virtual dataset, and those of a source that they are.
pub struct Mapping {
    pub file: Pattern,
    pub path: Pattern,
    /// What is selected of the virtual dataset.
    pub here: Space,
    /// What is selected of the source.
    pub there: Space,
    pub reach: Reach,
}

/// A text that HDF5 puts into a buffer of which it says the length.
pub fn text(what: &str, give: impl Fn(*mut c_char, usize) -> isize) -> Result<Vec<u8>> {
    let refused = || Failure::new(Minor::CannotGet, format!("HDF5 does not tell {what}"));
    let length = usize::try_from(give(std::ptr::null_mut(), 0)).map_err(|_| refused())?;
    let mut bytes = vec![0_u8; length + 1];
    if give(bytes.as_mut_ptr().cast(), bytes.len()) < 0 {
        return Err(refused());
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// The name of the file of a mapping's source.
pub fn source_file(list: Hid, number: usize) -> Result<Vec<u8>> {
    text("the file of a source", |buffer, size| {
        // SAFETY: the buffer is null or has the size.
        unsafe { library().list_source_file(list, number, buffer, size) }
    })
}

/// The path of a mapping's source.
pub fn source_path(list: Hid, number: usize) -> Result<Vec<u8>> {
    text("the path of a source", |buffer, size| {
        // SAFETY: the buffer is null or has the size.
        unsafe { library().list_source_path(list, number, buffer, size) }
    })
}

/// What a mapping selects of the virtual dataset, and of the source.
pub fn spaces(list: Hid, number: usize) -> Result<(Space, Space)> {
    // SAFETY: takes no pointer.
    let (here, there) =
        unsafe { (library().list_virtual_space(list, number), library().list_source_space(list, number)) };
    let here = Space::new(here);
    let there = Space::new(there)?;
    Ok((here?, there))
}

fn growth(space: &Space) -> Result<Option<(Growth, Slab)>> {
    Ok(space.slab()?.and_then(|slab| Growth::of(&slab).map(|growth| (growth, slab))))
}

impl Mapping {
    /// All that a list has.
    pub fn all(list: Hid) -> Result<Vec<Self>> {
        let mut count = 0;
        // SAFETY: the number is ours.
        if unsafe { library().list_mapping_count(list, &raw mut count) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell what a virtual dataset is made of"));
        }
        (0..count).map(|number| Self::of(list, number)).collect()
    }

    fn of(list: Hid, number: usize) -> Result<Self> {
        let (file, path) = (source_file(list, number)?, source_path(list, number)?);
        let (here, there) = spaces(list, number)?;
        let (file, path) = (Pattern::parse(&file)?, Pattern::parse(&path)?);
        let reach = reach(&here, &there, file.is_numbered() || path.is_numbered())?;
        Ok(Self { file, path, here, there, reach })
    }

    /// The dimensions that the virtual dataset has at least, by what is selected of it; none where that follows its dimensions.
    pub fn minimum(&self) -> Result<Option<Vec<u64>>> {
        if self.here.selection_kind() == selection_kind::ALL {
            return Ok(None);
        }
        let growing = self.growing().map(|growth| growth.dimension);
        let Some((_, end)) = self.here.bounds()? else { return Ok(None) };
        let size = |(dimension, end): (usize, u64)| if growing == Some(dimension) { 0 } else { end.saturating_add(1) };
        Ok(Some(end.into_iter().enumerate().map(size).collect()))
    }

    /// The dimension of the virtual dataset in which it grows.
    pub fn growing(&self) -> Option<&Growth> {
        match &self.reach {
            Reach::Fixed => None,
            Reach::Growing { here, .. } | Reach::Numbered { here } => Some(&here.0),
        }
    }
}

/// What a mapping is, when it is one. HDF5 has looked at it when it was made; a container may have another one.
fn reach(here: &Space, there: &Space, is_numbered: bool) -> Result<Reach> {
    let wrong = |why: &str| Failure::new(Minor::BadValue, format!("a mapping of a virtual dataset is none: {why}"));
    if [here, there].iter().any(|space| space.selection_kind() == selection_kind::POINTS) {
        return Err(wrong("it names elements one by one"));
    }
    let reach = match (growth(here)?, growth(there)?) {
        (None, Some(_)) => return Err(wrong("its source has no end, and it has one")),
        (None, None) => Reach::Fixed,
        (Some(here), Some(there)) => Reach::Growing { here, there },
        (Some(here), None) if here.0.has_blocks() => Reach::Numbered { here },
        (Some(_), None) => return Err(wrong("its block has no end, and its source has one")),
    };
    if is_numbered != matches!(reach, Reach::Numbered { .. }) {
        return Err(wrong("a number in a name is for sources with an end of a selection without one"));
    }
    if matches!(reach, Reach::Fixed) && here.selected()? != there.selected()? {
        return Err(wrong("the selections of both sides are not of the same size"));
    }
    Ok(reach)
}
