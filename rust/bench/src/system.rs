//! Systems of real engine processes: what a request costs in messages, what clients and handles cost in memory, and how long
//! opening, restarts and failovers take.

mod failover;
mod flushes;
mod handles;
mod metrics;
mod opening;
mod processes;
mod restart;
mod traffic;
mod work;

use crate::measure::Plan;
use crate::report::{Case, Limit, Report};
use daos_status::Result;
pub use processes::serve_if_asked;
use std::path::Path;

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    traffic::run(plan, directory, report)?;
    handles::run(plan, directory, report)?;
    opening::run(plan, directory, report)?;
    flushes::run(plan, directory, report)?;
    restart::run(plan, directory, report)?;
    failover::run(plan, directory, report)
}

/// What the rows have in common.
fn case(name: &'static str, unit: &'static str) -> Case {
    Case { bench: "system", case: name, unit, ..Case::default() }
}

/// A figure that must not be exceeded.
const fn at_most(value: f64) -> Limit {
    Limit { name: "at most", value }
}
