//! What one step of aggregation costs beside requests, and what the requests beside it cost: each takes turns with the other.
//!
//! The same history is made again and again, and of each step and request the least time counts, so that whatever else runs on the machine
//! does not. What the steps leave in the caches does count.
//!
//! `cargo run --release -p daos-store --example step_cost [BYTES [UNITS [REPETITIONS]]]`

use daos_env::{Clock, Env, Executor, Spawner, SystemClock};
use daos_media::{Durability, MemoryMedia};
use daos_status::Result;
use daos_store::{
    AkeyFetch, AkeyUpdate, ChecksumKind, Conditions, Data, FetchRequest, FetchWhat, Few, StepBudget, Store,
    StoreSettings, UpdateRequest, UpdateValue,
};
use daos_types::{ContainerId, Epoch, Key, ObjectId};
use std::rc::Rc;
use std::time::Duration;

const CONTAINER: ContainerId = ContainerId::from_bytes([1; 16]);
const RECORDS: u64 = 100_000;
const CONDITIONS: Conditions = Conditions::NONE;
const OBJECT: ObjectId = ObjectId { hi: 0, lo: 1 };

/// Scatters numbers over the records.
fn record(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % RECORDS
}

async fn put(store: &Store, number: u64, epoch: u64, bytes: usize) -> Result<()> {
    let akeys = Few::from([AkeyUpdate {
        akey: Key::from_u64(1),
        value: UpdateValue::Single(Data::Bytes(vec![epoch as u8; bytes])),
        conditions: CONDITIONS,
    }]);
    let dkey = Key::from_u64(record(number));
    let (container, object, conditions) = (CONTAINER, OBJECT, CONDITIONS);
    store.update(UpdateRequest { container, object, epoch: Epoch(epoch), dkey, conditions, akeys }).await
}

async fn get(store: &Store, number: u64, epoch: u64) -> Result<()> {
    let akeys = Few::from([AkeyFetch { akey: Key::from_u64(1), what: FetchWhat::Single, conditions: CONDITIONS }]);
    let dkey = Key::from_u64(record(number));
    let (container, object, conditions, size_only) = (CONTAINER, OBJECT, CONDITIONS, false);
    let request = FetchRequest { container, object, epoch: Epoch(epoch), dkey, conditions, akeys, size_only };
    store.fetch(request).await.map(|reply| drop(std::hint::black_box(reply)))
}

/// Keeps the least times of things that come in the same order each time.
#[derive(Default)]
struct Least(Vec<u64>);

impl Least {
    fn note(&mut self, index: usize, took: Duration) {
        let took = took.as_nanos() as u64;
        match self.0.get_mut(index) {
            Some(least) => *least = took.min(*least),
            None => self.0.push(took),
        }
    }

    fn show(&self, name: &str) {
        let mut times = self.0.clone();
        times.sort_unstable();
        let at = |part: f64| times.get(((times.len().max(1) - 1) as f64 * part) as usize).copied().unwrap_or(0);
        println!(
            "{name}: {} of them, median {} ns, p99 {} ns, p99.9 {} ns, longest {} ns",
            times.len(),
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0)
        );
    }
}

#[derive(Default)]
struct Times {
    steps: Least,
    quiet: [Least; 2],
    beside: [Least; 2],
}

async fn history(times: &mut Times, bytes: usize, budget: StepBudget, env: Env, spawner: Spawner) -> Result<u64> {
    let settings = StoreSettings {
        data_bytes: if bytes < 4096 { 64 << 20 } else { RECORDS * 5 * bytes as u64 },
        arena_bytes: 512 << 20,
        log_bytes: 8 << 20,
        durability: Durability::Ram,
        checksum: ChecksumKind::Crc64,
    };
    let store = Store::create(Rc::new(MemoryMedia::new()), settings, env, &spawner).await?;
    let _is_memory = store.populate();
    store.container_create(CONTAINER, store.container_defaults()).await?;
    let mut epoch = 1;
    for number in 0..3 * RECORDS {
        epoch += 1;
        put(&store, number, epoch, bytes).await?;
    }
    let up_to = epoch;
    let mut run = None;
    let (mut beside, mut steps) = (false, 0);
    for turn in 0..40_000usize {
        if beside {
            let Some(run) = &mut run else { break };
            let begun = SystemClock.monotonic();
            let run: &mut daos_store::AggregationRun = run;
            let more = run.step().await?;
            times.steps.note(steps, SystemClock.monotonic() - begun);
            steps += 1;
            if !more {
                break;
            }
        }
        let kind = if beside { &mut times.beside } else { &mut times.quiet };
        let index = if beside { turn - 20_000 } else { turn };
        epoch += 1;
        let begun = SystemClock.monotonic();
        put(&store, epoch, epoch, bytes).await?;
        let written = SystemClock.monotonic();
        get(&store, epoch * 7, epoch).await?;
        kind[1].note(index, SystemClock.monotonic() - written);
        kind[0].note(index, written - begun);
        if turn == 19_999 {
            beside = true;
            run = Some(store.aggregation_begin(CONTAINER, Epoch(up_to)).await?.with_budget(budget));
        }
    }
    drop(run);
    let freed = store.statistics().records_freed;
    store.close().await?;
    Ok(freed)
}

fn main() {
    let number = |place, default| std::env::args().nth(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (bytes, units, repetitions) = (number(1, 64), number(2, 8), number(3, 5));
    let mut times = Times::default();
    let mut freed = 0;
    for _ in 0..repetitions {
        let env = Env::system();
        let executor = Executor::new(env.clock.clone(), Duration::ZERO).expect("eventfd");
        let spawner = executor.spawner().clone();
        let budget = StepBudget::new(units as u32);
        let mut taken = std::mem::take(&mut times);
        let work = async move {
            let freed = history(&mut taken, bytes as usize, budget, env, spawner).await.expect("it works");
            (taken, freed)
        };
        (times, freed) = executor.block_on(work).expect("it ends");
    }
    println!("values of {bytes} B, steps of {units} units, least of {repetitions} times each; {freed} records freed");
    times.quiet[0].show("update without");
    times.quiet[1].show("fetch without ");
    times.steps.show("step          ");
    times.beside[0].show("update beside ");
    times.beside[1].show("fetch beside  ");
}
