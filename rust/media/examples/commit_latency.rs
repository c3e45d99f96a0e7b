//! How long one commit takes in class `pmem`, alone.
//!
//! `cargo run --release -p daos-media --example commit_latency -- DIRECTORY`
//!
//! Rewrites random records of 64 bytes, one after the other, each durable before the next, five times; prints quantiles, and beside them
//! those of storing and draining 192 bytes in the same kind of memory. `PMEM_IS_PMEM_FORCE=1` makes libpmem use flush instructions anywhere.

use daos_env::{Env, Executor, Random, SeededRandom};
use daos_media::{ArenaSettings, Durability, DurableArena, FileMedia, IoEngine, Media};
use daos_status::Result;
use std::rc::Rc;
use std::time::Duration;

const RECORDS: u64 = 100_000;
const UPDATES: u64 = 200_000;
const TURNS: usize = 5;

fn quantiles(what: &str, mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_nanos();
    format!("{what}: p50 {:>6} ns, p99 {:>6} ns, p99.9 {:>6} ns, max {:>8} ns", at(0.5), at(0.99), at(0.999), at(1.0))
}

async fn measure(media: Rc<FileMedia>, env: Env, executor: daos_env::Spawner) -> Result<()> {
    let settings =
        ArenaSettings { arena_capacity: 64 << 20, log_bytes: 16 << 20, data_bytes: 4096, durability: Durability::Pmem };
    let durable = DurableArena::create(media.clone(), settings, env.clone(), &executor).await?;
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
    let random = SeededRandom::new(1);
    let memory = media.create_memory("plain", 16 << 20)?;
    for _ in 0..TURNS {
        let mut times = Vec::new();
        for number in 0..UPDATES {
            let started = env.clock.monotonic();
            durable.admission().await?;
            let offset = offsets[(random.next_u64() % RECORDS) as usize];
            let mut transaction = durable.arena().begin();
            transaction.write(offset.get(), &[number as u8; 64])?;
            let lsn = durable.commit(transaction)?;
            durable.wait_durable(lsn).await?;
            times.push(env.clock.monotonic() - started);
            if number % 64 == 0 {
                daos_env::sync::yield_now().await;
            }
        }
        println!("{}", quantiles("commit of 64 bytes     ", times));
        let mut times = Vec::new();
        for number in 0..UPDATES {
            let started = env.clock.monotonic();
            memory.store(number * 192 % (15 << 20), &[number as u8; 192])?;
            memory.drain()?;
            times.push(env.clock.monotonic() - started);
        }
        println!("{}", quantiles("store and drain of 192 B", times));
    }
    durable.close().await?;
    drop(durable);
    DurableArena::remove(&*media)?;
    media.remove("plain")
}

fn main() {
    let Some(directory) = std::env::args().nth(1) else { return eprintln!("usage: commit_latency DIRECTORY") };
    let env = Env::system();
    let executor = match Executor::new(env.clock.clone(), Duration::ZERO) {
        Ok(executor) => executor,
        Err(error) => return eprintln!("no executor: {error}"),
    };
    let media = match FileMedia::create(&directory, IoEngine::Automatic, executor.spawner()) {
        Ok(media) => Rc::new(media),
        Err(status) => return eprintln!("{status}"),
    };
    let spawner = executor.spawner().clone();
    if let Some(Err(status)) = executor.block_on(measure(media, env, spawner)) {
        eprintln!("{status}");
    }
}
