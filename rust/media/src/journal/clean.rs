//! Bringing the image up to date, so that the journal's space can be used again.

use super::layout::EntryHeader;
use super::ring::Journal;
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
        let mut position = self.tail.get();
        let (end, limit) = (self.head.get(), position.offset.saturating_add(budget));
        if position.sequence == end.sequence {
            return Ok(false);
        }
        let mut scratch = self.scratch.borrow_mut();
        while position.sequence != end.sequence {
            let Some((header, start)) = self.read_next(position, position.offset, &mut scratch)? else {
                return Err(self.damage(position.offset, "an entry that was durable cannot be read"));
            };
            if start + header.total() > limit && position.sequence != self.tail.get().sequence {
                break;
            }
            for_each_record(&scratch, |record| {
                for_each_range(record, self.layout.arena_bytes, |at, bytes| {
                    self.memory.store(self.layout.image_at() + at, bytes)
                })
            })?;
            position = after(position, &header, start);
        }
        // The image has it before the mark says so.
        self.memory.drain()?;
        self.store_mark(position)?;
        self.tail.set(position);
        Ok(true)
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
