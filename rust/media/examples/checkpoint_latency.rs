//! How long changes take while checkpoints are written, and without.
//!
//! `cargo run --release -p daos-media --example checkpoint_latency -- DIRECTORY [TURNS]`
//!
//! 64 tasks rewrite random records of 64 bytes, each waiting until its change is durable. In turns, the log is so long that no checkpoint is
//! written meanwhile, and so short that one follows the other. Each turn prints quantiles of the time from admission to durability.

use daos_env::{Env, Executor, IoBuffer, SeededRandom, Spawner};
use daos_media::{ArenaSettings, Durability, DurableArena, FileMedia, IoEngine, Media, Offset};
use daos_status::Result;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const TASKS: u64 = 64;
const RECORDS: u64 = 200_000;
const UPDATES_PER_TASK: u64 = 1_500;
const LONG_LOG: u64 = 1 << 30;
const SHORT_LOG: u64 = 8 << 20;

async fn fill(durable: &DurableArena) -> Result<Vec<Offset>> {
    let mut offsets = Vec::new();
    while offsets.len() < RECORDS as usize {
        durable.admission().await?;
        let mut transaction = durable.arena().begin();
        for _ in 0..200 {
            let offset = transaction.allocate(64)?;
            transaction.fill(offset.get(), &[0; 64])?;
            offsets.push(offset);
        }
        durable.commit(transaction)?;
    }
    durable.checkpoint().await?;
    Ok(offsets)
}

async fn work(
    durable: DurableArena,
    offsets: Rc<Vec<Offset>>,
    task: u64,
    env: Env,
    times: Rc<RefCell<Vec<Duration>>>,
) -> Result<()> {
    let random = SeededRandom::new(task);
    for number in 0..UPDATES_PER_TASK {
        let started = env.clock.monotonic();
        durable.admission().await?;
        let offset = offsets[(daos_env::Random::next_u64(&random) % RECORDS) as usize];
        let mut transaction = durable.arena().begin();
        transaction.write(offset.get(), &[number as u8; 64])?;
        let lsn = durable.commit(transaction)?;
        durable.wait_durable(lsn).await?;
        times.borrow_mut().push(env.clock.monotonic() - started);
    }
    Ok(())
}

async fn turn(media: Rc<dyn Media>, log_bytes: u64, env: Env, spawner: Spawner) -> Result<String> {
    let settings =
        ArenaSettings { arena_capacity: 128 << 20, log_bytes, data_bytes: 4096, durability: Durability::Log };
    let durable = DurableArena::create(media.clone(), settings, env.clone(), &spawner).await?;
    let offsets = Rc::new(fill(&durable).await?);
    let before = durable.statistics();
    let times = Rc::new(RefCell::new(Vec::new()));
    let started = env.clock.monotonic();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| spawner.spawn(work(durable.clone(), offsets.clone(), task, env.clone(), times.clone())))
        .collect();
    for result in daos_env::sync::join_all(tasks).await {
        result.unwrap_or(Ok(()))?;
    }
    let seconds = (env.clock.monotonic() - started).as_secs_f64();
    let after = durable.statistics();
    let mut times = times.take();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_micros();
    let batches = after.log_batches - before.log_batches;
    let line = format!(
        "log {:>5} MiB: p50 {:>6} us, p99 {:>6} us, p99.9 {:>6} us, max {:>6} us; {:>6.0}/s, {:>4.1} per flush; {} checkpoints, {} pages",
        log_bytes >> 20,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        times.len() as f64 / seconds,
        times.len() as f64 / batches as f64,
        after.checkpoints - before.checkpoints,
        after.checkpoint_pages - before.checkpoint_pages,
    );
    durable.close().await?;
    drop(durable);
    DurableArena::remove(&*media)?;
    Ok(line)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next() else { return eprintln!("usage: checkpoint_latency DIRECTORY [TURNS]") };
    let turns = arguments.next().and_then(|turns| turns.parse().ok()).unwrap_or(3);
    let env = Env::system();
    let executor = match Executor::new(env.clock.clone(), Duration::from_micros(50)) {
        Ok(executor) => executor,
        Err(error) => return eprintln!("no executor: {error}"),
    };
    let spawner = executor.spawner().clone();
    let media = match FileMedia::create(&directory, IoEngine::Automatic, executor.spawner()) {
        Ok(media) => Rc::new(media),
        Err(status) => return eprintln!("{status}"),
    };
    // The first buffer of a process is slower than the others.
    drop(IoBuffer::zeroed(1 << 20));
    for number in 0..2 * turns {
        let log_bytes = if number % 2 == 0 { LONG_LOG } else { SHORT_LOG };
        match executor.block_on(turn(media.clone(), log_bytes, env.clone(), spawner.clone())) {
            Some(Ok(line)) => println!("{line}"),
            Some(Err(status)) => return eprintln!("{status}"),
            None => return eprintln!("a task ended early"),
        }
    }
}
