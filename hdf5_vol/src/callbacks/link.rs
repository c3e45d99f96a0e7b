//! Links.

use super::{Place, give_text, link_iteration, unknown};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{LinkRecord, LinkTarget};
use crate::guard;
use crate::handle::{Handle, Located, by_index, locate, locate_link, name};
use crate::hdf5::arguments::{
    LinkCreate, LinkGet, LinkSpecific, Location, OptionalArguments, by, link_create, link_get, link_specific,
};
use crate::hdf5::class::{LinkClass, Object, Request};
use crate::hdf5::{self, Herr, Hid, LinkInformation, TokenBytes, link_type, require_list};
use crate::node::Node;
use crate::user_links::{self, Change};
use std::ffi::c_int;
use std::rc::Rc;

pub const CLASS: LinkClass = LinkClass {
    create: Some(create),
    copy: Some(copy),
    rename: Some(rename),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
};

/// Where a link is to be made.
///
/// # Safety
/// The location is one that HDF5 gives.
unsafe fn new_place<'a>(file: &File, base: &Located, location: *const Location, list: Hid) -> Result<Place<'a>> {
    // SAFETY: as the caller promises.
    let location = unsafe { &*location };
    if location.kind != by::NAME {
        return Err(Failure::new(Minor::BadValue, "a new link needs a name"));
    }
    // SAFETY: the kind says that it is a name.
    let access = unsafe { location.data.name.access_list };
    require_list(access)?;
    // SAFETY: the same.
    Place::of(file, base, unsafe { name(location.data.name.name)? }, list, access)
}

pub unsafe extern "C" fn create(
    arguments: *mut LinkCreate,
    object: Object,
    location: *const Location,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Lcreate", || {
        // SAFETY: HDF5 gives objects of ours or null, and arguments whose operation says what is in them.
        let (arguments, file) = unsafe {
            let arguments = &*arguments;
            let is_named = arguments.operation == link_create::HARD && object.is_null();
            (arguments, Handle::from_pointer(if is_named { arguments.arguments.hard.object } else { object })?.file()?)
        };
        // SAFETY: the same.
        let create = || unsafe {
            require_list(list)?;
            require_list(access)?;
            let place = |object: Object| new_place(&file, &Handle::from_pointer(object)?.located()?, location, list);
            match arguments.operation {
                link_create::HARD => {
                    let hard = &arguments.arguments.hard;
                    // Either of the two may be left out where both are the same.
                    let from = if hard.object.is_null() { object } else { hard.object };
                    let to = if object.is_null() { hard.object } else { object };
                    let target = locate(Handle::from_pointer(from)?, &raw const hard.location)?.node;
                    let place = place(to)?;
                    if !Rc::ptr_eq(&place.group.file, &target.file) {
                        return Err(Failure::new(Minor::BadValue, "a hard link cannot lead to another file"));
                    }
                    place.group.add_counted_link(place.name, place.character_set, LinkTarget::Hard(target.token))
                }
                link_create::SOFT => {
                    let path = name(arguments.arguments.soft)?.to_vec();
                    let place = place(object)?;
                    place.group.add_link(place.name, place.character_set, LinkTarget::Soft(path))
                }
                link_create::USER_DEFINED => {
                    let link = arguments.arguments.user_defined;
                    let kind = u8::try_from(link.kind)
                        .map_err(|_| Failure::new(Minor::BadValue, "there is no such kind of link"))?;
                    let value = if link.size == 0 {
                        Vec::new()
                    } else {
                        std::slice::from_raw_parts(link.buffer.cast::<u8>(), link.size).to_vec()
                    };
                    let place = place(object)?;
                    let made = user_links::Link { kind, name: place.name, value: &value };
                    made.require_class()?;
                    let target = LinkTarget::UserDefined { kind, value: value.clone() };
                    place.group.add_link(place.name, place.character_set, target)?;
                    let told = made.tell(&place.group, Change::Create(list));
                    // Refused, it is not there.
                    if told.is_err() { place.group.take_link(place.name).and(told) } else { told }
                }
                _ => unknown("this kind of link"),
            }
        };
        file.together_plainly(create)
    })
}

/// Runs what changes links of the file that one of two objects is in; either may be left out.
///
/// # Safety
/// Each is null or one that HDF5 holds.
unsafe fn in_file_of(one: Object, other: Object, change: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    // SAFETY: as the caller promises.
    let handle = unsafe { Handle::from_pointer(if one.is_null() { other } else { one })? };
    let file = handle.file()?;
    file.together_plainly(|| change(&file))
}

/// Gives what a link leads to another name; gives the group of the link, and its name.
///
/// # Safety
/// Objects and locations are those that HDF5 gives.
unsafe fn link_again(
    file: &File,
    from: (Object, *const Location),
    to: (Object, *const Location),
    list: Hid,
    change: Change,
) -> Result<(Rc<Node>, Vec<u8>)> {
    // Either object may be left out where both are the same.
    let (from_object, to_object) =
        (if from.0.is_null() { to.0 } else { from.0 }, if to.0.is_null() { from.0 } else { to.0 });
    // SAFETY: as the caller promises.
    let (Located { node: group, .. }, name) = unsafe { locate_link(Handle::from_pointer(from_object)?, from.1)? };
    if matches!(change, Change::Rename) {
        // Before the new name is there: the old one must go.
        group.file.require_writable()?;
        file.require_own(&group)?;
        group.file.require_same(file)?;
    }
    // SAFETY: the same.
    let place = unsafe { new_place(file, &Handle::from_pointer(to_object)?.located()?, to.1, list)? };
    let Some(link) = group.link(&name)? else {
        let sentence = format!("there is no link {}", String::from_utf8_lossy(&name));
        return Err(Failure::new(Minor::NotFound, sentence));
    };
    // What others say means something in any file.
    if matches!(link.target, LinkTarget::Hard(_)) && !Rc::ptr_eq(&group.file, &place.group.file) {
        return Err(Failure::new(Minor::BadValue, "a hard link cannot go to another file"));
    }
    place.group.add_counted_link(place.name, link.character_set, link.target.clone())?;
    if let LinkTarget::UserDefined { kind, value } = &link.target {
        let told = user_links::Link { kind: *kind, name: place.name, value }.tell(&place.group, change);
        if told.is_err() {
            place.group.take_link(place.name)?;
        }
        told?;
    }
    Ok((group, name))
}

pub unsafe extern "C" fn copy(
    from: Object,
    from_location: *const Location,
    to: Object,
    to_location: *const Location,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Lcopy", || {
        let again = |file: &File| {
            require_list(access)?;
            // SAFETY: as HDF5 promises.
            unsafe { link_again(file, (from, from_location), (to, to_location), list, Change::Copy).map(drop) }
        };
        // SAFETY: the same.
        unsafe { in_file_of(to, from, again) }
    })
}

pub unsafe extern "C" fn rename(
    from: Object,
    from_location: *const Location,
    to: Object,
    to_location: *const Location,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Lmove", || {
        let rename = |file: &File| {
            require_list(access)?;
            // The new name first: what fails between the two leaves the object with one name too many, and not without one.
            // SAFETY: as HDF5 promises.
            let (group, name) =
                unsafe { link_again(file, (from, from_location), (to, to_location), list, Change::Rename)? };
            group.remove_link(&name)
        };
        // SAFETY: the same.
        unsafe { in_file_of(to, from, rename) }
    })
}

/// What HDF5 tells of a link with a name.
pub fn information(link: &LinkRecord, name: &[u8]) -> Result<LinkInformation> {
    let mut target = hdf5::LinkTarget { token: TokenBytes([0; 16]) };
    let kind = match &link.target {
        LinkTarget::Hard(token) => {
            target.token = token.to_bytes();
            link_type::HARD
        }
        LinkTarget::Soft(path) => {
            target.value_size = path.len() + 1;
            link_type::SOFT
        }
        LinkTarget::UserDefined { kind, value } => {
            target.value_size = user_links::Link { kind: *kind, name, value }.query(0)?.1;
            c_int::from(*kind)
        }
    };
    Ok(LinkInformation {
        kind,
        has_creation_order: link.creation_order.is_some(),
        creation_order: i64::try_from(link.creation_order.unwrap_or_default()).unwrap_or(i64::MAX),
        character_set: c_int::from(link.character_set),
        target,
    })
}

unsafe extern "C" fn get(
    object: Object,
    location: *const Location,
    arguments: *mut LinkGet,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Lget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let (group, name) = locate_link(handle, location)?;
            let values = &mut arguments.arguments;
            if arguments.operation == link_get::NAME {
                let asked = values.name;
                give_text(&name, asked.buffer, asked.size, asked.length);
                return Ok(());
            }
            let Some(link) = group.node.link(&name)? else {
                let sentence = format!("there is no link {}", String::from_utf8_lossy(&name));
                return Err(Failure::new(Minor::NotFound, sentence));
            };
            match arguments.operation {
                link_get::INFORMATION => *values.information = information(&link, &name)?,
                link_get::VALUE => {
                    let asked = values.value;
                    match &link.target {
                        LinkTarget::Hard(_) => {
                            return Err(Failure::new(Minor::BadType, "a hard link has no value"));
                        }
                        LinkTarget::Soft(path) => {
                            give_text(path, asked.buffer.cast(), asked.size, std::ptr::null_mut());
                        }
                        LinkTarget::UserDefined { kind, value } => {
                            let link = user_links::Link { kind: *kind, name: &name, value };
                            let (told, _) = link.query(asked.size)?;
                            let count = told.len().min(asked.size);
                            std::ptr::copy_nonoverlapping(told.as_ptr(), asked.buffer.cast(), count);
                        }
                    }
                }
                _ => return unknown("this question about a link"),
            }
        }
        Ok(())
    })
}

/// Whether a link is there; its last group must be.
unsafe fn exists(handle: &Handle, location: *const Location) -> Result<bool> {
    // SAFETY: HDF5 gives a location.
    let wanted = unsafe { &*location };
    if wanted.kind == by::NAME {
        // SAFETY: the kind says that it is a name.
        let path = unsafe { name(wanted.data.name.name)? };
        // SAFETY: the same.
        require_list(unsafe { wanted.data.name.access_list })?;
        // The group itself is always there.
        if path.iter().all(|byte| *byte == b'/') || path == b"." {
            return Ok(true);
        }
    }
    // SAFETY: as HDF5 promises.
    let (group, name) = unsafe { locate_link(handle, location)? };
    Ok(group.node.link(&name)?.is_some())
}

unsafe extern "C" fn specific(
    object: Object,
    location: *const Location,
    arguments: *mut LinkSpecific,
    _: Hid,
    _: Request,
) -> Herr {
    guard::number(c"H5Lspecific", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            match arguments.operation {
                link_specific::DELETE => {
                    let file = handle.file()?;
                    file.together_plainly(|| {
                        let wanted = &*location;
                        let (group, name) = if wanted.kind == by::INDEX {
                            by_index(&handle.located()?, wanted)?
                        } else {
                            locate_link(handle, location)?
                        };
                        file.require_own(&group.node)?;
                        group.node.remove_link(&name)
                    })?;
                    Ok(0)
                }
                link_specific::EXISTS => {
                    *arguments.arguments.exists = exists(handle, location)?;
                    Ok(0)
                }
                link_specific::ITERATE => {
                    let group = locate(handle, location)?;
                    link_iteration::run(&group, &arguments.arguments.iterate)
                }
                _ => unknown("this operation on a link"),
            }
        }
    })
}

unsafe extern "C" fn optional(_: Object, _: *const Location, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Loptional", || unknown("what only HDF5's own links have"))
}
