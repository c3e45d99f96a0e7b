//! Attributes: making, opening, reading, writing, and what they tell.

use super::{attribute_specific, default_list, give_text, unknown};
use crate::attribute::Attribute;
use crate::committed;
use crate::detour;
use crate::failure::{Failure, Minor, Result};
use crate::format::AttributeRecord;
use crate::guard;
use crate::handle::{Handle, Located, locate, name};
use crate::hdf5::arguments::{AttributeGet, Location, OptionalArguments, attribute_get, by};
use crate::hdf5::class::{AttributeClass, Object, Request};
use crate::hdf5::{AttributeInformation, DEFAULT, Herr, Hid, Variable, index_type, library, order, require_list};
use crate::together;
use std::ffi::{c_char, c_int, c_void};

pub const CLASS: AttributeClass = AttributeClass {
    create: Some(create),
    open: Some(open),
    read: Some(read),
    write: Some(write),
    get: Some(get),
    specific: Some(attribute_specific::specific),
    optional: Some(optional),
    close: Some(super::group::close),
};

fn character_set(list: Hid) -> u8 {
    if list == DEFAULT || list == library().value(Variable::ATTRIBUTE_CREATE_DEFAULT) {
        return 0;
    }
    let mut set = 0;
    // SAFETY: the number is ours.
    let result = unsafe { library().list_character_set(list, &raw mut set) };
    if result < 0 { 0 } else { u8::try_from(set).unwrap_or_default() }
}

unsafe extern "C" fn create(
    object: Object,
    location: *const Location,
    text: *const c_char,
    datatype: Hid,
    space: Hid,
    list: Hid,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Acreate", || {
        // SAFETY: as HDF5 promises.
        let (start, name) = unsafe { (Handle::from_pointer(object)?, name(text)?) };
        let file = start.file()?;
        let look = || require_list(list).and_then(|()| require_list(access));
        let make = |_: &()| {
            // SAFETY: the same.
            let parent = unsafe { locate(start, location)? };
            file.require_own(&parent.node)?;
            let committed = committed::of(&parent.node.file, datatype)?;
            Attribute::create(parent, name, (datatype, committed.as_ref()), space, character_set(list))
        };
        // For other ranks: the length of what is told of the object, that, and the attribute's record.
        let tell = |attribute: &Attribute| {
            let parent = together::tell(&attribute.parent)?;
            Ok([&(parent.len() as u64).to_le_bytes()[..], &parent, &attribute.tell()].concat())
        };
        let hear = |_: &(), told: &[u8]| {
            let parts = told
                .split_first_chunk()
                .and_then(|(length, told)| told.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?));
            let (parent, record) =
                parts.ok_or_else(|| Failure::new(Minor::Internal, "another rank told something else"))?;
            let parent = Located { opening: start.opening(), ..together::hear(&file, parent)? };
            parent.node.know_attribute_change();
            Attribute::hear(parent, name, record)
        };
        Ok(Handle::Attribute(file.together_with(look, make, tell, hear)?).into_pointer())
    })
}

/// The object that an index is about, and the name of its attribute with a number.
///
/// # Safety
/// The location is by index.
pub unsafe fn by_index(handle: &Handle, location: &Location) -> Result<(Located, Vec<u8>)> {
    // SAFETY: as the caller promises.
    let wanted = unsafe { location.data.index };
    require_list(wanted.access_list)?;
    // SAFETY: HDF5 gives a name that ends with zero.
    let parent = unsafe { name(wanted.name)? };
    let parent = handle.located()?.walk(parent, wanted.access_list).inspect_err(detour::numbers_links)?;
    let name = nth(&parent, wanted.index, wanted.order, wanted.number)?;
    Ok((parent, name))
}

/// The name of an object's attribute with a number.
pub fn nth(parent: &Located, index: c_int, by_order: c_int, number: u64) -> Result<Vec<u8>> {
    let by_creation = index == index_type::CREATION_ORDER;
    parent.node.nth_attribute_name(by_creation, by_order == order::DECREASING, number)
}

unsafe extern "C" fn open(
    object: Object,
    location: *const Location,
    text: *const c_char,
    access: Hid,
    _: Hid,
    _: Request,
) -> Object {
    guard::object(c"H5Aopen", || {
        require_list(access)?;
        // SAFETY: as HDF5 promises.
        let (parent, name) = unsafe {
            let handle = Handle::from_pointer(object)?;
            match location.as_ref() {
                Some(location) if location.kind == by::INDEX => by_index(handle, location)?,
                _ => (locate(handle, location)?, name(text)?.to_vec()),
            }
        };
        Ok(Handle::Attribute(Attribute::open(parent, &name)?).into_pointer())
    })
}

unsafe extern "C" fn read(object: Object, kind: Hid, buffer: *mut c_void, list: Hid, _: Request) -> Herr {
    guard::status(c"H5Aread", || {
        // SAFETY: as HDF5 promises: the buffer has room for all elements.
        unsafe { Handle::from_pointer(object)?.attribute()?.read(kind, list, buffer.cast()) }
    })
}

unsafe extern "C" fn write(object: Object, kind: Hid, buffer: *const c_void, list: Hid, _: Request) -> Herr {
    guard::status(c"H5Awrite", || {
        // SAFETY: as HDF5 promises.
        let attribute = unsafe { Handle::from_pointer(object)?.attribute()? };
        let node = &attribute.parent.node;
        let hear = |_: &[u8]| {
            node.know_attribute_change();
            Ok(())
        };
        // SAFETY: the same: the buffer has all elements.
        node.file.together(|| unsafe { attribute.write(kind, list, buffer.cast()) }, |()| Ok(Vec::new()), hear)
    })
}

/// What HDF5 tells of an attribute.
pub fn information(parent: &Located, name: &[u8]) -> Result<AttributeInformation> {
    information_of(parent, &parent.node.require_attribute(name)?)
}

/// The same of one that was read.
pub fn information_of(parent: &Located, record: &AttributeRecord) -> Result<AttributeInformation> {
    Ok(AttributeInformation {
        has_creation_order: parent.node.tracking()?.attributes,
        creation_order: u32::try_from(record.creation_order).unwrap_or(u32::MAX),
        character_set: c_int::from(record.character_set),
        data_size: record.data.len() as u64,
    })
}

/// The attribute that is meant: the handle itself, one by its number, or one with a name.
unsafe fn meant(handle: &Handle, location: &Location, text: *const c_char) -> Result<(Located, Vec<u8>)> {
    // SAFETY: as HDF5 promises.
    unsafe {
        match location.kind {
            by::INDEX => by_index(handle, location),
            by::SELF if text.is_null() => {
                let attribute = handle.attribute()?;
                Ok((attribute.parent.clone(), attribute.name.clone()))
            }
            _ => Ok((locate(handle, location)?, name(text)?.to_vec())),
        }
    }
}

unsafe extern "C" fn get(object: Object, arguments: *mut AttributeGet, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Aget", || {
        // SAFETY: HDF5 gives an object of ours, and arguments whose operation says what is in them.
        unsafe {
            let (handle, arguments) = (Handle::from_pointer(object)?, &mut *arguments);
            let values = &mut arguments.arguments;
            match arguments.operation {
                attribute_get::CREATION_LIST => {
                    let list = default_list(Variable::ATTRIBUTE_CREATE)?;
                    let set = handle.attribute()?.character_set();
                    library().list_set_character_set(list.get(), c_int::from(set));
                    values.identifier = list.release();
                }
                attribute_get::INFORMATION => {
                    let asked = values.information;
                    let (parent, name) = meant(handle, &asked.location, asked.name)?;
                    *asked.information = information(&parent, &name)?;
                }
                attribute_get::NAME => {
                    let asked = values.name;
                    let (_, name) = meant(handle, &asked.location, std::ptr::null())?;
                    give_text(&name, asked.buffer, asked.size, asked.length);
                }
                attribute_get::SPACE => values.identifier = handle.attribute()?.space()?.release(),
                attribute_get::STORAGE_SIZE => *values.size = handle.attribute()?.size()? as u64,
                attribute_get::TYPE => values.identifier = handle.attribute()?.give_datatype()?,
                _ => return unknown("this question about an attribute"),
            }
        }
        Ok(())
    })
}

unsafe extern "C" fn optional(_: Object, _: *mut OptionalArguments, _: Hid, _: Request) -> Herr {
    guard::status(c"H5Aoptional", || unknown("what only HDF5's own attributes have"))
}
