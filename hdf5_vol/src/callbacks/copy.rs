//! Copying objects with all that is in them, within a file and from one file of a container to another.

use super::merging::Merging;
use super::{Place, default_list, group, new_group, new_node, object_at};
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
    DEFAULT, Herr, Hid, Identifier, Space, Type, Variable, class_of_type, copy_flags, encode_property_list,
    leads_elsewhere, library, link_type, type_class,
};
use crate::heap;
use crate::map::{Map, Plan};
use crate::new_references::{self, Reference};
use crate::node::Node;
use crate::outside::Outside;
use crate::references::{self, has_references};
use crate::walk::Walk;
use std::collections::HashMap;
use std::ffi::{c_char, c_uint};
use std::rc::Rc;

/// Groups within groups: deeper ones are an error and not the end of the stack.
const DEPTH_MAX: usize = 1000;
/// What HDF5 calls a copied object that a reference leads to, in the root group; a number follows.
const REFERRED: &str = "~obj_pointed_by_";

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
            let mut copier = Copier::new(list, &place.group.file)?;
            if let Some(token) = copier.merged(&source.node)? {
                return place.group.add_counted_link(place.name, place.character_set, LinkTarget::Hard(token));
            }
            let copied = copier.object(&source.node)?;
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
    Ok(flags)
}

struct Copier {
    flags: c_uint,
    /// Where copies go.
    file: Rc<File>,
    /// Objects that several links or references lead to are copied once. They are known by the numbers of their files and their tokens.
    done: HashMap<(u64, Token), Token>,
    /// Where committed datatypes of the file take the place of copies.
    merging: Option<Merging>,
    /// How deep the object that is being copied is below the first one.
    depth: usize,
}

/// What an object is known by.
fn known_by(source: &Node) -> (u64, Token) {
    (source.file.number(), source.token)
}

impl Copier {
    fn new(list: Hid, file: &Rc<File>) -> Result<Self> {
        let flags = flags(list)?;
        let merging = if flags & copy_flags::MERGE_DATATYPES != 0 { Some(Merging::of(list)?) } else { None };
        Ok(Self { flags, file: Rc::clone(file), done: HashMap::new(), merging, depth: 0 })
    }

    /// What the file has already instead of a copy of a committed datatype.
    fn merged(&mut self, source: &Node) -> Result<Option<Token>> {
        match &mut self.merging {
            Some(merging) if source.token.kind() == Kind::Datatype => merging.find(&self.file, source),
            _ => Ok(None),
        }
    }

    /// Copies an object that was not copied before.
    fn object(&mut self, source: &Rc<Node>) -> Result<Rc<Node>> {
        if self.depth > DEPTH_MAX {
            return Err(Failure::new(Minor::BadValue, "the groups are too many levels deep"));
        }
        let made = match source.header()? {
            Header::Group { .. } => Copied::Plain(new_group(&self.file, group_list(source)?)?),
            Header::Datatype { .. } => Copied::Plain(new_node(&self.file, Kind::Datatype, source.header()?)?),
            Header::Map { .. } => self.map(source)?,
            Header::Dataset { .. } => self.dataset(source)?,
        };
        let target = Rc::clone(made.node());
        self.done.insert(known_by(source), target.token);
        if let Some(merging) = &mut self.merging {
            merging.add(source, target.token)?;
        }
        self.depth += 1;
        let result = self.fill(source, &made);
        self.depth -= 1;
        if result.is_err() {
            // What was copied of it goes again.
            target.set_anonymous()?;
        }
        result.map(|()| target)
    }

    fn fill(&mut self, source: &Rc<Node>, made: &Copied) -> Result<()> {
        let target = made.node();
        if let Copied::Dataset(from, to) = made {
            self.elements(from, to)?;
            target.write_back_chunks()?;
        }
        if let Copied::Map(from, to) = made {
            let value = from.value_type()?;
            let changes = has_references(Type::new(value)?.get())?;
            // SAFETY: the memory has one value.
            from.copy_to(to, |kind, memory| unsafe { self.references(&source.file, kind, memory, 1) }, changes)?;
        }
        if self.flags & copy_flags::WITHOUT_ATTRIBUTES == 0 {
            for name in source.ordered_attribute_names(true, false)? {
                self.attribute(source, target, &name)?;
            }
        }
        let is_whole = self.depth == 1 || self.flags & copy_flags::SHALLOW == 0;
        if source.token.kind() == Kind::Group && is_whole {
            for name in source.ordered_link_names(source.tracking()?.links, false)? {
                self.link(source, target, &name)?;
            }
        }
        Ok(())
    }

    /// Copies a link, and what it leads to where that is wanted.
    fn link(&mut self, source: &Rc<Node>, target: &Rc<Node>, name: &[u8]) -> Result<()> {
        let Some(link) = source.link(name)? else { return Ok(()) };
        let object = match &link.target {
            LinkTarget::Hard(token) => Some(source.file.node(*token)?),
            LinkTarget::Soft(_) if self.flags & copy_flags::EXPAND_SOFT_LINKS != 0 => behind(source, name)?,
            LinkTarget::UserDefined { kind, .. }
                if self.flags & copy_flags::EXPAND_EXTERNAL_LINKS != 0 && i32::from(*kind) == link_type::EXTERNAL =>
            {
                behind(source, name)?
            }
            LinkTarget::Soft(_) | LinkTarget::UserDefined { .. } => None,
        };
        let Some(object) = object else { return target.add_new_link(name, link.character_set, link.target) };
        let known = self.done.get(&known_by(&object)).copied();
        if let Some(token) = known.map_or_else(|| self.merged(&object), |token| Ok(Some(token)))? {
            return target.add_counted_link(name, link.character_set, LinkTarget::Hard(token));
        }
        let copied = self.object(&object)?;
        target.add_new_link(name, link.character_set, LinkTarget::Hard(copied.token))
    }

    /// The copy of the committed datatype that a dataset or an attribute has. It has no name unless a link to it is copied, too.
    fn committed(&mut self, source: &Rc<File>, committed: Option<Token>) -> Result<Option<Rc<Node>>> {
        let Some(token) = committed else { return Ok(None) };
        Ok(self.unnamed(source, token)?.map(|(copied, _)| copied))
    }

    /// The copy of an object that something else than a link leads to, and whether it is just made: then it has no link. None when it is gone.
    fn unnamed(&mut self, source: &Rc<File>, token: Token) -> Result<Option<(Rc<Node>, bool)>> {
        let source = source.node(token)?;
        if let Some(token) = self.done.get(&known_by(&source)) {
            return Ok(Some((self.file.node(*token)?, false)));
        }
        match source.header() {
            Err(failure) if failure.minor == Minor::NotFound => return Ok(None),
            other => other?,
        };
        if let Some(token) = self.merged(&source)? {
            return Ok(Some((self.file.node(token)?, false)));
        }
        let copied = self.object(&source)?;
        copied.drop_reference()?;
        Ok(Some((copied, true)))
    }

    /// The copy of the object that a reference leads to. It has a name, as HDF5 gives it one, so that it stays.
    fn referred(&mut self, source: &Rc<File>, token: Token) -> Result<Option<Token>> {
        let Some((copied, is_new)) = self.unnamed(source, token)? else { return Ok(None) };
        if is_new {
            let name = format!("{REFERRED}{}", copied.token.number());
            self.file.root()?.add_counted_link(name.as_bytes(), 0, LinkTarget::Hard(copied.token))?;
        }
        Ok(Some(copied.token))
    }

    /// Makes references among copied elements lead to copies, or, where what they lead to is not copied and in another file, nowhere.
    ///
    /// # Safety
    /// The memory has as many elements of the datatype.
    unsafe fn references(&mut self, source: &Rc<File>, kind: Hid, memory: *mut u8, count: usize) -> Result<()> {
        // Within a file they stay, also where what they lead to is to be copied.
        if Rc::ptr_eq(source, &self.file) {
            return Ok(());
        }
        // SAFETY: as the caller promises.
        unsafe { self.change_references(source, kind, memory, count) }
    }

    /// The same of an attribute: those that are no part of something else lead to copies within a file, too, where such are wanted.
    ///
    /// # Safety
    /// The same.
    unsafe fn references_of_attribute(
        &mut self,
        source: &Rc<File>,
        kind: Hid,
        memory: *mut u8,
        count: usize,
    ) -> Result<()> {
        let expands = self.flags & copy_flags::EXPAND_REFERENCES != 0;
        // SAFETY: as the caller promises.
        unsafe {
            if expands && class_of_type(kind) == type_class::REFERENCE {
                return self.change_references(source, kind, memory, count);
            }
            self.references(source, kind, memory, count)
        }
    }

    /// # Safety
    /// The same.
    unsafe fn change_references(&mut self, source: &Rc<File>, kind: Hid, memory: *mut u8, count: usize) -> Result<()> {
        let expands = self.flags & copy_flags::EXPAND_REFERENCES != 0;
        let mut change = |reference: &mut [u8]| {
            if !expands {
                // Those of the second kind name their file.
                if reference.len() <= references::REGION {
                    reference.fill(0);
                }
                return Ok(());
            }
            if let Ok(object) = <&mut [u8; references::OBJECT]>::try_from(&mut *reference) {
                let token = Token::from_bits(u64::from_le_bytes(*object))?;
                *object = self.referred(source, token)?.map_or(0, Token::bits).to_le_bytes();
            } else if let Ok(region) = <&mut [u8; references::REGION]>::try_from(&mut *reference) {
                *region = self.region(source, region)?;
            } else if let Ok(reference) = <&mut [u8; new_references::SIZE]>::try_from(reference) {
                self.new_reference(source, reference)?;
            }
            Ok(())
        };
        // SAFETY: as the caller promises.
        unsafe { references::change_each(kind, memory, count, &mut change) }
    }

    /// Makes a reference of the second kind lead to the copy of what it leads to. One into another file than the source, or to nothing, stays.
    fn new_reference(&mut self, source: &Rc<File>, bytes: &mut [u8; new_references::SIZE]) -> Result<()> {
        let mut reference = Reference::of(bytes);
        let found = reference.object();
        // HDF5 has noted in it the file that it has opened for that, and closes that with what is copied.
        *bytes = reference.bytes();
        let Some(found) = found else { return Ok(()) };
        // SAFETY: takes no pointer.
        let object = unsafe { library().object_of(found.get()) };
        if !File::has_anywhere(object) {
            return Ok(());
        }
        // SAFETY: an open file knows it as a handle of its own.
        let node = unsafe { Handle::from_pointer(object)? }.located()?.node;
        if !Rc::ptr_eq(&node.file, source) {
            return Ok(());
        }
        let Some(token) = self.referred(source, node.token)? else { return Ok(()) };
        let copied = Handle::open(Located::nowhere(self.file.node(token)?))?.register()?;
        *bytes = reference.to(copied.get())?.bytes();
        reference.end();
        Ok(())
    }

    /// A reference to the same region of the copy of a dataset.
    fn region(&mut self, source: &Rc<File>, reference: &[u8; references::REGION]) -> Result<[u8; references::REGION]> {
        let (name, size) = references::region_name(reference);
        let mut value = vec![0; size];
        heap::get(source, &name, &mut value)?;
        let damaged = || Failure::new(Minor::Damaged, "a reference to a region is damaged");
        let token = value.first_chunk_mut().ok_or_else(damaged)?;
        let Some(copied) = self.referred(source, Token::from_bits(u64::from_le_bytes(*token))?)? else {
            return Ok([0; references::REGION]);
        };
        *token = copied.bits().to_le_bytes();
        references::region(&heap::put(&self.file, &value)?)
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
            let mut copied = AttributeRecord { creation_order, committed, ..record };
            let count = copied.data.len() / datatype.size().max(1);
            // SAFETY: the bytes are as many elements.
            unsafe { self.references_of_attribute(&source.file, datatype.get(), copied.data.as_mut_ptr(), count)? };
            return target.put_attribute(name, &copied);
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
            self.references_of_attribute(&source.file, datatype.get(), memory.bytes.as_mut_ptr(), memory.count)?;
            to.write(datatype.get(), DEFAULT, memory.bytes.as_ptr())
        }
    }

    /// Makes a dataset that has no elements yet.
    fn dataset(&mut self, source: &Rc<Node>) -> Result<Copied> {
        let committed = self.committed(&source.file, source.header()?.committed())?;
        // Where its raw files are is what those say who have it open.
        let access = default_list(Variable::DATASET_ACCESS)?;
        if let Some(prefix) = source.raw_prefix.borrow().upgrade() {
            prefix.put(&access)?;
        }
        let source = Dataset::open(Located::nowhere(Rc::clone(source)), access.get())?;
        let list = source.creation_list()?;
        let (datatype, space) = (source.datatype()?, source.space()?);
        let kind = (datatype.get(), committed.as_ref());
        let target = Dataset::create(&self.file, kind, space.get(), (list.get(), DEFAULT), None)?;
        Ok(Copied::Dataset(Box::new(source), Box::new(target)))
    }

    /// Makes a map that has no keys yet.
    fn map(&mut self, source: &Rc<Node>) -> Result<Copied> {
        let source = Map::open(Located::nowhere(Rc::clone(source)), DEFAULT)?;
        let plan = Plan::of(&source)?;
        let target = Map::create(&self.file, &plan, DEFAULT, None)?;
        Ok(Copied::Map(Box::new(source), Box::new(target)))
    }

    /// Copies all elements of a dataset to one of the same dataspace and datatype, as many at a time as memory is taken for. Those that are the
    /// elements of other datasets, or in other files, are the same for both.
    fn elements(&mut self, source: &Dataset, target: &Dataset) -> Result<()> {
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
            let spaces = (memory.space.get(), part.get());
            // SAFETY: the memory has room for as many elements as are selected; those that lead elsewhere are ended with it.
            unsafe {
                source.read(kind.get(), spaces, DEFAULT, memory.bytes.as_mut_ptr())?;
                let file = &source.located.node.file;
                self.references(file, kind.get(), memory.bytes.as_mut_ptr(), memory.count)?;
                target.write(kind.get(), spaces, DEFAULT, memory.bytes.as_ptr())?;
            }
        }
        Ok(())
    }
}

/// An object that is made for a copy; a dataset with what it is a copy of.
enum Copied {
    Plain(Rc<Node>),
    Dataset(Box<Dataset>, Box<Dataset>),
    Map(Box<Map>, Box<Map>),
}

impl Copied {
    fn node(&self) -> &Rc<Node> {
        match self {
            Self::Plain(node) => node,
            Self::Dataset(_, target) => &target.located.node,
            Self::Map(_, target) => &target.located.node,
        }
    }
}

/// The object that a link leads to by a path; none when it leads nowhere, where a copy of it stays what it is.
fn behind(group: &Rc<Node>, name: &[u8]) -> Result<Option<Rc<Node>>> {
    match Walk::new(DEFAULT).step(group, name) {
        Ok(object) => Ok(Some(object)),
        Err(failure) if matches!(failure.minor, Minor::NotFound | Minor::CannotOpenFile) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The bytes of the list of a group's creation. The root group has that of its file, which is another kind.
fn group_list(source: &Rc<Node>) -> Result<Vec<u8>> {
    if source.token == source.file.entry.root {
        return encode_property_list(group::creation_list(source)?.get());
    }
    Ok(source.creation_list()?.to_vec())
}

/// Elements in memory; values of variable length end with them.
struct Elements {
    kind: Type,
    space: Identifier,
    count: usize,
    bytes: Vec<u8>,
}

impl Elements {
    fn new(kind: &Type, count: u64) -> Result<Self> {
        let size = usize::try_from(count).ok().and_then(|count| count.checked_mul(kind.size()));
        let size = size.ok_or_else(|| Failure::new(Minor::BadValue, "there are too many elements for memory"))?;
        let kind = kind.copy()?;
        // SAFETY: one dimension, which is ours.
        let space = unsafe { library().space_create(1, &raw const count, std::ptr::null()) };
        let number = size / kind.size().max(1);
        Ok(Self { kind, space: Identifier::new(space, "dataspace")?, count: number, bytes: vec![0; size] })
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
