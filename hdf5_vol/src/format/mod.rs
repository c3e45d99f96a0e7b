//! What lies in the container: `docs/mapping.md` says which HDF5 thing is which object, dkey and akey. All numbers are little-endian.

mod attribute;
mod bytes;
mod chunk;
mod entry;
mod header;
mod link;
mod token;

#[cfg(test)]
mod tests;

pub use attribute::AttributeRecord;
pub use chunk::ChunkRecord;
pub use entry::{ENTRY_SIZE, FileEntry};
pub use header::{Header, Layout};
pub use link::{LinkRecord, LinkTarget};
pub use token::{Kind, Token};

/// The version of everything below; records of a later one are refused with a sentence.
pub const VERSION: u8 = 1;
/// The version of datasets and attributes that were made with a committed datatype. All others are still written as the first one.
pub const COMMITTED_VERSION: u8 = 2;

/// The lower half of the upper half of the ids of our objects: "HDF5" in ASCII without its last letter, and the part in the last
/// byte. So nothing that looks through a container takes them for files that lost their names.
const MARK: u32 = 0x4844_4600;

/// The parts that an HDF5 object can have, each a DAOS object of its own. They differ in the last byte of the mark.
pub mod part {
    use super::MARK;
    /// Header, attributes and links.
    pub const HEADER: u32 = MARK;
    /// A dataset's elements, or a map's pairs.
    pub const DATA: u32 = MARK | 1;
    /// A group's links by creation order.
    pub const ORDER: u32 = MARK | 2;
    /// A file's values of variable length.
    pub const HEAP: u32 = MARK | 3;
}

/// Names of dkeys and akeys. A link's name is never empty and has no slash, so a dkey with a slash is none.
pub mod key {
    /// Dkey of what describes the object.
    pub const HEADER: &[u8] = b"/";
    /// Akey of its header, which never changes.
    pub const RECORD: &[u8] = b"h";
    /// Akey of the number of hard links to it; absent for one.
    pub const REFERENCES: &[u8] = b"r";
    /// Akey, in the root group, that is there when attributes of the file are of committed datatypes, or were.
    pub const SHARED: &[u8] = b"s";
    /// Akey of a dataset's dimensions, when they are no longer those of the header.
    pub const DIMENSIONS: &[u8] = b"d";
    /// Akey of a dataset's fill value, when the list of its creation cannot have it.
    pub const FILL: &[u8] = b"f";
    /// Dkey of the attributes; their names are the akeys.
    pub const ATTRIBUTES: &[u8] = b"/a";
    /// Dkey, in the root group, of the ranges of object numbers that belong to the file; the first number is the akey.
    pub const NUMBERS: &[u8] = b"/n";
    /// Akey of a link below its name.
    pub const LINK: &[u8] = b"l";
    /// Akey, beside a hard link, of a copy of the header of the object that it leads to: it never changes.
    pub const COPY: &[u8] = b"t";
    /// Akey of a dataset's bytes, and of the heap's.
    pub const BYTES: &[u8] = b"b";
    /// Akey of a chunk that went through filters.
    pub const ENCODED: &[u8] = b"c";
    /// Akey of a value of a map below its key.
    pub const VALUE: &[u8] = b"v";
    /// Akey of a link's name below its number in creation order.
    pub const NAME: &[u8] = b"n";
}
