//! Making and freeing records: with room for their first child, or in the room of their parent.

use super::{DIRECT, HEADER, Header, INNER, LENGTH_BITS, Level, ROOM_MASK, STATE, ValueKind};
use crate::container_state::STATE_SIZE;
use crate::tree::damaged;
use daos_media::{Offset, Transaction};
use daos_status::Result;
use zerocopy::IntoBytes;

/// Bytes of the largest room.
pub(crate) const ROOM_MAX: usize = ROOM_MASK as usize * 8;

/// An akey that is to be made together with room for its first value, which is filled at once.
pub(crate) struct NewAkey<'a> {
    pub key: &'a [u8],
    pub kind: ValueKind,
    pub record_size: u32,
    /// Bytes of the value, or zero when it lies elsewhere.
    pub room: usize,
}

impl NewAkey<'_> {
    /// Bytes that the record takes with its room.
    pub(crate) fn size(&self) -> usize {
        HEADER as usize + self.key.len().next_multiple_of(8) + self.room
    }
}

impl Level {
    /// Makes a record without children.
    pub(crate) fn create(transaction: &mut Transaction<'_>, key: &[u8]) -> Result<Level> {
        let offset = transaction.allocate(HEADER as usize + key.len().next_multiple_of(8))?;
        Level::fill(transaction, offset.get(), key, Header { children: 0, punches: 0, key: 0, extra: 0 }, 0)
    }

    /// Makes an akey with room for its first value, which the caller fills: it is the akey's child already.
    pub(crate) fn create_akey(transaction: &mut Transaction<'_>, akey: &NewAkey<'_>) -> Result<Level> {
        let offset = transaction.allocate(akey.size())?;
        Level::fill_akey(transaction, offset.get(), akey, 0)
    }

    /// Makes a dkey with its first akey in its room; see [`Level::create_akey`].
    pub(crate) fn create_dkey(
        transaction: &mut Transaction<'_>,
        key: &[u8],
        akey: &NewAkey<'_>,
    ) -> Result<(Level, Level)> {
        let own = HEADER as usize + key.len().next_multiple_of(8);
        let offset = transaction.allocate(own + akey.size())?;
        let inner = offset.get() + own as u64;
        let header = Header { children: (inner / 8) as u32, punches: 0, key: u32::from(DIRECT) << 24, extra: 0 };
        let dkey = Level::fill(transaction, offset.get(), key, header, akey.size())?;
        Ok((dkey, Level::fill_akey(transaction, inner, akey, INNER)?))
    }

    fn fill_akey(transaction: &mut Transaction<'_>, position: u64, akey: &NewAkey<'_>, shape: u8) -> Result<Level> {
        let behind = position + HEADER + akey.key.len().next_multiple_of(8) as u64;
        let (children, direct) = if akey.room > 0 { ((behind / 8) as u32, DIRECT) } else { (0, 0) };
        let shape = u32::from(shape | direct | akey.kind.bits() << 4) << 24;
        let header = Header { children, punches: 0, key: shape, extra: akey.record_size };
        Level::fill(transaction, position, akey.key, header, akey.room)
    }

    /// Writes a record to fresh space, except for its room. The header comes without length and room.
    fn fill(
        transaction: &mut Transaction<'_>,
        position: u64,
        key: &[u8],
        mut header: Header,
        room: usize,
    ) -> Result<Level> {
        header.key |= key.len() as u32 | ((room / 8) as u32 & ROOM_MASK) << LENGTH_BITS;
        let padding = key.len().next_multiple_of(8) - key.len();
        transaction.fill_parts(position, [header.as_bytes(), key, &[0; 8][..padding]])?;
        Ok(Level { position, header })
    }

    /// Makes the record of a container, with an empty state behind its key.
    pub(crate) fn create_container(transaction: &mut Transaction<'_>, key: &[u8; 16]) -> Result<Level> {
        let offset = transaction.allocate(HEADER as usize + key.len() + STATE_SIZE)?;
        let header = Header { children: 0, punches: 0, key: key.len() as u32 | u32::from(STATE) << 24, extra: 0 };
        transaction.fill(offset.get(), header.as_bytes())?;
        transaction.fill(offset.get() + HEADER, key)?;
        transaction.fill(offset.get() + HEADER + key.len() as u64, &[0; STATE_SIZE])?;
        Ok(Level { position: offset.get(), header })
    }

    /// Frees the record; what is below it must be gone. One that lies in its parent's allocation goes with that.
    pub(crate) fn free(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        if self.shape() & INNER != 0 {
            return Ok(());
        }
        let offset = Offset::new(self.position).ok_or_else(|| damaged("a record", self.position))?;
        let state = if self.shape() & STATE == 0 { 0 } else { STATE_SIZE };
        transaction.free(offset, HEADER as usize + self.key_length().next_multiple_of(8) + state + self.room())
    }

    /// Bytes behind the key that are for the first child.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        (self.header.key >> LENGTH_BITS & ROOM_MASK) as usize * 8
    }

    /// Where the room of an akey is.
    #[inline]
    pub(crate) fn room_position(&self) -> u64 {
        self.position + HEADER + self.key_length().next_multiple_of(8) as u64
    }
}
