//! Random requests against a plain model that keeps everything that was ever done.
//!
//! `DAOS_STORE_SEEDS=n` runs n seeds, `DAOS_STORE_FIRST_SEED=n` starts at one, for instance to replay a failure.

mod check;
mod check_tree;
mod generate;
mod model;

use daos_env::{Env, Executor, ManualClock, SeededRandom};
use daos_media::{Media, MemoryMedia};
use daos_store::{ChecksumKind, ContainerSettings, Durability, Store, StoreSettings};
use daos_testkit::seeds::Seeds;
use generate::{CONTAINER, Generator};
use model::Model;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SEEDS: Seeds = Seeds::new("DAOS_STORE");

const KINDS: [ChecksumKind; 8] = [
    ChecksumKind::Off,
    ChecksumKind::Crc32c,
    ChecksumKind::Crc64,
    ChecksumKind::Sha1,
    ChecksumKind::Crc16,
    ChecksumKind::Sha512,
    ChecksumKind::Adler32,
    ChecksumKind::Sha256,
];

fn settings(checksum: ChecksumKind) -> StoreSettings {
    let (data_bytes, arena_bytes, log_bytes) = (256 << 20, 64 << 20, 8 << 20);
    StoreSettings { data_bytes, arena_bytes, log_bytes, durability: Durability::Log, checksum }
}

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

async fn run(seed: u64, steps: u64, spawner: daos_env::Spawner) {
    let media: Rc<dyn Media> = Rc::new(MemoryMedia::new());
    let kind = KINDS[(seed % 8) as usize];
    let mut store = Store::create(media.clone(), settings(kind), environment(seed), &spawner).await.expect("create");
    let punch_looks = (seed % 5) as usize * 4;
    store.limit_punches(punch_looks);
    let empty = store.space().expect("space").data;
    let chunk_bytes = [1, 1000, 4096, 32 << 10][(seed / 8 % 4) as usize];
    let container = ContainerSettings { chunk_bytes, ..store.container_defaults() };
    store.container_create(CONTAINER, container).await.expect("container");
    let mut model = Model::default();
    let mut generator = Generator::new(seed);
    for step in 0..steps {
        let operations = generator.operations();
        let text = format!("{operations:?}");
        let expected = model.apply(&operations);
        let result = store.apply(operations).await;
        assert_eq!(result.as_ref().map_err(|status| status.code()), expected.as_ref().map_err(|code| *code), "{text}");
        if generator.one_in(6) || step + 1 == steps {
            check::check(&store, &model, &generator).await;
        }
        if generator.one_in(60) {
            if generator.one_in(2) {
                store.close().await.expect("close");
            }
            // Without a close it is as if the process was killed.
            drop(store);
            store = Store::open(media.clone(), environment(seed), &spawner).await.expect("open");
            store.limit_punches(punch_looks);
        }
    }
    store.container_destroy(CONTAINER).await.expect("destroy");
    store.close().await.expect("close");
    assert_eq!(store.space().expect("space").data, empty, "blocks were lost");
}

fn run_seeds(count: u64) {
    SEEDS.for_each(count, |seed| {
        let executor = Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd");
        executor.block_on(run(seed, 260, executor.spawner().clone())).expect("the run ends");
    });
}

#[test]
fn random_changes_agree_with_the_model() {
    run_seeds(3);
}

#[test]
#[ignore = "slow: a minute and more of seeds"]
fn many_random_changes_agree_with_the_model() {
    run_seeds(100);
}
