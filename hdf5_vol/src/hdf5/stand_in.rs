//! References of HDF5's first kind. Their datatypes mean places in HDF5's own files, and HDF5 looks into its own structs when such a type is
//! made one of a file: with a connector's file that must not happen. Their elements are plain bytes, 8 of an object's token and 12 of the
//! name of a region, so a number and an opaque type of these sizes stand in for them wherever HDF5 converts.

use super::identifier::{Type, base, class, member, member_count};
use super::library::{Variable, library};
use super::types::{Hsize, RANK_MAX, TYPE_OPAQUE, type_class};
use super::{Hid, size_of_type};
use crate::failure::{Failure, Minor, Result};
use std::ffi::c_uint;

/// Bytes of a reference to an object, and of one to a region of a dataset. References of later kinds have more.
const OBJECT_SIZE: usize = 8;
const REGION_SIZE: usize = 12;

fn is_old_reference(id: Hid) -> bool {
    class(id) == type_class::REFERENCE && matches!(size_of_type(id), OBJECT_SIZE | REGION_SIZE)
}

/// Whether elements have references of the first kind, at any depth.
pub fn has_old_references(id: Hid) -> Result<bool> {
    match class(id) {
        type_class::REFERENCE => Ok(is_old_reference(id)),
        type_class::ARRAY | type_class::VARIABLE_LENGTH => has_old_references(base(id)?.get()),
        type_class::COMPOUND => {
            for number in 0..member_count(id) {
                if has_old_references(member(id, number)?.get())? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// The datatype with what stands in for these references; all else as it is.
pub fn stand_in(id: Hid) -> Result<Type> {
    if has_old_references(id)? { replaced(id) } else { Type::copy_of(id) }
}

/// The same of one that has such references.
fn replaced(id: Hid) -> Result<Type> {
    match class(id) {
        type_class::REFERENCE if size_of_type(id) == REGION_SIZE => {
            // SAFETY: takes no pointer.
            Type::new(unsafe { library().type_create(TYPE_OPAQUE, REGION_SIZE) })
        }
        type_class::REFERENCE => Type::copy_of(library().value(Variable::UNSIGNED_64)),
        type_class::VARIABLE_LENGTH => {
            let base = stand_in(base(id)?.get())?;
            // SAFETY: takes no pointer.
            Type::new(unsafe { library().type_sequence(base.get()) })
        }
        type_class::ARRAY => array(id),
        _ => compound(id),
    }
}

fn array(id: Hid) -> Result<Type> {
    let base = stand_in(base(id)?.get())?;
    let mut dimensions: [Hsize; RANK_MAX] = [0; RANK_MAX];
    // SAFETY: no array has more dimensions than places.
    let rank = unsafe { library().type_dimensions(id, dimensions.as_mut_ptr()) };
    let rank = c_uint::try_from(rank)
        .map_err(|_| Failure::new(Minor::CannotGet, "HDF5 does not tell an array's dimensions"))?;
    // SAFETY: as many dimensions were written.
    Type::new(unsafe { library().type_array(base.get(), rank, dimensions.as_ptr()) })
}

fn compound(id: Hid) -> Result<Type> {
    // SAFETY: takes no pointer.
    let made = Type::new(unsafe { library().type_create(type_class::COMPOUND, size_of_type(id)) })?;
    for number in 0..member_count(id) {
        let member = stand_in(member(id, number)?.get())?;
        // SAFETY: the name is HDF5's to free, which is done here.
        let result = unsafe {
            let name = library().type_member_name(id, number);
            if name.is_null() {
                return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell a member's name"));
            }
            let offset = library().type_member_offset(id, number);
            let result = library().type_insert(made.get(), name, offset, member.get());
            library().free(name.cast());
            result
        };
        if result < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 makes no compound of other members"));
        }
    }
    Ok(made)
}
