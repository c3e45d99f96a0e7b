//! An attribute: one value under its name.
//!
//! ```text
//!  1  version
//!  1  character set of the name: 0 ASCII, 1 UTF-8
//!  8  number in creation order
//!  4  n  datatype, as H5Tencode writes it
//!  4  n  dataspace, as H5Sencode2 writes it
//!  n  the elements
//! ```

use super::bytes::{Reader, Writer};
use crate::failure::Result;

/// The record of an attribute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttributeRecord {
    pub character_set: u8,
    pub creation_order: u64,
    pub datatype: Vec<u8>,
    pub space: Vec<u8>,
    pub data: Vec<u8>,
}

impl AttributeRecord {
    pub fn encode(&self) -> Vec<u8> {
        let writer = Writer::new().byte(self.character_set).wide(self.creation_order);
        writer.sized(&self.datatype).sized(&self.space).rest(&self.data).finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new("an attribute", bytes)?;
        Ok(Self {
            character_set: reader.byte()?,
            creation_order: reader.wide()?,
            datatype: reader.sized()?.to_vec(),
            space: reader.sized()?.to_vec(),
            data: reader.rest().to_vec(),
        })
    }
}
