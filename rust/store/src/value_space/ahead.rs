//! Space that is taken, and written, before values come.

use super::{Background, ValueSpace};
use daos_media::{BLOCK_SIZE, BlockRange, DurableArena, ExtentAllocator};
use daos_status::{Code, Result, fail};
use std::cell::Cell;
use std::rc::Rc;

/// Space is taken ahead for as many bytes as lie before, within these bounds: a small store takes little more than it needs.
const AHEAD_MIN: u64 = 4 << 20;
const AHEAD_MAX: u64 = 64 << 20;

/// What is to be written ahead, and who does it.
#[derive(Default)]
pub(super) struct Ahead {
    /// Blocks that space was taken for and that were not written since: from the first one up to another.
    left: Cell<(u64, u64)>,
    pub(super) task: Background,
}

impl Ahead {
    /// Writes what is left whenever nothing else is done, and ends when it is, or when the store does not come to rest: those who write values then
    /// write these blocks themselves, and wait a little longer for it.
    async fn write(
        &self,
        durable: &DurableArena,
        extents: &ExtentAllocator,
        spawner: &daos_env::Spawner,
    ) -> Result<()> {
        while self.left.get().0 < self.left.get().1 && self.task.wait_for_quiet(durable, spawner).await {
            let (from, to) = self.left.get();
            let committed = durable.committed();
            let is_over = || self.task.is_over() || durable.committed() != committed;
            let position = extents.write_ahead(BlockRange { start: from, count: to - from }, is_over).await?;
            self.left.set((position, self.left.get().1));
        }
        Ok(())
    }
}

impl ValueSpace {
    /// Has the device find space for what will be written behind a range: a file system that takes space with each write also writes
    /// down with each sync where it took it. The space is written, too, once nothing else is done.
    pub(super) fn prepare_behind(&self, range: &BlockRange) {
        let (start, end) = (range.offset(), range.offset() + range.bytes());
        let ahead = end.clamp(AHEAD_MIN, AHEAD_MAX);
        let device = self.durable.data();
        let capacity = device.capacity();
        if self.prepared.get() >= (end + ahead / 2).min(capacity) {
            return;
        }
        let (from, to) = (self.prepared.get().max(start), (end + ahead).min(capacity));
        self.prepared.set(to);
        let Some(prepare) = device.prepare(from, to - from) else { return };
        let block = BLOCK_SIZE as u64;
        let is_running = self.ahead.task.is_running.replace(true);
        let left = if is_running { self.ahead.left.get().0 } else { from / block };
        self.ahead.left.set((left, to / block));
        let (durable, extents, ahead, spawner) =
            (self.durable.clone(), self.extents.clone(), self.ahead.clone(), self.spawner.clone());
        self.spawner.spawn(async move {
            if let Err(status) = prepare.await {
                daos_env::log!(Warn, "store", "writes will take their space one by one: {status}");
            }
            if !is_running {
                if let Err(status) = ahead.write(&durable, &extents, &spawner).await {
                    daos_env::log!(Warn, "store", "free blocks are not written ahead: {status}");
                }
                ahead.task.end();
            }
        });
    }

    /// Writes the free blocks among the first ones of the device, of so many bytes, so that values which come there find them written.
    pub(crate) async fn write_ahead(self: &Rc<Self>, bytes: u64) -> Result<()> {
        self.ahead.task.wait_for_end().await;
        self.ahead.task.is_running.set(true);
        let (space, count) = (self.clone(), bytes.min(self.durable.data().capacity()) / BLOCK_SIZE as u64);
        // A task, so that it goes on when nobody waits for it any more.
        let written = self.spawner.spawn(async move {
            let is_over = || space.ahead.task.is_over();
            let result = space.extents.write_ahead(BlockRange { start: 0, count }, is_over).await;
            space.prepared.set(space.prepared.get().max(count * BLOCK_SIZE as u64));
            space.ahead.task.end();
            result
        });
        match written.await {
            Some(result) => result.map(|_| ()),
            None => fail!(Code::Canceled, "writing free blocks ahead was cut short"),
        }
    }
}
