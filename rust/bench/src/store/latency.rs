//! How long single requests take: by themselves, and while something else goes on in the same thread.
//!
//! Each request first lets whatever is ready run, as one does that comes in behind other work; what that takes counts. So a
//! step of background work that is too long shows in full.

use super::live::LiveStore;
use super::requests::Source;
use super::selection::Selection;
use super::setup::{Class, Layout, Setup, VERSIONS};
use super::subject::{Subject, Work};
use crate::histogram::Histogram;
use crate::measure::{Figures, Plan, Shuffle, Watch};
use crate::report::{Case, Limit, Report};
use daos_env::sync::{join_all, yield_now};
use daos_status::{Code, Result, Status};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Records in the store, at most.
const RECORDS: u64 = 100_000;
/// Updates of one repetition, at most: versions add up.
const UPDATES_MAX: u64 = 20_000;
const SIZES: [usize; 2] = [64, 4096];
/// Requests in flight in class `log`: what group commit is for.
const DEEP: u64 = 64;
/// Shares of the requests; none is all of them.
const QUANTILES: [(Option<f64>, [&str; 2]); 4] = [
    (Some(0.5), ["update p50", "fetch p50"]),
    (Some(0.99), ["update p99", "fetch p99"]),
    (Some(0.999), ["update p99.9", "fetch p99.9"]),
    (None, ["update longest", "fetch longest"]),
];

/// Beside something: compared with the median without it, which is the goal, and with as slow a request without it, which tells what of that is
/// the machine's.
const CHECKPOINT_CASES: [[&str; 2]; 2] = [
    ["update p99.9, checkpoint", "update p99.9, checkpoint/alone"],
    ["fetch p99.9, checkpoint", "fetch p99.9, checkpoint/alone"],
];
const AGGREGATION_CASES: [[&str; 2]; 2] = [
    ["update p99.9, aggregation", "update p99.9, aggregation/alone"],
    ["fetch p99.9, aggregation", "fetch p99.9, aggregation/alone"],
];

/// What goes on beside the requests.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// Checkpoints, one after the other.
    Checkpoints,
    /// Aggregation up to what was written a little while ago, over and over.
    Aggregation,
}

/// The histograms of one repetition.
struct Times {
    update: Histogram,
    fetch: Histogram,
    nothing: Histogram,
}

/// Measures classes `ram` and `log`.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    for (class, depth) in [(Class::Ram, 1), (Class::Log, DEEP)] {
        for size in SIZES {
            let records = RECORDS.min(plan.records.iter().copied().max().unwrap_or(RECORDS));
            let setup = Setup {
                layout: Layout::Single,
                size,
                class,
                depth,
                records,
                checksum: selection.checksum,
                versions: VERSIONS + 5 * plan.repetitions as u64 * UPDATES_MAX / records,
                log_bytes: plan.log_bytes,
            };
            one(plan, setup, directory, report)?;
        }
    }
    Ok(())
}

fn one(plan: &Plan, setup: Setup, directory: &Path, report: &mut Report) -> Result<()> {
    let live = LiveStore::create(setup, directory)?;
    live.with(async move |subject| {
        let records = Cell::new(0..subject.setup.records);
        let next = move |_| {
            let mut left = records.take();
            let record = left.next();
            records.set(left);
            record
        };
        subject.workers(DEEP, Work::Write(Source::Bytes), next).await
    })?;
    let quiet = repeat(plan, &live, Beside::Nothing)?;
    let figures = |times: &[Times], of: fn(&Times) -> &Histogram, share: Option<f64>| {
        let value = |times: &Times| share.map_or(of(times).max(), |share| of(times).quantile(share));
        Figures::of(times.iter().map(value).collect())
    };
    let kinds: [fn(&Times) -> &Histogram; 2] = [|times| &times.update, |times| &times.fetch];
    let case = Case { unit: "us", ..setup.case() };
    for (index, of) in kinds.into_iter().enumerate() {
        for (share, names) in QUANTILES {
            let nothing = figures(&quiet, |times| &times.nothing, share);
            let limit = Limit { name: "no request", value: nothing.median };
            report.add(Case { case: names[index], ..case }, figures(&quiet, of, share), Some(limit));
        }
    }
    for (beside, names) in [(Beside::Checkpoints, &CHECKPOINT_CASES), (Beside::Aggregation, &AGGREGATION_CASES)] {
        if beside == Beside::Checkpoints && setup.class != Class::Log {
            continue;
        }
        let during = repeat(plan, &live, beside)?;
        // Once more by itself, right after: what the machine does meanwhile to the slowest of requests shows in both.
        let alone = repeat(plan, &live, Beside::Nothing)?;
        for (index, of) in kinds.into_iter().enumerate() {
            let [to_median, to_tail] = names[index];
            let median = Limit { name: "median without", value: figures(&quiet, of, Some(0.5)).median };
            report.add(Case { case: to_median, ..case }, figures(&during, of, Some(0.999)), Some(median));
            let tail = Limit { name: "p99.9 without", value: figures(&alone, of, Some(0.999)).median };
            report.add(Case { case: to_tail, ..case }, figures(&during, of, Some(0.999)), Some(tail));
        }
    }
    live.close()
}

fn repeat(plan: &Plan, live: &LiveStore, beside: Beside) -> Result<Vec<Times>> {
    let slice = plan.disk_slice;
    let once = || live.with(async move |subject| repetition(&subject, slice, beside).await);
    (0..plan.repetitions).map(|_| once()).collect()
}

async fn repetition(subject: &Rc<Subject>, slice: Duration, beside: Beside) -> Result<Times> {
    let is_done = Rc::new(Cell::new(false));
    let background = (beside != Beside::Nothing).then(|| {
        let (subject, is_done) = (subject.clone(), is_done.clone());
        subject.clone().spawner.spawn(async move {
            while !is_done.get() {
                match beside {
                    Beside::Aggregation => subject.aggregate().await?,
                    _ => subject.store.checkpoint().await?,
                }
                yield_now().await;
            }
            Ok(())
        })
    });
    let update = times(subject, slice, Work::Write(Source::Bytes)).await?;
    let fetch = times(subject, slice, Work::Read).await?;
    is_done.set(true);
    let nothing = times(subject, slice, Work::Nothing).await?;
    if let Some(background) = background {
        background.await.unwrap_or_else(gone)?;
    }
    Ok(Times { update, fetch, nothing })
}

fn gone() -> Result<()> {
    Err(Status::new(Code::Canceled, "a task of the benchmark is gone"))
}

/// As many requests at a time as the setup says, for about this long.
async fn times(subject: &Rc<Subject>, slice: Duration, work: Work) -> Result<Histogram> {
    let histogram = Rc::new(RefCell::new(Histogram::new()));
    let places = Rc::new(RefCell::new(Shuffle::below(subject.setup.records)));
    let (whole, started) = (Rc::new(Watch::start()), Rc::new(Cell::new(0)));
    let tasks: Vec<_> = (0..subject.setup.depth)
        .map(|_| {
            let (subject, histogram) = (subject.clone(), histogram.clone());
            let (places, whole, started) = (places.clone(), whole.clone(), started.clone());
            subject.clone().spawner.spawn(async move {
                while whole.elapsed() < slice && started.replace(started.get() + 1) < UPDATES_MAX {
                    let place = places.borrow_mut().next();
                    let watch = subject.watch();
                    yield_now().await;
                    subject.one(work, place).await?;
                    histogram.borrow_mut().add(watch.elapsed());
                }
                Ok(())
            })
        })
        .collect();
    for outcome in join_all(tasks).await {
        outcome.unwrap_or_else(gone)?;
    }
    Ok(histogram.replace(Histogram::new()))
}
