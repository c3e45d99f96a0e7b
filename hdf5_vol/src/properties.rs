//! Properties of lists that only this connector knows: texts and flags that are inserted into a list, which copies of it keep, and which are not encoded
//! with it.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{DEFAULT, Hid, library};
use std::ffi::{CStr, c_void};

/// Bytes of a value with its zero, at most.
const SIZE: usize = 64;

/// The class of objects that are made with a list, or in files that are opened with it.
pub const OBJECT_CLASS: &CStr = c"daos_object_class";
/// The same for the root group alone, which nothing asks for: a file knows its root group.
pub const ROOT_CLASS: &CStr = c"daos_root_object_class";
/// Whether ranks change metadata each for itself.
pub const INDEPENDENT: &CStr = c"daos_independent_metadata";

/// The value of a property; none where the list has none.
pub fn get(list: Hid, name: &CStr) -> Result<Option<String>> {
    // SAFETY: the name ends with zero.
    if list == DEFAULT || unsafe { library().property_exists(list, name.as_ptr()) } <= 0 {
        return Ok(None);
    }
    let mut value = [0_u8; SIZE];
    // SAFETY: the property was inserted with this size.
    if unsafe { library().property_get(list, name.as_ptr(), value.as_mut_ptr().cast()) } < 0 {
        return Err(Failure::new(
            Minor::CannotGet,
            format!("HDF5 does not give the property {}", name.to_string_lossy()),
        ));
    }
    let text = CStr::from_bytes_until_nul(&value).map(|text| text.to_string_lossy().into_owned());
    Ok(text.ok().filter(|text| !text.is_empty()))
}

/// Sets the value of a property; an empty one takes it from the list.
pub fn set(list: Hid, name: &CStr, text: &str) -> Result<()> {
    // SAFETY: the name ends with zero.
    let is_there = unsafe { library().property_exists(list, name.as_ptr()) } > 0;
    if text.is_empty() {
        // SAFETY: the same.
        if is_there && unsafe { library().property_remove(list, name.as_ptr()) } < 0 {
            return Err(Failure::new(Minor::BadValue, "HDF5 does not take a property from a list"));
        }
        return Ok(());
    }
    let mut value = [0_u8; SIZE];
    let Some(place) = value.get_mut(..text.len()).filter(|_| text.len() < SIZE) else {
        return Err(Failure::new(Minor::BadValue, format!("\"{text}\" is too long")));
    };
    place.copy_from_slice(text.as_bytes());
    let pointer: *mut c_void = value.as_mut_ptr().cast();
    // SAFETY: name and value are ours, and the value has the size; none of the functions is needed for plain bytes.
    let result = unsafe {
        if is_there {
            library().property_set(list, name.as_ptr(), pointer)
        } else {
            library().property_insert(list, name.as_ptr(), SIZE, pointer, None, None, None, None, None, None)
        }
    };
    if result < 0 {
        let sentence = format!("HDF5 does not take the property {}", name.to_string_lossy());
        return Err(Failure::new(Minor::BadValue, sentence));
    }
    Ok(())
}
