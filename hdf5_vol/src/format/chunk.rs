//! A chunk that went through filters.
//!
//! ```text
//!  1  version
//!  4  filters that were left out, as HDF5 says: the lowest bit is the first one
//!  n  bytes
//! ```

use super::VERSION;
use super::bytes::{Reader, Writer};
use crate::failure::Result;

/// The record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkRecord<'a> {
    pub mask: u32,
    pub bytes: &'a [u8],
}

impl<'a> ChunkRecord<'a> {
    /// Bytes of the record besides those of the chunk.
    pub const OVERHEAD: u64 = 5;

    pub fn encode(&self) -> Vec<u8> {
        Writer::new(VERSION).number(self.mask).rest(self.bytes).finish()
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let (mut reader, _) = Reader::new("a chunk of a dataset", bytes, VERSION)?;
        Ok(Self { mask: reader.number()?, bytes: reader.rest() })
    }
}
