//! The two background tasks of a durable arena: the log writer and the checkpointer.

use super::shared::{Persistence, Shared};
use crate::checkpoint::PageImage;
use crate::log::Segment;
use daos_status::{Result, Status};
use std::rc::Rc;

/// Pages copied at once before other tasks run again: 64 KiB of copying and checksums for each 10 microseconds or so.
const PAGES_PER_STEP: usize = 32;

/// Writes what was committed to the log, one batch after the other.
pub(super) async fn write_log(shared: Rc<Shared>) {
    let Some(persistence) = shared.persistence() else { return };
    loop {
        let has_work = || shared.is_stopping.get() || shared.has_failed() || !persistence.pending.borrow().is_empty();
        shared.work.wait_until(has_work).await;
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        // Taken before the data device is synced: what is committed meanwhile, perhaps with more data, goes into the next.
        let Some(segment) = persistence.take_pending() else { continue };
        if let Err(status) = write_segment(&shared, persistence, &segment).await {
            return shared.fail(status);
        }
        if persistence.wants_checkpoint() && persistence.requested.get() == persistence.attempted.get() {
            shared.request_checkpoint(persistence);
        }
    }
}

async fn write_segment(shared: &Shared, persistence: &Persistence, segment: &Segment) -> Result<()> {
    sync_data(shared).await?;
    if !persistence.log.has_room(segment) {
        wait_for_room(shared, persistence, segment).await;
        if shared.durable.get() >= segment.last || shared.is_stopping.get() {
            return Ok(());
        }
        shared.check_failure()?;
    }
    persistence.log.append(segment).await?;
    shared.set_durable(segment.last);
    Ok(())
}

/// The data that records point at is durable before the records are.
async fn sync_data(shared: &Shared) -> Result<()> {
    if shared.data_written.replace(false) {
        shared.data.sync().await?;
    }
    Ok(())
}

/// The log is full, or the record larger than it takes: a checkpoint makes room, or makes the record durable itself.
async fn wait_for_room(shared: &Shared, persistence: &Persistence, segment: &Segment) {
    persistence.is_starved.set(true);
    shared.request_checkpoint(persistence);
    // A checkpoint under way may be waiting for this very segment.
    shared.changed.wake_all();
    let fed = || {
        (persistence.log.has_room(segment) && !persistence.is_log_held.get())
            || shared.durable.get() >= segment.last
            || shared.is_stopping.get()
            || shared.has_failed()
    };
    shared.changed.wait_until(fed).await;
    persistence.is_starved.set(false);
    shared.changed.wake_all();
}

/// Writes checkpoints when they are asked for.
pub(super) async fn write_checkpoints(shared: Rc<Shared>) {
    let Some(persistence) = shared.persistence() else { return };
    loop {
        let asked = || persistence.requested.get() > persistence.attempted.get();
        shared.work.wait_until(|| shared.is_stopping.get() || shared.has_failed() || asked()).await;
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        let attempt = persistence.requested.get();
        let result = write_checkpoint(&shared, persistence).await;
        if let Err(status) = &result {
            // Each batch asks for another attempt: the same reason is told once.
            let is_told =
                persistence.checkpoint_failure.borrow().as_ref().is_some_and(|last| last.code() == status.code());
            if !is_told {
                daos_env::log!(Warn, "media", "a checkpoint failed, and will be tried again: {status}");
            }
            if persistence.is_starved.get() {
                shared.fail(status.clone());
            }
        } else {
            persistence.checkpoints_done.set(persistence.checkpoints_done.get() + 1);
        }
        persistence.checkpoint_failure.replace(result.err());
        persistence.attempted.set(attempt);
        shared.changed.wake_all();
    }
}

async fn write_checkpoint(shared: &Shared, persistence: &Persistence) -> Result<()> {
    let pages = shared.arena.take_dirty_pages();
    let result = if persistence.is_starved.get() {
        checkpoint_holding_log(shared, persistence, &pages).await
    } else {
        checkpoint_in_steps(shared, persistence, &pages).await
    };
    if !matches!(result, Ok(Outcome::Done)) {
        persistence.checkpoints.abandon();
        pages.iter().for_each(|page| shared.arena.mark_dirty(*page));
    }
    match result? {
        Outcome::Done => Ok(()),
        Outcome::LogIsFull => {
            let pages = shared.arena.take_dirty_pages();
            let result = checkpoint_holding_log(shared, persistence, &pages).await;
            if result.is_err() {
                persistence.checkpoints.abandon();
                pages.iter().for_each(|page| shared.arena.mark_dirty(*page));
            }
            result.map(|_| ())
        }
    }
}

enum Outcome {
    Done,
    /// The log writer waits for this checkpoint, and this checkpoint for the log writer.
    LogIsFull,
}

/// The common way: pages are copied a few at a time while changes go on. The copies are of different moments, but replaying the
/// log from where it stood at the beginning makes them one, if it holds everything up to the last copy.
async fn checkpoint_in_steps(shared: &Shared, persistence: &Persistence, pages: &[u32]) -> Result<Outcome> {
    let position = persistence.log.head();
    for step in pages.chunks(PAGES_PER_STEP) {
        let images = step.iter().map(|page| PageImage::copy_of(&shared.arena, *page)).collect();
        persistence.checkpoints.write_pages(images).await?;
    }
    let copied = shared.committed.get();
    shared
        .changed
        .wait_until(|| {
            let ended = shared.has_failed() || shared.is_stopping.get() || persistence.is_starved.get();
            shared.durable.get() >= copied || ended
        })
        .await;
    shared.check_failure()?;
    if shared.durable.get() < copied {
        if shared.is_stopping.get() {
            return Err(Status::new(daos_status::Code::Shutdown, "the arena was closed during a checkpoint"));
        }
        return Ok(Outcome::LogIsFull);
    }
    persistence.checkpoints.publish(position).await?;
    persistence.log.release(position);
    Ok(Outcome::Done)
}

/// The log writer waits, as it is starved; it goes on waiting until this is done, though room may come earlier.
async fn checkpoint_holding_log(shared: &Shared, persistence: &Persistence, pages: &[u32]) -> Result<Outcome> {
    persistence.is_log_held.set(true);
    let result = checkpoint_at_once(shared, persistence, pages).await;
    persistence.is_log_held.set(false);
    if result.is_ok() {
        // What the log writer holds is durable now. It has yet to notice, and the next checkpoint must not think that it waits.
        persistence.is_starved.set(false);
    }
    shared.changed.wake_all();
    result
}

/// The way out when the log is full: everything is copied at one moment, so that the checkpoint needs no log at all, and makes
/// durable by itself what waits for the log.
async fn checkpoint_at_once(shared: &Shared, persistence: &Persistence, pages: &[u32]) -> Result<Outcome> {
    let copied = shared.committed.get();
    let mut position = persistence.log.head();
    position.lsn = copied;
    let images: Vec<PageImage> = pages.iter().map(|page| PageImage::copy_of(&shared.arena, *page)).collect();
    // What waits for the log is of before this moment; what comes after must not be mixed with it.
    if let Some(last) = persistence.pending.borrow_mut().back_mut() {
        last.sealed = true;
    }
    sync_data(shared).await?;
    persistence.checkpoints.write_pages(images).await?;
    persistence.checkpoints.publish(position).await?;
    persistence.log.release(position);
    while persistence.pending.borrow().front().is_some_and(|segment| segment.last <= copied) {
        persistence.take_pending();
    }
    shared.set_durable(copied);
    Ok(Outcome::Done)
}
