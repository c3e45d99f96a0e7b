//! Bytes of values, as they come from a request or go into a reply.

use daos_env::IoBuffer;
use std::fmt;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// Bytes of a value, wherever they happen to lie.
pub enum Data {
    /// A small value.
    Bytes(Vec<u8>),
    /// A whole buffer: on its way in, it goes to the device without a copy.
    Buffer(IoBuffer),
    /// A part of a buffer that several values share.
    Part {
        /// The buffer.
        buffer: Rc<IoBuffer>,
        /// The part; what lies outside the buffer is cut off.
        range: Range<usize>,
    },
}

impl Data {
    /// A copy of bytes.
    pub fn copy_of(bytes: &[u8]) -> Data {
        Data::Bytes(bytes.to_vec())
    }

    /// The bytes as a vector; copies them unless they are one already.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Data::Bytes(bytes) => bytes,
            other => other.to_vec(),
        }
    }
}

impl Deref for Data {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Data::Bytes(bytes) => bytes,
            Data::Buffer(buffer) => buffer,
            Data::Part { buffer, range } => {
                let end = range.end.min(buffer.len());
                &buffer[range.start.min(end)..end]
            }
        }
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Data {
        Data::Bytes(bytes)
    }
}

impl From<IoBuffer> for Data {
    fn from(buffer: IoBuffer) -> Data {
        Data::Buffer(buffer)
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Data) -> bool {
        **self == **other
    }
}

impl Eq for Data {}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} bytes)", self.len())
    }
}
