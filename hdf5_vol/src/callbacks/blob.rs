//! Blobs: HDF5 hands over values of variable length one by one while it converts elements.

use super::unknown;
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::Handle;
use crate::hdf5::Herr;
use crate::hdf5::arguments::{BlobSpecific, OptionalArguments, blob_specific};
use crate::hdf5::class::{BlobClass, Object};
use crate::heap::{self, NAME_SIZE};
use std::ffi::c_void;

pub const CLASS: BlobClass =
    BlobClass { put: Some(put), get: Some(get), specific: Some(specific), optional: Some(optional) };

unsafe extern "C" fn put(
    object: Object,
    buffer: *const c_void,
    size: usize,
    name: *mut c_void,
    _: *mut c_void,
) -> Herr {
    guard::status(c"H5VLblob_put", || {
        // SAFETY: HDF5 gives as many bytes, and room for a name of the size that it was told.
        unsafe {
            let file = Handle::from_pointer(object)?.file()?;
            let value = if size == 0 { &[] } else { std::slice::from_raw_parts(buffer.cast::<u8>(), size) };
            *name.cast::<[u8; NAME_SIZE]>() = heap::put(&file, value)?;
        }
        Ok(())
    })
}

unsafe extern "C" fn get(
    object: Object,
    name: *const c_void,
    buffer: *mut c_void,
    size: usize,
    _: *mut c_void,
) -> Herr {
    guard::status(c"H5VLblob_get", || {
        // SAFETY: HDF5 gives a name of the size that it was told, and room for as many bytes.
        unsafe {
            let file = Handle::from_pointer(object)?.file()?;
            let buffer = if size == 0 { &mut [] } else { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
            heap::get(&file, &*name.cast::<[u8; NAME_SIZE]>(), buffer)
        }
    })
}

unsafe extern "C" fn specific(object: Object, name: *mut c_void, arguments: *mut BlobSpecific) -> Herr {
    guard::status(c"H5VLblob_specific", || -> Result<()> {
        if object.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no file"));
        }
        // SAFETY: HDF5 gives a name of the size that it was told, and arguments of this kind.
        unsafe {
            let (name, arguments) = (&mut *name.cast::<[u8; NAME_SIZE]>(), &mut *arguments);
            match arguments.operation {
                // The space of a value that is replaced comes back with the file's.
                blob_specific::DELETE => {}
                blob_specific::IS_NULL => *arguments.is_null = name[..8].iter().all(|byte| *byte == 0),
                blob_specific::SET_NULL => *name = [0; NAME_SIZE],
                _ => return unknown("this operation on a value of variable length"),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut c_void, _: *mut OptionalArguments) -> Herr {
    guard::status(c"H5VLblob_optional", || unknown("this operation on a value of variable length"))
}
