//! Writing elements of a dataset that other ranks write to, too.
//!
//! The store takes parts of chunks from several ranks at once. A chunk with filters is one value, which is read, changed and written as a whole: of
//! the ranks that change the same one in a collective write, one after the other does. By itself a rank may only write whole ones, as nobody
//! would know of the others.

use crate::dataset::Dataset;
use crate::failure::{Failure, Minor, Result};
use crate::format::Layout;
use crate::guard;
use crate::hdf5::Hid;
use crate::ranks::{Ranks, is_collective};
use crate::turns::rounds;

impl Dataset {
    /// Writes elements, and, where others have the file open, too, waits until they are where these find them.
    ///
    /// # Safety
    /// The buffer has what the selection of memory means.
    pub unsafe fn write_among_ranks(
        &self,
        memory_type: Hid,
        spaces: (Hid, Hid),
        list: Hid,
        buffer: *const u8,
    ) -> Result<()> {
        let file = &self.located.node.file;
        let write = || {
            // SAFETY: as the caller promises.
            unsafe { self.write(memory_type, spaces, list, buffer)? };
            file.write_through()
        };
        let Some(ranks) = file.ranks().filter(|_| matches!(self.layout(), Layout::Filtered { .. })) else {
            return write();
        };
        let touched = guard::caught(|| self.touched(memory_type, spaces, buffer));
        if is_collective(list) {
            return write_in_turns(ranks, touched, write);
        }
        let is_partial = self.with_filtered(|_, _, shape| {
            let touched = touched?;
            Ok(touched.iter().any(|(chunk, bytes)| *bytes < shape.inside(chunk)))
        })?;
        if is_partial {
            let sentence = "parts of chunks with filters are written collectively (H5Pset_dxpl_mpio), as other ranks may write other parts";
            return Err(Failure::new(Minor::Unsupported, sentence));
        }
        write()
    }
}

/// Writes when it is this rank's turn, and lets the others have theirs, whatever comes of it.
fn write_in_turns(
    ranks: &Ranks,
    touched: Result<Vec<(Vec<u8>, u64)>>,
    write: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut told = Vec::new();
    for (chunk, _) in touched.iter().flatten() {
        told.extend_from_slice(&(chunk.len() as u64).to_le_bytes());
        told.extend_from_slice(chunk);
    }
    let all = ranks.gather(&told)?;
    let chunks: Vec<Vec<&[u8]>> = all.iter().map(|told| chunks_of(told)).collect();
    let rounds = rounds(&chunks);
    let own = rounds.get(ranks.rank()).copied().unwrap_or_default();
    let mut write = Some(write);
    let mut outcome = touched.map(drop);
    for round in 0..=rounds.iter().copied().max().unwrap_or_default() {
        if round == own
            && outcome.is_ok()
            && let Some(write) = write.take()
        {
            outcome = guard::caught(write);
        }
        ranks.wait()?;
    }
    outcome
}

fn chunks_of(mut told: &[u8]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    while let Some((length, rest)) = told.split_first_chunk() {
        let Some((chunk, rest)) = rest.split_at_checked(u64::from_le_bytes(*length) as usize) else { break };
        chunks.push(chunk);
        told = rest;
    }
    chunks
}
