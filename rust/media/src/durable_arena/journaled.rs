//! Keeping an arena on persistent memory: its journal, and what waits for it.

use super::Lsn;
use super::shared::Shared;
use crate::arena::Redo;
use crate::journal::{ENTRY_HEADER, Journal};
use daos_env::sync::yield_now;
use daos_status::{Code, Result, Status};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Records gathered for one entry, where entries wait: more would only make the first of them wait longer.
const ENTRY_BYTES: usize = 1 << 20;

/// Memory of records that wait; beyond it, no new transaction is admitted.
const PENDING_BYTES_MAX: u64 = 16 << 20;

/// How much of the journal is brought to the image before other tasks run: some ten microseconds, most of them for the checksums of what it changes.
const CLEAN_BYTES: u64 = 16 << 10;

/// Bytes of the length before each record.
const RECORD_HEADER: usize = 4;

/// An entry in the making: room for its header, and its records.
struct Waiting {
    bytes: Vec<u8>,
    records: u32,
    last: Lsn,
}

pub(super) struct Journaled {
    pub journal: Journal,
    pending: RefCell<VecDeque<Waiting>>,
    pending_bytes: Cell<u64>,
    /// The writer has taken an entry out, which is not durable yet: what comes now must come after it.
    is_writing: Cell<bool>,
    scratch: RefCell<Vec<u8>>,
}

fn encode(out: &mut Vec<u8>, redo: &Redo<'_>) {
    let start = out.len();
    out.extend_from_slice(&[0; RECORD_HEADER]);
    redo.encode_into(out);
    // Bounded by what the ring takes, which is below 4 GiB.
    let length = (out.len() - start - RECORD_HEADER) as u32;
    out[start..start + RECORD_HEADER].copy_from_slice(&length.to_le_bytes());
}

impl Journaled {
    pub fn new(journal: Journal) -> Journaled {
        Journaled {
            journal,
            pending: RefCell::default(),
            pending_bytes: Cell::new(0),
            is_writing: Cell::new(false),
            scratch: RefCell::default(),
        }
    }

    /// Refuses a transaction whose redo record the journal cannot take.
    pub fn check_size(&self, redo_bytes: u64) -> Result<()> {
        let most = self.journal.record_bytes_max();
        if redo_bytes + (ENTRY_HEADER + RECORD_HEADER) as u64 > most {
            let name = self.journal.name();
            let context = format!(
                "one change of {redo_bytes} bytes is more than the {most} that the journal of {name} takes: change less at once"
            );
            return Err(Status::new(Code::RecordTooBig, context));
        }
        Ok(())
    }

    /// Makes a commit durable, at once where that is cheap, or queues it.
    pub fn commit(&self, shared: &Shared, lsn: Lsn, redo: &Redo<'_>) {
        let is_next = self.pending.borrow().is_empty() && !self.is_writing.get() && !shared.data_written.get();
        if !is_next || !self.journal.is_fast() {
            self.push(lsn, redo);
            return shared.work.wake_all();
        }
        let mut entry = self.scratch.borrow_mut();
        entry.clear();
        entry.resize(ENTRY_HEADER, 0);
        encode(&mut entry, redo);
        if !self.journal.has_room(entry.len() - ENTRY_HEADER) {
            drop(entry);
            self.push(lsn, redo);
            return shared.work.wake_all();
        }
        let appended = self.journal.append(&mut entry, 1);
        drop(entry);
        match appended {
            Ok(()) => shared.set_durable(lsn),
            Err(status) => shared.fail(status),
        }
        if self.wants_cleaning() {
            shared.work.wake_all();
        }
    }

    fn push(&self, lsn: Lsn, redo: &Redo<'_>) {
        let mut pending = self.pending.borrow_mut();
        let full = ENTRY_BYTES.min(self.journal.ring_bytes() as usize / 8);
        if pending.back().is_none_or(|last| last.bytes.len() + redo.encoded_len() > full) {
            pending.push_back(Waiting { bytes: vec![0; ENTRY_HEADER], records: 0, last: lsn });
        }
        let Some(entry) = pending.back_mut() else { return };
        let before = entry.bytes.len();
        encode(&mut entry.bytes, redo);
        entry.records += 1;
        entry.last = lsn;
        self.pending_bytes.set(self.pending_bytes.get() + (entry.bytes.len() - before) as u64);
    }

    fn take_pending(&self) -> Option<Waiting> {
        let entry = self.pending.borrow_mut().pop_front()?;
        self.pending_bytes.set(self.pending_bytes.get() - (entry.bytes.len() - ENTRY_HEADER) as u64);
        Some(entry)
    }

    /// Whether one more transaction may begin.
    pub fn has_room(&self) -> bool {
        let ring = self.journal.ring_bytes();
        let waiting = self.pending_bytes.get();
        waiting < PENDING_BYTES_MAX.min(ring / 4) && self.journal.used() + waiting < ring / 4 * 3
    }

    fn wants_cleaning(&self) -> bool {
        self.journal.used() > self.journal.ring_bytes() / 2
    }

    /// Brings some of the journal to the image; on a disk, where each step waits for it, more at once.
    fn clean_step(&self) -> Result<bool> {
        let budget = if self.journal.is_fast() { CLEAN_BYTES } else { self.journal.ring_bytes() / 4 };
        self.journal.clean_step(budget)
    }

    /// Brings everything that is in the journal now to the image.
    pub async fn clean_all(&self, shared: &Shared) -> Result<()> {
        let all = self.journal.last();
        while self.journal.released() < all {
            shared.check_failure()?;
            self.clean_step().inspect_err(|status| shared.fail(status.clone()))?;
            shared.changed.wake_all();
            yield_now().await;
        }
        Ok(())
    }
}

/// Writes what waits to the journal, one entry after the other.
pub(super) async fn write_journal(shared: Rc<Shared>) {
    let Some(journaled) = shared.journaled() else { return };
    loop {
        let has_work = || shared.is_stopping.get() || shared.has_failed() || !journaled.pending.borrow().is_empty();
        shared.work.wait_until(has_work).await;
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        let Some(entry) = journaled.take_pending() else { continue };
        journaled.is_writing.set(true);
        let result = write_entry(&shared, journaled, entry).await;
        journaled.is_writing.set(false);
        if let Err(status) = result {
            return shared.fail(status);
        }
        // On a disk the thread stood still: what came meanwhile, and who waits, gets a turn before the next entry.
        yield_now().await;
    }
}

async fn write_entry(shared: &Shared, journaled: &Journaled, mut entry: Waiting) -> Result<()> {
    // The data that records point at is durable before the records are.
    if shared.data_written.replace(false) {
        shared.data.sync().await?;
    }
    while !journaled.journal.has_room(entry.bytes.len() - ENTRY_HEADER) {
        if !journaled.clean_step()? {
            return Err(Status::new(Code::Nospace, "an empty journal has no room for an entry"));
        }
        shared.changed.wake_all();
        yield_now().await;
    }
    journaled.journal.append(&mut entry.bytes, entry.records)?;
    shared.set_durable(entry.last);
    if journaled.wants_cleaning() {
        shared.work.wake_all();
    }
    Ok(())
}

/// Keeps half of the journal free.
pub(super) async fn clean_journal(shared: Rc<Shared>) {
    let Some(journaled) = shared.journaled() else { return };
    loop {
        shared.work.wait_until(|| shared.is_stopping.get() || shared.has_failed() || journaled.wants_cleaning()).await;
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        // Down to a quarter, so that it is not woken for each entry.
        let enough = journaled.journal.ring_bytes() / 4;
        while journaled.journal.used() > enough && !shared.has_failed() {
            if let Err(status) = journaled.clean_step() {
                return shared.fail(status);
            }
            shared.changed.wake_all();
            yield_now().await;
        }
    }
}
