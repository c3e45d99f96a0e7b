//! One life of the process after the other.

use crate::generate::CONTAINER;
use crate::random_requests::RandomRequests;
use crate::readers::Readers;
use crate::scratch::Scratch;
use crate::table::Table;
use daos_env::{Env, Executor, ManualClock, SeededRandom, Spawner};
use daos_media::{DurableArena, Media};
use daos_sim::media::SimMedia;
use daos_status::{Code, Result, Status};
use daos_store::*;
use daos_types::{ContainerId, Epoch, Extent, Key, ObjectId};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub const MARKERS: ContainerId = ContainerId::from_bytes([1; 16]);
pub const TABLES: ContainerId = ContainerId::from_bytes([2; 16]);

/// Requests of each kind in one life.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub data_bytes: u64,
    pub log_bytes: u64,
    pub requests: u64,
}

impl Load {
    /// A log that wraps and takes checkpoints.
    pub const USUAL: Load = Load { data_bytes: 32 << 20, log_bytes: 512 << 10, requests: 18 };
    /// A data device that is full after a while.
    pub const FULL: Load = Load { data_bytes: 512 << 10, ..Load::USUAL };
    /// A log so small that large transactions do not fit.
    pub const SMALL_LOG: Load = Load { log_bytes: 148 << 10, ..Load::USUAL };
}

pub fn key(text: &str) -> Key {
    Key::new(text.as_bytes()).expect("short")
}

pub fn extent(start: u64, count: u64) -> Extent {
    Extent::new(start, count).expect("valid")
}

/// Bytes that tell where they come from.
pub fn value(number: u64, length: usize) -> Vec<u8> {
    (0..length as u64).map(|at| (number.wrapping_mul(0x9e37_79b9).wrapping_add(at * 7) >> 3) as u8).collect()
}

pub fn marker_object(task: u64) -> ObjectId {
    ObjectId { hi: 0, lo: 1000 + task }
}

/// The update that says that a request is there.
pub fn marker(task: u64, number: u64) -> UpdateRequest {
    let value = UpdateValue::Single(number.to_le_bytes().to_vec().into());
    let akeys = vec![AkeyUpdate { akey: key("n"), value, conditions: Conditions::NONE }];
    let (container, object, epoch) = (MARKERS, marker_object(task), Epoch(number));
    UpdateRequest { container, object, epoch, dkey: key("d"), conditions: Conditions::NONE, akeys: akeys.into() }
}

/// The number that is written under `d`, `n` of an object.
pub async fn read_number(store: &Store, container: ContainerId, object: ObjectId) -> Result<Option<u64>> {
    let akeys = vec![AkeyFetch { akey: key("n"), what: FetchWhat::Single, conditions: Conditions::NONE }];
    let (epoch, dkey, conditions) = (Epoch::MAX, key("d"), Conditions::NONE);
    let request = FetchRequest { container, object, epoch, dkey, akeys: akeys.into(), size_only: false, conditions };
    match store.fetch(request).await {
        Ok(reply) => match &reply.akeys[0] {
            Fetched::Single { data, .. } => Ok(Some(u64::from_le_bytes(*data.first_chunk().expect("eight bytes")))),
            _ => Ok(None),
        },
        Err(status) if status.code() == Code::ContNonexist => Ok(None),
        Err(status) => Err(status),
    }
}

/// Everything that is known about what must be there.
pub struct History {
    pub load: Load,
    seed: u64,
    random: RandomRequests,
    tables: [Table; 2],
    scratch: Scratch,
    readers: Readers,
    /// Containers that were acknowledged.
    made: Cell<usize>,
    exists: Cell<bool>,
    empty: Cell<Option<TierSpace>>,
    errors: RefCell<Vec<Code>>,
    /// Values that the log carried in the last life.
    carried: Cell<u64>,
}

impl History {
    pub fn new(load: Load, seed: u64) -> Rc<History> {
        Rc::new(History {
            load,
            seed,
            random: RandomRequests::new(seed),
            tables: [Table::new(1), Table::new(2)],
            scratch: Scratch::default(),
            readers: Readers::default(),
            made: Cell::new(0),
            exists: Cell::new(false),
            empty: Cell::default(),
            errors: RefCell::default(),
            carried: Cell::new(0),
        })
    }

    /// What one of the containers is made with: all kinds of checksums in turn.
    fn container_settings(&self, index: usize) -> ContainerSettings {
        let number = self.seed as usize + index;
        ContainerSettings {
            checksum: ChecksumKind::ALL[number % ChecksumKind::ALL.len()],
            chunk_bytes: [4096, 32 << 10, 5000][number % 3],
            verify_on_update: number.is_multiple_of(2),
        }
    }

    /// Containers have the settings that they were made with, and nothing in them is damaged.
    async fn verify_checksums(&self, store: &Store, there: &[ContainerId]) {
        for (index, container) in [CONTAINER, MARKERS, TABLES].into_iter().enumerate() {
            if there.contains(&container) {
                let settings = store.container_settings(container).await.expect("there");
                assert_eq!(settings, self.container_settings(index));
            }
        }
        let mut scrub = Scrub::new(None);
        while store.scrub_step(&mut scrub, ScrubLimits::default()).await.expect("open") {}
        assert_eq!(scrub.progress().errors, 0);
    }

    /// Requests that were refused for want of space.
    pub fn refused(&self) -> u64 {
        self.tables.iter().map(Table::refused).sum()
    }

    /// How many values the log carried in the last life.
    pub fn carried(&self) -> u64 {
        self.carried.get()
    }

    /// What went wrong in the last life, as the tasks were told.
    pub fn errors(&self) -> Vec<Code> {
        self.errors.borrow().clone()
    }
}

pub fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

fn environment(seed: u64) -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(seed)) }
}

async fn start(media: Rc<dyn Media>, history: &History, seed: u64, spawner: &Spawner) -> Result<Rc<Store>> {
    let store = open_or_create(media, history, seed, spawner).await?;
    store.limit_punches((seed % 5) as usize * 4);
    Ok(store)
}

async fn open_or_create(media: Rc<dyn Media>, history: &History, seed: u64, spawner: &Spawner) -> Result<Rc<Store>> {
    if history.exists.get() {
        return Store::open(media, environment(seed), spawner).await;
    }
    let settings = StoreSettings {
        data_bytes: history.load.data_bytes,
        arena_bytes: 8 << 20,
        log_bytes: history.load.log_bytes,
        durability: Durability::Log,
        checksum: [ChecksumKind::Crc32c, ChecksumKind::Crc64][(seed % 2) as usize],
    };
    let store = match Store::create(media.clone(), settings, environment(seed), spawner).await {
        // It was made in the life before, and nobody heard of it.
        Err(status) if status.code() == Code::Exist => Store::open(media, environment(seed), spawner).await?,
        other => other?,
    };
    history.exists.set(true);
    Ok(store)
}

/// The containers of the tasks, in this order.
async fn make_containers(store: &Store, history: &History) -> Result<()> {
    for (index, container) in [CONTAINER, MARKERS, TABLES].into_iter().enumerate() {
        match store.container_create(container, history.container_settings(index)).await {
            Err(status) if status.code() == Code::Exist => {}
            other => other?,
        }
        history.made.set(history.made.get().max(index + 1));
    }
    Ok(())
}

type Work = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Gives the space of free blocks back while others write: a block that anything refers to must never be among them.
async fn trim_again_and_again(store: &Store, times: u64) -> Result<()> {
    for _ in 0..times {
        store.trim().await?;
        for _ in 0..20 {
            daos_env::sync::yield_now().await;
        }
    }
    Ok(())
}

async fn main(media: Rc<dyn Media>, history: Rc<History>, seed: u64, spawner: Spawner) -> Result<()> {
    let store = start(media, &history, seed, &spawner).await?;
    if history.empty.get().is_none() && store.container_list().await?.is_empty() {
        history.empty.set(Some(store.space()?.data));
    }
    make_containers(&store, &history).await?;
    let requests = history.load.requests;
    let task =
        |work: fn(Rc<History>, Rc<Store>, u64) -> Work| spawner.spawn(work(history.clone(), store.clone(), requests));
    let tasks = vec![
        task(|history, store, requests| Box::pin(async move { history.random.work(&store, requests * 2).await })),
        task(|history, store, requests| Box::pin(async move { history.tables[0].work(&store, requests).await })),
        task(|history, store, requests| Box::pin(async move { history.tables[1].work(&store, requests).await })),
        task(|history, store, requests| Box::pin(async move { history.scratch.work(&store, requests / 6).await })),
        task(|history, store, requests| Box::pin(async move { history.readers.work(&store, requests * 3).await })),
        task(|_, store, requests| Box::pin(async move { trim_again_and_again(&store, requests).await })),
    ];
    let mut failure = None;
    for result in daos_env::sync::join_all(tasks).await {
        if let Err(status) = result.expect("the task ends") {
            history.errors.borrow_mut().push(status.code());
            failure = Some(status);
        }
    }
    let closed = store.close().await;
    history.carried.set(store.media_statistics().values_carried);
    failure.map_or(Ok(()), Err).and(closed)
}

/// How a life ended.
#[derive(Debug)]
pub enum Ending {
    /// Everything was done, and closed.
    Closed,
    /// Something failed; every task was told.
    #[expect(dead_code, reason = "for messages")]
    Failed(Status),
    /// Nobody heard of anything any more.
    Off,
}

/// Runs a task to its end or until nothing happens any more.
fn run<T: 'static>(executor: &Executor, task: impl Future<Output = T> + 'static) -> Option<T> {
    let mut handle = Box::pin(executor.spawner().spawn(task));
    executor.run_until_stalled();
    match handle.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => None,
    }
}

/// One life of the process, from opening or making the store to closing it, or to its end by force.
pub fn live(media: &SimMedia, seed: u64, history: &Rc<History>) -> Ending {
    let executor = executor();
    let (folder, spawner) = (Rc::new(media.clone()), executor.spawner().clone());
    history.errors.borrow_mut().clear();
    let result = run(&executor, main(folder, history.clone(), seed, spawner));
    // The making and removing of devices answers without a wait, also when the power is off.
    match result {
        _ if media.is_off() => Ending::Off,
        Some(Ok(())) => Ending::Closed,
        Some(Err(status)) => {
            history.errors.borrow_mut().push(status.code());
            Ending::Failed(status)
        }
        None => panic!("with the power on, everything comes to an end"),
    }
}

/// Opens what has survived and checks it against the history.
pub fn check(media: &SimMedia, seed: u64, history: &Rc<History>) {
    let executor = executor();
    let (folder, spawner): (Rc<dyn Media>, _) = (Rc::new(media.clone()), executor.spawner().clone());
    let history = history.clone();
    let check = async move {
        if !history.exists.get() && !DurableArena::exists(&*folder).await.expect("readable") {
            return;
        }
        let store = match Store::open(folder, environment(seed), &spawner).await {
            Err(status) if status.code() == Code::Nonexist && !history.exists.get() => return,
            other => other.expect("opens"),
        };
        let there = store.container_list().await.expect("list");
        let made = &[CONTAINER, MARKERS, TABLES][..history.made.get()];
        assert!(made.iter().all(|container| there.contains(container)), "{there:?}");
        history.verify_checksums(&store, &there).await;
        history.random.verify(&store).await;
        for table in &history.tables {
            table.verify(&store).await;
        }
        history.scratch.verify(&store).await;
        history.readers.verify([history.random.number(), history.tables[0].done()]);
    };
    run(&executor, check).expect("the check ends");
}

/// Destroys everything, and finds all space free that was free at first.
pub fn check_nothing_is_lost(media: &SimMedia, seed: u64, history: &Rc<History>) {
    let executor = executor();
    let (folder, spawner): (Rc<dyn Media>, _) = (Rc::new(media.clone()), executor.spawner().clone());
    let history = history.clone();
    let clear = async move {
        let store = Store::open(folder, environment(seed), &spawner).await.expect("opens");
        history.scratch.clear(&store).await.expect("destroyed");
        for container in [CONTAINER, MARKERS, TABLES] {
            store.container_destroy(container).await.expect("destroyed");
        }
        store.close().await.expect("closes");
        if let Some(empty) = history.empty.get() {
            assert_eq!(store.space().expect("space").data, empty, "blocks were lost");
        }
    };
    run(&executor, clear).expect("it ends");
}
