//! LMDB: one writer, a transaction for each batch, synced as it is by default.

use super::{Peer, Round, Shape, key, stamp};
use crate::measure::Watch;
use daos_status::{Code, Result, Status};
use heed::types::Bytes;
use heed::{Database, Env, EnvOpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Address space; the file grows as it is written.
const MAP_BYTES: usize = 64 << 30;

/// A database of its own.
pub struct Lmdb {
    env: Env,
    database: Database<Bytes, Bytes>,
    folder: PathBuf,
    shape: Shape,
    next: u64,
}

fn to_status(error: heed::Error) -> Status {
    Status::new(Code::Io, format!("LMDB: {error}"))
}

impl Lmdb {
    /// An empty one.
    pub fn create(shape: Shape, directory: &Path) -> Result<Lmdb> {
        let folder = directory.join(format!("lmdb-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        // SAFETY: the folder was made for this database; no other process and nothing else in this one opens its file.
        let env = unsafe { EnvOpenOptions::new().map_size(MAP_BYTES).open(&folder) }.map_err(to_status)?;
        let mut transaction = env.write_txn().map_err(to_status)?;
        let database = env.create_database(&mut transaction, None).map_err(to_status)?;
        transaction.commit().map_err(to_status)?;
        Ok(Lmdb { env, database, folder, shape, next: 0 })
    }

    fn batch(&mut self, value: &mut [u8]) -> std::result::Result<(), heed::Error> {
        let mut transaction = self.env.write_txn()?;
        for _ in 0..self.shape.batch {
            stamp(value, self.next);
            self.database.put(&mut transaction, &key(self.next), value)?;
            self.next += 1;
        }
        transaction.commit()
    }
}

impl Peer for Lmdb {
    fn name(&self) -> &'static str {
        "LMDB"
    }

    fn round(&mut self, slice: Duration) -> Result<Round> {
        let mut value = vec![3u8; self.shape.size];
        let first = self.next;
        let watch = Watch::start();
        while watch.elapsed() < slice {
            self.batch(&mut value).map_err(to_status)?;
        }
        Ok(Round { operations: self.next - first, elapsed: watch.elapsed() })
    }
}

impl Drop for Lmdb {
    fn drop(&mut self) {
        // Left behind, it is found: the directory is printed.
        let _absent = std::fs::remove_dir_all(&self.folder);
    }
}
