//! Datasets.

use super::request::give;
use super::{create_object, object_at, unknown};
use crate::committed;
use crate::daos::Operation;
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::{Handle, Located};
use crate::hdf5::arguments::{DatasetGet, DatasetSpecific, Location, dataset_get, dataset_specific};
use crate::hdf5::class::{DatasetClass, Object, Request};
use crate::hdf5::{Herr, Hid, require_list};
use std::ffi::{c_char, c_void};
use std::rc::Rc;

pub const CLASS: DatasetClass = DatasetClass {
    create: Some(create),
    open: Some(open),
    read: Some(read),
    write: Some(write),
    get: Some(get),
    specific: Some(specific),
    optional: Some(super::chunk::optional),
    close: Some(close),
};

unsafe extern "C" fn create(
    object: Object,
    location: *const Location,
    path: *const c_char,
    link_list: Hid,
    datatype: Hid,
    space: Hid,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Dcreate", || {
        let make = |_: &(), base: &Located, path| {
            let file = &base.node.file;
            let committed = committed::of(file, datatype)?;
            let mut made = Dataset::create(file, (datatype, committed.as_ref()), space, (list, access), path)?;
            made.located.opening = base.opening;
            Ok(Handle::Dataset(made))
        };
        let open = |made| Ok(Handle::Dataset(Dataset::open(made, access)?));
        // SAFETY: as HDF5 promises.
        unsafe { create_object(object, location, path, link_list, || require_list(access), make, open) }
    })
}

unsafe extern "C" fn open(
    object: Object,
    location: *const Location,
    path: *const c_char,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Dopen", || {
        require_list(access)?;
        // SAFETY: as HDF5 promises.
        let located = unsafe { object_at(object, location, path, access)? };
        Ok(Handle::Dataset(Dataset::open(located, access)?).into_pointer())
    })
}

/// Gives HDF5 a request for what was started; what is done has none.
///
/// # Safety
/// There is a place for the request.
unsafe fn tell_request(request: Request, dataset: &Dataset, started: Option<Rc<Operation>>) -> Result<()> {
    if let Some(operation) = started {
        // SAFETY: as the caller promises.
        unsafe { *request = give(&dataset.located.node.file, operation) };
    }
    Ok(())
}

unsafe extern "C" fn read(
    count: usize,
    datasets: *const Object,
    types: *const Hid,
    memory_spaces: *const Hid,
    file_spaces: *const Hid,
    list: Hid,
    buffers: *const *mut c_void,
    request: Request,
) -> Herr {
    guard::status(c"H5Dread", || {
        if count == 1 && !request.is_null() {
            // SAFETY: the same as below, and the buffer stays until the request has been waited for.
            return unsafe {
                let (dataset, kind, spaces) = transfer(0, datasets, types, memory_spaces, file_spaces)?;
                tell_request(request, dataset, dataset.start_read(kind, spaces, list, (*buffers).cast())?)
            };
        }
        for number in 0..count {
            // SAFETY: all lists have as many elements; the buffers are as large as the selections say.
            unsafe {
                let (dataset, kind, spaces) = transfer(number, datasets, types, memory_spaces, file_spaces)?;
                dataset.read(kind, spaces, list, (*buffers.add(number)).cast())?;
            }
        }
        Ok(())
    })
}

/// One of several transfers: the dataset, the type of memory, the spaces of memory and file.
///
/// # Safety
/// All lists have more elements than the number.
unsafe fn transfer<'a>(
    number: usize,
    datasets: *const Object,
    types: *const Hid,
    memory_spaces: *const Hid,
    file_spaces: *const Hid,
) -> Result<(&'a Dataset, Hid, (Hid, Hid))> {
    // SAFETY: as the caller promises.
    unsafe {
        let dataset = Handle::from_pointer(*datasets.add(number))?.dataset()?;
        Ok((dataset, *types.add(number), (*memory_spaces.add(number), *file_spaces.add(number))))
    }
}

unsafe extern "C" fn write(
    count: usize,
    datasets: *const Object,
    types: *const Hid,
    memory_spaces: *const Hid,
    file_spaces: *const Hid,
    list: Hid,
    buffers: *const *const c_void,
    request: Request,
) -> Herr {
    guard::status(c"H5Dwrite", || {
        if count == 1 && !request.is_null() {
            // SAFETY: the same as below, and the buffer stays until the request has been waited for.
            return unsafe {
                let (dataset, kind, spaces) = transfer(0, datasets, types, memory_spaces, file_spaces)?;
                tell_request(request, dataset, dataset.start_write(kind, spaces, list, (*buffers).cast())?)
            };
        }
        let mut result = Ok(());
        for number in 0..count {
            // SAFETY: all lists have as many elements; the buffers are as large as the selections say.
            let written = unsafe {
                transfer(number, datasets, types, memory_spaces, file_spaces).and_then(|(dataset, kind, spaces)| {
                    dataset.write_among_ranks(kind, spaces, list, (*buffers.add(number)).cast())
                })
            };
            // The others are written in any case: another rank may wait for this one to take part.
            result = result.and(written);
        }
        result
    })
}

unsafe extern "C" fn get(object: Object, arguments: *mut DatasetGet, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Dget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let dataset = handle.dataset()?;
            let values = &mut arguments.arguments;
            match arguments.operation {
                dataset_get::ACCESS_LIST => {
                    values.identifier = dataset.access_list()?.release();
                }
                dataset_get::CREATION_LIST => values.identifier = dataset.creation_list()?.release(),
                dataset_get::SPACE => values.identifier = dataset.space()?.release(),
                dataset_get::SPACE_STATUS => *values.status = dataset.space_status()?,
                dataset_get::STORAGE_SIZE => *values.size = dataset.storage_size()?,
                dataset_get::TYPE => values.identifier = dataset.give_datatype()?,
                _ => return unknown("this question about a dataset"),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn specific(object: Object, arguments: *mut DatasetSpecific, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Dspecific", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &*arguments);
            let dataset = handle.dataset()?;
            match arguments.operation {
                dataset_specific::SET_EXTENT => {
                    let size = arguments.arguments.size;
                    if size.is_null() {
                        return Err(Failure::new(Minor::BadValue, "there are no dimensions"));
                    }
                    let size = || Ok(std::slice::from_raw_parts(size, dataset.space()?.dimensions()?.len()));
                    let hear = |size: &&[_], _: &[u8]| {
                        dataset.know_dimensions(size);
                        Ok(())
                    };
                    let set = |size: &&[_]| dataset.set_dimensions(size);
                    handle.file()?.together_with(size, set, |()| Ok(Vec::new()), hear)
                }
                dataset_specific::FLUSH => handle.file()?.flush(),
                dataset_specific::REFRESH => dataset.refresh(),
                _ => unknown("this operation on a dataset"),
            }
        }
    })
}

unsafe extern "C" fn close(object: Object, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Dclose", || {
        // SAFETY: HDF5 gives an object of ours, for the last time unless it is told of an error.
        unsafe { Handle::close(object, |handle| handle.dataset()?.located.node.write_back_chunks()) }
    })
}
