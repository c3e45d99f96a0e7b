//! A writer that overwrites at full speed, for as long as it likes, and aggregation beside it: space stays bounded, and no write waits long.
//!
//! Time is what the clock is looked at: each look takes a microsecond, so that everything takes time and nothing depends on the machine.

use daos_env::sync::yield_now;
use daos_env::{Clock, Env, Executor, HybridClock, SeededRandom};
use daos_media::{Durability, MemoryMedia};
use daos_rebuild::{Aggregator, ReclaimMode, ReclaimSettings};
use daos_store::{AkeyUpdate, ChecksumKind, Conditions, Data, Few, Store, StoreSettings, UpdateRequest, UpdateValue};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);

/// How often a writer lets others run between two writes.
const LOOKS: u32 = 32;

struct LookedAt(AtomicU64);

impl Clock for LookedAt {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.wall_nanoseconds())
    }

    fn wall_nanoseconds(&self) -> u64 {
        self.0.fetch_add(1000, Ordering::SeqCst)
    }
}

/// What was seen once everything had been written over at least once.
#[derive(Default, Debug)]
struct Seen {
    /// The least that was free, in parts of a hundred.
    least_free: u64,
    /// The longest that a write has taken.
    longest: Duration,
    freed: u64,
}

/// Keys that are written over and over with values of so many bytes, and how much room there is for them.
#[derive(Clone, Copy, Debug)]
struct Case {
    keys: u64,
    bytes: u64,
    space: u64,
}

/// Writes three times as much as there is space; by itself, the writer would fill it in so long.
fn overwrite(case: Case, mode: ReclaimMode, fills_in: Duration) -> Seen {
    let Case { keys, bytes, space } = case;
    let clock = Arc::new(LookedAt(AtomicU64::new(1 << 40)));
    let executor = Executor::new(clock.clone(), Duration::ZERO).expect("eventfd");
    let spawner = executor.spawner().clone();
    let work = async move {
        let env = Env { clock: clock.clone(), random: Arc::new(SeededRandom::new(1)) };
        let settings = StoreSettings {
            data_bytes: space,
            arena_bytes: space.max(4 << 20),
            log_bytes: 2 << 20,
            durability: Durability::Ram,
            checksum: ChecksumKind::Crc64,
        };
        let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await.expect("create");
        store.container_create(CONTAINER, store.container_defaults()).await.expect("create");
        let epochs = Arc::new(HybridClock::new(clock.clone()));
        let aggregator = Aggregator::new(&store, "pool p".to_owned(), epochs.clone(), &spawner);
        aggregator.set(ReclaimSettings { mode, gap: Duration::from_millis(2) });
        let writes = 3 * space / bytes;
        let between = fills_in / u32::try_from(space / bytes).expect("few") / LOOKS;
        let mut seen = Seen { least_free: 100, ..Seen::default() };
        for number in 0..writes {
            let value = UpdateValue::Single(Data::Bytes(vec![number as u8; bytes as usize]));
            let akeys = Few::from([AkeyUpdate { akey: Key::from_u64(1), value, conditions: Conditions::NONE }]);
            let (object, dkey, conditions) =
                (ObjectId { hi: 0, lo: 1 }, Key::from_u64(number % keys), Conditions::NONE);
            let epoch = Epoch(epochs.next());
            let begun = clock.monotonic();
            let update = UpdateRequest { container: CONTAINER, object, epoch, dkey, conditions, akeys };
            let result = store.update(update).await;
            let counts = store.statistics();
            assert!(result.is_ok(), "write {number} of {keys} keys, {bytes} bytes, {mode:?}: {result:?}, {counts:?}");
            let took = clock.monotonic() - begun;
            // As an engine does, that looks for the next request again and again.
            for _ in 0..LOOKS {
                clock.0.fetch_add(between.as_nanos() as u64, Ordering::SeqCst);
                yield_now().await;
            }
            if number > writes / 3 {
                let space = store.space().expect("space");
                let tier = if bytes < 4096 { space.arena } else { space.data };
                seen.least_free = seen.least_free.min(100 * tier.free / tier.total);
                seen.longest = seen.longest.max(took);
            }
        }
        seen.freed = store.statistics().records_freed;
        drop(aggregator);
        store.close().await.expect("close");
        seen
    };
    executor.block_on(work).expect("it ends")
}

/// Both tiers, little and much of which shows.
const CASES: [Case; 3] = [
    Case { keys: 300, bytes: 500, space: 4 << 20 },
    Case { keys: 1500, bytes: 1 << 10, space: 4 << 20 },
    Case { keys: 600, bytes: 8 << 10, space: 8 << 20 },
];

fn check(fills_in: Duration, check: impl Fn(&Seen) -> bool) {
    for case in CASES {
        for mode in [ReclaimMode::Lazy, ReclaimMode::Time] {
            let seen = overwrite(case, mode, fills_in);
            assert!(seen.freed > case.space / case.bytes, "{case:?}, {mode:?}: {seen:?}");
            assert!(check(&seen), "{case:?}, {mode:?}: {seen:?}");
        }
    }
}

/// It may fill the space before anybody has looked; then it goes on as fast as space comes back, and does not stand still for a whole round.
#[test]
fn a_writer_at_full_speed_is_slowed_down_and_not_stopped() {
    check(Duration::ZERO, |seen| seen.longest < Duration::from_micros(500));
}

/// One that needs a second to fill the space never waits for it.
#[test]
fn aggregation_keeps_ahead_of_a_writer() {
    check(Duration::from_secs(1), |seen| seen.least_free >= 5 && seen.longest < Duration::from_micros(100));
}
