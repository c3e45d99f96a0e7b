//! Datasets: making them, and moving their elements.

use crate::cells::{self, Cell, Piece};
use crate::convert::Stored;
use crate::daos::{self, Object, Range};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::{Header, Kind, Layout, key, part};
use crate::handle::Located;
use crate::hdf5::{
    Hid, Identifier, RANK_MAX, Space, Type, encode_property_list, layout, leads_elsewhere, library, size_of_type,
};
use crate::node::Node;
use crate::selection::{self, Run, Selection};
use std::cell::OnceCell;
use std::ffi::c_int;
use std::rc::Rc;

/// Bytes under one dkey of a contiguous dataset: large enough that a transfer is few requests, small enough to spread over targets.
const BLOCK: u64 = 1 << 20;
/// `H5D_FILL_VALUE_USER_DEFINED`.
const FILL_BY_USER: c_int = 2;

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
}

/// What elements are moved between: the file's selection in cells, and the memory's runs.
struct Transfer {
    cells: Vec<Cell>,
    memory: Selection,
    count: u64,
}

fn layout_of(list: Hid, space: &Space) -> Result<Layout> {
    // SAFETY: takes no pointer.
    let (kind, filters, external) = unsafe {
        (library().list_layout(list), library().list_filter_count(list), library().list_external_count(list))
    };
    if filters > 0 {
        return Err(Failure::not_yet("a dataset with filters (compression, checksums, shuffle)"));
    }
    if external > 0 {
        return Err(Failure::not_yet("a dataset with its data in other files"));
    }
    match kind {
        layout::COMPACT | layout::CONTIGUOUS => {
            let (dimensions, maximum) = space.both()?;
            if dimensions != maximum {
                return Err(Failure::new(Minor::BadValue, "only a chunked dataset can grow"));
            }
            Ok(Layout::Contiguous { block: BLOCK })
        }
        layout::CHUNKED => {
            let mut chunk = [0; RANK_MAX];
            // SAFETY: the array has as many places as said.
            let rank = unsafe { library().list_chunk(list, RANK_MAX as c_int, chunk.as_mut_ptr()) };
            let rank = usize::try_from(rank).unwrap_or_default();
            if rank == 0 || rank != space.dimensions()?.len() {
                let sentence = "chunks and dataspace have not the same number of dimensions";
                return Err(Failure::new(Minor::BadValue, sentence));
            }
            Ok(Layout::Chunked { chunk: chunk[..rank].to_vec() })
        }
        _ => Err(Failure::not_yet("a virtual dataset")),
    }
}

/// Whether a list of a dataset's creation has a fill value that the program has chosen.
fn has_fill_of_user(list: Hid) -> bool {
    let mut status = 0;
    // SAFETY: the number is ours.
    let result = unsafe { library().list_fill_defined(list, &raw mut status) };
    result >= 0 && status == FILL_BY_USER
}

impl Dataset {
    /// Makes one that no link leads to yet.
    pub fn create(file: &Rc<File>, datatype: Hid, space: Hid, list: Hid, path: Option<Vec<u8>>) -> Result<Self> {
        file.require_writable()?;
        let space = Space::copy_of(space)?;
        let layout = layout_of(list, &space)?;
        if has_fill_of_user(list) && leads_elsewhere(datatype)? {
            return Err(Failure::not_yet("a fill value of variable length"));
        }
        let encoded = Type::encode_id(datatype)?;
        let stored = Stored::decode(file, &encoded)?;
        let element = stored.file.size() as u64;
        let (kind, is_small) = match layout {
            Layout::Contiguous { .. } => (daos::object_type::NUMBERED, space.count()?.saturating_mul(element) <= BLOCK),
            Layout::Chunked { .. } => (daos::object_type::HASHED, false),
        };
        let data_upper = file.mount.upper(part::DATA, kind, 0, if is_small { daos::SMALL_OBJECT } else { 0 })?;
        let token = file.new_token(Kind::Dataset)?;
        let node = file.node(token)?;
        node.create_header(&Header::Dataset {
            list: encode_property_list(list)?,
            datatype: encoded,
            space: space.encode()?,
            data_upper,
            element: u32::try_from(element)
                .map_err(|_| Failure::new(Minor::BadValue, "an element has more than 4 GiB"))?,
            layout: layout.clone(),
        })?;
        let data = file.object(token, data_upper)?;
        Ok(Self { located: Located { node, path }, stored, data, layout, element, fill: OnceCell::new() })
    }

    /// Opens one.
    pub fn open(located: Located) -> Result<Self> {
        let node = Rc::clone(&located.node);
        let Header::Dataset { datatype, data_upper, element, layout, .. } = node.header()? else {
            return Err(Failure::new(Minor::BadType, "it is no dataset"));
        };
        let stored = Stored::decode(&node.file, datatype)?;
        let element = u64::from(*element);
        if stored.file.size() as u64 != element {
            return Err(Failure::new(Minor::Damaged, "a dataset's elements are not of its datatype's size"));
        }
        let data = node.file.object(node.token, *data_upper)?;
        Ok(Self { located, stored, data, layout: layout.clone(), element, fill: OnceCell::new() })
    }

    fn node(&self) -> &Node {
        &self.located.node
    }

    fn header_space(&self) -> Result<Space> {
        let Header::Dataset { space, .. } = self.node().header()? else {
            return Err(Failure::new(Minor::BadType, "it is no dataset"));
        };
        Space::decode(space)
    }

    /// Its dataspace as it is now.
    pub fn space(&self) -> Result<Space> {
        let space = self.header_space()?;
        if let Layout::Chunked { chunk } = &self.layout {
            if self.node().dimensions.borrow().is_none() {
                let stored = self.node().file.get(&self.node().object, key::HEADER, key::DIMENSIONS)?;
                let dimensions = match stored {
                    Some(bytes) => cells::chunk_coordinates(&bytes, chunk.len())
                        .ok_or_else(|| Failure::new(Minor::Damaged, "the dimensions of a dataset are damaged"))?,
                    None => space.dimensions()?,
                };
                *self.node().dimensions.borrow_mut() = Some(dimensions);
            }
            if let Some(dimensions) = self.node().dimensions.borrow().as_deref() {
                space.set_dimensions(dimensions)?;
            }
        }
        Ok(space)
    }

    /// Forgets what is known of it, so that it is read anew.
    pub fn refresh(&self) {
        *self.node().dimensions.borrow_mut() = None;
    }

    /// Its datatype, as programs see it.
    pub fn datatype(&self) -> Result<Type> {
        self.stored.memory.copy()
    }

    /// Bytes of its elements, written or not.
    pub fn size(&self) -> Result<u64> {
        Ok(self.space()?.count()?.saturating_mul(self.element))
    }

    /// Gives it other dimensions.
    pub fn set_dimensions(&self, dimensions: &[u64]) -> Result<()> {
        self.node().file.require_writable()?;
        let Layout::Chunked { chunk } = &self.layout else {
            return Err(Failure::new(Minor::BadValue, "only a chunked dataset can change its dimensions"));
        };
        let space = self.space()?;
        let (old, maximum) = space.both()?;
        if old.len() != dimensions.len() || dimensions.iter().zip(&maximum).any(|(new, maximum)| new > maximum) {
            return Err(Failure::new(Minor::BadValue, "a dataset cannot grow beyond its greatest dimensions"));
        }
        let value = cells::chunk_key(dimensions);
        if dimensions.iter().zip(&old).any(|(new, old)| new < old) {
            self.remove_outside(chunk, dimensions)?;
        }
        self.node().file.put(&self.node().object, key::HEADER, key::DIMENSIONS, value)?;
        *self.node().dimensions.borrow_mut() = Some(dimensions.to_vec());
        Ok(())
    }

    /// Removes the elements that a dataset of these dimensions does not have.
    fn remove_outside(&self, chunk: &[u64], dimensions: &[u64]) -> Result<()> {
        for dkey in self.data.dkeys()? {
            let Some(coordinates) = cells::chunk_coordinates(&dkey, chunk.len()) else { continue };
            let pieces = cells::outside(chunk, &coordinates, self.element, dimensions);
            let whole = chunk.iter().product::<u64>() * self.element;
            match pieces.as_slice() {
                [] => {}
                [piece] if piece.length == whole => self.data.punch_dkey(&dkey)?,
                pieces => {
                    let ranges: Vec<_> = pieces.iter().map(|piece| (piece.offset, piece.length)).collect();
                    self.data.punch_ranges(&dkey, key::BYTES, &ranges)?;
                }
            }
        }
        Ok(())
    }

    fn fill(&self) -> Result<&[u8]> {
        if let Some(fill) = self.fill.get() {
            return Ok(fill);
        }
        let mut fill = vec![0; self.stored.file.size()];
        let list = self.node().creation_list()?;
        if !list.is_empty() && !self.stored.leads_elsewhere {
            // SAFETY: the bytes are what `H5Pencode2` has written.
            let list = Identifier::new(unsafe { library().list_decode(list.as_ptr().cast()) }, "property list")?;
            if has_fill_of_user(list.get()) {
                // SAFETY: the buffer has room for an element of this type.
                let result =
                    unsafe { library().list_fill_value(list.get(), self.stored.file.get(), fill.as_mut_ptr().cast()) };
                if result < 0 {
                    return Err(Failure::new(Minor::CannotConvert, "the fill value cannot be converted"));
                }
            }
        }
        Ok(self.fill.get_or_init(|| fill))
    }

    fn plan(&self, memory_type: Hid, memory_space: Hid, file_space: Hid) -> Result<Transfer> {
        let whole = self.space()?;
        let element = self.element;
        let file = selection::of_file(file_space, &whole, self.stored.file.size())?;
        let memory = selection::of_memory(memory_space, file_space, &whole, file.count, size_of_type(memory_type))?;
        if memory.count != file.count {
            let sentence = format!("{} elements of memory and {} of the file are selected", memory.count, file.count);
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        let cells = cells::cells(&self.layout, element, &file.runs, &file.dimensions, &whole.dimensions()?)?;
        Ok(Transfer { cells, memory, count: file.count })
    }

    /// Reads elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means.
    pub unsafe fn read(&self, memory_type: Hid, spaces: (Hid, Hid), list: Hid, buffer: *mut u8) -> Result<()> {
        let transfer = self.plan(memory_type, spaces.0, spaces.1)?;
        if transfer.count == 0 {
            return Ok(());
        }
        if buffer.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory to read into"));
        }
        let count = to_usize(transfer.count)?;
        if self.stored.is_same(memory_type) {
            // SAFETY: as the caller promises.
            unsafe { fill_runs(&transfer.memory.runs, buffer, self.fill()?) };
            // SAFETY: the same.
            return unsafe { self.move_cells(&transfer.cells, &transfer.memory.runs, buffer, false) };
        }
        let bytes = self.fetch_packed(&transfer.cells, count)?;
        // SAFETY: as the caller promises.
        let background = unsafe { gather(&transfer.memory.runs, buffer) };
        let converted = self.stored.to_memory(bytes, count, memory_type, background, list)?;
        // SAFETY: the same.
        unsafe { scatter(&transfer.memory.runs, buffer, &converted) };
        Ok(())
    }

    /// Writes elements.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write(&self, memory_type: Hid, spaces: (Hid, Hid), list: Hid, buffer: *const u8) -> Result<()> {
        self.node().file.require_writable()?;
        let transfer = self.plan(memory_type, spaces.0, spaces.1)?;
        if transfer.count == 0 {
            return Ok(());
        }
        if buffer.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory to write from"));
        }
        let count = to_usize(transfer.count)?;
        if self.stored.is_same(memory_type) {
            // SAFETY: as the caller promises; writing only reads the memory.
            return unsafe { self.move_cells(&transfer.cells, &transfer.memory.runs, buffer.cast_mut(), true) };
        }
        // SAFETY: the same.
        let bytes = unsafe { gather(&transfer.memory.runs, buffer) };
        // Members that memory does not have stay what they are.
        let background = self.fetch_packed(&transfer.cells, count)?;
        let mut converted = self.stored.to_file(bytes, count, memory_type, background, list)?;
        let run = [Run { offset: 0, length: converted.len() as u64 }];
        // SAFETY: the run is the whole of a vector that is ours.
        unsafe { self.move_cells(&transfer.cells, &run, converted.as_mut_ptr(), true) }
    }

    /// Elements as they are stored, one after the other.
    fn fetch_packed(&self, cells: &[Cell], count: usize) -> Result<Vec<u8>> {
        let size = count.checked_mul(self.stored.file.size());
        let size = size.ok_or_else(|| Failure::new(Minor::BadValue, "there are too many elements for memory"))?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(size)
            .map_err(|_| Failure::new(Minor::ReadError, format!("no memory for {size} bytes")))?;
        bytes.resize(size, 0);
        let run = [Run { offset: 0, length: size as u64 }];
        // SAFETY: the run is the whole of a vector that is ours.
        unsafe {
            fill_runs(&run, bytes.as_mut_ptr(), self.fill()?);
            self.move_cells(cells, &run, bytes.as_mut_ptr(), false)?;
        }
        Ok(bytes)
    }

    /// Moves bytes between cells and runs of memory, which are as many.
    ///
    /// # Safety
    /// The runs lie in memory that is there.
    unsafe fn move_cells(&self, cells: &[Cell], runs: &[Run], memory: *mut u8, is_write: bool) -> Result<()> {
        let places = Places::new(runs);
        for cell in cells {
            let mut ranges = Vec::with_capacity(cell.pieces.len());
            for piece in &cell.pieces {
                places.split(piece, |offset, at, length| {
                    // SAFETY: the place lies in a run, which lies in the memory.
                    let memory = unsafe { memory.add(at) };
                    ranges.push(Range { offset, memory, length });
                });
            }
            for ranges in without_overlap(&ranges) {
                // SAFETY: as above.
                unsafe { self.data.transfer(&cell.dkey, key::BYTES, ranges, is_write)? };
            }
        }
        Ok(())
    }
}

fn to_usize(count: u64) -> Result<usize> {
    usize::try_from(count).map_err(|_| Failure::new(Minor::BadValue, "there are too many elements for memory"))
}

/// Parts of a list in which no two ranges overlap: a selection of points may name an element twice, and the last one counts.
fn without_overlap(ranges: &[Range]) -> Vec<&[Range]> {
    let mut order: Vec<(u64, u64)> = ranges.iter().map(|range| (range.offset, range.length as u64)).collect();
    order.sort_unstable();
    let overlaps = order.windows(2).any(|pair| pair[0].0 + pair[0].1 > pair[1].0);
    if overlaps { ranges.chunks(1).collect() } else { vec![ranges] }
}

/// Where a position in the order of a selection lies in memory.
struct Places<'a> {
    runs: &'a [Run],
    /// The position at which each run begins.
    begins: Vec<u64>,
}

impl<'a> Places<'a> {
    fn new(runs: &'a [Run]) -> Self {
        let mut position = 0;
        let begins = runs.iter().map(|run| {
            position += run.length;
            position - run.length
        });
        Self { begins: begins.collect(), runs }
    }

    /// Gives the parts of a piece that lie in one run each: offset in the cell, offset in memory, length.
    fn split(&self, piece: &Piece, mut give: impl FnMut(u64, usize, usize)) {
        let (mut offset, mut position, mut left) = (piece.offset, piece.position, piece.length);
        let mut number = self.begins.partition_point(|begin| *begin <= position) - 1;
        while left > 0 {
            let (run, begin) = (self.runs[number], self.begins[number]);
            let length = left.min(begin + run.length - position);
            give(offset, (run.offset + position - begin) as usize, length as usize);
            offset += length;
            position += length;
            left -= length;
            number += 1;
        }
    }
}

/// Fills runs of memory with elements.
///
/// # Safety
/// The runs lie in memory that is there.
unsafe fn fill_runs(runs: &[Run], memory: *mut u8, element: &[u8]) {
    let is_zero = element.iter().all(|byte| *byte == 0);
    for run in runs {
        // SAFETY: as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts_mut(memory.add(run.offset as usize), run.length as usize) };
        if is_zero {
            bytes.fill(0);
        } else {
            for place in bytes.chunks_mut(element.len()) {
                place.copy_from_slice(&element[..place.len()]);
            }
        }
    }
}

/// Bytes of runs of memory, one after the other.
///
/// # Safety
/// The runs lie in memory that is there.
unsafe fn gather(runs: &[Run], memory: *const u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(runs.iter().map(|run| run.length as usize).sum());
    for run in runs {
        // SAFETY: as the caller promises.
        bytes.extend_from_slice(unsafe {
            std::slice::from_raw_parts(memory.add(run.offset as usize), run.length as usize)
        });
    }
    bytes
}

/// Puts bytes into runs of memory.
///
/// # Safety
/// The runs lie in memory that is there, and the bytes are as many.
unsafe fn scatter(runs: &[Run], memory: *mut u8, bytes: &[u8]) {
    let mut rest = bytes;
    for run in runs {
        let (part, behind) = rest.split_at(run.length as usize);
        // SAFETY: as the caller promises.
        unsafe { std::ptr::copy_nonoverlapping(part.as_ptr(), memory.add(run.offset as usize), part.len()) };
        rest = behind;
    }
}
