//! From devices to an arena: its newest checkpoint, and what the log has since.

use super::{CHECKPOINT, DATA, LOG, MEMORY};
use crate::arena::{Arena, Redo};
use crate::checkpoint::{Candidate, CheckpointStore};
use crate::device::{BLOCK_SIZE, BlockDevice, Media};
use crate::extent_allocator::BlockRange;
use crate::journal;
use crate::log::{Recovered, RedoLog};
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use std::rc::Rc;

/// What an arena is opened with.
pub(super) struct Opened {
    pub arena: Arena,
    pub checkpoints: CheckpointStore,
    pub log: RedoLog,
    pub data: Rc<dyn BlockDevice>,
    pub pages: u64,
    pub recovered: Recovered,
    /// Values that the log carries, and that could not be written to their places.
    pub unplaced: Vec<(BlockRange, IoBuffer)>,
}

/// Whether a folder holds an arena that was completely made, damaged or not.
pub(super) async fn exists(media: &dyn Media) -> Result<bool> {
    if is_on_memory(media)? {
        return Ok(true);
    }
    if !media.exists(CHECKPOINT)? {
        return Ok(false);
    }
    // A checkpoint's first write makes the arena exist; before that its headers are zeros.
    let device = media.open(CHECKPOINT)?;
    for block in 0..2u64 {
        if device.capacity() < (block + 1) * BLOCK_SIZE as u64 {
            continue;
        }
        let bytes = device.read(block * BLOCK_SIZE as u64, BLOCK_SIZE).await?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
    }
    // Or a checkpoint that lost them: where the log was written to, an arena was in use, which must not be made anew.
    if media.exists(LOG)? { RedoLog::holds_batches(media.open(LOG)?).await } else { Ok(false) }
}

/// Whether a folder holds an arena that was completely made on persistent memory, damaged or not.
pub(super) fn is_on_memory(media: &dyn Media) -> Result<bool> {
    Ok(media.exists(MEMORY)? && journal::is_made(&*media.open_memory(MEMORY)?)?)
}

/// Opens the data device, which was made with so many bytes.
pub(super) fn open_data(media: &dyn Media, was: u64) -> Result<Rc<dyn BlockDevice>> {
    let data = media.open(DATA)?;
    let is = data.capacity();
    if is < was {
        fail!(Code::DfInval, "{} has {is} bytes, but was made with {was}: it was cut off", data.name());
    }
    Ok(data)
}

/// Opens an arena of class `log`.
pub(super) async fn open(media: &dyn Media) -> Result<Opened> {
    let place = media.describe();
    if !exists(media).await? {
        fail!(Code::Nonexist, "{place} holds no arena");
    }
    let candidates = CheckpointStore::candidates(media.open(CHECKPOINT)?).await?;
    let Some(newest) = candidates.first().map(Candidate::contents) else {
        fail!(Code::DfInval, "{place} holds no intact checkpoint");
    };
    let log = RedoLog::open(media.open(LOG)?, newest.id).await?;
    let data = open_data(media, newest.data_bytes)?;
    let mut problem = None;
    for candidate in candidates {
        match restore(candidate, &log, &data).await {
            // It is as new as the newest one: nothing is missing.
            Ok((arena, checkpoints, pages, recovered)) if log.head().lsn >= newest.position.lsn => {
                if let Some(problem) = problem {
                    // An interrupted checkpoint looks like that, too.
                    daos_env::log!(Info, "media", "using the other checkpoint, with the log: {problem}");
                }
                let unplaced = log.place_carried(&data).await?;
                return Ok(Opened { arena, checkpoints, log, data, pages, recovered, unplaced });
            }
            Ok(_) => {}
            Err(status) if matches!(status.code(), Code::Nomem | Code::DfIncompt) => return Err(status),
            // What is told is what is wrong with the newest one.
            Err(status) => problem = problem.or(Some(status)),
        }
    }
    match problem {
        Some(problem) => Err(problem.while_doing(format!("opening {place}"))),
        None => fail!(Code::DfInval, "the checkpoints and the log of {place} do not belong together"),
    }
}

/// Loads one checkpoint and replays the log from its place.
async fn restore(
    candidate: Candidate,
    log: &RedoLog,
    data: &Rc<dyn BlockDevice>,
) -> Result<(Arena, CheckpointStore, u64, Recovered)> {
    let contents = candidate.contents();
    let checkpoints = candidate.open().await?;
    log.check_start(contents.position)?;
    let arena = Arena::reserve(contents.arena_bytes)?;
    let pages = checkpoints.load(&arena).await?;
    let recovered = log.recover(contents.position, data, |_, record| Redo::replay(record, &arena)).await?;
    arena.verify().map_err(|status| status.while_doing(format!("checkpoint {}", checkpoints.name())))?;
    Ok((arena, checkpoints, pages, recovered))
}
