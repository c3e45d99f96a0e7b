//! Operations a second, and the memory that records take.

use super::instructions;
use super::live::LiveStore;
use super::peers::{Peer, Shape, Stream};
use super::requests::Source;
use super::selection::{Operation, Selection};
use super::setup::{Class, DEVICE_BYTES, Layout, Setup};
use super::subject::{Subject, Work};
use crate::limits;
use crate::measure::{Figures, Plan, Shuffle};
use crate::report::{Case, Limit, Report};
use daos_status::Result;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Small stores are made anew until a repetition has lasted long enough, but not for ever.
const LIVES_MAX: u64 = 64;
/// From so many records on, one store serves all repetitions.
const LARGE: u64 = 1_000_000;
/// Overwrites of a large store.
const OVERWRITES_MAX: u64 = 1_000_000;
/// Fetches between two looks at whether a repetition has lasted long enough.
const FETCHES_AT_ONCE: u64 = 1024;

/// Operations, the time they took, and how often a repetition came to a figure.
#[derive(Clone, Copy, Default)]
struct Tally {
    operations: u64,
    elapsed: Duration,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.operations += other.operations;
        self.elapsed += other.elapsed;
    }

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
    in_place: Tally,
    /// Bytes of the arena for one record, before anything was overwritten.
    arena_bytes: f64,
}

/// What is done, its name in the table, its part of a life, and what it is compared with.
type Kind = (Operation, &'static str, fn(&Life) -> Tally, Option<Limit>);

/// Measures one setup.
pub fn run(plan: &Plan, setup: &Setup, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    let lives = repeat(plan, setup, selection, Source::Bytes, directory)?;
    if selection.operations.is_some() {
        return Ok(());
    }
    let limits = Limits::measure(plan, setup, directory)?;
    let case = setup.case();
    let kinds: [Kind; 4] = [
        (Operation::Update, "update", |life| life.update, limits.write),
        (Operation::Overwrite, "overwrite", |life| life.overwrite, limits.write),
        (Operation::Fetch, "fetch", |life| life.fetch, limits.read),
        (Operation::InPlace, "fetch in place", |life| life.in_place, limits.read),
    ];
    for (operation, name, of, limit) in kinds {
        if selection.has(operation) && lives.iter().any(|life| of(life).operations > 0) {
            let figures = Figures::of(lives.iter().filter_map(|life| of(life).rate()).collect());
            let counts = setup.class == Class::Ram && setup.depth == 1 && selection.counts_instructions(plan, setup);
            let instructions =
                if counts { Some(instructions::per_operation(setup, operation, directory)?) } else { None };
            report.add(Case { case: name, instructions, ..case }, figures, limit);
        }
    }
    if selection.has(Operation::Memory) && setup.class == Class::Ram {
        add_memory(setup, &lives, report);
    }
    if selection.has(Operation::Handover) && setup.has_views() {
        let lives = repeat(plan, setup, &selection.only_updates(), Source::Buffer, directory)?;
        let figures = Figures::of(lives.iter().filter_map(|life| life.update.rate()).collect());
        report.add(Case { case: "update handed over", ..case }, figures, limits.write);
    }
    Ok(())
}

/// Bytes of the arena for each record: all of them, and without the value where that lies there too.
fn add_memory(setup: &Setup, lives: &[Life], report: &mut Report) {
    let case = Case { unit: "B", ..setup.case() };
    let memory = |less: f64| Figures::of(lives.iter().map(|life| life.arena_bytes - less).collect());
    let inline = if setup.size < DEVICE_BYTES { setup.size as f64 } else { 0.0 };
    report.add(Case { case: "memory per record", ..case }, memory(0.0), None);
    report.add(Case { case: "metadata per record", ..case }, memory(inline), None);
}

/// What the figures of a setup are compared with.
struct Limits {
    write: Option<Limit>,
    read: Option<Limit>,
}

impl Limits {
    fn measure(plan: &Plan, setup: &Setup, directory: &Path) -> Result<Limits> {
        let bytes = setup.records * setup.size as u64;
        let read = match setup.class {
            Class::Log if setup.size >= DEVICE_BYTES => limits::disk_reads(plan, setup.size, setup.depth, directory)?,
            _ => limits::copies_out(plan, setup.size, bytes)?,
        };
        let write = match (setup.class, setup.depth) {
            (Class::Log, depth) => {
                let shape = Shape { size: setup.size, batch: depth, file_bytes: setup.log_bytes };
                streamed(plan, shape, directory)?
            }
            _ => limits::copies_in(plan, setup.size, bytes)?,
        };
        Ok(Limits { write: Some(write), read: Some(read) })
    }
}

/// Plain writes in a row, with one flush for as many as are in flight.
fn streamed(plan: &Plan, shape: Shape, directory: &Path) -> Result<Limit> {
    let mut stream = Stream::create(shape, directory)?;
    let name = stream.name();
    let rates = (0..plan.repetitions).map(|_| stream.round(plan.disk_slice / 4).map(|round| round.rate()));
    Ok(Limit { name, value: Figures::of(rates.collect::<Result<_>>()?).median })
}

/// Each repetition fills, overwrites and reads stores of its own, so that all of them see the same. A large store is filled once,
/// and the repetitions are shares of what is then done with it.
fn repeat(plan: &Plan, setup: &Setup, selection: &Selection, source: Source, directory: &Path) -> Result<Vec<Life>> {
    if selection.operations.is_some() {
        return one_life(plan, setup, selection, source, directory);
    }
    if is_long(setup) {
        return one_life(plan, setup, selection, source, directory);
    }
    let mut lives = Vec::new();
    for _ in 0..plan.repetitions {
        let mut sum = Life::default();
        for _ in 0..LIVES_MAX {
            for one in one_life(plan, setup, selection, source, directory)? {
                sum.update.add(one.update);
                sum.overwrite.add(one.overwrite);
                sum.fetch.add(one.fetch);
                sum.in_place.add(one.in_place);
                sum.arena_bytes = one.arena_bytes;
            }
            if sum.update.elapsed >= plan.slice {
                break;
            }
        }
        lives.push(sum);
    }
    Ok(lives)
}

/// Whether a store's life is so long that it serves all repetitions: it is large, or has to be made on a disk.
fn is_long(setup: &Setup) -> bool {
    setup.records >= LARGE || setup.class != Class::Ram
}

fn one_life(plan: &Plan, setup: &Setup, selection: &Selection, source: Source, directory: &Path) -> Result<Vec<Life>> {
    let (plan, selection) = (plan.clone(), selection.clone());
    let live = LiveStore::create(*setup, directory)?;
    let life = live.with(async move |subject| measure(&plan, &selection, source, &subject).await)?;
    live.close()?;
    Ok(life)
}

/// The life of one store; a large one gives a figure of each kind for each repetition.
async fn measure(plan: &Plan, selection: &Selection, source: Source, subject: &Rc<Subject>) -> Result<Vec<Life>> {
    let records = subject.setup.records;
    let is_large = is_long(&subject.setup) && selection.operations.is_none();
    let shares = if is_large { plan.repetitions } else { 1 };
    let mut lives = vec![Life::default(); shares];
    let used = || subject.store.space().map(|space| space.arena.total - space.arena.free);
    let before = used()?;
    // Of a fixed number of operations, it is the last records that count; of a large store, what fills its last half.
    let counted = selection.operations.unwrap_or(if records >= LARGE { records / 2 } else { records }).min(records);
    let mut order = order(records, subject.setup.layout == Layout::Random);
    let (first, last) = order.split_at((records - counted) as usize);
    subject.run(Work::Write(source), &mut first.iter().copied()).await?;
    subject.counts(selection.has(Operation::Update));
    for (life, share) in lives.iter_mut().zip(last.chunks(last.len().div_ceil(shares))) {
        life.update = tally(subject, Work::Write(source), share).await?;
    }
    let arena_bytes = used()?.saturating_sub(before) as f64 / records as f64;
    subject.counts(true);
    if selection.has(Operation::Overwrite) {
        shuffle(&mut order);
        let again = &order[..counted.min(OVERWRITES_MAX) as usize];
        for (life, share) in lives.iter_mut().zip(again.chunks(again.len().div_ceil(shares))) {
            life.overwrite = tally(subject, Work::Write(source), share).await?;
        }
    }
    let mut places = Shuffle::below(records);
    for life in &mut lives {
        life.arena_bytes = arena_bytes;
        if selection.has(Operation::Fetch) {
            life.fetch = fetches(plan, selection, subject, Work::Read, &mut places).await?;
        }
        if selection.has(Operation::InPlace) && subject.setup.has_views() {
            life.in_place = fetches(plan, selection, subject, Work::ReadInPlace, &mut places).await?;
        }
    }
    Ok(lives)
}

async fn fetches(
    plan: &Plan,
    selection: &Selection,
    subject: &Rc<Subject>,
    work: Work,
    places: &mut Shuffle,
) -> Result<Tally> {
    let mut sum = Tally::default();
    // Enough for one look at the clock, many times over.
    let batch = selection.operations.unwrap_or(FETCHES_AT_ONCE);
    while sum.operations == 0 || sum.elapsed < plan.slice && selection.operations.is_none() {
        let places: Vec<u64> = (0..batch).map(|_| places.next()).collect();
        sum.add(tally(subject, work, &places).await?);
    }
    Ok(sum)
}

async fn tally(subject: &Rc<Subject>, work: Work, records: &[u64]) -> Result<Tally> {
    let elapsed = subject.run(work, &mut records.iter().copied()).await?;
    Ok(Tally { operations: records.len() as u64, elapsed })
}

/// Every record once: from the first to the last, or without pattern.
fn order(records: u64, is_random: bool) -> Vec<u64> {
    let mut order: Vec<u64> = (0..records).collect();
    if is_random {
        shuffle(&mut order);
    }
    order
}

fn shuffle(order: &mut [u64]) {
    let mut places = Shuffle::below(u64::MAX);
    for index in (1..order.len()).rev() {
        order.swap(index, (places.next() % (index as u64 + 1)) as usize);
    }
}
