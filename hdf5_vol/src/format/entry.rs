//! What a file of the POSIX namespace holds that stands for an HDF5 file.
//!
//! ```text
//!   0  8  magic
//!   8  1  version
//!   9  1  1 when the class of the objects was chosen, so that later ones have that of the headers; zero when it was not
//!  10  6  zero
//!  16 16  UUID of the container
//!  32 16  id of the object behind the file itself
//!  48  8  token of the root group
//!  56  8  upper half of the ids of headers
//!  64  8  upper half of the ids of what is ordered by numbers
//!  72 56  a sentence for people, ended by a line feed and filled with spaces
//! ```
//! It is written as one value, which makes the creation and the replacement of a file atomic. A copy of it, in this container or another
//! one, does not open: the ids tell.

use super::{Token, VERSION};
use crate::daos::ObjectId;
use crate::failure::{Failure, Minor, Result};

/// Bytes of an entry.
pub const ENTRY_SIZE: usize = 128;
/// No text, no other format, and no zero byte.
const MAGIC: &[u8; 8] = b"\x89DAOSH5\n";
const SENTENCE: &[u8] = b"HDF5 file in this container; open it with DAOS's HDF5";

/// The number of an object's class, as DAOS's numbers of objects have it in their upper half (`daos_obj_id2class`).
fn class_of(upper: u64) -> u32 {
    let (redundancy, groups) = (upper >> 48 & 0xff, upper >> 32 & 0xffff);
    u32::try_from(redundancy << 24 | groups).expect("it has 32 bits")
}

/// The entry of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileEntry {
    pub container: [u8; 16],
    pub file: ObjectId,
    pub root: Token,
    /// Whether the class of its objects was chosen.
    pub is_classed: bool,
    pub header_upper: u64,
    pub order_upper: u64,
}

impl FileEntry {
    pub fn encode(&self) -> [u8; ENTRY_SIZE] {
        let mut bytes = [b' '; ENTRY_SIZE];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..16].copy_from_slice(&[VERSION, u8::from(self.is_classed), 0, 0, 0, 0, 0, 0]);
        bytes[16..32].copy_from_slice(&self.container);
        let numbers = [self.file.low, self.file.high, self.root.bits(), self.header_upper, self.order_upper]
            .map(u64::to_le_bytes);
        bytes[32..72].copy_from_slice(numbers.as_flattened());
        bytes[72..72 + SENTENCE.len()].copy_from_slice(SENTENCE);
        bytes[ENTRY_SIZE - 1] = b'\n';
        bytes
    }

    /// The class of its objects where that was chosen; zero where it was not.
    pub fn class(&self) -> u32 {
        if self.is_classed { class_of(self.header_upper) } else { 0 }
    }

    /// Whether bytes begin as an entry of any version does.
    pub fn is_entry(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads the entry of the file with an id in a container.
    pub fn decode(bytes: &[u8], container: &[u8; 16], file: ObjectId) -> Result<Self> {
        let entry = Self::decode_anywhere(bytes)?;
        if &entry.container != container || entry.file != file {
            let sentence = "it is a copy of the entry of an HDF5 file, which does not copy what is in it: use h5repack";
            return Err(Failure::new(Minor::NotHdf5, sentence));
        }
        Ok(entry)
    }

    /// Reads one that is known to be what it was made for.
    pub fn decode_anywhere(bytes: &[u8]) -> Result<Self> {
        if !Self::is_entry(bytes) {
            return Err(Failure::new(Minor::NotHdf5, "it is a file of the container, but no HDF5 file"));
        }
        let version = bytes.get(8).copied().unwrap_or_default();
        if version != VERSION {
            let sentence =
                format!("its format has version {version}; this connector knows version {VERSION}: update it");
            return Err(Failure::new(Minor::NotHdf5, sentence));
        }
        let damaged = || Failure::new(Minor::NotHdf5, "its entry in the container is damaged: it is too short");
        let bytes: &[u8; ENTRY_SIZE] = bytes.try_into().map_err(|_| damaged())?;
        let number = |at: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(number)
        };
        let mut owner = [0; 16];
        owner.copy_from_slice(&bytes[16..32]);
        Ok(Self {
            container: owner,
            file: ObjectId { low: number(32), high: number(40) },
            root: Token::from_bits(number(48))?,
            is_classed: bytes[9] & 1 != 0,
            header_upper: number(56),
            order_upper: number(64),
        })
    }
}
