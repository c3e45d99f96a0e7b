//! Chunks as they are stored: what HDF5 counts as optional, and programs use.

use super::unknown;
use crate::chunks::ChunkInformation;
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::Handle;
use crate::hdf5::arguments::{ChunkRead, DatasetOptional, OptionalArguments, dataset_optional};
use crate::hdf5::class::{Object, Request};
use crate::hdf5::{Herr, Hid, Hsize, SUCCEED, library};
use std::ffi::c_uint;

/// `HADDR_UNDEF`: the chunk is not stored.
const NOWHERE: u64 = u64::MAX;

pub unsafe extern "C" fn optional(object: Object, arguments: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::number(c"H5Doptional", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let dataset = Handle::from_pointer(object)?.dataset()?;
            let operation = (*arguments).operation;
            let values = (*arguments).arguments.cast::<DatasetOptional>().as_mut();
            let values = values.ok_or_else(|| Failure::new(Minor::BadValue, "there are no arguments"))?;
            run(dataset, operation, values)
        }
    })
}

/// Two of the arguments lie in memory in another way since HDF5 2.
fn is_version_2() -> bool {
    let (mut major, mut minor, mut release) = (0, 0, 0);
    // SAFETY: the numbers are ours.
    unsafe { library().version(&raw mut major, &raw mut minor, &raw mut release) };
    major >= 2
}

/// The place of an element.
///
/// # Safety
/// The offset has as many places as the dataset has dimensions, for as long as it is looked at.
unsafe fn place<'a>(dataset: &Dataset, offset: *const Hsize) -> Result<&'a [Hsize]> {
    if offset.is_null() {
        return Err(Failure::new(Minor::BadValue, "there is no offset"));
    }
    let rank = dataset.space()?.dimensions()?.len();
    // SAFETY: as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(offset, rank) })
}

/// The dkey of the chunk that begins at an element.
///
/// # Safety
/// The offset has as many places as the dataset has dimensions.
unsafe fn at(dataset: &Dataset, offset: *const Hsize) -> Result<Vec<u8>> {
    // SAFETY: as the caller promises.
    dataset.chunk_at(unsafe { place(dataset, offset)? })
}

/// The dkey of the chunk that an element is in; none when it is out of the dataset, which is no error to those who ask about chunks.
///
/// # Safety
/// The same.
unsafe fn around(dataset: &Dataset, offset: *const Hsize) -> Result<Option<Vec<u8>>> {
    // SAFETY: as the caller promises.
    dataset.chunk_around(unsafe { place(dataset, offset)? })
}

/// Writes what is known of a chunk to where it is wanted; null is where it is not.
///
/// # Safety
/// The places are null or there.
unsafe fn tell(found: Option<&ChunkInformation>, mask: *mut c_uint, address: *mut u64, size: *mut Hsize) {
    let put = |place: *mut u64, value: u64| {
        if !place.is_null() {
            // SAFETY: as the caller promises.
            unsafe { *place = value };
        }
    };
    if !mask.is_null() {
        // SAFETY: the same.
        unsafe { *mask = found.map_or(0, |found| found.mask) };
    }
    put(address, found.map_or(NOWHERE, |found| found.address));
    put(size, found.map_or(0, |found| found.size));
}

/// # Safety
/// The values are those of the operation.
unsafe fn run(dataset: &Dataset, operation: i32, values: &mut DatasetOptional) -> Result<Herr> {
    // SAFETY: as the caller promises.
    unsafe {
        match operation {
            dataset_optional::CHUNK_SIZE => {
                let asked = values.size;
                let dkey = around(dataset, asked.offset)?;
                let dkey = dkey.ok_or_else(|| Failure::new(Minor::BadValue, "a chunk is out of the dataset"))?;
                *asked.size = dataset.stored_size(&dkey)?;
            }
            dataset_optional::CHUNK_COUNT => *values.count.count = dataset.stored_chunks()?.len() as u64,
            dataset_optional::CHUNK_BY_INDEX => {
                let asked = values.by_index;
                let chunks = dataset.stored_chunks()?;
                let dkey = usize::try_from(asked.index).ok().and_then(|index| chunks.get(index));
                let dkey = dkey.ok_or_else(|| Failure::new(Minor::BadValue, "the dataset has not so many chunks"))?;
                let found = dataset.chunk_information(dkey)?;
                if let Some(found) = found.as_ref().filter(|_| !asked.offset.is_null()) {
                    std::ptr::copy_nonoverlapping(found.offset.as_ptr(), asked.offset, found.offset.len());
                }
                tell(found.as_ref(), asked.mask, asked.address, asked.size);
            }
            dataset_optional::CHUNK_BY_COORDINATES => {
                let asked = values.by_coordinates;
                let dkey = around(dataset, asked.offset)?;
                let found = dkey.map_or(Ok(None), |dkey| dataset.chunk_information(&dkey))?;
                tell(found.as_ref(), asked.mask, asked.address, asked.size);
            }
            dataset_optional::CHUNK_READ => read(dataset, &mut values.read)?,
            dataset_optional::CHUNK_WRITE => {
                let (offset, mask) = (values.write.offset, values.write.mask);
                let (size, buffer) = if is_version_2() {
                    (values.write_wide.size, values.write_wide.buffer)
                } else {
                    (values.write.size as usize, values.write.buffer)
                };
                let dkey = at(dataset, offset)?;
                let bytes = if size == 0 { &[] } else { std::slice::from_raw_parts(buffer.cast::<u8>(), size) };
                dataset.write_chunk(&dkey, mask, bytes)?;
                dataset.located.node.file.write_through()?;
            }
            dataset_optional::CHUNK_ITERATE => {
                let asked = values.iterate;
                for dkey in dataset.stored_chunks()? {
                    let Some(found) = dataset.chunk_information(&dkey)? else { continue };
                    let (offset, data) = (found.offset.as_ptr(), asked.data);
                    let result = (asked.visitor)(offset, found.mask, found.address, found.size, data);
                    if result != 0 {
                        return Ok(result);
                    }
                }
            }
            _ => return unknown("this operation on a dataset"),
        }
    }
    Ok(SUCCEED)
}

/// # Safety
/// The buffer has room for the chunk, or for as many bytes as HDF5 2 says.
unsafe fn read(dataset: &Dataset, asked: &mut ChunkRead) -> Result<()> {
    // SAFETY: the offset is as HDF5 promises.
    let dkey = unsafe { at(dataset, asked.offset)? };
    let (mask, bytes) = dataset.read_chunk(&dkey)?;
    asked.mask = mask;
    let mut room = bytes.len();
    if is_version_2() && !asked.size.is_null() {
        // SAFETY: HDF5 2 has this place, and it is not null.
        unsafe {
            room = *asked.size;
            *asked.size = bytes.len();
        }
    }
    if !asked.buffer.is_null() {
        // SAFETY: the buffer has as much room.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), asked.buffer.cast(), bytes.len().min(room)) };
    }
    Ok(())
}
