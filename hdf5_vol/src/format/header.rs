//! The header of an object, which is written when it is created and never changed.
//!
//! ```text
//!  1  version: 2 for a dataset of a committed datatype, else 1
//!  1  kind: 0 group, 1 dataset, 2 datatype, 3 map
//!  -- version 2
//!  8     token of the committed datatype, of which the datatype below is a copy
//!  -- both
//!  4  n  property list of its creation, as H5Pencode2 writes it; empty for the default
//!  -- maps
//!  4  n  datatype of the keys, as H5Tencode writes it
//!  4  n  datatype of the values
//!  8     upper half of the id of the object with the pairs
//!  -- datatypes and datasets
//!  4  n  datatype, as H5Tencode writes it
//!  -- datasets
//!  4  n  dataspace, as H5Sencode2 writes it
//!  8     upper half of the id of the object with the elements
//!  4     bytes of an element
//!  1     layout: 1 contiguous, 2 chunked, 3 inside, 4 filtered, 5 virtual, 6 raw files; of the last two the list has the rest
//!  8     contiguous: bytes under one dkey
//!  1  8n chunked and filtered: number of dimensions, and those of a chunk
//! ```

use super::bytes::{Reader, Writer};
use super::{COMMITTED_VERSION, Kind, Token, VERSION};
use crate::failure::Result;
use crate::hdf5::RANK_MAX;

const CONTIGUOUS: u8 = 1;
const CHUNKED: u8 = 2;
const INSIDE: u8 = 3;
const FILTERED: u8 = 4;
const VIRTUAL: u8 = 5;
const RAW_FILES: u8 = 6;

/// How a dataset's elements lie under dkeys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Layout {
    /// In the order of rows, as many bytes under each dkey, which is the number of the block.
    Contiguous { block: u64 },
    /// Each chunk under a dkey: its coordinates in chunks.
    Chunked { chunk: Vec<u64> },
    /// The same, each chunk as one value that filters have made.
    Filtered { chunk: Vec<u64> },
    /// In the order of rows, beside the header: in the same object, under the same dkey.
    Inside,
    /// Those of other datasets; the list of its creation says which.
    Virtual,
    /// In the order of rows, in files that the list of its creation names.
    RawFiles,
}

impl Layout {
    /// The dimensions of a chunk, where there are chunks.
    pub fn chunk(&self) -> Option<&[u64]> {
        match self {
            Self::Chunked { chunk } | Self::Filtered { chunk } => Some(chunk),
            Self::Contiguous { .. } | Self::Inside | Self::Virtual | Self::RawFiles => None,
        }
    }

    /// Whether its dimensions may change.
    pub fn can_change(&self) -> bool {
        !matches!(self, Self::Contiguous { .. } | Self::Inside)
    }

    /// Whether it is one of a dataset with elements of so many bytes and so many dimensions.
    pub fn suits(&self, element: u64, rank: usize) -> bool {
        let bytes = |chunk: &[u64]| chunk.iter().try_fold(element, |bytes, count| bytes.checked_mul(*count));
        self.chunk().is_none_or(|chunk| chunk.len() == rank && bytes(chunk).is_some())
    }
}

/// The header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Header {
    Group {
        list: Vec<u8>,
    },
    Datatype {
        list: Vec<u8>,
        datatype: Vec<u8>,
    },
    Map {
        list: Vec<u8>,
        key: Vec<u8>,
        value: Vec<u8>,
        data_upper: u64,
    },
    Dataset {
        /// The committed datatype with which it was made.
        committed: Option<Token>,
        list: Vec<u8>,
        datatype: Vec<u8>,
        space: Vec<u8>,
        data_upper: u64,
        element: u32,
        layout: Layout,
    },
}

fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Group => 0,
        Kind::Dataset => 1,
        Kind::Datatype => 2,
        Kind::Map => 3,
    }
}

impl Header {
    /// Of what kind of object it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Group { .. } => Kind::Group,
            Self::Dataset { .. } => Kind::Dataset,
            Self::Datatype { .. } => Kind::Datatype,
            Self::Map { .. } => Kind::Map,
        }
    }

    /// The committed datatype with which a dataset was made.
    pub fn committed(&self) -> Option<Token> {
        match self {
            Self::Dataset { committed, .. } => *committed,
            Self::Group { .. } | Self::Datatype { .. } | Self::Map { .. } => None,
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let version = if self.committed().is_some() { COMMITTED_VERSION } else { VERSION };
        let writer = Writer::new(version);
        match self {
            Self::Group { list } => writer.byte(code(Kind::Group)).sized(list).finish(),
            Self::Datatype { list, datatype } => writer.byte(code(Kind::Datatype)).sized(list).sized(datatype).finish(),
            Self::Map { list, key, value, data_upper } => {
                writer.byte(code(Kind::Map)).sized(list).sized(key).sized(value).wide(*data_upper).finish()
            }
            Self::Dataset { committed, list, datatype, space, data_upper, element, layout } => {
                let writer =
                    writer.byte(code(Kind::Dataset)).committed(*committed).sized(list).sized(datatype).sized(space);
                let writer = writer.wide(*data_upper).number(*element);
                match layout {
                    Layout::Inside => writer.byte(INSIDE).finish(),
                    Layout::Virtual => writer.byte(VIRTUAL).finish(),
                    Layout::RawFiles => writer.byte(RAW_FILES).finish(),
                    Layout::Contiguous { block } => writer.byte(CONTIGUOUS).wide(*block).finish(),
                    Layout::Chunked { chunk } | Layout::Filtered { chunk } => {
                        let is_filtered = matches!(layout, Layout::Filtered { .. });
                        let rank = u8::try_from(chunk.len()).expect("no dataspace has more than 32 dimensions");
                        let writer = writer.byte(if is_filtered { FILTERED } else { CHUNKED }).byte(rank);
                        chunk.iter().fold(writer, |writer, dimension| writer.wide(*dimension)).finish()
                    }
                }
            }
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let (mut reader, version) = Reader::new("the header of an object", bytes, COMMITTED_VERSION)?;
        let kind = reader.byte()?;
        if version == COMMITTED_VERSION && kind != code(Kind::Dataset) {
            return Err(reader.damaged("only a dataset is of a committed datatype"));
        }
        let committed = if version == COMMITTED_VERSION { Some(reader.committed()?) } else { None };
        let list = reader.sized()?.to_vec();
        if kind == code(Kind::Group) {
            reader.end()?;
            return Ok(Self::Group { list });
        }
        if kind == code(Kind::Map) {
            let (key, value) = (reader.sized()?.to_vec(), reader.sized()?.to_vec());
            let data_upper = reader.wide()?;
            reader.end()?;
            return Ok(Self::Map { list, key, value, data_upper });
        }
        let datatype = reader.sized()?.to_vec();
        if kind == code(Kind::Datatype) {
            reader.end()?;
            return Ok(Self::Datatype { list, datatype });
        }
        if kind != code(Kind::Dataset) {
            return Err(reader.damaged("it is of no known kind"));
        }
        let space = reader.sized()?.to_vec();
        let (data_upper, element) = (reader.wide()?, reader.number()?);
        let layout = match reader.byte()? {
            CONTIGUOUS => Layout::Contiguous { block: reader.wide()? },
            INSIDE => Layout::Inside,
            VIRTUAL => Layout::Virtual,
            RAW_FILES => Layout::RawFiles,
            layout @ (CHUNKED | FILTERED) => {
                let rank = usize::from(reader.byte()?);
                if rank > RANK_MAX {
                    return Err(reader.damaged("it has too many dimensions"));
                }
                let chunk = (0..rank).map(|_| reader.wide()).collect::<Result<_>>()?;
                if layout == FILTERED { Layout::Filtered { chunk } } else { Layout::Chunked { chunk } }
            }
            _ => return Err(reader.damaged("it has no known layout")),
        };
        reader.end()?;
        let sensible = match &layout {
            Layout::Inside | Layout::Virtual | Layout::RawFiles => true,
            Layout::Contiguous { block } => *block > 0,
            Layout::Chunked { chunk } | Layout::Filtered { chunk } => {
                !chunk.is_empty() && chunk.iter().all(|dimension| *dimension > 0)
            }
        };
        if !sensible || element == 0 {
            return Err(reader.damaged("something in it is zero"));
        }
        Ok(Self::Dataset { committed, list, datatype, space, data_upper, element, layout })
    }
}
