//! The two background tasks of a durable arena: the log writer and the checkpointer.

use super::shared::{Persistence, Shared};
use crate::checkpoint::PageImage;
use crate::log::Segment;
use daos_env::Spawner;
use daos_env::sync::{join_all, yield_now};
use daos_status::{Result, Status};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// Pages copied at once before other tasks run again: 64 KiB of copying and checksums take 10 microseconds or so.
const PAGES_PER_COPY: usize = 4;

/// Pages of a checkpoint of one moment that are copied at that moment, if there are no more; and how often others that were changed
/// meanwhile are copied first. Nothing is admitted then, so that few are.
const PAGES_OF_MOMENT: usize = 16;
const CATCH_UP_ROUNDS: usize = 8;

/// Pages written between two batches of the log, at least and at most: so many as let the checkpoint end in time, and no more, since the
/// log's batches wait behind them on the same disk.
const PAGES_PER_STEP: std::ops::RangeInclusive<u64> = 4..=64;

/// After so long without a change, the log notes how far it was acknowledged.
const ACKNOWLEDGE_AFTER: Duration = Duration::from_secs(1);

/// So many batches in a row may fail and be replaced by checkpoints; the next failure is final.
const LOG_FAILURES_MAX: u32 = 3;

/// What was committed so long ago is in a checkpoint, or soon will be: so an open has little to replay after a quiet time.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(30);

/// Writes what was committed to the log, one batch after the other. While one is written, the values that it points at are synced.
pub(super) async fn write_log(shared: Rc<Shared>, spawner: Spawner) {
    let Some(persistence) = shared.persistence() else { return };
    let mut failures = 0;
    loop {
        wait_for_work(&shared, persistence, &spawner).await;
        wait_for_values(&shared, persistence).await;
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        let Some(mut segment) = persistence.take_pending() else { continue };
        match write_segment(&shared, persistence, &mut segment, &mut failures).await {
            Ok(()) => {}
            Err(status) => return shared.fail(status),
        }
        if persistence.wants_checkpoint() && persistence.requested.get() == persistence.attempted.get() {
            shared.request_checkpoint(persistence);
        }
    }
}

/// Waits for something to write; when nothing comes for a while, notes in the log how far it was acknowledged.
async fn wait_for_work(shared: &Shared, persistence: &Persistence, spawner: &Spawner) {
    let has_work = || shared.is_stopping.get() || shared.has_failed() || !persistence.pending.borrow().is_empty();
    if has_work() {
        return;
    }
    if persistence.log.is_acknowledgement_behind() {
        let idle = spawner.timeout(ACKNOWLEDGE_AFTER, shared.work.wait_until(has_work)).await.is_none();
        if !idle {
            return;
        }
        if let Err(status) = persistence.log.write_acknowledged().await {
            daos_env::log!(
                Warn,
                "media",
                "noting how far the log was acknowledged failed, and is tried again later: {status}"
            );
        }
    }
    shared.work.wait_until(has_work).await;
}

/// Waits for the small values that are being written at this moment, so that the changes that point at them share the flush. Those that
/// begin meanwhile are not waited for: it ends after one write of the data device.
async fn wait_for_values(shared: &Shared, persistence: &Persistence) {
    let begun = shared.values_begun.get();
    let is_enough = || shared.values_ended.get() >= begun || persistence.has_full_batch();
    shared.work.wait_until(|| is_enough() || shared.is_stopping.get() || shared.has_failed()).await;
}

async fn write_segment(
    shared: &Shared,
    persistence: &Persistence,
    segment: &mut Segment,
    failures: &mut u32,
) -> Result<()> {
    let lost =
        |status: Status| status.while_doing("values that were written cannot be made durable, nor written again");
    if segment.values.is_cut() {
        sync_data(shared).await.map_err(lost)?;
    }
    if !persistence.log.has_room(segment) {
        wait_for_room(shared, persistence, segment, true).await;
        if shared.durable.get() >= segment.last || shared.is_stopping.get() {
            return Ok(());
        }
        shared.check_failure()?;
    }
    if segment.last <= persistence.data_synced.get() {
        segment.values.clear();
    }
    // Side by side: recovery compares the values of the last batch with what the batch says about them.
    let sync = async { if segment.values.is_empty() { Ok(()) } else { sync_data(shared).await } };
    let parts: [Pin<Box<dyn Future<Output = Result<()>> + '_>>; 2] =
        [Box::pin(persistence.log.append(segment)), Box::pin(sync)];
    let mut results = join_all(parts).await.into_iter();
    let (written, synced) = (results.next().unwrap_or(Ok(())), results.next().unwrap_or(Ok(())));
    synced.map_err(lost)?;
    match written {
        Ok(()) => {
            *failures = 0;
            persistence.log.note_acknowledged();
            shared.set_durable(segment.last);
            Ok(())
        }
        Err(status) if *failures < LOG_FAILURES_MAX => {
            *failures += 1;
            recover_from(shared, persistence, segment, &status).await
        }
        Err(status) => Err(status),
    }
}

/// A batch may be on the disk or not, and a sync that failed must not be repeated as if nothing were lost: the log from here back is not
/// trusted any more. A checkpoint of this moment, with a place in the log behind the batch, makes durable what is in memory.
async fn recover_from(shared: &Shared, persistence: &Persistence, segment: &Segment, status: &Status) -> Result<()> {
    daos_env::log!(
        Warn,
        "media",
        "a batch of the log is in doubt, and is replaced by a checkpoint of everything: {status}"
    );
    wait_for_room(shared, persistence, segment, false).await;
    shared.check_failure()?;
    if shared.durable.get() >= segment.last {
        daos_env::log!(Info, "media", "the checkpoint is written: nothing was lost, and changes go on");
    }
    Ok(())
}

/// Makes durable what every commit so far points at.
async fn sync_data(shared: &Shared) -> Result<()> {
    let covered = shared.committed.get();
    shared.data_written.set(false);
    shared.data.sync().await?;
    if let Some(persistence) = shared.persistence() {
        persistence.data_synced.set(covered.max(persistence.data_synced.get()));
    }
    Ok(())
}

/// The log is full, or the record larger than it takes, or its batch is in doubt: a checkpoint makes room, or makes the record durable
/// itself, which alone will do in the last case.
async fn wait_for_room(shared: &Shared, persistence: &Persistence, segment: &Segment, room_will_do: bool) {
    persistence.is_starved.set(true);
    shared.request_checkpoint(persistence);
    // A checkpoint under way may be waiting for this very segment.
    shared.changed.wake_all();
    let fed = || {
        (room_will_do && persistence.log.has_room(segment) && !persistence.is_log_held.get())
            || shared.durable.get() >= segment.last
            || shared.is_stopping.get()
            || shared.has_failed()
    };
    shared.changed.wait_until(fed).await;
    persistence.is_starved.set(false);
    shared.changed.wake_all();
}

/// Writes checkpoints when they are asked for.
pub(super) async fn write_checkpoints(shared: Rc<Shared>, spawner: Spawner) {
    let Some(persistence) = shared.persistence() else { return };
    loop {
        let asked = || persistence.requested.get() > persistence.attempted.get();
        let has_work = || shared.is_stopping.get() || shared.has_failed() || asked();
        let has_changes = || persistence.log.used() > 0 || !persistence.pending.borrow().is_empty();
        shared.work.wait_until(|| has_work() || has_changes()).await;
        let is_due = spawner.timeout(CHECKPOINT_AFTER, shared.work.wait_until(has_work)).await.is_none();
        if shared.is_stopping.get() || shared.has_failed() {
            return;
        }
        if is_due && !asked() {
            shared.request_checkpoint(persistence);
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
    let mut pages = shared.arena.take_dirty_pages();
    let result = write_dirty(shared, persistence, &mut pages).await;
    persistence.progress.set(None);
    result
}

async fn write_dirty(shared: &Shared, persistence: &Persistence, pages: &mut Vec<u32>) -> Result<()> {
    let result = if persistence.is_starved.get() {
        checkpoint_holding_log(shared, persistence, pages).await
    } else {
        checkpoint_in_steps(shared, persistence, pages).await
    };
    if !matches!(result, Ok(Outcome::Done)) {
        persistence.checkpoints.abandon();
        pages.iter().for_each(|page| shared.arena.mark_dirty(*page));
    }
    match result? {
        Outcome::Done => Ok(()),
        Outcome::LogIsFull => {
            let mut pages = shared.arena.take_dirty_pages();
            let result = checkpoint_holding_log(shared, persistence, &mut pages).await;
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
    let mut left = pages;
    while !left.is_empty() {
        let step;
        (step, left) = left.split_at(pages_of_step(persistence, left.len()));
        let batches = persistence.log.counters().batches;
        for few in step.chunks(PAGES_PER_COPY) {
            let images = few.iter().map(|page| PageImage::copy_of(&shared.arena, *page)).collect();
            persistence.checkpoints.write_pages(images).await?;
        }
        // Who waits for room in the log gets some for each step, instead of all at the end.
        persistence.progress.set(Some((pages.len() - left.len()) as f64 / pages.len() as f64));
        shared.changed.wake_all();
        // A batch that is being written has the disk for itself for a while.
        yield_now().await;
        let is_behind = || persistence.log.is_writing() && persistence.log.counters().batches == batches;
        let hurries = || persistence.is_starved.get() || shared.has_failed() || shared.is_stopping.get();
        shared.changed.wait_until(|| !is_behind() || hurries()).await;
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

/// How many pages to write before the next batch of the log: the checkpoint shall end when five eighths of the log are used.
fn pages_of_step(persistence: &Persistence, left: usize) -> usize {
    let counters = persistence.log.counters();
    let batch = (counters.bytes / counters.batches.max(1)).max(1);
    let room = (persistence.log.ring_bytes() / 8 * 5).saturating_sub(persistence.log.used());
    let wanted = left as u64 / (room / batch).max(1);
    (wanted.clamp(*PAGES_PER_STEP.start(), *PAGES_PER_STEP.end()) as usize).min(left)
}

/// The log writer waits, as it is starved; it goes on waiting until this is done, though room may come earlier.
async fn checkpoint_holding_log(shared: &Shared, persistence: &Persistence, pages: &mut Vec<u32>) -> Result<Outcome> {
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

/// The way out when the log is full: a checkpoint of one moment, so that it needs no log at all, and makes durable by itself what waits for the
/// log. Pages are copied a few at a time, while nothing new is admitted; those that were touched meanwhile by changes that had been admitted
/// before are copied again, the last of them at the moment of which the checkpoint is. `pages` has all of them in the end.
async fn checkpoint_at_once(shared: &Shared, persistence: &Persistence, pages: &mut Vec<u32>) -> Result<Outcome> {
    let mut done = 0;
    for _ in 0..CATCH_UP_ROUNDS {
        if pages.len() - done <= PAGES_OF_MOMENT {
            break;
        }
        for few in pages[done..].chunks(PAGES_PER_COPY) {
            let images = few.iter().map(|page| PageImage::copy_of(&shared.arena, *page)).collect();
            persistence.checkpoints.write_pages(images).await?;
            yield_now().await;
        }
        done = pages.len();
        pages.append(&mut shared.arena.take_dirty_pages());
    }
    pages.append(&mut shared.arena.take_dirty_pages());
    let copied = shared.committed.get();
    let mut position = persistence.log.head();
    position.lsn = copied;
    let images: Vec<PageImage> = pages[done..].iter().map(|page| PageImage::copy_of(&shared.arena, *page)).collect();
    // What waits for the log is of before this moment; what comes after must not be mixed with it.
    persistence.seal();
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
