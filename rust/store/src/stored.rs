//! Where the bytes of a value lie.

use crate::checksums::{Computed, StoredChecksum};
use crate::value_space::{Pieces, Placed, piece_word};
use crate::{ChecksumKind, Data};
use daos_media::{Arena, Transaction};
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, ObjectId};

/// Values below this many bytes lie in the arena, beside their record; larger ones on the data device. One block of the device: a
/// smaller value would waste the rest of one.
pub(crate) const INLINE_MAX: usize = 4096;

/// The longest value of one piece: what the data device moves in one operation.
pub(crate) const VALUE_MAX: usize = daos_media::MAX_TRANSFER;

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

    /// Writes a record: its header, and what stands behind it.
    #[inline]
    pub(crate) fn store(&self, transaction: &mut Transaction<'_>, room: Room, header: &[u8]) -> Result<()> {
        match self {
            Source::Inline(bytes) => room.store(transaction, [header, bytes]),
            Source::Placed(placed) => {
                room.store(transaction, [header])?;
                let mut tail = room.behind(header.len());
                for range in placed.ranges.iter() {
                    tail.store(transaction, [&piece_word(*range).to_le_bytes()])?;
                    tail = tail.behind(size_of::<u64>());
                }
                Ok(())
            }
        }
    }

    /// The checksums of the bytes, put where the record can name them.
    pub(crate) fn checksum(&self, transaction: &mut Transaction<'_>, kind: ChecksumKind) -> Result<StoredChecksum> {
        match self {
            Source::Inline(bytes) if kind.fits_word() => Ok(StoredChecksum::of_word(kind, kind.word(bytes))),
            Source::Inline(bytes) => {
                let chunk = bytes.len().max(1);
                StoredChecksum::store(transaction, &Computed::of(kind, chunk, bytes))
            }
            Source::Placed(placed) => StoredChecksum::store(transaction, &placed.checksums),
        }
    }
}

/// Where a record goes.
#[derive(Clone, Copy)]
pub(crate) enum Room {
    /// Into space that this transaction has allocated.
    Fresh(u64),
    /// Where something else was, which comes back if the transaction does not end well.
    Used(u64),
}

impl Room {
    /// Writes some parts of the record, one behind the other.
    #[inline]
    pub(crate) fn store<const PARTS: usize>(
        self,
        transaction: &mut Transaction<'_>,
        parts: [&[u8]; PARTS],
    ) -> Result<()> {
        match self {
            Room::Fresh(position) => transaction.fill_parts(position, parts),
            Room::Used(mut position) => {
                for part in parts {
                    transaction.write(position, part)?;
                    position += part.len() as u64;
                }
                Ok(())
            }
        }
    }

    /// The room without its first bytes.
    pub(crate) fn behind(self, length: usize) -> Room {
        match self {
            Room::Fresh(position) => Room::Fresh(position + length as u64),
            Room::Used(position) => Room::Used(position + length as u64),
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
    /// The checksums of the whole value.
    pub checksum: StoredChecksum,
}

/// What a damaged value belongs to, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub container: ContainerId,
    pub object: ObjectId,
    pub dkey: &'a [u8],
    pub akey: &'a [u8],
}

impl Origin<'_> {
    #[cold]
    pub(crate) fn mismatch(&self, offset: usize) -> Status {
        let (dkey, akey) = (self.dkey.escape_ascii(), self.akey.escape_ascii());
        let Origin { container, object, .. } = self;
        let context =
            format!("container {container}, object {object}, dkey \"{dkey}\", akey \"{akey}\": value at byte {offset}");
        Status::new(Code::Csum, context)
    }
}

impl StoredRange {
    /// The same value, another part of it.
    pub(crate) fn part(&self, start: usize, length: usize) -> StoredRange {
        StoredRange { start, length, ..*self }
    }

    /// Pieces of the data device that the value lies in.
    pub(crate) fn pieces(&self, arena: &Arena) -> Result<usize> {
        if !self.on_device {
            return Ok(0);
        }
        Pieces::new(arena, self.address, self.value_length).try_fold(0, |count, piece| piece.map(|_| count + 1))
    }

    /// The checksums of the chunks that the part touches.
    pub(crate) fn expected(&self, arena: &Arena) -> Result<Computed> {
        self.checksum.load(arena, self.value_length, self.start, self.length)
    }

    /// Reads a part that lies in the arena, and verifies the value it belongs to.
    pub(crate) fn read_inline(&self, arena: &Arena, origin: &Origin<'_>) -> Result<Data> {
        let mut data = Data::EMPTY;
        self.read_inline_into(arena, || *origin, &mut data)?;
        Ok(data)
    }

    /// As [`StoredRange::read_inline`], into its place.
    #[inline]
    pub(crate) fn read_inline_into<'a>(
        &self,
        arena: &Arena,
        origin: impl FnOnce() -> Origin<'a>,
        out: &mut Data,
    ) -> Result<()> {
        let bytes = arena.read(self.address, self.value_length)?;
        self.checksum.verify_inline(arena, &bytes, origin)?;
        out.set_copy_of(&bytes[self.start..self.start + self.length]);
        Ok(())
    }
}
