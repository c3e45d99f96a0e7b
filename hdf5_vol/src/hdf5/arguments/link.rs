//! Arguments of what is asked of links, and done with them.

use super::Location;
use crate::hdf5::types::{Hsize, LinkInformation, LinkVisitor};
use std::ffi::{c_char, c_int, c_void};

/// `H5VL_link_create_t`.
pub mod link_create {
    use std::ffi::c_int;
    pub const HARD: c_int = 0;
    pub const SOFT: c_int = 1;
    pub const USER_DEFINED: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct HardLink {
    pub object: *mut c_void,
    pub location: Location,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct UserDefinedLink {
    pub kind: c_int,
    pub buffer: *const c_void,
    pub size: usize,
}

#[repr(C)]
pub union LinkCreateUnion {
    pub hard: HardLink,
    pub soft: *const c_char,
    pub user_defined: UserDefinedLink,
}

/// `H5VL_link_create_args_t`.
#[repr(C)]
pub struct LinkCreate {
    pub operation: c_int,
    pub arguments: LinkCreateUnion,
}

/// `H5VL_link_get_t`.
pub mod link_get {
    use std::ffi::c_int;
    pub const INFORMATION: c_int = 0;
    pub const NAME: c_int = 1;
    pub const VALUE: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkGetName {
    pub size: usize,
    pub buffer: *mut c_char,
    pub length: *mut usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkGetValue {
    pub size: usize,
    pub buffer: *mut c_void,
}

#[repr(C)]
pub union LinkGetUnion {
    pub information: *mut LinkInformation,
    pub name: LinkGetName,
    pub value: LinkGetValue,
}

/// `H5VL_link_get_args_t`.
#[repr(C)]
pub struct LinkGet {
    pub operation: c_int,
    pub arguments: LinkGetUnion,
}

/// `H5VL_link_specific_t`.
pub mod link_specific {
    use std::ffi::c_int;
    pub const DELETE: c_int = 0;
    pub const EXISTS: c_int = 1;
    pub const ITERATE: c_int = 2;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct LinkIterate {
    pub is_recursive: bool,
    pub index: c_int,
    pub order: c_int,
    pub position: *mut Hsize,
    pub visitor: LinkVisitor,
    pub data: *mut c_void,
}

#[repr(C)]
pub union LinkSpecificUnion {
    pub exists: *mut bool,
    pub iterate: LinkIterate,
}

/// `H5VL_link_specific_args_t`.
#[repr(C)]
pub struct LinkSpecific {
    pub operation: c_int,
    pub arguments: LinkSpecificUnion,
}

impl LinkSpecific {
    /// Whether it calls no function of the program's.
    ///
    /// # Safety
    /// The arguments are there.
    pub unsafe fn calls_nobody(arguments: *const Self) -> bool {
        // SAFETY: as the caller promises.
        unsafe { (*arguments).operation != link_specific::ITERATE }
    }
}
