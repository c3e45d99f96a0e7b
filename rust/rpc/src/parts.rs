//! Bytes that lie in parts.

/// A body whose parts lie apart: what was encoded for it, and values where they are.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The first part.
    pub first: &'a [u8],
    /// What follows it, one behind the other.
    pub rest: &'a [&'a [u8]],
}

impl<'a> Parts<'a> {
    /// A body in one part.
    pub const fn one(bytes: &'a [u8]) -> Parts<'a> {
        Parts { first: bytes, rest: &[] }
    }

    /// The parts.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    /// Bytes of all together.
    pub fn length(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    /// All in one piece, behind what goes before them.
    pub fn behind(&self, before: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(before.len() + self.length());
        bytes.extend_from_slice(before);
        self.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes
    }
}
