//! Datasets: making and opening them. `elements` moves their elements.

mod dimensions;

use crate::callbacks::{decoded_list, default_list};
use crate::committed;
use crate::convert::Stored;
use crate::daos::{self, Object};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::fill::{self, Fill};
use crate::filtered::{Filtered, Shape};
use crate::filters::Pipeline;
use crate::format::{Header, Kind, Layout, key, part};
use crate::handle::Located;
use crate::hdf5::{DEFAULT, Hid, Identifier, RANK_MAX, Space, Type, Variable, encode_property_list, layout, library};
use crate::node::Node;
use crate::outside::{Lists, Outside};
use crate::properties;
use crate::virtual_dataset::{Lineage, without_offsets};
use std::cell::OnceCell;
use std::ffi::c_int;
use std::rc::Rc;

/// Bytes under one dkey of a contiguous dataset: large enough that a transfer is few requests, small enough to spread over targets.
const BLOCK: u64 = 1 << 20;
/// Datasets up to this size, which is that of HDF5's compact ones at most, lie in their header's object.
const INSIDE_MAX: u64 = 64 << 10;

/// An open dataset.
pub struct Dataset {
    pub located: Located,
    stored: Stored,
    data: Rc<Object>,
    layout: Layout,
    /// Bytes of an element in the container.
    element: u64,
    /// The bytes of an element that was never written.
    fill: OnceCell<Vec<u8>>,
    /// The list of properties with which it was opened; none for the default.
    access: Option<Identifier>,
    /// Where its elements are, if not in its objects.
    outside: Outside,
}

fn layout_of(list: Hid, space: &Space, element: u64) -> Result<Layout> {
    // SAFETY: takes no pointer.
    let (kind, filters, external) = unsafe {
        (library().list_layout(list), library().list_filter_count(list), library().list_external_count(list))
    };
    if filters > 0 {
        let sentence = "only a chunked dataset can have filters";
        return if kind == layout::CHUNKED {
            filtered_layout(list, space)
        } else {
            Err(Failure::new(Minor::BadValue, sentence))
        };
    }
    match kind {
        layout::CONTIGUOUS if external > 0 => Ok(Layout::RawFiles),
        _ if external > 0 => {
            Err(Failure::new(Minor::BadValue, "only a contiguous dataset can have its data in other files"))
        }
        layout::COMPACT | layout::CONTIGUOUS => {
            let (dimensions, maximum) = space.both()?;
            if dimensions != maximum {
                return Err(Failure::new(Minor::BadValue, "only a chunked dataset can grow"));
            }
            let size = space.count()?.saturating_mul(element);
            Ok(if size <= INSIDE_MAX { Layout::Inside } else { Layout::Contiguous { block: BLOCK } })
        }
        layout::CHUNKED => Ok(Layout::Chunked { chunk: chunk_of(list, space)? }),
        layout::VIRTUAL => Ok(Layout::Virtual),
        _ => Err(Failure::new(Minor::BadValue, "a list has no known layout")),
    }
}

/// The layout of a dataset whose elements the program wants to have in an object of their own, but for one that it wants compact.
fn with_object(layout: Layout, list: Hid) -> Layout {
    // SAFETY: takes no pointer.
    let is_compact = unsafe { library().list_layout(list) } == layout::COMPACT;
    if layout == Layout::Inside && !is_compact { Layout::Contiguous { block: BLOCK } } else { layout }
}

/// Over how many targets a dataset's elements spread: one where they stay as few as lie under one dkey of a contiguous one, and else all.
fn spread(space: &Space, element: u64) -> Result<u16> {
    let (_, maximum) = space.both()?;
    let bytes = maximum.iter().fold(element, |bytes, count| bytes.saturating_mul(*count));
    Ok(if bytes <= BLOCK { daos::SMALL_OBJECT } else { daos::LARGE_OBJECT })
}

/// The dimensions of a chunk.
fn chunk_of(list: Hid, space: &Space) -> Result<Vec<u64>> {
    let mut chunk = [0; RANK_MAX];
    // SAFETY: the array has as many places as said.
    let rank = unsafe { library().list_chunk(list, RANK_MAX as c_int, chunk.as_mut_ptr()) };
    let rank = usize::try_from(rank).unwrap_or_default();
    if rank == 0 || rank != space.dimensions()?.len() {
        let sentence = "chunks and dataspace have not the same number of dimensions";
        return Err(Failure::new(Minor::BadValue, sentence));
    }
    Ok(chunk[..rank].to_vec())
}

fn filtered_layout(list: Hid, space: &Space) -> Result<Layout> {
    // SAFETY: takes no pointer.
    if unsafe { library().list_external_count(list) } > 0 {
        return Err(Failure::new(Minor::BadValue, "a dataset with filters cannot have its data in other files"));
    }
    Ok(Layout::Filtered { chunk: chunk_of(list, space)? })
}

/// A copy of a list of access.
fn copy_of_access(list: Hid) -> Result<Option<Identifier>> {
    if list == DEFAULT || list == library().value(Variable::DATASET_ACCESS_DEFAULT) {
        return Ok(None);
    }
    // SAFETY: takes no pointer.
    if unsafe { library().list_is_of_class(list, library().value(Variable::DATASET_ACCESS)) } <= 0 {
        return Err(Failure::new(Minor::BadValue, "the list is none of a dataset's access"));
    }
    // SAFETY: the same.
    Identifier::new(unsafe { library().list_copy(list) }, "copy of a list").map(Some)
}

/// How many bytes of chunks a list of access allows to be kept.
fn chunk_cache_bytes(access: Hid) -> Result<usize> {
    let default;
    let list = if access == DEFAULT {
        default = default_list(Variable::DATASET_ACCESS)?;
        default.get()
    } else {
        access
    };
    let (mut slots, mut bytes, mut preference) = (0, 0, 0.0);
    // SAFETY: the numbers are ours.
    let result = unsafe { library().list_chunk_cache(list, &raw mut slots, &raw mut bytes, &raw mut preference) };
    if result < 0 {
        Err(Failure::new(Minor::CannotGet, "HDF5 does not tell the size of the chunk cache"))
    } else {
        Ok(bytes)
    }
}

/// The bytes of a list of a dataset's creation; none for one that is as the default.
fn list_bytes(list: Hid) -> Result<Vec<u8>> {
    let default = library().value(Variable::DATASET_CREATE_DEFAULT);
    // SAFETY: takes no pointer.
    let is_default = list == DEFAULT || list == default || unsafe { library().list_equal(list, default) } > 0;
    if is_default { Ok(Vec::new()) } else { encode_property_list(list) }
}

impl Dataset {
    /// Makes one that no link leads to yet.
    pub fn create(
        file: &Rc<File>,
        (datatype, committed): (Hid, Option<&Rc<Node>>),
        space: Hid,
        lists: (Hid, Hid),
        path: Option<Vec<u8>>,
    ) -> Result<Self> {
        let (list, access_list) = lists;
        file.require_writable()?;
        let access = copy_of_access(access_list)?;
        let space = Space::copy_of(space)?;
        // What the program has selected of it is no part of the dataset.
        space.select_all()?;
        let encoded = Type::encode_id(datatype)?;
        let stored = Stored::decode(file, &encoded)?;
        let element = stored.file.size() as u64;
        let chosen = Fill::of(list, &stored)?;
        let list = chosen.list(list);
        let wanted = properties::get(list, properties::OBJECT_CLASS)?;
        let layout = layout_of(list, &space, element)?;
        let layout = if wanted.is_some() { with_object(layout, list) } else { layout };
        let class = wanted.map_or(Ok(file.class_of_elements()), |class| daos::object_class(&class))?;
        let settled = without_offsets(list, &layout)?;
        let list = settled.as_ref().map_or(list, Identifier::get);
        let data = |kind, hint| file.mount.upper(part::DATA, kind, class, hint);
        let data_upper = match layout {
            Layout::Inside | Layout::Virtual | Layout::RawFiles => file.entry.header_upper,
            Layout::Contiguous { .. } => data(daos::object_type::NUMBERED, spread(&space, element)?)?,
            Layout::Chunked { .. } | Layout::Filtered { .. } => {
                data(daos::object_type::HASHED, spread(&space, element)?)?
            }
        };
        // Before anything is written: filters that are not there are an error.
        let pipeline = match &layout {
            Layout::Filtered { chunk } => Some(Pipeline::new(file.scratch()?, &stored, list, chunk)?),
            _ => None,
        };
        let token = file.new_token(Kind::Dataset)?;
        let node = file.node(token)?;
        let lists = Lists { creation: list, access: access_list };
        let outside = Outside::of(&layout, &node, &lists, (&space, element), &Lineage::default())?;
        if let Some(committed) = committed {
            committed.add_reference()?;
        }
        node.create_header(&Header::Dataset {
            committed: committed.map(|committed| committed.token),
            list: list_bytes(list)?,
            datatype: encoded,
            space: space.encode()?,
            data_upper,
            element: u32::try_from(element)
                .map_err(|_| Failure::new(Minor::BadValue, "an element has more than 4 GiB"))?,
            layout: layout.clone(),
        })?;
        let fill = OnceCell::new();
        if let Some(element) = chosen.element {
            let element = fill.get_or_init(|| element).clone();
            file.put(&node.object, key::HEADER, key::FILL, element)?;
        }
        let data = file.object(token, data_upper)?;
        if let Some(pipeline) = pipeline {
            let bytes = if file.is_shared() { 0 } else { chunk_cache_bytes(access_list)? };
            *node.filtered.borrow_mut() = Some(Filtered::new(pipeline, Rc::clone(&data), token, bytes));
        }
        let located = Located { node, path, opening: 0 };
        Ok(Self { located, stored, data, layout, element, fill, access, outside })
    }

    /// Opens one.
    pub fn open(located: Located, access_list: Hid) -> Result<Self> {
        Self::open_within(located, access_list, &Lineage::default())
    }

    /// Opens one that is a source of virtual datasets.
    pub fn open_within(located: Located, access_list: Hid, lineage: &Lineage) -> Result<Self> {
        let access = copy_of_access(access_list)?;
        let node = Rc::clone(&located.node);
        let Header::Dataset { datatype, space, data_upper, element, layout, .. } = node.header()? else {
            return Err(Failure::new(Minor::BadType, "it is no dataset"));
        };
        let stored = Stored::decode(&node.file, datatype)?;
        let element = u64::from(*element);
        if stored.file.size() as u64 != element {
            return Err(Failure::new(Minor::Damaged, "a dataset's elements are not of its datatype's size"));
        }
        if layout.chunk().is_some() && !layout.suits(element, Space::decode(space)?.dimensions()?.len()) {
            return Err(Failure::new(Minor::Damaged, "a dataset's chunks do not suit its dataspace"));
        }
        let data = node.file.object(node.token, *data_upper)?;
        let outside = match layout {
            Layout::Virtual | Layout::RawFiles => {
                let list = decoded_list(node.creation_list()?, Variable::DATASET_CREATE)?;
                let lists = Lists { creation: list.get(), access: access_list };
                Outside::of(layout, &node, &lists, (&Space::decode(space)?, element), lineage)?
            }
            _ => Outside::No,
        };
        let layout = layout.clone();
        let dataset = Self { layout, stored, data, element, fill: OnceCell::new(), access, outside, located };
        dataset.open_filters(access_list)?;
        Ok(dataset)
    }

    /// Makes ready what runs its filters, unless another handle has it already.
    fn open_filters(&self, access: Hid) -> Result<()> {
        let Layout::Filtered { chunk } = &self.layout else { return Ok(()) };
        // What other ranks may change is not kept.
        let bytes = if self.node().file.is_shared() { 0 } else { chunk_cache_bytes(access)? };
        let mut filtered = self.node().filtered.borrow_mut();
        if let Some(filtered) = filtered.as_mut() {
            filtered.allow(bytes);
            return Ok(());
        }
        let list = self.node().creation_list()?;
        // SAFETY: the bytes are what `H5Pencode2` has written.
        let list = Identifier::new(unsafe { library().list_decode(list.as_ptr().cast()) }, "property list")?;
        // The filters work on one chunk, which is as large as the list says.
        if chunk_of(list.get(), &self.header_space()?).ok().as_ref() != Some(chunk) {
            return Err(Failure::new(Minor::Damaged, "a dataset's chunks are not those of its list of properties"));
        }
        let pipeline = Pipeline::new(self.node().file.scratch()?, &self.stored, list.get(), chunk)?;
        *filtered = Some(Filtered::new(pipeline, Rc::clone(&self.data), self.node().token, bytes));
        Ok(())
    }

    /// Calls a function with the chunks of a dataset with filters, and what one is made from.
    pub fn with_filtered<T>(&self, function: impl FnOnce(&mut Filtered, &File, &Shape<'_>) -> Result<T>) -> Result<T> {
        let dimensions = self.space()?.dimensions()?;
        self.with_filtered_of(&dimensions, function)
    }

    fn with_filtered_of<T>(
        &self,
        dimensions: &[u64],
        function: impl FnOnce(&mut Filtered, &File, &Shape<'_>) -> Result<T>,
    ) -> Result<T> {
        let (node, fill) = (self.node(), self.fill()?);
        let mut filtered = node.filtered.borrow_mut();
        let no_filters = || Failure::new(Minor::BadValue, "it is no dataset with filters");
        let (filtered, chunk) = filtered.as_mut().zip(self.layout.chunk()).ok_or_else(no_filters)?;
        function(filtered, &node.file, &Shape { chunk, element: self.element, dataset: dimensions, fill })
    }

    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// The object with its elements.
    pub fn data(&self) -> &Rc<Object> {
        &self.data
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Bytes of an element in the container.
    pub fn element(&self) -> u64 {
        self.element
    }

    fn node(&self) -> &Node {
        &self.located.node
    }

    /// Where elements are that are not in its objects.
    pub fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Forgets what is known of it, so that it is read anew.
    pub fn refresh(&self) -> Result<()> {
        self.node().refresh();
        if let Outside::Virtual(mapped) = &self.outside {
            mapped.refresh()?;
        }
        if let Some(filtered) = self.node().filtered.borrow_mut().as_mut() {
            filtered.refresh();
        }
        Ok(())
    }

    /// The list of properties with which it was opened.
    pub fn access_list(&self) -> Result<Identifier> {
        let list = match &self.access {
            // SAFETY: takes no pointer.
            Some(list) => Identifier::new(unsafe { library().list_copy(list.get()) }, "copy of a list"),
            None => default_list(Variable::DATASET_ACCESS),
        }?;
        self.outside.put_prefix(&list)?;
        Ok(list)
    }

    /// Its datatype, for a program.
    pub fn give_datatype(&self) -> Result<Hid> {
        committed::give(&self.located, self.node().header()?.committed(), &self.stored.memory)
    }

    /// Its datatype, for what is done here.
    pub fn datatype(&self) -> Result<Type> {
        self.stored.memory.again()
    }

    /// The bytes of an element that was never written.
    pub fn fill(&self) -> Result<&[u8]> {
        if let Some(fill) = self.fill.get() {
            return Ok(fill);
        }
        let mut value = vec![0; self.stored.file.size()];
        let list = self.node().creation_list()?;
        if self.stored.leads_elsewhere {
            if let Some(element) = self.fill_beside()? {
                value.copy_from_slice(&element);
            }
        } else if !list.is_empty() {
            let list = decoded_list(list, Variable::DATASET_CREATE)?;
            if fill::is_chosen(list.get()) && !fill::is_never_used(list.get()) {
                value = fill::in_list(list.get(), &self.stored)?;
            }
        }
        Ok(self.fill.get_or_init(|| value))
    }

    /// The fill value that lies beside the header, as an element.
    fn fill_beside(&self) -> Result<Option<Rc<[u8]>>> {
        let element = self.node().file.get(&self.node().object, key::HEADER, key::FILL)?;
        if element.as_ref().is_some_and(|element| element.len() != self.stored.file.size()) {
            return Err(Failure::new(Minor::Damaged, "a fill value is no element of its dataset"));
        }
        Ok(element)
    }

    /// The list of properties with which it was made.
    pub fn creation_list(&self) -> Result<Identifier> {
        let list = decoded_list(self.node().creation_list()?, Variable::DATASET_CREATE)?;
        if self.stored.leads_elsewhere
            && let Some(element) = self.fill_beside()?
        {
            fill::restore(list.get(), &self.stored, &element)?;
        }
        // It is not kept so: some filters, of those of plugins, refuse or misread what they have worked out.
        let settled = match self.node().filtered.borrow().as_ref() {
            Some(filtered) => filtered.pipeline.settled(list.get())?,
            None => None,
        };
        Ok(settled.unwrap_or(list))
    }
}
