//! An attribute: one value under its name.
//!
//! ```text
//!  1  version: 2 with the token of a committed datatype, else 1
//!  1  character set of the name: 0 ASCII, 1 UTF-8
//!  8  number in creation order
//!  -- version 2
//!  8  token of the committed datatype with which it was made
//!  -- both
//!  4  n  datatype, as H5Tencode writes it
//!  4  n  dataspace, as H5Sencode2 writes it
//!  n  the elements
//! ```

use super::bytes::{Reader, Writer};
use super::{COMMITTED_VERSION, Token, VERSION};
use crate::failure::Result;

/// The record of an attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttributeRecord {
    pub character_set: u8,
    pub creation_order: u64,
    /// The committed datatype with which it was made, of which the datatype is a copy.
    pub committed: Option<Token>,
    pub datatype: Vec<u8>,
    pub space: Vec<u8>,
    pub data: Vec<u8>,
}

impl AttributeRecord {
    pub fn encode(&self) -> Vec<u8> {
        let version = if self.committed.is_some() { COMMITTED_VERSION } else { VERSION };
        let writer = Writer::new(version).byte(self.character_set).wide(self.creation_order);
        let writer = writer.committed(self.committed);
        writer.sized(&self.datatype).sized(&self.space).rest(&self.data).finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (mut reader, version) = Reader::new("an attribute", bytes, COMMITTED_VERSION)?;
        Ok(Self {
            character_set: reader.byte()?,
            creation_order: reader.wide()?,
            committed: if version == COMMITTED_VERSION { Some(reader.committed()?) } else { None },
            datatype: reader.sized()?.to_vec(),
            space: reader.sized()?.to_vec(),
            data: reader.rest().to_vec(),
        })
    }
}
