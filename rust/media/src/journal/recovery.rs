//! Reading the journal back.

use super::clean::after;
use super::layout::{ACKNOWLEDGED_AT, EntryHeader, Layout, MARKS_AT, Mark, RING_AT};
use super::ring::Journal;
use crate::arena::{Arena, Redo};
use crate::log::{LogPosition, Recovered, for_each_record};
use crate::persistent_memory::{CACHE_LINE, PersistentMemory};
use daos_status::{Code, Result, fail};
use std::rc::Rc;

/// How much of the ring is looked at in one piece.
const WINDOW_BYTES: u64 = 256 << 10;

impl Journal {
    /// Opens an arena on persistent memory: a view of its image, with what the journal has since.
    ///
    /// # Errors
    /// Damage, as opposed to an entry that was not durable yet and is the last.
    pub fn open(memory: Rc<dyn PersistentMemory>) -> Result<(Journal, Arena, Recovered)> {
        let layout = Layout::load(&*memory)?;
        let journal = Journal::new(memory, layout);
        let start = journal.finish_step(journal.load_mark()?)?;
        let arena = journal.view()?;
        journal.check_image(&arena)?;
        let recovered = journal.replay(start, &arena)?;
        arena.verify().map_err(|status| status.while_doing(format!("the image of {}", journal.name())))?;
        Ok((journal, arena, recovered))
    }

    /// The newest intact mark: both say the same, unless one was being written or is damaged.
    fn load_mark(&self) -> Result<LogPosition> {
        let mut newest: Option<Mark> = None;
        for place in MARKS_AT {
            let mut bytes = [0; size_of::<Mark>()];
            self.memory.read(place, &mut bytes)?;
            let mark = Mark::parse(&bytes, self.layout.short_id());
            let is_newer = |mark: &Mark| newest.as_ref().is_none_or(|other| other.generation < mark.generation);
            if let Some(mark) = mark.filter(is_newer) {
                newest = Some(mark);
            }
        }
        let Some(mark) = newest else {
            let [first, second] = MARKS_AT;
            fail!(Code::DfInval, "both marks of {} at offsets {first} and {second} are damaged", self.name());
        };
        let position = mark.position();
        let largest = position.offset.max(position.sequence).max(position.lsn.0).max(mark.generation.get());
        if !position.offset.is_multiple_of(CACHE_LINE) || position.sequence == 0 || largest > u64::MAX / 2 {
            fail!(Code::DfInval, "the mark of {} names an impossible place in its journal", self.name());
        }
        self.generation.set(mark.generation.get());
        Ok(position)
    }

    fn replay(&self, start: LogPosition, arena: &Arena) -> Result<Recovered> {
        let mut position = start;
        let mut recovered = Recovered::default();
        let mut payload = Vec::new();
        while let Some((header, offset)) = self.read_next(position, start.offset, &mut payload)? {
            let records = for_each_record(&payload, |record| Redo::replay(record, arena));
            let place = || format!("journal of {} at offset {}", self.name(), self.place_of(offset));
            if records.map_err(|status| status.while_doing(place()))? != header.records.get() {
                return Err(self.damage(offset, "it does not hold as many records as it says"));
            }
            recovered.batches += 1;
            recovered.records += u64::from(header.records.get());
            recovered.bytes += header.total();
            position = after(position, &header, offset);
        }
        self.check_nothing_is_missing(position)?;
        self.tail.set(start);
        self.head.set(position);
        // What was read may lie in a cache that a power cut empties, stored by a process that was killed before it drained.
        self.memory.flush(0, RING_AT)?;
        let (first, last) = (start.offset % self.layout.ring_bytes, position.offset - start.offset);
        let piece = last.min(self.layout.ring_bytes - first);
        self.memory.flush(RING_AT + first, piece)?;
        self.memory.flush(RING_AT, last - piece)?;
        self.memory.drain()?;
        Ok(recovered)
    }

    /// After the last entry that could be read: whether one of this number or higher was acknowledged, which proves that it was durable.
    fn check_nothing_is_missing(&self, end: LogPosition) -> Result<()> {
        let missing = end.sequence;
        let mut bytes = [[0; 8]; 2];
        self.memory.read(ACKNOWLEDGED_AT, bytes.as_flattened_mut())?;
        // The two words arrive one after the other; each was true when it was stored.
        let acknowledged = u64::from_le_bytes(bytes[0]).min(!u64::from_le_bytes(bytes[1]));
        if acknowledged >= missing {
            let reason = format!("entry {missing} cannot be read, though entry {acknowledged} was acknowledged");
            return Err(self.damage(end.offset, &reason));
        }
        let mut window = vec![0; WINDOW_BYTES as usize];
        for start in (0..self.layout.ring_bytes).step_by(WINDOW_BYTES as usize) {
            let length = WINDOW_BYTES.min(self.layout.ring_bytes - start);
            let window = &mut window[..length as usize];
            self.memory.read(RING_AT + start, window)?;
            let headers = window.chunks_exact(CACHE_LINE as usize);
            let later = headers.filter_map(|line| EntryHeader::parse(line, self.layout.short_id()));
            if let Some(later) = later.map(|header| header.sequence.get()).find(|sequence| *sequence > missing) {
                let reason = format!("entry {missing} cannot be read, though entry {later} was stored after it");
                return Err(self.damage(end.offset, &reason));
            }
        }
        Ok(())
    }
}
