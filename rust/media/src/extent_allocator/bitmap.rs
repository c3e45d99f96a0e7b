//! The bitmap in the arena.

use super::BlockRange;
use crate::arena::{Arena, Offset};
use crate::transaction::Transaction;
use daos_status::{Code, Result, Status, fail};

const MAGIC: u32 = u32::from_le_bytes(*b"extn");
/// 1: the first.
const VERSION: u32 = 1;
const ROOT_BYTES: u64 = 24;
const LINK_BYTES: u64 = 4;
const CHUNK_BYTES: usize = 32 << 10;
const CHUNK_BLOCKS: u64 = CHUNK_BYTES as u64 * 8;
/// Bits of values up to 1 MiB are changed without an allocation.
const SHORT_BYTES: usize = 40;
/// So that the root is one allocation: 8 TiB.
const CHUNKS_MAX: u64 = 8192;

pub(super) struct Bitmap {
    root: Offset,
    blocks: u64,
}

/// The bits `from..to` of one byte.
fn mask(from: u64, to: u64) -> u8 {
    // 0 <= from < to <= 8.
    ((0xff_u16 << from) & (0xff_u16 >> (8 - to))) as u8
}

impl Bitmap {
    pub fn format(transaction: &mut Transaction<'_>, blocks: u64) -> Result<Offset> {
        let chunks = blocks.div_ceil(CHUNK_BLOCKS);
        if blocks == 0 || chunks > CHUNKS_MAX {
            let most = CHUNKS_MAX * CHUNK_BLOCKS;
            fail!(Code::Inval, "a data device has from 1 to {most} blocks, not {blocks}");
        }
        let mut root = Vec::new();
        root.extend_from_slice(&MAGIC.to_le_bytes());
        root.extend_from_slice(&VERSION.to_le_bytes());
        root.extend_from_slice(&blocks.to_le_bytes());
        root.extend_from_slice(&(chunks as u32).to_le_bytes());
        root.resize((ROOT_BYTES + chunks * LINK_BYTES) as usize, 0);
        let offset = transaction.allocate(root.len())?;
        transaction.fill(offset.get(), &root)?;
        Ok(offset)
    }

    pub fn open(arena: &Arena, root: Offset) -> Result<Bitmap> {
        let magic: u32 = arena.read_value(root.get())?;
        let version: u32 = arena.read_value(root.get() + 4)?;
        let blocks: u64 = arena.read_value(root.get() + 8)?;
        let chunks: u32 = arena.read_value(root.get() + 16)?;
        if magic != MAGIC {
            fail!(Code::DfInval, "there is no extent bitmap at {} of the arena", root.get());
        }
        if version != VERSION {
            return Err(Status::unknown_format("the extent bitmap", version, VERSION..=VERSION));
        }
        if blocks == 0 || blocks.div_ceil(CHUNK_BLOCKS) != u64::from(chunks) || u64::from(chunks) > CHUNKS_MAX {
            fail!(Code::DfInval, "the extent bitmap has {chunks} chunks for {blocks} blocks");
        }
        Ok(Bitmap { root, blocks })
    }

    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    fn link_position(&self, chunk: u64) -> u64 {
        self.root.get() + ROOT_BYTES + chunk * LINK_BYTES
    }

    fn chunk(&self, arena: &Arena, chunk: u64) -> Result<Option<Offset>> {
        let link: u32 = arena.read_value(self.link_position(chunk))?;
        Ok(Offset::from_link(link))
    }

    fn check(&self, range: BlockRange) -> Result<()> {
        match range.start.checked_add(range.count) {
            Some(end) if end <= self.blocks && range.count > 0 => Ok(()),
            _ => {
                fail!(Code::DfInval, "blocks {}+{} are beyond the {} there are", range.start, range.count, self.blocks)
            }
        }
    }

    /// Sets bits that are clear.
    pub fn set(&self, transaction: &mut Transaction<'_>, range: BlockRange) -> Result<()> {
        self.change(transaction, range, true)
    }

    /// Clears bits that are set.
    pub fn clear(&self, transaction: &mut Transaction<'_>, range: BlockRange) -> Result<()> {
        self.change(transaction, range, false)
    }

    fn change(&self, transaction: &mut Transaction<'_>, range: BlockRange, value: bool) -> Result<()> {
        self.check(range)?;
        let (mut block, end) = (range.start, range.start + range.count);
        while block < end {
            let chunk = block / CHUNK_BLOCKS;
            let chunk_end = end.min((chunk + 1) * CHUNK_BLOCKS);
            let offset = match self.chunk(transaction.arena(), chunk)? {
                Some(offset) => offset,
                None => self.make_chunk(transaction, chunk)?,
            };
            let (from, to) = (block % CHUNK_BLOCKS, block % CHUNK_BLOCKS + (chunk_end - block));
            let first_byte = from / 8;
            let length = (to.div_ceil(8) - first_byte) as usize;
            let (mut short, mut long) = ([0; SHORT_BYTES], Vec::new());
            let bytes = if length <= SHORT_BYTES {
                &mut short[..length]
            } else {
                long.resize(length, 0);
                &mut long[..]
            };
            transaction.arena().read_into(offset.get() + first_byte, bytes)?;
            for (index, byte) in (first_byte..).zip(&mut *bytes) {
                let bits = mask(from.saturating_sub(index * 8), (to - index * 8).min(8));
                let unexpected = if value { *byte & bits } else { !*byte & bits };
                if unexpected != 0 {
                    let (start, count) = (range.start, range.count);
                    let wrong = if value { "in use already" } else { "not in use" };
                    fail!(Code::DfInval, "blocks {start}+{count} of the data device are {wrong}");
                }
                *byte ^= bits;
            }
            transaction.write(offset.get() + first_byte, bytes)?;
            block = chunk_end;
        }
        Ok(())
    }

    fn make_chunk(&self, transaction: &mut Transaction<'_>, chunk: u64) -> Result<Offset> {
        let offset = transaction.allocate(CHUNK_BYTES)?;
        transaction.fill(offset.get(), &[0; CHUNK_BYTES])?;
        transaction.write(self.link_position(chunk), &offset.link().to_le_bytes())?;
        Ok(offset)
    }

    /// Visits all free ranges in order; neighbours may come in two pieces.
    pub fn for_each_free(&self, arena: &Arena, mut visit: impl FnMut(BlockRange)) -> Result<()> {
        for chunk in 0..self.blocks.div_ceil(CHUNK_BLOCKS) {
            let start = chunk * CHUNK_BLOCKS;
            let end = self.blocks.min(start + CHUNK_BLOCKS);
            let Some(offset) = self.chunk(arena, chunk)? else {
                visit(BlockRange { start, count: end - start });
                continue;
            };
            let mut words = vec![0; CHUNK_BYTES];
            arena.read_into(offset.get(), &mut words)?;
            let mut block = start;
            let is_set = |block: u64| words[((block - start) / 8) as usize] >> (block % 8) & 1 == 1;
            let is_full = |block: u64| block.is_multiple_of(8) && words[((block - start) / 8) as usize] == 0xff;
            let is_empty = |block: u64| block.is_multiple_of(8) && words[((block - start) / 8) as usize] == 0;
            while block < end {
                let first = block;
                while block < end && (is_full(block) || is_set(block)) {
                    block += if is_full(block) { 8 } else { 1 };
                }
                if block > first {
                    continue;
                }
                while block < end && (is_empty(block) || !is_set(block)) {
                    block += if is_empty(block) { 8 } else { 1 };
                }
                let count = block.min(end) - first;
                visit(BlockRange { start: first, count });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn masks_cover_the_bits_between() {
        assert_eq!((mask(0, 8), mask(0, 1), mask(7, 8), mask(2, 5)), (0xff, 1, 0x80, 0x1c));
    }
}
