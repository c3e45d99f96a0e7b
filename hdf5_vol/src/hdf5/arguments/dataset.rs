//! Arguments of what is asked of datasets, and done with them.

use super::OutIdentifier;
use crate::hdf5::types::{Hid, Hsize};
use std::ffi::{c_int, c_uint, c_void};

/// `H5VL_dataset_get_t`.
pub mod dataset_get {
    use std::ffi::c_int;
    pub const ACCESS_LIST: c_int = 0;
    pub const CREATION_LIST: c_int = 1;
    pub const SPACE: c_int = 2;
    pub const SPACE_STATUS: c_int = 3;
    pub const STORAGE_SIZE: c_int = 4;
    pub const TYPE: c_int = 5;
}

#[repr(C)]
pub union DatasetGetUnion {
    pub identifier: OutIdentifier,
    pub status: *mut c_int,
    pub size: *mut Hsize,
}

/// `H5VL_dataset_get_args_t`.
#[repr(C)]
pub struct DatasetGet {
    pub operation: c_int,
    pub arguments: DatasetGetUnion,
}

/// What HDF5's own datasets can do besides, and ours too (`H5VL_NATIVE_DATASET_*`).
pub mod dataset_optional {
    use std::ffi::c_int;
    pub const CHUNK_SIZE: c_int = 2;
    pub const CHUNK_COUNT: c_int = 3;
    pub const CHUNK_BY_INDEX: c_int = 4;
    pub const CHUNK_BY_COORDINATES: c_int = 5;
    pub const CHUNK_READ: c_int = 6;
    pub const CHUNK_WRITE: c_int = 7;
    pub const CHUNK_ITERATE: c_int = 10;
}

/// Called for each chunk (`H5D_chunk_iter_op_t`).
pub type ChunkVisitor = unsafe extern "C" fn(*const Hsize, c_uint, u64, Hsize, *mut c_void) -> c_int;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkRead {
    pub offset: *const Hsize,
    pub mask: u32,
    pub buffer: *mut c_void,
    /// How many bytes the buffer has, and the chunk. Only HDF5 2 has it.
    pub size: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkWrite {
    pub offset: *const Hsize,
    pub mask: u32,
    pub size: u32,
    pub buffer: *const c_void,
}

/// The same since HDF5 2.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkWriteWide {
    pub offset: *const Hsize,
    pub mask: u32,
    pub size: usize,
    pub buffer: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkSize {
    pub offset: *const Hsize,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkCount {
    pub space: Hid,
    pub count: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkByIndex {
    pub space: Hid,
    pub index: Hsize,
    pub offset: *mut Hsize,
    pub mask: *mut c_uint,
    pub address: *mut u64,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkByCoordinates {
    pub offset: *const Hsize,
    pub mask: *mut c_uint,
    pub address: *mut u64,
    pub size: *mut Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChunkIterate {
    pub visitor: ChunkVisitor,
    pub data: *mut c_void,
}

/// `H5VL_native_dataset_optional_args_t`, as far as it concerns us.
#[repr(C)]
pub union DatasetOptional {
    pub size: ChunkSize,
    pub count: ChunkCount,
    pub by_index: ChunkByIndex,
    pub by_coordinates: ChunkByCoordinates,
    pub read: ChunkRead,
    pub write: ChunkWrite,
    pub write_wide: ChunkWriteWide,
    pub iterate: ChunkIterate,
}

/// `H5VL_dataset_specific_t`.
pub mod dataset_specific {
    use std::ffi::c_int;
    pub const SET_EXTENT: c_int = 0;
    pub const FLUSH: c_int = 1;
    pub const REFRESH: c_int = 2;
}

#[repr(C)]
pub union DatasetSpecificUnion {
    pub size: *const Hsize,
    pub identifier: Hid,
}

/// `H5VL_dataset_specific_args_t`.
#[repr(C)]
pub struct DatasetSpecific {
    pub operation: c_int,
    pub arguments: DatasetSpecificUnion,
}
