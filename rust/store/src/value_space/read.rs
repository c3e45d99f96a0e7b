//! Values on their way back.

use super::{Pieces, ValueSpace};
use crate::Data;
use crate::checksums::{ChunkSums, Computed};
use crate::data::ValueView;
use crate::stored::{Origin, StoredRange};
use crate::tree::damaged;
use daos_env::IoBuffer;
use daos_media::{BlockRange, Region};
use daos_status::Result;
use std::rc::Rc;

/// A part of a value that is to be read, with all that must be known when its metadata may be gone.
pub(crate) struct ReadPlan {
    /// Where the bytes lie, in their order: offset on the device and bytes.
    ranges: Vec<(u64, usize)>,
    /// Where these bytes begin within the value.
    first: usize,
    start: usize,
    length: usize,
    expected: Computed,
}

impl ReadPlan {
    /// Bytes that will be read.
    fn total(&self) -> usize {
        self.ranges.iter().map(|(_, bytes)| bytes).sum()
    }
}

impl ValueSpace {
    /// What to read for a part of a value on the device.
    pub(crate) fn plan(&self, range: &StoredRange) -> Result<ReadPlan> {
        let arena = self.durable.arena();
        // Without checksums, chunks are blocks: there is no reason to read more than those of the part.
        let expected = range.expected(arena)?;
        let chunk = expected.chunk;
        let first = range.start / chunk * chunk;
        let end = (range.start + range.length).next_multiple_of(chunk).min(range.value_length);
        let mut ranges = Vec::with_capacity(1);
        let mut at = 0;
        for piece in Pieces::new(arena, range.address, range.value_length) {
            let piece = self.on_device(piece?)?;
            let (from, to) = (first.max(at), end.min(at + piece.bytes() as usize));
            if from < to {
                ranges.push((piece.offset() + (from - at) as u64, to - from));
            }
            at += piece.bytes() as usize;
        }
        Ok(ReadPlan { ranges, first, start: range.start, length: range.length, expected })
    }

    /// Accepts a piece that lies on the device. A damaged length makes pieces of what stands behind the list.
    #[inline]
    fn on_device(&self, piece: BlockRange) -> Result<BlockRange> {
        if piece.start.saturating_add(piece.count) > self.extents.blocks() {
            return Err(damaged("the blocks of a value", piece.offset()));
        }
        Ok(piece)
    }

    /// As [`ValueSpace::plan`] and [`ValueSpace::read`], at once and into its place: only when the device is memory. In place when that is
    /// asked for and the bytes lie in one piece, else as a copy. Whether it was done.
    #[inline]
    pub(crate) fn read_now<'a>(
        &self,
        range: &StoredRange,
        in_place: bool,
        origin: impl Fn() -> Origin<'a>,
        out: &mut Data,
    ) -> Result<bool> {
        let Some(memory) = &self.memory else { return Ok(false) };
        let arena = self.durable.arena();
        let piece = Pieces::new(arena, range.address, range.value_length).only()?;
        let piece = piece.map(|piece| self.on_device(piece)).transpose()?;
        if let Some(piece) = piece
            && let Some(word) = range.checksum.only_word()
            && range.length == range.value_length
            && !in_place
        {
            // The usual case, without a detour: all of a value that has one checksum. Its memory is far away, and is asked for first.
            memory.prefetch(piece.offset(), range.length);
            let mut copy = self.buffers.take(range.length);
            if memory.read_with_word(piece.offset(), &mut copy, range.checksum.kind)? != word {
                return Err(origin().mismatch(0));
            }
            *out = Data::Pooled(copy);
            return Ok(true);
        }
        *out = match piece {
            Some(piece) => self.read_piece_now(memory, piece, range, in_place, &origin())?,
            None => self.gather_now(memory, range, &origin())?,
        };
        Ok(true)
    }

    /// Reads a part of a value that lies in one piece of memory.
    fn read_piece_now(
        &self,
        memory: &Rc<Region>,
        piece: BlockRange,
        range: &StoredRange,
        in_place: bool,
        origin: &Origin<'_>,
    ) -> Result<Data> {
        let expected = ChunkSums::new(self.durable.arena(), range)?;
        let (first, bytes) = expected.whole_chunks(range);
        let (offset, part) = (piece.offset() + first as u64, range.start - first..range.start - first + range.length);
        if in_place && let Some(view) = memory.view(offset, bytes)? {
            expected.verify(first, &view, origin)?;
            return Ok(Data::View(ValueView::new(view, part, self.extents.pin_readers())));
        }
        let mut copy = self.buffers.take(range.length);
        memory.read(offset, bytes, |bytes| expected.copy(first, bytes, part, &mut copy, origin))??;
        Ok(Data::Pooled(copy))
    }

    /// Reads a part of a value that lies in several pieces of memory.
    fn gather_now(&self, memory: &Region, range: &StoredRange, origin: &Origin<'_>) -> Result<Data> {
        let plan = self.plan(range)?;
        let start = plan.start - plan.first;
        let mut whole = Vec::with_capacity(plan.total());
        for (offset, bytes) in &plan.ranges {
            memory.read(*offset, *bytes, |bytes| whole.extend_from_slice(bytes))?;
        }
        plan.expected.verify(plan.first, &whole, origin)?;
        whole.truncate(start + plan.length);
        whole.drain(..start);
        Ok(Data::Bytes(whole))
    }

    /// Reads a part and verifies its chunks.
    pub(crate) async fn read(&self, plan: ReadPlan, origin: &Origin<'_>) -> Result<Data> {
        let buffer = match plan.ranges[..] {
            [(offset, bytes)] => self.durable.read_value(offset, bytes).await?,
            _ => {
                let mut parts = Vec::with_capacity(plan.ranges.len());
                for (offset, bytes) in &plan.ranges {
                    parts.push(self.durable.read_value(*offset, *bytes).await?);
                }
                IoBuffer::gathered(plan.total(), parts.iter().map(|part| &**part))
            }
        };
        plan.expected.verify(plan.first, &buffer, origin)?;
        let start = plan.start - plan.first;
        if start == 0 && plan.length == buffer.len() {
            return Ok(Data::Buffer(buffer));
        }
        Ok(Data::Part { buffer: Rc::new(buffer), range: start..start + plan.length })
    }
}
