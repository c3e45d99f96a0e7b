//! What HDF5 means by a location: the object, or the link.

use super::{Handle, Located};
use crate::detour;
use crate::failure::{Failure, Minor, Result};
use crate::format::Token;
use crate::hdf5::arguments::{Location, by};
use crate::hdf5::{Hid, index_type, order, require_list};
use crate::walk::Walk;
use std::ffi::{CStr, c_char};

/// A name that HDF5 gives.
///
/// # Safety
/// The pointer is null or leads to text that ends with zero.
pub unsafe fn name<'a>(name: *const c_char) -> Result<&'a [u8]> {
    if name.is_null() {
        return Err(Failure::new(Minor::BadValue, "there is no name"));
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { CStr::from_ptr(name) }.to_bytes())
}

/// The path of a location by name, and the list of access.
///
/// # Safety
/// The location is by name.
unsafe fn path_of<'a>(location: &Location) -> Result<(&'a [u8], Hid)> {
    // SAFETY: as the caller promises; HDF5 gives a name that ends with zero.
    unsafe {
        require_list(location.data.name.access_list)?;
        Ok((name(location.data.name.name)?, location.data.name.access_list))
    }
}

/// The object that HDF5 means.
///
/// # Safety
/// The location is one that HDF5 gives: what its kind says is there.
pub unsafe fn locate(handle: &Handle, location: *const Location) -> Result<Located> {
    let base = handle.located()?;
    // SAFETY: as the caller promises.
    let Some(location) = (unsafe { location.as_ref() }) else { return Ok(base) };
    match location.kind {
        by::SELF => Ok(base),
        by::NAME => {
            // SAFETY: the kind says that it is a name.
            let (path, access) = unsafe { path_of(location)? };
            base.walk(path, access)
        }
        by::INDEX => {
            // SAFETY: the kind says that it is an index.
            let ((group, name), access) = unsafe { (by_index(&base, location)?, location.data.index.access_list) };
            let node = Walk::new(access).step(&group.node, &name)?;
            let path = if node.file.is_seen_from(&group.node.file) { group.join(&name) } else { None };
            Ok(group.found(node, path))
        }
        by::TOKEN => {
            // SAFETY: the kind says that it is a token.
            let token = unsafe { location.data.token.as_ref() };
            let token = token.ok_or_else(|| Failure::new(Minor::BadValue, "there is no token"))?;
            let token = Token::from_bytes(token)?;
            let path = (token == base.node.file.entry.root).then(|| b"/".to_vec());
            Ok(base.found(base.node.file.node(token)?, path))
        }
        _ => Err(Failure::new(Minor::BadValue, "an object is named in a way that is not known")),
    }
}

/// The group and the name of the link that an index means.
///
/// # Safety
/// The location is by index.
pub unsafe fn by_index(base: &Located, location: &Location) -> Result<(Located, Vec<u8>)> {
    // SAFETY: as the caller promises.
    let wanted = unsafe { location.data.index };
    require_list(wanted.access_list)?;
    // SAFETY: the name ends with zero.
    let group = base.walk(unsafe { name(wanted.name)? }, wanted.access_list).inspect_err(detour::numbers_links)?;
    let by_creation = wanted.index == index_type::CREATION_ORDER;
    let name = group.node.nth_link_name(by_creation, wanted.order == order::DECREASING, wanted.number)?;
    Ok((group, name))
}

/// The group that a link is or will be in, and its name.
///
/// # Safety
/// The location is one that HDF5 gives.
pub unsafe fn locate_link(handle: &Handle, location: *const Location) -> Result<(Located, Vec<u8>)> {
    let base = handle.located()?;
    // SAFETY: as the caller promises.
    let location = unsafe { location.as_ref() }.ok_or_else(|| Failure::new(Minor::BadValue, "there is no link"))?;
    match location.kind {
        by::NAME => {
            // SAFETY: the kind says that it is a name.
            let (path, access) = unsafe { path_of(location)? };
            let (node, name) = Walk::new(access).parent(&base.node, path, None)?;
            Ok((base.found(node, None), name.to_vec()))
        }
        // SAFETY: the kind says that it is an index.
        by::INDEX => unsafe { by_index(&base, location) },
        _ => Err(Failure::new(Minor::BadValue, "a link is named in a way that is not known")),
    }
}
