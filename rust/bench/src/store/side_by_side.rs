//! Class `log`: how many updates share a flush, and the store against others that write as durably, in turns on one disk.
//!
//! Disks are moody, and their moods change within seconds: each repetition lets everybody write several times for a tenth of a second or so,
//! one after the other, each time somebody else first. Its figure is what those turns came to.

use super::live::LiveStore;
use super::peers::{self, Fio, Peer, Round, Shape, Stream};
use super::requests::Source;
use super::selection::Selection;
use super::setup::{Class, DEVICE_BYTES, Layout, Setup, VERSIONS};
use super::subject::Work;
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_status::Result;
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Updates in flight when the store meets its peers.
const PEERS_DEPTH: u64 = 64;
/// Sizes and updates in flight: how much group commit gives, what one alone waits for, and the sizes beside the peers.
const SHAPES: [(usize, u64); 8] =
    [(64, 1), (64, 8), (64, PEERS_DEPTH), (64, 256), (4096, 1), (4096, PEERS_DEPTH), (65536, 1), (65536, PEERS_DEPTH)];
/// Turns of each in one repetition.
const TURNS: u32 = 5;
/// What one store is made for; it takes this disk space only when it comes so far.
const STORE_BYTES: u64 = 8 << 30;
const RECORDS_MAX: u64 = 4_000_000;
/// Bytes that the store may write in a second, generously: its space is written ahead for as long as it is measured, as the files of the
/// others are.
const BYTES_PER_SECOND: f64 = 2e9;

/// The store as one of them.
struct Ours {
    live: LiveStore,
    setup: Setup,
    next: Rc<Cell<u64>>,
    /// Updates, flushes and bytes of the log of all rounds.
    updates: u64,
    flushes: u64,
    log_bytes: u64,
}

impl Ours {
    fn create(plan: &Plan, shape: Shape, selection: &Selection, directory: &Path) -> Result<Ours> {
        let setup = Setup {
            layout: Layout::Single,
            size: shape.size,
            class: Class::Log,
            depth: shape.batch,
            records: (STORE_BYTES / shape.size as u64).min(RECORDS_MAX),
            checksum: selection.checksum,
            versions: VERSIONS,
            log_bytes: shape.file_bytes,
        };
        let live = LiveStore::create(setup, directory)?;
        if shape.size >= DEVICE_BYTES {
            let bytes = BYTES_PER_SECOND * plan.disk_slice.as_secs_f64() * plan.repetitions as f64;
            live.with(async move |subject| subject.store.write_ahead(bytes as u64).await)?;
        }
        Ok(Ours { live, setup, next: Rc::new(Cell::new(0)), updates: 0, flushes: 0, log_bytes: 0 })
    }

    fn bytes_per_flush(&self) -> f64 {
        self.log_bytes as f64 / self.flushes.max(1) as f64
    }

    fn updates_per_flush(&self) -> f64 {
        self.updates as f64 / self.flushes.max(1) as f64
    }
}

impl Peer for Ours {
    fn name(&self) -> &'static str {
        "store"
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let (next, records, depth) = (self.next.clone(), self.setup.records, self.setup.depth);
        let (round, flushes, bytes) = self.live.with(async move |subject| {
            let before = subject.store.media_statistics();
            let watch = Rc::new(Watch::start());
            let clock = watch.clone();
            let take = move |_done| {
                next.set(next.get() + 1);
                (clock.elapsed() < slice).then(|| (next.get() - 1) % records)
            };
            let operations = subject.workers(depth, Work::Write(Source::Bytes), take).await?;
            let elapsed = watch.elapsed();
            let after = subject.store.media_statistics();
            let (flushes, bytes) = (after.log_batches - before.log_batches, after.log_bytes - before.log_bytes);
            Ok((Round { operations, elapsed }, flushes, bytes))
        })?;
        self.updates += round.operations;
        self.flushes += flushes;
        self.log_bytes += bytes;
        Ok(round)
    }
}

/// Runs everybody, and adds a row for the store beside each of the others.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    for (size, batch) in SHAPES.into_iter().filter(|(size, batch)| selection.includes(*size, Some("log"), *batch)) {
        one(plan, selection, Shape { size, batch, file_bytes: plan.log_bytes }, directory, report)?;
    }
    if peers::HAS_STORES {
        let which = match peers::SYSTEM_ROCKSDB {
            Some(folder) => format!("the library in {folder}"),
            None => "the one that comes with the crate".to_owned(),
        };
        report.note(&format!(
            "RocksDB is {which}; `batches` writes {PEERS_DEPTH} puts in one synced write batch, `threads` one synced put in each of \
             {PEERS_DEPTH} threads; LMDB commits a synced transaction of {PEERS_DEPTH} puts"
        ));
    } else {
        report.note(
            "RocksDB and LMDB are left out: this program was built without its feature `peers` (they take many minutes to \
             build; `cargo xtask bench store` without --quick builds them)",
        );
    }
    Ok(())
}

/// Those that write beside the store.
fn others(shape: Shape, directory: &Path, report: &mut Report) -> Result<Vec<Box<dyn Peer>>> {
    let mut others: Vec<Box<dyn Peer>> = vec![Box::new(Stream::create(shape, directory)?)];
    if let Some(direct) = Stream::create_direct(shape, directory)? {
        others.push(Box::new(direct));
    }
    // Small values have no place of their own, and their records go where the log was written before.
    if shape.size >= DEVICE_BYTES
        && let Some(fresh) = Stream::create_fresh(shape, directory)?
    {
        others.push(Box::new(fresh));
    }
    if shape.batch == PEERS_DEPTH {
        for is_direct in [false, true] {
            match Fio::create(shape, directory, is_direct)? {
                Some(fio) => others.push(Box::new(fio)),
                None => report.note("fio is left out: it is not installed (`cargo xtask setup bench` does that)"),
            }
        }
        others.extend(peers::stores(shape, directory)?);
    }
    Ok(others)
}

fn one(plan: &Plan, selection: &Selection, shape: Shape, directory: &Path, report: &mut Report) -> Result<()> {
    let mut ours = Ours::create(plan, shape, selection, directory)?;
    let mut others = others(shape, directory, report)?;
    let all = others.len() + 1;
    let mut rates = vec![Vec::new(); all];
    for _ in 0..plan.repetitions {
        let mut rounds = vec![Round::default(); all];
        for turn in 0..TURNS as usize {
            for place in 0..all {
                let who = (turn + place) % all;
                let peer: &mut dyn Peer = if who == 0 { &mut ours } else { &mut *others[who - 1] };
                rounds[who] += peer.round(plan.disk_slice / TURNS)?;
            }
        }
        rates.iter_mut().zip(rounds).for_each(|(rates, round)| rates.push(round.rate()));
    }
    let case = Case { case: "update", records: Some(ours.next.get()), ..ours.setup.case() };
    let figures: Vec<Figures> = rates.into_iter().map(Figures::of).collect();
    for (peer, theirs) in others.iter().zip(&figures[1..]) {
        report.add(case, figures[0], Some(Limit { name: peer.name(), value: theirs.median }));
    }
    let spread = |(name, figures): (&str, &Figures)| {
        format!("{name} {:.0} ({:.0} to {:.0})", figures.median, figures.min, figures.max)
    };
    let names = [ours.name()].into_iter().chain(others.iter().map(|peer| peer.name()));
    let spreads: Vec<String> = names.zip(&figures).map(spread).collect();
    report.note(&format!("{} B, {} in flight, op/s (least to most): {}", shape.size, shape.batch, spreads.join("; ")));
    let one = |value: f64| Figures { median: value, min: value, max: value };
    report.add(Case { case: "updates per flush", unit: "req", ..case }, one(ours.updates_per_flush()), None);
    report.add(Case { case: "log bytes per flush", unit: "B", ..case }, one(ours.bytes_per_flush()), None);
    ours.live.close()
}
