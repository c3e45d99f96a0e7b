//! Destroying a container of many objects: how fast its space comes back, how long one step keeps others waiting, and what requests to another
//! container notice of it.
//!
//! As with latencies, each request first lets whatever is ready run: a step that is too long shows in full.

use super::live::LiveStore;
use super::requests::{Requests, Source};
use super::selection::Selection;
use super::setup::{Class, Layout, Setup, VERSIONS};
use super::subject::{Subject, Work};
use crate::histogram::Histogram;
use crate::measure::{Figures, Plan, Shuffle, Watch};
use crate::report::{Case, Limit, Report};
use daos_env::sync::{join_all, yield_now};
use daos_status::{Code, Result, Status};
use daos_types::ContainerId;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

/// Objects in the container, at most.
const OBJECTS_MAX: u64 = 1_000_000;
/// Records that requests beside it are about.
const BESIDE: u64 = 1000;
/// Updates under way while the container is filled.
const FILLERS: u64 = 64;
/// Requests without anything beside them.
const QUIET: u64 = 20_000;
const DESTROYED: ContainerId = ContainerId::from_bytes([6; 16]);

/// What was measured.
struct Measured {
    objects: u64,
    /// Each turn while nothing else is asked for: steps, mostly.
    turns: Histogram,
    alone: f64,
    quiet: Histogram,
    beside: Histogram,
    rate_beside: f64,
}

/// Measures classes `ram` and `log`.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    for class in [Class::Ram, Class::Log] {
        let records = OBJECTS_MAX.min(plan.records.iter().copied().max().unwrap_or(OBJECTS_MAX));
        let (layout, size, depth, checksum, log_bytes) = (Layout::Object, 64, 1, selection.checksum, plan.log_bytes);
        let setup = Setup { layout, size, class, depth, records, checksum, versions: VERSIONS, log_bytes };
        let live = LiveStore::create(setup, directory)?;
        let measured = live.with(async |subject| measure(&subject).await)?;
        live.close()?;
        add(report, &setup, &measured);
    }
    Ok(())
}

async fn measure(subject: &Rc<Subject>) -> Result<Measured> {
    let objects = subject.setup.records;
    fill(subject).await?;
    let next = Cell::new(0..BESIDE);
    let next = move |_| {
        let mut left = next.take();
        let record = left.next();
        next.set(left);
        record
    };
    subject.workers(FILLERS, Work::Write(Source::Bytes), next).await?;
    let quiet = requests(subject, |count| count < QUIET).await?;
    let is_done = destroy(subject).await?;
    let watch = Watch::start();
    let beside = requests(subject, |_| !is_done.get()).await?;
    let rate_beside = watch.rate(objects);
    fill(subject).await?;
    let is_done = destroy(subject).await?;
    let (watch, mut turns) = (Watch::start(), Histogram::new());
    while !is_done.get() {
        let turn = Watch::start();
        yield_now().await;
        turns.add(turn.elapsed());
    }
    Ok(Measured { objects, turns, alone: watch.rate(objects), quiet, beside, rate_beside })
}

/// Makes the container with its objects.
async fn fill(subject: &Rc<Subject>) -> Result<()> {
    subject.store.container_create(DESTROYED, subject.store.container_defaults()).await?;
    let requests = Rc::new(Requests::new(subject.setup, DESTROYED));
    let next = Rc::new(Cell::new(0));
    let tasks: Vec<_> = (0..FILLERS)
        .map(|_| {
            let (subject, requests, next) = (subject.clone(), requests.clone(), next.clone());
            subject.clone().spawner.spawn(async move {
                loop {
                    let record = next.replace(next.get() + 1);
                    if record >= subject.setup.records {
                        return Ok(());
                    }
                    subject.store.update(requests.update(record, record + 1, Source::Bytes)?).await?;
                    if record % FILLERS == 0 {
                        yield_now().await;
                    }
                }
            })
        })
        .collect();
    for outcome in join_all(tasks).await {
        outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "a task of the benchmark is gone")))?;
    }
    Ok(())
}

/// Destroys it; what is given says when all of its space is back.
async fn destroy(subject: &Rc<Subject>) -> Result<Rc<Cell<bool>>> {
    subject.store.container_destroy(DESTROYED).await?;
    let is_done = Rc::new(Cell::new(false));
    let (store, flag) = (subject.store.clone(), is_done.clone());
    subject.spawner.spawn(async move {
        store.wait_until_reclaimed().await;
        flag.set(true);
    });
    Ok(is_done)
}

/// Updates and fetches of the other container, one after the other.
async fn requests(subject: &Rc<Subject>, goes_on: impl Fn(u64) -> bool) -> Result<Histogram> {
    let (mut histogram, mut places, mut count) = (Histogram::new(), Shuffle::below(BESIDE), 0);
    while goes_on(count) {
        let work = if count % 2 == 0 { Work::Write(Source::Bytes) } else { Work::Read };
        let (place, watch) = (places.next(), subject.watch());
        yield_now().await;
        subject.one(work, place).await?;
        histogram.add(watch.elapsed());
        count += 1;
    }
    Ok(histogram)
}

fn add(report: &mut Report, setup: &Setup, measured: &Measured) {
    let one = |value: f64| Figures::of(vec![value]);
    let case = setup.case();
    report.add(Case { case: "freed, alone", ..case }, one(measured.alone), None);
    report.add(Case { case: "freed, beside requests", ..case }, one(measured.rate_beside), None);
    let case = Case { unit: "us", records: Some(measured.objects), ..case };
    report.add(Case { case: "longest step, alone", ..case }, one(measured.turns.max()), None);
    let median = Limit { name: "median without", value: measured.quiet.quantile(0.5) };
    for (name, value) in [
        ("request p99.9", measured.quiet.quantile(0.999)),
        ("request p50, freeing", measured.beside.quantile(0.5)),
        ("request p99.9, freeing", measured.beside.quantile(0.999)),
        ("request longest, freeing", measured.beside.max()),
    ] {
        report.add(Case { case: name, ..case }, one(value), Some(median));
    }
}
