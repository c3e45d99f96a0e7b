//! How much an open has to replay: bounded by the log's length while there is traffic, and next to nothing after a quiet time.

use daos_env::{Env, Executor, ManualClock, SeededRandom, Spawner};
use daos_media::{ArenaSettings, Durability, DurableArena, MemoryMedia};
use daos_status::Result;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const LOG_BYTES: u64 = 1 << 20;

struct Bench {
    clock: Arc<ManualClock>,
    executor: Executor,
    media: Rc<MemoryMedia>,
}

impl Bench {
    fn new() -> Bench {
        let clock = Arc::new(ManualClock::default());
        let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
        Bench { clock, executor, media: Rc::new(MemoryMedia::new()) }
    }

    fn env(&self) -> Env {
        Env { clock: self.clock.clone(), random: Arc::new(SeededRandom::new(1)) }
    }

    fn create(&self) -> DurableArena {
        let durability = Durability::Log;
        let settings = ArenaSettings { arena_capacity: 8 << 20, log_bytes: LOG_BYTES, data_bytes: 4096, durability };
        let (media, env, spawner) = (self.media.clone(), self.env(), self.executor.spawner().clone());
        let made = async move { DurableArena::create(media, settings, env, &spawner).await };
        self.executor.block_on(made).expect("done").expect("made")
    }

    fn open(&self) -> DurableArena {
        let (media, env, spawner): (_, _, Spawner) = (self.media.clone(), self.env(), self.executor.spawner().clone());
        let opened = async move { DurableArena::open(media, env, &spawner).await };
        self.executor.block_on(opened).expect("done").expect("opens")
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.executor.run_until_stalled();
    }
}

/// Commits a record of its own, and says how much of the log is in use then.
async fn update(durable: &DurableArena, number: u64) -> Result<u64> {
    durable.admission().await?;
    let mut transaction = durable.arena().begin();
    let offset = transaction.allocate(2000)?;
    transaction.fill(offset.get(), &number.to_le_bytes().repeat(250))?;
    transaction.set_root(0, offset.get())?;
    let lsn = durable.commit(transaction)?;
    durable.wait_durable(lsn).await?;
    Ok(durable.statistics().log_used)
}

#[test]
fn a_quiet_log_is_soon_covered_by_a_checkpoint() {
    let bench = Bench::new();
    let durable = bench.create();
    let handle = durable.clone();
    let written = bench.executor.block_on(async move { update(&handle, 7).await });
    assert!(written.expect("done").expect("written") > 0);
    assert_eq!(durable.statistics().checkpoints, 0);
    bench.pass(Duration::from_secs(29));
    assert_eq!(durable.statistics().checkpoints, 0, "not yet");
    bench.pass(Duration::from_secs(2));
    let statistics = durable.statistics();
    assert_eq!((statistics.checkpoints, statistics.log_used), (1, 0));
    bench.pass(Duration::from_secs(600));
    assert_eq!(durable.statistics().checkpoints, 1, "nothing has changed since");
    drop(durable);
    bench.executor.run_until_stalled();
    let durable = bench.open();
    assert_eq!(durable.statistics().log_used, 0, "there was nothing to replay");
    let root = durable.arena().root(0).expect("a root");
    assert_eq!(durable.arena().read_value::<u64>(root).expect("there"), 7);
}

#[test]
fn a_busy_log_is_never_longer_than_its_bound() {
    let bench = Bench::new();
    let durable = bench.create();
    let handle = durable.clone();
    let most = bench.executor.block_on(async move {
        let mut most = 0;
        for number in 0..3000 {
            most = most.max(update(&handle, number).await?);
        }
        Ok::<_, daos_status::Status>(most)
    });
    let most = most.expect("done").expect("written");
    let statistics = durable.statistics();
    assert!(statistics.log_bytes > 5 * LOG_BYTES && statistics.checkpoints > 5, "{statistics:?}");
    assert!(most <= statistics.log_capacity / 4 * 3 + statistics.log_capacity / 8, "{most}: {statistics:?}");
    drop(durable);
    bench.executor.run_until_stalled();
    assert!(bench.open().statistics().log_used <= most, "what was replayed");
}
