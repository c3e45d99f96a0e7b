//! Arguments of what is asked of files, and done with them.

use super::OutIdentifier;
use crate::hdf5::types::Hid;
use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

/// `H5VL_file_get_t`.
pub mod file_get {
    use std::ffi::c_int;
    pub const CONTAINER_INFORMATION: c_int = 0;
    pub const ACCESS_LIST: c_int = 1;
    pub const CREATION_LIST: c_int = 2;
    pub const NUMBER: c_int = 3;
    pub const INTENT: c_int = 4;
    pub const NAME: c_int = 5;
    pub const OBJECT_COUNT: c_int = 6;
    pub const OBJECTS: c_int = 7;
}

/// What HDF5's own files can do besides, of which ours do one thing (`H5VL_NATIVE_FILE_*`).
pub mod file_optional {
    use std::ffi::c_int;
    pub const START_WITH_READERS: c_int = 13;
}

/// `H5VL_file_cont_info_t`.
#[repr(C)]
pub struct ContainerInformation {
    pub version: c_uint,
    pub feature_flags: u64,
    pub token_size: usize,
    pub blob_size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileGetName {
    pub object_type: c_int,
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectCount {
    pub types: c_uint,
    pub count: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectList {
    pub types: c_uint,
    pub count_max: usize,
    pub list: *mut Hid,
    pub count: *mut usize,
}

#[repr(C)]
pub union FileGetUnion {
    pub container: *mut ContainerInformation,
    pub identifier: OutIdentifier,
    pub number: *mut c_ulong,
    pub flags: *mut c_uint,
    pub name: FileGetName,
    pub count: ObjectCount,
    pub objects: ObjectList,
}

/// `H5VL_file_get_args_t`.
#[repr(C)]
pub struct FileGet {
    pub operation: c_int,
    pub arguments: FileGetUnion,
}

/// `H5VL_file_specific_t`.
pub mod file_specific {
    use std::ffi::c_int;
    pub const FLUSH: c_int = 0;
    pub const REOPEN: c_int = 1;
    pub const IS_ACCESSIBLE: c_int = 2;
    pub const DELETE: c_int = 3;
    pub const IS_EQUAL: c_int = 4;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Flush {
    pub object_type: c_int,
    pub scope: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct IsAccessible {
    pub name: *const c_char,
    pub access_list: Hid,
    pub accessible: *mut bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeleteFile {
    pub name: *const c_char,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct IsEqual {
    pub other: *mut c_void,
    pub same: *mut bool,
}

#[repr(C)]
pub union FileSpecificUnion {
    pub flush: Flush,
    pub reopen: *mut *mut c_void,
    pub is_accessible: IsAccessible,
    pub delete: DeleteFile,
    pub is_equal: IsEqual,
}

/// `H5VL_file_specific_args_t`.
#[repr(C)]
pub struct FileSpecific {
    pub operation: c_int,
    pub arguments: FileSpecificUnion,
}
