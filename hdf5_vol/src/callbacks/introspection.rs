//! What the connector says of itself.

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

/// No optional operation is done here.
pub unsafe extern "C" fn query_optional(_: Object, _: c_int, _: c_int, flags: *mut u64) -> Herr {
    guard::status(c"H5VLintrospect_opt_query", || {
        // SAFETY: HDF5 gives a number.
        unsafe { *flags = 0 };
        Ok(())
    })
}
