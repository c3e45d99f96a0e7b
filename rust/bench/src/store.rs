//! The store of one target, without engine or network.

mod destruction;
mod goals;
mod growth;
mod instructions;
mod latency;
mod live;
mod measured;
mod peers;
mod placement;
mod recovery;
mod requests;
mod selection;
mod setup;
mod side_by_side;
mod subject;
mod throughput;

pub use peers::filled_file;
pub use selection::Selection;

use crate::limits;
use crate::measure::Plan;
use crate::report::Report;
use daos_status::Result;
use selection::Part;
use setup::{Class, DEVICE_BYTES, Setup, VERSIONS};
use std::path::Path;

/// Runs the cases that were selected; all of them when nothing was.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    if selection.has_part(Part::Throughput) {
        for setup in setups(plan, selection) {
            if has_memory(&setup, report) {
                throughput::run(plan, &setup, selection, directory, report)?;
            }
        }
        growth::add(report);
        if selection.classes().contains(&Class::Pmem) {
            report.note(
                "class pmem lies in files in /dev/shm, where that is; there nothing is flushed unless PMEM_IS_PMEM_FORCE=1 is set, \
                 which makes libpmem flush each cache line as on persistent memory",
            );
        }
    }
    if selection.has_part(Part::Flushes) {
        side_by_side::run(plan, selection, directory, report)?;
    }
    if selection.has_part(Part::Latency) {
        latency::run(plan, selection, directory, report)?;
    }
    if selection.has_part(Part::Destruction) {
        destruction::run(plan, selection, directory, report)?;
    }
    if selection.has_part(Part::Recovery) {
        recovery::run(plan, selection, directory, report)?;
    }
    goals::add(report);
    Ok(())
}

/// What is measured, from the fastest class to the slowest.
fn setups(plan: &Plan, selection: &Selection) -> Vec<Setup> {
    let mut setups = Vec::new();
    for class in selection.classes() {
        for records in selection.records(plan) {
            for size in selection.sizes() {
                for layout in selection.layouts(plan, class, size) {
                    for depth in selection.depths(class) {
                        let (checksum, log_bytes) = (selection.checksum, plan.log_bytes);
                        let setup =
                            Setup { layout, size, class, depth, records, checksum, versions: VERSIONS, log_bytes };
                        setups.push(if selection.has_records() { setup } else { setup.bounded(plan) });
                    }
                }
            }
        }
    }
    // Bounds make some of them alike.
    let mut seen: Vec<Setup> = Vec::new();
    setups.retain(|setup| {
        let is_new = !seen.contains(setup);
        seen.push(*setup);
        is_new
    });
    setups
}

/// One at a time in class `log` waits for the disk at each: fewer records tell as much.
const SYNCED_RECORDS_MAX: u64 = 500;
/// In class `log`, what many records cost is seen well enough here.
const LOG_RECORDS_MAX: u64 = 1_000_000;
/// Persistent memory is taken when it is asked for.
const PMEM_RECORDS_MAX: u64 = 10_000;
/// Records that are large enough for the disk are written less often.
const LOG_BYTES_MAX: u64 = 512 << 20;

impl Setup {
    fn bounded(self, plan: &Plan) -> Setup {
        let bytes_max = if self.class != Class::Ram { plan.bytes_max.min(LOG_BYTES_MAX) } else { plan.bytes_max };
        let fits = (bytes_max / self.size as u64).max(1);
        let patient = match (self.class, self.depth) {
            (Class::Log, 1) => SYNCED_RECORDS_MAX,
            (Class::Log, _) => LOG_RECORDS_MAX,
            (Class::Pmem, _) => PMEM_RECORDS_MAX,
            _ => u64::MAX,
        };
        Setup { records: self.records.min(fits).min(patient), ..self }
    }

    /// Bytes of memory that the store takes at most: each record once, and overwritten.
    fn memory_bytes(&self) -> u64 {
        let inline = if self.size < DEVICE_BYTES { self.size as u64 } else { 0 };
        let data = if self.class == Class::Log { 0 } else { self.data_bytes() };
        self.records * 2 * (inline + METADATA_BYTES) + data
    }
}

/// Generously, for a version of a record.
const METADATA_BYTES: u64 = 256;

/// Whether the machine has the memory for a store; when not, the report says so.
fn has_memory(setup: &Setup, report: &mut Report) -> bool {
    let Some(available) = limits::available_memory() else { return true };
    let wanted = setup.memory_bytes();
    if wanted <= available {
        return true;
    }
    report.note(&format!(
        "{} records of {} B ({}) are left out: they may take {} MiB, and {} MiB of memory are available",
        setup.records,
        setup.size,
        setup.layout.word(),
        wanted >> 20,
        available >> 20
    ));
    false
}
