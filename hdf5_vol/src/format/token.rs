//! Tokens: what HDF5 calls the place of an object in its file.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{TokenBytes, object_type};
use std::ffi::c_int;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Group,
    Dataset,
    Datatype,
    Map,
}

impl Kind {
    /// As `H5O_type_t`.
    pub fn object_type(self) -> c_int {
        match self {
            Self::Group => object_type::GROUP,
            Self::Dataset => object_type::DATASET,
            Self::Datatype => object_type::DATATYPE,
            Self::Map => object_type::MAP,
        }
    }
}

/// An object's number in its container, and its kind in the two highest bits. Eight bytes, because references of HDF5's first kind
/// have no more. Zero is no token: numbers begin at one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Token(u64);

const KIND_SHIFT: u32 = 62;
const NUMBER_MAX: u64 = (1 << KIND_SHIFT) - 1;

impl Token {
    /// Bytes of a token that count.
    pub const SIZE: usize = 8;

    pub fn new(number: u64, kind: Kind) -> Result<Self> {
        if number == 0 || number > NUMBER_MAX {
            return Err(Failure::new(Minor::Damaged, format!("{number} is no number of an object")));
        }
        let kind = match kind {
            Kind::Group => 0,
            Kind::Dataset => 1,
            Kind::Datatype => 2,
            Kind::Map => 3,
        };
        Ok(Self(number | kind << KIND_SHIFT))
    }

    pub fn from_bits(bits: u64) -> Result<Self> {
        if bits & NUMBER_MAX == 0 {
            return Err(Failure::new(Minor::Damaged, format!("{bits:#x} is no token of an object")));
        }
        Ok(Self(bits))
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    pub fn number(self) -> u64 {
        self.0 & NUMBER_MAX
    }

    pub fn kind(self) -> Kind {
        match self.0 >> KIND_SHIFT {
            0 => Kind::Group,
            1 => Kind::Dataset,
            2 => Kind::Datatype,
            _ => Kind::Map,
        }
    }

    pub fn to_bytes(self) -> TokenBytes {
        let mut bytes = [0; 16];
        bytes[..Self::SIZE].copy_from_slice(&self.0.to_le_bytes());
        TokenBytes(bytes)
    }

    pub fn from_bytes(bytes: &TokenBytes) -> Result<Self> {
        let mut bits = [0; Self::SIZE];
        bits.copy_from_slice(&bytes.0[..Self::SIZE]);
        Self::from_bits(u64::from_le_bytes(bits))
    }
}
