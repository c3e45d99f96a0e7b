//! Latency of updates and fetches of one store of class ram, without aggregation and while it runs all the time.
//!
//! `cargo run --release -p daos-rebuild --example aggregation_latency`

use daos_env::sync::yield_now;
use daos_env::{Env, Executor, HybridClock, Spawner};
use daos_media::{Durability, MemoryMedia};
use daos_rebuild::{Aggregator, ReclaimMode, ReclaimSettings};
use daos_store::{
    AkeyFetch, AkeyUpdate, ChecksumKind, Conditions, Data, FetchRequest, FetchWhat, Few, Store, StoreSettings,
    UpdateRequest, UpdateValue,
};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
const KEYS: u64 = 50_000;
const REQUESTS: u64 = 1_000_000;

/// Overwrites keys and reads them, one request after the other; nanoseconds of each.
async fn work(store: &Store, clock: &HybridClock, spawner: &Spawner) -> Vec<u64> {
    let mut times = Vec::with_capacity(REQUESTS as usize);
    for number in 0..REQUESTS {
        let key = Key::from_u64(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % KEYS);
        let (object, conditions) = (ObjectId { hi: 0, lo: 1 }, Conditions::NONE);
        let begun = spawner.clock().monotonic();
        if number.is_multiple_of(2) {
            let value = UpdateValue::Single(Data::Bytes(vec![number as u8; 64]));
            let akeys = Few::from([AkeyUpdate { akey: Key::from_u64(1), value, conditions }]);
            let epoch = Epoch(clock.next());
            let update = UpdateRequest { container: CONTAINER, object, epoch, dkey: key, conditions, akeys };
            store.update(update).await.expect("update");
        } else {
            let akeys = Few::from([AkeyFetch { akey: Key::from_u64(1), what: FetchWhat::Single, conditions }]);
            let epoch = Epoch(clock.next());
            let size_only = false;
            let fetch = FetchRequest { container: CONTAINER, object, epoch, dkey: key, akeys, size_only, conditions };
            store.fetch(fetch).await.expect("fetch");
        }
        // What others do between two requests is waited for by the next one.
        yield_now().await;
        times.push((spawner.clock().monotonic() - begun).as_nanos() as u64);
    }
    times.sort_unstable();
    times
}

fn show(name: &str, times: &[u64]) {
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{name}: median {} ns, p99 {} ns, p99.9 {} ns, max {} ns", at(0.5), at(0.99), at(0.999), at(1.0));
}

fn main() {
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let work = async move {
        let settings = StoreSettings {
            data_bytes: 64 << 20,
            arena_bytes: 512 << 20,
            log_bytes: 8 << 20,
            durability: Durability::Ram,
            checksum: ChecksumKind::Crc64,
        };
        let clock = Arc::new(HybridClock::new(env.clock.clone()));
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        show("warm-up            ", &work(&store, &clock, &spawner).await);
        for _ in 0..3 {
            show("without aggregation", &work(&store, &clock, &spawner).await);
            let before = store.statistics();
            let aggregator = Aggregator::new(&store, "store".to_owned(), clock.clone(), &spawner);
            // It waits for news by then, and begins at once.
            yield_now().await;
            aggregator.set(ReclaimSettings { mode: ReclaimMode::Time, gap: Duration::from_millis(10) });
            show("with aggregation   ", &work(&store, &clock, &spawner).await);
            let after = store.statistics();
            let (freed, steps) =
                (after.records_freed - before.records_freed, after.aggregation_steps - before.aggregation_steps);
            println!("  freed {freed} records in {steps} steps, {} rounds", aggregator.rounds());
        }
    };
    executor.block_on(work).expect("it ends");
}
