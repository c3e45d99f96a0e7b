//! What the machine gives at most, measured in the same run.

use crate::measure::{Plan, Shuffle, rate};
use crate::report::Limit;
use daos_status::Result;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Beyond every cache.
const MEMORY_BYTES: usize = 256 << 20;
/// Copies between two looks at the clock.
const COPIES: u64 = 256;
const BLOCK: usize = 4096;

/// Copies a second of blocks of `size` bytes to places without pattern in memory that no cache holds.
pub fn memory_copies(plan: &Plan, size: usize) -> Result<Limit> {
    let source = vec![1u8; size];
    let mut target = vec![0u8; MEMORY_BYTES];
    let mut places = Shuffle::below((MEMORY_BYTES / size) as u64);
    let figures = rate(plan, || {
        for _ in 0..COPIES {
            let start = places.next() as usize * size;
            target[start..start + size].copy_from_slice(std::hint::black_box(&source));
        }
        Ok(COPIES)
    })?;
    std::hint::black_box(&target);
    Ok(Limit { name: "memcpy", value: figures.median })
}

/// Writes of one 4 KiB block a second, each followed by fdatasync: what a log without group commit gives.
pub fn synced_writes(plan: &Plan, directory: &Path) -> Result<Limit> {
    let path = directory.join("limit");
    let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path)?;
    let block = [7u8; BLOCK];
    file.write_all(&vec![0; 256 * BLOCK])?;
    file.sync_all()?;
    let mut index = 0;
    let figures = rate(plan, || {
        file.seek(SeekFrom::Start(index % 256 * BLOCK as u64))?;
        file.write_all(&block)?;
        file.sync_data()?;
        index += 1;
        Ok(1)
    });
    std::fs::remove_file(&path)?;
    Ok(Limit { name: "4 KiB write+fdatasync", value: figures?.median })
}
