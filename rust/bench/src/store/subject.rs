//! A store that is measured: made for the purpose, and removed afterwards.

use super::measured::measured;
use super::requests::{Requests, Source};
use super::setup::{Class, Setup};
use crate::measure::{BusyWatch, Watch};
use daos_env::sync::join_all;
use daos_env::{Env, Executor, Spawner};
use daos_media::{FileMedia, IoEngine, Media, MemoryMedia};
use daos_status::{Code, Result, Status};
use daos_store::{Store, StoreSettings};
use daos_types::ContainerId;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Versions of each record that a store has room for.
const VERSIONS: u64 = 3;
/// Bytes of the arena per version, generously: it must not be what ends a run. Only what is touched takes memory.
const ARENA_BYTES_PER_VERSION: u64 = 1024;
const ARENA_BYTES_MIN: u64 = 64 << 20;
const LOG_BYTES: u64 = 64 << 20;
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
}

enum Stopwatch {
    Busy(BusyWatch),
    Wall(Watch),
}

impl Stopwatch {
    fn elapsed(&self) -> Duration {
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
    spawner: Spawner,
    requests: Requests,
    epoch: Cell<u64>,
    is_counted: Cell<bool>,
}

/// Makes a store, lets `work` use it, and removes it.
pub fn with_store<T: 'static>(
    setup: Setup,
    directory: &Path,
    work: impl AsyncFnOnce(Rc<Subject>) -> Result<T> + 'static,
) -> Result<T> {
    let folder = directory.join(format!("store-{}", std::process::id()));
    let env = Env::system();
    let executor = Executor::new(env.clock.clone(), Duration::ZERO)?;
    let spawner = executor.spawner().clone();
    let place = folder.clone();
    let outcome = executor.block_on(async move {
        let media: Rc<dyn Media> = match setup.class {
            Class::Ram => Rc::new(MemoryMedia::new()),
            Class::Log | Class::Pmem => Rc::new(FileMedia::create(&place, IoEngine::Ring, &spawner)?),
        };
        let subject = Subject::create(setup, media, env, spawner).await?;
        let outcome = work(subject.clone()).await;
        let closed = subject.store.close().await;
        outcome.and_then(|value| closed.map(|()| value))
    });
    std::fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "the benchmark's task is gone")))
}

impl Subject {
    async fn create(setup: Setup, media: Rc<dyn Media>, env: Env, spawner: Spawner) -> Result<Rc<Subject>> {
        let versions = setup.records * VERSIONS;
        let arena_bytes = (versions * ARENA_BYTES_PER_VERSION).clamp(ARENA_BYTES_MIN, daos_media::ARENA_BYTES_MAX);
        let settings = StoreSettings {
            data_bytes: (versions * (setup.size as u64).next_multiple_of(4096)).max(64 << 20),
            arena_bytes,
            log_bytes: LOG_BYTES,
            durability: setup.class.durability(),
            checksum: setup.checksum.kind(),
        };
        let store = Store::create(media, settings, env, &spawner).await?;
        let container = ContainerId::from_bytes([7; 16]);
        store.container_create(container, store.container_defaults()).await?;
        let requests = Requests::new(setup, container);
        Ok(Rc::new(Subject { setup, store, spawner, requests, epoch: Cell::new(1), is_counted: Cell::new(false) }))
    }

    /// Whether what follows is what a profiler is to count.
    pub fn counts(&self, is_counted: bool) {
        self.is_counted.set(is_counted);
    }

    /// In class `ram` nothing waits, and what others do with the processor is not the store's.
    fn watch(&self) -> Stopwatch {
        if self.setup.class == Class::Ram {
            Stopwatch::Busy(BusyWatch::start())
        } else {
            Stopwatch::Wall(Watch::start())
        }
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
                Work::Read => {
                    let make = |record: &u64| self.requests.fetch(*record).map(|request| (*record, request));
                    let requests = batch.iter().map(make).collect::<Result<Vec<_>>>()?;
                    let watch = self.watch();
                    measured(self.is_counted.get(), async {
                        for (record, request) in requests {
                            self.requests.check(record, &self.store.fetch(request).await?)?;
                        }
                        Ok(())
                    })
                    .await?;
                    watch.elapsed()
                }
            };
        }
    }

    /// Many at a time, each a task that takes the next record when it is done with one. Here the making of requests counts:
    /// the wait for the log is long against it.
    async fn together(self: &Rc<Self>, work: Work, records: &mut dyn Iterator<Item = u64>) -> Result<Duration> {
        let mut left: Vec<u64> = records.collect();
        left.reverse();
        let left = Rc::new(RefCell::new(left));
        let watch = Watch::start();
        let tasks: Vec<_> = (0..self.setup.depth)
            .map(|_| {
                let (subject, left) = (self.clone(), left.clone());
                self.spawner.spawn(async move {
                    loop {
                        let Some(record) = left.borrow_mut().pop() else { return Ok(()) };
                        subject.one(work, record).await?;
                    }
                })
            })
            .collect();
        for outcome in join_all(tasks).await {
            outcome.unwrap_or_else(|| Err(Status::new(Code::Canceled, "a task of the benchmark is gone")))?;
        }
        Ok(watch.elapsed())
    }

    /// One request.
    pub async fn one(&self, work: Work, record: u64) -> Result<()> {
        match work {
            Work::Write(source) => self.store.update(self.requests.update(record, self.next_epoch(), source)?).await,
            Work::Read => self.requests.check(record, &self.store.fetch(self.requests.fetch(record)?).await?),
        }
    }
}
