//! The functions of the connector's tables, one module for each table: pointers in, calls out.

pub mod attribute;
pub mod attribute_specific;
pub mod below;
pub mod below_calls;
pub mod blob;
pub mod chunk;
pub mod copy;
pub mod dataset;
pub mod datatype;
pub mod file;
pub mod group;
pub mod introspection;
pub mod link;
pub mod link_iteration;
pub mod map;
pub mod merging;
pub mod object;
pub mod request;
pub mod tables;
pub mod token;
pub mod wrap;

use crate::failure::{Failure, Result};
use crate::file::File;
use crate::format::{Header, Kind, LinkTarget};
use crate::handle::{Handle, Located, locate, name};
use crate::hdf5::arguments::Location;
use crate::hdf5::class::Object;
use crate::hdf5::{DEFAULT, Hid, Identifier, Variable, encode_property_list, library};
use crate::node::Node;
use crate::together;
use crate::walk::{MakeGroup, Walk};
use std::ffi::{c_char, c_uint};
use std::rc::Rc;

/// The bytes of a property list; none for the default one, which costs nothing.
pub fn list_bytes(list: Hid, default: Variable) -> Result<Vec<u8>> {
    if list == DEFAULT || list == library().value(default) { Ok(Vec::new()) } else { encode_property_list(list) }
}

/// A property list from its bytes, or the default one of a class.
pub fn decoded_list(bytes: &[u8], class: Variable) -> Result<Identifier> {
    if bytes.is_empty() {
        return default_list(class);
    }
    // SAFETY: the bytes are what `H5Pencode2` has written.
    Identifier::new(unsafe { library().list_decode(bytes.as_ptr().cast()) }, "property list")
}

/// The default list of a class.
pub fn default_list(class: Variable) -> Result<Identifier> {
    // SAFETY: takes no pointer.
    Identifier::new(unsafe { library().list_create(library().value(class)) }, "property list")
}

/// What the list of a link's creation says: whether groups on the way are made, and the character set of names.
fn link_properties(list: Hid) -> (bool, u8) {
    if list == DEFAULT || list == library().value(Variable::LINK_CREATE_DEFAULT) {
        return (false, 0);
    }
    let (mut intermediate, mut set): (c_uint, _) = (0, 0);
    // SAFETY: the numbers are ours.
    let results = unsafe {
        (library().list_intermediate(list, &raw mut intermediate), library().list_character_set(list, &raw mut set))
    };
    (results.0 >= 0 && intermediate != 0, if results.1 >= 0 { u8::try_from(set).unwrap_or_default() } else { 0 })
}

/// Makes a group that no link leads to yet.
fn new_group(file: &Rc<File>, list: Vec<u8>) -> Result<Rc<Node>> {
    new_node(file, Kind::Group, &Header::Group { list })
}

/// Makes an object that is no more than a header, and that no link leads to yet.
fn new_node(file: &Rc<File>, kind: Kind, header: &Header) -> Result<Rc<Node>> {
    file.require_writable()?;
    let node = file.node(file.new_token(kind)?)?;
    node.create_header(header)?;
    Ok(node)
}

/// Where a link will be.
struct Place<'a> {
    group: Rc<Node>,
    name: &'a [u8],
    character_set: u8,
}

impl<'a> Place<'a> {
    /// The place that a path means; groups on the way are made where the list of the link's creation says so.
    /// It is in the file that is changed, where several ranks change that.
    fn of(file: &File, base: &Located, path: &'a [u8], link_list: Hid, access: Hid) -> Result<Self> {
        let (makes_groups, character_set) = link_properties(link_list);
        let mut make_group = |parent: &Rc<Node>, name: &[u8]| {
            file.require_own(parent)?;
            let group = new_group(&parent.file, Vec::new())?;
            parent.add_link(name, character_set, LinkTarget::Hard(group.token))
        };
        let make_groups: Option<MakeGroup<'_>> = if makes_groups { Some(&mut make_group) } else { None };
        let (group, name) = Walk::new(access).parent(&base.node, path, make_groups)?;
        file.require_own(&group)?;
        Ok(Self { group, name, character_set })
    }
}

/// Makes an object and puts it under a path, or, without one, leaves it without a link. What makes it gets what the path is below, and the whole path.
/// Of several ranks one makes it, and the others open it, after each has looked at what it was given.
///
/// # Safety
/// Object and location are those that HDF5 gives; the path is null or ends with zero.
unsafe fn create_object<P>(
    object: Object,
    location: *const Location,
    path: *const c_char,
    link_list: Hid,
    prepare: impl FnOnce() -> Result<P>,
    make: impl FnOnce(&P, &Located, Option<Vec<u8>>) -> Result<Handle>,
    open: impl FnOnce(Located) -> Result<Handle>,
) -> Result<Object> {
    // SAFETY: as the caller promises.
    let start = unsafe { Handle::from_pointer(object)? };
    let file = start.file()?;
    let make = |prepared: &P| {
        // SAFETY: the same.
        let base = unsafe { locate(start, location)? };
        if path.is_null() {
            let handle = make(prepared, &base, None)?;
            handle.located()?.node.set_anonymous()?;
            return Ok(handle);
        }
        // SAFETY: not null.
        let path = unsafe { name(path)? };
        let place = Place::of(&file, &base, path, link_list, DEFAULT)?;
        place.group.require_new(place.name)?;
        let path = if place.group.file.is_seen_from(&base.node.file) { base.join(path) } else { None };
        // Behind an external link it is made in that file.
        let handle = make(prepared, &base.found(Rc::clone(&place.group), None), path)?;
        let target = LinkTarget::Hard(handle.located()?.node.token);
        place.group.add_new_link(place.name, place.character_set, target)?;
        Ok(handle)
    };
    let tell = |handle: &Handle| together::tell(&handle.located()?);
    let hear = |_: &P, told: &[u8]| open(Located { opening: start.opening(), ..together::hear(&file, told)? });
    let handle = file.together_with(prepare, make, tell, hear)?;
    Ok(handle.into_pointer())
}

/// The object at a path; a list of access says how links are followed.
///
/// # Safety
/// As for [`create_object`].
unsafe fn object_at(object: Object, location: *const Location, path: *const c_char, access: Hid) -> Result<Located> {
    // SAFETY: as the caller promises.
    unsafe { locate(Handle::from_pointer(object)?, location)?.walk(name(path)?, access) }
}

/// Gives a text to a buffer of the program's, cut to its size, and its whole length.
///
/// # Safety
/// The buffer is null or has the size.
pub unsafe fn give_text(text: &[u8], buffer: *mut c_char, size: usize, length: *mut usize) {
    if !buffer.is_null() && size > 0 {
        let count = text.len().min(size - 1);
        // SAFETY: the buffer has room for as many bytes and a zero.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, count);
            *buffer.add(count) = 0;
        }
    }
    if !length.is_null() {
        // SAFETY: not null.
        unsafe { *length = text.len() };
    }
}

/// An operation of a kind that is not known here.
fn unknown<T>(what: &str) -> Result<T> {
    Err(Failure::not_yet(what))
}
