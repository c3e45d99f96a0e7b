//! How long it takes a client to connect a pool, open a container and close both.

use super::processes::Engines;
use super::work;
use super::{at_most, case};
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Report};
use daos_client::{Pool, PoolFlags, TransportChoice};
use daos_status::Result;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

const POOL_BYTES: u64 = 256 << 20;
/// The goal.
const MILLISECONDS_MAX: f64 = 5.0;
const ROUNDS: usize = 100;
/// Bytes that are made durable beside it, four times: as often as a round changes the metadata.
const PROBE_BYTES: usize = 4096;

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let rounds = if plan.is_smoke() { 2 } else { ROUNDS };
    for (engines, name) in [(1, "connect, open, close: 1 engine"), (3, "connect, open, close: 3 engines, 3 replicas")] {
        let system = Engines::start(directory, engines, engines)?;
        system.until_replicated()?;
        let context = system.client(TransportChoice::Automatic)?;
        let container = context.block_on(|client| async move { work::make(&client, "ram", POOL_BYTES).await })?;
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let watch = Watch::start();
            context.block_on(move |client| async move {
                let pool = Pool::connect(&client, &work::pool_reference()?, PoolFlags::READ_WRITE).await?;
                let opened = work::open_in(&client, &pool, container).await?;
                opened.close(&client).await?;
                pool.disconnect(&client).await
            })?;
            times.push(watch.elapsed().as_secs_f64() * 1e3);
        }
        context.stop();
        let line = Case { transport: Some("shared_memory"), depth: engines as u64, ..case(name, "ms") };
        report.add(line, Figures::of(times), Some(at_most(MILLISECONDS_MAX)));
    }
    let line = case("four plain writes with fdatasync", "ms");
    report.add(line, Figures::of(plain_writes(directory, rounds)?), None);
    report.note("connect, open, close: the four changes are rows of the metadata, in class log on each replica: durable on a majority when they are answered");
    Ok(())
}

/// What the disk takes for as many durable changes.
fn plain_writes(directory: &Path, rounds: usize) -> Result<Vec<f64>> {
    let path = directory.join(format!("probe-{}", std::process::id()));
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let watch = Watch::start();
        for _ in 0..4 {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[1; PROBE_BYTES])?;
            file.sync_data()?;
        }
        times.push(watch.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(times)
}
