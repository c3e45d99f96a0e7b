//! References among elements in memory, also within compounds, arrays and sequences. Those of HDF5's first kind are plain bytes:
//!
//! ```text
//! to an object   8  token
//! to a region    6  number of the block of a value of variable length
//!                3  its first byte in the block
//!                3  its bytes: 8 of the token of the dataset, and the selection as H5Sencode2 writes it
//! ```

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{
    Hid, Hsize, RANK_MAX, base_type, class_of_type, library, member_count, member_type, size_of_type, type_class,
};
use crate::heap::NAME_SIZE;
use std::ffi::c_void;

/// Bytes of a reference to an object, and to a region.
pub const OBJECT: usize = 8;
pub const REGION: usize = 12;

/// What HDF5 calls a sequence of variable length in memory (`hvl_t`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sequence {
    pub count: usize,
    pub elements: *mut c_void,
}

/// Whether elements of a datatype have references of any kind.
pub fn has_references(kind: Hid) -> Result<bool> {
    match class_of_type(kind) {
        type_class::REFERENCE => Ok(true),
        type_class::ARRAY | type_class::VARIABLE_LENGTH => has_references(base_type(kind)?.get()),
        type_class::COMPOUND => {
            for number in 0..member_count(kind) {
                if has_references(member_type(kind, number)?.get())? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// Calls a function with each reference of any kind among elements in memory, which it may change. One that is all zero leads nowhere and is left out.
///
/// # Safety
/// The memory has as many elements of the datatype.
pub unsafe fn change_each(
    kind: Hid,
    memory: *mut u8,
    count: usize,
    change: &mut dyn FnMut(&mut [u8]) -> Result<()>,
) -> Result<()> {
    if !has_references(kind)? {
        return Ok(());
    }
    let size = size_of_type(kind);
    // SAFETY: as the caller promises.
    let element = |number: usize| unsafe { memory.add(number * size) };
    match class_of_type(kind) {
        type_class::REFERENCE => {
            for number in 0..count {
                // SAFETY: an element has as many bytes.
                let bytes = unsafe { std::slice::from_raw_parts_mut(element(number), size) };
                if bytes.iter().any(|byte| *byte != 0) {
                    change(bytes)?;
                }
            }
        }
        type_class::COMPOUND => {
            for member in 0..member_count(kind) {
                let inner = member_type(kind, member)?;
                // SAFETY: takes no pointer.
                let offset = unsafe { library().type_member_offset(kind, member) };
                for number in 0..count {
                    // SAFETY: a member lies within its element.
                    unsafe { change_each(inner.get(), element(number).add(offset), 1, change)? };
                }
            }
        }
        type_class::ARRAY => {
            let inner = base_type(kind)?;
            let mut dimensions: [Hsize; RANK_MAX] = [0; RANK_MAX];
            // SAFETY: no array has more dimensions than places.
            unsafe { library().type_dimensions(kind, dimensions.as_mut_ptr()) };
            let inside = size / size_of_type(inner.get()).max(1);
            // SAFETY: the elements of arrays lie one after the other.
            unsafe { change_each(inner.get(), memory, count * inside, change)? };
        }
        _ => {
            let inner = base_type(kind)?;
            for number in 0..count {
                // SAFETY: such elements are sequences, which HDF5 has made.
                unsafe {
                    let sequence = element(number).cast::<Sequence>().read_unaligned();
                    change_each(inner.get(), sequence.elements.cast(), sequence.count, change)?;
                }
            }
        }
    }
    Ok(())
}

/// The name of the value that a reference to a region names, and the value's size.
pub fn region_name(reference: &[u8; REGION]) -> ([u8; NAME_SIZE], usize) {
    let mut name = [0; NAME_SIZE];
    name[..6].copy_from_slice(&reference[..6]);
    name[8..11].copy_from_slice(&reference[6..9]);
    name[12..15].copy_from_slice(&reference[9..]);
    (name, u32::from_le_bytes([reference[9], reference[10], reference[11], 0]) as usize)
}

/// The reference to a region that a value with a name is.
pub fn region(name: &[u8; NAME_SIZE]) -> Result<[u8; REGION]> {
    if [name[6], name[7], name[11], name[15]] != [0; 4] {
        return Err(Failure::new(Minor::BadValue, "a reference to a region has no room for its value's place"));
    }
    let mut reference = [0; REGION];
    reference[..6].copy_from_slice(&name[..6]);
    reference[6..9].copy_from_slice(&name[8..11]);
    reference[9..].copy_from_slice(&name[12..15]);
    Ok(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_keeps_the_place_of_its_value() {
        let reference = [1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 1, 0];
        let (name, size) = region_name(&reference);
        assert_eq!((name, size), ([1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 0, 20, 1, 0, 0], 276));
        assert_eq!(region(&name).expect("it has room"), reference);
        for at in [6, 7, 11, 15] {
            let mut far = name;
            far[at] = 1;
            assert!(region(&far).is_err(), "{at}");
        }
    }
}
