//! What is done to an arena, and what must be found in it afterwards.

use daos_env::{Env, Executor, IoBuffer, ManualClock, Random, SeededRandom, Spawner};
use daos_media::{
    ArenaSettings, ArenaStatistics, BlockRange, CarriedValue, Durability, DurableArena, ExtentAllocator, Lsn, Media,
    Offset, PersistWay, blocks_checksum,
};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const ROOT_TABLE: usize = 0;
const ROOT_EXTENTS: usize = 1;
const DATA_BLOCKS: u64 = 64;
/// Memory of a simulated power cycle is copied whole.
const ARENA_BYTES: u64 = 2 << 20;

/// How the workload is made.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The class of the arena, and what a drain costs if that is `pmem`.
    pub durability: Durability,
    pub way: PersistWay,
    /// Bytes of the log's device, or of the journal.
    pub log_bytes: u64,
    /// Records in the arena.
    pub records: u64,
    /// Bytes of each, a multiple of eight.
    pub record_bytes: usize,
    /// Records that each transaction rewrites.
    pub written: u64,
    /// Tasks that work at once.
    pub tasks: u64,
    /// Transactions of all of them, in one life of the process.
    pub transactions: u64,
}

impl Shape {
    /// A log that never fills up: checkpoints come when they are asked for.
    pub const ROOMY: Shape = Shape {
        durability: Durability::Log,
        way: PersistWay::Flush,
        log_bytes: 1 << 20,
        records: 40,
        record_bytes: 2_000,
        written: 4,
        tasks: 3,
        transactions: 45,
    };

    /// A log so small that it wraps often, and that checkpoints have to make room while changes wait.
    pub const SMALL_LOG: Shape = Shape { log_bytes: 148 << 10, tasks: 5, transactions: 60, ..Shape::ROOMY };

    /// Transactions too large for the log: only a checkpoint makes them durable.
    pub const LARGE_RECORDS: Shape =
        Shape { log_bytes: 148 << 10, record_bytes: 12_000, transactions: 24, ..Shape::ROOMY };

    /// More at once than the log holds.
    pub const CROWDED: Shape = Shape {
        log_bytes: 148 << 10,
        records: 64,
        record_bytes: 1_200,
        written: 5,
        tasks: 24,
        transactions: 144,
        ..Shape::ROOMY
    };

    /// Persistent memory, whose journal is so small that it wraps several times.
    pub const MEMORY: Shape =
        Shape { durability: Durability::Pmem, log_bytes: 240 << 10, transactions: 120, ..Shape::ROOMY };

    /// The same on a disk: entries are gathered, and only written in the background.
    pub const MEMORY_ON_DISK: Shape = Shape { way: PersistWay::Disk, ..Shape::MEMORY };

    /// More at once than the journal has room for.
    pub const MEMORY_CROWDED: Shape =
        Shape { durability: Durability::Pmem, log_bytes: 240 << 10, transactions: 240, ..Shape::CROWDED };
}

/// What a transaction did: the records that it set to its number, and whether it is known to be durable.
struct Done {
    number: u64,
    records: Vec<u64>,
    acknowledged: bool,
}

/// What the records must hold.
pub struct History {
    shape: Shape,
    /// The number of each record at the start of this life; `None` while the table was never seen durable.
    start: RefCell<Option<Vec<u64>>>,
    done: RefCell<Vec<Done>>,
    next: Cell<u64>,
    errors: RefCell<Vec<Code>>,
}

impl History {
    pub fn new(shape: Shape) -> Rc<History> {
        Rc::new(History {
            shape,
            start: RefCell::new(None),
            done: RefCell::default(),
            next: Cell::new(0),
            errors: RefCell::default(),
        })
    }

    /// What went wrong in the last life, as the tasks were told.
    pub fn errors(&self) -> Vec<Code> {
        self.errors.borrow().clone()
    }

    /// How many transactions were acknowledged in the last life.
    pub fn acknowledged(&self) -> usize {
        self.done.borrow().iter().filter(|done| done.acknowledged).count()
    }

    fn anything_acknowledged(&self) -> bool {
        self.start.borrow().is_some() || self.acknowledged() > 0
    }

    /// The state must be that after some prefix of the transactions, in the order of their commits, that holds every acknowledged
    /// one. It is the start of the next life.
    fn settle(&self, numbers: Vec<u64>) {
        let done = self.done.take();
        let least = done.iter().rposition(|done| done.acknowledged).map_or(0, |place| place + 1);
        let mut state = self.start.take().unwrap_or_else(|| vec![0; self.shape.records as usize]);
        for prefix in 0..=done.len() {
            if prefix >= least && state == numbers {
                self.start.replace(Some(numbers));
                return;
            }
            if let Some(next) = done.get(prefix) {
                next.records.iter().for_each(|index| state[*index as usize] = next.number);
            }
        }
        panic!("the state is not one that was there at or after transaction {least} of {}: {numbers:?}", done.len());
    }
}

pub fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

pub fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

fn settings(shape: Shape) -> ArenaSettings {
    let data_bytes = DATA_BLOCKS * 4096;
    ArenaSettings { arena_capacity: ARENA_BYTES, log_bytes: shape.log_bytes, data_bytes, durability: shape.durability }
}

/// A record: its number all over, so that one torn or half replayed shows.
fn record(number: u64, length: usize) -> Vec<u8> {
    number.to_le_bytes().repeat(length / 8)
}

/// The table: an array of offsets of records, each of which begins with the block of its value on the data device, or the number of
/// blocks when it has none.
fn format(durable: &DurableArena, shape: Shape) -> Result<Lsn> {
    let mut transaction = durable.arena().begin();
    let table = transaction.allocate(shape.records as usize * 8)?;
    for index in 0..shape.records {
        let offset = transaction.allocate(shape.record_bytes)?;
        transaction.fill(offset.get(), &DATA_BLOCKS.to_le_bytes())?;
        transaction.fill(offset.get() + 8, &record(0, shape.record_bytes - 8))?;
        transaction.write(table.get() + index * 8, &offset.get().to_le_bytes())?;
    }
    let root = ExtentAllocator::format(&mut transaction, DATA_BLOCKS)?;
    transaction.set_root(ROOT_TABLE, table.get())?;
    transaction.set_root(ROOT_EXTENTS, root.get())?;
    durable.commit(transaction)
}

/// Where the bytes of a value are when its transaction is made.
enum Bytes {
    Written(u64),
    Carried(CarriedValue),
}

struct Store {
    durable: DurableArena,
    extents: ExtentAllocator,
    table: u64,
    shape: Shape,
}

impl Store {
    /// `None` when the table was never made durable.
    fn open(durable: DurableArena, shape: Shape) -> Result<Option<Store>> {
        let Some(root) = Offset::new(durable.arena().root(ROOT_EXTENTS)?) else { return Ok(None) };
        let table = durable.arena().root(ROOT_TABLE)?;
        let extents = ExtentAllocator::open(&durable, root, 0)?;
        Ok(Some(Store { durable, extents, table, shape }))
    }

    fn position(&self, index: u64) -> u64 {
        self.durable.arena().read_value(self.table + index * 8).expect("in the arena")
    }

    /// Writes a value to the data device, or has the log carry it: some are of two blocks, of which only the first is kept.
    async fn write_value(&self, number: u64) -> Result<(BlockRange, Bytes)> {
        let pair = if number.is_multiple_of(4) { self.extents.reserve(2).ok() } else { None };
        let ranges = match pair {
            Some(ranges) if ranges.len() == 1 => ranges,
            scattered => {
                self.extents.abort(&scattered.unwrap_or_default());
                self.extents.reserve_or_wait(1).await?
            }
        };
        let block = IoBuffer::copy_of(&record(number, ranges[0].bytes() as usize));
        if !number.is_multiple_of(3)
            && let Some(room) = self.durable.room_to_carry(block.len())
        {
            return Ok((ranges[0], Bytes::Carried(room.value(block))));
        }
        let _under_way = self.durable.begin_value(4096);
        let checksum = blocks_checksum(&block);
        if let Err(status) = self.durable.data().write(ranges[0].offset(), block).await.1 {
            self.extents.abort(&ranges);
            return Err(status);
        }
        Ok((ranges[0], Bytes::Written(checksum)))
    }

    /// Rewrites records, one of them with a value on the data device, in one transaction.
    async fn update(&self, number: u64, records: &[u64], with_data: bool) -> Result<Lsn> {
        self.durable.admission().await?;
        let value = if with_data { Some(self.write_value(number).await?) } else { None };
        let mut transaction = self.durable.arena().begin();
        for (turn, index) in records.iter().enumerate() {
            let position = self.position(*index);
            // Different parts of the records change, so that redo records have several ranges.
            transaction.write(position + 8, &record(number, self.shape.record_bytes - 8))?;
            let old: u64 = transaction.arena().read_value(position)?;
            if old < DATA_BLOCKS {
                self.extents.release(&mut transaction, BlockRange { start: old, count: 1 })?;
                transaction.write(position, &DATA_BLOCKS.to_le_bytes())?;
            }
            if let (0, Some((range, bytes))) = (turn, &value) {
                match bytes {
                    Bytes::Written(checksum) => self.extents.publish_written(&mut transaction, *range, *checksum)?,
                    Bytes::Carried(bytes) => self.extents.publish_carried(&mut transaction, *range, bytes)?,
                }
                if range.count > 1 {
                    let rest = BlockRange { start: range.start + 1, count: range.count - 1 };
                    self.extents.release(&mut transaction, rest)?;
                }
                transaction.write(position, &range.start.to_le_bytes())?;
            }
        }
        let committed = self.durable.commit(transaction);
        if let (Err(_), Some((range, _))) = (&committed, value) {
            self.extents.abort(&[range]);
        }
        committed
    }

    /// The number of each record, having checked that each is whole and its value is as it was written.
    async fn read(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        let mut used = 0;
        for index in 0..self.shape.records {
            let position = self.position(index);
            let bytes = self.durable.arena().read(position, self.shape.record_bytes).expect("in the arena").to_vec();
            let (block, rest) = bytes.split_first_chunk::<8>().expect("long enough");
            let number = u64::from_le_bytes(*rest.first_chunk().expect("long enough"));
            assert!(rest == record(number, self.shape.record_bytes - 8), "record {index} is half {number}");
            let block = u64::from_le_bytes(*block);
            if block < DATA_BLOCKS {
                used += 1;
                let value = self.durable.read_value(block * 4096, 4096).await.expect("read");
                assert!(value[..] == record(number, 4096)[..], "the value of record {index} is not that of {number}");
            }
            numbers.push(number);
        }
        assert_eq!(self.extents.space().used, used, "blocks in use are those that records point at");
        numbers
    }
}

async fn work(store: Rc<Store>, history: Rc<History>, seed: u64) -> Result<()> {
    let (random, shape) = (SeededRandom::new(seed), store.shape);
    for _ in 0..shape.transactions / shape.tasks {
        let mut records: Vec<u64> = (0..shape.written).map(|_| random.next_u64() % shape.records).collect();
        records.sort_unstable();
        records.dedup();
        let (with_data, waits, checkpoints) = (
            random.next_u64().is_multiple_of(3),
            !random.next_u64().is_multiple_of(4),
            random.next_u64().is_multiple_of(8),
        );
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
        if number % 8 == 5 {
            // Beside those who take blocks, use them and give them back.
            let range = BlockRange { start: number % DATA_BLOCKS, count: DATA_BLOCKS / 2 };
            store.extents.write_ahead(range, || false).await?;
        }
    }
    Ok(())
}

/// How a life ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything was done, and closed.
    Closed(ArenaStatistics),
    /// Something failed; every task was told.
    Failed,
    /// Nobody heard of anything any more.
    Off,
}

async fn start(media: Rc<dyn Media>, history: &History, seed: u64, spawner: &Spawner) -> Result<DurableArena> {
    if DurableArena::exists(&*media).await? {
        return DurableArena::open(media, environment(seed), spawner).await;
    }
    assert!(!history.anything_acknowledged(), "an arena that was used is gone");
    DurableArena::create(media, settings(history.shape), environment(seed), spawner).await
}

async fn main(media: Rc<dyn Media>, history: Rc<History>, seed: u64, spawner: Spawner) -> Result<ArenaStatistics> {
    let durable = start(media, &history, seed, &spawner).await?;
    if durable.arena().root(ROOT_EXTENTS)? == 0 {
        assert!(!history.anything_acknowledged(), "the first transaction is gone");
        format(&durable, history.shape)?;
    }
    let store = Rc::new(Store::open(durable.clone(), history.shape)?.expect("the table is made"));
    let tasks = (0..history.shape.tasks)
        .map(|task| spawner.spawn(work(store.clone(), history.clone(), seed * 100 + task)))
        .collect::<Vec<_>>();
    let mut failure = None;
    for result in daos_env::sync::join_all(tasks).await {
        if let Err(status) = result.expect("the task ends") {
            history.errors.borrow_mut().push(status.code());
            failure = Some(status);
        }
    }
    let closed = durable.close().await;
    let statistics = durable.statistics();
    failure.map_or(Ok(()), Err).and(closed).map(|()| statistics)
}

/// One life of the process, from opening or making the arena to closing it, or to its end by force.
pub fn live(media: &SimMedia, seed: u64, history: &Rc<History>) -> Ending {
    let executor = executor();
    let (folder, spawner) = (Rc::new(media.clone()), executor.spawner().clone());
    media.set_memory_way(history.shape.way);
    history.errors.borrow_mut().clear();
    let main = executor.spawner().spawn(main(folder, history.clone(), seed, spawner));
    executor.run_until_stalled();
    let mut main = Box::pin(main);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match main.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Some(Ok(statistics))) => Ending::Closed(statistics),
        // The making and removing of devices answers without a wait, also when the power is off.
        _ if media.is_off() => Ending::Off,
        std::task::Poll::Ready(Some(Err(status))) => {
            history.errors.borrow_mut().push(status.code());
            Ending::Failed
        }
        _ => panic!("with the power on, everything comes to an end"),
    }
}

/// Opens what has survived and checks it against the history.
pub fn check(media: &SimMedia, seed: u64, history: &Rc<History>) {
    let executor = executor();
    let spawner = executor.spawner().clone();
    let (media, history): (Rc<dyn Media>, _) = (Rc::new(media.clone()), history.clone());
    let reopen = async move {
        if !DurableArena::exists(&*media).await.expect("readable") {
            assert!(!history.anything_acknowledged(), "an arena that was used is gone");
            return history.done.borrow_mut().clear();
        }
        let durable = DurableArena::open(media, environment(seed), &spawner).await.expect("opens");
        match Store::open(durable, history.shape).expect("opens") {
            Some(store) => history.settle(store.read().await),
            None => {
                assert!(!history.anything_acknowledged(), "the first transaction is gone");
                history.done.borrow_mut().clear();
            }
        }
    };
    executor.block_on(reopen).expect("the check ends");
}
