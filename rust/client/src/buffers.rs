//! Memory that operations read from and write to.

/// A list of pieces of the caller's memory, used as one stream of bytes in the order of the list.
///
/// It may be sent to the thread that drives the context.
#[derive(Clone, Debug, Default)]
pub struct ScatterList {
    pieces: Vec<(*mut u8, usize)>,
    /// Where each piece begins in the stream; empty for short lists, in which a piece is found by going through them.
    starts: Vec<u64>,
}

/// A list of more pieces knows where each of them begins: a call with many thousands is cut into parts, and each part is looked for.
const PIECES_UNINDEXED_MAX: usize = 32;

// SAFETY: the promise made to `ScatterList::new` holds for every thread.
unsafe impl Send for ScatterList {}

impl ScatterList {
    /// A list of pieces, each an address and a length.
    ///
    /// # Safety
    /// Until the operation that is given the list has ended, every piece must be valid for reads (as a source) or for
    /// reads and writes (as a destination), and nothing else may write to it (nor read it, when a destination).
    pub unsafe fn new(pieces: Vec<(*mut u8, usize)>) -> ScatterList {
        ScatterList::indexed(pieces)
    }

    fn indexed(pieces: Vec<(*mut u8, usize)>) -> ScatterList {
        let mut starts = Vec::new();
        if pieces.len() > PIECES_UNINDEXED_MAX {
            let mut end = 0u64;
            starts.reserve_exact(pieces.len());
            for (_, length) in &pieces {
                starts.push(end);
                // Operations refuse lists whose sum does not fit.
                end = end.saturating_add(*length as u64);
            }
        }
        ScatterList { pieces, starts }
    }

    /// The pieces from one that begins at or before a position of the stream on, and how far behind its beginning the position is.
    fn following(&self, position: u64) -> (&[(*mut u8, usize)], u64) {
        let index = self.starts.partition_point(|start| *start <= position).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(0);
        (&self.pieces[index..], position - start)
    }

    /// The pieces.
    pub fn pieces(&self) -> &[(*mut u8, usize)] {
        &self.pieces
    }

    /// How many bytes, or `None` when the sum does not fit.
    pub fn total_length(&self) -> Option<u64> {
        self.pieces.iter().try_fold(0u64, |sum, (_, length)| sum.checked_add(*length as u64))
    }

    /// Copies `bytes` to position `offset` of the stream; what does not fit is not copied. Returns how many were.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> usize {
        self.for_each_part(offset, bytes.len(), |part, done| {
            // SAFETY: the part lies within a piece that `new` was promised to be writable.
            unsafe { std::ptr::copy_nonoverlapping(bytes[done..].as_ptr(), part.0, part.1) }
        })
    }

    /// Fills `length` bytes at position `offset` of the stream with zeros; what does not fit is left out.
    pub fn zero_at(&self, offset: u64, length: usize) -> usize {
        self.for_each_part(offset, length, |part, _| {
            // SAFETY: the part lies within a piece that `new` was promised to be writable.
            unsafe { std::ptr::write_bytes(part.0, 0, part.1) }
        })
    }

    /// Copies bytes from position `offset` of the stream; returns how many there were.
    pub fn read_at(&self, offset: u64, bytes: &mut [u8]) -> usize {
        self.for_each_part(offset, bytes.len(), |part, done| {
            // SAFETY: the part lies within a piece that `new` was promised to be readable.
            unsafe { std::ptr::copy_nonoverlapping(part.0, bytes[done..].as_mut_ptr(), part.1) }
        })
    }

    /// The bytes of the stream, piece by piece.
    pub(crate) fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let pieces = self.pieces.iter().filter(|piece| piece.1 > 0);
        // SAFETY: `new` was promised that the piece is readable until the operation has ended, and that nobody writes to it.
        pieces.map(|&(address, length)| unsafe { std::slice::from_raw_parts(address, length) })
    }

    /// A part of the stream as a list of its own; what lies behind the end is left out.
    pub fn slice(&self, start: u64, length: u64) -> ScatterList {
        let (following, mut skip) = self.following(start);
        let mut left = length;
        let mut pieces = Vec::new();
        for &(address, size) in following {
            let size = size as u64;
            if left == 0 {
                break;
            }
            if skip >= size {
                skip -= size;
                continue;
            }
            let count = (size - skip).min(left);
            // SAFETY: `skip` is less than the size of the piece.
            pieces.push((unsafe { address.add(skip as usize) }, count as usize));
            left -= count;
            skip = 0;
        }
        ScatterList::indexed(pieces)
    }

    fn for_each_part(&self, offset: u64, length: usize, mut visit: impl FnMut((*mut u8, usize), usize)) -> usize {
        let (following, mut skip) = self.following(offset);
        let mut done = 0;
        for &(address, size) in following {
            if done == length {
                break;
            }
            if skip >= size as u64 {
                skip -= size as u64;
                continue;
            }
            let start = skip as usize;
            let count = (size - start).min(length - done);
            // SAFETY: `start` is less than the size of the piece.
            visit((unsafe { address.add(start) }, count), done);
            done += count;
            skip = 0;
        }
        done
    }
}

/// Where an update takes its bytes from.
#[derive(Debug)]
pub enum Source {
    /// Bytes that the operation owns.
    Owned(Vec<u8>),
    /// The caller's memory.
    Memory(ScatterList),
}

impl Source {
    /// How many bytes, or `None` when the sum does not fit.
    pub fn length(&self) -> Option<u64> {
        match self {
            Source::Owned(bytes) => Some(bytes.len() as u64),
            Source::Memory(list) => list.total_length(),
        }
    }
}

/// Where a fetch puts its bytes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Into a vector that the result carries, at most so many bytes.
    Owned(u64),
    /// Into the caller's memory.
    Memory(ScatterList),
}

impl Destination {
    /// How many bytes there is room for, or `None` when the sum does not fit.
    pub fn capacity(&self) -> Option<u64> {
        match self {
            Destination::Owned(limit) => Some(*limit),
            Destination::Memory(list) => list.total_length(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_cross_pieces() {
        let (mut a, mut b) = ([0u8; 3], [0u8; 5]);
        // SAFETY: both arrays outlive the list and are not touched while it writes.
        let list = unsafe { ScatterList::new(vec![(a.as_mut_ptr(), 3), (b.as_mut_ptr(), 5)]) };
        assert_eq!(list.write_at(1, b"abcdef"), 6);
        assert_eq!(list.write_at(7, b"xyz"), 1);
        let mut out = [0; 8];
        assert_eq!(list.read_at(0, &mut out), 8);
        assert_eq!(&out, b"\0abcdefx");
        assert_eq!(list.zero_at(2, 2), 2);
        assert_eq!((a, b), (*b"\0a\0", *b"\0defx"));
    }

    #[test]
    fn long_lists_are_the_same_stream_as_short_ones() {
        let mut memory = [0u8; 400];
        // Pieces of 0 to 6 bytes, each of them apart from the next one.
        let lengths: Vec<usize> = (0..100).map(|piece| piece * 5 % 7).collect();
        let total: usize = lengths.iter().sum();
        let base = memory.as_mut_ptr();
        let mut at = 0;
        let mut pieces = Vec::new();
        for length in &lengths {
            pieces.push((base.wrapping_add(at), *length));
            at += length + 1;
        }
        assert!(at <= memory.len() && pieces.len() > PIECES_UNINDEXED_MAX);
        // SAFETY: the array outlives the list and is touched by it alone.
        let list = unsafe { ScatterList::new(pieces) };
        let stream: Vec<u8> = (0..total).map(|byte| byte as u8).collect();
        assert_eq!(list.write_at(0, &stream), total);
        for start in 0..=total + 1 {
            let mut out = [0; 9];
            let expected = stream.get(start..total.min(start + 9)).unwrap_or_default();
            assert_eq!(list.read_at(start as u64, &mut out), expected.len(), "from {start}");
            assert_eq!(&out[..expected.len()], expected, "from {start}");
            let part = list.slice(start as u64, 50);
            let expected = stream.get(start..total.min(start + 50)).unwrap_or_default();
            let bytes: Vec<u8> = part.slices().flatten().copied().collect();
            assert_eq!(
                (bytes.as_slice(), part.total_length()),
                (expected, Some(expected.len() as u64)),
                "from {start}"
            );
        }
    }

    #[test]
    fn slices_cross_pieces() {
        let (mut a, mut b) = (*b"abc", *b"defgh");
        // SAFETY: both arrays outlive the list.
        let list = unsafe { ScatterList::new(vec![(a.as_mut_ptr(), 3), (b.as_mut_ptr(), 5)]) };
        let mut out = [0; 4];
        assert_eq!(list.slice(2, 4).read_at(0, &mut out), 4);
        assert_eq!(&out, b"cdef");
        assert_eq!(list.slice(3, 0).total_length(), Some(0));
        assert_eq!(list.slice(7, 9).total_length(), Some(1));
    }
}
