//! What the connector says of itself.

use super::map;
use crate::failure::{Failure, Minor};
use crate::guard;
use crate::hdf5::Herr;
use crate::hdf5::class::{Class, IntrospectionClass, Object};
use crate::plugin;
use std::ffi::{c_int, c_void};

pub const CLASS: IntrospectionClass = IntrospectionClass {
    get_class: Some(super::wrap::get_class),
    get_capabilities: Some(get_capabilities),
    query_optional: Some(super::wrap::query_optional),
};

pub unsafe extern "C" fn get_class(_: Object, _: c_int, class: *mut *const Class) -> Herr {
    guard::status(c"H5VLintrospect_get_conn_cls", || {
        if class.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no place for the table"));
        }
        // SAFETY: not null, HDF5's.
        unsafe { *class = plugin::class() };
        Ok(())
    })
}

unsafe extern "C" fn get_capabilities(_: *const c_void, flags: *mut u64) -> Herr {
    guard::status(c"H5VLintrospect_get_cap_flags", || {
        // SAFETY: HDF5 gives a number.
        unsafe { *flags = plugin::CAPABILITIES };
        Ok(())
    })
}

/// `H5VL_SUBCLS_NONE`: operations of the whole connector.
const WHOLE: c_int = 0;
/// `H5VL_OPT_QUERY_SUPPORTED`.
const IS_DONE: u64 = 1;

/// Of optional operations those of maps are done here.
pub unsafe extern "C" fn query_optional(_: Object, class: c_int, operation: c_int, flags: *mut u64) -> Herr {
    guard::status(c"H5VLintrospect_opt_query", || {
        // SAFETY: HDF5 gives a number.
        unsafe { *flags = if class == WHOLE && map::is_one(operation) { IS_DONE } else { 0 } };
        Ok(())
    })
}
