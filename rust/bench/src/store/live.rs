//! A store with the thread's executor and its folder: what must live and go together.

use super::setup::{Class, Setup};
use super::subject::Subject;
use crate::measure::Watch;
use daos_env::{Env, Executor, IoBuffer, WAKE_COST};
use daos_media::{FileMedia, IoEngine, Media, MemoryMedia};
use daos_status::{Code, Result, Status};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const FILES_IN_MEMORY: &str = "/dev/shm";

/// Two stores of one process do not share a folder.
static FOLDERS: AtomicU64 = AtomicU64::new(0);

/// A store to measure; its folder goes with it.
pub struct LiveStore {
    executor: Executor,
    subject: Option<Rc<Subject>>,
    setup: Setup,
    folder: PathBuf,
}

impl LiveStore {
    /// Makes an empty one.
    pub fn create(setup: Setup, directory: &Path) -> Result<LiveStore> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        // Files in memory stand in for persistent memory.
        let is_memory = setup.class == Class::Pmem && Path::new(FILES_IN_MEMORY).is_dir();
        let directory = if is_memory { Path::new(FILES_IN_MEMORY) } else { directory };
        let folder = directory.join(format!("store-{}-{number}", std::process::id()));
        let executor = Executor::new(Env::system().clock, WAKE_COST)?;
        let mut live = LiveStore { executor, subject: None, setup, folder };
        let media = live.media(true)?;
        live.subject = Some(live.run(Subject::create(setup, media, Env::system(), live.executor.spawner().clone()))?);
        Ok(live)
    }

    fn media(&self, is_new: bool) -> Result<Rc<dyn Media>> {
        let spawner = self.executor.spawner();
        Ok(match (self.setup.class, is_new) {
            (Class::Ram, _) => Rc::new(MemoryMedia::new()),
            (_, true) => Rc::new(FileMedia::create(&self.folder, IoEngine::Ring, spawner)?),
            (_, false) => Rc::new(FileMedia::open(&self.folder, IoEngine::Ring, spawner)?),
        })
    }

    fn run<T: 'static>(&self, work: impl Future<Output = Result<T>> + 'static) -> Result<T> {
        let gone = || Err(Status::new(Code::Canceled, "the benchmark's task is gone"));
        self.executor.block_on(work).unwrap_or_else(gone)
    }

    /// Runs work with the store.
    pub fn with<T: 'static>(&self, work: impl AsyncFnOnce(Rc<Subject>) -> Result<T> + 'static) -> Result<T> {
        let Some(subject) = self.subject.clone() else {
            return Err(Status::new(Code::Shutdown, "the benchmark's store was given up"));
        };
        self.run(async move { work(subject).await })
    }

    /// Gives the store up as a crash does, with nothing written any more, and opens it again.
    pub fn crash_and_open(&mut self) -> Result<()> {
        self.subject = None;
        // The tasks of a store that is gone end without writing; they hold its files until they have run.
        while self.executor.run_once() {}
        self.executor = Executor::new(Env::system().clock, WAKE_COST)?;
        let media = self.media(false)?;
        let spawner = self.executor.spawner().clone();
        self.subject = Some(self.run(Subject::open(self.setup, media, Env::system(), spawner))?);
        Ok(())
    }

    /// Reads as much as an open does, past the page cache: so many bytes of the log, and of the checkpoint as many as take space.
    pub fn read_devices(&self, log_bytes: u64) -> Result<Duration> {
        let mut buffer = IoBuffer::zeroed(1 << 20);
        let open = |name: &str| {
            let direct =
                std::fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(self.folder.join(name));
            direct.or_else(|_| std::fs::File::open(self.folder.join(name)))
        };
        let checkpoint = open("checkpoint")?;
        // Each page has two places, of which one is read.
        let taken = checkpoint.metadata()?.blocks() * 512 / 2;
        let watch = Watch::start();
        for (file, bytes) in [(open("log")?, log_bytes), (checkpoint, taken)] {
            let mut at = 0;
            while at < bytes {
                let count = file.read_at(&mut buffer, at)? as u64;
                if count == 0 {
                    break;
                }
                std::hint::black_box(&buffer);
                at += count;
            }
        }
        Ok(watch.elapsed())
    }

    /// Closes the store in order.
    pub fn close(self) -> Result<()> {
        self.with(async |subject| subject.store.close().await)
    }
}

impl Drop for LiveStore {
    fn drop(&mut self) {
        // Class `ram` has no folder; of another that cannot be removed, whoever looks at the disk will hear.
        let _absent = std::fs::remove_dir_all(&self.folder);
    }
}
