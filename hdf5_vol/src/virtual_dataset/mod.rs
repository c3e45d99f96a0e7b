//! Virtual datasets: their elements are those of other datasets, their sources, or the fill value. What is mapped to what lies in the list of
//! their creation, as HDF5 encodes it.
//!
//! Where selections have no end, the dimensions follow those of the sources. They are looked at when a program asks for the dataspace, and
//! reading and writing keep to what was found then, as in HDF5's own files.

mod growth;
mod lineage;
mod mapping;
mod offsets;
mod pattern;
mod points;
mod source;
mod transfer;

pub use lineage::Lineage;
pub use mapping::text;
pub use offsets::without_offsets;

use crate::external;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, Identifier, Slab, Space, VIEW_FIRST_MISSING, library};
use crate::node::Node;
use growth::Growth;
use mapping::{Mapping, Reach};
use source::{Search, Source};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::rc::Rc;

/// Directories in which sources are looked for first, with colons between them.
const PREFIX_VARIABLE: &str = "HDF5_VDS_PREFIX";

/// Which source: the number of the mapping, and that of the block, where each has its own.
type Place = (usize, u64);

/// What a virtual dataset is made of.
pub struct Virtual {
    node: Rc<Node>,
    mappings: Vec<Mapping>,
    /// Whether it ends where the first of its sources does, and not where the last one does.
    ends_first: bool,
    /// How many numbered sources may be missing before another one.
    gap: u64,
    prefixes: Vec<String>,
    /// The prefix of the list, as programs see it.
    prefix: Option<String>,
    access: Identifier,
    lineage: Lineage,
    open: RefCell<HashMap<Place, Rc<Source>>>,
    /// Numbered sources that were seen.
    seen: RefCell<HashSet<Place>>,
    resolved: RefCell<Option<Rc<Resolved>>>,
    /// A program has given it its dimensions, which it keeps until somebody asks for them.
    is_given: Cell<bool>,
    /// How often that was done to the dataset, by any handle, when it was looked at last.
    times_given: Cell<u64>,
}

/// Elements of the virtual dataset that are those of one source. Both selections are of the same size.
pub struct Part {
    place: Place,
    here: Space,
    there: Space,
    /// The first and the last coordinates of what is selected here; none where nothing is.
    bounds: Option<Bounds>,
}

/// The first and the last coordinates.
type Bounds = (Vec<u64>, Vec<u64>);

/// What it is at a time.
pub struct Resolved {
    pub space: Space,
    parts: Vec<Part>,
    /// Whether no two parts have an element in common for sure.
    are_apart: bool,
}

impl Virtual {
    /// From the list of its creation, for a dataset of a dataspace. What is opened for it is opened as the list of access says.
    pub fn new(node: &Rc<Node>, list: Hid, space: &Space, access: Identifier, lineage: &Lineage) -> Result<Self> {
        let mappings = Mapping::all(list)?;
        let (mut view, mut gap) = (0, 0);
        // SAFETY: the numbers are ours.
        let results = unsafe {
            (
                library().list_virtual_view(access.get(), &raw mut view),
                library().list_virtual_gap(access.get(), &raw mut gap),
            )
        };
        if results.0 < 0 || results.1 < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell how a virtual dataset is seen"));
        }
        let ends_first = view == VIEW_FIRST_MISSING;
        let (prefix, prefixes) = prefixes(&access, &node.file.name)?;
        let made = Self {
            node: Rc::clone(node),
            mappings,
            ends_first,
            gap: if ends_first { 0 } else { gap },
            prefixes,
            prefix,
            access,
            lineage: lineage.with(node)?,
            open: RefCell::default(),
            seen: RefCell::default(),
            resolved: RefCell::default(),
            is_given: Cell::new(false),
            times_given: Cell::new(node.times_given.get()),
        };
        made.check(&space.dimensions()?)?;
        Ok(made)
    }

    /// Refuses dimensions that do not have all that is mapped.
    pub fn check(&self, dimensions: &[u64]) -> Result<()> {
        for mapping in &self.mappings {
            if mapping.here.rank()? != dimensions.len() {
                let sentence = "a mapping of a virtual dataset has another number of dimensions than the dataset";
                return Err(Failure::new(Minor::BadValue, sentence));
            }
        }
        if self.minimum(dimensions.len())?.iter().zip(dimensions).any(|(minimum, dimension)| minimum > dimension) {
            let sentence = "the dimensions of a virtual dataset do not have all that is mapped to it";
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        Ok(())
    }

    fn minimum(&self, rank: usize) -> Result<Vec<u64>> {
        let mut all = vec![0; rank];
        for mapping in &self.mappings {
            for (most, size) in all.iter_mut().zip(mapping.minimum()?.unwrap_or_default()) {
                *most = size.max(*most);
            }
        }
        Ok(all)
    }

    /// The prefix of the names of sources, for the list of access that a program asks for.
    pub fn put_prefix(&self, list: &Identifier) -> Result<()> {
        let Some(prefix) = &self.prefix else { return Ok(()) };
        let text = CString::new(prefix.as_bytes()).unwrap_or_default();
        // SAFETY: the text ends with zero.
        if unsafe { library().list_set_virtual_prefix(list.get(), text.as_ptr()) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 refuses a prefix"));
        }
        Ok(())
    }

    /// Forgets what is known of the sources.
    pub fn refresh(&self) -> Result<()> {
        *self.resolved.borrow_mut() = None;
        self.seen.borrow_mut().clear();
        let open: Vec<Rc<Source>> = self.open.borrow().values().map(Rc::clone).collect();
        open.iter().try_for_each(|source| source.refresh())
    }

    /// Heeds dimensions that a program has given, by this handle or another one.
    fn take_dimensions(&self) {
        let times = self.node.times_given.get();
        if self.times_given.replace(times) != times {
            *self.resolved.borrow_mut() = None;
            self.is_given.set(true);
        }
    }

    /// What it is now, from its dataspace without what grows.
    pub fn resolve(&self, base: Space) -> Result<Rc<Resolved>> {
        self.times_given.set(self.node.times_given.get());
        self.is_given.set(false);
        self.resolve_within(base)
    }

    fn resolve_within(&self, base: Space) -> Result<Rc<Resolved>> {
        let mut dimensions = base.dimensions()?;
        if let Some(resolved) = self.resolved.borrow().as_ref().filter(|_| !self.grows())
            && resolved.space.dimensions()? == dimensions
        {
            return Ok(Rc::clone(resolved));
        }
        let sizes = self.sizes()?;
        if !self.is_given.get() {
            self.grow(&mut dimensions, &sizes)?;
        }
        if dimensions != base.dimensions()? {
            base.set_dimensions(&dimensions)?;
        }
        let mut parts = Vec::new();
        for (number, size) in sizes.iter().enumerate() {
            self.add_parts(number, *size, &base, &dimensions, &mut parts)?;
        }
        let are_apart = transfer::are_apart(parts.iter().filter_map(|part| part.bounds.as_ref()).collect());
        let resolved = Rc::new(Resolved { space: base, parts, are_apart });
        *self.resolved.borrow_mut() = Some(Rc::clone(&resolved));
        Ok(resolved)
    }

    /// The same, or as it was found before.
    pub fn known(&self, base: impl FnOnce() -> Result<Space>) -> Result<Rc<Resolved>> {
        self.take_dimensions();
        if let Some(resolved) = self.resolved.borrow().as_ref().filter(|_| self.grows()) {
            return Ok(Rc::clone(resolved));
        }
        self.resolve_within(base()?)
    }

    /// Changes dimensions to what mappings reach.
    fn grow(&self, dimensions: &mut [u64], sizes: &[Option<Size>]) -> Result<()> {
        let mut grown: Vec<Option<u64>> = vec![None; dimensions.len()];
        for (growth, size) in self.mappings.iter().zip(sizes).filter_map(|(mapping, size)| mapping.growing().zip(*size))
        {
            let best = if self.ends_first { u64::min } else { u64::max };
            let place = &mut grown[growth.dimension];
            *place = Some(place.map_or(size.extent, |other| best(other, size.extent)));
        }
        let minimum = self.minimum(dimensions.len())?;
        for ((dimension, grown), minimum) in dimensions.iter_mut().zip(grown).zip(minimum) {
            *dimension = grown.map_or(*dimension, |grown| grown.max(minimum));
        }
        Ok(())
    }

    /// Whether its dimensions follow those of sources.
    fn grows(&self) -> bool {
        self.mappings.iter().any(|mapping| mapping.growing().is_some())
    }

    /// How far each mapping reaches that grows.
    fn sizes(&self) -> Result<Vec<Option<Size>>> {
        let size = |(number, mapping): (usize, &Mapping)| match &mapping.reach {
            Reach::Fixed => Ok(None),
            Reach::Growing { here, there } => self.growing_size(number, &here.0, &there.0).map(Some),
            Reach::Numbered { here } => self.numbered_size(number, &here.0).map(Some),
        };
        self.mappings.iter().enumerate().map(size).collect()
    }

    fn growing_size(&self, number: usize, here: &Growth, there: &Growth) -> Result<Size> {
        let Some(source) = self.source((number, 0))? else { return Ok(Size { many: 0, extent: 0 }) };
        let dimensions = source.space()?.dimensions()?;
        let extent = dimensions
            .get(there.dimension)
            .copied()
            .filter(|_| self.mappings[number].there.rank().is_ok_and(|rank| rank == dimensions.len()));
        let extent = extent.ok_or_else(other_rank)?;
        let many = there.slices(extent);
        Ok(Size { many, extent: here.extent(many, self.ends_first) })
    }

    /// Looks for the last source that is there, with no more missing before it than are allowed.
    fn numbered_size(&self, number: usize, here: &Growth) -> Result<Size> {
        let many = growth::count_blocks(self.gap, |block| self.is_there((number, block)))?;
        let extent = match many {
            0 => 0,
            _ if self.ends_first => here.block_start(many),
            _ => here.block_end(many - 1),
        };
        Ok(Size { many, extent })
    }

    fn is_there(&self, place: Place) -> Result<bool> {
        if self.seen.borrow().contains(&place) || self.open.borrow().contains_key(&place) {
            return Ok(true);
        }
        // It is not kept open: there may be very many.
        let is_there = self.open_source(place)?.is_some();
        if is_there {
            self.seen.borrow_mut().insert(place);
        }
        Ok(is_there)
    }

    fn open_source(&self, (number, block): Place) -> Result<Option<Source>> {
        let mapping = &self.mappings[number];
        let search = Search {
            file: &self.node.file,
            prefixes: &self.prefixes,
            access: self.access.get(),
            lineage: &self.lineage,
        };
        let needs_directory = mapping.file.is_numbered_by_directory() && !mapping.path.is_numbered();
        search.open(&mapping.file.name(block), needs_directory, &mapping.path.name(block))
    }

    /// A source, which stays open; none when it is not there.
    fn source(&self, place: Place) -> Result<Option<Rc<Source>>> {
        if let Some(source) = self.open.borrow().get(&place) {
            return Ok(Some(Rc::clone(source)));
        }
        let Some(source) = self.open_source(place)? else { return Ok(None) };
        self.lineage.count()?;
        let source = Rc::new(source);
        self.open.borrow_mut().insert(place, Rc::clone(&source));
        Ok(Some(source))
    }

    /// Adds what a mapping means within these dimensions.
    fn add_parts(
        &self,
        number: usize,
        size: Option<Size>,
        space: &Space,
        dimensions: &[u64],
        parts: &mut Vec<Part>,
    ) -> Result<()> {
        let mapping = &self.mappings[number];
        let mut add = |block: u64, here: Space, there: Space| {
            here.take_extent(space)?;
            let bounds = if here.selected()? == 0 { None } else { here.bounds()? };
            parts.push(Part { place: (number, block), here, there, bounds });
            Ok::<(), Failure>(())
        };
        let of_slabs = |space: &Space, slabs: &[Slab]| {
            let space = space.copy()?;
            space.select_slabs(slabs)?;
            Ok::<Space, Failure>(space)
        };
        match (&mapping.reach, size) {
            (Reach::Growing { here, there }, Some(size)) => {
                let slices = here.0.slices(dimensions[here.0.dimension]).min(size.many);
                let ended = of_slabs(&mapping.here, &here.0.ended(&here.1, slices))?;
                add(0, ended, of_slabs(&mapping.there, &there.0.ended(&there.1, slices))?)
            }
            (Reach::Numbered { here }, Some(size)) => {
                for block in 0..size.many {
                    let whole = here.0.block(&here.1, block, u64::MAX);
                    let part = here.0.block(&here.1, block, dimensions[here.0.dimension]);
                    let (Some(whole), Some(part)) = (whole, part) else { break };
                    let ended = of_slabs(&mapping.here, std::slice::from_ref(&part))?;
                    let there = if part == whole {
                        mapping.there.copy()?
                    } else {
                        of_slabs(&mapping.here, &[whole])?.project(&mapping.there, &ended)?
                    };
                    add(block, ended, there)?;
                }
                Ok(())
            }
            _ => add(0, mapping.here.copy()?, mapping.there.copy()?),
        }
    }
}

/// How far a mapping reaches: its slices or blocks, and the extent of the virtual dataset by that.
#[derive(Clone, Copy)]
struct Size {
    many: u64,
    extent: u64,
}

fn other_rank() -> Failure {
    Failure::new(
        Minor::BadValue,
        "a source of a virtual dataset has another number of dimensions than the mapping says",
    )
}

/// Where sources are looked for: what a program sees as the prefix, and all of them in their order.
fn prefixes(access: &Identifier, file: &str) -> Result<(Option<String>, Vec<String>)> {
    let variable = std::env::var(PREFIX_VARIABLE).unwrap_or_default();
    let in_list = text("a prefix", |buffer, size| {
        // SAFETY: the buffer is null or has the size.
        unsafe { library().list_virtual_prefix(access.get(), buffer, size) }
    })?;
    let chosen = if variable.is_empty() { String::from_utf8_lossy(&in_list).into_owned() } else { variable.clone() };
    let prefix = (!chosen.is_empty() && chosen != ".").then(|| external::expand(&chosen, file));
    let mut all: Vec<String> = variable.split(':').map(str::to_owned).collect();
    all.extend(prefix.clone());
    Ok((prefix, all))
}
