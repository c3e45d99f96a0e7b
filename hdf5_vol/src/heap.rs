//! Values of variable length: strings, sequences and references, which HDF5 hands over one by one as blobs.
//!
//! They are gathered in blocks, each under one dkey of the file's heap object, so that thousands of strings are one request. A blob's
//! name has 16 bytes, which lie in the elements of datasets and attributes:
//!
//! ```text
//!  0  8  number of the block, from the container's numbers; zero for no value
//!  8  4  first byte within the block
//! 12  4  bytes
//! ```

use crate::daos::Range;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::format::key;
use std::rc::Rc;

/// Bytes of a blob's name.
pub const NAME_SIZE: usize = 16;
/// A block that has this many bytes is written, and a new one is begun. A longer value has a block of its own.
const BLOCK_SIZE: usize = 256 << 10;

/// The block that is being filled, and the one that was read last.
#[derive(Default)]
pub struct Heap {
    filling: Option<Block>,
    /// Bytes of the filling block that are written.
    written: usize,
    read: Option<Block>,
}

struct Block {
    number: u64,
    bytes: Vec<u8>,
}

/// Where a value is.
struct Place {
    block: u64,
    offset: usize,
    length: usize,
}

impl Place {
    fn decode(name: &[u8; NAME_SIZE]) -> Option<Self> {
        let mut block = [0; 8];
        block.copy_from_slice(&name[..8]);
        let half = |at: usize| u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]]) as usize;
        let block = u64::from_le_bytes(block);
        (block != 0).then(|| Self { block, offset: half(8), length: half(12) })
    }

    fn encode(block: u64, offset: usize, length: usize) -> Result<[u8; NAME_SIZE]> {
        let half = |value: usize| {
            u32::try_from(value)
                .map_err(|_| Failure::new(Minor::BadValue, "a value of variable length has more than 4 GiB"))
        };
        let mut name = [0; NAME_SIZE];
        name[..8].copy_from_slice(&block.to_le_bytes());
        name[8..12].copy_from_slice(&half(offset)?.to_le_bytes());
        name[12..].copy_from_slice(&half(length)?.to_le_bytes());
        Ok(name)
    }
}

/// Stores a value and gives its name.
pub fn put(file: &Rc<File>, value: &[u8]) -> Result<[u8; NAME_SIZE]> {
    file.require_writable()?;
    let is_full = file.heap.borrow().filling.as_ref().is_none_or(|block| block.bytes.len() + value.len() > BLOCK_SIZE);
    if is_full {
        let number = file.new_number()?;
        let mut heap = file.heap.borrow_mut();
        heap.write_back(file)?;
        heap.filling = Some(Block { number, bytes: Vec::new() });
        heap.written = 0;
    }
    let mut heap = file.heap.borrow_mut();
    let block = heap.filling.as_mut().expect("just made when there was none");
    let name = Place::encode(block.number, block.bytes.len(), value.len())?;
    block.bytes.extend_from_slice(value);
    Ok(name)
}

/// Gives a value to a buffer of its size.
pub fn get(file: &Rc<File>, name: &[u8; NAME_SIZE], buffer: &mut [u8]) -> Result<()> {
    let damaged = || Failure::new(Minor::Damaged, "the name of a value of variable length is damaged");
    let place = Place::decode(name).ok_or_else(damaged)?;
    if buffer.len() != place.length {
        return Err(damaged());
    }
    let mut heap = file.heap.borrow_mut();
    let Heap { filling, read, .. } = &mut *heap;
    let block = match filling.as_ref().filter(|block| block.number == place.block) {
        Some(block) => block,
        None if read
            .as_ref()
            .is_some_and(|block| block.number == place.block && block.bytes.len() >= place.offset + place.length) =>
        {
            read.as_ref().expect("just seen")
        }
        None => read.insert(load(file, &place)?),
    };
    let found = block.bytes.get(place.offset..place.offset + place.length).ok_or_else(damaged)?;
    buffer.copy_from_slice(found);
    Ok(())
}

fn load(file: &File, place: &Place) -> Result<Block> {
    let end = place.offset + place.length;
    // The whole block, or the one long value in it: what is behind the end of the block reads as nothing.
    let mut bytes = Vec::new();
    let size = end.max(BLOCK_SIZE);
    bytes.try_reserve_exact(size).map_err(|_| Failure::new(Minor::ReadError, format!("no memory for {size} bytes")))?;
    bytes.resize(size, 0);
    let range = Range { offset: 0, memory: bytes.as_mut_ptr(), length: size };
    // SAFETY: the range is the whole of a vector that is ours.
    unsafe { file.heap_object()?.transfer(&place.block.to_le_bytes(), key::BYTES, &[range], false)? };
    Ok(Block { number: place.block, bytes })
}

impl Heap {
    /// Writes what the filling block has got since the last time.
    pub fn write_back(&mut self, file: &File) -> Result<()> {
        let Some(block) = self.filling.as_mut().filter(|block| block.bytes.len() > self.written) else { return Ok(()) };
        let rest = &mut block.bytes[self.written..];
        let range = Range { offset: self.written as u64, memory: rest.as_mut_ptr(), length: rest.len() };
        // SAFETY: the range lies in a vector that is ours.
        unsafe { file.heap_object()?.transfer(&block.number.to_le_bytes(), key::BYTES, &[range], true)? };
        self.written = block.bytes.len();
        Ok(())
    }

    /// Ends the filling block, so that whoever has read it has all that will ever be in it.
    pub fn end_block(&mut self) {
        self.filling = None;
    }
}
