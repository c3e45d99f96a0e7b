//! Verifying what lies in memory, in one pass with copying it.

use super::{HEADER, StoredChecksum, for_each_word, has_word, words_of};
use crate::ChecksumKind;
use crate::stored::{Origin, StoredRange};
use daos_media::Arena;
use daos_status::Result;
use std::ops::Range;

/// The checksums of a value where they lie, which are looked at as they are needed: for what is read at once, while nothing changes.
pub(crate) struct ChunkSums<'a> {
    arena: &'a Arena,
    stored: StoredChecksum,
    /// Bytes under each; the last chunk may be shorter.
    chunk: usize,
    /// Bytes of the value.
    length: usize,
}

impl<'a> ChunkSums<'a> {
    /// Those of the value that a range is a part of.
    #[inline]
    pub(crate) fn new(arena: &'a Arena, range: &StoredRange) -> Result<ChunkSums<'a>> {
        let chunk = range.checksum.chunk(arena, range.value_length)?;
        Ok(ChunkSums { arena, stored: range.checksum, chunk, length: range.value_length })
    }

    /// What must be read of a value to verify a part of it: the first byte, and the bytes. Without checksums, that is the part.
    #[inline]
    pub(crate) fn whole_chunks(&self, part: &StoredRange) -> (usize, usize) {
        if self.stored.kind == ChecksumKind::Off {
            return (part.start, part.length);
        }
        let first = part.start / self.chunk * self.chunk;
        let end = (part.start + part.length).next_multiple_of(self.chunk).min(self.length);
        (first, end - first)
    }

    /// A word of the checksum of a chunk.
    #[inline]
    fn word(&self, chunk: usize, index: usize) -> Result<u64> {
        if !self.stored.is_apart {
            return Ok(self.stored.word);
        }
        let before = chunk * words_of(self.stored.kind) + index;
        self.arena.read_value(self.stored.word.wrapping_add((HEADER + before * 8) as u64))
    }

    /// Whether a chunk is what it was.
    fn matches(&self, chunk: usize, bytes: &[u8]) -> Result<bool> {
        let (mut index, mut is_same) = (0, Ok(true));
        for_each_word(self.stored.kind, bytes, |word| {
            let expected = self.word(chunk, index);
            index += 1;
            is_same = match (&is_same, expected) {
                (Ok(so_far), Ok(expected)) => Ok(*so_far && word == expected),
                (Ok(_), Err(status)) => Err(status),
                (Err(_), _) => return,
            };
        });
        is_same
    }

    /// Compares whole chunks that begin at byte `first` of the value.
    #[inline]
    pub(crate) fn verify(&self, first: usize, bytes: &[u8], origin: &Origin<'_>) -> Result<()> {
        if self.stored.kind == ChecksumKind::Off {
            return Ok(());
        }
        for (index, chunk) in bytes.chunks(self.chunk).enumerate() {
            if !self.matches(first / self.chunk + index, chunk)? {
                return Err(origin.mismatch(first + index * self.chunk));
            }
        }
        Ok(())
    }

    /// Copies a part of whole chunks that begin at byte `first` of the value, and compares all of them: what is copied whole is loaded
    /// once. After an error, the copy must not be given to anybody.
    #[inline]
    pub(crate) fn copy(
        &self,
        first: usize,
        bytes: &[u8],
        part: Range<usize>,
        target: &mut [u8],
        origin: &Origin<'_>,
    ) -> Result<()> {
        let kind = self.stored.kind;
        if kind == ChecksumKind::Off {
            target.copy_from_slice(&bytes[part]);
            return Ok(());
        }
        for (index, chunk) in bytes.chunks(self.chunk).enumerate() {
            let start = index * self.chunk;
            let wanted = part.start.max(start)..part.end.min(start + chunk.len());
            let to = &mut target[wanted.start - part.start..wanted.end - part.start];
            let number = first / self.chunk + index;
            let matches = if has_word(kind) && wanted.len() == chunk.len() {
                kind.word_of_copy(chunk, to) == self.word(number, 0)?
            } else {
                to.copy_from_slice(&bytes[wanted]);
                self.matches(number, chunk)?
            };
            if !matches {
                return Err(origin.mismatch(first + start));
            }
        }
        Ok(())
    }
}
