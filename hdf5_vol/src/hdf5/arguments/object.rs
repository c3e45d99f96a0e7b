//! Arguments of what is asked of any object, and done with it.

use crate::hdf5::types::{Hid, ObjectInformation, ObjectVisitor, TokenBytes};
use std::ffi::{c_char, c_int, c_uint, c_void};

/// `H5VL_object_get_t`.
pub mod object_get {
    use std::ffi::c_int;
    pub const FILE: c_int = 0;
    pub const NAME: c_int = 1;
    pub const TYPE: c_int = 2;
    pub const INFORMATION: c_int = 3;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectGetName {
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectGetInformation {
    pub fields: c_uint,
    pub information: *mut ObjectInformation,
}

#[repr(C)]
pub union ObjectGetUnion {
    pub file: *mut *mut c_void,
    pub name: ObjectGetName,
    pub kind: *mut c_int,
    pub information: ObjectGetInformation,
}

/// `H5VL_object_get_args_t`.
#[repr(C)]
pub struct ObjectGet {
    pub operation: c_int,
    pub arguments: ObjectGetUnion,
}

/// `H5VL_object_specific_t`.
pub mod object_specific {
    use std::ffi::c_int;
    pub const CHANGE_REFERENCE_COUNT: c_int = 0;
    pub const EXISTS: c_int = 1;
    pub const LOOKUP: c_int = 2;
    pub const VISIT: c_int = 3;
    pub const FLUSH: c_int = 4;
    pub const REFRESH: c_int = 5;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct ObjectVisit {
    pub index: c_int,
    pub order: c_int,
    pub fields: c_uint,
    pub visitor: ObjectVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
pub union ObjectSpecificUnion {
    pub delta: c_int,
    pub exists: *mut bool,
    pub token: *mut TokenBytes,
    pub visit: ObjectVisit,
    pub identifier: Hid,
}

/// `H5VL_object_specific_args_t`.
#[repr(C)]
pub struct ObjectSpecific {
    pub operation: c_int,
    pub arguments: ObjectSpecificUnion,
}

impl ObjectSpecific {
    /// Whether it calls no function of the program's.
    ///
    /// # Safety
    /// The arguments are there.
    pub unsafe fn calls_nobody(arguments: *const Self) -> bool {
        // SAFETY: as the caller promises.
        unsafe { (*arguments).operation != object_specific::VISIT }
    }
}
