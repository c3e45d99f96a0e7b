//! RocksDB with its write-ahead log synced.

use super::{Peer, Round, Shape, key, stamp};
use crate::measure::Watch;
use daos_status::{Code, Result, Status};
use rocksdb::{DB, DBCompressionType, Options, WriteBatch, WriteOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How updates are in flight together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Batches,
    Threads,
}

/// A database of its own.
pub struct Rocks {
    /// Dropped before its folder is removed.
    database: Option<DB>,
    folder: PathBuf,
    shape: Shape,
    way: Way,
    next: AtomicU64,
}

fn to_status(error: rocksdb::Error) -> Status {
    Status::new(Code::Io, format!("RocksDB: {error}"))
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

impl Rocks {
    /// One thread, which writes batches.
    pub fn batches(shape: Shape, directory: &Path) -> Result<Rocks> {
        Rocks::create(shape, directory, Way::Batches)
    }

    /// A thread for each update in flight.
    pub fn threads(shape: Shape, directory: &Path) -> Result<Rocks> {
        Rocks::create(shape, directory, Way::Threads)
    }

    fn create(shape: Shape, directory: &Path, way: Way) -> Result<Rocks> {
        let name = if way == Way::Batches { "batches" } else { "threads" };
        let folder = directory.join(format!("rocksdb-{name}-{}", std::process::id()));
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::None);
        // A log that was used before needs no file system metadata at its flush.
        options.set_recycle_log_file_num(4);
        let database = Some(DB::open(&options, &folder).map_err(to_status)?);
        Ok(Rocks { database, folder, shape, way, next: AtomicU64::new(0) })
    }

    fn batches_until(&self, database: &DB, watch: &Watch, slice: Duration) -> std::result::Result<(), rocksdb::Error> {
        let mut value = vec![3u8; self.shape.size];
        while watch.elapsed() < slice {
            let first = self.next.fetch_add(self.shape.batch, Ordering::Relaxed);
            let mut batch = WriteBatch::default();
            for record in first..first + self.shape.batch {
                stamp(&mut value, record);
                batch.put(key(record), &value);
            }
            database.write_opt(batch, &synced())?;
        }
        Ok(())
    }

    fn puts_until(&self, database: &DB, watch: &Watch, slice: Duration) -> std::result::Result<(), rocksdb::Error> {
        let mut value = vec![3u8; self.shape.size];
        let options = synced();
        while watch.elapsed() < slice {
            let record = self.next.fetch_add(1, Ordering::Relaxed);
            stamp(&mut value, record);
            database.put_opt(key(record), &value, &options)?;
        }
        Ok(())
    }
}

impl Peer for Rocks {
    fn name(&self) -> &'static str {
        if self.way == Way::Batches { "RocksDB, batches" } else { "RocksDB, threads" }
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let Some(database) = &self.database else {
            return Err(Status::new(Code::Shutdown, "the RocksDB of the benchmark is closed"));
        };
        let first = self.next.load(Ordering::Relaxed);
        let watch = Watch::start();
        match self.way {
            Way::Batches => self.batches_until(database, &watch, slice).map_err(to_status)?,
            Way::Threads => std::thread::scope(|scope| {
                let write = || self.puts_until(database, &watch, slice);
                let threads: Vec<_> = (0..self.shape.batch).map(|_| scope.spawn(write)).collect();
                threads.into_iter().try_for_each(|thread| match thread.join() {
                    Ok(outcome) => outcome.map_err(to_status),
                    Err(_) => Err(Status::new(Code::Misc, "a thread that writes to RocksDB has panicked")),
                })
            })?,
        }
        Ok(Round { operations: self.next.load(Ordering::Relaxed) - first, elapsed: watch.elapsed() })
    }
}

impl Drop for Rocks {
    fn drop(&mut self) {
        self.database = None;
        // Left behind, it is found: the directory is printed.
        let _absent = std::fs::remove_dir_all(&self.folder);
    }
}
