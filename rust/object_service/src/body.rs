//! The bytes of a request, and those of its reply.

use daos_env::IoBuffer;
use daos_store::Data;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// The bytes of a request, wherever they are.
pub(crate) enum Body<'a> {
    /// In the message, which is needed for something else.
    Borrowed(&'a [u8]),
    /// In a message, from a position on.
    Message(Vec<u8>, usize),
    /// In memory that was fetched from the client.
    Buffer(IoBuffer),
}

impl Body<'_> {
    /// A part of the bytes as one value, without a copy if that can be.
    pub fn into_value(self, range: Range<usize>) -> Data {
        match self {
            Body::Borrowed(bytes) => Data::copy_of(bytes.get(range).unwrap_or_default()),
            Body::Message(bytes, start) => Data::Inside { bytes, range: start + range.start..start + range.end },
            Body::Buffer(buffer) => Data::Part { buffer: Rc::new(buffer), range },
        }
    }
}

impl Deref for Body<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Message(bytes, start) => bytes.get(*start..).unwrap_or_default(),
            Body::Buffer(buffer) => buffer,
        }
    }
}

/// The bytes of a reply, and the values that end it where they are: they are copied into the message when it is sent, which is before
/// anything else happens.
pub(crate) struct Reply {
    pub bytes: Vec<u8>,
    pub values: Vec<Data>,
}

impl Reply {
    /// The bytes of the values.
    pub fn values(&self) -> Vec<&[u8]> {
        self.values.iter().map(|value| &**value).collect()
    }
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Reply {
        Reply { bytes, values: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_wherever_the_request_is() {
        let bytes = b"a request and its value";
        let message = || Body::Message([b"head", &bytes[..]].concat(), 4);
        let all = || [Body::Borrowed(bytes), message(), Body::Buffer(IoBuffer::copy_of(bytes))];
        for range in [0..bytes.len(), 14..bytes.len(), 3..3] {
            for body in all() {
                assert_eq!(*body, *bytes);
                assert_eq!(*body.into_value(range.clone()), bytes[range.clone()]);
            }
        }
    }
}
