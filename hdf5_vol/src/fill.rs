//! The value that elements have that were never written.
//!
//! The list of a dataset's creation has it in a datatype of the program's, which may hold pointers: h5py gives texts of a fixed length as such of
//! variable length. HDF5 encodes a list with the pointers, which mean nothing later. So the list that is stored has the value in the datatype of
//! the dataset, or, where that leads elsewhere too, none: then the value lies beside the header as an element of the container.

use crate::convert::Stored;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{DEFAULT, FILL_NEVER, Hid, Identifier, library, size_of_type};
use std::ffi::c_int;

/// `H5D_FILL_VALUE_USER_DEFINED`.
const BY_USER: c_int = 2;

/// The value of a dataset that is made.
pub struct Fill {
    /// The list, where it is another one than the program's.
    list: Option<Identifier>,
    /// An element as it lies in the container, where the list cannot have it.
    pub element: Option<Vec<u8>>,
}

/// Whether a list of a dataset's creation has a value that the program has chosen.
pub fn is_chosen(list: Hid) -> bool {
    let mut status = 0;
    // SAFETY: the number is ours.
    let result = unsafe { library().list_fill_defined(list, &raw mut status) };
    result >= 0 && status == BY_USER
}

/// Whether a list says that elements are never filled: then those that were never written are zero, as the store has them.
pub fn is_never_used(list: Hid) -> bool {
    let mut time = 0;
    // SAFETY: the number is ours.
    let result = unsafe { library().list_fill_time(list, &raw mut time) };
    result >= 0 && time == FILL_NEVER
}

/// The value in a list, as memory of a datatype of the dataset's.
pub fn in_list(list: Hid, stored: &Stored) -> Result<Vec<u8>> {
    let mut value = vec![0; stored.memory.size()];
    // SAFETY: the buffer has room for an element of this type.
    let result = unsafe { library().list_fill_value(list, stored.memory.get(), value.as_mut_ptr().cast()) };
    if result < 0 {
        return Err(Failure::new(Minor::CannotConvert, "the fill value cannot be converted"));
    }
    Ok(value)
}

fn put_into_list(list: Hid, kind: Hid, value: *const u8) -> Result<()> {
    // SAFETY: the value is null or an element of this type, of which HDF5 makes a copy.
    if unsafe { library().list_set_fill_value(list, kind, value.cast()) } < 0 {
        return Err(Failure::new(Minor::CannotGet, "HDF5 refuses a fill value"));
    }
    Ok(())
}

/// Ends what an element in memory leads to.
fn reclaim(kind: Hid, value: &mut [u8]) -> Result<()> {
    let one = 1;
    // SAFETY: one dimension, which is ours.
    let space = unsafe { library().space_create(1, &raw const one, std::ptr::null()) };
    let space = Identifier::new(space, "dataspace")?;
    // SAFETY: the value is one element of this type.
    unsafe { library().reclaim(kind, space.get(), DEFAULT, value.as_mut_ptr().cast()) };
    Ok(())
}

impl Fill {
    /// Takes it out of the list with which a dataset is to be made.
    pub fn of(list: Hid, stored: &Stored) -> Result<Self> {
        if !is_chosen(list) {
            return Ok(Self { list: None, element: None });
        }
        // SAFETY: takes no pointer.
        let copy = Identifier::new(unsafe { library().list_copy(list) }, "copy of a property list")?;
        let mut value = in_list(list, stored)?;
        let kind = stored.memory.get();
        if !stored.leads_elsewhere {
            put_into_list(copy.get(), kind, value.as_ptr())?;
            return Ok(Self { list: Some(copy), element: None });
        }
        put_into_list(copy.get(), kind, std::ptr::null())?;
        let background = vec![0; size_of_type(stored.file.get()).max(value.len())];
        let element = stored.to_file(value.clone(), 1, kind, Some(background), DEFAULT);
        reclaim(kind, &mut value)?;
        Ok(Self { list: Some(copy), element: Some(element?) })
    }

    /// The list that is stored.
    pub fn list(&self, list: Hid) -> Hid {
        self.list.as_ref().map_or(list, Identifier::get)
    }
}

/// Gives a list the value that lies beside the header.
pub fn restore(list: Hid, stored: &Stored, element: &[u8]) -> Result<()> {
    let kind = stored.memory.get();
    if element.len() != stored.file.size() {
        return Err(Failure::new(Minor::Damaged, "a fill value is no element of its dataset"));
    }
    let background = vec![0; element.len().max(stored.memory.size())];
    let mut value = stored.to_memory(element.to_vec(), 1, kind, Some(background), DEFAULT)?;
    let put = put_into_list(list, kind, value.as_ptr());
    reclaim(kind, &mut value)?;
    put
}
