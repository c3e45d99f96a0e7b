//! Elements that are moved while the program goes on: for calls that end in an event set of HDF5's.
//!
//! What needs no conversion goes between the program's memory and the store, which the program leaves alone until it has waited. What is written
//! through a conversion is converted at once. All else is done when the call returns, and has no operation.

use crate::convert::Background;
use crate::daos::{Direction, Finish, Operation, Range};
use crate::dataset::Dataset;
use crate::elements::{STRIP, requests};
use crate::failure::Result;
use crate::format::{Layout, key};
use crate::hdf5::{Hid, size_of_type};
use crate::memory;
use crate::selection::Run;
use std::rc::Rc;

impl Dataset {
    /// Starts to write elements.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means, until the operation is done.
    pub unsafe fn start_write(
        &self,
        memory_type: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *const u8,
    ) -> Result<Option<Rc<Operation>>> {
        // SAFETY: as the caller promises.
        let started = unsafe { self.try_start_write(memory_type, spaces, list, buffer)? };
        if started.is_none() {
            // SAFETY: the same.
            unsafe { self.write_among_ranks(memory_type, spaces, list, buffer)? };
        }
        Ok(started)
    }

    unsafe fn try_start_write(
        &self,
        memory_type: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *const u8,
    ) -> Result<Option<Rc<Operation>>> {
        if matches!(self.layout(), Layout::Filtered { .. } | Layout::Virtual | Layout::RawFiles) {
            return Ok(None);
        }
        self.located.node.file.require_writable()?;
        let Some(transfer) = self.plan(memory_type, spaces, buffer)? else { return Ok(None) };
        let bytes = transfer.file.runs.iter().map(|run| run.length).sum::<u64>();
        let is_same = self.stored().is_same(memory_type);
        // Few bytes are copied and written behind, which is done at once.
        if self.is_written_behind(bytes) || !is_same && bytes > STRIP as u64 {
            return Ok(None);
        }
        let cells = self.cells(&transfer, &transfer.file.runs)?;
        let mut kept = Vec::new();
        let (requests, numbers) = if is_same {
            // SAFETY: as the caller promises; writing only reads the memory.
            unsafe { requests(&cells, &transfer.memory.runs, buffer.cast_mut()) }
        } else {
            let background = match self.stored().background_in_file(memory_type)? {
                Background::None => None,
                Background::Zeros => Some(Vec::new()),
                Background::Stored => return Ok(None),
            };
            let count = transfer.file.count as usize;
            // SAFETY: the same.
            let gathered = unsafe { memory::gather(&transfer.memory.runs, buffer) };
            debug_assert_eq!(gathered.len(), count * size_of_type(memory_type));
            kept = self.stored().to_file(gathered, count, memory_type, background, list)?;
            if self.stored().leads_elsewhere {
                self.located.node.file.write_values()?;
            }
            let run = [Run { offset: 0, length: kept.len() as u64 }];
            // SAFETY: the run is the whole of a vector that is kept.
            unsafe { requests(&cells, &run, kept.as_mut_ptr()) }
        };
        // Where elements are named twice, the last one counts: one after the other.
        if numbers.len() != cells.len() {
            return Ok(None);
        }
        // SAFETY: as the caller promises, and what is not the program's is kept.
        let operation = unsafe { Operation::new(self.data(), key::BYTES, requests, Direction::Write, kept, None) };
        self.located.node.file.start(&operation)?;
        Ok(Some(operation))
    }

    /// Starts to read elements.
    ///
    /// # Safety
    /// The buffer has room for what the selection of memory means, until the operation is done.
    pub unsafe fn start_read(
        &self,
        memory_type: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *mut u8,
    ) -> Result<Option<Rc<Operation>>> {
        // A small dataset that lies beside its header may be known already.
        let is_done_at_once =
            matches!(self.layout(), Layout::Filtered { .. } | Layout::Inside | Layout::Virtual | Layout::RawFiles);
        if is_done_at_once || !self.stored().is_same(memory_type) {
            // SAFETY: as the caller promises.
            return unsafe { self.read(memory_type, spaces, list, buffer) }.map(|()| None);
        }
        let Some(transfer) = self.plan(memory_type, spaces, buffer)? else { return Ok(None) };
        let cells = self.cells(&transfer, &transfer.file.runs)?;
        // SAFETY: as the caller promises.
        let (requests, numbers) = unsafe { requests(&cells, &transfer.memory.runs, buffer) };
        let fill = self.fill()?.to_vec();
        let phases: Vec<u64> = numbers.iter().map(|number| cells[*number].phase).collect();
        let finish: Finish = Box::new(move |holes: Vec<(usize, Range)>| {
            for (number, range) in holes {
                // SAFETY: the hole lies in a range, which lies in the memory, which is there until the operation is done.
                let bytes = unsafe { std::slice::from_raw_parts_mut(range.memory, range.length) };
                memory::fill(bytes, phases[number] + range.offset, &fill);
            }
        });
        // SAFETY: as the caller promises.
        let operation =
            unsafe { Operation::new(self.data(), key::BYTES, requests, Direction::Read, Vec::new(), Some(finish)) };
        self.located.node.file.start(&operation)?;
        Ok(Some(operation))
    }
}
