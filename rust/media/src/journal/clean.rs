//! Bringing the image up to date, so that the journal's space can be used again.

use super::layout::EntryHeader;
use super::ring::Journal;
use super::sums::Before;
use crate::arena::for_each_range;
use crate::log::{LogPosition, for_each_record};
use daos_status::{Code, Result, Status};

impl Journal {
    /// Stores what the oldest entries changed into the image and releases them: entries of at most `budget` bytes, but at least one.
    /// Whether there was anything to do.
    ///
    /// What is stored is what the entries hold, not what the arena holds: changes that are not durable yet must not get there. Until the
    /// mark is stored, the entries are replayed over whatever part of it has arrived, which makes no difference.
    pub fn clean_step(&self, budget: u64) -> Result<bool> {
        let (from, head) = (self.tail.get(), self.head.get());
        let limit = from.offset.saturating_add(budget);
        let mut to = from;
        let mut scratch = self.scratch.take();
        while to.sequence != head.sequence {
            let (header, start) = self.read_durable(to, from, &mut scratch)?;
            if start + header.total() > limit && to.sequence != from.sequence {
                break;
            }
            to = after(to, &header, start);
        }
        self.scratch.replace(scratch);
        if to.sequence == from.sequence {
            return Ok(false);
        }
        self.bring_to_image(from, to, Before::MarkOnly)?;
        Ok(true)
    }

    /// Does a step again in which the process before has stopped, as its intent says; where the journal begins then.
    pub(super) fn finish_step(&self, from: LogPosition) -> Result<LogPosition> {
        let Some(last) = self.read_intent(from)? else { return Ok(from) };
        let mut to = from;
        let mut scratch = self.scratch.take();
        while to.sequence != last {
            let (header, start) = self.read_durable(to, from, &mut scratch)?;
            to = after(to, &header, start);
        }
        self.scratch.replace(scratch);
        self.bring_to_image(from, to, Before::AnyOfStep)?;
        Ok(to)
    }

    /// Brings the image from one position of the journal to another. What it has of each part first is looked at, and what each part
    /// will be is stored before anything else: see the documentation about its checksums.
    fn bring_to_image(&self, from: LogPosition, to: LogPosition, before: Before) -> Result<()> {
        let touched = if self.layout.has_sums { self.note_sums(from, to, before)? } else { Vec::new() };
        self.for_each_change(from, to, |at, bytes| self.memory.store(self.layout.image_at() + at, bytes))?;
        self.store_sums(&touched)?;
        // The image has it before the mark says so.
        self.memory.drain()?;
        self.store_mark(to)?;
        self.tail.set(to);
        Ok(())
    }

    /// Calls `visit` with the place in the arena and the bytes of each change in the entries from one position to another.
    pub(super) fn for_each_change(
        &self,
        from: LogPosition,
        to: LogPosition,
        mut visit: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut scratch = self.scratch.take();
        let mut position = from;
        while position.sequence != to.sequence {
            let (header, start) = self.read_durable(position, from, &mut scratch)?;
            for_each_record(&scratch, |record| for_each_range(record, self.layout.arena_bytes, &mut visit))?;
            position = after(position, &header, start);
        }
        self.scratch.replace(scratch);
        Ok(())
    }

    /// The entry at a position of which it is known that it was durable, in a journal that begins at `tail`.
    fn read_durable(&self, position: LogPosition, tail: LogPosition, out: &mut Vec<u8>) -> Result<(EntryHeader, u64)> {
        let entry = self.read_next(position, tail.offset, out)?;
        entry.ok_or_else(|| self.damage(position.offset, "an entry that was durable cannot be read"))
    }

    /// The entry that continues the journal at `position`, right there or at the ring's next start, with its payload in `out`.
    pub(super) fn read_next(
        &self,
        position: LogPosition,
        tail: u64,
        out: &mut Vec<u8>,
    ) -> Result<Option<(EntryHeader, u64)>> {
        let (here, ring) = (position.offset, self.layout.ring_bytes);
        let lap = self.next_lap(here);
        for start in [Some(here), (lap != here).then_some(lap)].into_iter().flatten() {
            let mut bytes = [0; super::ENTRY_HEADER];
            self.memory.read(self.place_of(start), &mut bytes)?;
            let Some(header) = EntryHeader::parse(&bytes, self.layout.short_id()) else { continue };
            let total = header.total();
            let continues = header.sequence.get() == position.sequence
                && header.chain.get() == position.chain
                && position.lsn.0.checked_add(1) == Some(header.first_lsn.get());
            if !continues || start % ring + total > ring || start + total - tail > ring {
                continue;
            }
            out.resize(header.payload_length.get() as usize, 0);
            self.memory.read(self.place_of(start) + bytes.len() as u64, out)?;
            if header.is_intact(out) {
                return Ok(Some((header, start)));
            }
        }
        Ok(None)
    }

    /// Damage at an offset of the journal.
    pub(super) fn damage(&self, offset: u64, reason: &str) -> Status {
        let (name, place) = (self.memory.name(), self.place_of(offset));
        Status::new(Code::DfInval, format!("the journal of {name} is damaged at offset {place}: {reason}"))
    }
}

/// The position behind an entry.
pub(super) fn after(position: LogPosition, header: &EntryHeader, start: u64) -> LogPosition {
    LogPosition {
        offset: start + header.total(),
        sequence: position.sequence + 1,
        chain: header.link(),
        lsn: crate::durable_arena::Lsn(position.lsn.0 + u64::from(header.records.get())),
    }
}
