//! Where the bytes of a value lie, and their checksums.

use crate::value_space::{Placed, piece_word};
use crate::{ChecksumKind, Data};
use daos_media::{Arena, Offset, Transaction};
use daos_status::{Code, Result, Status, fail};
use daos_types::ObjectId;

/// Values below this many bytes lie in the arena, beside their record; larger ones on the data device. One block of the device: a
/// smaller value would waste the rest of one.
pub(crate) const INLINE_MAX: usize = 4096;

/// Bytes of an array extent under one checksum: small enough that a read of a part verifies little more than that part.
pub(crate) const CHUNK: usize = 32 * 1024;

/// The longest value of one piece: what the data device moves in one operation.
pub(crate) const VALUE_MAX: usize = daos_media::MAX_TRANSFER;

/// The most checksums in one allocation of the arena.
const CHUNKS_PER_BLOCK: usize = 8 * 1024;

const _: () = assert!(CHUNKS_PER_BLOCK * 8 <= daos_media::arena::ALLOCATION_SIZE_MAX);

/// The checksum of bytes.
#[inline]
pub(crate) fn checksum(kind: ChecksumKind, bytes: &[u8]) -> u64 {
    kind.word(bytes)
}

/// Bytes under one checksum of a value of `length` bytes: chunks grow with the value, so that one allocation holds all checksums.
pub(crate) fn chunk_of(length: usize) -> usize {
    CHUNK.max(length.div_ceil(CHUNKS_PER_BLOCK).next_multiple_of(CHUNK))
}

/// Bytes to be stored: in the arena, or already on the device.
pub(crate) enum Source<'a> {
    Inline(&'a [u8]),
    Placed(&'a Placed),
}

impl Source<'_> {
    pub(crate) fn length(&self) -> usize {
        match self {
            Source::Inline(bytes) => bytes.len(),
            Source::Placed(placed) => placed.length,
        }
    }

    /// Bytes behind the record's header.
    pub(crate) fn tail_length(&self) -> usize {
        match self {
            Source::Inline(bytes) => bytes.len(),
            Source::Placed(placed) => placed.ranges.len() * 8,
        }
    }

    /// Writes what stands behind the record's header.
    pub(crate) fn fill_tail(&self, transaction: &mut Transaction<'_>, position: u64) -> Result<()> {
        match self {
            Source::Inline(bytes) => transaction.fill(position, bytes),
            Source::Placed(placed) => {
                for (index, range) in placed.ranges.iter().enumerate() {
                    transaction.fill(position + index as u64 * 8, &piece_word(*range).to_le_bytes())?;
                }
                Ok(())
            }
        }
    }

    /// The checksum word of the record: the checksum itself, or where several lie.
    pub(crate) fn checksum_word(&self, transaction: &mut Transaction<'_>, kind: ChecksumKind) -> Result<u64> {
        match self {
            Source::Inline(bytes) => Ok(checksum(kind, bytes)),
            Source::Placed(placed) => match placed.checksums[..] {
                [] => Ok(0),
                [only] => Ok(only),
                ref several => {
                    let offset = transaction.allocate(several.len() * 8)?;
                    for (index, checksum) in several.iter().enumerate() {
                        transaction.fill(offset.get() + index as u64 * 8, &checksum.to_le_bytes())?;
                    }
                    Ok(offset.get())
                }
            },
        }
    }
}

/// A part of a stored value that is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StoredRange {
    /// Where the value's bytes start in the arena, or where the list of its pieces on the device does.
    pub address: u64,
    /// Bytes of the whole value.
    pub value_length: usize,
    /// The part: first byte.
    pub start: usize,
    /// The part: bytes.
    pub length: usize,
    /// Whether it lies on the device.
    pub on_device: bool,
    /// Bytes under one checksum.
    pub chunk: usize,
    /// See [`Source::checksum_word`].
    pub checksum_word: u64,
}

/// What a damaged value belongs to, for messages.
pub(crate) struct Origin<'a> {
    pub object: ObjectId,
    pub dkey: &'a [u8],
    pub akey: &'a [u8],
}

impl Origin<'_> {
    #[cold]
    fn mismatch(&self, offset: usize) -> Status {
        let (dkey, akey) = (self.dkey.escape_ascii(), self.akey.escape_ascii());
        let context = format!("object {}, dkey \"{dkey}\", akey \"{akey}\": value at byte {offset}", self.object);
        Status::new(Code::Csum, context)
    }
}

/// Compares the checksums of a value's chunks from byte `first` on.
pub(crate) fn verify_chunks(
    kind: ChecksumKind,
    chunk: usize,
    expected: &[u64],
    first: usize,
    bytes: &[u8],
    origin: &Origin<'_>,
) -> Result<()> {
    if kind == ChecksumKind::Off {
        return Ok(());
    }
    for (index, (bytes, expected)) in bytes.chunks(chunk).zip(expected).enumerate() {
        if checksum(kind, bytes) != *expected {
            return Err(origin.mismatch(first + index * chunk));
        }
    }
    Ok(())
}

impl StoredRange {
    /// The checksums of the chunks that the part touches.
    pub(crate) fn expected_checksums(&self, arena: &Arena, kind: ChecksumKind) -> Result<Vec<u64>> {
        if kind == ChecksumKind::Off {
            return Ok(Vec::new());
        }
        if self.value_length <= self.chunk {
            return Ok(vec![self.checksum_word]);
        }
        let (first, end) = (self.start / self.chunk, (self.start + self.length).div_ceil(self.chunk));
        // A damaged word leads out of the arena, which is an error, wherever it leads.
        let position = |index: usize| self.checksum_word.wrapping_add(index as u64 * 8);
        (first..end).map(|index| arena.read_value(position(index))).collect()
    }

    /// Reads a part that lies in the arena: all of it is under one checksum.
    pub(crate) fn read_inline(&self, arena: &Arena, kind: ChecksumKind, origin: &Origin<'_>) -> Result<Data> {
        let bytes = arena.read(self.address, self.value_length)?;
        verify_chunks(kind, self.value_length.max(1), &[self.checksum_word], 0, &bytes, origin)?;
        Ok(Data::Bytes(bytes[self.start..self.start + self.length].to_vec()))
    }
}

/// Frees the checksums of a value, where they lie apart.
pub(crate) fn free_checksums(transaction: &mut Transaction<'_>, word: u64, length: usize, chunk: usize) -> Result<()> {
    if length <= chunk || word == 0 {
        return Ok(());
    }
    match Offset::new(word) {
        Some(offset) => transaction.free(offset, length.div_ceil(chunk) * 8),
        None => fail!(Code::DfInval, "damaged metadata: checksums at offset {word} of the arena"),
    }
}
