//! How long an engine that was killed takes to serve again, with many records in class `log`.

use super::case;
use super::processes::Engines;
use super::work::{self, Work};
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_client::TransportChoice;
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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
    let mut checkpoint_bytes = 0.0;
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
        let (time, bytes) = read_alone(&system.directory(0), log_bytes)?;
        alone.push(time);
        checkpoint_bytes = bytes;
    }
    context.stop();
    report.note(&format!(
        "restart after kill -9, {records} records of {SIZE} B: {:.1} MiB of log that no checkpoint covers, {:.1} MiB of checkpoint",
        log_bytes / 1048576.0,
        checkpoint_bytes / 1048576.0
    ));
    let line = |name| Case { size: SIZE as u64, class: Some("log"), records: Some(records), ..case(name, "ms") };
    let limit = Some(Limit { name: "read the files", value: Figures::of(alone).median });
    report.add(line("restart until it serves"), Figures::of(ready), limit);
    report.add(line("restart until a client has read"), Figures::of(served), limit);
    Ok(())
}

/// Milliseconds that reading the log and the checkpoint of the pool takes, past the page cache, and the bytes of the checkpoint.
fn read_alone(directory: &Path, log_bytes: f64) -> Result<(f64, f64)> {
    let pool = std::fs::read_dir(directory.join("target-0"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_pool = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pool-"));
    let Some(pool) = pool.into_iter().find(is_pool) else {
        fail!(Code::Nonexist, "the target has no part of the pool")
    };
    let open = |name: &str| {
        let direct = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(pool.join(name));
        direct.or_else(|_| std::fs::File::open(pool.join(name)))
    };
    let checkpoint = open("checkpoint")?;
    // Each page has two places, of which one is read.
    let taken = checkpoint.metadata()?.blocks() * 512 / 2;
    let mut buffer = IoBuffer::zeroed(READ_BYTES);
    let watch = Watch::start();
    for (file, bytes) in [(open("log")?, log_bytes as u64), (checkpoint, taken)] {
        let mut offset = 0;
        while offset < bytes {
            let count = file.read_at(&mut buffer, offset)? as u64;
            if count == 0 {
                break;
            }
            std::hint::black_box(&buffer);
            offset += count;
        }
    }
    Ok((watch.elapsed().as_secs_f64() * 1e3, taken as f64))
}
