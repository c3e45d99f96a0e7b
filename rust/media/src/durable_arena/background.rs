//! The background tasks of a durable arena: the log writer, the checkpointer, and who brings to their places the values that the log carries.

use super::Lsn;
use super::flights::LARGE_BYTES;
use super::shared::{Persistence, Shared};
use crate::checkpoint::PageImage;
use crate::log::Segment;
use daos_env::Spawner;
use daos_env::sync::yield_now;
use daos_status::{Result, Status};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
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

/// Writes what was committed to the log, batch by batch. While one is written, the values that it points at are synced.
pub(super) async fn write_log(shared: Rc<Shared>, spawner: Spawner) {
    let Some(persistence) = shared.persistence() else { return };
    let mut failures = 0;
    loop {
        wait_for_work(&shared, persistence, &spawner).await;
        let turn = next_turn(&shared, persistence).await;
        let result = match turn {
            Turn::Stop => return persistence.flights.clear(),
            Turn::Landed => acknowledge(&shared, persistence, &mut failures).await,
            Turn::Begin => begin_with_care(&shared, persistence).await,
            Turn::Rest => Ok(()),
        };
        if let Err(status) = result {
            persistence.flights.clear();
            return shared.fail(status);
        }
        if persistence.wants_checkpoint() && persistence.requested.get() == persistence.attempted.get() {
            shared.request_checkpoint(persistence);
        }
    }
}

/// What the log writer does next.
enum Turn {
    Stop,
    /// There is nothing to do.
    Rest,
    /// The oldest batch has ended.
    Landed,
    /// Nothing is under way, and what waits is to be written.
    Begin,
}

/// Drives the batches that are under way. When there are none, the next is not begun before all tasks that are ready have run, which may
/// commit too, and the small values that were being written by then have been: the changes that point at them share the flush. Those
/// that begin meanwhile are not waited for.
async fn next_turn(shared: &Shared, persistence: &Persistence) -> Turn {
    let flights = &persistence.flights;
    let mut has_yielded = false;
    let mut values = None;
    poll_fn(|context| {
        if shared.is_stopping.get() || shared.has_failed() {
            return Poll::Ready(Turn::Stop);
        }
        flights.begin_due(shared, persistence);
        if flights.poll(&persistence.log, context) {
            return Poll::Ready(Turn::Landed);
        }
        if flights.is_empty() {
            if persistence.pending.borrow().is_empty() {
                return Poll::Ready(Turn::Rest);
            }
            if !std::mem::replace(&mut has_yielded, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let begun = *values.get_or_insert(shared.values_begun.get());
            if shared.values_ended.get() >= begun || persistence.has_large_batch(LARGE_BYTES) {
                return Poll::Ready(Turn::Begin);
            }
        }
        // It looks again when anything has changed.
        pin!(shared.work.wait_until(|| false)).poll(context).map(|()| Turn::Rest)
    })
    .await
}

/// Waits for something to write; when nothing comes for a while, notes in the log how far it was acknowledged.
async fn wait_for_work(shared: &Shared, persistence: &Persistence, spawner: &Spawner) {
    let has_batch = || !persistence.pending.borrow().is_empty() || !persistence.flights.is_empty();
    let has_work = || shared.is_stopping.get() || shared.has_failed() || has_batch();
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

/// A sync of the data device has failed: nobody knows which values are there.
fn lost(status: Status) -> Status {
    status.while_doing("values that were written cannot be made durable, nor written again")
}

/// Begins a batch, be it one that takes some waiting first.
async fn begin_with_care(shared: &Shared, persistence: &Persistence) -> Result<()> {
    let Some(segment) = persistence.take_pending() else { return Ok(()) };
    persistence.flights.pause(true);
    let result = make_ready(shared, persistence, &segment).await;
    persistence.flights.pause(false);
    if result? {
        persistence.flights.begin(shared, persistence, segment);
    }
    Ok(())
}

/// Does what must be done before a batch can be written; `false` when it need not be written any more.
async fn make_ready(shared: &Shared, persistence: &Persistence, segment: &Segment) -> Result<bool> {
    if segment.values.is_cut() {
        sync_data(shared).await.map_err(lost)?;
    }
    if !persistence.log.has_room(segment) {
        wait_for_room(shared, persistence, segment.last, Some(segment)).await;
        if shared.durable.get() >= segment.last || shared.is_stopping.get() {
            return Ok(false);
        }
        shared.check_failure()?;
    }
    Ok(true)
}

/// Tells those who wait for the batches that have ended.
async fn acknowledge(shared: &Shared, persistence: &Persistence, failures: &mut u32) -> Result<()> {
    loop {
        let flights = &persistence.flights;
        flights.values_failure().map_or(Ok(()), |status| Err(lost(status)))?;
        if let Some(status) = flights.batch_failure() {
            *failures += 1;
            if *failures > LOG_FAILURES_MAX {
                return Err(status);
            }
            flights.pause(true);
            let result = recover_from(shared, persistence, &status).await;
            flights.pause(false);
            return result;
        }
        let Some(landed) = flights.take_landed() else { return Ok(()) };
        *failures = 0;
        flights.count(shared, persistence, landed.records);
        persistence.data_synced.set(landed.covered.max(persistence.data_synced.get()));
        persistence.log.end(landed.sequence, true);
        shared.set_durable(landed.last);
    }
}

/// A batch may be on the disk or not, and a sync that failed must not be repeated as if nothing were lost: the log from here back is not
/// trusted any more, and no batch that was under way counts, whatever became of it. A checkpoint of this moment, with a place in the log behind
/// all of them, makes durable what is in memory.
async fn recover_from(shared: &Shared, persistence: &Persistence, status: &Status) -> Result<()> {
    daos_env::log!(
        Warn,
        "media",
        "a batch of the log is in doubt, and is replaced by a checkpoint of everything: {status}"
    );
    let Some(last) = persistence.flights.drain(&persistence.log).await.map_err(lost)? else { return Ok(()) };
    wait_for_room(shared, persistence, last, None).await;
    shared.check_failure()?;
    if shared.durable.get() >= last {
        daos_env::log!(Info, "media", "the checkpoint is written: nothing was lost, and changes go on");
    }
    Ok(())
}

/// Makes durable what every commit so far points at.
async fn sync_data(shared: &Shared) -> Result<()> {
    let covered = shared.committed.get();
    shared.data_written.set(false);
    if let Some(persistence) = shared.persistence() {
        persistence.carried.is_unsynced.set(false);
    }
    shared.data.sync().await?;
    if let Some(persistence) = shared.persistence() {
        persistence.data_synced.set(covered.max(persistence.data_synced.get()));
    }
    Ok(())
}

/// As [`sync_data`], before the log is released. When it fails, values that came to their places may be lost, and only the log still has them: it must
/// stay, and a later sync that succeeds must not be believed.
async fn sync_before_release(shared: &Shared) -> Result<()> {
    let result = sync_data(shared).await.map_err(lost);
    if let Err(status) = &result {
        shared.fail(status.clone());
    }
    result
}

/// Brings values that the log carries to their places, whenever enough of them wait.
pub(super) async fn place_values(shared: Rc<Shared>) {
    let Some(persistence) = shared.persistence() else { return };
    let is_over = || shared.is_stopping.get() || shared.has_failed();
    loop {
        persistence.carried.wait_until_due(is_over).await;
        if is_over() {
            return;
        }
        persistence.carried.place_some(&*shared.data).await;
    }
}

/// The log is full, or the record larger than it takes, or a batch is in doubt: a checkpoint makes room for the segment, or makes everything
/// up to `last` durable itself, which alone will do in the last case. Nothing is under way then.
async fn wait_for_room(shared: &Shared, persistence: &Persistence, last: Lsn, segment: Option<&Segment>) {
    persistence.is_starved.set(true);
    shared.request_checkpoint(persistence);
    // A checkpoint under way may be waiting for this very segment.
    shared.changed.wake_all();
    let has_room =
        || segment.is_some_and(|segment| persistence.log.has_room(segment) && !persistence.is_log_held.get());
    let fed = || has_room() || shared.durable.get() >= last || shared.is_stopping.get() || shared.has_failed();
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
    // The log before this place will be released, and whatever it carries must be where it belongs.
    persistence.carried.place(&*shared.data, position.lsn).await?;
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
    if persistence.carried.is_unsynced.get() {
        sync_before_release(shared).await?;
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
    persistence.carried.place(&*shared.data, copied).await?;
    sync_before_release(shared).await?;
    persistence.checkpoints.write_pages(images).await?;
    persistence.checkpoints.publish(position).await?;
    persistence.log.release(position);
    while persistence.pending.borrow().front().is_some_and(|segment| segment.last <= copied) {
        persistence.take_pending();
    }
    shared.set_durable(copied);
    Ok(Outcome::Done)
}
