//! How long an engine that was killed takes to serve again, with many records in class `log`.

use super::case;
use super::processes::Engines;
use super::work::{self, Work};
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_client::TransportChoice;
use daos_env::IoBuffer;
use daos_status::Result;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const POOL_BYTES: u64 = 4 << 30;
const SIZE: usize = 64;
const DEPTH: usize = 256;
const RECORDS: u64 = 1_000_000;
/// Bytes of one read of a file.
const READ_BYTES: usize = 1 << 20;

/// Runs the case.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let records = if plan.is_smoke() { 200 } else { RECORDS };
    let mut system = Engines::start(directory, 1, 1)?;
    let context = system.client(TransportChoice::Automatic)?;
    let write = Work { writes: true, size: SIZE, depth: DEPTH };
    let container = context.block_on(move |client| async move {
        let id = work::make(&client, "log", POOL_BYTES).await?;
        let container = work::open(&client, id).await?;
        write.run(&client, &work::object(&container, "S1")?, 0..records).await?;
        Ok::<_, daos_status::Status>(id)
    })?;
    let (mut ready, mut served, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    let metrics = system.all_metrics()?;
    let log_bytes = metrics.get("engine_pool_log_used_bytes", "");
    let page_bytes = metrics.get("engine_pool_meta_total_bytes", "") - metrics.get("engine_pool_meta_free_bytes", "");
    for _ in 0..plan.repetitions {
        system.kill(0)?;
        let watch = Watch::start();
        system.restart(0)?;
        ready.push(watch.elapsed().as_secs_f64() * 1e3);
        // The same client, which finds the engine again.
        context.block_on(move |client| async move {
            let container = work::open(&client, container).await?;
            Work { writes: false, ..write }.run(&client, &work::object(&container, "S1")?, 0..1).await?;
            container.close(&client).await
        })?;
        served.push(watch.elapsed().as_secs_f64() * 1e3);
        alone.push(read_alone(&system.directory(0), log_bytes + page_bytes)?);
    }
    context.stop();
    report.note(&format!(
        "restart after kill -9, {records} records of {SIZE} B: {:.1} MiB of log that no checkpoint covers, {:.1} MiB of metadata and small values",
        log_bytes / 1048576.0,
        page_bytes / 1048576.0
    ));
    let line = |name| Case { size: SIZE as u64, class: Some("log"), records: Some(records), ..case(name, "ms") };
    let limit = Some(Limit { name: "read as much", value: Figures::of(alone).median });
    report.add(line("restart until it serves"), Figures::of(ready), limit);
    report.add(line("restart until a client has read"), Figures::of(served), limit);
    Ok(())
}

/// Milliseconds that reading as many bytes of the largest files takes, past the page cache.
fn read_alone(directory: &Path, bytes: f64) -> Result<f64> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            match metadata.is_dir() {
                true => open.push(entry.path()),
                false => files.push((metadata.len(), entry.path())),
            }
        }
    }
    files.sort();
    let mut left = bytes as u64;
    let mut buffer = IoBuffer::zeroed(READ_BYTES);
    let watch = Watch::start();
    while let Some((_, path)) = files.pop().filter(|_| left > 0) {
        let file = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path)?;
        let mut offset = 0;
        while left > 0 {
            let count = file.read_at(&mut buffer, offset)? as u64;
            if count == 0 {
                break;
            }
            offset += count;
            left = left.saturating_sub(count);
        }
    }
    Ok(watch.elapsed().as_secs_f64() * 1e3)
}
