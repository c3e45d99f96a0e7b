//! Groups.

use super::{create_object, decoded_list, default_list, list_bytes, new_group, object_at, unknown};
use crate::failure::Result;
use crate::guard;
use crate::handle::{Handle, Located, locate, name};
use crate::hdf5::arguments::{GroupGet, GroupSpecific, Location, OptionalArguments, group_get, group_specific};
use crate::hdf5::class::{GroupClass, Object, Request};
use crate::hdf5::{DEFAULT, GroupInformation, Herr, Hid, Identifier, Variable, library, require_list};
use crate::node::Node;
use std::ffi::c_char;

pub const CLASS: GroupClass = GroupClass {
    create: Some(create),
    open: Some(open),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
    close: Some(close),
};

/// `H5G_STORAGE_TYPE_UNKNOWN`: HDF5's own kinds of storage say nothing of ours.
const STORAGE_UNKNOWN: i32 = -1;
/// `H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED`.
const TRACKED_AND_INDEXED: u32 = 3;

unsafe extern "C" fn create(
    object: Object,
    location: *const Location,
    path: *const c_char,
    link_list: Hid,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Gcreate", || {
        let list = || require_list(access).and_then(|()| list_bytes(list, Variable::GROUP_CREATE_DEFAULT));
        let make = |list: &Vec<u8>, base: &Located, path| {
            Ok(Handle::Group(base.found(new_group(&base.node.file, list.clone())?, path)))
        };
        // SAFETY: as HDF5 promises.
        unsafe { create_object(object, location, path, link_list, list, make, |made| Ok(Handle::Group(made))) }
    })
}

unsafe extern "C" fn open(
    object: Object,
    location: *const Location,
    path: *const c_char,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Gopen", || {
        require_list(access)?;
        // SAFETY: as HDF5 promises.
        let group = unsafe { object_at(object, location, path, access)? };
        group.node.require_group()?;
        group.node.header()?;
        Ok(Handle::Group(group).into_pointer())
    })
}

/// The list of a group's creation. That of the root group is part of the file's.
pub fn creation_list(group: &Node) -> Result<Identifier> {
    if group.token != group.file.entry.root {
        return decoded_list(group.creation_list()?, Variable::GROUP_CREATE);
    }
    let (list, tracking) = (default_list(Variable::GROUP_CREATE)?, group.tracking()?);
    // SAFETY: takes no pointer.
    unsafe {
        if tracking.links {
            library().list_set_link_order(list.get(), TRACKED_AND_INDEXED);
        }
        if tracking.attributes {
            library().list_set_attribute_order(list.get(), TRACKED_AND_INDEXED);
        }
    }
    Ok(list)
}

unsafe extern "C" fn get(object: Object, arguments: *mut GroupGet, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Gget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            match arguments.operation {
                group_get::CREATION_LIST => {
                    arguments.arguments.identifier = creation_list(&handle.located()?.node)?.release();
                }
                group_get::INFORMATION => {
                    let asked = arguments.arguments.information;
                    let group = locate(handle, &raw const asked.location)?.node;
                    let names = group.link_names()?;
                    if names.is_empty() {
                        group.restart_order();
                    }
                    *asked.information = GroupInformation {
                        storage: STORAGE_UNKNOWN,
                        link_count: names.len() as u64,
                        creation_order_max: if group.tracking()?.links {
                            i64::try_from(group.order_end()?).unwrap_or(i64::MAX)
                        } else {
                            0
                        },
                        is_mounted: group.is_mounted(),
                    };
                }
                _ => return unknown("this question about a group"),
            }
        }
        Ok(())
    })
}

pub unsafe extern "C" fn specific(object: Object, arguments: *mut GroupSpecific, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Gspecific", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &*arguments);
            match arguments.operation {
                group_specific::MOUNT => {
                    let asked = arguments.arguments.mount;
                    let child = Handle::from_pointer(asked.child)?.file()?;
                    handle.located()?.walk(name(asked.name)?, DEFAULT)?.node.mount(&child)
                }
                group_specific::UNMOUNT => {
                    handle.located()?.walk(name(arguments.arguments.unmount)?, DEFAULT)?.node.unmount()
                }
                group_specific::FLUSH => handle.file()?.flush(),
                group_specific::REFRESH => {
                    handle.located()?.node.refresh();
                    Ok(())
                }
                _ => unknown("this operation on a group"),
            }
        }
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Goptional", || unknown("what only HDF5's own groups have"))
}

/// Closes any object.
pub unsafe extern "C" fn close(object: Object, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Oclose", || {
        // SAFETY: HDF5 gives an object of ours, for the last time unless it is told of an error.
        unsafe { Handle::close(object, |_| Ok(())) }
    })
}
