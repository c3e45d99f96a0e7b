//! Datasets.

use super::{decoded_list, default_list, link_new, unknown};
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor};
use crate::guard;
use crate::handle::{Handle, locate, name};
use crate::hdf5::arguments::{DatasetGet, DatasetSpecific, Location, OptionalArguments, dataset_get, dataset_specific};
use crate::hdf5::class::{DatasetClass, Object, Request};
use crate::hdf5::{Herr, Hid, Variable};
use std::ffi::{c_char, c_void};
use std::rc::Rc;

pub const CLASS: DatasetClass = DatasetClass {
    create: Some(create),
    open: Some(open),
    read: Some(read),
    write: Some(write),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
    close: Some(super::group::close),
};

/// `H5D_SPACE_STATUS_PART_ALLOCATED`: space is taken where something was written.
const PARTLY_ALLOCATED: i32 = 1;

unsafe extern "C" fn create(
    object: Object,
    location: *const Location,
    path: *const c_char,
    link_list: Hid,
    datatype: Hid,
    space: Hid,
    list: Hid,
    _: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Dcreate", || {
        // SAFETY: as HDF5 promises.
        let (base, path) = unsafe {
            let base = locate(Handle::from_pointer(object)?, location)?;
            (base, if path.is_null() { None } else { Some(name(path)?) })
        };
        let mut made = None;
        link_new(&base, path, link_list, || {
            let full = path.and_then(|path| base.join(path));
            let dataset = Dataset::create(&base.node.file, datatype, space, list, full)?;
            let node = Rc::clone(&dataset.located.node);
            made = Some(dataset);
            Ok(node)
        })?;
        Ok(Handle::Dataset(made.expect("linked, so made")).into_pointer())
    })
}

unsafe extern "C" fn open(
    object: Object,
    location: *const Location,
    path: *const c_char,
    _: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Dopen", || {
        // SAFETY: as HDF5 promises.
        let (base, path) = unsafe { (locate(Handle::from_pointer(object)?, location)?, name(path)?) };
        Ok(Handle::Dataset(Dataset::open(base.walk(path)?)?).into_pointer())
    })
}

unsafe extern "C" fn read(
    count: usize,
    datasets: *const Object,
    types: *const Hid,
    memory_spaces: *const Hid,
    file_spaces: *const Hid,
    list: Hid,
    buffers: *const *mut c_void,
    _: Request,
) -> Herr {
    guard::status(c"H5Dread", || {
        for number in 0..count {
            // SAFETY: all lists have as many elements; the buffers are as large as the selections say.
            unsafe {
                let dataset = Handle::from_pointer(*datasets.add(number))?.dataset()?;
                let spaces = (*memory_spaces.add(number), *file_spaces.add(number));
                dataset.read(*types.add(number), spaces, list, (*buffers.add(number)).cast())?;
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn write(
    count: usize,
    datasets: *const Object,
    types: *const Hid,
    memory_spaces: *const Hid,
    file_spaces: *const Hid,
    list: Hid,
    buffers: *const *const c_void,
    _: Request,
) -> Herr {
    guard::status(c"H5Dwrite", || {
        for number in 0..count {
            // SAFETY: all lists have as many elements; the buffers are as large as the selections say.
            unsafe {
                let dataset = Handle::from_pointer(*datasets.add(number))?.dataset()?;
                let spaces = (*memory_spaces.add(number), *file_spaces.add(number));
                dataset.write(*types.add(number), spaces, list, (*buffers.add(number)).cast())?;
            }
        }
        Ok(())
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
                    values.identifier = default_list(Variable::DATASET_ACCESS)?.release();
                }
                dataset_get::CREATION_LIST => {
                    let list = dataset.located.node.creation_list()?;
                    values.identifier = decoded_list(list, Variable::DATASET_CREATE)?.release();
                }
                dataset_get::SPACE => values.identifier = dataset.space()?.release(),
                dataset_get::SPACE_STATUS => *values.status = PARTLY_ALLOCATED,
                dataset_get::STORAGE_SIZE => *values.size = dataset.size()?,
                dataset_get::TYPE => values.identifier = dataset.datatype()?.release(),
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
                    let rank = dataset.space()?.dimensions()?.len();
                    dataset.set_dimensions(std::slice::from_raw_parts(size, rank))
                }
                dataset_specific::FLUSH => handle.file()?.settle(),
                dataset_specific::REFRESH => {
                    dataset.refresh();
                    Ok(())
                }
                _ => unknown("this operation on a dataset"),
            }
        }
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Doptional", || unknown("direct access to the chunks of a dataset"))
}
