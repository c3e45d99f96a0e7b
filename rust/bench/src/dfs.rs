//! Files and directories in a container, over the transport that programs use: the rows of mdtest and IOR, by one process
//! and by four.
//!
//! Processes work in step: each does a row when this program says so, and tells how long it took.

mod processes;
mod rows;
mod work;

pub use processes::work_if_asked;

use crate::client::container_of;
use crate::engine::Bench;
use crate::limits;
use crate::measure::{Figures, Plan};
use crate::report::{Case, Limit, Report};
use crate::store::Selection;
use daos_client::{Client, ContainerProperties, ContainerType, LocalMode, TransportChoice};
use daos_dfs::{DfsError, FileSystem, MountOptions};
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, ObjectClass};
use processes::{Outcome, Processes};
use rows::{ROWS, Row};
use std::path::Path;

const PROCESSES: [u64; 2] = [1, 4];
const CLASSES: [&str; 2] = ["ram", "log"];
/// Bytes of the file of each process in IOR's rows.
const LARGE_BYTES: u64 = 64 << 20;
/// The same, to see that it runs.
const SMOKE_BYTES: u64 = 1 << 20;
/// Files of all processes, to see that it runs.
const SMOKE_FILES: u64 = 8;

fn to_status(error: DfsError) -> Status {
    Status::new(Code::Misc, error.to_string())
}

/// Runs the cases.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    let bench = Bench::start(directory, LocalMode::Process, TransportChoice::Automatic)?;
    for class in CLASSES {
        let is_named = |count: &u64| ROWS.iter().any(|row| selection.includes(row.bytes as usize, Some(class), *count));
        if !PROCESSES.iter().any(is_named) {
            continue;
        }
        let container = bench.context().block_on(move |client| make(client, class))?;
        limits::wait_for_memory(plan);
        for count in PROCESSES.into_iter().filter(is_named) {
            let files = files_of(plan, class) / count;
            let large = if plan.is_smoke() { SMOKE_BYTES } else { LARGE_BYTES };
            let mut processes = Processes::start(&bench, class, container, (count, files.max(1), large))?;
            for row in &ROWS {
                measure(plan, &mut processes, (row, class, count), report)?;
            }
            processes.end()?;
        }
    }
    report.note("the limit is the goal: a multiple of what upstream did on such a machine with one process, in its fastest class, which keeps nothing");
    Ok(())
}

/// One process at a time in class log waits for the disk at each file.
fn files_of(plan: &Plan, class: &str) -> u64 {
    if plan.is_smoke() {
        return SMOKE_FILES;
    }
    let files = if plan.is_full { 20_000 } else { plan.records[0].min(2000) };
    if class == "log" { files.min(200) } else { files }
}

/// A container with its namespace, and the folder that all processes share.
async fn make(client: Client, class: &'static str) -> Result<ContainerId> {
    let properties = ContainerProperties { kind: ContainerType::POSIX, ..ContainerProperties::default() };
    let container = container_of(&client, class, properties).await?;
    let file_system = FileSystem::mount(&client, &container, MountOptions::read_write()).await.map_err(to_status)?;
    let root = file_system.root();
    let made = file_system.create_directory(&client, &root, work::SHARED, 0o755, ObjectClass::UNKNOWN).await;
    made.map_err(to_status)?;
    let id = container.id();
    container.close(&client).await?;
    Ok(id)
}

fn measure(
    plan: &Plan,
    processes: &mut Processes,
    (row, class, count): (&'static Row, &'static str, u64),
    report: &mut Report,
) -> Result<()> {
    // What a row of metadata does can be done once: files are made, and gone.
    let repetitions = if row.is_metadata { 1 } else { plan.repetitions };
    let mut rates = Vec::new();
    let mut messages = 0.0;
    for _ in 0..repetitions {
        let outcomes = processes.row(row.name)?;
        let operations: u64 = outcomes.iter().map(|outcome| outcome.operations).sum();
        let longest = outcomes.iter().map(|outcome| outcome.nanoseconds).max().unwrap_or(1).max(1);
        let sent: u64 = outcomes.iter().map(|outcome: &Outcome| outcome.messages).sum();
        messages = sent as f64 / operations.max(1) as f64;
        rates.push(operations as f64 * 1e9 / longest as f64 * row.bytes_or_one());
    }
    let case = Case {
        bench: "dfs",
        case: row.name,
        size: row.bytes,
        class: Some(class),
        transport: Some("shared_memory"),
        depth: count,
        checksum: Some("crc64"),
        unit: if row.is_metadata || row.counts_operations { "op/s" } else { "B/s" },
        ..Case::default()
    };
    report.add(case, Figures::of(rates), Some(Limit { name: row.upstream, value: row.goal }));
    if count == 1 && class == "ram" {
        report.note(&format!("{} takes {messages:.2} messages per operation", row.name));
    }
    Ok(())
}
