//! Committed datatypes.

use super::{create_object, decoded_list, list_bytes, object_at, unknown};
use crate::failure::{Failure, Minor, Result};
use crate::format::{Header, Kind};
use crate::guard;
use crate::handle::{Handle, Located};
use crate::hdf5::arguments::{DatatypeGet, DatatypeSpecific, Location, OptionalArguments, datatype_get};
use crate::hdf5::class::{DatatypeClass, Object, Request};
use crate::hdf5::{Herr, Hid, Type, Variable, require_list};
use std::ffi::c_char;

pub const CLASS: DatatypeClass = DatatypeClass {
    commit: Some(commit),
    open: Some(open),
    get: Some(get),
    specific: Some(specific),
    optional: Some(optional),
    close: Some(super::group::close),
};

unsafe extern "C" fn commit(
    object: Object,
    location: *const Location,
    path: *const c_char,
    datatype: Hid,
    link_list: Hid,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Tcommit", || {
        let header = || {
            require_list(access)?;
            let list = list_bytes(list, Variable::DATATYPE_CREATE_DEFAULT)?;
            Ok(Header::Datatype { list, datatype: Type::encode_id(datatype)? })
        };
        let make = |header: &Header, base: &Located, path| {
            base.node.file.require_writable()?;
            let node = base.node.file.node(base.node.file.new_token(Kind::Datatype)?)?;
            node.create_header(header)?;
            Ok(Handle::Datatype(base.found(node, path)))
        };
        // SAFETY: as HDF5 promises.
        unsafe { create_object(object, location, path, link_list, header, make, |made| Ok(Handle::Datatype(made))) }
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
    guard::object(c"H5Topen", || {
        require_list(access)?;
        // SAFETY: as HDF5 promises.
        let located = unsafe { object_at(object, location, path, access)? };
        bytes(&located)?;
        Ok(Handle::Datatype(located).into_pointer())
    })
}

fn bytes(located: &Located) -> Result<&[u8]> {
    match located.node.header()? {
        Header::Datatype { datatype, .. } => Ok(datatype),
        _ => Err(Failure::new(Minor::BadType, "it is no committed datatype")),
    }
}

unsafe extern "C" fn get(object: Object, arguments: *mut DatatypeGet, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Tget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let located = handle.located()?;
            let values = &mut arguments.arguments;
            match arguments.operation {
                datatype_get::BINARY_SIZE => *values.size = bytes(&located)?.len(),
                datatype_get::BINARY => {
                    let asked = values.binary;
                    let bytes = bytes(&located)?;
                    if asked.size < bytes.len() {
                        return Err(Failure::new(Minor::BadValue, "there is too little room for a datatype"));
                    }
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), asked.buffer.cast(), bytes.len());
                }
                datatype_get::CREATION_LIST => {
                    let list = located.node.creation_list()?;
                    values.identifier = decoded_list(list, Variable::DATATYPE_CREATE)?.release();
                }
                _ => return unknown("this question about a datatype"),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn specific(object: Object, _: *mut DatatypeSpecific, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Tspecific", || {
        // SAFETY: HDF5 gives an object of ours. A committed datatype never changes, so only a flush does something.
        unsafe { Handle::from_pointer(object)?.file()?.flush() }
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Toptional", || unknown("what only HDF5's own datatypes have"))
}
