//! Power cuts: what was acknowledged is there after a reopen, and nothing else half.
//!
//! One workload, decided by a seed: a few tasks commit transactions, each of which rewrites several records of a table with one
//! number, and now and then puts a value on the data device; checkpoints and the log's wrap-around happen in between. A run without
//! a cut counts the persist operations; then the power is cut at every one of them.
//!
//! `DAOS_CRASH_SEEDS=n` runs n seeds, `DAOS_CRASH_FIRST_SEED=n` starts at one, for instance to replay a failure.

use daos_env::{Env, Executor, IoBuffer, ManualClock, Random, SeededRandom};
use daos_media::{ArenaSettings, BlockRange, Durability, DurableArena, ExtentAllocator, Lsn, Media, Offset};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Records in the arena: enough pages for several steps of a checkpoint.
const RECORDS: u64 = 40;
const RECORD_BYTES: usize = 12_000;
/// Records that each transaction rewrites.
const WRITTEN: u64 = 5;
const TASKS: u64 = 3;
const ROOT_TABLE: usize = 0;
const ROOT_EXTENTS: usize = 1;
const DATA_BLOCKS: u64 = 64;

/// What a transaction did: the records that it set to its number, and whether it is known to be durable.
struct Done {
    number: u64,
    records: Vec<u64>,
    acknowledged: bool,
}

#[derive(Default)]
struct History {
    done: RefCell<Vec<Done>>,
    next: Cell<u64>,
}

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

fn settings(log_bytes: u64) -> ArenaSettings {
    let data_bytes = DATA_BLOCKS * 4096;
    ArenaSettings { arena_capacity: 4 << 20, log_bytes, data_bytes, durability: Durability::Log }
}

/// A record: its number all over, so that one torn or half replayed shows.
fn record(number: u64, length: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(length / 8)
}

/// The table: an array of offsets of records, each of which begins with the block of its value on the data device, or the number of
/// blocks when it has none.
fn format(durable: &DurableArena) -> Result<()> {
    let mut transaction = durable.arena().begin();
    let table = transaction.allocate(RECORDS as usize * 8)?;
    for index in 0..RECORDS {
        let offset = transaction.allocate(RECORD_BYTES)?;
        transaction.fill(offset.get(), &DATA_BLOCKS.to_le_bytes())?;
        transaction.fill(offset.get() + 8, &record(0, RECORD_BYTES - 8))?;
        transaction.write(table.get() + index * 8, &offset.get().to_le_bytes())?;
    }
    let root = ExtentAllocator::format(&mut transaction, DATA_BLOCKS)?;
    transaction.set_root(ROOT_TABLE, table.get())?;
    transaction.set_root(ROOT_EXTENTS, root.get())?;
    durable.commit(transaction).map(|_| ())
}

struct Store {
    durable: DurableArena,
    extents: ExtentAllocator,
    table: u64,
}

impl Store {
    fn open(durable: DurableArena) -> Result<Store> {
        let table = durable.arena().root(ROOT_TABLE)?;
        let root = Offset::new(durable.arena().root(ROOT_EXTENTS)?).expect("a root");
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        Ok(Store { durable, extents, table })
    }

    fn position(&self, index: u64) -> u64 {
        self.durable.arena().read_value(self.table + index * 8).expect("in the arena")
    }

    /// Rewrites records, one of them with a value on the data device, in one transaction.
    async fn update(&self, number: u64, records: &[u64], with_data: bool) -> Result<Lsn> {
        self.durable.admission().await?;
        let mut value = None;
        if with_data {
            let ranges = self.extents.reserve_or_wait(1).await?;
            let block = IoBuffer::copy_of(&record(number, 4096));
            self.durable.data().write(ranges[0].offset(), block).await.1?;
            self.durable.note_data_write();
            value = Some(ranges[0]);
        }
        let mut transaction = self.durable.arena().begin();
        for (turn, index) in records.iter().enumerate() {
            let position = self.position(*index);
            // Different parts of the records change, so that redo records have several ranges.
            transaction.write(position + 8, &record(number, RECORD_BYTES - 8))?;
            if let (0, Some(range)) = (turn, value) {
                let old: u64 = transaction.arena().read_value(position)?;
                if old < DATA_BLOCKS {
                    self.extents.release(&mut transaction, BlockRange { start: old, count: 1 })?;
                }
                self.extents.publish(&mut transaction, range)?;
                transaction.write(position, &range.start.to_le_bytes())?;
            } else {
                let old: u64 = transaction.arena().read_value(position)?;
                if old < DATA_BLOCKS {
                    self.extents.release(&mut transaction, BlockRange { start: old, count: 1 })?;
                    transaction.write(position, &DATA_BLOCKS.to_le_bytes())?;
                }
            }
        }
        self.durable.commit(transaction)
    }

    /// The number of each record, having checked that each is whole and its value is as it was written.
    async fn read(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        for index in 0..RECORDS {
            let position = self.position(index);
            let bytes = self.durable.arena().read(position, RECORD_BYTES).expect("in the arena").to_vec();
            let (block, rest) = bytes.split_first_chunk::<8>().expect("long enough");
            let number = u64::from_le_bytes(*rest.first_chunk().expect("long enough"));
            assert!(rest == record(number, RECORD_BYTES - 8), "record {index} is half {number}");
            let block = u64::from_le_bytes(*block);
            if block < DATA_BLOCKS {
                let value = self.durable.data().read(block * 4096, 4096).await.expect("read");
                assert!(value[..] == record(number, 4096)[..], "the value of record {index} is not that of {number}");
            }
            numbers.push(number);
        }
        numbers
    }
}

async fn work(store: Rc<Store>, history: Rc<History>, seed: u64, transactions: u64) -> Result<()> {
    let random = SeededRandom::new(seed);
    for _ in 0..transactions {
        let mut records: Vec<u64> = (0..WRITTEN).map(|_| random.next_u64() % RECORDS).collect();
        records.sort_unstable();
        records.dedup();
        let (with_data, waits, checkpoints) =
            (random.next_u64() % 3 == 0, random.next_u64() % 4 != 0, random.next_u64() % 16 == 0);
        let number = history.next.get() + 1;
        history.next.set(number);
        let lsn = store.update(number, &records, with_data).await?;
        let place = history.done.borrow().len();
        history.done.borrow_mut().push(Done { number, records, acknowledged: false });
        if waits {
            store.durable.wait_durable(lsn).await?;
            history.done.borrow_mut()[place].acknowledged = true;
        }
        if checkpoints {
            store.durable.checkpoint().await?;
        }
    }
    Ok(())
}

/// The workload from making the arena to closing it; `true` when it came to its end.
fn run(media: &SimMedia, seed: u64, history: &Rc<History>, transactions: u64, log_bytes: u64) -> bool {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let (power, media, history) = (media.clone(), Rc::new(media.clone()), history.clone());
    let ended = Rc::new(Cell::new(false));
    let end = ended.clone();
    executor.spawner().spawn(async move {
        let main = async {
            let durable = DurableArena::create(media, settings(log_bytes), environment(seed), &spawner).await?;
            format(&durable)?;
            let store = Rc::new(Store::open(durable.clone())?);
            let tasks = (0..TASKS).map(|task| {
                spawner.spawn(work(store.clone(), history.clone(), seed * 100 + task, transactions / TASKS))
            });
            for result in daos_env::sync::join_all(tasks.collect::<Vec<_>>()).await {
                result.expect("the task ends")?;
            }
            durable.close().await
        };
        let result: Result<()> = main.await;
        match result {
            Ok(()) => end.set(true),
            Err(status) => assert!(power.is_off(), "nothing fails but the power: {status}"),
        }
    });
    executor.run_until_stalled();
    ended.get()
}

/// Opens what has survived and checks it against the history; then goes on working with it.
fn check(media: &SimMedia, seed: u64, history: &Rc<History>) {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let (media, history) = (Rc::new(media.clone()), history.clone());
    let reopen = async move {
        let folder: Rc<dyn Media> = media.clone();
        if !DurableArena::exists(&*folder).await.expect("readable") {
            assert!(history.done.borrow().is_empty(), "an arena that was used is gone");
            return;
        }
        let durable = match DurableArena::open(folder, environment(seed), &spawner).await {
            // Cut between the first write of the checkpoint and its sync: the arena was never made.
            Err(status) if history.done.borrow().is_empty() && status.code() == Code::DfInval => return,
            other => other.expect("opens after a power cut"),
        };
        if durable.arena().root(ROOT_EXTENTS).expect("header") == 0 {
            assert!(!history.done.borrow().iter().any(|done| done.acknowledged), "the first transaction is gone");
            return;
        }
        let store = Store::open(durable.clone()).expect("opens");
        let numbers = store.read().await;
        check_numbers(&numbers, &history.done.borrow());
        let records: Vec<u64> = (0..RECORDS).step_by(3).collect();
        let number = history.next.get() + 1;
        let lsn = store.update(number, &records, true).await.expect("goes on");
        durable.wait_durable(lsn).await.expect("durable");
        durable.close().await.expect("closes");
        let numbers = store.read().await;
        assert!(records.iter().all(|index| numbers[*index as usize] == number));
    };
    executor.block_on(reopen).expect("the check ends");
}

/// The state must be that after some prefix of the transactions, in the order of their commits, that holds every acknowledged one.
fn check_numbers(numbers: &[u64], done: &[Done]) {
    let least = done.iter().rposition(|done| done.acknowledged).map_or(0, |place| place + 1);
    let mut state = vec![0; RECORDS as usize];
    for prefix in 0..=done.len() {
        if prefix >= least && state == numbers {
            return;
        }
        if let Some(next) = done.get(prefix) {
            next.records.iter().for_each(|index| state[*index as usize] = next.number);
        }
    }
    panic!("the state is not one that was there at or after transaction {least} of {}: {numbers:?}", done.len());
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Cuts the power at every `step`-th persist operation of a seed's workload.
fn cut_everywhere(seed: u64, transactions: u64, log_bytes: u64) {
    let media = SimMedia::new(seed);
    let history = Rc::default();
    assert!(run(&media, seed, &history, transactions, log_bytes), "seed {seed}: the workload ends without a cut");
    let persists = media.persists();
    check(&media, seed, &history);
    for cut in 1..=persists {
        let media = SimMedia::new(seed);
        let history = Rc::default();
        media.cut_power_at(cut);
        let replay = format!("replay with DAOS_CRASH_FIRST_SEED={seed} DAOS_CRASH_SEEDS=1, cut {cut} of {persists}");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            assert!(!run(&media, seed, &history, transactions, log_bytes) || cut == persists);
            media.power_cycle();
            check(&media, seed, &history);
        }));
        assert!(outcome.is_ok(), "{replay}");
    }
}

#[test]
fn crash_at_every_persist_loses_nothing() {
    let first = variable("DAOS_CRASH_FIRST_SEED", 1);
    for seed in first..first + variable("DAOS_CRASH_SEEDS", 2) {
        cut_everywhere(seed, 60, 1 << 20);
    }
}

/// A log so small that it wraps often, and that checkpoints have to make room while changes wait.
#[test]
fn crash_with_a_small_log_loses_nothing() {
    let first = variable("DAOS_CRASH_FIRST_SEED", 1);
    for seed in first..first + variable("DAOS_CRASH_SEEDS", 2) {
        cut_everywhere(seed, 60, 256 << 10);
    }
}

#[test]
fn crash_runs_of_one_seed_are_equal() {
    let fingerprint = || {
        let media = SimMedia::new(9);
        run(&media, 9, &Rc::default(), 30, 256 << 10);
        media.fingerprint()
    };
    assert_eq!(fingerprint(), fingerprint());
}
