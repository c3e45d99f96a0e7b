//! HDF5 makes identifiers for objects that the connector below gives to a program's function, as while iterating: they get handles here.
//! Also what is asked of the connector itself.

use super::below::{Below, functions};
use super::introspection;
use super::map;
use crate::failure::Failure;
use crate::guard;
use crate::hdf5::arguments::OptionalArguments;
use crate::hdf5::class::{Class, Object, Request, WrapClass};
use crate::hdf5::{Herr, Hid, SUCCEED};
use std::ffi::{c_int, c_void};

pub const CLASS: WrapClass = WrapClass {
    get_object: Some(get_object),
    get_context: Some(get_context),
    wrap: Some(wrap),
    unwrap: Some(unwrap),
    free_context: Some(free_context),
};

/// With what objects of the connector below are wrapped.
struct Context {
    connector: Hid,
    /// That of the connector below; null for HDF5's own.
    below: *mut c_void,
}

unsafe extern "C" fn get_object(object: *const c_void) -> Object {
    // SAFETY: HDF5 gives an object that it holds.
    match unsafe { Below::of(object) } {
        // SAFETY: the same.
        Some(below) => unsafe { (functions().object_inside)(below.object, below.connector) },
        None => object.cast_mut(),
    }
}

/// Objects of ours are not wrapped, which HDF5 knows by a context of null.
unsafe extern "C" fn get_context(object: *const c_void, context: *mut *mut c_void) -> Herr {
    // SAFETY: HDF5 gives an object that it holds, and a place.
    unsafe {
        *context = std::ptr::null_mut();
        let Some(below) = Below::of(object) else { return SUCCEED };
        let mut inner = std::ptr::null_mut();
        let result = (functions().wrap_context)(below.object, below.connector, &raw mut inner);
        if result >= 0 {
            *context = Box::into_raw(Box::new(Context { connector: below.connector, below: inner })).cast();
        }
        result
    }
}

unsafe extern "C" fn wrap(object: Object, kind: c_int, context: *mut c_void) -> Object {
    // SAFETY: HDF5 gives what `get_context` gave.
    let Some(context) = (unsafe { context.cast::<Context>().as_ref() }) else { return object };
    // SAFETY: the object is one of the connector below.
    let object = unsafe { (functions().wrap)(object, kind, context.connector, context.below) };
    Below { object, connector: context.connector }.wrap()
}

unsafe extern "C" fn unwrap(object: Object) -> Object {
    // SAFETY: HDF5 gives an object that it holds, for the last time.
    unsafe {
        let Some(below) = Below::of(object) else { return object };
        let inner = (functions().unwrap)(below.object, below.connector);
        if !inner.is_null() {
            Below::forget(object);
        }
        inner
    }
}

unsafe extern "C" fn free_context(context: *mut c_void) -> Herr {
    if context.is_null() {
        return SUCCEED;
    }
    // SAFETY: HDF5 gives what `get_context` gave, for the last time.
    unsafe {
        let context = Box::from_raw(context.cast::<Context>());
        if context.below.is_null() { SUCCEED } else { (functions().free_context)(context.below, context.connector) }
    }
}

/// `H5VL_GET_CONN_LVL_CURR`: this connector, and not the last one below it.
const LEVEL_THIS: c_int = 0;

pub unsafe extern "C" fn get_class(object: Object, level: c_int, class: *mut *const Class) -> Herr {
    // SAFETY: as HDF5 promises.
    unsafe {
        match Below::of(object) {
            Some(below) if level != LEVEL_THIS => (functions().get_class)(below.object, below.connector, level, class),
            _ => introspection::get_class(object, level, class),
        }
    }
}

pub unsafe extern "C" fn query_optional(object: Object, class: c_int, operation: c_int, flags: *mut u64) -> Herr {
    // SAFETY: as HDF5 promises.
    unsafe {
        match Below::of(object) {
            Some(below) => (functions().query_optional)(below.object, below.connector, class, operation, flags),
            None => introspection::query_optional(object, class, operation, flags),
        }
    }
}

pub unsafe extern "C" fn optional(
    object: Object,
    arguments: *mut OptionalArguments,
    transfer: Hid,
    request: Request,
) -> Herr {
    // SAFETY: as HDF5 promises.
    match unsafe { Below::of(object) } {
        // SAFETY: the same.
        Some(below) => unsafe { (functions().optional)(below.object, below.connector, arguments, transfer, request) },
        None => {
            // SAFETY: the same.
            let asked = unsafe { &*arguments };
            if map::is_one(asked.operation) {
                // SAFETY: the same.
                return unsafe { map::run(object, asked, transfer) };
            }
            guard::status(c"H5VLoptional", || Err(Failure::not_yet("an optional operation")))
        }
    }
}
