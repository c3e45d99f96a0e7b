//! What is stored of a dataset, and its chunks as they are stored.

use crate::cells;
use crate::daos::{Direction, Range, Request};
use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::format::{ChunkRecord, Layout, key};
use crate::hdf5::{ALLOCATE_EARLY, Identifier, layout, library};
use crate::memory;

/// No space is taken, some, and all (`H5D_space_status_t`).
const NOT_ALLOCATED: i32 = 0;
const PARTLY_ALLOCATED: i32 = 1;
const ALLOCATED: i32 = 2;

/// What HDF5 tells of a chunk that is stored.
pub struct ChunkInformation {
    /// Its first element.
    pub offset: Vec<u64>,
    /// Filters that were left out.
    pub mask: u32,
    /// HDF5 asks for a place in a file. There is none; this one is as if all chunks lay one after the other.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

impl Dataset {
    fn chunk(&self) -> Result<&[u64]> {
        self.layout().chunk().ok_or_else(|| Failure::new(Minor::BadType, "the dataset has no chunks"))
    }

    /// Bytes of a chunk without filters.
    fn chunk_bytes(&self) -> Result<u64> {
        Ok(self.chunk()?.iter().product::<u64>() * self.element())
    }

    /// The dkeys of all chunks that are stored, in the order of rows.
    pub fn stored_chunks(&self) -> Result<Vec<Vec<u8>>> {
        let rank = self.chunk()?.len();
        self.located.node.file.settle()?;
        let mut coordinates: Vec<_> =
            self.data().dkeys()?.iter().filter_map(|dkey| cells::chunk_coordinates(dkey, rank)).collect();
        coordinates.sort_unstable();
        Ok(coordinates.iter().map(|coordinates| cells::chunk_key(coordinates)).collect())
    }

    /// Whether HDF5 would have taken all space when the dataset was made.
    fn is_allocated_early(&self) -> Result<bool> {
        let list = self.located.node.creation_list()?;
        if list.is_empty() {
            return Ok(false);
        }
        // SAFETY: the bytes are what `H5Pencode2` has written.
        let list = Identifier::new(unsafe { library().list_decode(list.as_ptr().cast()) }, "property list")?;
        let mut time = 0;
        // SAFETY: the number is ours.
        let (result, kind) =
            unsafe { (library().list_allocation(list.get(), &raw mut time), library().list_layout(list.get())) };
        Ok(kind == layout::COMPACT || result >= 0 && time == ALLOCATE_EARLY)
    }

    /// Bytes that are stored of it: what filters have made of the chunks that were written; of others, as HDF5 counts, whole chunks.
    pub fn storage_size(&self) -> Result<u64> {
        let whole = || Ok(self.space()?.count()?.saturating_mul(self.element()));
        let count_chunks = || Ok(self.stored_chunks()?.len() as u64);
        match self.layout() {
            Layout::Inside => {
                let size = whole()?;
                self.located.node.file.settle_bytes(self.data())?;
                let is_there =
                    size > 0 && (self.is_allocated_early()? || self.data().has_bytes(key::HEADER, key::BYTES, size)?);
                Ok(if is_there { size } else { 0 })
            }
            // As HDF5 counts.
            Layout::Virtual => Ok(0),
            Layout::RawFiles => whole(),
            Layout::Contiguous { .. } => {
                self.located.node.file.settle_bytes(self.data())?;
                if self.is_allocated_early()? || !self.data().dkeys()?.is_empty() { whole() } else { Ok(0) }
            }
            Layout::Chunked { .. } if self.is_allocated_early()? => Ok(self.chunk_count()? * self.chunk_bytes()?),
            Layout::Chunked { .. } => Ok(count_chunks()? * self.chunk_bytes()?),
            Layout::Filtered { .. } => {
                let sizes = self.stored_chunks()?;
                let sizes = sizes.iter().map(|dkey| self.encoded_size(dkey));
                sizes.sum()
            }
        }
    }

    /// How many chunks its dimensions have, written or not.
    fn chunk_count(&self) -> Result<u64> {
        let dimensions = self.space()?.dimensions()?;
        Ok(self.chunk()?.iter().zip(&dimensions).map(|(chunk, dimension)| dimension.div_ceil(*chunk)).product())
    }

    /// As `H5D_space_status_t`.
    pub fn space_status(&self) -> Result<i32> {
        let size = self.storage_size()?;
        Ok(match self.layout() {
            Layout::Virtual | Layout::RawFiles => ALLOCATED,
            _ if size == 0 => NOT_ALLOCATED,
            Layout::Inside | Layout::Contiguous { .. } => ALLOCATED,
            Layout::Chunked { .. } if self.is_allocated_early()? => ALLOCATED,
            Layout::Chunked { .. } | Layout::Filtered { .. } => {
                if self.stored_chunks()?.len() as u64 == self.chunk_count()? { ALLOCATED } else { PARTLY_ALLOCATED }
            }
        })
    }

    fn encoded_size(&self, dkey: &[u8]) -> Result<u64> {
        Ok(self.data().value_size(dkey, key::ENCODED)?.saturating_sub(ChunkRecord::OVERHEAD))
    }

    /// The dkey of the chunk that an element is in; none when the element is out of the dataset.
    pub fn chunk_around(&self, offset: &[u64]) -> Result<Option<Vec<u8>>> {
        let (chunk, dimensions) = (self.chunk()?, self.space()?.dimensions()?);
        if offset.iter().zip(&dimensions).any(|(offset, dimension)| offset >= dimension) {
            return Ok(None);
        }
        let place: Vec<u64> = offset.iter().zip(chunk).map(|(offset, chunk)| offset / chunk).collect();
        Ok(Some(cells::chunk_key(&place)))
    }

    /// The dkey of the chunk that begins at an element.
    ///
    /// # Errors
    /// When none begins there.
    pub fn chunk_at(&self, offset: &[u64]) -> Result<Vec<u8>> {
        let found = self.chunk_around(offset)?;
        let found = found.ok_or_else(|| Failure::new(Minor::BadValue, "a chunk is out of the dataset"))?;
        if offset.iter().zip(self.chunk()?).any(|(offset, chunk)| offset % chunk != 0) {
            return Err(Failure::new(Minor::BadValue, "no chunk begins at this element"));
        }
        Ok(found)
    }

    /// Bytes that are stored of a chunk; zero when it was never written.
    pub fn stored_size(&self, dkey: &[u8]) -> Result<u64> {
        Ok(self.stored_size_and_mask(dkey)?.0)
    }

    /// As [`Dataset::stored_size`], with the filters that were left out.
    fn stored_size_and_mask(&self, dkey: &[u8]) -> Result<(u64, u32)> {
        self.located.node.write_back_chunks()?;
        let file = &self.located.node.file;
        if matches!(self.layout(), Layout::Filtered { .. }) {
            let Some(value) = file.get(self.data(), dkey, key::ENCODED)? else { return Ok((0, 0)) };
            let record = ChunkRecord::decode(&value)?;
            return Ok((record.bytes.len() as u64, record.mask));
        }
        file.settle_bytes(self.data())?;
        let size = self.chunk_bytes()?;
        let is_there = self.is_allocated_early()? || self.data().has_bytes(dkey, key::BYTES, size)?;
        Ok((if is_there { size } else { 0 }, 0))
    }

    /// What is stored of a chunk.
    pub fn chunk_information(&self, dkey: &[u8]) -> Result<Option<ChunkInformation>> {
        let (chunk, dimensions) = (self.chunk()?, self.space()?.dimensions()?);
        let Some(coordinates) = cells::chunk_coordinates(dkey, chunk.len()) else { return Ok(None) };
        let (size, mask) = self.stored_size_and_mask(dkey)?;
        if size == 0 {
            return Ok(None);
        }
        let along = |number: u64, ((at, chunk), dimension): ((&u64, &u64), &u64)| {
            number.saturating_mul(dimension.div_ceil(*chunk)).saturating_add(*at)
        };
        let number = coordinates.iter().zip(chunk).zip(&dimensions).fold(0, along);
        let offset = coordinates.iter().zip(chunk).map(|(at, chunk)| at.saturating_mul(*chunk)).collect();
        Ok(Some(ChunkInformation { offset, mask, address: number.saturating_mul(self.chunk_bytes()?), size }))
    }

    /// A chunk as it is stored: which filters were left out, and its bytes.
    ///
    /// # Errors
    /// When it was never written.
    pub fn read_chunk(&self, dkey: &[u8]) -> Result<(u32, Vec<u8>)> {
        let absent = || Failure::new(Minor::NotFound, "the chunk was never written");
        if matches!(self.layout(), Layout::Filtered { .. }) {
            return self.with_filtered(|filtered, file, _| filtered.stored(file, dkey))?.ok_or_else(absent);
        }
        let size = self.stored_size(dkey)?;
        if size == 0 {
            return Err(absent());
        }
        let mut bytes = vec![0; size as usize];
        memory::fill(&mut bytes, 0, self.fill()?);
        let range = Range { offset: 0, memory: bytes.as_mut_ptr(), length: bytes.len() };
        let request = Request { dkey: dkey.to_vec(), ranges: vec![range] };
        let file = &self.located.node.file;
        // SAFETY: the range is the whole of a vector that is ours.
        unsafe { file.transfer(self.data(), &[request], Direction::Read, &mut |_, _| {})? };
        Ok((0, bytes))
    }

    /// Stores a chunk as it is.
    pub fn write_chunk(&self, dkey: &[u8], mask: u32, bytes: &[u8]) -> Result<()> {
        self.located.node.file.require_writable()?;
        if matches!(self.layout(), Layout::Filtered { .. }) {
            return self.with_filtered(|filtered, file, _| filtered.store(file, dkey, mask, bytes));
        }
        if bytes.len() as u64 != self.chunk_bytes()? {
            let sentence = format!("a chunk without filters has {} bytes, not {}", self.chunk_bytes()?, bytes.len());
            return Err(Failure::new(Minor::BadValue, sentence));
        }
        let file = &self.located.node.file;
        file.settle_bytes(self.data())?;
        let range = Range { offset: 0, memory: bytes.as_ptr().cast_mut(), length: bytes.len() };
        let request = Request { dkey: dkey.to_vec(), ranges: vec![range] };
        // SAFETY: writing only reads the memory, which is there.
        unsafe { file.transfer(self.data(), &[request], Direction::Write, &mut |_, _| {}) }
    }
}
