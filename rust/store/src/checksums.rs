//! Checksums of values: made, stored beside the record, and compared.
//!
//! A value is divided into chunks, each with a checksum of one or more words of eight bytes. A value whose checksums are one word has it
//! in its record; otherwise the record has the offset of an allocation:
//!
//! ```text
//! chunk bytes u32, words u32, then the words u64
//! ```
//! The record's flags say which it is and of which kind, so that a value can be verified, moved and freed by what its record says alone:
//! bit 2, the checksums lie apart; bits 3 to 5, the kind's number.

mod chunk_sums;

use crate::ChecksumKind;
use crate::stored::Origin;
use crate::tree::damaged;
use daos_checksum::{CHECKSUM_BYTES_MAX, Checksum};
use daos_media::{Arena, BLOCK_SIZE, Offset, Transaction};
use daos_status::Result;

pub(crate) use chunk_sums::ChunkSums;

const APART: u8 = 4;
const KIND_SHIFT: u8 = 3;
const KIND_BITS: u8 = 7 << KIND_SHIFT;

/// The bits of a record's flags that are about checksums.
pub(crate) const CHECKSUM_FLAGS: u8 = APART | KIND_BITS;

/// The most words of checksums of one value.
const WORDS_MAX: usize = 8 * 1024;

const HEADER: usize = 8;
/// Bytes before the words of checksums that lie apart.
pub(crate) const CHECKSUMS_HEADER: usize = HEADER;
const _: () = assert!(HEADER + WORDS_MAX * 8 <= daos_media::arena::ALLOCATION_SIZE_MAX);
const _: () = assert!(CHECKSUM_BYTES_MAX <= 8 * 8);

/// How new values of a container are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Checksums {
    pub kind: ChecksumKind,
    /// Bytes under one checksum: whole blocks.
    pub chunk: u32,
}

impl Checksums {
    /// Bytes under one checksum of a value of `length` bytes: chunks grow with the value, so that one allocation holds all checksums.
    pub(crate) fn chunk_of(self, length: usize) -> usize {
        let chunk = (self.chunk as usize).next_multiple_of(BLOCK_SIZE).max(BLOCK_SIZE);
        let chunks_max = WORDS_MAX / words_of(self.kind).max(1);
        chunk.max(length.div_ceil(chunks_max).next_multiple_of(chunk))
    }

    /// The checksums of a value.
    pub(crate) fn of(self, bytes: &[u8]) -> Computed {
        Computed::of(self.kind, self.chunk_of(bytes.len()), bytes)
    }
}

/// Words of one checksum.
const fn words_of(kind: ChecksumKind) -> usize {
    kind.length().div_ceil(8)
}

/// Whether a checksum of this kind is one word.
#[inline]
pub(crate) fn has_word(kind: ChecksumKind) -> bool {
    kind != ChecksumKind::Off && kind.fits_word()
}

/// Calls `take` with the words of the checksum of bytes.
fn for_each_word(kind: ChecksumKind, bytes: &[u8], mut take: impl FnMut(u64)) {
    if kind.fits_word() {
        if kind != ChecksumKind::Off {
            take(kind.word(bytes));
        }
        return;
    }
    let checksum: Checksum = kind.checksum(bytes);
    for part in checksum.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        take(u64::from_le_bytes(word));
    }
}

/// The checksums of successive chunks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Computed {
    pub kind: ChecksumKind,
    /// Bytes under each; the last chunk may be shorter.
    pub chunk: usize,
    pub words: Vec<u64>,
}

impl Computed {
    /// No checksums.
    pub(crate) const NONE: Computed = Computed { kind: ChecksumKind::Off, chunk: BLOCK_SIZE, words: Vec::new() };

    /// The checksums of bytes. A value without bytes is one chunk without bytes.
    pub(crate) fn of(kind: ChecksumKind, chunk: usize, bytes: &[u8]) -> Computed {
        let mut words = Vec::with_capacity(bytes.len().div_ceil(chunk).max(1) * words_of(kind));
        if bytes.is_empty() {
            for_each_word(kind, bytes, |word| words.push(word));
        }
        bytes.chunks(chunk).for_each(|part| for_each_word(kind, part, |word| words.push(word)));
        Computed { kind, chunk, words }
    }

    /// None yet, of a value of `length` bytes.
    pub(crate) fn begin(checksums: Checksums, length: usize) -> Computed {
        let (kind, chunk) = (checksums.kind, checksums.chunk_of(length));
        Computed { kind, chunk, words: Vec::with_capacity(length.div_ceil(chunk) * words_of(kind)) }
    }

    /// Adds the checksum of the next chunk.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        for_each_word(self.kind, chunk, |word| self.words.push(word));
    }

    /// The first byte of a chunk in which bytes differ from what these checksums say.
    pub(crate) fn first_mismatch(&self, bytes: &[u8]) -> Option<usize> {
        if self.kind == ChecksumKind::Off {
            return None;
        }
        let mut expected = self.words.iter();
        let mut check = |part: &[u8]| {
            let mut is_same = true;
            for_each_word(self.kind, part, |word| is_same &= expected.next() == Some(&word));
            is_same
        };
        if bytes.is_empty() {
            return (!check(bytes)).then_some(0);
        }
        let position = bytes.chunks(self.chunk).position(|part| !check(part));
        position.map(|index| index * self.chunk)
    }

    /// Compares bytes that begin at byte `first` of a value, which is where a chunk begins.
    pub(crate) fn verify(&self, first: usize, bytes: &[u8], origin: &Origin<'_>) -> Result<()> {
        match self.first_mismatch(bytes) {
            None => Ok(()),
            Some(offset) => Err(origin.mismatch(first + offset)),
        }
    }
}

/// The checksums of a value as its record has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoredChecksum {
    pub kind: ChecksumKind,
    is_apart: bool,
    /// The checksum, or where the checksums lie.
    pub word: u64,
}

impl StoredChecksum {
    pub(crate) fn of_word(kind: ChecksumKind, word: u64) -> StoredChecksum {
        StoredChecksum { kind, is_apart: false, word }
    }

    /// What a record at a position says. One without checksums says so twice, by its kind and by a word of zero: a single flipped bit
    /// must not turn checksums off.
    #[inline]
    pub(crate) fn from_record(flags: u8, word: u64, position: u64) -> Result<StoredChecksum> {
        let number = (flags & KIND_BITS) >> KIND_SHIFT;
        if number == 0 && (word != 0 || flags & APART != 0) {
            return Err(damaged("the checksum of a value", position));
        }
        // Three bits name one of eight kinds.
        let kind = ChecksumKind::from_number(u64::from(number)).unwrap_or_default();
        Ok(StoredChecksum { kind, is_apart: flags & APART != 0, word })
    }

    /// The checksum, of a value that has only one, of one word.
    #[inline]
    pub(crate) fn only_word(self) -> Option<u64> {
        (has_word(self.kind) && !self.is_apart).then_some(self.word)
    }

    /// The bits for the record's flags.
    pub(crate) fn flags(self) -> u8 {
        self.kind.number() << KIND_SHIFT | if self.is_apart { APART } else { 0 }
    }

    /// Stores checksums: a single word needs no room of its own.
    pub(crate) fn store(transaction: &mut Transaction<'_>, computed: &Computed) -> Result<StoredChecksum> {
        let kind = computed.kind;
        match computed.words[..] {
            [] => Ok(StoredChecksum::of_word(kind, 0)),
            [only] => Ok(StoredChecksum::of_word(kind, only)),
            ref words => {
                let offset = transaction.allocate(HEADER + words.len() * 8)?;
                transaction.fill(offset.get(), &(computed.chunk as u32).to_le_bytes())?;
                transaction.fill(offset.get() + 4, &(words.len() as u32).to_le_bytes())?;
                for (index, word) in words.iter().enumerate() {
                    transaction.fill(offset.get() + (HEADER + index * 8) as u64, &word.to_le_bytes())?;
                }
                Ok(StoredChecksum { kind, is_apart: true, word: offset.get() })
            }
        }
    }

    /// Bytes under one checksum, and words of all, of a value whose checksums lie apart.
    fn header(self, arena: &Arena, length: usize) -> Result<(usize, usize)> {
        let chunk = arena.read_value::<u32>(self.word)? as usize;
        let words = arena.read_value::<u32>(self.word.wrapping_add(4))? as usize;
        // Parts of a value are read in whole blocks, wherever a chunk begins.
        let is_sound = chunk > 0 && (chunk >= length || chunk.is_multiple_of(BLOCK_SIZE));
        let is_complete = || words == length.div_ceil(chunk).max(1) * words_of(self.kind);
        if !is_sound || words > WORDS_MAX || !is_complete() {
            return Err(damaged("the checksums of a value", self.word));
        }
        Ok((chunk, words))
    }

    /// Bytes of a value of `length` bytes under one checksum.
    #[inline]
    pub(crate) fn chunk(self, arena: &Arena, length: usize) -> Result<usize> {
        if self.is_apart { Ok(self.header(arena, length)?.0) } else { Ok(length.max(1)) }
    }

    /// The checksums of the chunks that a part of a value of `length` bytes touches.
    pub(crate) fn load(self, arena: &Arena, length: usize, start: usize, part: usize) -> Result<Computed> {
        let kind = self.kind;
        if kind == ChecksumKind::Off {
            return Ok(Computed::NONE);
        }
        if !self.is_apart {
            return Ok(Computed { kind, chunk: length.max(1), words: vec![self.word] });
        }
        let (chunk, words) = self.header(arena, length)?;
        let each = words_of(kind);
        let (first, end) = (start / chunk * each, ((start + part).div_ceil(chunk) * each).clamp(each, words));
        let position = |index: usize| self.word.wrapping_add((HEADER + index * 8) as u64);
        let words = (first..end).map(|index| arena.read_value(position(index))).collect::<Result<Vec<u64>>>()?;
        Ok(Computed { kind, chunk, words })
    }

    /// Compares all bytes of a value that lies in the arena.
    #[inline]
    pub(crate) fn verify_inline<'a>(
        self,
        arena: &Arena,
        bytes: &[u8],
        origin: impl FnOnce() -> Origin<'a>,
    ) -> Result<()> {
        if self.kind == ChecksumKind::Off {
            return Ok(());
        }
        if !self.is_apart {
            return if self.kind.word(bytes) == self.word { Ok(()) } else { Err(origin().mismatch(0)) };
        }
        self.load(arena, bytes.len(), 0, bytes.len())?.verify(0, bytes, &origin())
    }

    /// Frees them, where they lie apart.
    pub(crate) fn free(self, transaction: &mut Transaction<'_>, length: usize) -> Result<()> {
        if !self.is_apart {
            return Ok(());
        }
        let (_, words) = self.header(transaction.arena(), length)?;
        let offset = Offset::new(self.word).ok_or_else(|| damaged("the checksums of a value", self.word))?;
        transaction.free(offset, HEADER + words * 8)
    }
}
