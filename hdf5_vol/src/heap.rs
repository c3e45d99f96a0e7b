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
//!
//! A block only grows, so what was read of one stays true; a value behind that is one that was written since.

use crate::daos::{Direction, Range, Request};
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

    /// Whether it is one that [`put`] gives.
    fn is_possible(&self) -> bool {
        self.offset == 0 || self.offset + self.length <= BLOCK_SIZE
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
    let place = Place::decode(name).filter(Place::is_possible).ok_or_else(damaged)?;
    if buffer.len() != place.length {
        return Err(damaged());
    }
    let Heap { filling, read, .. } = &mut *file.heap.borrow_mut();
    let is_known = |block: &Option<Block>| block.as_ref().is_some_and(|block| block.value(&place).is_some());
    let block = if is_known(filling) {
        filling.as_ref()
    } else if place.length > BLOCK_SIZE {
        // It has a block of its own, and room.
        let length = read_block(file, place.block, buffer)?;
        return if length == buffer.len() { Ok(()) } else { Err(not_written()) };
    } else {
        if !is_known(read) {
            *read = Some(load(file, place.block)?);
        }
        read.as_ref()
    };
    buffer.copy_from_slice(block.and_then(|block| block.value(&place)).ok_or_else(not_written)?);
    Ok(())
}

fn not_written() -> Failure {
    let sentence = "a value of variable length is not there: the program that wrote its name has not flushed it, or the file is damaged";
    Failure::new(Minor::Damaged, sentence)
}

/// The whole of a block that has several values.
fn load(file: &File, number: u64) -> Result<Block> {
    let mut bytes = vec![0; BLOCK_SIZE];
    let length = read_block(file, number, &mut bytes)?;
    bytes.truncate(length);
    Ok(Block { number, bytes })
}

/// Reads the beginning of a block. Gives how much of it is there.
fn read_block(file: &File, number: u64, bytes: &mut [u8]) -> Result<usize> {
    let mut end = bytes.len() as u64;
    let range = Range { offset: 0, memory: bytes.as_mut_ptr(), length: bytes.len() };
    let request = Request { dkey: number.to_le_bytes().to_vec(), ranges: vec![range] };
    let mut missing = |_, range: Range| end = end.min(range.offset);
    let object = file.heap_object()?;
    // SAFETY: the range is the whole of a slice that is ours.
    unsafe { file.transfer(&object, &[request], Direction::Read, &mut missing)? };
    Ok(end as usize)
}

impl Block {
    fn value(&self, place: &Place) -> Option<&[u8]> {
        self.bytes.get(place.offset..place.offset + place.length).filter(|_| self.number == place.block)
    }
}

impl Heap {
    /// Writes what the filling block has got since the last time.
    pub fn write_back(&mut self, file: &File) -> Result<()> {
        let Some(block) = self.filling.as_mut().filter(|block| block.bytes.len() > self.written) else { return Ok(()) };
        let rest = &mut block.bytes[self.written..];
        let range = Range { offset: self.written as u64, memory: rest.as_mut_ptr(), length: rest.len() };
        // SAFETY: the range lies in a vector that is ours.
        unsafe { file.heap_object()?.write_ranges(&block.number.to_le_bytes(), key::BYTES, &[range])? };
        self.written = block.bytes.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_value_has_are_damaged() {
        let place = |block, offset, length| {
            let name = Place::encode(block, offset, length).expect("32 bits");
            Place::decode(&name).is_some_and(|place| place.is_possible())
        };
        assert!(
            place(1, 0, 7) && place(1, 0, u32::MAX as usize) && place(1, BLOCK_SIZE - 7, 7) && place(1, BLOCK_SIZE, 0)
        );
        assert!(!place(0, 0, 7), "it leads to nothing");
        for (offset, length) in
            [(BLOCK_SIZE - 6, 7), (BLOCK_SIZE, 1), (1, BLOCK_SIZE), (u32::MAX as usize, 0), (1, u32::MAX as usize)]
        {
            assert!(!place(1, offset, length), "{offset} {length}");
        }
    }
}
