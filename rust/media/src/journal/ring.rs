//! The journal's ring: entries are appended at its head, and released at its tail when the image has them.

use super::layout::{ACKNOWLEDGED_AT, ENTRY_HEADER, EntryHeader, Layout, MARKS_AT, Mark, RING_AT, entry_bytes};
use crate::arena::{Arena, PAGE_SIZE};
use crate::durable_arena::Lsn;
use crate::log::{LogCounters, LogPosition};
use crate::persistent_memory::{PersistWay, PersistentMemory};
use daos_status::{Code, Result, fail};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U64;

/// See the documentation of the module above.
pub(crate) struct Journal {
    pub(super) memory: Rc<dyn PersistentMemory>,
    pub(super) layout: Layout,
    pub(super) head: Cell<LogPosition>,
    pub(super) tail: Cell<LogPosition>,
    /// The generation of the newest mark.
    pub(super) generation: Cell<u64>,
    pub(super) counters: Cell<LogCounters>,
    pub(super) marks: Cell<u64>,
    /// Entries read back, reused.
    pub(super) scratch: RefCell<Vec<u8>>,
}

impl Journal {
    pub(super) fn new(memory: Rc<dyn PersistentMemory>, layout: Layout) -> Journal {
        let start = LogPosition { sequence: 1, ..LogPosition::default() };
        Journal {
            memory,
            layout,
            head: Cell::new(start),
            tail: Cell::new(start),
            generation: Cell::new(0),
            counters: Cell::default(),
            marks: Cell::new(0),
            scratch: RefCell::default(),
        }
    }

    /// Makes the image of an empty arena and an empty journal in fresh memory; that the arena exists is durable last.
    pub fn format(memory: Rc<dyn PersistentMemory>, layout: Layout, empty: &Arena) -> Result<Journal> {
        for page in 0..Arena::pages_of_empty().min(empty.page_count()) {
            let bytes = empty.page(page);
            if bytes.iter().any(|byte| *byte != 0) {
                memory.store(layout.image_at() + u64::from(page) * PAGE_SIZE as u64, &bytes)?;
            }
        }
        let journal = Journal::new(memory, layout);
        journal.format_sums(empty)?;
        journal.store_acknowledged(0)?;
        journal.store_mark(journal.tail.get())?;
        journal.layout.store(&*journal.memory)?;
        Ok(journal)
    }

    /// The arena of its image.
    pub fn view(&self) -> Result<Arena> {
        Arena::view_of(&*self.memory, self.layout.image_at(), self.layout.arena_bytes)
    }

    /// The sizes it was made with.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The memory's name, for messages.
    pub fn name(&self) -> &str {
        self.memory.name()
    }

    /// Says in the program's log how changes become durable.
    pub fn tell_how(&self) {
        let (name, how) = (self.memory.name(), self.memory.how());
        match self.memory.way() {
            PersistWay::Flush => daos_env::log!(Info, "media", "{name} becomes durable {how}"),
            PersistWay::Call | PersistWay::Disk => daos_env::log!(Warn, "media", "{name} becomes durable {how}"),
        }
    }

    /// Whether a commit may make itself durable: nothing is gained by gathering several.
    pub fn is_fast(&self) -> bool {
        self.memory.way() != PersistWay::Disk
    }

    /// The last transaction in it.
    pub fn last(&self) -> Lsn {
        self.head.get().lsn
    }

    /// The last transaction that the image has for good.
    pub fn released(&self) -> Lsn {
        self.tail.get().lsn
    }

    /// Bytes between tail and head.
    pub fn used(&self) -> u64 {
        self.head.get().offset - self.tail.get().offset
    }

    /// Bytes of the ring.
    pub fn ring_bytes(&self) -> u64 {
        self.layout.ring_bytes
    }

    /// The largest record: with the gap at the ring's end it still fits into an empty ring, and a batch of small ones beside it.
    pub fn record_bytes_max(&self) -> u64 {
        self.layout.ring_bytes / 8 * 3
    }

    pub fn counters(&self) -> LogCounters {
        self.counters.get()
    }

    /// How often space was released.
    pub fn marks(&self) -> u64 {
        self.marks.get()
    }

    /// The place in the memory of a place in the journal.
    pub(super) fn place_of(&self, offset: u64) -> u64 {
        RING_AT + offset % self.layout.ring_bytes
    }

    /// The ring's next start, unless `offset` is at one.
    pub(super) fn next_lap(&self, offset: u64) -> u64 {
        offset.next_multiple_of(self.layout.ring_bytes)
    }

    /// Where an entry of so many bytes would start, if there is room for it.
    fn start_of(&self, total: u64) -> Option<u64> {
        let (head, ring) = (self.head.get().offset, self.layout.ring_bytes);
        let start = if head % ring + total <= ring { head } else { self.next_lap(head) };
        (start + total - self.tail.get().offset <= ring).then_some(start)
    }

    /// Whether a payload of so many bytes can be appended now.
    pub fn has_room(&self, payload: usize) -> bool {
        self.start_of(entry_bytes(payload)).is_some()
    }

    /// Appends an entry, and makes it durable. `entry` begins with room for the header; its records are the next ones.
    pub fn append(&self, entry: &mut [u8], records: u32) -> Result<()> {
        let head = self.head.get();
        let Some((room, payload)) = entry.split_first_chunk_mut::<ENTRY_HEADER>() else {
            fail!(Code::Inval, "an entry of {} bytes has no room for its header", entry.len());
        };
        let header = EntryHeader::new(self.layout.short_id(), head, records, payload);
        room.copy_from_slice(header.as_bytes());
        let total = header.total();
        let Some(start) = self.start_of(total) else {
            fail!(Code::Nospace, "the journal {} has no room for {total} bytes", self.memory.name());
        };
        self.memory.store(self.place_of(start), entry)?;
        self.memory.drain()?;
        self.head.set(LogPosition {
            offset: start + total,
            sequence: head.sequence + 1,
            chain: header.link(),
            lsn: Lsn(head.lsn.0 + u64::from(records)),
        });
        // It arrives some time, at the latest with the next entry: a hint whether a tail is torn or lost.
        self.store_acknowledged(head.sequence)?;
        let mut counters = self.counters.get();
        counters.batches += 1;
        counters.records += u64::from(records);
        counters.bytes += total;
        counters.records_per_batch_max = counters.records_per_batch_max.max(records);
        self.counters.set(counters);
        Ok(())
    }

    fn store_acknowledged(&self, sequence: u64) -> Result<()> {
        let words = [U64::new(sequence), U64::new(!sequence)];
        self.memory.store(ACKNOWLEDGED_AT, words.as_bytes())
    }

    /// Says, durably and twice, that the journal begins at a position: one damaged line leaves the other.
    pub(super) fn store_mark(&self, position: LogPosition) -> Result<()> {
        for _ in MARKS_AT {
            let generation = self.generation.get() + 1;
            let mark = Mark::new(self.layout.short_id(), generation, position);
            self.memory.store(MARKS_AT[(generation % 2) as usize], mark.as_bytes())?;
            self.memory.drain()?;
            self.generation.set(generation);
        }
        self.marks.set(self.marks.get() + 1);
        Ok(())
    }
}
