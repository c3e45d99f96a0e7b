//! An arena whose changes survive: arena, redo log, checkpoints and data device put together.

mod shared;

use crate::arena::Arena;
use crate::device::{BLOCK_SIZE, BlockDevice, Media};
use crate::memory::MemoryMedia;
use crate::transaction::Transaction;
use daos_env::{Env, Spawner};
use daos_status::{Code, Result, fail};
use shared::Shared;
use std::rc::Rc;

/// What an acknowledged change survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Power cuts: redo log and checkpoints on block devices or files.
    Log,
    /// Power cuts: the arena is persistent memory.
    Pmem,
    /// Nothing, on purpose: memory only.
    Ram,
}

/// How an arena is made.
#[derive(Clone, Debug)]
pub struct ArenaSettings {
    /// Bytes of the arena: metadata and small values.
    pub arena_capacity: u64,
    /// Bytes of the redo log's device.
    pub log_bytes: u64,
    /// Bytes of the data device.
    pub data_bytes: u64,
    /// What a change survives.
    pub durability: Durability,
}

/// The number of a committed transaction, counted from 1 for the life of the arena; 0 is before the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Lsn(pub u64);

/// See the [module](self). Handles are cheap to clone; all belong to one thread.
///
/// The order of a change: [`DurableArena::admission`], reads, writes to the data device and
/// [`DurableArena::note_data_write`], then without waiting in between [`Arena::begin`], the writes and
/// [`DurableArena::commit`]; [`DurableArena::wait_durable`] before anybody is told.
#[derive(Clone)]
pub struct DurableArena {
    shared: Rc<Shared>,
}

impl DurableArena {
    /// Makes an empty arena with its devices.
    pub async fn create(
        media: Rc<dyn Media>,
        settings: ArenaSettings,
        env: Env,
        spawner: &Spawner,
    ) -> Result<DurableArena> {
        let _ = (media, env, spawner);
        match settings.durability {
            Durability::Ram => {
                let data = MemoryMedia::new().create("data", block_multiple(settings.data_bytes))?;
                let arena = Arena::reserve(settings.arena_capacity)?;
                Ok(DurableArena { shared: Rc::new(Shared::new(arena, data)) })
            }
            Durability::Log => fail!(Code::Nosys, "durability class log is being written"),
            Durability::Pmem => {
                fail!(Code::Notsupported, "durability class pmem needs a program built with it; use class log or ram")
            }
        }
    }

    /// The arena.
    pub fn arena(&self) -> &Arena {
        &self.shared.arena
    }

    /// The device of large values.
    pub fn data(&self) -> Rc<dyn BlockDevice> {
        self.shared.data.clone()
    }

    /// Waits until there is room for one more change; to be called before each transaction, outside of it.
    pub async fn admission(&self) -> Result<()> {
        self.shared.check()
    }

    /// Commits in memory and queues for the log, without waiting; the number tells when it is durable.
    ///
    /// # Errors
    /// The arena has failed before; the transaction is rolled back.
    ///
    /// # Panics
    /// When the transaction is of another arena.
    pub fn commit(&self, transaction: Transaction<'_>) -> Result<Lsn> {
        self.shared.commit(transaction)
    }

    /// Waits until a commit is durable.
    pub async fn wait_durable(&self, lsn: Lsn) -> Result<()> {
        self.shared.wait_durable(lsn).await
    }

    /// The last commit that is durable, with all before it.
    pub fn durable(&self) -> Lsn {
        self.shared.durable.get()
    }

    /// The last commit.
    pub fn committed(&self) -> Lsn {
        self.shared.committed.get()
    }

    /// Says that data was written to the data device for changes that are committed after this call: the device is synced
    /// before their log records are written.
    pub fn note_data_write(&self) {
        self.shared.data_written.set(true);
    }

    /// Calls back once a commit is durable; at once when it is already, and never when the arena fails before.
    pub fn on_durable(&self, lsn: Lsn, callback: impl FnOnce() + 'static) {
        self.shared.on_durable(lsn, Box::new(callback));
    }

    /// Makes the log short: writes what has changed since the last checkpoint.
    pub async fn checkpoint(&self) -> Result<()> {
        self.shared.check()
    }

    /// Waits until everything is durable, writes a last checkpoint and ends the background work.
    pub async fn close(&self) -> Result<()> {
        self.shared.check()
    }
}

fn block_multiple(bytes: u64) -> u64 {
    (bytes / BLOCK_SIZE as u64).max(1) * BLOCK_SIZE as u64
}
