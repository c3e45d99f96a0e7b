//! What groups, datasets and committed datatypes have in common.

use super::{give_text, link_iteration, unknown};
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::{Handle, Maker, locate};
use crate::hdf5::arguments::{Location, ObjectGet, ObjectSpecific, OptionalArguments, by, object_get, object_specific};
use crate::hdf5::class::{Object, ObjectClass, Request};
use crate::hdf5::{Herr, Hid, ObjectInformation, object_fields};
use crate::node::Node;
use std::ffi::{c_int, c_uint, c_ulong, c_void};

pub const CLASS: ObjectClass = ObjectClass {
    open: Some(open),
    copy: Some(super::copy::copy),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
};

unsafe extern "C" fn open(object: Object, location: *const Location, kind: *mut c_int, _: Hid, _: Request) -> Object {
    guard::object(c"H5Oopen", || {
        // SAFETY: as HDF5 promises.
        let handle = Handle::open(unsafe { locate(Handle::from_pointer(object)?, location)? })?;
        // SAFETY: the number is HDF5's.
        unsafe { *kind = handle.identifier_type() };
        Ok(handle.into_pointer())
    })
}

/// What HDF5 tells of an object.
pub fn information(node: &Node, fields: c_uint) -> Result<ObjectInformation> {
    node.header()?;
    let count = if fields & object_fields::ATTRIBUTE_COUNT != 0 { node.attribute_names()?.len() } else { 0 };
    let changed = if fields & object_fields::TIME != 0 { node.changed()? } else { 0 };
    Ok(ObjectInformation {
        file_number: node.file.number() as c_ulong,
        token: node.token.to_bytes(),
        kind: node.token.kind().object_type(),
        reference_count: node.references()?,
        // Of the four times HDF5's own files have by default this one, too.
        access_time: 0,
        modification_time: 0,
        change_time: changed,
        birth_time: 0,
        attribute_count: count as u64,
    })
}

/// The handle of the file by which an object was opened, another one that HDF5 has, or a new one, which HDF5 then takes.
fn file_handle(handle: &Handle) -> Result<*mut c_void> {
    let file = handle.file()?;
    let known = {
        let openings = file.openings.borrow();
        openings.get(&handle.opening()).or_else(|| openings.values().next()).map(|opening| opening.address)
    };
    if let Some(known) = known {
        return Ok(known as *mut c_void);
    }
    Ok(Handle::of_open_file(file, Maker::Asked)?.into_pointer())
}

unsafe extern "C" fn get(
    object: Object,
    location: *const Location,
    arguments: *mut ObjectGet,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Oget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let values = &mut arguments.arguments;
            match arguments.operation {
                object_get::FILE => *values.file = file_handle(handle)?,
                object_get::NAME => {
                    let path = locate(handle, location)?.some_path()?.unwrap_or_default();
                    let asked = values.name;
                    give_text(&path, asked.buffer, asked.size, asked.length);
                }
                object_get::TYPE => *values.kind = locate(handle, location)?.node.token.kind().object_type(),
                object_get::INFORMATION => {
                    let asked = values.information;
                    *asked.information = information(&locate(handle, location)?.node, asked.fields)?;
                }
                _ => return unknown("this question about an object"),
            }
        }
        Ok(())
    })
}

/// Whether a path leads to an object. A link that leads nowhere is no object, nor is one into a file that cannot be opened.
unsafe fn exists(handle: &Handle, location: *const Location) -> Result<bool> {
    // SAFETY: as HDF5 promises.
    match unsafe { locate(handle, location) } {
        Ok(_) => Ok(true),
        Err(failure) if matches!(failure.minor, Minor::NotFound | Minor::CannotOpenFile) => Ok(false),
        Err(failure) => Err(failure),
    }
}

unsafe extern "C" fn specific(
    object: Object,
    location: *const Location,
    arguments: *mut ObjectSpecific,
    _: Hid,
    _: Request,
) -> Herr {
    guard::number(c"H5Ospecific", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let values = &mut arguments.arguments;
            match arguments.operation {
                object_specific::CHANGE_REFERENCE_COUNT => {
                    let delta = values.delta;
                    let file = handle.file()?;
                    file.together_plainly(|| {
                        let node = locate(handle, location)?.node;
                        file.require_own(&node)?;
                        node.file.require_writable()?;
                        match delta {
                            1 => node.add_reference(),
                            -1 => node.drop_reference(),
                            _ => Err(Failure::new(Minor::BadValue, "a reference count changes by one")),
                        }
                    })?;
                }
                object_specific::EXISTS => *values.exists = exists(handle, location)?,
                object_specific::LOOKUP => {
                    if (*location).kind != by::NAME {
                        return unknown("looking up an object that has no name");
                    }
                    *values.token = locate(handle, location)?.node.token.to_bytes();
                }
                object_specific::VISIT => {
                    let start = locate(handle, location)?;
                    return link_iteration::visit_objects(start, &values.visit);
                }
                object_specific::FLUSH => handle.file()?.flush()?,
                object_specific::REFRESH => match handle {
                    Handle::Dataset(dataset) => dataset.refresh()?,
                    other => other.located()?.node.refresh(),
                },
                _ => return unknown("this operation on an object"),
            }
        }
        Ok(0)
    })
}

unsafe extern "C" fn optional(_: Object, _: *const Location, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Ooptional", || unknown("what only HDF5's own objects have"))
}
