//! How long it takes to open a store after a crash, with its log as full as it gets.

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

const RECORDS: u64 = 1_000_000;
const DEPTH: u64 = 256;
/// Updates between two looks at the log.
const STEP: u64 = 1024;
/// A checkpoint begins when the log is half full: this is just before.
const FULL_PERCENT: u64 = 48;

/// Fills a log, crashes, opens, and reads what was written last.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    let setup = Setup {
        layout: Layout::Single,
        size: 64,
        class: Class::Log,
        depth: DEPTH,
        records: RECORDS,
        checksum: selection.checksum,
        versions: VERSIONS,
        log_bytes: plan.log_bytes,
    };
    let (mut opens, mut reads) = (Vec::new(), Vec::new());
    let (mut records, mut last_bytes) = (0, 0);
    for _ in 0..plan.repetitions {
        let mut live = LiveStore::create(setup, directory)?;
        let (written, log_bytes) = fill(&live)?;
        records = written;
        let watch = Watch::start();
        live.crash_and_open()?;
        opens.push(watch.elapsed().as_secs_f64() * 1e3);
        live.with(async move |subject| subject.one(Work::Read, written - 1).await)?;
        reads.push(live.read_log(log_bytes)?.as_secs_f64() * 1e3);
        live.close()?;
        last_bytes = log_bytes;
    }
    report.note(&format!(
        "recovery: {records} updates of 64 B in {:.1} MiB of log since the last checkpoint",
        last_bytes as f64 / (1 << 20) as f64
    ));
    let case = Case { case: "recovery", unit: "ms", records: Some(records), ..setup.case() };
    let limit = Limit { name: "read the log", value: Figures::of(reads).median };
    report.add(case, Figures::of(opens), Some(limit));
    Ok(())
}

/// Writes until a checkpoint would begin; the records, and the bytes of log that hold them.
fn fill(live: &LiveStore) -> Result<(u64, u64)> {
    let mut written = 0;
    loop {
        let first = written;
        let used = live.with(async move |subject| {
            let next = Cell::new(first);
            let take = move |_| (next.replace(next.get() + 1) < first + STEP).then(|| next.get() - 1);
            subject.workers(DEPTH, Work::Write(Source::Bytes), take).await?;
            let statistics = subject.store.media_statistics();
            Ok((statistics.log_used, statistics.log_capacity))
        })?;
        written += STEP;
        let is_full = used.0 * 100 >= used.1 * FULL_PERCENT;
        if is_full || written + STEP > RECORDS {
            return Ok((written, used.0));
        }
    }
}
