//! Making and freeing records: with room for their first child, or in the room of their parent.

use super::{BRIEF, BRIEF_LESS, DIRECT, HEADER, Header, INNER, LENGTH_BITS, Level, ROOM_MASK, STATE, ValueKind};
use crate::array::BRIEF_BEFORE;
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
    /// Whether it is brief, and its dkey as well if that is made with it: its records have one byte if it is an array, and it has a room.
    pub is_brief: bool,
}

impl NewAkey<'_> {
    /// Bytes that the record takes with its room.
    pub(crate) fn size(&self) -> usize {
        size_of_record(self.key.len(), self.is_brief) + self.room
    }

    fn shape(&self) -> u8 {
        self.kind.bits() << 4 | if self.is_brief { BRIEF } else { 0 }
    }
}

/// Bytes of a record up to its room.
#[inline]
fn size_of_record(key_length: usize, is_brief: bool) -> usize {
    let less = if is_brief { BRIEF_LESS as usize } else { 0 };
    (HEADER as usize - less + key_length).next_multiple_of(8)
}

/// What links to the value in a room at this position: brief extents are named by where they would begin if they were whole.
#[inline]
fn link_into(room: u64, is_brief: bool, kind: ValueKind) -> u32 {
    let before = if is_brief && kind == ValueKind::Array { BRIEF_BEFORE } else { 0 };
    ((room - before) / 8) as u32
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
        let own = size_of_record(key.len(), akey.is_brief);
        let offset = transaction.allocate(own + akey.size())?;
        let inner = offset.get() + own as u64;
        let shape = DIRECT | if akey.is_brief { BRIEF } else { 0 };
        let header = Header { children: (inner / 8) as u32, punches: 0, key: u32::from(shape) << 24, extra: 0 };
        let dkey = Level::fill(transaction, offset.get(), key, header, akey.size())?;
        Ok((dkey, Level::fill_akey(transaction, inner, akey, INNER)?))
    }

    fn fill_akey(transaction: &mut Transaction<'_>, position: u64, akey: &NewAkey<'_>, shape: u8) -> Result<Level> {
        let behind = position + size_of_record(akey.key.len(), akey.is_brief) as u64;
        let link = || link_into(behind, akey.is_brief, akey.kind);
        let (children, direct) = if akey.room > 0 { (link(), DIRECT) } else { (0, 0) };
        let shape = u32::from(shape | direct | akey.shape()) << 24;
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
        let level = Level { position, header };
        let stored = &header.as_bytes()[..(level.key_position() - position) as usize];
        let padding = (level.room_position() - position) as usize - stored.len() - key.len();
        transaction.fill_parts(position, [stored, key, &[0; 8][..padding]])?;
        Ok(level)
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
        transaction.free(offset, size_of_record(self.key_length(), self.is_brief()) + state + self.room())
    }

    /// Bytes behind the key that are for the first child.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        (self.header.key >> LENGTH_BITS & ROOM_MASK) as usize * 8
    }

    /// Where the room of an akey is.
    #[inline]
    pub(crate) fn room_position(&self) -> u64 {
        self.position + size_of_record(self.key_length(), self.is_brief()) as u64
    }

    /// What links to a value in the room.
    #[inline]
    pub(crate) fn link_into_room(&self) -> u32 {
        let kind = if self.has_extents() { ValueKind::Array } else { ValueKind::Single };
        link_into(self.room_position(), self.is_brief(), kind)
    }
}
