//! How long it takes to open a store of many records after a crash, with its log as full as it gets.

use super::live::LiveStore;
use super::requests::Source;
use super::selection::Selection;
use super::setup::{Class, Layout, Setup, VERSIONS};
use super::subject::Work;
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_status::Result;
use std::cell::Cell;
use std::path::Path;

const DEPTH: u64 = 256;
/// Updates between two looks at the log.
const STEP: u64 = 1024;
/// A checkpoint begins when three eighths of the log are used: this is just before.
const FULL_PERCENT: u64 = 36;
/// Updates that fill any log of a benchmark many times: a log that is never so full is none.
const UPDATES_MAX: u64 = 10_000_000;

/// Opens stores of some sizes, after a crash and with as full a log as there is.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    for records in selection.records(plan) {
        one(plan, selection, records, directory, report)?;
    }
    Ok(())
}

/// Writes all records and a checkpoint, fills the log, then crashes, opens and reads, again and again: what an open finds is the same each time.
fn one(plan: &Plan, selection: &Selection, records: u64, directory: &Path, report: &mut Report) -> Result<()> {
    let setup = Setup {
        layout: Layout::Single,
        size: 64,
        class: Class::Log,
        depth: DEPTH,
        records,
        checksum: selection.checksum,
        versions: VERSIONS,
        log_bytes: plan.log_bytes,
    };
    let mut live = LiveStore::create(setup, directory)?;
    write(&live, 0, records, records)?;
    live.with(async |subject| subject.store.checkpoint().await)?;
    let (updates, log_bytes) = fill(&live, records)?;
    let (mut opens, mut reads) = (Vec::new(), Vec::new());
    for _ in 0..plan.repetitions {
        let watch = Watch::start();
        live.crash_and_open()?;
        opens.push(watch.elapsed().as_secs_f64() * 1e3);
        live.with(async move |subject| subject.one(Work::Read, (updates - 1) % records).await)?;
        reads.push(live.read_devices(log_bytes)?.as_secs_f64() * 1e3);
    }
    live.close()?;
    report.note(&format!(
        "recovery: a checkpoint of {records} records, and {updates} updates of 64 B in {:.1} MiB of log since",
        log_bytes as f64 / (1 << 20) as f64
    ));
    let case = Case { case: "recovery", unit: "ms", records: Some(records), ..setup.case() };
    let limit = Limit { name: "read the files", value: Figures::of(reads).median };
    report.add(case, Figures::of(opens), Some(limit));
    Ok(())
}

/// Updates records from number `first` to before `end`, round and round.
fn write(live: &LiveStore, first: u64, end: u64, records: u64) -> Result<()> {
    live.with(async move |subject| {
        let next = Cell::new(first);
        let take = move |_| {
            let number = next.get();
            next.set(number + 1);
            (number < end).then_some(number % records)
        };
        subject.workers(DEPTH, Work::Write(Source::Bytes), take).await.map(|_| ())
    })
}

/// Writes until a checkpoint would begin; the updates, and the bytes of log that hold them.
fn fill(live: &LiveStore, records: u64) -> Result<(u64, u64)> {
    let mut written = 0;
    loop {
        write(live, written, written + STEP, records)?;
        written += STEP;
        let used = live.with(async move |subject| {
            let statistics = subject.store.media_statistics();
            Ok((statistics.log_used, statistics.log_capacity))
        })?;
        if used.0 * 100 >= used.1 * FULL_PERCENT || written >= UPDATES_MAX {
            return Ok((written, used.0));
        }
    }
}
