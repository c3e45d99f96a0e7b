//! Group commit between clients and an engine: how many changes one flush of the log carries.

use super::case;
use super::processes::Engines;
use super::work::{self, Work};
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_client::TransportChoice;
use daos_status::Result;
use std::path::Path;

const POOL_BYTES: u64 = 2 << 30;
const DEPTHS: [usize; 4] = [1, 16, 64, 256];
const SIZES: [usize; 2] = [64, 4096];
/// Updates of each case, for each that is under way at a time.
const ROUNDS: u64 = 64;

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let system = Engines::start(directory, 1, 1)?;
    let context = system.client(TransportChoice::Automatic)?;
    let container = context.block_on(|client| async move { work::make(&client, "log", POOL_BYTES).await })?;
    let (depths, rounds) = if plan.is_smoke() { (&DEPTHS[..2], 2) } else { (&DEPTHS[..], ROUNDS) };
    for size in SIZES {
        for depth in depths {
            let work = Work { writes: true, size, depth: *depth };
            let records = rounds * *depth as u64;
            let (mut rates, mut shares) = (Vec::new(), Vec::new());
            for _ in 0..plan.repetitions {
                let before = system.all_metrics()?;
                let watch = Watch::start();
                context.block_on(move |client| async move {
                    let container = work::open(&client, container).await?;
                    let object = work::object(&container, "S1")?;
                    work.run(&client, &object, 0..records).await?;
                    container.close(&client).await
                })?;
                rates.push(watch.rate(records));
                let after = system.all_metrics()?;
                let difference = |name: &str| after.get(name, "") - before.get(name, "");
                let flushes = difference("engine_pool_log_flushes_total");
                shares.push(difference("engine_pool_log_changes_total") / flushes.max(1.0));
            }
            let line = |name, unit| Case {
                size: size as u64,
                class: Some("log"),
                transport: Some("shared_memory"),
                depth: *depth as u64,
                checksum: Some("crc64"),
                ..case(name, unit)
            };
            let limit = Limit { name: "in flight", value: *depth as f64 };
            report.add(line("updates per flush", "per op"), Figures::of(shares), Some(limit));
            report.add(line("updates", "op/s"), Figures::of(rates), None);
        }
    }
    context.stop();
    Ok(())
}
