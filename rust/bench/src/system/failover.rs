//! How long the metadata service is away when the engine that leads it is killed.

use super::case;
use super::processes::{Engines, wait_until};
use super::work;
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos_client::{Pool, PoolFlags, TransportChoice};
use daos_status::Result;
use std::path::Path;

const ENGINES: usize = 3;
const POOL_BYTES: u64 = 256 << 20;
/// How often the leader is killed.
const ROUNDS: usize = 5;
/// Replicas wait so long, and up to twice as long, before one of them wants to lead (`rust/replicated`).
const ELECTION_MILLISECONDS: f64 = 1500.0;
/// What an engine logs when it leads; the term follows.
const SENTENCE: &str = "this engine leads the metadata service, term ";
/// What it logs when all keep the metadata, and vote.
const COMPLETE: &str = "replicas of the metadata: rank 0, rank 1, rank 2";

impl Engines {
    /// Waits until all engines that are to keep the metadata do so.
    pub fn until_replicated(&self) -> Result<()> {
        if self.count() < ENGINES {
            return Ok(());
        }
        wait_until("all replicas vote", || Ok((0..self.count()).any(|number| self.log(number).contains(COMPLETE))))
    }

    /// The engine that was the last to say that it leads; the first one begins without a word.
    fn leader(&self) -> usize {
        let term = |number: usize| -> u64 {
            let log = self.log(number);
            let terms = log.lines().filter_map(|line| line.split_once(SENTENCE)?.1.trim().parse().ok());
            terms.max().unwrap_or(0)
        };
        (0..self.count()).rev().max_by_key(|number| term(*number)).unwrap_or(0)
    }
}

/// Runs the case.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let rounds = if plan.is_smoke() { 1 } else { ROUNDS };
    let mut system = Engines::start(directory, ENGINES, ENGINES)?;
    system.until_replicated()?;
    let context = system.client(TransportChoice::Automatic)?;
    let pool = context.block_on(|client| async move {
        work::make(&client, "ram", POOL_BYTES).await?;
        Pool::connect(&client, &work::pool_reference()?, PoolFlags::READ_WRITE).await
    })?;
    let (mut reads, mut changes) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let leader = system.leader();
        let watch = Watch::start();
        system.kill(leader)?;
        let asked = pool.clone();
        context.block_on(move |client| async move { asked.list_attributes(&client).await })?;
        reads.push(watch.elapsed().as_secs_f64() * 1e3);
        let changed = pool.clone();
        context.block_on(move |client| async move {
            changed.set_attributes(&client, vec![("round".to_owned(), vec![round as u8])]).await
        })?;
        changes.push(watch.elapsed().as_secs_f64() * 1e3);
        system.restart(leader)?;
    }
    context.stop();
    let line = |name| Case { depth: ENGINES as u64, ..case(name, "ms") };
    let limit = Some(Limit { name: "election timeout", value: ELECTION_MILLISECONDS });
    report.add(line("failover until a call is answered"), Figures::of(reads), limit);
    report.add(line("failover until a change is done"), Figures::of(changes), limit);
    report.note("failover: from kill -9 of the engine that leads the metadata service, for a client that was attached to it; depth is the number of replicas");
    Ok(())
}
