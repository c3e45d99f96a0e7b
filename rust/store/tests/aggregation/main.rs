//! Random changes, snapshots, aggregation and discarding against the plain model that keeps everything: what can be read answers as if nothing
//! had been freed, what cannot is refused, and the space of what is gone comes back.
//!
//! `DAOS_STORE_SEEDS=n` runs n seeds, `DAOS_STORE_FIRST_SEED=n` starts at one, for instance to replay a failure.

#[path = "../common/mod.rs"]
mod common;
#[path = "../model/generate.rs"]
mod generate;
#[path = "../model/model.rs"]
mod model;

mod compare;
mod directed;
mod history;
mod power;
mod space;

use daos_env::{Env, Executor, ManualClock, SeededRandom};
use daos_media::{Media, MemoryMedia};
use daos_store::{ChecksumKind, ContainerSettings, Durability, Store, StoreSettings};
use daos_testkit::seeds::Seeds;
use generate::{CONTAINER, Generator};
use history::History;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SEEDS: Seeds = Seeds::new("DAOS_STORE");

fn settings(seed: u64) -> StoreSettings {
    let checksum = [ChecksumKind::Crc32c, ChecksumKind::Crc64, ChecksumKind::Off][(seed % 3) as usize];
    let (data_bytes, arena_bytes, log_bytes) = (256 << 20, 64 << 20, 8 << 20);
    // Where everything is durable at once, changes are noticed in another way.
    let durability = if seed.is_multiple_of(2) { Durability::Ram } else { Durability::Log };
    StoreSettings { data_bytes, arena_bytes, log_bytes, durability, checksum }
}

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

async fn run(seed: u64, steps: u64, spawner: daos_env::Spawner) {
    let media: Rc<dyn Media> = Rc::new(MemoryMedia::new());
    let mut store = Store::create(media.clone(), settings(seed), environment(seed), &spawner).await.expect("create");
    let punch_looks = (seed % 5) as usize * 4;
    store.limit_punches(punch_looks);
    let empty = store.space().expect("space").data;
    store.container_create(CONTAINER, ContainerSettings::default()).await.expect("container");
    let mut history = History::default();
    let mut generator = Generator::new(seed);
    let mut freed = 0;
    for step in 0..steps {
        history.act(&store, &mut generator).await;
        if generator.one_in(20) || step + 1 == steps {
            compare::compare(&store, &history, &generator).await;
        }
        if generator.one_in(60) && settings(seed).durability == Durability::Log {
            freed += store.statistics().records_freed;
            if generator.one_in(2) {
                store.close().await.expect("close");
            }
            drop(store);
            store = Store::open(media.clone(), environment(seed), &spawner).await.expect("open");
            store.limit_punches(punch_looks);
        }
    }
    freed += store.statistics().records_freed;
    assert!(freed > 0, "a run in which nothing is freed proves nothing");
    let at_the_end = store.space().expect("space").data;
    history.clear(&store).await.expect("cleared");
    let space = store.space().expect("space");
    assert_eq!(space.data, empty, "blocks were lost: {at_the_end:?}");
    store.container_destroy(CONTAINER).await.expect("destroy");
    store.close().await.expect("close");
    assert_eq!(store.space().expect("space").data, empty, "blocks were lost");
}

fn run_seeds(count: u64) {
    SEEDS.for_each(count, |seed| {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        executor.block_on(run(seed, 220, executor.spawner().clone())).expect("the run ends");
    });
}

#[test]
fn aggregated_stores_agree_with_the_model() {
    run_seeds(2);
}

#[test]
#[ignore = "slow: a minute and more of seeds"]
fn many_aggregated_stores_agree_with_the_model() {
    run_seeds(100);
}
