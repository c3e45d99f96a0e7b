//! Copying objects with all that is in them, within a file and from one file of a container to another.

use super::{Place, group, new_group, new_node, object_at};
use crate::attribute::Attribute;
use crate::boxes::boxes;
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{AttributeRecord, Header, Kind, LinkTarget, Token};
use crate::guard;
use crate::handle::{Handle, Located, locate, name};
use crate::hdf5::arguments::Location;
use crate::hdf5::class::{Object, Request};
use crate::hdf5::{
    DEFAULT, Herr, Hid, Identifier, Space, Type, copy_flags, encode_property_list, leads_elsewhere, library, link_type,
};
use crate::node::Node;
use crate::outside::Outside;
use crate::walk::Walk;
use std::collections::HashMap;
use std::ffi::{c_char, c_uint};
use std::rc::Rc;

/// Groups within groups: deeper ones are an error and not the end of the stack.
const DEPTH_MAX: usize = 1000;

pub unsafe extern "C" fn copy(
    from: Object,
    from_at: *const Location,
    from_name: *const c_char,
    to: Object,
    to_at: *const Location,
    to_name: *const c_char,
    list: Hid,
    links: Hid,
    _: Hid,
    _: Request,
) -> Herr {
    guard::status(c"H5Ocopy", || {
        // SAFETY: HDF5 gives objects of ours.
        let target = unsafe { Handle::from_pointer(to)? };
        let file = target.file()?;
        file.together_plainly(|| {
            // SAFETY: the same, and names that end with zero.
            let (source, base, path) =
                unsafe { (object_at(from, from_at, from_name, DEFAULT)?, locate(target, to_at)?, name(to_name)?) };
            let place = Place::of(&file, &base, path, links, DEFAULT)?;
            place.group.require_new(place.name)?;
            place.group.file.require_writable()?;
            let mut copier = Copier { flags: flags(list)?, file: Rc::clone(&place.group.file), done: HashMap::new() };
            let copied = copier.object(&source.node, 0)?;
            // All of it is there before a name leads to it.
            place.group.file.settle()?;
            place.group.add_new_link(place.name, place.character_set, LinkTarget::Hard(copied.token))
        })
    })
}

/// What the list says of how to copy.
fn flags(list: Hid) -> Result<c_uint> {
    if list == DEFAULT {
        return Ok(0);
    }
    let mut flags = 0;
    // SAFETY: the number is ours.
    if unsafe { library().list_copy_flags(list, &raw mut flags) } < 0 {
        return Err(Failure::new(Minor::BadValue, "HDF5 does not tell how to copy"));
    }
    if flags & copy_flags::MERGE_DATATYPES != 0 {
        return Err(Failure::not_yet("merging committed datatypes while copying"));
    }
    if flags & copy_flags::EXPAND_REFERENCES != 0 {
        return Err(Failure::not_yet("copying what references lead to"));
    }
    Ok(flags)
}

struct Copier {
    flags: c_uint,
    /// Where copies go.
    file: Rc<File>,
    /// Objects that several links lead to are copied once.
    done: HashMap<Token, Token>,
}

impl Copier {
    /// Copies an object that was not copied before.
    fn object(&mut self, source: &Rc<Node>, depth: usize) -> Result<Rc<Node>> {
        if depth > DEPTH_MAX {
            return Err(Failure::new(Minor::BadValue, "the groups are too many levels deep"));
        }
        let target = match source.header()? {
            Header::Group { .. } => new_group(&self.file, group_list(source)?)?,
            Header::Datatype { .. } => new_node(&self.file, Kind::Datatype, source.header()?)?,
            Header::Dataset { .. } => self.dataset(source)?,
        };
        self.done.insert(source.token, target.token);
        let result = self.fill(source, &target, depth);
        if result.is_err() {
            // What was copied of it goes again.
            target.set_anonymous()?;
        }
        result.map(|()| target)
    }

    fn fill(&mut self, source: &Rc<Node>, target: &Rc<Node>, depth: usize) -> Result<()> {
        if self.flags & copy_flags::WITHOUT_ATTRIBUTES == 0 {
            for name in source.ordered_attribute_names(true, false)? {
                self.attribute(source, target, &name)?;
            }
        }
        let is_whole = depth == 0 || self.flags & copy_flags::SHALLOW == 0;
        if source.token.kind() == Kind::Group && is_whole {
            for name in source.ordered_link_names(source.tracking()?.links, false)? {
                self.link(source, target, &name, depth)?;
            }
        }
        Ok(())
    }

    /// Copies a link, and what it leads to where that is wanted.
    fn link(&mut self, source: &Rc<Node>, target: &Rc<Node>, name: &[u8], depth: usize) -> Result<()> {
        let Some(link) = source.link(name)? else { return Ok(()) };
        let object = match &link.target {
            LinkTarget::Hard(token) => Some(source.file.node(*token)?),
            LinkTarget::Soft(_) if self.flags & copy_flags::EXPAND_SOFT_LINKS != 0 => {
                match Walk::new(DEFAULT).step(source, name) {
                    Ok(object) => Some(object),
                    // One that leads nowhere stays what it is.
                    Err(failure) if failure.minor == Minor::NotFound => None,
                    Err(failure) => return Err(failure),
                }
            }
            LinkTarget::UserDefined { kind, .. }
                if self.flags & copy_flags::EXPAND_EXTERNAL_LINKS != 0 && i32::from(*kind) == link_type::EXTERNAL =>
            {
                return Err(Failure::not_yet("copying what external links lead to"));
            }
            LinkTarget::Soft(_) | LinkTarget::UserDefined { .. } => None,
        };
        let Some(object) = object else { return target.add_new_link(name, link.character_set, link.target) };
        if let Some(token) = self.done.get(&object.token) {
            return target.add_counted_link(name, link.character_set, LinkTarget::Hard(*token));
        }
        let copied = self.object(&object, depth + 1)?;
        target.add_new_link(name, link.character_set, LinkTarget::Hard(copied.token))
    }

    /// The copy of the committed datatype that a dataset or an attribute has. It has no name unless a link to it is copied, too.
    fn committed(&mut self, source: &Rc<File>, committed: Option<Token>) -> Result<Option<Rc<Node>>> {
        let Some(token) = committed else { return Ok(None) };
        if let Some(token) = self.done.get(&token) {
            return self.file.node(*token).map(Some);
        }
        let source = source.node(token)?;
        match source.header() {
            Err(failure) if failure.minor == Minor::NotFound => return Ok(None),
            other => other?,
        };
        let copied = self.object(&source, 0)?;
        copied.drop_reference()?;
        Ok(Some(copied))
    }

    fn attribute(&mut self, source: &Rc<Node>, target: &Rc<Node>, name: &[u8]) -> Result<()> {
        let record = source.require_attribute(name)?;
        let committed = self.committed(&source.file, record.committed)?;
        let (datatype, space) = (Type::decode(&record.datatype)?, Space::decode(&record.space)?);
        if !leads_elsewhere(datatype.get())? {
            if let Some(committed) = &committed {
                committed.count_attribute()?;
            }
            let committed = committed.map(|committed| committed.token);
            let creation_order = target.next_attribute_order()?;
            return target.put_attribute(name, &AttributeRecord { creation_order, committed, ..record });
        }
        let located = |node: &Rc<Node>| Located::nowhere(Rc::clone(node));
        let from = Attribute::open(located(source), name)?;
        let kind = (datatype.get(), committed.as_ref());
        let to = Attribute::create(located(target), name, kind, space.get(), record.character_set)?;
        let count = if space.is_null() { 0 } else { space.count()? };
        let mut memory = Elements::new(&datatype, count)?;
        // SAFETY: the memory has room for as many elements; those that lead elsewhere are ended with it.
        unsafe {
            from.read(datatype.get(), DEFAULT, memory.bytes.as_mut_ptr())?;
            to.write(datatype.get(), DEFAULT, memory.bytes.as_ptr())
        }
    }

    fn dataset(&mut self, source: &Rc<Node>) -> Result<Rc<Node>> {
        let committed = self.committed(&source.file, source.header()?.committed())?;
        let source = Dataset::open(Located::nowhere(Rc::clone(source)), DEFAULT)?;
        let list = source.creation_list()?;
        let (datatype, space) = (source.datatype()?, source.space()?);
        let kind = (datatype.get(), committed.as_ref());
        let target = Dataset::create(&self.file, kind, space.get(), (list.get(), DEFAULT), None)?;
        let result = copy_data(&source, &target).and_then(|()| target.located.node.write_back_chunks());
        if result.is_err() {
            target.located.node.set_anonymous()?;
        }
        result.map(|()| target.located.node)
    }
}

/// The bytes of the list of a group's creation. The root group has that of its file, which is another kind.
fn group_list(source: &Rc<Node>) -> Result<Vec<u8>> {
    if source.token == source.file.entry.root {
        return encode_property_list(group::creation_list(source)?.get());
    }
    Ok(source.creation_list()?.to_vec())
}

/// Copies all elements of a dataset to one of the same dataspace and datatype, as many at a time as memory is taken for. Those that are the
/// elements of other datasets, or in other files, are the same for both.
pub fn copy_data(source: &Dataset, target: &Dataset) -> Result<()> {
    if !matches!(source.outside(), Outside::No) {
        return Ok(());
    }
    let (space, kind) = (source.space()?, source.datatype()?);
    if space.is_null() || space.count()? == 0 {
        return Ok(());
    }
    let dimensions = space.dimensions()?;
    for (start, count) in boxes(&dimensions, kind.size() as u64) {
        let part = space.copy()?;
        if !dimensions.is_empty() {
            part.select(&start, &count)?;
        }
        let mut memory = Elements::new(&kind, count.iter().product())?;
        // SAFETY: the memory has room for as many elements as are selected; those that lead elsewhere are ended with it.
        unsafe {
            source.read(kind.get(), (memory.space.get(), part.get()), DEFAULT, memory.bytes.as_mut_ptr())?;
            target.write(kind.get(), (memory.space.get(), part.get()), DEFAULT, memory.bytes.as_ptr())?;
        }
    }
    Ok(())
}

/// Elements in memory; values of variable length end with them.
struct Elements {
    kind: Type,
    space: Identifier,
    bytes: Vec<u8>,
}

impl Elements {
    fn new(kind: &Type, count: u64) -> Result<Self> {
        let size = usize::try_from(count).ok().and_then(|count| count.checked_mul(kind.size()));
        let size = size.ok_or_else(|| Failure::new(Minor::BadValue, "there are too many elements for memory"))?;
        let kind = kind.copy()?;
        // SAFETY: one dimension, which is ours.
        let space = unsafe { library().space_create(1, &raw const count, std::ptr::null()) };
        Ok(Self { kind, space: Identifier::new(space, "dataspace")?, bytes: vec![0; size] })
    }
}

impl Drop for Elements {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            // SAFETY: the bytes are elements, or zero, which is a value that leads nowhere.
            unsafe {
                library().reclaim(self.kind.get(), self.space.get(), DEFAULT, self.bytes.as_mut_ptr().cast());
            }
        }
    }
}
