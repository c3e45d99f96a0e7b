//! Offsets of selections (`H5Soffset_simple`), which are not encoded: they become a part of the selections before a list is stored.

use super::mapping::{source_file, source_path, spaces};
use crate::failure::{Failure, Minor, Result};
use crate::format::Layout;
use crate::hdf5::{Hid, Identifier, Space, layout, library, selection_kind};
use std::ffi::CString;

/// A list that means the same without offsets, where the list of a virtual dataset's creation has any.
pub fn without_offsets(list: Hid, chosen: &Layout) -> Result<Option<Identifier>> {
    if *chosen != Layout::Virtual {
        return Ok(None);
    }
    let mut count = 0;
    // SAFETY: the number is ours.
    if unsafe { library().list_mapping_count(list, &raw mut count) } < 0 {
        return Err(refused());
    }
    let mut has_offsets = false;
    let mut mappings = Vec::new();
    for number in 0..count {
        let (here, there) = spaces(list, number)?;
        has_offsets |= settle(&here)? | settle(&there)?;
        mappings.push((here, there));
    }
    if !has_offsets {
        return Ok(None);
    }
    // SAFETY: takes no pointer.
    let made = Identifier::new(unsafe { library().list_copy(list) }, "copy of a list")?;
    // SAFETY: takes no pointer. Another layout ends all mappings.
    let mut result = unsafe { library().list_set_layout(made.get(), layout::CONTIGUOUS) };
    for (number, (here, there)) in mappings.iter().enumerate() {
        let text = |bytes| CString::new(bytes).map_err(|_| refused());
        let (file, path) = (text(source_file(list, number)?)?, text(source_path(list, number)?)?);
        let (file, path) = (file.as_ptr(), path.as_ptr());
        // SAFETY: the names end with zero.
        result = result.min(unsafe { library().list_map(made.get(), here.get(), file, path, there.get()) });
    }
    if result < 0 { Err(refused()) } else { Ok(Some(made)) }
}

fn refused() -> Failure {
    Failure::new(Minor::CannotGet, "HDF5 refuses the mappings of a virtual dataset")
}

/// Makes an offset a part of a selection. Gives whether there was one.
fn settle(space: &Space) -> Result<bool> {
    if space.selection_kind() != selection_kind::SLABS {
        return Ok(false);
    }
    let Some((with, _)) = space.bounds()? else { return Ok(false) };
    space.clear_offset()?;
    let without = space.bounds()?.map_or_else(|| with.clone(), |(start, _)| start);
    if with == without {
        return Ok(false);
    }
    let Some(mut slab) = space.slab()? else {
        return Err(Failure::not_yet("an offset of an irregular selection in a virtual dataset"));
    };
    for (start, (with, without)) in slab.start.iter_mut().zip(with.iter().zip(&without)) {
        *start = start.wrapping_add(with.wrapping_sub(*without));
    }
    space.select_slabs(&[slab])?;
    Ok(true)
}
