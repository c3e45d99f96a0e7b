//! A store that is measured: made for the purpose, and removed afterwards.

use super::measured::measured;
use super::requests::{Requests, Source};
use super::setup::{Class, DEVICE_BYTES, Setup};
use crate::measure::{BusyWatch, Watch};
use daos_env::sync::join_all;
use daos_env::{Env, Spawner};
use daos_media::Media;
use daos_status::{Code, Result, Status};
use daos_store::{Store, StoreSettings};
use daos_types::{ContainerId, Epoch};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Bytes of the arena per version, generously: it must not be what ends a run. Only what is touched takes memory.
const ARENA_BYTES_PER_VERSION: u64 = 768;
const ARENA_BYTES_MIN: u64 = 64 << 20;
/// More than any depth.
const UPDATES_UNDER_WAY_MAX: u64 = 1024;
const CONTAINER: ContainerId = ContainerId::from_bytes([7; 16]);
/// Requests made ahead: many for each look at the clock, few enough to lie in a cache.
const AHEAD_MAX: u64 = 128;
/// Bytes of values made ahead.
const AHEAD_BYTES: u64 = 2 << 20;

/// What is done with records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Writes them.
    Write(Source),
    /// Reads them.
    Read,
    /// Reads them where they lie.
    ReadInPlace,
    /// Does nothing with them: what the benchmark and the machine add by themselves.
    Nothing,
}

fn settings(setup: &Setup) -> StoreSettings {
    let versions = setup.records * setup.versions;
    StoreSettings {
        data_bytes: setup.data_bytes(),
        arena_bytes: (versions * ARENA_BYTES_PER_VERSION).clamp(ARENA_BYTES_MIN, daos_media::ARENA_BYTES_MAX),
        log_bytes: setup.log_bytes,
        durability: setup.class.durability(),
        checksum: setup.checksum.kind(),
    }
}

/// Times what is measured.
pub enum Stopwatch {
    /// By the time of the processor.
    Busy(BusyWatch),
    /// By the time that passes.
    Wall(Watch),
}

impl Stopwatch {
    /// The time since it was started.
    pub fn elapsed(&self) -> Duration {
        match self {
            Stopwatch::Busy(watch) => watch.elapsed(),
            Stopwatch::Wall(watch) => watch.elapsed(),
        }
    }
}

/// An open store and its requests.
pub struct Subject {
    /// Under which conditions it was made.
    pub setup: Setup,
    /// The store.
    pub store: Rc<Store>,
    /// Starts tasks beside it.
    pub spawner: Spawner,
    requests: Requests,
    epoch: Cell<u64>,
    is_counted: Cell<bool>,
}

impl Subject {
    /// A store made anew on media.
    pub async fn create(setup: Setup, media: Rc<dyn Media>, env: Env, spawner: Spawner) -> Result<Rc<Subject>> {
        let store = Store::create(media, settings(&setup), env, &spawner).await?;
        if setup.class == Class::Ram {
            // As upstream does with its files in memory when a pool is made; elsewhere there is nothing to populate.
            let _is_memory = store.populate();
        }
        store.container_create(CONTAINER, store.container_defaults()).await?;
        Ok(Subject::of(setup, store, spawner))
    }

    /// The store that media hold.
    pub async fn open(setup: Setup, media: Rc<dyn Media>, env: Env, spawner: Spawner) -> Result<Rc<Subject>> {
        let store = Store::open(media, env, &spawner).await?;
        Ok(Subject::of(setup, store, spawner))
    }

    fn of(setup: Setup, store: Rc<Store>, spawner: Spawner) -> Rc<Subject> {
        let epoch = Cell::new(store.newest_epoch().0 + 1);
        let requests = Requests::new(setup, CONTAINER);
        Rc::new(Subject { setup, store, spawner, requests, epoch, is_counted: Cell::new(false) })
    }

    /// Whether what follows is what a profiler is to count.
    pub fn counts(&self, is_counted: bool) {
        self.is_counted.set(is_counted);
    }

    /// What lies in memory waits for nothing, and what others do with the processor is not the store's.
    pub fn watch(&self) -> Stopwatch {
        let setup = &self.setup;
        let waits = match setup.class {
            Class::Ram => false,
            Class::Pmem => setup.size >= DEVICE_BYTES,
            Class::Log => true,
        };
        if waits { Stopwatch::Wall(Watch::start()) } else { Stopwatch::Busy(BusyWatch::start()) }
    }

    fn next_epoch(&self) -> u64 {
        self.epoch.set(self.epoch.get() + 1);
        self.epoch.get()
    }

    /// Does the work for these records, as many at a time as the setup says; the time that it took.
    pub async fn run(self: &Rc<Self>, work: Work, records: &mut dyn Iterator<Item = u64>) -> Result<Duration> {
        if self.setup.depth == 1 { self.alone(work, records).await } else { self.together(work, records).await }
    }

    /// One at a time. Requests are made ahead and their making is not counted: it is the caller's work.
    async fn alone(&self, work: Work, records: &mut dyn Iterator<Item = u64>) -> Result<Duration> {
        let ahead = (AHEAD_BYTES / self.setup.size as u64).clamp(16, AHEAD_MAX) as usize;
        let mut total = Duration::ZERO;
        loop {
            let batch: Vec<u64> = records.take(ahead).collect();
            if batch.is_empty() {
                return Ok(total);
            }
            total += match work {
                Work::Write(source) => {
                    let make = |record: &u64| self.requests.update(*record, self.next_epoch(), source);
                    let requests = batch.iter().map(make).collect::<Result<Vec<_>>>()?;
                    let watch = self.watch();
                    measured(self.is_counted.get(), async {
                        for request in requests {
                            self.store.update(request).await?;
                        }
                        Ok(())
                    })
                    .await?;
                    watch.elapsed()
                }
                Work::Read | Work::ReadInPlace => {
                    let make = |record: &u64| self.requests.fetch(*record).map(|request| (*record, request));
                    let requests = batch.iter().map(make).collect::<Result<Vec<_>>>()?;
                    let watch = self.watch();
                    measured(self.is_counted.get(), async {
                        for (record, request) in requests {
                            let fetch = match work {
                                Work::ReadInPlace => self.store.fetch_in_place(request),
                                _ => self.store.fetch(request),
                            };
                            self.requests.check(record, &fetch.await?)?;
                        }
                        Ok(())
                    })
                    .await?;
                    watch.elapsed()
                }
                Work::Nothing => Duration::ZERO,
            };
        }
    }

    /// Many at a time. Here the making of requests counts: the wait for the log is long against it.
    async fn together(self: &Rc<Self>, work: Work, records: &mut dyn Iterator<Item = u64>) -> Result<Duration> {
        let mut left: Vec<u64> = records.collect();
        left.reverse();
        let left = RefCell::new(left);
        let watch = Watch::start();
        self.workers(self.setup.depth, work, move |_| left.borrow_mut().pop()).await?;
        Ok(watch.elapsed())
    }

    /// Tasks that each take the next record when they are done with one, until there is none; what they did.
    pub async fn workers(
        self: &Rc<Self>,
        depth: u64,
        work: Work,
        next: impl Fn(u64) -> Option<u64> + 'static,
    ) -> Result<u64> {
        let shared = Rc::new((next, Cell::new(0)));
        let tasks: Vec<_> = (0..depth)
            .map(|_| {
                let (subject, shared) = (self.clone(), shared.clone());
                self.spawner.spawn(async move {
                    while let Some(record) = shared.0(shared.1.get()) {
                        subject.one(work, record).await?;
                        shared.1.set(shared.1.get() + 1);
                    }
                    Ok(())
                })
            })
            .collect();
        for outcome in join_all(tasks).await {
            outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "a task of the benchmark is gone")))?;
        }
        Ok(shared.1.get())
    }

    /// Aggregates what was written before the last few updates: those may still be under way.
    pub async fn aggregate(&self) -> Result<()> {
        let up_to = self.epoch.get().saturating_sub(UPDATES_UNDER_WAY_MAX);
        // Epoch 0 stands for "never".
        if up_to == 0 { Ok(()) } else { self.store.aggregate(CONTAINER, Epoch(up_to)).await }
    }

    /// One request.
    pub async fn one(&self, work: Work, record: u64) -> Result<()> {
        match work {
            Work::Write(source) => self.store.update(self.requests.update(record, self.next_epoch(), source)?).await,
            Work::Read => self.requests.check(record, &self.store.fetch(self.requests.fetch(record)?).await?),
            Work::ReadInPlace => {
                self.requests.check(record, &self.store.fetch_in_place(self.requests.fetch(record)?).await?)
            }
            Work::Nothing => Ok(()),
        }
    }
}
