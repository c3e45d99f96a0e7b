//! Operations a second, and the memory that records take.

use super::requests::Source;
use super::selection::{Operation, Selection};
use super::setup::{Class, Layout, Setup};
use super::subject::{Subject, Work, with_store};
use crate::limits;
use crate::measure::{Figures, Plan, Shuffle};
use crate::report::{Case, Limit, Report};
use daos_status::Result;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Values from this size on lie on the data device, not in the arena.
const DEVICE_BYTES: usize = 4096;
/// Small stores are made anew until a repetition has lasted long enough, but not for ever.
const LIVES_MAX: u64 = 64;
/// Fetches between two looks at whether a repetition has lasted long enough.
const FETCHES_AT_ONCE: u64 = 1024;

/// Operations, the time they took, and how often a repetition came to a figure.
#[derive(Clone, Copy, Default)]
struct Tally {
    operations: u64,
    elapsed: Duration,
}

impl Tally {
    fn rate(self) -> Option<f64> {
        (self.operations > 0).then(|| self.operations as f64 / self.elapsed.as_secs_f64().max(1e-9))
    }
}

/// What the life of one store gives.
#[derive(Clone, Copy, Default)]
struct Life {
    update: Tally,
    overwrite: Tally,
    fetch: Tally,
    /// Bytes of the arena for one record, before anything was overwritten.
    arena_bytes: f64,
}

/// Measures one setup.
pub fn run(plan: &Plan, setup: &Setup, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    let lives = repeat(plan, setup, selection, Source::Bytes, directory)?;
    let limits = Limits::measure(plan, setup, directory)?;
    let case = setup.case();
    let figures = |of: fn(&Life) -> Tally| Figures::of(lives.iter().filter_map(|life| of(life).rate()).collect());
    if selection.has(Operation::Update) {
        report.add(Case { case: "update", ..case }, figures(|life| life.update), limits.write);
    }
    if selection.has(Operation::Overwrite) {
        report.add(Case { case: "overwrite", ..case }, figures(|life| life.overwrite), limits.write);
    }
    if selection.has(Operation::Fetch) {
        report.add(Case { case: "fetch", ..case }, figures(|life| life.fetch), limits.read);
    }
    if selection.has(Operation::Memory) && setup.class == Class::Ram {
        let memory = Figures::of(lives.iter().map(|life| life.arena_bytes).collect());
        report.add(Case { case: "memory per record", unit: "B", ..case }, memory, None);
    }
    if selection.has(Operation::Handover) && setup.class == Class::Ram && setup.size >= DEVICE_BYTES {
        let lives = repeat(plan, setup, &selection.only_updates(), Source::Buffer, directory)?;
        let figures = Figures::of(lives.iter().filter_map(|life| life.update.rate()).collect());
        report.add(Case { case: "update handed over", ..case }, figures, limits.write);
    }
    Ok(())
}

/// What the figures of a setup are compared with.
struct Limits {
    write: Option<Limit>,
    read: Option<Limit>,
}

impl Limits {
    fn measure(plan: &Plan, setup: &Setup, directory: &Path) -> Result<Limits> {
        let bytes = setup.records * setup.size as u64;
        let read = Some(limits::copies_out(plan, setup.size, bytes)?);
        let write = match (setup.class, setup.depth) {
            (Class::Log, 1) => limits::synced_writes(plan, directory)?,
            // What is written for the first time goes into memory for the first time.
            _ => limits::copies_in(plan, setup.size, bytes)?,
        };
        Ok(Limits { write: Some(write), read })
    }
}

/// Each repetition fills, overwrites and reads stores of its own, so that all of them see the same.
fn repeat(plan: &Plan, setup: &Setup, selection: &Selection, source: Source, directory: &Path) -> Result<Vec<Life>> {
    let mut lives = Vec::new();
    let repetitions = if selection.operations.is_some() { 1 } else { plan.repetitions };
    for _ in 0..repetitions {
        let mut sum = Life::default();
        for _ in 0..LIVES_MAX {
            let one = one_life(plan, setup, selection, source, directory)?;
            for (sum, one) in
                [(&mut sum.update, one.update), (&mut sum.overwrite, one.overwrite), (&mut sum.fetch, one.fetch)]
            {
                sum.operations += one.operations;
                sum.elapsed += one.elapsed;
            }
            sum.arena_bytes = one.arena_bytes;
            if sum.update.elapsed >= plan.slice || selection.operations.is_some() {
                break;
            }
        }
        lives.push(sum);
    }
    Ok(lives)
}

fn one_life(plan: &Plan, setup: &Setup, selection: &Selection, source: Source, directory: &Path) -> Result<Life> {
    let (plan, selection) = (plan.clone(), selection.clone());
    with_store(*setup, directory, async move |subject| measure(&plan, &selection, source, &subject).await)
}

async fn measure(plan: &Plan, selection: &Selection, source: Source, subject: &Rc<Subject>) -> Result<Life> {
    let records = subject.setup.records;
    let used = || subject.store.space().map(|space| space.arena.total - space.arena.free);
    let mut life = Life::default();
    let before = used()?;
    // Of a fixed number of operations, it is the last records that count.
    let counted = selection.operations.unwrap_or(records).min(records);
    let order = order(records, subject.setup.layout == Layout::Random);
    let (first, last) = order.split_at((records - counted) as usize);
    subject.run(Work::Write(source), &mut first.iter().copied()).await?;
    subject.counts(selection.has(Operation::Update));
    life.update = tally(subject, Work::Write(source), last).await?;
    life.arena_bytes = used()?.saturating_sub(before) as f64 / records as f64;
    subject.counts(true);
    if selection.has(Operation::Overwrite) {
        life.overwrite = tally(subject, Work::Write(source), &self::order(records, true)[..counted as usize]).await?;
    }
    if selection.has(Operation::Fetch) {
        let mut places = Shuffle::below(records);
        // Enough for one look at the clock, many times over.
        let batch = selection.operations.unwrap_or(FETCHES_AT_ONCE);
        while life.fetch.operations == 0 || life.fetch.elapsed < plan.slice && selection.operations.is_none() {
            let places: Vec<u64> = (0..batch).map(|_| places.next()).collect();
            let fetched = tally(subject, Work::Read, &places).await?;
            life.fetch.operations += fetched.operations;
            life.fetch.elapsed += fetched.elapsed;
        }
    }
    Ok(life)
}

async fn tally(subject: &Rc<Subject>, work: Work, records: &[u64]) -> Result<Tally> {
    let elapsed = subject.run(work, &mut records.iter().copied()).await?;
    Ok(Tally { operations: records.len() as u64, elapsed })
}

/// Every record once: from the first to the last, or without pattern.
fn order(records: u64, is_random: bool) -> Vec<u64> {
    let mut order: Vec<u64> = (0..records).collect();
    if is_random {
        let mut places = Shuffle::below(u64::MAX);
        for index in (1..order.len()).rev() {
            order.swap(index, (places.next() % (index as u64 + 1)) as usize);
        }
    }
    order
}
