//! Others that write records durably, on the same disk and in the same run: so many at a time, one flush for all of them.
//!
//! What is fair: every peer gets the same keys in the same order, its checksums as they are by default, no compression, and its
//! own best way to have many updates in flight. For RocksDB that is measured in both ways: one write batch of them, and a
//! thread for each, which its group commit joins. LMDB has one writer: a transaction of them. A stream of plain writes has
//! no keys and no index at all, and writes into space that it has written before: the most that the disk gives. It does so through the page
//! cache, and past it, as the store does.

mod fio;
mod stream;

#[cfg(feature = "peers")]
mod lmdb;
#[cfg(feature = "peers")]
mod rocks;

pub use fio::Fio;
pub use stream::{Stream, filled_file};

use daos_status::Result;
use std::path::Path;
use std::time::Duration;

/// What is written, by everybody.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of a value.
    pub size: usize,
    /// Records that one flush covers.
    pub batch: u64,
    /// Bytes of a plain file, which is written round and round.
    pub file_bytes: u64,
}

impl Shape {
    /// Bytes that one flush covers, without keys.
    fn batch_bytes(&self) -> usize {
        self.size * self.batch as usize
    }

    /// Whether a batch can be written past the page cache.
    fn has_whole_blocks(&self) -> bool {
        self.batch_bytes().is_multiple_of(daos_media::BLOCK_SIZE)
    }

    /// Bytes of a plain file of whole batches.
    fn whole_file_bytes(&self) -> u64 {
        self.file_bytes.next_multiple_of(self.batch_bytes() as u64)
    }
}

/// What a round came to.
#[derive(Clone, Copy, Default, Debug)]
pub struct Round {
    /// Records written durably.
    pub operations: u64,
    /// The time that took.
    pub elapsed: Duration,
}

impl Round {
    /// Records a second.
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl std::ops::AddAssign for Round {
    fn add_assign(&mut self, other: Round) {
        self.operations += other.operations;
        self.elapsed += other.elapsed;
    }
}

/// Someone who writes records durably.
pub trait Peer {
    /// The name in the table.
    fn name(&self) -> &'static str;

    /// Writes new records for about this long.
    fn round(&mut self, slice: Duration) -> Result<Round>;
}

/// The peers that this program was built with, each with an empty store below a directory.
#[cfg(feature = "peers")]
pub fn stores(shape: Shape, directory: &Path) -> Result<Vec<Box<dyn Peer>>> {
    Ok(vec![
        Box::new(rocks::Rocks::batches(shape, directory)?),
        Box::new(rocks::Rocks::threads(shape, directory)?),
        Box::new(lmdb::Lmdb::create(shape, directory)?),
    ])
}

/// None: this program was built without them.
#[cfg(not(feature = "peers"))]
pub fn stores(_shape: Shape, _directory: &Path) -> Result<Vec<Box<dyn Peer>>> {
    Ok(Vec::new())
}

/// Whether this program was built with peers.
pub const HAS_STORES: bool = cfg!(feature = "peers");

/// Which RocksDB it is: the folder of the system's, when this program was built with that.
pub const SYSTEM_ROCKSDB: Option<&str> = option_env!("ROCKSDB_LIB_DIR");

/// The key that the store's own records have.
#[cfg(feature = "peers")]
fn key(record: u64) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[8..].copy_from_slice(&record.to_be_bytes());
    key
}

/// A value of its own for each record.
#[cfg(feature = "peers")]
fn stamp(value: &mut [u8], record: u64) {
    let stamp = record.to_le_bytes();
    let length = stamp.len().min(value.len());
    value[..length].copy_from_slice(&stamp[..length]);
}
