//! Arguments of what is done with maps. HDF5 hands these on as optional operations of the whole connector (`H5VL_map_args_t`).

use super::Location;
use crate::hdf5::types::{Herr, Hid, Hsize};
use std::ffi::{c_char, c_int, c_void};

/// The numbers of the operations (`H5VL_MAP_*`).
pub mod map_operation {
    use std::ffi::c_int;
    pub const CREATE: c_int = 1;
    pub const OPEN: c_int = 2;
    pub const GET_VALUE: c_int = 3;
    pub const EXISTS: c_int = 4;
    pub const PUT: c_int = 5;
    pub const GET: c_int = 6;
    pub const SPECIFIC: c_int = 7;
    pub const CLOSE: c_int = 9;
}

/// `H5VL_map_get_t`.
pub mod map_get {
    use std::ffi::c_int;
    pub const ACCESS_LIST: c_int = 0;
    pub const CREATION_LIST: c_int = 1;
    pub const KEY_TYPE: c_int = 2;
    pub const VALUE_TYPE: c_int = 3;
    pub const COUNT: c_int = 4;
}

/// `H5VL_map_specific_t`.
pub mod map_specific {
    use std::ffi::c_int;
    pub const ITERATE: c_int = 0;
    pub const DELETE: c_int = 1;
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapCreate {
    pub location: Location,
    pub name: *const c_char,
    pub link_list: Hid,
    pub key: Hid,
    pub value: Hid,
    pub list: Hid,
    pub access_list: Hid,
    pub map: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapOpen {
    pub location: Location,
    pub name: *const c_char,
    pub access_list: Hid,
    pub map: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapGetValue {
    pub key_type: Hid,
    pub key: *const c_void,
    pub value_type: Hid,
    pub value: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapExists {
    pub key_type: Hid,
    pub key: *const c_void,
    pub exists: bool,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapPut {
    pub key_type: Hid,
    pub key: *const c_void,
    pub value_type: Hid,
    pub value: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union MapGetUnion {
    pub identifier: Hid,
    pub count: Hsize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapGet {
    pub what: c_int,
    pub arguments: MapGetUnion,
}

/// Called for each key (`H5M_iterate_t`).
pub type MapVisitor = unsafe extern "C" fn(Hid, *const c_void, *mut c_void) -> Herr;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapIterate {
    pub location: Location,
    pub position: Hsize,
    pub key_type: Hid,
    pub visitor: Option<MapVisitor>,
    pub data: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapDelete {
    pub location: Location,
    pub key_type: Hid,
    pub key: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union MapSpecificUnion {
    pub iterate: MapIterate,
    pub delete: MapDelete,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapSpecific {
    pub what: c_int,
    pub arguments: MapSpecificUnion,
}

/// `H5VL_map_args_t`.
#[repr(C)]
pub union MapArguments {
    pub create: MapCreate,
    pub open: MapOpen,
    pub get_value: MapGetValue,
    pub exists: MapExists,
    pub put: MapPut,
    pub get: MapGet,
    pub specific: MapSpecific,
}
