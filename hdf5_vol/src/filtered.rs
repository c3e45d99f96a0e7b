//! Datasets with filters: each chunk is one value, which the filters have made. Reading and writing a part of one takes all of it, so
//! chunks that were used last are kept as they are before the filters, as many as the program allows (`H5Pset_chunk_cache`).

use crate::cells::{self, Cell};
use crate::chunk_cache::ChunkCache;
use crate::daos::{Object, Range};
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::filters::Pipeline;
use crate::format::{ChunkRecord, Token, key};
use crate::memory;
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes of chunks that are fetched at a time.
const BATCH: usize = 32 << 20;

/// The chunks of an open dataset. Handles of the same dataset share them.
pub struct Filtered {
    pub pipeline: Pipeline,
    data: Rc<Object>,
    token: Token,
    cache: ChunkCache,
}

/// What a chunk is made from.
pub struct Shape<'a> {
    pub chunk: &'a [u64],
    pub element: u64,
    pub dataset: &'a [u64],
    pub fill: &'a [u8],
}

impl Shape<'_> {
    /// Bytes of a chunk that are in the dataset.
    pub fn inside(&self, dkey: &[u8]) -> u64 {
        let Some(coordinates) = cells::chunk_coordinates(dkey, self.chunk.len()) else { return 0 };
        let along = |((chunk, dataset), at): ((&u64, &u64), u64)| {
            (*chunk).min(dataset.saturating_sub(at.saturating_mul(*chunk)))
        };
        self.chunk.iter().zip(self.dataset).zip(coordinates).map(along).product::<u64>() * self.element
    }
}

impl Filtered {
    pub fn new(pipeline: Pipeline, data: Rc<Object>, token: Token, cache_bytes: usize) -> Self {
        Self { pipeline, data, token, cache: ChunkCache::new(cache_bytes) }
    }

    /// Lets the cache have as much as another handle of the dataset wants.
    pub fn allow(&mut self, cache_bytes: usize) {
        self.cache.allow(cache_bytes);
    }

    /// Chunks are kept out of the way of another program's changes.
    pub fn refresh(&mut self) {
        self.cache.forget_clean();
    }

    fn decode(&self, value: &[u8]) -> Result<Vec<u8>> {
        let record = ChunkRecord::decode(value)?;
        self.pipeline.decode(record.mask, record.bytes)
    }

    fn put(&self, file: &File, dkey: &[u8], chunk: &[u8]) -> Result<()> {
        let (mask, bytes) = self.pipeline.encode(chunk)?;
        file.put(&self.data, dkey, key::ENCODED, ChunkRecord { mask, bytes: &bytes }.encode())
    }

    fn empty(&self, fill: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; self.pipeline.size()];
        if fill.iter().any(|byte| *byte != 0) {
            memory::fill(&mut bytes, 0, fill);
        }
        bytes
    }

    /// Keeps a chunk, or what is to be written of it goes on at once.
    fn keep(&mut self, file: &File, dkey: &[u8], bytes: Vec<u8>, is_dirty: bool) -> Result<()> {
        if !self.cache.takes(bytes.len()) {
            return if is_dirty { self.put(file, dkey, &bytes) } else { Ok(()) };
        }
        if is_dirty {
            file.dirty.borrow_mut().insert(self.token);
        }
        let gone = self.cache.insert(dkey.to_vec(), bytes, is_dirty);
        let put = |result: Result<()>, (dkey, bytes): &(Vec<u8>, Vec<u8>)| result.and(self.put(file, dkey, bytes));
        // They are kept nowhere else: an error is also one of the next flush.
        gone.iter().fold(Ok(()), put).inspect_err(|failure| file.note(failure))
    }

    /// Cells in groups that fit into memory at once, with the stored values of those that have to be read.
    fn batches<'a>(
        &mut self,
        file: &File,
        cells: &'a [Cell],
        is_needed: impl Fn(&Cell) -> bool,
        mut each: impl FnMut(&mut Self, &'a Cell, Option<Vec<u8>>) -> Result<()>,
    ) -> Result<()> {
        let size = self.pipeline.size();
        for batch in cells.chunks((BATCH / size.max(1)).clamp(1, 1024)) {
            let needed = batch.iter().filter(|cell| !self.cache.contains(&cell.dkey) && is_needed(cell));
            let dkeys: Vec<Vec<u8>> = needed.map(|cell| cell.dkey.clone()).collect();
            // Filters may make a chunk a little larger, too.
            let values = file.get_all(&self.data, &dkeys, key::ENCODED, size + size / 64 + 1024)?;
            let mut values: HashMap<_, _> = dkeys.into_iter().zip(values).collect();
            for cell in batch {
                let value = match values.remove(&cell.dkey) {
                    Some(value) => value,
                    // It was kept when the batch began, and had to go since.
                    None if !self.cache.contains(&cell.dkey) && is_needed(cell) => {
                        file.get(&self.data, &cell.dkey, key::ENCODED)?.map(|value| value.to_vec())
                    }
                    None => None,
                };
                let chunk = value.map(|value| self.decode(&value)).transpose()?;
                each(self, cell, chunk)?;
            }
        }
        Ok(())
    }

    /// Reads cells; `ranges` gives the memory of each.
    ///
    /// # Safety
    /// The memory of the ranges is there.
    pub unsafe fn read(
        &mut self,
        file: &File,
        cells: &[Cell],
        fill: &[u8],
        ranges: impl Fn(&Cell) -> Vec<Range>,
    ) -> Result<()> {
        self.batches(
            file,
            cells,
            |_| true,
            |this, cell, decoded| {
                let read = |chunk: &[u8]| {
                    for range in ranges(cell) {
                        let from = &chunk[range.offset as usize..][..range.length];
                        // SAFETY: as the caller promises.
                        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), range.memory, range.length) };
                    }
                };
                if decoded.is_none()
                    && let Some(chunk) = this.cache.get(&cell.dkey)
                {
                    read(&chunk.bytes);
                    return Ok(());
                }
                match decoded {
                    Some(chunk) => {
                        read(&chunk);
                        this.keep(file, &cell.dkey, chunk, false)
                    }
                    None => {
                        read(&this.empty(fill));
                        Ok(())
                    }
                }
            },
        )
    }

    /// Writes cells; `ranges` gives the memory of each.
    ///
    /// # Safety
    /// The memory of the ranges is there.
    pub unsafe fn write(
        &mut self,
        file: &File,
        cells: &[Cell],
        shape: &Shape<'_>,
        ranges: impl Fn(&Cell) -> Vec<Range>,
    ) -> Result<()> {
        let is_partial = |cell: &Cell| {
            let written: u64 = cell.pieces.iter().map(|piece| piece.length).sum();
            written < shape.inside(&cell.dkey) || super::elements::overlap(&ranges(cell))
        };
        self.batches(file, cells, is_partial, |this, cell, decoded| {
            let write = |chunk: &mut [u8]| {
                for range in ranges(cell) {
                    let to = &mut chunk[range.offset as usize..][..range.length];
                    // SAFETY: as the caller promises.
                    unsafe { std::ptr::copy_nonoverlapping(range.memory, to.as_mut_ptr(), range.length) };
                }
            };
            if let Some(chunk) = this.cache.get(&cell.dkey) {
                write(&mut chunk.bytes);
                chunk.is_dirty = true;
                file.dirty.borrow_mut().insert(this.token);
                return Ok(());
            }
            let mut chunk = decoded.unwrap_or_else(|| this.empty(shape.fill));
            write(&mut chunk);
            this.keep(file, &cell.dkey, chunk, true)
        })
    }

    /// Sends all changed chunks through the filters, and leaves them to be written. One that a filter refuses stays changed and keeps none
    /// of the others; the first error is given.
    pub fn write_back(&mut self, file: &File) -> Result<()> {
        let mut result = Ok(());
        for dkey in self.cache.dirty() {
            let Some(chunk) = self.cache.get(&dkey) else { continue };
            let chunk = std::mem::take(&mut chunk.bytes);
            let written = self.put(file, &dkey, &chunk);
            if let Some(place) = self.cache.get(&dkey) {
                place.bytes = chunk;
                place.is_dirty = written.is_err();
            }
            result = result.and(written);
        }
        result
    }

    /// Gives the fill value to what a chunk has outside of the dataset; a chunk with nothing inside goes.
    pub fn cut(&mut self, file: &File, dkey: &[u8], shape: &Shape<'_>) -> Result<()> {
        let Some(coordinates) = cells::chunk_coordinates(dkey, shape.chunk.len()) else { return Ok(()) };
        let pieces = cells::outside(shape.chunk, &coordinates, shape.element, shape.dataset);
        if shape.inside(dkey) == 0 {
            self.cache.remove(dkey);
            return self.data.punch_dkey(dkey);
        }
        let kept = self.cache.remove(dkey).map(|chunk| chunk.bytes);
        let mut chunk = match kept {
            Some(bytes) => bytes,
            None => match file.get(&self.data, dkey, key::ENCODED)? {
                Some(value) => self.decode(&value)?,
                None => return Ok(()),
            },
        };
        for piece in pieces {
            memory::fill(&mut chunk[piece.offset as usize..][..piece.length as usize], piece.offset, shape.fill);
        }
        self.put(file, dkey, &chunk)
    }

    /// A chunk as it is stored: which filters were left out, and its bytes; none when it was never written.
    pub fn stored(&mut self, file: &File, dkey: &[u8]) -> Result<Option<(u32, Vec<u8>)>> {
        self.write_back(file)?;
        let Some(value) = file.get(&self.data, dkey, key::ENCODED)? else { return Ok(None) };
        let record = ChunkRecord::decode(&value)?;
        Ok(Some((record.mask, record.bytes.to_vec())))
    }

    /// Stores a chunk that went through filters elsewhere.
    pub fn store(&mut self, file: &File, dkey: &[u8], mask: u32, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Err(Failure::new(Minor::BadValue, "a chunk has no bytes"));
        }
        self.cache.remove(dkey);
        file.put(&self.data, dkey, key::ENCODED, ChunkRecord { mask, bytes }.encode())
    }
}
