//! Moving a dataset's elements: between the program's memory and the store without a copy where types are the same, else by
//! HDF5's conversion, a strip at a time. Few bytes are written behind, many are many requests at once.

use crate::cells::{self, Cell};
use crate::daos::{Direction, Range, Request};
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::format::{Layout, key};
use crate::hdf5::{Hid, size_of_type};
use crate::memory::{self, Cutter, Places};
use crate::outside::Outside;
use crate::selection::{self, Run, Selection};

/// Up to so many bytes of one call are copied and written behind; more are written from where they are. A copy of as many costs
/// less than waiting for the engine.
const BEHIND_MAX: u64 = 64 << 10;
/// Ranges that are left to be written behind at a time.
const BEHIND_RANGES: usize = 1024;
/// Bytes that are converted at a time: few enough that several copies of them fit into memory, and many enough to be many requests.
pub const STRIP: usize = 16 << 20;
const FILTERED_STRIP: usize = 256 << 20;

/// What elements are moved between: selections of the file and of memory, of as many elements.
pub struct Transfer {
    pub file: Selection,
    pub memory: Selection,
    dataset: Vec<u64>,
}

impl Transfer {
    fn count(&self) -> u64 {
        self.file.count
    }
}

impl Dataset {
    /// What goes from where to where, if anything does.
    pub fn plan(
        &self,
        memory_type: Hid,
        (memory_space, file_space): (Hid, Hid),
        buffer: *const u8,
    ) -> Result<Option<Transfer>> {
        let whole = self.space()?;
        let file = selection::of_file(file_space, &whole, self.stored().file.size())?;
        let memory = selection::of_memory(memory_space, file_space, &whole, file.count, size_of_type(memory_type))?;
        if memory.count != file.count {
            let sentence = format!("{} elements of memory and {} of the file are selected", memory.count, file.count);
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        let transfer = Transfer { file, memory, dataset: whole.dimensions()? };
        if transfer.count() == 0 {
            return Ok(None);
        }
        if buffer.is_null() {
            return Err(Failure::new(Minor::BadValue, "there is no memory for the elements"));
        }
        Ok(Some(transfer))
    }

    /// The chunks that a transfer goes to, and how many bytes of each.
    pub fn touched(&self, memory_type: Hid, spaces: (Hid, Hid), buffer: *const u8) -> Result<Vec<(Vec<u8>, u64)>> {
        let Some(transfer) = self.plan(memory_type, spaces, buffer)? else { return Ok(Vec::new()) };
        let cells = self.cells(&transfer, &transfer.file.runs)?;
        let bytes = |cell: &Cell| cell.pieces.iter().map(|piece| piece.length).sum();
        Ok(cells.iter().map(|cell| (cell.dkey.to_vec(), bytes(cell))).collect())
    }

    /// The parts of the dataset that runs lie in.
    pub fn cells(&self, transfer: &Transfer, runs: &[Run]) -> Result<Vec<Cell>> {
        cells::cells(self.layout(), self.element(), runs, &transfer.file.dimensions, &transfer.dataset)
    }

    /// Reads elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means.
    pub unsafe fn read(&self, memory_type: Hid, spaces: (Hid, Hid), list: Hid, buffer: *mut u8) -> Result<()> {
        if let Outside::Virtual(mapped) = self.outside() {
            // SAFETY: as the caller promises.
            return unsafe { mapped.read(self, memory_type, spaces, list, buffer) };
        }
        let Some(transfer) = self.plan(memory_type, spaces, buffer)? else { return Ok(()) };
        if self.stored().is_same(memory_type) {
            let cells = self.cells(&transfer, &transfer.file.runs)?;
            // SAFETY: as the caller promises.
            return unsafe { self.read_cells(&cells, &transfer.memory.runs, buffer) };
        }
        let needs_background = self.stored().needs_background_in(memory_type)?;
        self.strips(&transfer, memory_type, |cells, count, runs| {
            let bytes = self.read_packed(&cells, count)?;
            // SAFETY: as the caller promises.
            let background = needs_background.then(|| unsafe { memory::gather(runs, buffer) });
            let converted = self.stored().to_memory(bytes, count, memory_type, background, list)?;
            // SAFETY: the same.
            unsafe { memory::scatter(runs, buffer, &converted) };
            Ok(())
        })
    }

    /// Whether as many bytes of one call are copied and written behind.
    pub fn is_written_behind(&self, bytes: u64) -> bool {
        bytes <= BEHIND_MAX && !self.located.node.file.is_shared()
    }

    /// Writes elements.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write(&self, memory_type: Hid, spaces: (Hid, Hid), list: Hid, buffer: *const u8) -> Result<()> {
        self.located.node.file.require_writable()?;
        if let Outside::Virtual(mapped) = self.outside() {
            // SAFETY: as the caller promises.
            return unsafe { mapped.write(self, memory_type, spaces, list, buffer) };
        }
        let Some(transfer) = self.plan(memory_type, spaces, buffer)? else { return Ok(()) };
        if self.stored().is_same(memory_type) {
            let cells = self.cells(&transfer, &transfer.file.runs)?;
            // SAFETY: as the caller promises.
            return unsafe { self.write_cells(&cells, &transfer.memory.runs, buffer) };
        }
        let background = self.stored().background_in_file(memory_type)?;
        self.strips(&transfer, memory_type, |cells, count, runs| {
            // SAFETY: as the caller promises.
            let bytes = unsafe { memory::gather(runs, buffer) };
            let background = match background {
                crate::convert::Background::None => None,
                crate::convert::Background::Zeros => Some(Vec::new()),
                // Members that memory does not have stay what they are.
                crate::convert::Background::Stored => Some(self.read_packed(&cells, count)?),
            };
            let converted = self.stored().to_file(bytes, count, memory_type, background, list)?;
            let run = [Run { offset: 0, length: converted.len() as u64 }];
            if self.stored().leads_elsewhere && run[0].length > BEHIND_MAX {
                self.located.node.file.write_values()?;
            }
            // SAFETY: the run is the whole of a vector that is ours.
            unsafe { self.write_cells(&cells, &run, converted.as_ptr()) }
        })
    }

    /// Cuts a transfer into strips: gives the cells of each, how many elements it has, and its runs of memory.
    fn strips(
        &self,
        transfer: &Transfer,
        memory_type: Hid,
        mut strip: impl FnMut(Vec<Cell>, usize, &[Run]) -> Result<()>,
    ) -> Result<()> {
        let (in_file, in_memory) = (self.stored().file.size(), size_of_type(memory_type));
        // A strip may cut chunks, which would go through their filters for each.
        let strip_bytes = if matches!(self.layout(), Layout::Filtered { .. }) { FILTERED_STRIP } else { STRIP };
        let most = (strip_bytes / in_file.max(in_memory)).max(1) as u64;
        let (mut file, mut memory) = (Cutter::new(&transfer.file.runs), Cutter::new(&transfer.memory.runs));
        let mut left = transfer.count();
        while left > 0 {
            let count = left.min(most);
            let (file, memory) = (file.take(count * in_file as u64), memory.take(count * in_memory as u64));
            strip(self.cells(transfer, &file)?, count as usize, &memory)?;
            left -= count;
        }
        Ok(())
    }

    /// Elements as they are stored, one after the other.
    fn read_packed(&self, cells: &[Cell], count: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; count * self.stored().file.size()];
        let run = [Run { offset: 0, length: bytes.len() as u64 }];
        // SAFETY: the run is the whole of a vector that is ours.
        unsafe { self.read_cells(cells, &run, bytes.as_mut_ptr())? };
        Ok(bytes)
    }

    /// Reads the bytes of cells into runs of memory, which have as many.
    ///
    /// # Safety
    /// The runs lie in memory that is there.
    unsafe fn read_cells(&self, cells: &[Cell], runs: &[Run], memory: *mut u8) -> Result<()> {
        if matches!(self.layout(), Layout::Filtered { .. }) {
            let places = Places::new(runs);
            return self.with_filtered(|filtered, file, shape| {
                // SAFETY: as the caller promises.
                unsafe { filtered.read(file, cells, shape.fill, |cell| ranges(cell, &places, memory)) }
            });
        }
        if let Outside::RawFiles(files) = self.outside() {
            let (places, mut open) = (Places::new(runs), files.open(false));
            // SAFETY: as the caller promises.
            return cells.iter().flat_map(|cell| unsafe { ranges(cell, &places, memory) }).try_for_each(|range| {
                // SAFETY: the range lies in the memory.
                let bytes = unsafe { std::slice::from_raw_parts_mut(range.memory, range.length) };
                open.read(range.offset, bytes)
            });
        }
        // SAFETY: as the caller promises.
        if unsafe { self.read_known(cells, runs, memory) } {
            return Ok(());
        }
        // SAFETY: the same.
        let (requests, numbers) = unsafe { requests(cells, runs, memory) };
        let file = &self.located.node.file;
        file.settle_bytes(self.data())?;
        let mut holes = Vec::new();
        // SAFETY: the same.
        unsafe {
            file.transfer(self.data(), &requests, Direction::Read, &mut |number, range| holes.push((number, range)))?;
        }
        if holes.is_empty() {
            return Ok(());
        }
        let fill = self.fill()?;
        for (number, range) in holes {
            // SAFETY: the hole lies in a range, which lies in the memory.
            let bytes = unsafe { std::slice::from_raw_parts_mut(range.memory, range.length) };
            memory::fill(bytes, cells[numbers[number]].phase + range.offset, fill);
        }
        Ok(())
    }

    /// Reads what came with the header of a small dataset. False when that is not all that is wanted.
    ///
    /// # Safety
    /// The runs lie in memory that is there.
    unsafe fn read_known(&self, cells: &[Cell], runs: &[Run], memory: *mut u8) -> bool {
        let ([cell], Layout::Inside) = (cells, self.layout()) else { return false };
        let places = Places::new(runs);
        let read = |known: &[u8]| {
            let end = cell.pieces.iter().map(|piece| piece.offset + piece.length).max()?;
            (end <= known.len() as u64).then(|| {
                for piece in &cell.pieces {
                    places.split(piece, |offset, at, length| {
                        let from = &known[offset as usize..][..length];
                        // SAFETY: the place lies in a run, which lies in the memory.
                        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), memory.add(at), length) };
                    });
                }
            })
        };
        self.located.node.with_known_bytes(read).is_some()
    }

    /// Writes runs of memory to cells, which have as many bytes.
    ///
    /// # Safety
    /// The runs lie in memory that is there.
    unsafe fn write_cells(&self, cells: &[Cell], runs: &[Run], memory: *const u8) -> Result<()> {
        if matches!(self.layout(), Layout::Filtered { .. }) {
            let places = Places::new(runs);
            return self.with_filtered(|filtered, file, shape| {
                // SAFETY: as the caller promises; writing only reads the memory.
                unsafe { filtered.write(file, cells, shape, |cell| ranges(cell, &places, memory.cast_mut())) }
            });
        }
        if let Outside::RawFiles(files) = self.outside() {
            let (places, mut open) = (Places::new(runs), files.open(true));
            // SAFETY: as the caller promises; nothing writes to the memory.
            let ranges = cells.iter().flat_map(|cell| unsafe { ranges(cell, &places, memory.cast_mut()) });
            return ranges.into_iter().try_for_each(|range| {
                // SAFETY: the range lies in the memory.
                let bytes = unsafe { std::slice::from_raw_parts(range.memory, range.length) };
                open.write(range.offset, bytes)
            });
        }
        self.located.node.forget_beside();
        let file = &self.located.node.file;
        if runs.iter().map(|run| run.length).sum::<u64>() <= BEHIND_MAX {
            let places = Places::new(runs);
            for cell in cells {
                // SAFETY: as the caller promises; nothing writes to the memory.
                let ranges = unsafe { ranges(cell, &places, memory.cast_mut()) };
                for ranges in ranges.chunks(BEHIND_RANGES) {
                    // SAFETY: the ranges lie in the memory.
                    let bytes = |range: &Range| unsafe { std::slice::from_raw_parts(range.memory, range.length) };
                    let parts = ranges.iter().map(|range| (range.offset, bytes(range)));
                    file.put_bytes(self.data(), &cell.dkey, key::BYTES, parts)?;
                }
            }
            return Ok(());
        }
        // SAFETY: as the caller promises; writing only reads the memory.
        let (requests, numbers) = unsafe { requests(cells, runs, memory.cast_mut()) };
        file.settle_bytes(self.data())?;
        // Where elements are named twice, the last one counts: one after the other.
        let at_once = if numbers.len() == cells.len() { requests.len() } else { 1 };
        for requests in requests.chunks(at_once.max(1)) {
            // SAFETY: the same.
            unsafe { file.transfer(self.data(), requests, Direction::Write, &mut |_, _| {})? };
        }
        Ok(())
    }
}

/// Which bytes of memory are which of a cell.
///
/// # Safety
/// The places lie in memory that is there.
unsafe fn ranges(cell: &Cell, places: &Places<'_>, memory: *mut u8) -> Vec<Range> {
    let mut ranges = Vec::with_capacity(cell.pieces.len());
    for piece in &cell.pieces {
        places.split(piece, |offset, at, length| {
            // SAFETY: the place lies in a run, which lies in the memory.
            let memory = unsafe { memory.add(at) };
            ranges.push(Range { offset, memory, length });
        });
    }
    ranges
}

/// One request for each cell, or several where ranges overlap; and the number of the cell of each.
///
/// # Safety
/// The runs lie in memory that is there.
pub unsafe fn requests(cells: &[Cell], runs: &[Run], memory: *mut u8) -> (Vec<Request>, Vec<usize>) {
    let places = Places::new(runs);
    let (mut requests, mut numbers) = (Vec::with_capacity(cells.len()), Vec::with_capacity(cells.len()));
    for (number, cell) in cells.iter().enumerate() {
        // SAFETY: as the caller promises.
        let ranges = unsafe { ranges(cell, &places, memory) };
        if overlap(&ranges) {
            numbers.extend(ranges.iter().map(|_| number));
            requests.extend(ranges.into_iter().map(|range| Request { dkey: cell.dkey.clone(), ranges: vec![range] }));
        } else {
            numbers.push(number);
            requests.push(Request { dkey: cell.dkey.clone(), ranges });
        }
    }
    (requests, numbers)
}

/// Whether two ranges have a byte in common: a selection of points may name an element twice.
pub fn overlap(ranges: &[Range]) -> bool {
    if ranges.windows(2).all(|pair| pair[0].offset + pair[0].length as u64 <= pair[1].offset) {
        return false;
    }
    let mut order: Vec<(u64, u64)> = ranges.iter().map(|range| (range.offset, range.length as u64)).collect();
    order.sort_unstable();
    order.windows(2).any(|pair| pair[0].0 + pair[0].1 > pair[1].0)
}
