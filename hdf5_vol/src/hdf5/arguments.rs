//! The arguments of the callbacks: each is a number that says what is asked, and a union of what goes with it.

mod attribute;
mod dataset;
mod file;
mod link;
mod map;
mod object;

pub use attribute::*;
pub use dataset::*;
pub use file::*;
pub use link::*;
pub use map::*;
pub use object::*;

use super::types::{GroupInformation, Hid, Hsize, TokenBytes};
use std::ffi::{c_char, c_int, c_void};

/// How a location is given (`H5VL_loc_type_t`).
pub mod by {
    use std::ffi::c_int;
    pub const SELF: c_int = 0;
    pub const NAME: c_int = 1;
    pub const INDEX: c_int = 2;
    pub const TOKEN: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByName {
    pub name: *const c_char,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ByIndex {
    pub name: *const c_char,
    pub index: c_int,
    pub order: c_int,
    pub number: Hsize,
    pub access_list: Hid,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union LocationData {
    pub token: *const TokenBytes,
    pub name: ByName,
    pub index: ByIndex,
}

/// Which object is meant, seen from another one (`H5VL_loc_params_t`).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Location {
    pub object_type: c_int,
    pub kind: c_int,
    pub data: LocationData,
}

/// `H5VL_optional_args_t`.
#[repr(C)]
pub struct OptionalArguments {
    pub operation: c_int,
    pub arguments: *mut c_void,
}

/// A place for one identifier that is asked for.
pub type OutIdentifier = Hid;

/// `H5VL_datatype_get_t`.
pub mod datatype_get {
    use std::ffi::c_int;
    pub const BINARY_SIZE: c_int = 0;
    pub const BINARY: c_int = 1;
    pub const CREATION_LIST: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Binary {
    pub buffer: *mut c_void,
    pub size: usize,
}

#[repr(C)]
pub union DatatypeGetUnion {
    pub size: *mut usize,
    pub binary: Binary,
    pub identifier: OutIdentifier,
}

/// `H5VL_datatype_get_args_t`.
#[repr(C)]
pub struct DatatypeGet {
    pub operation: c_int,
    pub arguments: DatatypeGetUnion,
}

/// `H5VL_datatype_specific_args_t`: flush (0) or refresh (1) of an identifier.
#[repr(C)]
pub struct DatatypeSpecific {
    pub operation: c_int,
    pub identifier: Hid,
}

/// `H5VL_group_get_t`.
pub mod group_get {
    use std::ffi::c_int;
    pub const CREATION_LIST: c_int = 0;
    pub const INFORMATION: c_int = 1;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct GroupGetInformation {
    pub location: Location,
    pub information: *mut GroupInformation,
}

#[repr(C)]
pub union GroupGetUnion {
    pub identifier: OutIdentifier,
    pub information: GroupGetInformation,
}

/// `H5VL_group_get_args_t`.
#[repr(C)]
pub struct GroupGet {
    pub operation: c_int,
    pub arguments: GroupGetUnion,
}

/// `H5VL_group_specific_t`.
pub mod group_specific {
    use std::ffi::c_int;
    pub const MOUNT: c_int = 0;
    pub const UNMOUNT: c_int = 1;
    pub const FLUSH: c_int = 2;
    pub const REFRESH: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mount {
    pub name: *const c_char,
    pub child: *mut c_void,
    pub list: Hid,
}

#[repr(C)]
pub union GroupSpecificUnion {
    pub mount: Mount,
    pub unmount: *const c_char,
    pub identifier: Hid,
}

/// `H5VL_group_specific_args_t`.
#[repr(C)]
pub struct GroupSpecific {
    pub operation: c_int,
    pub arguments: GroupSpecificUnion,
}

/// `H5VL_request_specific_t`.
pub mod request_specific {
    use std::ffi::c_int;
    pub const ERROR_STACK: c_int = 0;
    pub const TIMES: c_int = 1;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RequestTimes {
    pub begin: *mut u64,
    pub duration: *mut u64,
}

#[repr(C)]
pub union RequestSpecificUnion {
    pub stack: Hid,
    pub times: RequestTimes,
}

/// `H5VL_request_specific_args_t`.
#[repr(C)]
pub struct RequestSpecific {
    pub operation: c_int,
    pub arguments: RequestSpecificUnion,
}

/// `H5VL_blob_specific_t`.
pub mod blob_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const IS_NULL: c_int = 1;
    pub const SET_NULL: c_int = 2;
}

/// `H5VL_blob_specific_args_t`.
#[repr(C)]
pub struct BlobSpecific {
    pub operation: c_int,
    pub is_null: *mut bool,
}
