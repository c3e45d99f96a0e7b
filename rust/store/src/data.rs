//! Bytes of values, as they come from a request or go into a reply.

use daos_env::{IoBuffer, PooledBuffer};
use daos_media::{ReaderPin, RegionView};
use std::fmt;
use std::ops::{Deref, Range};
use std::rc::Rc;

/// Bytes that lie in a [`Data`] itself: most small values do, and need no memory of their own.
const SHORT_MAX: usize = 72;

/// Bytes of a value, wherever they happen to lie.
pub enum Data {
    /// A small value.
    Bytes(Vec<u8>),
    /// A very small one, in place: made by [`Data::copy_of`].
    Short(ShortBytes),
    /// A whole buffer: on its way in, it goes to the device without a copy.
    Buffer(IoBuffer),
    /// A copy from a device that is memory, in a buffer that is used again.
    Pooled(PooledBuffer),
    /// A view of the device itself, when that is memory. As long as it lives, no block that was freed after it was found is used
    /// again: whoever holds it must not wait for a change of the same store.
    View(ValueView),
    /// A part of a vector that nobody else needs any more.
    Inside {
        /// The vector.
        bytes: Vec<u8>,
        /// The part; what lies outside the vector is cut off.
        range: Range<usize>,
    },
    /// A part of a buffer that several values share.
    Part {
        /// The buffer.
        buffer: Rc<IoBuffer>,
        /// The part; what lies outside the buffer is cut off.
        range: Range<usize>,
    },
}

/// A few bytes, in place.
///
/// They begin where the whole begins, so that copies of it move them by whole words; what a [`Data`] is stands behind them, in the values that
/// its marker does not have. Otherwise the words of a copy would lie across those of the last one, and the processor would wait for each.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct ShortBytes {
    bytes: [u8; SHORT_MAX],
    length: u8,
    marker: Marker,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Marker {
    Short,
}

impl ShortBytes {
    const EMPTY: ShortBytes = ShortBytes { bytes: [0; SHORT_MAX], length: 0, marker: Marker::Short };
}

impl Deref for ShortBytes {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length).min(SHORT_MAX)]
    }
}

const _: () = assert!(SHORT_MAX <= u8::MAX as usize && size_of::<Data>() == SHORT_MAX + 8);

/// Bytes of a value where they lie on a device that is memory.
pub struct ValueView {
    view: RegionView,
    range: Range<usize>,
    _pin: ReaderPin,
}

impl ValueView {
    /// A part of a view, whose blocks are pinned.
    pub(crate) fn new(view: RegionView, range: Range<usize>, pin: ReaderPin) -> ValueView {
        let end = range.end.min(view.len());
        ValueView { range: range.start.min(end)..end, view, _pin: pin }
    }
}

impl Deref for ValueView {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.view[self.range.clone()]
    }
}

impl Data {
    /// No bytes.
    pub const EMPTY: Data = Data::Short(ShortBytes::EMPTY);

    /// A copy of bytes: in place, if they are few.
    #[inline]
    pub fn copy_of(bytes: &[u8]) -> Data {
        let mut data = Data::EMPTY;
        data.set_copy_of(bytes);
        data
    }

    /// Becomes a copy of bytes.
    #[inline]
    pub(crate) fn set_copy_of(&mut self, bytes: &[u8]) {
        if bytes.len() > SHORT_MAX {
            *self = Data::Bytes(bytes.to_vec());
            return;
        }
        if !matches!(self, Data::Short(_)) {
            *self = Data::EMPTY;
        }
        if let Data::Short(short) = self {
            short.length = bytes.len() as u8;
            short.bytes[..bytes.len()].copy_from_slice(bytes);
        }
    }

    /// The bytes as a vector; copies them unless they are one already.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Data::Bytes(bytes) => bytes,
            other => other.to_vec(),
        }
    }
}

fn cut<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    let end = range.end.min(bytes.len());
    &bytes[range.start.min(end)..end]
}

impl Deref for Data {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Data::Bytes(bytes) => bytes,
            Data::Short(bytes) => bytes,
            Data::Buffer(buffer) => buffer,
            Data::Pooled(buffer) => buffer,
            Data::View(view) => view,
            Data::Inside { bytes, range } => cut(bytes, range),
            Data::Part { buffer, range } => cut(buffer, range),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_the_bytes_in_place_and_elsewhere() {
        for length in [0, 1, 64, SHORT_MAX - 1, SHORT_MAX, SHORT_MAX + 1, 1000] {
            let bytes: Vec<u8> = (0..length).map(|index| index as u8 ^ 0x5a).collect();
            let copy = Data::copy_of(&bytes);
            assert_eq!(matches!(copy, Data::Short(_)), length <= SHORT_MAX, "{length}");
            assert!(*copy == *bytes && copy == Data::Bytes(bytes.clone()), "{length}");
            assert_eq!(copy.into_vec(), bytes);
            let inside = Data::Inside { bytes: [b"ab", &bytes[..], b"c"].concat(), range: 2..length + 2 };
            assert_eq!(inside.into_vec(), bytes);
            let end: Vec<u8> = bytes.iter().skip(1).copied().collect();
            assert_eq!(*Data::Inside { bytes, range: 1..usize::MAX }, end);
        }
    }
}
