//! The store of one target, without engine or network.

mod measured;
mod placement;
mod requests;
mod selection;
mod setup;
mod subject;
mod throughput;

pub use selection::Selection;

use crate::measure::Plan;
use crate::report::Report;
use daos_status::Result;
use setup::{Class, Setup};
use std::path::Path;

/// Runs the cases that were selected; all of them when nothing was.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    for setup in setups(plan, selection) {
        throughput::run(plan, &setup, selection, directory, report)?;
    }
    Ok(())
}

/// What is measured, from the fastest class to the slowest.
fn setups(plan: &Plan, selection: &Selection) -> Vec<Setup> {
    let mut setups = Vec::new();
    for class in selection.classes() {
        for records in selection.records(plan) {
            for size in selection.sizes() {
                for layout in selection.layouts() {
                    for depth in selection.depths(class) {
                        let setup = Setup { layout, size, class, depth, records, checksum: selection.checksum };
                        setups.push(if selection.has_records() { setup } else { setup.bounded(plan) });
                    }
                }
            }
        }
    }
    // Bounds make some of them alike.
    setups.dedup();
    setups
}

/// One at a time in class `log` waits for the disk at each: fewer records tell as much.
const SYNCED_RECORDS_MAX: u64 = 500;

impl Setup {
    fn bounded(self, plan: &Plan) -> Setup {
        let fits = (plan.bytes_max / self.size as u64).max(1);
        let patient = if self.class == Class::Log && self.depth == 1 { SYNCED_RECORDS_MAX } else { u64::MAX };
        Setup { records: self.records.min(fits).min(patient), ..self }
    }
}
