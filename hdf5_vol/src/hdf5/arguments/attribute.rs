//! Arguments of what is asked of attributes, and done with them.

use super::{Location, OutIdentifier};
use crate::hdf5::types::{AttributeInformation, AttributeVisitor, Hsize};
use std::ffi::{c_char, c_int, c_void};

/// `H5VL_attr_get_t`.
pub mod attribute_get {
    use std::ffi::c_int;
    pub const CREATION_LIST: c_int = 0;
    pub const INFORMATION: c_int = 1;
    pub const NAME: c_int = 2;
    pub const SPACE: c_int = 3;
    pub const STORAGE_SIZE: c_int = 4;
    pub const TYPE: c_int = 5;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeGetName {
    pub location: Location,
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeGetInformation {
    pub location: Location,
    pub name: *const c_char,
    pub information: *mut AttributeInformation,
}

#[repr(C)]
pub union AttributeGetUnion {
    pub identifier: OutIdentifier,
    pub information: AttributeGetInformation,
    pub name: AttributeGetName,
    pub size: *mut Hsize,
}

/// `H5VL_attr_get_args_t`.
#[repr(C)]
pub struct AttributeGet {
    pub operation: c_int,
    pub arguments: AttributeGetUnion,
}

/// `H5VL_attr_specific_t`.
pub mod attribute_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const DELETE_BY_INDEX: c_int = 1;
    pub const EXISTS: c_int = 2;
    pub const ITERATE: c_int = 3;
    pub const RENAME: c_int = 4;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttributeIterate {
    pub index: c_int,
    pub order: c_int,
    pub position: *mut Hsize,
    pub visitor: AttributeVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeleteByIndex {
    pub index: c_int,
    pub order: c_int,
    pub number: Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Exists {
    pub name: *const c_char,
    pub exists: *mut bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Rename {
    pub old: *const c_char,
    pub new: *const c_char,
}

#[repr(C)]
pub union AttributeSpecificUnion {
    pub name: *const c_char,
    pub by_index: DeleteByIndex,
    pub exists: Exists,
    pub iterate: AttributeIterate,
    pub rename: Rename,
}

/// `H5VL_attr_specific_args_t`.
#[repr(C)]
pub struct AttributeSpecific {
    pub operation: c_int,
    pub arguments: AttributeSpecificUnion,
}

impl AttributeSpecific {
    /// Whether it calls no function of the program's.
    ///
    /// # Safety
    /// The arguments are there.
    pub unsafe fn calls_nobody(arguments: *const Self) -> bool {
        // SAFETY: as the caller promises.
        unsafe { (*arguments).operation != attribute_specific::ITERATE }
    }
}
